"""What every machine of a walk (memory_walk.py) says after a step: all of them the same, and what the model says."""

import concurrent.futures
import re

from .memory_model import release_id

_RUNS = 4  # at once


class Machines:
    """The machines of a walk and what they are asked. A and B keep their records; C has an empty home each time. One
    more may run an older sluice, in a home of its own."""

    def __init__(self, case, place, model, old=None):
        self.case, self.place, self.model, self.old = case, place, model, old
        self.homes = {machine: place.home() for machine in ("AB" + ("O" if old else ""))}
        self.numbers = {}  # what each number means, as any machine said
        self.ambiguous = set()  # numbers that the older sluice gave out: it knows nothing of claims
        self.cut_off = set()  # machines whose own promotion was killed before the place heard of it
        self.down = False
        self.log = []

    def home(self, machine):
        return self.homes.get(machine) or self.place.home()

    def row(self, outcome):
        self.case.assertIn(outcome.code, (7,) if self.down else (0,), outcome)
        return next(one for one in outcome.json["environments"] if one["environment"] == "prod")

    def patience(self):
        """What is down stays down: trying again would take most of the time of a walk."""
        return ("--retry-times", "0") if self.down else ()

    def check(self, asked):
        """asked: the machine that is asked where a rollback would go to."""
        self.case.assertEqual(self.place.tags(), self.model.tags, "the tags")
        look = ("status", "-o", "json", *self.patience())
        runs = {machine: (self.home(machine), *look) for machine in "ABC"}
        if self.old and not self.down:
            runs["O"] = (self.home("O"), *look)
        if not self.model.nothing_known or asked == "C":  # what a machine has in its own records is its own
            runs["rollback"] = (self.home(asked), "rollback", "--to", "prod", *self.patience())
        with concurrent.futures.ThreadPoolExecutor(_RUNS) as pool:
            ended = dict(zip(runs, pool.map(lambda run: self.ask(*run), runs.items())))
        rows = {machine: self.row(ended[machine]) for machine in "ABC"}
        for machine, row in rows.items():
            self.agrees(machine, row)
            self.is_like(machine, row, rows["C"])
        if "O" in ended:
            self.old_reads(ended["O"])
        if "rollback" in ended:
            self.rollback_says(asked, ended["rollback"])

    def ask(self, name, run):
        home, *words = run
        return home.run(*words, program=self.old if name == "O" else None)

    def is_like(self, machine, row, other):
        """What one machine says is what one without records says."""
        model = self.model
        own = {"at_work"}
        if machine in self.cut_off:
            own |= {"unfinished", "drift"}
        if all(one.content != model.tags for one in model.stood):
            # What the place does not know has the labels that our own records gave it.
            own |= {"release", "holds", "behind"}
        if model.mended and None in (row["release"], other["release"]):
            own.add("release")
        if model.nothing_known or model.damaged:
            own = set(row) - {"images", "release_id", *(() if model.damaged else ("hold",))}
        shared = {key: value for key, value in row.items() if key not in own}
        self.case.assertEqual(shared, {key: other[key] for key in shared}, f"{machine} and C differ")
        if row["release"] is not None and row["release"] not in self.ambiguous:
            number = self.numbers.setdefault(row["release"], row["release_id"])
            self.case.assertEqual(row["release_id"], number, f"number {row['release']} has two contents")

    def agrees(self, machine, row):
        """One machine's row with the model."""
        case, model = self.case, self.model
        said = {"images": {one["name"]: one["digest"] for one in row["images"]}, "release_id": row["release_id"]}
        wanted = {"images": model.tags, "release_id": release_id(model.tags)}
        case.assertEqual(row["memory"] is not None, model.damaged, f"{machine}: {row}")
        if not model.damaged:
            said["hold"] = row["hold"] or ""
            wanted["hold"] = said["hold"] if model.hold and model.hold in said["hold"] else model.hold or ""
            if machine not in self.cut_off:
                said["unfinished"] = row["unfinished"]
                wanted["unfinished"] = model.open.id if model.open else None
            if not model.nothing_known:
                said["kept"] = [one["release_id"] for one in row["kept"]]
                wanted["kept"] = [one.id for one in model.good()]
                if machine not in self.cut_off:
                    said["drift"], wanted["drift"] = row["drift"], model.drift()
        case.assertEqual(said, wanted, f"{machine} and the model differ: {row}")

    def old_reads(self, outcome):
        """The older version sees the same images and the same hold."""
        row = self.row(outcome)
        self.case.assertEqual({one["name"]: one["digest"] for one in row["images"]}, self.model.tags, outcome)
        if not self.model.damaged:
            self.case.assertEqual(bool(row["hold"]), bool(self.model.hold), outcome)

    def rollback_says(self, machine, outcome):
        """The plan of a rollback names exactly the release that the model says."""
        goes_to = self.model.rollback_goes_to()
        if self.model.damaged:
            self.case.assertEqual(outcome.code, 3, outcome)
            self.case.assertIn("sluice unhold prod", outcome.err, outcome)
        elif goes_to is None:
            self.case.assertEqual(outcome.code, 1, outcome)
            self.case.assertIn("no earlier release", outcome.err, outcome)
        else:
            self.case.assertEqual(outcome.code, 3, outcome)
            # A release without a number is named by its id; each image by its digest in any case.
            named = re.search(r"^shop (?:\d+|\(([0-9a-f]{12})\)) -> prod", outcome.err, re.MULTILINE)
            self.case.assertIsNotNone(named, outcome)
            elsewhere = f"{machine}: the rollback goes elsewhere than the model says\n{outcome}"
            self.case.assertIn(named.group(1), (None, goes_to.id[:12]), elsewhere)
            for name, digest in dict(goes_to.content).items():
                brief = digest.partition(":")[2][:12]
                self.case.assertRegex(outcome.err, rf"(?m)^    {name}  (?:\S+ -> )?{brief}  ", elsewhere)
