"""Attachments where image streams stand: set through the API in one cluster, pushed to another, and told where there is
no place for them."""

import unittest

import sluicekit as kit
from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.binary()

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}


def tag_of(digest, suffix=".sig"):
    return digest.replace(":", "-") + suffix


def attachments(document):
    return document["targets"][0]["images"][0]["attachments"]


class InOneCluster(OneCluster):
    profile = "4.x"

    def signed(self):
        """An old image runs in prod; a new image in dev with a signature, and one of the signature."""
        _, digest = self.running()
        signature = self.fresh(self.dev, tag=tag_of(digest))
        of_signature = self.fresh(self.dev, tag=tag_of(signature))
        self.fresh(self.dev, tag="sha256-" + "0" * 64 + ".sig")  # of an image that is not promoted
        return digest, {tag_of(digest): signature, tag_of(signature): of_signature}

    def test_they_are_set_like_the_tags_of_the_image(self):
        digest, signatures = self.signed()
        plan = self.plan().json
        self.assertEqual([(one["goes_along"], one["arrived"]) for one in attachments(plan)], [(True, False)] * 2)
        outcome = self.promote(self.sluice)
        self.assertEqual(outcome.json["targets"][0]["images"][0]["road"], "tag")
        self.assertEqual([one["arrived"] for one in attachments(outcome.json)], [True] * 2)
        for tag, signature in signatures.items():
            self.assertEqual(self.prod.tag("web", tag), signature)
        self.assertIsNone(self.prod.tag("web", "sha256-" + "0" * 64 + ".sig"))
        self.prod.runs({"web": digest})
        # What is there needs nothing more.
        self.assertFalse(self.plan().json["changes"])

    def test_what_others_have_signed_at_the_target_stays(self):
        digest, _ = self.signed()
        theirs = self.fresh(self.prod, tag=tag_of(digest))
        finding = self.finding(self.plan(), "attachments-left", "warning")
        self.assertIn("1 signature of web stays at the source", finding["sentence"])
        self.promote(self.sluice)
        self.assertEqual(self.prod.tag("web", tag_of(digest)), theirs)

    def test_an_image_that_is_there_gets_what_was_signed_since(self):
        _, digest = self.running()
        self.promote(self.sluice)
        signature = self.fresh(self.dev, tag=tag_of(digest))
        self.assertTrue(self.plan().json["changes"])
        rollouts = self.prod.rollouts()
        self.promote(self.sluice)
        self.assertEqual(self.prod.tag("web", tag_of(digest)), signature)
        self.assertEqual(self.prod.rollouts(), rollouts)
        self.assertFalse(self.plan().json["changes"])

    def test_none_are_set_when_they_are_not_wanted(self):
        digest, signatures = self.signed()
        self.finding(self.plan("--no-attachments"), "attachments-left", "info")
        self.promote(self.sluice, "--no-attachments")
        self.prod.runs({"web": digest})
        self.assertEqual([self.prod.tag("web", tag) for tag in signatures], [None, None])


class UnderAPolicy(OneCluster):
    """An ImagePolicy of the production project wants signed images; whoever promotes may read it."""

    profile = "4.x"

    def begin(self, row="", identity="ann"):
        made = super().begin(row, identity)
        self.box.scenario({"rights": [{"subject": "user:ann", "role": "cluster-reader", "project": None}]})
        scope = f"image-registry.openshift-image-registry.svc:5000/{self.prod.name}/web"
        reply = self.prod.api.post(f"/apis/config.openshift.io/v1/namespaces/{self.prod.name}/imagepolicies", {
            "kind": "ImagePolicy", "apiVersion": "config.openshift.io/v1", "metadata": {"name": "signed"},
            "spec": {"scopes": [scope], "policy": {"rootOfTrust": {
                "policyType": "PublicKey", "publicKey": {"keyData": "Zm9vIGJhcg=="}}}}})
        self.assertEqual(reply.status, 201, str(reply))
        return made

    def test_a_plan_that_would_leave_the_signature_behind_is_blocked(self):
        _, digest = self.running()
        self.fresh(self.dev, tag=tag_of(digest))
        blocked = self.plan("--no-attachments", code=3)
        self.finding(blocked, "signature-left-behind", "blocker", "signed", "--no-attachments")
        self.promote(self.sluice, "--no-attachments", code=3, state=None)
        self.assertEqual(self.findings(self.plan(), "signature-left-behind"), [])
        self.promote(self.sluice)
        self.prod.runs({"web": digest})

    def test_an_image_that_nobody_has_signed_is_told(self):
        self.running()
        self.finding(self.plan(), "image-unsigned", "warning", "signed")


class BetweenClusters(ShopCase):
    def begin(self, profile):
        self.a, self.b = (self.enterContext(Sandbox(profile=profile, scenario=USERS)) for _ in "ab")
        name = f"shop{self.number}"
        self.dev, self.prod = self.project(self.a, name), self.project(self.b, name)
        self.sluice = self.home()
        self.write_clusters(self.sluice, {"a": self.a, "b": self.b}, a={"insecure": True})
        self.pipeline(self.sluice, ("dev", [("a", name)]), ("prod", [("b", name)]), pictures=("web",))
        self.prod.image("web", layers=1)
        self.prod.workload(containers={"web": "web:latest"})
        self.digest = self.dev.image("web", layers=3)
        self.signature = self.dev.image("web", tag=tag_of(self.digest), layers=1)

    def test_they_are_pushed_to_the_other_cluster(self):
        self.begin("4.x")
        outcome = self.promote(self.sluice)
        self.assertEqual([one["arrived"] for one in attachments(outcome.json)], [True])
        self.assertEqual(self.prod.tag("web", tag_of(self.digest)), self.signature)
        self.prod.pulled(self.signature, tag=tag_of(self.digest))
        self.prod.runs({"web": self.digest})

    def test_a_registry_that_takes_none_is_told_of_before(self):
        self.begin("3.11")
        plan = self.sluice.run("plan", "--to", "prod", "-o", "json")
        findings = {one["code"]: one for one in plan.json["targets"][0]["findings"]}
        self.assertEqual(findings["attachments-left"]["severity"], "warning", plan)
        self.promote(self.sluice)
        self.assertIsNone(self.prod.tag("web", tag_of(self.digest)))
        self.prod.runs({"web": self.digest})


if __name__ == "__main__":
    unittest.main()
