"""Somebody else's lease: how long it counts, waiting for it, taking it over; on both kinds of clusters."""

import json
import signal
import time
import unittest

import sluicekit as kit
from sluicekit.background import Run
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.binary()

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}
ELSEWHERE = "ci-7/boot/pid:812:99"


class LeaseCases:
    profile = None

    @classmethod
    def setUpClass(cls):
        cls.box = cls.enterClassContext(Sandbox(profile=cls.profile, scenario=USERS))

    def setUp(self):
        super().setUp()
        self.dev, self.prod = (self.project(self.box, f"shop{self.number}-{name}") for name in ("dev", "prod"))
        self.old = self.prod.image(layers=1)
        self.prod.workload()
        self.new = self.dev.image(layers=2)
        self.addCleanup(self.rollout, "succeed")

    def agent(self, **members):
        home = self.home({"box": self.box})
        home.environment["USER"] = "ann"
        self.pipeline(home, ("dev", [("box", self.dev.name)]), ("prod", [("box", self.prod.name)], members))
        return home

    def rollout(self, result):
        """What rollouts of the image that is new at first come to; those of others succeed."""
        self.box.knob("outcome", digest=self.new, result=result)

    def held(self, seconds, **more):
        """Somebody elsewhere has the lease for so long."""
        self.prod.annotate("lease", json.dumps({"holder": ELSEWHERE, "promotion": "p0123456789ab", "fence": 9,
                                                "expires-at": int(time.time()) + seconds, **more}))

    def is_at(self, digest):
        self.prod.stands({"web": digest})
        self.prod.runs({"web": digest})
        self.prod.nobody_works()

    def test_a_far_end_shuts_nobody_out_for_longer_than_minutes(self):
        self.held(20 * 3600, who="bob", since=int(time.time()) - 130)
        refused = self.ends(self.agent().run("promote", "--to", "prod", "--yes", "-o", "json"), 7)
        self.assertEqual(refused.json["error"]["kind"], "busy", refused)
        self.assertIn("promotion p0123456789ab by bob, process 812 on ci-7, since", refused.json["error"]["message"])
        self.assertIn("(2 min ago)", refused.json["error"]["message"])
        lease = self.prod.lease()
        self.assertEqual((lease["holder"], lease["fence"], lease["who"]), (ELSEWHERE, 9, "bob"))
        self.assertLessEqual(lease["expires-at"], time.time() + 300, "it was cut to what a renewed one could last")
        self.prod.stands({"web": self.old})

    def test_an_end_that_is_days_away_is_damage(self):
        self.held(47 * 3600)
        self.promote(self.agent())
        self.is_at(self.new)
        self.assertEqual(self.prod.lease()["fence"], 10)

    def test_it_is_taken_over_at_once_with_a_word(self):
        for verb in ("promote", "rollback"):
            with self.subTest(verb):
                self.held(20 * 3600)
                home = self.agent() if verb == "promote" else self.worker
                self.ends(home.run(verb, "--to", "prod", "--yes"), 7)
                self.ends(home.run(verb, "--to", "prod", "--yes", "--take-over", "-o", "json"), 0, "succeeded")
                self.is_at(self.new)
                self.assertEqual(self.prod.lease()["fence"], 10)
                if verb == "promote":
                    self.worker = home
                    newer, self.new = self.dev.image(layers=3), self.new
                    self.promote(home)
                    self.is_at(newer)

    def test_a_fence_never_starts_again(self):
        self.held(-3600, fence=2**53)
        self.promote(self.agent())
        self.assertEqual(self.prod.lease()["fence"], 2**53 + 1)

    def test_waiting_ends_with_who_is_in_the_way(self):
        self.held(100)
        outcome = self.ends(self.agent().run("promote", "--to", "prod", "--yes", "--wait=1s", "--progress", "plain"), 7)
        self.assertIn("waiting for promotion p0123456789ab (process 812 on ci-7)", outcome.err)
        self.assertIn("prod is being worked on", outcome.err)
        self.prod.stands({"web": self.old})

    def test_waiting_is_stopped_by_a_signal(self):
        self.held(100)
        run = Run(self.agent(), "promote", "--to", "prod", "--yes", "--wait")
        run.until("waiting for ")
        run.child.popen.send_signal(signal.SIGINT)
        code, last, err = run.ended()
        self.assertEqual((code, last["error"]["kind"]), (130, "cancelled"), err)
        self.assertEqual(self.prod.lease()["holder"], ELSEWHERE)

    def test_waiting_goes_on_when_the_other_is_done(self):
        self.rollout("hang")
        first = Run(self.agent(), "promote", "--to", "prod", "--yes")
        first.until("rolling-out")
        lease = self.prod.lease()
        self.assertEqual(lease["who"], "ann")
        newer = self.dev.image(layers=3)
        second = Run(self.agent(), "promote", "--to", "prod", "--yes", "--wait")
        line = second.until("waiting for ")
        self.assertIn(f"promotion {lease['promotion']} of ann (process ", line["detail"])
        self.box.knob("clock", advance_seconds=700)
        # The hanging rollout is ended by the cluster's own deadline.
        self.assertEqual(first.ended()[0], 1)
        code, last, err = second.ended()
        self.assertEqual((code, last["state"]), (0, "succeeded"), err)
        self.is_at(newer)

    def test_waiting_for_a_promotion_in_the_same_records(self):
        home = self.agent()
        self.rollout("hang")
        first = Run(home, "promote", "--to", "prod", "--yes")
        first.until("rolling-out")
        plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
        self.assertIn(("blocker", "promotion-running"), self.codes(plan), plan)
        self.says(self.ends(home.run("promote", "--to", "prod", "--yes"), 7), "prod is being worked on")
        self.says(self.ends(home.run("resume"), 7), "prod is being worked on")
        second = Run(home, "resume", "--wait")
        second.until("waiting for ")
        self.box.knob("clock", advance_seconds=700)
        self.assertEqual(first.ended()[0], 1)
        # It looks again from the start, and there is nothing left to resume.
        code, last, err = second.ended()
        self.assertEqual((code, last["error"]["kind"]), (1, "not_found"), err)
        self.prod.nobody_works()

    def test_who_was_taken_over_writes_nothing_more(self):
        self.rollout("hang")
        first = Run(self.agent(**{"on-failure": "rollback"}), "promote", "--to", "prod", "--yes")
        first.until("rolling-out")
        fence = self.prod.lease()["fence"]
        newer = self.dev.image(layers=3)
        other = self.agent()
        self.ends(other.run("promote", "--to", "prod", "--yes"), 7)
        second = self.promote(other, "--take-over")
        self.assertEqual(self.prod.lease()["fence"], fence + 1)
        version = self.prod.stream()["metadata"]["resourceVersion"]
        self.box.knob("clock", advance_seconds=700)
        code, last, err = first.ended()
        self.assertEqual((code, last["state"]), (1, "rolling-out"), err)
        self.assertIn("took it over", err)
        self.is_at(newer)
        self.assertEqual(self.prod.state()["promotion"], second.json["promotion"])
        self.assertEqual(self.prod.stream()["metadata"]["resourceVersion"], version, "not even a note")

    def test_an_undo_takes_over_a_promotion_of_the_same_records(self):
        home = self.agent()
        self.rollout("hang")
        first = Run(home, "promote", "--to", "prod", "--yes")
        first.until("rolling-out")
        promotion = self.prod.lease()["promotion"]
        self.says(self.ends(home.run("undo", promotion), 7), "prod is being worked on")
        self.ends(home.run("undo", promotion, "--take-over", "-o", "json"), 0, "rolled-back")
        self.box.knob("clock", advance_seconds=700)
        code, _, err = first.ended()
        self.assertEqual(code, 1, err)
        self.is_at(self.old)
        self.assertEqual(self.status(home)["unfinished"], None)


class On311(LeaseCases, ShopCase):
    profile = "3.11"


class On4(LeaseCases, ShopCase):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main(verbosity=2)
