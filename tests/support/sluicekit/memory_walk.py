"""Random steps of three machines at one place. Each step is done by sluice and told to the model; after each one every
machine has to say what the model says (memory_check.py, memory_model.py)."""

import shutil
import signal

from .memory_check import Machines
from .memory_model import Model, Promotion, Stood, release_id
from .sluice import helper

CHANCES = {"push": 4, "promote": 9, "promote_that_fails": 4, "undo": 5, "rollback": 5, "rollback_named": 4, "hold": 3,
           "unhold": 5, "kill": 8, "resume": 3, "lose_records": 2, "damage": 2, "source_down": 3, "hotfix": 3,
           "old_promotes": 3}
MOST_WRITES = 22  # more than a promotion of two images commits to its records, or writes to the place
ENDS = ("succeeded", "rolled-back", "cancelled")


class Walk(Machines):
    def __init__(self, case, place, rng, old=None):
        """old: a sluice of revision d8a0d21 that reads along and now and then promotes; sandboxes only."""
        super().__init__(case, place, Model(place.tags()), old if place.remembers_for_old else None)
        self.rng = rng
        self.known = {picture: [digest] for picture, digest in self.model.tags.items()}
        self.states = {}  # of promotions that ended, as the place tells
        self.reasons = 0
        self.labelled = set()  # ids of releases that the place has heard the version of
        self.own = {}  # by machine, the promotion that its own records may still call open
        self.broken = None  # the content that workloads failed to run: promoting it again rolls it out again

    # Runs.

    def run(self, machine, *words, kill=None):
        """kill: (where, after so many writes): "records" are counted as they are committed, "place" at the servers."""
        home, words = self.home(machine), (*words, *self.patience())
        if kill is None:
            outcome = home.run(*words, program=self.old if machine == "O" else None)
        elif kill[0] == "records":
            outcome = home.run(*words, program=helper("sluice-crash"),
                               environment={"SLUICE_CRASH_AFTER": str(kill[1])})
        else:
            self.place.proxy.arm(kill[1])
            child = home.start(*words)
            self.place.proxy.victim(child)
            outcome = home.finish(child)
            self.place.proxy.arm(0)
        stopped = f" (killed after {kill[1]} writes to the {kill[0]})" if kill else ""
        self.log.append(f"  {machine}: {' '.join(words)}{stopped}: {outcome.code}")
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
        if self.broken != self.model.tags:
            self.broken = None
        self.check(self.rng.choice("ABC"))

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
        if kind == "old_promotes":
            # It sees neither what lies open nor that a memory is damaged, and would go over both.
            return self.old is not None and not self.down and not model.damaged and model.open is None
        return kind != "damage" or not model.damaged

    def push(self, _machine):
        self.place.push(self.rng.choice(self.place.pictures))

    def promote(self, machine, kill=None, fails=False):
        model, wanted = self.model, self.place.offered()
        refused = model.refuses("promote")
        outcome = self.run(machine, "promote", "--to", "prod", "--yes", "-o", "json", kill=kill)
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
        return (stands is not None and stands.content != wanted) or self.broken == wanted

    def promote_that_fails(self, machine):
        # The first one: the outcome of the first container that has one is that of its pod.
        digest = self.place.push(self.place.pictures[0])
        self.place.fail(digest, True)
        self.promote(machine, fails=True)
        self.place.settle()
        self.place.fail(digest, False)

    def arrived(self, machine, promotion, outcome, run):
        promotion.id, promotion.moved = run.json["promotion"], True
        promotion.state = self.states[promotion.id] = run.json["state"]
        self.adopted_again(promotion)
        self.model.tags = dict(promotion.after)
        self.broken = promotion.after if outcome == "failed" else None
        hold = f"by {promotion.id}" if promotion.kind == "rollback" and outcome == "verified" else None
        self.model.ended(promotion, outcome, hold)
        if promotion.kind == "promote" and self.place.version_of(promotion.after):
            self.labelled.add(release_id(promotion.after))
        self.remember(promotion.after)
        self.forget_own(machine)

    def forget_own(self, machine):
        self.cut_off.discard(machine)
        self.own.pop(machine, None)

    def remember(self, content):
        for picture, digest in content.items():
            if digest not in self.known[picture]:
                self.known[picture].append(digest)

    def rollback(self, machine, kill=None, named=None):
        model = self.model
        goes_to = named or model.rollback_goes_to()
        words = ["--release", self.name_of(named)] if named else []
        if model.nothing_known and not named:
            return  # what a machine has in its own records is its own
        outcome = self.run(machine, "rollback", "--to", "prod", *words, "--yes", "-o", "json", kill=kill)
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
        # Labels that a damaged memory had are claims in the source alone, or in somebody's records.
        if not self.model.mended:
            names += [str(number) for number, release in self.numbers.items() if release == stood.id]
        if stood.id in self.labelled:
            names.append(self.place.version_of(stood.content))
        if len(self.place.pictures) == 1:
            names += stood.content.values()
        return self.rng.choice(names)

    def undo(self, machine, kill=None):
        model = self.model
        promotion = model.open or model.last
        outcome = self.run(machine, "undo", promotion.id, "-o", "json", kill=kill)
        if outcome.code == -signal.SIGKILL:
            self.killed(machine, promotion)
        elif not model.can_undo(promotion):
            self.case.assertNotEqual(outcome.code, 0, outcome)
        elif model.damaged or (model.hold and promotion.kind == "promote"):
            self.code(outcome, 3)
        elif outcome.code == 0 or not promotion.vague:
            self.code(outcome, 0)
            went_back = bool(promotion.left(model.tags))
            if not promotion.moved:
                self.case.assertEqual(outcome.json["state"], "cancelled", outcome)
            elif went_back:
                self.case.assertEqual(outcome.json["state"], "rolled-back", outcome)
            model.put_back(promotion)
            self.finished(machine, promotion, outcome.json["state"])

    def adopted_again(self, promotion):
        """Where a damaged memory was written anew, whoever goes on may adopt once more what stood there before."""
        before = Stood(dict(promotion.before), "adopted")
        if promotion.vague and not self.model.stood:
            kept = self.row(self.run("C", "status", "-o", "json"))["kept"]
            self.model.stood = [before] if before.id in [one["release_id"] for one in kept] else []

    def finished(self, machine, promotion, state):
        """It was put back, or had moved nothing."""
        self.adopted_again(promotion)
        promotion.state = self.states[promotion.id] = state
        self.model.ended(promotion, "undone" if promotion.moved else None)
        self.forget_own(machine)

    def resume(self, machine, kill=None):
        model, promotion = self.model, self.model.open
        outcome = self.run(machine, "resume", promotion.id, "-o", "json", kill=kill)
        if outcome.code == -signal.SIGKILL:
            self.killed(machine, promotion)
        elif model.damaged or (model.hold and promotion.kind == "promote") or promotion.foreign(model.tags):
            self.code(outcome, 3)
        elif outcome.code == 0 or not (promotion.vague or self.down):
            self.code(outcome, 0)
            self.arrived(machine, promotion, "verified", outcome)

    def old_promotes(self, _machine):
        """The older sluice does not know who else gave a number to what."""
        model, place = self.model, self.place
        if place.offered() == model.tags:
            place.push(self.rng.choice(place.pictures))
        wanted = place.offered()
        outcome = self.run("O", "promote", "--to", "prod", "--yes", "-o", "json")
        if model.hold:
            self.refused(outcome, "blocked")
            return
        self.code(outcome, 0)
        adopts = not model.stood
        self.arrived("O", Promotion("", "promote", dict(model.tags), wanted), "verified", outcome)
        if adopts:
            model.stood = model.stood[:1]  # it adopts nothing
        self.ambiguous.add(outcome.json["release"])
        model.last = None

    def hold(self, machine):
        self.reasons += 1
        reason = f"reason {self.reasons}"
        self.code(self.run(machine, "hold", "prod", "--reason", reason), 0)
        self.lift(reason)

    def unhold(self, machine):
        self.code(self.run(machine, "unhold", "prod"), 0)
        self.lift(None)

    def lift(self, reason):
        """A memory that was damaged is written anew."""
        mended = self.model.damaged
        self.model.held(reason)
        if mended:
            self.labelled.clear()
            self.still_open()
            # The place has forgotten how it ended elsewhere.
            self.cut_off |= {machine for machine, one in self.own.items() if one is not self.model.open}

    def still_open(self):
        """Once every memory was damaged since, whether one still tells of an open promotion is a matter of chance: a
        resume or an undo that was killed may have told it again."""
        model = self.model
        if model.open is not None and model.lost >= set(model.tags):
            if not self.row(self.run("C", "status", "-o", "json"))["unfinished"]:
                model.open = None

    def kill(self, machine):
        model = self.model
        how = self.rng.choice(("records", "place")), self.rng.randint(1, MOST_WRITES)
        verbs = ["promote", "promote", "rollback"] if model.open is None else ["rollback", "undo", "resume", "resume"]
        if model.last is not None:
            verbs.append("undo")
        verb = self.rng.choice(verbs)
        if verb == "promote" and model.refuses("promote") is None:
            self.place.push(self.rng.choice(self.place.pictures))
        getattr(self, verb)(machine, kill=how)

    def killed(self, machine, promotion):
        """What it came to is seen by a machine without records; the tags tell whether that can be."""
        model = self.model
        if machine in self.homes:
            self.own[machine] = promotion
        self.place.settle()
        tags = self.place.tags()
        for picture, digest in tags.items():
            self.case.assertIn(digest, (promotion.before[picture], promotion.after[picture], model.tags[picture]))
        self.remember(tags)
        seen = self.row(self.run("C", "status", "-o", "json"))
        told = self.run("C", "history", "-o", "json").json["promotions"]
        promotion.saw(tags)
        before, model.tags = model.tags, tags
        if seen["hold"] and (not model.hold or model.hold not in seen["hold"]):
            self.case.assertEqual(promotion.kind, "rollback")
            model.hold = seen["hold"]
        ended = [one for one in told if self.states.get(one["promotion"]) != one["state"] and one["state"] in ENDS]
        if seen["unfinished"]:
            self.case.assertIn(promotion.id, ("", seen["unfinished"]))
            promotion.id = seen["unfinished"]
            model.began(promotion)
        elif ended:
            self.case.assertEqual(len(ended), 1, told)
            promotion.id, state = ended[0]["promotion"], ended[0]["state"]
            if state == "succeeded":
                promotion.state = self.states[promotion.id] = state
                model.ended(promotion, "verified")
            else:
                self.finished(machine, promotion, state)
        else:
            self.case.assertEqual(tags, before, "tags moved, and the place remembers nothing of it")
            self.cut_off |= {machine} & self.homes.keys()
        self.log.append(f"    it is {'open' if seen['unfinished'] else 'ended' if ended else 'unheard of'} now")

    def lose_records(self, machine):
        if machine in self.homes:
            shutil.rmtree(self.homes[machine].home / ".state", ignore_errors=True)
            self.forget_own(machine)

    def damage(self, _machine):
        picture = self.rng.choice(self.place.pictures)
        if self.place.damage(picture):
            self.model.damage(picture)

    def source_down(self, machine):
        self.place.go_down()
        self.down = True
        try:
            kind = self.rng.choice([one for one in ("promote", "undo", "rollback", "rollback_named", "hold", "unhold")
                                    if self.possible(one)])
            self.log.append(f"    meanwhile {kind}")
            getattr(self, kind)(machine)
            self.place.settle()
            self.check(self.rng.choice("ABC"))
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
