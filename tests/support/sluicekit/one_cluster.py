"""One cluster with a development and a production project, and sluice promoting between them: what the tests named
test_openshift_* have in common."""

import json

from .sandbox import Sandbox
from .sandbox_case import streams
from .shop import ShopCase, workload_of, workload_path

KINDS = ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet")
TRIGGERS = "image.openshift.io/triggers"


class OneCluster(ShopCase):
    """`box` is the class's sandbox of `profile`. Each test has projects `dev` and `prod` and a `sluice` of its own: it
    is ann, who is admin of both. bob has the rights that a test gives him."""

    profile = "3.11"

    @classmethod
    def setUpClass(cls):
        cls.box = cls.enterClassContext(Sandbox(profile=cls.profile, scenario={
            "users": [{"name": "ann", "password": "ann's"}, {"name": "bob", "password": "bob's"}]}))

    def setUp(self):
        super().setUp()
        self.made = 0
        self.prefix = f"t{self.number}"
        self.begin()

    def begin(self, row="", identity="ann"):
        """Fresh projects and a fresh home, for a test or for one row of its table."""
        self.made += 1
        self.dev = self.project(self.box, f"{self.prefix}-{self.made}-dev")
        self.prod = self.project(self.box, f"{self.prefix}-{self.made}-prod")
        # What imports needs: the cluster itself pulls, with the service accounts of the target.
        self.right(f"group:system:serviceaccounts:{self.prod.name}", "system:image-puller", self.dev)
        self.sluice = self.home({"box": (self.box, identity)})
        self.write()
        return row

    def write(self, images=("web",), environment=None, target=None, **more):
        """The pipeline from dev to prod; `environment` and `target` have more members of prod."""
        self.sluice.write("sluice.yaml", json.dumps({
            "app": "shop", "images": list(images), **more, "environments": [
                {"name": "dev", "cluster": "box", "project": self.dev.name},
                {"name": "prod", "targets": [{"cluster": "box", "project": self.prod.name, **(target or {})}],
                 **(environment or {})}]}, indent=1))

    def fresh(self, project, stream="web", tag="latest", **more):
        """An image that nobody has seen before; gives its digest."""
        self.made += 1
        return project.image(stream, tag, **{"layer-bytes": 1000 + self.number * 100 + self.made, **more})

    def running(self, kind="DeploymentConfig", name="web", replicas=1, **more):
        """A workload that runs an image, and another image in dev. Gives (old, new)."""
        old = self.fresh(self.prod)
        self.prod.workload(kind, name, replicas=replicas, **more)
        return old, self.fresh(self.dev)

    def make(self, manifest):
        """Somebody makes a workload in prod."""
        reply = self.prod.api.post(workload_path(manifest["kind"], self.prod.name), manifest)
        self.assertEqual(reply.status, 201, str(reply))
        self.box.settle()

    def manifest(self, kind, name="web", containers=None, replicas=1):
        return workload_of(kind, self.prod.name, name, containers or {"web": "web:latest"}, replicas)

    def change(self, kind, patch, name="web"):
        """Somebody changes a workload, by a merge patch."""
        reply = self.prod.api.patch(workload_path(kind, self.prod.name, name), patch)
        self.assertEqual(reply.status, 200, str(reply))
        self.box.settle()

    def workload(self, kind, name="web"):
        return self.prod.get(workload_path(kind, self.prod.name, name))

    def right(self, subject, role, project, **more):
        self.box.scenario({"rights": [{"subject": subject, "role": role, "project": project.name, **more}]})

    def untouched(self):
        """A check for later: no stream of prod was written since."""
        def look():
            return {one["metadata"]["name"]: one["metadata"]["resourceVersion"]
                    for one in self.prod.get(streams(self.prod.name))["items"]}
        before = look()
        return lambda outcome: self.assertEqual(look(), before, f"streams of the target were written\n{outcome}")

    # Runs.

    def plan(self, *flags, code=0):
        outcome = self.sluice.run("plan", "--to", "prod", "-o", "json", *flags)
        self.assertEqual(outcome.code, code, outcome)
        self.assertIsNotNone(outcome.json, f"expected a document\n{outcome}")
        return outcome

    def findings(self, outcome, code):
        """The findings with this code."""
        found = list(outcome.json["findings"])
        for target in outcome.json.get("targets", ()):
            found += target.get("findings") or []
        return [one for one in found if one["code"] == code]

    def finding(self, outcome, code, severity="blocker", *words):
        """The one finding with this code; its words are in the sentence or the fix."""
        found = self.findings(outcome, code)
        self.assertEqual(len(found), 1, f"expected one finding {code}, seen {found}\n{outcome}")
        self.assertEqual(found[0]["severity"], severity, outcome)
        for word in words:
            self.assertIn(word, f"{found[0]['sentence']} {found[0]['fix']}", outcome)
        return found[0]

    def blocked(self, code, *words, flags=()):
        """plan tells the blocker, promote tells it too and does not begin; gives the finding."""
        check = self.untouched()
        outcome = self.plan(*flags, code=3)
        self.assertTrue(outcome.json["blocked"], outcome)
        found = self.finding(outcome, code, "blocker", *words)
        refused = self.sluice.run("promote", "--to", "prod", "--yes", *flags)
        self.assertEqual(refused.code, 3, refused)
        self.assertIn(f"blocker {code}: {found['sentence']}", refused.err, refused)
        check(refused)
        return found

    def rollout(self, outcome, name="web"):
        """What promote tells of a workload."""
        found = [one for target in outcome.json["targets"] for one in target["rollout"] or [] if one["name"] == name]
        self.assertEqual(len(found), 1, outcome)
        return found[0]

    def all_well(self, new, outcome, road=None, name="web", container="web", replicas=1):
        """The tag stands for the image, every pod runs it at this moment, nothing is paused, leased or left."""
        image = outcome.json["targets"][0]["images"][0]
        self.assertEqual(image["after"], new, outcome)
        if road:
            self.assertEqual(image["road"], road, outcome)
        self.prod.stands({"web": new})
        self.prod.runs({container: new}, name, replicas)
        self.assertEqual(self.rollout(outcome, name)["digests"], [new], outcome)
        self.assertEqual(self.prod.paused(), [], outcome)
        self.prod.nobody_works()
        state = self.prod.state()
        self.assertEqual((state["app"], state["environment"], state["digest"], state["promotion"]),
                         ("shop", "prod", new, outcome.json["promotion"]), outcome)
