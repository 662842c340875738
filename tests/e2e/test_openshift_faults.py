"""Promotions on clusters while something goes wrong on the way: tokens that end, conflicts, watches that are cut,
servers that are away or slow. What can be outlasted is; what cannot leaves an end that resume finishes."""

import json
import threading
import unittest

import sluicekit as kit
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.binary()

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}
API_BUSY = {"server": "api", "status": 503}


class Run:
    """A promotion that is started and read event by event, by a thread of its own."""

    def __init__(self, case, home, *words):
        self.case = case
        self.child = home.start(*(words or ("promote", "--to", "prod", "--yes")), "--events", "-", "--progress", "none",
                                "-o", "json")
        self.home, self.lines, self.changed = home, [], threading.Condition()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        for line in self.child.popen.stdout:
            with self.changed:
                self.lines.append(json.loads(line))
                self.changed.notify_all()

    def until(self, detail):
        """Waits until an event tells this."""
        def told():
            return any(line.get("detail") == detail for line in self.lines) or not self.reader.is_alive()
        with self.changed:
            self.case.assertTrue(self.changed.wait_for(told, 60), self.lines)
        self.case.assertTrue(self.reader.is_alive(), f"it ended before it was {detail}: {self.lines}")

    def ended(self, code, state):
        self.reader.join(90)
        self.case.assertFalse(self.reader.is_alive(), self.lines)
        err = self.child.popen.stderr.read()
        self.child.popen.wait(30)
        self.child.stop()
        outcome = kit.Outcome(self.child.popen.args, self.child.popen.returncode, json.dumps(self.lines[-1]), err)
        self.home.outcomes.append(outcome)
        return self.case.ends(outcome, code, state)


class FaultCase(ShopCase):
    """From dev in cluster a to prod in cluster b."""

    profiles = ("4.x", "3.11")

    @classmethod
    def setUpClass(cls):
        cls.a, cls.b = (cls.enterClassContext(Sandbox(profile=profile, scenario=USERS)) for profile in cls.profiles)

    def setUp(self):
        super().setUp()
        name = f"shop{self.number}"
        self.addCleanup(self.calm)
        self.dev, self.prod = self.project(self.a, f"{name}-dev"), self.project(self.b, name)
        self.old = {"web": self.prod.image(layers=1)}
        self.prod.workload()
        self.new = {"web": self.dev.image(layers=3)}
        self.sluice = self.home({"a": self.a, "b": self.b})
        self.pipeline(self.sluice, ("dev", [("a", self.dev.name)]), ("prod", [("b", self.prod.name)]))

    def calm(self):
        """The next test finds clusters as they should be."""
        for box in (self.a, self.b):
            box.knob("clear-faults")
            box.knob("close-watches", after_events=0)
            box.knob("nodes", mode="auto")
            box.fresh_token("ann")

    def renew(self, box, name):
        self.write_token(self.sluice, name, box.fresh_token("ann"))

    def is_at(self, digests):
        self.prod.stands(digests)
        self.prod.runs(digests)
        self.assertEqual(self.prod.paused(), [])
        self.prod.nobody_works()

    def last(self):
        """While the place cannot be asked, our own records tell."""
        promotions = self.ends(self.sluice.run("history", "-o", "json"), 0).json["promotions"]
        return promotions[0] if promotions else None

    def finish(self):
        """What a user does next: resume where something is open, else promote again."""
        last = self.last()
        if last and last["state"] not in ("succeeded", "failed"):
            self.ends(self.sluice.run("resume", "-o", "json"), 0, "succeeded")
        else:
            self.promote(self.sluice)
        self.is_at(self.new)


class Tokens(FaultCase):
    def test_a_token_that_has_ended_stops_it_at_the_start(self):
        for name in ("a", "b"):
            with self.subTest(cluster=name):
                self.setUp()
                box = getattr(self, name)
                box.knob("expire-token", token=box.token("ann"))
                version = self.prod.stream()["metadata"]["resourceVersion"]
                for command in (("plan", "--to", "prod"), ("promote", "--to", "prod", "--yes")):
                    outcome = self.ends(self.sluice.run(*command), 6)
                    self.says(outcome, "write a new token into")
                self.assertIn("write a new token into", self.ends(self.sluice.run("status"), 6).out)
                self.assertEqual(self.prod.stream()["metadata"]["resourceVersion"], version)
                self.prod.runs(self.old)
                self.renew(box, name)
                self.promote(self.sluice)
                self.is_at(self.new)

    def test_a_token_that_ends_anywhere_leaves_what_can_be_finished(self):
        """It ends after so many requests: in the plan, between blobs, between tags, while the rollout is followed."""
        states, number = set(), 6
        while True:
            with self.subTest(requests=number):
                self.setUp()
                self.b.knob("expire-token", token=self.b.token("ann"), after_requests=number)
                outcome = self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json")
                self.renew(self.b, "b")
                if outcome.code == 0:
                    # The last thing to do is to give the lease back.
                    break
                self.assertIn(outcome.code, (4, 6), outcome)
                states.add((outcome.json or {}).get("state", "planned"))
                self.assertIn(self.prod.tag(), (self.old["web"], self.new["web"]), outcome)
                self.finish()
            number += 9
            self.assertLess(number, 300, "a promotion that never ends")
        # Between two tags and while a rollout is followed are moments that it may miss.
        self.assertLessEqual({"planned", "failed"}, states)

    def test_between_blobs(self):
        """The registry of the source refuses the token after the first layers: nothing at the target was touched."""
        self.dev.image(layers=12)
        self.new = {"web": self.dev.tag()}
        self.a.knob("expire-token", token=self.a.token("ann"), after_requests=24)
        outcome = self.ends(self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json"), 6, "failed")
        self.assertGreater(outcome.json["targets"][0]["images"][0]["bytes"]["moved"], 0, outcome)
        self.is_at(self.old)
        self.renew(self.a, "a")
        done = self.ends(self.sluice.run("resume", outcome.json["promotion"], "-o", "json"), 0, "succeeded")
        self.assertEqual(done.json["promotion"], outcome.json["promotion"])
        self.is_at(self.new)

    def test_while_the_rollout_is_followed(self):
        self.b.knob("nodes", mode="manual")
        run = Run(self, self.sluice)
        run.until("rolling-out")
        self.b.knob("revoke-token", token=self.b.token("ann"))
        self.b.knob("close-watches")
        outcome = run.ended(6, "rolling-out")
        promotion = outcome.json["promotion"]
        self.says(outcome, "write a new token into", "then: sluice resume")
        self.prod.stands(self.new)
        self.assertEqual(self.last()["state"], "rolling-out")
        self.b.knob("nodes", mode="auto")
        self.b.settle()
        self.renew(self.b, "b")
        self.assertEqual(self.status(self.sluice)["unfinished"], promotion)
        done = self.ends(self.sluice.run("resume", "-o", "json"), 0, "succeeded")
        self.assertEqual(done.json["promotion"], promotion, done)
        self.prod.stands(self.new)
        self.prod.runs(self.new)
        self.assertEqual(self.prod.rollouts(), 2)


class Conflicts(FaultCase):
    def storm(self, times):
        self.b.knob("conflict", resource="imagestreams", namespace=self.prod.name, name="web", times=times)

    def test_a_few_conflicts_are_outlasted(self):
        self.storm(5)
        self.promote(self.sluice)
        self.is_at(self.new)

    def test_a_storm_ends_it_with_everything_as_it_was(self):
        self.storm(1000)
        outcome = self.ends(self.sluice.run("promote", "--to", "prod", "--yes"), 1)
        self.says(outcome, "web")
        self.prod.stands(self.old)
        self.prod.runs(self.old)
        self.assertEqual(self.prod.paused(), [])
        self.storm(1)  # the last one
        self.promote(self.sluice)
        self.is_at(self.new)

    def test_a_workload_that_others_write_to_is_paused_and_resumed_all_the_same(self):
        self.prod.image("api", layers=1)
        self.dev.image("api", layers=2)
        self.prod.workload(name="both", containers={"web": "web:latest", "api": "api:latest"})
        self.pipeline(self.sluice, ("dev", [("a", self.dev.name)]), ("prod", [("b", self.prod.name)]),
                      pictures=("web", "api"))
        self.b.knob("conflict", resource="deploymentconfigs", namespace=self.prod.name, name="both", times=3)
        before = self.prod.rollouts()
        self.promote(self.sluice)
        self.is_at(self.new)
        self.prod.runs({"web": self.new["web"], "api": self.dev.tag("api")}, "both")
        self.assertEqual(self.prod.rollouts(), before + 2, "one of each workload")


class Watches(FaultCase):
    def test_watches_that_are_cut_are_opened_again(self):
        for events in (1, 2):
            with self.subTest(after_events=events):
                self.setUp()
                self.b.knob("close-watches", after_events=events)
                self.promote(self.sluice)
                self.is_at(self.new)
                self.assertEqual(self.prod.rollouts(), 2)

    def test_versions_that_are_gone_are_read_again(self):
        """410 on the way: what happened meanwhile is learned from a new list."""
        self.b.knob("nodes", mode="manual")
        run = Run(self, self.sluice)
        run.until("rolling-out")
        for _ in range(3):
            self.b.knob("expire-versions")
            self.b.knob("close-watches")
        self.b.knob("nodes", mode="auto")
        self.b.knob("expire-versions")
        run.ended(0, "succeeded")
        self.is_at(self.new)
        self.assertEqual(self.prod.rollouts(), 2)


class Servers(FaultCase):
    def test_an_api_that_is_away_for_a_moment_is_waited_for(self):
        for name, fault in {
            "503 at the start": {**API_BUSY, "times": 2},
            "503 in the middle": {**API_BUSY, "after": 20, "times": 3},
            "503 for what writes tags": {**API_BUSY, "method": "PUT", "times": 2},
            "429 with a time": {"server": "api", "status": 429, "headers": {"Retry-After": "1"}, "after": 10,
                                "times": 2},
            "504": {"server": "api", "status": 504, "after": 25, "times": 2},
            "connections that break": {"server": "api", "reset": True, "method": "GET", "after": 15, "times": 2},
            "a registry that is busy": {"server": "registry", "status": 503, "times": 2},
            "a registry that hangs up": {"server": "registry", "reset": True, "method": "GET", "after": 3, "times": 1},
            "a slow API": {"server": "api", "delay-seconds": 0.05},
        }.items():
            with self.subTest(name):
                self.setUp()
                self.b.knob("fault", **fault)
                self.promote(self.sluice)
                self.b.knob("clear-faults")
                self.is_at(self.new)
                self.assertEqual(self.prod.rollouts(), 2)

    def test_an_api_that_stays_away_is_worth_a_retry(self):
        self.b.knob("fault", **API_BUSY)
        outcome = self.ends(self.sluice.run("promote", "--to", "prod", "--yes", "--retry-times", "1"), 7)
        self.says(outcome, "503")
        self.b.knob("clear-faults")
        self.is_at(self.old)
        self.finish()

    def test_an_api_that_goes_away_while_the_rollout_is_followed(self):
        self.b.knob("nodes", mode="manual")
        run = Run(self, self.sluice)
        run.until("rolling-out")
        self.b.knob("fault", **API_BUSY, times=4)
        self.b.knob("close-watches")
        self.b.knob("nodes", mode="auto")
        run.ended(0, "succeeded")
        self.is_at(self.new)

    def test_bytes_that_were_spoiled_on_the_way_never_get_a_tag(self):
        self.a.knob("fault", server="registry", method="GET", path="*/blobs/*", corrupt=True)
        outcome = self.ends(self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json"), 1, "failed")
        self.assertIn("sha256:", outcome.json["failure"], outcome)
        self.is_at(self.old)
        self.a.knob("clear-faults")
        self.ends(self.sluice.run("resume", outcome.json["promotion"], "-o", "json"), 0, "succeeded")
        self.is_at(self.new)


if __name__ == "__main__":
    unittest.main(verbosity=2)
