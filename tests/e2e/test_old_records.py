"""What revision d8a0d21 left in records and annotations (tests/data/d8a0d21) is read, shown, resumed, undone and rolled
back from; and what is written since says what that revision needs."""

import json
import os
import unittest

import sluicekit as kit
from sluicekit import old_records as old
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.need("docker-registry")
kit.binary()

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}
ENTRY = {"app", "environment", "release", "promotion", "digest", "previous", "hold", "releases"}
KEPT = {"number", "digest", "tag", "pattern-tag", "promotion", "at"}


def told(home):
    """History as the data keeps it."""
    rows = home.run("history", "-o", "json").json["promotions"]
    return [{key: one[key] for key in ("promotion", "kind", "release", "state")} for one in rows]


def numbers_of(home):
    """The releases that a home lists: digests by image, by number."""
    rows = home.run("releases", "-o", "json").json["releases"]
    return {one["release"]: {image["name"]: image["digest"] for image in one["images"]} for one in rows}


class OnRegistries(kit.E2eCase):
    """Releases 1 and 2 were promoted; the promotion of 3 was killed between the two images of the second target. Then
    the environment was held."""

    shared_registries = ()
    name = "registry-switching"

    def setUp(self):
        super().setUp()
        self.a, self.b = (self.enterContext(kit.Registry()) for _ in "ab")
        places = {"a": self.a.host, "b": self.b.host}
        self.then = old.world_of(self.name, places)
        self.promotion = self.then["history"][0]["promotion"]
        for number in (1, 2, 3):
            for picture in old.PICTURES:
                self.push(self.a, f"old/dev/{picture}", number, picture)
                self.push(self.a, f"old/p1/{picture}", number, picture)
                if (number, picture) != (3, "api"):
                    self.push(self.b, f"old/p2/{picture}", number, picture)
        self.assertEqual(self.tags(), self.then["tags"], "the digests of the data are those of the kit's images")
        self.machine = self.one()
        old.put_records(self.machine, self.name, places)

    def one(self):
        home = self.home()
        home.write("sluice.yaml", kit.pipeline("shop", old.PICTURES, ("dev", [(self.a.host, "old/dev")]),
                                               ("prod", [(self.a.host, "old/p1"), (self.b.host, "old/p2")])))
        return home

    def push(self, registry, repository, number, picture):
        registry.client().push(repository, "latest", old.image_of(number, picture))

    def tags(self):
        return {project: {picture: registry.client().digest(f"old/{project}/{picture}", "latest")
                          for picture in old.PICTURES} for registry, project in ((self.a, "p1"), (self.b, "p2"))}

    def is_at(self, number):
        digests = {picture: old.image_of(number, picture).digest for picture in old.PICTURES}
        self.assertEqual(self.tags(), {"p1": digests, "p2": digests})

    def prod(self, home=None):
        return self.ok((home or self.machine).run("status", "-o", "json")).json["environments"][1]

    def goes_back(self, number, home=None, *flags):
        done = self.ok((home or self.machine).run("rollback", "--to", "prod", "--yes", "-o", "json", *flags))
        self.assertEqual((done.json["state"], done.json["release"]), ("succeeded", number), done)
        self.is_at(number)
        self.ok((home or self.machine).run("unhold", "prod"))

    def test_what_there_was_is_shown(self):
        prod = self.prod()
        self.assertEqual((prod["unfinished"], prod["hold"], prod["holds"]),
                         (self.promotion, "year-end close", "mixed"), prod)
        self.assertEqual(told(self.machine), self.then["history"])
        self.assertEqual(numbers_of(self.machine), {
            number: {picture: old.image_of(number, picture).digest for picture in old.PICTURES}
            for number in (1, 2, 3)})
        shown = self.ok(self.machine.run("release", "show", "2", "-o", "json")).json
        self.assertEqual((shown["release"], shown["images"][0]["digest"]), (2, old.image_of(2).digest), shown)
        self.assertEqual(self.tags(), self.then["tags"])

    def test_the_hold_stands_in_the_way_until_it_is_lifted(self):
        for words in (("resume", "--yes"), ("undo", self.promotion, "--yes"), ("promote", "--to", "prod", "--yes")):
            self.fails(self.machine.run(*words), 3)
        self.assertEqual(self.tags(), self.then["tags"])
        self.assertEqual(told(self.machine), self.then["history"])
        self.ok(self.machine.run("unhold", "prod"))
        self.assertIsNone(self.prod()["hold"])
        self.ok(self.machine.run("resume", "--yes"))

    def test_a_hold_that_is_set_anew_hides_nothing(self):
        self.ok(self.machine.run("unhold", "prod"))
        before = self.prod()
        self.assertEqual([one["release"] for one in before["kept"]], [2, 1], before)
        self.ok(self.machine.run("hold", "prod", "--reason", "again"))
        self.assertEqual(self.prod(self.one())["hold"], "again", "every machine sees it")
        after = self.prod()
        self.assertEqual((after["hold"], after["unfinished"], after["kept"]),
                         ("again", self.promotion, before["kept"]), after)

    def test_resume_comes_to_its_end_and_rollback_leads_back_step_by_step(self):
        self.ok(self.machine.run("unhold", "prod"))
        done = self.ok(self.machine.run("resume", "--yes", "-o", "json"))
        self.assertEqual((done.json["state"], done.json["promotion"], done.json["release"]),
                         ("succeeded", self.promotion, 3), done)
        self.is_at(3)
        prod = self.prod()
        self.assertEqual((prod["unfinished"], prod["release"], prod["drift"]), (None, 3, False), prod)
        self.goes_back(2)
        self.goes_back(1)

    def test_undo_comes_to_its_end_and_rollback_leads_to_the_release_before(self):
        self.ok(self.machine.run("unhold", "prod"))
        done = self.ok(self.machine.run("undo", self.promotion, "--yes", "-o", "json"))
        self.assertEqual((done.json["state"], done.json["promotion"]), ("rolled-back", self.promotion), done)
        self.is_at(2)
        prod = self.prod()
        self.assertEqual((prod["unfinished"], prod["release"], prod["drift"]), (None, 2, False), prod)
        self.goes_back(1)

    def test_what_was_resumed_another_machine_sees(self):
        self.ok(self.machine.run("unhold", "prod"))
        self.ok(self.machine.run("resume", "--yes"))
        other = self.one()
        self.assertEqual((self.prod(other)["release"], self.prod(other)["drift"]), (3, False))
        self.goes_back(2, other)

    def test_old_numbers_name_releases_and_are_not_given_again(self):
        self.ok(self.machine.run("unhold", "prod"))
        self.ok(self.machine.run("undo", self.promotion, "--yes"))
        self.goes_back(1, None, "--release", "1")
        self.goes_back(3, None, "--release", "3")
        for picture in old.PICTURES:
            self.push(self.a, f"old/dev/{picture}", 4, picture)
        done = self.ok(self.machine.run("promote", "--to", "prod", "--yes", "-o", "json"))
        self.assertNotIn(done.json["release"], (1, 2, 3), done)
        self.is_at(4)


class OnSandbox(ShopCase):
    """A sandbox as revision d8a0d21 left one: tags with their history, pins, annotations, a workload."""

    def bring(self, name):
        self.box = self.enterContext(Sandbox(profile="3.11", scenario=USERS))
        self.dev, self.prod = (self.project(self.box, project) for project in old.PROJECTS)
        self.name, self.places = name, {"api": self.box.ready["api"].removeprefix("https://")}
        self.then = old.world_of(name, self.places)
        numbers = {old.image_of(number).digest: number for number in range(4)}
        for digest in self.then["tags"]["latest"]:
            old.push(self.box.registry("ann"), "old-prod/web", "latest", old.image_of(numbers[digest]))
            if numbers[digest] != 0:
                old.push(self.box.registry("ann"), "old-dev/web", "latest", old.image_of(numbers[digest]))
        newest = max(numbers[digest] for digest in self.then["tags"]["latest"])
        old.push(self.box.registry("ann"), "old-dev/web", "latest", old.image_of(newest))
        for tag, digests in self.then["tags"].items():
            if tag != "latest":
                self.prod.retag(digests[-1], tag=tag)
            self.assertEqual(self.prod.tag(tag=tag), digests[-1])
        self.prod.workload()
        for key, text in self.then["annotations"].items():
            self.prod.annotate(key.removeprefix("sluice/"), text)
        self.promotion = self.then["history"][0]["promotion"]
        self.with_records = self.one()
        old.put_records(self.with_records, name, self.places)
        self.empty = self.one()

    def one(self):
        home = self.home({"box": self.box})
        self.pipeline(home, ("dev", [("box", "old-dev")]), ("prod", [("box", "old-prod")]))
        return home

    def is_at(self, number):
        digest = old.image_of(number).digest
        self.prod.stands({"web": digest})
        self.box.settle()
        self.prod.runs({"web": digest})
        self.assertEqual(self.prod.paused(), [])
        self.prod.nobody_works()

    def both(self):
        """Status is the same with records and without, but for what only records know."""
        mine, theirs = self.status(self.with_records), self.status(self.empty)
        return mine, theirs

    def goes_back(self, home, number, *flags):
        done = self.ends(home.run("rollback", "--to", "prod", "--yes", "-o", "json", *flags), 0, "succeeded")
        self.assertEqual(done.json["release"], number, done)
        self.is_at(number)
        return done

    def goes_no_further(self, home, *never):
        """A rollback finds what was adopted, or nothing: none of these releases."""
        done = home.run("rollback", "--to", "prod", "--yes", "-o", "json")
        self.assertIn(done.code, (0, 1), done)
        if done.code == 1:
            self.says(done, "no earlier release")
        self.assertNotIn(self.prod.tag(), [old.image_of(number).digest for number in never], done)

    def old_shape(self, release, *kept):
        """The annotation says to revision d8a0d21 what it needs: this release stands, and these can be gone back to."""
        state = self.prod.state()
        self.assertEqual(set(state), ENTRY, state)
        self.assertEqual((state["app"], state["environment"], state["release"], state["digest"]),
                         ("shop", "prod", release, old.image_of(release).digest), state)
        for one in state["releases"]:
            self.assertEqual(set(one), KEPT, state)
        self.assertEqual([(one["number"], one["digest"]) for one in state["releases"]],
                         [(number, old.image_of(number).digest) for number in kept], state)
        return state

    def reads_with_the_old_binary(self, release, hold):
        """What the program of that revision says; it needs an empty home of its own."""
        program = os.environ.get("SLUICE_OLD")
        if not program:
            self.skipTest("SLUICE_OLD names no program of revision d8a0d21; only the annotation's shape was looked at")
        outcome = self.one().run("status", "-o", "json", program=program)
        prod = self.ends(outcome, 0).json["environments"][1]
        self.assertEqual((prod["release"], bool(prod["hold"]), prod["drift"]), (release, hold, False), outcome)


class Undone(OnSandbox):
    """1, 2 and 3 were promoted, and 3 was undone: 2 stands."""

    def setUp(self):
        super().setUp()
        self.bring("sandbox-undone")

    def test_what_there_was_is_shown(self):
        version = self.prod.stream()["metadata"]["resourceVersion"]
        for prod in self.both():
            self.assertEqual((prod["holds"], prod["release"], prod["drift"], prod["hold"], prod["unfinished"]),
                             ("release", 2, False, None, None), prod)
        self.assertEqual(told(self.with_records), self.then["history"])
        for home in (self.with_records, self.empty):
            numbers = numbers_of(home)
            self.assertEqual({number: numbers[number]["web"] for number in (1, 2)},
                             {number: old.image_of(number).digest for number in (1, 2)})
        self.assertEqual(numbers_of(self.with_records)[3]["web"], old.image_of(3).digest)
        self.assertEqual(self.prod.stream()["metadata"]["resourceVersion"], version, "looking writes nothing")

    def test_rollback_leads_to_what_stood_verified_before(self):
        self.goes_back(self.with_records, 1)
        self.ends(self.with_records.run("unhold", "prod"), 0)
        self.goes_no_further(self.with_records, 2, 3)

    def test_rollback_does_so_from_the_annotation_alone(self):
        self.goes_back(self.empty, 1)
        self.assertTrue(self.status(self.with_records)["hold"])
        self.ends(self.empty.run("unhold", "prod"), 0)
        self.goes_no_further(self.empty, 2, 3)

    def test_an_undone_release_can_be_named(self):
        for home in (self.with_records, self.empty):
            self.goes_back(home, 3, "--release", "3")
            self.ends(home.run("unhold", "prod"), 0)
            self.goes_back(home, 2, "--release", "2")
            self.ends(home.run("unhold", "prod"), 0)

    def test_what_is_promoted_since_keeps_its_number_and_the_old_binary_can_read_it(self):
        done = self.promote(self.with_records)
        self.assertEqual(done.json["release"], 3, done)
        self.is_at(3)
        state = self.old_shape(3, 3, 2, 1)
        self.assertEqual((state["promotion"], state["previous"], state["hold"]),
                         (done.json["promotion"], old.image_of(2).digest, ""), state)
        self.reads_with_the_old_binary(3, hold=False)

    def test_a_rollback_can_be_read_by_the_old_binary(self):
        self.goes_back(self.empty, 1)
        self.assertNotEqual(self.old_shape(1, 1)["hold"], "")
        self.reads_with_the_old_binary(1, hold=True)


class Held(OnSandbox):
    """1 and 2 were promoted, then prod was rolled back to 1, which holds it."""

    def setUp(self):
        super().setUp()
        self.bring("sandbox-held")

    def test_the_hold_is_seen_and_stops_promotions(self):
        for home, prod in zip((self.with_records, self.empty), self.both()):
            self.assertEqual((prod["holds"], prod["release"], prod["drift"], prod["hold"]),
                             ("release", 1, False, json.loads(self.then["annotations"]["sluice/state"])
                              ["latest"]["hold"]), prod)
            self.ends(home.run("promote", "--to", "prod", "--yes"), 3)
            plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
            self.assertIn(("blocker", "environment-held"), self.codes(plan), plan)
        self.assertEqual(told(self.with_records), self.then["history"])
        self.is_at(1)

    def lifted(self, home):
        self.ends(home.run("unhold", "prod"), 0)
        self.assertEqual(self.old_shape(1, *[one["number"] for one in self.prod.state()["releases"]])["hold"], "")
        for one in (self.with_records, self.empty):
            self.assertIsNone(self.status(one)["hold"])

    def test_lifted_by_one_with_records_it_is_lifted_for_all(self):
        self.lifted(self.with_records)
        self.assertEqual(self.promote(self.with_records).json["release"], 2)
        self.is_at(2)

    def test_lifted_by_one_without_records_it_is_lifted_for_all(self):
        self.lifted(self.empty)
        self.assertEqual(self.promote(self.empty).json["release"], 2)
        self.is_at(2)
        self.old_shape(2, 2, 1)
        self.reads_with_the_old_binary(2, hold=False)

    def test_another_rollback_does_not_lead_to_what_was_left(self):
        for home in (self.empty, self.with_records):
            self.goes_no_further(home, 2)

    def test_once_lifted_another_rollback_does_not_lead_there_either(self):
        self.lifted(self.with_records)
        self.goes_no_further(self.with_records, 2)


class RollingOut(OnSandbox):
    """1 and 2 were promoted; the promotion of 3 was killed while it waited for the rollout. Its lease has run out."""

    def setUp(self):
        super().setUp()
        self.bring("sandbox-rolling-out")

    def test_it_is_shown_as_unfinished(self):
        prod = self.status(self.with_records)
        self.assertEqual((prod["unfinished"], prod["hold"], prod["at_work"]["running"]),
                         (self.promotion, None, False), prod)
        self.assertEqual(told(self.with_records), self.then["history"])
        # Without records nobody knows more than the annotation: what stands is release 3, which nobody saw run.
        prod = self.status(self.empty)
        self.assertEqual((prod["release"], prod["hold"], prod["at_work"]), (3, None, None), prod)

    def test_resume_comes_to_its_end(self):
        done = self.ends(self.with_records.run("resume", "--yes", "-o", "json"), 0, "succeeded")
        self.assertEqual((done.json["promotion"], done.json["release"]), (self.promotion, 3), done)
        self.is_at(3)
        self.assertGreater(self.prod.lease()["fence"], 3)
        for prod in self.both():
            self.assertEqual((prod["release"], prod["drift"], prod["unfinished"]), (3, False, None), prod)
        self.goes_back(self.empty, 2)

    def test_what_was_resumed_can_be_read_by_the_old_binary(self):
        self.ends(self.with_records.run("resume", "--yes", "-o", "json"), 0, "succeeded")
        self.assertEqual(self.old_shape(3, 3, 2, 1)["promotion"], self.promotion)
        self.reads_with_the_old_binary(3, hold=False)

    def test_undo_comes_to_its_end(self):
        done = self.ends(self.with_records.run("undo", self.promotion, "--yes", "-o", "json"), 0, "rolled-back")
        self.assertEqual(done.json["promotion"], self.promotion, done)
        self.is_at(2)
        for prod in self.both():
            self.assertEqual((prod["release"], prod["drift"], prod["unfinished"]), (2, False, None), prod)
        self.old_shape(2, 2, 1)
        self.goes_back(self.empty, 1)

    def test_rollback_from_the_annotation_alone_leads_to_the_last_verified_one(self):
        self.goes_back(self.empty, 2)
        self.ends(self.empty.run("unhold", "prod"), 0)
        self.goes_back(self.empty, 1)
        self.reads_with_the_old_binary(1, hold=True)


if __name__ == "__main__":
    unittest.main(verbosity=2)
