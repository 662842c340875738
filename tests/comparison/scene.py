"""One scenario: its servers on ports of its own, its homes, and what each command gave, masked and as it was."""

import json
import platform

import sluicekit as kit
from sluicekit.background import Run
from sluicekit.fake_registry import FakeRegistry
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import Project, ShopCase

import places
from masks import Masks, canonical, plan_formula

USERS = {"users": [{"name": name, "password": PASSWORD} for name in ("ann", "bob")]}
_READ_BY_SCRIPTS = ("digest", "tags")  # their text is a result and compared as it stands


class Scene(ShopCase):
    """`first_port`: of a range of a hundred that nobody else has; 0: free ports. There plan hashes are not compared."""

    def __init__(self, name, first_port):
        super().__init__()
        self.name, self._port = name, first_port
        self.fixed = bool(first_port)
        self.masks = Masks(machine=platform.node())
        self.commands, self.stands = [], {}
        self._proxies, self._registries, self._boxes, self._uids = {}, [], [], {}

    def runTest(self):
        """Only so that a TestCase can be made: nobody runs it as a test."""

    # Servers.

    def port(self):
        """The next port of the range, or 0."""
        if self.fixed:
            self._port += 1
        return self._port

    def registry(self, name, **options):
        """A plain registry behind a proxy that counts; the proxy's host is what sluice knows. `name` stands for it."""
        server = self.enterContext(kit.Registry(port=self.port(), **options))
        self.masks.name(server.host, f"<behind-{name}>")
        server.front = self.proxy({name: server.host})
        self._registries.append(server)
        return server

    def fake_registry(self, name):
        """One that can be told to hold a request (kit's FakeRegistry), behind a proxy."""
        server = self.enterContext(FakeRegistry(port=self.port()))
        self.masks.name(server.host, f"<behind-{name}>")
        server.client = lambda: kit.RegistryClient(f"http://{server.host}")
        server.front = self.proxy({name: server.host})
        self._registries.append(server)
        return server

    def proxy(self, upstreams, **options):
        """A proxy before servers, {name: host}; its first host."""
        listen = [self.port() for _ in upstreams] if self.fixed else ()
        proxy = self.enterContext(kit.Proxy(*upstreams.values(), listen=listen, **options))
        for name, host in zip(upstreams, proxy.hosts):
            self.masks.name(host, f"<{name}>")
            self._proxies[name] = (proxy, list(upstreams))
        return proxy.host

    def fault(self, name, **rule):
        """A fault of the proxy before this server."""
        self._proxies[name][0].fault(**rule)

    def no_faults(self, name):
        self._proxies[name][0].clear_faults()

    def sandbox(self, name, profile, scenario=None, tls="none", flags=()):
        """A sandbox. Without TLS a proxy counts the calls of its API."""
        ports = ("--api-port", self.port(), "--registry-port", self.port()) if self.fixed else ()
        box = self.enterContext(Sandbox(*map(str, ports), *flags, profile=profile, tls=tls, scenario=scenario or (
            None if flags else USERS)))
        self.masks.name(box.registry_host, f"<{name}-registry>")
        self.masks.name(box.ready["api"].partition("://")[2], f"<behind-{name}>")
        for token in (box.admin_token, box.ready["control_token"], *(one["token"] for one in box.ready["users"])):
            self.masks.name(token, "<token>")
        self._boxes.append((name, box))
        box.front = self.proxy({name: box.ready["api"].partition("://")[2]}) if tls == "none" else None
        return box

    def clusters(self, home, **boxes):
        """The clusters file: names to sandboxes, or to (sandbox, user); through their proxies."""
        more = {}
        for name, box in boxes.items():
            box, user = box if isinstance(box, tuple) else (box, "ann")
            self.masks.name(box.token(user), f"<token of {user}>")
            more[name] = {"api": f"http://{box.front}"}
        self.write_clusters(home, boxes, **more)

    def new_project(self, box, name):
        """A project whose administrator is ann; the pods of `NAME-prod` may pull from `NAME-dev`."""
        made = self.project(box, name)
        uid = made.get(f"/api/v1/namespaces/{name}")["metadata"]["uid"]
        self._uids[f"{box.front}/{name}"] = f"uid:{uid}"
        self.masks.name(uid, f"<uid of {name}>")
        return made

    def may_pull(self, box, source, target):
        box.scenario({"rights": [{"subject": f"group:system:serviceaccounts:{target.name}", "project": source.name,
                                  "role": "system:image-puller"}]})

    # Commands.

    def sluice(self, home, *words, events=False, chance=(), **options):
        """Runs sluice and notes what it gave; gives the outcome. events: also --events, into a file. chance: requests
        whose number nobody promises, as where one refusal ends what goes on beside it."""
        self._forget()
        before = {name: box.state()["registry_requests"] for name, box in self._boxes}
        outcome = home.run(*words, *(("--events", "events.jsonl") if events else ()), **options)
        lines = (home.home / "events.jsonl").read_text().splitlines() if events and (
            home.home / "events.jsonl").exists() else []
        counted = {f"{name} registry, all": box.state()["registry_requests"] - before[name]
                   for name, box in self._boxes}
        self._note(words, outcome.code, outcome.out, outcome.err, [json.loads(line) for line in lines], counted, chance)
        return outcome

    def stopped_at(self, home, state, number, *words, then=None):
        """A promotion that gets a signal once it has told that it is in this state, and `then` has returned."""
        self._forget()
        run = Run(home, *words)
        run.until(state, kind="state")
        if then:
            then()
        run.child.popen.send_signal(number)
        code, last, err = run.ended()
        # How much was asked before the signal came is chance.
        self._note((*words, f"(signal {number})"), code, json.dumps(last), err, run.lines[:-1], None)
        return last

    def _forget(self):
        for proxy, _ in self._proxies.values():
            proxy.forget()

    def asked(self, name, method, path):
        """Whether the proxy of a server has seen such a request to its end, in this command or since the last one."""
        return any((one["method"], one["target"]) == (method, path) for one in self._proxies[name][0].exchanges())

    def _requests(self, counted):
        found = {}
        for proxy, names in {id(one[0]): one for one in self._proxies.values()}.values():
            found.update(places.requests(proxy.exchanges(), names))
        return {**found, **{key: number for key, number in counted.items() if number}}

    def _note(self, words, code, out, err, events, counted, chance=()):
        # Words of the command line bear hosts, folders and ids too.
        shown = " ".join("<plan>" if before == "--plan" else self.masks.text(str(word))
                         for before, word in zip(("", *words), words))
        documents, text = _documents(out)
        document = documents[-1] if documents else None
        note = {"command": f"{len(self.commands) + 1:02} {shown}", "exit": code,
                "document": self._masked(document), "stdout": "document" if documents else "text" if text else "none",
                "findings": self.masks.findings(err) + self.masks.findings(text if not documents else ""),
                "error": sum(line.startswith("sluice: ") for line in err.splitlines())}
        if words[0] in _READ_BY_SCRIPTS and text:
            note["text"] = self.masks.text(text).splitlines()
        if events or len(documents) > 1:
            note["events"] = self.masks.events([*events, *documents[:-1]])
        if counted is not None:
            note["requests"] = {kind: n for kind, n in self._requests(counted).items() if kind not in chance}
        note["people"] = {"stdout": self.masks.text(out).splitlines(), "stderr": self.masks.text(err).splitlines()}
        self.commands.append(note)

    def _masked(self, document):
        """A hash that has no uid of a project and no id of a memory in it is compared as it is; any other one by how it
        follows from them, and by where the same one comes again."""
        follows = None
        if isinstance(document, dict) and document.get("schema") == "sluice.plan/1":
            follows = plan_formula(document, {})
            if follows and self.fixed:
                self.masks.keep_plan(document["plan"])
            if not follows:
                follows = plan_formula(document, self._identities(document))
        masked = self.masks.document(document)
        if isinstance(document, dict) and document.get("schema") == "sluice.plan/1":
            masked["plan follows from"] = follows
        return masked

    def _identities(self, plan):
        """What places of a plan are known by: {"host:port/project": "uid:..." or "id:..."}."""
        found = dict(self._uids)
        for server in self._registries:
            for place in {*(one["target"] for one in plan["targets"]), *(one["source"] for one in plan["sources"])}:
                host, _, project = place.partition("/")
                if host == server.front:
                    known = places.memory_id(server.client(), f"{project}/{plan['targets'][0]['images'][0]['name']}")
                    found.update({place: f"id:{known}"} if known else {})
        return found

    # Afterwards.

    def stand(self, repositories=None, **things):
        """Notes what stands at registries, projects and in the records of homes, under these names."""
        for name, thing in things.items():
            if isinstance(thing, (kit.Registry, FakeRegistry)):
                found = places.registry(thing.client(), repositories)
            elif isinstance(thing, Project):
                thing.box.settle()
                found = places.project(thing)
            else:
                found = places.records(thing)
            masked = self.masks.document(found)
            if masked and "leases" in masked:  # their order is that of ids which are other ones each time
                for table in ("leases", "place_holds"):
                    masked[table].sort(key=canonical)
            self.stands[name] = masked

    def recording(self):
        return {"scenario": self.name, "commands": self.commands, "stands": self.stands}


def _documents(out):
    """The JSON documents of stdout, one a line; or the text that it is."""
    try:
        return [json.loads(line) for line in out.splitlines()], ""
    except ValueError:
        return [], out
