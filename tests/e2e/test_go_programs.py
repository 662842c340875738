"""Programs that are built with Go for tests and bench: built once per version, and told plainly when they cannot be.

Go itself is a script here, so that nothing is fetched from anywhere."""

import pathlib
import unittest
from unittest import mock

from sluicekit import go_programs, tools

BUILDS = '#!/bin/sh\n[ "$1" = build ] || exit 1\nwhile [ "$1" != -o ]; do shift; done\necho "built" > "$2"\necho run >> "$COUNT"\n'
FAILS = '#!/bin/sh\necho "first line" >&2\necho "no such module" >&2\nexit 1\n'


class GoPrograms(unittest.TestCase):
    def setUp(self):
        self.folder = tools.folder("go-programs")
        self.go = None
        self.count = self.folder / "count"
        for name, value in (("BIN", self.folder / "bin"), ("find", lambda _: self.go),
                            ("_GO_OWN_FOLDER", pathlib.Path("/nonexistent/go"))):
            self.enterContext(mock.patch.object(go_programs, name, value))
        self.enterContext(mock.patch.dict("os.environ", {"COUNT": str(self.count)}))

    def script(self, text):
        self.go = self.folder / "go"
        self.go.write_text(text)
        self.go.chmod(0o755)

    def program(self, version="v1.0.0"):
        return go_programs.GoProgram("tool", "example.org/tool", version, "cmd/tool")

    def runs(self):
        return len(self.count.read_text().splitlines()) if self.count.exists() else 0

    def test_without_go_it_says_so(self):
        self.assertEqual(self.program().build(), (None, "go is not installed"))

    def test_a_build_that_fails_is_told_with_its_last_line_and_leaves_nothing_to_run(self):
        self.script(FAILS)
        path, why_not = self.program().build()
        self.assertIsNone(path)
        self.assertEqual(why_not, "go cannot build example.org/tool v1.0.0: no such module")
        self.assertFalse(self.program().is_built)

    def test_a_program_is_built_once_for_each_version(self):
        self.script(BUILDS)
        path, why_not = self.program().build()
        self.assertIsNone(why_not)
        self.assertEqual(path.read_text(), "built\n")
        self.assertEqual(self.program().build(), (path, None))
        self.assertEqual(self.runs(), 1)
        self.assertFalse(self.program("v2.0.0").is_built)
        self.program("v2.0.0").build()
        self.assertEqual(self.runs(), 2)

    def test_what_is_built_needs_no_go(self):
        self.script(BUILDS)
        built = self.program().build()
        self.go = None
        self.assertEqual(self.program().build(), built)


if __name__ == "__main__":
    unittest.main()
