"""Signatures that OpenShift keeps with an Image object, between two clusters: they go along, the plan says when they
may not, the run says when they did not, and an image without any costs nothing more."""

import base64
import collections
import json
import re
import unittest

import sluicekit as kit
from sluicekit.sandbox import IMAGES, PASSWORD, Sandbox
from sluicekit.sandbox_case import core
from sluicekit.shop import ShopCase

kit.binary()
kit.helper("sluice-proxy")

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}
SIGN = "oc adm policy add-cluster-role-to-user system:image-signer ann"


class Signatures(ShopCase):
    """dev is in cluster a, prod in cluster b; proxies write down every call to their APIs."""

    @classmethod
    def setUpClass(cls):
        cls.a, cls.b = (cls.enterClassContext(Sandbox(profile=profile, tls="none", scenario=USERS))
                        for profile in ("3.11", "4.x"))
        cls.wires = [cls.enterClassContext(kit.Proxy(box.ready["api"].partition("://")[2])) for box in (cls.a, cls.b)]

    def setUp(self):
        super().setUp()
        name = f"shop{self.number}"
        self.dev, self.prod = self.project(self.a, name), self.project(self.b, name)
        self.sluice = self.home()
        self.write_clusters(self.sluice, {"a": self.a, "b": self.b},
                            a={"api": f"http://{self.wires[0].host}", "insecure": True},
                            b={"api": f"http://{self.wires[1].host}"})
        self.pipeline(self.sluice, ("dev", [("a", self.dev.name)]), ("prod", [("b", self.prod.name)]))
        self.prod.image(layers=1)
        self.prod.workload()
        # Layers of a number of their own: an image of another test has the same digest, and so the same Image object.
        self.digest = self.dev.image(layers=3, **{"layer-bytes": 1000 + self.number})

    def sign(self, *names):
        for name in names:
            reply = self.dev.api.post(f"{IMAGES}/imagesignatures", {
                "kind": "ImageSignature", "apiVersion": "image.openshift.io/v1",
                "metadata": {"name": f"{self.digest}@{name}"}, "type": "atomic",
                "content": base64.b64encode(name.encode()).decode()})
            self.assertEqual(reply.status, 201, str(reply))

    def signatures(self, project):
        image = project.get(f"{IMAGES}/namespaces/{project.name}/imagestreamimages/web@{self.digest}")["image"]
        return sorted(one["metadata"]["name"].partition("@")[2] for one in image.get("signatures") or [])

    def may_sign(self):
        self.b.scenario({"rights": [{"subject": "user:ann", "role": "system:image-signer"}]})
        self.addCleanup(self.b.api().delete, self.binding())

    def binding(self):
        found = [one["metadata"]["name"] for one in
                 self.b.api().get("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings").json["items"]
                 if one["roleRef"]["name"] == "system:image-signer"]
        self.assertEqual(len(found), 1, found)
        return f"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/{found[0]}"

    def finding(self, outcome, code):
        found = list(outcome.json["findings"])
        for target in outcome.json["targets"]:
            found += target.get("findings") or []
        return [one for one in found if one["code"] == code]

    def asked(self, *words):
        """What each API was asked by a run that succeeds: its calls, and for which rights."""
        for wire in self.wires:
            wire.forget()
        self.ends(self.sluice.run(*words, "-o", "json"), 0)
        return [wire.exchanges() for wire in self.wires]

    def images_read(self, exchanges):
        return sum("/imagestreamimages/" in one["target"] for one in exchanges)

    # Carried.

    def test_signatures_go_along_and_nothing_is_said_where_they_may(self):
        self.sign("one", "two")
        self.may_sign()
        outcome = self.promote(self.sluice)
        self.assertEqual(self.signatures(self.prod), ["one", "two"])
        self.assertEqual(self.finding(outcome, "may-not-sign") + self.finding(outcome, "signatures-not-carried"), [])
        self.prod.runs({"web": self.digest})

    def test_signatures_go_along_with_an_import_as_well(self):
        self.sign("one")
        self.may_sign()
        self.pull_secret()
        outcome = self.promote(self.sluice, "--via", "import")
        self.assertEqual(outcome.json["targets"][0]["images"][0]["road"], "import", outcome)
        self.assertEqual(self.signatures(self.prod), ["one"])

    def pull_secret(self):
        """The cluster itself pulls from the other's registry."""
        login = base64.b64encode(f"ann:{self.a.token('ann')}".encode()).decode()
        self.secrets.add(login)
        config = json.dumps({"auths": {self.a.registry_host: {"auth": login}}})
        reply = self.prod.api.post(core(self.prod.name, "secrets"), {
            "kind": "Secret", "apiVersion": "v1", "metadata": {"name": "from-a"},
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()}})
        self.assertEqual(reply.status, 201, str(reply))

    # Not carried.

    def test_the_plan_warns_of_the_missing_right_with_the_command_and_the_run_of_what_stayed_behind(self):
        self.sign("one", "two")
        plan = self.ends(self.sluice.run("plan", "--to", "prod", "-o", "json"), 0)
        warned = self.finding(plan, "may-not-sign")
        self.assertEqual([(one["severity"], one["fix"]) for one in warned], [("warning", SIGN)], plan)
        self.assertIn("imagesignatures", warned[0]["sentence"])

        outcome = self.promote(self.sluice)
        self.assertEqual(self.signatures(self.prod), [])
        told = self.finding(outcome, "signatures-not-carried")
        self.assertEqual([one["severity"] for one in told], ["warning"], outcome)
        for words in ("0 of 2 signatures", SIGN):
            self.assertIn(words, told[0]["sentence"])
        for words in (f"web@{self.digest}", self.dev.name):
            self.assertIn(words, told[0]["fix"])
        self.assertIn("0 of 2 signatures", outcome.err, "people are told as well")
        self.prod.runs({"web": self.digest})

    def test_a_signature_that_the_target_refuses_is_told_though_the_right_is_there(self):
        self.sign("one", "two")
        self.may_sign()
        self.b.knob("fault", server="api", method="POST", path="*/imagesignatures", status=422, times=1,
                    body=json.dumps({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Invalid",
                                     "code": 422, "message": "the signature is odd"}))
        self.addCleanup(self.b.knob, "clear-faults")
        outcome = self.promote(self.sluice)
        told = self.finding(outcome, "signatures-not-carried")
        self.assertEqual(len(told), 1, outcome)
        for words in ("1 of 2 signatures", "the signature is odd"):
            self.assertIn(words, told[0]["sentence"])
        self.assertEqual(len(self.signatures(self.prod)), 1)

    # Exchanges.

    def test_an_image_without_signatures_is_looked_at_once_and_asks_for_no_right(self):
        source, target = self.asked("promote", "--to", "prod", "--yes")
        self.assertEqual(self.images_read(source), 1, "the plan looks, and the run does not look again")
        bare = self.count(target)
        self.setUp()
        self.sign("one")
        self.may_sign()
        source, target = self.asked("promote", "--to", "prod", "--yes")
        self.assertEqual(self.images_read(source), 2, "the run reads what it carries")
        more = self.count(target)
        more.subtract(bare)
        self.assertEqual({call: number for call, number in more.items() if number},
                         {self.access_review(target): 1, f"POST {IMAGES}/imagesignatures": 1})

    def access_review(self, exchanges):
        return next(call for call in self.count(exchanges) if call.endswith("selfsubjectaccessreviews"))

    def count(self, exchanges):
        """Calls by what they ask; watches and events are matters of chance."""
        return collections.Counter(
            re.sub(r"shop\d+|[0-9a-f]{64}|sluice-[0-9a-f]{12}", "X",
                   f"{one['method']} {one['target']}".partition("?")[0])
            for one in exchanges if "watch=" not in one["target"] and "/events" not in one["target"])

    def test_an_equal_promotion_reads_no_image_object(self):
        self.sign("one")
        self.promote(self.sluice)
        source, _ = self.asked("promote", "--to", "prod", "--yes")
        self.assertEqual(self.images_read(source), 0)


class OneCluster(ShopCase):
    """Both sides have one Image object."""

    def test_within_one_cluster_nobody_asks_for_the_right_to_sign_whatever_is_signed(self):
        box = self.enterContext(Sandbox(profile="4.x", scenario=USERS))
        dev, prod = self.project(box, "shop-dev"), self.project(box, "shop")
        prod.image(layers=1)
        digest = dev.image(layers=3)
        reply = dev.api.post(f"{IMAGES}/imagesignatures", {
            "kind": "ImageSignature", "apiVersion": "image.openshift.io/v1", "metadata": {"name": f"{digest}@one"},
            "type": "atomic", "content": base64.b64encode(b"one").decode()})
        self.assertEqual(reply.status, 201, str(reply))
        home = self.home({"box": box})
        self.pipeline(home, ("dev", [("box", dev.name)]), ("prod", [("box", prod.name)]))
        for via in ("tag", "mount", "stream"):
            with self.subTest(via):
                plan = self.ends(home.run("plan", "--to", "prod", "--via", via, "-o", "json"), 0)
                self.assertNotIn(("warning", "may-not-sign"), self.codes(plan), plan)
        outcome = self.promote(home)
        self.assertNotIn(("warning", "signatures-not-carried"), self.codes(outcome), outcome)


if __name__ == "__main__":
    unittest.main(verbosity=2)
