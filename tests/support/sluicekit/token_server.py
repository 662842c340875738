"""A token server as registries delegate to (distribution "Token Authentication"), with a few switches."""

import base64
import http.server
import json
import secrets
import socketserver
import threading
import time
import urllib.parse

from .tls import Signer


def _b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class TokenServer:
    """Give it to Registry(auth=...).

    accounts: {user: password}. Anonymous requests get what `allow(None, ...)` allows.
    allow(user, kind, name, action): whether a token carries the action; default: everything for a known user, and
    nothing for others.
    lifetime: seconds that a token says it is valid for.
    one_scope: grants only the first scope of a request, as some servers do.
    identity_tokens: hands out refresh tokens and takes them by POST.
    """

    service = "sluicekit registry"
    issuer = "sluicekit tokens"

    def __init__(self, accounts=None, allow=None, lifetime=300, one_scope=False, identity_tokens=False):
        from .registry import PASSWORD, USER
        self.accounts = accounts if accounts is not None else {USER: PASSWORD}
        self.allow = allow or (lambda user, kind, name, action: user is not None)
        self.lifetime, self.one_scope, self.identity_tokens = lifetime, one_scope, identity_tokens
        self.requests = []  # (method, user, [scope, ...]) of every request, in order
        self.issued = []  # every token that was handed out
        self.front = None  # HOST:PORT of a proxy in front, to be named as the realm; set before the registry starts
        self._refresh = {}
        self._signer = Signer()
        self._lock = threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer._get(self)

            def do_POST(self):
                outer._post(self)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_):
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def realm(self):
        return f"http://{self.front or self.host}/token"

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def certificate(self):
        return self._signer.cert

    def _get(self, handler):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(handler.path).query)
        user, bad = None, False
        header = handler.headers.get("Authorization", "")
        if header.startswith("Basic "):
            user, _, password = base64.b64decode(header[6:]).decode(errors="replace").partition(":")
            bad = self.accounts.get(user) != password
        self._grant(handler, "GET", user, bad, query)

    def _post(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode(errors="replace")
        form = urllib.parse.parse_qs(body)
        first = {key: values[0] for key, values in form.items()}
        if first.get("grant_type") == "refresh_token":
            user = self._refresh.get(first.get("refresh_token"))
            bad = user is None
        else:
            user = first.get("username")
            bad = user is None or self.accounts.get(user) != first.get("password")
        self._grant(handler, "POST", user, bad, form)

    def _grant(self, handler, method, user, bad, query):
        # Both forms are in use: several scope parameters, and one with blanks.
        scopes = [scope for value in query.get("scope", []) for scope in value.split()]
        with self._lock:
            self.requests.append((method, user, scopes))
        if bad:
            return self._send(handler, 401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong credentials"}]})
        if self.one_scope:
            scopes = scopes[:1]
        token = self._token(user, scopes, query.get("service", [self.service])[0])
        self.issued.append(token)
        answer = {"token": token, "access_token": token, "expires_in": self.lifetime,
                  "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        wants_refresh = method == "POST" or query.get("offline_token") == ["true"]
        if self.identity_tokens and user is not None and wants_refresh:
            answer["refresh_token"] = secrets.token_urlsafe(24)
            self._refresh[answer["refresh_token"]] = user
            self.issued.append(answer["refresh_token"])
        return self._send(handler, 200, answer)

    def _token(self, user, scopes, service):
        access = []
        for scope in scopes:
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            granted = [action for action in actions.split(",") if self.allow(user, kind, name, action)]
            if granted:
                access.append({"type": kind, "name": name, "actions": granted})
        now = int(time.time())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(self._signer.cert_der).decode()]}
        claims = {"iss": self.issuer, "sub": user or "", "aud": service, "nbf": now - 10, "iat": now,
                  "exp": now + self.lifetime, "jti": secrets.token_hex(8), "access": access}
        signed = _b64(json.dumps(header).encode()) + "." + _b64(json.dumps(claims).encode())
        return signed + "." + _b64(self._signer.sign(signed.encode()))

    def _send(self, handler, status, answer):
        body = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def identity_token(self, user):
        """A refresh token for a user, as `docker login` would have stored it."""
        token = secrets.token_urlsafe(24)
        self._refresh[token] = user
        return token

    def close(self):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._signer.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
