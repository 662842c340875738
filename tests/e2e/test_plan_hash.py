"""The plan hash: everything that decides what happens and how it is judged changes it, and nothing else does; who asks,
from which machine and by which address does not."""

import json
import os
import select
import subprocess
import unittest

from sluicekit.connect_proxy import ConnectProxy
from sluicekit.one_cluster import OneCluster
from sluicekit.roles import service_account
from sluicekit.sandbox_case import top_image
from sluicekit.sluice import binary

binary()

VERIFY = {"rollout": "10m", "watch": "10m", "http": "https://shop.example.com/healthz"}
AGREED = {"verify": VERIFY, "on-failure": "rollback"}


class PlanHash(OneCluster):
    def setUp(self):
        super().setUp()
        self.old, self.new = self.running()
        self.write(environment=AGREED)

    def agreed(self, home=None):
        """The document of a plan."""
        outcome = (home or self.sluice).run("plan", "--to", "prod", "-o", "json")
        self.assertEqual(outcome.code, 0, outcome)
        return outcome.json

    def entry(self, **more):
        self.write_clusters(self.sluice, {"box": self.box}, box=more)

    def void(self, plan, home=None):
        """What was agreed on does not hold any more: promote refuses and writes nothing. Gives the plan of now."""
        now = self.agreed(home)
        self.assertNotEqual(now["plan"], plan["plan"], json.dumps(now, indent=1))
        check = self.untouched()
        outcome = (home or self.sluice).run("promote", "--to", "prod", "--plan", plan["plan"])
        self.assertEqual(outcome.code, 3, outcome)
        self.says(outcome, "the plan changed")
        check(outcome)
        self.prod.stands({"web": self.old})
        return now

    # What changes it.

    def test_how_it_is_verified_and_what_a_failure_leads_to(self):
        plan = self.agreed()
        self.assertEqual((plan["verify"], plan["on_failure"]), (
            {"rollout_seconds": 600, "grace_seconds": 30, "watch_seconds": 600, "http": VERIFY["http"]}, "rollback"))
        for name, environment in {
                "nothing is verified": {**AGREED, "verify": {"rollout": "none"}},
                "no rollout is followed": {**AGREED, "verify": {**VERIFY, "rollout": "none"}},
                "a rollout has more time": {**AGREED, "verify": {**VERIFY, "rollout": "20m"}},
                "what cannot heal has more time": {**AGREED, "verify": {**VERIFY, "grace": "2m"}},
                "nothing is watched": {**AGREED, "verify": {"rollout": "10m", "http": VERIFY["http"]}},
                "another URL": {**AGREED, "verify": {**VERIFY, "http": "https://example.com/"}},
                "no URL": {**AGREED, "verify": {"rollout": "10m", "watch": "10m"}},
                "on-failure is gone": {"verify": VERIFY}}.items():
            with self.subTest(name):
                self.write(environment=environment)
                self.void(plan)
        self.write(environment=AGREED)
        self.assertEqual(self.agreed()["plan"], plan["plan"], "all as it was")

    def test_what_the_clusters_file_says_of_the_place(self):
        plan = self.agreed()
        target = plan["targets"][0]
        self.assertEqual((target["registry"], target["insecure"], target["proxy"]), (None, False, None))
        proxy = ConnectProxy(int(self.box.ready["api"].rpartition(":")[2]))
        self.addCleanup(proxy.close)
        for member, value, shown, line in (
                ("registry", self.box.registry_host, self.box.registry_host, f"registry {self.box.registry_host}"),
                ("insecure", True, True, "insecure: its certificate is not checked"),
                ("proxy", proxy.url, proxy.url.partition("://")[2], f"through proxy {proxy.url.partition('://')[2]}"),
                ("proxy", "none", "none", "through no proxy")):
            with self.subTest(f"{member}: {value}"):
                self.entry(**{member: value})
                now = self.void(plan)
                self.assertEqual(now["targets"][0][member], shown)
                self.assertEqual([one[member] for one in now["sources"]], [shown] * 2, "dev and prod, in one cluster")
                text = self.sluice.run("plan", "--to", "prod").out
                self.assertIn(f"\n    {line}\n", text)
                self.assertIn(f"\n  from box/{self.dev.name}: {line}\n", text)
        self.entry()
        self.assertEqual(self.agreed()["plan"], plan["plan"], "all as it was")

    def test_what_pods_will_be_like(self):
        plan = self.agreed()
        workload = plan["targets"][0]["workloads"][0]
        self.assertRegex(workload["template"], "^sha256:[0-9a-f]{64}$")
        pods = self.workload("DeploymentConfig")["spec"]["template"]["spec"]
        container = pods["containers"][0]
        for name, changed in {
                "another command": {"containers": [{**container, "command": ["sh", "-c", "true"]}]},
                "a variable": {"containers": [{**container, "env": [{"name": "DEBUG", "value": "1"}]}]},
                "privileged": {"containers": [{**container, "securityContext": {"privileged": True}}]},
                "a service account": {"serviceAccountName": "builder"},
                "a container more": {"containers": [container, {"name": "spy", "image": "example.com/spy:1"}]}}.items():
            with self.subTest(name):
                self.change("DeploymentConfig", {"spec": {"template": {"spec": changed}}})
                now = self.void(plan)
                self.assertNotEqual(now["targets"][0]["workloads"][0]["template"], workload["template"])
                self.change("DeploymentConfig", {"spec": {"template": {"spec": {
                    "serviceAccountName": None, "serviceAccount": None, "containers": [container]}}}})
                self.assertEqual(self.agreed()["plan"], plan["plan"], "all as it was")
        with self.subTest("a hook"):
            self.change("DeploymentConfig", {"spec": {"strategy": {"type": "Recreate", "recreateParams": {"pre": {
                "failurePolicy": "Ignore", "execNewPod": {"containerName": "web", "command": ["true"]}}}}}})
            self.void(plan)

    # What does not.

    def test_replicas_and_rollouts_change_nothing(self):
        plan = self.agreed()
        self.change("DeploymentConfig", {"spec": {"replicas": 2}})
        self.assertEqual(self.agreed()["plan"], plan["plan"])
        reply = self.prod.api.post(
            f"/apis/apps.openshift.io/v1/namespaces/{self.prod.name}/deploymentconfigs/web/instantiate",
            {"kind": "DeploymentRequest", "apiVersion": "apps.openshift.io/v1", "name": "web", "latest": True,
             "force": True})
        self.assertEqual(reply.status, 201, str(reply))
        self.box.settle()
        self.assertEqual(self.agreed()["plan"], plan["plan"])

    def kubeconfig(self, server, user="ann"):
        """A home that knows the cluster by a context of its kubeconfig, under this address."""
        home = self.home()
        token = self.box.token(user)
        self.secrets.add(token)
        home.environment["KUBECONFIG"] = f"{home.home}/kubeconfig"
        home.write("kubeconfig", json.dumps({
            "kind": "Config", "apiVersion": "v1", "current-context": "box",
            "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": str(self.box.ca)}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "box", "context": {"cluster": "c", "user": "u"}}]}))
        home.write("sluice.yaml", (self.sluice.home / "sluice.yaml").read_text())
        return home

    def test_the_address_of_the_cluster_is_no_part_of_it(self):
        port = self.box.ready["api"].rpartition(":")[2]
        test = self.project(self.box, f"{self.prefix}-{self.made}-test")
        between = {"app": "shop", "images": ["web"], "environments": [
            {"name": "dev", "cluster": "box", "project": self.dev.name},
            {"name": "test", "cluster": "box", "project": test.name},
            {"name": "prod", "cluster": "box", "project": self.prod.name, **AGREED}]}
        rows = ["from dev to prod", "with an environment between"]
        if self.profile == "3.11":
            rows.append("whose image is in prod already")
        for row in rows:
            with self.subTest(row):
                if row != rows[0]:
                    self.sluice.write("sluice.yaml", json.dumps(between))
                    self.ends(self.sluice.run("promote", "--to", "test", "--yes"), 0)
                if row == rows[-1] and len(rows) == 3:
                    reply = self.prod.api.put(
                        f"/apis/image.openshift.io/v1/namespaces/{self.prod.name}/imagestreamtags/web:pinned",
                        {"kind": "ImageStreamTag", "apiVersion": "image.openshift.io/v1",
                         "metadata": {"name": "web:pinned"}, "tag": {"name": "pinned", "from": {
                             "kind": "ImageStreamImage", "namespace": self.dev.name, "name": f"web@{self.new}"}}})
                    self.assertIn(reply.status, (200, 201), str(reply))
                plan = self.agreed()
                self.assertEqual(plan["targets"][0]["cluster"], {
                    "name": "box", "api": f"127.0.0.1:{port}", "user": "ann"})
                for server in (f"https://127.0.0.1:{port}", f"https://localhost:{port}"):
                    other = self.agreed(self.kubeconfig(server))
                    self.assertEqual(other["targets"][0]["cluster"]["api"], server.partition("://")[2])
                    self.assertEqual(other["plan"], plan["plan"], json.dumps([plan, other], indent=1))
        self.assertEqual(top_image(self.prod.stream(), "latest"), self.old, "nothing was promoted to prod")

    def test_the_rights_of_who_asks_are_no_part_of_it(self):
        who = service_account(self, self.box, self.prod.name, ("watch", "promote"), source=self.dev.name)
        account = self.home({"box": (self.box, who)})
        account.write("sluice.yaml", (self.sluice.home / "sluice.yaml").read_text())
        for kind in (None, "StatefulSet", "DaemonSet", "Deployment"):
            with self.subTest(kind or "DeploymentConfig"):
                if kind:
                    self.make(self.manifest(kind, kind.lower()))
                by_admin, by_account = self.agreed(), self.agreed(account)
                self.assertEqual((by_admin["targets"][0]["cluster"]["user"],
                                  by_account["targets"][0]["cluster"]["user"]), ("ann", who))
                self.assertEqual(by_account["plan"], by_admin["plan"],
                                 json.dumps([by_admin, by_account], indent=1))
        # What the one agreed on, the other does.
        self.write(environment={})
        account.write("sluice.yaml", (self.sluice.home / "sluice.yaml").read_text())
        plan = self.agreed()["plan"]
        self.ends(account.run("promote", "--to", "prod", "--plan", plan), 0)
        self.prod.stands({"web": self.new})

    # The page.

    def test_the_page_says_how_it_is_verified_where_and_as_whom(self):
        api = self.box.ready["api"].partition("://")[2]
        outcome = self.sluice.run("plan", "--to", "prod")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertIn(f"\n  box/{self.prod.name}  in {api} as ann\n", outcome.out)
        self.assertIn("\n  verified by: rollout within 10m, watched for 10m, GET https://shop.example.com/healthz\n"
                      "  on failure: put back what was there\n", outcome.out)
        self.write()
        before = self.agreed()["targets"][0]["workloads"]
        outcome = self.sluice.run("promote", "--to", "prod", "--yes")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertRegex(outcome.out.splitlines()[0], rf"^shop 1 -> prod: succeeded  \(\w+\)  in {api} as ann$")
        self.assertIn("\n  verified by: rollout within 10m\n  on failure: stop\n", outcome.err)
        self.assertEqual(self.agreed()["targets"][0]["workloads"][0]["template"], before[0]["template"],
                         "the image that was promoted is no part of it")

    def test_the_question_says_where_and_as_whom(self):
        check = self.untouched()
        leader, follower = os.openpty()
        with os.fdopen(leader, "rb+", buffering=0) as terminal:
            child = subprocess.Popen([str(binary()), "promote", "--to", "prod"], cwd=self.sluice.home,
                                     env=self.sluice.environment, stdin=follower, stdout=subprocess.PIPE,
                                     stderr=follower)
            os.close(follower)
            self.addCleanup(child.kill)
            seen = b""
            while b"? " not in seen.rpartition(b"Go ahead")[2]:
                self.assertTrue(select.select([terminal], [], [], 60)[0], seen)
                seen += terminal.read(4096)
            terminal.write(b"n\n")
            child.communicate(timeout=60)
        api = self.box.ready["api"].partition("://")[2]
        self.assertIn(f"Go ahead in {api} as ann?", seen.decode())
        self.assertEqual(child.returncode, 3)
        check(seen)


class PlanHash4(PlanHash):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
