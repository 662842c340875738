"""What tags and templates may look like before a promotion, and that the proof is of the new rollout and no other."""

import unittest

import sluicekit as kit
from sluicekit import images
from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox_case import core, imports, small_image
from sluicekit.sluice import binary

binary()
kit.need("docker-registry")

ROADS = ("tag", "mount", "stream", "import")


class Tags(OneCluster):
    def push(self, project, image, stream="web", tag="latest"):
        """Pushes as a registry client does; gives the status of the manifest."""
        with self.box.registry("ann") as wire:
            for blob in image.blobs:
                begun = wire.post(f"/v2/{project.name}/{stream}/blobs/uploads/")
                self.assertEqual(begun.status, 202, str(begun))
                where = "/" + begun.headers["location"].split("/", 3)[3]
                done = wire.put(f"{where}&digest={blob.digest}", b"".join(blob.chunks()),
                                headers={"Content-Type": "application/octet-stream"})
                self.assertEqual(done.status, 201, str(done))
            return wire.put(f"/v2/{project.name}/{stream}/manifests/{tag}", image.manifest,
                            headers={"Content-Type": image.media_type}).status

    def test_the_same_digest_again_changes_nothing(self):
        for road in ROADS:
            with self.subTest(self.begin(road)):
                _, new = self.running()
                self.write(environment={"via": road})
                self.all_well(new, self.promote(self.sluice), road)
                rollouts, history = self.prod.rollouts(), self.prod.history()
                self.assertFalse(self.plan().json["changes"])
                outcome = self.promote(self.sluice)
                self.assertEqual(self.rollout(outcome)["end"], "already-running", outcome)
                self.assertEqual((self.prod.rollouts(), self.prod.history()), (rollouts, history), outcome)
                self.prod.runs({"web": new})

    def test_a_then_b_then_a(self):
        for road in ("tag", "stream"):
            with self.subTest(self.begin(road)):
                old, a = self.running()
                self.write(environment={"via": road})
                self.all_well(a, self.promote(self.sluice))
                b = self.fresh(self.dev)
                self.all_well(b, self.promote(self.sluice))
                self.dev.retag(a)
                self.all_well(a, self.promote(self.sluice, "--release", "1"))
                self.assertEqual(self.prod.history()[:4], [a, b, a, old])

    def test_a_push_over_a_tag_that_was_set_does_not_keep_it_from_being_set_again(self):
        """The trap of the unchanged `from`: the same PUT as before would do nothing."""
        _, a = self.running()
        self.promote(self.sluice)
        pushed = small_image(f"{self.id()}-pushed")
        self.assertEqual(self.push(self.prod, pushed), 201)
        self.box.settle()
        self.prod.runs({"web": pushed.digest})
        outcome = self.promote(self.sluice)
        self.all_well(a, outcome)
        self.assertEqual(self.prod.history()[:3], [a, pushed.digest, a], outcome)

    def test_a_source_tag_that_moves_after_the_plan_does_not_matter_to_a_release(self):
        _, new = self.running()
        self.assertEqual(self.sluice.run("release", "create").code, 0)
        newer = self.fresh(self.dev)
        self.all_well(new, self.promote(self.sluice, "--release", "1"))
        self.assertEqual(self.dev.tag(), newer)

    def test_a_target_that_changed_since_the_plan_stops_the_promotion(self):
        self.running()
        other = self.fresh(self.prod, tag="other")
        plan = self.plan().json["plan"]
        self.prod.retag(other)
        self.box.settle()
        refused = self.sluice.run("promote", "--to", "prod", "--yes", "--plan", plan)
        self.assertEqual(refused.code, 3, refused)
        self.prod.stands({"web": other})
        self.prod.runs({"web": other})

    def test_a_workload_that_came_since_the_plan_stops_the_promotion(self):
        old, _ = self.running()
        plan = self.plan().json["plan"]
        self.make(self.manifest("Deployment", "worker", {"web": "web:latest"}))
        refused = self.sluice.run("promote", "--to", "prod", "--yes", "--plan", plan)
        self.assertEqual(refused.code, 3, refused)
        self.prod.runs({"web": old})
        self.prod.runs({"web": old}, "worker")

    def test_the_plan_that_was_shown_is_the_one_that_is_followed(self):
        _, new = self.running()
        plan = self.plan().json["plan"]
        self.all_well(new, self.promote(self.sluice, "--plan", plan))

    def test_pods_that_run_something_else_get_an_explicit_rollout(self):
        """The tag is right and the template too: no event will ever fire."""
        _, new = self.running()
        self.promote(self.sluice)
        pod = self.prod.get(core(self.prod.name, "pods"))["items"]
        running = [one for one in pod if one["metadata"]["labels"].get("app") == "web"][0]
        other = "sha256:" + "ab" * 32
        status = running["status"]
        for one in status["containerStatuses"]:
            one["imageID"] = one["imageID"].rpartition("@")[0] + "@" + other
        path = core(self.prod.name, "pods", running["metadata"]["name"]) + "/status"
        reply = self.prod.api.patch(path, {"status": status})
        self.assertEqual(reply.status, 200, str(reply))
        self.prod.runs({"web": other})
        plan = self.plan()
        self.finding(plan, "runs-other-image", "info")
        self.assertEqual([one["action"] for one in plan.json["targets"][0]["workloads"]], ["start"], plan)
        self.assertTrue(plan.json["changes"], plan)
        before = self.prod.rollouts()
        self.all_well(new, self.promote(self.sluice))
        self.assertEqual(self.prod.rollouts(), before + 1)

    def test_two_images_of_a_workload_are_one_rollout(self):
        for kind in ("DeploymentConfig", "Deployment"):
            for road in ("tag", "stream"):
                with self.subTest(self.begin(f"{kind} by {road}")):
                    for name in ("web", "api"):
                        self.fresh(self.prod, name)
                    self.prod.workload(kind, containers={"web": "web:latest", "api": "api:latest"})
                    new = {name: self.fresh(self.dev, name) for name in ("web", "api")}
                    self.write(images=("web", "api"), environment={"via": road})
                    self.assertTrue(self.plan().json["targets"][0]["workloads"][0]["pause"])
                    before = self.prod.rollouts(kind)
                    outcome = self.promote(self.sluice)
                    self.prod.stands(new)
                    self.prod.runs(new)
                    self.box.settle()
                    self.assertEqual(self.prod.rollouts(kind), before + 1, outcome)
                    self.assertEqual(self.prod.paused(), [], outcome)

    def test_patched_workloads_get_the_image_by_digest(self):
        for kind in ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"):
            with self.subTest(self.begin(kind)):
                old = self.fresh(self.prod)
                made = self.manifest(kind)
                repository = self.prod.stream()["status"]["dockerImageRepository"]
                made["spec"]["template"]["spec"]["containers"][0]["image"] = f"{repository}@{old}"
                if kind == "DeploymentConfig":
                    made["spec"]["triggers"] = made["spec"]["triggers"][:1]
                else:
                    del made["metadata"]["annotations"]
                self.make(made)
                self.prod.runs({"web": old})
                new = self.fresh(self.dev)
                self.write(environment={"deploy": "patch"})
                plan = self.plan()
                self.assertEqual([one["action"] for one in plan.json["targets"][0]["workloads"]], ["patch"], plan)
                outcome = self.promote(self.sluice)
                self.all_well(new, outcome)
                image = self.workload(kind)["spec"]["template"]["spec"]["containers"][0]["image"]
                self.assertEqual(image, f"{repository}@{new}", outcome)

    def test_an_oci_image_is_refused_by_the_registry_of_3_and_taken_by_that_of_4(self):
        image = small_image(self.id(), images.OCI)
        if self.profile == "3.11":
            self.assertEqual(self.push(self.dev, image), 400)
            return
        self.running()
        self.assertEqual(self.push(self.dev, image), 201)
        for road in ("tag", "stream"):
            with self.subTest(road):
                self.write(environment={"via": road})
                self.promote(self.sluice)
                self.prod.stands({"web": image.digest})
                self.prod.runs({"web": image.digest})

    def test_an_oci_image_that_3_11_knows_is_tagged_and_never_pushed(self):
        """Such a cluster gets to know one by importing it from elsewhere; its own registry would refuse the push."""
        if self.profile != "3.11":
            self.skipTest("later releases take OCI images")
        image = small_image(self.id(), images.OCI)
        other = self.enterContext(kit.Registry())
        other.client().push("elsewhere/web", "1", image)
        self.running()
        reply = self.dev.api.post(imports(self.dev.name), {
            "kind": "ImageStreamImport", "apiVersion": "image.openshift.io/v1", "metadata": {"name": "web"},
            "spec": {"import": True, "images": [{
                "from": {"kind": "DockerImage", "name": f"{other.host}/elsewhere/web:1"}, "to": {"name": "latest"},
                "importPolicy": {"insecure": True}, "referencePolicy": {"type": "Local"}}]}})
        self.assertEqual(reply.status, 201, str(reply))
        self.assertEqual(self.dev.tag(), image.digest, str(reply))
        self.blocked("manifest-type-refused", flags=("--via", "stream"))
        outcome = self.promote(self.sluice)
        self.prod.stands({"web": image.digest})
        self.prod.runs({"web": image.digest})
        self.assertEqual(outcome.json["targets"][0]["images"][0]["road"], "tag", outcome)

    def test_a_trigger_that_takes_its_time_never_lets_the_old_rollout_pass_as_the_new_one(self):
        self.addCleanup(self.box.knob, "step-delay", seconds=0)
        for kind in ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"):
            with self.subTest(self.begin(kind)):
                _, new = self.running(kind)
                self.box.knob("step-delay", seconds=1)
                outcome = self.promote(self.sluice)
                self.prod.runs({"web": new})  # at this very moment
                self.box.knob("step-delay", seconds=0)
                self.all_well(new, outcome)


class Tags4(Tags):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
