"""Every item of the sandbox's contract has a test that names its number, or a reason why not.

`--write` writes the names of the tests into tests/data/contract-items.md.
"""

import ast
import json
import pathlib
import re
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LIST = HERE.parent / "data" / "contract-items.md"
RECORDINGS = HERE.parent / "data" / "openshift-wire"
_NUMBERS = re.compile(r"^test_item((?:_\d\d)+)_")
_ITEM = re.compile(r"^\*\*(\d+)\.\*\* ")


def tests_of_files():
    """(file, name of test) for every test of the files beside this one whose name has numbers of items."""
    for path in sorted(HERE.glob("test_sandbox_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and _NUMBERS.match(node.name):
                yield path.stem, node.name
    for path in sorted(RECORDINGS.glob("*.json")):  # test_sandbox_replay makes these names
        items = "_".join(f"{item:02d}" for item in json.loads(path.read_text())["items"])
        yield "test_sandbox_replay", f"test_item_{items}_as_recorded_{path.stem.replace('-', '_')}"


def tests_by_item():
    found = {}
    for file, name in tests_of_files():
        for number in map(int, _NUMBERS.match(name)[1].strip("_").split("_")):
            found.setdefault(number, []).append((file, name))
    return found


def written(text):
    """The list with the names of today's tests."""
    tests, lines = tests_by_item(), []
    for line in text.splitlines():
        if line.startswith("Tests: "):
            if lines[-1] == "":
                lines.pop()
            continue
        lines.append(line)
        item = _ITEM.match(line)
        if item and int(item[1]) in tests:
            lines += ["", "Tests: " + ", ".join(f"`{name}`" for _, name in tests[int(item[1])])]
    return "\n".join(lines) + "\n"


class Contract(unittest.TestCase):
    longMessage = True

    @classmethod
    def setUpClass(cls):
        cls.text = LIST.read_text()

    def test_the_list_has_81_items_in_order(self):
        numbers = [int(match[1]) for match in map(_ITEM.match, self.text.splitlines()) if match]
        self.assertEqual(numbers, list(range(1, 82)))

    def test_every_item_has_a_test_or_a_reason(self):
        tests = tests_by_item()
        parts = re.split(r"^(?=\*\*\d+\.\*\* )", self.text, flags=re.MULTILINE)[1:]
        without = [part.splitlines()[0] for number, part in enumerate(parts, 1)
                   if number not in tests and not re.search(r"^Not done: \S", part, re.MULTILINE)]
        self.assertEqual(without, [], "items without a test and without a reason")
        self.assertEqual(set(tests) - set(range(1, 82)), set(), "tests for numbers that are no items")

    def test_the_list_names_the_tests_of_today(self):
        self.assertEqual(self.text, written(self.text), "run tests/e2e/test_sandbox_contract.py --write")

    def test_no_two_tests_have_one_name(self):
        names = [name for _, name in tests_of_files()]
        self.assertEqual(sorted(name for name in set(names) if names.count(name) > 1), [])

    def test_every_recording_tells_items_of_the_list(self):
        for path in RECORDINGS.glob("*.json"):
            with self.subTest(path.stem):
                items = json.loads(path.read_text())["items"]
                self.assertTrue(items and all(1 <= item <= 81 for item in items), items)


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        LIST.write_text(written(LIST.read_text()))
    else:
        unittest.main()
