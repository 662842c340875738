"""Three machines take random steps at one place; after each one all of them tell the same, and what a small independent
model says (sluicekit/memory_model.py). SLUICE_SEED repeats a run, SLUICE_STEPS sets the number of steps for each place
(3000 take hours), SLUICE_OLD=PATH lets a sluice of revision d8a0d21 read along and now and then promote."""

import os
import random
import unittest

import sluicekit as kit
from sluicekit.memory_places import RegistryPlace, SandboxPlace
from sluicekit.memory_walk import Walk
from sluicekit.shop import ShopCase

kit.need("docker-registry")
kit.binary()
kit.helper("sluice-crash")

STEPS = int(os.environ.get("SLUICE_STEPS") or 60)
OLD = os.environ.get("SLUICE_OLD")
# A walk of its own each time would make a red run a matter of luck: other seeds are for trying on purpose.
SEED = os.environ.get("SLUICE_SEED") or "4"


class MemoryModel(ShopCase):
    def walk(self, place):
        print(f"{self.id()}: SLUICE_SEED={SEED} SLUICE_STEPS={STEPS}", flush=True)
        if not OLD:
            print("without a sluice of revision d8a0d21: SLUICE_OLD names none", flush=True)
        walk = Walk(self, place, random.Random(f"{SEED} {self.id().rpartition('.')[2]}"), OLD)
        try:
            for number in range(1, STEPS + 1):
                walk.step(number)
        except BaseException:
            print("\n".join([f"seed {SEED}:", *walk.log]), flush=True)
            print(walk.home("C").run("plan", "--to", "prod"), flush=True)
            raise

    def test_sandbox_3_11_with_one_image(self):
        self.walk(SandboxPlace(self, "3.11", ("web",), apart=True))

    def test_sandbox_4_x_with_two_images(self):
        self.walk(SandboxPlace(self, "4.x", ("web", "api"), apart=False, versions=True))

    def test_registry_with_one_image(self):
        self.walk(RegistryPlace(self, ("web",)))

    def test_registry_with_two_images(self):
        self.walk(RegistryPlace(self, ("web", "api")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
