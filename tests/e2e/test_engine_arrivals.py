"""The road docker with --allow-digest-change: another image arrives than the one that was tested, and everybody knows."""

import json
import signal
import unittest

import sluicekit as kit
from sluicekit.engine import why_no_engine
from sluicekit.engine_case import EngineCase
from sluicekit.images import DOCKER

kit.need("docker-registry")
if why_no_engine():
    kit.skip(why_no_engine())


class AcceptedDigest(EngineCase):
    """--allow-digest-change: another image arrives than the one that was tested, and everybody knows."""

    def accepted(self, tested, home=None):
        """Promotes; gives the digest that arrived."""
        outcome = self.ok(self.promote("--allow-digest-change", home=home))
        image = outcome.json["targets"][0]["images"][0]
        self.assertEqual((image["tested"], image["digest_changed"]), (tested, True), outcome)
        self.assertNotEqual(image["after"], tested, outcome)
        return image["after"]

    def test_what_arrived_stands_there_and_is_told_with_what_was_tested(self):
        tested = self.foreign()
        before = self.engine.has()
        outcome = self.ok(self.promote("--allow-digest-change"))
        image = outcome.json["targets"][0]["images"][0]
        self.assertEqual((image["tested"], image["digest_changed"], image["road"]), (tested, True, "docker"), outcome)
        self.stands(image["after"])
        finding = next(one for one in outcome.json["findings"] if one["code"] == "engine-changes-digest")
        self.assertEqual(finding["severity"], "warning")
        for word in (tested, image["after"], "compresses layers anew"):
            self.assertIn(word, finding["sentence"])
        self.assertEqual(self.engine.has(), before)

    def test_every_machine_knows_the_release_and_calls_nothing_drift(self):
        tested = self.foreign()
        arrived = self.accepted(tested)
        for home in (self.sluice, self.other()):
            dev, prod = self.ok(home.run("status", "-o", "json")).json["environments"]
            self.assertEqual((prod["holds"], prod["drift"], prod["release_id"]), ("release", False, dev["release_id"]))
        self.proxy.seen.clear()
        again = self.ok(self.promote(home=self.other()))
        self.assertEqual([one for one in self.proxy.seen if one.startswith("POST")], [], again)
        self.stands(arrived)

    def test_going_back_brings_what_had_arrived(self):
        first = self.accepted(self.foreign(1))
        second = self.build(number=2)
        self.ok(self.promote())
        self.stands(second)
        outcome = self.ok(self.other().run("rollback", "--to", "prod", "--yes", "-o", "json"))
        self.stands(first)
        self.assertTrue(outcome.json["targets"][0]["images"][0]["digest_changed"], outcome)

    def test_undo_puts_back_what_was_there(self):
        first = self.build()
        self.ok(self.promote())
        self.foreign(2)
        outcome = self.ok(self.promote("--allow-digest-change"))
        self.ok(self.other().run("undo", outcome.json["promotion"], "--yes"))
        self.stands(first)

    def test_a_promotion_that_is_killed_after_the_push_goes_on_elsewhere_with_what_was_agreed(self):
        tested = self.foreign()
        before = self.engine.has()
        child = self.sluice.start("promote", "--to", "prod", "--yes", "--allow-digest-change")
        self.proxy.at("push", lambda: child.popen.send_signal(signal.SIGKILL), after=True)
        self.assertEqual(self.sluice.finish(child).code, -signal.SIGKILL)
        home = self.other()
        unfinished = self.ok(home.run("status", "-o", "json")).json["environments"][1]["unfinished"]
        outcome = self.ok(home.run("resume", unfinished, "--yes", "--take-over", "-o", "json"))
        image = outcome.json["targets"][0]["images"][0]
        self.assertEqual((image["tested"], image["road"]), (tested, "docker"), outcome)
        self.stands(image["after"])
        self.promote()  # this machine removes what its killed run has left in the engine
        self.assertEqual(self.engine.has(), before)

    def test_the_plan_warns_and_its_hash_says_that_it_was_accepted(self):
        image = kit.index_of(seed=self.project, types=DOCKER)
        self.a.client().push(f"{self.project}/dev/web", "latest", image)
        refused = self.sluice.run("plan", "--to", "prod", "-o", "json")
        allowed = self.ok(self.sluice.run("plan", "--to", "prod", "--allow-digest-change", "-o", "json"))
        finding = allowed.json["targets"][0]["findings"][0]
        self.assertEqual((finding["code"], finding["severity"]), ("engine-changes-digest", "warning"), allowed)
        self.assertNotEqual(refused.json["plan"], allowed.json["plan"])
        self.assertTrue(allowed.json["digest_may_change"])
        outcome = self.promote("--plan", refused.json["plan"], "--allow-digest-change")
        self.assertEqual(outcome.code, 3, outcome)
        outcome = self.ok(self.promote("--plan", allowed.json["plan"], "--allow-digest-change"))
        self.stands(outcome.json["targets"][0]["images"][0]["after"])

    def test_it_changes_nothing_where_no_engine_is_asked(self):
        text = (self.sluice.home / "sluice.yaml").read_text().replace(', "via": "docker"', "")
        self.sluice.write("sluice.yaml", text)
        self.foreign()
        plans = [self.ok(self.sluice.run("plan", "--to", "prod", "-o", "json", *flags)).json["plan"]
                 for flags in ((), ("--allow-digest-change",))]
        self.assertEqual(plans[0], plans[1])

    def test_the_tested_image_itself_can_be_had_again_without_the_engine(self):
        tested = self.foreign()
        arrived = self.accepted(tested)
        number = self.ok(self.sluice.run("status", "-o", "json")).json["environments"][1]["release"]
        outcome = self.ok(self.promote("--release", str(number), "--via", "stream"))
        self.assertFalse(outcome.json["targets"][0]["images"][0]["digest_changed"], outcome)
        self.stands(tested)
        self.assertNotEqual(tested, arrived)

    def test_what_arrived_and_is_gone_is_brought_again(self):
        tested = self.foreign()
        arrived = self.accepted(tested)
        self.build(number=2)
        self.ok(self.promote())
        self.b.client().delete_manifest(f"{self.project}/prod/web", arrived)
        outcome = self.ok(self.promote("--release", "1", "--allow-digest-change"))
        self.assertEqual(outcome.json["targets"][0]["images"][0]["road"], "docker", outcome)
        self.stands(arrived)

    def test_where_our_records_are_the_memory_they_know_it_too(self):
        document = json.loads((self.sluice.home / "sluice.yaml").read_text())
        self.sluice.write("sluice.yaml", json.dumps({**document, "memory": "local"}))
        arrived = self.accepted(self.foreign())
        row = self.ok(self.sluice.run("status", "-o", "json")).json["environments"][1]
        self.assertEqual((row["holds"], row["drift"]), ("release", False), row)
        self.build(number=2)
        self.ok(self.promote())
        self.ok(self.sluice.run("rollback", "--to", "prod", "--yes", "-o", "json"))
        self.stands(arrived)

    def test_going_back_twice_goes_back_twice_where_one_image_of_two_was_changed(self):
        self.write(("api", "web"))
        for number in (1, 2, 3):
            self.build("api", number)
            self.foreign(number)
            self.ok(self.promote("--allow-digest-change"))
        releases = []
        for _ in range(2):
            outcome = self.ok(self.other().run("rollback", "--to", "prod", "--yes", "-o", "json"))
            releases.append(outcome.json["release"])
        self.assertEqual(releases, [2, 1])
        refused = self.other().run("rollback", "--to", "prod", "--yes")
        self.assertEqual(refused.code, 1, refused)

    def test_targets_of_which_one_has_no_engine_hold_one_release(self):
        document = json.loads((self.sluice.home / "sluice.yaml").read_text())
        document["environments"][1]["targets"].append({"registry": self.b.host, "project": f"{self.project}/eu"})
        self.sluice.write("sluice.yaml", json.dumps(document))
        digests = []
        for number in (1, 2):
            tested = self.foreign(number)
            outcome = self.ok(self.promote("--allow-digest-change"))
            digests.append([target["images"][0]["after"] for target in outcome.json["targets"]])
            self.assertEqual(digests[-1][1], tested, outcome)
            self.assertNotEqual(digests[-1][0], tested, outcome)
        row = self.ok(self.other().run("status", "-o", "json")).json["environments"][1]
        self.assertEqual((row["holds"], row["drift"], row["release"]), ("release", False, 2), row)
        self.ok(self.other().run("rollback", "--to", "prod", "--yes", "-o", "json"))
        self.stands(digests[0][0])
        self.assertEqual(self.b.client().digest(f"{self.project}/eu/web", "latest"), digests[0][1])


if __name__ == "__main__":
    unittest.main()
