"""Jenkinsfile.between, with the real sluice behind `sh`, on two engines and two profiles."""

import unittest

from jenkins_case import JenkinsCase
from promotions import Promotions


class Between(Promotions):
    def world(self, **members):
        self.between(**members)


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
