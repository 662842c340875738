"""A machine dies while it promotes; another one, with an empty home, goes on with resume or takes it back with undo.
Two images, and a workload that is paused while their tags move: it never stays paused."""

import unittest

import sluicekit as kit
from sluicekit.background import Run
from sluicekit.two_machines import TwoMachines

kit.binary()

REFUSED = '{"kind":"Status","apiVersion":"v1","status":"Failure","code":503,"reason":"ServiceUnavailable"}'


class TakenOver:
    pictures = ("web", "api")

    def moments(self):
        """How each moment is reached: what the API refuses until then, and the event that is waited for."""
        tags = f"*/namespaces/{self.prod.name}/imagestreamtags"
        return {
            "while content is copied": (f"{tags}/*sluice-*", "copying", {}),
            "while it is copied, with one image there": (f"{tags}/web:sluice-*", "copying", {}),
            "after the first tag": (f"{tags}/web:latest", "latest", {"kind": "tag"}),
            "before the first tag": (f"{tags}/*latest", "switching", {}),
            "while it rolls out": (None, "rolling-out", {}),
        }

    def killed(self, moment, home, digests):
        """Killed at this moment; gives the promotion."""
        path, event, members = self.moments()[moment]
        if path:
            for method in ("POST", "PUT", "PATCH"):
                self.box.knob("fault", server="api", method=method, path=path, status=503, body=REFUSED)
        self.outcome_of(digests, "hang")
        run = Run(home, "promote", "--to", "prod", "--yes")
        run.until(event, **members)
        promotion = self.prod.lease("api")["promotion"]
        run.killed()
        self.box.knob("clear-faults")
        self.outcome_of(digests, "succeed")
        self.box.settle()
        return promotion

    def told(self, homes, **members):
        for home in homes:
            seen = self.status(home)
            for name, value in members.items():
                self.assertEqual(seen[name], value, f"{name} of {seen}")

    def test_another_machine_goes_on(self):
        one = self.machine()
        self.released(one)
        for moment in self.moments():
            with self.subTest(moment):
                new = self.push()
                promotion = self.killed(moment, one, new)
                other, third = self.machine(), self.machine()
                self.told((one, other), unfinished=promotion, drift=False)
                done = self.json(other, "resume")
                self.assertEqual((done["promotion"], done["state"]), (promotion, "succeeded"))
                self.is_at(new)
                self.told((one, other, third), unfinished=None, drift=False, last_promotion=promotion, holds="release")
                # Whoever began it hears that it is done.
                check = self.untouched()
                outcome = self.ends(one.run("resume", promotion), 2)
                self.says(outcome, "has succeeded")
                check(outcome)
                self.promote(third)

    def test_another_machine_takes_it_back(self):
        one = self.machine()
        first, done = self.released(one)
        for moment in self.moments():
            with self.subTest(moment):
                promotion = self.killed(moment, one, self.push())
                other, third = self.machine(), self.machine()
                self.told((one, other), unfinished=promotion, drift=False)
                moved = {picture: self.prod.tag(picture) for picture in self.pictures} != first
                back = self.json(other, "undo", promotion)
                self.assertEqual((back["promotion"], back["state"]),
                                 (promotion, "rolled-back" if moved else "cancelled"))
                self.is_at(first)
                self.told((one, other, third), unfinished=None, drift=False, holds="release",
                          last_promotion=done.json["promotion"])
                # Whoever began it hears that it was undone, and brings nothing back to life.
                check = self.untouched()
                # What had moved nothing can be taken up again.
                for verb in ("resume", "undo") if moved else ("undo",):
                    outcome = self.ends(one.run(verb, promotion), 2)
                    self.says(outcome, "was undone" if moved else "moved nothing")
                    check(outcome)
                self.is_at(first)

    def test_a_rollback_goes_over_what_lies_half_way(self):
        one = self.machine()
        first, _ = self.released(one)
        second, _ = self.released(one)
        for moment in ("after the first tag", "while it rolls out"):
            with self.subTest(moment):
                promotion = self.killed(moment, one, self.push())
                other = self.machine()
                done = self.json(other, "rollback", "--to", "prod", "--yes")
                # What stood verified before the one that was interrupted.
                self.assertIn(done["release"], (1, 2))
                self.is_at(second if done["release"] == 2 else first)
                self.told((one, other, self.machine()), unfinished=None, drift=False)
                self.ends(one.run("resume", promotion), 2)
                self.ends(one.run("unhold", "prod"), 0)
                self.json(self.machine(), "promote", "--to", "prod", "--release", "2", "--yes")
                self.is_at(second)

    def test_a_resume_that_dies_is_taken_over_as_well(self):
        one = self.machine()
        self.released(one)
        new = self.push()
        promotion = self.killed("after the first tag", one, new)
        self.outcome_of(new, "hang")
        run = Run(self.machine(), "resume")
        run.until("rolling-out")
        run.killed()
        self.outcome_of(new, "succeed")
        self.told((one, self.machine()), unfinished=promotion)
        done = self.json(one, "resume")
        self.assertEqual((done["promotion"], done["state"]), (promotion, "succeeded"))
        self.is_at(new)

    def test_history_tells_who_began_it_and_how_it_ended(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        promotion = self.killed("after the first tag", one, self.push())
        for home in (one, other):
            told = self.json(home, "history")["promotions"][0]
            self.assertEqual(told["promotion"], promotion)
            self.assertIn("ann", told["by"])
        self.json(other, "undo", promotion)
        for home in (one, other, self.machine()):
            told = self.json(home, "history")["promotions"][0]
            self.assertEqual((told["promotion"], told["state"]), (promotion, "rolled-back"), home)


class On311(TakenOver, TwoMachines):
    profile = "3.11"


class On4(TakenOver, TwoMachines):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main(verbosity=2)
