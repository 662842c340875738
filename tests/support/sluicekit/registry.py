"""A real registry: Debian's docker-registry (distribution) on a free loopback port, with storage of its own."""

import os
import pathlib
import re
import shutil
import subprocess
import threading

from .process import Child
from .registry_client import RegistryClient
from .tools import folder, need

USER = "robot"
PASSWORD = "open sesame"
# bcrypt of PASSWORD: Python has no bcrypt of its own, and the registry accepts nothing else.
_HTPASSWD = USER + ":$2a$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy\n"

_CONFIG = """\
version: 0.1
log: {level: info, formatter: text, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: /nowhere}
  delete: {enabled: true}
  maintenance: {uploadpurging: {enabled: false}}
http: {addr: "127.0.0.1:0", secret: "only for tests"}
"""
_LISTENING = re.compile(r"listening on [^ \"]*:(\d+)")


class Registry:
    """Started by construction (or `with`), stopped by close().

    auth: None, "basic" (USER and PASSWORD), or a TokenServer.
    tls: None, or Certificates.
    storage: a folder to keep; by default one under `parent` (default: the temp folder) that is removed at the end.
    environment: more REGISTRY_* settings. port: 0 is a free one.
    """

    def __init__(self, auth=None, tls=None, storage=None, parent=None, environment=None, port=0):
        need("docker-registry")
        self.folder = folder("registry", parent)
        self.storage = pathlib.Path(storage) if storage else self.folder / "storage"
        self.auth, self.tls = auth, tls
        self._settings = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "OTEL_TRACES_EXPORTER": "none",
            "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(self.storage),
            **self._tls_settings(),
            **(environment or {}),
        }
        config = self.folder / "config.yml"
        config.write_text(_CONFIG)
        self._config = config
        self._child = None
        self.port = port
        self.start()

    def _auth_settings(self):
        if self.auth is None:
            return {}
        if self.auth == "basic":
            entries = self.folder / "htpasswd"
            entries.write_text(_HTPASSWD)
            return {"REGISTRY_AUTH": "htpasswd", "REGISTRY_AUTH_HTPASSWD_REALM": "sluicekit",
                    "REGISTRY_AUTH_HTPASSWD_PATH": str(entries)}
        return {"REGISTRY_AUTH": "token", "REGISTRY_AUTH_TOKEN_REALM": self.auth.realm,
                "REGISTRY_AUTH_TOKEN_SERVICE": self.auth.service, "REGISTRY_AUTH_TOKEN_ISSUER": self.auth.issuer,
                "REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE": str(self.auth.certificate)}

    def _tls_settings(self):
        if self.tls is None:
            return {}
        return {"REGISTRY_HTTP_TLS_CERTIFICATE": str(self.tls.server_cert),
                "REGISTRY_HTTP_TLS_KEY": str(self.tls.server_key)}

    def start(self):
        """Starts it, or starts it again on the same port with the same storage."""
        settings = dict(self._settings, **self._auth_settings(), REGISTRY_HTTP_ADDR=f"127.0.0.1:{self.port}")
        log = self.folder / "log"
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb") as output:
            # `exec` by the config path: settings come from the environment, as the registry documents.
            self._child = Child(["docker-registry", "serve", self._config], env=settings, stdout=output, stderr=output)
        lines = os.fdopen(reader, "r", errors="replace")
        seen = []
        for line in lines:
            seen.append(line)
            found = _LISTENING.search(line)
            if found:
                self.port = int(found.group(1))
                break
        else:
            self._child.stop()
            lines.close()
            raise RuntimeError("docker-registry did not start: " + "".join(seen[-5:]).strip())
        log.write_text("".join(seen))
        self._drain = threading.Thread(target=_copy_lines, args=(lines, log), daemon=True)
        self._drain.start()

    def stop(self):
        """Stops the process and keeps the storage."""
        self._child.stop()
        self._drain.join()

    def wipe(self):
        """Forgets all content, as a fresh registry would. Stops and starts it: it caches what it has seen."""
        self.stop()
        shutil.rmtree(self.storage, ignore_errors=True)
        self.start()

    def collect_garbage(self, *flags):
        """Runs docker-registry's own clean-up, while it is stopped, as its documentation asks for."""
        self.stop()
        subprocess.run(["docker-registry", "garbage-collect", *flags, self._config], check=True, capture_output=True,
                       env={**self._settings, **self._auth_settings()}, timeout=60)
        self.start()

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    @property
    def host(self):
        """HOST:PORT, as it stands in references."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://{self.host}"

    def client(self, user=None, password=None):
        """A plain client with all rights, or with these credentials."""
        if user is None and self.auth is not None:
            user, password = USER, PASSWORD
        return RegistryClient(self.url, user=user, password=password, ca=self.tls.ca if self.tls else None)

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _copy_lines(lines, path):
    with lines, path.open("a") as out:
        for line in lines:
            out.write(line)
            out.flush()
