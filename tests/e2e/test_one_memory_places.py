"""Places: pipelines that share a name share nothing else; what cannot be seen is told as unknown beside the rest; what
older versions wrote is read."""

import json
import os
import unittest

import sluicekit as kit
from sluicekit.two_machines import TwoMachines

kit.binary()


class TwoPipelines:
    """Two files of one app on one machine, as for two regions: dev to prod in two projects of one cluster."""

    def setUp(self):
        super().setUp()
        self.eu = self.project(self.box, f"shop{self.number}-eu")
        self.push(self.eu)
        self.eu.workload()
        self.home_of_both = self.machine()
        self.home_of_both.write("us.yaml", (self.home_of_both.home / "sluice.yaml").read_text())
        self.pipeline(self.home_of_both, ("dev", [("box", self.dev.name)]), ("prod", [("box", self.eu.name)]))
        self.home_of_both.write("eu.yaml", (self.home_of_both.home / "sluice.yaml").read_text())
        (self.home_of_both.home / "sluice.yaml").unlink()

    def both(self, region, *words, code=0, home=None):
        outcome = self.ends((home or self.home_of_both).run(*words, "-f", f"{region}.yaml", "-o", "json"), code)
        return outcome.json

    def test_a_rollback_brings_what_ran_there(self):
        first = self.push()
        self.both("us", "promote", "--to", "prod", "--yes")
        only_eu = self.push()
        eu = self.both("eu", "promote", "--to", "prod", "--yes")
        third = self.push()
        us = self.both("us", "promote", "--to", "prod", "--yes")
        self.is_at(third)
        self.is_at(only_eu, self.eu)
        seen = {region: self.prod_of(self.both(region, "status")) for region in ("us", "eu")}
        self.assertEqual([seen[region]["drift"] for region in ("us", "eu")], [False, False])
        self.assertEqual((seen["us"]["last_promotion"], seen["eu"]["last_promotion"]),
                         (us["promotion"], eu["promotion"]))
        self.both("us", "rollback", "--to", "prod", "--yes")
        self.is_at(first)
        self.is_at(only_eu, self.eu)
        # The other region is not on hold, and hears nothing of it.
        self.assertIsNone(self.prod_of(self.both("eu", "status"))["hold"])
        self.both("eu", "plan", "--to", "prod")
        for region, others in (("us", eu["promotion"]), ("eu", us["promotion"])):
            told = [entry["promotion"] for entry in self.both(region, "history")["promotions"]]
            self.assertNotIn(others, told)

    def prod_of(self, document):
        return next(one for one in document["environments"] if one["environment"] == "prod")

    def test_a_hold_or_an_interrupted_promotion_of_one_does_not_stop_the_other(self):
        self.push()
        self.both("us", "hold", "prod")
        self.both("eu", "promote", "--to", "prod", "--yes")
        self.both("us", "unhold", "prod")
        second = self.push()
        promotion = self.killed_while_rolling(self.home_of_both, second, "promote", "-f", "us.yaml", "--to", "prod",
                                              "--yes")
        self.assertIsNone(self.prod_of(self.both("eu", "status"))["unfinished"])
        self.both("eu", "promote", "--to", "prod", "--yes")
        self.is_at(second, self.eu)
        self.both("eu", "resume", code=1)
        # A promotion of the one is not undone through the file of the other.
        empty = self.machine()
        empty.write("eu.yaml", (self.home_of_both.home / "eu.yaml").read_text())
        self.both("eu", "undo", promotion, code=1, home=empty)
        self.both("us", "undo", promotion)
        self.is_at(self.old)
        self.is_at(second, self.eu)


class Unknown:
    """Two production targets, or a test environment between; one of them cannot be seen."""

    def two(self):
        """A machine whose prod has a second target, and that target."""
        second = self.project(self.box, f"shop{self.number}-east")
        self.push(second)
        second.workload()
        home = self.machine()
        self.pipeline(home, ("dev", [("box", self.dev.name)]),
                      ("prod", [("box", self.prod.name), ("box", second.name)]))
        return home, second

    def gone(self, project, status):
        self.box.knob("fault", server="api", path=f"*/namespaces/{project.name}/*", status=status, body=json.dumps({
            "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status,
            "reason": "Forbidden" if status == 403 else "ServiceUnavailable", "message": "not now"}))

    def test_what_cannot_be_seen_is_unknown_and_the_rest_is_shown(self):
        home, second = self.two()
        new = self.push()
        self.promote(home)
        self.is_at(new)
        self.is_at(new, second)
        for status, code in ((503, 7), (403, 6)):
            with self.subTest(status):
                self.gone(second, status)
                outcome = self.ends(home.run("status", "--retry-times", "0", "-o", "json"), code)
                prod = next(one for one in outcome.json["environments"] if one["environment"] == "prod")
                seen, hidden = prod["targets"]
                self.assertIsNone(seen["unknown"], outcome)
                self.assertEqual([one["digest"] for one in seen["images"]], [new["web"]])
                self.assertTrue(hidden["unknown"], outcome)
                dev = next(one for one in outcome.json["environments"] if one["environment"] == "dev")
                self.assertEqual(dev["images"][0]["digest"], new["web"])
                text = self.ends(home.run("status", "--retry-times", "0"), code).out
                self.assertIn("unknown: ", text)
                self.assertIn(new["web"].split(":")[1][:12], text)
                self.box.knob("clear-faults")

    def test_a_source_that_may_not_be_read_hides_nothing_of_prod(self):
        digests, done = self.released(self.machine())
        self.ends(self.machine().run("hold", "prod", "--reason", "year end"), 0)
        self.box.scenario({"rights": [{"subject": "user:bob", "role": "edit", "project": self.prod.name}]})
        bob = self.machine("bob")
        seen = self.json(bob, "status", code=6)["environments"]
        self.assertIsNone(seen[0]["holds"], seen)
        self.assertTrue(seen[0]["targets"][0]["unknown"], seen)
        self.assertEqual((seen[1]["images"][0]["digest"], seen[1]["release"], seen[1]["last_promotion"],
                          seen[1]["hold"], seen[1]["drift"]),
                         (digests["web"], done.json["release"], done.json["promotion"], "year end", False), seen)
        # Going back does not ask the source.
        self.json(bob, "rollback", "--to", "prod", "--yes")
        self.is_at(self.old)

    def test_a_target_alone_is_promoted_to(self):
        home, second = self.two()
        first = self.push()
        self.promote(home)
        newer = self.push()
        self.promote(home, "--target", second.name)
        self.is_at(first)
        self.is_at(newer, second)
        done = self.promote(self.machine())
        self.is_at(newer)
        self.assertEqual(done.json["release"], 2)

    def test_a_target_that_can_be_reached_is_brought_back_alone(self):
        home, second = self.two()
        first = self.push()
        self.promote(home)
        newer = self.push()
        self.promote(home)
        self.gone(second, 503)
        self.ends(home.run("rollback", "--to", "prod", "--yes", "--retry-times", "0"), 7)
        self.is_at(newer)
        wrong = self.ends(home.run("rollback", "--to", "prod", "--target", "shop", "--yes"), 2)
        self.says(wrong, self.prod.name, second.name)
        # Also from a machine that knows nothing.
        other = self.machine()
        other.write("sluice.yaml", (home.home / "sluice.yaml").read_text())
        done = self.ends(other.run("rollback", "--to", "prod", "--target", self.prod.name, "--yes", "-o", "json",
                                   "--retry-times", "0"), 0, "succeeded")
        self.assertEqual(len(done.json["targets"]), 1, done)
        self.box.knob("clear-faults")
        self.is_at(first)
        self.is_at(newer, second)
        self.ends(home.run("rollback", "--to", "prod", "--target", second.name, "--yes"), 0)
        self.is_at(first, second)

    def test_going_back_needs_no_source(self):
        one = self.machine()
        first, _ = self.released(one)
        self.released(one)
        self.gone(self.dev, 503)
        self.json(self.machine(), "rollback", "--to", "prod", "--yes", "--retry-times", "0")
        self.box.knob("clear-faults")
        self.is_at(first)

    def test_a_state_folder_that_cannot_be_written_stops_no_looking(self):
        one = self.machine()
        self.released(one)
        said = self.json(one, "status")
        for home in (one, self.machine()):
            state = home.home / ".state"
            state.mkdir(exist_ok=True)
            # A limit that holds for root as well: no file may grow.
            def no_room():
                import resource
                resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            outcome = self.ends(home.run("status", "-o", "json", before_start=no_room), 0)
            self.assertEqual(outcome.json, said)
            os.chmod(state, 0o500)
            self.assertEqual(self.json(home, "status"), said)
            self.ends(home.run("plan", "--to", "prod"), 0)
            os.chmod(state, 0o700)


class OldAnnotations:
    """Streams that carry only what revision d8a0d21 writes."""

    def release(self, number, digest, at):
        return {"number": number, "digest": digest, "tag": "latest", "pattern-tag": False,
                "promotion": f"pd25{number}", "at": at}

    def older(self, releases, standing, previous="", hold=""):
        """releases: digests by number, newest first."""
        listed = [self.release(number, digest, 1790000000 + number) for number, digest in releases.items()]
        self.prod.annotate("memory", None)
        self.prod.annotate("state", json.dumps({"latest": {
            "app": "shop", "environment": "prod", "release": standing, "promotion": f"pd25{standing}",
            "digest": releases[standing], "previous": previous, "hold": hold, "releases": listed}}))

    def three(self):
        """Three releases that stood in prod, of which nothing else is remembered."""
        found = []
        for _ in range(3):
            found.append(self.push(self.prod)["web"])
            self.box.settle()
        return found

    def test_they_are_read_by_status_history_and_rollback(self):
        one, two, three = self.three()
        self.older({3: three, 2: two, 1: one}, 3, previous=two)
        for home in (self.machine(), self.machine()):
            seen = self.status(home)
            self.assertEqual((seen["release"], seen["holds"], seen["drift"], seen["last_promotion"], seen["hold"]),
                             (3, "release", False, "pd253", None), seen)
            self.assertEqual([kept["release"] for kept in seen["kept"]], [3, 2, 1])
        check = self.untouched()
        check(self.ends(self.machine().run("rollback", "--to", "prod"), 3))
        done = self.json(self.machine(), "rollback", "--to", "prod", "--yes")
        self.assertEqual((done["release"], done["state"]), (2, "succeeded"))
        self.is_at({"web": two})
        # Both are written: older versions see the same.
        state = self.prod.state()
        self.assertEqual((state["release"], state["digest"], bool(state["hold"])), (2, two, True))
        self.assertEqual(self.status(self.machine())["release"], 2)
        done = self.json(self.machine(), "rollback", "--to", "prod", "--yes")
        self.assertEqual(done["release"], 1)

    def test_their_hold_is_obeyed_and_lifted(self):
        one, two, _ = self.three()
        self.prod.retag(one)
        self.box.settle()
        self.push()
        self.older({2: two, 1: one}, 1, previous=two, hold="rolled back to shop 1 by pd251")
        for home in (self.machine(), self.machine()):
            self.assertEqual(self.status(home)["hold"], "rolled back to shop 1 by pd251")
            plan = self.ends(home.run("plan", "--to", "prod", "-o", "json"), 3)
            self.assertIn(("blocker", "environment-held"), self.codes(plan), plan)
        self.ends(self.machine().run("unhold", "prod"), 0)
        self.assertEqual(self.prod.state()["hold"], "")
        done = self.promote(self.machine())
        # The numbering goes on.
        self.assertEqual(done.json["release"], 3, done)

    def test_what_an_older_version_writes_later_is_taken_over(self):
        """It knows nothing of the new annotation: promotes, holds and lifts beside it."""
        home = self.machine()
        first, _ = self.released(home)
        hotfix = self.push(self.prod)
        self.box.settle()
        state = json.loads(self.prod.annotation("state"))
        entry = state["latest"]
        entry["releases"].insert(0, self.release(7, hotfix["web"], 1890000000))
        entry.update({"release": 7, "promotion": "pd257", "digest": hotfix["web"], "previous": first["web"],
                      "hold": "by an old one"})
        self.prod.annotate("state", json.dumps(state))
        for machine in (home, self.machine()):
            seen = self.status(machine)
            self.assertEqual((seen["release"], seen["last_promotion"], seen["drift"], seen["hold"]),
                             (7, "pd257", False, "by an old one"), seen)
        done = self.json(self.machine(), "rollback", "--to", "prod", "--yes")
        self.assertEqual(done["targets"][0]["images"][0]["after"], first["web"])
        self.is_at(first)

    def test_looking_at_them_writes_nothing(self):
        one, two, three = self.three()
        self.older({3: three, 2: two, 1: one}, 3, previous=two)
        check = self.untouched(self.prod, self.dev)
        for words in (("status",), ("history",), ("releases",), ("doctor", "--to", "prod")):
            check(self.machine().run(*words))


class Pipelines311(TwoPipelines, TwoMachines):
    profile = "3.11"


class Pipelines4(TwoPipelines, TwoMachines):
    profile = "4.x"


class Unknown311(Unknown, TwoMachines):
    profile = "3.11"


class Unknown4(Unknown, TwoMachines):
    profile = "4.x"


class Old311(OldAnnotations, TwoMachines):
    profile = "3.11"


class Old4(OldAnnotations, TwoMachines):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main(verbosity=2)
