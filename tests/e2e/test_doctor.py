"""`sluice doctor` against the sandbox: what could stop a promotion, before anybody starts one."""

import unittest

import sluicekit as kit
from sluicekit.sandbox import Sandbox
from sluicekit.sluice import Sluice

kit.binary()

SCENARIO = {
    "users": [{"name": "ann", "password": "correct horse"}, {"name": "eve", "password": "correct horse"}],
    "projects": [{"name": name, "admin": "ann"} for name in ("shop-dev", "shop-test", "shop-prod")],
    "images": [{"project": "shop-dev", "stream": "web", "tag": "latest", "layers": 1, "layer-bytes": 2000}],
    "workloads": [
        {"kind": "DeploymentConfig", "project": "shop-test", "name": "web", "image": "web:latest"},
        {"kind": "DeploymentConfig", "project": "shop-prod", "name": "web", "image": "web:latest", "trigger": "manual"},
    ],
}
PIPELINE = """\
app: shop
images: [web]
source: {tag: latest}
environments:
  - {name: dev, project: shop-dev}
  - {name: test, project: shop-test}
  - {name: prod, project: shop-prod}
"""


class Doctor(unittest.TestCase):
    profile = "3.11"

    @classmethod
    def setUpClass(cls):
        cls.box = Sandbox(profile=cls.profile, scenario=SCENARIO)
        cls.addClassCleanup(cls.box.close)

    def setUp(self):
        self.home = Sluice()
        self.addCleanup(self.home.close)
        self.home.write("sluice.yaml", PIPELINE)

    def login(self, user):
        token = self.box.token(user)
        outcome = self.home.run("login", self.box.ready["api"], "--token", "-", "--ca", self.box.ca, stdin=token)
        self.assertEqual(outcome.code, 0, outcome)

    def doctor(self, *words, code):
        outcome = self.home.run("doctor", *words)
        self.assertEqual(outcome.code, code, outcome)
        return outcome

    def blockers(self, outcome, environment):
        for one in outcome.json["environments"]:
            if one["environment"] == environment:
                self.assertEqual(one["blocked"], any(f["severity"] == "blocker" for f in one["findings"]), one)
                return [finding for finding in one["findings"] if finding["severity"] == "blocker"]
        self.fail(f"{environment} was not examined\n{outcome}")

    def test_an_environment_that_is_ready_is_said_to_be(self):
        self.login("ann")
        self.assertRegex(self.doctor("--to", "test", code=0).out, r"(?ms)\Athis host: ready$.*^test: ready")
        outcome = self.doctor("--to", "test", "-o", "json", code=0)
        self.assertEqual((outcome.json["schema"], outcome.json["blocked"]), ("sluice.doctor/1", False))
        self.assertEqual(self.blockers(outcome, "test"), [])
        self.assertEqual(len(outcome.json["environments"]), 1)

    def test_what_holds_images_back_is_found_before_they_are_there(self):
        self.login("ann")
        outcome = self.doctor("-o", "json", code=3)
        self.assertTrue(outcome.json["blocked"])
        self.assertEqual([one["environment"] for one in outcome.json["environments"]], ["test", "prod"])
        self.assertNotEqual(self.blockers(outcome, "prod"), [], outcome)

    def test_nothing_is_written(self):
        self.login("ann")
        self.doctor(code=3)
        self.assertFalse((self.home.home / ".state").exists())
        with self.box.api() as api:
            self.assertEqual(api.get("/apis/image.openshift.io/v1/namespaces/shop-test/imagestreams/web").status, 404)

    def test_who_may_not_look_is_told_what_to_do(self):
        self.login("eve")
        outcome = self.doctor("-o", "json", code=3)
        for environment in ("test", "prod"):
            self.assertNotEqual(self.blockers(outcome, environment), [], outcome)

    def test_the_first_environment_and_unknown_ones_are_refused(self):
        self.login("ann")
        self.doctor("--to", "dev", code=2)
        self.assertIn("did you mean 'prod'", self.doctor("--to", "prdo", code=2).err)


class DoctorOnFour(Doctor):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main(verbosity=2)
