"""Whole promotions against the sandbox, by requests alone: each way, each kind of trigger, what may come between."""

import threading
import unittest

from sluicekit import images
from sluicekit.sandbox import IMAGES, Sandbox
from sluicekit.sandbox_case import (CONFIG_CHANGE, SandboxCase, configs, core, image_change, image_stream, imports,
                                    small_image, spec_tag, stream_tag, streams, tags)
from sluicekit.sluice import binary

binary()

REST = {"Content-Type": "application/octet-stream"}


class PromotionCase(SandboxCase):
    """From dev/site:1.0 to prod/site:live, which DeploymentConfig site in prod uses."""

    def setUp(self):
        super().setUp()
        self.right("user:promoter", "registry-viewer", self.dev)
        self.right(f"group:system:serviceaccounts:{self.prod}", "system:image-puller", self.dev)
        self.ways = {"push": self.by_push, "tag": self.by_tag, "import": self.by_import}

    def by_push(self, digest):
        """As skopeo does it: layers are mounted, the config and the manifest are pushed."""
        wire, source, target = self.box.registry("promoter"), f"/v2/{self.dev}/site", f"/v2/{self.prod}/site"
        manifest = self.is_status(wire.get(f"{source}/manifests/{digest}", headers={
            "Accept": images.DOCKER["manifest"]}), 200)
        document = manifest.json
        for layer in document["layers"]:
            self.is_status(wire.post(f"{target}/blobs/uploads/?mount={layer['digest']}&from={self.dev}/site"), 201)
        config = document["config"]["digest"]
        body = self.is_status(wire.get(f"{source}/blobs/{config}"), 200).body
        begun = self.is_status(wire.post(f"{target}/blobs/uploads/"), 202)
        self.is_status(wire.put(f"{self.path_of(begun)}&digest={config}", body, headers=REST), 201)
        return wire.put(f"{target}/manifests/live", manifest.body, headers={"Content-Type": images.DOCKER["manifest"]})

    def by_tag(self, digest):
        return self.promoter.put(tags(self.prod, "site:live"), stream_tag(
            "site", "live", f"site@{digest}", namespace=self.dev))

    def by_import(self, digest):
        name = f"{self.box.registry_internal}/{self.dev}/site@{digest}"
        reply = self.promoter.post(imports(self.prod), {
            "kind": "ImageStreamImport", "apiVersion": "image.openshift.io/v1", "metadata": {"name": "site"},
            "spec": {"import": True, "images": [{"from": {"kind": "DockerImage", "name": name}, "to": {"name": "live"},
                                                 "importPolicy": {"insecure": True}}]}})
        self.assertEqual(self.created(reply)["status"]["images"][0]["status"]["status"], "Success", str(reply))
        return reply

    def promote(self, way, image):
        self.assertIn(self.ways[way](image.digest).status, (200, 201))
        self.assertEqual(self.digests(self.prod, "site", "live")[0], image.digest)

    def start(self, *triggers):
        """Version 1 runs; a new image waits in dev."""
        self.pushed(self.prod, "site", "live", "old")
        self.make_config(*triggers, image=" " if triggers else "example.test/x:1")
        if triggers == MANUAL:
            self.instantiate()  # the first rollout waits for triggers that are not automatic, too
        if triggers:
            self.reaches("site-1", "Complete")
        return self.pushed(self.dev, "site", "1.0", "new")

    def instantiate(self):
        self.created(self.promoter.post(configs(self.prod, "site") + "/instantiate", {
            "kind": "DeploymentRequest", "apiVersion": "apps.openshift.io/v1", "name": "site", "latest": True,
            "force": True}))

    def runs(self, controller, image):
        self.assertTrue(controller["spec"]["template"]["spec"]["containers"][0]["image"].endswith(image.digest))

    def template_image(self):
        return self.config()["spec"]["template"]["spec"]["containers"][0]["image"]

    def outcome(self, result):
        self.box.knob("outcome", kind="DeploymentConfig", namespace=self.prod, name="site", result=result)


AUTOMATIC = (CONFIG_CHANGE, image_change("site:live"))
MANUAL = (CONFIG_CHANGE, image_change("site:live", automatic=False))


class Triggers(PromotionCase):
    """Every way of promoting with every kind of trigger: a test each."""

    def automatic(self, way):
        image = self.start(*AUTOMATIC)
        self.promote(way, image)
        self.runs(self.reaches("site-2", "Complete"), image)

    def paused(self, way):
        image = self.start(*AUTOMATIC)
        self.ok(self.promoter.patch(configs(self.prod, "site"), {"spec": {"paused": True}}))
        self.promote(way, image)
        self.soon(lambda: self.assertTrue(self.template_image().endswith(image.digest)))
        self.assertEqual(self.config()["status"]["latestVersion"], 1)

    def manual(self, way):
        image = self.start(*MANUAL)
        before = self.template_image()
        self.promote(way, image)
        self.assertEqual(self.template_image(), before)
        self.instantiate()
        self.runs(self.reaches("site-2", "Complete"), image)

    def missing(self, way):
        image = self.start()
        self.promote(way, image)
        self.assertEqual(self.config()["status"]["latestVersion"], 0)

    def failing(self, way):
        image = self.start(*AUTOMATIC)
        self.outcome("fail")
        self.promote(way, image)
        self.runs(self.reaches("site-2", "Failed"), image)
        self.soon_equal(lambda: self.controller("site-1")["spec"]["replicas"], 1)

    def hanging(self, way):
        image = self.start(*AUTOMATIC)
        self.outcome("hang")
        self.promote(way, image)
        self.reaches("site-2", "Running")
        self.box.knob("clock", advance_seconds=601)
        self.runs(self.reaches("site-2", "Failed"), image)

    def superseded(self, way):
        image = self.start(*AUTOMATIC)
        self.box.knob("outcome", digest=image.digest, result="hang")
        self.promote(way, image)
        self.reaches("site-2", "Running")
        newer = self.pushed(self.dev, "site", "1.1", "newer")
        self.promote(way, newer)
        self.runs(self.reaches("site-3", "Complete"), newer)
        self.reaches("site-2", "Failed")


def _add_ways(case):
    for trigger in ("automatic", "paused", "manual", "missing", "failing", "hanging", "superseded"):
        for way in ("push", "tag", "import"):
            def test(self, trigger=trigger, way=way):
                getattr(self, trigger)(way)
            setattr(case, f"test_promotion_by_{way}_with_a_trigger_that_is_{trigger}", test)


_add_ways(Triggers)


class WhatComesBetween(PromotionCase):
    def test_promoting_the_same_digest_again_rolls_nothing_out(self):
        image = self.start(*AUTOMATIC)
        for way in ("tag", "push", "tag"):
            self.promote(way, image)
        self.reaches("site-2", "Complete")
        self.assertEqual(self.config()["status"]["latestVersion"], 2)

    def test_a_then_b_then_a(self):
        a = self.start(*AUTOMATIC)
        b = self.pushed(self.dev, "site", "1.1", "b")
        for version, image in enumerate((a, b, a), 2):
            self.promote("tag", image)
            self.runs(self.reaches(f"site-{version}", "Complete"), image)
        self.assertEqual(self.digests(self.prod, "site", "live")[:3], [a.digest, b.digest, a.digest])

    def test_a_source_that_is_gone_after_the_approval(self):
        image = self.start(*AUTOMATIC)
        self.ok(self.ann.delete(tags(self.dev, "site:1.0")))
        self.refused(self.by_tag(image.digest), 422, "Invalid")
        self.denied(self.box.registry("promoter").get(f"/v2/{self.dev}/site/manifests/{image.digest}", headers={
            "Accept": image.media_type}), 404, "MANIFEST_UNKNOWN")

    def test_an_image_that_was_pruned_after_the_approval(self):
        image = self.start(*AUTOMATIC)
        self.ok(self.admin.delete(f"{IMAGES}/images/{image.digest}"))
        self.denied(self.box.registry("promoter").get(f"/v2/{self.dev}/site/manifests/{image.digest}", headers={
            "Accept": image.media_type}), 500, "UNKNOWN")

    def test_conflicts_while_many_write(self):
        """Twenty writers tag one stream, each re-reads after a conflict; nothing is lost."""
        image = self.pushed(self.dev, "site", "1.0")
        self.created(self.promoter.post(streams(self.prod), image_stream("site")))
        conflicts = []

        def write(number):
            wire = self.box.api("promoter")
            for _ in range(200):
                stream = self.ok(wire.get(streams(self.prod, "site")))
                tag = spec_tag(f"t{number}", f"site@{image.digest}", namespace=self.dev)
                stream["spec"]["tags"] = (stream["spec"].get("tags") or []) + [tag]
                if (status := wire.put(streams(self.prod, "site"), stream).status) == 200:
                    return
                conflicts.append(status)

        writers = [threading.Thread(target=write, args=(number,)) for number in range(20)]
        for one in writers:
            one.start()
        for one in writers:
            one.join()
        stream = self.ok(self.promoter.get(streams(self.prod, "site")))
        self.assertEqual({tag["name"] for tag in stream["spec"]["tags"]}, {f"t{number}" for number in range(20)})
        self.assertLessEqual(set(conflicts), {409})

    def test_what_is_forbidden_is_refused_in_each_way(self):
        image = self.start(*AUTOMATIC)
        nobody, registry = self.box.api("nobody"), self.box.registry("nobody")
        self.refused(nobody.get(streams(self.dev, "site")), 403)
        self.is_status(registry.get(f"/v2/{self.dev}/site/manifests/1.0"), 401)
        self.right("user:nobody", "view", self.dev)
        self.ok(nobody.get(streams(self.dev, "site")))
        self.is_status(registry.get(f"/v2/{self.dev}/site/manifests/1.0"), 401)
        tag = stream_tag("site", "live", f"site@{image.digest}", namespace=self.dev)
        self.refused(nobody.put(tags(self.prod, "site:live"), tag), 403, "Forbidden")
        self.right("user:nobody", "edit", self.prod)
        self.refused(nobody.put(tags(self.prod, "site:live"), tag), 422, "Invalid", "Forbidden")
        self.right("user:nobody", "system:image-puller", self.dev)
        self.created(nobody.put(tags(self.prod, "site:live"), tag))

    def test_a_quota_of_streams_stops_a_push(self):
        image = self.pushed(self.dev, "site", "1.0")
        self.created(self.admin.post(core(self.prod, "resourcequotas"), {
            "kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "rq"},
            "spec": {"hard": {"openshift.io/imagestreams": "0"}}}))
        self.soon(lambda: self.refused(self.promoter.post(streams(self.prod), image_stream("x")), 403, "Forbidden",
                                       "exceeded quota"))
        self.denied(self.by_push(image.digest), 403, "DENIED")


class TwoClusters(unittest.TestCase):
    def test_an_oci_image_goes_to_4_and_not_to_3(self):
        with Sandbox(profile="4.x") as new, Sandbox() as old:
            case = SandboxCase()
            image = small_image("two clusters", images.OCI)
            for box, expected in ((new, 201), (old, 400)):
                box.scenario({"users": [{"name": "ann", "password": "x"}],
                              "projects": [{"name": "dev", "admin": "ann"}]})
                case.box = box
                case.is_status(case.push("dev/site", "1", image), expected)


if __name__ == "__main__":
    unittest.main()
