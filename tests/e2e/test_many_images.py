"""What each further image of a release costs in memory, from ten to a thousand: bytes are counted, not time."""

import fcntl
import pathlib
import select
import unittest

import sluicekit as kit
from sluicekit.fake_registry import FakeRegistry
from sluicekit.sluice import sanitized

FEW, MANY = 10, 1000
MOST_BYTES_PER_IMAGE = 20 * 1024  # the goal is 8 KiB; it was 36 KiB when plans were not shared
PIPE_BYTES = 4096  # less than any document says: the program stands at its end until somebody reads
SECONDS = 240      # far more than it takes


def high_water(pid):
    """VmHWM of a process that lives, in bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("the process has ended: it wrote less than a pipe holds")


class ManyImages(kit.E2eCase):
    shared_registries = ()

    def setUp(self):
        super().setUp()
        if sanitized():
            self.skipTest("a sanitizer needs memory of its own")
        self.source = self.enterContext(FakeRegistry())
        for number in range(MANY):
            self.source.make_image(f"dev/img{number}", "latest", [2000], seed=number)

    def peak_of_promoting(self, count):
        """Promotes the first `count` images into an empty registry, and gives the peak of the program."""
        dest = self.enterContext(FakeRegistry())
        sluice = self.home()
        names = [f"img{number}" for number in range(count)]
        sluice.write("sluice.yaml", kit.pipeline("many", names, ("dev", [(self.source.host, "dev")]),
                                                 ("prod", [(dest.host, "prod")])))
        child = sluice.start("promote", "--to", "prod", "--yes", "--progress", "none", "-o", "json")
        output = child.popen.stdout.fileno()
        fcntl.fcntl(output, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        # All is done and told to the registries when the document comes.
        readable = select.select([output], [], [], SECONDS)[0]
        self.assertTrue(readable, f"no document after {SECONDS} s")
        peak = high_water(child.pid)
        document = self.ok(sluice.finish(child)).json
        self.assertEqual(document["state"], "succeeded")
        self.assertEqual(dest.tags(f"prod/img{count - 1}").count("latest"), 1)
        return peak

    def test_each_further_image_costs_no_more_than_20_kib(self):
        few, many = self.peak_of_promoting(FEW), self.peak_of_promoting(MANY)
        per_image = (many - few) / (MANY - FEW)
        print(f"\n{FEW} images: {few / (1 << 20):.1f} MiB; {MANY} images: {many / (1 << 20):.1f} MiB; "
              f"{per_image / 1024:.1f} KiB for each further image")
        self.assertLessEqual(per_image, MOST_BYTES_PER_IMAGE)


if __name__ == "__main__":
    unittest.main()
