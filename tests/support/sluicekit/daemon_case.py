"""What tests of docker-daemon: have in common: a real Docker engine behind a proxy, and a registry."""

import json
import os

from .case import E2eCase
from .engine import Engine, EngineProxy
from .images import random_image
from .tools import folder


class DaemonCase(E2eCase):
    """An engine for the class, behind a proxy; each test has a repository name of its own, and an empty TMPDIR."""

    shared_registries = ("a",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = cls.enterClassContext(Engine())

    def setUp(self):
        super().setUp()
        self.proxy = self.enterContext(EngineProxy(self.engine))
        self.temp = folder("daemon-temp")
        self.addCleanup(os.rmdir, self.temp)  # fails when something is left in it
        self.sluice = self.home({"DOCKER_HOST": f"unix://{self.proxy.socket}", "TMPDIR": str(self.temp)})
        self.name = f"{self.project}/web"
        self.local = f"{self.name}:1.4"
        self.there = f"{self.a.host}/{self.name}:1.4"

    def copy(self, source, destination, *flags):
        return self.sluice.run("copy", source, destination, "-o", "json", *flags)

    def make(self, **more):
        """An image of the engine's own; gives its id."""
        self.engine.make(self.local, seed=self.id(), **more)
        return self.identity(self.local)

    def identity(self, name):
        status, body = self.engine.call("GET", f"/images/{name}/json")
        return json.loads(body)["Id"] if status == 200 else None

    def posted(self):
        return [one for one in self.proxy.seen if not one.startswith("GET")]

    def push(self, image, tag="1.4"):
        self.a.client().push(self.name, tag, image)

    def image(self, **more):
        # One layer that is read whole, one that comes through a pipe.
        return random_image((3000, 2_500_000), seed=self.id(), **more)
