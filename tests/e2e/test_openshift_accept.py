"""What stays on the image of before though a rollout ends well, tags that lead nowhere, and findings that somebody
accepts: told before and after, exit code 0 only where they were accepted."""

import json
import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox_case import core, streams
from sluicekit.sluice import binary

binary()


class LeftBehind(OneCluster):
    def with_worker(self, kind="DeploymentConfig", init=False):
        """A workload with a second container that is pinned to an old image of the stream. Gives (old, new)."""
        old = self.fresh(self.prod)
        repository = self.prod.stream()["status"]["dockerImageRepository"]
        made = self.manifest(kind)
        extra = {"name": "worker", "image": f"{repository}@{old}"}
        made["spec"]["template"]["spec"].setdefault("initContainers" if init else "containers", []).append(extra)
        self.make(made)
        return old, self.fresh(self.dev)

    def promoted(self, *flags, code=0):
        outcome = self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json", *flags)
        self.assertEqual(outcome.code, code, outcome)
        self.assertEqual(outcome.json["state"], "succeeded", outcome)
        return outcome

    def test_a_container_that_no_trigger_sets_is_told_before_and_after(self):
        for kind in ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"):
            for init in (False, True):
                with self.subTest(self.begin(f"{kind}, init: {init}")):
                    old, new = self.with_worker(kind, init)
                    found = self.finding(self.plan(), "container-not-followed", "warning", "worker", "oc ")
                    self.assertFalse(found["accepted"])
                    outcome = self.promoted(code=3)
                    self.assertEqual([one["code"] for one in outcome.json["findings"]], ["container-not-followed"])
                    self.assertIn("worker", outcome.err)
                    self.prod.stands({"web": new})
                    self.assertNotEqual(old, new)

    def test_accepted_it_is_told_and_the_exit_code_is_0(self):
        self.with_worker()
        plain = self.plan().json["plan"]
        planned = self.plan("--accept", "container-not-followed")
        self.assertNotEqual(planned.json["plan"], plain, "what is accepted is part of what people agree to")
        self.assertEqual(planned.json["accepts"], ["container-not-followed"])
        self.assertTrue(self.finding(planned, "container-not-followed", "warning")["accepted"])
        refused = self.sluice.run("promote", "--to", "prod", "--plan", planned.json["plan"])
        self.assertEqual(refused.code, 3, refused)
        outcome = self.promoted("--accept", "container-not-followed")
        self.assertEqual(outcome.json["accepts"], ["container-not-followed"])
        self.assertTrue(outcome.json["findings"][0]["accepted"], outcome)

    def test_the_environment_accepts_for_everybody(self):
        self.with_worker()
        flag = self.plan("--accept", "container-not-followed").json["plan"]
        self.write(environment={"accept": ["container-not-followed"]})
        self.assertEqual(self.plan().json["plan"], flag)
        self.promoted()
        self.fresh(self.dev)
        self.promoted()
        back = self.sluice.run("rollback", "--to", "prod", "--yes", "-o", "json")
        self.assertEqual(back.code, 0, back)

    def test_a_code_that_is_unknown_or_cannot_be_accepted_is_refused_by_name(self):
        for code, words in (("container-not-folowed", "did you mean container-not-followed?"),
                            ("may-not-tag", "cannot be accepted")):
            with self.subTest(code):
                outcome = self.sluice.run("plan", "--to", "prod", "--accept", code)
                self.assertEqual(outcome.code, 2, outcome)
                self.assertIn(words, outcome.err)
                self.write(environment={"accept": [code]})
                outcome = self.sluice.run("plan", "--to", "prod")
                self.assertEqual(outcome.code, 2, outcome)
                self.assertIn(words, outcome.err)
                self.assertIn("sluice.yaml:", outcome.err)

    def test_it_is_told_also_where_no_rollout_is_followed(self):
        self.with_worker()
        self.write(environment={"verify": {"rollout": "none"}})
        outcome = self.promoted(code=3)
        self.assertEqual([one["code"] for one in outcome.json["findings"]], ["container-not-followed"], outcome)

    def test_accepting_one_finding_is_no_word_on_another(self):
        self.with_worker()
        triggers = self.workload("DeploymentConfig")["spec"]["triggers"]
        triggers[1]["imageChangeParams"]["automatic"] = False
        self.change("DeploymentConfig", {"spec": {"triggers": triggers}})
        outcome = self.promoted("--accept", "trigger-manual", code=3)
        self.assertEqual({one["code"]: one["accepted"] for one in outcome.json["findings"]},
                         {"trigger-manual": True, "container-not-followed": False}, outcome)

    def test_in_text_the_exit_code_is_explained(self):
        self.with_worker()
        outcome = self.sluice.run("promote", "--to", "prod", "--yes")
        self.assertEqual(outcome.code, 3, outcome)
        self.assertIn("the exit code is 3, as something runs another image; where that is meant: "
                      "--accept container-not-followed", outcome.err)

    def on_delete(self, kind):
        made = self.manifest(kind)
        made["spec"]["updateStrategy"] = {"type": "OnDelete"}
        old = self.fresh(self.prod)
        self.make(made)
        self.prod.runs({"web": old})
        return old, self.fresh(self.dev)

    def delete_pods(self):
        for pod in self.prod.get(core(self.prod.name, "pods"))["items"]:
            self.prod.api.delete(core(self.prod.name, "pods", pod["metadata"]["name"]))
        self.box.settle()

    def test_pods_that_wait_to_be_deleted_are_a_success_that_says_so(self):
        for kind in ("StatefulSet", "DaemonSet"):
            with self.subTest(self.begin(kind)):
                old, new = self.on_delete(kind)
                self.finding(self.plan(), "waits-for-delete", "warning", "somebody deletes them", "RollingUpdate")
                outcome = self.promoted(code=3)
                self.assertEqual(self.rollout(outcome)["end"], "waits-for-delete", outcome)
                self.assertEqual([one["code"] for one in outcome.json["findings"]], ["waits-for-delete"], outcome)
                self.prod.runs({"web": old})
                # Nothing is left to move, and the pods still wait.
                self.promoted(code=3)
                self.delete_pods()
                self.prod.runs({"web": new})
                outcome = self.promoted()
                self.assertEqual(outcome.json["findings"], [], outcome)

    def test_accepted_they_may_wait(self):
        _, new = self.on_delete("StatefulSet")
        self.write(environment={"accept": ["waits-for-delete"]})
        outcome = self.promoted()
        self.assertEqual(self.rollout(outcome)["end"], "waits-for-delete", outcome)
        self.assertTrue(outcome.json["findings"][0]["accepted"], outcome)
        self.prod.stands({"web": new})

    def test_going_back_leaves_pods_to_who_deletes_them_too(self):
        old, new = self.on_delete("StatefulSet")
        outcome = self.promoted(code=3)
        self.delete_pods()
        self.prod.runs({"web": new})
        undone = self.sluice.run("undo", outcome.json["promotion"], "--yes", "-o", "json")
        self.assertEqual((undone.code, undone.json["state"]), (3, "rolled-back"), undone)
        self.assertIn("waits-for-delete", [one["code"] for one in undone.json["findings"]], undone)
        self.prod.stands({"web": old})


class OtherTags(OneCluster):
    def follows(self, tag, kind="DeploymentConfig"):
        """The only workload of prod follows another tag, since somebody changed its trigger."""
        self.running(kind)
        made = self.manifest(kind, containers={"web": tag})
        if kind == "DeploymentConfig":
            self.change(kind, {"spec": {"triggers": made["spec"]["triggers"]}})
        else:
            self.change(kind, {"metadata": {"annotations": made["metadata"]["annotations"]}})
        return self.fresh(self.dev)

    def test_the_only_workload_that_follows_a_misspelt_tag_blocks(self):
        for kind in ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"):
            with self.subTest(self.begin(kind)):
                new = self.follows("web:lates", kind)
                self.blocked("trigger-no-such-tag", "there is no such tag; did you mean latest?",
                             "--from-image=" + self.prod.name + "/web:lates --remove && oc set triggers")
                outcome = self.promote(self.sluice, "--fix-triggers")
                self.all_well(new, outcome)

    def test_beside_a_workload_that_follows_the_tag_it_is_a_canary(self):
        self.running(name="web")
        self.fresh(self.prod, tag="canary")
        self.make(self.manifest("DeploymentConfig", "canary", {"web": "web:canary"}))
        self.finding(self.plan(), "trigger-other-tag", "warning", "right for a canary")
        self.promote(self.sluice)

    def test_a_tag_that_nobody_follows_is_moved_when_that_is_accepted(self):
        new = self.follows("web:lates")
        outcome = self.promote(self.sluice, "--accept", "trigger-no-such-tag")
        self.assertEqual(outcome.json["targets"][0]["rollout"], [], outcome)
        self.assertEqual([(one["code"], one["accepted"]) for one in outcome.json["findings"]],
                         [("trigger-no-such-tag", True)], outcome)
        self.prod.stands({"web": new})

    def test_beside_a_workload_that_follows_the_tag_a_tag_that_is_not_there_is_no_canary(self):
        self.running(name="web")
        self.make(self.manifest("Deployment", "worker", {"web": "web:latest"}))
        made = self.manifest("Deployment", "worker", {"web": "web:lates"})
        self.change("Deployment", {"metadata": {"annotations": made["metadata"]["annotations"]}}, "worker")
        self.fresh(self.dev)
        self.finding(self.plan(), "trigger-no-such-tag", "warning", "goes on running what it runs")
        outcome = self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json")
        self.assertEqual((outcome.code, outcome.json["state"]), (3, "succeeded"), outcome)

    def test_the_other_container_of_a_workload_may_follow_another_tag(self):
        self.fresh(self.prod)
        self.fresh(self.prod, tag="other")
        self.make(self.manifest("Deployment", containers={"web": "web:latest", "side": "web:other"}))
        self.fresh(self.dev)
        self.finding(self.plan(), "trigger-other-tag", "warning", "right for a canary")
        self.promote(self.sluice)

    def test_two_triggers_on_one_container_block_where_they_take_turns(self):
        self.running()
        self.fresh(self.prod, tag="other")
        triggers = self.workload("DeploymentConfig")["spec"]["triggers"]
        second = json.loads(json.dumps(triggers[1]))
        second["imageChangeParams"]["from"]["name"] = "web:other"
        self.change("DeploymentConfig", {"spec": {"triggers": [*triggers, second]}})
        self.blocked("trigger-twice", "web:other", "--remove && ")

    def test_a_document_tells_what_stopped_a_promotion(self):
        self.follows("web:lates")
        for command in (("promote", "--to", "prod", "--yes"), ("rollback", "--to", "prod", "--release", "1", "--yes")):
            if command[0] == "rollback":
                self.promote(self.sluice, "--accept", "trigger-no-such-tag")
                self.fresh(self.dev)
                self.promote(self.sluice, "--accept", "trigger-no-such-tag")
            outcome = self.sluice.run(*command, "-o", "json")
            self.assertEqual(outcome.code, 3, outcome)
            self.assertEqual(outcome.json["schema"], "sluice.error/1", outcome)
            codes = [one["code"] for one in outcome.json["findings"]]
            self.assertIn("trigger-no-such-tag", codes, outcome)
            self.assertIn("is blocked", outcome.json["error"]["message"], outcome)
            self.assertIn("sluice: the promotion to prod is blocked", outcome.err, outcome)
            for finding in outcome.json["findings"]:
                self.assertIn(finding["sentence"], outcome.err, outcome)


class Streams(OneCluster):
    def spec(self, tag="latest"):
        return [one for one in self.prod.stream()["spec"]["tags"] if one["name"] == tag][0]

    def test_what_somebody_set_at_the_tag_stays(self):
        self.running()
        self.promote(self.sluice)
        stream = self.prod.stream()
        tag = [one for one in stream["spec"]["tags"] if one["name"] == "latest"][0]
        tag["referencePolicy"] = {"type": "Local"}
        tag["importPolicy"] = {"insecure": True}
        tag["annotations"] = {**(tag.get("annotations") or {}), "description": "keep me"}
        stream["spec"]["lookupPolicy"] = {"local": True}
        reply = self.prod.api.put(streams(self.prod.name, "web"), stream)
        self.assertEqual(reply.status, 200, str(reply))
        new = self.fresh(self.dev)
        self.promote(self.sluice)
        outcome = self.sluice.run("rollback", "--to", "prod", "--yes", "-o", "json")
        self.assertEqual(outcome.code, 0, outcome)
        spec = self.spec()
        self.assertEqual(spec["referencePolicy"]["type"], "Local", spec)
        self.assertTrue(spec["importPolicy"]["insecure"], spec)
        self.assertEqual(spec["annotations"]["description"], "keep me", spec)
        self.assertTrue(self.prod.stream()["spec"]["lookupPolicy"]["local"])
        self.assertNotEqual(self.prod.tag(), new)

    def import_that_fails(self):
        stream = self.dev.stream()
        others = [one for one in stream["spec"].get("tags") or [] if one["name"] != "latest"]
        stream["spec"]["tags"] = [*others, {"name": "latest", "importPolicy": {}, "referencePolicy": {"type": "Source"},
                                            "from": {"kind": "DockerImage", "name": "127.0.0.1:1/team/web:latest"}}]
        reply = self.dev.api.put(streams(self.dev.name, "web"), stream)
        self.assertEqual(reply.status, 200, str(reply))
        self.box.settle()

    def test_a_source_tag_whose_import_failed_says_why(self):
        self.prod.ensure_stream()
        self.dev.ensure_stream()
        self.import_that_fails()
        outcome = self.sluice.run("plan", "--to", "prod")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("there is no image", outcome.err)
        self.assertIn("its import from 127.0.0.1:1/team/web:latest failed: ", outcome.err)

    def test_an_older_image_that_stands_there_does_not_hide_it(self):
        self.running()
        self.import_that_fails()
        found = self.finding(self.plan(), "import-failed", "warning", "stands for an older image", "oc import-image")
        self.assertIn("its import from 127.0.0.1:1/team/web:latest failed: ", found["sentence"])

    def test_an_address_that_will_not_be_asked_blocks_before_anything_is_switched(self):
        for address in ("https://127.0.0.1:1/", "https://2130706433/", "https://169.254.169.254/", "https://[::1]/",
                        "https://localhost/"):
            with self.subTest(self.begin(address)):
                self.running()
                self.write(environment={"verify": {"http": address}})
                self.blocked("http-check-refused", "is not asked")


class LeftBehind4(LeftBehind):
    profile = "4.x"


class OtherTags4(OtherTags):
    profile = "4.x"


class Streams4(Streams):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
