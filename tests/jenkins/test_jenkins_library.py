"""The steps of the library, the words of the shim, and what the engine of the tests finds."""

import pathlib
import re
import unittest

from controller import LIBRARY, Controller
from jenkins_case import JenkinsCase
from sluicekit.registry import Registry

TOKENS = "clusters: 'clusters.yaml', credentials: [SLUICE_TOKEN_A: 'sluice-token-a']"


class Library(JenkinsCase):
    def test_a_misspelt_argument_is_an_error_and_not_ignored(self):
        self.single()
        job = self.jenkinsfile("@Library('sluice') _\nsluicePromote(to: 'prod', aprove: false)\n")
        build = self.ended(self.build(job), "FAILURE")
        self.assertIn("there is no argument aprove", build.events[-1]["cause"])

    def test_a_value_of_a_parameter_is_no_shell_and_no_option(self):
        self.single()
        for value in ("$(touch pwned)", "'; touch pwned; '", "--yes"):
            with self.subTest(value):
                job = self.jenkinsfile(f"@Library('sluice') _\nsluicePlan(to: 'prod', release: params.RELEASE, {TOKENS})\n")
                self.ended(self.build(job, params={"RELEASE": value}), "FAILURE")
                self.assertEqual(list(self.agents.rglob("pwned")), [])

    def test_without_approval_it_promotes_at_once(self):
        self.single()
        job = self.jenkinsfile(f"@Library('sluice') _\nsluicePromote(to: 'prod', approve: false, wait: true, {TOKENS})\n")
        self.ended(self.build(job), "SUCCESS", "promote to prod: done")
        self.is_at(self.after)

    def test_job_variables_and_a_secret_clusters_file_will_do(self):
        self.single()
        clusters = self.repository.home / "clusters.yaml"
        self.credentials["clusters"] = clusters.read_text().replace("file:", f"file:{self.repository.home}/")
        clusters.unlink()
        job = self.jenkinsfile("@Library('sluice') _\nsluicePlan(to: 'prod', files: [SLUICE_CLUSTERS: 'clusters'], "
                               "credentials: [SLUICE_TOKEN_A: 'sluice-token-a'])\n")
        (self.repository.home / "sluice.yaml").rename(self.repository.home / "shop.yaml")
        self.ended(self.build(job, environment={"SLUICE_PIPELINE": "shop.yaml"}), "SUCCESS", "plan to prod: done")

    def test_a_credential_that_is_missing_stops_before_anything_is_written(self):
        self.single()
        del self.credentials["sluice-token-a"]
        build = self.ended(self.build(), "FAILURE")
        self.assertIn("Could not find credentials", build.events[-1]["cause"])
        self.is_at(self.before)

    def test_a_token_that_is_not_allowed_is_a_failure_that_says_so(self):
        self.single()
        self.credentials["sluice-token-a"] = "not-a-token-of-anybody"
        self.ended(self.build(), "FAILURE", "plan to prod: not allowed")

    def test_two_targets_of_which_one_was_switched_are_partial(self):
        self.single()
        other = self.project(self.a, f"{self.dev.name}-eu")
        other.image(**{"layer-bytes": 700})
        other.workload()
        self.credentials["sluice-token-a"] = self.a.token("ann")
        self.pipeline(self.repository, ("dev", [("a", self.dev.name)]),
                      ("prod", [("a", self.prod.name), ("a", other.name)]))
        other.outcome("fail")
        build = self.build()
        build.asked()
        self.ended(build.approve(), "FAILURE", "promote to prod: partial")


class Registries(JenkinsCase):
    """Between two plain registries, each with a password."""

    @classmethod
    def setUpClass(cls):
        cls.controller = cls.enterClassContext(Controller())
        cls.plain = {name: cls.enterClassContext(Registry(auth="basic")) for name in "ab"}

    def holds(self):
        return self.plain["b"].client().digest(f"{self.repository_name}/web", "latest")

    def promotes_and_goes_back(self):
        self.repository_name = self.registries()
        before, after = (image.digest for image in self.images)
        build = self.build()
        self.assertIn(after.split(":")[1][:12], build.asked()["message"])
        self.assertEqual(self.holds(), before)
        self.ended(build.approve(), "SUCCESS", "promote to prod: done")
        self.assertEqual(self.holds(), after)
        self.ended(self.build(params={"ACTION": "rollback"}), "SUCCESS", "rollback to prod: done")
        self.assertEqual(self.holds(), before)

    def test_it_promotes_and_goes_back_on_the_engine_of_jenkins(self):
        self.promotes_and_goes_back()

    def test_it_promotes_and_goes_back_on_the_unit_test_kit(self):
        self.engine = "unit"
        self.promotes_and_goes_back()

    def test_a_registry_that_is_down_is_worth_a_retry(self):
        self.registries()
        clusters = self.repository.home / "clusters.yaml"
        clusters.write_text(clusters.read_text().replace(self.plain["b"].host, "127.0.0.1:1"))
        self.ended(self.build(), "FAILURE", "plan to prod: worth a retry")


class Engine(JenkinsCase):
    """What fails in Jenkins fails here."""

    def test_what_cannot_be_written_to_disk_fails_at_the_next_step(self):
        self.single()
        job = self.jenkinsfile("def matcher = ('a' =~ /a/)\necho 'hello'\nmatcher.find()\n")
        build = self.ended(self.build(job), "FAILURE")
        self.assertIn("NotSerializableException", build.events[-1]["cause"])

    def test_the_program_is_saved_and_read_back_at_every_step(self):
        self.single()
        build = self.promoted()
        self.assertEqual(build.all("saved", "step"), build.all("step", "name"))

    def test_a_declarative_word_that_the_shim_does_not_know_is_an_error(self):
        self.single()
        text = (LIBRARY / "Jenkinsfile.single").read_text()
        for word, more in (("post", "post { always { echo 'x' } }"), ("tools", "tools { maven 'x' }"), ("sh", "sh 'true'")):
            with self.subTest(word):
                job = self.jenkinsfile(text.replace("    stages {", f"    {more}\n    stages {{", 1))
                build = self.ended(self.build(job), "FAILURE")
                self.assertIn(word, build.events[-1]["cause"])

    def test_an_abort_ends_sluice_before_the_step(self):
        """Without exec the shell would end first, and the build with it."""
        self.single()
        scripts = self.promoted().all("sh", "script")
        for script in scripts:
            self.assertTrue(re.match(r"#!/bin/sh\nexec 'sluice' ", script), script)


class Text(unittest.TestCase):
    def test_every_step_of_the_library_is_used_by_a_test(self):
        used = "".join(path.read_text() for path in (*LIBRARY.glob("Jenkinsfile.*"), pathlib.Path(__file__)))
        for step in LIBRARY.glob("vars/*.groovy"):
            self.assertRegex(used, rf"\b{step.stem}\(")


if __name__ == "__main__":
    unittest.main()
