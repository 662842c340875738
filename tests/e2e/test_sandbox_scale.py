"""The sandbox when it is full: 5,000 image streams, 500 workloads, 50 clients at once, in 200 MiB."""

import concurrent.futures
import sys
import threading
import unittest

from sluicekit.sandbox import CORE, IMAGES
from sluicekit.sandbox_case import (CONFIG_CHANGE, SandboxCase, configs, controllers, deployment_config, image_stream,
                                    streams)
from sluicekit.sluice import binary

binary()

STREAMS, WORKLOADS, CLIENTS, PROJECTS = 5000, 500, 50, 10
MOST_BYTES = 200 << 20


class Full(SandboxCase):
    def projects(self):
        names = [f"full{number:02d}" for number in range(PROJECTS)]
        self.box.scenario({"projects": [{"name": name, "admin": "ann"} for name in names]})
        return names

    def by_many(self, work, count):
        """work(wire, number) for each number, by CLIENTS clients with a connection each."""
        own = threading.local()

        def one(number):
            if not hasattr(own, "wire"):
                own.wire = self.box.api("ann")
            return work(own.wire, number)

        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            return list(pool.map(one, range(count)))

    def test_streams_workloads_and_clients_fit(self):
        projects = self.projects()
        watches = []
        for number in range(CLIENTS):
            path = streams if number % 2 else configs
            watches.append(self.box.api("ann").stream(path(projects[number % PROJECTS], query="watch=true")))
        try:
            self.fill(projects)
            self.read(projects)
            self.rolled_out(projects)
            for number, watch in enumerate(watches):
                self.assertIsNone(watch.broken, f"watch {number}")
        finally:
            for watch in watches:
                watch.close()
        peak = self.box.peak_memory()
        print(f"\nstarted in {self.box.started_in * 1000:.0f} ms; at most {peak / (1 << 20):.0f} MiB; "
              f"{self.box.state()}", file=sys.stderr)
        if not self.box.sanitized():
            self.assertLess(peak, MOST_BYTES)

    def fill(self, projects):
        def make_stream(wire, number):
            project = projects[number % PROJECTS]
            return wire.post(streams(project), image_stream(f"s{number}", {"name": "live"})).status

        def make_config(wire, number):
            project = projects[number % PROJECTS]
            return wire.post(configs(project), deployment_config(
                f"w{number}", CONFIG_CHANGE, image=f"example.test/x:{number}")).status

        self.assertEqual(set(self.by_many(make_stream, STREAMS)), {201})
        self.assertEqual(set(self.by_many(make_config, WORKLOADS)), {201})

    def read(self, projects):
        def count(wire, number):
            return len(self.ok(wire.get(streams(projects[number % PROJECTS])))["items"])

        listed = self.by_many(count, CLIENTS)
        self.assertEqual(set(listed), {STREAMS // PROJECTS})
        def ours(listed):
            return sum(item["metadata"]["namespace"] in projects for item in listed["items"])

        self.assertEqual(ours(self.ok(self.admin.get(f"{IMAGES}/imagestreams"))), STREAMS)
        found, token = 0, ""
        while True:
            page = self.ok(self.admin.get(f"{IMAGES}/imagestreams?limit=500{token}"))
            found += ours(page)
            if not page["metadata"].get("continue"):
                break
            token = "&continue=" + page["metadata"]["continue"].replace("=", "%3D").replace("+", "%2B")
        self.assertEqual(found, STREAMS)

    def rolled_out(self, projects):
        def complete():
            done = 0
            for project in projects:
                for one in self.ok(self.admin.get(controllers(project)))["items"]:
                    done += one["metadata"]["annotations"].get("openshift.io/deployment.phase") == "Complete"
            self.assertEqual(done, WORKLOADS)
        self.soon(complete, timeout=120)
        self.assertGreaterEqual(len(self.ok(self.admin.get(f"{CORE}/pods"))["items"]), WORKLOADS)


if __name__ == "__main__":
    unittest.main()
