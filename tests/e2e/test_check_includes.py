"""scripts/check_includes: a short cut through the floors is found and named."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "check_includes"


def check(files):
    """(exit code, output) of the script over a tree with these files."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in files.items():
            path = pathlib.Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        done = subprocess.run([sys.executable, "-B", SCRIPT, folder], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr


class CheckIncludes(unittest.TestCase):
    def test_this_tree_is_in_order(self):
        done = subprocess.run([sys.executable, "-B", SCRIPT], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_what_is_allowed_passes(self):
        for name, path, line in (
            ("own room", "net/a.cpp", '#include "net/a.hpp"'),
            ("a lower floor", "promotion/a.hpp", '#include "oci/digest.hpp"'),
            ("net may use base", "net/a.hpp", '#include "base/result.hpp"'),
            ("auth may use oci", "auth/a.hpp", '#include "oci/reference.hpp"'),
            ("a wrapped library", "net/a.cpp", "#include <curl/curl.h>"),
            ("the standard library", "oci/a.hpp", "#include <vector>"),
            ("the generated version", "base/a.cpp", '#include "version.hpp"'),
            ("the look-alike on the ground", "sandbox/a.cpp", '#include "net/http.hpp"'),
            ("main", "main.cpp", '#include "cli/main.hpp"'),
        ):
            with self.subTest(name):
                code, output = check({path: line + "\n", "base/b.hpp": "#pragma once\n"})
                self.assertEqual(code, 0, output)

    def test_what_is_forbidden_is_named_with_its_line(self):
        for name, path, line, said in (
            ("an upper floor", "oci/a.hpp", '#include "places/place.hpp"', 'oci (floor 1) may not include "places/'),
            ("the same floor", "copy/a.cpp", '#include "openshift/api.hpp"', 'copy (floor 3) may not include "openshift/'),
            ("base may not use net", "base/a.cpp", '#include "net/http.hpp"', 'base (floor 0) may not include "net/'),
            ("oci may not use auth", "oci/a.cpp", '#include "auth/login.hpp"', 'oci (floor 1) may not include "auth/'),
            ("the look-alike upstairs", "sandbox/a.cpp", '#include "copy/copier.hpp"', "sandbox (floor beside)"),
            ("a library's wrong room", "places/a.cpp", "#include <curl/curl.h>", "<curl/curl.h> belongs to net"),
            ("angle brackets", "base/a.hpp", "#include <cli/options.hpp>", 'base (floor 0) may not include "cli/'),
            ("a heavy header", "base/a.hpp", "#include <nlohmann/json.hpp>", "include it in a .cpp file"),
            ("a private header", "app/a.cpp", '#include "records/sqlite.hpp"', "is private to records"),
            ("no path", "net/a.cpp", '#include "http.hpp"', '"net/http.hpp"'),
            ("no such room", "net/a.cpp", '#include "utils/x.hpp"', "is in no room"),
            ("blanks in the line", "oci/a.cpp", ' # include "app/x.hpp"', "may not include"),
        ):
            with self.subTest(name):
                code, output = check({path: "#pragma once\n" + line + "\n"})
                self.assertEqual(code, 1, output)
                self.assertIn(f"{path}:2: ", output)
                self.assertIn(said, output)

    def test_a_room_that_is_included_and_not_linked_is_named(self):
        links = "sluice_room(oci LINKS sluice::base)\nsluice_room(pipeline LINKS sluice::base\n  sluice::oci fmt::fmt)\n"
        files = {"CMakeLists.txt": links, "oci/a.cpp": '#include "base/a.hpp"\n',
                 "pipeline/a.cpp": '#include "base/a.hpp"\n#include "oci/a.hpp"\n#include "pipeline/a.hpp"\n'}
        self.assertEqual(check(files)[0], 0, check(files)[1])
        files["pipeline/b.cpp"] = '#include "base/a.hpp"\n#include "net/url.hpp"\n'
        code, output = check(files)
        self.assertEqual(code, 1)
        self.assertIn("pipeline/b.cpp:2: pipeline includes net, and its LINKS", output)
        self.assertIn("1 problem", output)

    def test_links_that_go_up_and_links_that_nobody_needs_are_named(self):
        links = "sluice_room(oci LINKS sluice::base sluice::places)\nsluice_room(auth LINKS sluice::oci)\n"
        code, output = check({"CMakeLists.txt": links, "oci/a.cpp": '#include "base/json.hpp"\n', "auth/a.cpp": ""})
        self.assertEqual(code, 1, output)
        self.assertIn("oci may not link sluice::places", output)
        self.assertIn("auth links sluice::oci, and includes nothing of it", output)
        self.assertIn("2 problems", output)

    def test_a_program_includes_its_own_face_alone(self):
        code, output = check({"main.cpp": '#include "sandbox_program/serve.hpp"\n', "base/a.hpp": ""})
        self.assertEqual(code, 1, output)
        self.assertIn('main.cpp: may not include "sandbox_program/serve.hpp"', output)

    def test_a_room_that_is_built_another_way_is_named(self):
        links = "sluice_room(base)\nsluice_room(oci LINKS sluice::base)\ntarget_link_libraries(sluice_base PUBLIC x)\n"
        code, output = check({"CMakeLists.txt": links, "base/a.cpp": "", "oci/a.cpp": '#include "base/a.hpp"\n',
                              "oci/b.h": ""})
        self.assertEqual(code, 1, output)
        self.assertIn("no line sluice_room(base LINKS ...)", output)
        self.assertIn("sluice_base is linked outside of its sluice_room line", output)
        self.assertIn("oci/b.h: sources end with .hpp or .cpp", output)
        self.assertIn("3 problems", output)

    def test_a_circle_of_headers_is_told_in_its_order(self):
        code, output = check({"oci/a.hpp": '#include "oci/b.hpp"\n', "oci/b.hpp": '#include "oci/c.hpp"\n',
                              "oci/c.hpp": '#include "oci/a.hpp"\n', "oci/d.hpp": '#include "oci/a.hpp"\n'})
        self.assertEqual(code, 1, output)
        self.assertIn("a circle of headers: oci/a.hpp -> oci/b.hpp -> oci/c.hpp -> oci/a.hpp", output)
        self.assertIn("1 problem", output)

    def test_files_and_folders_that_are_too_large_are_named(self):
        files = {f"oci/{n}.hpp": "\n" for n in range(41)}
        code, output = check({**files, "net/a.cpp": "\n" * 401, "net/b.cpp": "\n" * 400})
        self.assertEqual(code, 1, output)
        self.assertIn("net/a.cpp: 401 lines; 400 at most", output)
        self.assertNotIn("net/b.cpp", output)
        self.assertIn("oci: 41 files; 40 at most", output)

    def test_an_unknown_room_and_an_empty_tree_are_errors(self):
        self.assertIn("attic is no room", check({"attic/a.cpp": ""})[1])
        self.assertEqual(check({})[0], 1)


if __name__ == "__main__":
    unittest.main()
