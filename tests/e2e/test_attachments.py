"""What belongs to an image goes along with it: tags of cosign's, referrers, attachments of attachments, counted."""

import concurrent.futures
import shutil
import subprocess
import unittest

import sluicekit as kit
from sluicekit import attached, go_registries
from sluicekit.attached import SBOM, SIGNATURE, attach, cosign_tag, referrers
from sluicekit.go_programs import COSIGN

kit.need("docker-registry")


def other_make(case, make):
    program, why_not = go_registries.build(make)
    if program is None:
        case.skipTest(why_not)
    return case.enterContext(go_registries.GoRegistry(make, program))


class Attached(kit.E2eCase):
    """An index of two platforms with a signature, an SBOM as a referrer, a signature of that, and one of a platform."""

    def setUp(self):
        super().setUp()
        seed = self.project
        self.image = kit.index_of(("amd64", "arm64"), seed=seed)
        self.signature = kit.Image([kit.Layer(120, f"{seed}-sig")])
        self.sbom = kit.Artifact(SBOM, f"packages of {seed}".encode(), subject=self.image)
        self.of_sbom = kit.Artifact(SIGNATURE, f"signed {seed}".encode(), subject=self.sbom)
        self.of_child = kit.Artifact("application/vnd.in-toto+json", b"{}", subject=self.image.children[1])

    def dress(self, registry, repository, tag="v1"):
        client = registry.client()
        client.push(repository, tag, self.image)
        client.push(repository, cosign_tag(self.image), self.signature)
        for artifact in (self.sbom, self.of_sbom, self.of_child):
            attach(client, repository, artifact)

    def dressed(self, registry, repository, tag="v1"):
        """All of it is there, and other clients find it."""
        self.holds(registry, repository, tag, self.image)
        self.holds(registry, repository, cosign_tag(self.image), self.signature)
        client = registry.client()
        for subject, artifact in ((self.image, self.sbom), (self.sbom, self.of_sbom),
                                  (self.image.children[1], self.of_child)):
            self.assertEqual(referrers(client, repository, subject.digest), [artifact.digest])
            self.holds(registry, repository, artifact.digest, artifact)

    def copied(self, source, target, *flags):
        return self.ok(self.home().run("copy", f"{source}/{self.project}:v1", f"{target}/{self.project}:v1", "-o", "json",
                                       *flags)).json


class Copied(Attached):
    def test_between_registries_that_list_nothing_themselves(self):
        self.dress(self.a, self.project)
        result = self.copied(self.a.host, self.b.host)
        self.assertEqual([one["arrived"] for one in result["attachments"]], [True] * 4)
        self.assertEqual(sorted(one["kind"] for one in result["attachments"]),
                         ["attestation", "sbom", "signature", "signature"])
        self.dressed(self.b, self.project)

    def test_into_a_registry_that_lists_referrers_and_out_of_it(self):
        other = other_make(self, "olareg")
        self.dress(self.a, self.project)
        self.copied(self.a.host, other.host)
        self.dressed(other, self.project)
        self.assertTrue(attached.lists(other.client(), self.project))
        back = f"{self.b.host}/{self.project}"
        self.ok(self.home().run("copy", f"{other.host}/{self.project}:v1", f"{back}:v1"))
        self.dressed(self.b, self.project)

    def test_into_distribution_3(self):
        other = other_make(self, "distribution")
        self.dress(self.a, self.project)
        self.copied(self.a.host, other.host)
        self.dressed(other, self.project)

    def test_inside_one_registry_without_moving_bytes_of_the_image(self):
        self.dress(self.a, f"{self.project}/dev")
        result = self.ok(self.home().run("copy", f"{self.a.host}/{self.project}/dev:v1",
                                         f"{self.a.host}/{self.project}/prod:v1", "-o", "json")).json
        self.assertEqual(result["bytes"]["moved"], 0)
        self.dressed(self.a, f"{self.project}/prod")

    def test_the_second_copy_writes_nothing_and_a_later_signature_comes_along(self):
        self.dress(self.a, self.project)
        self.copied(self.a.host, self.b.host)
        proxy = self.enterContext(kit.Proxy(self.a.host, self.b.host))
        source, target = (f"{host}/{self.project}:v1" for host in proxy.hosts)
        self.ok(self.home().run("copy", source, target))
        self.assertEqual([e["method"] for e in proxy.exchanges() if e["method"] != "GET"], [])
        attestation = kit.Image([kit.Layer(70, f"{self.project}-att")])
        self.a.client().push(self.project, cosign_tag(self.image, ".att"), attestation)
        result = self.copied(self.a.host, self.b.host)
        self.assertEqual((result["road"], len(result["attachments"])), ("present", 5))
        self.holds(self.b, self.project, cosign_tag(self.image, ".att"), attestation)

    def test_they_stay_where_they_are_when_they_are_not_wanted(self):
        self.dress(self.a, self.project)
        result = self.copied(self.a.host, self.b.host, "--no-attachments")
        self.assertEqual([one["arrived"] for one in result["attachments"]], [False] * 4)
        self.assertEqual(self.tags(self.b, self.project), ["v1"])
        said = self.ok(self.home().run("copy", f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v2",
                                       "--no-attachments")).out
        self.assertIn("attached 4 stay at the source", said)

    def test_some_platforms_of_an_index_travel_once_also_when_it_has_to_be_rewritten(self):
        self.dress(self.a, self.project)
        proxy = self.enterContext(kit.Proxy(self.b.host))
        result = self.copied(self.a.host, proxy.hosts[0], "--platform", "linux/arm64")
        self.assertTrue(result["digest_changed"])
        puts = [e["target"].rpartition("digest=")[2] for e in proxy.exchanges()
                if e["method"] == "PUT" and "/blobs/uploads/" in e["target"]]
        self.assertEqual(sorted(puts), sorted(set(puts)))
        self.holds(self.b, self.project, cosign_tag(self.image), self.signature)

    def test_inspect_shows_them(self):
        self.dress(self.a, self.project)
        where = f"{self.a.host}/{self.project}:v1"
        found = self.ok(self.home().run("inspect", where, "-o", "json")).json["attachments"]
        self.assertEqual({one["digest"] for one in found},
                         {one.digest for one in (self.signature, self.sbom, self.of_sbom, self.of_child)})
        self.assertIn(f"attached {self.sbom.digest}", self.ok(self.home().run("inspect", where)).out)

    def test_an_image_without_any_says_so(self):
        self.a.client().push(self.project, "v1", self.image)
        self.assertEqual(self.copied(self.a.host, self.b.host)["attachments"], [])

    def test_an_artifact_that_names_a_subject_can_be_found_at_the_destination(self):
        attach(self.a.client(), self.project, self.sbom)
        self.a.client().push(self.project, "v1", self.sbom)
        self.copied(self.a.host, self.b.host)
        self.assertEqual(referrers(self.b.client(), self.project, self.image.digest), [self.sbom.digest])

    def test_copies_that_attach_to_one_image_at_once_lose_nothing(self):
        artifacts = [kit.Artifact(SBOM, f"{self.project} {n}".encode(), subject=self.image) for n in range(3)]
        for number, artifact in enumerate(artifacts):
            self.a.client().push(f"{self.project}/{number}", "v1", self.image)
            attach(self.a.client(), f"{self.project}/{number}", artifact)
        homes = [self.home() for _ in artifacts]

        def one(number):
            return homes[number].run("copy", f"{self.a.host}/{self.project}/{number}:v1", f"{self.b.host}/{self.project}:v1")

        with concurrent.futures.ThreadPoolExecutor(len(artifacts)) as pool:
            for done in pool.map(one, range(len(artifacts))):
                self.ok(done)
        self.assertEqual(referrers(self.b.client(), self.project, self.image.digest),
                         sorted(artifact.digest for artifact in artifacts))


class Promoted(Attached):
    def setUp(self):
        super().setUp()
        self.sluice = self.home()
        self.sluice.write("sluice.yaml", kit.pipeline("shop", ("web",), ("dev", [(self.a.host, f"{self.project}/dev")]),
                                                      ("prod", [(self.b.host, f"{self.project}/prod")])))
        self.dress(self.a, f"{self.project}/dev/web", "latest")

    def promote(self, *flags):
        return self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json", *flags)).json

    def test_the_plan_lists_them_and_the_promotion_brings_them(self):
        plan = self.ok(self.sluice.run("plan", "--to", "prod", "-o", "json")).json
        planned = plan["targets"][0]["images"][0]["attachments"]
        self.assertEqual([(one["goes_along"], one["arrived"]) for one in planned], [(True, False)] * 4)
        self.assertIn("attached: 2 signatures, 1 attestation, 1 SBOM go along",
                      self.ok(self.sluice.run("plan", "--to", "prod")).out)
        image = self.promote()["targets"][0]["images"][0]
        self.assertEqual([one["arrived"] for one in image["attachments"]], [True] * 4)
        self.dressed(self.b, f"{self.project}/prod/web", "latest")

    def test_without_them_it_is_another_plan_that_says_so(self):
        plan = self.ok(self.sluice.run("plan", "--to", "prod", "-o", "json")).json
        without = self.ok(self.sluice.run("plan", "--to", "prod", "-o", "json", "--no-attachments")).json
        self.assertNotEqual(plan["plan"], without["plan"])
        self.assertEqual([finding["code"] for finding in without["targets"][0]["findings"]], ["attachments-left"])
        self.promote("--no-attachments", "--plan", without["plan"])
        self.assertEqual(self.tags(self.b, f"{self.project}/prod/web"), ["latest"])

    def test_a_signature_that_was_made_later_is_brought_by_the_same_promotion_again(self):
        self.promote()
        attestation = kit.Image([kit.Layer(70, f"{self.project}-att")])
        self.a.client().push(f"{self.project}/dev/web", cosign_tag(self.image, ".att"), attestation)
        plan = self.ok(self.sluice.run("plan", "--to", "prod", "-o", "json")).json
        self.assertTrue(plan["changes"])
        self.promote()
        self.holds(self.b, f"{self.project}/prod/web", cosign_tag(self.image, ".att"), attestation)
        self.assertFalse(self.ok(self.sluice.run("plan", "--to", "prod", "-o", "json")).json["changes"])


    def test_a_signature_is_no_version_whatever_the_pattern(self):
        self.sluice.write("sluice.yaml", kit.pipeline(
            "shop", ("web",), ("dev", [(self.a.host, f"{self.project}/dev")]), ("prod", [(self.b.host, f"{self.project}/prod")]),
            source={"tag": "*"}))
        self.a.client().push(f"{self.project}/dev/web", "1.0", self.image)
        made = self.ok(self.sluice.run("release", "create", "-o", "json")).json
        self.assertNotIn("sha256-", str(made), made)


class Cosign(kit.E2eCase):
    """The program that people sign with, with a key of their own and without a transparency log."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not COSIGN.is_built:
            raise unittest.SkipTest("cosign is not built: PYTHONPATH=tests/support python3 -m sluicekit.go_programs")
        cls.cosign = COSIGN.path

    def run_cosign(self, *words):
        done = subprocess.run([str(self.cosign), *words], cwd=self.keys, capture_output=True, text=True, check=False,
                              timeout=120, env={"PATH": "/usr/bin:/bin", "HOME": str(self.keys), "COSIGN_PASSWORD": "x",
                                                "COSIGN_EXPERIMENTAL": "1", "TUF_ROOT": str(self.keys / "tuf")})
        self.assertEqual(done.returncode, 0, f"cosign {words[0]}: {done.stderr}")
        return done.stdout

    def signed_and_verified(self, source, target, sign=(), verify=()):
        self.keys = kit.tools.folder("cosign")
        self.addCleanup(shutil.rmtree, self.keys, True)
        self.run_cosign("generate-key-pair")
        image = kit.random_image(seed=self.project)
        source.client().push(self.project, "v1", image)
        self.run_cosign("sign", "--key", "cosign.key", "--tlog-upload=false", "--allow-insecure-registry", "--yes", *sign,
                        f"{source.host}/{self.project}@{image.digest}")
        result = self.ok(self.home().run("copy", f"{source.host}/{self.project}:v1", f"{target.host}/{self.project}:v1",
                                         "-o", "json")).json
        self.assertEqual([(one["kind"], one["arrived"]) for one in result["attachments"]], [("signature", True)])
        return self.run_cosign("verify", "--key", "cosign.pub", "--insecure-ignore-tlog=true", "--allow-insecure-registry",
                               *verify,
                               f"{target.host}/{self.project}@{image.digest}")

    def test_a_signature_under_a_tag_verifies_at_the_destination(self):
        self.signed_and_verified(self.a, self.b)

    def test_a_signature_that_is_a_referrer_verifies_at_the_destination(self):
        source, target = other_make(self, "olareg"), other_make(self, "olareg")
        self.signed_and_verified(source, target, ["--registry-referrers-mode=oci-1-1"], ["--experimental-oci11"])


if __name__ == "__main__":
    unittest.main()
