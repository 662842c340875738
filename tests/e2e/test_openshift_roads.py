"""Promotion inside one cluster: every road with every kind of workload, and what stays behind on the streams."""

import json
import unittest

from sluicekit.one_cluster import KINDS, OneCluster
from sluicekit.sluice import binary

binary()

ROADS = ("tag", "mount", "stream", "import")


class Roads(OneCluster):
    def test_every_road_and_every_kind_of_workload(self):
        for road in ROADS:
            for kind in KINDS:
                with self.subTest(self.begin(f"{kind} by {road}")):
                    old, new = self.running(kind)
                    self.write(environment={"via": road})
                    plan = self.plan()
                    self.assertEqual(plan.json["targets"][0]["images"][0]["road"], road, plan)
                    self.assertEqual([(one["kind"], one["name"], one["action"])
                                      for one in plan.json["targets"][0]["workloads"]], [(kind, "web", "rolls")], plan)
                    outcome = self.promote(self.sluice)
                    self.all_well(new, outcome, road)
                    self.prod.pulled(new)
                    self.assertEqual(self.prod.history()[:2], [new, old], outcome)

    def test_sluice_picks_the_tag_road_and_no_byte_moves(self):
        _, new = self.running()
        outcome = self.promote(self.sluice)
        self.all_well(new, outcome, "tag")
        self.assertEqual(outcome.json["targets"][0]["images"][0]["bytes"], {"moved": 0, "mounted": 0, "present": 0},
                         outcome)

    def test_a_road_named_on_the_command_line_wins(self):
        _, new = self.running()
        self.write(environment={"via": "import"})
        outcome = self.promote(self.sluice, "--via", "stream")
        self.all_well(new, outcome, "stream")
        self.assertGreater(outcome.json["targets"][0]["images"][0]["bytes"]["moved"], 0, outcome)

    def test_a_project_without_streams_gets_them(self):
        for road in ROADS:
            with self.subTest(self.begin(road)):
                new = self.fresh(self.dev)
                self.write(environment={"via": road})
                outcome = self.promote(self.sluice)
                self.prod.stands({"web": new})
                self.prod.pulled(new)
                self.assertEqual(outcome.json["targets"][0]["images"][0]["before"], None, outcome)

    def test_every_pod_of_several_runs_the_image(self):
        for kind in ("DeploymentConfig", "Deployment", "StatefulSet"):
            with self.subTest(self.begin(kind)):
                _, new = self.running(kind, replicas=3)
                outcome = self.promote(self.sluice)
                self.all_well(new, outcome, replicas=3)
                self.assertEqual(self.rollout(outcome)["pods"], 3, outcome)

    def test_the_image_and_the_one_before_are_pinned(self):
        old, new = self.running()
        self.promote(self.sluice)
        for digest in (old, new):
            self.assertEqual(self.prod.tag(tag=f"sluice-{digest[7:19]}"), digest)

    def test_nothing_but_the_number_is_written_to_the_source_stream(self):
        self.running()
        before = self.dev.stream()
        self.promote(self.sluice)
        after = self.dev.stream()
        memory = json.loads(after["metadata"].get("annotations", {}).pop("sluice/memory"))
        self.assertEqual((memory["tags"], len(memory["numbers"])), ({}, 1), memory)
        for stream in (before, after):
            stream["metadata"].pop("resourceVersion")
            stream["metadata"].setdefault("annotations", {})
        self.assertEqual(after, before)
        # A release has its number by now: the next promotion leaves the source alone.
        version = self.dev.stream()["metadata"]["resourceVersion"]
        self.promote(self.sluice)
        self.assertEqual(self.dev.stream()["metadata"]["resourceVersion"], version)

    def test_the_default_cluster_is_the_current_context(self):
        _, new = self.running()
        self.sluice.environment["KUBECONFIG"] = self.box.kubeconfig
        self.secrets.add(self.box.token("ann"))
        self.sluice.write("sluice.yaml", "app: shop\nimages: [web]\nenvironments:\n"
                                         f"  - {{name: dev, project: {self.dev.name}}}\n"
                                         f"  - {{name: prod, project: {self.prod.name}}}\n")
        self.all_well(new, self.promote(self.sluice), "tag")


class Roads4(Roads):
    profile = "4.x"


class Registry(OneCluster):
    """The registry's name is the sandbox's own matter: a class of its own."""

    def unexposed(self):
        self.box.knob("registry", external_host=None)
        self.addCleanup(self.box.knob, "registry", external_host=self.box.registry_external)

    def test_the_tag_road_needs_no_exposed_registry(self):
        self.unexposed()
        _, new = self.running()
        outcome = self.promote(self.sluice)
        self.assertEqual(outcome.json["targets"][0]["images"][0]["road"], "tag", outcome)
        self.prod.stands({"web": new})
        self.prod.runs({"web": new})

    def test_other_roads_are_blocked_with_the_command_that_exposes_it(self):
        self.unexposed()
        command = "oc create route" if self.profile == "3.11" else "defaultRoute"
        for road in ("stream", "mount"):
            with self.subTest(self.begin(road)):
                old, _ = self.running()
                self.blocked("registry-not-exposed", command, flags=("--via", road))
                self.prod.runs({"web": old})

    def test_no_registry_at_all_is_told_from_one_that_is_not_exposed(self):
        old, _ = self.running()
        self.box.knob("registry", present=False)
        self.addCleanup(self.box.knob, "registry", present=True, external_host=self.box.registry_external)
        self.blocked("registry-absent", flags=("--via", "stream"))
        self.prod.runs({"web": old})


class Registry4(Registry):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
