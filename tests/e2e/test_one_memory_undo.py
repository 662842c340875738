"""What an undo says and does after it, or what it undoes, was killed: whoever finishes it, on whatever machine, comes to
the same end, and nobody goes back to what was undone. Found by random walks (test_memory_model.py)."""

import unittest

import sluicekit as kit
from sluicekit.killed_case import KilledCase
from sluicekit.memory_places import RegistryPlace, SandboxPlace

kit.need("docker-registry")
kit.binary()
kit.helper("sluice-crash")

NEW = ("promote", "--to", "prod", "--yes")


class AnyPlace:
    """Tests for all kinds of places; `a_place(pictures)` makes one."""

    def test_an_undo_finished_by_another_machine_is_an_undo_and_rollback_passes_over_what_was_undone(self):
        place = self.a_place("web")
        one = place.home()
        first = self.promoted(one)

        def attempt(number):
            undone = self.promoted(one)
            if not self.killed_after(number, one, "undo", undone["promotion"]):
                return False
            if self.row()["unfinished"]:
                done = self.done(place.home(), "undo", undone["promotion"])
                self.assertEqual(done["state"], "rolled-back", done)
            elif self.row()["release_id"] == undone["release_id"]:
                self.done(place.home(), "undo", undone["promotion"])
            row = self.at_rest(release_id=first["release_id"])
            self.assertNotIn(undone["release_id"], [one["release_id"] for one in row["kept"]])
            back = place.home().run("rollback", "--to", "prod")
            self.assertEqual(back.code, 3, back)
            self.assertNotIn(f"shop {undone['release']} ", back.err)
            return True

        self.each(attempt)

    def test_a_resume_that_is_refused_as_somebody_moved_the_tag_writes_nothing_and_ends_nothing(self):
        place = self.a_place("web")
        one = place.home()
        old = place.tags()["web"]
        self.promoted(one)
        before = place.tags()
        machine = place.home()
        promotion = self.killed_before_the_switch(machine)
        self.assertEqual(place.tags(), before)
        place.hotfix("web", old)
        written = place.written()
        for home in (place.home(), machine):
            outcome = self.ends(home.run("resume", promotion), 3)
            self.says(outcome, "changed since the plan")
            self.assertEqual(place.written(), written, outcome)
        self.assertEqual(self.row()["unfinished"], promotion)
        # Nothing was lost by it: with the tag back, it goes on.
        place.hotfix("web", before["web"])
        self.assertEqual(self.done(place.home(), "resume", promotion)["state"], "succeeded")

    def test_killed_between_the_begins_of_two_images_it_is_gone_on_with_or_put_back_by_another_machine(self):
        self.begun_at_one_of_two(seconds=1)

    def test_so_it_is_where_another_promotion_was_begun_in_the_same_second(self):
        self.begun_at_one_of_two(seconds=0)

    def begun_at_one_of_two(self, seconds):
        """The one before it was begun so many seconds before."""
        place = self.a_place("web", "api")
        one = place.home()
        self.promoted(one)
        for verb, state in (("resume", "succeeded"), ("undo", "cancelled")):
            with self.subTest(verb):
                before, remembered = place.tags(), place.memory("api")
                promotion = self.killed_before_the_switch()
                self.assertEqual(place.tags(), before)
                began = place.memory("web")["open"]["began"]
                remembered["promotions"][0]["began"] = began - seconds
                place.remember("api", remembered)
                self.assertEqual(self.row()["unfinished"], promotion)
                self.assertEqual(self.done(place.home(), verb, promotion)["state"], state)
                self.assertEqual(place.tags(), place.offered() if verb == "resume" else before)
                self.at_rest()
                self.done(one, *NEW)

    def killed_before_the_switch(self, home=None):
        """A promotion of which all images have begun, and no tag has moved. home: the machine that dies."""
        for picture in self.place.pictures:
            self.place.push(picture)
        for number in range(1, 20):
            self.long_ago()
            self.assertTrue(self.killed_after(number, home or self.place.home(), *NEW), "they never begin")
            if all(self.place.memory(picture)["open"] for picture in self.place.pictures):
                return self.row()["unfinished"]
            for machine in (home, self.place.home()):
                promotion = machine and self.row(machine)["unfinished"]
                if promotion:
                    self.done(machine, "undo", promotion)
        return None

    def long_ago(self):
        """What was promoted so far was begun a while ago: here two promotions may well be begun in one second."""
        for picture in self.place.pictures:
            memory = self.place.memory(picture)
            for one in memory["promotions"]:
                one["began"] -= 100
            self.place.remember(picture, memory)

    def test_a_number_that_a_killed_promotion_had_not_claimed_is_asked_for_again_by_resume(self):
        place = self.a_place("web")
        self.promoted(place.home())
        for of_another in (True, False):
            with self.subTest(of_another_machine=of_another):
                before, machine = place.numbers(), place.home()
                promotion = self.killed_before_the_switch(machine)
                # It claims beside the copying, and may have come to it.
                place.take_away(place.numbers() - before)
                done = self.done(place.home() if of_another else machine, "resume", promotion)
                self.assertIsNotNone(done["release"], done)
                self.assertEqual(self.at_rest()["release"], done["release"])
                self.assertEqual(place.numbers(), before | {done["release"]})


class BetweenRegistries(AnyPlace, KilledCase):
    def a_place(self, *pictures, **more):
        return self.here(RegistryPlace(self, pictures, **more))

    def test_an_undo_beside_version_tags_that_stay_comes_to_its_end(self):
        place = self.a_place("web", versions=True)
        one = place.home()
        first = self.promoted(one)
        again = self.promoted(one)
        done = self.done(one, "undo", again["promotion"])
        self.assertEqual(done["state"], "rolled-back")
        self.assertIn(("warning", "undo-nothing-before"), {(one["severity"], one["code"]) for one in done["findings"]})
        self.at_rest(release_id=first["release_id"])

        def attempt(number):
            place.push("web")
            if not self.killed_after(number, one, *NEW):
                return False
            promotion = self.row()["unfinished"]
            # The place may not have heard of it yet: then only the machine that began it knows.
            mine = self.row(one)["unfinished"]
            if promotion or mine:
                done = self.done(place.home() if promotion else one, "undo", promotion or mine)
                self.assertIn(done["state"], ("rolled-back", "cancelled"))
            self.at_rest()
            return True

        self.each(attempt)

    def test_what_was_cancelled_is_not_undone_because_somebody_changed_one_of_its_images(self):
        place = self.a_place("web", "api")
        one = place.home()
        old = place.tags()["api"]
        self.promoted(one)
        before = place.tags()
        promotion = self.killed_before_the_switch()
        self.assertEqual(place.tags(), before)
        self.assertEqual(self.done(one, "undo", promotion)["state"], "cancelled")
        place.hotfix("api", old)
        self.refused_undo(promotion)

    def test_what_has_ended_is_not_undone_where_one_image_was_put_back_and_one_was_changed_by_others(self):
        place = self.a_place("web", "api")
        one = place.home()
        old = place.tags()
        self.promoted(one)
        before = place.tags()
        promotion = self.promoted(one)["promotion"]
        place.hotfix("web", before["web"])
        place.hotfix("api", old["api"])
        self.refused_undo(promotion, one)

    def refused_undo(self, promotion, *homes):
        """Nobody undoes it, and nothing is written."""
        written = self.place.written()
        for home in (self.place.home(), *homes):
            outcome = home.run("undo", promotion, "-o", "json")
            self.assertIn(outcome.code, (1, 2), outcome)
            self.assertEqual(self.place.written(), written, outcome)

    def test_whoever_promoted_can_end_the_undo_that_another_machine_began(self):
        place = self.a_place("web")
        one = place.home()
        self.promoted(one)
        before = place.tags()

        def attempt(number):
            promotion = self.promoted(one)["promotion"]
            if not self.killed_after(number, place.home(), "undo", promotion):
                return False
            if self.row()["unfinished"]:
                self.assertEqual(self.done(one, "undo", promotion)["state"], "rolled-back")
            elif place.tags() != before:
                self.done(one, "undo", promotion)
            self.at_rest()
            self.assertEqual(place.tags(), before)
            return True

        self.each(attempt)

    def test_an_undo_from_another_machine_needs_no_source(self):
        for versions in (False, True):
            place = self.a_place("web", "api", versions=versions)
            one = place.home()
            first = self.promoted(one)
            for state in ("cancelled", "rolled-back"):
                with self.subTest(versions=versions, state=state):
                    killed = state == "cancelled"
                    promotion = self.killed_before_the_switch() if killed else self.promoted(one)["promotion"]
                    place.go_down()
                    try:
                        self.assertEqual(self.done(place.home(), "undo", promotion)["state"], state)
                    finally:
                        place.come_up()
                    self.at_rest(release_id=first["release_id"])


class OnSandbox(AnyPlace):
    profile = None
    verbs = ("resume", "undo")

    def a_place(self, *pictures, **more):
        return self.here(SandboxPlace(self, self.profile, pictures, apart=False, **more))

    def test_an_undo_that_dies_on_another_machine_leaves_nothing_paused_once_a_third_one_ends_it(self):
        place = self.a_place("web", "api")
        one = place.home()
        self.promoted(one)
        paused = set()

        def attempt(number):
            promotion = self.promoted(one)["promotion"]
            if not self.killed_after(number, place.home(), "undo", promotion):
                return False
            # Every other write with the other verb; the other profile has them the other way round.
            verb = self.verbs[number % 2]
            if place.prod.paused():
                paused.add(verb)
            if self.row()["unfinished"]:
                done = self.done(place.home(), verb, promotion)
                self.assertEqual(done["state"], "succeeded" if verb == "resume" else "rolled-back")
            self.assertEqual(place.prod.paused(), [])
            place.prod.runs(place.tags())
            self.at_rest()
            return True

        self.each(attempt)
        self.assertEqual(paused, set(self.verbs), "killed while a workload was paused")


class On311(OnSandbox, KilledCase):
    profile = "3.11"


class On4(OnSandbox, KilledCase):
    profile = "4.x"
    verbs = ("undo", "resume")


if __name__ == "__main__":
    unittest.main(verbosity=2)
