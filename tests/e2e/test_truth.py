"""Success is what can be pulled: registries that say they have what they do not, through the command line."""

import gzip
import unittest

import sluicekit as kit
from sluicekit.fake_registry import FakeRegistry

kit.need("docker-registry")


class StaleCaches(kit.E2eCase):
    """distribution with a descriptor cache, whose storage has lost a layer (garbage collection beside a running registry)."""

    shared_registries = ("a",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.b = cls.enterClassContext(
            kit.Registry(environment={"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR": "inmemory"}))

    def setUp(self):
        super().setUp()
        self.image = kit.random_image((4000, 700), seed=self.project)
        self.source = f"{self.project}/dev/web"
        self.target = f"{self.project}/prod/web"
        self.a.client().push(self.source, "v1", self.image)
        self.sluice = self.home()

    def copy(self, *flags, tag="v1"):
        return self.sluice.run("copy", f"{self.a.host}/{self.source}:v1", f"{self.b.host}/{self.target}:{tag}", "-o", "json",
                               *flags)

    def lose_a_layer(self):
        layer = max(self.image.blobs, key=lambda blob: blob.size)
        self.b.client().blob(self.target, layer.digest)  # now its descriptor is cached
        algorithm, _, value = layer.digest.partition(":")
        data = self.b.storage / "docker/registry/v2/blobs" / algorithm / value[:2] / value / "data"
        data.unlink()
        self.assertTrue(self.head(layer), "the registry must still say that it has the layer")
        return layer

    def head(self, layer):
        return self.b.client().has_blob(self.target, layer.digest)

    def test_check_blobs_brings_what_an_equal_image_has_lost(self):
        self.ok(self.copy())
        self.lose_a_layer()
        equal = self.ok(self.copy()).json
        self.assertEqual(equal["blobs"]["moved"], 0, "an equal image is not looked into by itself")
        checked = self.ok(self.copy("--check-blobs")).json
        self.assertEqual(checked["blobs"]["moved"], 1)
        self.holds(self.b, self.target, "v1", self.image)

    def test_a_copy_to_another_tag_brings_it_without_being_asked(self):
        self.ok(self.copy())
        self.lose_a_layer()
        self.ok(self.copy(tag="v2"))
        self.holds(self.b, self.target, "v2", self.image)

    def test_promote_brings_it_also_when_the_tag_is_right_already(self):
        self.a.client().push(f"{self.project}/dev/shop", "latest", self.image)
        self.sluice.write("sluice.yaml", kit.pipeline(
            "shop", ["shop"], ("dev", [(self.a.host, f"{self.project}/dev")]),
            ("prod", [(self.b.host, f"{self.project}/prod")])))
        self.target = f"{self.project}/prod/shop"
        self.ok(self.sluice.run("promote", "--to", "prod", "--yes"))
        self.lose_a_layer()
        again = self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json")).json
        self.assertEqual(again["targets"][0]["images"][0]["blobs"]["moved"], 1)
        self.holds(self.b, self.target, "latest", self.image)


class Lag(kit.E2eCase):
    """A cache in front of the destination that goes on showing the old image for longer than anybody waits."""

    shared_registries = ()

    def test_what_was_pushed_is_put_back_although_it_never_showed_and_that_is_said(self):
        with FakeRegistry() as source, FakeRegistry() as dest:
            source.make_image("dev/web", "latest", [500], seed=2)
            dest.make_image("prod/web", "latest", [400], seed=1)
            old = dest.manifest_of("prod/web", "latest")
            sluice = self.home()
            sluice.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [(source.host, "dev")]),
                                                     ("prod", [(dest.host, "prod")])))
            # Whatever is written, reads of the tag give the old image.
            dest.rule(method="GET", path="*/manifests/latest", times=0, status=200, body=old["text"],
                      headers={"Content-Type": old["media_type"]})
            outcome = sluice.run("promote", "--to", "prod", "--yes", "-o", "json")
            self.assertEqual(outcome.code, 1, outcome)
            self.assertEqual(dest.manifest_of("prod/web", "latest")["digest"], old["digest"], outcome)
            self.assertEqual([(back["image"], back["tag"], back["digest"]) for back in outcome.json["put_back"]],
                             [("web", "latest", old["digest"])])
            self.assertIn("put back to " + old["digest"], outcome.err)


class Platforms(kit.E2eCase):
    def test_an_index_that_gives_way_to_fewer_platforms_is_told(self):
        both = kit.index_of(sizes=(900, 700), seed=self.project)
        one = both.children[0]
        sluice = self.home()
        self.b.client().push(self.project, "v1", both)
        self.a.client().push(self.project, "v1", one)
        outcome = self.ok(sluice.run("copy", f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v1", "-o",
                                     "json"))
        self.assertEqual([finding["code"] for finding in outcome.json["findings"]], ["platforms-lost"])
        self.assertIn("platforms-lost", outcome.err)

    def test_the_plan_tells_it_before(self):
        both = kit.index_of(sizes=(900, 700), seed=self.project)
        sluice = self.home()
        self.b.client().push(f"{self.project}/web", "latest", both)
        self.a.client().push(f"{self.project}/web", "latest", both.children[0])
        sluice.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [(self.a.host, self.project)]),
                                                 ("prod", [(self.b.host, self.project)])))
        plan = self.ok(sluice.run("plan", "--to", "prod", "-o", "json")).json
        self.assertIn("platforms-lost", [finding["code"] for finding in plan["targets"][0]["findings"]])


class Encodings(kit.E2eCase):
    """Caches that compress what nobody asked them to compress."""

    shared_registries = ("a",)

    def setUp(self):
        super().setUp()
        self.image = kit.random_image((900,), seed=self.project)
        self.blobs = {blob.digest: b"".join(blob.chunks()) for blob in self.image.blobs}
        self.coded_manifest, self.coded_blobs = True, False
        self.server = self.enterContext(kit.HostileServer(self.behave))
        self.sluice = self.home()

    def behave(self, request):
        if "/manifests/" in request.path:
            body, coded = self.image.manifest, self.coded_manifest
            headers = {"Content-Type": self.image.media_type}
        elif "/blobs/" in request.path:
            body, coded, headers = self.blobs[request.path.rpartition("/")[2]], self.coded_blobs, {}
        else:
            return kit.Reply(200)
        return kit.Reply(200, {**headers, "Content-Encoding": "gzip"} if coded else headers,
                         gzip.compress(body) if coded else body)

    def copy(self):
        return self.sluice.run("copy", f"{self.server.host}/{self.project}:v1", f"{self.a.host}/{self.project}:v1")

    def test_a_compressed_manifest_is_undone_and_then_checked(self):
        self.ok(self.copy())
        self.holds(self.a, self.project, "v1", self.image)
        found = self.ok(self.sluice.run("digest", f"{self.server.host}/{self.project}:v1"))
        self.assertEqual(found.out.strip(), self.image.digest)
        self.assertTrue(all(request.headers.get("accept-encoding") == "identity" for request in self.server.requests))

    def test_a_compressed_layer_is_asked_for_once_more_and_then_named(self):
        self.coded_blobs = True
        self.fails(self.copy(), 1, "Content-Encoding: gzip")
        asked = [request.path for request in self.server.requests if "/blobs/" in request.path]
        self.assertTrue(all(asked.count(path) <= 2 for path in asked), asked)
        self.assertEqual(self.a.client().tags(self.project), [])

    def test_a_bomb_is_not_undone_to_its_end(self):
        self.image.manifest = b" " * 50_000_000
        self.fails(self.copy(), 1, "larger than the limit of 4.0 MiB")


if __name__ == "__main__":
    unittest.main()
