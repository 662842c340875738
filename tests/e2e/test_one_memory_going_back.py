"""Going back: to what stood verified before, from any machine; never to what was undone, failed, or was left. Numbers
mean one content."""

import unittest

import sluicekit as kit
from sluicekit.two_machines import TwoMachines

kit.binary()


class GoingBack:
    def back(self, home, *flags):
        return self.json(home, "rollback", "--to", "prod", "--yes", *flags)

    def goes_to(self, home, digests):
        """Where a rollback would go, by its plan; nothing is written."""
        check = self.untouched()
        outcome = self.ends(home.run("rollback", "--to", "prod"), 3)
        self.assertIn("nobody is there to say yes", outcome.err, outcome)
        for digest in digests.values():
            self.assertIn(f"-> {digest.split(':')[1][:12]}", outcome.err, outcome)
        check(outcome)

    def test_what_was_there_before_the_first_promotion_can_be_gone_back_to(self):
        one = self.machine()
        first, _ = self.released(one)
        for home in (one, self.machine()):
            self.goes_to(home, self.old)
            adopted = [release for release in self.json(home, "releases")["releases"] if release["adopted"]
                       and release["images"][0]["digest"] == self.old["web"]]
            self.assertEqual(len(adopted), 1, adopted)
            self.assertIn(adopted[0]["release_id"], [kept["release_id"] for kept in self.status(home)["kept"]])
        done = self.back(self.machine())
        self.assertEqual(done["release_id"], adopted[0]["release_id"])
        self.is_at(self.old)
        for home in (one, self.machine()):
            seen = self.status(home)
            self.assertEqual((seen["release_id"], seen["drift"], bool(seen["hold"])),
                             (adopted[0]["release_id"], False, True), seen)
        self.ends(one.run("unhold", "prod"), 0)
        self.promote(self.machine(), "--release", "1")
        self.is_at(first)

    def test_what_was_there_is_kept_through_a_first_promotion_that_was_undone(self):
        one = self.machine()
        _, done = self.released(one)
        self.ends(one.run("undo", done.json["promotion"], "-o", "json"), 0, "rolled-back")
        self.is_at(self.old)
        for home in (one, self.machine()):
            outcome = self.ends(home.run("rollback", "--to", "prod", "--yes"), 1)
            self.says(outcome, "no earlier release")
        self.is_at(self.old)
        self.assertFalse(self.status(self.machine())["drift"])

    def test_a_rollback_does_not_go_to_what_was_undone(self):
        one = self.machine()
        digests = [self.released(one) for _ in range(3)]
        self.ends(one.run("undo", digests[2][1].json["promotion"], "-o", "json"), 0, "rolled-back")
        self.is_at(digests[1][0])
        for home in (one, self.machine()):
            self.goes_to(home, digests[0][0])
        self.back(self.machine())
        self.is_at(digests[0][0])

    def test_a_rollback_does_not_go_to_what_failed(self):
        one = self.machine()
        digests = [self.released(one)[0] for _ in range(2)]
        bad = self.push()
        self.outcome_of(bad, "fail")
        self.promote(one, code=1, state="failed")
        self.box.settle()
        # From a release that failed one goes to the one before it.
        for home in (one, self.machine()):
            self.goes_to(home, digests[1])
        self.back(self.machine())
        self.is_at(digests[1])
        for home in (one, self.machine()):
            self.goes_to(home, digests[0])

    def test_a_second_rollback_goes_further_back(self):
        one, other = self.machine(), self.machine()
        digests = [self.released(one) for _ in range(4)]
        self.ends(one.run("undo", digests[2][1].json["promotion"]), 2)
        self.back(one)
        self.is_at(digests[2][0])
        self.back(other)
        self.is_at(digests[1][0])
        for home in (one, self.machine()):
            self.goes_to(home, digests[0][0])
        # One that was left is brought by its name.
        for name, wanted in (("4", 3), (digests[2][0]["web"], 2)):
            self.back(self.machine(), "--release", name)
            self.is_at(digests[wanted][0])

    def test_an_undone_rollback_has_left_nothing_and_what_it_brought_was_undone(self):
        one = self.machine()
        digests = [self.released(one)[0] for _ in range(3)]
        done = self.back(one)
        self.ends(self.machine().run("undo", done["promotion"], "-o", "json"), 0, "rolled-back")
        self.is_at(digests[2])
        for home in (one, self.machine()):
            self.assertFalse(self.status(home)["drift"])
            self.goes_to(home, digests[0])


class Numbers:
    def number_of(self, home):
        return self.status(home)["release"]

    def test_two_machines_never_give_one_number_to_two_contents(self):
        """The whole story: a release that failed and was undone on one machine, another one on the other."""
        one, other = self.machine(), self.machine()
        first, second = self.released(one)[0], self.released(one)[0]
        third = self.push()
        self.outcome_of(third, "fail")
        failed = self.promote(one, code=1, state="failed").json
        self.ends(one.run("undo", failed["promotion"], "-o", "json"), 0, "rolled-back")
        fourth, done = self.released(other)
        self.assertEqual((failed["release"], done.json["release"]), (3, 4))
        for home in (one, other, self.machine()):
            seen = self.status(home)
            self.assertEqual((seen["release"], seen["drift"], seen["holds"]), (4, False, "release"), seen)
        fifth, done = self.released(one)
        self.assertEqual(done.json["release"], 5)
        meant = {}
        for home in (one, other, self.machine()):
            numbers = {}
            for release in self.json(home, "releases")["releases"]:
                if release["release"] is not None:
                    self.assertNotIn(release["release"], numbers, "one number, two releases")
                    numbers[release["release"]] = release["images"][0]["digest"]
            for number, digest in numbers.items():
                self.assertEqual(meant.setdefault(number, digest), digest, f"release {number}")
            kept = [entry["release"] for entry in self.status(home)["kept"]]
            self.assertEqual(kept[:4], [5, 4, 2, 1])
        self.assertEqual({number: meant[number] for number in (1, 2, 4, 5)},
                         {1: first["web"], 2: second["web"], 4: fourth["web"], 5: fifth["web"]})
        self.assertEqual(meant.get(3, third["web"]), third["web"])
        # The number that status prints is the one that is brought.
        self.json(one, "rollback", "--to", "prod", "--yes", "--release", "4")
        self.is_at(fourth)

    def test_a_machine_that_was_killed_before_the_place_knew_gives_no_number_away(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        second = self.push()
        # Nothing reaches the place: the promotion is begun in the records of that machine alone.
        self.box.knob("fault", server="api", method="PUT", path=f"*/namespaces/{self.prod.name}/imagestreams/*",
                      status=409, body='{"kind":"Status","status":"Failure","code":409,"reason":"Conflict"}')
        outcome = one.run("promote", "--to", "prod", "--yes")
        self.assertNotEqual(outcome.code, 0, outcome)
        self.box.knob("clear-faults")
        third, done = self.released(other)
        seen = {home: self.status(home)["release"] for home in (one, other, self.machine())}
        self.assertEqual(set(seen.values()), {done.json["release"]})
        for home in (one, other):
            self.assertEqual(self.status(home)["images"][0]["digest"], third["web"])
        self.assertNotEqual(second, third)

    def test_release_create_on_an_empty_machine_goes_on_from_what_is_known(self):
        one = self.machine()
        self.released(one)
        self.released(one)
        new = self.push()
        made = self.json(self.machine(), "release", "create")
        self.assertEqual((made["release"], made["images"][0]["digest"]), (3, new["web"]))
        for home in (one, self.machine()):
            done = self.promote(home)
            self.assertEqual(done.json["release"], 3, done)
        self.is_at(new)

    def test_a_refused_promotion_gives_no_second_number(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        self.ends(one.run("hold", "prod"), 0)
        second = self.push()
        self.ends(other.run("promote", "--to", "prod", "--yes"), 3)
        self.ends(one.run("unhold", "prod"), 0)
        self.assertEqual(self.promote(one).json["release"], 2)
        self.assertEqual({self.status(home)["release"] for home in (one, other, self.machine())}, {2})
        self.is_at(second)


class Holds:
    def test_a_hold_is_set_seen_and_lifted_anywhere(self):
        one, other = self.machine(), self.machine()
        self.released(one)
        for holder, lifter in ((one, other), (other, one)):
            self.ends(holder.run("hold", "prod", "--reason", "year end"), 0)
            for home in (one, other, self.machine()):
                held = self.status(home)["held"]
                self.assertEqual(held["reason"], "year end")
                self.assertIsNotNone(held["since"], held)
                self.assertIn("ann", held["by"])
                self.assertIn("HOLD: year end  by ", home.run("status").out)
                plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
                self.assertIn(("blocker", "environment-held"), self.codes(plan), plan)
            lifted = self.ends(lifter.run("unhold", "prod"), 0)
            self.assertIn("year end", lifted.out)
            for home in (one, other, self.machine()):
                self.assertIsNone(self.status(home)["hold"])
                self.ends(home.run("plan", "--to", "prod"), 0)

    def test_another_reason_is_not_replaced_without_a_word(self):
        one, other = self.machine(), self.machine()
        self.ends(one.run("hold", "prod", "--reason", "one"), 0)
        second = self.ends(other.run("hold", "prod", "--reason", "two"), 0)
        self.assertIn("it was on hold before: one", second.err)
        self.assertIn("ann", second.err)
        self.assertEqual(self.json(other, "hold", "prod", "--reason", "three")["before"], "two")
        for home in (one, other, self.machine()):
            self.assertEqual(self.status(home)["hold"], "three")

    def test_a_hold_of_a_rollback_on_an_agent_is_lifted_on_a_laptop(self):
        agent, laptop = self.machine(), self.machine()
        self.released(agent)
        second, _ = self.released(agent)
        self.json(agent, "rollback", "--to", "prod", "--yes")
        self.ends(laptop.run("unhold", "prod"), 0)
        self.promote(agent)
        self.is_at(second)


class On311(GoingBack, Numbers, Holds, TwoMachines):
    profile = "3.11"


class On4(GoingBack, Numbers, Holds, TwoMachines):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main(verbosity=2)
