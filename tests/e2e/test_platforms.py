"""copy --platform and --include-foreign: some platforms of an index, and layers that are kept as references."""

import json
import unittest

import sluicekit as kit
from sluicekit import images
from sluicekit.fake_registry import FakeRegistry

kit.need("docker-registry")


class Platforms(kit.E2eCase):
    def setUp(self):
        super().setUp()
        self.index = kit.index_of(("amd64", "arm64", "s390x"), seed=self.project)
        self.a.client().push(self.project, "v1", self.index)

    def copy(self, host, *flags, code=0):
        result = self.home().run("copy", f"{self.a.host}/{self.project}:v1", f"{host}/{self.project}:v1", "-o", "json", *flags)
        self.assertEqual(result.code, code, result)
        return result

    def test_the_index_stays_as_it_is_where_the_registry_takes_missing_images(self):
        with FakeRegistry(sparse_indexes=True) as target:
            result = self.copy(target.host, "--platform", "linux/amd64,linux/s390x").json
            self.assertEqual((result["digest"], result["digest_changed"]), (self.index.digest, False))
            self.assertEqual(result["platforms"], ["linux/amd64", "linux/s390x"])
            self.assertEqual([one["code"] for one in result["findings"]], ["index-sparse"])
            there = self.home().run("digest", f"{target.host}/{self.project}@{self.index.children[0].digest}")
            self.assertEqual(there.code, 0, there)
            missing = self.home().run("digest", f"{target.host}/{self.project}@{self.index.children[1].digest}")
            self.assertEqual(missing.code, 1, missing)

    def test_another_index_is_written_and_told_where_it_does_not(self):
        result = self.copy(self.b.host, "--platform", "linux/amd64", "--platform", "linux/s390x").json
        self.assertTrue(result["digest_changed"])
        self.assertEqual([one["code"] for one in result["findings"]], ["index-rewritten"])
        body, _, digest = self.b.client().manifest(self.project, "v1")
        self.assertEqual(digest, result["digest"])
        self.assertEqual([one["digest"] for one in json.loads(body)["manifests"]],
                         [self.index.children[0].digest, self.index.children[2].digest])
        for child in (self.index.children[0], self.index.children[2]):
            self.holds(self.b, self.project, child.digest, child)

    def test_a_digest_that_must_stay_is_not_given_up(self):
        result = self.copy(self.b.host, "--platform", "linux/amd64", "--preserve-digests", code=1)
        self.assertEqual(self.b.client().digest(self.project, "v1"), None, result)

    def test_a_platform_that_is_not_there_says_which_are(self):
        result = self.copy(self.b.host, "--platform", "windows/amd64", code=1)
        self.assertIn("linux/amd64, linux/arm64, linux/s390x", result.err)

    def test_an_image_alone_is_held_to_its_own_platform(self):
        self.a.client().push(self.project, "v1", self.index.children[1])
        self.copy(self.b.host, "--platform", "linux/arm64")
        self.assertIn("is an image for linux/arm64 alone", self.copy(self.b.host, "--platform", "linux/amd64", code=1).err)

    def test_attestations_of_buildkit_go_with_their_platform_and_are_no_platform(self):
        image = self.index.children[0]
        attestation = kit.Artifact("application/vnd.in-toto+json", b"{}")
        document = json.loads(self.index.manifest)
        for child in self.index.children[:2]:
            document["manifests"].append({
                "mediaType": attestation.media_type, "digest": attestation.digest, "size": len(attestation.manifest),
                "platform": {"os": "unknown", "architecture": "unknown"},
                "annotations": {"vnd.docker.reference.type": "attestation-manifest",
                                "vnd.docker.reference.digest": child.digest}})
            attestation = kit.Artifact("application/vnd.in-toto+json", b"{ }")
        body = json.dumps(document).encode()
        for one in (kit.Artifact("application/vnd.in-toto+json", b"{}"), attestation):
            self.a.client().push(self.project, one.digest, one)
        self.a.client().push_manifest(self.project, "v1", body, images.OCI["index"])
        self.copy(self.b.host, "--platform", "linux/amd64")
        listed = json.loads(self.b.client().manifest(self.project, "v1")[0])["manifests"]
        self.assertEqual([one["digest"] for one in listed],
                         [image.digest, kit.Artifact("application/vnd.in-toto+json", b"{}").digest])
        whole = self.copy(self.b.host).json
        self.assertEqual(whole["platforms"], ["linux/amd64", "linux/arm64", "linux/s390x"])
        self.assertEqual(self.b.client().manifest(self.project, "v1")[0], body)


class Foreign(kit.E2eCase):
    def test_they_stay_references_unless_they_are_asked_for(self):
        with FakeRegistry() as source:
            config, layer, foreign = (source.put_blob("shop/web", text) for text in ("{}", "layer", "of windows"))
            source.put_manifest("shop/web", {
                "schemaVersion": 2, "mediaType": images.DOCKER["manifest"],
                "config": {"mediaType": images.DOCKER["config"], "digest": config, "size": 2},
                "layers": [{"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "digest": foreign,
                            "size": 10, "urls": ["https://layers.example.com/base"]},
                           {"mediaType": images.DOCKER["layer"], "digest": layer, "size": 5}]}, tag="v1")
            for flags, there in (((), {config, layer}), (("--include-foreign",), {config, layer, foreign})):
                with self.subTest(flags), FakeRegistry() as target:
                    self.ok(self.home().run("copy", f"{source.host}/shop/web:v1", f"{target.host}/shop/web:v1", *flags))
                    self.assertEqual(set(target.tell("blobs", repository="shop/web")), there)

    def test_an_engine_takes_neither_yet(self):
        for flag in (["--platform", "linux/amd64"], ["--include-foreign"]):
            result = self.home().run("copy", f"{self.a.host}/{self.project}:v1", "docker-daemon:shop/web:1", *flag)
            self.assertEqual((result.code, "not supported with docker-daemon" in result.err), (2, True), result)


if __name__ == "__main__":
    unittest.main()
