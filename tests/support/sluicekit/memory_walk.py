"""Random steps of three machines at one place. Each step is done by sluice and told to the model; after each one every
machine has to say what the model says (memory_model.py)."""

import concurrent.futures
import re
import shutil
import signal

from .memory_model import Model, Promotion, release_id
from .sluice import helper

CHANCES = {"push": 4, "promote": 9, "promote_that_fails": 4, "undo": 5, "rollback": 5, "rollback_named": 4, "hold": 3,
           "unhold": 5, "kill": 8, "resume": 3, "lose_records": 2, "damage": 2, "source_down": 3, "hotfix": 3}
MOST_WRITES = 22  # more than a promotion of two images commits


class Walk:
    """Machines A and B keep their records; C has an empty home each time."""

    def __init__(self, case, place, rng, old=None):
        """old: a sluice of revision d8a0d21 that reads along, in a home of its own; sandboxes only."""
        self.case, self.place, self.rng = case, place, rng
        self.homes = {"A": place.home(), "B": place.home()}
        self.old = old if place.remembers_for_old else None
        self.old_home = place.home() if self.old else None
        self.model = Model(place.tags())
        self.known = {picture: [digest] for picture, digest in self.model.tags.items()}
        self.states = {}  # of promotions that ended, as the place tells
        self.numbers = {}
        self.cut_off = set()  # machines whose own promotion was killed before the place heard of it
        self.down = False
        self.reasons = 0
        self.log = []

    # Machines.

    def home(self, machine):
        return self.homes.get(machine) or self.place.home()

    def run(self, machine, *words, after=None):
        """after: killed after so many committed writes of its records."""
        more = {}
        if after is not None:
            more = {"program": helper("sluice-crash"), "environment": {"SLUICE_CRASH_AFTER": str(after)}}
        outcome = self.home(machine).run(*words, **more)
        self.log.append(f"  {machine}: {' '.join(words)}{f' (killed after {after})' if after else ''}: {outcome.code}")
        return outcome

    def code(self, outcome, *codes):
        self.case.assertIn(outcome.code, codes, outcome)
        return outcome.code

    def refused(self, outcome, word):
        self.case.assertEqual(outcome.code, 3, outcome)
        self.case.assertIn(word, outcome.out + outcome.err, outcome)

    # One step.

    def step(self, number):
        kinds = [kind for kind in CHANCES if self.possible(kind)]
        kind = self.rng.choices(kinds, [CHANCES[one] for one in kinds])[0]
        machine = self.rng.choice("ABC")
        self.log.append(f"{number}. {kind} by {machine}")
        getattr(self, kind)(machine)
        self.place.settle()
        self.check()

    def possible(self, kind):
        model = self.model
        if kind == "promote_that_fails":
            return self.place.can_fail and model.refuses("promote") is None
        if kind == "source_down":
            return self.place.can_go_down
        if kind == "undo":
            return model.open is not None or model.last is not None
        if kind == "resume":
            return model.open is not None
        if kind == "rollback_named":
            return any(one.content != model.tags for one in model.stood)
        return kind != "damage" or not model.damaged

    def push(self, _machine):
        self.place.push(self.rng.choice(self.place.pictures))

    def promote(self, machine, after=None, fails=False):
        model, wanted = self.model, self.place.offered()
        refused = model.refuses("promote")
        outcome = self.run(machine, "promote", "--to", "prod", "--yes", "-o", "json", after=after)
        promotion = Promotion("", "promote", dict(model.tags), wanted)
        if outcome.code == -signal.SIGKILL:
            self.killed(machine, promotion)
        elif self.down:
            self.code(outcome, 7)
        elif refused or (machine in self.cut_off and outcome.code == 3):
            self.refused(outcome, "blocked")
        elif fails:
            self.code(outcome, 1)
            self.case.assertEqual(outcome.json["state"], "failed", outcome)
            self.arrived(machine, promotion, "failed", outcome)
        elif self.code(outcome, 0) == 0 and wanted != model.tags:
            self.arrived(machine, promotion, "verified", outcome)
        elif self.equal_is_written(wanted):
            self.arrived(machine, promotion, "verified", outcome)

    def equal_is_written(self, wanted):
        """Whether a promotion of what is there has something to tell the place."""
        stands = self.model.standing()
        return stands is not None and (stands.content != wanted or stands.outcome == "failed")

    def promote_that_fails(self, machine):
        picture = self.rng.choice(self.place.pictures)
        digest = self.place.push(picture)
        self.place.fail(digest, True)
        self.promote(machine, fails=True)
        self.place.settle()
        self.place.fail(digest, False)

    def arrived(self, machine, promotion, outcome, run):
        promotion.id, promotion.moved = run.json["promotion"], True
        self.states[promotion.id] = run.json["state"]
        self.model.tags = dict(promotion.after)
        hold = f"by {promotion.id}" if promotion.kind == "rollback" and outcome == "verified" else None
        self.model.ended(promotion, outcome, hold)
        self.remember(promotion.after)
        self.cut_off.discard(machine)

    def remember(self, content):
        for picture, digest in content.items():
            if digest not in self.known[picture]:
                self.known[picture].append(digest)

    def rollback(self, machine, after=None, named=None):
        model = self.model
        goes_to = named or model.rollback_goes_to()
        words = ["--release", self.name_of(named)] if named else []
        if model.nothing_known and not named:
            return  # what a machine has in its own records is its own
        outcome = self.run(machine, "rollback", "--to", "prod", *words, "--yes", "-o", "json", after=after)
        if outcome.code == -signal.SIGKILL:
            self.killed(machine, Promotion("", "rollback", dict(model.tags), goes_to.content))
        elif model.refuses("rollback"):
            self.refused(outcome, "blocked")
        elif goes_to is None:
            self.code(outcome, 1)
        elif outcome.code == 3 and model.open is not None and self.place.leaves_paused:
            # A workload that the interrupted promotion paused blocks a rollback until it was resumed or undone.
            self.refused(outcome, "blocked")
        else:
            self.code(outcome, 0)
            self.case.assertEqual(outcome.json["release_id"], goes_to.id, outcome)
            self.arrived(machine, Promotion("", "rollback", dict(model.tags), goes_to.content), "verified", outcome)

    def rollback_named(self, machine):
        self.rollback(machine, named=self.rng.choice([one for one in self.model.stood
                                                      if one.content != self.model.tags]))

    def name_of(self, stood):
        names = [stood.id[:12], stood.id]
        names += [str(number) for number, release in self.numbers.items() if release == stood.id]
        if len(self.place.pictures) == 1:
            names += stood.content.values()
        return self.rng.choice(names)

    def undo(self, machine, after=None):
        model = self.model
        promotion = model.open or model.last
        outcome = self.run(machine, "undo", promotion.id, "-o", "json", after=after)
        ours = len(promotion.foreign(model.tags)) < len(model.tags)
        if outcome.code == -signal.SIGKILL:
            self.killed(machine, promotion)
        elif model.damaged or (model.hold and promotion.kind == "promote"):
            self.code(outcome, 3)
        elif outcome.code == 0 or (ours and not promotion.vague):
            self.code(outcome, 0)
            model.put_back(promotion)
            self.states[promotion.id] = outcome.json["state"]
            model.ended(promotion, "undone" if promotion.moved else None)
            model.last = None
            self.cut_off.discard(machine)

    def resume(self, machine, after=None):
        model, promotion = self.model, self.model.open
        outcome = self.run(machine, "resume", promotion.id, "-o", "json", after=after)
        if outcome.code == -signal.SIGKILL:
            self.killed(machine, promotion)
        elif model.damaged or (model.hold and promotion.kind == "promote") or promotion.foreign(model.tags):
            self.code(outcome, 3)
        elif outcome.code == 0 or not (promotion.vague or self.down):
            self.code(outcome, 0)
            self.arrived(machine, promotion, "verified", outcome)

    def hold(self, machine):
        self.reasons += 1
        reason = f"reason {self.reasons}"
        self.code(self.run(machine, "hold", "prod", "--reason", reason), 0)
        self.model.held(reason)

    def unhold(self, machine):
        self.code(self.run(machine, "unhold", "prod"), 0)
        self.model.held(None)

    def kill(self, machine):
        model = self.model
        after = self.rng.randint(1, MOST_WRITES)
        verbs = ["promote", "promote", "rollback"] if model.open is None else ["rollback", "undo", "resume", "resume"]
        if model.last is not None:
            verbs.append("undo")
        verb = self.rng.choice(verbs)
        if verb == "promote" and model.refuses("promote") is None:
            self.place.push(self.rng.choice(self.place.pictures))
        getattr(self, verb)(machine, after=after)

    def killed(self, machine, promotion):
        """What it came to is seen by a machine without records; the tags tell whether that can be."""
        model = self.model
        self.place.settle()
        tags = self.place.tags()
        for picture, digest in tags.items():
            self.case.assertIn(digest, (promotion.before[picture], promotion.after[picture], model.tags[picture]))
        self.remember(tags)
        seen = self.row(self.run("C", "status", "-o", "json"))
        told = self.run("C", "history", "-o", "json").json["promotions"]
        promotion.saw(tags)
        before, model.tags = model.tags, tags
        if seen["hold"] and not model.hold:
            self.case.assertEqual(promotion.kind, "rollback")
            model.hold = seen["hold"]
        ended = [one for one in told if self.states.get(one["promotion"]) != one["state"] and one["state"] in
                 ("succeeded", "rolled-back")]
        if seen["unfinished"]:
            self.case.assertIn(promotion.id, ("", seen["unfinished"]))
            promotion.id = seen["unfinished"]
            model.began(promotion)
        elif ended:
            self.case.assertEqual(len(ended), 1, told)
            promotion.id, state = ended[0]["promotion"], ended[0]["state"]
            self.states[promotion.id] = state
            undone = "undone" if promotion.moved else None
            model.ended(promotion, "verified" if state == "succeeded" else undone)
            if state == "rolled-back":
                model.last = None
        else:
            self.case.assertEqual(tags, before, "tags moved, and the place remembers nothing of it")
            self.cut_off.add(machine)
        self.log.append(f"    it is {'open' if seen['unfinished'] else 'ended' if ended else 'unheard of'} now")

    def lose_records(self, machine):
        if machine in self.homes:
            shutil.rmtree(self.homes[machine].home / ".state", ignore_errors=True)
            self.cut_off.discard(machine)

    def damage(self, _machine):
        self.model.damaged = self.place.damage(self.rng.choice(self.place.pictures))

    def source_down(self, machine):
        self.place.go_down()
        self.down = True
        try:
            kind = self.rng.choice([one for one in ("promote", "undo", "rollback", "rollback_named", "hold", "unhold")
                                    if self.possible(one)])
            self.log.append(f"    meanwhile {kind}")
            getattr(self, kind)(machine)
            self.place.settle()
            self.check()
        finally:
            self.place.come_up()
            self.down = False

    def hotfix(self, _machine):
        picture = self.rng.choice(self.place.pictures)
        others = [digest for digest in self.known[picture] if digest != self.model.tags[picture]]
        if others:
            digest = self.rng.choice(others)
            self.place.hotfix(picture, digest)
            self.model.tags[picture] = digest

    # What every machine says.

    def row(self, outcome):
        self.case.assertIn(outcome.code, (7,) if self.down else (0,), outcome)
        return next(one for one in outcome.json["environments"] if one["environment"] == "prod")

    def check(self):
        case, model = self.case, self.model
        case.assertEqual(self.place.tags(), model.tags, "the tags")
        homes = {machine: self.home(machine) for machine in "ABC"}
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            runs = dict(zip(homes, pool.map(lambda home: home.run("status", "-o", "json"), homes.values())))
        rows = {machine: self.row(outcome) for machine, outcome in runs.items()}
        for machine, row in rows.items():
            self.agrees(machine, row)
            own = {"at_work"}
            if machine in self.cut_off:
                own |= {"unfinished", "drift"}
            if all(one.content != model.tags for one in model.stood):
                # What the place does not know has the labels that our own records gave it.
                own |= {"release", "holds", "behind"}
            if model.mended and None in (row["release"], rows["C"]["release"]):
                own.add("release")
            if model.nothing_known or model.damaged:
                own = set(row) - {"images", "release_id", *(() if model.damaged else ("hold",))}
            shared = {key: value for key, value in row.items() if key not in own}
            case.assertEqual(shared, {key: rows["C"][key] for key in shared}, f"{machine} and C differ")
            if row["release"] is not None:
                number = self.numbers.setdefault(row["release"], row["release_id"])
                case.assertEqual(row["release_id"], number, f"number {row['release']} has two contents")
        self.rollback_says(self.rng.choice("ABC"))
        if self.old and not self.down:
            self.old_reads()

    def old_reads(self):
        """The older version sees the same images and the same hold."""
        outcome = self.old_home.run("status", "-o", "json", program=self.old)
        row = self.row(outcome)
        self.case.assertEqual({one["name"]: one["digest"] for one in row["images"]}, self.model.tags, outcome)
        if not self.model.damaged:
            self.case.assertEqual(bool(row["hold"]), bool(self.model.hold), outcome)

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

    def rollback_says(self, machine):
        """The plan of a rollback names exactly the release that the model says."""
        model = self.model
        if model.nothing_known and machine != "C":
            return
        outcome = self.run(machine, "rollback", "--to", "prod")
        goes_to = model.rollback_goes_to()
        if model.damaged:
            self.code(outcome, 3)
            self.case.assertIn("sluice unhold prod", outcome.err, outcome)
        elif goes_to is None:
            self.code(outcome, 1)
            self.case.assertIn("no earlier release", outcome.err, outcome)
        else:
            self.code(outcome, 3)
            # A release without a number is named by its id; each image by its digest in any case.
            named = re.search(r"^shop (?:\d+|\(([0-9a-f]{12})\)) -> prod", outcome.err, re.MULTILINE)
            self.case.assertIsNotNone(named, outcome)
            elsewhere = f"{machine}: the rollback goes elsewhere than the model says\n{outcome}"
            self.case.assertIn(named.group(1), (None, goes_to.id[:12]), elsewhere)
            for name, digest in dict(goes_to.content).items():
                brief = digest.partition(":")[2][:12]
                self.case.assertRegex(outcome.err, rf"(?m)^    {name}  (?:\S+ -> )?{brief}  ", elsewhere)
