"""sluice copy: every kind of image, between registries and inside one, with every kind of credential."""

import base64
import json
import unittest

import sluicekit as kit
from sluicekit import hostile, images

kit.need("docker-registry")


def every_kind():
    """A row for each kind of image that registries hold; built per call, so that tests do not share blobs."""
    nested = kit.Index([kit.index_of(("amd64", "arm64"), seed="n1"), kit.random_image((300,), seed="n2")])
    empty = images.Bytes(b"")
    return {
        "five layers, OCI": kit.random_image(seed="k1"),
        "five layers, docker": kit.random_image(seed="k2", types=images.DOCKER),
        "two platforms, OCI index": kit.index_of(seed="k3"),
        "two platforms, manifest list": kit.index_of(seed="k4", types=images.DOCKER),
        "nested index": nested,
        "artifact": kit.Artifact("application/vnd.example.sbom", b'{"sbom": true}'),
        "empty and one-byte blobs": kit.Artifact("application/vnd.example.tiny", empty.data, b"x"),
        "no layers": kit.Image([]),
        "the same layer twice": kit.Image([kit.Layer(700, "twice"), kit.Layer(700, "twice")]),
    }


class Between(kit.E2eCase):
    def test_every_kind_of_image_arrives_with_its_digest(self):
        home = self.home()
        for number, (kind, image) in enumerate(every_kind().items()):
            with self.subTest(kind):
                repository = f"{self.project}/i{number}"
                self.a.client().push(repository, "v1", image)
                result = self.ok(home.run("copy", f"{self.a.host}/{repository}:v1", f"{self.b.host}/{repository}:v1",
                                          "-o", "json")).json
                self.assertEqual((result["digest"], result["road"]), (image.digest, "stream"))
                self.assertEqual(result["blobs"]["mounted"], 0)
                self.holds(self.b, repository, "v1", image)

    def test_every_kind_of_image_arrives_inside_one_registry(self):
        home = self.home()
        for number, (kind, image) in enumerate(every_kind().items()):
            with self.subTest(kind):
                source, target = f"{self.project}/dev/i{number}", f"{self.project}/prod/i{number}"
                self.a.client().push(source, "v1", image)
                result = self.ok(home.run("copy", f"{self.a.host}/{source}:v1", f"{self.a.host}/{target}:v1",
                                          "-o", "json")).json
                self.assertEqual((result["digest"], result["bytes"]["moved"]), (image.digest, 0))
                self.holds(self.a, target, "v1", image)

    def test_an_index_says_its_platforms(self):
        image = kit.index_of(("amd64", "arm64"), seed=self.project)
        self.a.client().push(self.project, "v1", image)
        result = self.ok(self.home().run("copy", f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}",
                                         "-o", "json")).json
        self.assertEqual(sorted(result["platforms"]), ["linux/amd64", "linux/arm64"])
        self.holds(self.b, self.project, "latest", image)

    def test_counts_are_those_of_layers_and_configs(self):
        image = kit.random_image((5000, 600, 70), seed=self.project)
        self.a.client().push(self.project, "v1", image)
        home = self.home()
        copy = ("copy", f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v1", "-o", "json")
        first = self.ok(home.run(*copy)).json
        self.assertEqual(first["bytes"], {"moved": image.size, "mounted": 0, "present": 0})
        self.assertEqual(first["blobs"], {"moved": 4, "mounted": 0, "present": 0})
        again = self.ok(home.run(*copy)).json
        self.assertEqual(again["road"], "present")
        self.assertEqual(again["bytes"], {"moved": 0, "mounted": 0, "present": image.size})

    def test_only_new_layers_of_a_delta_travel(self):
        base = [kit.Layer(9000, f"{self.project}-base{n}") for n in range(3)]
        old = kit.Image([*base, kit.Layer(400, f"{self.project}-1")])
        new = kit.Image([*base, kit.Layer(500, f"{self.project}-2")])
        self.b.client().push(self.project, "latest", old)
        self.a.client().push(self.project, "latest", new)
        result = self.ok(self.home().run("copy", f"{self.a.host}/{self.project}", f"{self.b.host}/{self.project}",
                                         "-o", "json")).json
        self.assertEqual(result["bytes"]["moved"], new.layers[-1].size + new.config.size)
        self.assertEqual(result["blobs"], {"moved": 2, "mounted": 0, "present": 3})
        self.holds(self.b, self.project, "latest", new)

    def test_the_text_result_tells_where_what_and_by_which_road(self):
        image = kit.random_image((900,), seed=self.project)
        self.a.client().push(self.project, "v1", image)
        source, target = f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v2"
        outcome = self.ok(self.home().run("copy", source, target))
        for word in (f"{self.b.host}/{self.project}:v2", image.digest, "stream"):
            self.assertIn(word, outcome.out)


class References(kit.E2eCase):
    def setUp(self):
        super().setUp()
        self.old, self.new = (kit.random_image((800, 200), seed=f"{self.project}-{n}") for n in (1, 2))
        self.a.client().push(self.project, "v1", self.old)
        self.a.client().push(self.project, "v1", self.new)
        self.source, self.target = f"{self.a.host}/{self.project}", f"{self.b.host}/{self.project}"

    def test_the_digest_of_tag_and_digest_decides(self):
        self.ok(self.home().run("copy", f"{self.source}:v1@{self.old.digest}", f"{self.target}:v1"))
        self.holds(self.b, self.project, "v1", self.old)

    def test_a_source_by_digest_alone(self):
        self.ok(self.home().run("copy", f"{self.source}@{self.old.digest}", f"{self.target}:old"))
        self.holds(self.b, self.project, "old", self.old)

    def test_a_destination_by_digest_gets_no_tag(self):
        self.ok(self.home().run("copy", f"{self.source}:v1", f"{self.target}@{self.new.digest}"))
        self.holds(self.b, self.project, self.new.digest, self.new)
        self.assertEqual(self.b.client().tags(self.project), [])

    def test_a_destination_by_tag_and_digest(self):
        self.ok(self.home().run("copy", f"{self.source}:v1", f"{self.target}:x@{self.new.digest}"))
        self.holds(self.b, self.project, "x", self.new)

    def test_another_digest_than_the_destination_names_is_refused(self):
        check = self.unchanged(self.b)
        outcome = self.home().run("copy", f"{self.source}:v1", f"{self.target}@{self.old.digest}")
        self.fails_plainly(outcome, 1, self.old.digest, self.new.digest, "nothing was written")
        check()

    def test_without_a_tag_latest_is_meant(self):
        self.a.client().push(self.project, "latest", self.new)
        self.ok(self.home().run("copy", self.source, self.target))
        self.assertEqual(self.b.client().tags(self.project), ["latest"])

    def test_the_transport_of_skopeo_is_understood(self):
        self.ok(self.home().run("copy", f"docker://{self.source}:v1", f"docker://{self.target}:v1"))
        self.holds(self.b, self.project, "v1", self.new)

    def test_a_tag_is_moved_from_one_image_to_another(self):
        home = self.home()
        for image in (self.old, self.new, self.old):
            self.ok(home.run("copy", f"{self.source}@{image.digest}", f"{self.target}:v1"))
            self.holds(self.b, self.project, "v1", image)

    def test_a_new_tag_in_the_same_repository_moves_nothing(self):
        result = self.ok(self.home().run("copy", f"{self.source}:v1", f"{self.source}:v2", "-o", "json")).json
        self.assertEqual((result["road"], result["bytes"]["moved"]), ("present", 0))
        self.holds(self.a, self.project, "v2", self.new)


class OnTheWire(kit.E2eCase):
    """What passes through the client, as a proxy between sees it."""

    def through(self, *faults):
        return self.enterContext(kit.Proxy(self.a.host, self.b.host, faults=faults))

    def test_inside_one_registry_not_one_layer_byte_passes_through_the_client(self):
        for kind, image in (("image", kit.random_image(seed=self.project)), ("index", kit.index_of(seed=self.project))):
            with self.subTest(kind), self.through() as proxy:
                source, target = f"{self.project}/{kind}/dev", f"{self.project}/{kind}/prod"
                self.a.client().push(source, "v1", image)
                result = self.ok(self.home().run("copy", f"{proxy.host}/{source}:v1", f"{proxy.host}/{target}:v1",
                                                 "-o", "json")).json
                self.assertEqual(result["road"], "mount")
                log = proxy.exchanges()
                self.assertEqual([e for e in log if e["method"] == "GET" and "/blobs/" in e["target"]], [])
                sent = [e for e in log if e["request_bytes"] > 0]
                self.assertEqual([e for e in sent if "/manifests/" not in e["target"]], [])
                self.holds(self.a, target, "v1", image)

    def test_a_second_copy_writes_nothing(self):
        image = kit.index_of(seed=self.project)
        self.a.client().push(self.project, "v1", image)
        with self.through() as proxy:
            source, target = (f"{host}/{self.project}:v1" for host in proxy.hosts)
            home = self.home()
            self.ok(home.run("copy", source, target))
            self.assertTrue(any(map(kit.wrote, proxy.exchanges())))
            proxy.forget()
            self.ok(home.run("copy", source, target))
            self.assertTrue(proxy.exchanges())
            self.assertEqual([e for e in proxy.exchanges() if kit.wrote(e)], [])

    def test_each_blob_is_read_and_written_once(self):
        image = kit.index_of(seed=self.project)
        self.a.client().push(self.project, "v1", image)
        with self.through() as proxy:
            source, target = (f"{host}/{self.project}:v1" for host in proxy.hosts)
            self.ok(self.home().run("copy", source, target))
            log = proxy.exchanges()
            read = [e["target"] for e in log if e["method"] == "GET" and "/blobs/" in e["target"] and e["upstream"] == 0]
            blobs = {blob.digest for child in image.children for blob in child.blobs}
            self.assertEqual(sorted(read), sorted(f"/v2/{self.project}/blobs/{digest}" for digest in blobs))
            self.assertEqual(len([e for e in log if e["method"] == "PUT" and "/uploads/" in e["target"]]), len(blobs))
            self.assertEqual([e for e in log if e["method"] == "PATCH"], [])

    def test_a_refused_mount_falls_back_to_streaming(self):
        for status in (403, 404, 405):
            with self.subTest(status), self.through(
                    {"method": "POST", "target": "mount=", "times": 0, "action": "status", "status": status,
                     "body": '{"errors":[{"code":"UNSUPPORTED","message":"no mounting here"}]}'}) as proxy:
                source, target = f"{self.project}/s{status}/dev", f"{self.project}/s{status}/prod"
                image = kit.random_image(seed=f"{self.project}{status}")
                self.a.client().push(source, "v1", image)
                result = self.ok(self.home().run("copy", f"{proxy.host}/{source}:v1", f"{proxy.host}/{target}:v1",
                                                 "-o", "json")).json
                self.assertEqual((result["road"], result["bytes"]["mounted"]), ("stream", 0))
                self.assertEqual(result["bytes"]["moved"], image.size)
                self.holds(self.a, target, "v1", image)

    def test_a_connection_that_breaks_within_a_blob_is_made_good(self):
        image = kit.random_image((200_000,), seed=self.project)
        layer = image.layers[0].digest.partition(":")[2]
        rows = {
            "source": {"method": "GET", "target": layer, "action": "cut", "at": 70_000},
            "destination": {"method": "PUT", "target": f"digest=.*{layer}", "action": "cut", "side": "request",
                            "at": 70_000},
            "busy source": {"method": "GET", "target": layer, "action": "status", "status": 503},
            "busy destination": {"method": "POST", "target": "/uploads/", "action": "status", "status": 429,
                                 "retry_after": 0},
        }
        for number, (side, fault) in enumerate(rows.items()):
            repository = f"{self.project}/{number}"
            self.a.client().push(repository, "v1", image)
            with self.subTest(side), self.through(fault) as proxy:
                source, target = (f"{host}/{repository}:v1" for host in proxy.hosts)
                self.ok(self.home().run("copy", source, target))
                self.assertEqual(len([e for e in proxy.exchanges() if e["fault"]]), 1, "the fault was not met")
                self.holds(self.b, repository, "v1", image)

    def test_a_bit_that_flips_on_the_way_never_arrives(self):
        image = kit.random_image((50_000,), seed=self.project)
        self.a.client().push(self.project, "v1", image)
        fault = {"method": "GET", "target": image.layers[0].digest, "action": "corrupt", "at": 30_000, "times": 0}
        with self.through(fault) as proxy:
            source, target = (f"{host}/{self.project}:v1" for host in proxy.hosts)
            self.fails(self.home().run("copy", source, target, "--progress", "none"), 1, image.layers[0].digest[7:19])
            self.assertFalse(self.b.client().has_blob(self.project, image.layers[0].digest))
            self.assertIsNone(self.b.client().digest(self.project, "v1"))


class Credentials(kit.E2eCase):
    """Two registries that want credentials: basic ones here, tokens there."""

    shared_registries = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.a = cls.enterClassContext(kit.Registry(auth="basic"))
        cls.tokens = cls.enterClassContext(kit.TokenServer())
        cls.b = cls.enterClassContext(kit.Registry(auth=cls.tokens))

    def setUp(self):
        super().setUp()
        self.image = kit.random_image((600, 80), seed=self.project)
        self.a.client().push(self.project, "v1", self.image)
        self.copy = ("copy", f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v1")
        self.tokens.requests.clear()

    def tearDown(self):
        self.secrets.update(self.tokens.issued)

    def auths(self, *keys):
        return json.dumps({"auths": {key: {"auth": base64.b64encode(f"{kit.USER}:{kit.PASSWORD}".encode()).decode()}
                                     for key in keys}})

    def test_every_way_to_name_credentials_works(self):
        pair = f"{kit.USER}:{kit.PASSWORD}"
        hosts = (self.a.host, self.b.host)
        rows = {
            "flags": (["--src-creds", pair, "--dest-creds", pair], {}, {}, ""),
            "flags with =": ([f"--src-creds={pair}", f"--dest-creds={pair}"], {}, {}, ""),
            "environment": (["--src-creds", "env:PAIR", "--dest-creds", "env:PAIR"], {}, {"PAIR": pair}, ""),
            "file": (["--src-creds", "file:pair", "--dest-creds", "file:pair"], {"pair": pair + "\n"}, {}, ""),
            "stdin": (["--src-creds", "-", "--dest-creds", "file:pair"], {"pair": pair}, {}, pair + "\n"),
            "authfile flag": (["--authfile", "mine.json"], {"mine.json": self.auths(*hosts)}, {}, ""),
            "REGISTRY_AUTH_FILE": ([], {"mine.json": self.auths(*hosts)}, {"REGISTRY_AUTH_FILE": "mine.json"}, ""),
            "docker's config": ([], {".docker/config.json": self.auths(*hosts)}, {}, ""),
            "DOCKER_CONFIG": ([], {"d/config.json": self.auths(*hosts)}, {"DOCKER_CONFIG": "d"}, ""),
            "containers' run time file": ([], {".run/containers/auth.json": self.auths(*hosts)}, {}, ""),
            "containers' config file": ([], {".config/containers/auth.json": self.auths(*hosts)}, {}, ""),
            "one file each": ([], {".run/containers/auth.json": self.auths(hosts[0]),
                                   ".docker/config.json": self.auths(hosts[1])}, {}, ""),
            "path-scoped": ([], {".run/containers/auth.json": self.auths(
                f"{hosts[0]}/{self.project}", f"{hosts[1]}/{self.project}")}, {}, ""),
        }
        for way, (flags, files, environment, stdin) in rows.items():
            with self.subTest(way):
                home = self.home(environment)
                for name, text in files.items():
                    home.write(name, text).chmod(0o600)
                self.ok(home.run(*self.copy, *flags, stdin=stdin))
                self.holds(self.b, self.project, "v1", self.image)

    def test_an_entry_for_another_path_is_not_used(self):
        home = self.home()
        home.write(".run/containers/auth.json", self.auths(f"{self.a.host}/elsewhere", self.b.host))
        self.fails(home.run(*self.copy, "--progress", "none"), 6, self.a.host, "sluice login")

    def test_a_credential_helper_is_asked(self):
        home = self.home()
        script = home.write("bin/docker-credential-kit", f"""#!/bin/sh
read server
[ "$1" = get ] || exit 1
echo "$server" >> "{home.home}/asked"
printf '{{"ServerURL": "%s", "Username": "{kit.USER}", "Secret": "{kit.PASSWORD}"}}' "$server"
""")
        script.chmod(0o755)
        path = f"{home.home}/bin:{home.environment['PATH']}"
        for where, config in (("credHelpers", {"credHelpers": {self.a.host: "kit", self.b.host: "kit"}}),
                              ("credsStore", {"credsStore": "kit"})):
            with self.subTest(where):
                home.write(".docker/config.json", json.dumps(config))
                self.ok(home.run(*self.copy, environment={"PATH": path}))
                asked = set((home.home / "asked").read_text().split())
                self.assertTrue({self.a.host, self.b.host} <= asked, asked)

    def test_login_stores_what_copy_then_uses(self):
        home = self.home()
        for host in (self.a.host, self.b.host):
            self.ok(home.run("login", host, "-u", kit.USER, "--password-stdin", stdin=kit.PASSWORD + "\n"))
        self.ok(home.run(*self.copy))
        self.holds(self.b, self.project, "v1", self.image)
        for host in (self.a.host, self.b.host):
            self.ok(home.run("logout", host))
        self.fails(home.run(*self.copy, "--progress", "none"), 6)

    def test_a_wrong_login_is_refused_and_not_stored(self):
        home = self.home()
        for host in (self.a.host, self.b.host):
            with self.subTest(host):
                self.secrets.add("not the one")
                refused = home.run("login", host, "-u", kit.USER, "--password-stdin", stdin="not the one")
                self.fails_plainly(refused, 6, host)
                self.assertFalse((home.home / ".docker" / "config.json").exists())

    def test_one_token_serves_a_whole_copy(self):
        pair = f"{kit.USER}:{kit.PASSWORD}"
        self.ok(self.home().run(*self.copy, "--src-creds", pair, "--dest-creds", pair))
        self.assertEqual(len(self.tokens.requests), 1, self.tokens.requests)
        self.assertEqual(self.tokens.requests[0][2], [f"repository:{self.project}:pull,push"])

    def test_one_token_serves_both_sides_of_one_registry(self):
        home = self.home()
        home.write(".docker/config.json", self.auths(self.b.host))
        self.b.client().push(f"{self.project}/dev", "v1", self.image)
        self.tokens.requests.clear()
        project = f"{self.b.host}/{self.project}"
        result = self.ok(home.run("copy", f"{project}/dev:v1", f"{project}/prod:v1", "-o", "json")).json
        self.assertEqual(result["road"], "mount")
        self.assertEqual(len(self.tokens.requests), 1, self.tokens.requests)
        self.assertEqual(len(self.tokens.requests[0][2]), 2, self.tokens.requests)


class Tokens(kit.E2eCase):
    """Token servers with habits of their own. Each test has its own."""

    shared_registries = ()
    pair = f"{kit.USER}:{kit.PASSWORD}"

    def world(self, **habits):
        tokens = self.enterContext(kit.TokenServer(**habits))
        registry = self.enterContext(kit.Registry(auth=tokens))
        self.addCleanup(lambda: self.secrets.update(tokens.issued))
        self.addCleanup(self._scan_for_secrets)
        return tokens, registry

    def test_anonymous_pull_needs_no_credentials(self):
        tokens, registry = self.world(allow=lambda user, kind, name, action: user is not None or action == "pull")
        image = kit.random_image((500,), seed=self.project)
        with kit.Registry() as open_registry:
            registry.client().push("p/x", "v1", image)
            self.ok(self.home().run("copy", f"{registry.host}/p/x:v1", f"{open_registry.host}/p/x:v1"))
            self.holds(open_registry, "p/x", "v1", image)
        self.assertIn(("GET", None, ["repository:p/x:pull"]), tokens.requests)

    def test_a_server_that_grants_one_scope_at_a_time_is_asked_again(self):
        tokens, registry = self.world(one_scope=True)
        image = kit.random_image((500, 60), seed=self.project)
        registry.client().push("dev/x", "v1", image)
        tokens.requests.clear()
        home = self.home()
        self.ok(home.run("copy", f"{registry.host}/dev/x:v1", f"{registry.host}/prod/x:v1",
                         "--src-creds", self.pair, "--dest-creds", self.pair))
        self.holds(registry, "prod/x", "v1", image)
        self.assertTrue(any(len(scopes) == 1 for _, _, scopes in tokens.requests), tokens.requests)

    def test_an_identity_token_is_traded_for_tokens(self):
        tokens, registry = self.world(identity_tokens=True)
        image = kit.random_image((500,), seed=self.project)
        registry.client().push("p/x", "v1", image)
        refresh = tokens.identity_token(kit.USER)
        self.secrets.add(refresh)
        home = self.home()
        home.write(".docker/config.json", json.dumps({"auths": {registry.host: {
            "auth": base64.b64encode(b"00000000-0000-0000-0000-000000000000:").decode(), "identitytoken": refresh}}}))
        tokens.requests.clear()
        outcome = self.ok(home.run("digest", f"{registry.host}/p/x:v1"))
        self.assertEqual(outcome.out.strip(), image.digest)
        self.assertEqual(tokens.requests, [("POST", kit.USER, ["repository:p/x:pull"])])

    def test_two_identities_at_one_registry_stream_where_a_mount_is_not_theirs(self):
        accounts = {kit.USER: kit.PASSWORD, "reader": "r-secret", "writer": "w-secret"}
        self.secrets.update(["r-secret", "w-secret"])

        def allow(user, kind, name, action):
            side = {"reader": "dev/", "writer": "prod/"}.get(user, "")
            return user is not None and name.startswith(side)

        _, registry = self.world(accounts=accounts, allow=allow)
        image = kit.random_image(seed=self.project)
        registry.client().push("dev/x", "v1", image)
        result = self.ok(self.home().run(
            "copy", f"{registry.host}/dev/x:v1", f"{registry.host}/prod/x:v1", "--src-creds", "reader:r-secret",
            "--dest-creds", "writer:w-secret", "-o", "json")).json
        self.assertEqual((result["road"], result["bytes"]["moved"]), ("stream", image.size))
        self.holds(registry, "prod/x", "v1", image)


class Tls(kit.E2eCase):
    shared_registries = ("a",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.certificates = cls.enterClassContext(kit.Certificates())
        cls.tls = cls.enterClassContext(kit.Registry(tls=cls.certificates))

    def setUp(self):
        super().setUp()
        self.image = kit.random_image((600,), seed=self.project)
        self.a.client().push(self.project, "v1", self.image)
        self.copy = ("copy", f"{self.a.host}/{self.project}:v1", f"{self.tls.host}/{self.project}:v1",
                     "--progress", "none")

    def folder(self, home, *files):
        for file in files:
            home.write(f"certs/{file.name}", file.read_text())
        return home.home / "certs"

    def test_a_private_authority_is_trusted_by_cert_dir(self):
        home = self.home()
        self.ok(home.run(*self.copy, "--dest-cert-dir", self.folder(home, self.certificates.ca)))
        self.assertEqual(self.tls.client().digest(self.project, "v1"), self.image.digest)

    def test_a_private_authority_is_trusted_by_the_clusters_file(self):
        home = self.home()
        home.write("clusters.yaml", json.dumps({"clusters": {
            "b": {"registry": self.tls.host, "ca": f"file:{self.certificates.ca}"}}}))
        self.ok(home.run(*self.copy, "--clusters", "clusters.yaml"))
        self.assertEqual(self.tls.client().digest(self.project, "v1"), self.image.digest)

    def test_a_certificate_nobody_vouches_for_is_refused(self):
        check = self.unchanged(self.tls)
        self.fails_plainly(self.home().run(*self.copy), 1, self.tls.host, "certificate", "ca.crt")
        check()

    def test_a_certificate_nobody_vouches_for_is_accepted_by_flag(self):
        self.ok(self.home().run(*self.copy, "--dest-tls-verify=false"))
        self.assertEqual(self.tls.client().digest(self.project, "v1"), self.image.digest)

    def test_client_certificates_open_the_door(self):
        kit.need("nginx")
        with kit.Registry() as behind, kit.TlsFront(behind.host, self.certificates, client_certificates=True) as front:
            copy = ("copy", f"{self.a.host}/{self.project}:v1", f"{front.host}/{self.project}:v1", "--progress", "none")
            home = self.home()
            check = self.unchanged(behind)
            self.fails(home.run(*copy, "--dest-cert-dir", self.folder(home, self.certificates.ca)), 6, front.host,
                       "asks for a client certificate", "*.cert and *.key")
            check("without a client certificate")
            home.write("certs/client.cert", self.certificates.client_cert.read_text())
            home.write("certs/client.key", self.certificates.client_key.read_text())
            self.ok(home.run(*copy, "--dest-cert-dir", home.home / "certs"))
            self.holds(behind, self.project, "v1", self.image)


class Liars(kit.E2eCase):
    shared_registries = ("b",)

    def test_registries_that_refuse_everything_say_why(self):
        denied = b'{"errors":[{"code":"DENIED","message":"not for you"}]}'
        unknown = b'{"errors":[{"code":"NAME_UNKNOWN","message":"never heard of it"}]}'
        rows = {
            "404": (hostile.status(404, unknown), 1, ("NAME_UNKNOWN", "404")),
            "404 without a body": (hostile.status(404), 1, ("404",)),
            "403": (hostile.status(403, denied), 6, ("DENIED", "not for you")),
            "403 without a body": (hostile.status(403), 6, ("403",)),
        }
        for kind, (behaviour, code, words) in rows.items():
            with self.subTest(kind), kit.HostileServer(behaviour) as server:
                outcome = self.home().run("copy", f"{server.host}/p/x:v1", f"{self.b.host}/p/x:v1",
                                          "--progress", "none")
                self.fails_plainly(outcome, code, server.host, *words)
                self.assertEqual(self.b.client().repositories(), [])

    def test_an_honest_server_made_the_same_way_is_believed(self):
        image = kit.index_of(seed=self.project)
        parts = kit.random_image(seed=self.project)
        for number, what in enumerate((image, parts)):
            with kit.HostileServer(hostile.serving(what)) as server:
                self.ok(self.home().run("copy", f"{server.host}/p/x:v1", f"{self.b.host}/honest/x{number}:v1"))
                self.holds(self.b, f"honest/x{number}", "v1", what)
                self.b.wipe()


class Events(kit.E2eCase):
    def lines(self, text):
        return [json.loads(line) for line in text.splitlines()]

    def test_events_tell_the_way_of_an_image(self):
        image = kit.random_image((900, 100), seed=self.project)
        self.a.client().push(self.project, "v1", image)
        home = self.home()
        self.ok(home.run("copy", f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v1",
                         "--events", "events.jsonl"))
        events = self.lines((home.home / "events.jsonl").read_text())
        kinds = [event["kind"] for event in events]
        self.assertEqual(kinds[:2], ["road", "total"])
        self.assertEqual(kinds[-1], "tag")
        self.assertEqual(events[1]["bytes"], image.size)
        done = {event["digest"] for event in events if event["kind"] == "blob-done"}
        self.assertEqual(done, {blob.digest for blob in image.blobs})

    def test_events_on_stdout_end_with_the_result(self):
        image = kit.random_image((900,), seed=self.project)
        self.a.client().push(self.project, "v1", image)
        source, target = f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v1"
        outcome = self.ok(self.home().run("copy", source, target, "--events", "-", "-o", "json"))
        lines = self.lines(outcome.out)
        self.assertEqual({line["schema"] for line in lines[:-1]}, {"sluice.event/1"})
        self.assertEqual(lines[-1]["schema"], "sluice.copy/1")

    def test_events_that_cannot_be_written_stop_before_anything_is_done(self):
        check = self.unchanged(self.b)
        self.a.client().push(self.project, "v1", kit.random_image((900,), seed=self.project))
        outcome = self.home().run("copy", f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v1",
                                  "--events", "no/such/folder/events")
        self.fails_plainly(outcome, 2, "no/such/folder/events")
        check()


class LookUps(kit.E2eCase):
    shared_registries = ("a",)

    def test_digest_of_a_tag(self):
        image = kit.random_image((100,), seed=self.project)
        self.a.client().push(self.project, "v1", image)
        outcome = self.ok(self.home().run("digest", f"{self.a.host}/{self.project}:v1"))
        self.assertEqual(outcome.out, image.digest + "\n")

    def test_tags_come_newest_version_first(self):
        image = kit.random_image((100,), seed=self.project)
        for tag in ("v1.9.0", "v1.10.0", "v1.10.0-rc.1", "latest"):
            self.a.client().push(self.project, tag, image)
        home = self.home()
        listed = self.ok(home.run("tags", f"{self.a.host}/{self.project}")).out.split()
        self.assertEqual(sorted(listed), sorted(["v1.9.0", "v1.10.0", "v1.10.0-rc.1", "latest"]))
        self.assertEqual(self.ok(home.run("tags", f"{self.a.host}/{self.project}", "--filter", "v1.*")).out.split(),
                         ["v1.10.0", "v1.10.0-rc.1", "v1.9.0"])

    def test_inspect_shows_layers_platform_and_labels(self):
        image = kit.random_image((100, 200), seed=self.project)
        self.a.client().push(self.project, "v1", image)
        shown = self.ok(self.home().run("inspect", f"{self.a.host}/{self.project}:v1", "-o", "json")).json
        self.assertEqual(shown["digest"], image.digest)
        self.assertEqual([layer["digest"] for layer in shown["layers"]], [layer.digest for layer in image.layers])
        self.assertEqual(shown["config"]["platform"], "linux/amd64")
        self.assertEqual(shown["config"]["labels"], {"seed": self.project})

    def test_inspect_of_an_index_shows_its_images(self):
        image = kit.index_of(seed=self.project)
        self.a.client().push(self.project, "v1", image)
        shown = self.ok(self.home().run("inspect", f"{self.a.host}/{self.project}:v1", "-o", "json")).json
        self.assertEqual([child["digest"] for child in shown["manifests"]], [child.digest for child in image.children])
        self.assertIsNone(shown["layers"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
