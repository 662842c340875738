"""Rollouts that come to a bad end or to none: the first cause in words, what stays, what is put back."""

import pathlib
import sqlite3
import threading
import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox_case import core
from sluicekit.sluice import binary

binary()

LOG = "panic: the answer was 41"
# What becomes of the new pods: words of the sentence.
CAUSES = {
    "never-ready": ("ready",),
    "crash-loop": ("web", "crash"),
    "unpullable": ("pull",),
    "unschedulable": ("schedul",),
    "quota": ("quota",),
}
FOLLOWED = ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet")


class Rollouts(OneCluster):
    def stuck(self, kind, result, **more):
        """A running workload whose next rollouts come to this; a rollout is waited for so long: (old, new)."""
        old, new = self.running(kind)
        self.box.knob("outcome", digest=new, result=result, **more)
        self.write(environment={"verify": {"rollout": "10s"}})
        return old, new

    def failed(self, new, *words):
        """A promotion that fails, with its first cause told; the tags stay and the way back is told."""
        outcome = self.promote(self.sluice, code=1, state="failed")
        line = self.says(outcome)
        for word in words:
            self.assertIn(word, line.lower(), outcome)
        self.assertIn(f"sluice undo {outcome.json['promotion']}", line, outcome)
        self.assertNotIn(self.rollout(outcome)["end"], ("succeeded", "already_running"), outcome)
        self.prod.stands({"web": new})
        self.assertEqual(self.prod.paused(), [], outcome)
        self.prod.nobody_works()
        return outcome

    def test_the_first_cause_is_told_in_words(self):
        for kind in ("DeploymentConfig", "Deployment"):
            for result, words in CAUSES.items():
                with self.subTest(self.begin(f"{kind}: {result}")):
                    _, new = self.stuck(kind, result)
                    outcome = self.failed(new, *words)
                    self.assertIsNotNone(self.rollout(outcome)["cause"], outcome)

    def test_the_first_cause_of_sets_is_told_too(self):
        for kind in ("StatefulSet", "DaemonSet"):
            for result in ("crash-loop", "unpullable"):
                with self.subTest(self.begin(f"{kind}: {result}")):
                    _, new = self.stuck(kind, result)
                    self.failed(new, *CAUSES[result])

    def test_undo_after_a_failure_brings_back_what_ran(self):
        for kind in ("DeploymentConfig", "Deployment"):
            with self.subTest(self.begin(kind)):
                old, new = self.stuck(kind, "crash-loop")
                outcome = self.failed(new)
                self.ends(self.sluice.run("undo", outcome.json["promotion"], "--yes", "-o", "json"), 0)
                self.prod.stands({"web": old})
                self.box.settle()
                self.prod.runs({"web": old})

    def test_the_log_of_a_crash_is_shown_and_never_kept(self):
        for flags, shown in (((), True), (("-o", "json"), False)):
            with self.subTest(self.begin(f"flags {flags}")):
                self.stuck("DeploymentConfig", "crash-loop", log=LOG)
                events = self.sluice.home / "events"
                outcome = self.sluice.run("promote", "--to", "prod", "--yes", "--events", events, *flags)
                self.assertEqual(outcome.code, 1, outcome)
                self.assertNotIn(LOG, outcome.out, outcome)
                if shown:
                    self.assertIn(LOG, outcome.err, outcome)
                self.assertNotIn(LOG, events.read_text(), outcome)
                self.kept_nowhere(LOG, outcome)

    def kept_nowhere(self, text, outcome):
        """No file of the home and no column of the records has this text; nor do the streams."""
        for path in pathlib.Path(self.sluice.home).rglob("*"):
            if path.is_file():
                self.assertNotIn(text.encode(), path.read_bytes(), f"{path.name}\n{outcome}")
        for path in pathlib.Path(self.sluice.home).rglob("*.db"):
            with sqlite3.connect(path) as records:
                self.assertNotIn(text, "\n".join(records.iterdump()), outcome)
        self.assertNotIn(text, str(self.prod.stream()), outcome)

    def test_on_failure_rollback_puts_the_old_image_back_and_sees_it_run(self):
        for kind in FOLLOWED:
            for result in ("never-ready", "crash-loop"):
                with self.subTest(self.begin(f"{kind}: {result}")):
                    old, new = self.stuck(kind, result)
                    self.write(environment={"verify": {"rollout": "10s"}, "on-failure": "rollback"})
                    outcome = self.promote(self.sluice, code=5, state="rolled-back")
                    self.prod.stands({"web": old})
                    self.prod.runs({"web": old})
                    self.assertEqual(self.prod.history()[:3], [old, new, old], outcome)
                    self.prod.nobody_works()
                    self.assertEqual(self.prod.state()["digest"], old, outcome)
                    self.assertEqual(self.prod.paused(), [], outcome)

    def test_a_rollback_where_nothing_was_before_takes_the_tag_away(self):
        new = self.fresh(self.dev)
        self.make(self.manifest("DeploymentConfig"))
        self.box.knob("outcome", digest=new, result="crash-loop")
        self.write(environment={"verify": {"rollout": "10s"}, "on-failure": "rollback"})
        self.promote(self.sluice, code=5, state="rolled-back")
        self.assertIsNone(self.prod.tag())

    def test_a_superseding_rollout_is_no_failure_of_the_image_and_nothing_is_put_back(self):
        for kind in ("DeploymentConfig", "Deployment"):
            with self.subTest(self.begin(kind)):
                _, new = self.running(kind)
                self.box.knob("outcome", digest=new, result="hang")
                self.write(environment={"verify": {"rollout": "60s"}, "on-failure": "rollback"})
                other = self.fresh(self.prod, tag="hotfix")
                hotfix = threading.Thread(target=self.hotfix, args=(kind, new, other))
                hotfix.start()
                try:
                    outcome = self.promote(self.sluice, code=1, state="failed")
                finally:
                    hotfix.join()
                self.assertEqual(self.rollout(outcome)["end"], "superseded", outcome)
                self.prod.stands({"web": other})
                self.box.settle()
                self.prod.runs({"web": other})

    def hotfix(self, kind, new, other):
        """As soon as a pod is to run the promoted image, somebody tags another one."""
        api = self.box.api()
        with api.stream(f"{core(self.prod.name, 'pods')}?watch=true") as watch:
            watch.until(lambda frame: any(one["image"].endswith(new)
                                          for one in frame["object"]["spec"]["containers"]))
        self.prod.retag(other)


class Rollouts4(Rollouts):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
