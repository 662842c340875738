"""One recorded transcript, played step by step against a sandbox, by the rules of tests/data/openshift-wire/README.md.
How answers are compared is in matching.py, how to run it in replay.py."""

import base64
import dataclasses
import http.client
import json
import re
import time

from .matching import Matcher, Mismatch, Names, Unbound, match_frames
from .sandbox import PASSWORD
from .sink import Sink

WRONG_TOKEN = "wrong-token-that-nobody-has-ever-been-given"
_NOT_USERS = ("admin", "anonymous", "wrong-token")


@dataclasses.dataclass
class Difference:
    where: str     # "step 4 (GET /apis/... as ann)"
    text: str      # "body.status.tags[0]: expected 1, seen 2"
    detail: str = ""  # the whole request and answer

    def __str__(self):
        return f"{self.where}: {self.text}"


@dataclasses.dataclass
class Result:
    """What came of one transcript. Counted are steps, frames and notifications."""

    name: str
    recorded: int
    agreed: int = 0
    differences: list = dataclasses.field(default_factory=list)
    log: str = ""
    seconds: float = 0.0

    def __str__(self):
        head = f"{self.name}: {self.agreed} of {self.recorded} recorded exchanges agreed"
        return "\n  ".join([head, *map(str, self.differences)])


def recorded(transcript):
    """How many exchanges a transcript has: steps, frames of watches, notifications."""
    count = sum(1 + len(_frames(step) or ()) for step in transcript["steps"])
    count += sum(len(watch["events"]) for watch in transcript.get("watch", ()))
    return count + len(transcript.get("notifications", {}).get("events", ()))


def _frames(step):
    body = step.get("response", {}).get("body")
    return body["$frames"] if isinstance(body, dict) and "$frames" in body else None


def invented(transcript):
    """Values that are sent before any response has shown them: the recorder made them up, and so do we."""
    made, shown = {}, set()
    for step in transcript["setup"] + transcript["steps"]:
        for name in re.findall("<((?:uid|rv)-[1-9][0-9]*)>", json.dumps(step.get("request"))):
            if name not in shown and name not in made:
                kind, _, number = name.partition("-")
                made[name] = number if kind == "rv" else f"01234567-89ab-cdef-0123-{int(number):012d}"
        shown.update(re.findall("<((?:uid|rv)-[0-9]+)>", json.dumps(step.get("response"))))
    return made


class Replay:
    """One transcript against one sandbox. `linger`: how long to look for one event too many."""

    def __init__(self, transcript, name, sandbox, prefix="acme-", patience=20, stop_early=False, linger=0.3):
        self.transcript = json.loads(json.dumps(transcript).replace("acme-", prefix))
        self.blobs = {name: base64.b64decode(text) for name, text in self.transcript.get("blobs", {}).items()}
        self.sandbox, self.prefix, self.patience, self.stop_early = sandbox, prefix, patience, stop_early
        self.linger = linger
        self.result = Result(name, recorded(transcript))
        self._servers = {"api": sandbox.api(None), "registry": sandbox.registry(None, host=sandbox.registry_internal)}
        self._watches = []
        self._sink = None

    def run(self):
        begin = time.monotonic()
        try:
            self._play()
        except _Stopped:
            pass
        finally:
            for _, stream in self._watches:
                stream.close()
            if self._sink:
                self._sink.close()
            for wire in self._servers.values():
                wire.close()
            self.result.seconds = time.monotonic() - begin
        return self.result

    def _play(self):
        if "notifications" in self.transcript:
            self._sink = Sink()
            self.sandbox.knob("notifications", endpoints=[{"name": "recorder", "url": self._sink.url}])
        self._make_world()
        for number, step in enumerate(self.transcript["setup"]):
            self._step(f"setup {number}", step, setup=True)
            if "node" in step:
                self.sandbox.settle()
        for number, step in enumerate(self.transcript["steps"]):
            self._open_watches(number)
            if self._step(f"step {number}", step):
                self.result.agreed += 1 + len(_frames(step) or ())
            if "node" in step:
                self.sandbox.settle()  # the recorder was slower than any controller
        self._read_watches()
        self._read_notifications()

    # The world before the setup.

    def _people(self):
        world = self.transcript["world"]
        steps = self.transcript["setup"] + self.transcript["steps"]
        names = [*world["users"], *(right["user"] for right in world["rights"] if "user" in right),
                 *world.get("fresh_tokens", ()), *world.get("serviceaccount_tokens", ()),
                 *(step["as"] for step in steps if "as" in step),
                 *(watch["as"] for watch in self.transcript.get("watch", ()))]
        return [name for name in dict.fromkeys(names) if name not in _NOT_USERS]

    def _make_world(self):
        world, people = self.transcript["world"], self._people()
        tokens = self.sandbox.scenario({
            "users": [{"name": name, "password": PASSWORD} for name in people if ":" not in name],
            "projects": world["projects"],
            "serviceaccounts": world.get("serviceaccounts", []),
            "rights": [_right(number, right) for number, right in enumerate(world["rights"])],
            "tokens": people,
        })
        known = {"api": self._servers["api"].address, "registry": self.sandbox.registry_internal,
                 "scheme": self.sandbox.ready["registry_url"].partition(":")[0], "password": PASSWORD}
        if self.sandbox.registry_external:
            known["registry-external"] = self.sandbox.registry_external
        known.update({"token-" + name: token for name, token in tokens.items()})
        self.tokens = {**tokens, "admin": self.sandbox.admin_token, "wrong-token": WRONG_TOKEN, "anonymous": None}
        self.names = Names(known)
        self.names.learnt.update(invented(self.transcript))
        self.sandbox.settle()  # service accounts have their secrets before anybody needs them

    # Steps.

    def _step(self, where, step, setup=False):
        """Whether the step agreed."""
        if "request" not in step:
            self.sandbox.knob(step["knob"])
            return True
        request = step["request"]
        where = f"{where} ({request['method']} {request['path'][:110]} as {step['as']}" + (
            f"; {step['note']})" if "note" in step else ")")
        reply = None
        patience = self.patience if not self.result.differences else self.patience / 5
        end = time.monotonic() + (patience if step.get("eventually") else 0)
        pause = 0.01
        while True:
            learnt = dict(self.names.learnt)
            try:
                reply = self._send(step)
                self._compare(step, reply, setup)
                return True
            except (Mismatch, Unbound, OSError, http.client.HTTPException) as error:
                self.names.learnt = learnt
                if time.monotonic() < end and not isinstance(error, Unbound):
                    time.sleep(pause)  # the interval of a poll, not a guess about when it will be done
                    pause = min(pause * 1.5, 0.2)
                    continue
                self._differ(where, self._told(error, step, reply), step, reply)
                return False

    def _told(self, error, step, reply):
        if isinstance(error, Mismatch):
            late = f" (still, after {self.patience} s)" if step.get("eventually") else ""
            return f"{error}{late}"
        if isinstance(error, Unbound):
            return f"cannot be sent: {error}"
        return f"no answer: {type(error).__name__}: {error}"

    def _differ(self, where, text, step=None, reply=None):
        detail = ""
        if step is not None:
            detail = f"recorded: {json.dumps(step)[:6000]}\nseen: {reply}"
            body = step["response"].get("body")
            if reply is not None and isinstance(body, (dict, list)):
                try:
                    self.names.learn_leniently(body, reply.json)
                except ValueError:
                    pass
            if reply is not None:
                self.names.learn_leniently(
                    {name.lower(): value for name, value in step["response"].get("headers", {}).items()},
                    reply.headers)
        self.result.differences.append(Difference(f"{self.result.name}: {where}", text, detail))
        if self.stop_early:
            raise _Stopped

    def _send(self, step):
        request = step["request"]
        fields = {name: self._header(value) for name, value in request.get("headers", {}).items()}
        token = self.tokens[step["as"]]
        if token is not None and "Authorization" not in fields:
            basic = step.get("auth") == "basic"
            fields["Authorization"] = _basic("any", token) if basic else "Bearer " + token
        return self._servers[step["server"]].call(
            request["method"], self.names.fill(request["path"], in_url=True), self._body(request), fields)

    def _header(self, value):
        if isinstance(value, dict):
            return _basic(*(self.names.fill(part) for part in value["$basic"]))
        return self.names.fill(value)

    def _body(self, request):
        if "body" not in request:
            return None
        body = request["body"]
        if isinstance(body, dict) and "$blob" in body:
            return self.blobs[body["$blob"]]
        if isinstance(body, dict) and "$text" in body:
            return self.names.fill(body["$text"]).encode()
        return json.dumps(_filled(self.names, body)).encode()

    # Answers.

    def _compare(self, step, reply, setup):
        response = step["response"]
        if reply.status != response["status"]:
            raise Mismatch("status", response["status"], f"{reply.status}: {reply.body[:300].decode(errors='replace')}")
        self._compare_headers(response.get("headers", {}), reply, setup)
        if "body" not in response:
            if reply.body and not setup:
                raise Mismatch("body", "nothing", reply.body[:300].decode(errors="replace"))
            return
        self._compare_body(step, response["body"], reply)

    def _compare_headers(self, expected, reply, setup):
        for name, value in expected.items():
            seen = reply.headers.get(name.lower())
            if seen is None:
                raise Mismatch(f"header {name}", repr(value), "nothing")
            if name == "Content-Type":
                value, seen = value.partition(";")[0], seen.partition(";")[0]
            self.names.match(value, seen, f"header {name}")
        if not setup and "WWW-Authenticate" not in expected and "www-authenticate" in reply.headers:
            raise Mismatch("header WWW-Authenticate", "nothing", repr(reply.headers["www-authenticate"]))

    def _compare_body(self, step, expected, reply):
        if isinstance(expected, dict) and "$omitted" in expected:
            return
        if isinstance(expected, dict) and "$blob" in expected:
            if reply.body != self.blobs[expected["$blob"]]:
                raise Mismatch("body", f"the bytes of {expected['$blob']}",
                               f"{len(reply.body)} bytes: {reply.body[:80]!r}")
            return
        if isinstance(expected, dict) and "$text" in expected:
            self.names.match(expected["$text"], reply.body.decode(errors="replace"), "body")
            return
        if isinstance(expected, dict) and "$frames" in expected:
            match_frames(self.names, expected["$frames"], _lines(reply.body), step["frames"] == "exact")
            return
        try:
            seen = reply.json
        except ValueError:
            raise Mismatch("body", "JSON", repr(reply.body[:300])) from None
        Matcher(self.names, step.get("match", "exact"), step.get("unordered", ())).match(expected, seen)

    # Watches and notifications.

    def _open_watches(self, number):
        for watch in self.transcript.get("watch", ()):
            if watch["opened_before_step"] == number:
                self._open_watch(watch)

    def _open_watch(self, watch):
        where = f"watch {watch['path']}"
        try:
            stream = self._servers["api"].stream(
                self.names.fill(watch["path"], in_url=True), token=self.tokens[watch["as"]])
        except (Unbound, OSError, http.client.HTTPException) as error:
            self._differ(where, f"cannot be opened: {error}")
            return
        if stream.status == watch["status"]:
            self._watches.append((watch, stream))
        else:
            stream.close()
            self._differ(where, f"status: expected {watch['status']}, seen {stream.status}")

    def _read_watches(self):
        for watch, stream in self._watches:
            frames, exact = [], watch["frames"] == "exact"
            end = time.monotonic() + self.patience / (5 if self.result.differences else 1)
            while True:
                try:
                    frame = stream.next(timeout=max(0.01, min(self.linger, end - time.monotonic())))
                    frames += [frame] if frame is not None else []
                except TimeoutError:
                    frame = None if time.monotonic() > end else ...
                if frame is None:
                    break
                if self._agree(watch["events"], frames, exact):
                    try:
                        frames += [stream.next(timeout=self.linger)] if exact else []  # one too many would come at once
                    except TimeoutError:
                        pass
                    break
            self._count_frames(f"watch {watch['path']}", watch["events"], [f for f in frames if f], exact)

    def _agree(self, expected, frames, exact):
        learnt = dict(self.names.learnt)
        try:
            match_frames(self.names, expected, frames, exact)
            return True
        except Mismatch:
            return False
        finally:
            self.names.learnt = learnt

    def _count_frames(self, where, expected, frames, exact):
        try:
            match_frames(self.names, expected, frames, exact)
            self.result.agreed += len(expected)
        except Mismatch as error:
            self._differ(where, f"{error}; all frames: {json.dumps(frames)[:3000]}")

    def _read_notifications(self):
        if self._sink is None:
            return
        wanted = self.transcript["notifications"]
        events = self._sink.take(len(wanted["events"]), self.patience / (5 if self.result.differences else 1),
                                 lambda event: event.get("target", {}).get("repository", "").startswith(self.prefix))
        events += self._sink.take(1, self.linger)
        if set(self._sink.kinds) - {wanted["content_type"]}:
            self._differ("notifications", f"content type: expected {wanted['content_type']}, seen {self._sink.kinds}")
        self._count_frames("notifications", wanted["events"], events, True)


class _Stopped(Exception):
    pass


def _right(number, right):
    kind = next(kind for kind in ("user", "group", "serviceaccount") if kind in right)
    made = {"subject": f"{kind}:{right[kind]}", "role": right["role"], "project": right["project"],
            "name": f"given-{number}"}
    return {**made, "rules": right["rules"]} if "rules" in right else made


def _basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def _filled(names, value):
    if isinstance(value, dict):
        return {key: _filled(names, one) for key, one in value.items() if not _is_omitted(one)}
    if isinstance(value, list):
        return [_filled(names, one) for one in value]
    return names.fill(value) if isinstance(value, str) else value


def _is_omitted(value):
    return isinstance(value, dict) and "$omitted" in value


def _lines(body):
    try:
        return [json.loads(line) for line in body.splitlines() if line.strip()]
    except ValueError:
        raise Mismatch("body", "one JSON document a line", repr(body[:300])) from None
