"""`sluice sandbox` and the program that serves it: where it is looked for, what ends it, what it writes."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from sluicekit.sandbox import Sandbox
from sluicekit.sluice import binary

SLUICE = pathlib.Path(binary())
SERVER = SLUICE.with_name("sluice-sandbox")


def variables_of(file):
    """What a shell has after it read the file."""
    names = ("KUBECONFIG", "REGISTRY_AUTH_FILE", "SLUICE_STATE")
    script = f'. "$1" && printf "%s\\n" {" ".join(f"${{{name}}}" for name in names)}'
    done = subprocess.run(["sh", "-c", script, "sh", file], capture_output=True, text=True, check=True, timeout=30)
    return dict(zip(names, done.stdout.splitlines()))


class Program(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory(prefix="sluice-program-")))

    def put(self, program, *parts):
        place = self.folder.joinpath(*parts)
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(program, place) if self.one_disk() else shutil.copy2(program, place)
        return place

    def one_disk(self):
        return os.stat(SLUICE).st_dev == os.stat(self.folder).st_dev

    def begins(self, program, path="/usr/bin:/bin"):
        """Starts it as a test would, and ends it; what it printed."""
        before = os.environ["PATH"]
        os.environ["PATH"] = path
        try:
            with Sandbox(program=program) as box:
                return box.ready
        finally:
            os.environ["PATH"] = before

    def test_it_is_found_beside_sluice(self):
        alone = self.put(SLUICE, "bin", "sluice")
        self.put(SERVER, "bin", "sluice-sandbox")
        self.assertEqual(self.begins(alone)["schema"], "sluice.sandbox/1")

    def test_it_is_found_in_libexec(self):
        alone = self.put(SLUICE, "bin", "sluice")
        self.put(SERVER, "libexec", "sluice", "sluice-sandbox")
        self.assertEqual(self.begins(alone)["schema"], "sluice.sandbox/1")

    def test_it_is_found_on_the_path(self):
        alone = self.put(SLUICE, "bin", "sluice")
        other = self.put(SERVER, "other", "sluice-sandbox").parent
        self.assertEqual(self.begins(alone, f"/usr/bin:/bin:{other}")["schema"], "sluice.sandbox/1")

    def test_without_it_one_is_told_where_it_was_looked_for(self):
        alone = self.put(SLUICE, "bin", "sluice")
        done = subprocess.run([alone, "sandbox", "--demo"], capture_output=True, text=True, check=False, timeout=30,
                              env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder)}, stdin=subprocess.DEVNULL)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")
        self.assertIn(f"no program sluice-sandbox beside {alone}", done.stderr)

    def test_the_program_can_be_started_by_itself(self):
        done = subprocess.run([SERVER, "--help"], capture_output=True, text=True, check=True, timeout=30)
        self.assertIn("--profile", done.stdout)

    def test_ctrl_c_ends_it_well_and_removes_what_it_wrote(self):
        child = subprocess.Popen([SLUICE, "sandbox", "-o", "json"], stdout=subprocess.PIPE, text=True,
                                 env=os.environ | {"TMPDIR": str(self.folder)}, stdin=subprocess.DEVNULL)
        self.assertIn("sluice.sandbox/1", child.stdout.readline())
        self.assertTrue(list(self.folder.iterdir()), "the kubeconfig is there")
        child.send_signal(signal.SIGINT)
        child.stdout.close()
        self.assertEqual(child.wait(timeout=30), 0)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_what_is_tried_stays_apart_from_what_is_real(self):
        with Sandbox() as box:
            values = variables_of(box.ready["env"])
            self.assertEqual(values["KUBECONFIG"], box.ready["kubeconfig"])
            folder = str(pathlib.Path(box.ready["kubeconfig"]).parent)
            for name in ("REGISTRY_AUTH_FILE", "SLUICE_STATE"):
                self.assertTrue(values[name].startswith(folder + "/"), values[name])


if __name__ == "__main__":
    unittest.main()
