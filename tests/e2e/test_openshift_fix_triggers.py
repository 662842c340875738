"""promote --fix-triggers: every trigger that can be mended is, and the promotion goes on."""

import json
import unittest

from sluicekit.one_cluster import TRIGGERS
from sluicekit.sluice import binary
from sluicekit.spoilt_triggers import ROWS, SpoiltTriggers

binary()


class FixTriggers(SpoiltTriggers):
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
        before = self.workload("DeploymentConfig")["spec"]
        self.plan(code=3)
        refused = self.sluice.run("promote", "--to", "prod", "--fix-triggers")  # nobody says yes
        self.assertEqual(refused.code, 3, refused)
        self.assertEqual(self.workload("DeploymentConfig")["spec"], before, refused)


class FixTriggers4(FixTriggers):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
