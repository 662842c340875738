"""The README is true: its commands run, in its order, against a sandbox and real registries, and its links lead
somewhere."""

import pathlib
import re
import shlex
import subprocess
import unittest

from sluicekit import PASSWORD, USER, Registry, random_image
from sluicekit.case import E2eCase
from sluicekit.sandbox import Sandbox
from sluicekit.shop import Project

ROOT = pathlib.Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
HOST = "registry.example.com"
OTHER = "other.example.com"
API = "https://api.example.com:6443"


def section(title):
    return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README, re.M | re.S).group(1)


def blocks(text):
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.M | re.S)


def commands(text):
    """The sluice command lines of all blocks, comments cut off."""
    for _, body in blocks(text):
        for line in body.splitlines():
            if line.startswith("sluice "):
                yield shlex.split(line, comments=True)[1:]


class Readme(E2eCase):
    shared_registries = ()

    def test_the_sandbox_starts_as_it_stands_there_and_tells_how_to_use_it(self):
        words = next(commands(section("An OpenShift to learn on")))
        home = self.home()
        child = home.start(*words)
        seen = []
        for line in child.popen.stdout:
            seen.append(line)
            if "Ctrl-C" in line:
                break
        outcome = home.interrupt(child)
        self.assertEqual(outcome.code, 0, outcome)
        text = "".join(seen)
        settings = re.search(r"^  \. (\S+/env)$", text, re.MULTILINE).group(1)
        self.assertRegex(text, r"sluice login 127\.0\.0\.1:\d+ -u developer --password-stdin")
        self.assertFalse(pathlib.Path(settings).exists(), "the folder of its own is gone with it")

    def test_a_first_promotion_runs_as_it_stands_there(self):
        text = section("A first promotion of your own")
        password = "correct horse"
        self.secrets.add(password)
        with Sandbox(scenario={
                "users": [{"name": "ann", "password": password}],
                "projects": [{"name": "shop-dev", "admin": "ann"}, {"name": "shop-prod", "admin": "ann"}],
                "workloads": [{"kind": "DeploymentConfig", "project": "shop-prod", "name": "web",
                               "image": "web:latest", "replicas": 2}]}) as box:
            dev, prod = (Project(self, box, name) for name in ("shop-dev", "shop-prod"))
            first = dev.image()
            home = self.home()
            home.write("sluice.yaml", next(body for language, body in blocks(text) if language == "yaml"))
            seen = []
            for words in commands(text):
                words, stdin = [word.replace(API, box.ready["api"]) for word in words], ""
                if words[0] == "login":  # a person types it; here it is piped in
                    words, stdin = [*words, "--password-stdin", "--ca", box.ca], password
                if words[0] in ("promote", "rollback"):
                    words.append("--yes")
                if words[0] == "rollback":
                    # There has to be a release before: the README's promotion was the first.
                    second = dev.image(**{"layer-bytes": 2000})
                    self.ok(home.run("promote", "--to", "prod", "--yes"))
                    prod.runs({"web": second}, replicas=2)
                self.ok(home.run(*words, stdin=stdin))
                seen.append(words[0])
                if words[0] == "promote":
                    prod.runs({"web": first}, replicas=2)
            self.assertEqual(seen, ["login", "plan", "promote", "status", "rollback"])
            prod.stands({"web": first})
            prod.runs({"web": first}, replicas=2)

    def test_a_promotion_between_plain_registries_runs_as_it_stands_there(self):
        text = section("Without OpenShift")
        pipeline = next(body for language, body in blocks(text) if language == "yaml")
        with Registry(auth="basic") as here, Registry() as there:
            client = here.client(USER, PASSWORD)
            home = self.home()
            home.write("sluice.yaml", pipeline.replace(HOST, here.host))
            seen = []
            for number, name in enumerate(("web", "api")):
                client.push(f"shop-dev/{name}", "latest", random_image(seed=10 + number))
            for words in commands(text):
                words = [word.replace(HOST, here.host).replace(OTHER, there.host) for word in words]
                stdin = ""
                if words[0] == "login":  # a person types it; here it is piped in
                    words, stdin = [*words, "--password-stdin"], PASSWORD
                if words[0] in ("promote", "rollback"):
                    words.append("--yes")
                if words[0] == "rollback":
                    # There has to be a release before: the README's promotion was the first.
                    client.push("shop-dev/web", "latest", random_image(seed=20))
                    self.ok(home.run("promote", "--to", "prod", "--yes"))
                self.ok(home.run(*words, stdin=stdin))
                seen.append(words[0])
            self.assertEqual(seen, ["login", "plan", "promote", "status", "rollback", "copy"])
            self.assertEqual(client.digest("shop-prod/web", "latest"), random_image(seed=10).digest,
                             "rollback brings the first release back")
            self.assertEqual(there.client().digest("shop/web", "latest"), client.digest("shop-dev/web", "latest"),
                             "copy brings what the tag stands for now")

    def test_the_two_commands_exist(self):
        said = subprocess.run([ROOT / "run", "help"], capture_output=True, text=True, check=True, timeout=60).stdout
        named = re.findall(r"^\./run (\w+)", section("Two commands"), re.M)
        self.assertEqual(named, ["demo", "test"])
        for name in named:
            self.assertRegex(said, rf"(?m)^  {name}\b")

    def test_contributing_names_commands_that_exist(self):
        said = subprocess.run([ROOT / "run", "help"], capture_output=True, text=True, check=True, timeout=60).stdout
        for name in re.findall(r"^\./run (\w+)", (ROOT / "CONTRIBUTING.md").read_text(), re.M):
            self.assertRegex(said, rf"(?m)^  {name}\b", name)

    def test_the_page_about_registries_names_tests_that_exist(self):
        """Its "how we know" is worth what stands behind it."""
        page = (ROOT / "docs" / "registries.md").read_text()
        tests = ROOT / "tests"
        there = {f"{suite}.{name}" for path in tests.rglob("*_test.cpp")
                 for suite, name in re.findall(r"^TEST(?:_F|_P)?\((\w+), (\w+)\)", path.read_text(), re.M)}
        there |= {name for path in (tests / "e2e").glob("test_*.py")
                  for name in re.findall(r"    def (test_\w+)\(self\)", path.read_text())}
        named = set(re.findall(r"`([A-Z]\w+\.[A-Z]\w+|test_\w+)`", page))
        self.assertGreater(len(named), 30)
        self.assertEqual(sorted(named - there), [])

    def test_links_lead_somewhere(self):
        for page in [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]:
            for link in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
                if "://" not in link:
                    self.assertTrue((page.parent / link).exists(), f"{page.name} links to {link}, which is not there")

if __name__ == "__main__":
    unittest.main(verbosity=2)
