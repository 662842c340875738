"""How many exchanges have to wait for each other, counted by a proxy that all registries stand behind.

The count of one run is never below the true one, but a busy machine can keep exchanges apart that were meant to
overlap: each case is therefore counted up to a few times, in repositories of their own, and the smallest count is the
verdict. Setting up connections is not an exchange.
"""

import re
import unittest

import sluicekit as kit
from sluicekit.attached import cosign_tag

kit.need("docker-registry")

LATENCY_MS = 80  # of each exchange, so that what is independent overlaps also on a busy machine
ROUNDS = 4


class Counting(kit.E2eCase):
    def least(self, limit, one_round):
        """The smallest critical path of up to ROUNDS rounds; ends early when the limit is met."""
        counts = []
        for number in range(ROUNDS):
            proxy = one_round(number)
            counts.append(proxy.critical_path())
            if counts[-1] <= limit:
                break
        self.assertLessEqual(min(counts), limit, f"counted {counts}; the last round was\n" + "\n".join(
            f"{e['request_seq']:4}-{e['response_seq']:<4} {e['upstream']} {e['method']:5} {e['status']} {e['target']}"
            for e in sorted(proxy.exchanges(), key=lambda e: e["request_seq"])))

    def image(self, number):
        return kit.random_image((2000, 1500, 1000, 500, 250), seed=f"{self.project}-{number}")


class OpenRegistries(Counting):
    """The issue's numbers: cold at most 6, equal at most 2, inside one registry at most 6."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.proxy = cls.enterClassContext(kit.Proxy(cls.a.host, cls.b.host, latency_ms=LATENCY_MS))

    def copied(self, source, target):
        self.proxy.forget()
        self.ok(self.home().run("copy", source, target))
        return self.proxy

    def test_cold(self):
        def one_round(number):
            name = f"{self.project}/{number}"
            image = self.image(number)
            self.a.client().push(name, "v1", image)
            proxy = self.copied(f"{self.proxy.hosts[0]}/{name}:v1", f"{self.proxy.hosts[1]}/{name}:v1")
            self.holds(self.b, name, "v1", image)
            return proxy

        self.least(6, one_round)

    def test_cold_index_of_two_platforms(self):
        def one_round(number):
            name = f"{self.project}/{number}"
            image = kit.index_of(sizes=(900, 700), seed=f"{self.project}-{number}")
            self.a.client().push(name, "v1", image)
            return self.copied(f"{self.proxy.hosts[0]}/{name}:v1", f"{self.proxy.hosts[1]}/{name}:v1")

        # One more at each end: the manifests of the platforms are read after the index, and written before it.
        self.least(8, one_round)

    def test_cold_with_a_signature(self):
        def one_round(number):
            name = f"{self.project}/{number}"
            # Few blobs: with those of the signature they are all on their way at once.
            image = kit.random_image((900, 400), seed=f"{self.project}-{number}")
            self.a.client().push(name, "v1", image)
            self.a.client().push(name, cosign_tag(image), kit.random_image((90,), seed=f"{name}-sig"))
            proxy = self.copied(f"{self.proxy.hosts[0]}/{name}:v1", f"{self.proxy.hosts[1]}/{name}:v1")
            self.assertIsNotNone(self.b.client().digest(name, cosign_tag(image)))
            return proxy

        # It is read after the image, looked for at the destination, and looked for again before the tag is written.
        self.least(10, one_round)

    def test_equal(self):
        image = self.image(0)
        for registry in (self.a, self.b):
            registry.client().push(self.project, "v1", image)
        self.least(2, lambda _: self.copied(*(f"{host}/{self.project}:v1" for host in self.proxy.hosts)))

    def test_inside_one_registry(self):
        def one_round(number):
            self.a.client().push(f"{self.project}/dev", f"v{number}", self.image(number))
            host = self.proxy.hosts[0]
            return self.copied(f"{host}/{self.project}/dev:v{number}", f"{host}/{self.project}/prod{number}:v1")

        self.least(6, one_round)


class TokenRegistries(Counting):
    """The design's numbers for bearer tokens: cold at most 8, equal at most 3; those of the token server count too."""

    shared_registries = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tokens = cls.enterClassContext(kit.TokenServer())
        cls.a = cls.enterClassContext(kit.Registry(auth=cls.tokens))
        cls.b = cls.enterClassContext(kit.Registry(auth=cls.tokens))
        cls.proxy = cls.enterClassContext(kit.Proxy(cls.a.host, cls.b.host, cls.tokens.host, latency_ms=LATENCY_MS))
        cls.tokens.front = cls.proxy.hosts[2]
        for registry in (cls.a, cls.b):  # they name the realm when they start
            registry.stop()
            registry.start()

    def copied(self, source, target):
        pair = f"{kit.USER}:{kit.PASSWORD}"
        self.proxy.forget()
        self.ok(self.home().run("copy", source, target, "--src-creds", pair, "--dest-creds", pair))
        self.assertIn(2, {exchange["upstream"] for exchange in self.proxy.exchanges()}, "no token was asked for")
        return self.proxy

    def test_cold(self):
        def one_round(number):
            name = f"{self.project}/{number}"
            self.a.client().push(name, "v1", self.image(number))
            return self.copied(f"{self.proxy.hosts[0]}/{name}:v1", f"{self.proxy.hosts[1]}/{name}:v1")

        self.least(8, one_round)

    def test_equal(self):
        for registry in (self.a, self.b):
            registry.client().push(self.project, "v1", self.image(0))
        self.least(3, lambda _: self.copied(*(f"{host}/{self.project}:v1" for host in self.proxy.hosts[:2])))

    def test_inside_one_registry(self):
        def one_round(number):
            self.a.client().push(f"{self.project}/dev", f"v{number}", self.image(number))
            host = self.proxy.hosts[0]
            return self.copied(f"{host}/{self.project}/dev:v{number}", f"{host}/{self.project}/prod{number}:v1")

        self.least(6, one_round)


class Promotions(Counting):
    def test_a_second_promotion_of_a_release_writes_nothing(self):
        images = {name: kit.random_image((700, 90), seed=f"{self.project}-{name}") for name in ("web", "api")}
        with kit.Proxy(self.a.host, self.b.host) as proxy:
            for name, image in images.items():
                self.a.client().push(f"dev/{name}", "latest", image)
            home = self.home()
            home.write("sluice.yaml", kit.pipeline("shop", images, ("dev", [(proxy.hosts[0], "dev")]),
                                                   ("prod", [(proxy.hosts[1], "prod")])))
            self.ok(home.run("promote", "--to", "prod", "--yes"))
            self.assertTrue(any(map(kit.wrote, proxy.exchanges())))
            proxy.forget()
            self.ok(home.run("promote", "--to", "prod", "--yes"))
            self.assertTrue(proxy.exchanges())
            self.assertEqual([exchange for exchange in proxy.exchanges() if kit.wrote(exchange)], [])

    # What each took before registries remembered anything: (equal, switch), by number of images.
    BEFORE = {"between two registries": {1: (4, 8), 3: (4, 11)}, "inside one registry": {1: (4, 7), 3: (4, 8)}}
    # What was read of a memory counts for 150 ms, so that planning and beginning take three exchanges in that time.
    LATENCY_MS = 30

    def promoting(self, where, images, kind):
        """A round of least(): everything that has to be there before, and then the promotion that is counted."""
        def beside(exchange):
            """Numbers and pins: nothing but the end of the run waits for them, while a memory settles."""
            return re.search(r"/dev/image\d+/(tags/list|manifests/sluice-)|/sluice-[0-9a-f]{12}$", exchange["target"])

        def one_round(number):
            project = f"{self.project}/{number}"
            with kit.Proxy(self.a.host, self.b.host, latency_ms=self.LATENCY_MS) as proxy:
                names = [f"image{one}" for one in range(images)]
                prod = proxy.hosts[1 if where == "between two registries" else 0]
                home = self.home()
                home.write("sluice.yaml", kit.pipeline("shop", names, ("dev", [(proxy.hosts[0], f"{project}/dev")]),
                                                       ("prod", [(prod, f"{project}/prod")])))
                for build in range(1 if kind == "equal" else 2):
                    for name in names:
                        image = kit.random_image((900, 400), seed=f"{project}-{name}-{build}")
                        self.a.client().push(f"{project}/dev/{name}", "latest", image)
                    if build == 0:
                        self.ok(home.run("promote", "--to", "prod", "--yes"))
                proxy.forget()
                self.ok(home.run("promote", "--to", "prod", "--yes"))
                return Seen([one for one in proxy.exchanges() if not beside(one)])

        return one_round

    def test_an_equal_one_has_to_wait_for_no_more_exchanges_than_before(self):
        for where, before in self.BEFORE.items():
            for images, (equal, _) in before.items():
                with self.subTest(f"{where}, {images} images"):
                    self.least(equal, self.promoting(where, images, "equal"))


class Seen:
    """The exchanges of a proxy that is gone by now."""

    def __init__(self, exchanges):
        self._exchanges = exchanges

    def exchanges(self):
        return self._exchanges

    def critical_path(self):
        return kit.critical_path(self._exchanges)


if __name__ == "__main__":
    unittest.main(verbosity=2)
