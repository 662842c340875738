"""Rights that are missing in one cluster: which one, of whom, and the command that gives it; nothing is written. And
what an account with less than everything can still do."""

import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.sluice import binary

binary()


class Rights(OneCluster):
    """bob promotes, with the rights that a row gives him in dev and in prod."""

    def as_bob(self, dev=(), prod=()):
        for role in dev:
            self.right("user:bob", role, self.dev)
        for role in prod:
            self.right("user:bob", role, self.prod)
        self.write_clusters(self.sluice, {"box": (self.box, "bob")})

    def refused(self, code, *words, flags=()):
        """plan and promote refuse: either by a finding (3) or because not even that may be looked at (6)."""
        check = self.untouched()
        for command in (("plan", "--to", "prod"), ("promote", "--to", "prod", "--yes")):
            outcome = self.sluice.run(*command, *flags)
            self.assertEqual(outcome.code, code, outcome)
            for word in words:
                self.assertIn(word, outcome.out + outcome.err, outcome)
            check(outcome)

    def test_a_source_that_may_not_be_read(self):
        old, _ = self.running()
        self.as_bob(prod=["edit"])
        self.refused(3, f"oc policy add-role-to-user registry-viewer bob -n {self.dev.name}")
        self.prod.runs({"web": old})

    def test_a_source_that_may_be_seen_and_not_pulled(self):
        old, _ = self.running()
        self.as_bob(dev=["view"], prod=["edit"])
        self.blocked("may-not-pull", "system:image-puller bob", self.dev.name)
        self.prod.runs({"web": old})

    def test_a_target_that_may_not_be_seen(self):
        old, _ = self.running()
        self.as_bob(dev=["registry-viewer"])
        check = self.untouched()
        outcome = self.sluice.run("plan", "--to", "prod")
        self.assertIn(outcome.code, (3, 6), outcome)
        self.assertIn(self.prod.name, outcome.out + outcome.err, outcome)
        refused = self.sluice.run("promote", "--to", "prod", "--yes")
        self.assertEqual(refused.code, outcome.code, refused)
        check(refused)
        self.prod.runs({"web": old})

    def test_a_target_that_may_only_be_seen(self):
        old, _ = self.running()
        self.as_bob(dev=["registry-viewer"], prod=["view"])
        for road, code in (("tag", "may-not-tag"), ("stream", "may-not-push"), ("mount", "may-not-push"),
                           ("import", "may-not-import")):
            with self.subTest(road):
                self.blocked(code, "bob", self.prod.name, flags=("--via", road))
        self.prod.runs({"web": old})

    def test_a_stream_that_may_not_be_created(self):
        self.fresh(self.dev)
        self.as_bob(dev=["registry-viewer"], prod=["view", "system:image-pusher"])
        self.blocked("may-not-create-stream", "oc create imagestream web", self.prod.name)
        self.assertIsNone(self.prod.tag())

    def test_who_may_push_and_not_tag_pushes(self):
        _, new = self.running()
        self.as_bob(dev=["registry-viewer"], prod=["view", "system:image-pusher"])
        outcome = self.promote(self.sluice)
        self.assertEqual(outcome.json["targets"][0]["images"][0]["road"], "mount", outcome)
        self.prod.stands({"web": new})
        self.prod.runs({"web": new})
        self.prod.pulled(new)

    def test_who_may_edit_and_pull_promotes_by_every_road(self):
        for road in ("tag", "mount", "stream", "import"):
            with self.subTest(self.begin(road)):
                _, new = self.running()
                self.as_bob(dev=["registry-viewer"], prod=["edit"])
                self.write(environment={"via": road})
                self.all_well(new, self.promote(self.sluice), road)

    def test_a_rollout_that_may_not_be_watched_is_a_blocker_unless_it_is_not_wanted(self):
        _, new = self.running()
        self.as_bob(dev=["registry-viewer"], prod=["registry-editor"])
        self.blocked("may-not-follow", "bob", self.prod.name)
        self.write(environment={"verify": {"rollout": "none"}})
        self.promote(self.sluice)
        self.prod.stands({"web": new})

    def test_an_import_whose_pods_may_not_pull(self):
        old, _ = self.running()
        for binding in self.dev.get(self.bindings())["items"]:
            if any(one["name"] == f"system:serviceaccounts:{self.prod.name}" for one in binding["subjects"]):
                reply = self.dev.api.delete(f"{self.bindings()}/{binding['metadata']['name']}")
                self.assertEqual(reply.status, 200, str(reply))
        self.blocked("pods-may-not-pull", f"system:serviceaccounts:{self.prod.name}", flags=("--via", "import"))
        self.prod.runs({"web": old})

    def bindings(self):
        return f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.dev.name}/rolebindings"

    def test_a_project_that_is_missing(self):
        self.fresh(self.dev)
        missing = f"{self.prod.name}-gone"
        self.write(target={"project": missing})
        outcome = self.plan(code=3)
        hidden = self.findings(outcome, "project-hidden") + self.findings(outcome, "project-missing")
        self.assertEqual(len(hidden), 1, outcome)
        self.assertIn(f"oc new-project {missing}", hidden[0]["fix"], outcome)
        refused = self.sluice.run("promote", "--to", "prod", "--yes")
        self.assertEqual(refused.code, 3, refused)
        self.assertEqual(self.prod.api.get(f"/api/v1/namespaces/{missing}").status, 404)

    def test_a_token_that_nobody_knows(self):
        self.running()
        check = self.untouched()
        self.write_token(self.sluice, "box", "not-a-token-of-this-cluster")
        for command in (("plan", "--to", "prod"), ("promote", "--to", "prod", "--yes"), ("status",)):
            outcome = self.sluice.run(*command)
            self.assertEqual(outcome.code, 6, outcome)
            # status shows each target as unknown, with the cause.
            self.assertIn(f"write a new token into {self.sluice.home}/box.token", outcome.out + outcome.err, outcome)
            check(outcome)


class Rights4(Rights):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
