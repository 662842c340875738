"""The road docker through Podman's service, which answers as a Docker engine does: the tests of test_engine_road.py."""

import unittest

import sluicekit as kit
import test_engine_arrivals as arrivals
import test_engine_road as road
from sluicekit.engine import Podman, why_no_engine
from sluicekit.engine_case import EngineCase

if why_no_engine(Podman.programs):
    kit.skip(why_no_engine(Podman.programs))


class Steps(road.Steps):
    kind = Podman


class WhatWasThereBefore(road.WhatWasThereBefore):
    kind = Podman


class Failures(road.Failures):
    kind = Podman


class AcceptedDigest(arrivals.AcceptedDigest):
    kind = Podman


class WithPasswords(road.WithPasswords):
    kind = Podman


class AnotherDigest(EngineCase):
    kind = Podman

    def test_an_oci_image_that_it_wrote_keeps_its_digest(self):
        digest = self.build()
        kind = self.a.client().manifest(f"{self.project}/dev/web", "latest")[1]
        self.assertIn("oci", kind)
        self.ok(self.promote())
        self.stands(digest)

    def test_layers_that_it_compresses_anew_stop_it_before_a_tag_moves(self):
        image = kit.random_image((3000, 500), seed=self.project)
        self.a.client().push(f"{self.project}/dev/web", "latest", image)
        before = self.engine.has()
        self.stopped(self.promote(), 1, "another image than the one that was tested", image.digest)
        self.stands_nothing()
        self.assertEqual(self.engine.has(), before)


if __name__ == "__main__":
    unittest.main()
