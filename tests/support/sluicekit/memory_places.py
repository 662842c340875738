"""The places that the model test of what places remember works on: a development project and a production project, as
their administrator sees them, on sandboxes and on plain registries.

All machines reach production through `proxy`, which can kill one of them after a write there, and development, where it
can go down, through `road`. With `versions` each
content gets a version tag of its own in development (v1, v2), which production keeps beside the tag that moves."""

import json

from . import images
from .case import pipeline
from .killing_proxy import KillingProxy
from .registry import Registry
from .sandbox import PASSWORD, Sandbox
from .sandbox_case import streams

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}


class Place:
    """What both kinds have in common."""

    def __init__(self, case, pictures, versions):
        self.case, self.pictures = case, pictures
        self.tag = "live" if versions else "latest"
        self._source = {"source": {"tag": "v*", **({"match": "same-tag"} if len(pictures) > 1 else {})}}
        if not versions:
            self._source = {}
        self._offered, self._versions = {}, {}

    def push(self, picture):
        """A new image; gives its digest."""
        self._offered[picture] = self._make(picture)
        if self._source:
            self._label()
        return self._offered[picture]

    def _label(self):
        """The content on offer is the next version, once it is whole."""
        if len(self._offered) < len(self.pictures):
            return
        version = f"v{len(self._versions) + 1}"
        self._versions[version] = dict(self._offered)
        for picture, digest in self._offered.items():
            self._retag(picture, digest, version)

    def offered(self):
        return dict(self._offered)

    def memory(self, picture):
        """What is remembered of the tag that moves; nothing, before anything was promoted there."""
        return json.loads(self._text(picture) or '{"tags":{}}')["tags"].get(self.tag, {})

    def remember(self, picture, memory):
        """Makes production remember this of the tag that moves."""
        whole = json.loads(self._text(picture))
        whole["tags"][self.tag] = memory
        self._write(picture, json.dumps(whole))

    def damage(self, picture):
        """Cuts what is remembered in half: in a registry that is still a manifest. False where there is nothing."""
        text = self._text(picture)
        if not text:
            return False
        self._write(picture, text[:len(text) // 2])
        return True

    def rest(self):
        """A machine that was killed leaves requests behind: the servers are done with them after this. A registry may
        answer with an error while a tag is being written."""
        self.proxy.rest()
        self.road.rest()

    def go_down(self):
        self.road.go_down()

    def come_up(self):
        self.road.come_up()

    def version_of(self, content):
        """The version tag of a content, or None."""
        return next((version for version, known in self._versions.items() if known == content), None)


def _in_front_of(case, box):
    """API and registry of a sandbox."""
    return case.enterContext(KillingProxy(box.ready["api"].partition("://")[2], box.registry_host))


class SandboxPlace(Place):
    """Production in a sandbox of `profile`; development in the same one, or in one of its own that can go down."""

    can_fail = True
    remembers_for_old = True
    leaves_paused = True  # what an interrupted promotion paused

    def __init__(self, case, profile, pictures, apart, versions=False):
        super().__init__(case, pictures, versions)
        # Without TLS, so that the proxy sees what is written; and each run of the many costs less.
        self.box = case.enterContext(Sandbox(profile=profile, tls="none", scenario=USERS))
        self.source = case.enterContext(Sandbox(profile="4.x", tls="none", scenario=USERS)) if apart else self.box
        self.can_go_down = apart
        self.proxy = _in_front_of(case, self.box)
        self.road = _in_front_of(case, self.source) if apart else self.proxy
        self.dev, self.prod = case.project(self.source, "shop-dev"), case.project(self.box, "shop-prod")
        self._layers = 0
        for picture in pictures:
            self.prod.image(picture, self.tag, layers=1)
        self.prod.workload(containers={picture: f"{picture}:{self.tag}" for picture in pictures})
        for picture in pictures:
            self.push(picture)

    def home(self):
        home = self.case.home()
        ways = {"source": self.road, "target": self.proxy}
        self.case.write_clusters(home, {"source": self.source, "target": self.box}, **{
            name: {"api": f"http://{way.hosts[0]}", "registry": way.hosts[1]} for name, way in ways.items()})
        self.case.pipeline(home, ("dev", [("source", self.dev.name)]), ("prod", [("target", self.prod.name)]),
                           pictures=self.pictures, **self._source)
        return home

    def _make(self, picture):
        self._layers += 1
        return self.dev.image(picture, layers=2, **{"layer-bytes": 1000 + self._layers})

    def _retag(self, picture, digest, tag):
        self.dev.retag(digest, picture, tag)

    def tags(self):
        return {picture: self.prod.tag(picture, self.tag) for picture in self.pictures}

    def hotfix(self, picture, digest):
        self.prod.retag(digest, picture, self.tag)
        self.settle()

    def _text(self, picture):
        return self.prod.annotation("memory", picture)

    def _write(self, picture, text):
        self.prod.annotate("memory", text, picture)

    def written(self):
        """Differs once anything was written in production."""
        items = self.prod.get(streams(self.prod.name))["items"]
        return {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in items}

    def numbers(self):
        """The numbers that development gave out."""
        texts = [self.dev.annotation("memory", picture) for picture in self.pictures]
        lines = [line for text in texts if text for line in json.loads(text)["numbers"].values()]
        return {claim["number"] for line in lines for claim in line["claims"]}

    def take_away(self, numbers):
        """As if they had never been claimed."""
        for picture in self.pictures:
            text = json.loads(self.dev.annotation("memory", picture) or '{"numbers":{}}')
            for line in text["numbers"].values():
                line["claims"] = [claim for claim in line["claims"] if claim["number"] not in numbers]
                line["last"] = max([0] + [claim["number"] for claim in line["claims"]])
            if text["numbers"]:
                self.dev.annotate("memory", json.dumps(text), picture)

    def fail(self, digest, fails):
        self.box.knob("outcome", digest=digest, result="fail" if fails else "succeed")

    def settle(self):
        self.rest()
        self.box.settle()


class RegistryPlace(Place):
    """Two plain registries; that of development can go down."""

    can_fail = False
    remembers_for_old = False
    leaves_paused = False
    can_go_down = True

    def __init__(self, case, pictures, versions=False):
        super().__init__(case, pictures, versions)
        self.source, self.target = case.enterContext(Registry()), case.enterContext(Registry())
        self.proxy = case.enterContext(KillingProxy(self.target.host))
        self.road = case.enterContext(KillingProxy(self.source.host))
        self._client = self.target.client()
        self._seed = 0
        for picture in pictures:
            self._client.push(f"shop/prod/{picture}", self.tag, images.random_image((60,), f"old-{picture}"))
            self.push(picture)

    def home(self):
        home = self.case.home()
        home.write("sluice.yaml", pipeline("shop", self.pictures, ("dev", [(self.road.host, "shop/dev")]),
                                           ("prod", [(self.proxy.host, "shop/prod")]), **self._source))
        return home

    def _make(self, picture):
        self._seed += 1
        image = images.random_image((60,), f"{picture}-{self._seed}")
        self.source.client().push(f"shop/dev/{picture}", "latest", image)
        return image.digest

    def _retag(self, picture, digest, tag):
        client, repository = self.source.client(), f"shop/dev/{picture}"
        body, kind, _ = client.manifest(repository, digest)
        client.push_manifest(repository, tag, body, kind)

    def tags(self):
        return {picture: self._client.digest(f"shop/prod/{picture}", self.tag) for picture in self.pictures}

    def hotfix(self, picture, digest):
        repository = f"shop/prod/{picture}"
        body, kind, _ = self._client.manifest(repository, digest)
        self._client.push_manifest(repository, self.tag, body, kind)

    def _text(self, picture):
        if self._client.digest(f"shop/prod/{picture}", "sluice-memory") is None:
            return None
        body, _, _ = self._client.manifest(f"shop/prod/{picture}", "sluice-memory")
        return json.loads(body)["annotations"]["io.sluice.memory"]

    def _write(self, picture, text):
        repository = f"shop/prod/{picture}"
        body, kind, _ = self._client.manifest(repository, "sluice-memory")
        document = json.loads(body)
        document["annotations"]["io.sluice.memory"] = text
        self._client.push_manifest(repository, "sluice-memory", json.dumps(document).encode(), kind)

    def written(self):
        return {picture: (self._text(picture), self._tags(self._client, f"shop/prod/{picture}"))
                for picture in self.pictures}

    def numbers(self):
        return {number for number, _, _ in self._claims()}

    def take_away(self, numbers):
        for number, repository, tag in self._claims():
            if number in numbers:
                client = self.source.client()
                client.delete_manifest(repository, client.digest(repository, tag))

    def _claims(self):
        """(number, repository, tag)"""
        repositories = [f"shop/dev/{picture}" for picture in self.pictures]
        tags = [(repository, tag) for repository in repositories for tag in self.source.client().tags(repository)]
        return [(int(tag.split("-")[2]), repository, tag) for repository, tag in tags
                if tag.startswith("sluice-number-")]

    @staticmethod
    def _tags(client, repository):
        return {tag: client.digest(repository, tag) for tag in client.tags(repository)}

    def settle(self):
        self.rest()
