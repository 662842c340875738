"""A real Docker engine on a private socket, and a proxy before it that fails, stops or kills at one of its steps."""

import contextlib
import http.client
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import urllib.parse

from .process import Child
from .tools import find, folder, skip

_START = 60  # seconds until an engine answers


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("engine", timeout=120)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(self._path)


def why_no_engine(programs=("dockerd", "containerd")):
    """Why dockerd cannot be started here; empty when it can."""
    if os.geteuid() != 0:
        return "a container engine needs root"
    missing = [name for name in programs if find(name) is None]
    return f"not installed: {', '.join(missing)} (./run setup)" if missing else ""


class Engine:
    """dockerd with a data root of its own. What it has is asked over its API, not by the docker program."""

    programs = ("dockerd", "containerd")
    _list = "/images/json?all=1&digests=1"

    def __init__(self, data_root=None, storage_driver="vfs"):
        """`storage_driver`: vfs works everywhere; None: as the engine chooses."""
        reason = why_no_engine(self.programs)
        self._driver = storage_driver
        if reason:
            skip(reason)
        self._folder = folder("engine")
        self.socket = str(self._folder / "engine.sock")
        self._root = pathlib.Path(data_root or self._folder / "data")
        self._log = open(self._folder / "log", "wb")
        # A pid namespace of its own: what it starts ends with it, also when this process is killed.
        self._child = Child(
            ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", *self._command()],
            stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log)
        try:
            self._wait()
        except Exception:
            self.close()
            raise

    def _command(self):
        return ["dockerd", "--host", f"unix://{self.socket}", "--data-root", self._root, "--exec-root",
                self._folder / "exec", "--pidfile", self._folder / "pid", "--bridge=none", "--iptables=false",
                "--ip6tables=false", *([f"--storage-driver={self._driver}"] if self._driver else [])]

    def _wait(self):
        until = time.monotonic() + _START
        while time.monotonic() < until:
            if self._child.popen.poll() is not None:
                break
            with contextlib.suppress(OSError):
                if self.call("GET", "/_ping")[0] == 200:
                    return
            time.sleep(0.1)
        skip(f"{self.programs[0]} does not start here: " + (self._folder / "log").read_text(errors="replace")[-600:])

    def call(self, method, path, body=None, headers=None):
        """(status, body) of one request."""
        connection = _UnixConnection(self.socket)
        try:
            connection.request(method, path, body, headers or {})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def json(self, method, path, *rest):
        status, body = self.call(method, path, *rest)
        assert status in (200, 201), (method, path, status, body)
        return json.loads(body) if body else None

    def _stream(self, method, path, body=None, headers=None):
        status, reply = self.call(method, path, body, headers)
        lines = [json.loads(line) for line in reply.splitlines() if line.strip()]
        assert status == 200 and not any("error" in line for line in lines), (path, status, lines)
        return lines

    def make(self, reference, *, seed, size=3000):
        """An image that this engine wrote, with one layer, called `reference`."""
        repository, _, tag = reference.rpartition(":")
        tar = io.BytesIO()
        with tarfile.open(fileobj=tar, mode="w") as archive:
            content = (seed * (size // len(seed) + 1))[:size].encode()
            info = tarfile.TarInfo("app")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        query = urllib.parse.urlencode({"fromSrc": "-", "repo": repository, "tag": tag})
        self._stream("POST", f"/images/create?{query}", tar.getvalue(), {"Content-Type": "application/x-tar"})

    def load(self, reference, image):
        """Brings in an image of the kit (images.Image), as `docker load` does, under a name."""
        with tempfile.TemporaryFile() as file:
            with tarfile.open(fileobj=file, mode="w") as archive:
                def add(name, size, content):
                    info = tarfile.TarInfo(name)
                    info.size = size
                    archive.addfile(info, content)

                for layer in image.layers:
                    with tempfile.TemporaryFile() as content:
                        content.writelines(layer.chunks())
                        content.seek(0)
                        add(f"{layer.digest[7:]}.tar", layer.size, content)
                add("config.json", image.config.size, io.BytesIO(image.config.data))
                document = json.dumps([{"Config": "config.json", "RepoTags": [reference],
                                        "Layers": [f"{layer.digest[7:]}.tar" for layer in image.layers]}]).encode()
                add("manifest.json", len(document), io.BytesIO(document))
            size = file.tell()
            file.seek(0)
            self._stream("POST", "/images/load?quiet=1", file,
                         {"Content-Type": "application/x-tar", "Content-Length": str(size)})

    def push(self, reference, login="e30="):
        """Pushes as the docker program would; gives the digest."""
        repository, _, tag = reference.rpartition(":")
        lines = self._stream("POST", f"/images/{repository}/push?tag={tag}", b"", {"X-Registry-Auth": login})
        return self._digest_of(lines)

    @staticmethod
    def _digest_of(lines):
        return next(line["aux"]["Digest"] for line in lines if "Digest" in line.get("aux", {}))

    def remove(self, reference):
        self.call("DELETE", f"/images/{urllib.parse.quote(reference)}")

    def has(self):
        """All that it has: ids with their names, sorted."""
        images = self.json("GET", self._list)
        return sorted((one["Id"], *sorted(name for name in self._names(one) if "<none>" not in name)) for one in images)

    @staticmethod
    def _names(image):
        return (image["RepoTags"] or []) + (image["RepoDigests"] or [])

    def close(self):
        self._child.stop(patience=20)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Podman(Engine):
    """Podman's service, which answers as an engine does."""

    programs = ("podman",)
    _list = "/images/json?all=1"

    def _command(self):
        settings = self._folder / "registries.conf"
        # Docker speaks plain HTTP to loopback by itself.
        settings.write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
        return ["env", f"CONTAINERS_REGISTRIES_CONF={settings}", "podman", "--root", self._root, "--runroot",
                self._folder / "run", "--tmpdir", self._folder / "tmp", "--storage-driver=vfs",
                "--cgroup-manager=cgroupfs", "--events-backend=none", "system", "service", "--time=0",
                f"unix://{self.socket}"]

    @staticmethod
    def _names(image):
        # It lists every digest that it knows of an image under each of its names; these are the ones somebody gave.
        return image.get("Names") or []

    @staticmethod
    def _digest_of(lines):
        return lines[-1]["status"].partition("digest: ")[2].split()[0]


STEPS = {
    "pull": lambda method, path: method == "POST" and "/images/create" in path,
    "tag": lambda method, path: method == "POST" and "/tag?" in path,
    "push": lambda method, path: method == "POST" and "/push" in path,
    "remove": lambda method, path: method == "DELETE",
    "save": lambda method, path: method == "GET" and path.endswith("/get"),
    "load": lambda method, path: method == "POST" and "/images/load" in path,
}


class EngineProxy:
    """Stands before an engine. `at(step, action)`: the next request of this step ends in `action()`, which gives the bytes of
    a reply, or None to have the real one sent."""

    def __init__(self, engine):
        self._engine = engine
        self._folder = folder("engine-proxy")
        self.socket = str(self._folder / "engine.sock")
        self.seen = []
        self._armed, self._times = None, 0
        self._lock = threading.Lock()
        self._passed = 0  # bytes of request bodies that the engine was given
        self._passing = threading.Condition()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.socket)
        self._listener.listen(16)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def at(self, step, action, after=False, times=1):
        """`after`: once the engine has answered. `times`: for so many requests."""
        with self._lock:
            self._armed = (STEPS[step], action, after, 0)
            self._times = times

    def early(self, step, count, *lines):
        """The engine gets so many bytes of the next request's body, and then its end; the client is told these messages
        under a 200 once the engine has answered that."""
        body = b"".join(json.dumps(line).encode() + b"\r\n" for line in lines)
        with self._lock:
            self._armed = (STEPS[step], lambda: _reply(200, body), True, count)
            self._times = 1

    def wait_until_passed(self, count, patience=60):
        """Until the engine has been given so many bytes of bodies, of all requests together."""
        with self._passing:
            assert self._passing.wait_for(lambda: self._passed >= count, patience), (count, self._passed, self.seen)

    def _count(self, bytes_given):
        with self._passing:
            self._passed += bytes_given
            self._passing.notify_all()

    def fail(self, step, status=500, words="the disk is on fire", times=1):
        body = json.dumps({"message": words}).encode()
        self.at(step, lambda: _reply(status, body), times=times)

    def say(self, step, *lines, **more):
        """Under a 200: these messages."""
        self.reply(step, b"".join(json.dumps(line).encode() + b"\r\n" for line in lines), **more)

    def reply(self, step, body, after=False, then=None):
        """Under a 200: these bytes. `after`: once the engine has answered; `then` is called right before."""
        self.at(step, lambda: (then and then(), _reply(200, body))[1], after)

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client, contextlib.suppress(OSError):
            head, rest = self._head(client)
            if not head:
                return
            method, path, _ = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
            self.seen.append(f"{method} {path}")
            with self._lock:
                armed = self._armed if self._armed and self._armed[0](method, path) else None
                if armed:
                    self._times -= 1
                    self._armed = self._armed if self._times > 0 else None
            if armed and not armed[2]:
                reply = armed[1]()
                if reply is not None:
                    client.sendall(reply)
                    return
            if armed and armed[3]:
                self._cut_short(client, head, rest, *armed[1::2])
            else:
                self._forward(client, head, rest, armed[1] if armed and armed[2] else None)

    @staticmethod
    def _head(client):
        data = b""
        while b"\r\n\r\n" not in data:
            piece = client.recv(65536)
            if not piece:
                return b"", b""
            data += piece
        head, _, rest = data.partition(b"\r\n\r\n")
        return head, rest

    def _forward(self, client, head, rest, after):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as upstream:
            self._begin(upstream, head, rest)
            threading.Thread(target=self._pump, args=(client, upstream), daemon=True).start()
            held = []
            while piece := upstream.recv(65536):
                held.append(piece) if after else client.sendall(piece)
            if after:
                reply = after()
                client.sendall(reply if reply is not None else b"".join(held))

    def _begin(self, upstream, head, rest):
        upstream.connect(self._engine.socket)
        # One request a connection, so that each is seen.
        upstream.sendall(head + b"\r\nConnection: close\r\n\r\n" + rest)
        self._count(len(rest))

    def _cut_short(self, client, head, rest, action, count):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as upstream:
            self._begin(upstream, head, rest)
            count -= len(rest)
            while count > 0 and (piece := client.recv(min(count, 65536))):
                upstream.sendall(piece)
                self._count(len(piece))
                count -= len(piece)
            with contextlib.suppress(OSError):  # it may have hung up already
                upstream.shutdown(socket.SHUT_WR)
                while upstream.recv(65536):
                    pass
            client.sendall(action())

    def _pump(self, source, sink):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
                self._count(len(piece))
            sink.shutdown(socket.SHUT_RDWR)  # the client went away: so does its request

    def close(self):
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _reply(status, body):
    return (f"HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body
