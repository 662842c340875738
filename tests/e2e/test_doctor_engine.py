"""`sluice doctor` and a real Docker engine, whose disk is small: what is told when it answers, and when it is full."""

import contextlib
import os
import shutil
import subprocess
import unittest

import sluicekit as kit
from sluicekit.engine import Engine, why_no_engine
from sluicekit.host_case import HostCase
from sluicekit.images import DOCKER
from sluicekit.tools import folder

kit.need("docker-registry")
if why_no_engine():
    kit.skip(why_no_engine())


class RealEngine(HostCase):
    """A Docker engine whose images are on a small disk of their own."""

    disk_bytes = 96 * 1024 * 1024

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.root = folder("disk")
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={cls.disk_bytes}", "tmpfs", cls.root],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            kit.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
        cls.addClassCleanup(subprocess.run, ["umount", "--lazy", cls.root], check=True)
        cls.engine = cls.enterClassContext(Engine(data_root=cls.root))

    def setUp(self):
        super().setUp()
        self.sluice.environment["DOCKER_HOST"] = f"unix://{self.engine.socket}"
        self.pipeline(self.a.host, self.a.host, via="docker")

    @contextlib.contextmanager
    def free(self, wanted):
        """A disk on which this much is free."""
        filler = self.root / "filler"
        disk = os.statvfs(self.root)
        with open(filler, "wb") as file:
            os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - wanted)
        try:
            yield
        finally:
            filler.unlink()

    def test_an_engine_that_answers_is_told_with_version_driver_disk_and_certificates(self):
        outcome = self.doctor("--host", code=0)
        version = self.engine.json("GET", "/version")["Version"]
        one = self.found(outcome, "engine", "info")["sentence"]
        for words in (f"Docker {version} answers", self.engine.socket, "DOCKER_HOST", "storage driver vfs"):
            self.assertIn(words, one)
        self.assertIn("127.0.0.0/8", self.found(outcome, "engine-insecure", "info")["sentence"])
        self.assertIn("belongs to root:", self.found(outcome, "engine-socket", "info")["sentence"])

    def test_a_full_disk_blocks_what_goes_by_the_engine(self):
        with self.free(4 * 1024 * 1024):
            one = self.found(self.doctor("--host", code=3), "engine-disk-full", "blocker")
        self.assertIn(str(self.root), one["sentence"])
        self.assertIn("docker image prune", one["fix"])

    def test_a_disk_that_is_nearly_full_is_a_warning(self):
        with self.free(40 * 1024 * 1024):
            self.found(self.doctor("--host", code=0), "engine-disk", "warning")

    def test_a_promotion_that_does_not_fit_is_refused_before_anything_is_pulled(self):
        image = kit.random_image((6 << 20,), seed=self.project, types=DOCKER)
        self.a.client().push(f"{self.project}/dev/web", "latest", image)
        before = self.engine.has()
        with self.free(10 << 20):
            outcome = self.sluice.run("promote", "--to", "prod", "--yes")
        self.assertEqual(outcome.code, 1, outcome)
        for word in (f"keeps images in {self.root}", "are free", "needs 12", "docker image prune"):
            self.assertIn(word, outcome.err)
        self.assertEqual(self.engine.has(), before)
        self.assertIsNone(self.a.client().digest(f"{self.project}/prod/web", "latest"))

    def test_a_full_disk_of_an_engine_that_nothing_goes_by_is_information(self):
        self.pipeline(self.a.host, self.a.host)
        with self.free(4 * 1024 * 1024):
            self.found(self.doctor("--host", code=0), "engine-disk-full", "info")


if __name__ == "__main__":
    unittest.main(verbosity=2)
