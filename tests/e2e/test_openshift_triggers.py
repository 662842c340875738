"""Workloads that would not follow the tag: told before anything is written, mended when asked to, passed over when no
rollout is wanted, and patched where there are to be no triggers."""

import json
import unittest

from sluicekit.one_cluster import KINDS, TRIGGERS, OneCluster
from sluicekit.sluice import binary

binary()

# How an ImageChange trigger of a DeploymentConfig is spoilt: the finding, and a word of the command that mends it.
CONFIG_ROWS = {
    "missing": ("trigger-missing", "oc set triggers dc/web"),
    "automatic: false": ("trigger-manual", "oc set triggers dc/web"),
    "wrong container": ("trigger-wrong-container", "dc/web"),
    "other project": ("trigger-other-project", "dc/web"),
}
# How the annotation of another workload is.
ANNOTATION_ROWS = {
    "missing": ("trigger-missing", "oc set triggers"),
    "paused trigger": ("trigger-manual", "web"),
    "a string for a boolean": ("trigger-malformed", "web"),
    "a misspelt key": ("trigger-malformed", "web"),
    "no JSON": ("trigger-malformed", "web"),
    "wrong container": ("trigger-wrong-container", "web"),
    "other project": ("trigger-other-project", "web"),
}
ROWS = [(kind, spoilt, *told) for kind in KINDS
        for spoilt, told in (CONFIG_ROWS if kind == "DeploymentConfig" else ANNOTATION_ROWS).items()]


class Triggers(OneCluster):
    def spoil(self, kind, how):
        """A trigger of a workload that runs becomes this."""
        if kind == "DeploymentConfig":
            triggers = self.manifest(kind)["spec"]["triggers"]
            change = triggers[1]["imageChangeParams"]
            if how == "missing":
                triggers.pop()
            elif how == "automatic: false":
                change["automatic"] = False
            elif how == "wrong container":
                change["containerNames"] = ["wbe"]
            elif how == "other project":
                change["from"]["namespace"] = self.dev.name
            self.change(kind, {"spec": {"triggers": triggers}})
            return
        entry = json.loads(self.manifest(kind)["metadata"]["annotations"][TRIGGERS])[0]
        text = None
        if how == "paused trigger":
            text = json.dumps([{**entry, "paused": True}])
        elif how == "a string for a boolean":
            text = json.dumps([{**entry, "paused": "false"}])
        elif how == "a misspelt key":
            text = json.dumps([{"from": entry["from"], "fieldpath_": entry["fieldPath"]}])
        elif how == "no JSON":
            text = json.dumps([entry])[:-1]
        elif how == "wrong container":
            text = json.dumps([{**entry, "fieldPath": entry["fieldPath"].replace('"web"', '"wbe"')}])
        elif how == "other project":
            text = json.dumps([{**entry, "from": {**entry["from"], "namespace": self.dev.name}}])
        self.change(kind, {"metadata": {"annotations": {TRIGGERS: text}}})

    def spoilt(self, kind, how):
        """A running workload whose trigger is spoilt: (what it runs, what waits in dev). The image in dev comes last: a
        trigger that leads there must not fire before the test looks."""
        old = self.fresh(self.prod)
        if how == "other project":
            # So that it changes nothing yet: the same image stands there.
            self.copy_to_dev(old)
        self.prod.workload(kind)
        self.spoil(kind, how)
        new = self.fresh(self.dev)
        self.box.settle()
        return old, new

    def copy_to_dev(self, digest):
        made = {"kind": "ImageStreamTag", "apiVersion": "image.openshift.io/v1", "metadata": {"name": "web:latest"},
                "tag": {"name": "latest", "referencePolicy": {"type": "Source"}, "from": {
                    "kind": "ImageStreamImage", "name": f"web@{digest}", "namespace": self.prod.name}}}
        reply = self.dev.api.put(f"/apis/image.openshift.io/v1/namespaces/{self.dev.name}/imagestreamtags/web:latest",
                                 made)
        self.assertIn(reply.status, (200, 201), str(reply))

    def test_a_trigger_that_will_not_fire_is_a_blocker_with_its_command(self):
        for kind, how, code, fix in ROWS:
            with self.subTest(self.begin(f"{kind}: {how}")):
                self.spoilt(kind, how)
                before = self.prod.pods()
                self.blocked(code, fix)
                self.assertEqual(self.prod.pods(), before)

    def test_fix_triggers_writes_the_right_one_and_goes_on(self):
        for kind, how, code, _ in ROWS:
            with self.subTest(self.begin(f"{kind}: {how}")):
                _, new = self.spoilt(kind, how)
                outcome = self.promote(self.sluice, "--fix-triggers")
                self.all_well(new, outcome)
                # The next promotion needs no help.
                newer = self.fresh(self.dev)
                plan = self.plan()
                self.assertEqual(self.findings(plan, code), [], plan)
                self.all_well(newer, self.promote(self.sluice))

    def test_fix_triggers_leaves_other_triggers_and_containers_alone(self):
        for kind in ("DeploymentConfig", "Deployment"):
            with self.subTest(self.begin(kind)):
                side = self.fresh(self.prod, "side", "1")
                self.fresh(self.prod)
                self.prod.workload(kind, containers={"web": "web:latest", "side": "side:1"})
                self.forget_first_trigger(kind)
                new = self.fresh(self.dev)
                outcome = self.promote(self.sluice, "--fix-triggers")
                self.prod.runs({"web": new, "side": side})
                self.assertEqual(self.rollout(outcome)["end"], "succeeded", outcome)
                newer = self.fresh(self.prod, "side", "1")
                self.box.settle()
                self.prod.runs({"web": new, "side": newer})

    def forget_first_trigger(self, kind):
        made = self.manifest(kind, containers={"web": "web:latest", "side": "side:1"})
        if kind == "DeploymentConfig":
            kept = [one for one in made["spec"]["triggers"]
                    if one.get("imageChangeParams", {}).get("containerNames") != ["web"]]
            self.change(kind, {"spec": {"triggers": kept}})
        else:
            kept = json.loads(made["metadata"]["annotations"][TRIGGERS])[1:]
            self.change(kind, {"metadata": {"annotations": {TRIGGERS: json.dumps(kept)}}})

    def test_plan_never_writes_a_trigger(self):
        self.spoilt("DeploymentConfig", "missing")
        before = self.workload("DeploymentConfig")["metadata"]["resourceVersion"]
        self.plan(code=3)
        self.sluice.run("promote", "--to", "prod", "--fix-triggers")  # nobody says yes
        self.assertEqual(self.workload("DeploymentConfig")["metadata"]["resourceVersion"], before)

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
