"""The sandbox's contract, items 27 to 43: image streams, tags, history, imports."""

import base64
import json
import unittest

import sluicekit as kit
from sluicekit import images
from sluicekit.sandbox import IMAGES
from sluicekit.sandbox_case import (SandboxCase, core, history, image_stream, imports, small_image, spec_tag,
                                    stream_tag, streams, tags, top_image)
from sluicekit.sluice import binary
from sluicekit.tools import find

binary()


def items(stream, tag):
    return next((one["items"] or [] for one in stream["status"].get("tags") or [] if one["tag"] == tag), [])


class Streams(SandboxCase):
    def tearDown(self):
        self.box.knob("registry", external_host=self.box.registry_external, present=True)
        super().tearDown()

    def test_item_27_repositories_are_computed(self):
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        for external in (self.box.registry_external, "registry.apps.example.test", None):
            with self.subTest(external):
                self.box.knob("registry", external_host=external, present=True)
                status = self.ok(self.ann.get(streams(self.dev, "web")))["status"]
                self.assertEqual(status["dockerImageRepository"], f"{self.box.registry_internal}/{self.dev}/web")
                self.assertEqual(status.get("publicDockerImageRepository"),
                                 external and f"{external}/{self.dev}/web")

    def test_item_27_a_cluster_without_a_registry(self):
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        self.box.knob("registry", external_host=None, present=False)
        status = self.ok(self.ann.get(streams(self.dev, "web")))["status"]
        self.assertFalse(status.get("dockerImageRepository"))
        self.assertNotIn("publicDockerImageRepository", status)

    def test_item_28_tags_are_views_of_the_stream(self):
        image = self.pushed(self.dev)
        stream = self.ok(self.ann.get(streams(self.dev, "web")))
        tag = self.ok(self.ann.get(tags(self.dev, "web:1.0")))
        self.assertEqual(tag["metadata"]["resourceVersion"], stream["metadata"]["resourceVersion"])
        self.assertEqual(tag["metadata"]["uid"], stream["metadata"]["uid"])
        self.assertIsNone(tag["tag"])
        self.assertEqual(tag["image"]["metadata"]["name"], image.digest)
        self.refused(self.ann.get(tags(self.dev, "web")), 400, "BadRequest", "<name>:<tag>")

    def test_item_28_put_creates_post_conflicts_delete_removes_all(self):
        image = self.pushed(self.dev)
        copy = stream_tag("new", "live", f"web@{image.digest}", namespace=self.dev)
        self.created(self.ann.put(tags(self.dev, "new:live"), copy))
        self.ok(self.ann.put(tags(self.dev, "new:live"), copy))
        self.refused(self.ann.post(tags(self.dev), copy), 409, "AlreadyExists")
        self.ok(self.ann.delete(tags(self.dev, "new:live")))
        self.refused(self.ann.delete(tags(self.dev, "new:live")), 404, "NotFound")
        left = self.ok(self.ann.get(streams(self.dev, "new")))
        self.assertFalse(left["spec"].get("tags") or left["status"].get("tags"))

    def test_item_29_a_tag_is_put_blindly_or_with_its_version(self):
        image = self.pushed(self.dev)
        self.created(self.ann.put(tags(self.dev, "web:live"), stream_tag("web", "live", f"web@{image.digest}")))
        stale = self.ok(self.ann.get(tags(self.dev, "web:live")))["metadata"]["resourceVersion"]
        other = self.pushed(self.dev, tag="2.0")
        change = stream_tag("web", "live", f"web@{other.digest}")
        change["metadata"]["resourceVersion"] = stale
        self.refused(self.ann.put(tags(self.dev, "web:live"), change), 409, "Conflict",
                     "another caller has updated the resource version to")
        del change["metadata"]["resourceVersion"]
        self.ok(self.ann.put(tags(self.dev, "web:live"), change))

    def test_item_30_tagging_across_projects_needs_the_source_right(self):
        image = self.pushed(self.dev)
        live = stream_tag("web", "live", f"web@{image.digest}", namespace=self.dev)
        status = self.refused(self.promoter.put(tags(self.prod, "web:live"), live), 422, "Invalid", "Forbidden",
                              f"{self.dev}/web", "no RBAC policy matched")
        self.assertEqual(status["details"]["causes"][0]["field"], "[]")
        self.refused(self.promoter.get(streams(self.prod, "web")), 404)
        self.right("user:promoter", "system:image-puller", self.dev)
        self.created(self.promoter.put(tags(self.prod, "web:live"), live))
        self.assertEqual(self.digests(self.prod, "web", "live"), [image.digest])

    def test_item_31_the_pull_spec_is_that_of_the_target_unless_it_is_a_reference(self):
        image = self.pushed(self.dev)
        self.right("user:promoter", "registry-viewer", self.dev)
        for tag, reference, project in (("live", False, self.prod), ("pointer", True, self.dev)):
            with self.subTest(tag):
                self.created(self.promoter.put(tags(self.prod, f"web:{tag}"), stream_tag(
                    "web", tag, f"web@{image.digest}", namespace=self.dev, reference=reference)))
                item = items(self.ok(self.promoter.get(streams(self.prod, "web"))), tag)[0]
                self.assertEqual(item["dockerImageReference"],
                                 f"{self.box.registry_internal}/{project}/web@{image.digest}")

    def test_item_32_an_unchanged_source_moves_nothing_back(self):
        a, b = (self.pushed(self.dev, tag=tag) for tag in ("a", "b"))
        source = stream_tag("web", "live", f"web@{b.digest}")
        for image in (a, b):
            self.is_status(self.ann.put(tags(self.dev, "web:live"), stream_tag("web", "live", f"web@{image.digest}")),
                           201 if image is a else 200)
        self.is_status(self.push(f"{self.dev}/web", "live", a), 201)
        before = self.ok(self.ann.get(streams(self.dev, "web")))
        self.assertEqual(top_image(before, "live"), a.digest)
        self.ok(self.ann.put(tags(self.dev, "web:live"), source))
        self.assertEqual(self.ok(self.ann.get(streams(self.dev, "web"))), before)
        forced = self.ok(self.ann.put(tags(self.dev, "web:live"), stream_tag(
            "web", "live", f"web@{b.digest}", generation=0)))
        self.assertEqual(forced["image"]["metadata"]["name"], a.digest)
        self.ok(self.ann.patch(streams(self.dev, "web"), {"spec": {"tags": []}}))
        self.created(self.ann.put(tags(self.dev, "web:live"), source))
        self.assertEqual(self.digests(self.dev, "web", "live"), [b.digest, a.digest, b.digest, a.digest])

    def test_item_33_history_of_pushes_is_never_trimmed(self):
        a, b = (small_image(f"{self.id()}-{n}") for n in "ab")
        expected = []
        for image in (a, b, a, b, b, a):
            self.is_status(self.push(f"{self.dev}/web", "live", image), 201)
            if expected[:1] != [image.digest]:
                expected.insert(0, image.digest)
            self.assertEqual(self.digests(self.dev, "web", "live"), expected)
        self.assertEqual(len(expected), 5)

    def test_item_34_alias_tags_follow_in_the_same_write(self):
        self.pushed(self.dev, tag="1")
        self.created(self.ann.put(tags(self.dev, "web:alias"), stream_tag("web", "alias", "web:1", "ImageStreamTag")))
        listed = self.ok(self.ann.get(streams(self.dev)))["metadata"]["resourceVersion"]
        with self.ann.stream(streams(self.dev, query=f"watch=true&resourceVersion={listed}")) as stream:
            image = self.pushed(self.dev, tag="1", seed="next")
            frame = stream.next()
        self.assertEqual([top_image(frame["object"], tag) for tag in ("1", "alias")], [image.digest] * 2)

    def test_item_35_local_changes_only_the_resolved_reference(self):
        image = self.pushed(self.dev)
        self.right("user:promoter", "registry-viewer", self.dev)
        self.created(self.promoter.put(tags(self.prod, "web:live"), stream_tag(
            "web", "live", f"web@{image.digest}", namespace=self.dev, reference=True,
            referencePolicy={"type": "Local"})))
        item = items(self.ok(self.promoter.get(streams(self.prod, "web"))), "live")[0]
        resolved = self.ok(self.promoter.get(tags(self.prod, "web:live")))["image"]["dockerImageReference"]
        self.assertIn(f"/{self.dev}/web@", item["dockerImageReference"])
        self.assertEqual(resolved, f"{self.box.registry_internal}/{self.prod}/web@{image.digest}")

    def test_item_36_layers_of_the_whole_history(self):
        old, new = (self.pushed(self.dev, tag="1", seed=seed) for seed in "ab")
        layers = self.ok(self.ann.get(streams(self.dev, "web/layers")))
        self.assertEqual(set(layers["images"]), {old.digest, new.digest})
        self.assertLessEqual({blob.digest for image in (old, new) for blob in image.blobs}, set(layers["blobs"]))
        found = self.ok(self.ann.get(f"{IMAGES}/namespaces/{self.dev}/imagestreamimages/web@{old.digest}"))
        self.assertEqual(found["image"]["metadata"]["name"], old.digest)
        self.ok(self.admin.delete(f"{IMAGES}/images/{old.digest}"))
        gone = self.ok(self.ann.get(streams(self.dev, "web/layers")))["images"][old.digest]
        self.assertTrue(gone["imageMissing"])

    def test_item_37_images_belong_to_the_cluster(self):
        image = self.pushed(self.dev)
        path = f"{IMAGES}/images/{image.digest}"
        self.refused(self.ann.get(path), 403, "Forbidden")
        self.ok(self.admin.get(path))
        self.ok(self.admin.delete(path))
        self.refused(self.ann.get(tags(self.dev, "web:1.0")), 404, "NotFound")
        self.denied(self.box.registry("ann").get(f"/v2/{self.dev}/web/manifests/1.0", headers={
            "Accept": image.media_type}), 500, "UNKNOWN")

    def test_item_38_mappings(self):
        digest = "sha256:" + "1" * 64
        mapping = {"kind": "ImageStreamMapping", "apiVersion": "image.openshift.io/v1", "metadata": {"name": "web"},
                   "tag": "x", "image": {"metadata": {"name": digest},
                                         "dockerImageReference": f"registry.example.test/a/b@{digest}"}}
        path = f"{IMAGES}/namespaces/{self.dev}/imagestreammappings"
        status = self.refused(self.ann.post(path, mapping), 404, "NotFound")
        self.assertEqual((status["details"]["kind"], status["details"]["name"]), ("imagestreammappings", "web"))
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        self.assertEqual(self.created(self.ann.post(path, mapping))["status"], "Success")
        self.assertEqual(self.digests(self.dev, "web", "x"), [digest])
        self.refused(self.ann.post(path, {**mapping, "tag": ""}), 422, "Invalid", "tag: Required value")

    def test_item_39_what_a_spec_may_not_say(self):
        rows = {
            "kind": spec_tag("a", "x:1", "Banana"),
            "scheduled": spec_tag("a", "x:1", "ImageStreamTag", importPolicy={"scheduled": True}),
            "referencePolicy": {**spec_tag("a", "example.test/x:1", "DockerImage"), "referencePolicy": {"type": "Odd"}},
        }
        for word, tag in rows.items():
            with self.subTest(word):
                status = self.refused(self.ann.post(streams(self.dev), image_stream("web", tag)), 422, "Invalid")
                self.assertTrue(any(word in cause["field"] for cause in status["details"]["causes"]), status)
        self.refused(self.ann.post(streams(self.dev), image_stream("Bad_Name")), 422, "Invalid", "Bad_Name")


@unittest.skipIf(find("docker-registry") is None, "docker-registry is not installed")
class Imports(SandboxCase):
    """From a foreign registry: Debian's docker-registry."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.open = cls.enterClassContext(kit.Registry())
        cls.locked = cls.enterClassContext(kit.Registry(auth="basic"))

    def setUp(self):
        super().setUp()
        self.repository = f"shop/{self.dev}"
        self.v1, self.v2 = (images.random_image((90, 91), f"{self.id()}-{n}", images.DOCKER) for n in (1, 2))
        for registry in (self.open, self.locked):
            registry.client().push(self.repository, "v1", self.v1)

    def request(self, source, to="live", store=True, **policy):
        return {"kind": "ImageStreamImport", "apiVersion": "image.openshift.io/v1", "metadata": {"name": "web"},
                "spec": {"import": store, "images": [{
                    "from": {"kind": "DockerImage", "name": source}, "to": {"name": to},
                    "importPolicy": {"insecure": True, **policy}}]}}

    def imported(self, source, **more):
        return self.created(self.ann.post(imports(self.dev), self.request(source, **more)))["status"]["images"][0]

    def stream(self):
        return self.ok(self.ann.get(streams(self.dev, "web")))

    def test_item_40_each_image_has_a_status_of_its_own(self):
        rows = {
            f"{self.open.host}/{self.repository}:v1": ("Success", None, None),
            f"{self.locked.host}/{self.repository}:v1": ("Failure", 401, "Unauthorized"),
            f"{self.open.host}/{self.repository}:nope": ("Failure", 404, "NotFound"),
            "127.0.0.1:1/shop/web:v1": ("Failure", 500, "InternalError"),
        }
        request = self.request("unused", store=False)
        request["spec"]["images"] = [{"from": {"kind": "DockerImage", "name": name}, "to": {"name": f"t{number}"},
                                      "importPolicy": {"insecure": True}} for number, name in enumerate(rows)]
        done = self.created(self.ann.post(imports(self.dev), request))["status"]
        for (name, (outcome, code, reason)), one in zip(rows.items(), done["images"]):
            with self.subTest(name):
                status = one["status"]
                self.assertEqual((status["status"], status.get("code"), status.get("reason")), (outcome, code, reason))
        self.assertNotIn("import", done)
        self.refused(self.ann.get(streams(self.dev, "web")), 404)

    def test_item_41_a_failed_import_keeps_the_history(self):
        good, missing = (f"{self.open.host}/{self.repository}:{tag}" for tag in ("v1", "nope"))
        self.assertEqual(self.imported(good)["status"]["status"], "Success")
        self.assertEqual(history(self.stream(), "live"), [self.v1.digest])
        self.assertEqual(self.imported(missing)["status"]["reason"], "NotFound")
        stream = self.stream()
        self.assertEqual(history(stream, "live"), [self.v1.digest])
        told = stream["status"]["tags"][0]["conditions"][0]
        self.assertEqual((told["type"], told["status"], told["reason"]), ("ImportSuccess", "False", "NotFound"))
        self.open.client().push(self.repository, "v2", self.v2)
        self.assertEqual(self.imported(f"{self.open.host}/{self.repository}:v2")["status"]["status"], "Success")
        stream = self.stream()
        self.assertEqual(history(stream, "live"), [self.v2.digest, self.v1.digest])
        self.assertFalse(stream["status"]["tags"][0].get("conditions"))

    def test_item_41_a_failed_import_of_a_new_tag_is_remembered_in_the_spec(self):
        missing = f"{self.open.host}/{self.repository}:nope"
        self.assertEqual(self.imported(missing)["status"]["reason"], "NotFound")
        stream = self.stream()
        self.assertEqual((stream["spec"]["tags"][0]["name"], stream["spec"]["tags"][0]["from"]["name"]),
                         ("live", missing))
        self.assertIsNone(stream["status"]["tags"][0]["items"])

    def test_item_42_credentials_of_the_target_project(self):
        source = f"{self.locked.host}/{self.repository}:v1"
        self.assertEqual(self.imported(source)["status"]["code"], 401)
        auth = base64.b64encode(f"{kit.USER}:{kit.PASSWORD}".encode()).decode()
        login = {"auths": {self.locked.host: {"auth": auth}}}
        self.created(self.ann.post(core(self.dev, "secrets"), {
            "kind": "Secret", "apiVersion": "v1", "metadata": {"name": "pull"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(json.dumps(login).encode()).decode()}}))
        self.assertEqual(self.imported(source)["status"]["status"], "Success")
        self.assertEqual(history(self.stream(), "live"), [self.v1.digest])

    def test_item_42_imports_from_the_own_registry_need_the_source_right(self):
        image = self.pushed(self.dev)
        source = f"{self.box.registry_internal}/{self.dev}/web:1.0"
        self.right("user:promoter", "admin", self.dev)
        first = self.created(self.promoter.post(imports(self.prod), self.request(source)))["status"]["images"][0]
        self.assertEqual(first["status"]["status"], "Failure", "the poster's own right does not help")
        self.right(f"group:system:serviceaccounts:{self.prod}", "system:image-puller", self.dev)
        self.created(self.promoter.post(imports(self.prod), self.request(source)))
        self.assertEqual(self.digests(self.prod, "web", "live"), [image.digest])

    def test_item_42_an_image_that_lives_elsewhere_is_pulled_through(self):
        self.imported(f"{self.open.host}/{self.repository}:v1")
        registry = self.box.registry("ann")
        reply = self.is_status(registry.get(f"/v2/{self.dev}/web/manifests/live", headers={
            "Accept": self.v1.media_type}), 200)
        self.assertEqual(reply.body, self.v1.manifest)
        for blob in self.v1.blobs:
            got = self.is_status(registry.get(f"/v2/{self.dev}/web/blobs/{blob.digest}"), 200)
            self.assertEqual(got.body, b"".join(blob.chunks()))

    def test_item_43_a_controller_imports_after_a_delay(self):
        self.box.knob("import-delay", seconds=3)
        self.addCleanup(self.box.knob, "import-delay", seconds=0)
        tag = spec_tag("live", f"{self.open.host}/{self.repository}:v1", "DockerImage", importPolicy={"insecure": True})
        self.created(self.ann.post(streams(self.dev), image_stream("web", tag)))
        self.assertEqual(history(self.stream(), "live"), [])
        self.soon_equal(lambda: history(self.stream(), "live"), [self.v1.digest])

    def test_item_43_scheduled_tags_are_imported_again_when_told(self):
        tag = spec_tag("live", f"{self.open.host}/{self.repository}:moving", "DockerImage",
                       importPolicy={"insecure": True, "scheduled": True})
        self.open.client().push(self.repository, "moving", self.v1)
        self.created(self.ann.post(streams(self.dev), image_stream("web", tag)))
        self.soon_equal(lambda: history(self.stream(), "live"), [self.v1.digest])
        self.open.client().push(self.repository, "moving", self.v2)
        self.box.knob("reimport")
        self.soon_equal(lambda: history(self.stream(), "live"), [self.v2.digest, self.v1.digest])

    def test_item_43_generation_0_asks_for_another_import(self):
        self.open.client().push(self.repository, "moving", self.v1)
        tag = stream_tag("web", "live", f"{self.open.host}/{self.repository}:moving", "DockerImage",
                         importPolicy={"insecure": True})
        self.created(self.ann.put(tags(self.dev, "web:live"), tag))
        self.soon_equal(lambda: history(self.stream(), "live"), [self.v1.digest])
        self.open.client().push(self.repository, "moving", self.v2)
        self.ok(self.ann.put(tags(self.dev, "web:live"), {**tag, "tag": {**tag["tag"], "generation": 0}}))
        self.soon_equal(lambda: history(self.stream(), "live"), [self.v2.digest, self.v1.digest])


if __name__ == "__main__":
    unittest.main()
