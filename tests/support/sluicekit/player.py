"""Plays a recorded transcript back: a server that gives the recorded answers, one after the other, to exactly the
recorded requests. It stands where a Sandbox would, and shows that the replayer agrees and disagrees when it should."""

import base64
import http.client
import http.server
import json
import re
import threading

from .sandbox import PASSWORD
from .transcript import WRONG_TOKEN, invented
from .wire import Wire

_HOLE = re.compile(r"<((?:[a-z-]+?)(?:-[a-z0-9]+)?)>")
_FIXED = {"time": "2024-05-05T05:05:05Z", "rnd": "x7k2p", "addr": "10.0.0.9", "any": "acme-any"}
INTERNAL, EXTERNAL = "registry.test:5000", "registry.example.test"


class Player:
    """`values`: what placeholders stand for instead of the usual ("rv-2": "7"). `reluctant`: every "eventually" step
    is first answered wrongly."""

    registry_internal, registry_external = INTERNAL, EXTERNAL
    admin_token = "token-of-admin"

    def __init__(self, transcript, values=None, reluctant=True):
        self._transcript, self._values = transcript, {**invented(transcript), **(values or {})}
        self._steps = [*((step, True) for step in transcript["setup"]),
                       *((step, False) for step in transcript["steps"] if "request" in step)]
        self._hesitated = not reluctant
        self._blobs = {name: base64.b64decode(text) for name, text in transcript.get("blobs", {}).items()}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.unexpected, self.knobs, self.worlds = [], [], []
        self._notified = False
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self):
                outer._answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"
        self.ready = {"registry_url": f"http://{self.address}", "api": f"http://{self.address}"}
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    # What a Sandbox offers to the replayer.

    def api(self, _identity, **more):
        return Wire(self.ready["api"], **more)

    registry = api

    def scenario(self, scenario):
        self.worlds.append(scenario)
        return {name: f"token-of-{name}" for name in scenario["tokens"]}

    def knob(self, name, **settings):
        self.knobs.append((name, settings))

    def settle(self):
        pass

    # Answers.

    def _answer(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        with self._lock:
            if self._watch(handler):
                return
            step, setup = self._steps[0] if self._steps else (None, False)
            wrong = "no request was expected any more" if step is None else self._wrong(step, handler, body)
            if wrong:
                self.unexpected.append(wrong)
                self._send(handler, 599, {}, wrong.encode())
                return
            if step.get("eventually") and not self._hesitated:
                self._hesitated = True
                self._send(handler, 503, {}, b"not yet")
                return
            self._hesitated = False
            self._steps.pop(0)
            self._reply(handler, step["response"], setup)
        if not self._steps:
            self._notify()

    def _reply(self, handler, response, setup):
        headers = {name: self._text(value) for name, value in response.get("headers", {}).items()}
        body = self._bytes(response.get("body"))
        if setup and "body" not in response:
            body = b"{}"
        self._send(handler, response["status"], headers, body)

    def _send(self, handler, status, headers, body):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        if "Content-Length" not in headers and status not in (204, 304):
            handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if handler.command != "HEAD":
            handler.wfile.write(body)

    def _wrong(self, step, handler, body):
        """What is not as recorded in a request."""
        request = step["request"]
        path = self._text(request["path"])
        if (handler.command, handler.path) != (request["method"], path):
            return f"expected {request['method']} {path}, seen {handler.command} {handler.path}"
        credential = self._credential(step)
        if handler.headers.get("Authorization") != credential:
            return f"expected Authorization {credential}, seen {handler.headers.get('Authorization')}"
        for name, value in request.get("headers", {}).items():
            if isinstance(value, str) and handler.headers.get(name) != self._text(value):
                return f"expected header {name}: {value}, seen {handler.headers.get(name)}"
        if not self._same_body(request.get("body"), body):
            return f"expected body {str(request.get('body'))[:300]}, seen {body[:300]!r}"
        return None

    def _same_body(self, wanted, body):
        expected = self._bytes(wanted)
        if not isinstance(wanted, (dict, list)) or "$blob" in wanted or "$text" in wanted:
            return body == expected
        plain = re.sub(rb'"[0-9-]{10}T[0-9:]{8}Z"', b'"time"', body)
        return json.loads(plain) == json.loads(re.sub(rb'"[0-9-]{10}T[0-9:]{8}Z"', b'"time"', expected))

    def _credential(self, step):
        shown = step["request"].get("headers", {}).get("Authorization")
        if isinstance(shown, dict):
            return _basic(*(self._text(part) for part in shown["$basic"]))
        if shown is not None:
            return shown
        if step["as"] == "anonymous":
            return None
        token = WRONG_TOKEN if step["as"] == "wrong-token" else f"token-of-{step['as']}"
        return _basic("any", token) if step.get("auth") == "basic" else "Bearer " + token

    def _watch(self, handler):
        for watch in self._transcript.get("watch", ()):
            if self._text(watch["path"]) == handler.path:
                handler.send_response(watch["status"])
                handler.send_header("Connection", "close")
                handler.end_headers()
                for frame in watch["events"]:
                    handler.wfile.write(json.dumps(self._json(frame)).encode() + b"\n")
                handler.wfile.flush()
                self._lock.release()
                self._over.wait(20)
                self._lock.acquire()
                handler.close_connection = True
                return True
        return False

    def _notify(self):
        endpoints = [one for name, settings in self.knobs if name == "notifications" for one in settings["endpoints"]]
        if self._notified or not endpoints:
            return
        self._notified = True
        wanted = self._transcript["notifications"]
        for event in [{"action": "push", "target": {"repository": "other/thing"}}, *wanted["events"]]:
            address = endpoints[0]["url"].split("/")[2]
            connection = http.client.HTTPConnection(address)
            connection.request("POST", "/events", json.dumps({"events": [self._json(event)]}),
                               {"Content-Type": wanted["content_type"]})
            connection.getresponse().read()
            connection.close()

    # Recorded values made real.

    def _bytes(self, value):
        if value is None or _is_omitted(value):
            return b"{}" if value else b""
        if isinstance(value, dict) and "$blob" in value:
            return self._blobs[value["$blob"]]
        if isinstance(value, dict) and "$text" in value:
            return self._text(value["$text"]).encode()
        if isinstance(value, dict) and "$frames" in value:
            return b"".join(json.dumps(self._json(frame)).encode() + b"\n" for frame in value["$frames"])
        return json.dumps(self._json(value), separators=(",", ":")).encode() + b"\n"  # as Go's encoder writes

    def _json(self, value):
        if isinstance(value, dict):
            return {key: self._json(one) for key, one in value.items() if not _is_omitted(one)}
        if isinstance(value, list):
            return [self._json(one) for one in value]
        return self._text(value) if isinstance(value, str) else value

    def _text(self, text):
        return _HOLE.sub(lambda hole: self._value(hole[1], hole[0]), text)

    def _value(self, name, hole):
        kind, _, number = name.rpartition("-")
        fixed = {**_FIXED, "api": self.address, "registry": INTERNAL, "registry-external": EXTERNAL, "scheme": "http",
                 "password": PASSWORD, **self._values}
        if name in fixed:
            return fixed[name]
        if kind == "token" and not number.isdigit():
            return f"token-of-{number}"
        if not number.isdigit():
            return hole  # "<name>:<tag>" in a message
        made = {"rv": str(1000 + int(number)), "listrv": str(9000 + int(number)),
                "uid": f"00000000-0000-0000-0000-{int(number):012d}", "created": f"2024-01-01T00:00:{number:0>2}Z"}
        return made.get(kind, f"{kind}{number}x")

    def close(self):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _is_omitted(value):
    return isinstance(value, dict) and "$omitted" in value


def _basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
