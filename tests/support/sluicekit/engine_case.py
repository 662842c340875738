"""What tests of the road docker between plain registries have in common."""

import base64
import json

from .case import E2eCase
from .engine import Engine, EngineProxy
from .images import DOCKER, random_image
from .registry import PASSWORD, USER, Registry


class EngineCase(E2eCase):
    """An engine for the class; each test has an app of one image that this engine wrote, in projects of its own."""

    auth = None
    kind = Engine

    @classmethod
    def setUpClass(cls):
        for name in cls.shared_registries:
            setattr(cls, name, cls.enterClassContext(Registry(auth=cls.auth)))
        cls.engine = cls.enterClassContext(cls.kind())

    def setUp(self):
        super().setUp()
        self.proxy = self.enterContext(EngineProxy(self.engine))
        self.sluice = self.home({"DOCKER_HOST": f"unix://{self.proxy.socket}"})
        self.write()

    def write(self, images=("web",)):
        document = {"app": "shop", "images": list(images), "environments": [
            {"name": "dev", "targets": [{"registry": self.a.host, "project": f"{self.project}/dev"}]},
            {"name": "prod", "targets": [{"registry": self.b.host, "project": f"{self.project}/prod", "via": "docker"}]}]}
        self.sluice.write("sluice.yaml", json.dumps(document))

    def login(self):
        if self.auth is None:
            return "e30="
        return base64.urlsafe_b64encode(json.dumps({"username": USER, "password": PASSWORD}).encode()).decode()

    def build(self, name="web", number=1):
        """A build that stands in dev and is not in the engine any more."""
        reference = f"{self.a.host}/{self.project}/dev/{name}:latest"
        self.engine.make(reference, seed=f"{self.project} {name} {number} ")
        digest = self.engine.push(reference, self.login())
        self.engine.remove(reference)
        return digest

    def promote(self, *flags, home=None):
        return (home or self.sluice).run("promote", "--to", "prod", "--yes", "-o", "json", *flags)

    def stands(self, digest, name="web", tag="latest"):
        self.assertEqual(self.b.client().digest(f"{self.project}/prod/{name}", tag), digest)

    def stands_nothing(self, name="web"):
        self.assertIsNone(self.b.client().digest(f"{self.project}/prod/{name}", "latest"))

    def stopped(self, outcome, code, *words):
        """A promotion that ended with this code, its document, and these words to people."""
        self.assertEqual(outcome.code, code, outcome)
        self.assertEqual(outcome.json["state"], "failed", outcome)
        for word in words:
            self.assertIn(word, outcome.err, outcome)

    def foreign(self, number=1, name="web"):
        """A build that an engine compresses anew; gives its digest."""
        image = random_image((3000, 500), seed=f"{self.project} {name} {number}", types=DOCKER)
        self.a.client().push(f"{self.project}/dev/{name}", "latest", image)
        return image.digest

    def other(self):
        """Another machine."""
        home = self.home({"DOCKER_HOST": f"unix://{self.proxy.socket}"})
        home.write("sluice.yaml", (self.sluice.home / "sluice.yaml").read_text())
        return home
