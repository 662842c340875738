"""The replayer itself: it agrees with a server that plays the recording back, and disagrees with every other."""

import copy
import json
import random
import unittest

from sluicekit import matching, player, replay, transcript

SMALL = {
    "title": "A small one", "items": [], "given": [],
    "world": {"users": ["ann"], "projects": [{"name": "acme-dev", "admin": "ann"}], "rights": []},
    "setup": [{"as": "ann", "server": "api", "request": {"method": "POST", "path": "/things", "body": {"n": 1}},
               "response": {"status": 201}}],
    "steps": [
        {"as": "ann", "server": "api", "request": {"method": "GET", "path": "/things/acme-dev"},
         "response": {"status": 200, "headers": {"Content-Type": "application/json", "ETag": "\"x\""},
                      "body": {"name": "acme-dev", "rv": "<rv-1>", "uid": "<uid-1>", "list": [1, 2, 3],
                               "conditions": [{"type": "A", "at": "<time>"}, {"type": "B", "at": "<time>"}]}}},
        {"as": "ann", "server": "registry",
         "request": {"method": "PUT", "path": "/v2/x?rv=<rv-1>", "body": {"$blob": "b"}},
         "response": {"status": 201, "body": {"rv": "<rv-2>", "uid": "<uid-1>", "other": "<uid-2>"}}},
        {"as": "anonymous", "server": "registry", "request": {"method": "GET", "path": "/v2/x"}, "eventually": True,
         "response": {"status": 200, "body": {"$blob": "b"}}},
        {"as": "ann", "server": "api", "request": {"method": "GET", "path": "/watch?finite"}, "frames": "exact",
         "response": {"status": 200, "body": {"$frames": [{"type": "ADDED", "object": {"n": 1}},
                                                          {"type": "MODIFIED", "object": {"n": 2}}]}}},
        {"as": "ann", "server": "api", "request": {"method": "GET", "path": "/watch?among"}, "frames": "subsequence",
         "response": {"status": 200, "body": {"$frames": [{"type": "ADDED", "object": {"n": 1}},
                                                          {"type": "MODIFIED", "object": {"n": 2}}]}}},
        {"as": "ann", "server": "api", "request": {"method": "DELETE", "path": "/things/1"},
         "response": {"status": 204}},
        {"as": "ann", "server": "api", "request": {"method": "GET", "path": "/some"}, "match": "subset",
         "response": {"status": 200, "body": {"items": [{"id": "p-<rnd-1>", "w": 1}, {"id": "p-<rnd-2>", "w": 2}]}}},
        {"as": "ann", "server": "api", "request": {"method": "DELETE", "path": "/p-<rnd-2>"},
         "response": {"status": 200, "body": {"gone": "p-<rnd-2>", "why": {"$omitted": "long"}}}},
    ],
    "watch": [{"as": "ann", "path": "/live", "opened_before_step": 1, "status": 200, "frames": "exact",
               "events": [{"type": "ADDED", "object": {"rv": "<rv-2>"}}, {"type": "DELETED", "object": {}}]}],
    "notifications": {"content_type": "application/vnd.docker.distribution.events.v1+json", "match": "in order",
                      "events": [{"action": "push", "target": {"repository": "acme-dev/web", "size": 1}},
                                 {"action": "pull", "target": {"repository": "acme-dev/web", "size": 1}}]},
    "blobs": {"b": "AAEC", "c": "AAED"},
}


def body(recording, step):
    return recording["steps"][step]["response"]["body"]


def frames(recording, step):
    return body(recording, step)["$frames"]


def set_at(*path, value):
    """A mutation: this value there."""
    def change(recording):
        place = recording
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
    return change


def played(served, expected=None, patience=0.4, prefix="acme-", **more):
    """Replays `expected` against a server that plays `served`."""
    with player.Player(json.loads(json.dumps(served).replace("acme-", prefix)), **more) as server:
        game = transcript.Replay(expected or served, "small", server, prefix=prefix, patience=patience, linger=0.05)
        return game.run(), server


class RoundTrips(unittest.TestCase):
    def test_every_recording_agrees_with_a_server_that_plays_it_back(self):
        for path in replay.transcripts():
            with self.subTest(path.stem):
                result, server = played(json.loads(path.read_text()), patience=10)
                self.assertEqual(result.differences, [], f"{result}\n{server.unexpected}")
                self.assertEqual(result.agreed, result.recorded)

    def test_projects_can_be_renamed(self):
        for name in ("58-notifications", "21b-live-watch", "90d-promote-twice-and-back"):
            with self.subTest(name):
                recording = json.loads(replay.transcripts(name)[0].read_text())
                result, server = played(recording, patience=10, prefix="a007-")
                self.assertEqual(result.differences, [], str(result))
                self.assertNotIn("acme-", json.dumps(server.worlds))

    def test_everything_is_counted(self):
        self.assertEqual(transcript.recorded(SMALL), 8 + 4 + 2 + 2)
        result, _ = played(SMALL)
        self.assertEqual((result.agreed, result.differences), (16, []), str(result))

    def test_one_different_value_anywhere_is_found(self):
        """In every recording, one value of one answer is changed; which one follows from the recording's name."""
        for path in replay.transcripts():
            recording = json.loads(path.read_text())
            chance = random.Random(path.stem)
            places = [(number, place) for number, step in enumerate(recording["steps"]) if "response" in step
                      for place in leaves(step["response"].get("body"))]
            if not places:
                continue
            number, place = chance.choice(places)
            served = copy.deepcopy(recording)
            old = change_leaf(served["steps"][number]["response"]["body"], place)
            with self.subTest(f"{path.stem}, step {number}, {place}: {old!r}"):
                result, _ = played(served, recording, patience=0.3)
                self.assertTrue(result.differences, "the change was not noticed")
                self.assertIn(f"step {number} ", str(result.differences[0]))
                self.assertLess(result.agreed, result.recorded)


def leaves(value, place=()):
    """Paths of values in a body that are not placeholders and not omitted."""
    if isinstance(value, dict):
        if "$omitted" in value or "$blob" in value or "$text" in value:
            return
        for key, one in value.items():
            yield from leaves(one, (*place, key))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from leaves(one, (*place, index))
    elif value is not None and "<" not in str(value):
        yield place


def change_leaf(value, place):
    for part in place[:-1]:
        value = value[part]
    old = value[place[-1]]
    value[place[-1]] = (not old) if isinstance(old, bool) else old + 1 if isinstance(old, int) else old + "-changed"
    return old


class Mutations(unittest.TestCase):
    """Each kind of wrong answer is a difference, and the difference says where."""

    def test_kinds(self):
        cases = {
            "another status": (set_at("steps", 0, "response", "status", value=202), "step 0", "status: expected 200"),
            "another status in the setup": (set_at("setup", 0, "response", "status", value=500), "setup 0", "status"),
            "a header is missing": (lambda t: t["steps"][0]["response"]["headers"].pop("ETag"), "step 0", "ETag"),
            "a header is another": (set_at("steps", 0, "response", "headers", "ETag", value="y"), "step 0", "ETag"),
            "a challenge that was not shown": (
                set_at("steps", 0, "response", "headers", "WWW-Authenticate", value="Basic"), "step 0", "WWW-Auth"),
            "a member is missing": (lambda t: body(t, 0).pop("name"), "step 0", "name: expected"),
            "a member too many": (set_at("steps", 0, "response", "body", "more", value=1), "step 0", "more: expected"),
            "null for a text": (set_at("steps", 0, "response", "body", "name", value=None), "step 0", "name"),
            "true for a number": (lambda t: body(t, 0)["list"].__setitem__(0, True), "step 0", "list[0]"),
            "another order": (lambda t: body(t, 0)["list"].reverse(), "step 0", "list[0]"),
            "an element is missing": (lambda t: body(t, 0)["list"].pop(), "step 0", "list"),
            "an element too many": (lambda t: body(t, 0)["list"].append(4), "step 0", "list"),
            "a condition is another": (
                lambda t: body(t, 0)["conditions"][0].update(type="C"), "step 0", "conditions[0].type"),
            "a condition too many": (lambda t: body(t, 0)["conditions"].append({}), "step 0", "conditions"),
            "no time": (lambda t: body(t, 0)["conditions"][0].update(at="soon"), "step 0", "conditions[0].at"),
            "another value for one number": (
                set_at("steps", 1, "response", "body", "uid", value="0" * 36), "step 1", "uid"),
            "one value for two numbers": (
                set_at("steps", 1, "response", "body", "other", value="<uid-1>"), "step 1", "other"),
            "other bytes": (set_at("steps", 2, "response", "body", value={"$blob": "c"}), "step 2 "),
            "a body where none was": (lambda t: t["steps"][5].update(response={"status": 200, "body": {}}),
                                      "step 5", "status"),
            "a frame is missing": (lambda t: frames(t, 3).pop(), "step 3", "frame 1"),
            "a frame too many": (lambda t: frames(t, 3).append({"type": "DELETED"}), "step 3", "frame 2"),
            "frames in another order": (lambda t: frames(t, 4).reverse(), "step 4", "frame 1"),
            "a frame of the subsequence is missing": (lambda t: frames(t, 4).pop(0), "step 4", "frame 0"),
            "an element of a subset is missing": (lambda t: body(t, 6)["items"].pop(), "step 6", "items"),
            "an element of a subset is another": (
                lambda t: body(t, 6)["items"][1].update(w=3), "step 6", "items[1].w"),
            "a learnt name comes back wrong": (
                set_at("steps", 7, "response", "body", "gone", value="p-<rnd-1>"), "step 7", "gone"),
            "an event is missing": (lambda t: t["watch"][0]["events"].pop(), "watch", "frame 1"),
            "an event comes twice": (
                lambda t: t["watch"][0]["events"].append({"type": "DELETED", "object": {}}), "watch", "frame 2"),
            "a watch is refused": (set_at("watch", 0, "status", value=403), "watch", "status"),
            "a notification is missing": (
                lambda t: t["notifications"]["events"].pop(), "notifications", "frame 1"),
            "notifications in another order": (
                lambda t: t["notifications"]["events"].reverse(), "notifications", "frame 0.action"),
            "a notification too many": (
                lambda t: t["notifications"]["events"].append(
                    {"action": "delete", "target": {"repository": "acme-dev/web"}}), "notifications", "frame 2"),
            "notifications of another type": (
                set_at("notifications", "content_type", value="text/plain"), "notifications", "content type"),
        }
        for name, (change, *words) in cases.items():
            with self.subTest(name):
                served = copy.deepcopy(SMALL)
                change(served)
                result, _ = played(served, SMALL)
                self.assertTrue(result.differences, "the change was not noticed")
                for word in words:
                    self.assertIn(word, str(result.differences[0]))

    def test_a_version_out_of_order_is_a_difference(self):
        result, _ = played(SMALL, values={"rv-1": "50", "rv-2": "40"})
        self.assertIn("<rv-2>, later than <rv-1> = 50", str(result.differences[0]))

    def test_more_frames_and_elements_are_fine_where_the_recording_says_so(self):
        served = copy.deepcopy(SMALL)
        frames(served, 4).insert(1, {"type": "MODIFIED", "object": {"n": 9}})
        frames(served, 3)[0]["object"]["more"] = True
        body(served, 6)["items"].insert(0, {"id": "p-0", "w": 0})
        body(served, 0)["conditions"].reverse()
        result, _ = played(served, SMALL)
        self.assertEqual(result.differences, [], str(result))

    def test_what_never_comes_is_told_with_the_time_it_was_waited_for(self):
        served = copy.deepcopy(SMALL)
        served["steps"][2]["response"]["status"] = 404
        result, _ = played(served, SMALL, patience=0.5)
        self.assertIn("still, after 0.5 s", str(result.differences[0]))

    def test_a_server_that_is_gone_is_a_difference_and_no_crash(self):
        with player.Player(SMALL) as server:
            later = transcript.Replay(SMALL, "small", server, patience=0.1)
        result = later.run()
        self.assertIn("no answer", str(result.differences[0]))
        self.assertEqual(result.agreed, 0)


class Comparing(unittest.TestCase):
    def test_the_assignment_of_unordered_elements_is_searched_for(self):
        names = matching.Names({})
        matching.Matcher(names, "subset").match(
            [{"a": "<rnd-1>"}, {"a": "<rnd-1>", "b": 1}, {"a": "<rnd-2>"}],
            [{"a": "y", "b": 2}, {"a": "x", "b": 1}, {"a": "x"}])
        self.assertEqual(names.learnt, {"rnd-1": "x", "rnd-2": "y"})

    def test_modes(self):
        rows = [
            ("exact", {"a": 1}, {"a": 1}, True), ("exact", {"a": 1}, {"a": 1, "b": 1}, False),
            ("members", {"a": 1}, {"a": 1, "b": 1}, True), ("members", [1], [1, 2], False),
            ("subset", [2], [1, 2], True), ("subset", [2, 2], [1, 2], False), ("exact", [1, 2], [2, 1], False),
            ("exact", {"verbs": ["a", "b"]}, {"verbs": ["b", "a"]}, True),
            ("exact", {"a": {"$omitted": ""}}, {}, True), ("exact", {"a": {"$omitted": ""}}, {"a": [1]}, True),
            ("exact", {"a": None}, {}, False), ("exact", {}, {"a": None}, False), ("exact", "<name>", "<name>", True),
            ("exact", "<rv-0>", "12", True), ("exact", "<any>", "", True), ("exact", 1, 1.5, False),
        ]
        for mode, expected, seen, agrees in rows:
            with self.subTest(f"{mode}: {expected} and {seen}"):
                try:
                    matching.Matcher(matching.Names({}), mode).match(expected, seen)
                    self.assertTrue(agrees, "should differ")
                except matching.Mismatch as difference:
                    self.assertFalse(agrees, str(difference))

    def test_a_continue_token_is_quoted_in_a_path_and_only_there(self):
        names = matching.Names({})
        names.match("<continue-1>", "a+b=", "")
        self.assertEqual(names.fill("?continue=<continue-1>", in_url=True), "?continue=a%2Bb%3D")
        self.assertEqual(names.fill("<continue-1>"), "a+b=")


if __name__ == "__main__":
    unittest.main()
