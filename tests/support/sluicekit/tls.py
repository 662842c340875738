"""A certificate authority for one test: made by the openssl program, in a folder of its own, gone afterwards."""

import shutil
import subprocess

from .tools import folder


def _openssl(*arguments, stdin=b""):
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


class Certificates:
    """`ca`, `server_cert`, `server_key`, `client_cert`, `client_key`: PEM files of a fresh authority.

    The server's names are localhost, 127.0.0.1 and ::1, and those given.
    """

    def __init__(self, names=()):
        self.folder = folder("tls")
        self.ca = self.folder / "ca.crt"
        self._ca_key = self.folder / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", "/CN=sluicekit authority", "-keyout", self._ca_key, "-out", self.ca)
        alternatives = ",".join(["DNS:localhost", "IP:127.0.0.1", "IP:::1", *(f"DNS:{name}" for name in names)])
        self.server_cert, self.server_key = self._issue("server", f"subjectAltName={alternatives}")
        self.client_cert, self.client_key = self._issue("client", "extendedKeyUsage=clientAuth")

    def _issue(self, name, extension):
        key, request, cert = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(extension + "\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", key, "-out", request)
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._ca_key, "-CAcreateserial",
                 "-days", "2", "-extfile", extensions, "-out", cert)
        return cert, key

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Signer:
    """An RSA key with a self-signed certificate, to sign tokens by RS256."""

    def __init__(self):
        self.folder = folder("sign")
        self.cert = self.folder / "token.crt"
        self._key = self.folder / "token.key"
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=sluicekit tokens",
                 "-keyout", self._key, "-out", self.cert)
        self.cert_der = _openssl("x509", "-in", self.cert, "-outform", "DER")

    def sign(self, data):
        return _openssl("dgst", "-sha256", "-sign", self._key, stdin=data)

    def close(self):
        shutil.rmtree(self.folder, ignore_errors=True)
