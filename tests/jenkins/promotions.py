"""What a person sees of a promotion by Jenkins: the same in both cases of the playbook, on both engines and profiles."""


class Promotions:
    """A mixin: `world` makes one of the two cases."""

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
        self.assertEqual(build.description, "promote to prod: begun")
        left = build.artifact("sluice-promote.json")
        self.assertEqual(left["state"], "rolling-out", f"sluice itself said how far it came\n{build}")
        self.prod.nobody_works()
        # Another build, on another agent, sees it at the place and asks nobody.
        told = self.ended(self.build(), "UNSTABLE", "waiting", left["promotion"], "was interrupted")
        self.assertEqual(told.all("input", "message"), [])
        self.prod.outcome("succeed")
        resumed = self.ended(self.build(params={"ACTION": "resume"}), "SUCCESS", "resume: done")
        self.assertEqual(resumed.artifact("sluice-resume.json")["state"], "succeeded")
        self.assertEqual(set(build.all("sh", "home")) & set(resumed.all("sh", "home")), set())
        self.is_at(self.after)

    def test_a_rollout_that_fails_is_a_failure_with_its_cause(self):
        self.world()
        self.prod.outcome("fail")
        build = self.build()
        build.asked()
        self.ended(build.approve(), "FAILURE", "promote to prod: failed", "web-2 failed; the ")

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
        self.assertEqual([line for line in lines if line.startswith("+")], [])
        # Pods come and go, so that a state may come again; but what did not change is not said again.
        self.assertEqual([line for line, after in zip(lines, lines[1:]) if line == after], [])
        for once in ("plan sha256:", "approved by", "copying", "succeeded"):
            self.assertEqual(len([line for line in lines if once in line]), 1, once)
