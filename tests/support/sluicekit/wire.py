"""One HTTP server as a test talks to it: connections that are kept, streams of JSON lines, no opinion on answers."""

import dataclasses
import http.client
import json
import queue
import select
import socket
import ssl
import threading
import urllib.parse


@dataclasses.dataclass
class Reply:
    """An answer. Names of `headers` are in lower case; several of one name are joined by a comma."""

    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        """The body as JSON; raises ValueError when it is none."""
        return json.loads(self.body)

    def __str__(self):
        return f"HTTP {self.status} {self.headers}\n{self.body[:4000].decode(errors='replace')}"


class Wire:
    """Requests to one server. Not for several threads at once: each takes a `copy()`.

    token: sent as Bearer unless a request says otherwise. host: the Host header, where it is not the address.
    """

    def __init__(self, url, token=None, ca=None, host=None, timeout=60, certificate=None):
        self.url, self.token, self.host, self.timeout = url.rstrip("/"), token, host, timeout
        self._parts = urllib.parse.urlsplit(url)
        self._made = (ca, certificate)
        self._tls = None
        if self._parts.scheme == "https":
            self._tls = ssl.create_default_context(cafile=str(ca) if ca else None)
            if certificate:
                self._tls.load_cert_chain(*map(str, certificate))
        self._kept = None

    def copy(self, **changes):
        """The same server by a connection of its own; `token`, `host` or `timeout` may be others."""
        ca, certificate = self._made
        return Wire(self.url, **{"token": self.token, "ca": ca, "host": self.host, "timeout": self.timeout,
                                 "certificate": certificate, **changes})

    @property
    def address(self):
        return self._parts.netloc

    # One exchange.

    def call(self, method, path, body=None, headers=None, token=..., kind="application/json"):
        """Sends one request and reads the whole answer. A `body` that is not bytes is sent as JSON of content type
        `kind`. token=None sends no credentials."""
        data, fields = self._prepare(body, headers, token, kind)
        if self._kept is not None and self._hung_up():
            self.close()
        return self._exchange(method, path, data, fields)

    def _hung_up(self):
        """Whether the server has closed the connection since: nothing else can have come between two exchanges."""
        sock = self._kept.sock
        return sock is None or bool(select.select([sock], [], [], 0)[0])

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def put(self, path, body=None, **more):
        return self.call("PUT", path, body, **more)

    def delete(self, path, body=None, **more):
        return self.call("DELETE", path, body, **more)

    def patch(self, path, body, kind="application/merge-patch+json", **more):
        return self.call("PATCH", path, body, kind=kind, **more)

    def _prepare(self, body, headers, token, kind):
        fields = dict(headers or {})
        if self.host:
            fields.setdefault("Host", self.host)
        token = self.token if token is ... else token
        if token is not None and "Authorization" not in fields:
            fields["Authorization"] = "Bearer " + token
        if body is None or isinstance(body, bytes):
            return body, fields
        fields.setdefault("Content-Type", kind)
        return json.dumps(body).encode(), fields

    def _connect(self):
        if self._tls is not None:
            return http.client.HTTPSConnection(self._parts.netloc, context=self._tls, timeout=self.timeout)
        return http.client.HTTPConnection(self._parts.netloc, timeout=self.timeout)

    def _exchange(self, method, path, data, fields):
        if self._kept is None:
            self._kept = self._connect()
        try:
            self._kept.request(method, path, body=data, headers=fields)
            response = self._kept.getresponse()
            reply = Reply(response.status, _fields(response), response.read())
        except BaseException:
            self.close()
            raise
        if response.will_close:
            self.close()
        return reply

    # Streams.

    def stream(self, path, token=..., headers=None):
        """Opens a watch: a Stream, which reads in a thread of its own."""
        _, fields = self._prepare(None, headers, token, "")
        connection = self._connect()
        try:
            connection.request("GET", path, headers=fields)
            plug = connection.sock  # getresponse() forgets it when the server will close
            return Stream(connection.getresponse(), connection, plug)
        except BaseException:
            connection.close()
            raise

    def close(self):
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _fields(response):
    found = {}
    for name, value in response.getheaders():
        name = name.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


class Stream:
    """An open watch. `status` and `headers` of the answer; `next()` gives one frame after the other."""

    _END = object()

    def __init__(self, response, connection, plug):
        self.status, self.headers = response.status, _fields(response)
        self.broken = None
        self._connection, self._response, self._plug = connection, response, plug
        self._frames = queue.Queue()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        try:
            for line in self._response:
                if line.strip():
                    self._frames.put(line)
        except (OSError, ValueError, AttributeError, http.client.HTTPException) as error:
            self.broken = error
        self._frames.put(self._END)

    def next(self, timeout=20):
        """The next frame, or None at the end of the stream. TimeoutError when nothing comes."""
        try:
            frame = self._frames.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError(f"no frame within {timeout} s") from None
        if frame is self._END:
            self._frames.put(self._END)
            return None
        return json.loads(frame)

    def rest(self, timeout=20):
        """All frames until the end of the stream."""
        frames = []
        while (frame := self.next(timeout)) is not None:
            frames.append(frame)
        return frames

    def until(self, matches, timeout=20):
        """Reads up to the first frame for which `matches` holds; gives all frames that were read."""
        frames = []
        while True:
            frame = self.next(timeout)
            if frame is None:
                raise AssertionError(f"the watch ended before the awaited event; seen: {_brief(frames)}")
            frames.append(frame)
            if matches(frame):
                return frames

    def waiting(self):
        """Frames that have come and were not read yet."""
        frames = []
        while not self._frames.empty():
            frame = self._frames.get_nowait()
            if frame is self._END:
                self._frames.put(self._END)
                break
            frames.append(json.loads(frame))
        return frames

    def close(self):
        try:
            self._plug.shutdown(socket.SHUT_RDWR)  # wakes the reader, which close() alone would not
        except OSError:
            pass
        self._thread.join(5)
        self._response.close()
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _brief(frames):
    return [(frame.get("type"), frame.get("object", {}).get("metadata", {}).get("name")) for frame in frames]
