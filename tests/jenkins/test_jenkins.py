"""Every Jenkinsfile and every step of the library, with the real sluice behind `sh`, on two engines and two profiles."""

import re
import unittest

from controller import LIBRARY
from jenkins_case import JenkinsCase

TOKENS = "clusters: 'clusters.yaml', credentials: [SLUICE_TOKEN_A: 'sluice-token-a']"


class Promotions:
    """What a person sees of a promotion; `world` is one of the two cases of the playbook."""

    def world(self, **members):
        raise NotImplementedError

    def test_it_promotes_what_was_approved_and_archives_plan_and_promotion(self):
        self.world()
        build = self.build()
        question = build.asked()
        plan = build.artifact("sluice-plan.json")
        self.assertIn(plan["plan"], question["message"])
        self.assertIn(self.after.split(":")[1][:12], question["message"])
        self.assertFalse(question["on_agent"], "no agent is kept while people think")
        self.prod.stands({"web": self.before})
        self.ended(build.approve(), "SUCCESS", "promote to prod: done")
        promotion = build.artifact("sluice-promote.json")
        self.assertEqual((promotion["state"], promotion["plan"]), ("succeeded", plan["plan"]))
        self.is_at(self.after)
        self.assertIn("approved by ann", build.console)
        # Three agents, none of which knew anything, and one history.
        homes = build.all("sh", "home")
        self.assertEqual((build.events[-1]["agents"], len(set(homes))), (3, 3), homes)
        prod = build.artifact("sluice-status.json")["environments"][-1]
        self.assertEqual((prod["release"], prod["drift"]), (promotion["release"], False), prod)

    def test_it_is_refused_after_the_plan_changed_and_writes_nothing(self):
        self.world()
        build = self.build()
        build.asked()
        self.dev.image(**{"layer-bytes": 2000})
        self.ended(build.approve(), "UNSTABLE", "promote to prod: waiting", "the plan changed")
        self.is_at(self.before)
        self.assertIn("Status", build.all("declared", "value"))
        self.assertNotIn("sluice status", "".join(build.all("sh", "script")))

    def test_a_refused_approval_writes_nothing(self):
        self.world()
        build = self.build()
        build.asked()
        self.ended(build.abort(), "ABORTED")
        self.is_at(self.before)

    def test_it_is_aborted_in_the_middle_and_resumed_by_another_agent_with_an_empty_home(self):
        self.world()
        self.prod.outcome("hang")
        build = self.build()
        build.asked()
        build.approve().until("console", "rolling-out")
        self.ended(build.abort(), "ABORTED")
        self.assertIsNotNone(build.artifact("sluice-promote.json"), f"sluice said how far it came\n{build}")
        self.prod.nobody_works()
        # Who asks for another promotion is told; nothing is written.
        self.prod.outcome("succeed")
        resumed = self.ended(self.build(params={"ACTION": "resume"}), "SUCCESS", "resume: done")
        self.assertEqual(resumed.artifact("sluice-resume.json")["state"], "succeeded")
        self.assertNotEqual(set(build.all("sh", "home")) & set(resumed.all("sh", "home")), build.all("sh", "home"))
        self.is_at(self.after)

    def test_a_rollout_that_fails_is_a_failure_with_its_cause(self):
        self.world()
        self.prod.outcome("fail", log="no database")
        build = self.build()
        build.asked()
        self.ended(build.approve(), "FAILURE", "promote to prod: failed")
        self.assertIn("no database", build.console)

    def test_a_promotion_that_went_back_is_a_failure_that_says_so(self):
        self.world(**{"on-failure": "rollback"})
        self.a.knob("outcome", digest=self.after, result="fail")
        self.b.knob("outcome", digest=self.after, result="fail")
        build = self.build()
        build.asked()
        self.ended(build.approve(), "FAILURE", "promote to prod: rolled back")
        self.is_at(self.before)

    def test_a_rollback_holds_and_the_next_promotion_waits_without_a_question(self):
        self.world()
        self.promoted()
        back = self.ended(self.build(params={"ACTION": "rollback"}), "SUCCESS", "rollback to prod: done")
        self.assertEqual(back.artifact("sluice-rollback.json")["kind"], "rollback")
        self.is_at(self.before)
        held = self.ended(self.build(), "UNSTABLE", "plan to prod: waiting")
        self.assertEqual(held.all("input", "message"), [])
        self.is_at(self.before)

    def test_nothing_to_do_needs_no_approval(self):
        self.world()
        self.promoted()
        again = self.ended(self.build(), "SUCCESS")
        self.assertEqual(again.all("input", "message"), [])
        self.is_at(self.after)

    def test_no_line_comes_twice_and_no_command_is_echoed(self):
        self.world()
        lines = [line for line in self.promoted().console.splitlines() if line.strip()]
        self.assertEqual(len([line for line in lines if line.startswith("+")]), 0, lines)
        promotion = lines[:next(i for i, line in enumerate(lines) if line.strip() == "shop")]
        self.assertEqual(sorted(set(promotion)), sorted(promotion))


class Single(Promotions):
    def world(self, **members):
        self.single(**members)


class Between(Promotions):
    def world(self, **members):
        self.between(**members)


class SingleOn3(Single, JenkinsCase):
    profile = "3.11"


class SingleOn4(Single, JenkinsCase):
    profile = "4.x"


class BetweenOn3(Between, JenkinsCase):
    profile = "3.11"


class BetweenOn4(Between, JenkinsCase):
    profile = "4.x"


class SingleUnitOn3(Single, JenkinsCase):
    engine, profile = "unit", "3.11"


class BetweenUnitOn4(Between, JenkinsCase):
    engine, profile = "unit", "4.x"


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
        used = "".join(path.read_text() for path in (*LIBRARY.glob("Jenkinsfile.*"), __import__("pathlib").Path(__file__)))
        for step in LIBRARY.glob("vars/*.groovy"):
            self.assertRegex(used, rf"\b{step.stem}\(")


if __name__ == "__main__":
    unittest.main()
