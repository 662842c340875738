"""Jenkinsfile.between, with the real sluice behind `sh`, on two engines and two profiles."""

import unittest

from jenkins_case import JenkinsCase
from promotions import Promotions


class Between(Promotions):
    def world(self, **members):
        self.between(**members)

    def test_it_is_aborted_while_layers_travel_and_resumed_by_another_agent(self):
        self.world()
        self.b.knob("fault", server="registry", method="POST", path=f"/v2/{self.prod.name}/*", delay_seconds=120, times=1000)
        self.addCleanup(self.b.knob, "clear-faults")
        build = self.build()
        build.asked()
        build.approve().until("console", "copying")
        self.ended(build.abort(), "ABORTED")
        self.assertEqual(build.artifact("sluice-promote.json")["state"], "cancelled", str(build))
        self.is_at(self.before)
        self.b.knob("clear-faults")
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
