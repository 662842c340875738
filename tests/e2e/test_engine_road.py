"""The road docker between plain registries, through a real Docker engine: what arrives, and what stays in the engine."""

import base64
import json
import signal
import unittest

import sluicekit as kit
from sluicekit.engine import why_no_engine
from sluicekit.engine_case import EngineCase
from sluicekit.images import DOCKER

kit.need("docker-registry")
if why_no_engine():
    kit.skip(why_no_engine())

STEPS = ("pull", "tag", "push", "remove")


class Steps(EngineCase):
    def test_the_image_arrives_with_its_digest_and_leaves_nothing_in_the_engine(self):
        digest = self.build()
        before = self.engine.has()
        image = self.ok(self.promote()).json["targets"][0]["images"][0]
        self.assertEqual((image["road"], image["after"]), ("docker", digest), image)
        self.stands(digest)
        self.assertEqual(self.engine.has(), before)

    def test_it_takes_the_four_steps_in_their_order(self):
        self.build()
        outcome = self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "--progress", "plain"))
        steps = [line.rpartition("docker ")[2] for line in outcome.err.splitlines() if "web: docker " in line]
        self.assertEqual(steps, ["pull", "tag", "push", "rmi"], outcome)
        seen = [name for name in self.proxy.seen if name.startswith(("POST", "DELETE"))]
        self.assertEqual([one.split(" ")[0] for one in seen], ["POST", "POST", "POST", "DELETE", "DELETE", "DELETE"], seen)
        self.assertEqual([f"{self.b.host}/{self.project}/prod/web@sha256" in seen[3], ":sluice-" in seen[4],
                          f"{self.a.host}/{self.project}/dev/web@sha256" in seen[5]], [True, True, True], seen)

    def test_it_pulls_by_digest_whatever_the_tag_stands_for_by_now(self):
        self.build()
        self.ok(self.promote())
        pulled = next(one for one in self.proxy.seen if "/images/create" in one)
        self.assertIn("tag=sha256%3A", pulled)

    def test_several_images_go_through_it(self):
        self.write(("web", "api"))
        digests = {name: self.build(name) for name in ("web", "api")}
        before = self.engine.has()
        self.ok(self.promote())
        for name, digest in digests.items():
            self.stands(digest, name)
        self.assertEqual(self.engine.has(), before)

    def test_what_is_there_already_needs_no_engine(self):
        self.build()
        self.ok(self.promote())
        self.proxy.seen.clear()
        self.ok(self.promote())
        self.assertEqual([one for one in self.proxy.seen if one.startswith("POST")], [])

    def test_a_promotion_goes_back_and_says_so(self):
        first = self.build(number=1)
        self.ok(self.promote())
        self.build(number=2)
        self.ok(self.promote())
        self.ok(self.sluice.run("rollback", "--to", "prod", "--yes", "-o", "json"))
        self.stands(first)

    def test_the_command_line_asks_for_it_too(self):
        digest = self.build()
        text = (self.sluice.home / "sluice.yaml").read_text().replace(', "via": "docker"', "")
        self.sluice.write("sluice.yaml", text)
        image = self.ok(self.promote("--via", "docker")).json["targets"][0]["images"][0]
        self.assertEqual(image["road"], "docker", image)
        self.stands(digest)


class WhatWasThereBefore(EngineCase):
    def test_an_image_under_the_same_name_stays(self):
        digest = self.build()
        self.ok(self.promote())
        source = f"{self.a.host}/{self.project}/dev/web"
        status, _ = self.engine.call("POST", f"/images/create?fromImage={source}&tag={digest}")
        self.assertEqual(status, 200)
        second = self.build(number=2)
        before = self.engine.has()
        self.assertIn(f"{source}@{digest}", str(before))
        self.ok(self.promote())
        self.stands(second)
        self.ok(self.sluice.run("rollback", "--to", "prod", "--yes"))
        self.assertEqual(self.engine.has(), before)

    def test_the_very_image_stays_with_every_name_that_it_had(self):
        reference = f"{self.a.host}/{self.project}/dev/web:latest"
        self.engine.make(reference, seed=self.project)
        digest = self.engine.push(reference)
        self.engine.call("POST", f"/images/{reference}/tag?repo=mine&tag=kept")
        before = self.engine.has()
        self.ok(self.promote())
        self.stands(digest)
        self.assertEqual(self.engine.has(), before)

    def test_an_image_without_a_name_is_not_lost(self):
        reference = f"{self.a.host}/{self.project}/dev/web:latest"
        self.engine.make(reference, seed=self.project)
        digest = self.engine.push(reference)
        identity = self.engine.json("GET", f"/images/{reference}/json")["Id"]
        _, saved = self.engine.call("GET", f"/images/{identity}/get")
        self.engine.remove(reference)
        self.engine.call("POST", "/images/load", saved, {"Content-Type": "application/x-tar"})
        self.assertIn((identity,), self.engine.has())
        self.addCleanup(self.engine.remove, identity)
        outcome = self.ok(self.promote("--progress", "plain"))
        self.stands(digest)
        self.assertIn(identity, str(self.engine.has()))
        self.assertIn("without a name", outcome.err)

    def test_another_image_under_the_name_to_push_is_not_touched(self):
        digest = self.build()
        taken = f"{self.b.host}/{self.project}/prod/web:sluice-docker"
        self.engine.make(taken, seed="somebody else's")
        before = self.engine.has()
        self.ok(self.promote())
        self.stands(digest)
        self.assertEqual(self.engine.has(), before)


class Failures(EngineCase):
    def test_a_failure_in_each_step_leaves_the_engine_as_it_was(self):
        for number, step in enumerate(STEPS[:3], 1):
            with self.subTest(step=step):
                digest = self.build(number=number)
                before = self.engine.has()
                self.proxy.fail(step)
                self.stopped(self.promote(), 1, f"docker {step}", "the disk is on fire")
                self.assertEqual(self.engine.has(), before)
                self.ok(self.promote())
                self.stands(digest)

    def test_what_could_not_be_removed_goes_with_the_next_run(self):
        digest = self.build()
        before = self.engine.has()
        self.proxy.fail("remove", times=3)
        outcome = self.ok(self.promote("--progress", "plain"))
        self.assertIn("the next run removes it", outcome.err)
        self.stands(digest)
        self.assertNotEqual(self.engine.has(), before)
        # Whatever road that takes.
        self.build(number=2)
        self.ok(self.promote("--via", "stream"))
        self.assertEqual(self.engine.has(), before)

    def test_an_error_inside_a_stream_is_an_error_also_after_progress(self):
        self.build()
        before = self.engine.has()
        progress = {"status": "Pushing", "id": "abc", "progressDetail": {"current": 1, "total": 2}}
        for step, code, words in (("pull", 6, "unauthorized: authentication required"),
                                  ("push", 6, "denied: requested access to the resource is denied"),
                                  ("push", 1, "write /x: no space left on device")):
            with self.subTest(step=step, words=words):
                self.proxy.say(step, progress, {"errorDetail": {"message": words}, "error": words})
                self.stopped(self.promote(), code, f"docker {step}", words)
                self.stands_nothing()
                self.assertEqual(self.engine.has(), before)

    def test_a_push_that_names_no_digest_is_a_failure(self):
        self.build()
        self.proxy.say("push", {"status": "The push refers to repository"}, {"status": "latest: pushed"})
        self.stopped(self.promote(), 1, "without a digest")
        self.stands_nothing()

    def test_a_run_that_is_killed_in_a_step_is_cleaned_up_by_the_next_one(self):
        for number, (step, after) in enumerate([(step, after) for step in STEPS for after in (False, True)], 1):
            with self.subTest(step=step, after=after):
                digest = self.build(number=number)
                before = self.engine.has()
                child = self.sluice.start("promote", "--to", "prod", "--yes")
                self.proxy.at(step, lambda victim=child: victim.popen.send_signal(signal.SIGKILL), after)
                outcome = self.sluice.finish(child)
                self.assertEqual(outcome.code, -signal.SIGKILL, outcome)
                resumed = self.sluice.run("promote", "--to", "prod", "--yes", "--take-over", "-o", "json")
                self.ok(resumed)
                self.stands(digest)
                self.assertEqual(self.engine.has(), before, resumed)

    def test_ctrl_c_in_the_middle_of_a_push_leaves_nothing(self):
        self.build()
        before = self.engine.has()
        child = self.sluice.start("promote", "--to", "prod", "--yes")
        self.proxy.at("push", lambda: child.popen.send_signal(signal.SIGINT))
        outcome = self.sluice.finish(child)
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertEqual(self.engine.has(), before, outcome)
        self.stands_nothing()

    def test_no_engine_is_found_before_anything_is_written(self):
        self.build()
        self.sluice.environment["DOCKER_HOST"] = f"unix://{self.sluice.home}/nowhere.sock"
        outcome = self.sluice.run("plan", "--to", "prod", "-o", "json")
        self.assertEqual(outcome.code, 3, outcome)
        finding = outcome.json["targets"][0]["findings"][0]
        self.assertEqual((finding["code"], finding["severity"]), ("engine-unusable", "blocker"), outcome)
        self.assertIn("does not exist", finding["sentence"], outcome)


class AnotherDigest(EngineCase):
    def test_layers_that_the_engine_compresses_anew_stop_it_before_a_tag_moves(self):
        image = kit.random_image((3000, 500), seed=self.project, types=DOCKER)
        self.a.client().push(f"{self.project}/dev/web", "latest", image)
        before = self.engine.has()
        self.stopped(self.promote(), 1, "another image than the one that was tested", image.digest,
                     "compresses layers anew")
        self.stands_nothing()
        self.assertEqual(self.engine.has(), before)

    def test_an_oci_manifest_is_refused_by_the_plan(self):
        image = kit.random_image(seed=self.project)
        self.a.client().push(f"{self.project}/dev/web", "latest", image)
        outcome = self.sluice.run("plan", "--to", "prod", "-o", "json")
        self.assertEqual(outcome.code, 3, outcome)
        finding = outcome.json["targets"][0]["findings"][0]
        self.assertEqual(finding["code"], "engine-changes-digest", outcome)
        self.assertIn("OCI manifest", finding["sentence"])

    def test_an_index_is_refused_by_the_plan_which_names_its_platforms(self):
        image = kit.index_of(seed=self.project, types=DOCKER)
        self.a.client().push(f"{self.project}/dev/web", "latest", image)
        outcome = self.sluice.run("plan", "--to", "prod", "-o", "json")
        self.assertEqual(outcome.code, 3, outcome)
        finding = outcome.json["targets"][0]["findings"][0]
        self.assertEqual(finding["code"], "engine-changes-digest", outcome)
        self.assertIn("linux/amd64, linux/arm64", finding["sentence"])
        self.assertEqual([one for one in self.proxy.seen if one.startswith("POST")], [])


class WithPasswords(EngineCase):
    auth = "basic"

    def test_the_engine_is_told_the_same_credentials_as_everybody(self):
        self.secrets.add(self.login())
        digest = self.build()
        entry = base64.b64encode(f"{kit.USER}:{kit.PASSWORD}".encode()).decode()
        self.sluice.write(".docker/config.json", json.dumps(
            {"auths": {self.a.host: {"auth": entry}, self.b.host: {"auth": entry}}}))
        self.ok(self.promote())
        self.assertEqual(self.b.client().digest(f"{self.project}/prod/web", "latest"), digest)


if __name__ == "__main__":
    unittest.main()
