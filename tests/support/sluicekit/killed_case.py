"""What tests of killed runs at one place (memory_places.py) have in common: kill a run after each of its writes in turn,
and ask a machine with an empty home what became of it."""

import signal

from .shop import ShopCase
from .sluice import helper

_MOST_WRITES = 40


class KilledCase(ShopCase):
    """`place` is set by the test."""

    place = None

    def here(self, place):
        self.place = place
        return place

    def done(self, home, *words, code=0):
        """The document of a run that ends with this code."""
        outcome = self.ends(home.run(*words, "-o", "json"), code)
        self.place.settle()
        return outcome.json

    def promoted(self, home):
        """Something new of every image, promoted; gives the outcome's document."""
        for picture in self.place.pictures:
            self.place.push(picture)
        return self.done(home, "promote", "--to", "prod", "--yes")

    def row(self, home=None):
        return self.status(home or self.place.home())

    def killed_after(self, writes, home, *words):
        """Killed right after so many writes to production; False where it ended before that."""
        proxy = self.place.proxy
        proxy.arm(writes)
        child = home.start(*words)
        proxy.victim(child)
        outcome = home.finish(child)
        proxy.arm(0)
        self.place.settle()
        return self._was_killed(outcome)

    def killed_in_records(self, commits, home, *words):
        """Killed right after so many commits to its records; False where it ended before that."""
        outcome = home.run(*words, program=helper("sluice-crash"), environment={"SLUICE_CRASH_AFTER": str(commits)})
        self.place.settle()
        return self._was_killed(outcome)

    def _was_killed(self, outcome):
        self.assertIn(outcome.code, (0, -signal.SIGKILL), outcome)
        return outcome.code != 0

    def each(self, attempt):
        """attempt(1), attempt(2) and so on until one says False: its run was killed no more."""
        for number in range(1, _MOST_WRITES):
            with self.subTest(killed_after=number):
                if not attempt(number):
                    return
        self.fail("a run that never ends")

    def at_rest(self, **members):
        """Nothing lies open, and every machine may promote."""
        row = self.row()
        wanted = {"unfinished": None, "drift": False, "holds": "release", **members}
        self.assertEqual({name: row[name] for name in wanted}, wanted, row)
        return row
