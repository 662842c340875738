"""Agents without records of their own: what the clusters remember is enough for status, rollback and hold, and keeps
two agents from promoting at once."""

import json
import threading
import time
import unittest

import sluicekit as kit
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.binary()

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}


class AgentCase(ShopCase):
    """One agent promoted two releases and is gone; `other` has an empty home."""

    pictures = ("web",)

    @classmethod
    def setUpClass(cls):
        cls.box = cls.enterClassContext(Sandbox(profile="4.x", scenario=USERS))

    def setUp(self):
        super().setUp()
        self.dev, self.prod = (self.project(self.box, f"shop{self.number}-{name}") for name in ("dev", "prod"))
        for picture in self.pictures:
            self.prod.image(picture, layers=1)
        self.prod.workload(containers={picture: f"{picture}:latest" for picture in self.pictures})
        self.first = self.agent()
        self.releases = [self.release(2), self.release(3)]

    def agent(self):
        home = self.home({"box": self.box})
        self.pipeline(home, ("dev", [("box", self.dev.name)]), ("prod", [("box", self.prod.name)]),
                      pictures=self.pictures)
        return home

    def release(self, layers):
        """A new release, promoted by the first agent; gives its digests."""
        digests = {picture: self.dev.image(picture, layers=layers) for picture in self.pictures}
        self.promote(self.first)
        self.is_at(digests)
        return digests

    def is_at(self, digests):
        self.prod.stands(digests)
        self.prod.runs(digests)
        self.assertEqual(self.prod.paused(), [])
        self.prod.nobody_works()

    def seen(self, home):
        """What status tells of prod, without what only our own records can know."""
        return {key: value for key, value in self.status(home).items() if key != "last_promotion"}


class WithoutRecords(AgentCase):
    def test_status_is_the_same(self):
        other = self.agent()
        mine, theirs = self.seen(self.first), self.seen(other)
        self.assertEqual(theirs, mine)
        self.assertEqual((theirs["holds"], theirs["release"], theirs["hold"], theirs["drift"]),
                         ("release", 2, None, False))

    def test_drift_is_seen(self):
        self.prod.retag(self.releases[0]["web"])
        self.box.settle()
        other = self.agent()
        mine, theirs = self.seen(self.first), self.seen(other)
        self.assertEqual(theirs, mine)
        self.assertEqual((theirs["release"], theirs["drift"]), (1, True))

    def test_rollback_works_from_what_the_streams_remember(self):
        other = self.agent()
        back = self.ends(other.run("rollback", "--to", "prod", "--yes", "-o", "json"), 0, "succeeded")
        self.assertEqual((back.json["kind"], back.json["release"]), ("rollback", 1), back)
        self.is_at(self.releases[0])
        state = self.prod.state()
        self.assertEqual((state["release"], state["digest"]), (1, self.releases[0]["web"]))
        self.assertNotEqual(state["hold"], "", state)
        # Everybody sees the hold, and is held by it.
        newest = self.agent()
        for home in (self.first, other, newest):
            self.assertEqual((self.status(home)["release"], bool(self.status(home)["hold"])), (1, True))
            blocked = self.ends(home.run("promote", "--to", "prod", "--yes"), 3)
            self.assertIn("hold", blocked.err, blocked)
            plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
            self.assertIn(("blocker", "environment-held"), self.codes(plan), plan)
        self.is_at(self.releases[0])
        # Lifted by one of them, it is lifted for those who have no records.
        self.ends(other.run("unhold", "prod"), 0)
        self.assertEqual(self.prod.state()["hold"], "")
        self.assertIsNone(self.status(newest)["hold"])
        self.promote(newest)
        self.is_at(self.releases[1])

    def test_rollback_to_a_release_by_its_number(self):
        self.release(4)
        other = self.agent()
        back = self.ends(other.run("rollback", "--to", "prod", "--release", "1", "--yes", "-o", "json"), 0, "succeeded")
        self.assertEqual(back.json["release"], 1, back)
        self.is_at(self.releases[0])
        self.ends(other.run("rollback", "--to", "prod", "--release", "77", "--yes"), 1)
        self.is_at(self.releases[0])

    def test_the_numbering_goes_on(self):
        other = self.agent()
        third = self.dev.image(layers=4)
        outcome = self.promote(other)
        self.assertEqual(outcome.json["release"], 3, outcome)
        self.is_at({"web": third})
        self.assertEqual([one["number"] for one in self.prod.state()["releases"]], [3, 2, 1])
        self.assertEqual(self.status(self.first)["images"][0]["digest"], third)

    def test_the_same_release_keeps_its_number(self):
        other = self.agent()
        self.assertEqual(self.promote(other).json["release"], 2)
        self.is_at(self.releases[1])

    def test_looking_writes_nothing(self):
        other, before = self.agent(), self.prod.stream()["metadata"]["resourceVersion"]
        self.dev.image(layers=4)
        self.status(other)
        self.ends(other.run("plan", "--to", "prod"), 0)
        self.assertEqual(self.prod.stream()["metadata"]["resourceVersion"], before)

    def test_what_one_may_go_back_to_is_pinned(self):
        for digests in self.releases:
            digest = digests["web"]
            self.assertEqual(self.prod.tag(tag="sluice-" + digest.split(":")[1][:12]), digest)


class TwoImagesWithoutRecords(AgentCase):
    pictures = ("web", "api")

    def test_rollback_brings_both_back_in_one_rollout(self):
        other, before = self.agent(), self.prod.rollouts()
        back = self.ends(other.run("rollback", "--to", "prod", "--yes", "-o", "json"), 0, "succeeded")
        self.assertEqual(back.json["release"], 1, back)
        self.is_at(self.releases[0])
        self.assertEqual(self.prod.rollouts(), before + 1)

    def test_a_stream_that_lost_its_memory_makes_no_half_release(self):
        for name in ("memory", "state"):
            self.prod.annotate(name, None, "api")
        other = self.agent()
        status = self.status(other)
        self.assertEqual({one["name"]: one["digest"] for one in status["images"]}, self.releases[1])
        refused = other.run("rollback", "--to", "prod", "--yes")
        self.assertEqual(refused.code, 1, refused)
        self.says(refused, "no earlier release")
        self.is_at(self.releases[1])


class Damage(AgentCase):
    ROWS = {
        "no JSON": "{oops",
        "another shape": "[1, 2]",
        "wrong members": json.dumps({"latest": {"app": 7, "releases": "none"}}),
        "an endless number": json.dumps({"latest": {"app": "shop", "release": 10**30}}),
        "empty": "",
    }

    def newest(self, row):
        """An image that is new for each row."""
        return self.dev.image(layers=4 + row)

    def test_a_damaged_state_beside_a_whole_memory_is_survived_and_written_anew(self):
        for row, (name, text) in enumerate(self.ROWS.items()):
            with self.subTest(name):
                newest = self.newest(row)
                self.prod.annotate("state", text)
                other = self.agent()
                status = self.status(other)
                self.assertEqual(status["images"][0]["digest"], self.prod.tag(), status)
                self.promote(other)
                self.is_at({"web": newest})
                state = self.prod.state()
                self.assertEqual((state["digest"], state["releases"][0]["digest"]), (newest, newest), state)

    def test_a_damaged_lease_shuts_nobody_out(self):
        rows = {**self.ROWS, "without an end": json.dumps({
            "holder": "elsewhere/1/1", "promotion": "", "fence": 3, "expires-at": 10**15})}
        for row, (name, text) in enumerate(rows.items()):
            with self.subTest(name):
                newest = self.newest(row)
                self.prod.annotate("lease", text)
                self.promote(self.agent())
                self.is_at({"web": newest})


class AtOnce(AgentCase):
    def test_a_lease_of_somebody_else_stops_a_promotion(self):
        self.dev.image(layers=4)
        self.prod.annotate("lease", json.dumps({"holder": "process 812 on ci-7", "promotion": "p0123456789ab",
                                                "fence": 9, "expires-at": int(time.time()) + 600}))
        outcome = self.ends(self.agent().run("promote", "--to", "prod", "--yes"), 7)
        self.says(outcome, "prod is being worked on", "process 812 on ci-7", "promotion p0123456789ab", "--wait")
        self.assertEqual(self.prod.lease()["holder"], "process 812 on ci-7", "it is not ours to take")
        self.prod.stands(self.releases[1])
        self.prod.runs(self.releases[1])
        self.assertEqual(self.prod.paused(), [])

    def test_a_lease_that_has_ended_is_taken(self):
        third = self.dev.image(layers=4)
        self.prod.annotate("lease", json.dumps({"holder": "process 812 on ci-7", "promotion": "", "fence": 9,
                                                "expires-at": 1700000000}))
        self.promote(self.agent())
        self.is_at({"web": third})
        self.assertEqual(self.prod.lease()["fence"], 10)

    def test_while_one_agent_works_the_other_is_told_who(self):
        third = self.dev.image(layers=4)
        self.prod.outcome("hang")
        one, other = self.agent(), self.agent()
        child = one.start("promote", "--to", "prod", "--yes", "--events", "-", "--progress", "none", "-o", "json")
        # Read to its end by a thread of its own: a full pipe would stop it.
        lines, rolling = [], threading.Event()

        def read():
            for line in child.popen.stdout:
                lines.append(json.loads(line))
                if lines[-1].get("detail") == "rolling-out":
                    rolling.set()

        reader = threading.Thread(target=read)
        reader.start()
        self.assertTrue(rolling.wait(60), lines)
        holder = self.prod.lease()["holder"]
        self.assertNotEqual(holder, "")
        refused = self.ends(other.run("promote", "--to", "prod", "--yes"), 7)
        self.says(refused, f"promotion {self.prod.lease()['promotion']}", f"process {holder.split(':')[-2]} on ",
                  "since ")
        self.assertEqual(self.prod.paused(), [])
        # The hanging rollout is ended by the cluster's own deadline.
        self.box.knob("clock", advance_seconds=700)
        reader.join(60)
        child.popen.wait(60)
        child.stop()
        self.assertEqual(child.popen.returncode, 1, lines[-1])
        self.assertEqual(lines[-1]["state"], "failed", lines[-1])
        self.prod.stands({"web": third})
        self.prod.nobody_works()
        self.prod.outcome("succeed")

    def test_two_that_start_together_leave_one_end(self):
        third = self.dev.image(layers=4)
        outcomes = []
        homes = [self.agent() for _ in range(3)]
        threads = [threading.Thread(target=lambda home=home: outcomes.append(
            home.run("promote", "--to", "prod", "--yes", "-o", "json"))) for home in homes]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        codes = sorted(one.code for one in outcomes)
        self.assertEqual(codes[0], 0, "\n".join(map(str, outcomes)))
        for outcome in outcomes:
            # Who came too late lost the lease to another, or saw that the target is not what it planned for.
            self.assertIn(outcome.code, (0, 3, 7), outcome)
        self.is_at({"web": third})
        self.assertEqual(self.prod.state()["digest"], third)


if __name__ == "__main__":
    unittest.main(verbosity=2)
