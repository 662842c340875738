"""What a run tells beside its result, for tests: events and documents held to their schemas, and a strict reader of
the text format of Prometheus."""

import json
import pathlib
import re

from .case import E2eCase, pipeline
from .images import random_image
from .tools import skip

try:
    import jsonschema
except ImportError:
    skip("not installed: python3-jsonschema (./run setup)")

ROOT = pathlib.Path(__file__).resolve().parents[3]


def schema(name):
    return jsonschema.Draft202012Validator(json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text()))


def read_metrics(text):
    """{(name, frozenset of labels): value} of a text in the format of Prometheus 0.0.4; ValueError where it is not.
    Stricter than the format: help and type of a family come first, and its samples stand together."""
    name, found, finished = None, {}, set()
    if not text.endswith("\n"):
        raise ValueError("the last line has no end")
    lines = iter(text.split("\n")[:-1])
    for line in lines:
        if line.startswith("# HELP "):
            finished.add(name)
            name = line.split(" ", 3)[2]
            kind = next(lines, "")
            if name in finished or kind != f"# TYPE {name} gauge" or not re.fullmatch(r"[a-z_:][a-z0-9_:]*", name):
                raise ValueError(f"not the beginning of a family: {line!r}, {kind!r}")
            continue
        sample = re.fullmatch(r"([a-z0-9_:]+)(?:\{(.*)\})? (-?[0-9.]+(?:e[+-]?[0-9]+)?)", line)
        if not sample or sample[1] != name:
            raise ValueError(f"not a sample of {name}: {line!r}")
        rest, labels = sample[2] or "", {}
        while rest:
            label = re.match(r'([a-z_][a-z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,(?=.)|$)', rest)
            if not label or label[1] in labels:
                raise ValueError(f"not a label: {rest!r} in {line!r}")
            labels[label[1]] = re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], label[2])
            rest = rest[label.end():]
        key = name, frozenset(labels.items())
        if key in found:
            raise ValueError(f"twice: {line!r}")
        found[key] = float(sample[3])
    return found


class ReportCase(E2eCase):
    """A home, and what its files and documents say: all are held to their schemas."""

    def setUp(self):
        super().setUp()
        self.sluice = self.home()

    def lines(self, text):
        return [json.loads(line) for line in text.splitlines()]

    def valid(self, name, document):
        found = [f"{error.json_path}: {error.message}" for error in schema(name).iter_errors(document)]
        self.assertEqual(found, [], json.dumps(document, indent=1))
        return document

    def events(self, name="events.jsonl"):
        """The events of a file, each as its schema says, numbered from 1 and in the order of time."""
        return self.in_order(self.lines((self.sluice.home / name).read_text()))

    def in_order(self, events):
        for event in events:
            self.valid("event", event)
        self.assertEqual([event["sequence"] for event in events], list(range(1, len(events) + 1)))
        times = [event["time"] for event in events]
        self.assertEqual(times, sorted(times))
        return events

    def metrics(self, name="m.prom"):
        return read_metrics((self.sluice.home / name).read_text())

    def value(self, found, name, **labels):
        """The one sample of a name with (at least) these labels."""
        wanted = set(labels.items())
        hits = [value for (family, has), value in found.items() if family == name and wanted <= has]
        self.assertEqual(len(hits), 1, f"{name} {labels} in {found}")
        return hits[0]

    def push(self, registry, name, image, tag="v1"):
        registry.client().push(f"{self.project}/{name}", tag, image)
        return f"{registry.host}/{self.project}/{name}:{tag}"

    def promotions(self, target=None):
        self.sluice.write("sluice.yaml", pipeline(
            "shop", ["web"], ("dev", [(self.a.host, f"{self.project}/dev")]),
            ("prod", [(target or self.b.host, f"{self.project}/prod")])))

    def build(self, number):
        image = random_image((900, 100), seed=f"{self.project}-{number}")
        self.push(self.a, "dev/web", image, "latest")
        return image
