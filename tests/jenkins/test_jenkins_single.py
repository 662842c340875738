"""Jenkinsfile.single, with the real sluice behind `sh`, on two engines and two profiles."""

import unittest

from jenkins_case import JenkinsCase
from promotions import Promotions


class Single(Promotions):
    def world(self, **members):
        self.single(**members)


class OnCps3(Single, JenkinsCase):
    engine, profile = "cps", "3.11"


class OnCps4(Single, JenkinsCase):
    engine, profile = "cps", "4.x"


class OnUnit3(Single, JenkinsCase):
    engine, profile = "unit", "3.11"


class OnUnit4(Single, JenkinsCase):
    engine, profile = "unit", "4.x"


if __name__ == "__main__":
    unittest.main()
