"""The `run` script as people meet it: help, mistakes, and what it does about missing packages (with a stubbed apt)."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
RUN = ROOT / "run"


def run(*arguments, environment=None):
    return subprocess.run([RUN, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                          timeout=60, env={**os.environ, **(environment or {})})


class Words(unittest.TestCase):
    def test_help_names_every_command(self):
        for arguments in (["help"], ["--help"], []):
            done = run(*arguments)
            self.assertEqual(done.returncode, 0, done.stderr)
            for command in ("setup", "build", "demo", "test", "test-jenkins", "fuzz", "bench", "lint", "format", "help"):
                self.assertRegex(done.stdout, rf"(?m)^  {command}\b")

    def test_jenkins_tests_are_skipped_aloud_where_java_is_missing(self):
        with tempfile.TemporaryDirectory(prefix="run-script-") as folder:
            for tool in ("bash", "env", "dirname"):
                pathlib.Path(folder, tool).symlink_to(shutil.which(tool))
            done = run("test-jenkins", environment={"PATH": folder})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("test-jenkins: skipped: java is not there", done.stdout)

    def test_mistakes_end_with_two_and_a_way_out(self):
        for arguments, said in (
            (["tset"], 'there is no command "tset" (did you mean "test"?)'),
            (["frobnicate"], 'there is no command "frobnicate"; see ./run help'),
            (["build", "relase"], 'there is no preset "relase" (did you mean "release"?)'),
            (["test", "--presets", "x"], 'test does not know --presets (did you mean "--preset"?)'),
            (["test", "--preset"], "a value is missing after --preset"),
            (["test", "--label", "units"], 'there is no label "units" (did you mean "unit"?)'),
            (["fuzz", "ymal"], 'there is no fuzz target "ymal" (did you mean "yaml"?)'),
            (["fuzz", "yaml", "--second", "3"], 'fuzz does not know --second (did you mean "--seconds"?)'),
            (["fuzz", "--seconds"], "a value is missing after --seconds"),
            (["fuzz", "--seconds", "0"], '--seconds takes a whole number from 1 to 999999, not "0"'),
            (["demo", "registry"], 'there is no demo "registry"; there are: openshift registries'),
            (["demo", "openshfit"], 'there is no demo "openshfit" (did you mean "openshift"?)'),
            (["demo", "registries", "twice"], "demo takes one name, or none"),
            (["setup", "buld"], 'there is no group "buld" (did you mean "build"?)'),
        ):
            with self.subTest(" ".join(arguments)):
                done = run(*arguments)
                self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
                self.assertIn(said, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_it_works_from_any_folder(self):
        done = subprocess.run([RUN, "help"], capture_output=True, cwd="/", check=False)
        self.assertEqual(done.returncode, 0)

    def test_shellcheck_finds_nothing(self):
        if shutil.which("shellcheck") is None:
            self.skipTest("shellcheck is not installed")
        done = subprocess.run(["shellcheck", RUN, ROOT / ".ci" / "run"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)


STUBS = {
    # Everything is installed but what is listed in $STUB/absent.
    "dpkg-query": r"""#!/bin/bash
for name in "${@:4}"; do
  grep -qx "$name" "$STUB/absent" || echo "$name installed"
done
""",
    "apt-get": r"""#!/bin/bash
echo "apt-get $*" >>"$STUB/calls"
case " $* " in
  *" --simulate "*) [ ! -e "$STUB/index-is-stale" ] ;;
  *" update "*) rm -f "$STUB/index-is-stale" ;;
  *" install "*)
    [ -e "$STUB/policy" ] && cp "$STUB/policy" "$STUB/policy-seen"
    [ ! -e "$STUB/fails" ] && : >"$STUB/absent"
    ;;
esac
""",
    "systemctl": r"""#!/bin/bash
echo "systemctl $*" >>"$STUB/calls"
""",
    "sudo": r"""#!/bin/bash
exec "$@"
""",
}


class Packages(unittest.TestCase):
    def setUp(self):
        self.stub = pathlib.Path(tempfile.mkdtemp(prefix="run-script-"))
        self.addCleanup(shutil.rmtree, self.stub)
        for name, text in STUBS.items():
            (self.stub / name).write_text(text)
            (self.stub / name).chmod(0o755)
        self.absent("")

    def absent(self, *names):
        (self.stub / "absent").write_text("".join(name + "\n" for name in names))

    def setup_run(self, *groups):
        return run("setup", *groups, environment={
            "PATH": f"{self.stub}:{os.environ['PATH']}", "STUB": str(self.stub),
            "RUN_POLICY_FILE": str(self.stub / "policy")})

    def calls(self):
        path = self.stub / "calls"
        return path.read_text() if path.exists() else ""

    def test_nothing_missing_is_silent(self):
        done = self.setup_run()
        self.assertEqual((done.returncode, done.stdout, done.stderr, self.calls()), (0, "", "", ""))

    def test_missing_packages_are_named_before_they_are_installed(self):
        self.absent("ninja-build", "docker-registry")
        done = self.setup_run()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^  ninja-build +runs the build$")
        self.assertRegex(done.stdout, r"(?m)^  docker-registry +the registries of tests and demo$")
        self.assertIn("--no-install-recommends install docker-registry ninja-build", self.calls())
        self.assertNotIn("update", self.calls())

    def test_services_are_held_during_the_installation_and_disabled_after_it(self):
        self.absent("docker-registry")
        self.setup_run("demo")
        self.assertIn("exit 101", (self.stub / "policy-seen").read_text())
        self.assertFalse((self.stub / "policy").exists())
        self.assertIn("systemctl disable --quiet docker-registry", self.calls())
        self.assertNotIn("nginx", self.calls())

    def test_a_policy_of_the_machine_stays_as_it_is(self):
        (self.stub / "policy").write_text("the administrator's\n")
        self.absent("nginx-light")
        self.setup_run("test")
        self.assertEqual((self.stub / "policy").read_text(), "the administrator's\n")
        self.assertIn("systemctl disable --quiet nginx", self.calls())

    def test_the_index_is_updated_only_when_it_has_to_be(self):
        (self.stub / "index-is-stale").touch()
        self.absent("mold")
        done = self.setup_run("build")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("update", self.calls())

    def test_only_the_group_that_is_asked_for_is_looked_at(self):
        self.absent("shellcheck")
        self.assertEqual(self.setup_run("build").stdout, "")

    def test_what_could_not_be_installed_is_said(self):
        (self.stub / "fails").touch()
        self.absent("mold")
        done = self.setup_run("build")
        self.assertNotEqual(done.returncode, 0)
        self.assertFalse((self.stub / "policy").exists())


if __name__ == "__main__":
    unittest.main()
