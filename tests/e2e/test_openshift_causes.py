"""The cause that is told of a rollout is the true one, whatever events of earlier rollouts lie about; what no waiting
heals is given up after the grace, long before the cluster's own time is up; and what a container wrote last is shown."""

import json
import os
import pathlib
import threading
import unittest

from sluicekit.one_cluster import OneCluster
from sluicekit.sandbox_case import core
from sluicekit.sluice import binary

binary()

LOG = "panic: the answer was 41"
QUOTA = {"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "few"}}


class Causes(OneCluster):
    def events(self, reason):
        return [one for one in self.prod.get(core(self.prod.name, "events"))["items"] if one["reason"] == reason]

    def quota(self, pods):
        reply = self.prod.api.post(core(self.prod.name, "resourcequotas"), {**QUOTA, "spec": {"hard": {"pods": pods}}})
        self.assertEqual(reply.status, 201, str(reply))

    def no_quota(self):
        self.assertEqual(self.prod.api.delete(core(self.prod.name, "resourcequotas", "few")).status, 200)

    def fails(self, verify=None, on_failure="stop", code=1, state="failed", flags=()):
        self.write(environment={"verify": verify or {"rollout": "10s"}, "on-failure": on_failure})
        return self.ends(self.sluice.run("promote", "--to", "prod", "--yes", "-o", "json", *flags), code, state)

    def test_a_deployer_that_was_there_already_is_no_cause(self):
        for result in ("fail", "crash-loop"):
            with self.subTest(self.begin(result)):
                _, new = self.running()
                self.assertIn("already exists", self.events("FailedCreate")[0]["message"])
                self.box.knob("outcome", digest=new, result=result)
                outcome = self.fails()
                # A deployer that fails at once takes the pods away, sometimes before any of them was seen to crash.
                self.assertRegex(outcome.json["failure"], "ends with exit code 1|the deployer pod web-2-deploy gave up")
                if result == "crash-loop":
                    self.assertIn("ends with exit code 1", outcome.json["failure"], outcome)
                self.assertNotIn("already exists", outcome.out + outcome.err, outcome)

    def test_a_quota_that_refused_an_earlier_rollout_is_no_cause(self):
        for kind in ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"):
            with self.subTest(self.begin(kind)):
                self.running(kind)
                self.quota("1" if kind in ("DeploymentConfig", "Deployment") else "0")
                self.prod.retag(self.fresh(self.prod, tag="other"))
                self.soon(lambda: self.assertTrue([one for one in self.events("FailedCreate")
                                                   if "exceeded quota" in one["message"]]))
                self.no_quota()
                self.box.knob("clock", **{"advance-seconds": 20})
                self.box.settle()
                self.box.knob("outcome", digest=self.fresh(self.dev), result="crash-loop")
                outcome = self.fails()
                self.assertIn("ends with exit code 1", outcome.json["failure"], outcome)
                self.assertNotIn("quota", outcome.out + outcome.err, outcome)

    def soon(self, check):
        """Asks again until it holds; the last time says why it does not."""
        for _ in range(200):
            try:
                return check()
            except AssertionError:
                self.box.state()
                threading.Event().wait(0.05)
        return check()

    def test_an_image_that_cannot_be_pulled_is_given_up_while_the_deployer_still_works(self):
        for kind in ("DeploymentConfig", "Deployment", "DaemonSet"):
            with self.subTest(self.begin(kind)):
                old, new = self.running(kind)
                self.box.knob("outcome", digest=new, result="unpullable")
                outcome = self.fails({"rollout": "5m", "grace": "1s"}, "rollback", 5, "rolled-back")
                self.assertIn("given up after 1 s, as waiting does not heal it", outcome.json["failure"], outcome)
                self.prod.stands({"web": old})
                self.prod.runs({"web": old})
                if kind == "DeploymentConfig":
                    # The rollout was replaced by the way back: it had not failed by itself.
                    second = self.prod.get(core(self.prod.name, "replicationcontrollers", "web-2"))
                    self.assertEqual(second["metadata"]["annotations"]["openshift.io/deployment.status-reason"],
                                     "newer deployment was found running")

    def test_a_time_that_may_heal_is_not_cut_short_by_the_grace(self):
        for result in ("crash-loop", "never-ready", "unschedulable"):
            with self.subTest(self.begin(result)):
                _, new = self.running()
                self.box.knob("outcome", digest=new, result=result)
                outcome = self.fails({"rollout": "10s", "grace": "0s"})
                self.assertIn("the time was up", outcome.json["failure"], outcome)

    def test_without_grace_it_is_waited_as_long_as_rollout_says(self):
        _, new = self.running()
        self.box.knob("outcome", digest=new, result="unpullable")
        outcome = self.fails({"rollout": "10s", "grace": "none"})
        self.assertIn("the time was up", outcome.json["failure"], outcome)

    def test_a_quota_that_stands_is_given_up_and_one_that_is_gone_is_not(self):
        self.running("StatefulSet")
        self.quota("0")
        outcome = self.fails({"rollout": "5m", "grace": "1s"})
        self.assertIn("exceeded quota: few", outcome.json["failure"], outcome)
        self.assertIn("given up after 1 s", outcome.json["failure"], outcome)

        self.begin()
        _, new = self.running()
        self.quota("2")
        self.write(environment={"verify": {"rollout": "2m", "grace": "3s"}})
        events = os.path.join(self.sluice.home, "events")
        os.mkfifo(events)
        helper = threading.Thread(target=self.lift, args=(events,), daemon=True)
        helper.start()
        outcome = self.promote(self.sluice, "--events", events)
        helper.join(60)
        self.prod.runs({"web": new})

    def lift(self, events):
        """Takes the quota away as soon as it is told as a cause."""
        with open(events, encoding="utf-8") as lines:
            next(line for line in lines if "exceeded quota" in line)
            self.no_quota()
            lines.read()

    def test_an_init_container_that_crashes_is_named(self):
        for kind in ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"):
            with self.subTest(self.begin(kind)):
                self.fresh(self.prod)
                made = self.manifest(kind)
                made["spec"]["template"]["spec"]["initContainers"] = [
                    {"name": "first", "image": "quay.example.com/first@sha256:" + "1" * 64}]
                self.make(made)
                self.box.knob("outcome", digest=self.fresh(self.dev), result="init-crash")
                outcome = self.fails()
                self.assertIn("the init container first of the pod web-", outcome.json["failure"], outcome)
                self.assertIn("ends with exit code 1", outcome.json["failure"], outcome)

    def test_an_autoscaler_in_the_middle_of_a_rollout_is_no_failure(self):
        for kind in ("DeploymentConfig", "Deployment", "StatefulSet"):
            for replicas in (1, 4):
                with self.subTest(self.begin(f"{kind} to {replicas}")):
                    _, new = self.running(kind, replicas=3)
                    self.box.knob("autoscale", kind=kind, namespace=self.prod.name, name="web", replicas=replicas)
                    self.write(environment={"verify": {"rollout": "30s", "watch": "1s"}})
                    self.promote(self.sluice)
                    self.box.settle()
                    self.prod.runs({"web": new}, replicas=replicas)
                    self.assertEqual(self.workload(kind)["spec"]["replicas"], replicas)

    def test_the_last_lines_are_shown_in_a_job_or_the_command_that_shows_them(self):
        for flags, shown in ({("--logs",): True, (): True, ("--logs", "-o", "json"): True, ("--no-logs",): False,
                              ("-o", "json"): False}).items():
            with self.subTest(self.begin(" ".join(flags))):
                _, new = self.running()
                self.box.knob("outcome", digest=new, result="crash-loop", log=LOG)
                self.write(environment={"verify": {"rollout": "10s"}})
                outcome = self.sluice.run("promote", "--to", "prod", "--yes", "--events", "events", *flags)
                self.assertEqual(outcome.code, 1, outcome)
                self.assertEqual(LOG in outcome.err, shown, outcome)
                self.assertNotIn(LOG, outcome.out, outcome)
                if not shown:
                    self.assertRegex(outcome.err, rf"oc logs web-2-\w+ -n {self.prod.name} -c web")
                for path in pathlib.Path(self.sluice.home).rglob("*"):
                    if path.is_file():
                        self.assertNotIn(LOG.encode(), path.read_bytes(), path.name)
                self.assertNotIn(LOG, json.dumps(self.prod.stream()))


if __name__ == "__main__":
    unittest.main()
