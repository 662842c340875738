"""A server's certificate that is not taken: four causes with four ways out, for a registry and for an API; and where
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
)


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

    def test_a_registrys_certificate_has_four_causes_with_four_ways_out(self):
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
        if cause == "another name":
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

    def test_an_apis_certificate_has_four_causes_with_four_ways_out(self):
        for cause, how, said, fix in CAUSES:
            with self.subTest(cause):
                certificates, registry = self.registry(**how)
                outcome = self.status(registry, certificates.ca)
                self.assertNotEqual(outcome.code, 0, outcome)
                self.assertIn(f"the certificate of {registry.host} {said}", outcome.err, outcome)
                self.assertIn(fix, outcome.err, outcome)

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
