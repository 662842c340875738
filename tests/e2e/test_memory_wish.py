"""`memory:` of a pipeline: what stays at the places, and how much is told of who promotes."""

import json
import unittest

import sluicekit as kit
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.binary()
kit.need("docker-registry")

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}
JOB = "https://robot:secret@ci.example.com/job/shop/7/?token=abc#top"


class OnStreams(ShopCase):
    profile = "3.11"

    @classmethod
    def setUpClass(cls):
        cls.box = cls.enterClassContext(Sandbox(profile=cls.profile, scenario=USERS))

    def setUp(self):
        super().setUp()
        self.dev, self.prod = (self.project(self.box, f"wish{self.number}-{name}") for name in ("dev", "prod"))
        self.prod.image(layers=1)
        self.prod.workload()
        self.new = self.dev.image(layers=3)

    def promoted(self, memory):
        home = self.home({"box": self.box})
        self.pipeline(home, ("dev", [("box", self.dev.name)]), ("prod", [("box", self.prod.name)]))
        if memory:
            path = home.home / "sluice.yaml"
            path.write_text(json.dumps({**json.loads(path.read_text()), "memory": memory}))
        home.environment.update({"USER": "carol", "BUILD_URL": JOB})
        self.promote(home)
        return home

    def told(self):
        memory = json.loads(self.prod.annotation("memory"))
        return memory["tags"]["latest"]["promotions"][0]["who"]

    def test_local_leaves_nothing_but_the_lease(self):
        home = self.promoted("local")
        self.prod.stands({"web": self.new})
        for project in (self.dev, self.prod):
            self.assertIsNone(project.annotation("memory"))
            self.assertIsNone(project.annotation("state"))
            tags = [tag["tag"] for tag in project.stream()["status"]["tags"]]
            self.assertEqual([tag for tag in tags if tag.startswith("sluice-")], [])
        # Our own records do: the way back is open here.
        self.assertIn(("info", "memory-local"), self.codes(home.run("plan", "--to", "prod", "-o", "json")))
        self.ends(home.run("rollback", "--to", "prod", "--yes", "-o", "json"), 0, "succeeded")
        self.assertIsNone(self.prod.annotation("memory"))
        self.ends(home.run("promote", "--to", "prod", "--yes"), 3)

    def test_full_is_told_on_a_cluster_without_what_is_secret(self):
        self.promoted(None)
        told = self.told()
        self.assertEqual((told["user"], told["job"]), ("carol", "https://ci.example.com/job/shop/7/"), told)
        self.assertTrue(told["host"] and told["identity"], told)

    def test_identity_alone(self):
        self.promoted({"who": "identity"})
        told = self.told()
        self.assertTrue(told["identity"], told)
        self.assertEqual([told[name] for name in ("user", "host", "job")], [None] * 3)

    def test_nothing_is_told(self):
        self.promoted({"who": "none"})
        self.assertIsNone(self.told())


class OnStreams4(OnStreams):
    profile = "4.x"


class InARegistry(kit.E2eCase):
    def promoted(self, memory):
        sluice = self.home()
        sluice.environment.update({"USER": "carol", "BUILD_URL": JOB})
        pipeline = json.loads(kit.pipeline("shop", ["web"], ("dev", [(self.a.host, f"{self.project}/dev")]),
                                           ("prod", [(self.a.host, f"{self.project}/prod")])))
        sluice.write("sluice.yaml", json.dumps({**pipeline, **memory}))
        self.a.client().push(f"{self.project}/dev/web", "latest", kit.random_image(seed=self.project))
        self.ok(sluice.run("promote", "--to", "prod", "--yes", "-o", "json"))
        return sluice

    def tags(self, environment):
        return sorted(self.a.client().tags(f"{self.project}/{environment}/web"))

    def test_local_leaves_nothing(self):
        sluice = self.promoted({"memory": "local"})
        self.assertEqual((self.tags("dev"), self.tags("prod")), (["latest"], ["latest"]))
        listed = self.ok(sluice.run("tags", f"{self.a.host}/{self.project}/prod/web", "--all"))
        self.assertEqual(listed.out.split(), ["latest"])

    def test_what_stays_is_hidden_and_names_nobody(self):
        sluice = self.promoted({})
        where = f"{self.a.host}/{self.project}/prod/web"
        self.assertEqual(self.ok(sluice.run("tags", where)).out.split(), ["latest"])
        shown = self.ok(sluice.run("tags", where, "--all")).out.split()
        self.assertIn("sluice-memory", shown)
        history = self.ok(sluice.run("history", "-o", "json")).json["promotions"]
        self.assertNotIn("carol", json.dumps(history))


if __name__ == "__main__":
    unittest.main(verbosity=2)
