"""Every recorded transcript against `sluice sandbox`, one test each. A test's name begins with the contract's items."""

import concurrent.futures
import json
import os
import sys
import unittest

from sluicekit import replay
from sluicekit.sluice import binary

binary()  # skips the program when it is not built

_THREADS = int(os.environ.get("SLUICE_REPLAY_THREADS", "4"))


class Recordings(unittest.TestCase):
    """Played side by side, each in a sandbox of its own; the tests wait for their results."""

    longMessage = True
    results = {}

    @classmethod
    def setUpClass(cls):
        cls.pool = cls.enterClassContext(concurrent.futures.ThreadPoolExecutor(_THREADS))
        some = [word for word in sys.argv[1:] if not word.startswith("-")]
        if some in ([], ["Recordings"]):
            for path in sorted(replay.transcripts(), key=_long_ones_first):
                cls.result_of(path)

    @classmethod
    def tearDownClass(cls):
        # CPython runs this after the last test; the count is the point of the whole program.
        print(f"\n{replay.summary([future.result() for future in cls.results.values()])}", file=sys.stderr)

    @classmethod
    def result_of(cls, path):
        if path not in cls.results:
            cls.results[path] = cls.pool.submit(replay.play, path)
        return cls.results[path]

    def agrees(self, path):
        result = self.result_of(path).result()
        self.assertEqual(result.differences, [], f"\n{result}\n--- stderr of the sandbox\n{result.log[-2000:]}")
        self.assertEqual(result.agreed, result.recorded)


def _long_ones_first(path):
    """Watches have to run out; those transcripts start first."""
    return -path.read_text().count("timeoutSeconds")


def _add_test(path):
    items = "_".join(f"{item:02d}" for item in json.loads(path.read_text())["items"])
    name = f"test_item_{items}_as_recorded_{path.stem.replace('-', '_')}"
    setattr(Recordings, name, lambda self: self.agrees(path))


for _path in replay.transcripts():
    _add_test(_path)


if __name__ == "__main__":
    unittest.main()
