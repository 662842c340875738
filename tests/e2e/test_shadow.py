"""`promote --shadow`: the old way goes on promoting, and Sluice tells where it would have done something else. It writes nothing."""

import json
import unittest

import sluicekit as kit
from sluicekit.images import DOCKER
from sluicekit.one_cluster import TRIGGERS, OneCluster

kit.need("docker-registry")


class BetweenRegistries(kit.E2eCase):
    def setUp(self):
        super().setUp()
        self.sluice = self.home()
        self.write()

    def write(self, **more):
        self.sluice.write("sluice.yaml", kit.pipeline(
            "shop", ["web"], ("dev", [(self.a.host, f"{self.project}/dev")]),
            ("prod", [(self.b.host, f"{self.project}/prod")]), **more))

    def built(self, image, tag="latest"):
        self.a.client().push(f"{self.project}/dev/web", tag, image)
        return image.digest

    def old_way(self, image, tag="latest"):
        self.b.client().push(f"{self.project}/prod/web", tag, image)

    def shadow(self, *flags):
        before = self.everything()
        outcome = self.ok(self.sluice.run("promote", "--to", "prod", "--shadow", "-o", "json", *flags))
        self.assertEqual(self.everything(), before, "something was written")
        self.assertFalse((self.sluice.home / ".state").exists(), "records were written")
        return outcome.json, outcome.json["targets"][0]["images"][0]

    def everything(self):
        client = self.b.client()
        return {name: {tag: client.digest(name, tag) for tag in client.tags(name)} for name in client.repositories()}

    def test_what_the_old_way_brought_as_it_is_is_the_same(self):
        image = kit.random_image(seed=self.project)
        self.built(image)
        self.old_way(image)
        document, one = self.shadow()
        self.assertEqual((document["same"], document["differences"], one["difference"]), (True, 0, "none"), document)

    def test_a_tag_that_is_not_there_is_told(self):
        digest = self.built(kit.random_image(seed=self.project))
        document, one = self.shadow()
        self.assertEqual((one["difference"], one["there"], one["ours"]), ("nothing-there", None, digest))
        self.assertEqual((document["same"], document["differences"]), (False, 1))

    def test_one_platform_of_an_index_is_told_with_those_that_are_lost(self):
        index = kit.index_of(seed=self.project, types=DOCKER)
        self.built(index)
        self.old_way(index.children[0])
        _, one = self.shadow()
        self.assertEqual((one["difference"], one["lost_platforms"]), ("one-platform", ["linux/arm64"]), one)

    def test_another_image_is_told(self):
        self.built(kit.random_image(seed=f"{self.project} new"))
        self.old_way(kit.random_image(seed=f"{self.project} old"))
        document, one = self.shadow()
        self.assertEqual(one["difference"], "another-image")
        outcome = self.ok(self.sluice.run("promote", "--to", "prod", "--shadow"))
        self.assertIn("another image", outcome.out)
        self.assertIn("1 difference", outcome.out)
        self.assertFalse(document["same"])

    def test_a_version_tag_that_the_old_way_does_not_keep_is_a_difference(self):
        image = kit.random_image(seed=self.project)
        self.write(source={"tag": "v*"})
        self.built(image, "v1.2")
        self.old_way(image, "live")
        document, one = self.shadow()
        self.assertEqual([(tag["tag"], tag["same"]) for tag in one["tags"]], [("v1.2", False), ("live", True)], one)
        self.assertEqual(document["differences"], 1)

    def test_it_goes_with_no_word_that_would_have_something_done(self):
        self.built(kit.random_image(seed=self.project))
        for flag in ("--yes", "--fix-triggers"):
            outcome = self.sluice.run("promote", "--to", "prod", "--shadow", flag)
            self.assertEqual(outcome.code, 2, outcome)


class InOneCluster(OneCluster):
    def shadow(self, code):
        outcome = self.ends(self.sluice.run("promote", "--to", "prod", "--shadow", "-o", "json"), code)
        target = outcome.json["targets"][0]
        return outcome, target["images"][0], target["workloads"]

    def test_before_the_old_way_has_run_the_image_differs_and_the_workload_rolls_by_either(self):
        self.write()
        old, new = self.running()
        outcome, image, workloads = self.shadow(0)
        self.assertEqual((image["there"], image["ours"], image["difference"]), (old, new, "another-image"), outcome)
        self.assertEqual([(one["name"], one["same"]) for one in workloads], [("web", True)], outcome)
        self.prod.stands({"web": old})
        self.assertIsNone(self.prod.annotation("memory"), "the place was told of something")

    def test_what_runs_already_is_the_same(self):
        self.write()
        self.running()
        self.promote(self.sluice)
        outcome, image, _ = self.shadow(0)
        self.assertEqual((image["difference"], outcome.json["same"]), ("none", True), outcome)

    def test_a_workload_that_does_not_follow_the_tag_is_a_difference(self):
        self.write()
        self.running("Deployment")
        self.change("Deployment", {"metadata": {"annotations": {TRIGGERS: None}}})
        outcome, _, workloads = self.shadow(3)
        self.assertEqual([(one["name"], one["same"]) for one in workloads], [("web", False)], outcome)
        self.assertTrue(outcome.json["blocked"], outcome)


class InOneCluster4(InOneCluster):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
