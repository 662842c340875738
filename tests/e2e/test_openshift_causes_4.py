"""test_openshift_causes on OpenShift 4: a program of its own, since it waits for many rollouts."""

import unittest

import test_openshift_causes
from sluicekit.sluice import binary

binary()


class Causes4(test_openshift_causes.Causes):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
