#!/usr/bin/env python3
"""Makes the data of this folder with a build of revision d8a0d21; see README.md."""

import json
import re
import signal
import socket
import time
import unittest

import sluicekit as kit
from sluicekit import old_records as old
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase

BEGAN = int(time.time())
MOVED_TO = 1700000000  # 14 November 2023
USERS = {"users": [{"name": "ann", "password": PASSWORD}]}


def neutral(text, places):
    """Without addresses, the name of this machine, and today's times."""
    for word, value in sorted(places.items(), key=lambda one: -len(one[1])):
        text = text.replace(value, "{" + word + "}")
    text = text.replace(socket.gethostname(), "agent-1")
    text = re.sub(r"(?<=agent-1/)[0-9a-f-]{36}", "00000000-0000-0000-0000-000000000001", text)  # the boot id
    return re.sub(r"(?<![0-9a-f.])1\d{9}(?![0-9a-f])", moved, text)


def moved(found):
    at = int(found.group())
    return str(at - BEGAN + MOVED_TO) if abs(at - BEGAN) < 86400 else found.group()


def keep(name, home, places, world):
    (old.FOLDER / f"{name}.sql").write_text(neutral(old.dump_of(home), places), encoding="utf-8")
    (old.FOLDER / f"{name}.json").write_text(neutral(json.dumps(world, indent=1), places) + "\n", encoding="utf-8")


def told(history):
    """What there was to tell, newest first."""
    return [{key: one[key] for key in ("promotion", "kind", "release", "state")} for one in history["promotions"]]


def kill_at(home, child, seen):
    """kill -9 as soon as an event is the one that is waited for."""
    events = []
    for line in child.popen.stdout:
        events.append(line)
        if seen(json.loads(line)):
            return home.interrupt(child, signal.SIGKILL)
    raise AssertionError(f"it never came so far: {events} {child.popen.communicate()}")


class OnRegistries(kit.E2eCase):
    """Two registries; prod has a target in each. The third promotion is killed while it switches the second target."""

    def test_switching(self):
        proxy = self.enterContext(kit.Proxy(self.b.host))
        home = self.home()
        home.write("sluice.yaml", kit.pipeline("shop", old.PICTURES, ("dev", [(self.a.host, "old/dev")]),
                                               ("prod", [(self.a.host, "old/p1"), (proxy.host, "old/p2")])))
        for number in (1, 2, 3):
            for picture in old.PICTURES:
                self.a.client().push(f"old/dev/{picture}", "latest", old.image_of(number, picture))
            if number < 3:
                self.ok(home.run("promote", "--to", "prod", "--yes"))
        proxy.fault(method="PUT", target="api/manifests/latest$", times=0, action="stall", side="request", at=10)
        child = home.start("promote", "--to", "prod", "--yes", "--events", "-", "--progress", "none")
        self.wait_for(proxy)
        outcome = home.interrupt(child, signal.SIGKILL)
        self.assertEqual(outcome.code, -signal.SIGKILL, outcome)
        self.ok(home.run("hold", "prod", "--reason", "year-end close"))
        tags = {}
        for registry, project in ((self.a, "p1"), (self.b, "p2")):
            tags[project] = {picture: registry.client().digest(f"old/{project}/{picture}", "latest")
                             for picture in old.PICTURES}
        history = self.ok(home.run("history", "-o", "json")).json
        keep("registry-switching", home, {"a": self.a.host, "b": proxy.host}, {"tags": tags, "history": told(history)})

    def wait_for(self, proxy):
        """Until the request that stalls was made: the journal says nothing of a tag before it is answered."""
        end = time.monotonic() + 30
        while time.monotonic() < end:
            client = self.b.client()
            if client.digest("old/p2/web", "latest") == old.image_of(3).digest:
                return
            time.sleep(0.05)
        self.fail("the second target was never switched")


class OnSandbox(ShopCase):
    """Profile 3.11, one cluster with old-dev and old-prod, an image, a DeploymentConfig that follows its tag."""

    def setUp(self):
        super().setUp()
        self.box = self.enterContext(Sandbox(profile="3.11", scenario=USERS))
        self.dev, self.prod = (self.project(self.box, name) for name in old.PROJECTS)
        self.push("old-prod/web", 0)
        self.prod.workload()
        self.agent = self.home({"box": self.box})
        self.pipeline(self.agent, ("dev", [("box", "old-dev")]), ("prod", [("box", "old-prod")]))

    def push(self, repository, number):
        old.push(self.box.registry("ann"), repository, "latest", old.image_of(number))

    def promoted(self, *numbers):
        for number in numbers:
            self.push("old-dev/web", number)
            last = self.promote(self.agent).json["promotion"]
        return last

    def kept(self, name):
        self.box.settle()
        stream = self.prod.stream()
        annotations = {key: text for key, text in stream["metadata"]["annotations"].items() if "sluice/" in key}
        tags = {one["tag"]: [item["image"] for item in reversed(one["items"])] for one in stream["status"]["tags"]}
        history = self.ends(self.agent.run("history", "-o", "json"), 0).json
        self.assertNotIn("sluice/", str(self.dev.stream()["metadata"].get("annotations")), "the source has none")
        keep(name, self.agent, {"api": self.box.ready["api"].removeprefix("https://")},
             {"annotations": annotations, "tags": tags, "history": told(history)})

    def test_undone(self):
        third = self.promoted(1, 2, 3)
        self.ends(self.agent.run("undo", third, "-o", "json"), 0, "rolled-back")
        self.kept("sandbox-undone")

    def test_held(self):
        self.promoted(1, 2)
        self.ends(self.agent.run("rollback", "--to", "prod", "--yes", "-o", "json"), 0, "succeeded")
        self.kept("sandbox-held")

    def test_rolling_out(self):
        self.promoted(1, 2)
        self.push("old-dev/web", 3)
        self.prod.outcome("hang")
        child = self.agent.start("promote", "--to", "prod", "--yes", "--events", "-", "--progress", "none")
        outcome = kill_at(self.agent, child, lambda event: event.get("detail") == "rolling-out")
        self.assertEqual(outcome.code, -signal.SIGKILL, outcome)
        self.kept("sandbox-rolling-out")


if __name__ == "__main__":
    unittest.main(verbosity=2)
