"""The registry protocol, plainly: what tests use to put images where sluice finds them, and to look at what it did."""

import base64
import hashlib
import http.client
import json
import re
import ssl
import urllib.parse
import urllib.request

ACCEPT = ", ".join([
    "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
])


class RegistryError(Exception):
    def __init__(self, method, target, status, body):
        super().__init__(f"{method} {target}: HTTP {status}: {body[:300]!r}")
        self.status, self.body = status, body


class RegistryClient:
    """One registry, one identity. Each call is a connection of its own; safe between threads."""

    def __init__(self, url, user=None, password=None, ca=None):
        self.url = urllib.parse.urlsplit(url)
        self._basic = None
        if user is not None:
            self._basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._tls = ssl.create_default_context(cafile=str(ca)) if ca else None

    # One exchange.

    def call(self, method, target, body=None, headers=None, expect=(200,)):
        """(status, headers, body). `body` may be bytes or an iterable of them (with Content-Length in headers)."""
        for authorization in self._authorizations():
            reply = self._once(method, target, body() if callable(body) else body, headers or {}, authorization)
            status, fields, text = reply
            challenge = fields.get("www-authenticate", "")
            if status == 401 and challenge.startswith("Bearer "):
                token = self._token(challenge)
                status, fields, text = self._once(
                    method, target, body() if callable(body) else body, headers or {}, "Bearer " + token)
            if status != 401:
                break
        if expect and status not in expect:
            raise RegistryError(method, target, status, text)
        return status, fields, text

    def _authorizations(self):
        # The body is sent twice when a challenge comes; tests can afford it.
        return [None, self._basic] if self._basic else [None]

    def _once(self, method, target, body, headers, authorization):
        place = urllib.parse.urljoin(self.url.geturl(), target)
        parts = urllib.parse.urlsplit(place)
        if parts.scheme == "https":
            connection = http.client.HTTPSConnection(parts.netloc, context=self._tls, timeout=120)
        else:
            connection = http.client.HTTPConnection(parts.netloc, timeout=120)
        try:
            fields = dict(headers)
            if authorization:
                fields["Authorization"] = authorization
            query = "?" + parts.query if parts.query else ""
            try:
                connection.request(method, parts.path + query, body=body, headers=fields)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before the body was read; the answer says why
            response = connection.getresponse()
            return response.status, {k.lower(): v for k, v in response.getheaders()}, response.read()
        finally:
            connection.close()

    def _token(self, challenge):
        facts = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        query = {"service": facts.get("service", "")}
        if facts.get("scope"):
            query["scope"] = facts["scope"]
        request = urllib.request.Request(facts["realm"] + "?" + urllib.parse.urlencode(query))
        if self._basic:
            request.add_header("Authorization", self._basic)
        with urllib.request.urlopen(request, timeout=30) as reply:
            answer = json.load(reply)
        return answer.get("token") or answer["access_token"]

    # Reading.

    def manifest(self, repository, reference):
        """(bytes, media type, digest). The digest is computed here, not believed."""
        _, fields, body = self.call("GET", f"/v2/{repository}/manifests/{reference}", headers={"Accept": ACCEPT})
        return body, fields.get("content-type", ""), digest_of(body)

    def digest(self, repository, reference):
        """The digest that a tag points at, or None."""
        status, fields, _ = self.call("HEAD", f"/v2/{repository}/manifests/{reference}", headers={"Accept": ACCEPT},
                                      expect=(200, 404))
        return fields["docker-content-digest"] if status == 200 else None

    def has_blob(self, repository, digest):
        return self.call("HEAD", f"/v2/{repository}/blobs/{digest}", expect=(200, 404))[0] == 200

    def blob(self, repository, digest):
        return self.call("GET", f"/v2/{repository}/blobs/{digest}")[2]

    def tags(self, repository):
        status, _, body = self.call("GET", f"/v2/{repository}/tags/list", expect=(200, 404))
        return sorted(json.loads(body)["tags"] or []) if status == 200 else []

    def repositories(self):
        return json.loads(self.call("GET", "/v2/_catalog?n=1000")[2])["repositories"]

    # Writing.

    def push_blob(self, repository, blob):
        """Uploads a blob (with .digest, .size and .chunks()) unless the repository has it."""
        if self.has_blob(repository, blob.digest):
            return
        _, fields, _ = self.call("POST", f"/v2/{repository}/blobs/uploads/", headers={"Content-Length": "0"},
                                 expect=(202,))
        location = fields["location"]
        joiner = "&" if "?" in location else "?"
        self.call("PUT", f"{location}{joiner}digest={urllib.parse.quote(blob.digest)}", body=blob.chunks,
                  headers={"Content-Length": str(blob.size), "Content-Type": "application/octet-stream"},
                  expect=(201,))

    def push_manifest(self, repository, reference, body, media_type):
        _, fields, _ = self.call("PUT", f"/v2/{repository}/manifests/{reference}", body=body,
                                 headers={"Content-Type": media_type, "Content-Length": str(len(body))}, expect=(201,))
        return fields.get("docker-content-digest", digest_of(body))

    def push(self, repository, tag, image):
        """Puts an Image or an Index with everything in it; gives the digest."""
        for child in image.children:
            self.push(repository, child.digest, child)
        for blob in image.blobs:
            self.push_blob(repository, blob)
        return self.push_manifest(repository, tag, image.manifest, image.media_type)

    def delete_manifest(self, repository, digest):
        self.call("DELETE", f"/v2/{repository}/manifests/{digest}", expect=(202,))


def digest_of(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()
