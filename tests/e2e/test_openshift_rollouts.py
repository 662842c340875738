"""Rollouts that come to a bad end or to none: the first cause in words, what stays, what is put back. What has to wait
for its time to be up waits side by side."""

import concurrent.futures
import json
import os
import pathlib
import pty
import subprocess
import threading
import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox_case import core
from sluicekit.sluice import binary

binary()

LOG = "panic: the answer was 41"
# What becomes of the new pods: words of the sentence.
CAUSES = {
    "never-ready": ("not ready", "probe"),
    "crash-loop": ("ends with exit code 1",),
    "unpullable": ("cannot pull",),
    "unschedulable": ("no node takes",),
    "quota": ("exceeded quota",),
}
ROWS = [(kind, result) for kind in ("DeploymentConfig", "Deployment") for result in CAUSES] + [
    (kind, result) for kind in ("StatefulSet", "DaemonSet") for result in ("crash-loop", "unpullable")]


def on_a_terminal(home, *arguments):
    """(exit code, stdout, what the terminal on stderr showed)."""
    master, slave = pty.openpty()
    child = subprocess.Popen([str(binary()), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=slave, cwd=home.home, env={"TERM": "xterm", **home.environment})
    os.close(slave)
    shown = b""
    try:
        while data := os.read(master, 65536):
            shown += data
    except OSError:  # EIO: nobody has the other end any more
        pass
    finally:
        os.close(master)
    out, _ = child.communicate(timeout=60)
    return child.returncode, out.decode(), shown.decode(errors="replace")


class Rollouts(OneCluster):
    def stuck(self, kind, result, on_failure="stop", **more):
        """A running workload whose next rollouts come to this, and which is waited for no longer than need be."""
        old, new = self.running(kind)
        self.box.knob("outcome", digest=new, result=result, **more)
        self.write(environment={"verify": {"rollout": "10s"}, "on-failure": on_failure})
        return {"dev": self.dev, "prod": self.prod, "sluice": self.sluice, "old": old, "new": new}

    def together(self, rows, on_failure="stop"):
        """Promotes in the world of every row at once; gives each row with its world entered and its outcome."""
        worlds = [self.stuck(self.begin(kind), result, on_failure) for kind, result in rows]
        with concurrent.futures.ThreadPoolExecutor(len(worlds)) as pool:
            runs = list(pool.map(lambda world: world["sluice"].run("promote", "--to", "prod", "--yes", "-o", "json"),
                                 worlds))
        for (kind, result), world, outcome in zip(rows, worlds, runs):
            self.enter(world)
            yield kind, result, world, outcome

    def enter(self, world):
        self.dev, self.prod, self.sluice = world["dev"], world["prod"], world["sluice"]

    def failed(self, world, outcome, *words):
        """A failure with its first cause told; the tags stay and the way back is told."""
        self.ends(outcome, 1, "failed")
        line = self.says(outcome, *words, f"sluice undo {outcome.json['promotion']}")
        self.assertIn(outcome.json["failure"], line, outcome)
        self.assertIn(self.rollout(outcome)["end"], ("failed", "timed-out"), outcome)
        self.prod.stands({"web": world["new"]})
        self.assertEqual(self.prod.paused(), [], outcome)
        self.prod.nobody_works()

    def test_the_first_cause_is_told_in_words_and_undo_brings_back_what_ran(self):
        for kind, result, world, outcome in self.together(ROWS):
            with self.subTest(f"{kind}: {result}"):
                self.failed(world, outcome, *CAUSES[result])
                self.assertIsNotNone(self.rollout(outcome)["cause"], outcome)
                if kind == "StatefulSet":
                    self.replace_pod()
                self.ends(self.sluice.run("undo", outcome.json["promotion"], "-o", "json"), 0)
                self.prod.stands({"web": world["old"]})
                self.prod.runs({"web": world["old"]})

    def replace_pod(self):
        """A StatefulSet does not replace a pod that never was ready, whatever its template says by now: somebody has
        to tag the old image and delete it."""
        old = self.prod.history()[1]
        self.prod.retag(old)
        self.box.settle()
        self.assertEqual(self.prod.api.delete(core(self.prod.name, "pods", "web-0")).status, 200)
        self.box.settle()

    def test_on_failure_rollback_puts_the_old_image_back_and_sees_it_run(self):
        rows = [(kind, result) for kind in ("DeploymentConfig", "Deployment", "DaemonSet")
                for result in ("never-ready", "crash-loop", "unpullable")]
        for kind, result, world, outcome in self.together(rows, "rollback"):
            with self.subTest(f"{kind}: {result}"):
                self.ends(outcome, 5, "rolled-back")
                self.prod.stands({"web": world["old"]})
                self.prod.runs({"web": world["old"]})
                self.assertEqual(self.prod.history()[:3], [world["old"], world["new"], world["old"]], outcome)
                self.assertEqual(self.prod.state()["digest"], world["old"], outcome)
                self.assertEqual(self.prod.paused(), [], outcome)
                self.prod.nobody_works()

    def test_a_stateful_set_that_does_not_let_go_of_its_broken_pod_is_told_as_partial(self):
        world = self.stuck("StatefulSet", "crash-loop", "rollback")
        outcome = self.promote(self.sluice, code=4, state="partial")
        self.assertIn("until somebody deletes it", self.finding(outcome, "undo-not-running", "warning")["sentence"])
        self.prod.stands({"web": world["old"]})
        self.assertEqual(self.prod.api.delete(core(self.prod.name, "pods", "web-0")).status, 200)
        self.box.settle()
        self.ends(self.sluice.run("undo", outcome.json["promotion"], "-o", "json"), 0)
        self.prod.stands({"web": world["old"]})
        self.prod.runs({"web": world["old"]})

    def test_a_rollback_where_nothing_was_before_takes_the_tag_away(self):
        new = self.fresh(self.dev)
        self.make(self.manifest("DeploymentConfig"))
        self.box.knob("outcome", digest=new, result="crash-loop")
        self.write(environment={"verify": {"rollout": "10s"}, "on-failure": "rollback"})
        self.promote(self.sluice, code=5, state="rolled-back")
        self.assertIsNone(self.prod.tag())

    def test_the_log_of_a_crash_is_shown_on_the_terminal_and_never_kept(self):
        self.stuck("DeploymentConfig", "crash-loop", log=LOG)
        code, out, shown = on_a_terminal(self.sluice, "promote", "--to", "prod", "--yes", "-o", "json",
                                         "--events", "events")
        self.assertEqual(code, 1, shown)
        self.assertIn(LOG, shown)
        self.assertEqual(json.loads(out)["state"], "failed", out)
        self.assertNotIn(LOG, out)
        self.kept_nowhere(shown)

    def test_in_a_job_the_log_is_shown_in_text_and_never_kept(self):
        self.stuck("DeploymentConfig", "crash-loop", log=LOG)
        outcome = self.sluice.run("promote", "--to", "prod", "--yes", "--events", "events")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn(LOG, outcome.err, outcome)
        self.assertNotIn(LOG, outcome.out, outcome)
        self.kept_nowhere(outcome)

    def kept_nowhere(self, shown):
        """No file of the home (records and events are there) has the line, and no stream."""
        files = [path for path in pathlib.Path(self.sluice.home).rglob("*") if path.is_file()]
        self.assertIn("events", [path.name for path in files], shown)
        for path in files:
            self.assertNotIn(LOG.encode(), path.read_bytes(), f"{path.name}\n{shown}")
        self.assertNotIn(LOG, json.dumps(self.prod.stream()), shown)

    def test_a_superseding_rollout_is_no_failure_of_the_image_and_nothing_is_put_back(self):
        for kind in ("DeploymentConfig", "Deployment"):
            with self.subTest(self.begin(kind)):
                _, new = self.running(kind)
                self.box.knob("outcome", digest=new, result="hang")
                self.write(environment={"verify": {"rollout": "20s"}, "on-failure": "rollback"})
                other = self.fresh(self.prod, tag="hotfix")
                events = os.path.join(self.sluice.home, f"events-{kind}")
                os.mkfifo(events)
                hotfix = threading.Thread(target=self.hotfix, args=(events, new, other), daemon=True)
                hotfix.start()
                outcome = self.promote(self.sluice, "--events", events, code=1, state="failed")
                hotfix.join(60)
                self.assertFalse(hotfix.is_alive(), outcome)
                self.assertEqual(self.rollout(outcome)["end"], "superseded", outcome)
                self.prod.stands({"web": other})
                self.box.settle()
                self.prod.runs({"web": other})

    def hotfix(self, events, new, other):
        """Once the promoted tag has been read back, and a pod is to run its image, somebody tags another one."""
        with open(events, encoding="utf-8") as lines:
            next(line for line in lines if json.loads(line).get("detail") == "rolling-out")
            with self.box.api().stream(f"{core(self.prod.name, 'pods')}?watch=true") as watch:
                watch.until(lambda frame: any(one["image"].endswith(new)
                                              for one in frame["object"]["spec"]["containers"]))
            self.prod.retag(other)
            # A pipe that nobody reads would stop the promotion.
            lines.read()


class Rollouts4(Rollouts):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
