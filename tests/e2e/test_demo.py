"""`./run demo` reads like a story to its end, off a terminal and on one, and leaves nothing behind. It checks its own
proofs; this checks that it does, and what people see."""

import os
import pathlib
import pty
import re
import subprocess
import sys
import tempfile
import unittest

from sluicekit.sluice import binary, build_folder
from sluicekit.tools import need

binary()
need("skopeo")

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "-B", ROOT / "scripts" / "demo"]


class Demo(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="demo-test-")))
        self.environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        # Everything that it makes is made there, so that what stays is seen.
        self.environment |= {"TMPDIR": str(self.folder), "SLUICE_BIN_DIR": str(build_folder()), "TERM": "xterm"}

    def nothing_is_left(self):
        self.assertEqual(list(self.folder.iterdir()), [], "temporary files are left behind")

    def test_it_tells_its_story_and_proves_it(self):
        done = subprocess.run(DEMO, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, timeout=300,
                              env=self.environment)
        told = f"exit code {done.returncode}\n{done.stdout}\n--- stderr\n{done.stderr}"
        self.assertEqual(done.returncode, 0, told)
        self.assertNotIn("\033", done.stdout + done.stderr, "colours are for terminals")
        # In this order: good, bad with its cause and the way back, two clusters, what to try next.
        self.assertRegex(done.stdout, re.compile(
            r"^1\. .*shop 1 -> prod: succeeded.*^2\. .*shop 2 -> prod: rolled-back.*^3\. .*shop 1 -> prod: succeeded.*"
            r"by stream.*What to try next", re.M | re.S))
        self.assertIn("its readiness probe fails (HTTP status 503)", done.stderr)
        for words in ("waiting for the image trigger", "2 of 2 pods ready"):
            self.assertIn(words, done.stderr, "the rollout is seen live")
        for digests in self.proofs(done.stdout):
            self.assertEqual(len(set(digests)), 1, told)
            self.assertGreaterEqual(len(digests), 3, "a tag and two pods at least")
        self.assertEqual(len(list(self.proofs(done.stdout))), 3)
        self.assertNotRegex(done.stdout + done.stderr, r"sha256~|eyJ|Bearer", "no token is shown")
        self.nothing_is_left()

    @staticmethod
    def proofs(text):
        """The digests of each proof."""
        for part in text.split("The proof, asked of the API")[1:]:
            yield re.findall(r"^  \S.* (sha256:[0-9a-f]{64})$", part.partition("\n\n")[0], re.M)

    def test_on_a_terminal_it_is_coloured_and_ends_cleanly_when_interrupted(self):
        leader, follower = pty.openpty()
        with os.fdopen(leader, "rb", buffering=0) as screen:
            child = subprocess.Popen(DEMO, stdin=subprocess.DEVNULL, stdout=follower, stderr=follower,
                                     env=self.environment, start_new_session=True)
            os.close(follower)
            try:
                seen = self.until(screen, b"$ sluice promote")
                self.assertIn(b"\033[1;36m1. One cluster", seen)
                child.terminate()
                self.until(screen, None)
                self.assertEqual(child.wait(60), 143)
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait(10)
        self.nothing_is_left()

    @staticmethod
    def until(screen, words):
        """Reads until these words came, or to the end."""
        seen = b""
        while words is None or words not in seen:
            try:
                part = screen.read(4096)
            except OSError:  # how a pseudo-terminal says that everybody has hung up
                part = b""
            if not part:
                if words is not None:
                    raise AssertionError(f"it ended before {words!r}: {seen.decode(errors='replace')}")
                break
            seen += part
        return seen


if __name__ == "__main__":
    unittest.main()
