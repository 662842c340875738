"""Whoever may write to a place may write its memory: what dev says counts for dev alone, and a memory of prod that
cannot be read stops everything until somebody has looked."""

import hashlib
import json
import unittest

import sluicekit as kit
from sluicekit.sandbox import PASSWORD
from sluicekit.sandbox_case import streams
from sluicekit.two_machines import TwoMachines

kit.binary()


class Trust(TwoMachines):
    """mallory may edit the development project, and see nothing of production."""

    def setUp(self):
        super().setUp()
        self.box.scenario({
            "users": [{"name": f"mallory{self.number}", "password": PASSWORD}],
            "rights": [{"subject": f"user:mallory{self.number}", "role": "edit", "project": self.dev.name}]})
        self.mallory = self.box.api(f"mallory{self.number}")
        self.one = self.machine()

    def forge(self, name, document):
        """mallory writes an annotation on the development stream."""
        text = document if isinstance(document, str) else json.dumps(document)
        patch = {"metadata": {"annotations": {f"sluice/{name}": text}}}
        reply = self.mallory.patch(streams(self.dev.name, "web"), patch)
        self.assertEqual(reply.status, 200, str(reply))
        refused = self.mallory.patch(streams(self.prod.name, "web"), patch)
        self.assertEqual(refused.status, 403, "production is not theirs")

    def old_state(self, number, digest):
        """As revision d8a0d21 writes it."""
        return {"latest": {"app": "shop", "environment": "dev", "release": number, "promotion": "p0123456789ab",
                           "digest": digest, "previous": "", "hold": "", "releases": [
                               {"number": number, "digest": digest, "tag": "latest", "pattern-tag": False,
                                "promotion": "p0123456789ab", "at": 1790000000}]}}

    def new_memory(self, number, digest):
        """As it is written now: the release that stands there, and the number that was given to it."""
        release = hashlib.sha256(json.dumps({"web": digest}, separators=(",", ":")).encode()).hexdigest()
        made = json.loads(self.prod.annotation("memory"))
        entry = made["tags"]["latest"]
        entry.update({"environment": "dev", "promotions": [], "releases": [
            {**entry["releases"][0], "release": release, "number": number, "digest": digest}]})
        lines = made["numbers"] or json.loads(self.dev.annotation("memory") or '{"numbers": {}}')["numbers"]
        # The line's name is known from the first time: what is forged may leave no numbers to give out.
        self.lines = lines = lines or self.lines
        made["numbers"] = {line: {"last": number, "claims": [
            {"number": number, "release": release, "pending": False}]} for line in lines}
        return made

    def forgeries(self, number, digest):
        return {"sluice/state": ("state", self.old_state(number, digest)),
                "sluice/memory": ("memory", self.new_memory(number, digest))}

    def dev_is_read(self):
        """What was forged is well made: it is believed, of dev."""
        self.assertIsNone(self.status(self.machine(), "dev")["memory"])

    def clean(self):
        for name in ("state", "memory"):
            reply = self.mallory.patch(streams(self.dev.name, "web"),
                                       {"metadata": {"annotations": {f"sluice/{name}": None}}})
            self.assertEqual(reply.status, 200, str(reply))


class Forged:
    def test_a_member_of_dev_does_not_choose_what_runs_in_prod(self):
        first, _ = self.released(self.one)
        self.released(self.one)
        third, _ = self.released(self.one)
        evil = self.push()
        for name, (key, forged) in self.forgeries(1, evil["web"]).items():
            with self.subTest(name):
                self.forge(key, forged)
                self.dev_is_read()
                for home in (self.machine(), self.one):
                    for verb in ("promote", "rollback"):
                        outcome = home.run(verb, "--to", "prod", "--release", "1")
                        self.assertNotIn(f"-> {evil['web'].split(':')[1][:12]}", outcome.err, outcome)
                done = self.json(self.machine(), "rollback", "--to", "prod", "--release", "1", "--yes")
                self.assertEqual(done["targets"][0]["images"][0]["after"], first["web"])
                self.is_at(first)
                self.assertNotIn(evil["web"], self.prod.annotation("memory") + self.prod.annotation("state"))
                # What prod does not know is not taken from dev either.
                self.forge(key, self.forgeries(7, evil["web"])[name][1])
                check = self.untouched()
                outcome = self.machine().run("promote", "--to", "prod", "--release", "7", "--yes")
                self.assertNotEqual(outcome.code, 0, outcome)
                check(outcome)
                self.clean()
                self.ends(self.one.run("unhold", "prod"), 0)
                # Nothing of it stays in anybody's records.
                for home in (self.one, self.machine()):
                    numbers = {release["release"]: release["images"][0]["digest"]
                               for release in self.json(home, "releases")["releases"]}
                    self.assertEqual(numbers[1], first["web"])
                    self.assertNotIn(7, numbers)
                self.json(self.machine(), "promote", "--to", "prod", "--release", "3", "--yes")
                self.is_at(third)

    def test_a_number_without_end_in_dev_stops_nobody(self):
        first, _ = self.released(self.one)
        for number in (9223372036854775807, 10**30, 9999999, 10000000, -1):
            for name, (key, forged) in self.forgeries(number, first["web"]).items():
                with self.subTest(f"{name}: {number}"):
                    self.forge(key, forged)
                    new = self.push()
                    fresh = self.machine()
                    self.ends(fresh.run("doctor"), 0)
                    done = self.promote(fresh)
                    self.assertLess(done.json["release"] or 0, 10_000_000)
                    self.is_at(new)
                    newer = self.push()
                    self.ends(self.machine().run("release", "create"), 0)
                    self.promote(self.one)
                    self.is_at(newer)
                    self.clean()

    def test_a_number_in_dev_does_not_turn_a_rollback_aside(self):
        first, _ = self.released(self.one)
        second, _ = self.released(self.one)
        for name, (key, forged) in self.forgeries(999, second["web"]).items():
            with self.subTest(name):
                self.forge(key, forged)
                self.dev_is_read()
                done = self.json(self.machine(), "rollback", "--to", "prod", "--yes")
                self.assertEqual(done["targets"][0]["images"][0]["after"], first["web"])
                self.is_at(first)
                self.clean()
                self.ends(self.one.run("unhold", "prod"), 0)
                self.json(self.machine(), "promote", "--to", "prod", "--release", "2", "--yes")
                self.is_at(second)

    def test_a_damaged_memory_of_dev_does_not_stop_prod(self):
        self.released(self.one)
        for key in ("state", "memory"):
            for text in ("{", "[" * 100_000, json.dumps({"tags": {"latest": 7}})):
                with self.subTest(f"{key}: {text[:10]}"):
                    self.forge(key, text)
                    new = self.push()
                    self.promote(self.machine())
                    self.is_at(new)
                    self.clean()

    def test_a_lease_and_a_hold_in_dev_are_dev_s_own(self):
        self.released(self.one)
        new = self.push()
        self.forge("lease", {"holder": "elsewhere/1/1", "promotion": "p0", "fence": 2**62, "expires-at": 4102444800})
        held = self.old_state(1, new["web"])
        held["latest"]["hold"] = "by mallory"
        self.forge("state", held)
        self.promote(self.machine())
        self.is_at(new)


class Damaged:
    def damages(self):
        """What stands in the annotation, by what was done to it."""
        memory = self.prod.annotation("memory")
        long = json.loads(memory)
        entry = long["tags"]["latest"]
        entry["releases"] = entry["releases"] * 1000
        return {"cut by a character": memory[:-1], "cut in the middle": memory[:len(memory) // 2], "a brace": "{",
                "deep": "[" * 100_000, "no object": "[1]", "too long a list": json.dumps(long),
                "another type": json.dumps({**json.loads(memory), "tags": []}), "a number": "7"}

    def test_a_memory_of_prod_that_cannot_be_read_stops_everything(self):
        first, _ = self.released(self.one)
        self.released(self.one)
        self.json(self.one, "rollback", "--to", "prod", "--yes")
        self.is_at(first)
        whole = (self.prod.annotation("memory"), self.prod.annotation("state"))
        for name, text in self.damages().items():
            with self.subTest(name):
                self.prod.annotate("memory", text)
                check = self.untouched()
                for home in (self.one, self.machine()):
                    doctor = self.ends(home.run("doctor", "--to", "prod", "-o", "json"), 3)
                    self.assertIn("memory-unreadable", doctor.out, doctor)
                    self.assertIn("a hold may stand there", doctor.out, doctor)
                    self.assertIn("sluice unhold prod", doctor.out, doctor)
                    seen = self.status(home)
                    self.assertIn("cannot be read", seen["memory"])
                    self.assertIn("a hold may stand there", home.run("status").out)
                    plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
                    self.assertIn(("blocker", "memory-unreadable"), self.codes(plan), plan)
                    self.ends(home.run("promote", "--to", "prod", "--yes"), 3)
                check(doctor)
                self.is_at(first)
                for key, text_of in zip(("memory", "state"), whole):
                    self.prod.annotate(key, text_of)

    def test_hold_and_unhold_mend_it(self):
        _, second = self.released(self.one)[0], self.released(self.one)[0]
        for verb in ("hold", "unhold"):
            with self.subTest(verb):
                self.prod.annotate("memory", "{")
                new = self.push()
                self.ends(self.machine().run("promote", "--to", "prod", "--yes"), 3)
                self.ends(self.machine().run(verb, "prod"), 0)
                for home in (self.one, self.machine()):
                    seen = self.status(home)
                    self.assertIsNone(seen["memory"])
                    self.assertEqual(bool(seen["hold"]), verb == "hold", seen)
                if verb == "hold":
                    self.ends(self.machine().run("promote", "--to", "prod", "--yes"), 3)
                    self.ends(self.machine().run("unhold", "prod"), 0)
                self.promote(self.machine())
                self.is_at(new)
                self.assertNotEqual(new, second)

    def test_a_state_that_stands_alone_and_cannot_be_read_stops_everything(self):
        first, _ = self.released(self.one)
        self.prod.annotate("memory", None)
        state = self.prod.annotation("state")
        self.push()
        for text in (state[:-1], "{", "[" * 100_000):
            with self.subTest(text[-20:]):
                self.prod.annotate("state", text)
                for home in (self.one, self.machine()):
                    plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
                    self.assertIn(("blocker", "memory-unreadable"), self.codes(plan), plan)
                    self.ends(home.run("promote", "--to", "prod", "--yes"), 3)
        self.is_at(first)
        self.ends(self.machine().run("unhold", "prod"), 0)
        self.promote(self.machine())


class On311(Forged, Damaged, Trust):
    profile = "3.11"


class On4(Forged, Damaged, Trust):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main(verbosity=2)
