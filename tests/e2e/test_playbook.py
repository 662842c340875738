"""The playbook is true: its commands run in its order, as the service account that it makes, with the Roles of
deploy/openshift; and those Roles are enough and no more than needed."""

import json
import pathlib
import re
import shlex
import unittest

from sluicekit.roles import role, service_account, view_source
from sluicekit.sandbox import Sandbox
from sluicekit.sandbox_case import configs
from sluicekit.shop import ShopCase
from sluicekit.sluice import binary

binary()

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLAYBOOK = (ROOT / "docs" / "playbook.md").read_text()
PASSWORD = "correct horse"
TIERS = ("watch", "promote", "fix")


def section(title):
    return re.search(rf"^## {re.escape(title)}.*?\n(.*?)(?=^## |\Z)", PLAYBOOK, re.M | re.S).group(1)


def sections(*titles):
    return "".join(map(section, titles))


def blocks(text):
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)


def sluice_lines(text):
    return [line for _, body in blocks(text) for line in body.splitlines() if line.startswith("sluice ")]


class PlaybookCase(ShopCase):
    profile = "3.11"

    @classmethod
    def setUpClass(cls):
        cls.a = cls.enterClassContext(Sandbox(profile=cls.profile))
        cls.b = cls.enterClassContext(Sandbox(profile=cls.profile))
        for box in (cls.a, cls.b):
            box.scenario({"users": [{"name": "ann", "password": PASSWORD}]})

    def service_account(self, box, project, tiers, source=None):
        return service_account(self, box, project, tiers, source)

    def view_source(self, box, source, project):
        view_source(self, box, source, project)

    def integration_host(self, tokens):
        """A home with what the fourth step leaves in /etc/sluice: the CA and token of each cluster."""
        home = self.home()
        for name, box in (("a", self.a), ("b", self.b)):
            home.write(f"etc/{name}-ca.crt", pathlib.Path(box.ca).read_text(encoding="ascii"))
            token = tokens.get(name, "none")
            home.write(f"etc/{name}-token", token)
            if name in tokens:
                self.secrets.add(token)
        self.secrets.add(PASSWORD)
        self.files(home, section("4. Credentials and CA"))
        return home

    def here(self, home, text):
        """A text of the playbook with the addresses of this machine."""
        for name, box in (("a", self.a), ("b", self.b)):
            text = re.sub(rf"https://api\.{name}\.example\.com:\d+", box.ready["api"], text)
        return text.replace("/etc/sluice/clusters.yaml", ".config/sluice/clusters.yaml").replace(
            "/etc/sluice", f"{home.home}/etc")

    def files(self, home, text):
        """Writes the YAML blocks to the files that their first lines name."""
        for language, body in blocks(text):
            if language == "yaml":
                name = self.here(home, body.splitlines()[0].removeprefix("# "))
                home.write(name, self.here(home, body))

    def commands(self, home, text):
        """Runs the sluice lines of one section, one after the other, as they are asked for."""
        for line in sluice_lines(text):
            words = shlex.split(self.here(home, line))[1:]
            # A person types the password; here it is piped in.
            stdin = PASSWORD if words[0] == "login" else ""
            yield line, home.run(*words, *(["--password-stdin"] if stdin else []), stdin=stdin)

    def ran(self, outcomes, expected):
        """Each line ended with the code that is expected of it; shows the first that did not."""
        seen = [line for line, _ in outcomes]
        self.assertEqual(seen, [line for line, _ in expected], "the playbook has other commands now")
        for (line, outcome), (_, code) in zip(outcomes, expected):
            self.assertEqual(outcome.code, code, f"{line}\n{outcome}")


class Steps(PlaybookCase):
    """On a 3.11."""

    def test_case_1_from_login_to_rollback(self):
        dev, prod = self.project(self.a, "shop-dev"), self.project(self.a, "shop-prod")
        first = dev.image()
        dev.workload()
        self.untriggered(prod)
        who = self.service_account(self.a, "shop-prod", TIERS, source="shop-dev")
        home = self.integration_host({"a": self.a.token(who)})

        said = list(self.commands(home, section("4. Credentials and CA")))
        self.ran(said, [("sluice login https://api.a.example.com:8443 -u ann --ca /etc/sluice/a-ca.crt", 0)])
        self.assertIn(f"its registry is {self.a.registry_host}", said[0][1].err + said[0][1].out)
        self.secrets.add(re.search(r"token: (\S+)", (home.home / ".kube/config").read_text()).group(1))

        fifth = section("5. The pipeline and the triggers")
        said = list(self.commands(home, fifth))
        self.ran(said, [("sluice init --cluster a --from shop-dev --to shop-prod", 0),
                        ("sluice doctor --to prod", 3)])
        self.assertIn("trigger-missing", said[1][1].out, said[1][1])
        self.assertEqual(prod.tag(), None, "nobody but promote writes")
        written = self.home_lines(home)
        self.files(home, fifth)
        self.assertEqual(written, self.home_lines(home), "init writes what the playbook shows")

        walk = self.commands(home, section("Case 1: one cluster"))
        self.expect(next(walk), "sluice plan --to prod", 3)
        self.expect(next(walk), "sluice promote --to prod --fix-triggers --yes", 0)
        prod.stands({"web": first})
        prod.runs({"web": first}, replicas=2)
        config = self.a.api().get(configs("shop-prod", "web")).json
        self.assertIn("ImageChange", [one["type"] for one in config["spec"]["triggers"]], config["spec"])
        self.expect(next(walk), "sluice status", 0)
        second = dev.image(**{"layer-bytes": 2000})
        self.a.settle()
        self.expect(next(walk), "sluice promote --to prod --yes", 0)
        prod.runs({"web": second}, replicas=2)
        self.assertNotEqual(first, second)
        self.expect(next(walk), "sluice rollback --to prod --yes", 0)
        prod.stands({"web": first})
        prod.runs({"web": first}, replicas=2)
        self.assertTrue(self.status(home)["hold"], "a rollback holds the environment")
        self.expect(next(walk), "sluice unhold prod", 0)
        self.assertIsNone(self.status(home)["hold"])
        self.assertIsNone(next(walk, None), "the playbook has more commands than this test expects")
        self.assertEqual(prod.paused(), [])
        prod.nobody_works()

    def test_case_2_between_two_clusters(self):
        dev, prod = self.project(self.a, "shop"), self.project(self.b, "shop")
        image = dev.image()
        prod.workload(replicas=2)
        source = self.service_account(self.a, "shop", ())
        self.view_source(self.a, "shop", "shop")
        target = self.service_account(self.b, "shop", ("watch", "promote"))
        home = self.integration_host({"a": self.a.token(source), "b": self.b.token(target)})
        text = section("Case 2: two clusters")
        self.files(home, text)
        said = list(self.commands(home, text))
        self.ran(said, [("sluice doctor --to prod", 0), ("sluice promote --to prod --yes -o json", 0),
                        ("sluice status", 0)])
        outcome = said[1][1]
        self.ends(outcome, 0, "succeeded")
        self.assertEqual(outcome.json["targets"][0]["images"][0]["road"], "stream", outcome)
        prod.stands({"web": image})
        prod.runs({"web": image}, replicas=2)
        prod.pulled(image)
        prod.nobody_works()

    def expect(self, step, line, code):
        self.assertEqual(step[0], line, "the playbook has other commands now")
        self.assertEqual(step[1].code, code, f"{line}\n{step[1]}")

    def untriggered(self, prod):
        self.a.scenario({"workloads": [{"kind": "DeploymentConfig", "project": prod.name, "name": "web",
                                        "image": "web:latest", "replicas": 2, "trigger": "missing"}]})
        self.a.settle()

    @staticmethod
    def home_lines(home):
        """sluice.yaml without comments and empty lines, blanks made equal."""
        text = "\n".join(line for line in (home.home / "sluice.yaml").read_text().splitlines()
                         if line.strip() and not line.lstrip().startswith("#"))
        return re.sub(r" +", " ", text)


class StepsOn4(Steps):
    profile = "4.x"


class Tiers(PlaybookCase):
    """What each Role of deploy/openshift is enough for, and what it is not."""

    def shop(self, tiers, trigger="automatic"):
        """Projects of this row's own; gives (home, dev, prod, digest before, digest after)."""
        number = len(self._homes)
        names = [f"r{self.number}-{number}-{step}" for step in ("dev", "prod")]
        dev, prod = (self.project(self.a, name) for name in names)
        after, before = dev.image(), prod.image(**{"layer-bytes": 700})
        self.a.scenario({"workloads": [{"kind": "DeploymentConfig", "project": prod.name, "name": "web",
                                        "image": "web:latest", "trigger": trigger}]})
        self.a.settle()
        who = self.service_account(self.a, prod.name, tiers, source=dev.name)
        home = self.integration_host({"a": self.a.token(who)})
        self.pipeline(home, ("dev", [("a", dev.name)]), ("prod", [("a", prod.name)]))
        return home, dev, prod, before, after

    def test_each_tier_is_enough_for_what_it_is_for(self):
        for name, tiers, trigger, flags in (
                ("watch and promote, where triggers are right", ("watch", "promote"), "automatic", ()),
                ("all three", TIERS, "automatic", ()),
                ("all three, a trigger is written", TIERS, "missing", ("--fix-triggers",)),
                ("all three, automatic: false is mended", TIERS, "manual", ("--fix-triggers",))):
            with self.subTest(name):
                home, _, prod, _, after = self.shop(tiers, trigger)
                self.promote(home, *flags)
                prod.stands({"web": after})
                prod.runs({"web": after})
                prod.nobody_works()
                self.assertTrue(prod.state(), "the promotion is noted on the stream")

    def test_watch_alone_sees_everything_and_changes_nothing(self):
        home, _, prod, before, _ = self.shop(("watch",))
        stream = prod.stream()
        for words, code in ((("status",), 0), (("plan", "--to", "prod"), 3), (("doctor", "--to", "prod"), 3),
                            (("promote", "--to", "prod", "--yes"), 3)):
            with self.subTest(" ".join(words)):
                outcome = home.run(*words, "-o", "json")
                self.ends(outcome, code)
                if words[0] == "plan":
                    blockers = {one for severity, one in self.codes(outcome) if severity == "blocker"}
                    # Tags may be neither set nor pushed; the road that is left at the end is told.
                    self.assertEqual(blockers, {"may-not-push"}, outcome)
        self.assertEqual(prod.stream(), stream, "nothing was written")
        prod.runs({"web": before})

    def test_without_the_fix_tier_no_trigger_is_written(self):
        home, _, prod, before, _ = self.shop(("watch", "promote"), "missing")
        outcome = home.run("promote", "--to", "prod", "--fix-triggers", "--yes", "-o", "json")
        self.assertIn(outcome.code, (3, 6), outcome)
        prod.stands({"web": before})
        config = self.a.api().get(configs(prod.name, "web")).json
        self.assertNotIn("ImageChange", [one["type"] for one in config["spec"].get("triggers") or []])

    def test_the_roles_hold_nothing_of_secrets_and_no_wildcard(self):
        for tier in TIERS:
            with self.subTest(tier):
                for rule in role(tier)["rules"]:
                    self.assertNotIn("secrets", rule["resources"], rule)
                    self.assertNotIn("*", rule["verbs"] + rule["resources"] + rule["apiGroups"], rule)


class Text(unittest.TestCase):
    def test_every_sluice_line_of_the_playbook_is_run(self):
        """The sections that the tests above walk through are all that have commands."""
        walked = sections("4. Credentials and CA", "5. The pipeline and the triggers", "Case 1: one cluster",
                          "Case 2: two clusters")
        self.assertEqual(sluice_lines(walked), sluice_lines(PLAYBOOK))
        self.assertTrue(sluice_lines(walked))

    def test_the_tests_that_openshift_md_names_are_there(self):
        """It says what was verified by which test; a name with a * has to match something."""
        page = (ROOT / "docs" / "openshift.md").read_text()
        names = set(re.findall(r"`(test_[\w*]+\.py)`", page))
        self.assertGreater(len(names), 4, names)
        for name in names:
            self.assertTrue(list((ROOT / "tests" / "e2e").glob(name)), f"docs/openshift.md names {name}")
        recordings = len(list((ROOT / "tests" / "data" / "openshift-wire").glob("*.json")))
        self.assertIn(f"{recordings} scenarios", page)

    def test_it_says_what_was_not_run(self):
        self.assertIn("`oc` could not be run", PLAYBOOK.rstrip().splitlines()[-1])


if __name__ == "__main__":
    unittest.main()
