"""Registries of other makes, built from their Go modules where there is a Go that can: distribution v3 and olareg.

They are built once into build/peers of the checkout. Where that cannot be done the caller is told why, and skips aloud.
"""

import fcntl
import os
import pathlib
import re
import subprocess
import threading

from .process import Child
from .registry_client import RegistryClient
from .tools import find, folder

_ROOT = pathlib.Path(__file__).resolve().parents[3]
_BIN = _ROOT / "build" / "peers" / "bin"
_MODULES = {
    "distribution": ("github.com/distribution/distribution/v3/cmd/registry@v3.0.0", "registry"),
    "olareg": ("github.com/olareg/olareg/cmd/olareg@v0.1.2", "olareg"),
}
_BUILD_SECONDS = 420


def build(make):
    """(path, None) or (None, why not)."""
    module, program = _MODULES[make]
    path = _BIN / program
    if path.exists():
        return path, None
    if find("go") is None:
        return None, "go is not installed"
    _BIN.mkdir(parents=True, exist_ok=True)
    with (_BIN / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            try:
                done = subprocess.run(["go", "install", "-p", "2", module], capture_output=True, text=True, check=False,
                                      timeout=_BUILD_SECONDS, env=dict(os.environ, GOBIN=str(_BIN), CGO_ENABLED="0",
                                                                       GOFLAGS="-mod=mod"))
            except subprocess.TimeoutExpired:
                return None, f"go did not build {module} in {_BUILD_SECONDS} s"
            if done.returncode != 0:
                return None, f"go cannot build {module}: {done.stderr.strip().splitlines()[-1:]}"
    return path, None


_DISTRIBUTION = """\
version: 0.1
log: {level: info, formatter: text, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %s}
  delete: {enabled: true}
http: {addr: "127.0.0.1:0", secret: "only for tests"}
"""


class GoRegistry:
    """Started by construction (or `with`), on a free loopback port, with storage of its own."""

    auth = None
    tls = None

    def __init__(self, make, program):
        self.folder = folder(make)
        if make == "distribution":
            config = self.folder / "config.yml"
            config.write_text(_DISTRIBUTION % (self.folder / "storage"))
            argv = [program, "serve", config]
        else:
            argv = [program, "serve", "--addr", "127.0.0.1", "--port", "0", "--store-type", "mem"]
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as output:
            self._child = Child(argv, env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder),
                                           "OTEL_TRACES_EXPORTER": "none"}, stdout=output, stderr=output)
        lines = os.fdopen(reader, "r", errors="replace")
        seen = []
        for line in lines:
            seen.append(line)
            found = re.search(r"127\.0\.0\.1:(\d+)|listening on [^ \"]*:(\d+)", line)
            if found and (found.group(1) or found.group(2)) != "0":
                self.host = f"127.0.0.1:{found.group(1) or found.group(2)}"
                break
        else:
            self.close()
            raise RuntimeError(f"{make} did not start: " + "".join(seen[-5:]).strip())
        threading.Thread(target=lambda: [None for _ in lines], daemon=True).start()

    def client(self):
        return RegistryClient(f"http://{self.host}")

    def close(self):
        self._child.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
