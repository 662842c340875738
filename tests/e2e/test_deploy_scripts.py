"""What stands in deploy/ for people without Jenkins does what it says: every script, the script part of every CI file,
the command of the unit and the line of the crontab are run, against real registries and sandboxes."""

import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import unittest

import sluicekit as kit
from sluicekit.deploy_files import CRON, GITHUB, GITLAB, SCRIPTS, SERVICE, TEKTON, blocks, cron_lines, unit
from sluicekit.one_cluster import OneCluster
from sluicekit.registry import PASSWORD, USER
from sluicekit.sandbox import Sandbox
from sluicekit.shop import ShopCase
from sluicekit.sluice import binary

kit.need("docker-registry")
SINGLE, BETWEEN = SCRIPTS
binary()


def on_path(home, program=None):
    """A home whose PATH begins with a folder that has sluice, or a program in its place."""
    tools = home.home / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "sluice").unlink(missing_ok=True)
    (tools / "sluice").symlink_to(program or binary())
    if not home.environment["PATH"].startswith(f"{tools}:"):
        home.environment["PATH"] = f"{tools}:{home.environment['PATH']}"
    return home


class Shop(kit.E2eCase):
    """dev in registry a, prod in registry b; both ask for a password, which stands in a variable."""

    @classmethod
    def setUpClass(cls):
        cls.a = cls.enterClassContext(kit.Registry(auth="basic"))
        cls.b = cls.enterClassContext(kit.Registry(auth="basic"))

    def setUp(self):
        super().setUp()
        self.sluice = on_path(self.home({"NO_COLOR": "1", "TO": "prod", "PROD_TOKEN": PASSWORD}))
        self.first, self.second = (kit.random_image((700, 90), seed=f"{self.id()}-{n}") for n in (1, 2))
        self.sluice.write("sluice.yaml", json.dumps({"app": "shop", "images": ["web"], "environments": [
            {"name": "dev", "cluster": "a", "project": f"{self.project}/dev"},
            {"name": "prod", "cluster": "b", "project": f"{self.project}/prod"}]}))
        self.clusters("clusters.yaml", ".config/sluice/clusters.yaml")
        self.push(self.first)

    def clusters(self, *names, **more):
        for name in names:
            self.sluice.write(name, json.dumps({"clusters": {
                place: {"registry": registry.host, "username": USER, "password": "env:PROD_TOKEN", **more}
                for place, registry in (("a", self.a), ("b", self.b))}}))

    def push(self, image):
        self.a.client().push(f"{self.project}/dev/web", "latest", image)

    def ends(self, outcome, code, *words):
        self.assertEqual(outcome.code, code, outcome)
        for word in words:
            self.assertIn(word, outcome.out + outcome.err, outcome)
        return outcome

    def stands(self, image):
        if image is None:
            self.assertEqual(self.b.client().tags(f"{self.project}/prod/web"), [])
        else:
            self.holds(self.b, f"{self.project}/prod/web", "latest", image)

    def document(self, name, schema):
        """An artifact, which holds no secret either."""
        text = (self.sluice.home / name).read_text()
        for secret in self.secrets:
            self.assertNotIn(secret, text, name)
        document = json.loads(text)
        self.assertEqual(document["schema"], f"sluice.{schema}/1", document)
        return document


_MOVES_BEFORE_THE_DOCUMENT = """\
#!/bin/sh
case "$*" in *json*) cp other.yaml sluice.yaml ;; esac
exec "{sluice}" "$@"
"""


class Jobs:
    """A CI file: a job that plans, an approval, a job that does this plan. plan() gives (outcome, what is approved)."""

    def script(self, number, name="script"):
        path = self.sluice.write(name, blocks(self.file)[number])
        path.chmod(0o755)
        return path

    def test_the_approved_plan_is_promoted_and_both_documents_are_kept(self):
        outcome, approved = self.plan()
        self.ends(outcome, 0, "road stream", f"plan {approved}")
        self.stands(None)
        self.assertEqual(self.document("plan.json", "plan")["plan"], approved)
        outcome = self.ends(self.promote(approved), 0)
        self.stands(self.first)
        promotion = self.document("promotion.json", "promote")
        self.assertEqual((promotion["state"], promotion["plan"]), ("succeeded", approved))

    def test_a_plan_that_changed_after_the_approval_is_refused(self):
        _, approved = self.plan()
        self.push(self.second)
        self.ends(self.promote(approved), 3, "the plan changed")
        self.stands(None)
        self.assertEqual(self.document("promotion.json", "error")["exit"], 3)

    def test_a_document_of_another_plan_than_the_page_is_not_offered(self):
        pipeline = json.loads((self.sluice.home / "sluice.yaml").read_text())
        pipeline["environments"][1]["tag"] = "other"
        self.sluice.write("other.yaml", json.dumps(pipeline))
        mover = self.sluice.write("mover", _MOVES_BEFORE_THE_DOCUMENT.format(sluice=binary()))
        mover.chmod(0o755)
        on_path(self.sluice, mover)
        outcome, approved = self.plan()
        self.ends(outcome, 3, "the plan changed; run this")
        self.assertIsNone(approved)

    def test_without_an_approved_hash_nothing_is_promoted(self):
        self.plan()
        self.sluice.write("plan.txt", "")
        self.ends(self.promote(""), 2, "--plan wants the hash")
        self.stands(None)

    def test_a_held_environment_ends_the_first_job_with_its_page(self):
        _, approved = self.plan()
        self.ends(self.promote(approved), 0)
        self.ok(self.sluice.run("hold", "prod"))
        outcome, _ = self.plan()
        self.ends(outcome, 3, "blocker environment-held", "fix: sluice unhold prod")

    def test_a_wrong_password_is_exit_code_6_and_is_not_shown(self):
        self.secrets.add("wrong password")
        self.sluice.environment["PROD_TOKEN"] = "wrong password"
        outcome, _ = self.plan()
        self.ends(outcome, 6)
        hash_of_before = "sha256:" + "0" * 64
        self.sluice.write("plan.txt", f"  plan {hash_of_before}\n")
        self.ends(self.promote(hash_of_before), 6)
        self.stands(None)


class GitLab(Jobs, Shop):
    file = GITLAB
    shell = ("bash", "-eo", "pipefail")

    def plan(self):
        outcome = self.sluice.run(*self.shell[1:], self.script(0), program=self.shell[0])
        page = self.sluice.home / "plan.txt"
        return outcome, page.read_text().split()[-1] if outcome.code == 0 else None

    def promote(self, _):
        return self.sluice.run(*self.shell[1:], self.script(1), program=self.shell[0])


    def test_an_image_without_bash_will_do(self):
        """The runner then takes sh, which may know no pipefail."""
        self.shell = ("sh", "-e")
        outcome, approved = self.plan()
        self.ends(outcome, 0, f"plan {approved}")
        self.ends(self.promote(approved), 0)
        self.stands(self.first)


class GitHub(Jobs, Shop):
    file = GITHUB
    shell = ("bash", "--noprofile", "--norc", "-eo", "pipefail")  # what `shell: bash` means

    def plan(self):
        files = {name: self.sluice.write(name, "") for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
        outcome = self.sluice.run(*self.shell[1:], self.script(0), program=self.shell[0],
                                  environment={name: str(path) for name, path in files.items()})
        given = dict(line.split("=", 1) for line in files["GITHUB_OUTPUT"].read_text().splitlines())
        if outcome.code == 0:
            self.assertIn(given["plan"], files["GITHUB_STEP_SUMMARY"].read_text(), "who approves sees the page")
        return outcome, given.get("plan")

    def promote(self, approved):
        return self.sluice.run(*self.shell[1:], self.script(1), program=self.shell[0], environment={"PLAN": approved})

    def test_no_expression_is_pasted_into_a_script(self):
        """Whoever may start the workflow could write commands there; values come by the environment."""
        for script in blocks(GITHUB) + blocks(GITLAB):
            self.assertNotIn("${{", script)


class Tekton(Jobs, Shop):
    file = TEKTON

    def plan(self):
        result = self.sluice.write("result", "")
        outcome = self.sluice.run(program=self.script(0), environment={"RESULT": str(result)})
        return outcome, result.read_text() or None

    def promote(self, approved):
        return self.sluice.run(program=self.script(1), environment={"PLAN": approved})

    def test_no_parameter_is_pasted_into_a_script(self):
        for script in blocks(TEKTON):
            self.assertNotRegex(script, r"\$\((params|workspaces|results|tasks)\.")


class Between(Shop):
    """promote-between-environments.sh, from one registry to another."""

    def run_script(self, *words, stdin=""):
        return self.sluice.run(*words, program=BETWEEN, stdin=stdin)

    def plan(self):
        return self.sluice.run("plan", "--to", "prod", "-o", "json").json["plan"]

    def test_yes_promotes_the_plan_that_was_shown(self):
        outcome = self.ends(self.run_script("prod", stdin="y\n"), 0, "prod: ready", "Done: prod was seen to hold")
        shown, done = (re.findall(r"^  plan (\S+)$", text, re.M) for text in (outcome.out, outcome.err))
        self.assertEqual((len(shown), shown), (1, done), outcome)
        self.stands(self.first)

    def test_no_and_nobody_there_promote_nothing(self):
        for answer in ("n\n", "\n", "", "yesterday\n"):
            with self.subTest(answer=answer):
                self.ends(self.run_script("prod", stdin=answer), 3, "Not promoted", "nobody said yes")
                self.stands(None)

    def test_an_approved_plan_is_done_without_a_question(self):
        self.ends(self.run_script("prod", self.plan()), 0, "Done")
        self.stands(self.first)

    def test_another_plan_than_the_approved_one_is_refused(self):
        approved = self.plan()
        self.push(self.second)
        self.ends(self.run_script("prod", approved), 3, "the plan changed", "Not promoted")
        self.stands(None)

    def test_what_is_wrong_is_said_in_words_and_by_the_code(self):
        self.ends(self.run_script(), 2, "usage: promote-between-environments.sh ENVIRONMENT [PLAN]")
        self.ends(self.run_script("prodd"), 2, "did you mean 'prod'", "Nothing was done")
        self.secrets.add("wrong password")
        self.sluice.environment["PROD_TOKEN"] = "wrong password"
        self.ends(self.run_script("prod", stdin="y\n"), 3, "blocker", "Not promoted")
        self.stands(None)


class SingleInOneCluster(OneCluster):
    """promote-single-environment.sh inside one cluster: no byte passes, pods roll."""

    def setUp(self):
        super().setUp()
        on_path(self.sluice)
        self.old, self.new = self.running()

    def run_script(self, *words, stdin=""):
        return self.sluice.run(*words, program=SINGLE, stdin=stdin)

    def test_yes_promotes_and_every_pod_runs_it(self):
        outcome = self.ends(self.run_script("prod", stdin="y\n"), 0)
        self.assertIn("Done: prod was seen to hold", outcome.err)
        self.prod.stands({"web": self.new})
        self.prod.runs({"web": self.new})
        self.prod.nobody_works()

    def test_no_and_a_plan_that_changed_promote_nothing(self):
        check = self.untouched()
        approved = self.plan().json["plan"]
        check(self.ends(self.run_script("prod", stdin="n\n"), 3))
        self.fresh(self.dev)
        outcome = self.ends(self.run_script("prod", approved), 3)
        self.assertIn("the plan changed", outcome.err)
        check(outcome)
        self.prod.runs({"web": self.old})

    def test_a_release_that_does_not_come_up_is_exit_code_5_and_the_old_one_is_back(self):
        self.write(environment={"on-failure": "rollback", "verify": {"rollout": "10s"}})
        self.box.knob("outcome", digest=self.new, result="fail")
        outcome = self.ends(self.run_script("prod", self.plan().json["plan"]), 5)
        self.assertIn("what was there before is back", outcome.err)
        self.prod.stands({"web": self.old})
        self.prod.runs({"web": self.old})


class SingleInOneCluster4(SingleInOneCluster):
    profile = "4.x"


class BetweenTwoClusters(ShopCase):
    def test_a_release_goes_from_one_cluster_to_the_other(self):
        a, b = (self.enterContext(Sandbox(profile=profile)) for profile in ("3.11", "4.x"))
        dev, prod = self.project(a, "shop"), self.project(b, "shop")
        image = dev.image()
        prod.workload()
        home = on_path(self.home({"a": a, "b": b}))
        self.pipeline(home, ("dev", [("a", "shop")]), ("prod", [("b", "shop")]))
        self.ends(home.run("prod", program=BETWEEN, stdin="yes\n"), 0)
        prod.stands({"web": image})
        prod.runs({"web": image})
        prod.pulled(image)


_ENDS_WITH_A_CODE = """\
#!/bin/sh
exit "$(cat "$HOME/code")"
"""
_WAITS_FOR_CTRL_C = """\
#!/usr/bin/python3
import signal, sys
signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
print("begun", flush=True)
while True: signal.pause()
"""


class Words(kit.E2eCase):
    """What the scripts say, with something in the place of sluice."""

    shared_registries = ()

    def with_stub(self, text):
        home = self.home()
        stub = home.write("stub", text)
        stub.chmod(0o755)
        return on_path(home, stub)

    def test_every_exit_code_has_its_words_and_is_passed_on(self):
        home = self.with_stub(_ENDS_WITH_A_CODE)
        said = {}
        for script in SCRIPTS:
            for code in (0, 1, 2, 3, 4, 5, 6, 7, 130, 137):
                with self.subTest(script=script.name, code=code):
                    home.write("code", str(code))
                    outcome = home.run("prod", "sha256:1", program=script)
                    self.assertEqual(outcome.code, code, outcome)
                    self.assertEqual("sluice resume" in outcome.err, code in (4, 7, 130, 137), outcome)
                    said.setdefault(outcome.err.splitlines()[0], set()).add(code)
        self.assertEqual(len(said), 10, "each code has words of its own, the same in both scripts")

    def test_after_ctrl_c_it_waits_for_sluice_and_says_how_to_go_on(self):
        home = self.with_stub(_WAITS_FOR_CTRL_C)
        with subprocess.Popen([SINGLE, "prod", "sha256:1"], cwd=home.home, env=home.environment, text=True,
                              start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as script:
            self.assertEqual(script.stdout.readline(), "begun\n")
            os.killpg(script.pid, signal.SIGINT)
            _, said = script.communicate(timeout=30)
        self.assertEqual(script.returncode, 130, said)
        self.assertIn("Interrupted", said)
        self.assertIn("sluice resume", said)

    def test_each_script_has_under_40_lines_and_stands_alone(self):
        for script in SCRIPTS:
            text = script.read_text()
            self.assertLess(len(text.splitlines()), 40, script)
            self.assertNotRegex(text, r"(?m)^\s*(source|\.) ")


class Unattended(Shop):
    """The unit and the crontab promote without a question."""

    def setUp(self):
        super().setUp()
        self.sluice.write("sluice.yaml", (self.sluice.home / "sluice.yaml").read_text().replace('"prod"', '"test"', 1))

    def test_the_command_of_the_unit_promotes_and_keeps_its_records_in_the_state_directory(self):
        settings = unit(SERVICE)
        program, *words = shlex.split(settings["ExecStart"].replace("%i", "test"))
        self.assertEqual(pathlib.PurePath(program).name, "sluice")
        name, value = settings["Environment"].split("=")
        state = self.sluice.home / "var"
        self.ends(self.sluice.run(*words, environment={name: value.replace("%S", str(state))}), 0)
        self.stands(self.first)
        self.assertTrue((state / settings["StateDirectory"] / "records.db").exists())

    def cron(self):
        (_, command), = cron_lines()
        self.assertNotRegex(command, r"(?<!\\)%", "cron takes it for a line break")
        return self.sluice.run("-c", command.replace("/etc/sluice/shop", str(self.sluice.home)), program="/bin/sh")

    def test_the_crontab_prints_nothing_when_all_is_well(self):
        outcome = self.ends(self.cron(), 0)
        self.assertEqual(outcome.out + outcome.err, "")
        self.stands(self.first)

    def test_the_crontab_prints_code_and_cause_when_it_is_not(self):
        self.ok(self.sluice.run("promote", "--to", "test", "--yes"))
        self.ok(self.sluice.run("hold", "test"))
        self.ends(self.cron(), 0, "exit code 3: ", "blocker environment-held", "sluice: the promotion to test is blocked")
        self.assertIn("MAILTO=", CRON.read_text())


if __name__ == "__main__":
    unittest.main()
