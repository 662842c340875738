"""A process that is killed in the middle of a large blob: the next one goes on where the destination kept what it got."""

import signal
import time
import unittest

import sluicekit as kit
from sluicekit.fake_registry import FakeRegistry

GIB = 1 << 30
MIDDLE = GIB // 2
PATIENCE = 120  # seconds until the middle is reached, on any machine


class KilledTransfer(kit.E2eCase):
    shared_registries = ()

    def setUp(self):
        super().setUp()
        self.source = self.enterContext(FakeRegistry())
        self.layer, = self.source.make_image("dev/web", "1", [GIB])
        self.path = f"*/blobs/{self.layer}"

    def received(self, dest):
        return sum(one["received_bytes"] for one in dest.log(path="*/blobs/uploads/*"))

    def sent(self):
        return sum(one["sent_bytes"] for one in self.source.log("GET", self.path))

    def kill_in_the_middle(self, home, dest, words):
        """The source stops at the middle, so that all that is before it arrives; then the process is killed."""
        self.source.rule(method="GET", path=self.path, at_byte=MIDDLE, hold="middle")
        child = home.start(*words)
        began = time.monotonic()
        # The last pieces may be on their way in buffers; none of them is larger than a few MiB.
        while self.received(dest) < MIDDLE - 16 * 1024 * 1024:
            self.assertLess(time.monotonic() - began, PATIENCE, f"only {self.received(dest)} bytes arrived")
            self.assertIsNone(child.popen.poll(), "it ended by itself")
            time.sleep(0.05)
        child.popen.send_signal(signal.SIGKILL)
        child.popen.wait(timeout=30)
        self.source.open_gate("middle")

    def test_the_rest_is_moved_where_the_registry_keeps_what_it_got(self):
        with FakeRegistry(partial="kept") as dest:
            home = self.home()
            words = ("copy", f"{self.source.host}/dev/web:1", f"{dest.host}/prod/web:1")
            self.kill_in_the_middle(home, dest, words)
            before = self.received(dest)
            self.ok(home.run(*words, timeout=300))
            self.assertIn(self.layer, dest.blobs("prod/web"))
            self.assertLessEqual(self.received(dest), GIB * 1.1, f"{before} bytes had arrived before the kill")
            self.assertLessEqual(self.sent(), GIB * 1.1)
            self.assertGreater(dest.count("PATCH", "*/blobs/uploads/*"), 0, "the rest is a chunk")

    def test_all_is_moved_where_it_does_not(self):
        with FakeRegistry(partial="lost") as dest:
            home = self.home()
            words = ("copy", f"{self.source.host}/dev/web:1", f"{dest.host}/prod/web:1")
            self.kill_in_the_middle(home, dest, words)
            self.ok(home.run(*words, timeout=300))
            self.assertIn(self.layer, dest.blobs("prod/web"))
            self.assertEqual(dest.tell("open_uploads"), 0)


if __name__ == "__main__":
    unittest.main()
