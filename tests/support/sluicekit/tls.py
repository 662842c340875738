"""A certificate authority for one test: made by the openssl program, in a folder of its own, gone afterwards."""

import datetime
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

    The server's names are localhost, 127.0.0.1 and ::1, and those given; with `only` those given alone. `valid`: days
    from now between which the server's certificate counts, (0, 2) by default; `ca_name`: of the authority;
    `extension`: a line more for the server's certificate.
    """

    def __init__(self, names=(), only=False, valid=None, ca_name="sluicekit authority",
                 extension=""):
        self.valid = valid
        self.folder = folder("tls")
        self.ca = self.folder / "ca.crt"
        self._ca_key = self.folder / "ca.key"
        _openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                 "-subj", f"/CN={ca_name}", "-keyout", self._ca_key, "-out", self.ca)
        usual = [] if only else ["DNS:localhost", "IP:127.0.0.1", "IP:::1"]
        alternatives = ",".join([*usual, *(f"DNS:{name}" for name in names)])
        self.server_cert, self.server_key = self._issue("server", f"subjectAltName={alternatives}\n{extension}")
        self.client_cert, self.client_key = self._issue("client", "extendedKeyUsage=clientAuth")

    def _issue(self, name, extension):
        key, request, cert = (self.folder / f"{name}.{end}" for end in ("key", "csr", "crt"))
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(extension + "\n")
        _openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                 "-keyout", key, "-out", request)
        if self.valid is not None and name == "server":
            self._sign_dated(request, extensions, cert)
            return cert, key
        _openssl("x509", "-req", "-in", request, "-CA", self.ca, "-CAkey", self._ca_key, "-CAcreateserial",
                 "-days", "2", "-extfile", extensions, "-out", cert)
        return cert, key

    def old_ca(self):
        """A certificate of the authority with the same name and key that has expired."""
        request, extensions, cert = (self.folder / f"old.{end}" for end in ("csr", "ext", "crt"))
        subject = _openssl("x509", "-in", self.ca, "-noout", "-subject").decode().split("CN = ")[1].strip()
        _openssl("req", "-new", "-key", self._ca_key, "-subj", f"/CN={subject}", "-out", request)
        extensions.write_text("basicConstraints=critical,CA:TRUE\n")
        self.valid = (-9, -2)
        self._sign_dated(request, extensions, cert)
        return cert

    def _sign_dated(self, request, extensions, cert):
        """Only `openssl ca` takes dates, and it wants a folder of its own."""
        book = self.folder / f"book-{cert.stem}"
        book.mkdir()
        (book / "index").write_text("")
        (book / "serial").write_text("01\n")
        (book / "conf").write_text(
            f"[ca]\ndefault_ca = d\n[d]\nnew_certs_dir = {book}\ndatabase = {book}/index\nserial = {book}/serial\n"
            "default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n")
        now = datetime.datetime.now(datetime.timezone.utc)
        first, last = ((now + datetime.timedelta(days=days)).strftime("%Y%m%d%H%M%SZ") for days in self.valid)
        _openssl("ca", "-batch", "-notext", "-config", book / "conf", "-cert", self.ca, "-keyfile", self._ca_key,
                 "-startdate", first, "-enddate", last, "-in", request, "-extfile", extensions, "-out", cert)

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
