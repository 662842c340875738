"""What end-to-end tests have in common: registries per class, a home per test, assertions that show the whole run, and
the rule that no secret ever appears in any output."""

import base64
import json
import re
import subprocess
import unittest

from .registry import PASSWORD, USER, Registry
from .sluice import Sluice
from .tools import find


def skopeo_raw(host, reference, *flags):
    """The manifest's bytes as skopeo reads them, or None where skopeo is not installed."""
    if find("skopeo") is None:
        return None
    done = subprocess.run(["skopeo", "inspect", "--raw", "--tls-verify=false", *map(str, flags),
                           f"docker://{host}/{reference}"], capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"skopeo inspect {host}/{reference}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def content(registry):
    """Everything a registry holds, read from its storage: blobs, links and what tags stand for. Unfinished uploads are
    left out: they are nobody's content."""
    found = {}
    for path in registry.storage.rglob("*"):
        name = str(path.relative_to(registry.storage))
        if path.is_file() and "/_uploads/" not in name:
            found[name] = path.read_text() if path.name == "link" else path.stat().st_size
    return found


def is_own(tag):
    """Whether a tag is one of those that sluice keeps for itself: memory, pins and numbers."""
    return re.fullmatch(r"sluice-(memory|number-[1-9][0-9]*-[0-9a-f]{12}|[0-9a-f]{12})", tag) is not None


def wrote(exchange):
    """Whether an exchange of a proxy's log asked for a change."""
    return exchange["method"] not in ("GET", "HEAD")


def basic(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


class E2eCase(unittest.TestCase):
    """Registries `a` and `b` are shared by the tests of a class; each test works in projects of its own (`project`)."""

    shared_registries = ("a", "b")
    longMessage = True

    @classmethod
    def setUpClass(cls):
        for name in cls.shared_registries:
            setattr(cls, name, cls.enterClassContext(Registry()))

    def setUp(self):
        self.secrets = {PASSWORD, basic(USER, PASSWORD)}
        self._homes = []
        self.project = re.sub(r"[^a-z0-9]+", "-", self.id().rpartition(".")[2].lower())[5:60].strip("-")
        self.addCleanup(self._scan_for_secrets)

    def home(self, environment=None):
        """A home for sluice; gone after the test."""
        made = self.enterContext(Sluice(environment))
        self._homes.append(made)
        return made

    def _scan_for_secrets(self):
        for home in self._homes:
            for outcome in home.outcomes:
                for secret in self.secrets:
                    self.assertNotIn(secret, outcome.out + outcome.err, f"a secret was shown\n{outcome}")

    # Assertions about runs.

    def ok(self, outcome):
        """Exit code 0; gives the outcome back."""
        self.assertEqual(outcome.code, 0, outcome)
        return outcome

    def fails(self, outcome, code, *words):
        """This exit code and one line on stderr that begins with "sluice: " and has all these words; nothing that looks
        like a result on stdout."""
        self.assertEqual(outcome.code, code, outcome)
        lines = outcome.err.splitlines()
        said = [line for line in lines if line.startswith("sluice: ")]
        self.assertEqual(len(said), 1, f"expected one line of error\n{outcome}")
        for word in words:
            self.assertIn(word, said[0], outcome)
        return said[0]

    def fails_plainly(self, outcome, code, *words):
        """As fails(), and there is nothing else on either stream."""
        line = self.fails(outcome, code, *words)
        self.assertEqual(outcome.err, line + "\n", f"expected one line on stderr\n{outcome}")
        self.assertEqual(outcome.out, "", outcome)
        return line

    # Assertions about the world.

    def holds(self, registry, repository, reference, image):
        """The reference stands for exactly this image, complete, as other clients see it."""
        client = registry.client()
        where = f"{repository}{'@' if ':' in reference else ':'}{reference}"
        body, _, digest = client.manifest(repository, reference)
        self.assertEqual(digest, image.digest, where)
        self.assertEqual(body, image.manifest, where)
        flags = ["--creds", f"{USER}:{PASSWORD}"] if registry.auth is not None else []
        seen = skopeo_raw(registry.host, where, *flags)
        self.assertIn(seen, (None, image.manifest), f"{where}, as skopeo reads it")
        self._holds_content(client, repository, image)

    def tags(self, registry, repository):
        """The tags of a repository that are not sluice's own."""
        return [tag for tag in registry.client().tags(repository) if not is_own(tag)]

    def own_tags(self, registry, repository):
        return [tag for tag in registry.client().tags(repository) if is_own(tag)]

    def remembers(self, registry, repository, *images):
        """The repository has its memory, and a pin for each of these images; what claims numbers aside."""
        pins = {"sluice-" + image.digest[7:19] for image in images}
        own = {tag for tag in self.own_tags(registry, repository) if not tag.startswith("sluice-number-")}
        self.assertEqual(own, {"sluice-memory", *pins}, repository)
        client = registry.client()
        for image in images:
            self.assertEqual(client.manifest(repository, "sluice-" + image.digest[7:19])[2], image.digest, "a pin")

    def _holds_content(self, client, repository, image):
        for blob in image.blobs:
            bytes_there = client.blob(repository, blob.digest)
            self.assertEqual(bytes_there, b"".join(blob.chunks()), f"{repository} {blob.digest}")
        for child in image.children:
            manifest, _, _ = client.manifest(repository, child.digest)
            self.assertEqual(manifest, child.manifest, f"{repository} {child.digest}")
            self._holds_content(client, repository, child)

    def unchanged(self, registry):
        """A check for later: the registry's content is still what it is now."""
        before = content(registry)
        return lambda why="": self.assertEqual(content(registry), before, f"the registry changed {why}")


def pipeline(app, images, *environments, source=None):
    """A pipeline as YAML (JSON is YAML). An environment is (name, [(registry, project), ...]) or (name, [...], tag)."""
    document = {"app": app, "images": list(images), "environments": []}
    if source:
        document["source"] = source
    for name, targets, *tag in environments:
        document["environments"].append({
            "name": name, "targets": [{"registry": registry, "project": project} for registry, project in targets],
            **({"tag": tag[0]} if tag else {})})
    return json.dumps(document, indent=1)
