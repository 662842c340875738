"""Answers in which a running 3.11 differed from what the sandbox gave before: watches with a selector, names in errors,
layers of images that are gone, pods deleted at once, versions, and the old apiVersion."""

import unittest

from sluicekit.sandbox import Sandbox
from sluicekit.sandbox_case import SandboxCase, core, deployment_config, image_stream, streams, tags
from sluicekit.sluice import binary

binary()

IMAGES = "/apis/image.openshift.io/v1"


class Answers(SandboxCase):
    def test_what_stops_matching_a_selector_is_deleted_as_it_was_before(self):
        made = self.created(self.ann.post(streams(self.dev), {
            **image_stream("web"), "metadata": {"name": "web", "labels": {"side": "left"}}}))
        listed = self.ok(self.ann.get(streams(self.dev)))["metadata"]["resourceVersion"]
        query = f"?watch=true&labelSelector=side%3Dleft&resourceVersion={listed}"
        with self.ann.stream(streams(self.dev) + query) as stream:
            changed = self.ok(self.ann.patch(streams(self.dev, "web"), {"metadata": {"labels": {"side": "right"}}}))
            frame = stream.next()
        self.assertEqual(frame["type"], "DELETED", frame)
        self.assertEqual(frame["object"]["metadata"]["labels"], {"side": "left"}, frame)
        self.assertEqual(frame["object"]["metadata"]["resourceVersion"], changed["metadata"]["resourceVersion"], frame)
        self.assertNotEqual(frame["object"]["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"])

    def without_its_image(self):
        """A stream whose image is gone; gives the image's digest."""
        digest = self.pushed(self.dev).digest
        self.ok(self.admin.delete(f"{IMAGES}/images/{digest}"))
        return digest

    def test_an_error_names_what_was_asked_for(self):
        digest = self.without_its_image()
        for path, kind in ((tags(self.dev, "web:1.0"), "imagestreamtags"),
                           (f"{IMAGES}/namespaces/{self.dev}/imagestreamimages/web@{digest}", "imagestreamimages")):
            with self.subTest(kind):
                status = self.refused(self.ann.get(path), 404, "NotFound", kind, digest)
                self.assertEqual(status["details"]["kind"], kind, status)

    def test_layers_of_an_image_that_is_gone_have_every_member(self):
        digest = self.without_its_image()
        layers = self.ok(self.ann.get(streams(self.dev, "web") + "/layers"))
        known = layers["images"][digest]
        self.assertIn("layers", known)
        self.assertEqual({name: value for name, value in known.items() if name != "imageMissing"},
                         dict.fromkeys(set(known) - {"imageMissing"}), layers)

    def test_a_pod_that_is_deleted_at_once_is_the_answer(self):
        self.created(self.promoter.post(core(self.prod, "pods"), {
            "kind": "Pod", "apiVersion": "v1", "metadata": {"name": "one"},
            "spec": {"containers": [{"name": "c", "image": "registry.invalid/x:1"}]}}))
        answer = self.ok(self.promoter.delete(core(self.prod, "pods", "one"), {
            "kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}))
        self.assertEqual((answer["kind"], answer["metadata"]["name"]), ("Pod", "one"), answer)

    def test_projects_are_listed_by_the_right_to_namespaces(self):
        self.box.scenario({"users": [{"name": "sam", "password": "sam's"}]})
        self.right("user:sam", "seer", self.dev, rules=[
            {"apiGroups": ["project.openshift.io"], "resources": ["projects"], "verbs": ["get"]}])
        self.right("user:sam", "namer", self.prod, rules=[
            {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}])
        listed = self.ok(self.box.api("sam").get("/apis/project.openshift.io/v1/projects"))
        self.assertEqual([one["metadata"]["name"] for one in listed["items"]], [self.prod])
        self.ok(self.box.api("sam").get(f"/apis/project.openshift.io/v1/projects/{self.dev}"))


class Versions(SandboxCase):
    flags = {"profile": "3.11"}

    def test_a_shipped_3_11_has_numbers_with_a_plus(self):
        self.assertEqual({key: self.ok(self.admin.get("/version"))[key] for key in ("major", "minor")},
                         {"major": "1", "minor": "11+"})
        self.assertTrue(self.ok(self.admin.get("/version"))["gitVersion"].startswith("v1.11.0+"))
        openshift = self.ok(self.admin.get("/version/openshift"))
        self.assertEqual((openshift["major"], openshift["minor"]), ("3", "11+"))
        self.assertTrue(openshift["gitVersion"].startswith("v3.11.0+"))


class OldKinds(unittest.TestCase):
    def test_objects_of_a_scenario_may_have_the_api_version_of_old_templates(self):
        made = deployment_config("web")
        with Sandbox(profile="3.11", scenario={"projects": [{"name": "shop"}], "objects": [
                {**made, "apiVersion": "v1", "metadata": {"name": "web", "namespace": "shop"}},
                {**image_stream("web"), "apiVersion": "v1", "metadata": {"name": "web", "namespace": "shop"}}]}) as box:
            reply = box.api().get("/apis/apps.openshift.io/v1/namespaces/shop/deploymentconfigs/web")
            self.assertEqual((reply.status, reply.json["apiVersion"]), (200, "apps.openshift.io/v1"), str(reply))
            self.assertEqual(box.api().get(streams("shop", "web")).status, 200)


if __name__ == "__main__":
    unittest.main()
