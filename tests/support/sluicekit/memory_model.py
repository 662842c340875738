"""A small model of what one environment remembers: it knows what was done there and the rules, and nothing of how
sluice keeps them. Contents are dicts from an image's name to its digest.

The rules. A release is its content. A promotion that ends well leaves it verified, one whose rollout fails leaves it
failed, one that is put back leaves it undone, and what a rollback goes away from is left. What stood there before the
first promotion is adopted. A release counts as what became of it last. Five are kept; those that nobody goes back to
are forgotten first. A rollback goes to the last one, verified or adopted, that is not what is there now. While a
promotion lies open nothing is drift.
"""

import dataclasses
import hashlib
import json

GOOD = ("verified", "adopted")
UNDONE = ("rolled-back", "cancelled")
KEPT = 5


def release_id(content):
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


@dataclasses.dataclass
class Stood:
    content: dict
    outcome: str

    @property
    def id(self):
        return release_id(self.content)


@dataclasses.dataclass
class Promotion:
    id: str
    kind: str
    before: dict
    after: dict
    moved: bool = False  # a tag stood for its end at some time
    state: str = ""  # how it ended
    vague: bool = False  # a memory of it was damaged: whether it can be finished from elsewhere is not known

    def saw(self, tags):
        self.moved = self.moved or any(tags[name] == self.after[name] != self.before[name] for name in tags)

    def left(self, tags):
        """The images that still stand as it left them, and stood for something else before."""
        return [name for name, digest in tags.items() if digest == self.after[name] != self.before[name]]

    def foreign(self, tags):
        """The images that stand for neither end of it."""
        return [name for name, digest in tags.items() if digest not in (self.before[name], self.after[name])]


class Model:
    def __init__(self, tags):
        self.tags = dict(tags)  # what stands there now
        self.stood = []  # the one that stood last first
        self.hold = None
        self.open = None
        self.last = None  # the promotion that ended last, while it can be undone
        self.damaged = False
        self.lost = set()  # images whose memory was damaged since the open promotion began
        self.mended = False  # a memory was written anew: labels of before are in the records only
        self.empty = True  # the place remembers nothing at all

    # What is asked of it.

    @property
    def nothing_known(self):
        """The place has no memory yet: what a machine tells comes from its own records."""
        return self.empty and not self.damaged

    def good(self):
        """What one can go back to."""
        return [one for one in self.stood if one.outcome in GOOD]

    def standing(self):
        return next((one for one in self.stood if one.outcome not in ("undone", "left")), None)

    def drift(self):
        """None: nobody promoted anything there as far as the place knows."""
        stands = self.standing()
        if stands is None:
            return None
        return self.open is None and stands.content != self.tags

    def rollback_goes_to(self):
        return next((one for one in self.good() if one.content != self.tags), None)

    def refuses(self, kind):
        """Whether a promotion of this kind cannot begin."""
        if self.damaged:
            return "memory-unreadable"
        if kind == "promote" and self.hold is not None:
            return "environment-held"
        if kind == "promote" and self.open is not None:
            return "promotion-unfinished"
        return None

    def can_undo(self, promotion):
        """Whether an undo has anything to do: one that ended has to have left something that can go back."""
        if promotion is self.open:
            return not promotion.moved or len(promotion.foreign(self.tags)) < len(self.tags)
        back_already = promotion.moved and not promotion.foreign(self.tags)
        return promotion.state not in UNDONE and (bool(promotion.left(self.tags)) or back_already)

    # What happens there.

    def began(self, promotion):
        if not self.stood:
            self.stood = [Stood(dict(promotion.before), "adopted")]
        if self.open is not promotion:
            self.lost = set()
        promotion.state = ""
        self.open, self.last, self.empty = promotion, None, False

    def ended(self, promotion, outcome, hold=None):
        """outcome: how its release stood there; None: its tags never moved."""
        state = promotion.state
        if self.open is None:
            self.began(promotion)
        self.open, self.last, promotion.state = None, promotion, state
        if hold is not None:
            self.hold = hold
        if outcome is None:
            return
        back = promotion.kind == "rollback"
        for one in self.stood:
            if one.content != promotion.before or one.content == promotion.after:
                continue
            if back and outcome == "verified" and one.outcome in GOOD:
                one.outcome = "left"
            elif back and outcome == "undone" and one.outcome == "left":
                one.outcome = "verified"
        self.stood = [one for one in self.stood if one.content != promotion.after]
        self.stood.insert(0, Stood(dict(promotion.after), outcome))
        while len(self.stood) > KEPT:
            bad = [one for one in self.stood[1:] if one.outcome not in GOOD]
            self.stood.remove(bad[-1] if bad else self.stood[-1])

    def put_back(self, promotion):
        """Only what still stands as the promotion left it goes back."""
        for name, digest in self.tags.items():
            if digest == promotion.after[name]:
                self.tags[name] = promotion.before[name]

    def damage(self, name):
        self.damaged = True
        self.lost.add(name)

    def held(self, reason):
        """Held, or let go with None. A damaged memory is written anew: what it said is gone."""
        self.hold = reason
        if self.damaged:
            self.stood, self.last, self.mended = [], None, True
            if len(self.tags) == 1:
                self.open = None
            # What the memories of other images say of an open promotion stays.
            if self.open is not None:
                self.open.vague = True
        self.empty = self.empty and reason is None and not self.damaged
        self.damaged = False
