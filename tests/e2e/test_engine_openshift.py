"""The road docker to OpenShift targets, in both cases of the playbook, through a real Docker engine: the image is pulled, tagged,
pushed and removed there, and the workload runs the digest that was tested."""

import base64
import json
import unittest

import sluicekit as kit
from sluicekit.engine import Engine, why_no_engine
from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.binary()
if why_no_engine():
    kit.skip(why_no_engine())


def built(engine, box, project, seed):
    """An image that the engine wrote, in the project's stream and not in the engine any more; gives its digest."""
    reference = f"{box.registry_host}/{project.name}/web:latest"
    login = json.dumps({"username": "ann", "password": box.token("ann")}).encode()
    engine.make(reference, seed=seed)
    digest = engine.push(reference, base64.urlsafe_b64encode(login).decode())
    engine.remove(reference)
    box.settle()
    return digest


class SingleCluster(OneCluster):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.engine = cls.enterClassContext(Engine())

    def begin(self, *words):
        row = super().begin(*words)
        self.sluice.environment["DOCKER_HOST"] = f"unix://{self.engine.socket}"
        return row

    def test_the_tested_image_goes_through_the_engine_and_runs(self):
        self.write(environment={"via": "docker"})
        old = self.fresh(self.prod)
        self.prod.workload("DeploymentConfig", "web")
        new = built(self.engine, self.box, self.dev, self.prefix)
        self.secrets.add(self.box.token("ann"))
        before = self.engine.has()
        outcome = self.promote(self.sluice)
        self.all_well(new, outcome, "docker")
        self.assertEqual(self.engine.has(), before, outcome)
        self.ends(self.sluice.run("rollback", "--to", "prod", "--yes"), 0)
        self.prod.stands({"web": old})


    def test_an_image_that_the_engine_changes_runs_under_the_digest_that_arrived(self):
        self.write(environment={"via": "docker"})
        self.fresh(self.prod)
        self.prod.workload("DeploymentConfig", "web")
        tested = self.fresh(self.dev)
        before = self.engine.has()
        refused = self.sluice.run("promote", "--to", "prod", "--yes")
        self.assertIn(refused.code, (1, 3), refused)
        self.assertIn("another image than the one that was tested", refused.err)
        outcome = self.promote(self.sluice, "--allow-digest-change")
        image = outcome.json["targets"][0]["images"][0]
        self.assertEqual((image["tested"], image["digest_changed"]), (tested, True), outcome)
        self.prod.stands({"web": image["after"]})
        self.prod.runs({"web": image["after"]}, "web", 1)
        self.assertEqual(self.rollout(outcome, "web")["digests"], [image["after"]], outcome)
        tags = [one["tag"] for one in self.prod.stream("web")["status"]["tags"]]
        self.assertNotIn("sluice-docker", tags, outcome)
        self.assertEqual(self.engine.has(), before, outcome)


class SingleCluster4(SingleCluster):
    profile = "4.x"


class TwoClusters(ShopCase):
    @classmethod
    def setUpClass(cls):
        users = {"users": [{"name": "ann", "password": PASSWORD}]}
        cls.a, cls.b = (cls.enterClassContext(Sandbox(profile=profile, scenario=users)) for profile in ("3.11", "4.x"))
        cls.engine = cls.enterClassContext(Engine())

    def test_the_tested_image_goes_through_the_engine_and_runs(self):
        name = f"shop{self.number}"
        dev, prod = self.project(self.a, name), self.project(self.b, name)
        sluice = self.home()
        sluice.environment["DOCKER_HOST"] = f"unix://{self.engine.socket}"
        self.write_clusters(sluice, {"a": self.a, "b": self.b})
        self.pipeline(sluice, ("dev", [("a", name)]), ("prod", [("b", name)], {"via": "docker"}), pictures=("web",))
        prod.image("web", layers=1)
        prod.workload("DeploymentConfig", containers={"web": "web:latest"})
        new = built(self.engine, self.a, dev, name)
        self.secrets.update((self.a.token("ann"), self.b.token("ann")))
        before = self.engine.has()
        outcome = self.promote(sluice)
        self.assertEqual(outcome.json["targets"][0]["images"][0]["road"], "docker", outcome)
        prod.stands({"web": new})
        prod.runs({"web": new})
        self.assertEqual(self.engine.has(), before, outcome)


if __name__ == "__main__":
    unittest.main()
