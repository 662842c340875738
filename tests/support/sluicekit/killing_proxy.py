"""A proxy in front of a registry that kills a process right after so many of its writes were carried out."""

import http.client
import http.server
import threading

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade"}


class KillingProxy:
    """`with KillingProxy(registry.host, after=3) as proxy`: start the victim with `proxy.host`, then say who it is. The
    third write reaches the registry, and its answer nobody. after=0: nobody is killed, writes are only counted."""

    def __init__(self, upstream, after=0):
        self._upstream = upstream
        self._after = after
        self._lock = threading.Lock()
        self._known = threading.Event()
        self._victim = None
        self.writes = 0
        self.killed = False
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # who is killed breaks its connections
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    def victim(self, child):
        self._victim = child
        self._known.set()

    def _carried_out(self):
        """True when the answer is not to be given."""
        with self._lock:
            self.writes += 1
            if self._after == 0 or self.writes < self._after:
                return False
            self._known.wait()
            if self.writes == self._after:
                self._victim.popen.kill()
                self._victim.popen.wait()
                self.killed = True
            return True

    def _handler(self):
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def body(self):
                if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                    parts = []
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        parts.append(self.rfile.read(size))
                        self.rfile.readline()
                    self.rfile.readline()
                    return b"".join(parts)
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def forward(self):
                body = self.body()
                sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOP | {"expect"}}
                ahead = http.client.HTTPConnection(proxy._upstream, timeout=60)
                ahead.request(self.command, self.path, body=body or None,
                              headers={**sent, "Content-Length": str(len(body))} if self.command not in ("GET", "HEAD")
                              else sent)
                answer = ahead.getresponse()
                content = answer.read()
                if self.command not in ("GET", "HEAD") and proxy._carried_out():
                    self.close_connection = True
                    return
                self.send_response_only(answer.status, answer.reason)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                length = answer.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
                if length is not None:
                    self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(content)
                ahead.close()

            do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = forward

        return Handler

    def close(self):
        self._known.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
