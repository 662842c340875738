"""--explain-auth and --explain-road: which credentials and which road won, why the others did not, with real
registries."""

import base64
import json
import re
import unittest

import sluicekit as kit
from sluicekit.report_case import ReportCase
from sluicekit.sandbox import Sandbox

kit.need("docker-registry")


class Logins(ReportCase):
    """--explain-auth, where two registries ask for a login: one by token, one by Basic."""

    shared_registries = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tokens = cls.enterClassContext(kit.TokenServer())
        cls.a = cls.enterClassContext(kit.Registry(auth=cls.tokens))
        cls.b = cls.enterClassContext(kit.Registry(auth="basic"))
        cls.pair = base64.b64encode(f"{kit.USER}:{kit.PASSWORD}".encode()).decode()

    def setUp(self):
        super().setUp()
        self.image = kit.random_image((500,), seed=self.project)
        self.a.client().push(self.project, "v1", self.image)
        self.source, self.target = (f"{host}/{self.project}:v1" for host in (self.a.host, self.b.host))
        self.addCleanup(lambda: self.secrets.update(self.tokens.issued))
        self.addCleanup(self._scan_for_secrets)

    def auths(self, path, **entries):
        self.sluice.write(path, json.dumps({"auths": {key: ({"auth": self.pair} if filled else {})
                                                      for key, filled in entries.items()}}))

    def explained(self, outcome, name, host):
        said = self.valid(name, outcome.json)["explanations"]["auth"]
        return next(one for one in said if one["registry"] == host)

    def test_the_winner_and_who_did_not_win_are_told_in_order(self):
        self.auths(".run/containers/auth.json", **{"elsewhere.example.com": True})
        self.auths(".docker/config.json", **{f"{self.b.host}/{self.project}": False, self.b.host: True,
                                             self.a.host: True})
        outcome = self.ok(self.sluice.run("copy", self.source, self.target, "--explain-auth", "-o", "json"))
        self.holds(self.b, self.project, "v1", self.image)
        at_a, at_b = (self.explained(outcome, "copy", host) for host in (self.a.host, self.b.host))
        self.assertEqual((at_a["scheme"], at_b["scheme"]), ("bearer", "basic"))
        self.assertTrue(at_a["realm"].endswith("/token"), at_a)
        self.assertIsNotNone(at_a["service"])
        self.assertIsNone(at_b["realm"])
        login = at_b["logins"][0]
        self.assertEqual((login["repository"], login["user"], login["kind"]), (self.project, kit.USER, "password"))
        steps = [(step["where"], step["key"], step["won"]) for step in login["looked_at"]]
        self.assertEqual(steps, [
            ("~/.run/containers/auth.json", None, False), ("~/.config/containers/auth.json", None, False),
            ("~/.docker/config.json", f"{self.b.host}/{self.project}", False),
            ("~/.docker/config.json", self.b.host, True)])
        whys = [step["why"] for step in login["looked_at"]]
        self.assertIn("no entry for", whys[0])
        self.assertEqual(whys[1:], ["no such file", "the entry is empty", None])
        for word in (f"login at {self.a.host}: it asked for a login by bearer, tokens from {at_a['realm']}",
                     f"login at {self.b.host}: it asked for a login by basic",
                     f'~/.docker/config.json, "{self.b.host}": won'):
            self.assertIn(word, outcome.err)

    def test_a_flag_wins_over_files(self):
        self.auths(".docker/config.json", **{self.a.host: True, self.b.host: True})
        outcome = self.ok(self.sluice.run("copy", self.source, self.target, "--explain-auth", "-o", "json",
                                          "--dest-creds", f"{kit.USER}:{kit.PASSWORD}"))
        login = self.explained(outcome, "copy", self.b.host)["logins"][0]
        self.assertEqual((login["source"], [(step["where"], step["won"]) for step in login["looked_at"]]),
                         ("--dest-creds", [("--dest-creds", True)]))

    def test_the_clusters_file_wins_over_files_and_an_entry_without_a_login_does_not(self):
        self.auths(".docker/config.json", **{self.a.host: True, self.b.host: True})
        self.sluice.write("password", kit.PASSWORD)
        self.sluice.write("clusters.yaml", json.dumps({"clusters": {
            "a": {"registry": self.a.host},
            "b": {"registry": self.b.host, "username": kit.USER, "password": "file:password"}}}))
        outcome = self.ok(self.sluice.run("copy", self.source, self.target, "--explain-auth", "-o", "json",
                                          "--clusters", "clusters.yaml"))
        at_a, at_b = (self.explained(outcome, "copy", host)["logins"][0]["looked_at"]
                      for host in (self.a.host, self.b.host))
        self.assertIn("(a)", at_a[0]["where"])
        self.assertEqual(at_a[0]["why"], "the entry has no user name and password")
        self.assertTrue(at_a[-1]["won"])
        self.assertIn("(b)", at_b[0]["where"])
        self.assertEqual([step["won"] for step in at_b], [True])

    def test_a_helper_is_named(self):
        self.sluice.write("bin/docker-credential-kit", f"""#!/bin/sh
read server
printf '{{"ServerURL": "%s", "Username": "{kit.USER}", "Secret": "{kit.PASSWORD}"}}' "$server"
""").chmod(0o755)
        self.sluice.write(".docker/config.json", json.dumps({"credHelpers": {self.a.host: "kit"}}))
        path = f"{self.sluice.home}/bin:{self.sluice.environment['PATH']}"
        outcome = self.ok(self.sluice.run("tags", self.source.rpartition(":")[0], "--explain-auth", "-o", "json",
                                          environment={"PATH": path}))
        steps = self.explained(outcome, "tags", self.a.host)["logins"][0]["looked_at"]
        self.assertEqual((steps[-1]["helper"], steps[-1]["won"]), ("docker-credential-kit", True))

    def test_a_refused_login_is_explained_too(self):
        self.auths(".docker/config.json", **{"elsewhere.example.com": True})
        outcome = self.sluice.run("digest", self.target, "--explain-auth", "-o", "json")
        self.fails(outcome, 6, "sluice login")
        login = self.explained(outcome, "error", self.b.host)["logins"][0]
        self.assertEqual((login["kind"], login["source"], login["user"]), ("anonymous", None, None))
        self.assertIn("no entry for", login["looked_at"][-1]["why"])
        self.assertIn("nobody: without credentials", outcome.err)

    def test_every_command_that_asks_a_registry_explains(self):
        self.auths(".docker/config.json", **{self.a.host: True, self.b.host: True})
        self.a.client().push(f"{self.project}/dev/web", "latest", self.image)
        self.sluice.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [(self.a.host, f"{self.project}/dev")]),
                                                      ("prod", [(self.b.host, f"{self.project}/prod")])))
        rows = {"inspect": (self.source,), "digest": (self.source,), "tags": (self.source.rpartition(":")[0],),
                "copy": (self.source, self.target), "plan": ("--to", "prod"), "promote": ("--to", "prod", "--yes")}
        for command, words in rows.items():
            with self.subTest(command):
                outcome = self.ok(self.sluice.run(command, *words, "--explain-auth", "-o", "json"))
                self.assertEqual(self.explained(outcome, command, self.a.host)["scheme"], "bearer")
                self.assertIn(f"login at {self.a.host}: ", outcome.err)
                quiet = self.ok(self.sluice.run(command, *words, "-o", "json"))
                self.assertIsNone(quiet.json["explanations"])
                self.assertNotIn("login at", quiet.err)


class OpenRegistry(ReportCase):
    def test_a_registry_that_asks_for_nothing_is_told_as_that(self):
        source = self.push(self.a, "x", kit.random_image((100,), seed=self.project))
        outcome = self.ok(self.sluice.run("digest", source, "--explain-auth"))
        self.assertIn(f"login at {self.a.host}: it asked for no login\n  no credentials were looked for\n", outcome.err)


class Cluster(ReportCase):
    shared_registries = ()

    def setUp(self):
        super().setUp()
        self.box = self.enterContext(Sandbox("--demo"))
        self.ok(self.sluice.run("init", "-f", "sluice.yaml", environment={"KUBECONFIG": self.box.kubeconfig}))
        names = re.findall(r"name: ([a-z0-9-]+)", (self.sluice.home / "sluice.yaml").read_text())
        self.environment = names[1]

    def explained(self, *flags):
        outcome = self.sluice.run("plan", "--to", self.environment, *flags, "--explain-auth", "--explain-road", "-o",
                                  "json", environment={"KUBECONFIG": self.box.kubeconfig})
        self.assertIn(outcome.code, (0, 3), outcome)
        said = self.valid("plan", outcome.json)["explanations"]
        self.assertGreater(len(said["roads"]), 0, outcome)
        for road in said["roads"]:
            considered = [one["road"] for one in road["considered"]]
            self.assertEqual(considered, ["present", "tag", "mount", "stream", "import"])
            self.assertEqual([one["road"] for one in road["considered"] if one["taken"]], [road["road"]])
        return said

    def why(self, said, road):
        return {one["why"] for image in said["roads"] for one in image["considered"] if one["road"] == road}

    def test_roads_of_one_cluster_are_told_and_no_registry_is_opened_for_them(self):
        said = self.explained()
        self.assertLessEqual({road["road"] for road in said["roads"]}, {"tag", "present"}, said)
        self.assertEqual(self.why(said, "import"), {"taken only when it is asked for"})

    def test_a_token_that_goes_out_unasked_is_told(self):
        said = self.explained("--via", "stream")
        self.assertEqual(self.why(said, "mount"), {"the road stream was asked for"})
        self.assertEqual(self.why(said, "tag"), {"another road was asked for"})
        self.assertEqual([login["preemptive"] for login in said["auth"]], [True], said["auth"])
        for login in said["auth"][0]["logins"]:
            self.assertEqual((login["kind"], login["user"]), ("registry-token", None))
            self.assertTrue(login["looked_at"][0]["where"].startswith("the API token of "), login)
            self.assertEqual([step["won"] for step in login["looked_at"]], [True])


class Roads(ReportCase):
    def road(self, outcome, name="copy"):
        said = self.valid(name, outcome.json)["explanations"]["roads"]
        self.assertEqual(len(said), 1, outcome)
        self.assertEqual([one["road"] for one in said[0]["considered"] if one["taken"]], [said[0]["road"]])
        return said[0]["road"], {one["road"]: one["why"] for one in said[0]["considered"]}

    def test_each_road_of_a_copy_says_why_and_why_not(self):
        image = kit.random_image((900,), seed=self.project)
        source, target = self.push(self.a, "x", image), f"{self.b.host}/{self.project}/x:v1"
        copy = ("copy", source, target, "--explain-road", "-o", "json")
        outcome = self.ok(self.sluice.run(*copy))
        self.assertIn(f"road of {self.project}/x to {target}: stream\n", outcome.err)
        road, why = self.road(outcome)
        self.assertEqual(road, "stream")
        self.assertEqual(why["present"], "there is no tag v1 at the target yet")
        self.assertEqual(why["mount"], f"the source is another registry, {self.a.host}")
        road, why = self.road(self.ok(self.sluice.run(*copy)))
        self.assertEqual((road, why["stream"]), ("present", "nothing has to travel"))
        near = f"{self.b.host}/{self.project}/y:v1"
        road, why = self.road(self.ok(self.sluice.run("copy", target, near, "--explain-road", "-o", "json")))
        self.assertEqual((road, why["stream"]), ("mount", "no bytes have to pass through here"))
        self.holds(self.b, f"{self.project}/y", "v1", image)

    def test_a_refused_mount_is_told_with_its_number_of_blobs(self):
        image = kit.random_image((900, 80), seed=self.project)
        self.push(self.b, "x", image)
        with kit.Proxy(self.b.host) as proxy:
            proxy.fault(method="POST", target="mount=", times=0, action="status", status=403)
            outcome = self.ok(self.sluice.run("copy", f"{proxy.host}/{self.project}/x:v1",
                                              f"{proxy.host}/{self.project}/y:v1", "--explain-road", "-o", "json"))
        road, why = self.road(outcome)
        self.assertEqual((road, why["mount"]), ("stream", "it refused to link 3 of 3 blobs"))
        self.holds(self.b, f"{self.project}/y", "v1", image)

    def test_plan_and_promote_tell_the_same(self):
        self.promotions()
        image = self.build(1)
        check = self.unchanged(self.b)
        planned = self.road(self.ok(self.sluice.run("plan", "--to", "prod", "--explain-road", "-o", "json")), "plan")
        check("by a plan")
        done = self.road(self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "--explain-road", "-o", "json")),
                         "promote")
        self.assertEqual(planned, done)
        self.assertEqual(done[0], "stream")
        self.holds(self.b, f"{self.project}/prod/web", "latest", image)


if __name__ == "__main__":
    unittest.main(verbosity=2)
