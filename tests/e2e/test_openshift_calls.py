"""What a promotion costs a cluster's API: calls are counted one by one, and neither the size of an image nor the number
of workloads in a project makes more of them, but for the pages of lists."""

import collections
import json
import re
import unittest

import sluicekit as kit
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

kit.binary()
kit.helper("sluice-proxy")

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}
PAGE = 500  # objects in one answer to a list
LISTED = re.compile(r"^(/api/v1|/apis/[^/]+/[^/]+)/namespaces/[^/]+/([a-z]+)$")


class CallCase(ShopCase):
    """One cluster without TLS, so that a proxy can write down every call between sluice and its API."""

    profile = "4.x"

    @classmethod
    def setUpClass(cls):
        cls.box = cls.enterClassContext(Sandbox(profile=cls.profile, tls="none", scenario=USERS))
        cls.proxy = cls.enterClassContext(kit.Proxy(cls.box.ready["api"].partition("://")[2]))

    def shop(self, **image):
        """An old release runs in prod, a new one waits in dev; gives (home, prod, digest of the new one)."""
        self.setUp()
        dev, prod = (self.project(self.box, f"shop{self.number}-{name}") for name in ("dev", "prod"))
        prod.image(layers=1)
        prod.workload()
        home = self.kubeconfig()
        home.write("sluice.yaml", json.dumps({"app": "shop", "images": ["web"], "environments": [
            {"name": "dev", "project": dev.name}, {"name": "prod", "project": prod.name}]}))
        return home, prod, dev.image(**image)

    def kubeconfig(self):
        """A home that is logged in through the proxy."""
        home = self.home()
        token = self.box.token("ann")
        self.secrets.add(token)
        home.environment["KUBECONFIG"] = f"{home.home}/kubeconfig"
        home.write("kubeconfig", json.dumps({
            "kind": "Config", "apiVersion": "v1", "current-context": "box",
            "clusters": [{"name": "box", "cluster": {"server": f"http://{self.proxy.host}"}}],
            "users": [{"name": "ann", "user": {"token": token}}],
            "contexts": [{"name": "box", "context": {"cluster": "box", "user": "ann"}}]}))
        return home

    def calls(self, home, *words):
        """Runs sluice; gives how often it asked the API for what: method and path with names of the test's own taken
        out, "page" before those that ask for a further page of a list. A watch is opened once for a kind, or not at
        all when the end comes first: that is a matter of chance, and checked here."""
        self.proxy.forget()
        registry = self.box.state()["registry_requests"]
        outcome = self.ends(home.run(*words, "-o", "json"), 0)
        self.assertEqual(self.box.state()["registry_requests"], registry, "the API alone is asked")
        asked = collections.Counter(self.shown(one) for one in self.proxy.exchanges())
        watches = {call: asked.pop(call) for call in list(asked) if call.startswith("watch ")}
        self.assertLessEqual(set(watches.values()), {1}, watches)
        # Events are read when a rollout looks odd at the moment of a look: chance as well, a few times at most.
        events = [asked.pop(call) for call in list(asked) if call.endswith("/events")]
        self.assertLessEqual(sum(events), 3)
        return asked

    def shown(self, exchange):
        path, _, query = exchange["target"].partition("?")
        path = re.sub(r"[0-9a-f]{64}", "DIGEST", path)
        path = re.sub(r"sluice-[0-9a-f]{12}", "sluice-PIN", path)
        path = re.sub(r"shop\d+-", "shop-", path)
        kind = "watch " if "watch=" in query else "page " if "continue=" in query else ""
        return f"{kind}{exchange['method']} {path}"

    def same(self, one, other):
        difference = collections.Counter(other)
        difference.subtract(one)
        self.assertEqual({call: number for call, number in difference.items() if number}, {}, "calls more, or less")

    def settled(self, prod, digest):
        prod.stands({"web": digest})
        prod.runs({"web": digest})
        prod.nobody_works()


class Calls(CallCase):
    PROMOTE = ("promote", "--to", "prod", "--yes")

    def test_the_size_of_an_image_costs_no_call(self):
        seen = {}
        for name, image in {"2 layers of 1 KB": {"layers": 2, "layer-bytes": 1000},
                            "12 layers of 100 KB": {"layers": 12, "layer-bytes": 100_000}}.items():
            home, prod, digest = self.shop(**image)
            seen[name] = self.calls(home, *self.PROMOTE)
            self.settled(prod, digest)
        small, large = seen.values()
        self.same(small, large)
        self.assertEqual(sum(large.values()), sum(small.values()))
        self.assertLess(sum(small.values()), 100, sorted(small.items()))

    def test_nothing_is_asked_in_a_loop(self):
        """While a rollout is followed nobody asks again and again: what happens is told by watches."""
        home, prod, digest = self.shop()
        self.box.knob("step-delay", seconds=0.4)
        self.addCleanup(self.box.knob, "step-delay", seconds=0)
        slow = self.calls(home, *self.PROMOTE)
        self.box.knob("step-delay", seconds=0)
        self.settled(prod, digest)
        home, prod, digest = self.shop()
        self.same(slow, self.calls(home, *self.PROMOTE))

    def test_many_workloads_cost_pages_of_lists_and_nothing_else(self):
        few, _ = self.crowded(4)
        crowd, objects = self.crowded(499)
        for command, calls in crowd.items():
            with self.subTest(command):
                more = collections.Counter(calls)
                more.subtract(few[command])
                more = {call: number for call, number in more.items() if number}
                # A further page for every 500 objects, each time that a list is read: exactly those.
                expected = {}
                for call, number in calls.items():
                    listed = LISTED.match(call.removeprefix("GET "))
                    pages = (objects.get(listed.group(2), 0) - 1) // PAGE if listed else 0
                    if pages > 0:
                        expected["page " + call] = number * pages
                self.assertEqual(more, expected, f"objects: {objects}")
                self.assertIn("page GET /api/v1/namespaces/shop-prod/pods", expected, "the test means to see pages")
                self.assertLess(sum(calls.values()), 100, sorted(calls.items()))

    def crowded(self, others):
        """In a project with so many other workloads: the calls by command, and how many objects there are of a kind."""
        home, prod, digest = self.shop()
        prod.image("other")
        kinds = ("DeploymentConfig", "Deployment")
        self.box.scenario({"workloads": [{"kind": kinds[number % 2], "project": prod.name, "name": f"w{number}",
                                          "image": "other:latest", "replicas": 2} for number in range(others)]})
        self.box.settle(60)
        objects = {resource: len(prod.get(f"{root}/namespaces/{prod.name}/{resource}")["items"])
                   for root, resource in (("/api/v1", "pods"), ("/api/v1", "replicationcontrollers"),
                                          ("/apis/apps/v1", "replicasets"), ("/apis/apps/v1", "deployments"),
                                          ("/apis/apps.openshift.io/v1", "deploymentconfigs"), ("/api/v1", "events"),
                                          ("/api/v1", "secrets"), ("/api/v1", "configmaps"))}
        self.assertEqual(objects["deployments"] + objects["deploymentconfigs"], others + 1)
        calls = {" ".join(words): self.calls(home, *words)
                 for words in (("plan", "--to", "prod"), ("status",), self.PROMOTE)}
        self.settled(prod, digest)
        return calls, objects


class Costs(CallCase):
    """What one promotion asks one after the other, beside what it asked before places remembered anything."""

    EQUAL = 49  # calls that had to wait for each other then, measured on revision d8a0d21
    SWITCH = 62
    ROUNDS = 4  # a busy machine can keep calls apart that were meant to overlap: the smallest count is the verdict

    def waited(self, home):
        self.proxy.forget()
        self.promote(home)
        asked = [one for one in self.proxy.exchanges() if "watch=" not in one["target"]]
        return kit.critical_path(asked), [self.shown(one) for one in asked]

    def least(self, limit, one_round):
        counts = []
        for _ in range(self.ROUNDS):
            count, asked = one_round()
            counts.append(count)
            if count <= limit:
                return
        self.fail(f"counted {counts}, and not {limit}; the last round was\n" + "\n".join(asked))

    def test_an_equal_promotion_waits_for_no_more_calls_than_before_and_writes_nothing(self):
        def one_round():
            home, prod, digest = self.shop()
            self.promote(home)
            before = prod.stream()["metadata"]["resourceVersion"]
            seen = self.waited(home)
            self.assertEqual(prod.stream()["metadata"]["resourceVersion"], before, "something was written")
            return seen

        self.least(self.EQUAL, one_round)

    def test_one_that_switches_waits_for_two_more_at_most(self):
        def one_round():
            home, _, _ = self.shop()
            return self.waited(home)

        self.least(self.SWITCH + 2, one_round)

    def test_status_of_many_images_asks_for_lists(self):
        """20 images in 3 environments: the streams of a project come with one list."""
        self.setUp()
        names = [f"image{number:02}" for number in range(20)]
        projects = [self.project(self.box, f"shop{self.number}-{name}") for name in ("dev", "test", "prod")]
        for project in projects:
            self.box.scenario({"images": [{"project": project.name, "stream": name, "tag": "latest", "layers": 1,
                                           "layer-bytes": 100} for name in names]})
        home = self.kubeconfig()
        home.write("sluice.yaml", json.dumps({"app": "shop", "images": names, "environments": [
            {"name": name, "project": project.name} for name, project in zip(("dev", "test", "prod"), projects)]}))
        asked = self.calls(home, "status")
        self.assertLess(sum(asked.values()), 100, sorted(asked.items()))
        single = [call for call in asked if re.search(r"/(imagestreams|imagestreamtags|pods|deployments)/", call)]
        self.assertEqual(single, [], "asked one by one what a list answers")
        self.assertEqual(sum(number for call, number in asked.items() if call.endswith("/imagestreams")), 3, asked)


if __name__ == "__main__":
    unittest.main(verbosity=2)
