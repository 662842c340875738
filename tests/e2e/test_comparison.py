"""The comparison of two recordings (tests/comparison): what is chance is masked, and what changed is found."""

import contextlib
import copy
import io
import json
import pathlib
import sys
import unittest
from unittest import mock

import sluicekit as kit
from sluicekit.tools import folder

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "comparison"))
import compare  # noqa: E402
import places  # noqa: E402
from masks import Masks, plan_formula  # noqa: E402

HASH = "sha256:" + "ab" * 32
UIDS = ("0a1b2c3d-0000-4000-8000-00000000000a", "0a1b2c3d-0000-4000-8000-00000000000b")
RECORDING = {"scenario": "one", "stands": {"prod": {"tags": {"latest": HASH}}}, "commands": [
    {"command": "01 plan --to prod", "exit": 0, "document": {"plan": HASH, "targets": ["a", "b"]},
     "requests": {"prod PUT tag": 2, "prod GET memory": 6}, "people": {"stdout": ["words"]}}]}


class TheMasks(unittest.TestCase):
    def test_what_is_chance_is_masked(self):
        masks = Masks({"127.0.0.1:20001": "<dev>"}, machine="box7")
        said = masks.document({
            "promoted": "2026-11-30T23:58:00Z", "at": 1796083080, "seconds": 0.15, "bytes": 1796,
            "where": "127.0.0.1:20001/shop and 127.0.0.1:54321", "file": "/tmp/sluicekit-home-x7_q/sluice.yaml",
            "holder": "box7/pid-[4026531836]:17183:6136798", "token": "sha256~abc-DEF_1", "fix": "run this",
            "who": {"host": "box7"}, "io.sluice.writer": "c66a1616a9b3706b"})
        self.assertEqual(said, {
            "promoted": "<time>", "at": "<time>", "seconds": "<duration>", "bytes": 1796,
            "where": "<dev>/shop and 127.0.0.1:<port>", "file": "<home>/sluice.yaml", "holder": "<machine>/<process>",
            "token": "<token>", "fix": "<words>", "who": {"host": "<machine>"}, "io.sluice.writer": "<random>"})

    def test_an_id_that_comes_again_is_the_same_mask_again(self):
        masks = Masks()
        said = masks.document(["pd25vjds73r45", UIDS[0], "p0123456789ab", UIDS[1], "pd25vjds73r45", UIDS[0], "promotions"])
        self.assertEqual(said, ["<promotion-1>", "<uid-1>", "<promotion-2>", "<uid-2>", "<promotion-1>", "<uid-1>",
                                "promotions"])

    def test_json_in_a_text_is_masked_as_json(self):
        self.assertEqual(Masks().document({"plan_json": '{"at":1796083080,"road":"tag"}'}),
                         {"plan_json": {"at": "<time>", "road": "tag"}})

    def test_a_plan_hash_is_kept_where_nothing_that_changes_is_in_it(self):
        masks, other = Masks(), "sha256:" + "cd" * 32
        masks.keep_plan(HASH)
        self.assertEqual(masks.document([{"plan": HASH}, {"plan": other}, {"plan_hash": other}]),
                         [{"plan": HASH}, {"plan": "<plan-1>"}, {"plan_hash": "<plan-1>"}])

    def test_findings_are_read_from_texts_by_severity_and_code(self):
        self.assertEqual(Masks().findings("plan\n  blocker trigger-missing: dc/web\n  warning waits-for-delete: x\n"),
                         ["blocker trigger-missing", "warning waits-for-delete"])

    def test_the_order_of_what_goes_on_side_by_side_is_not_compared_and_that_of_states_is(self):
        def event(kind, detail):
            return {"sequence": 1, "time": "2026-11-30T23:58:00.296Z", "kind": kind, "detail": detail}
        a, b = event("blob-done", "moved"), event("blob-done", "present")
        one, two = event("state", "copying"), event("state", "switching")
        masks = Masks()
        self.assertEqual(masks.events([one, a, b, two]), masks.events([one, b, two, a]))
        self.assertNotEqual(masks.events([one, two]), masks.events([two, one]))
        self.assertNotEqual(masks.events([a, a]), masks.events([a]))

    def test_requests_are_counted_by_method_and_kind_of_path(self):
        def asked(method, target):
            return {"upstream": 0, "method": method, "target": target}
        self.assertEqual(places.requests([
            asked("GET", "/v2/shop/web/manifests/sluice-memory"), asked("PUT", "/v2/shop/web/manifests/latest"),
            asked("PUT", "/v2/shop/api/manifests/1.0"), asked("GET", "/api/v1/namespaces/a/pods?watch=true"),
            asked("GET", "/apis/image.openshift.io/v1/namespaces/shop/imagestreams/web")], ["prod"]),
            {"prod GET memory": 1, "prod PUT tag": 2, "prod GET /apis/image.openshift.io/v1/imagestreams/*": 1})


class PlanHashes(kit.E2eCase):
    shared_registries = ()

    def test_the_formula_makes_the_hash_of_a_real_plan_and_of_no_changed_one(self):
        kit.need("docker-registry")
        with kit.Registry() as registry, kit.Sluice() as home:
            registry.client().push("shop/dev/web", "latest", kit.random_image((100,), "comparison"))
            home.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [(registry.host, "shop/dev")]),
                                                   ("prod", [(registry.host, "shop/prod")])))
            plan = home.run("plan", "--to", "prod", "-o", "json").json
        self.assertEqual(plan_formula(plan, {}), "version 3, via None, deploy trigger")
        for member, value in (("app", "other"), ("on_failure", "rollback"), ("accepts", ["waits-for-delete"])):
            with self.subTest(member):
                self.assertIsNone(plan_formula({**plan, member: value}, {}))
        self.assertIsNone(plan_formula(plan, {plan["targets"][0]["target"]: "uid:1"}), "an id that is not its own")


class TheComparison(unittest.TestCase):
    def compared(self, change=None, expected=None, ports="fixed"):
        """(exit code, lines) of RECORDING and one that was changed."""
        changed, where = copy.deepcopy(RECORDING), folder("comparison")
        if change:
            change(changed)
        for name, recording, kind in (("a", RECORDING, "fixed"), ("b", changed, ports)):
            (where / name).mkdir()
            (where / name / "about.json").write_text(json.dumps({"ports": kind, "scenarios": ["one"]}))
            (where / name / "one.json").write_text(json.dumps(recording))
        words = ["compare", str(where / "a"), str(where / "b")]
        if expected is not None:
            (where / "expected").write_text(expected)
            words += ["--expected", str(where / "expected")]
        out, err = io.StringIO(), io.StringIO()
        with mock.patch.object(sys, "argv", words), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = compare.main()
        return code, out.getvalue().splitlines(), err.getvalue()

    CHANGES = {
        "document.plan": lambda one: one["commands"][0]["document"].update(plan="sha256:" + "cd" * 32),
        "exit": lambda one: one["commands"][0].update(exit=3),
        "requests.prod PUT tag": lambda one: one["commands"][0]["requests"].update({"prod PUT tag": 3}),
        "requests.prod GET memory": lambda one: one["commands"][0]["requests"].update({"prod GET memory": 12}),
        "requests.prod DELETE blob": lambda one: one["commands"][0]["requests"].update({"prod DELETE blob": 1}),
        "document.targets[1]": lambda one: one["commands"][0]["document"].update(targets=["a", "c"]),
        "document.targets.length": lambda one: one["commands"][0]["document"].update(targets=["a", "b", {}]),
        "tags.latest": lambda one: one["stands"]["prod"]["tags"].update(latest=None),
        "": lambda one: one["commands"].append({"command": "02 more", "exit": 0})}

    def test_equal_ones_have_no_difference(self):
        self.assertEqual(self.compared(), (0, [], ""))

    def test_each_change_is_told_with_its_place_and_ends_with_1(self):
        for member, change in self.CHANGES.items():
            with self.subTest(member):
                code, lines, _ = self.compared(change)
                self.assertEqual(code, 1)
                self.assertIn(member, [line.split("\t")[2] for line in lines], lines)
                self.assertEqual({len(line.split("\t")) for line in lines}, {5}, lines)

    def test_an_expected_one_is_not_told_and_another_one_still_is(self):
        rule = "one\t01 *\tdocument.targets[1]\tthe word is another one\n"
        self.assertEqual(self.compared(self.CHANGES["document.targets[1]"], rule), (0, [], ""))
        code, lines, err = self.compared(self.CHANGES["exit"], rule)
        self.assertEqual((code, len(lines)), (1, 1))
        self.assertIn("line 1", err, "a rule that nothing needs is told")

    def test_words_for_people_and_reads_that_are_repeated_are_no_difference(self):
        self.assertEqual(self.compared(lambda one: one["commands"][0]["people"].update(stdout=["others"]))[0], 0)
        self.assertEqual(self.compared(
            lambda one: one["commands"][0]["requests"].update({"prod GET memory": 8}))[0], 0)

    def test_what_cannot_be_compared_ends_with_2(self):
        self.assertEqual(self.compared(ports="free")[0], 2)
        self.assertEqual(self.compared(expected="one 01 exit\n")[0], 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
