#!/usr/bin/env python3
"""Compares two recordings: each difference is one line; see README.md. Ends with 1 when there is one that was not
expected, with 2 when the two cannot be compared."""

import argparse
import fnmatch
import json
import pathlib
import re
import sys

_NOTHING = "(nothing)"
# Requests that are repeated until something is seen, or when what was read is too old, on a busy machine more often;
# a token is asked for once or twice, as connections come side by side.
_REPEATED = re.compile(r"^requests\.\S+ (GET (memory|tag|tags|claim|token|\S*/imagestreams/\*)|PUT claim)$")


def leaves(value, path=""):
    """(path, value) of each value that is no object and no list; of each of those, how much is in it."""
    if isinstance(value, dict):
        if not value:
            yield path, {}
        for key in sorted(value):
            if not (path == "" and key == "people"):
                yield from leaves(value[key], f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        yield f"{path}.length", len(value)
        for number, part in enumerate(value):
            yield from leaves(part, f"{path}[{number}]")
    else:
        yield path, value


def _parts(recording):
    """Commands, and what stands afterwards, by name."""
    parts = {one["command"]: {key: part for key, part in one.items() if key != "command"}
             for one in recording["commands"]}
    return {**parts, **{f"afterwards: {name}": one for name, one in recording["stands"].items()}}


def differences(a, b):
    """(command, member, a, b) of two recordings of one scenario."""
    ours, theirs = _parts(a), _parts(b)
    for command in sorted({*ours, *theirs}):
        if command not in ours or command not in theirs:
            yield (command, "", *("recorded" if command in one else _NOTHING for one in (ours, theirs)))
            continue
        ours_at, theirs_at = dict(leaves(ours[command])), dict(leaves(theirs[command]))
        for path in sorted({*ours_at, *theirs_at}):
            pair = [json.dumps(one[path], ensure_ascii=False) if path in one else _NOTHING
                    for one in (ours_at, theirs_at)]
            if pair[0] != pair[1] and not _about_equal(path, ours_at.get(path, 0), theirs_at.get(path, 0)):
                yield (command, path, *pair)


def _about_equal(path, a, b):
    """Whether these are counts of reads that are repeated, and near each other: 3, or a third of the larger one."""
    return bool(_REPEATED.match(path)) and abs(a - b) <= max(3, max(a, b) / 3)


class Expected:
    """Lines of a file: SCENARIO <tab> COMMAND <tab> MEMBER <tab> why. The first three may have * and ?."""

    def __init__(self, text=""):
        self._rules, self._used = [], set()
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                fields = [field.strip() for field in line.split("\t")]
                if len(fields) != 4 or not all(fields):
                    raise ValueError(f"line {number}: a line is SCENARIO, COMMAND, MEMBER and a reason, with tabs between")
                self._rules.append((number, *fields[:3]))

    def has(self, scenario, command, member):
        for number, *patterns in self._rules:
            if all(_fits(*pair) for pair in zip((scenario, command, member), patterns)):
                self._used.add(number)
                return True
        return False

    def unused(self):
        """The numbers of lines that no difference needed."""
        return [number for number, *_ in self._rules if number not in self._used]


def _fits(text, pattern):
    """Only * and ? mean something: members have brackets."""
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def compare(a, b, expected):
    """The lines to be told, of two folders."""
    about = [json.loads((folder / "about.json").read_text()) for folder in (a, b)]
    if about[0]["ports"] != about[1]["ports"]:
        raise ValueError("one was recorded in a network of its own and the other one was not: their ports differ")
    told = []
    for name in sorted({*about[0]["scenarios"], *about[1]["scenarios"]}):
        if not all(name in one["scenarios"] for one in about):
            found = [("", "", *("recorded" if name in one["scenarios"] else _NOTHING for one in about))]
        else:
            found = differences(*(json.loads((folder / f"{name}.json").read_text()) for folder in (a, b)))
        told += ["\t".join((name, *one)) for one in found if not expected.has(name, *one[:2])]
    return told


def main():
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("a", type=pathlib.Path)
    reader.add_argument("b", type=pathlib.Path)
    reader.add_argument("--expected", type=pathlib.Path, help="file of expected differences")
    told = reader.parse_args()
    try:
        expected = Expected(told.expected.read_text() if told.expected else "")
        lines = compare(told.a, told.b, expected)
    except (OSError, ValueError, KeyError) as error:
        print(f"compare: {error}", file=sys.stderr)
        return 2
    for line in lines:
        print(line)
    for number in expected.unused():
        print(f"compare: line {number} of {told.expected} names no difference", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
