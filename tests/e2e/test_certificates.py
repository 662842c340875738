"""A server's certificate that is not taken: each cause with its own way out, for a registry and for an API; and where
authorities come from."""

import datetime
import json
import shutil
import unittest

import sluicekit as kit
from sluicekit.sluice import Sluice, binary

binary()

# Cause, how it is made, what is said, what is to be done.
CAUSES = (
    ("expired", {"valid": (-9, -2)}, "has expired: it is valid from ", "have it renewed; when the clock is wrong"),
    ("not yet valid", {"valid": (2, 9)}, "is not valid yet: it is valid from ", "when the clock is wrong, set it"),
    ("another name", {"only": True, "names": ("other.example.com",)}, "is for other names: other.example.com",
     "use a name that it is for"),
    ("another purpose", {"extension": "extendedKeyUsage=clientAuth"}, "is refused: un",
     "have it made anew, with a key usage"),
    ("an unknown critical extension", {"extension": "1.2.3.4.5.6=critical,DER:0500"},
     "is refused: unhandled critical extension", "have it made anew"),
)
# Those whose dates are in the message.
DATED = ("expired", "not yet valid")
BROKEN = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
TRUNCATED = "-----BEGIN CERTIFICATE-----\nMIIB\n"


class Certificates(unittest.TestCase):
    longMessage = True

    def setUp(self):
        self.sluice = self.enterContext(Sluice())

    def registry(self, **how):
        certificates = self.enterContext(kit.Certificates(**how))
        return certificates, self.enterContext(kit.Registry(tls=certificates))

    def tags(self, registry, *flags, code=8, environment=None):
        outcome = self.sluice.run("tags", f"{registry.host}/shop/web", *flags, environment=environment)
        if code is not None:
            self.assertEqual(outcome.code, code, outcome)
        return outcome

    def status(self, registry, ca=None):
        """Of a pipeline whose cluster's API is spoken to at that address."""
        entry = {"api": f"https://{registry.host}", "token": "env:TOKEN", **({"ca": f"file:{ca}"} if ca else {})}
        self.sluice.write(".config/sluice/clusters.yaml", json.dumps({"clusters": {"box": entry}}))
        self.sluice.write("sluice.yaml", json.dumps({"app": "shop", "images": ["web"], "environments": [
            {"name": "dev", "cluster": "box", "project": "d"}, {"name": "prod", "cluster": "box", "project": "p"}]}))
        return self.sluice.run("status", environment={"TOKEN": "t"})

    def test_a_registrys_certificate_is_told_with_its_cause_and_the_way_out_of_it(self):
        for cause, how, said, fix in CAUSES:
            with self.subTest(cause):
                certificates, registry = self.registry(**how)
                outcome = self.tags(registry, "--cert-dir", certificates.folder, code=None)
                self.assertNotEqual(outcome.code, 0, outcome)
                self.assertIn(f"the certificate of {registry.host} {said}", outcome.err, outcome)
                self.assertIn(fix, outcome.err, outcome)
                self.assertNotIn("certs.d", outcome.err, outcome)
                self.dated(cause, outcome)

    def dated(self, cause, outcome):
        if cause not in DATED:
            return
        today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")
        self.assertIn(f"this machine's clock says {today}", outcome.err, outcome)

    def test_a_registry_that_nobody_vouches_for_names_every_place_of_its_ca(self):
        certificates, registry = self.registry()
        outcome = self.tags(registry, code=None)
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertIn("it was issued by sluicekit authority", outcome.err, outcome)
        for place in (f"/etc/containers/certs.d/{registry.host}", f"~/.config/containers/certs.d/{registry.host}",
                      "--cert-dir", "--src-cert-dir", "`ca:`"):
            self.assertIn(place, outcome.err, outcome)
        self.tags(registry, "--cert-dir", certificates.folder, code=None)
        place = self.sluice.home / ".config" / "containers" / "certs.d" / registry.host
        place.mkdir(parents=True)
        shutil.copy(certificates.ca, place / "ca.crt")
        self.assertNotIn("certificate", self.tags(registry, code=None).err)

    def test_an_apis_certificate_is_told_with_its_cause_and_the_way_out_of_it(self):
        for cause, how, said, fix in CAUSES:
            with self.subTest(cause):
                certificates, registry = self.registry(**how)
                outcome = self.status(registry, certificates.ca)
                self.assertNotEqual(outcome.code, 0, outcome)
                self.assertIn(f"the certificate of {registry.host} {said}", outcome.err, outcome)
                self.assertIn(fix, outcome.err, outcome)
                self.assertNotIn("`ca:`", outcome.err, outcome)

    def test_an_api_that_nobody_vouches_for_names_its_own_ca_and_not_certs_d(self):
        certificates, registry = self.registry()
        outcome = self.status(registry)
        self.assertIn("`ca:` of the entry", outcome.err, outcome)
        self.assertIn("clusters.yaml (box)", outcome.err, outcome)
        self.assertIn("the folders of certs.d are for registries", outcome.err, outcome)
        self.assertNotIn("/etc/containers", outcome.err, outcome)
        self.assertNotIn("is not trusted", self.status(registry, certificates.ca).err)

    def test_ssl_cert_file_and_ssl_cert_dir_are_read(self):
        certificates, registry = self.registry()
        folder = self.sluice.home / "authorities"
        folder.mkdir()
        shutil.copy(certificates.ca, folder / "some.pem")
        self.assertIn("is not trusted", self.tags(registry, code=None).err)
        for environment in ({"SSL_CERT_FILE": str(certificates.ca)}, {"SSL_CERT_DIR": f"/nowhere:{folder}"}):
            with self.subTest(str(environment)):
                outcome = self.tags(registry, code=None, environment=environment)
                self.assertNotIn("certificate", outcome.err, outcome)

    def test_a_broken_file_beside_good_ones_takes_no_trust_away_and_is_named(self):
        certificates, registry = self.registry()
        _, stranger = self.registry(ca_name="a stranger")
        folder = self.sluice.home / "authorities"
        folder.mkdir()
        shutil.copy(certificates.ca, folder / "m.pem")
        (folder / "a.pem").write_text(BROKEN)
        (folder / "z.pem").write_text(TRUNCATED)
        for environment in ({"SSL_CERT_DIR": str(folder)},
                            {"SSL_CERT_FILE": str(certificates.ca), "SSL_CERT_DIR": str(folder)},
                            {"SSL_CERT_FILE": str(folder / "a.pem"), "SSL_CERT_DIR": str(folder)}):
            with self.subTest(str(environment)):
                outcome = self.tags(registry, code=None, environment=environment)
                self.assertNotIn("certificate", outcome.err, outcome)
                told = self.tags(stranger, code=None, environment=environment).err
                self.assertIn("not all authorities of this machine could be read: ", told)
                for name in ("a.pem", "z.pem"):
                    self.assertIn(f"{folder / name} has a part that is no PEM (from SSL_CERT_DIR)", told)

    def test_a_folder_that_is_missing_does_not_look_like_the_loss_of_all(self):
        certificates, _ = self.registry()
        _, stranger = self.registry(ca_name="a stranger")
        told = self.tags(stranger, code=None, environment={
            "SSL_CERT_FILE": str(certificates.ca), "SSL_CERT_DIR": "/nowhere/one:/nowhere/two"}).err
        self.assertIn("not all authorities of this machine could be read: ", told)
        for name in ("/nowhere/one", "/nowhere/two"):
            self.assertIn(f"{name}: No such file or directory (from SSL_CERT_DIR)", told)

    def test_an_own_ca_that_has_expired_does_not_hide_the_good_one_of_the_bundle(self):
        certificates, registry = self.registry()
        folder = self.sluice.home / "own"
        folder.mkdir()
        shutil.copy(certificates.old_ca(), folder / "ca.crt")
        alone = self.tags(registry, "--cert-dir", folder, code=None)
        self.assertIn("the certificate of the authority sluicekit authority", alone.err, alone)
        self.assertIn("has expired", alone.err, alone)
        both = self.tags(registry, "--cert-dir", folder, code=None,
                         environment={"SSL_CERT_FILE": str(certificates.ca)})
        self.assertNotIn("certificate", both.err, both)

    def test_a_bundle_that_cannot_be_read_is_said(self):
        _, registry = self.registry()
        outcome = self.tags(registry, code=None, environment={"SSL_CERT_FILE": "/nowhere/bundle.pem"})
        self.assertIn("the authorities of this machine could not be read", outcome.err, outcome)
        self.assertIn("/nowhere/bundle.pem", outcome.err, outcome)
        self.assertIn("SSL_CERT_FILE", outcome.err, outcome)


if __name__ == "__main__":
    unittest.main()
