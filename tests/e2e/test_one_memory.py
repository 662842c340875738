"""The place is the memory: machines with empty homes tell the same as the one that promoted, and nobody goes over what
somebody else did meanwhile."""

import unittest

import sluicekit as kit
from sluicekit.background import Run
from sluicekit.two_machines import TwoMachines

kit.binary()


class GoingOver:
    """What somebody else did since: a hold, a rollback, a newer promotion, a hotfix."""

    def refused(self, home, code, *words, verb="resume"):
        """Refused, and nothing was written, not even a note."""
        check = self.untouched(self.prod, self.dev)
        outcome = self.ends(home.run(verb, *words), code)
        check(outcome)
        return outcome

    def test_a_resume_does_not_go_over_a_rollback_of_another_machine(self):
        one, other = self.machine(), self.machine()
        first, _ = self.released(one)
        promotion = self.killed_while_rolling(one, self.push())
        back = self.json(other, "rollback", "--to", "prod", "--yes")
        self.assertEqual(back["state"], "succeeded")
        self.is_at(first)
        outcome = self.refused(one, 2, promotion)
        self.says(outcome, back["promotion"], "came after", promotion)
        # It is not offered either.
        self.refused(one, 1)
        self.assertEqual((self.status(one)["unfinished"], self.status(other)["unfinished"]), (None, None))
        # Neither may go on when the hold is lifted.
        self.ends(other.run("unhold", "prod"), 0)
        self.refused(one, 2, promotion)
        self.refused(one, 2, promotion, verb="undo")
        self.is_at(first)

    def test_a_resume_does_not_go_over_a_hold_of_another_machine(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        second = self.push()
        promotion = self.killed_while_rolling(one, second)
        self.ends(other.run("hold", "prod", "--reason", "look at this"), 0)
        for words in ((promotion,), ()):
            self.says(self.refused(one, 3, *words), "prod is on hold", "look at this")
        for home in (one, other, self.machine()):
            self.says(self.refused(home, 3, promotion, verb="undo"), "prod is on hold", "look at this")
        self.ends(other.run("unhold", "prod"), 0)
        self.ends(one.run("resume", "-o", "json"), 0, "succeeded")
        self.is_at(second)

    def test_a_resume_that_somebody_promoted_over_is_refused_and_leaves_the_memory(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        promotion = self.killed_while_rolling(one, self.push())
        third = self.push()
        # The other machine takes away what lies half way, then promotes.
        self.ends(other.run("undo", promotion, "-o", "json"), 0, "rolled-back")
        newer = self.promote(other).json["promotion"]
        self.refused(one, 2, promotion)
        self.is_at(third)
        for home in (one, other, self.machine()):
            seen = self.status(home)
            self.assertEqual((seen["drift"], seen["last_promotion"], seen["unfinished"]), (False, newer, None))

    def test_an_undo_of_what_a_hotfix_replaced_says_so_and_waits_for_nothing(self):
        one = self.machine()
        self.released(one)
        _, done = self.released(one)
        hotfix = self.push(self.prod)
        self.box.settle()
        promotion = done.json["promotion"]
        for home in (one, self.machine()):
            for _ in range(2):
                check = self.untouched()
                outcome = home.run("undo", promotion, "-o", "json")
                self.assertNotEqual(outcome.code, 0, outcome)
                self.assertIn(hotfix["web"], outcome.out + outcome.err, outcome)
                self.assertIn("undo-not-ours", outcome.out + outcome.err, outcome)
                check(outcome)
            states = {entry["promotion"]: entry["state"] for entry in self.json(home, "history")["promotions"]}
            self.assertEqual(states[promotion], "succeeded")
        self.is_at(hotfix)

    def test_an_undo_of_what_another_machine_promoted_over_is_refused(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        _, done = self.released(one)
        third, newer = self.released(other)
        promotion = done.json["promotion"]
        for home in (one, self.machine()):
            outcome = self.refused(home, 2, promotion, verb="undo")
            self.says(outcome, newer.json["promotion"], "came after")
        self.is_at(third)

    def test_a_hotfix_in_the_middle_of_a_rollout_is_left_by_undo(self):
        one = self.machine()
        self.released(one)
        second = self.push()
        self.outcome_of(second, "hang")
        run = Run(one, "promote", "--to", "prod", "--yes")
        run.until("rolling-out")
        promotion = self.prod.lease()["promotion"]
        hotfix = self.push(self.prod)
        code, last, err = run.ended()
        self.assertEqual((code, last["state"]), (1, "failed"), err)
        outcome = one.run("undo", promotion, "-o", "json")
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertIn("undo-not-ours", outcome.out + outcome.err, outcome)
        self.is_at(hotfix)
        history = self.json(one, "history")["promotions"]
        self.assertNotIn("rolled-back", [entry["state"] for entry in history], history)


class AtWork:
    """A promotion that runs, or was interrupted."""

    def test_a_promotion_that_runs_is_told_as_running_everywhere(self):
        one, other = self.machine(), self.machine()
        first, _ = self.released(one)
        second = self.push()
        self.outcome_of(second, "hang")
        run = Run(one, "promote", "--to", "prod", "--yes")
        run.until("rolling-out")
        promotion = self.prod.lease()["promotion"]
        for home in (one, other):
            seen = self.status(home)
            self.assertEqual((seen["unfinished"], seen["at_work"]["running"], seen["drift"], seen["holds"]),
                             (promotion, True, False, "release"), seen)
            self.assertIn("process ", seen["at_work"]["by"])
            self.assertIsNotNone(seen["at_work"]["since"])
            text = self.ends(home.run("status"), 0).out
            self.assertIn(f"RUNNING: promotion {promotion}", text)
            for word in ("DRIFT", "INTERRUPTED", "unknown", "no known release"):
                self.assertNotIn(word, text)
            plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
            self.assertIn(("blocker", "promotion-running"), self.codes(plan), plan)
            # Busy, and worth another try.
            check = self.untouched()
            for words in (("promote", "--to", "prod", "--yes"), ("rollback", "--to", "prod", "--yes"),
                          ("resume",), ("resume", promotion), ("undo", promotion)):
                outcome = self.ends(home.run(*words), 7)
                # Our own records know the process only.
                self.says(outcome, "prod is being worked on", "process ")
                check(outcome)
        run.killed()
        self.outcome_of(second, "succeed")
        for home in (one, other):
            seen = self.status(home)
            self.assertEqual((seen["unfinished"], seen["at_work"]["running"], seen["drift"], seen["holds"]),
                             (promotion, False, False, "release"), seen)
            text = self.ends(home.run("status"), 0).out
            self.assertIn(f"INTERRUPTED: promotion {promotion}", text)
            self.assertIn(f"sluice resume {promotion}, or sluice undo {promotion}", text)
            for word in ("DRIFT", "RUNNING", "unknown", "no known release"):
                self.assertNotIn(word, text)
            plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
            self.assertIn(("blocker", "promotion-unfinished"), self.codes(plan), plan)
        self.ends(other.run("undo", promotion, "-o", "json"), 0, "rolled-back")
        self.is_at(first)

    def test_a_failed_promotion_is_told_as_failed_with_its_cause_and_what_to_do(self):
        one, other = self.machine(), self.machine()
        first, _ = self.released(one)
        second = self.push()
        self.outcome_of(second, "fail")
        failed = self.promote(one, code=1, state="failed")
        promotion, cause = failed.json["promotion"], failed.json["failure"]
        self.box.settle()
        for home in (one, other):
            seen = self.status(home)
            self.assertEqual((seen["state"], seen["holds"], seen["images"][0]["digest"]),
                             ("failed", "release", second["web"]), seen)
            self.assertTrue(seen["failure"], seen)
            self.assertIn("web", seen["failure"])
            self.assertEqual(seen["failure"], self.status(one)["failure"])
            text = self.ends(home.run("status"), 0).out
            for word in ("FAILED: ", f"sluice undo {promotion}", "sluice rollback --to prod"):
                self.assertIn(word, text)
        self.assertTrue(cause, failed)
        self.outcome_of(second, "succeed")
        self.ends(other.run("undo", promotion, "-o", "json"), 0, "rolled-back")
        self.is_at(first)
        seen = self.status(self.machine())
        self.assertEqual((seen["state"], seen["failure"], seen["drift"]), ("rolled-back", None, False), seen)
        # The failure of one that was undone is kept.
        told = next(entry for entry in self.json(other, "history")["promotions"] if entry["promotion"] == promotion)
        self.assertTrue(told["failure"], told)


class Looking:
    def test_an_equal_promotion_writes_nothing_on_any_machine(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        check = self.untouched(self.prod, self.dev)
        for home in (one, other, self.machine()):
            check(self.promote(home))

    def test_looking_writes_nothing(self):
        one = self.machine()
        self.released(one)
        self.push()
        check = self.untouched(self.prod, self.dev)
        for home in (one, self.machine()):
            for words in (("status",), ("history",), ("releases",), ("plan", "--to", "prod"), ("doctor",),
                          ("doctor", "--to", "prod")):
                check(self.ends(home.run(*words), 0))

    def test_all_machines_tell_the_same(self):
        one = self.machine()
        self.released(one)
        self.released(one)
        mine = self.json(one, "status")
        for home in (self.machine(), self.machine()):
            self.assertEqual(self.json(home, "status"), mine)

    def test_dev_is_known_by_what_prod_holds(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        seen = {home: [self.status(home, name) for name in ("dev", "prod")] for home in (one, other)}
        for dev, prod in seen.values():
            self.assertEqual((dev["holds"], dev["release"], dev["release_id"]),
                             ("release", prod["release"], prod["release_id"]))
            self.assertIsNotNone(prod["release"])
        self.assertNotIn("no known release", other.run("status").out)


class On311(GoingOver, AtWork, Looking, TwoMachines):
    profile = "3.11"


class On4(GoingOver, AtWork, Looking, TwoMachines):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main(verbosity=2)
