"""What two recordings of the same program may differ in, taken out: ids, uids, times, ports, folders, durations, names
of machines and sentences for people. Pure."""

import hashlib
import json
import re

# Sentences for people. That there is one is compared, its words are not.
PEOPLE = {"sentence", "fix", "message", "hint", "failure", "why", "note", "unknown", "receipt", "difference"}
# Members that follow from times and random numbers.
RANDOM = {"io.sluice.writer", "io.sluice.contains"}
DURATIONS = {"seconds", "took_seconds", "duration_seconds", "elapsed_seconds"}
_BEGINNING = 1_500_000_000  # a number as large as this is a time, in seconds or smaller parts of them

_PROMOTION = re.compile(r"\bp[0-9a-z]{12}\b")
_UID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
_TIME = re.compile(r"\b20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?")
_FOLDER = re.compile(r"/tmp/sluicekit-([a-z]+)-[A-Za-z0-9_]+")
_PORT = re.compile(r"\b(127\.0\.0\.1|localhost):\d+")
_TOKEN = re.compile(r"\bsha256~[A-Za-z0-9_-]+")
_MEMORY = re.compile(r"\b[0-9a-f]{32}\b")  # the id that a place gave itself
_PROCESS = re.compile(r"pid-\[\d+\]:\d+:\d+|\bpid \d+|\bprocess \d+")
_HASH = re.compile(r"^sha256:[0-9a-f]{64}$")
# Lines of text that tell a finding; what follows the code is for people.
_FINDING = re.compile(r"^\s*(blocker|warning|info)\s+([a-z]+(?:-[a-z]+)+|[a-z]+)(?::|\s|$)", re.MULTILINE)
ROADS = ("tag", "mount", "stream", "import", "docker")


class Masks:
    """The masks of one scenario. An id that comes again is the same mask again, so that relations stay compared.

    names: texts to what stands for them, such as "127.0.0.1:20001" to "<dev>". machine: name of this machine.
    """

    def __init__(self, names=(), machine=""):
        self._names = dict(names)
        self._machine = machine
        self._seen, self._plans = {}, set()

    def keep_plan(self, plan_hash):
        """This plan hash follows from what is the same in each recording: it is compared as it is."""
        self._plans.add(plan_hash)

    def name(self, text, mask):
        """From now on this text is masked."""
        self._names[text] = mask

    def _numbered(self, kind, text):
        known = self._seen.setdefault(kind, {})
        return f"<{kind}-{known.setdefault(text, len(known) + 1)}>"

    def text(self, text):
        """A text in which everything that changes from run to run is masked."""
        for name in sorted(self._names, key=len, reverse=True):
            text = text.replace(name, self._names[name])
        text = _FOLDER.sub(r"<\1>", text)
        text = _UID.sub(lambda found: self._numbered("uid", found[0]), text)
        text = _TOKEN.sub("<token>", text)
        text = _MEMORY.sub(lambda found: self._numbered("memory", found[0]), text)
        text = _PROCESS.sub("<process>", text)
        text = _PROMOTION.sub(lambda found: self._numbered("promotion", found[0]) if any(
            one.isdigit() for one in found[0]) else found[0], text)
        text = _TIME.sub("<time>", text)
        return _PORT.sub(r"\1:<port>", text)

    def document(self, value, member=""):
        """A JSON value, masked. Texts that are JSON themselves are read."""
        if isinstance(value, dict):
            return {self.text(key): self.document(part, key) for key, part in value.items()}
        if isinstance(value, list):
            return [self.document(part, member) for part in value]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, (int, float)):
            return self._number(value, member)
        if value[:1] in ("{", "[") and member not in PEOPLE:
            try:
                return self.document(json.loads(value), member)
            except ValueError:
                pass
        return self._words(value, member)

    @staticmethod
    def _number(value, member):
        if member in DURATIONS:
            return "<duration>"
        return "<time>" if value >= _BEGINNING else value

    def _words(self, value, member):
        if member in PEOPLE:
            return "<words>" if value else ""
        if member in RANDOM:
            return "<random>"
        if member in ("plan", "plan_hash", "hash") and _HASH.match(value) and value not in self._plans:
            return self._numbered("plan", value)
        if self._machine and member in ("host", "machine"):
            return "<machine>" if value == self._machine else value
        text = self.text(value)
        if self._machine:
            text = re.sub(rf"(^|(?<=[@\s])){re.escape(self._machine)}\b", "<machine>", text)
        return text

    def findings(self, text):
        """Severity and code of each finding in a text for people, in order."""
        return [f"{severity} {code}" for severity, code in _FINDING.findall(text)]

    def events(self, lines):
        """Events, masked and as far as their order is no chance: those about the run and its targets in their order;
        the others, which come side by side, sorted. How often a rollout was looked at is chance."""
        ordered, beside = [], []
        for line in lines:
            event = {key: value for key, value in line.items() if key not in ("sequence", "time")}
            kind, detail = event.get("kind"), event.get("detail")
            if kind in ("rollout", "blob-progress", "wait"):
                continue
            if kind == "road":
                event["detail"] = detail.partition(":")[0]
            elif kind not in ("state", "step", "tag", "blob-done", "attachment"):
                event["detail"] = "<words>" if detail else detail
            masked = self.document(event)
            (ordered if kind in ("state", "total") else beside).append(masked)
        return {"ordered": ordered, "beside": sorted(beside, key=canonical)}


def canonical(value):
    """One line, members sorted: what plan hashes are taken over."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _essence(plan, uid_of, via, deploy):
    """What the hash of a plan is taken over (src/promotion/plan/hash.cpp), from its document."""
    def side(where, identity):
        return {"id": uid_of.get(identity, identity), **{key: where[key] for key in ("registry", "insecure", "proxy")}}

    verify = {"rollout": plan["verify"]["rollout_seconds"], "watch": plan["verify"]["watch_seconds"],
              "http": plan["verify"]["http"]}
    if verify["rollout"] is None:
        verify["rollout"] = "none"
    if plan["verify"]["grace_seconds"] != 30:
        grace = plan["verify"]["grace_seconds"]
        verify["grace"] = "none" if grace is None else grace
    accepted = ["digest-change"] * plan["digest_may_change"] + ["no-attachments"] * plan["leaves_attachments"]
    return {
        "version": 3, "app": plan["app"], "environment": plan["environment"], "kind": plan["kind"],
        "targets": [{
            **side(target, target["target"]), "road": via, "deploy": deploy,
            "workloads": target["workloads"] and [
                {key: one[key] for key in ("kind", "name", "action", "template")} for one in target["workloads"]]
            if target["workloads"] is not None else None,
            "images": [{"name": one["name"], "digest": one["tested"] or one["after"],
                        "tags": [{"tag": tag["tag"], "now": tag["before"]} for tag in one["tags"]]}
                       for one in target["images"]]} for target in plan["targets"]],
        "sources": [side(one, one["source"]) for one in plan["sources"]],
        "verify": verify, "on_failure": plan["on_failure"], "gates": [], "approvals": None,
        "accepted": accepted + [f"finding:{code}" for code in plan["accepts"]]}


def plan_formula(plan, uid_of):
    """How a plan's hash follows from its document and the uids of its projects ({"host:port/project": "uid:..."}); None
    where it does not. A hash with uids in it is another one in each recording: this is what is compared instead."""
    for via in (None, *ROADS):
        for deploy in ("trigger", "patch"):
            made = canonical(_essence(plan, uid_of, via, deploy))
            if "sha256:" + hashlib.sha256(made.encode()).hexdigest() == plan["plan"]:
                return f"version 3, via {via}, deploy {deploy}"
    return None
