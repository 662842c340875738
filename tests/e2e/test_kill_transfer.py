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


class KilledAtARealRegistry(kit.E2eCase):
    """distribution: what is finished stays, and a session that it does not take up again is begun anew."""

    shared_registries = ("b",)

    def test_no_finished_blob_moves_again(self):
        kit.need("docker-registry")
        sizes = [2 << 20] * 6 + [64 << 20]
        with FakeRegistry() as source:
            *small, large = source.make_image("dev/web", "1", sizes)
            source.rule(method="GET", path=f"*/blobs/{large}", at_byte=32 << 20, hold="middle")
            home = self.home()
            words = ("copy", f"{source.host}/dev/web:1", f"{self.b.host}/{self.project}:1", "-o", "json")
            child = home.start(*words)
            began = time.monotonic()
            while not all(self.b.client().has_blob(self.project, digest) for digest in small):
                self.assertLess(time.monotonic() - began, PATIENCE)
                self.assertIsNone(child.popen.poll(), "it ended by itself")
                time.sleep(0.05)
            child.popen.send_signal(signal.SIGKILL)
            child.popen.wait(timeout=30)
            source.open_gate("middle")
            asked = {digest: source.count("GET", f"*/blobs/{digest}") for digest in small}
            again = self.ok(home.run(*words, timeout=300)).json
            self.assertEqual(again["blobs"]["moved"] + again["blobs"]["present"], len(sizes) + 1)
            self.assertLessEqual(again["blobs"]["moved"], 2, "the large layer, and the config if it was not finished")
            for digest in small:
                self.assertEqual(source.count("GET", f"*/blobs/{digest}"), asked[digest], "a finished layer moved again")
            self.assertTrue(self.b.client().has_blob(self.project, large))


if __name__ == "__main__":
    unittest.main()
