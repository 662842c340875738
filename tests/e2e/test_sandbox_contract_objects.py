"""The sandbox's contract, items 13 to 26: versions, conflicts, patches, lists and watches."""

import threading
import time
import unittest

from sluicekit.sandbox_case import (JSON_PATCH, STRATEGIC_PATCH, SandboxCase, configs, core, deployment_config,
                                    image_stream, stream_tag, streams, tags)
from sluicekit.sluice import binary

binary()


def version(thing):
    return int(thing["metadata"]["resourceVersion"])


def labelled(value):
    return {"metadata": {"labels": {"side": value}}}


class Objects(SandboxCase):
    def make(self, name="web", **more):
        return self.created(self.ann.post(streams(self.dev), {**image_stream(name), **more}))

    def test_item_13_one_counter_for_the_whole_server(self):
        made = [
            self.make("a"), self.created(self.ann.post(configs(self.dev), deployment_config("site"))),
            self.created(self.promoter.post(streams(self.prod), image_stream("b"))),
            self.created(self.ann.post(core(self.dev, "secrets"), {
                "kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "stringData": {"k": "v"}})),
            self.ok(self.ann.patch(streams(self.dev, "a"), labelled("left"))),
        ]
        versions = [version(one) for one in made]
        self.assertEqual(versions, sorted(set(versions)), "each change has a later version than the one before")
        self.assertGreaterEqual(int(self.box.state()["version"]), versions[-1])

    def test_item_13_what_changes_nothing_stores_nothing(self):
        stream = self.make()
        for name, change in {
            "a PUT": lambda: self.ann.put(streams(self.dev, "web"), stream),
            "a merge patch": lambda: self.ann.patch(streams(self.dev, "web"), {"metadata": {"name": "web"}}),
            "a strategic patch": lambda: self.ann.patch(streams(self.dev, "web"), {"spec": {}}, kind=STRATEGIC_PATCH),
            "a JSON patch": lambda: self.ann.patch(streams(self.dev, "web"), [
                {"op": "test", "path": "/metadata/name", "value": "web"}], kind=JSON_PATCH),
        }.items():
            with self.subTest(name):
                self.assertEqual(version(self.ok(change())), version(stream))

    def test_item_14_the_version_of_a_put_decides(self):
        stream = self.make()
        bare = {**stream, "metadata": {k: v for k, v in stream["metadata"].items() if k != "resourceVersion"}}
        self.refused(self.ann.put(streams(self.dev, "web"), bare), 422, "Invalid", "must be specified for an update")
        self.ok(self.ann.patch(streams(self.dev, "web"), labelled("left")))
        stale = {**stream, "spec": {"lookupPolicy": {"local": True}}}
        status = self.refused(self.ann.put(streams(self.dev, "web"), stale), 409, "Conflict")
        self.assertEqual(status["message"], 'Operation cannot be fulfilled on imagestreams.image.openshift.io "web": '
                         'the object has been modified; please apply your changes to the latest version and try again'
                         )

    def test_item_15_a_name_is_taken_once(self):
        self.make()
        status = self.refused(self.ann.post(streams(self.dev), image_stream("web")), 409, "AlreadyExists")
        self.assertEqual(status["details"], {"name": "web", "group": "image.openshift.io", "kind": "imagestreams"})

    def test_item_16_generation_counts_changes_of_the_spec(self):
        stream = self.make()
        self.assertEqual(stream["metadata"]["generation"], 1)
        stream = self.ok(self.ann.patch(streams(self.dev, "web"), labelled("left")))
        self.assertEqual(stream["metadata"]["generation"], 1)
        stream["spec"]["lookupPolicy"] = {"local": True}
        stream["status"] = {"tags": [{"tag": "forged", "items": None}]}
        stream = self.ok(self.ann.put(streams(self.dev, "web"), stream))
        self.assertEqual(stream["metadata"]["generation"], 2)
        self.assertFalse(stream["status"].get("tags"))
        self.pushed(self.dev)
        self.assertEqual(self.ok(self.ann.get(streams(self.dev, "web")))["metadata"]["generation"], 2)

    def test_item_17_patches_of_three_kinds(self):
        self.make(spec={"tags": [{"name": "a"}, {"name": "b"}]})
        path = streams(self.dev, "web")
        merged = self.ok(self.ann.patch(path, {"spec": {"tags": [{"name": "b", "annotations": {"x": "1"}}]}},
                                        kind=STRATEGIC_PATCH))
        self.assertEqual([(tag["name"], tag["annotations"]) for tag in merged["spec"]["tags"]],
                         [("a", None), ("b", {"x": "1"})])
        added = self.ok(self.ann.patch(path, [{"op": "add", "path": "/spec/tags/-", "value": {"name": "c"}}],
                                       kind=JSON_PATCH))
        self.assertEqual([tag["name"] for tag in added["spec"]["tags"]], ["a", "b", "c"])
        replaced = self.ok(self.ann.patch(path, {"spec": {"tags": [{"name": "z"}]}}))
        self.assertEqual([tag["name"] for tag in replaced["spec"]["tags"]], ["z"])
        self.refused(self.ann.patch(path, {}, kind="text/plain"), 415)

    def test_item_18_deleting_twice(self):
        stream = self.make()
        path = streams(self.dev, "web")
        other = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "1" * 8}}
        self.refused(self.ann.delete(path, other), 409, "Conflict")
        gone = self.ok(self.ann.delete(path))
        self.assertEqual((gone["status"], gone["details"]["uid"]), ("Success", stream["metadata"]["uid"]))
        self.refused(self.ann.delete(path), 404, "NotFound")

    def test_item_19_pages_show_one_snapshot(self):
        for number in range(7):
            self.make(f"s{number}")
        first = self.ok(self.ann.get(streams(self.dev, query="limit=3")))
        self.make("s11")  # would be on the first page
        self.ok(self.ann.delete(streams(self.dev, "s6")))
        names, page = [item["metadata"]["name"] for item in first["items"]], first
        while page["metadata"].get("continue"):
            token = page["metadata"]["continue"].replace("=", "%3D").replace("+", "%2B")
            page = self.ok(self.ann.get(streams(self.dev, query=f"limit=3&continue={token}")))
            self.assertEqual(page["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"])
            names += [item["metadata"]["name"] for item in page["items"]]
        self.assertEqual(names, [f"s{number}" for number in range(7)])
        self.assertNotIn("kind", first["items"][0])

    def test_item_19_continue_tokens_expire_when_told(self):
        for number in range(3):
            self.make(f"s{number}")
        page = self.ok(self.ann.get(streams(self.dev, query="limit=2")))
        self.box.knob("expire-continue")
        token = page["metadata"]["continue"].replace("=", "%3D").replace("+", "%2B")
        self.refused(self.ann.get(streams(self.dev, query=f"limit=2&continue={token}")), 410, "Expired")
        self.refused(self.ann.get(streams(self.dev, query="limit=2&continue=nonsense")), 400, "BadRequest")

    def test_item_20_the_next_updates_of_an_object_conflict(self):
        rows = {"imagestreams": (streams, image_stream("web")),
                "deploymentconfigs": (configs, deployment_config("web"))}
        for resource, (path, made) in rows.items():
            with self.subTest(resource):
                self.created(self.ann.post(path(self.dev), made))
                self.box.knob("conflict", resource=resource, namespace=self.dev, name="web", times=2)
                answers = []
                for _ in range(3):
                    thing = self.ok(self.ann.get(path(self.dev, "web")))
                    thing["metadata"].setdefault("labels", {})["try"] = str(len(answers))
                    answers.append(self.ann.put(path(self.dev, "web"), thing))
                self.assertEqual([one.status for one in answers], [409, 409, 200])
                self.refused(answers[0], 409, "Conflict", "the object has been modified")

    def test_item_20_somebody_really_changed_the_object(self):
        before = self.make()
        self.box.knob("conflict", resource="imagestreams", namespace=self.dev, name="web", times=1)
        change = {**before, "spec": {"lookupPolicy": {"local": True}}}
        self.is_status(self.ann.put(streams(self.dev, "web"), change), 409)
        self.assertGreater(version(self.ok(self.ann.get(streams(self.dev, "web")))), version(before))

    def test_item_20_a_patch_is_tried_again_by_the_server(self):
        self.make()
        self.box.knob("conflict", resource="imagestreams", namespace=self.dev, name="web", times=1)
        patched = self.ok(self.ann.patch(streams(self.dev, "web"), labelled("left")))
        self.assertEqual(patched["metadata"]["labels"]["side"], "left")


class Profile4(SandboxCase):
    flags = {"profile": "4.x"}

    def setUp(self):
        super().setUp()
        self.created(self.ann.post(streams(self.dev), image_stream("web")))

    def test_item_17_json_patches_that_fail_in_4(self):
        failing = [{"op": "test", "path": "/metadata/name", "value": "other"}]
        self.refused(self.ann.patch(streams(self.dev, "web"), failing, kind=JSON_PATCH), 422, "Invalid")
        self.refused(self.ann.patch(streams(self.dev, "web"), b"[{not json", kind=JSON_PATCH,
                                    headers={"Content-Type": JSON_PATCH}), 400, "BadRequest")

    def test_item_24_a_bookmark_comes_when_asked_for_and_told(self):
        listed = self.ok(self.ann.get(streams(self.dev)))["metadata"]["resourceVersion"]
        query = f"watch=true&resourceVersion={listed}"
        with self.ann.stream(streams(self.dev, query=query + "&allowWatchBookmarks=true")) as asked, \
                self.ann.stream(streams(self.dev, query=query)) as unasked:
            self.created(self.promoter.post(streams(self.prod), image_stream("elsewhere")))
            self.box.knob("bookmark")
            frame = asked.next()
            self.assertEqual(frame["type"], "BOOKMARK")
            self.assertEqual((frame["object"]["kind"], frame["object"]["apiVersion"]),
                             ("ImageStream", "image.openshift.io/v1"))
            self.assertGreater(version(frame["object"]), int(listed))
            self.created(self.ann.post(streams(self.dev), image_stream("next")))
            self.assertEqual([asked.next()["type"], unasked.next()["type"]], ["ADDED", "ADDED"])


class Watches(SandboxCase):
    def make(self, name="web", **more):
        return self.created(self.ann.post(streams(self.dev), {**image_stream(name), **more}))

    def watch(self, query="", path=None):
        return self.ann.stream((path or streams(self.dev)) + "?watch=true" + (f"&{query}" if query else ""))

    def listed(self):
        return self.ok(self.ann.get(streams(self.dev)))["metadata"]["resourceVersion"]

    @staticmethod
    def brief(frames):
        return [(frame["type"], frame["object"]["metadata"]["name"]) for frame in frames]

    def test_item_21_events_come_in_order_and_none_is_lost(self):
        """Four writers, three watches that begin at different moments."""
        start = self.listed()
        with self.watch(f"resourceVersion={start}") as early:
            def write(writer):
                wire = self.box.api("ann")
                for number in range(25):
                    self.created(wire.post(streams(self.dev), image_stream(f"w{writer}-{number}")))
                    self.ok(wire.patch(streams(self.dev, f"w{writer}-{number}"), labelled("left")))
                    self.ok(wire.delete(streams(self.dev, f"w{writer}-{number}")))

            writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
            for one in writers:
                one.start()
            for one in writers:
                one.join()
            self.make("last")
            seen = early.until(lambda frame: frame["object"]["metadata"]["name"] == "last", timeout=30)
        versions = [version(frame["object"]) for frame in seen]
        self.assertEqual(versions, sorted(set(versions)))
        self.assertEqual(len(seen), 4 * 25 * 3 + 1)
        for writer in range(4):
            for number in range(25):
                name = f"w{writer}-{number}"
                kinds = [f["type"] for f in seen if f["object"]["metadata"]["name"] == name]
                self.assertEqual(kinds, ["ADDED", "MODIFIED", "DELETED"], name)
        with self.watch(f"resourceVersion={versions[100]}") as late:
            again = late.until(lambda frame: frame["object"]["metadata"]["name"] == "last")
        self.assertEqual([version(frame["object"]) for frame in again], versions[101:])

    def test_item_22_an_expired_version_is_one_error_frame(self):
        old = self.listed()
        self.make("before")
        self.box.knob("expire-versions")
        with self.watch(f"resourceVersion={old}") as stream:
            self.assertEqual(stream.status, 200)
            frames = stream.rest()
        self.assertEqual([frame["type"] for frame in frames], ["ERROR"])
        status = frames[0]["object"]
        self.assertEqual((status["kind"], status["code"], status["reason"]), ("Status", 410, "Expired"))
        self.assertEqual(status["message"], "The resourceVersion for the provided watch is too old.")
        with self.watch(f"resourceVersion={self.listed()}") as stream:
            self.make("later")
            self.assertEqual(self.brief([stream.next()]), [("ADDED", "later")])

    def test_item_22_an_open_watch_is_not_disturbed(self):
        with self.watch(f"resourceVersion={self.listed()}") as stream:
            self.box.knob("expire-versions")
            self.make("after")
            self.assertEqual(self.brief([stream.next()]), [("ADDED", "after")])

    def test_item_23_all_watches_end_when_told(self):
        with self.watch() as one, self.ann.stream(configs(self.dev, query="watch=true")) as other:
            self.box.knob("close-watches")
            self.assertEqual((one.next(), other.next()), (None, None))
            self.assertIsNone(one.broken, "a clean end")

    def test_item_23_watches_end_after_so_many_events(self):
        with self.watch(f"resourceVersion={self.listed()}") as stream:
            self.box.knob("close-watches", after_events=2)
            self.addCleanup(self.box.knob, "close-watches", after_events=0)
            for name in ("a", "b", "c"):
                self.make(name)
            self.assertEqual(self.brief(stream.rest()), [("ADDED", "a"), ("ADDED", "b")])
            self.assertIsNone(stream.broken)

    def test_item_23_a_watch_ends_at_its_timeout(self):
        begin = time.monotonic()
        with self.watch(f"timeoutSeconds=1&resourceVersion={self.listed()}") as stream:
            self.assertEqual(stream.rest(), [])
        self.assertGreater(time.monotonic() - begin, 0.95, "not before the second is over")

    def test_item_24_no_bookmarks_in_3(self):
        with self.watch(f"allowWatchBookmarks=true&resourceVersion={self.listed()}") as stream:
            self.box.knob("bookmark")
            self.make("next")
            self.assertEqual(self.brief([stream.next()]), [("ADDED", "next")])

    def test_item_25_a_watch_of_one_name(self):
        self.make("a")
        with self.watch(f"fieldSelector=metadata.name%3Db&resourceVersion={self.listed()}") as stream:
            for name in ("b", "c"):
                self.make(name)
            self.ok(self.ann.delete(streams(self.dev, "a")))
            self.ok(self.ann.delete(streams(self.dev, "b")))
            self.assertEqual(self.brief([stream.next(), stream.next()]), [("ADDED", "b"), ("DELETED", "b")])
            self.assertEqual(stream.waiting(), [])

    def test_item_25_objects_that_enter_or_leave_a_selector(self):
        self.make("a")
        self.make("b", metadata={"name": "b", "labels": {"side": "right"}})
        with self.watch(f"labelSelector=side%3Dleft&resourceVersion={self.listed()}") as stream:
            for name, side in (("a", "left"), ("a", "left2"), ("b", "left"), ("b", "left")):
                self.ok(self.ann.patch(streams(self.dev, name), labelled(side)))
            self.ok(self.ann.patch(streams(self.dev, "b"), {"metadata": {"labels": {"more": "1"}}}))
            self.ok(self.ann.delete(streams(self.dev, "b")))
            frames = [stream.next() for _ in range(5)]
        self.assertEqual(self.brief(frames), [("ADDED", "a"), ("DELETED", "a"), ("ADDED", "b"), ("MODIFIED", "b"),
                                              ("DELETED", "b")])

    def test_item_25_other_fields_are_refused(self):
        self.refused(self.ann.get(streams(self.dev, query="fieldSelector=spec.nothing%3Dx")), 400, "BadRequest")

    def test_item_26_tags_cannot_be_watched(self):
        self.refused(self.ann.get(tags(self.dev) + "?watch=true"), 405, "MethodNotAllowed")

    def test_item_26_what_changes_nothing_is_no_event(self):
        image = self.pushed(self.dev)
        with self.watch(f"resourceVersion={self.listed()}") as stream:
            self.is_status(self.push(f"{self.dev}/web", "1.0", image), 201)
            self.ok(self.ann.put(streams(self.dev, "web"), self.ok(self.ann.get(streams(self.dev, "web")))))
            self.created(self.ann.put(tags(self.dev, "web:copy"), stream_tag("web", "copy", f"web@{image.digest}")))
            self.ok(self.ann.put(tags(self.dev, "web:copy"), stream_tag("web", "copy", f"web@{image.digest}")))
            self.make("last")
            frames = stream.until(lambda frame: frame["object"]["metadata"]["name"] == "last")
        self.assertEqual([name for _, name in self.brief(frames)].count("web"), 1, self.brief(frames))


if __name__ == "__main__":
    unittest.main()
