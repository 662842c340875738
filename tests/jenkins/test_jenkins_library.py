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

    def test_only_those_who_were_named_are_asked(self):
        self.single()
        job = self.jenkinsfile(f"@Library('sluice') _\nsluiceRollback(to: 'prod', approve: true, submitter: 'ops', {TOKENS})\n")
        build = self.build(job)
        self.assertEqual(build.asked()["submitter"], "ops")
        self.ended(build.abort(), "ABORTED")
        self.is_at(self.before)

    def test_without_approval_it_promotes_at_once(self):
        self.single()
        job = self.jenkinsfile(f"@Library('sluice') _\nsluicePromote(to: 'prod', approve: false, wait: true, {TOKENS})\n")
        self.ended(self.build(job), "SUCCESS", "promote to prod: done")
        self.is_at(self.after)

    def test_the_road_and_the_target_are_those_that_were_asked_for(self):
        self.single()
        job = self.jenkinsfile("@Library('sluice') _\nsluicePromote(to: 'prod', via: 'stream', target: "
                               f"'{self.prod.name}', approve: false, takeOver: true, {TOKENS})\n")
        build = self.ended(self.build(job), "SUCCESS")
        self.assertEqual(build.artifact("sluice-promote.json")["targets"][0]["images"][0]["road"], "stream")

    def test_a_missing_trigger_is_written_when_that_is_asked_for(self):
        self.single()
        self.credentials["sluice-token-a"] = self.a.token("ann")
        self.secrets.add(self.a.token("ann"))
        self.a.scenario({"workloads": [{"kind": "DeploymentConfig", "project": self.prod.name, "name": "late",
                                        "image": "web:latest", "trigger": "manual"}]})
        job = self.jenkinsfile("@Library('sluice') _\nsluicePromote(to: 'prod', approve: false, fixTriggers: true, "
                               f"{TOKENS})\n")
        asked = self.jenkinsfile(job.read_text().replace("approve: false, ", ""))
        self.assertIn("approve: false only", self.ended(self.build(asked), "FAILURE").events[-1]["cause"])
        self.ended(self.build(job), "SUCCESS")
        self.prod.runs({"late": self.after}, name="late")

    def test_an_agent_without_sluice_is_said_in_words(self):
        self.single()
        job = self.jenkinsfile("@Library('sluice') _\nsluicePlan(to: 'prod', program: 'slooce')\n")
        self.ended(self.build(job), "FAILURE", "sluice is not on the agent")

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


    def test_a_status_that_does_not_see_everything_is_unstable(self):
        self.registries()
        clusters = self.repository.home / "clusters.yaml"
        clusters.write_text(clusters.read_text().replace(self.plain["b"].host, "127.0.0.1:1"))
        tokens = TOKENS.replace("]", ", SLUICE_TOKEN_B: 'sluice-token-b']")
        build = self.ended(self.build(self.jenkinsfile(f"@Library('sluice') _\nsluiceStatus({tokens})\n")), "UNSTABLE")
        self.assertIn("not everything was seen", build.console)
        self.assertIn("unknown", build.console)


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
            self.assertRegex(used, rf"{step.stem}\(")


if __name__ == "__main__":
    unittest.main()
