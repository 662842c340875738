"""nginx in front of a registry: TLS, and client certificates when asked."""

import contextlib
import shutil
import socket
import time

from .process import Child
from .tools import find, folder, need

_CONFIG = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {tls.server_cert};
    ssl_certificate_key {tls.server_key};
    {clients}
    location / {{
      proxy_pass http://{upstream};
      proxy_http_version 1.1;
      proxy_request_buffering off;
      proxy_buffering off;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto https;
    }}
  }}
}}
"""


class TlsFront:
    """https on a free port in front of `upstream` (HOST:PORT). With `client_certificates`, only who bears one of the
    authority's comes in."""

    def __init__(self, upstream, certificates, client_certificates=False):
        need("nginx")
        self.certificates = certificates
        self.folder = folder("nginx")
        clients = ""
        if client_certificates:
            clients = f"ssl_client_certificate {certificates.ca}; ssl_verify_client on;"
        for attempt in range(5):
            # nginx takes no port 0: another process may take the port in between, so try again.
            self.port = _free_port()
            (self.folder / "nginx.conf").write_text(_CONFIG.format(
                folder=self.folder, port=self.port, tls=certificates, clients=clients, upstream=upstream))
            with (self.folder / "output").open("wb") as output:
                self._child = Child([find("nginx"), "-p", self.folder, "-e", self.folder / "error.log", "-c",
                                     self.folder / "nginx.conf"], stdout=output, stderr=output)
            if self._answers():
                return
            self._child.stop()
        message = (self.folder / "output").read_text(errors="replace")[-400:]
        self.close()
        raise RuntimeError(f"nginx did not start after {attempt + 1} attempts: {message}")

    def _answers(self):
        """Waits until it listens (nginx has no other sign), or ended."""
        while self._child.popen.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5):
                return self._child.popen.poll() is None
            time.sleep(0.01)
        return False

    @property
    def host(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url(self):
        return f"https://{self.host}"

    def close(self):
        self._child.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
