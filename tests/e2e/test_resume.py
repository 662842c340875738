"""Interrupted promotions: whatever moment they die at, resume leads to the end that was meant, and undo leads back."""

import concurrent.futures
import json
import signal
import sqlite3
import unittest

import sluicekit as kit

kit.need("docker-registry")

WORKERS = 3


class World:
    """One app of two images: dev in registry a; prod has two targets, one in a and one in b."""

    def __init__(self, case, name, host_a=None, host_b=None):
        self.case, self.name = case, name
        self.home = case.home()
        self.images = {n: {image: kit.random_image((900, 400), seed=f"{name}-{image}-{n}") for image in ("web", "api")}
                       for n in (1, 2, 3)}
        self.project = f"{case.project}/{name}"
        self.targets = [(case.a, f"{self.project}/p1"), (case.b, f"{self.project}/p2")]
        hosts = (host_a or case.a.host, host_b or case.b.host)
        self.pipeline = kit.pipeline(
            "shop", ("web", "api"), ("dev", [(hosts[0], f"{self.project}/dev")]),
            ("prod", [(host, project) for host, (_, project) in zip(hosts, self.targets)]))
        self.home.write("sluice.yaml", self.pipeline)

    def another_home(self):
        """Another machine, which knows nothing but the pipeline."""
        home = self.case.home()
        home.write("sluice.yaml", self.pipeline)
        return home

    def release(self, number):
        for image, content in self.images[number].items():
            self.case.a.client().push(f"{self.project}/dev/{image}", "latest", content)

    def promote(self, *flags, **options):
        return self.home.run("promote", "--to", "prod", "--yes", "-o", "json", *flags, **options)

    def history(self):
        return self.case.ok(self.home.run("history", "-o", "json")).json["promotions"]

    def steps(self, promotion):
        """The journal as it is recorded: the state after each step is not asked, the steps are."""
        file = self.home.home / ".state" / "sluice" / "records.db"
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as records:
            rows = records.execute("SELECT step, target FROM journal WHERE promotion = ? ORDER BY sequence",
                                   (promotion,))
            return [tuple(row) for row in rows]

    def holds(self, number, targets=None):
        for registry, project in targets or self.targets:
            for image, content in self.images[number].items():
                self.case.holds(registry, f"{project}/{image}", "latest", content)

    def complete(self):
        """The journal of the last promotion knows the end of everything it set out to do, and nothing is leased."""
        last = self.history()[0]
        self.case.assertEqual((last["state"], last["failure"]), ("succeeded", None), last)
        steps = self.steps(last["promotion"])
        for registry, project in self.targets:
            for step in ("before", "switch", "verified"):
                self.case.assertTrue(any(s == step and t.endswith(project) for s, t in steps), (step, project, steps))
        self.case.assertIn("content", [step for step, _ in steps])
        self.case.assertEqual(steps[-1][0], "succeeded", steps)

    def goes_on(self):
        """A later release can be promoted at once."""
        self.release(3)
        self.case.assertEqual(self.case.ok(self.promote()).json["state"], "succeeded")
        self.holds(3)


class KilledBetweenWrites(kit.E2eCase):
    def attempt(self, number):
        """Promotes release 2, killed after so many committed writes; True when it was killed before the end."""
        world = World(self, f"n{number}")
        world.release(1)
        self.ok(world.promote())
        world.release(2)
        killed = world.promote(program=kit.helper("sluice-crash"), environment={"SLUICE_CRASH_AFTER": str(number)})
        if killed.code != -signal.SIGKILL:
            self.ok(killed)
        else:
            self.assertEqual(killed.out, "", f"killed after write {number}, and yet it reported\n{killed}")
            known = world.history()[0]
            # Nothing of release 2 was recorded as a promotion yet: then promoting again is what a user does.
            if known["state"] == "succeeded" and known["release"] == 1:
                self.ok(world.promote())
            elif known["state"] == "succeeded":
                # The places may not have heard of the end yet.
                prod = self.ok(world.home.run("status", "-o", "json")).json["environments"][1]
                if prod["unfinished"] is not None:
                    self.ok(world.home.run("resume", prod["unfinished"]))
                self.fails(world.home.run("resume", known["promotion"]), 2, "nothing to resume")
            else:
                done = self.ok(world.home.run("resume", "-o", "json"))
                self.assertEqual((done.json["state"], done.json["promotion"]), ("succeeded", known["promotion"]))
        world.holds(2)
        world.complete()
        world.goes_on()
        return killed.code == -signal.SIGKILL

    def elsewhere(self, number):
        """Killed after so many committed writes, and finished or undone by a machine with an empty home."""
        world = World(self, f"o{number}")
        world.release(1)
        self.ok(world.promote())
        world.release(2)
        killed = world.promote(program=kit.helper("sluice-crash"), environment={"SLUICE_CRASH_AFTER": str(number)})
        if killed.code == 0:
            return False
        self.assertEqual(killed.code, -signal.SIGKILL, killed)
        world.home = world.another_home()
        prod = self.ok(world.home.run("status", "-o", "json")).json["environments"][1]
        if prod["unfinished"] is None:  # the place had not heard of it, or had heard of its end
            self.ok(world.promote())
            world.holds(2)
        else:
            verb = ("resume", "undo")[number % 2]
            self.ok(world.home.run(verb, prod["unfinished"], "--yes"))
            world.holds(2 if verb == "resume" else 1)
        world.goes_on()
        return True

    def test_another_machine_finishes_or_undoes_it_whatever_write_was_the_last_one(self):
        self.each_write(self.elsewhere)

    def test_every_write_can_be_the_last_one(self):
        self.each_write(self.attempt)

    def each_write(self, attempt):
        tried, ended = 0, False
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            while not ended:
                batch = list(range(tried + 1, tried + 1 + WORKERS))
                for number, outcome in zip(batch, pool.map(attempt, batch)):
                    if not outcome:
                        ended = True
                        break
                    tried = number
                self.assertLess(tried, 200, "a promotion that never ends")
        self.assertGreater(tried, 10, "a two-image, two-target promotion has more steps than that")

    def test_a_resume_that_is_killed_can_be_resumed(self):
        """Killed at each write of resume in turn, always further on: the last one arrives."""
        world = World(self, "again")
        world.release(1)
        self.ok(world.promote())
        world.release(2)
        crash = kit.helper("sluice-crash")
        killed = world.promote(program=crash, environment={"SLUICE_CRASH_AFTER": "12"})
        self.assertEqual(killed.code, -signal.SIGKILL, killed)
        rounds = 0
        for number in range(1, 60):
            resumed = world.home.run("resume", program=crash, environment={"SLUICE_CRASH_AFTER": str(number)})
            if resumed.code != -signal.SIGKILL:
                break
            rounds += 1
        self.assertGreater(rounds, 5, resumed)
        world.holds(2)
        world.complete()


class KilledWhileBytesFlow(kit.E2eCase):
    def interrupted(self, number):
        """A promotion that hangs in the middle of a layer when it is hit by a signal."""
        with kit.Proxy(self.b.host) as proxy:
            world = World(self, signal.Signals(number).name.lower(), host_b=proxy.host)
            world.release(1)
            self.ok(world.promote())
            world.release(2)
            layer = world.images[2]["web"].layers[0]
            proxy.fault(method="PUT", target=f"digest=.*{layer.digest[7:]}", action="stall", side="request", at=300,
                        times=0)
            child = world.home.start("promote", "--to", "prod", "--yes", "--events", "-", "--progress", "none")
            for line in child.popen.stdout:  # until the layer is on its way
                event = json.loads(line)
                if event["kind"] == "blob-started" and event["digest"] == layer.digest:
                    break
            else:
                self.fail(f"the layer never started: {child.popen.communicate()}")
            outcome = world.home.interrupt(child, number)
            proxy.clear_faults()
            world.holds(1)
            yield world, outcome
            self.ok(world.home.run("resume"))
            world.holds(2)
            world.complete()
            world.goes_on()

    def test_by_sigkill(self):
        for world, outcome in self.interrupted(signal.SIGKILL):
            self.assertEqual(outcome.code, -signal.SIGKILL, outcome)
            self.assertEqual(world.history()[0]["state"], "copying")

    def test_by_ctrl_c(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            for world, outcome in self.interrupted(number):
                self.assertEqual(outcome.code, 130, outcome)
                self.assertEqual(world.history()[0]["state"], "cancelled")
                self.assertIn(f"sluice resume {world.history()[0]['promotion']}", outcome.err, outcome)
                self.fails(outcome, 130)


class Partial(kit.E2eCase):
    """The second target refuses its tags after the first was switched."""

    def setUp(self):
        super().setUp()
        self.proxy = self.enterContext(kit.Proxy(self.b.host))
        self.world = World(self, "w", host_b=self.proxy.host)
        self.world.release(1)
        self.ok(self.world.promote())
        self.world.release(2)
        self.proxy.fault(method="PUT", target="/manifests/latest$", times=0, action="status", status=403,
                         body='{"errors":[{"code":"DENIED","message":"frozen"}]}')
        self.outcome = self.world.promote()

    def test_it_says_partial_and_how_to_go_on(self):
        result = self.outcome.json
        self.assertEqual(self.outcome.code, 4, self.outcome)
        self.assertEqual(result["state"], "partial")
        self.assertEqual([target["state"] for target in result["targets"]], ["succeeded", "failed"])
        self.assertIn("frozen", result["failure"])
        self.fails(self.outcome, 4, "frozen")
        for way in ("sluice resume", "sluice undo"):
            self.assertIn(f"{way} {result['promotion']}", self.outcome.err)
        self.world.holds(2, self.world.targets[:1])
        self.world.holds(1, self.world.targets[1:])

    def test_it_stands_in_the_way_of_another_promotion(self):
        self.world.release(3)
        blocked = self.world.promote()
        self.fails(blocked, 3, "blocked")
        plan = self.world.home.run("plan", "--to", "prod", "-o", "json")
        self.assertEqual(plan.code, 3, plan)
        self.assertIn("promotion-unfinished", [finding["code"] for finding in plan.json["findings"]])

    def test_it_shows_in_status(self):
        prod = self.ok(self.world.home.run("status", "-o", "json")).json["environments"][1]
        self.assertEqual((prod["holds"], prod["unfinished"]), ("mixed", self.outcome.json["promotion"]))

    def test_it_stays_partial_while_the_fault_lasts(self):
        again = self.world.home.run("resume", "-o", "json")
        self.assertEqual((again.code, again.json["state"]), (4, "partial"), again)

    def test_resume_finishes_it_when_the_fault_is_gone(self):
        self.proxy.clear_faults()
        done = self.ok(self.world.home.run("resume", self.outcome.json["promotion"], "-o", "json"))
        self.assertEqual(done.json["state"], "succeeded")
        self.world.holds(2)
        self.world.complete()
        self.world.goes_on()

    def test_undo_puts_the_first_target_back(self):
        done = self.ok(self.world.home.run("undo", self.outcome.json["promotion"], "-o", "json"))
        self.assertEqual(done.json["state"], "rolled-back")
        self.world.holds(1)
        self.proxy.clear_faults()
        self.world.goes_on()

    def one_alone(self, verb, project):
        done = self.ok(self.world.home.run(verb, self.outcome.json["promotion"], "--target", project, "-o", "json"))
        self.assertEqual([target["target"] for target in done.json["targets"]],
                         [f"{host}/{name}" for host, name in self.hosts() if name.endswith(project)])
        return done.json["state"]

    def hosts(self):
        return [(self.a.host, f"{self.world.project}/p1"), (self.proxy.host, f"{self.world.project}/p2")]

    def test_one_target_alone_can_be_undone_while_the_other_is_down(self):
        self.proxy.fault(target="/v2/", times=0, action="status", status=500)
        self.assertEqual(self.one_alone("undo", "p1"), "partial")
        self.world.holds(1)
        self.proxy.clear_faults()
        self.assertEqual(self.one_alone("undo", "p2"), "rolled-back", "the last one ends it")
        self.world.goes_on()

    def test_one_target_alone_can_be_resumed(self):
        other = self.world.another_home()
        self.proxy.clear_faults()
        self.assertEqual(self.one_alone("resume", "p2"), "partial", "the first one has not heard of the end")
        self.world.holds(2)
        self.assertEqual(self.one_alone("resume", "p1"), "succeeded")
        row = self.ok(other.run("status", "-o", "json")).json["environments"][1]
        self.assertEqual((row["holds"], row["unfinished"]), ("release", None), row)
        self.world.goes_on()

    def test_a_target_that_fits_none_or_both_is_refused_and_nothing_happens(self):
        for name in ("nowhere", "p"):
            for verb in ("undo", "resume"):
                refused = self.world.home.run(verb, self.outcome.json["promotion"], "--target", name)
                self.fails(refused, 2, name)
        self.world.holds(2, self.world.targets[:1])
        self.world.holds(1, self.world.targets[1:])

    def test_undo_and_resume_refuse_what_makes_no_sense(self):
        promotion = self.outcome.json["promotion"]
        self.ok(self.world.home.run("undo", promotion))
        self.fails(self.world.home.run("resume", promotion), 2, promotion, "undone")
        self.fails(self.world.home.run("undo", promotion), 2, promotion, "undone")


class Undo(kit.E2eCase):
    def test_a_promotion_that_succeeded_can_be_undone(self):
        world = World(self, "w")
        world.release(1)
        self.ok(world.promote())
        world.release(2)
        promoted = self.ok(world.promote()).json["promotion"]
        self.assertEqual(self.ok(world.home.run("undo", promoted, "-o", "json")).json["state"], "rolled-back")
        world.holds(1)
        world.goes_on()

    def test_where_nothing_was_before_it_says_so_and_takes_nothing_away(self):
        world = World(self, "w")
        world.release(1)
        promoted = self.ok(world.promote()).json["promotion"]
        undone = world.home.run("undo", promoted, "-o", "json")
        self.assertEqual((undone.code, undone.json["state"]), (4, "partial"), undone)
        self.assertEqual({finding["code"] for finding in undone.json["findings"]}, {"undo-nothing-before"})
        world.holds(1)

    def test_only_the_last_promotion_can_be_undone(self):
        world = World(self, "w")
        world.release(1)
        first = self.ok(world.promote()).json["promotion"]
        world.release(2)
        second = self.ok(world.promote()).json["promotion"]
        self.fails(world.home.run("undo", first), 2, first, second)
        world.holds(2)

    def test_unknown_promotions_are_not_found(self):
        home = self.home()
        home.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [(self.a.host, "d")]),
                                               ("prod", [(self.a.host, "p")])))
        for command in ("resume", "undo"):
            self.fails_plainly(home.run(command, "p0123456789ab"), 1, "p0123456789ab", "sluice history")
        self.fails_plainly(home.run("resume"), 1, "no promotion of shop is unfinished")


if __name__ == "__main__":
    unittest.main(verbosity=2)
