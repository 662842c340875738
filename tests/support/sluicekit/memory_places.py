"""The places that the model test of what places remember works on: a development project and a production project, as
their administrator sees them, on sandboxes and on plain registries."""

import json

from . import images
from .case import pipeline
from .registry import Registry
from .sandbox import PASSWORD, Sandbox

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}


class SandboxPlace:
    """Production in a sandbox of `profile`; development in the same one, or in one of its own that can go down."""

    can_fail = True
    remembers_for_old = True
    leaves_paused = True  # what an interrupted promotion paused

    def __init__(self, case, profile, pictures, apart):
        self.case, self.pictures = case, pictures
        self.box = case.enterContext(Sandbox(profile=profile, scenario=USERS))
        self.source = case.enterContext(Sandbox(profile="4.x", scenario=USERS)) if apart else self.box
        self.can_go_down = apart
        self.dev, self.prod = case.project(self.source, "shop-dev"), case.project(self.box, "shop-prod")
        self._layers = 0
        for picture in pictures:
            self.prod.image(picture, layers=1)
        self.prod.workload(containers={picture: f"{picture}:latest" for picture in pictures})
        for picture in pictures:
            self.push(picture)

    def home(self, **members):
        home = self.case.home({"source": self.source, "target": self.box})
        self.case.pipeline(home, ("dev", [("source", self.dev.name)]), ("prod", [("target", self.prod.name)], members),
                           pictures=self.pictures)
        return home

    def push(self, picture):
        self._layers += 1
        return self.dev.image(picture, layers=2, **{"layer-bytes": 1000 + self._layers})

    def offered(self):
        return {picture: self.dev.tag(picture) for picture in self.pictures}

    def tags(self):
        return {picture: self.prod.tag(picture) for picture in self.pictures}

    def hotfix(self, picture, digest):
        self.prod.retag(digest, picture)
        self.settle()

    def damage(self, picture):
        """False where there is nothing to damage."""
        text = self.prod.annotation("memory", picture)
        if not text:
            return False
        self.prod.annotate("memory", text[:len(text) // 2], picture)
        return True

    def fail(self, digest, fails):
        self.box.knob("outcome", digest=digest, result="fail" if fails else "succeed")

    def go_down(self):
        for server in ("api", "registry"):
            self.source.knob("fault", server=server, reset=True)

    def come_up(self):
        self.source.knob("clear-faults")

    def settle(self):
        self.box.settle()


class RegistryPlace:
    """Two plain registries; that of development can go down."""

    can_fail = False
    remembers_for_old = False
    leaves_paused = False
    can_go_down = True

    def __init__(self, case, pictures):
        self.case, self.pictures = case, pictures
        self.source, self.target = case.enterContext(Registry()), case.enterContext(Registry())
        self._seed = 0
        self._offered = {}
        for picture in pictures:
            self.target.client().push(f"shop/prod/{picture}", "latest", images.random_image((60,), f"old-{picture}"))
            self.push(picture)

    def home(self, **_members):
        home = self.case.home()
        home.write("sluice.yaml", pipeline("shop", self.pictures, ("dev", [(self.source.host, "shop/dev")]),
                                           ("prod", [(self.target.host, "shop/prod")])))
        return home

    def push(self, picture):
        self._seed += 1
        image = images.random_image((60,), f"{picture}-{self._seed}")
        self.source.client().push(f"shop/dev/{picture}", "latest", image)
        self._offered[picture] = image.digest
        return image.digest

    def offered(self):
        return dict(self._offered)

    def tags(self):
        client = self.target.client()
        return {picture: client.digest(f"shop/prod/{picture}", "latest") for picture in self.pictures}

    def hotfix(self, picture, digest):
        client, repository = self.target.client(), f"shop/prod/{picture}"
        body, kind, _ = client.manifest(repository, digest)
        client.push_manifest(repository, "latest", body, kind)

    def damage(self, picture):
        client, repository = self.target.client(), f"shop/prod/{picture}"
        if client.digest(repository, "sluice-memory") is None:
            return False
        body, kind, _ = client.manifest(repository, "sluice-memory")
        document = json.loads(body)
        # Still a manifest that the registry takes, but no memory: its text is cut.
        text = document["annotations"]["io.sluice.memory"]
        document["annotations"]["io.sluice.memory"] = text[:len(text) // 2]
        client.push_manifest(repository, "sluice-memory", json.dumps(document).encode(), kind)
        return True

    def go_down(self):
        self.source.stop()

    def come_up(self):
        self.source.start()

    def settle(self):
        pass
