"""One cluster, a pipeline from dev to prod, and machines that promote: a machine is a home of its own, empty at first.
What the tests named test_one_memory* have in common."""

import json

from .background import Run
from .sandbox import PASSWORD, Sandbox
from .sandbox_case import streams
from .shop import ShopCase


class TwoMachines(ShopCase):
    """`box` is the class's sandbox of `profile`. Each test has projects `dev` and `prod`: prod runs `old`, which no
    promotion brought there. ann may do everything; bob has the rights that a test gives him."""

    profile = None
    pictures = ("web",)

    @classmethod
    def setUpClass(cls):
        cls.box = cls.enterClassContext(Sandbox(profile=cls.profile, scenario={
            "users": [{"name": name, "password": PASSWORD} for name in ("ann", "bob")]}))

    def setUp(self):
        super().setUp()
        self.made = 0
        self.addCleanup(self.box.knob, "clear-faults")
        self.dev, self.prod = (self.project(self.box, f"shop{self.number}-{name}") for name in ("dev", "prod"))
        self.old = self.push(self.prod)
        self.prod.workload(containers={picture: f"{picture}:latest" for picture in self.pictures})

    # What is there.

    def push(self, project=None):
        """New images, pushed to dev; gives digests by name."""
        self.made += 1
        size = 1000 + 50 * self.number + self.made
        return {picture: (project or self.dev).image(picture, **{"layer-bytes": size}) for picture in self.pictures}

    def machine(self, identity="ann", prod=None, project=None, app="shop", **members):
        """A machine with an empty home. members: more of the environment prod."""
        home = self.home({"box": (self.box, identity)})
        home.environment["USER"] = identity
        target = project or self.prod
        self.pipeline(home, ("dev", [("box", self.dev.name)]), (prod or "prod", [("box", target.name)], members),
                      pictures=self.pictures, app=app)
        return home

    def is_at(self, digests, project=None):
        """Tags and pods stand for the digests; nothing is paused, and nobody works."""
        project = project or self.prod
        project.stands(digests)
        project.runs(digests)
        self.assertEqual(project.paused(), [])
        project.nobody_works()

    def versions(self, *projects):
        """The resourceVersion of every stream."""
        return {f"{project.name}/{one['metadata']['name']}": one["metadata"]["resourceVersion"]
                for project in projects or (self.prod,) for one in project.get(streams(project.name))["items"]}

    def memory(self, stream=None):
        """What the stream remembers of its tag `latest`."""
        text = self.prod.annotation("memory", stream or self.pictures[0])
        return json.loads(text)["tags"]["latest"] if text else None

    def outcome_of(self, digests, result):
        """What rollouts of an image come to."""
        for digest in digests.values():
            self.box.knob("outcome", digest=digest, result=result)

    # What machines do.

    def released(self, home, *flags):
        """Something new, promoted; gives (digests, outcome)."""
        digests = self.push()
        outcome = self.promote(home, *flags)
        self.is_at(digests)
        return digests, outcome

    def json(self, home, *words, code=0):
        outcome = self.ends(home.run(*words, "-o", "json"), code)
        self.assertIsNotNone(outcome.json, outcome)
        return outcome.json

    def killed_while_rolling(self, home, digests, *words):
        """Killed when the tags moved and the rollout hangs; gives the promotion."""
        self.outcome_of(digests, "hang")
        run = Run(home, *(words or ("promote", "--to", "prod", "--yes")))
        run.until("rolling-out")
        promotion = self.prod.lease(min(self.pictures))["promotion"]
        run.killed()
        self.outcome_of(digests, "succeed")
        return promotion

    def untouched(self, *projects):
        """A check for later: no stream was written since."""
        before = self.versions(*projects)
        return lambda outcome: self.assertEqual(self.versions(*projects), before, f"streams were written\n{outcome}")
