"""What is promoted, which tags are written, and what stops a promotion: design section 3, through the command line."""

import json
import sqlite3
import unittest

import sluicekit as kit

kit.need("docker-registry")


class App(kit.E2eCase):
    """One app per test: dev, test and prod in projects of registry a, unless a test says otherwise."""

    images = ("shop",)

    def setUp(self):
        super().setUp()
        self.sluice = self.home()
        self.environments()

    def where(self, environment):
        return f"{self.project}/{environment}"

    def environments(self, *environments, source=None, images=None):
        """(name, [(registry, project), ...][, tag]); the default is three environments of one target in registry a."""
        self.images = images or self.images
        self.layout = environments or [(name, [(self.a, self.where(name))]) for name in ("dev", "test", "prod")]
        self.sluice.write("sluice.yaml", kit.pipeline("shop", self.images, *(
            (name, [(registry.host, project) for registry, project in targets], *tag)
            for name, targets, *tag in self.layout), source=source))

    def make(self, number):
        """The content of build `number`, by image name."""
        return {name: kit.random_image((700, 90), seed=f"{self.project}-{name}-{number}") for name in self.images}

    def push(self, build, environment="dev", tag="latest", target=0, names=None):
        """Puts a build where others would: not by sluice."""
        targets = next(entry[1] for entry in self.layout if entry[0] == environment)
        registry, project = targets[target]
        for name in names or self.images:
            registry.client().push(f"{project}/{name}", tag, build[name])

    def promote(self, environment, *flags):
        return self.sluice.run("promote", "--to", environment, "--yes", "-o", "json", *flags)

    def plan(self, environment, *flags):
        return self.sluice.run("plan", "--to", environment, "-o", "json", *flags)

    def shows(self, environment, build, *tags):
        """Every target of the environment has the build under these tags."""
        for registry, project in next(entry[1] for entry in self.layout if entry[0] == environment):
            for name in self.images:
                for tag in tags or ("latest",):
                    self.holds(registry, f"{project}/{name}", tag, build[name])

    def releases(self):
        return self.ok(self.sluice.run("releases", "-o", "json")).json["releases"]

    def status(self):
        rows = self.ok(self.sluice.run("status", "-o", "json")).json["environments"]
        return {row["environment"]: row for row in rows}


class WhatIsPromoted(App):
    def test_the_second_environment_gets_what_the_source_tag_is_now(self):
        for number in (1, 2):
            build = self.make(number)
            self.push(build)
            result = self.ok(self.promote("test")).json
            self.assertEqual((result["release"], result["state"]), (number, "succeeded"))
            self.shows("test", build)

    def test_the_third_environment_gets_what_the_second_holds(self):
        first = self.make(1)
        self.push(first)
        self.ok(self.promote("test"))
        self.push(self.make(2))
        self.assertEqual(self.ok(self.promote("prod")).json["release"], 1)
        self.shows("prod", first)

    def test_equal_digests_are_the_same_release(self):
        self.push(self.make(1))
        self.ok(self.sluice.run("release", "create"))
        self.ok(self.sluice.run("release", "create"))
        self.assertEqual(self.ok(self.promote("test")).json["release"], 1)
        self.assertEqual(len(self.releases()), 1)

    def test_the_smallest_pipeline_and_two_environments(self):
        self.environments(("dev", [(self.a, self.where("dev"))]), ("prod", [(self.b, self.where("dev"))]))
        build = self.make(1)
        self.push(build)
        self.ok(self.promote("prod"))
        self.shows("prod", build)

    def test_inside_one_registry_the_road_is_mount_and_between_two_it_is_stream(self):
        self.environments(("dev", [(self.a, self.where("dev"))]),
                          ("prod", [(self.a, self.where("near")), (self.b, self.where("far"))]))
        build = self.make(1)
        self.push(build)
        targets = self.ok(self.promote("prod")).json["targets"]
        self.assertEqual([target["images"][0]["road"] for target in targets], ["mount", "stream"])
        self.assertEqual([target["state"] for target in targets], ["succeeded", "succeeded"])
        self.shows("prod", build)

    def test_every_kind_of_image_is_promoted(self):
        self.environments(("dev", [(self.a, self.where("dev"))]),
                          ("prod", [(self.a, self.where("near")), (self.b, self.where("far"))]),
                          images=("five", "index"))
        build = {"five": kit.random_image(seed=self.project), "index": kit.index_of(seed=self.project)}
        self.push(build)
        self.ok(self.promote("prod"))
        self.shows("prod", build)

    def test_jumping_over_an_environment_must_be_said(self):
        build = self.make(1)
        self.push(build)
        self.ok(self.sluice.run("release", "create"))
        self.fails(self.promote("prod"), 1, "test holds nothing", "sluice promote --to test")
        self.ok(self.promote("prod", "--release", "1"))
        self.shows("prod", build)

    def test_going_backwards_must_be_said(self):
        old, new = self.make(1), self.make(2)
        for build in (old, new):
            self.push(build)
            self.ok(self.promote("test"))
        self.push(old)
        self.fails(self.promote("test"), 2, "shop 2", "shop 1", "--release 1", "sluice rollback")
        self.shows("test", new)
        self.ok(self.promote("test", "--release", "1"))
        self.shows("test", old)

    def test_an_unknown_release_is_not_found(self):
        self.push(self.make(1))
        self.fails(self.promote("test", "--release", "7"), 1, "shop 7", "sluice releases")

    def test_nothing_is_promoted_to_where_images_are_born(self):
        self.fails(self.promote("dev"), 2, "dev", "promote to test")

    def test_several_images_move_together(self):
        self.environments(images=("web", "api", "worker"))
        build = self.make(1)
        self.push(build)
        self.assertEqual([image["name"] for image in self.ok(self.promote("test")).json["targets"][0]["images"]],
                         ["web", "api", "worker"])
        self.shows("test", build)

    def test_an_image_that_is_missing_at_the_source_stops_all(self):
        self.environments(images=("web", "api"))
        self.push(self.make(1), names=["web"])
        check = self.unchanged(self.a)
        self.fails(self.promote("test"), 1, f"{self.where('dev')}/api:latest")
        check()


class WhatEnvironmentsHold(App):
    """With fresh records: what is seen at the tags is all there is."""

    def test_images_nobody_recorded_are_adopted(self):
        build = self.make(1)
        self.push(build, "test")
        self.assertEqual(self.ok(self.promote("prod")).json["release"], 1)
        self.shows("prod", build)
        release = self.releases()[0]
        self.assertEqual((release["adopted"], release["origin"]), (True, "test"))
        self.assertIn("adopted from test", self.ok(self.sluice.run("releases")).out)

    def test_part_of_the_images_is_mixed(self):
        self.environments(images=("web", "api"))
        self.push(self.make(1), "test", names=["web"])
        self.fails(self.promote("prod"), 3, "test holds no single release", "--release N")

    def test_images_of_two_releases_are_mixed(self):
        self.environments(images=("web", "api"))
        first, second = self.make(1), self.make(2)
        for build in (first, second):
            self.push(build)
            self.ok(self.promote("test"))
        self.push(first, "test", names=["web"])
        self.fails(self.promote("prod"), 3, "test holds no single release")
        self.assertEqual(self.status()["test"]["holds"], "mixed")

    def test_targets_with_different_images_are_mixed(self):
        self.environments(("dev", [(self.a, self.where("dev"))]),
                          ("test", [(self.a, self.where("t1")), (self.b, self.where("t2"))]),
                          ("prod", [(self.a, self.where("prod"))]))
        self.push(self.make(1), "test", target=0)
        self.push(self.make(2), "test", target=1)
        self.fails(self.promote("prod"), 3, "its targets hold different images")

    def test_a_drifted_environment_stops(self):
        self.push(self.make(1))
        self.ok(self.promote("test"))
        self.push(self.make(9), "test")
        self.fails(self.promote("prod"), 3, "test drifted", "shop 1")
        row = self.status()["test"]
        self.assertEqual((row["holds"], row["drift"]), ("unknown", True))
        self.assertIn("DRIFT", self.ok(self.sluice.run("status")).out)

    def test_a_drift_is_mended_by_promoting_again(self):
        build = self.make(1)
        self.push(build)
        self.ok(self.promote("test"))
        self.push(self.make(9), "test")
        self.ok(self.promote("test"))
        self.shows("test", build)
        self.assertEqual((self.status()["test"]["holds"], self.status()["test"]["drift"]), ("release", False))


class Tags(App):
    def test_a_pattern_writes_a_pin_and_the_moving_tag(self):
        self.environments(source={"tag": "v*"})
        builds = {}
        for tag in ("v1.9.0", "v1.10.0"):
            builds[tag] = self.make(tag)
            self.push(builds[tag], tag=tag)
        self.ok(self.promote("test"))
        self.shows("test", builds["v1.10.0"], "v1.10.0", "live")
        self.assertEqual(self.tags(self.a, f"{self.where('test')}/shop"), ["live", "v1.10.0"])
        self.remembers(self.a, f"{self.where('test')}/shop", builds["v1.10.0"]["shop"])
        self.ok(self.promote("prod"))
        self.shows("prod", builds["v1.10.0"], "v1.10.0", "live")

    def test_the_moving_tag_moves_and_the_pins_stay(self):
        self.environments(source={"tag": "v*"})
        first, second = self.make(1), self.make(2)
        self.push(first, tag="v1")
        self.ok(self.promote("test"))
        self.push(second, tag="v2")
        self.ok(self.promote("test"))
        self.shows("test", first, "v1")
        self.shows("test", second, "v2", "live")

    def test_an_environment_names_its_moving_tag(self):
        self.environments(("dev", [(self.a, self.where("dev"))]), ("prod", [(self.b, self.where("prod"))], "stable"),
                          source={"tag": "v*"})
        build = self.make(1)
        self.push(build, tag="v3")
        self.ok(self.promote("prod"))
        self.assertEqual(self.tags(self.b, f"{self.where('prod')}/shop"), ["stable", "v3"])

    def test_an_exact_source_tag_is_written_as_it_is(self):
        self.environments(source={"tag": "nightly"})
        build = self.make(1)
        self.push(build, tag="nightly")
        self.ok(self.promote("test"))
        self.assertEqual(self.tags(self.a, f"{self.where('test')}/shop"), ["nightly"])

    def test_an_environment_may_write_another_tag_than_the_source(self):
        self.environments(("dev", [(self.a, self.where("dev"))]), ("prod", [(self.a, self.where("prod"))], "stable"))
        build = self.make(1)
        self.push(build)
        self.ok(self.promote("prod"))
        self.assertEqual(self.tags(self.a, f"{self.where('prod')}/shop"), ["stable"])

    def test_only_a_tag_that_all_images_carry_makes_a_release(self):
        self.environments(images=("web", "api"), source={"tag": "v*", "match": "same-tag"})
        self.push(self.make(1), tag="v1")
        self.push(self.make(2), tag="v2", names=["web"])
        self.ok(self.promote("test"))
        self.shows("test", self.make(1), "v1", "live")

    def test_a_pin_is_never_moved(self):
        self.environments(source={"tag": "v*"})
        self.push(self.make(1), tag="v1")
        self.push(self.make(9), "test", tag="v1")
        check = self.unchanged(self.a)
        self.assertIn("pin-taken", [finding["code"] for finding in self.plan("test").json["findings"]])
        self.fails(self.promote("test"), 3, "blocked")
        check()


class Plans(App):
    def test_a_plan_writes_nothing_anywhere(self):
        self.push(self.make(1))
        check = self.unchanged(self.a)
        before = sorted(self.sluice.home.rglob("*"))
        self.assertEqual(self.ok(self.plan("test")).json["release"], None)
        self.ok(self.sluice.run("plan", "--to", "test"))
        self.ok(self.sluice.run("status"))
        self.ok(self.sluice.run("history"))
        self.ok(self.sluice.run("releases"))
        self.assertEqual(sorted(self.sluice.home.rglob("*")), before, "something was written to the disk")
        check()

    def test_the_plan_says_what_the_promotion_then_does(self):
        self.environments(("dev", [(self.a, self.where("dev"))]), ("prod", [(self.b, self.where("prod"))]))
        build = self.make(1)
        self.push(build)
        plan = self.ok(self.plan("prod")).json
        done = self.ok(self.promote("prod", "--plan", plan["plan"])).json
        self.assertEqual(done["plan"], plan["plan"])
        for key in ("name", "before", "after", "road", "bytes"):
            self.assertEqual(done["targets"][0]["images"][0][key], plan["targets"][0]["images"][0][key], key)

    def test_a_plan_by_its_hash_needs_no_yes(self):
        build = self.make(1)
        self.push(build)
        self.ok(self.sluice.run("promote", "--to", "test", "--plan", self.ok(self.plan("test")).json["plan"]))
        self.shows("test", build)

    def test_a_stale_plan_is_refused(self):
        self.push(self.make(1))
        hash_before = self.ok(self.plan("test")).json["plan"]
        rows = {
            "the source tag moved": lambda: self.push(self.make(2)),
            "the target changed": lambda: self.push(self.make(3), "test"),
        }
        for why, change in rows.items():
            with self.subTest(why):
                self.assertEqual(self.ok(self.plan("test")).json["plan"], hash_before)
                change()
                check = self.unchanged(self.a)
                self.fails(self.promote("test", "--plan", hash_before), 3, "the plan changed", "sluice plan --to test")
                check()
                hash_before = self.ok(self.plan("test")).json["plan"]

    def test_a_plan_does_not_hold_when_something_else_decides_how_it_goes(self):
        self.push(self.make(1))
        plain = json.loads((self.sluice.home / "sluice.yaml").read_text())
        hashes = {}
        rows = {
            "nothing special": ({}, {}), "insecure": ({"insecure": True}, {}), "no proxy": ({"proxy": "none"}, {}),
            "a failure is rolled back": ({}, {"on-failure": "rollback"}),
            "nothing is followed": ({}, {"verify": {"rollout": "none"}}),
        }
        for why, (entry, environment) in rows.items():
            with self.subTest(why):
                self.sluice.write("clusters.yaml", json.dumps({"clusters": {"a": {"registry": self.a.host, **entry}}}))
                self.sluice.write("sluice.yaml", json.dumps({**plain, "environments": [
                    {**one, **(environment if one["name"] == "test" else {})} for one in plain["environments"]]}))
                now = self.ok(self.plan("test", "--clusters", "clusters.yaml")).json
                self.assertNotIn(now["plan"], hashes, f"the same as {hashes.get(now['plan'])}")
                for member in ("insecure", "proxy"):
                    shown = entry.get(member, False if member == "insecure" else None)
                    self.assertEqual([one[member] for one in now["targets"] + now["sources"]], [shown] * 3, now)
                check = self.unchanged(self.a)
                for other in hashes:
                    self.fails(self.promote("test", "--clusters", "clusters.yaml", "--plan", other), 3,
                               "the plan changed")
                check()
                hashes[now["plan"]] = why

    def test_making_the_release_does_not_change_the_hash(self):
        self.push(self.make(1))
        before = self.ok(self.plan("test")).json
        self.ok(self.sluice.run("release", "create"))
        after = self.ok(self.plan("test")).json
        self.assertEqual((before["release"], after["release"]), (None, 1))
        self.assertEqual(before["plan"], after["plan"])

    def test_without_yes_off_a_terminal_nothing_happens(self):
        self.push(self.make(1))
        self.ok(self.sluice.run("release", "create"))  # claims its number at the place of birth
        check = self.unchanged(self.a)
        for command in (("promote", "--to", "test"), ("rollback", "--to", "test", "--release", "1")):
            self.ok(self.sluice.run("release", "create"))
            with self.subTest(command[0]):
                self.fails(self.sluice.run(*command), 3, "nobody is there to say yes", "--yes")
        check()

    def test_rollback_hint_off_a_terminal_names_only_flags_it_has(self):
        self.push(self.make(1))
        self.ok(self.sluice.run("release", "create"))
        outcome = self.sluice.run("rollback", "--to", "test", "--release", "1")
        if "--plan" in outcome.err.rpartition("sluice: ")[2]:
            self.assertIn("--plan", self.ok(self.sluice.run("rollback", "--help")).out, outcome)

    def test_a_target_that_changes_between_plan_and_switch_stops_the_promotion(self):
        """Somebody pushes while the layers travel."""
        with kit.Proxy(self.b.host) as proxy:
            self.environments(("dev", [(self.a, self.where("dev"))]), ("prod", [(self.b, self.where("prod"))]))
            text = (self.sluice.home / "sluice.yaml").read_text().replace(self.b.host, proxy.host)
            self.sluice.write("sluice.yaml", text)
            build, other = self.make(1), self.make(2)
            self.push(build)
            layer = build["shop"].layers[0].digest
            # The layer does not get through, and is tried again and again, until the other push is done.
            proxy.fault(method="PUT", target=f"digest=.*{layer[7:]}", action="status", status=503, times=0)
            child = self.sluice.start("promote", "--to", "prod", "--yes", "--events", "-", "--progress", "none",
                                      "-o", "json", "--retry-times", "50")
            for line in child.popen.stdout:
                if json.loads(line)["kind"] == "blob-retried":
                    break
            self.push(other, "prod")
            proxy.clear_faults()
            out, err = child.popen.communicate(timeout=60)
            code = child.stop()
            self.assertEqual(code, 3, f"{out}\n{err}")
            self.assertIn("changed since the plan", err)
            self.assertEqual(json.loads(out.strip().rpartition("\n")[2])["state"], "failed")
            self.shows("prod", other)


class Holds(App):
    def test_a_hold_blocks_until_unhold(self):
        build = self.make(1)
        self.push(build)
        self.assertIn("year-end", self.ok(self.sluice.run("hold", "test", "--reason", "year-end close")).out)
        check = self.unchanged(self.a)
        self.fails(self.promote("test"), 3, "test is blocked")
        plan = self.plan("test")
        self.assertEqual((plan.code, plan.json["blocked"]), (3, True))
        self.assertEqual(plan.json["findings"][0]["fix"], "sluice unhold test")
        self.assertEqual(self.status()["test"]["hold"], "year-end close")
        check()
        self.ok(self.sluice.run("unhold", "test"))
        self.ok(self.promote("test"))
        self.shows("test", build)

    def test_unhold_of_what_is_not_held_is_no_error(self):
        self.assertIn("not on hold", self.ok(self.sluice.run("unhold", "test")).out)

    def test_a_rollback_goes_back_and_holds(self):
        old, new = self.make(1), self.make(2)
        for build in (old, new):
            self.push(build)
            self.ok(self.promote("test"))
        done = self.ok(self.sluice.run("rollback", "--to", "test", "--yes", "-o", "json")).json
        self.assertEqual((done["kind"], done["release"], done["schema"]), ("rollback", 1, "sluice.rollback/1"))
        self.shows("test", old)
        self.assertIn("rolled back to shop 1", self.status()["test"]["hold"])
        self.fails(self.promote("test"), 3, "blocked")
        self.ok(self.sluice.run("unhold", "test"))
        self.assertEqual(self.ok(self.promote("test")).json["release"], 2)
        self.shows("test", new)

    def test_a_rollback_moves_no_bytes(self):
        for number in (1, 2):
            self.push(self.make(number))
            self.ok(self.promote("test"))
        done = self.ok(self.sluice.run("rollback", "--to", "test", "--yes", "-o", "json")).json
        image = done["targets"][0]["images"][0]
        self.assertEqual((image["road"], image["bytes"]["moved"]), ("present", 0))

    def test_a_rollback_to_a_named_release(self):
        builds = [self.make(number) for number in (1, 2, 3)]
        for build in builds:
            self.push(build)
            self.ok(self.promote("test"))
        self.ok(self.sluice.run("rollback", "--to", "test", "--release", "1", "--yes"))
        self.shows("test", builds[0])

    def test_without_an_earlier_release_a_rollback_says_so(self):
        self.push(self.make(1))
        self.ok(self.promote("test"))
        self.fails(self.sluice.run("rollback", "--to", "test", "--yes"), 1, "no earlier release of shop", "--release N")


class Records(App):
    def test_history_is_newest_first_and_filtered(self):
        self.push(self.make(1))
        self.ok(self.promote("test"))
        self.ok(self.promote("prod"))
        rows = self.ok(self.sluice.run("history", "-o", "json")).json["promotions"]
        self.assertEqual([(row["environment"], row["state"]) for row in rows],
                         [("prod", "succeeded"), ("test", "succeeded")])
        only = self.ok(self.sluice.run("history", "--env", "test", "-o", "json")).json["promotions"]
        self.assertEqual([row["promotion"] for row in only], [rows[1]["promotion"]])
        self.assertEqual(len(self.ok(self.sluice.run("history", "--limit", "1", "-o", "json")).json["promotions"]), 1)
        self.assertIn(rows[0]["promotion"], self.ok(self.sluice.run("history")).out)

    def test_status_says_what_is_where(self):
        self.push(self.make(1))
        promoted = self.ok(self.promote("test")).json["promotion"]
        rows = self.status()
        self.assertEqual([rows[name]["holds"] for name in ("dev", "test", "prod")], ["release", "release", "nothing"])
        self.assertEqual((rows["test"]["release"], rows["test"]["last_promotion"], rows["test"]["drift"]),
                         (1, promoted, False))
        self.assertIn("shop 1", self.ok(self.sluice.run("status")).out)

    def test_status_of_a_pattern_pipeline(self):
        self.environments(source={"tag": "v*"})
        self.push(self.make(1), tag="v1")
        self.ok(self.promote("test"))
        rows = self.status()
        self.assertEqual([rows[name]["holds"] for name in ("dev", "test", "prod")], ["release", "release", "nothing"])

    def test_a_failed_promotion_is_in_history_with_its_reason(self):
        refuse = {"method": "POST", "target": "/uploads/", "times": 0, "action": "status", "status": 403,
                  "body": '{"errors":[{"code":"DENIED","message":"no"}]}'}
        with kit.Proxy(self.b.host, faults=[refuse]) as proxy:
            self.environments(("dev", [(self.a, self.where("dev"))]), ("prod", [(self.b, self.where("prod"))]))
            text = (self.sluice.home / "sluice.yaml").read_text().replace(self.b.host, proxy.host)
            self.sluice.write("sluice.yaml", text)
            self.push(self.make(1))
            check = self.unchanged(self.b)
            outcome = self.promote("prod")
            self.fails(outcome, 6, "DENIED")
            self.assertEqual(outcome.json["state"], "failed")
            row = self.ok(self.sluice.run("history", "-o", "json")).json["promotions"][0]
            self.assertEqual(row["state"], "failed")
            self.assertIn("DENIED", row["failure"])
            check()

    def test_records_live_where_state_says(self):
        self.push(self.make(1))
        for state, file in (("mine.db", "mine.db"), ("sqlite:other.db", "other.db")):
            with self.subTest(state):
                self.ok(self.sluice.run("promote", "--to", "test", "--yes", "--state", state))
                path = self.sluice.home / file
                self.assertTrue(path.exists())
                self.assertEqual(path.stat().st_mode & 0o077, 0, "records are for their owner")
                with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as rows:
                    self.assertEqual(rows.execute("SELECT COUNT(*) FROM promotions").fetchone(), (1,))
                # Others are told by the place, whoever made them.
                known = self.ok(self.sluice.run("history", "--state", state, "-o", "json")).json["promotions"]
                self.assertEqual(len(known), 1 if state == "mine.db" else 2)
        self.assertFalse((self.sluice.home / ".state" / "sluice").exists())

    def test_a_state_that_is_not_supported_yet_says_so(self):
        self.push(self.make(1))
        self.fails_plainly(self.sluice.run("promote", "--to", "test", "--yes", "--state", "postgresql://db/sluice"), 2,
                           "not supported yet")

    def test_the_records_hold_no_secret(self):
        self.push(self.make(1))
        self.sluice.write("clusters.yaml", f"clusters:\n  a: {{registry: \"{self.a.host}\", username: {kit.USER}, "
                                           f"password: 'env:SECRET'}}\n")
        self.ok(self.sluice.run("promote", "--to", "test", "--yes", "--clusters", "clusters.yaml",
                                environment={"SECRET": kit.PASSWORD}))
        for path in (self.sluice.home / ".state").rglob("*"):
            if path.is_file():
                self.assertNotIn(kit.PASSWORD.encode(), path.read_bytes(), path)


class TwoAtOnce(App):
    def test_one_wins_and_the_other_is_told_who_holds_the_target(self):
        with kit.Proxy(self.b.host) as proxy:
            self.environments(("dev", [(self.a, self.where("dev"))]), ("prod", [(self.b, self.where("prod"))]))
            text = (self.sluice.home / "sluice.yaml").read_text().replace(self.b.host, proxy.host)
            self.sluice.write("sluice.yaml", text)
            build = self.make(1)
            self.push(build)
            layer = build["shop"].layers[0].digest
            proxy.fault(method="PUT", target=f"digest=.*{layer[7:]}", action="stall", side="request", at=100, times=0)
            first = self.sluice.start("promote", "--to", "prod", "--yes", "--events", "-", "--progress", "none")
            for line in first.popen.stdout:
                event = json.loads(line)
                if event["kind"] == "blob-started" and event["digest"] == layer:
                    break
            # The same images for an app of another name, so that nothing but the lease is in the way.
            self.sluice.write("twin.yaml", text.replace('"app": "shop"', '"app": "twin"'))
            second = self.sluice.run("promote", "--to", "prod", "--yes", "-f", "twin.yaml", "--progress", "none")
            self.fails(second, 7, "prod is being worked on", f"process {first.pid}")
            stopped = self.sluice.interrupt(first)
            self.assertEqual(stopped.code, 130, stopped)
            proxy.clear_faults()
            self.ok(self.sluice.run("resume"))
            self.shows("prod", build)

    def test_many_at_once_end_in_one_promotion_or_a_conflict(self):
        self.environments(("dev", [(self.a, self.where("dev"))]), ("prod", [(self.b, self.where("prod"))]))
        build = self.make(1)
        self.push(build)
        children = [self.sluice.start("promote", "--to", "prod", "--yes", "--progress", "none") for _ in range(4)]
        ended = []
        for child in children:
            out, err = child.popen.communicate(timeout=60)
            ended.append((child.stop(), out, err))
        codes = sorted(code for code, _, _ in ended)
        self.assertEqual(codes[0], 0, ended)
        for code, out, err in ended:
            # 7: somebody is at work; 3: somebody was quicker.
            self.assertIn(code, (0, 3, 7), f"{out}\n{err}")
        self.shows("prod", build)
        records = self.sluice.home / ".state" / "sluice" / "records.db"
        with sqlite3.connect(f"file:{records}?mode=ro", uri=True) as rows:
            self.assertEqual(rows.execute("SELECT COUNT(*) FROM releases").fetchone(), (1,))
            self.assertEqual(rows.execute("SELECT COUNT(*) FROM leases WHERE holder <> ''").fetchone(), (0,))
        last = self.ok(self.sluice.run("history", "-o", "json")).json["promotions"]
        self.assertEqual({row["state"] for row in last} - {"succeeded", "failed"}, set(), last)


if __name__ == "__main__":
    unittest.main(verbosity=2)
