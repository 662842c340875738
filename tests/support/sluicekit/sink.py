"""Takes what a registry notifies."""

import http.server
import json
import queue
import threading
import time


class Sink:
    """Takes registry notifications: events in the order of arrival. `refuse` = answers that are given first."""

    def __init__(self, refuse=(), port=0):
        self.kinds, self.refused = [], []
        self._events = queue.Queue()
        refuse = list(refuse)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status = refuse.pop(0) if refuse else 200
                if status == 200:
                    outer.kinds.append(self.headers.get("Content-Type"))
                    for event in json.loads(body)["events"]:
                        outer._events.put(event)
                else:
                    outer.refused.append(json.loads(body)["events"])
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/events"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, count, timeout=20, concerns=lambda event: True):
        """The next `count` events that concern us; fewer when no more come in time."""
        found, end = [], time.monotonic() + timeout
        while len(found) < count:
            try:
                event = self._events.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                break
            if concerns(event):
                found.append(event)
        return found

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
