"""Promotion between two clusters whose projects and apps bear the same names: by stream and by import, and one release
to two targets, of which the second may fail."""

import base64
import json
import unittest

import sluicekit as kit
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.sandbox_case import core
from sluicekit.shop import ShopCase

kit.binary()

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}


class Between:
    """dev is the project `shopN` of cluster a, prod the project of the same name of cluster b."""

    profiles = ()

    @classmethod
    def setUpClass(cls):
        cls.a, cls.b = (cls.enterClassContext(Sandbox(profile=profile, scenario=USERS)) for profile in cls.profiles)

    def setUp(self):
        super().setUp()
        name = f"shop{self.number}"
        self.dev, self.prod = self.project(self.a, name), self.project(self.b, name)
        self.sluice = self.home()
        # Plain HTTP on loopback needs no word for sluice itself; a cluster that pulls from there has to be told.
        self.write_clusters(self.sluice, {"a": self.a, "b": self.b}, a={"insecure": True})
        self.write_pipeline()

    def write_pipeline(self, *pictures, **members):
        self.pipeline(self.sluice, ("dev", [("a", self.dev.name)]), ("prod", [("b", self.prod.name)], members),
                      pictures=pictures or ("web",))

    def running(self, *pictures, kind="DeploymentConfig"):
        """An old release runs in prod, a new one waits in dev; gives the new digests."""
        pictures = pictures or ("web",)
        for picture in pictures:
            self.prod.image(picture, layers=1)
        self.prod.workload(kind, containers={picture: f"{picture}:latest" for picture in pictures})
        return {picture: self.dev.image(picture, layers=3) for picture in pictures}

    def traps(self):
        """Each cluster knows the other's token, for one request only: the check for later makes that request, so that
        it fails when the token has been there before."""
        set_up = [(self.a, self.b.token("ann")), (self.b, self.a.token("ann"))]
        for box, foreign in set_up:
            box.scenario({"users": [{"name": f"trap{self.number}", "password": PASSWORD, "token": foreign}]})
            box.knob("expire-token", token=foreign, after_requests=1)

        def check():
            for box, foreign in set_up:
                with box.api() as wire:
                    reply = wire.get("/apis/user.openshift.io/v1/users/~", token=foreign)
                    self.assertEqual(reply.status, 200, "a token came to the cluster that it is not for")
                    reply = wire.get("/apis/user.openshift.io/v1/users/~", token=foreign)
                    self.assertEqual(reply.status, 401, "the trap does not work")
                # The next test has new ones.
                box.knob("revoke-token", token=foreign)
            self.a.fresh_token("ann")
            self.b.fresh_token("ann")
        return check

    def arrived(self, outcome, digests, road, replicas=1):
        """Everything that a promotion that succeeded has to show."""
        target = outcome.json["targets"][0]
        self.assertEqual({one["name"]: (one["after"], one["road"]) for one in target["images"]},
                         {name: (digest, road) for name, digest in digests.items()}, outcome)
        self.assertEqual([one["end"] for one in target["rollout"]], ["succeeded"], outcome)
        self.prod.stands(digests)
        self.prod.runs(digests, replicas=replicas)
        for name, digest in digests.items():
            self.prod.pulled(digest, name)
            state = self.prod.state(name)
            self.assertEqual((state["release"], state["digest"], state["promotion"]),
                             (outcome.json["release"], digest, outcome.json["promotion"]))
        self.assertEqual(self.prod.paused(), [])
        self.prod.nobody_works()
        self.assertIsNone(self.dev.lease(next(iter(digests))), "the source is only read")

    def pull_secret(self, token):
        """What the target cluster needs to pull from the other's registry."""
        host = self.a.registry_host
        login = base64.b64encode(f"ann:{token}".encode()).decode()
        config = {"auths": {host: {"auth": login}}}
        self.secrets.add(login)
        reply = self.prod.api.post(core(self.prod.name, "secrets"), {
            "kind": "Secret", "apiVersion": "v1", "metadata": {"name": "from-a"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(json.dumps(config).encode()).decode()}})
        self.assertEqual(reply.status, 201, str(reply))

    # Stream.

    def test_an_image_is_streamed_when_nothing_else_is_said(self):
        digests = self.running()
        unused = self.traps()
        outcome = self.promote(self.sluice)
        self.arrived(outcome, digests, "stream")
        self.assertGreater(outcome.json["targets"][0]["images"][0]["bytes"]["moved"], 0, outcome)
        unused()

    def test_each_kind_of_workload_rolls_in_the_other_cluster(self):
        for kind in ("Deployment", "StatefulSet", "DaemonSet"):
            with self.subTest(kind):
                self.setUp()
                digests = self.running(kind=kind)
                self.arrived(self.promote(self.sluice), digests, "stream")

    def test_two_images_are_one_rollout(self):
        self.write_pipeline("web", "api")
        digests = self.running("web", "api")
        before = self.prod.rollouts()
        self.arrived(self.promote(self.sluice), digests, "stream")
        self.assertEqual(self.prod.rollouts(), before + 1)

    def test_the_same_again_moves_nothing_and_rolls_nothing(self):
        digests = self.running()
        self.promote(self.sluice)
        rollouts = self.prod.rollouts()
        again = self.promote(self.sluice)
        self.assertEqual(again.json["targets"][0]["images"][0]["bytes"]["moved"], 0, again)
        self.prod.runs(digests)
        self.assertEqual(self.prod.rollouts(), rollouts)

    def test_a_rollback_needs_nothing_of_the_other_cluster(self):
        first = self.running()
        self.promote(self.sluice)
        second = {"web": self.dev.image(layers=4)}
        self.arrived(self.promote(self.sluice), second, "stream")
        # The source is out of reach from here on: its API and its registry answer nobody.
        for server in ("api", "registry"):
            self.a.knob("fault", server=server, status=503)
        self.addCleanup(self.a.knob, "clear-faults")
        back = self.ends(self.sluice.run("rollback", "--to", "prod", "--yes", "-o", "json"), 0, "succeeded")
        self.assertEqual((back.json["kind"], back.json["release"]), ("rollback", 1), back)
        self.prod.stands(first)
        self.prod.runs(first)

    def test_contexts_of_a_kubeconfig_name_clusters_as_well(self):
        digests = self.running()
        self.sluice.environment["KUBECONFIG"] = f"{self.sluice.home}/kubeconfig"
        self.sluice.write("kubeconfig", json.dumps({
            "kind": "Config", "apiVersion": "v1", "current-context": "two",
            "clusters": [{"name": name, "cluster": {"server": box.ready["api"], "certificate-authority": box.ca}}
                         for name, box in (("one", self.a), ("two", self.b))],
            "users": [{"name": name, "user": {"token": box.token("ann")}} for name, box in (("one", self.a),
                                                                                          ("two", self.b))],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in ("one", "two")]}))
        self.sluice.write(".config/sluice/clusters.yaml", "clusters: {}\n")
        self.sluice.write("sluice.yaml", json.dumps({"app": "shop", "images": ["web"], "environments": [
            {"name": "dev", "cluster": "one", "project": self.dev.name},
            {"name": "prod", "project": self.prod.name}]}))
        self.arrived(self.promote(self.sluice), digests, "stream")

    # Import.

    def test_the_target_cluster_pulls_when_it_is_asked_to(self):
        for name, how in {"in the pipeline": {"members": {"via": "import"}}, "by a flag": {"flags": ("--via", "import")}
                          }.items():
            with self.subTest(name):
                self.setUp()
                self.write_pipeline(**how.get("members", {}))
                digests = self.running()
                unused = self.traps_but_the_pull()
                outcome = self.promote(self.sluice, *how.get("flags", ()))
                self.arrived(outcome, digests, "import")
                self.assertEqual(outcome.json["targets"][0]["images"][0]["bytes"]["moved"], 0, outcome)
                unused()

    def traps_but_the_pull(self):
        """The cluster itself pulls with a token of its own identity in the other cluster."""
        self.a.scenario({"users": [{"name": "puller", "password": PASSWORD}],
                         "rights": [{"subject": "user:puller", "role": "system:image-puller",
                                     "project": self.dev.name}]})
        self.pull_secret(self.a.token("puller"))
        self.secrets.add(self.a.token("puller"))
        return self.traps()

    def test_an_import_that_may_not_pull_switches_nothing(self):
        digests = self.running()
        old = self.prod.tag()
        outcome = self.sluice.run("promote", "--to", "prod", "--yes", "--via", "import", "-o", "json")
        self.assertEqual((outcome.code, outcome.json["state"]), (6, "failed"), outcome)
        self.says(outcome, "secret", self.a.registry_host)
        self.prod.stands({"web": old})
        self.prod.runs({"web": old})
        self.assertNotEqual(old, digests["web"])
        self.prod.nobody_works()

    # What cannot be.

    def test_roads_of_one_cluster_are_refused_in_the_plan(self):
        self.running()
        old = self.prod.tag()
        for via in ("tag", "mount"):
            with self.subTest(via):
                outcome = self.ends(self.sluice.run("plan", "--to", "prod", "--via", via, "-o", "json"), 3)
                self.assertIn(("blocker", "road-impossible"), self.codes(outcome), outcome)
                refused = self.ends(self.sluice.run("promote", "--to", "prod", "--yes", "--via", via), 3)
                self.assertIn("blocked", refused.err, refused)
        self.prod.stands({"web": old})


class FromOldToNew(Between, ShopCase):
    profiles = ("3.11", "4.x")

    def test_what_the_source_says_of_its_token_is_no_business_of_the_target(self):
        """The token of the source ends: exit code 6, and nothing was written at the target."""
        self.running()
        old, before = self.prod.tag(), self.prod.stream()["metadata"]["resourceVersion"]
        self.a.knob("expire-token", token=self.a.token("ann"))
        self.addCleanup(self.a.fresh_token, "ann")
        outcome = self.ends(self.sluice.run("promote", "--to", "prod", "--yes"), 6)
        self.says(outcome, "token")
        self.prod.stands({"web": old})
        self.assertEqual(self.prod.stream()["metadata"]["resourceVersion"], before)


class FromNewToOld(Between, ShopCase):
    profiles = ("4.x", "3.11")

    def test_a_list_that_the_old_cluster_refuses_is_a_blocker(self):
        self.prod.image(layers=1)
        self.prod.workload()
        old = self.prod.tag()
        self.dev.image(platforms=["linux/amd64", "linux/arm64"])
        plan = self.ends(self.sluice.run("plan", "--to", "prod", "-o", "json"), 3)
        self.assertIn("blocker", {severity for severity, _ in self.codes(plan)}, plan)
        self.ends(self.sluice.run("promote", "--to", "prod", "--yes"), 3)
        self.prod.stands({"web": old})


class TwoTargets(ShopCase):
    """dev and the first target of prod are in cluster a, the second target is in cluster b."""

    @classmethod
    def setUpClass(cls):
        cls.a = cls.enterClassContext(Sandbox(profile="3.11", scenario=USERS))
        cls.b = cls.enterClassContext(Sandbox(profile="4.x", scenario=USERS))

    def setUp(self):
        super().setUp()
        name = f"shop{self.number}"
        self.dev = self.project(self.a, f"{name}-dev")
        self.first, self.second = self.project(self.a, name), self.project(self.b, name)
        self.old = {}
        for project in (self.first, self.second):
            self.old[project] = {"web": project.image(layers=1)}
            project.workload()
        self.new = {"web": self.dev.image(layers=3)}
        self.sluice = self.home({"a": self.a, "b": self.b})
        self.write_pipeline()

    def write_pipeline(self, **members):
        self.pipeline(self.sluice, ("dev", [("a", self.dev.name)]),
                      ("prod", [("a", self.first.name), ("b", self.second.name)], members))

    def is_at(self, project, digests):
        project.stands(digests)
        project.runs(digests)
        self.assertEqual(project.paused(), [])
        project.nobody_works()

    def break_second(self):
        self.second.outcome("fail")

    def mend_second(self):
        self.second.outcome("succeed")

    def test_both_in_order(self):
        events = self.sluice.home / "events"
        outcome = self.promote(self.sluice, "--events", events)
        self.assertEqual([(one["state"], one["images"][0]["road"]) for one in outcome.json["targets"]],
                         [("succeeded", "tag"), ("succeeded", "stream")], outcome)
        self.is_at(self.first, self.new)
        self.is_at(self.second, self.new)
        self.second.pulled(self.new["web"])
        told = [json.loads(line) for line in events.read_text().splitlines()]
        states = [(one["detail"], one["target"]) for one in told if one["kind"] == "state" and one.get("target")]
        self.assertLess(max(at for at, (_, target) in enumerate(states) if target.startswith("a/")),
                        min(at for at, (_, target) in enumerate(states) if target.startswith("b/")), states)

    def partial(self):
        self.break_second()
        outcome = self.promote(self.sluice, code=4, state="partial")
        self.assertEqual([one["state"] for one in outcome.json["targets"]], ["succeeded", "failed"], outcome)
        promotion = outcome.json["promotion"]
        for way in ("sluice resume", "sluice undo"):
            self.assertIn(f"{way} {promotion}", outcome.err, outcome)
        self.is_at(self.first, self.new)
        self.second.stands(self.new)  # for somebody to look at
        self.assertEqual(self.status(self.sluice)["unfinished"], promotion)
        return promotion

    def test_partial_then_resume(self):
        promotion = self.partial()
        still = self.ends(self.sluice.run("resume", promotion, "-o", "json"), 4, "partial")
        self.assertEqual(still.json["targets"][0]["state"], "succeeded", still)
        self.mend_second()
        # A cluster does not try a rollout that has failed again by itself: whoever mends it does.
        self.retry_second()
        done = self.ends(self.sluice.run("resume", "-o", "json"), 0, "succeeded")
        self.assertEqual(done.json["promotion"], promotion, done)
        self.is_at(self.first, self.new)
        self.is_at(self.second, self.new)
        status = self.status(self.sluice)
        self.assertEqual((status["holds"], status["release"], status["unfinished"], status["drift"]),
                         ("release", 1, None, False))

    def retry_second(self):
        path = f"/apis/apps.openshift.io/v1/namespaces/{self.second.name}/deploymentconfigs/web/instantiate"
        reply = self.second.api.post(path, {"kind": "DeploymentRequest", "apiVersion": "apps.openshift.io/v1",
                                            "name": "web", "latest": True, "force": True})
        self.assertEqual(reply.status, 201, str(reply))
        self.b.settle()

    def test_partial_then_undo(self):
        promotion = self.partial()
        self.mend_second()
        undone = self.ends(self.sluice.run("undo", promotion, "-o", "json"), 0, "rolled-back")
        self.assertEqual([one["state"] for one in undone.json["targets"]], ["rolled-back", "rolled-back"], undone)
        self.is_at(self.first, self.old[self.first])
        self.is_at(self.second, self.old[self.second])
        self.ends(self.sluice.run("resume", promotion), 2)
        # The way is free for what comes next.
        self.promote(self.sluice)
        self.is_at(self.second, self.new)

    def test_with_on_failure_rollback_the_first_stands(self):
        self.write_pipeline(**{"on-failure": "rollback"})
        self.second.box.knob("outcome", digest=self.new["web"], result="fail")
        self.addCleanup(self.second.box.knob, "outcome", digest=self.new["web"], result="succeed")
        outcome = self.promote(self.sluice, code=4, state="partial")
        self.assertEqual([one["state"] for one in outcome.json["targets"]], ["succeeded", "rolled-back"], outcome)
        self.is_at(self.first, self.new)
        self.is_at(self.second, self.old[self.second])
        undone = self.ends(self.sluice.run("undo", outcome.json["promotion"], "-o", "json"), 0, "rolled-back")
        self.is_at(self.first, self.old[self.first])
        self.is_at(self.second, self.old[self.second])
        self.assertEqual(undone.json["promotion"], outcome.json["promotion"])

    def test_a_rollback_of_one_target_then_resume_brings_it_there(self):
        self.write_pipeline(**{"on-failure": "rollback"})
        self.second.box.knob("outcome", digest=self.new["web"], result="fail")
        outcome = self.promote(self.sluice, code=4, state="partial")
        self.second.box.knob("outcome", digest=self.new["web"], result="succeed")
        done = self.ends(self.sluice.run("resume", outcome.json["promotion"], "-o", "json"), 0, "succeeded")
        self.assertEqual([one["state"] for one in done.json["targets"]], ["succeeded", "succeeded"], done)
        self.is_at(self.first, self.new)
        self.is_at(self.second, self.new)

    def test_content_that_the_second_refuses_is_found_before_the_first_is_switched(self):
        self.second.box.knob("fault", server="registry", method="PUT", path=f"/v2/{self.second.name}/*", status=403,
                             body='{"errors":[{"code":"DENIED","message":"frozen"}]}')
        self.addCleanup(self.b.knob, "clear-faults")
        outcome = self.promote(self.sluice, code=6, state="failed")
        self.assertIn("frozen", outcome.json["failure"], outcome)
        for project in (self.first, self.second):
            self.is_at(project, self.old[project])


if __name__ == "__main__":
    unittest.main(verbosity=2)
