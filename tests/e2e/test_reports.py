"""What a run tells beside its result: events, the fields of its document, and metrics, with real registries."""

import re
import unittest

import sluicekit as kit
from sluicekit.report_case import ROOT, ReportCase, read_metrics

kit.need("docker-registry")


class Events(ReportCase):
    def test_a_large_blob_tells_its_progress_and_everything_adds_up(self):
        image = kit.random_image((30_000_000, 500), seed=self.project)
        source, target = self.push(self.a, "x", image), f"{self.b.host}/{self.project}/x:v1"
        self.ok(self.sluice.run("copy", source, target, "--events", "events.jsonl"))
        self.holds(self.b, f"{self.project}/x", "v1", image)
        events = self.events()
        large = image.layers[0].digest
        progress = [event["bytes"] for event in events if event["kind"] == "blob-progress"]
        self.assertEqual({event["digest"] for event in events if event["kind"] == "blob-progress"}, {large})
        self.assertEqual(len(progress), 3, "8 MiB fit three times into 30 MB")
        self.assertLessEqual(sum(progress), 30_000_000)
        done = {event["digest"]: event["bytes"] for event in events if event["kind"] == "blob-done"}
        self.assertEqual(sum(done.values()), next(event["bytes"] for event in events if event["kind"] == "total"))
        self.assertEqual({event["image"] for event in events if event["kind"].startswith("blob-")}, {f"{self.project}/x"})

    def test_every_command_that_acts_writes_events_and_its_result_last(self):
        self.promotions()
        self.build(1)
        promoted = []
        for words in (("promote", "--to", "prod", "--yes"), ("promote", "--to", "prod", "--yes"),
                      ("rollback", "--to", "prod", "--yes")):
            self.build(len(promoted) + 1)
            outcome = self.ok(self.sluice.run(*words, "--events", "-"))
            *events, result = self.lines(outcome.out)
            self.in_order(events)
            self.assertIn("tag", {event["kind"] for event in events}, outcome)
            self.assertEqual(self.valid("promote", result)["schema"], f"sluice.{words[0]}/1")
            self.assertEqual(events[-1]["detail"], result["state"])
            promoted.append(result["promotion"])
        outcome = self.ok(self.sluice.run("undo", promoted[-1], "--events", "-"))
        *events, result = self.lines(outcome.out)
        self.in_order(events)
        self.assertEqual(self.valid("promote", result)["schema"], "sluice.undo/1")

    def test_resume_writes_events_too(self):
        with kit.Proxy(self.b.host) as proxy:
            self.promotions(proxy.host)
            image = self.build(1)
            proxy.fault(method="POST", target="/uploads/", times=0, action="status", status=403)
            failed = self.sluice.run("promote", "--to", "prod", "--yes", "--events", "-")
            self.assertEqual(failed.code, 6, failed)
            *events, result = self.lines(failed.out)
            self.in_order(events)
            self.assertEqual(self.valid("promote", result)["state"], "failed")
            proxy.clear_faults()
            outcome = self.ok(self.sluice.run("resume", result["promotion"], "--events", "-"))
            *events, result = self.lines(outcome.out)
            self.in_order(events)
            self.assertEqual((result["schema"], result["state"]), ("sluice.resume/1", "succeeded"))
            self.holds(self.b, f"{self.project}/prod/web", "latest", image)

    def test_a_failure_ends_with_the_error_document(self):
        outcome = self.sluice.run("copy", f"{self.a.host}/no/such:v1", f"{self.b.host}/no/such:v1", "--events", "-")
        self.assertEqual(outcome.code, 1, outcome)
        *events, result = self.lines(outcome.out)
        self.in_order(events)
        self.assertEqual(self.valid("error", result)["error"]["kind"], "not_found")

    def test_text_among_events_is_refused(self):
        check = self.unchanged(self.b)
        source = self.push(self.a, "x", kit.random_image((900,), seed=self.project))
        outcome = self.sluice.run("copy", source, f"{self.b.host}/{self.project}/x:v1", "--events", "-", "-o", "text")
        self.fails_plainly(outcome, 2, "--events -", "leave out -o text")
        check()

    def test_reports_that_cannot_be_written_stop_before_anything_is_done(self):
        source = self.push(self.a, "x", kit.random_image((900,), seed=self.project))
        self.promotions()
        self.build(1)
        check = self.unchanged(self.b)
        rows = [("copy", source, f"{self.b.host}/{self.project}/x:v1"), ("promote", "--to", "prod", "--yes"),
                ("rollback", "--to", "prod", "--yes"), ("resume", "p0123456789ab"), ("undo", "p0123456789ab")]
        for words in rows:
            for flag in ("--events", "--metrics"):
                for path in ("no/such/folder/file", ".", "/proc/no/file"):
                    with self.subTest(" ".join((words[0], flag, path))):
                        self.fails_plainly(self.sluice.run(*words, flag, path), 2, "cannot write", path)
        check()
        self.assertEqual(list(self.sluice.home.glob(".state/**/*.db")), [], "records were made")


class Documents(ReportCase):
    def test_a_copy_counts_what_was_begun_again(self):
        image = kit.random_image((900, 100), seed=self.project)
        source = self.push(self.a, "x", image)
        with kit.Proxy(self.b.host) as proxy:
            for layer in image.layers:
                proxy.fault(method="PUT", target=f"digest=.*{layer.digest[7:]}", action="status", status=503)
            outcome = self.ok(self.sluice.run("copy", source, f"{proxy.host}/{self.project}/x:v1", "-o", "json",
                                              "--events", "events.jsonl", "--metrics", "m.prom"))
        result = self.valid("copy", outcome.json)
        self.holds(self.b, f"{self.project}/x", "v1", image)
        self.assertEqual(result["retries"], 2)
        self.assertEqual(len([event for event in self.events() if event["kind"] == "blob-retried"]), 2)
        self.assertEqual(self.value(self.metrics(), "sluice_run_retries"), 2)
        self.assertEqual(result["blobs"], {"moved": 3, "mounted": 0, "present": 0}, "a second try counts once")
        self.assertIs(result["digest_changed"], False)
        self.assertIsNone(result["explanations"], "nobody asked")

    def test_an_index_keeps_its_digest_and_names_its_platforms(self):
        image = kit.index_of(seed=self.project)
        source = self.push(self.a, "x", image)
        result = self.ok(self.sluice.run("copy", source, f"{self.b.host}/{self.project}/x:v1", "-o", "json")).json
        self.valid("copy", result)
        self.assertEqual((result["digest"], result["digest_changed"]), (image.digest, False))
        self.assertEqual(len(result["platforms"]), len(image.children))

    def test_a_promotion_says_the_same_of_each_image(self):
        self.promotions()
        index = kit.index_of(seed=self.project)
        self.push(self.a, "dev/web", index, "latest")
        result = self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json")).json
        self.valid("promote", result)
        image = result["targets"][0]["images"][0]
        self.assertEqual(image["after"], index.digest)
        self.assertEqual(len(image["platforms"]), len(index.children))
        self.assertGreater(image["blobs"]["moved"], 0)
        self.assertEqual((image["retries"], image["digest_changed"]), (0, False))
        self.holds(self.b, f"{self.project}/prod/web", "latest", index)


class Metrics(ReportCase):
    def test_of_a_copy_say_what_moved_by_which_road(self):
        image = kit.random_image((900, 100), seed=self.project)
        source, target = self.push(self.a, "x", image), f"{self.b.host}/{self.project}/x:v1"
        sides = {"command": "copy", "source": source, "destination": target}
        first = self.ok(self.sluice.run("copy", source, target, "--metrics", "m.prom", "-o", "json")).json
        found = self.metrics()
        for how in ("moved", "mounted", "present"):
            self.assertEqual(self.value(found, "sluice_copy_bytes", road="stream", how=how, **sides),
                             first["bytes"][how])
            self.assertEqual(self.value(found, "sluice_copy_blobs", road="stream", how=how, **sides),
                             first["blobs"][how])
        self.assertEqual(self.value(found, "sluice_copy_bytes", how="moved"), image.size)
        self.assertEqual(self.value(found, "sluice_run_exit_code", **sides), 0)
        self.assertEqual(self.value(found, "sluice_run_success"), 1)
        self.assertEqual(self.value(found, "sluice_run_requests"), first["requests"])
        last = self.value(found, "sluice_run_last_success_timestamp_seconds", **sides)
        self.assertEqual(last, self.value(found, "sluice_run_end_timestamp_seconds"))
        self.ok(self.sluice.run("copy", source, target, "--metrics", "m.prom"))
        self.assertEqual(self.value(self.metrics(), "sluice_copy_bytes", road="present", how="present"), image.size)
        mounted = f"{self.b.host}/{self.project}/y:v1"
        self.ok(self.sluice.run("copy", target, mounted, "--metrics", "m.prom"))
        self.assertEqual(self.value(self.metrics(), "sluice_copy_bytes", road="mount", how="mounted"), image.size)
        self.assertEqual([path.name for path in self.sluice.home.glob("m.prom*")], ["m.prom"], "something is left")

    def test_of_a_failed_copy_say_so_and_forget_no_success(self):
        image = kit.random_image((900, 100), seed=self.project)
        source = self.push(self.a, "x", image)
        with kit.Proxy(self.b.host) as proxy:
            target = f"{proxy.host}/{self.project}/x:v1"
            self.ok(self.sluice.run("copy", source, target, "--metrics", "m.prom"))
            success = self.value(self.metrics(), "sluice_run_last_success_timestamp_seconds")
            self.push(self.a, "x", kit.random_image((700, 80), seed=self.project + "-2"))
            proxy.fault(method="PUT", target="/manifests/", times=0, action="status", status=403)
            failed = self.sluice.run("copy", source, target, "--metrics", "m.prom")
            self.assertEqual(failed.code, 6, failed)
        found = self.metrics()
        self.assertEqual(self.value(found, "sluice_run_exit_code"), 6)
        self.assertEqual(self.value(found, "sluice_run_success"), 0)
        self.assertEqual(self.value(found, "sluice_run_last_success_timestamp_seconds"), success)
        self.assertLess(success, self.value(found, "sluice_run_end_timestamp_seconds"))
        self.assertGreater(self.value(found, "sluice_copy_bytes", how="moved"), 0, "that it moved stays true")

    def test_of_a_run_that_never_began_say_its_exit_code(self):
        outcome = self.sluice.run("copy", f"{self.a.host}/no/such:v1", f"{self.b.host}/x/y:v1", "--metrics", "m.prom")
        self.assertEqual(outcome.code, 1, outcome)
        found = self.metrics()
        self.assertEqual(self.value(found, "sluice_run_exit_code"), 1)
        self.assertEqual([name for name, _ in found if name.startswith("sluice_copy")], [])
        self.assertEqual(self.sluice.run("promote", "--to", "prod", "--yes", "--metrics", "p.prom").code, 1)
        self.assertEqual(self.value(self.metrics("p.prom"), "sluice_run_exit_code", command="promote"), 1)

    def test_of_promotions_name_app_environment_release_and_state(self):
        self.promotions()
        for number in (1, 2):
            image = self.build(number)
            self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "--metrics", "m.prom"))
            found = self.metrics()
            labels = {"command": "promote", "app": "shop", "environment": "prod", "release": str(number)}
            self.assertEqual(self.value(found, "sluice_promotion_bytes", road="stream", how="moved", **labels),
                             image.size)
            self.assertEqual(self.value(found, "sluice_promotion_images", road="stream", **labels), 1)
            self.assertEqual(self.value(found, "sluice_promotion_state", state="succeeded", **labels), 1)
        self.ok(self.sluice.run("rollback", "--to", "prod", "--yes", "--metrics", "m.prom"))
        found = self.metrics()
        self.assertEqual(self.value(found, "sluice_promotion_state", command="rollback", release="1"), 1)
        for command in ("promote", "rollback"):
            self.value(found, "sluice_run_last_success_timestamp_seconds", command=command, app="shop")

    def test_of_an_undo_count_no_bytes(self):
        self.promotions()
        for number in (1, 2):
            self.build(number)
            result = self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json")).json
        self.ok(self.sluice.run("undo", result["promotion"], "--metrics", "m.prom"))
        found = self.metrics()
        self.assertEqual(self.value(found, "sluice_promotion_state", command="undo", state="rolled-back"), 1)
        self.assertEqual([name for name, _ in found if name == "sluice_promotion_bytes"], [])

    def test_all_names_are_described(self):
        page = (ROOT / "docs" / "metrics.md").read_text()
        described = set(re.findall(r"`(sluice_[a-z_]+)`", page))
        self.promotions()
        self.build(1)
        self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "--metrics", "p.prom"))
        source = f"{self.a.host}/{self.project}/dev/web:latest"
        self.ok(self.sluice.run("copy", source, f"{self.b.host}/{self.project}/y:v1", "--metrics", "c.prom"))
        written = {name for file in ("p.prom", "c.prom") for name, _ in self.metrics(file)}
        self.assertEqual(written, described)


class StrictParser(unittest.TestCase):
    """The reader of metrics finds what it is there to find."""

    def test_it_takes_what_is_right(self):
        text = '# HELP a b\n# TYPE a gauge\na 1\na{x="q\\"\\\\\\n,}"} 2.5\n# HELP c d\n# TYPE c gauge\nc 1e+30\n'
        self.assertEqual(read_metrics(text), {("a", frozenset()): 1.0, ("a", frozenset({("x", 'q"\\\n,}')})): 2.5,
                                         ("c", frozenset()): 1e30})

    def test_it_refuses_what_is_not(self):
        head = "# HELP a b\n# TYPE a gauge\n"
        for text in ("", "a 1\n", head + "a 1", head + "b 1\n", head + "a one\n", head + 'a{x="1} 1\n',
                     head + "a{x=1} 1\n", head + 'a{x="1",} 1\n', head + 'a{x="1",x="2"} 1\n', head + "a 1\na 2\n",
                     head + 'a{x="\\q"} 1\n', "# HELP a b\na 1\n", head + "a 1\n# HELP c d\n# TYPE c gauge\nc 1\n" + head,
                     head + "a  1\n", head + "\na 1\n"):
            with self.subTest(text), self.assertRaises(ValueError):
                read_metrics(text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
