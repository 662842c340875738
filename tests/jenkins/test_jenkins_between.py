"""Jenkinsfile.between, with the real sluice behind `sh`, on two engines and two profiles."""

import time
import unittest

from jenkins_case import JenkinsCase
from promotions import Promotions


class Between(Promotions):
    def world(self, **members):
        self.between(**members)

    def told_at_the_place(self):
        """Polls until the target's stream says what goes on: an agent that is gone before that left nothing to resume."""
        end = time.monotonic() + 60
        while '"open":{' not in (self.prod.annotation("memory") or ""):
            self.assertLess(time.monotonic(), end, "the place was not told")
            time.sleep(0.01)  # the interval of a poll

    def test_it_is_aborted_while_layers_travel_and_resumed_by_another_agent(self):
        self.world()
        self.a.knob("fault", server="registry", method="GET", path=f"/v2/{self.dev.name}/web/blobs/*", bytes_per_second=50)
        self.addCleanup(self.a.knob, "clear-faults")
        build = self.build()
        build.asked()
        build.approve().until("console", "copying")
        self.told_at_the_place()
        self.ended(build.abort(), "ABORTED")
        self.assertEqual(build.artifact("sluice-promote.json")["state"], "cancelled", str(build))
        self.is_at(self.before)
        self.a.knob("clear-faults")
        self.ended(self.build(params={"ACTION": "resume"}), "SUCCESS", "resume: done")
        self.is_at(self.after)


class OnCps3(Between, JenkinsCase):
    engine, profile = "cps", "3.11"


class OnCps4(Between, JenkinsCase):
    engine, profile = "cps", "4.x"


class OnUnit3(Between, JenkinsCase):
    engine, profile = "unit", "3.11"


class OnUnit4(Between, JenkinsCase):
    engine, profile = "unit", "4.x"


if __name__ == "__main__":
    unittest.main()
