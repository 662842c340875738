"""`sluice doctor` looks at this host: its engine, and the registries as they answer from here. Real servers, real trouble.
An engine that answers is in test_doctor_engine.py."""

import contextlib
import grp
import json
import os
import pwd
import shutil
import socket
import time
import unittest

import sluicekit as kit
from sluicekit.case import basic
from sluicekit.host_case import WRONG, HostCase

kit.need("docker-registry")

NOBODY = 65534  # a user and a group without rights


class Engines(HostCase):
    """What can be wrong with an engine."""

    def setUp(self):
        super().setUp()
        self.pipeline(self.a.host, self.a.host, via="docker")

    def left_socket(self):
        """A socket's file that nobody listens on."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as one:
            one.bind(self.socket)

    def test_a_missing_socket_is_named_with_what_to_do(self):
        one = self.found(self.doctor("--host", code=3), "engine-unusable", "blocker")
        self.assertIn(self.socket, one["sentence"])
        self.assertIn("does not exist", one["sentence"])
        self.assertIn("systemctl start docker", one["fix"])

    def test_a_dead_daemon_is_told_from_a_missing_one(self):
        self.left_socket()
        outcome = self.doctor("--host", code=3)
        one = self.found(outcome, "engine-unusable", "blocker")
        self.assertIn("nobody answers", one["sentence"])
        self.assertIn("systemctl status docker", one["fix"])
        self.assertIn("mode", self.found(outcome, "engine-socket", "info")["sentence"])

    def test_an_engine_that_nothing_goes_by_is_information_whatever_is_wrong_with_it(self):
        self.pipeline(self.a.host, self.a.host)
        for prepare in (lambda: None, self.left_socket):
            prepare()
            one = self.found(self.doctor("--host", code=0), "engine-unusable", "info")
            self.assertIn("no environment here goes by an engine", one["sentence"])

    def test_who_may_not_open_the_socket_gets_the_line_that_helps(self):
        if os.geteuid() != 0:
            self.skipTest("giving a socket to a group and running as another user needs root")
        group = next(one for one in grp.getgrall() if one.gr_gid not in (0, NOBODY) and not one.gr_mem)
        user = pwd.getpwuid(NOBODY).pw_name
        self.left_socket()
        os.chown(self.socket, 0, group.gr_gid)
        os.chmod(self.socket, 0o660)
        with self.as_nobody() as options:
            outcome = self.doctor("--host", code=3, **options)
        one = self.found(outcome, "engine-unusable", "blocker")
        self.assertIn("not ours to open", one["sentence"])
        self.assertIn(f"usermod -aG {group.gr_name} {user}", one["fix"])
        self.assertIn("a new login", one["fix"])
        self.assertIn("can become root", one["fix"])
        self.assertIn(f"root:{group.gr_name} with mode 0660; we are not in that group",
                      self.found(outcome, "engine-socket", "info")["sentence"])

    def test_a_socket_that_no_group_may_open_has_no_group_to_join(self):
        self.left_socket()
        os.chmod(self.socket, 0o000)
        with self.as_nobody() as options:
            outcome = self.doctor("--host", code=3, **options)
        one = self.found(outcome, "engine-unusable", "blocker")
        self.assertIn("not ours to open", one["sentence"])
        self.assertNotIn("usermod", one["fix"])
        self.assertIn("DOCKER_HOST", one["fix"])

    def test_who_joined_the_group_after_the_login_needs_a_new_login_alone(self):
        """In a mount namespace of its own, whose /etc/group has the user in the socket's group already."""
        if os.geteuid() != 0:
            self.skipTest("another /etc/group for one process needs root")
        user = pwd.getpwuid(NOBODY).pw_name
        groups = self.folder / "group"
        groups.write_text(f"root:x:0:\nengines:x:54321:{user}\n")
        groups.chmod(0o644)
        self.left_socket()
        os.chown(self.socket, 0, 54321)
        os.chmod(self.socket, 0o660)
        with self.as_nobody():
            outcome = self.sluice.run(
                "-m", "sh", "-c", 'mount --bind "$1" /etc/group && exec setpriv --reuid="$2" --regid="$2" --clear-groups '
                '"$3" doctor --host -o json', "sh", groups, NOBODY, self.folder / "sluice", program="unshare")
        if "mount:" in outcome.err or "unshare" in outcome.err:
            self.skipTest(f"no mount namespaces here: {outcome.err.strip()}")
        self.assertEqual(outcome.code, 3, outcome)
        one = self.found(outcome, "engine-unusable", "blocker")
        self.assertIn(f"a new login (or: newgrp engines): {user} is in the group engines", one["fix"])
        self.assertNotIn("usermod", one["fix"])

    @contextlib.contextmanager
    def as_nobody(self):
        """How to run the program as a user without rights; as oneself where one is nobody in particular."""
        if os.geteuid() != 0:
            yield {}
            return
        program = self.folder / "sluice"
        shutil.copy(kit.binary(), program)
        os.chmod(self.folder, 0o755)
        for path in (self.sluice.home, *self.sluice.home.rglob("*")):
            os.chown(path, NOBODY, NOBODY)

        def become():
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        yield {"program": program, "before_start": become}


class Registries(HostCase):
    """What can be wrong with a registry: each is one finding, and the other registry is looked at all the same."""

    def setUp(self):
        super().setUp()
        self.a.client().push(f"{self.project}/dev/web", "latest", kit.random_image(seed=self.project))

    def other_is_fine(self, outcome):
        one = self.found(outcome, "registry-login", "info", self.a.host)
        self.assertIn("pull from 1 repository proven", one["sentence"])

    def test_a_right_to_pull_is_not_claimed_where_there_is_nothing_to_pull(self):
        with kit.Registry() as registry:
            self.pipeline(registry.host, registry.host)
            one = self.found(self.doctor("--host", code=0), "registry-login", "info", registry.host)
            self.assertIn("push to 1 repository proven", one["sentence"])
            self.assertIn("whether we may pull from 1 repository shows when there is something to pull", one["sentence"])

    def test_a_wrong_password_at_a_registry_with_passwords(self):
        with kit.Registry(auth="basic") as registry:
            self.pipeline(self.a.host, registry.host)
            self.login(registry, WRONG)
            outcome = self.doctor("--host", code=3)
            self.assertEqual(self.blockers(outcome), ["registry-not-logged-in"], outcome)
            one = self.found(outcome, "registry-not-logged-in", "blocker", registry.host)
            self.assertIn(".docker/config.json", one["sentence"])
            self.assertIn(f"sluice login {registry.host}", one["fix"])
            self.other_is_fine(outcome)
            self.login(registry)
            said = self.found(self.doctor("--host", code=0), "registry-login", "info", registry.host)["sentence"]
            self.assertIn(f"the login of {kit.USER}", said)
            self.assertIn("push to 1 repository proven", said)

    def test_a_wrong_password_at_a_token_server(self):
        with kit.TokenServer() as tokens, kit.Registry(auth=tokens) as registry:
            self.pipeline(self.a.host, registry.host)
            self.login(registry, WRONG)
            outcome = self.doctor("--host", code=3)
            self.assertEqual(self.blockers(outcome), ["registry-not-logged-in"], outcome)
            self.assertIn(f"sluice login {registry.host}",
                          self.found(outcome, "registry-not-logged-in", "blocker", registry.host)["fix"])
            self.other_is_fine(outcome)

    def test_a_missing_login(self):
        with kit.Registry(auth="basic") as registry:
            self.pipeline(self.a.host, registry.host)
            outcome = self.doctor("--host", code=3)
            one = self.found(outcome, "registry-not-logged-in", "blocker", registry.host)
            self.assertIn("there are no credentials", one["sentence"])
            self.other_is_fine(outcome)

    def test_a_missing_login_at_a_token_server_that_knows_nobody_in_particular(self):
        with kit.TokenServer() as tokens, kit.Registry(auth=tokens) as registry:
            self.pipeline(self.a.host, registry.host)
            one = self.found(self.doctor("--host", code=3), "registry-not-logged-in", "blocker", registry.host)
            self.assertIn("without a login", one["sentence"])
            self.assertIn(f"sluice login {registry.host}", one["fix"])

    def test_a_login_for_one_project_alone_is_enough_where_that_project_is_the_target(self):
        for auth in ("basic", "token"):
            with contextlib.ExitStack() as stack, self.subTest(auth):
                server = "basic" if auth == "basic" else stack.enter_context(kit.TokenServer())
                registry = stack.enter_context(kit.Registry(auth=server))
                self.pipeline(self.a.host, registry.host)
                scoped = {"auths": {f"{registry.host}/{self.project}/prod": {"auth": basic(kit.USER, kit.PASSWORD)}}}
                self.sluice.write(".docker/config.json", json.dumps(scoped))
                said = self.found(self.doctor("--host", code=0), "registry-login", "info", registry.host)["sentence"]
                self.assertIn("push to 1 repository proven", said)

    def test_a_missing_push_right_is_read_off_the_token_and_no_upload_is_opened(self):
        reads = lambda user, kind, name, action: user is not None and action == "pull"
        with kit.TokenServer(allow=reads) as tokens, kit.Registry(auth=tokens) as registry:
            self.login(registry)
            self.pipeline(self.a.host, registry.host)
            outcome = self.doctor("--host", code=3)
            self.assertEqual(self.blockers(outcome), ["registry-may-not-push"], outcome)
            one = self.found(outcome, "registry-may-not-push", "blocker", registry.host)
            self.assertIn(f"{kit.USER} may not push to {self.project}/prod/web", one["sentence"])
            self.assertIn("a token without the right", one["sentence"])
            self.other_is_fine(outcome)
            asked = [scope for _, _, scopes in tokens.requests for scope in scopes]
            self.assertIn(f"repository:{self.project}/prod/web:pull,push", asked)
            # The same login may read: there is nothing to complain about where it is the source.
            self.pipeline(registry.host, self.a.host)
            self.doctor("--host", code=0)
            self.assertFalse(list(registry.storage.rglob("_uploads")))

    def test_a_missing_pull_right_at_the_source(self):
        nothing = lambda user, kind, name, action: False
        with kit.TokenServer(allow=nothing) as tokens, kit.Registry(auth=tokens) as registry:
            self.login(registry)
            self.pipeline(registry.host, self.a.host)
            outcome = self.doctor("--host", code=3)
            self.assertEqual(self.blockers(outcome), ["registry-may-not-pull"], outcome)

    def test_a_push_right_in_the_token_needs_no_upload(self):
        with kit.TokenServer() as tokens, kit.Registry(auth=tokens) as registry:
            self.login(registry)
            self.pipeline(self.a.host, registry.host)
            self.found(self.doctor("--host", code=0), "registry-login", "info", registry.host)
            self.assertFalse(list(registry.storage.rglob("_uploads")))

    def test_a_token_that_tells_nothing_is_tried_out(self):
        """A registry whose tokens are no JWT, as those of some clouds are."""
        status = {"upload": 202}

        def behave(request):
            if request.path.startswith("/token"):
                return kit.Reply(200, {"Content-Type": "application/json"}, b'{"token": "opaque"}')
            if request.headers.get("authorization") != "Bearer opaque":
                return kit.Reply(401, {"WWW-Authenticate": f'Bearer realm="{server.url}/token",service="s"'})
            if request.method == "POST":
                return kit.Reply(status["upload"], {"Location": f"{request.path}one"} if status["upload"] == 202 else {})
            return kit.Reply(204 if request.method == "DELETE" else 200)

        server = self.enterContext(kit.HostileServer(behave))
        self.login(server)
        self.pipeline(self.a.host, server.host)
        self.found(self.doctor("--host", code=0), "registry-login", "info", server.host)
        self.assertEqual([(one.method, one.path) for one in server.requests if one.method in ("POST", "DELETE")],
                         [("POST", f"/v2/{self.project}/prod/web/blobs/uploads/"),
                          ("DELETE", f"/v2/{self.project}/prod/web/blobs/uploads/one")])
        status["upload"] = 403
        self.assertEqual(self.blockers(self.doctor("--host", code=3)), ["registry-may-not-push"])

    def test_a_missing_push_right_at_a_registry_without_tokens_is_found_by_trying(self):
        """A registry with passwords that refuses uploads, as a front or a read-only registry does."""
        with kit.Registry(auth="basic") as registry, kit.Proxy(registry.host) as proxy:
            proxy.fault(method="POST", target="/blobs/uploads/", times=0, action="status", status=403)
            self.login(proxy)
            self.pipeline(self.a.host, proxy.host)
            outcome = self.doctor("--host", code=3)
            self.assertEqual(self.blockers(outcome), ["registry-may-not-push"], outcome)
            self.other_is_fine(outcome)

    def test_a_certificate_that_nobody_vouches_for(self):
        with kit.Certificates() as certificates, kit.Registry(tls=certificates) as registry:
            self.pipeline(self.a.host, registry.host)
            outcome = self.doctor("--host", code=3)
            self.assertEqual(self.blockers(outcome), ["registry-not-trusted"], outcome)
            one = self.found(outcome, "registry-not-trusted", "blocker", registry.host)
            self.assertIn(f"certs.d/{registry.host}/ca.crt", one["fix"])
            self.other_is_fine(outcome)
            place = self.sluice.home / ".config" / "containers" / "certs.d" / registry.host
            place.mkdir(parents=True)
            shutil.copy(certificates.ca, place / "ca.crt")
            outcome = self.doctor("--host", code=0)
            self.assertIn(f"certs.d/{registry.host} (1 CA)", self.found(outcome, "certificates", "info")["sentence"])

    def test_a_proxy_that_is_down(self):
        with socket.socket() as taken:  # bound and not listening: nobody answers there
            taken.bind(("127.0.0.1", 0))
            proxy = f"127.0.0.1:{taken.getsockname()[1]}"
            self.pipeline(self.a.host, "registry.example.com")
            away = {"HTTPS_PROXY": f"http://ann:{WRONG}@{proxy}", "NO_PROXY": "other.example.com"}
            outcome = self.doctor("--host", code=3, environment=away)
        self.assertEqual(self.blockers(outcome), ["proxy-unreachable"], outcome)
        one = self.found(outcome, "proxy-unreachable", "blocker", "registry.example.com")
        self.assertIn(f"{proxy} of HTTPS_PROXY", one["sentence"])
        self.assertIn("NO_PROXY=registry.example.com", one["fix"])
        proxies = self.found(outcome, "proxies", "info")["sentence"]
        for words in (f"HTTPS_PROXY=http://{proxy}", "NO_PROXY=other.example.com",
                      "through a proxy: registry.example.com", f"around it: {self.a.host}"):
            self.assertIn(words, proxies)
        self.other_is_fine(outcome)

    def test_a_clock_that_is_wrong(self):
        date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 600))
        reply = kit.Reply(200, {"Date": date, "Content-Type": "application/json"}, b"{}")
        with kit.HostileServer(lambda *_: reply) as server:
            self.pipeline(self.a.host, server.host)
            outcome = self.doctor("--host", code=3)
            self.assertIn("ahead of", self.found(outcome, "clock-skew", "warning", server.host)["sentence"])
            self.found(outcome, "clock", "info", self.a.host)

    def test_where_everything_is_fine_nothing_but_information_is_told_and_nothing_is_left(self):
        with kit.Registry(auth="basic") as registry, kit.Proxy(registry.host) as proxy:
            self.login(proxy)
            self.pipeline(self.a.host, proxy.host)
            self.a.client().push(f"{self.project}/dev/web", "latest", kit.random_image((500,), seed=self.project))
            checks = [self.unchanged(one) for one in (self.a, registry)]
            for words in ((), ("--host",), ("--to", "prod"), ("--host", "--to", "prod")):
                outcome = self.doctor(*words, code=0)
                self.assertEqual({one["severity"] for one in self.all(outcome)}, {"info"}, outcome)
                self.assertEqual(len(outcome.json["environments"]), 0 if "--host" in words else 1)
            for check in checks:
                check("by looking")
            changes = [(one["method"], one["status"]) for one in proxy.exchanges() if kit.wrote(one) and one["status"] != 401]
            self.assertEqual(changes, [("POST", 202), ("DELETE", 204)] * 4, "each upload is given up")
            # distribution 2.8 forgets the upload and keeps the state of a hash over nothing.
            left = [path for path in registry.storage.rglob("_uploads/*/*") if path.name in ("data", "startedat")]
            self.assertEqual(left, [], "an upload was left")
            self.assertNotIn(f"{self.project}/prod/web", registry.client().repositories())
            self.assertEqual(list((self.sluice.home / ".state").rglob("*.db")), [])

    def test_it_stands_first_in_the_text_with_one_line_for_each_fact(self):
        self.pipeline(self.a.host, self.a.host)
        outcome = self.sluice.run("doctor", "--host")
        self.assertEqual(outcome.code, 0, outcome)
        head, *lines = outcome.out.splitlines()
        self.assertEqual(head, "this host: ready")
        self.assertRegex("\n".join(lines), r"(?m)^  info registry-login: .* asks for no login")
        self.assertNotIn("prod:", outcome.out)

    def test_without_a_pipeline_the_host_alone_is_looked_at(self):
        outcome = self.doctor("--host", code=0)
        self.assertIsNone(outcome.json["app"])
        self.assertEqual(outcome.json["environments"], [])
        codes = {one["code"] for one in self.all(outcome)}
        self.assertLessEqual({"engine-unusable", "proxies", "certificates"}, codes)
        self.assertEqual(self.sluice.run("doctor").code, 1)
        self.assertNotEqual(self.sluice.run("doctor", "--host", "-f", "nowhere.yaml").code, 0)

    def test_one_environment_asks_the_registries_that_matter_to_it(self):
        document = {"app": "shop", "images": ["web"], "environments": [
            {"name": name, "targets": [{"registry": host, "project": f"{self.project}/{name}"}]}
            for name, host in (("dev", self.a.host), ("test", self.a.host), ("prod", "registry.example.com"))]}
        self.sluice.write("sluice.yaml", json.dumps(document))
        outcome = self.doctor("--host", "--to", "test", code=0, environment={"HTTPS_PROXY": "http://127.0.0.1:9"})
        self.assertEqual({one["subject"] for one in self.all(outcome) if one["code"].startswith("registry-")},
                         {self.a.host})
        for name in ("dev", "prdo"):
            self.fails(self.sluice.run("doctor", "--host", "--to", name), 2)

    def test_trouble_farther_back_than_the_environment_before_is_a_warning(self):
        with kit.Registry(auth="basic") as first:
            self.login(first, WRONG)
            document = {"app": "shop", "images": ["web"], "environments": [
                {"name": name, "targets": [{"registry": host, "project": f"{self.project}/{name}"}]}
                for name, host in (("dev", first.host), ("test", self.a.host), ("prod", self.a.host))]}
            self.sluice.write("sluice.yaml", json.dumps(document))
            self.found(self.doctor("--host", "--to", "prod", code=0), "registry-not-logged-in", "warning", first.host)
            self.found(self.doctor("--host", "--to", "test", code=3), "registry-not-logged-in", "blocker", first.host)
            self.found(self.doctor("--host", code=3), "registry-not-logged-in", "blocker", first.host)

    def test_a_certificate_that_need_not_be_checked_is_told_to_be_so(self):
        with kit.Certificates() as certificates, kit.Registry(tls=certificates) as registry:
            self.pipeline(self.a.host, registry.host)
            clusters = self.sluice.write("clusters.yaml", json.dumps(
                {"clusters": {"lab": {"registry": registry.host, "insecure": True}}}))
            outcome = self.doctor("--host", "--clusters", clusters, code=0)
            self.found(outcome, "registry-insecure", "info", registry.host)
            self.found(outcome, "registry-login", "info", registry.host)

    def test_no_trouble_of_a_registry_ends_the_command_and_each_environment_is_still_examined(self):
        certificates = self.enterContext(kit.Certificates())
        closed = self.enterContext(kit.Registry(auth="basic"))
        hidden = self.enterContext(kit.Registry(tls=certificates))
        self.login(closed, WRONG)
        away = {"HTTPS_PROXY": "http://127.0.0.1:9"}
        rows = {"registry-not-logged-in": closed.host, "registry-not-trusted": hidden.host,
                "proxy-unreachable": "registry.example.com"}
        for code, host in rows.items():
            for source, target in ((host, self.a.host), (self.a.host, host)):
                with self.subTest(f"{code}: {source} -> {target}"):
                    self.pipeline(source, target)
                    outcome = self.doctor(code=3, environment=away)
                    self.found(outcome, code, "blocker", host)
                    self.assertEqual([one["environment"] for one in outcome.json["environments"]], ["prod"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
