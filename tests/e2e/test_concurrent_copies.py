"""Several copies at once into one repository, as the branches of a Jenkins matrix make them."""

import concurrent.futures
import unittest

import sluicekit as kit
from sluicekit import go_registries

kit.need("docker-registry")

AT_ONCE = 6
ROUNDS = 20
SHARED_LAYERS = 8


class Together(kit.E2eCase):
    shared_registries = ("a",)

    def seed(self):
        """AT_ONCE images per round that share their base layers, in registry a. Gives them by tag."""
        made = {}
        for number in range(AT_ONCE):
            layers = [kit.Layer(900 + i, seed=f"{self.project}-base-{i}") for i in range(SHARED_LAYERS)]
            made[f"v{number}"] = kit.Image(layers + [kit.Layer(500, seed=f"{self.project}-{number}")])
            self.a.client().push(f"{self.project}/shared", f"v{number}", made[f"v{number}"])
        return made

    def none_fails(self, target):
        images = self.seed()
        homes = [self.home() for _ in range(AT_ONCE)]
        for round_number in range(ROUNDS):
            repository = f"{self.project}/round{round_number}"

            def one(number, repository=repository):
                return homes[number].run("copy", f"{self.a.host}/{self.project}/shared:v{number}",
                                         f"{target.host}/{repository}:v{number}")

            with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
                for outcome in pool.map(one, range(AT_ONCE)):
                    self.assertEqual(outcome.code, 0, f"round {round_number}\n{outcome}")
            for tag, image in images.items():
                body, _, digest = target.client().manifest(repository, tag)
                self.assertEqual((digest, body), (image.digest, image.manifest), f"{repository}:{tag}")

    def test_a_registry_without_a_cache_of_descriptors(self):
        self.none_fails(self.enterContext(kit.Registry()))

    def test_a_registry_with_a_cache_of_descriptors(self):
        self.none_fails(self.enterContext(
            kit.Registry(environment={"REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR": "inmemory"})))

    def other_make(self, make):
        program, why_not = go_registries.build(make)
        if program is None:
            self.skipTest(why_not)
        self.none_fails(self.enterContext(go_registries.GoRegistry(make, program)))

    def test_distribution_v3(self):
        self.other_make("distribution")

    def test_olareg(self):
        self.other_make("olareg")


if __name__ == "__main__":
    unittest.main()
