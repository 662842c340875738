"""Promotions on clusters that are killed between any two of their steps: resume comes to the same end each time, with
nothing left paused and exactly the wanted digests running."""

import concurrent.futures
import json
import signal
import unittest

import sluicekit as kit
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.binary()
kit.helper("sluice-crash")

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}
PICTURES = ("web", "api")
WORKERS = 2


class World:
    """Two images that one DeploymentConfig and one Deployment use both: it is paused while their tags move."""

    def __init__(self, case, source, target, name):
        self.case = case
        self.dev, self.prod = case.project(source, f"{name}-dev"), case.project(target, f"{name}-prod")
        self.old = {picture: self.prod.image(picture, layers=1) for picture in PICTURES}
        self.new = {picture: self.dev.image(picture, layers=3) for picture in PICTURES}
        for kind, workload in (("DeploymentConfig", "shop"), ("Deployment", "work")):
            self.prod.workload(kind, workload, {picture: f"{picture}:latest" for picture in PICTURES})
        self.rollouts = {kind: self.prod.rollouts(kind) for kind in ("DeploymentConfig", "Deployment")}
        self.source, self.target = source, target
        self.home = self.machine()

    def machine(self):
        home = self.case.home({"a": self.source, "b": self.target})
        self.case.pipeline(home, ("dev", [("a", self.dev.name)]), ("prod", [("b", self.prod.name)]), pictures=PICTURES)
        return home

    def promote(self, after=None):
        """after: killed after so many committed writes."""
        return self.run("promote", "--to", "prod", "--yes", after=after)

    def run(self, *words, after=None):
        if after is None:
            return self.home.run(*words, "-o", "json")
        return self.home.run(*words, "-o", "json", program=kit.helper("sluice-crash"),
                             environment={"SLUICE_CRASH_AFTER": str(after)})

    def history(self):
        return self.case.ends(self.home.run("history", "-o", "json"), 0).json["promotions"]

    def memory(self, picture):
        return json.loads(self.prod.annotation("memory", picture))["tags"]["latest"]

    def is_at(self, digests):
        self.prod.stands(digests)
        for workload in ("shop", "work"):
            self.prod.runs(digests, workload)
        self.case.assertEqual(self.prod.paused(), [])
        self.prod.nobody_works()

    def undone(self):
        """How an undo ends from here: whether a tag has moved."""
        return "cancelled" if {picture: self.prod.tag(picture) for picture in PICTURES} == self.old else "rolled-back"

    def complete(self):
        """The end that every attempt comes to."""
        self.is_at(self.new)
        history = self.history()
        # An equal promotion is none that the place hears of: the one that brought it stands there.
        for picture, digest in self.new.items():
            state, memory = self.prod.state(picture), self.memory(picture)
            brought = next(one for one in history if one["promotion"] == state["promotion"])
            self.case.assertEqual((brought["state"], brought["failure"]), ("succeeded", None), brought)
            # Killed before it had a number, a release has its id alone.
            self.case.assertEqual((state["digest"], state["release"]), (digest, brought["release"] or 0), state)
            self.case.assertEqual([(one["stood"], one["release"], one["digest"]) for one in memory["releases"]][:1],
                                  [("verified", brought["release_id"], digest)], memory)
            self.case.assertIsNone(memory["open"], memory)
            self.prod.pulled(digest, picture)
        status = self.case.status(self.home)
        self.case.assertEqual((status["holds"], status["drift"], status["unfinished"]), ("release", False, None))


class Killed:
    """`source` and `target` are the sandboxes that a promotion leads from and to."""

    def resume_after(self, number):
        """True when the promotion was killed before its end."""
        world = World(self, self.source, self.target, f"n{number}")
        killed = world.promote(after=number)
        if killed.code != -signal.SIGKILL:
            done = self.ends(killed, 0, "succeeded")
            self.assertEqual({one["road"] for one in done.json["targets"][0]["images"]}, {self.road}, done)
            for kind, before in world.rollouts.items():
                self.assertEqual(world.prod.rollouts(kind), before + 1, f"rollouts of the {kind}")
            world.complete()
            return False
        self.assertEqual(killed.out, "", f"killed after write {number}, and yet it reported\n{killed}")
        self.left_paused.update(world.prod.paused())
        known = world.history()
        if not known:  # nothing was begun yet
            self.ends(world.promote(), 0, "succeeded")
        elif known[0]["state"] == "succeeded":
            # Where the place has not heard of its end, resume tells it.
            told = self.status(world.home)["unfinished"] is None
            self.ends(world.run("resume", known[0]["promotion"]), 2 if told else 0)
            # It could not give its lease back; who comes next sees that its holder is dead.
            self.ends(world.promote(), 0, "succeeded")
        else:
            done = self.ends(world.run("resume"), 0, "succeeded")
            self.assertEqual(done.json["promotion"], known[0]["promotion"], done)
        world.complete()
        return True

    def test_every_write_can_be_the_last_one(self):
        self.left_paused = set()
        tried, ended = 0, False
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            while not ended:
                batch = list(range(tried + 1, tried + 1 + WORKERS))
                for number, outcome in zip(batch, pool.map(self.resume_after, batch)):
                    if not outcome:
                        ended = True
                        break
                    tried = number
                self.assertLess(tried, 100, "a promotion that never ends")
        self.assertGreater(tried, 12, "two images, two workloads that are paused: there are more steps than that")
        self.assertEqual(self.left_paused, {"DeploymentConfig shop", "Deployment work"},
                         "the test means to meet workloads that nobody but resume can wake")

    def goes_on_elsewhere(self, number, verb):
        """A machine with an empty home resumes or undoes; both see the same end. True when there was something to do."""
        world = World(self, self.source, self.target, f"{verb}{number}")
        killed = world.promote(after=number)
        other = world.machine()
        promotion = self.status(other)["unfinished"]
        if promotion is None:
            # The place had not heard of it, or had heard of its end.
            self.ends(other.run("promote", "--to", "prod", "--yes", "-o", "json"), 0, "succeeded")
        else:
            self.assertEqual(killed.code, -signal.SIGKILL, killed)
            end = "succeeded" if verb == "resume" else world.undone()
            self.ends(other.run(verb, promotion, "-o", "json"), 0, end)
        world.is_at(world.old if promotion and verb == "undo" else world.new)
        for home in (world.home, other, world.machine()):
            status = self.status(home)
            self.assertEqual((status["unfinished"], status["drift"], status["holds"]), (None, False, "release"), status)
        return promotion is not None

    def test_another_machine_goes_on_from_wherever_it_was_killed(self):
        for verb in ("resume", "undo"):
            with self.subTest(verb), concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
                gone_on = list(pool.map(lambda number: self.goes_on_elsewhere(number, verb), range(4, 30, 2)))
                self.assertGreater(sum(gone_on), 6)

    def test_undo_leads_back_from_wherever_it_was_killed(self):
        undone = 0
        for number in range(5, 24, 3):
            with self.subTest(killed_after=number):
                world = World(self, self.source, self.target, f"u{number}")
                killed = world.promote(after=number)
                self.assertEqual(killed.code, -signal.SIGKILL, killed)
                begun = world.history()
                if begun:
                    end = world.undone()
                    self.ends(world.run("undo", begun[0]["promotion"]), 0, end)
                world.is_at(world.old)
                undone += len(begun)
        self.assertGreater(undone, 3)

    def test_a_resume_that_is_killed_can_be_resumed(self):
        """Killed at each second write of resume in turn, always further on: the last one arrives."""
        world = World(self, self.source, self.target, "again")
        self.assertEqual(world.promote(after=7).code, -signal.SIGKILL)
        rounds = 0
        for number in range(1, 60, 2):
            resumed = world.run("resume", after=number)
            if resumed.code != -signal.SIGKILL:
                break
            rounds += 1
        self.assertGreater(rounds, 3)
        if world.history()[0]["state"] == "succeeded" and resumed.code != 0:
            self.ends(world.promote(), 0, "succeeded")  # the round before was killed right after its end
        world.complete()


class ByTag(Killed, ShopCase):
    road = "tag"

    @classmethod
    def setUpClass(cls):
        cls.source = cls.target = cls.enterClassContext(Sandbox(profile="4.x", scenario=USERS))


class ByStream(Killed, ShopCase):
    road = "stream"

    @classmethod
    def setUpClass(cls):
        cls.source = cls.enterClassContext(Sandbox(profile="4.x", scenario=USERS))
        cls.target = cls.enterClassContext(Sandbox(profile="3.11", scenario=USERS))


if __name__ == "__main__":
    unittest.main(verbosity=2)
