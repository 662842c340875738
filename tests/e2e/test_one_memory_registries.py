"""Plain registries remember what was promoted to them: every machine tells the same, and going back never goes wrong.
Two machines are two homes; the second one knows nothing but its pipeline file."""

import concurrent.futures
import json
import unittest

import sluicekit as kit
from sluicekit.fake_registry import FakeRegistry

kit.need("docker-registry")

WORKERS = 3


class Machines(kit.E2eCase):
    """The app `shop` of one image, or of more: dev in registry a, prod in registry b, unless a test says otherwise."""

    images = ("web",)

    def where(self, environment):
        return f"{self.project}/{environment}"

    def pipeline(self, dev=None, prod=None, name="prod"):
        return kit.pipeline("shop", self.images, ("dev", [(dev or self.a.host, self.where("dev"))]),
                            ("prod", [(prod or self.b.host, self.where(name))]))

    def machine(self, **places):
        home = self.home()
        home.write("sluice.yaml", self.pipeline(**places))
        return home

    def build(self, number):
        return {image: kit.random_image((700, 90), seed=f"{self.project}-{image}-{number}") for image in self.images}

    def push(self, build, environment="dev", registry=None):
        registry = registry or (self.a if environment == "dev" else self.b)
        for image, content in build.items():
            registry.client().push(f"{self.where(environment)}/{image}", "latest", content)
        return build

    def shows(self, build, environment="prod", registry=None):
        for image, content in build.items():
            self.holds(registry or self.b, f"{self.where(environment)}/{image}", "latest", content)

    def promote(self, home, *flags, code=0):
        outcome = home.run("promote", "--to", "prod", "--yes", "-o", "json", *flags)
        self.assertEqual(outcome.code, code, outcome)
        return outcome.json

    def promoted(self, home, number):
        """Builds it and brings it to prod; gives the promotion."""
        self.push(self.build(number))
        return self.promote(home)

    def rollback(self, home, *flags):
        return self.ok(home.run("rollback", "--to", "prod", "--yes", "-o", "json", *flags)).json

    def status(self, home, *flags, environment="prod"):
        rows = self.ok(home.run("status", "-o", "json", *flags)).json["environments"]
        return next(row for row in rows if row["environment"] == environment)

    def fails_with(self, outcome, code, *words):
        self.assertEqual(outcome.code, code, outcome)
        for word in words:
            self.assertIn(word, outcome.err, outcome)


class TwoRegions(Machines):
    """Two pipelines of one app on one machine: what they share is the place of birth."""

    def setUp(self):
        super().setUp()
        self.both = self.home()
        for region in ("us", "eu"):
            self.both.write(f"{region}.yaml", self.pipeline(name=region))

    def to(self, region, number):
        self.push(self.build(number))
        return self.ok(self.both.run("promote", "-f", f"{region}.yaml", "--to", "prod", "--yes", "-o", "json")).json

    def test_a_rollback_brings_back_what_stood_in_its_own_region(self):
        for region, number in (("us", 1), ("eu", 2), ("us", 3)):
            self.to(region, number)
        self.ok(self.both.run("rollback", "-f", "us.yaml", "--to", "prod", "--yes"))
        self.shows(self.build(1), "us")
        self.shows(self.build(2), "eu")

    def test_what_happens_in_one_region_is_nothing_to_the_other(self):
        for region, number in (("us", 1), ("eu", 2), ("us", 3)):
            last = self.to(region, number)
        row = self.status(self.both, "-f", "eu.yaml")
        self.assertEqual((row["holds"], row["drift"]), ("release", False), row)
        self.ok(self.both.run("rollback", "-f", "us.yaml", "--to", "prod", "--yes"))
        self.assertIsNone(self.status(self.both, "-f", "eu.yaml")["hold"])
        self.to("eu", 4)
        self.shows(self.build(4), "eu")
        undone = self.both.run("undo", "-f", "eu.yaml", last["promotion"], "--yes")
        self.assertNotEqual(undone.code, 0, undone)
        self.shows(self.build(1), "us")


class GoingBack(Machines):
    def test_from_an_empty_home(self):
        for number in (1, 2):
            self.promoted(self.one(), number)
        done = self.rollback(self.machine())
        self.assertEqual(done["state"], "succeeded")
        self.shows(self.build(1))

    def one(self):
        if not hasattr(self, "_one"):
            self._one = self.machine()
        return self._one

    def test_never_brings_back_what_was_undone(self):
        for number in (1, 2):
            self.promoted(self.one(), number)
        bad = self.promoted(self.one(), 3)["promotion"]
        self.ok(self.one().run("undo", bad, "--yes"))
        self.shows(self.build(2))
        self.rollback(self.machine())
        self.shows(self.build(1))

    def test_has_nowhere_to_go_when_the_only_promotion_was_undone(self):
        self.push(self.build("legacy"), "prod")
        first = self.promoted(self.one(), 1)["promotion"]
        self.ok(self.one().run("undo", first, "--yes"))
        self.shows(self.build("legacy"))
        self.fails(self.machine().run("rollback", "--to", "prod", "--yes"), 1, "no earlier release of shop")
        self.shows(self.build("legacy"))

    def test_brings_back_what_stood_there_before_the_first_promotion(self):
        self.push(self.build("legacy"), "prod")
        self.promoted(self.one(), 1)
        self.rollback(self.machine())
        self.shows(self.build("legacy"))

    def test_twice_goes_further_back(self):
        for number in (1, 2):
            self.promoted(self.one(), number)
        bad = self.promoted(self.one(), 3)["promotion"]
        self.ok(self.one().run("undo", bad, "--yes"))
        self.promoted(self.one(), 4)
        self.rollback(self.one())
        self.shows(self.build(2))
        self.rollback(self.machine())
        self.shows(self.build(1))

    def test_by_number_means_the_same_on_every_machine(self):
        """A3: numbers that one machine alone knew were given a second time by another one."""
        one, two = self.one(), self.machine()
        for number in (1, 2):
            self.promoted(one, number)
        bad = self.promoted(one, 3)["promotion"]
        self.ok(one.run("undo", bad, "--yes"))
        self.promoted(two, 4)
        row = self.status(one)
        self.assertEqual((row["holds"], row["drift"]), ("release", False), row)
        self.promoted(one, 5)
        kept = self.status(self.machine())["kept"]
        self.assertEqual(kept, self.status(one)["kept"])
        self.assertEqual(kept, self.status(two)["kept"])
        numbers = [release["release"] for release in kept]
        self.assertEqual(len(numbers), len(set(numbers)), kept)
        for number in numbers[1:]:
            found = {self.ok(home.run("plan", "--to", "prod", "--release", str(number), "-o", "json"))
                     .json["targets"][0]["images"][0]["after"] for home in (one, two, self.machine())}
            self.assertEqual(len(found), 1, f"release {number} is {found}")
        for home in (one, two):
            plan = home.run("plan", "--to", "prod", "--release", str(numbers[1]), "-o", "json").json
            self.assertEqual(plan["targets"][0]["images"][0]["after"], self.build(4)["web"].digest)
        self.rollback(two)
        self.shows(self.build(4))


class Seen(Machines):
    def test_another_machine_knows_the_release_and_whether_it_is_the_newest(self):
        one = self.machine()
        self.promoted(one, 1)
        other = self.machine()
        for environment in ("dev", "prod"):
            row = self.status(other, environment=environment)
            self.assertEqual((row["holds"], bool(row["drift"])), ("release", False), row)
            self.assertEqual(row["release_id"], self.status(one, environment=environment)["release_id"])
        self.assertEqual(self.status(other)["release"], self.status(one)["release"])
        self.assertIsNotNone(self.status(other)["release"])

    def test_a_hold_is_set_seen_and_lifted_anywhere(self):
        one, two = self.machine(), self.machine()
        self.promoted(one, 1)
        self.ok(one.run("hold", "prod", "--reason", "year end"))
        self.assertIn("year end", json.dumps(self.status(two)["hold"]))
        self.push(self.build(2))
        for home in (one, two):
            self.promote(home, code=3)
        self.ok(two.run("unhold", "prod"))
        self.assertIsNone(self.status(one)["hold"])
        self.promote(one)
        self.shows(self.build(2))

    def test_an_equal_promotion_from_another_machine_writes_nothing(self):
        self.promoted(self.machine(), 1)
        check = self.unchanged(self.b)
        self.promote(self.machine())
        check()

    def test_two_names_of_one_registry_give_one_plan(self):
        hosts = (self.b.host, self.b.host.replace("127.0.0.1", "localhost"))
        one = self.machine(dev=hosts[0])
        self.push(self.build(1), registry=self.b)
        self.promote(one)
        self.push(self.build(2), registry=self.b)
        plans = {host: self.ok(self.machine(dev=host, prod=host).run("plan", "--to", "prod", "-o", "json")).json["plan"]
                 for host in hosts}
        self.assertEqual(len(set(plans.values())), 1, plans)
        self.ok(self.machine(dev=hosts[1], prod=hosts[1]).run("promote", "--to", "prod", "--plan", plans[hosts[0]]))
        self.shows(self.build(2))


class GarbageCollected(Machines):
    """docker-registry garbage-collect --delete-untagged takes every manifest without a tag of its own."""

    shared_registries = ("a",)

    def setUp(self):
        super().setUp()
        self.b = self.enterContext(kit.Registry())

    def test_every_release_that_status_offers_can_be_brought_back(self):
        one = self.machine()
        self.push(self.build("legacy"), "prod")
        for number in (1, 2, 3):
            self.promoted(one, number)
            self.b.collect_garbage("--delete-untagged")
        kept = self.status(self.machine())["kept"]
        self.assertGreaterEqual(len(kept), 4, kept)
        # The source has nothing to help out with.
        self.a.client().push(f"{self.where('dev')}/web", "latest", self.build(3)["web"])
        for release in kept:
            name = release["release_id"][:12]
            with self.subTest(name):
                self.ok(self.machine().run("rollback", "--to", "prod", "--release", name, "--yes"))

    def test_what_is_gone_is_not_offered(self):
        one = self.machine()
        for number in (1, 2):
            self.promoted(one, number)
        before = self.status(one)["kept"]
        self.assertEqual(len(before), 2)
        gone = self.build(1)["web"]
        self.b.client().delete_manifest(f"{self.where('prod')}/web", gone.digest)
        kept = self.status(self.machine())["kept"]
        self.assertEqual(kept, before[:1])


class Refused(Machines):
    """A registry that takes no such tag, or no such artifact."""

    def test_a_promotion_goes_on_with_our_own_records_and_says_so(self):
        for status, code in ((403, "DENIED"), (400, "MANIFEST_INVALID"), (405, "UNSUPPORTED")):
            with self.subTest(code), FakeRegistry() as registry:
                registry.rule(method="PUT", path="*/manifests/sluice-*", times=0, status=status, code=code)
                home = self.machine(prod=registry.host)
                for number in (1, 2):
                    done = self.promoted(home, number)
                    found = [one for one in done["findings"] if one["code"] == "memory-refused"]
                    self.assertEqual(len(found), 1, done["findings"])
                    self.assertEqual((done["state"], found[0]["severity"]), ("succeeded", "warning"))
                self.assertEqual(registry.tags(f"{self.where('prod')}/web"), ["latest"])
                row = self.status(home)
                self.assertEqual((row["holds"], row["drift"]), ("release", False), row)
                self.rollback(home)
                self.assertEqual(registry.manifest_of(f"{self.where('prod')}/web", "latest")["digest"],
                                 self.build(1)["web"].digest)

    def test_pins_alone_may_be_refused(self):
        with FakeRegistry() as registry:
            registry.rule(method="PUT", path="*/manifests/sluice-[0-9a-f]*", times=0, status=403, code="DENIED")
            home = self.machine(prod=registry.host)
            for number in (1, 2):
                self.assertEqual(self.promoted(home, number)["state"], "succeeded")
            self.assertIsNone(self.status(self.machine(prod=registry.host))["unfinished"])


class KilledAtEveryWrite(Machines):
    """kill -9 right after each write to the place; the other machine, with an empty home, finishes it or undoes it."""

    images = ("web", "api")

    def attempt(self, number, verb):
        """True when the promotion was killed before its last write."""
        world = _World(self, f"{self.project[:30].rstrip('-')}-{verb}-{number}")
        first = world.machine()
        world.push(1)
        self.ok(first.run("promote", "--to", "prod", "--yes"))
        world.push(2)
        with kit.KillingProxy(self.b.host, after=number) as proxy:
            first.write("sluice.yaml", world.pipeline(proxy.host))
            child = first.start("promote", "--to", "prod", "--yes", "--progress", "none")
            proxy.victim(child)
            out, err = child.popen.communicate(timeout=100)
            child.stop()
            if not proxy.killed:
                self.assertEqual(child.popen.returncode, 0, f"{out}\n{err}")
        first.write("sluice.yaml", world.pipeline(self.b.host))  # the proxy is gone
        other = world.machine()
        row = world.status(other)
        if row["unfinished"] is not None:
            done = other.run(verb, row["unfinished"], "--yes", "-o", "json")
            self.assertEqual(done.code, 0, f"killed after write {number}\n{done}")
            world.shows(2 if verb == "resume" else 1)
        elif row["release_id"] != world.status(first)["release_id"]:
            self.fail(f"killed after write {number}: {row}")
        # Nothing is left over that stands in the way of anybody.
        third = world.machine()
        row = world.status(third)
        self.assertEqual((row["holds"], row["drift"], row["unfinished"]), ("release", False, None), row)
        self.ok(third.run("promote", "--to", "prod", "--yes"))
        world.shows(2)
        return proxy.killed

    def killed_at_each(self, verb):
        tried, ended = 0, False
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            while not ended:
                batch = list(range(tried + 1, tried + 1 + WORKERS))
                for number, killed in zip(batch, pool.map(lambda one: self.attempt(one, verb), batch)):
                    ended = ended or not killed
                    tried = number
                self.assertLess(tried, 100, "a promotion that never ends")
        self.assertGreater(tried, 10, "a memory, a pin, layers and a tag are more writes than that")

    def test_and_resumed_by_the_other_machine(self):
        self.killed_at_each("resume")

    def test_and_undone_by_the_other_machine(self):
        self.killed_at_each("undo")


class _World:
    """dev in registry a and prod in registry b, for one attempt among several at once."""

    def __init__(self, case, project):
        self.case, self.project = case, project
        self.images = {n: {image: kit.random_image((500, 90), seed=f"{project}-{image}-{n}") for image in case.images}
                       for n in (1, 2)}

    def pipeline(self, prod):
        return kit.pipeline("shop", self.case.images, ("dev", [(self.case.a.host, f"{self.project}/dev")]),
                            ("prod", [(prod, f"{self.project}/prod")]))

    def machine(self):
        home = self.case.home()
        home.write("sluice.yaml", self.pipeline(self.case.b.host))
        return home

    def push(self, number):
        for image, content in self.images[number].items():
            self.case.a.client().push(f"{self.project}/dev/{image}", "latest", content)

    def shows(self, number):
        for image, content in self.images[number].items():
            self.case.holds(self.case.b, f"{self.project}/prod/{image}", "latest", content)

    def status(self, home):
        outcome = home.run("status", "-o", "json")
        self.case.assertEqual(outcome.code, 0, outcome)
        return outcome.json["environments"][1]


if __name__ == "__main__":
    unittest.main(verbosity=2)
