"""Registries of other makes, built from their Go modules where there is a Go that can: distribution v3 and olareg.

They are built once into build/peers of the checkout. Where that cannot be done the caller is told why, and skips aloud.
"""

import contextlib
import os
import re
import socket
import threading
import time

from .go_programs import GoProgram
from .process import Child
from .registry_client import RegistryClient
from .tools import folder

_MAKES = {
    "distribution": GoProgram("registry", "github.com/distribution/distribution/v3", "v3.0.0", "cmd/registry"),
    "olareg": GoProgram("olareg", "github.com/olareg/olareg", "v0.1.2", "cmd/olareg"),
}
_START_SECONDS = 30


def build(make):
    """(path, None) or (None, why not)."""
    return _MAKES[make].build()


_DISTRIBUTION = """\
version: 0.1
log: {level: info, formatter: text, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %s}
  delete: {enabled: true}
http: {addr: "127.0.0.1:0", secret: "only for tests"}
"""


def _free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class GoRegistry:
    """Started by construction (or `with`), on a free loopback port, with storage of its own."""

    auth = None
    tls = None
    _reader = None

    def __init__(self, make, program):
        self.folder = folder(make)
        if make == "distribution":
            config = self.folder / "config.yml"
            config.write_text(_DISTRIBUTION % (self.folder / "storage"))
            self._start([program, "serve", config])
            self.host = f"127.0.0.1:{self._said_port()}"
        else:
            # It does not say which port it got, so it is given one that was free a moment ago.
            port = _free_port()
            self._start([program, "serve", "--addr", "127.0.0.1", "--port", str(port), "--store-type", "mem"])
            self.host = f"127.0.0.1:{port}"
            self._wait_until_it_listens(port)
        self._reader = threading.Thread(target=lambda: [None for _ in self._lines], daemon=True)
        self._reader.start()

    def _start(self, argv):
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as output:
            self._child = Child(argv, env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder),
                                           "OTEL_TRACES_EXPORTER": "none"}, stdout=output, stderr=output)
        self._lines = os.fdopen(reader, "r", errors="replace")

    def _said_port(self):
        seen = []
        for line in self._lines:
            seen.append(line)
            found = re.search(r"listening on [^ \"]*:(\d+)", line)
            if found:
                return found.group(1)
        self.close()
        raise RuntimeError("the registry did not start: " + "".join(seen[-5:]).strip())

    def _wait_until_it_listens(self, port):
        began = time.monotonic()
        while self._child.popen.poll() is None and time.monotonic() - began < _START_SECONDS:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.02)
        self.close()
        raise RuntimeError("the registry did not start")

    def client(self):
        return RegistryClient(f"http://{self.host}")

    def close(self):
        self._child.stop()
        if self._reader is not None:
            self._reader.join()
        self._lines.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
