"""Workloads that would not follow the tag: told before anything is written; passed over when no rollout is wanted."""

import unittest

from sluicekit.one_cluster import TRIGGERS
from sluicekit.sluice import binary
from sluicekit.spoilt_triggers import ROWS, SpoiltTriggers

binary()


class Triggers(SpoiltTriggers):
    def test_a_trigger_that_will_not_fire_is_a_blocker_with_its_command(self):
        for kind, how, code, fix in ROWS:
            with self.subTest(self.begin(f"{kind}: {how}")):
                self.spoilt(kind, how)
                before = self.prod.pods()
                self.blocked(code, fix)
                self.assertEqual(self.prod.pods(), before)

    def test_a_paused_workload_is_a_blocker_that_nobody_mends(self):
        for kind, fix in (("DeploymentConfig", "oc rollout resume"), ("Deployment", "oc rollout resume")):
            with self.subTest(self.begin(kind)):
                old, _ = self.running(kind)
                self.change(kind, {"spec": {"paused": True}})
                self.blocked("workload-paused", fix)
                refused = self.sluice.run("promote", "--to", "prod", "--yes", "--fix-triggers")
                self.assertEqual(refused.code, 3, refused)
                self.assertTrue(self.workload(kind)["spec"]["paused"], refused)
                self.assertEqual(self.prod.tag(), old, refused)
                self.prod.runs({"web": old})

    def test_one_of_several_workloads_blocks(self):
        old, _ = self.running(name="web")
        self.make(self.manifest("Deployment", "worker", {"web": "web:latest"}))
        self.change("Deployment", {"metadata": {"annotations": {TRIGGERS: None}}}, "worker")
        found = self.blocked("trigger-missing")
        self.assertEqual(found["subject"], "Deployment worker")
        self.prod.runs({"web": old})
        self.prod.runs({"web": old}, "worker")

    def test_without_rollouts_to_follow_nothing_of_workloads_blocks(self):
        for kind, how, code, _ in ROWS:
            if kind not in ("DeploymentConfig", "Deployment"):
                continue
            with self.subTest(self.begin(f"{kind}: {how}")):
                self.spoilt(kind, how)
                before = self.prod.pods()
                new = self.dev.tag()
                self.write(environment={"verify": {"rollout": "none"}})
                self.finding(self.plan(), code, "info")
                outcome = self.promote(self.sluice)
                self.assertEqual(outcome.json["targets"][0]["rollout"], [], outcome)
                self.prod.stands({"web": new})
                if how != "other project":  # that one follows dev, whatever is promoted
                    self.assertEqual(self.prod.pods(), before, outcome)

    def test_without_rollouts_to_follow_a_paused_workload_stays_paused(self):
        old, new = self.running()
        self.change("DeploymentConfig", {"spec": {"paused": True}})
        self.write(environment={"verify": {"rollout": "none"}})
        self.promote(self.sluice)
        self.prod.stands({"web": new})
        self.assertEqual(self.prod.paused(), ["DeploymentConfig web"])
        self.prod.runs({"web": old})

    def test_what_is_not_followed_rolls_all_the_same(self):
        _, new = self.running()
        self.write(environment={"verify": {"rollout": "none"}})
        self.promote(self.sluice)
        self.box.settle()
        self.prod.runs({"web": new})


class Triggers4(Triggers):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
