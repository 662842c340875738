"""Servers that are no registries, or bad ones. A behaviour is a function from a request to a Reply."""

import dataclasses
import hashlib
import http.server
import socketserver
import threading


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes


@dataclasses.dataclass
class Reply:
    """What to say. `length` overrides Content-Length; `hang` says nothing at all; `hang_up` closes after the body,
    however long it was said to be."""

    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b""
    length: int | None = None
    hang: bool = False
    hang_up: bool = False


class HostileServer:
    """Answers every request by `behaviour(request)`; keeps what it was asked in `requests`. With `takes_bodies` off it
    leaves request bodies on the wire."""

    def __init__(self, behaviour, tls=None, takes_bodies=True):
        self.requests = []
        self._takes_bodies = takes_bodies
        self._lock = threading.Lock()
        self._over = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                outer._answer(self, behaviour)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

            def handle_error(self, *_):
                pass  # clients give up on hostile servers; that is what they are for

        self._server = Server(("127.0.0.1", 0), Handler)
        self.tls = tls
        if tls is not None:
            self._server.socket = _wrap(self._server.socket, tls)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def _answer(self, handler, behaviour):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)) if self._takes_bodies else b""
        request = Request(handler.command, handler.path, {k.lower(): v for k, v in handler.headers.items()}, body)
        with self._lock:
            self.requests.append(request)
        reply = behaviour(request)
        if reply.hang:
            self._over.wait()
            handler.close_connection = True
            return
        # Whoever tells a date of his own tells no other.
        (handler.send_response_only if "Date" in reply.headers else handler.send_response)(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(reply.body)
        if reply.hang_up:
            handler.close_connection = True

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def close(self):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _wrap(socket, tls):
    import ssl
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.server_cert, tls.server_key)
    return context.wrap_socket(socket, server_side=True)


# Behaviours.

def html(_request):
    """A web server that knows nothing of registries."""
    return Reply(200, {"Content-Type": "text/html"}, b"<!doctype html><title>Welcome</title><h1>It works!</h1>")


def silent(_request):
    """Takes the request and never answers."""
    return Reply(hang=True)


def status(code, body=b"", **headers):
    """Always the same status."""
    return lambda _request: Reply(code, {k.replace("_", "-"): v for k, v in headers.items()}, body)


def serving(image, lie=None):
    """A read-only registry with one image under every name and tag. `lie(request, reply)` may change each reply."""
    manifests = {}
    blobs = {}

    def add(item):
        manifests[item.digest] = item
        for blob in item.blobs:
            blobs[blob.digest] = blob
        for child in item.children:
            add(child)

    add(image)

    def behave(request):
        reply = _serve(request.path.partition("?")[0], image, manifests, blobs)
        return lie(request, reply) if lie else reply

    return behave


def _serve(path, image, manifests, blobs):
    parts = path.rstrip("/").split("/")
    if path in ("/v2/", "/v2"):
        return Reply(200, {"Docker-Distribution-API-Version": "registry/2.0"}, b"{}")
    if len(parts) > 3 and parts[-2] == "manifests":
        item = manifests.get(parts[-1]) if ":" in parts[-1] else image
        if item:
            return Reply(200, {"Content-Type": item.media_type, "Docker-Content-Digest": item.digest}, item.manifest)
    if len(parts) > 3 and parts[-2] == "blobs" and parts[-1] in blobs:
        return Reply(200, {"Content-Type": "application/octet-stream", "Docker-Content-Digest": parts[-1]},
                     b"".join(blobs[parts[-1]].chunks()))
    return Reply(404, {"Content-Type": "application/json"},
                 b'{"errors":[{"code":"NAME_UNKNOWN","message":"not here","detail":{}}]}')


# Lies for serving().

def wrong_digest(request, reply):
    """Blobs have the right length and other bytes."""
    if "/blobs/" in request.path and reply.body:
        reply.body = bytes([reply.body[0] ^ 1]) + reply.body[1:]
    return reply


def wrong_length(request, reply):
    """Blobs are said to be longer than they are; the connection ends early."""
    if "/blobs/" in request.path and reply.body:
        reply.length, reply.hang_up = len(reply.body) + 7, True
    return reply


def short_blob(request, reply):
    """Blobs lack their last byte, and say so consistently."""
    if "/blobs/" in request.path and reply.body:
        reply.body = reply.body[:-1]
    return reply


def other_manifest(request, reply):
    """The manifest's bytes are not those of the digest in the header."""
    if "/manifests/" in request.path and reply.status == 200:
        reply.headers["Docker-Content-Digest"] = "sha256:" + hashlib.sha256(b"something else").hexdigest()
    return reply
