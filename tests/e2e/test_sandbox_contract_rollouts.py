"""The sandbox's contract, items 62 to 78: triggers, rollouts, and what nodes do by themselves."""

import unittest

from sluicekit.sandbox_case import (CONFIG_CHANGE, APPS_V1, SandboxCase, condition, configs, controllers, core,
                                    deployment, deployment_config, deployments, image_change, phase, small_image,
                                    stream_tag, streams, tags)
from sluicekit.sluice import binary

binary()

RC = "openshift.io/deployment."


class Rollouts(SandboxCase):
    """With nodes that work by themselves."""

    def setUp(self):
        super().setUp()
        self.addCleanup(self.box.knob, "step-delay", seconds=0)

    def live(self, seed):
        """Another image under site:live; gives its pull spec."""
        image = self.pushed(self.prod, "site", "live", seed)
        return f"{self.box.registry_internal}/{self.prod}/site@{image.digest}"

    def outcome(self, result, name="site", kind="DeploymentConfig", **more):
        self.box.knob("outcome", kind=kind, namespace=self.prod, name=name, result=result, **more)

    def progressing(self, name="site"):
        found = condition(self.config(name), "Progressing")
        return found.get("status"), found.get("reason")

    def instantiate(self, name="site", **more):
        return self.promoter.post(configs(self.prod, name) + "/instantiate", {
            "kind": "DeploymentRequest", "apiVersion": "apps.openshift.io/v1", "name": name, "latest": True,
            "force": True, **more})

    def all_controllers(self):
        return sorted(one["metadata"]["name"] for one in self.ok(self.admin.get(controllers(self.prod)))["items"])

    def marker(self, number):
        """Another rollout, by a change of the template; when it is complete, everything before it has happened."""
        self.ok(self.promoter.patch(configs(self.prod, "site"), {
            "spec": {"template": {"metadata": {"labels": {"app": "site", "marker": str(number)}}}}}))

    def test_item_62_defaults_and_refusals(self):
        made = self.make_config(name="plain", image="example.test/x:1")
        bare = deployment_config("bare", image="example.test/x:1")
        del bare["spec"]["triggers"]
        self.assertEqual(made["spec"].get("triggers") or [], [])
        self.assertEqual(self.created(self.promoter.post(configs(self.prod), bare))["spec"]["triggers"],
                         [{"type": "ConfigChange"}])
        self.assertEqual(made["spec"]["strategy"]["rollingParams"]["timeoutSeconds"], 600)
        for name, trigger in {"no tag": image_change("site"), "no container": image_change("site:live")}.items():
            if name == "no container":
                trigger["imageChangeParams"]["containerNames"] = []
            with self.subTest(name):
                self.refused(self.promoter.post(configs(self.prod), deployment_config("bad", trigger)), 422, "Invalid")

    def test_item_63_a_push_rolls_out_by_itself(self):
        first = self.live(1)
        self.make_config(CONFIG_CHANGE, image_change("site:live"))
        self.reaches("site-1", "Complete")
        second = self.live(2)
        done = self.reaches("site-2", "Complete")
        self.assertEqual(done["spec"]["template"]["spec"]["containers"][0]["image"], second)
        self.assertNotEqual(first, second)
        config = self.config()
        self.assertEqual(config["status"]["details"]["causes"], [
            {"type": "ImageChange", "imageTrigger": {"from": {"kind": "DockerImage", "name": second}}}])
        self.assertEqual(config["spec"]["triggers"][1]["imageChangeParams"]["lastTriggeredImage"], second)
        self.soon_equal(self.progressing, ("True", "NewReplicationControllerAvailable"))

    def test_item_63_each_step_is_an_event_of_its_own_also_with_a_delay(self):
        self.live(1)
        self.make_config(CONFIG_CHANGE, image_change("site:live"))
        self.reaches("site-1", "Complete")
        self.soon_equal(self.progressing, ("True", "NewReplicationControllerAvailable"))
        self.box.knob("step-delay", seconds=0.2)
        listed = self.ok(self.admin.get(configs(self.prod)))["metadata"]["resourceVersion"]
        with self.admin.stream(configs(self.prod, query=f"watch=true&resourceVersion={listed}")) as stream:
            spec = self.live(2)
            seen = stream.until(lambda frame: frame["object"]["status"]["latestVersion"] == 2)
        steps = []
        for frame in seen:
            config = frame["object"]
            step = (config["spec"]["template"]["spec"]["containers"][0]["image"] == spec,
                    config["status"]["latestVersion"])
            steps += [step] if not steps or steps[-1] != step else []
        self.assertEqual(steps, [(True, 1), (True, 2)], "first the template, then the version")
        self.reaches("site-2", "Complete")

    def test_item_64_the_first_rollout_waits_for_all_triggers(self):
        spec = self.live(1)
        other = image_change("other:live")
        self.make_config(CONFIG_CHANGE, image_change("site:live"), other)
        self.make_config(CONFIG_CHANGE, name="beside", image="example.test/x:1")
        self.reaches("beside-1", "Complete")
        self.assertEqual(self.config()["status"]["latestVersion"], 0)
        self.pushed(self.prod, "other", "live")
        self.reaches("site-1", "Complete")
        self.assertNotEqual(spec, "")

    def test_item_65_the_same_image_again_is_no_rollout(self):
        image = self.pushed(self.prod, "site", "live", 1)
        self.make_config(CONFIG_CHANGE, image_change("site:live"))
        self.reaches("site-1", "Complete")
        self.is_status(self.push(f"{self.prod}/site", "live", image, "promoter"), 201)
        again = stream_tag("site", "live", f"site@{image.digest}")
        self.created(self.promoter.put(tags(self.prod, "site:live"), again))
        self.marker(1)
        self.reaches("site-2", "Complete")
        self.assertEqual(self.config()["status"]["details"]["causes"], [{"type": "ConfigChange"}])
        self.assertEqual(self.all_controllers(), ["site-1", "site-2"])

    def test_item_66_a_paused_config_is_rewritten_and_rolls_out_when_resumed(self):
        self.live(1)
        self.make_config(CONFIG_CHANGE, image_change("site:live"))
        self.reaches("site-1", "Complete")
        self.ok(self.promoter.patch(configs(self.prod, "site"), {"spec": {"paused": True}}))
        spec = self.live(2)
        self.soon_equal(lambda: self.config()["spec"]["template"]["spec"]["containers"][0]["image"], spec)
        self.assertEqual(self.config()["status"]["latestVersion"], 1)
        self.refused(self.instantiate(), 422, "Invalid", "paused")
        self.ok(self.promoter.patch(configs(self.prod, "site"), {"spec": {"paused": False}}))
        self.reaches("site-2", "Complete")
        self.assertEqual(self.config()["status"]["details"]["causes"][0]["type"], "ImageChange")

    def test_item_67_manual_and_missing_triggers_do_nothing(self):
        spec = self.live(1)
        self.make_config(image_change("site:live", automatic=False))
        self.make_config(name="none", image="example.test/x:1")
        self.make_config(CONFIG_CHANGE, name="beside", image="example.test/x:1")
        self.reaches("beside-1", "Complete")
        for name in ("site", "none"):
            self.assertEqual(self.config(name)["status"]["latestVersion"], 0, name)
            self.created(self.instantiate(name))
            self.reaches(f"{name}-1", "Complete")
            self.assertEqual(self.config(name)["status"]["details"]["causes"], [{"type": "Manual"}], name)
        self.assertEqual(self.config()["spec"]["triggers"][0]["imageChangeParams"]["lastTriggeredImage"], spec)

    def test_item_68_a_change_of_the_template_is_a_rollout(self):
        self.make_config(CONFIG_CHANGE, image="example.test/x:1")
        self.reaches("site-1", "Complete")
        self.ok(self.promoter.patch(configs(self.prod, "site"), {"metadata": {"labels": {"more": "1"}}}))
        self.ok(self.promoter.patch(configs(self.prod, "site"), {
            "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "example.test/x:2"}]}}}}))
        done = self.reaches("site-2", "Complete")
        self.assertEqual(self.config()["status"]["details"], {
            "message": "config change", "causes": [{"type": "ConfigChange"}]})
        self.assertEqual(done["metadata"]["annotations"][RC + "status-reason"], "config change")
        self.assertEqual(self.all_controllers(), ["site-1", "site-2"])

    def test_item_69_phases_only_go_forward(self):
        listed = self.ok(self.admin.get(controllers(self.prod)))["metadata"]["resourceVersion"]
        with self.admin.stream(controllers(self.prod, query=f"watch=true&resourceVersion={listed}")) as stream:
            self.make_config(CONFIG_CHANGE, image="example.test/x:1", replicas=2)
            seen = stream.until(lambda frame: phase(frame["object"]) == "Complete")
        phases = []
        for frame in seen:
            phases += [phase(frame["object"])] if phases[-1:] != [phase(frame["object"])] else []
        self.assertEqual(phases, ["New", "Pending", "Running", "Complete"])
        self.assertEqual(seen[0]["object"]["spec"]["replicas"], 0)
        done = seen[-1]["object"]
        self.assertEqual(done["metadata"]["annotations"]["openshift.io/deployment-config.latest-version"], "1")
        self.assertEqual(done["metadata"]["ownerReferences"][0]["kind"], "DeploymentConfig")

    def test_item_70_a_rollout_fails_when_told(self):
        self.live(1)
        self.make_config(CONFIG_CHANGE, image_change("site:live"), replicas=2)
        self.reaches("site-1", "Complete")
        self.outcome("fail")
        spec = self.live(2)
        self.reaches("site-2", "Failed")
        self.soon_equal(self.progressing, ("False", "ProgressDeadlineExceeded"))
        self.assertEqual(self.config()["spec"]["template"]["spec"]["containers"][0]["image"], spec)
        self.outcome("succeed")
        self.live(3)
        self.reaches("site-3", "Complete")

    def test_item_70_a_rollout_hangs_until_its_time_is_over(self):
        for result in ("hang", "unpullable"):
            with self.subTest(result):
                name = result
                self.outcome(result, name)
                self.make_config(CONFIG_CHANGE, name=name, image="example.test/x:1")
                self.reaches(f"{name}-1", "Running")
                self.soon_equal(lambda: len(self.pods_of(f"{name}-1")), 1)
                self.assertFalse(any(self.ready(pod) for pod in self.pods_of(f"{name}-1")))
                self.box.knob("clock", advance_seconds=601)
                self.reaches(f"{name}-1", "Failed")

    def test_item_70_a_rollout_fails_after_a_time(self):
        self.outcome("fail-after", seconds=120)
        self.make_config(CONFIG_CHANGE, image="example.test/x:1")
        self.reaches("site-1", "Running")
        self.box.knob("clock", advance_seconds=121)
        self.reaches("site-1", "Failed")

    def test_item_70_the_outcome_may_hang_on_the_digest(self):
        good, bad = (small_image(f"{self.id()}-{n}") for n in range(2))
        self.box.knob("outcome", digest=bad.digest, result="fail")
        self.is_status(self.push(f"{self.prod}/site", "live", good, "promoter"), 201)
        self.make_config(CONFIG_CHANGE, image_change("site:live"))
        self.reaches("site-1", "Complete")
        self.is_status(self.push(f"{self.prod}/site", "live", bad, "promoter"), 201)
        self.reaches("site-2", "Failed")
        self.is_status(self.push(f"{self.prod}/site", "live", good, "promoter"), 201)
        self.reaches("site-3", "Complete")

    def pods_of(self, controller):
        query = f"labelSelector=deployment%3D{controller}"
        return self.ok(self.admin.get(core(self.prod, "pods", query=query)))["items"]

    @staticmethod
    def ready(pod):
        return condition(pod, "Ready").get("status") == "True"

    def test_item_71_the_previous_version_goes_on_after_a_failure(self):
        self.live(1)
        self.make_config(CONFIG_CHANGE, image_change("site:live"), replicas=2)
        self.reaches("site-1", "Complete")
        self.outcome("fail")
        self.live(2)
        self.reaches("site-2", "Failed")
        self.soon_equal(lambda: [self.controller(name)["spec"]["replicas"] for name in ("site-1", "site-2")], [2, 0])

    def test_item_72_a_newer_version_cancels_the_older(self):
        first = self.live(1)
        self.box.knob("outcome", digest=first.partition("@")[2], result="hang")
        self.make_config(CONFIG_CHANGE, image_change("site:live"))
        self.reaches("site-1", "Running")
        self.live(2)
        self.reaches("site-2", "Complete")
        notes = self.reaches("site-1", "Failed")["metadata"]["annotations"]
        self.assertEqual((notes[RC + "cancelled"], notes[RC + "status-reason"]),
                         ("true", "newer deployment was found running"))

    def test_item_72_a_client_cancels(self):
        self.outcome("hang")
        self.make_config(CONFIG_CHANGE, image="example.test/x:1")
        self.reaches("site-1", "Running")
        self.ok(self.promoter.patch(controllers(self.prod, "site-1"), {"metadata": {"annotations": {
            RC + "cancelled": "true", RC + "status-reason": "cancelled by the user"}}}))
        self.reaches("site-1", "Failed")
        self.soon_equal(self.progressing, ("False", "RolloutCancelled"))

    def test_item_73_while_it_is_paused_the_condition_is_that_of_the_rollout_before(self):
        self.make_config(CONFIG_CHANGE, image="example.test/x:1")
        self.reaches("site-1", "Complete")
        self.soon_equal(self.progressing, ("True", "NewReplicationControllerAvailable"))
        self.ok(self.promoter.patch(configs(self.prod, "site"), {"spec": {"paused": True}}))
        self.marker(1)
        self.soon(lambda: self.assertEqual(self.config()["status"]["observedGeneration"],
                                           self.config()["metadata"]["generation"]))
        self.assertEqual(self.progressing(), ("True", "NewReplicationControllerAvailable"))
        self.assertEqual(self.config()["status"]["latestVersion"], 1)

    def test_item_74_instantiate_and_rollback(self):
        self.make_config(CONFIG_CHANGE, image_change("site:live"), image="example.test/x:1")
        self.refused(self.instantiate(), 400, "BadRequest", "unresolved images")
        first = self.live(1)
        self.reaches("site-1", "Complete")
        self.assertEqual(self.is_status(self.instantiate(force=False), 204).body, b"")
        self.live(2)
        self.reaches("site-2", "Complete")
        back = self.created(self.promoter.post(configs(self.prod, "site") + "/rollback", {
            "kind": "DeploymentConfigRollback", "apiVersion": "apps.openshift.io/v1", "name": "site",
            "spec": {"from": {"name": "site-1"}, "revision": 1, "includeTemplate": True, "includeTriggers": False,
                     "includeReplicationMeta": False, "includeStrategy": False}}))
        self.assertNotIn("automatic", back["spec"]["triggers"][1]["imageChangeParams"])
        self.assertEqual(self.config()["status"]["latestVersion"], 2, "nothing is stored yet")
        self.ok(self.promoter.put(configs(self.prod, "site"), back))
        done = self.reaches("site-3", "Complete")
        self.assertEqual(done["spec"]["template"]["spec"]["containers"][0]["image"], first)
        self.live(4)
        self.created(self.instantiate("site", latest=False))
        self.reaches("site-4", "Complete")
        self.assertEqual(self.config()["spec"]["template"]["spec"]["containers"][0]["image"], first,
                         "the trigger is off after a rollback")

    def test_item_75_counters_move_during_a_rollout(self):
        self.live(1)
        self.make_config(CONFIG_CHANGE, image_change("site:live"), replicas=2)
        self.reaches("site-1", "Complete")
        self.soon_equal(lambda: self.config()["status"]["availableReplicas"], 2)
        listed = self.ok(self.admin.get(configs(self.prod)))["metadata"]["resourceVersion"]
        with self.admin.stream(configs(self.prod, query=f"watch=true&resourceVersion={listed}")) as stream:
            self.live(2)
            seen = stream.until(lambda frame: "site-2\" successfully" in
                                condition(frame["object"], "Progressing").get("message", ""))
        counts = [frame["object"]["status"]["updatedReplicas"] for frame in seen
                  if frame["object"]["status"]["latestVersion"] == 2]
        self.assertIn(0, counts)

        def settled():
            config = self.config()
            status = config["status"]
            return [status[name] for name in ("replicas", "updatedReplicas", "availableReplicas",
                                              "unavailableReplicas")] + [
                config["metadata"]["generation"] - status["observedGeneration"]]
        self.soon_equal(settled, [2, 2, 2, 0, 0])

    def deployment(self, name="web"):
        return self.ok(self.admin.get(deployments(self.prod, name)))

    def test_item_76_a_deployment_follows_its_annotation(self):
        first = self.live(1)
        self.created(self.promoter.post(deployments(self.prod), deployment("web", tag="site:live", replicas=2)))
        for revision, spec in (("1", first), ("2", None)):
            spec = spec or self.live(2)

            def check(revision=revision, spec=spec):
                found = self.deployment()
                self.assertEqual(found["spec"]["template"]["spec"]["containers"][0]["image"], spec)
                self.assertEqual(condition(found, "Progressing").get("reason"), "NewReplicaSetAvailable")
                self.assertEqual((found["status"]["updatedReplicas"], found["status"]["availableReplicas"]), (2, 2))
                self.assertEqual(found["status"]["observedGeneration"], found["metadata"]["generation"])
                self.assertIn(found["metadata"]["annotations"]["deployment.kubernetes.io/revision"], ("1", "2", "3"))
                if revision == "2":
                    self.assertNotEqual(found["metadata"]["annotations"]["deployment.kubernetes.io/revision"], "1")
            self.soon(check)

    def test_item_76_a_deployment_that_does_not_get_ready(self):
        for result, kind in (("fail", "Deployment"), ("hang", "Deployment"), ("unpullable", "Deployment")):
            with self.subTest(result):
                self.outcome(result, result, kind)
                self.created(self.promoter.post(deployments(self.prod), deployment(result, "example.test/x:1")))
                self.soon(lambda result=result: self.assertEqual(self.deployment(result)["status"]["replicas"], 1))
                self.assertEqual(self.deployment(result)["status"].get("availableReplicas", 0), 0)
                self.box.knob("clock", advance_seconds=601)

                def failed(result=result):
                    found = condition(self.deployment(result), "Progressing")
                    self.assertEqual((found.get("status"), found.get("reason")), ("False", "ProgressDeadlineExceeded"))
                self.soon(failed)

    def test_item_76_other_kinds_become_ready(self):
        spec = self.live(1)
        note = deployment("x", tag="site:live")["metadata"]["annotations"]
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": " "}]}}
        selector = {"matchLabels": {"app": "web"}}
        for kind, plural, more, ready in (
                ("StatefulSet", "statefulsets", {"serviceName": "web", "replicas": 2}, "readyReplicas"),
                ("DaemonSet", "daemonsets", {}, "numberAvailable")):
            with self.subTest(kind):
                path = f"{APPS_V1}/namespaces/{self.prod}/{plural}"
                self.created(self.admin.post(path, {
                    "kind": kind, "apiVersion": "apps/v1", "metadata": {"name": "web", "annotations": note},
                    "spec": {"selector": selector, "template": template, **more}}))

                def check(path=path, ready=ready):
                    found = self.ok(self.admin.get(f"{path}/web"))
                    self.assertEqual(found["spec"]["template"]["spec"]["containers"][0]["image"], spec)
                    self.assertGreaterEqual(found["status"].get(ready, 0), 1)
                    self.assertEqual(found["status"]["observedGeneration"], found["metadata"]["generation"])
                self.soon(check)

    def test_item_77_a_trigger_of_another_project_needs_no_right_but_the_pull_does(self):
        image = self.pushed(self.dev, "site", "live")
        self.make_config(CONFIG_CHANGE, image_change("site:live", namespace=self.dev))
        spec = f"{self.box.registry_internal}/{self.dev}/site@{image.digest}"
        self.soon_equal(lambda: self.config()["spec"]["template"]["spec"]["containers"][0]["image"], spec)
        pod = self.box.registry(f"system:serviceaccount:{self.prod}:default")
        path, accept = f"/v2/{self.dev}/site/manifests/{image.digest}", {"Accept": image.media_type}
        self.is_status(pod.get(path, headers=accept), 401)
        self.reaches("site-1", "Running")
        self.assertFalse(any(self.ready(one) for one in self.pods_of("site-1")))
        self.right(f"group:system:serviceaccounts:{self.prod}", "system:image-puller", self.dev)
        self.is_status(pod.get(path, headers=accept), 200)
        self.created(self.instantiate())
        self.reaches("site-2", "Complete")

    def test_item_78_a_bare_name_stays_as_it_is(self):
        """As on a 3.11 with its default admission configuration, also when the stream allows local lookup."""
        self.pushed(self.prod, "site", "live")
        self.ok(self.promoter.patch(streams(self.prod, "site"), {"spec": {"lookupPolicy": {"local": True}}}))
        self.make_config(CONFIG_CHANGE, image="site:live")
        done = self.reaches("site-1", "Complete")
        self.assertEqual(done["spec"]["template"]["spec"]["containers"][0]["image"], "site:live")


class ByHand(SandboxCase):
    flags = {"nodes": "manual"}

    def test_item_70_nodes_can_be_switched(self):
        self.make_config(CONFIG_CHANGE, image="example.test/x:1")
        self.reaches("site-1", "Pending")
        self.ok(self.admin.patch(core(self.prod, "pods", "site-1-deploy/status"), {"status": {"phase": "Failed"}}))
        self.reaches("site-1", "Failed")
        self.box.knob("nodes", mode="auto")
        self.addCleanup(self.box.knob, "nodes", mode="manual")
        self.ok(self.promoter.patch(configs(self.prod, "site"), {
            "spec": {"template": {"metadata": {"labels": {"app": "site", "more": "1"}}}}}))
        self.reaches("site-2", "Complete")

    def test_item_69_a_deployer_that_vanishes_is_a_failure(self):
        self.make_config(CONFIG_CHANGE, image="example.test/x:1")
        self.reaches("site-1", "Pending")
        self.ok(self.admin.patch(core(self.prod, "pods", "site-1-deploy/status"), {"status": {"phase": "Running"}}))
        self.reaches("site-1", "Running")
        self.ok(self.admin.delete(core(self.prod, "pods", "site-1-deploy")))
        failed = self.reaches("site-1", "Failed")
        self.assertEqual(failed["metadata"]["annotations"][RC + "status-reason"], "deployer pod no longer exists")

    def test_item_73_the_condition_between_the_change_and_the_controller(self):
        self.created(self.promoter.post(streams(self.prod), {
            "kind": "ImageStream", "apiVersion": "image.openshift.io/v1", "metadata": {"name": "site"}}))
        self.make_config(CONFIG_CHANGE, image_change("site:live"))
        self.soon_equal(lambda: self.config()["status"]["observedGeneration"], 1)
        self.assertEqual(condition(self.config(), "Progressing"), {})
        self.pushed(self.prod, "site", "live")
        self.soon(lambda: self.assertEqual(condition(self.config(), "Progressing").get("status"), "Unknown"))


if __name__ == "__main__":
    unittest.main()
