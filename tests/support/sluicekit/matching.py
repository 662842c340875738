"""Compares what a server said with what was recorded. The rules are those of tests/data/openshift-wire/README.md.

A recorded text may hold placeholders. `Names` knows what they stand for: some from the start (`<api>`, `<token-ann>`),
some learnt from the first response that shows them (`<rv-3>`, `<upload-1>`).
"""

import re

_PLACEHOLDER = re.compile(r"<(api|registry|registry-external|scheme|password|token-[a-z][a-z0-9]*|time|rnd|addr|any|"
                          r"(?:created|rv|listrv|uid|continue|upload|state|code|token|rnd)-[0-9]+)>")
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_FORMS = {"time": _TIME, "created": _TIME, "rv": "[0-9]+", "listrv": "[0-9]+", "uid": "[0-9a-f-]{36}",
          "rnd": "[a-z0-9]+", "addr": "[^/\"]*", "any": ".*", "code": "[^&#]+", "token": "[^&#/ ]+",
          "upload": "[^/?]+", "state": "[^&]+", "continue": ".+"}
# Values of these are different for different numbers; of the others only the chance says so.
_DISTINCT = ("rv", "uid", "upload", "token", "code")

NEVER_ORDERED = frozenset({"conditions", "secrets", "imagePullSecrets", "subjects", "verbs", "groups"})


class Mismatch(Exception):
    """Where an answer differs: path in the body, what was recorded, what came; `reached` = parts that agreed before."""

    def __init__(self, path, expected, seen, reached=0):
        super().__init__(f"{path or 'body'}: expected {expected}, seen {seen}")
        self.path, self.expected, self.seen, self.reached = path, expected, seen, reached


class Unbound(Exception):
    """A request needs a value that no response has shown."""


class Names:
    """What placeholders stand for. `known`: from the start; the rest is learnt."""

    def __init__(self, known):
        self.known = dict(known)
        self.learnt = {}

    def fill(self, text, in_url=False):
        """A recorded text as it is sent."""
        def value(match):
            name = match[1]
            if name == "time":
                return "2024-01-01T00:00:00Z"
            found = self.known.get(name, self.learnt.get(name))
            if found is None:
                raise Unbound(f"<{name}> was never shown")
            return _quoted(found) if in_url and name.startswith("continue-") else found
        return _PLACEHOLDER.sub(value, text)

    def match(self, expected, seen, path, reached=0):
        """Compares two texts and learns from the second, or raises Mismatch."""
        if "<" not in expected:
            if expected != seen:
                raise Mismatch(path, repr(expected), repr(seen), reached)
            return
        pattern, groups = self._pattern(expected)
        found = re.fullmatch(pattern, seen, re.DOTALL)
        if found is None:
            raise Mismatch(path, repr(self._shown(expected)), repr(seen), reached)
        for name, group in groups.items():
            self._learn(name, found[group], path, reached)

    def _pattern(self, expected):
        parts, groups, end = [], {}, 0
        for hole in _PLACEHOLDER.finditer(expected):
            parts.append(re.escape(expected[end:hole.start()]))
            end = hole.end()
            name = hole[1]
            kind, _, number = name.partition("-")
            if name in self.known or name in self.learnt:
                parts.append(re.escape(self.known.get(name, self.learnt.get(name))))
            elif name in groups:
                parts.append(f"(?P={groups[name]})")
            elif number.isdigit() and not (kind == "rv" and int(number) == 0):
                groups[name] = f"g{len(groups)}"
                parts.append(f"(?P<{groups[name]}>{_FORMS[kind]})")
            else:
                parts.append(_FORMS.get(kind, "(?!)"))
        parts.append(re.escape(expected[end:]))
        return "".join(parts), groups

    def _shown(self, expected):
        """The recorded text with what is known put in, for a message."""
        return _PLACEHOLDER.sub(
            lambda hole: self.known.get(hole[1]) or self.learnt.get(hole[1]) or hole[0], expected)

    def _learn(self, name, value, path, reached):
        kind, _, number = name.partition("-")
        for other, known in self.learnt.items():
            if kind not in _DISTINCT or not other.startswith(kind + "-"):
                continue
            if known == value:
                raise Mismatch(path, f"<{name}>, another value than <{other}>", f"{value!r} again", reached)
            later = int(number) > int(other.partition("-")[2])
            if kind == "rv" and later != (int(value) > int(known)):
                order = "later" if later else "earlier"
                raise Mismatch(path, f"<{name}>, {order} than <{other}> = {known}", value, reached)
        self.learnt[name] = value

    def learn_leniently(self, expected, seen):
        """After a difference: what can still be learnt, so that the steps that follow can be tried."""
        if isinstance(expected, dict) and isinstance(seen, dict):
            for key in expected.keys() & seen.keys():
                self.learn_leniently(expected[key], seen[key])
        elif isinstance(expected, list) and isinstance(seen, list):
            for one, other in zip(expected, seen):
                self.learn_leniently(one, other)
        elif isinstance(expected, str) and isinstance(seen, str):
            before = dict(self.learnt)
            try:
                self.match(expected, seen, "")
            except Mismatch:
                self.learnt = before


def _quoted(value):
    import urllib.parse
    return urllib.parse.quote(value, safe="")


class Matcher:
    """Compares JSON documents. mode: "exact", "members" or "subset"; unordered: members whose lists have no order."""

    _BUDGET = 20000  # tries of one unordered list; only a difference in a long list of look-alikes comes near

    def __init__(self, names, mode="exact", unordered=()):
        self.names, self.mode = names, mode
        self.unordered = NEVER_ORDERED | set(unordered)
        self.agreed = 0

    def match(self, expected, seen, path="", member=""):
        """Raises Mismatch, or has learnt what the placeholders stand for."""
        if isinstance(expected, dict):
            if "$omitted" in expected:
                return
            self._object(expected, seen, path)
        elif isinstance(expected, list):
            self._list(expected, seen, path, member)
        elif isinstance(expected, str):
            if not isinstance(seen, str):
                raise self._differ(path, repr(expected), _short(seen))
            self.names.match(expected, seen, path, self.agreed)
        elif type(expected) is not type(seen) or expected != seen:
            raise self._differ(path, _short(expected), _short(seen))
        self.agreed += 1

    def _differ(self, path, expected, seen):
        return Mismatch(path, expected, seen, self.agreed)

    def _object(self, expected, seen, path):
        if not isinstance(seen, dict):
            raise self._differ(path, _short(expected), _short(seen))
        shown = [key for key, value in expected.items() if not _omitted(value)]
        for key in shown:
            if key not in seen:
                raise self._differ(_at(path, key), _short(expected[key]), "nothing")
        if self.mode == "exact":
            extra = sorted(set(seen) - set(expected))
            if extra:
                raise self._differ(_at(path, extra[0]), "nothing", _short(seen[extra[0]]))
        # What is in no order comes last: by then most placeholders are known, and the choice is a good one.
        for key in sorted(shown, key=lambda key: self._loose(key, expected[key])):
            self.match(expected[key], seen[key], _at(path, key), key)

    def _loose(self, member, value):
        return isinstance(value, list) and (self.mode == "subset" or member in self.unordered)

    def _list(self, expected, seen, path, member):
        if not isinstance(seen, list):
            raise self._differ(path, _short(expected), _short(seen))
        if self.mode == "subset" and len(seen) < len(expected):
            raise self._differ(path, f"{len(expected)} or more elements", f"{len(seen)}: {_short(seen)}")
        if self.mode != "subset" and len(seen) != len(expected):
            raise self._differ(path, f"{len(expected)} elements: {_short(expected)}", f"{len(seen)}: {_short(seen)}")
        if self._loose(member, expected):
            self._assign(expected, seen, path)
            return
        for index, (one, other) in enumerate(zip(expected, seen)):
            self.match(one, other, f"{path}[{index}]")

    def _assign(self, expected, seen, path):
        for index, one in enumerate(expected):
            self._some(one, seen, f"{path}[{index}]")
        self._tries = 0
        if not self._place(expected, seen, path, 0, frozenset()):
            raise self._differ(path, f"these elements in any order: {_short(expected)}", _short(seen))

    def _some(self, one, seen, path):
        """At least one element must agree with `one` alone, or the closest difference is told."""
        closest = None
        for other in seen:
            difference = self._attempt(one, other, path)
            if difference is None:
                return
            if closest is None or difference.reached > closest.reached:
                closest = difference
        raise closest or self._differ(path, _short(one), "nothing")

    def _attempt(self, one, other, path):
        learnt, agreed = dict(self.names.learnt), self.agreed
        try:
            self.match(one, other, path)
        except Mismatch as difference:
            return difference
        finally:
            self.names.learnt, self.agreed = learnt, agreed
        return None

    def _place(self, expected, seen, path, index, used):
        if index == len(expected):
            return True
        for position, other in enumerate(seen):
            if position in used:
                continue
            self._tries += 1
            if self._tries > self._BUDGET:
                return False
            learnt, agreed = dict(self.names.learnt), self.agreed
            tries = self._tries
            try:
                self.match(expected[index], other, f"{path}[{index}]")
                self._tries = tries  # a nested list counts for itself
                if self._place(expected, seen, path, index + 1, used | {position}):
                    return True
            except Mismatch:
                pass
            self.names.learnt, self.agreed = learnt, agreed
        return False


def match_frames(names, expected, seen, exact):
    """Frames of a watch: these and no others, or these in this order among others. Frames may have more members."""
    position = 0
    for number, frame in enumerate(expected):
        closest = None
        while True:
            if position >= len(seen):
                raise closest or Mismatch(f"frame {number}", _short(frame), f"the end after {len(seen)} frames: "
                                          + _short([_label(one) for one in seen]))
            learnt = dict(names.learnt)
            position += 1
            try:
                Matcher(names, "members").match(frame, seen[position - 1], f"frame {number}")
                break
            except Mismatch as difference:
                names.learnt = learnt
                if exact:
                    raise
                if closest is None or difference.reached >= closest.reached:
                    closest = difference
    if exact and position < len(seen):
        raise Mismatch(f"frame {position}", "the end", _short(seen[position]))


def _label(frame):
    meta = frame.get("object", {}).get("metadata", {}) if isinstance(frame, dict) else {}
    return f"{frame.get('type')} {meta.get('name')}@{meta.get('resourceVersion')}" if isinstance(frame, dict) else frame


def _omitted(value):
    return isinstance(value, dict) and "$omitted" in value


def _at(path, key):
    return f"{path}.{key}" if path else key


def _short(value, limit=300):
    import json
    text = json.dumps(value)
    return text if len(text) <= limit else text[:limit] + "..."
