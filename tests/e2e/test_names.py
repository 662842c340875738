"""Names and addresses: those of Docker Hub, files of credentials in every form, proxies, logins with a scheme, and
addresses of this machine in disguise. Servers that are not on loopback are played behind a CONNECT proxy."""

import base64
import json
import unittest

import sluicekit as kit
from sluicekit import hostile
from sluicekit.connect_proxy import ConnectProxy

PASSWORD = "pw-of-names"
BASIC = "Basic " + base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
ENTRY = {"auth": BASIC.split()[1]}


def behind_login(behaviour):
    """The same registry for those who log in as ann by Basic."""
    def behave(request):
        if request.headers.get("authorization") == BASIC:
            return behaviour(request)
        return kit.Reply(401, {"WWW-Authenticate": 'Basic realm="r"', "Content-Type": "application/json"},
                         b'{"errors":[{"code":"UNAUTHORIZED","message":"log in"}]}')
    return behave


class NameCase(kit.E2eCase):
    shared_registries = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.tls = cls.enterClassContext(kit.Certificates(
            ("docker.io", "registry-1.docker.io", "r.corp.example", "auth.corp.example")))
        cls.image = kit.random_image((512,))

    def setUp(self):
        super().setUp()
        self.secrets |= {PASSWORD, ENTRY["auth"]}

    def serve(self, behaviour, tls=True):
        return self.enterContext(kit.HostileServer(behaviour, tls=self.tls if tls else None))

    def proxy(self, server=None):
        return self.enterContext(ConnectProxy(server.port if server else None))

    def trusting(self, *hosts, environment=None):
        """A home that trusts the test's authority for these hosts."""
        home = self.home(environment)
        for host in hosts:
            home.write(f".config/containers/certs.d/{host}/ca.crt", self.tls.ca.read_text())
        return home


class DockerHub(NameCase):
    NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")

    def setUp(self):
        super().setUp()
        self.hub = self.serve(behind_login(hostile.serving(self.image)))
        self.through = self.proxy(self.hub)
        self.environment = self.through.environment()

    def asked_paths(self):
        return {request.path for request in self.hub.requests}

    def test_every_name_leads_to_the_api_with_the_login_under_every_key(self):
        for key in ("https://index.docker.io/v1/", *self.NAMES):
            home = self.trusting("docker.io", environment=self.environment)
            home.write(".docker/config.json", json.dumps({"auths": {key: ENTRY}}))
            for name in self.NAMES:
                with self.subTest(key=key, name=name):
                    self.assertEqual(self.ok(home.run("digest", f"{name}/web")).out.strip(), self.image.digest)
        self.assertEqual(set(self.through.asked), {"registry-1.docker.io:443"})
        self.assertEqual(self.asked_paths(), {"/v2/library/web/manifests/latest"})

    def test_only_names_of_one_part_get_library(self):
        home = self.trusting("registry-1.docker.io", environment=self.environment)
        home.write(".docker/config.json", json.dumps({"auths": {"docker.io": ENTRY}}))
        self.ok(home.run("inspect", "docker.io/team/web:1"))
        self.assertIn("/v2/team/web/manifests/1", self.asked_paths())

    def test_tags_and_copy_ask_the_same_repository(self):
        home = self.trusting("docker.io", environment=self.environment)
        home.write(".docker/config.json", json.dumps({"auths": {"docker.io": ENTRY}}))
        home.run("tags", "docker.io/web")
        with kit.Registry() as registry:
            self.ok(home.run("copy", "docker.io/web:1", f"{registry.host}/{self.project}:1"))
        for path in ("/v2/library/web/tags/list", "/v2/library/web/manifests/1"):
            self.assertTrue([seen for seen in self.asked_paths() if seen.startswith(path)], path)

    def test_login_and_logout_by_every_name_are_about_one_entry(self):
        home = self.trusting("docker.io", environment=self.environment)
        for name in (*self.NAMES, "https://index.docker.io/v1/", "docker.io/"):
            with self.subTest(name):
                self.ok(home.run("login", name, "-u", "ann", "--password-stdin", stdin=PASSWORD))
                kept = json.loads((home.home / ".docker/config.json").read_text())
                self.assertEqual(list(kept["auths"]), ["https://index.docker.io/v1/"])
                self.ok(home.run("logout", name))
                self.assertNotIn("index.docker.io", (home.home / ".docker/config.json").read_text())

    def test_a_pipeline_may_name_it_as_people_do(self):
        with kit.Registry() as registry:
            home = self.trusting("docker.io", environment=self.environment)
            home.write(".docker/config.json", json.dumps({"auths": {"docker.io": ENTRY}}))
            home.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [("index.docker.io", "library")]),
                                                   ("prod", [(registry.host, self.project)])))
            self.ok(home.run("promote", "--to", "prod", "--yes"))
            self.holds(registry, f"{self.project}/web", "latest", self.image)


class CredentialFiles(NameCase):
    def setUp(self):
        super().setUp()
        self.registry = self.serve(behind_login(hostile.serving(self.image)), tls=False)
        self.reference = f"{self.registry.host}/shop/web"

    def test_the_old_form_is_read_wherever_a_file_is(self):
        text = json.dumps({self.registry.host: {"username": "ann", "password": PASSWORD, "email": "ann@example.org"},
                           "docker-registry.default.svc:5000": ENTRY})
        for where, flags in (("secret", ("--authfile", "secret")), (".dockercfg", ()), (".docker/config.json", ()),
                             (".run/containers/auth.json", ())):
            with self.subTest(where):
                home = self.home()
                home.write(where, text)
                self.ok(home.run("digest", *flags, self.reference))

    def test_a_login_keeps_the_old_form(self):
        home = self.home()
        home.write("secret", json.dumps({self.registry.host: {"auth": "b2xkOm9sZA==", "email": "ann@example.org"}}))
        self.ok(home.run("login", "--authfile", "secret", self.registry.host, "-u", "ann", "--password-stdin",
                         stdin=PASSWORD))
        self.assertEqual(json.loads((home.home / "secret").read_text()),
                         {self.registry.host: {"email": "ann@example.org", **ENTRY}})

    def test_a_byte_order_mark_is_skipped_and_utf_16_is_named(self):
        text = json.dumps({"auths": {self.registry.host: ENTRY}}, indent=1).replace("\n", "\r\n")
        home = self.home()
        home.write(".docker/config.json", "")
        path = home.home / ".docker/config.json"
        path.write_bytes(b"\xef\xbb\xbf" + text.encode())
        self.ok(home.run("digest", self.reference))
        for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
            with self.subTest(encoding):
                path.write_bytes(text.encode(encoding))
                self.fails_plainly(home.run("digest", self.reference), 2, str(path), "UTF-16", "UTF-8")


class Proxies(NameCase):
    def asked(self, no_proxy, host="registry.corp.invalid"):
        through = self.proxy()
        home = self.home(through.environment(no_proxy))
        home.run("digest", "--retry-times", "0", f"{host}/shop/web", "--progress", "none")
        return bool(through.asked)

    def test_no_proxy_is_read_as_go_reads_it(self):
        for no_proxy in ("", "other.invalid,corp", ".registry.corp.invalid", "registry.corp.invalid:5000", "10.0.0.0/8"):
            self.assertTrue(self.asked(no_proxy), no_proxy)
        for no_proxy in (".corp.invalid", "corp.invalid", "*.corp.invalid", "registry.corp.invalid:443",
                         "REGISTRY.CORP.INVALID", "localhost, .corp.invalid", "*"):
            self.assertFalse(self.asked(no_proxy), no_proxy)

    def test_it_counts_for_the_api_of_a_cluster(self):
        for no_proxy, expected in (("", True), ("*.corp.invalid", False)):
            through = self.proxy()
            home = self.home(through.environment(no_proxy))
            home.run("login", "https://api.corp.invalid:6443", "--token", "-", stdin="sha256~x")
            self.assertEqual(bool(through.asked), expected, no_proxy)

    def test_a_remote_registry_leads_nobody_to_this_machine_through_the_proxy(self):
        for host in ("127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "169.254.169.254", "0xa9fea9fe",
                     "[::1]", "[::ffff:169.254.169.254]", "127.0.0.1.", "localhost", "0", "%31%32%37.0.0.1"):
            with self.subTest(host):
                server = self.serve(lambda _request, host=host: kit.Reply(307, {"Location": f"https://{host}/x"}))
                through = self.proxy(server)
                home = self.trusting("r.corp.example", environment=through.environment())
                outcome = home.run("digest", "--retry-times", "0", "r.corp.example/shop/web", "--progress", "none")
                self.assertNotEqual(outcome.code, 0, outcome)
                self.assertEqual(set(through.asked), {"r.corp.example:443"}, outcome)

    def test_a_remote_registry_names_no_token_server_on_this_machine(self):
        for host in ("169.254.169.254", "2130706433", "localhost"):
            with self.subTest(host):
                challenge = {"WWW-Authenticate": f'Bearer realm="https://{host}/token",service="s"'}
                server = self.serve(lambda _request, challenge=challenge: kit.Reply(401, challenge))
                through = self.proxy(server)
                home = self.trusting("r.corp.example", environment=through.environment())
                outcome = home.run("digest", "--creds", f"ann:{PASSWORD}", "--retry-times", "0",
                                   "r.corp.example/shop/web", "--progress", "none")
                self.assertNotEqual(outcome.code, 0, outcome)
                self.assertEqual(set(through.asked), {"r.corp.example:443"}, outcome)

    def test_an_upload_does_not_go_on_in_plain_http_on_another_port(self):
        plain = self.serve(hostile.status(201), tls=False)

        def behave(request):
            if request.method == "POST":
                return kit.Reply(202, {"Location": f"http://{plain.host}/take"})
            return kit.Reply(404)

        registry = self.serve(behave)
        with kit.Registry() as source:
            source.client().push(self.project, "1", self.image)
            home = self.trusting(registry.host)
            outcome = home.run("copy", "--retry-times", "0", f"{source.host}/{self.project}:1",
                               f"{registry.host}/{self.project}:1", "--progress", "none")
        self.fails(outcome, 1, "plain HTTP")
        self.assertEqual(plain.requests, [])


class LoginsWithAScheme(NameCase):
    def login(self, home, *words, stdin=PASSWORD):
        return home.run("login", *words, "-u", "ann", "--password-stdin", stdin=stdin)

    def kept(self, home):
        path = home.home / ".docker/config.json"
        return list(json.loads(path.read_text()).get("auths", {})) if path.exists() else []

    def test_a_registry_takes_every_spelling(self):
        registry = self.serve(behind_login(hostile.serving(self.image)))
        for address in (f"https://{registry.host}", f"https://{registry.host}/", f"https://{registry.host}/v2/",
                        f"{registry.host}/", f"HTTPS://{registry.host}"):
            with self.subTest(address):
                home = self.trusting(registry.host)
                self.ok(self.login(home, address))
                self.assertEqual(self.kept(home), [registry.host])
                self.ok(home.run("digest", f"{registry.host}/shop/web"))
                self.ok(home.run("logout", address))
                self.assertEqual(self.kept(home), [])

    def test_its_authority_may_be_given(self):
        registry = self.serve(behind_login(hostile.serving(self.image)))
        home = self.home()
        self.ok(self.login(home, f"https://{registry.host}", "--ca", str(self.tls.ca)))
        self.assertEqual(self.kept(home), [registry.host])

    def test_plain_http_on_this_machine(self):
        registry = self.serve(behind_login(hostile.serving(self.image)), tls=False)
        home = self.home()
        self.ok(self.login(home, f"http://{registry.host}/"))
        self.assertEqual(self.kept(home), [registry.host])

    def test_what_is_no_registry_gets_no_credentials_of_one(self):
        for name, behaviour in (
                ("an API server", hostile.status(403, b'{"kind":"Status","apiVersion":"v1","status":"Failure"}')),
                ("an API server that wants a login", hostile.status(
                    401, b'{"kind":"Status","apiVersion":"v1","status":"Failure"}',
                    WWW_Authenticate='Basic realm="openshift"')),
                ("a web server", hostile.html)):
            with self.subTest(name):
                server = self.serve(behaviour)
                home = self.trusting(server.host)
                outcome = self.login(home, f"https://{server.host}", "--ca", str(self.tls.ca))
                self.assertNotEqual(outcome.code, 0, outcome)
                self.assertEqual(self.kept(home), [])
                self.assertEqual([seen.headers["authorization"] for seen in server.requests
                                  if "authorization" in seen.headers], [])

    def test_a_cluster_is_not_asked_for_a_registry_where_a_token_is_given(self):
        server = self.serve(hostile.status(404))
        home = self.home()
        home.run("login", f"https://{server.host}", "--token", "-", "--ca", str(self.tls.ca), stdin="sha256~x")
        self.assertNotIn("/v2/", [seen.path for seen in server.requests])


if __name__ == "__main__":
    unittest.main()
