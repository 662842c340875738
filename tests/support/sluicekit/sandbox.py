"""`sluice sandbox`, started for a test: its servers, its identities and its knobs."""

import json
import select
import shutil
import signal
import subprocess
import time

from .process import Child
from .sluice import binary, sanitized
from .tools import folder
from .wire import Wire

IMAGES = "/apis/image.openshift.io/v1"
APPS = "/apis/apps.openshift.io/v1"
CORE = "/api/v1"
PASSWORD = "correct horse"  # of every user whom a test makes


class Sandbox:
    """Started by construction (or `with`), stopped by close(). Flags are those of `sluice sandbox`.

    ready: the line that it printed, as an object. started_in: seconds until that line came.
    """

    def __init__(self, *flags, profile=None, nodes=None, tls=None, scenario=None, storage=None, patience=30,
                 program=None):
        self.folder = folder("sandbox")
        named = {"--profile": profile, "--nodes": nodes, "--tls": tls, "--storage": storage}
        words = ["sandbox", "-o", "json", "--write-dir", self.folder / "written", *flags]
        for flag, value in named.items():
            words += [flag, value] if value is not None else []
        if scenario is not None:
            path = self.folder / "scenario.yaml"
            path.write_text(scenario if isinstance(scenario, str) else json.dumps(scenario))
            words += ["--scenario", path]
        self.log = self.folder / "log"
        self._tokens = {}
        self._wires = []
        begin = time.monotonic()
        with self.log.open("wb") as log:
            self.child = Child([program or binary(), *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=log, cwd=self.folder)
        try:
            self._take(json.loads(self._first_line(patience)))
        except BaseException:
            self.child.stop(patience=1)
            raise
        self.started_in = time.monotonic() - begin

    def _first_line(self, patience):
        ready, _, _ = select.select([self.child.popen.stdout], [], [], patience)
        line = self.child.popen.stdout.readline() if ready else b""
        if not line.strip():
            code = self.child.popen.poll()
            why = f"exit code {code}" if code is not None else f"nothing printed within {patience} s"
            raise RuntimeError(f"sluice sandbox did not start ({why}): {self.log.read_text(errors='replace')[-2000:]}")
        return line

    def _take(self, ready):
        """Everything that follows from the printed line."""
        if ready.get("schema") != "sluice.sandbox/1":
            raise RuntimeError(f"sluice sandbox did not start: {json.dumps(ready)}")
        self.ready = ready
        self.profile = ready["profile"]
        self.admin_token = ready["admin_token"]
        self.ca = ready["ca"]
        self.kubeconfig = ready["kubeconfig"]
        self.registry_host = ready["registry"]
        self.registry_internal = ready["registry_internal"]
        self.registry_external = ready["registry_external"]
        for user in ready["users"]:
            self._tokens[user["name"]] = user["token"]

    @property
    def pid(self):
        return self.child.pid

    # Servers. Each call gives a connection of its own; close() of the sandbox closes them.

    def api(self, identity="admin", **more):
        """The API as somebody: "admin", a user, "system:serviceaccount:NS:NAME", or None for nobody."""
        return self._keep(Wire(self.ready["api"], token=self._token_of(identity), ca=self.ca, **more))

    def registry(self, identity="admin", **more):
        """The registry as somebody."""
        return self._keep(Wire(self.ready["registry_url"], token=self._token_of(identity), ca=self.ca, **more))

    def control(self):
        return self._keep(Wire(self.ready["control"], token=self.ready["control_token"]))

    def _keep(self, wire):
        self._wires.append(wire)
        return wire

    def _token_of(self, identity):
        return None if identity is None else self.token(identity)

    def token(self, identity):
        """A token of an identity; asked for once."""
        if identity == "admin":
            return self.admin_token
        if identity not in self._tokens:
            self.fresh_token(identity)
        return self._tokens[identity]

    def fresh_token(self, identity):
        """A new token of an identity; later calls of token() give this one."""
        self._tokens[identity] = self.scenario({"tokens": [identity]})[identity]
        return self._tokens[identity]

    # Knobs.

    def scenario(self, scenario):
        """Adds users, projects, images and so on; gives the tokens that were asked for, by identity."""
        return self._turn("/v1/scenario", scenario).get("tokens", {})

    def knob(self, name, /, **settings):
        """Turns a knob. Words of settings are joined by "-", as `after_requests=2`."""
        return self._turn("/v1/knobs", {"knob": name, **{k.replace("_", "-"): v for k, v in settings.items()}})

    def state(self):
        with self.control() as wire:
            return wire.get("/v1/state").json

    def settle(self, timeout=20):
        """Waits until no controller has anything to do."""
        end = time.monotonic() + timeout
        with self.control() as wire:
            while not wire.get("/v1/state").json.get("idle", True):
                if time.monotonic() > end:
                    raise AssertionError(f"the controllers are still busy after {timeout} s")
                time.sleep(0.002)  # the interval of a poll

    def _turn(self, path, document):
        with self.control() as wire:
            reply = wire.post(path, document)
        if reply.status not in (200, 201, 204):
            raise AssertionError(f"POST {path} {json.dumps(document)[:500]}: {reply}")
        return reply.json if reply.body.strip() else {}

    # The end.

    def stop(self, number=signal.SIGTERM):
        """Asks it to end and gives its exit code."""
        if self.child.popen.poll() is None:
            self.child.popen.send_signal(number)
            try:
                self.child.popen.wait(20)
            except subprocess.TimeoutExpired:
                pass  # stop() kills it; the code tells
        return self.child.stop(patience=1)

    def peak_memory(self):
        """VmHWM of the process in bytes."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        raise RuntimeError("no VmHWM")

    def sanitized(self):
        """Whether it was built with a sanitizer, which needs memory of its own."""
        return sanitized()

    def close(self):
        for wire in self._wires:
            wire.close()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
