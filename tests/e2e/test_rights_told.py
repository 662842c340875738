"""What a missing right is told as, in each verb and on both sides: the finding, with the command that gives the right;
all of them at once, and all the rest is shown."""

import pathlib
import re
import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.roles import service_account, view_source
from sluicekit.sandbox_case import core
from sluicekit.sluice import binary
from sluicekit.spoilt_triggers import SpoiltTriggers

binary()

TIERS = ("watch", "promote", "fix")


class RightsCase(OneCluster):
    def as_account(self, tiers=(), source=None):
        """The service account of the playbook with some tiers of deploy/openshift in prod; gives its name."""
        who = service_account(self, self.box, self.prod.name, tiers)
        if source == "registry-viewer":
            view_source(self, self.box, self.dev.name, self.prod.name)
        elif source:
            self.right(f"serviceaccount:{self.prod.name}/sluice", source, self.dev)
        self.box.settle()
        self.write_clusters(self.sluice, {"box": (self.box, who)})
        return who

    def doctor(self, code):
        outcome = self.sluice.run("doctor", "-o", "json")
        self.assertEqual(outcome.code, code, outcome)
        return outcome, outcome.json["environments"][0]["findings"]

    def blockers(self, outcome, findings):
        """Code to fix; each once, none with a placeholder."""
        found = [one for one in findings if one["severity"] == "blocker"]
        for one in found:
            self.assertIsNone(re.search(r"\b(USER|CLUSTER|NAME)\b", one["fix"] or ""), outcome)
        return {one["code"]: one["fix"] for one in found}


class Tiers(RightsCase):
    """Every set of rights that deploy/openshift and the built-in roles make, through init, doctor, plan and status."""

    def test_every_tier_inits_by_name(self):
        for tiers in (("watch",), ("watch", "promote"), TIERS):
            with self.subTest(self.begin(str(tiers))):
                self.running()
                self.as_account(tiers, "registry-viewer")
                outcome = self.sluice.run("init", "--force", "--cluster", "box", "--from", self.dev.name, "--to",
                                          self.prod.name)
                self.assertEqual(outcome.code, 0, outcome)
                self.assertIn(self.prod.name, (self.sluice.home / "sluice.yaml").read_text())

    def test_a_project_that_no_list_shows_is_inited_by_its_name(self):
        self.running()
        self.as_account(("watch",), "registry-viewer")
        role = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{self.prod.name}/roles/sluice-watch"
        rules = self.prod.get(role)["rules"]
        kept = [rule for rule in rules if rule["resources"] != ["namespaces"]]
        self.assertEqual(len(kept), len(rules) - 1, "the watch tier has the right that 3.11 lists projects by")
        reply = self.prod.api.patch(role, {"rules": kept})
        self.assertEqual(reply.status, 200, str(reply))
        listed = self.box.api(f"system:serviceaccount:{self.prod.name}:sluice").get(
            "/apis/project.openshift.io/v1/projects").json["items"]
        self.assertEqual([one["metadata"]["name"] for one in listed], [self.dev.name])
        outcome = self.sluice.run("init", "--force", "--cluster", "box", "--from", self.dev.name, "--to",
                                  self.prod.name)
        self.assertEqual(outcome.code, 0, outcome)

    def test_the_watch_tier_alone_plans_and_names_every_right_that_is_missing(self):
        self.running()
        who = self.as_account(("watch",), "registry-viewer")
        outcome, findings = self.doctor(3)
        self.assertIn("may-not-push", self.blockers(outcome, findings), outcome)
        self.assertIn(who, self.blockers(outcome, findings)["may-not-push"], outcome)
        self.assertEqual(self.sluice.run("status").code, 0)

    def test_watch_and_promote_are_enough(self):
        _, new = self.running()
        self.as_account(("watch", "promote"), "registry-viewer")
        self.assertEqual(self.blockers(*self.doctor(0)), {})
        self.all_well(new, self.promote(self.sluice))


class Source(RightsCase):
    """A source that may not be read."""

    def test_it_is_a_finding_with_its_command_in_every_verb(self):
        for given in ("system:image-puller", None):
            with self.subTest(self.begin(str(given))):
                self.running()
                who = self.as_account(TIERS, given)
                check = self.untouched()
                command = f"oc policy add-role-to-user registry-viewer {who} -n {self.dev.name}"
                outcome, findings = self.doctor(3)
                fixes = self.blockers(outcome, findings)
                self.assertTrue(set(fixes) <= {"may-not-read-source", "project-hidden"}, outcome)
                self.assertTrue(next(iter(fixes.values())).startswith(command), outcome)
                for verb in (("plan", "--to", "prod"), ("promote", "--to", "prod", "--yes")):
                    done = self.sluice.run(*verb)
                    self.assertEqual(done.code, 3, done)
                    self.assertIn(f"fix: {command}", done.err, done)
                    self.assertNotIn("not-allowed", done.err, done)
                as_json = self.sluice.run("plan", "--to", "prod", "-o", "json")
                self.assertEqual([one["code"] for one in as_json.json["findings"] if one["severity"] == "blocker"],
                                 list(fixes), as_json)
                check(done)

    def test_status_shows_the_target_all_the_same(self):
        old, _ = self.running()
        who = self.as_account(TIERS)
        outcome = self.sluice.run("status")
        self.assertEqual(outcome.code, 6, outcome)
        self.assertIn(f"oc policy add-role-to-user registry-viewer {who} -n {self.dev.name}", outcome.out, outcome)
        self.assertIn(old.split(":")[1][:12], outcome.out, outcome)
        self.assertIn("1 of 1 pods ready", outcome.out, outcome)

    def test_the_printed_command_mends_it(self):
        _, new = self.running()
        who = self.as_account(TIERS)
        _, findings = self.doctor(3)
        fix = next(one["fix"] for one in findings if one["severity"] == "blocker")
        words = fix.split("#")[0].split()
        self.assertEqual(words[:3], ["oc", "policy", "add-role-to-user"], fix)
        self.assertEqual(words[4:], [who, "-n", self.dev.name], fix)
        self.right(f"serviceaccount:{self.prod.name}/sluice", words[3], self.dev)
        self.box.settle()
        self.all_well(new, self.promote(self.sluice))

    def test_a_misspelt_source_names_the_project_that_is_meant(self):
        self.running()
        self.as_account(TIERS, "registry-viewer")
        text = (self.sluice.home / "sluice.yaml").read_text()
        wrong = self.dev.name[:-3] + "dve"
        self.sluice.write("sluice.yaml", text.replace(f'"{self.dev.name}"', f'"{wrong}"'))
        outcome, findings = self.doctor(3)
        found = [one for one in findings if one["severity"] == "blocker"]
        self.assertEqual([one["code"] for one in found], ["project-hidden"], outcome)
        self.assertIn(f"did you mean '{self.dev.name}'?", found[0]["sentence"], outcome)

    def test_init_names_the_missing_rights_of_both_sides_at_once(self):
        self.running()
        who = self.as_account(())
        self.right(f"serviceaccount:{self.prod.name}/sluice", "basic-user", self.dev)
        outcome = self.sluice.run("init", "--force", "--cluster", "box", "--from", self.dev.name, "--to",
                                  self.prod.name)
        self.assertIn(outcome.code, (2, 6), outcome)
        for role, project in (("registry-viewer", self.dev.name), ("view", self.prod.name)):
            self.assertIn(f"fix: oc policy add-role-to-user {role} {who} -n {project}", outcome.err, outcome)


    def test_init_offers_the_role_of_its_side_for_a_project_that_is_hidden(self):
        for tiers, given, role, hidden in ((("watch",), None, "registry-viewer", "dev"),
                                           ((), "registry-viewer", "view", "prod")):
            with self.subTest(self.begin(hidden)):
                self.running()
                who = self.as_account(tiers, given)
                project = getattr(self, hidden).name
                outcome = self.sluice.run("init", "--force", "--cluster", "box", "--from", self.dev.name, "--to",
                                          self.prod.name)
                self.assertIn(outcome.code, (2, 6), outcome)
                self.assertIn(f"fix: oc policy add-role-to-user {role} {who} -n {project}", outcome.err, outcome)


class Target(RightsCase):
    def test_a_hidden_project_is_one_blocker(self):
        self.running()
        who = self.as_account((), "registry-viewer")
        outcome, findings = self.doctor(3)
        told = [one for one in findings if one["severity"] != "info"]
        self.assertEqual([one["code"] for one in told], ["project-hidden"], outcome)
        self.assertIn(f"{who} -n {self.prod.name}", told[0]["fix"], outcome)

    def test_both_sides_at_once(self):
        self.running()
        self.as_account(())
        outcome, findings = self.doctor(3)
        # The accounts of prod may pull from dev, so that dev is known to be there.
        told = {one["subject"]: one["code"] for one in findings if one["severity"] == "blocker"}
        self.assertEqual(told, {self.dev.name: "may-not-read-source", self.prod.name: "project-hidden"}, outcome)

    def test_workloads_that_may_not_be_listed_are_one_finding_with_the_user(self):
        self.running()
        self.right("user:bob", "registry-viewer", self.dev)
        self.right("user:bob", "registry-editor", self.prod)
        self.write_clusters(self.sluice, {"box": (self.box, "bob")})
        self.write(environment={"verify": {"rollout": "none"}})
        outcome, findings = self.doctor(0)
        unread = [one for one in findings if one["code"] == "workloads-unread"]
        self.assertEqual(len(unread), 1, outcome)
        self.assertIn("view bob -n", unread[0]["fix"], outcome)

    def test_the_name_of_the_registry_is_taken_from_the_stream_of_the_source(self):
        self.fresh(self.dev)
        self.right("user:bob", "registry-viewer", self.dev)
        self.right("user:bob", "view", self.prod)
        self.write_clusters(self.sluice, {"box": (self.box, "bob")})
        outcome, findings = self.doctor(3)
        self.assertNotIn("registry-absent", [one["code"] for one in findings], outcome)


class FixTriggers(SpoiltTriggers, RightsCase):
    def test_fix_triggers_without_the_right_to_is_a_blocker_before_anything_is_tried(self):
        for kind in ("DeploymentConfig", "Deployment"):
            with self.subTest(self.begin(kind)):
                self.spoilt(kind, "missing")
                who = self.as_account(("watch", "promote"), "registry-viewer")
                before = self.workload(kind)
                check = self.untouched()
                outcome = self.sluice.run("promote", "--to", "prod", "--fix-triggers", "--yes")
                self.assertEqual(outcome.code, 3, outcome)
                self.assertIn("blocker may-not-change-workloads", outcome.err, outcome)
                self.assertIn(f"oc policy add-role-to-user edit {who} -n {self.prod.name}", outcome.err, outcome)
                self.assertEqual(self.workload(kind)["metadata"]["resourceVersion"],
                                 before["metadata"]["resourceVersion"], outcome)
                check(outcome)


class Tokens(RightsCase):
    """A token that has ended is renewed where it stands."""

    def revoked(self, who):
        project, name = who.split(":")[2:]
        for secret in self.prod.get(core(project, "secrets"))["items"]:
            note = secret["metadata"].get("annotations", {}).get("kubernetes.io/service-account.name")
            if note == name and secret["type"] == "kubernetes.io/service-account-token":
                self.assertEqual(self.prod.api.delete(core(project, "secrets", secret["metadata"]["name"])).status, 200)

    def test_a_token_file_names_the_file_and_no_login(self):
        self.running()
        self.write_token(self.sluice, "box", "not-a-token-of-this-cluster")
        file = f"{self.sluice.home}/box.token"
        outcome, findings = self.doctor(3)
        ended = [one for one in findings if one["code"] == "token-expired"]
        self.assertTrue(ended, outcome)
        self.assertEqual(ended[0]["fix"], f"write a new token into {file}", outcome)
        for verb in (("plan", "--to", "prod"), ("status",), ("promote", "--to", "prod", "--yes")):
            done = self.sluice.run(*verb)
            self.assertEqual(done.code, 6, done)
            self.assertIn(f"write a new token into {file}", done.out + done.err, done)
            self.assertNotIn("CLUSTER", done.out + done.err, done)

    def test_a_variable_and_a_program_are_named(self):
        self.running()
        for reference, words, more in (
                ("env:MY_TOKEN", "set the variable MY_TOKEN to a new token", {"MY_TOKEN": "gone"}),
                ("exec:/bin/echo gone", "run it by hand, and look why it gives a token that has ended: /bin/echo", {})):
            with self.subTest(reference):
                self.write_clusters(self.sluice, {"box": (self.box, "ann")}, box={"token": reference})
                outcome = self.sluice.run("status", environment=more)
                self.assertEqual(outcome.code, 6, outcome)
                self.assertIn(words, outcome.out, outcome)

    def test_a_kubeconfig_entry_is_logged_in_to_again(self):
        self.running()
        file = self.sluice.home / ".kube" / "config"
        login = self.sluice.run("login", self.box.ready["api"], "-u", "ann", "--password-stdin", "--ca", self.box.ca,
                                stdin="ann's")
        self.assertEqual(login.code, 0, login)
        text = file.read_text()
        token = re.search(r"token: (\S+)", text).group(1)
        self.secrets.add(token)
        file.write_text(text.replace(token, "gone"))
        (self.sluice.home / ".config" / "sluice" / "clusters.yaml").unlink()
        context = re.search(r"current-context: (\S+)", text).group(1)
        pipeline = (self.sluice.home / "sluice.yaml").read_text()
        self.sluice.write("sluice.yaml", pipeline.replace('"box"', f'"{context}"'))
        outcome = self.sluice.run("status")
        self.assertEqual(outcome.code, 6, outcome)
        self.assertRegex(outcome.out, r"log in again with: sluice login \S+ -u ann\b")
        self.assertIn(str(pathlib.Path(".kube/config")), outcome.out, outcome)

    def test_the_token_of_a_service_account_has_the_command_of_the_servers_oc(self):
        self.running()
        who = self.as_account(TIERS, "registry-viewer")
        api = self.prod.api
        secrets = [one for one in self.prod.get(core(self.prod.name, "secrets"))["items"]
                   if one["metadata"].get("annotations", {}).get("kubernetes.io/service-account.name") == "sluice"]
        self.assertTrue(secrets, "the account has a token secret")
        file = f"{self.sluice.home}/box.token"
        self.write_token(self.sluice, "box", "h." + "eyJzdWIiOiJzeXN0ZW06c2VydmljZWFjY291bnQ6eDp5In0" + ".s")
        self.assertIsNotNone(api)
        outcome = self.sluice.run("status")
        self.assertEqual(outcome.code, 6, outcome)
        command = "oc sa get-token" if self.profile == "3.11" else "oc create token"
        self.assertIn(f"{command} y -n x > {file}", outcome.out, outcome)
        self.assertTrue(who)


class Tiers4(Tiers):
    profile = "4.x"

    def test_a_project_that_no_list_shows_is_inited_by_its_name(self):
        super().test_a_project_that_no_list_shows_is_inited_by_its_name()


class Source4(Source):
    profile = "4.x"


class Tokens4(Tokens):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
