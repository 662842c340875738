"""Bad input, bad networks and bad registries: one line that names the thing and the way out, the documented exit code,
and nothing changed at the destination."""

import json
import pathlib
import resource
import signal
import socket
import threading
import unittest

import sluicekit as kit
from sluicekit import hostile, images

kit.need("docker-registry")

PAIR = f"{kit.USER}:{kit.PASSWORD}"


def closed_port():
    """A port that was free a moment ago and that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Copies(kit.E2eCase):
    """One good image at registry a; registry b is where it must not arrive."""

    def setUp(self):
        super().setUp()
        self.image = kit.random_image((700, 90), seed=self.project)
        self.a.client().push(self.project, "v1", self.image)
        self.source = f"{self.a.host}/{self.project}:v1"
        self.target = f"{self.b.host}/{self.project}:v1"

    def refused(self, code, words, *arguments, home=None, plainly=True, **options):
        """Runs, and checks exit code, the one line, and that registry b is what it was."""
        check = self.unchanged(self.b)
        outcome = (home or self.home()).run(*arguments, "--progress", "none", **options)
        line = (self.fails_plainly if plainly else self.fails)(outcome, code, *words)
        check(f"\n{outcome}")
        return line


class Networks(Copies):
    def test_unknown_host(self):
        for side in ("source", "target"):
            with self.subTest(side):
                names = {"source": self.source, "target": self.target,
                         side: f"no-such-registry.invalid/{self.project}:v1"}
                self.refused(7, ["no-such-registry.invalid"], "copy", names["source"], names["target"],
                             "--retry-times", "0", "--timeout", "5")

    def test_refused_connection(self):
        for side in ("source", "target"):
            with self.subTest(side):
                host = f"127.0.0.1:{closed_port()}"
                names = {"source": self.source, "target": self.target, side: f"{host}/{self.project}:v1"}
                self.refused(7, [host, "refused"], "copy", names["source"], names["target"], "--retry-times", "0")

    def test_a_registry_that_never_answers(self):
        with kit.HostileServer(hostile.silent) as server:
            for names in ((f"{server.host}/p/x:v1", self.target), (self.source, f"{server.host}/p/x:v1")):
                with self.subTest(names[0]):
                    self.refused(7, [server.host], "copy", *names, "--timeout", "1", "--retry-times", "0")

    def test_a_destination_that_stops_taking_bytes(self):
        # Larger than all buffers on the way: what fits there counts as sent, and a registry may think about that longer.
        self.a.client().push(self.project, "large", kit.random_image((24 << 20,), seed=self.project))

        def behaviour(request):
            if request.method == "POST":
                return kit.Reply(202, {"Location": f"/v2/{self.project}/blobs/uploads/1"})
            return kit.Reply(404) if request.method == "GET" else kit.Reply(hang=True)

        with kit.HostileServer(behaviour, takes_bodies=False) as server:
            self.refused(7, [server.host], "copy", f"{self.a.host}/{self.project}:large",
                         f"{server.host}/{self.project}:v1", "--timeout", "1", "--retry-times", "0")
            self.assertIn("PUT", [request.method for request in server.requests])

    def test_a_source_that_stops_sending_bytes(self):
        fault = {"method": "GET", "target": "/blobs/", "action": "stall", "side": "response", "at": 50, "times": 0}
        with kit.Proxy(self.a.host, faults=[fault]) as proxy:
            self.refused(7, [proxy.host], "copy", f"{proxy.host}/{self.project}:v1", self.target, "--timeout", "1",
                         "--retry-times", "0")


class Rights(kit.E2eCase):
    """Wrong passwords and missing rights, at a registry with basic credentials and at one with tokens."""

    shared_registries = ("a",)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.basic = cls.enterClassContext(kit.Registry(auth="basic"))
        accounts = {kit.USER: kit.PASSWORD, "reader": "only reading"}
        cls.tokens = cls.enterClassContext(kit.TokenServer(
            accounts, allow=lambda user, kind, name, action: user == kit.USER or (user and action == "pull")))
        cls.token = cls.enterClassContext(kit.Registry(auth=cls.tokens))

    def setUp(self):
        super().setUp()
        self.secrets.update(["only reading", "not the one"])
        self.image = kit.random_image((700,), seed=self.project)
        self.a.client().push(self.project, "v1", self.image)
        self.source = f"{self.a.host}/{self.project}:v1"

    def tearDown(self):
        self.secrets.update(self.tokens.issued)

    def refused(self, registry, words, *flags):
        check = self.unchanged(registry)
        outcome = self.home().run("copy", self.source, f"{registry.host}/{self.project}:v1", "--progress", "none",
                                  *flags)
        self.fails_plainly(outcome, 6, registry.host, *words)
        check(f"\n{outcome}")

    def test_wrong_password(self):
        for kind in ("basic", "token"):
            with self.subTest(kind):
                self.refused(getattr(self, kind), ["--dest-creds"], "--dest-creds", f"{kit.USER}:not the one")

    def test_no_password(self):
        for kind in ("basic", "token"):
            with self.subTest(kind):
                self.refused(getattr(self, kind), ["sluice login"])

    def test_no_push_right(self):
        self.refused(self.token, ["push", self.project], "--dest-creds", "reader:only reading")

    def test_no_pull_right(self):
        self.token.client().push(self.project, "v1", self.image)
        outcome = self.home().run("copy", f"{self.token.host}/{self.project}:v1", f"{self.a.host}/elsewhere/x:v1")
        self.fails_plainly(outcome, 6, self.token.host, "sluice login")
        self.assertEqual(self.a.client().tags("elsewhere/x"), [])

    def test_unreadable_credentials(self):
        rows = {"env:SLUICE_NOBODY_SET_THIS": "SLUICE_NOBODY_SET_THIS", "file:no-such-file": "no-such-file",
                "nocolon": "--dest-creds"}
        for value, word in rows.items():
            with self.subTest(value):
                check = self.unchanged(self.basic)
                outcome = self.home().run("copy", self.source, f"{self.basic.host}/{self.project}:v1",
                                          "--dest-creds", value)
                self.fails_plainly(outcome, 2, word)
                check()

    def test_broken_credential_files_stop_with_their_name(self):
        for text in ("{", "[]", '{"auths": {"%s": {"auth": "***"}}}' % self.basic.host):
            with self.subTest(text):
                home = self.home()
                home.write("auth.json", text)
                outcome = home.run("copy", self.source, f"{self.basic.host}/{self.project}:v1",
                                   "--authfile", "auth.json")
                self.fails_plainly(outcome, 2, "auth.json")

    def test_a_password_in_a_flag_cannot_be_seen_in_the_process_list(self):
        # An event a run: what the run before still asks for while it is ended says nothing about this one.
        asked = {project: threading.Event() for project in ("first", "second", "third")}

        def behaviour(request):
            for project, event in asked.items():
                if f"/{project}/" in request.path:
                    event.set()
            return kit.Reply(hang=True)

        with kit.HostileServer(behaviour) as server:
            ways = (("--src-creds", PAIR), (f"--src-creds={PAIR}",), ("--dest-creds", PAIR))
            for project, flags in zip(asked, ways):
                with self.subTest(flags[0].partition("=")[0]):
                    home = self.home()
                    child = home.start("copy", f"{server.host}/{project}/x:v1", f"{server.host}/{project}/y:v1", *flags)
                    self.assertTrue(asked[project].wait(60), "the server was never asked")
                    seen = pathlib.Path(f"/proc/{child.pid}/cmdline").read_bytes()
                    home.interrupt(child)
                    self.assertIn(b"copy", seen)
                    self.assertNotIn(kit.PASSWORD.encode(), seen)
                    self.assertNotIn(kit.USER.encode() + b":", seen)


class Certificates(kit.E2eCase):
    shared_registries = ("a",)

    def test_a_certificate_that_nobody_vouches_for(self):
        image = kit.random_image((700,), seed=self.project)
        self.a.client().push("dev/shop", "latest", image)
        with kit.Certificates() as certificates, kit.Registry(tls=certificates) as registry:
            home = self.home()
            home.write("sluice.yaml", kit.pipeline("shop", ["shop"], ("dev", [(self.a.host, "dev")]),
                                                   ("prod", [(registry.host, "prod")])))
            check = self.unchanged(registry)
            for command in (("copy", f"{self.a.host}/dev/shop", f"{registry.host}/prod/shop"),
                            ("promote", "--to", "prod", "--yes"), ("plan", "--to", "prod"),
                            ("digest", f"{registry.host}/prod/shop")):
                with self.subTest(command[0]):
                    self.fails_plainly(home.run(*command), 1, registry.host, "certificate", "ca.crt")
            check()

    def test_a_missing_certificate_folder(self):
        outcome = self.home().run("digest", f"{self.a.host}/x", "--cert-dir", "no-such-folder")
        self.fails_plainly(outcome, 2, "no-such-folder")


class Sources(Copies):
    def test_missing_source_tag(self):
        self.refused(1, [f"{self.project}:v2", self.a.host], "copy", f"{self.a.host}/{self.project}:v2", self.target)

    def test_missing_source_repository(self):
        self.refused(1, ["no/such"], "copy", f"{self.a.host}/no/such:v1", self.target)

    def test_missing_source_digest(self):
        digest = "sha256:" + "0" * 64
        self.refused(1, [digest[7:19]], "copy", f"{self.a.host}/{self.project}@{digest}", self.target)

    def test_malformed_references(self):
        rows = {
            "": "SOURCE", "shop": "shop", "shop:latest": "shop", f"{self.a.host}/Upper/x": "Upper",
            f"{self.a.host}/p/x:": None, f"{self.a.host}/p/x:bad tag": None, f"{self.a.host}/p//x": None,
            f"{self.a.host}/p/x@sha256:12": "sha256:12", f"{self.a.host}/p/x@md5:{'0' * 32}": None,
            f"{self.a.host}/p/x@sha256:{'A' * 64}": None, "https://127.0.0.1/p/x": "https://",
            "127.0.0.1:99999/p/x": None,
            f"{self.a.host}/p/x:{'t' * 129}": None, f"{self.a.host}/p/\x1b[31mx": None,
        }
        for reference, word in rows.items():
            with self.subTest(reference):
                for arguments in ((reference, self.target), (self.source, reference)):
                    line = self.refused(2, [word] if word and arguments[0] == reference else [], "copy", *arguments)
                    self.assertNotIn("\x1b", line)
                self.refused(2, [], "digest", reference)

    def test_other_transports_are_not_supported_yet(self):
        for transport in ("oci:folder", "docker-archive:x.tar", "oci-archive:x.tar"):
            with self.subTest(transport):
                self.refused(2, [transport.partition(":")[0]], "copy", transport, self.target)


class Registries(Copies):
    def test_a_web_server_is_no_registry(self):
        with kit.HostileServer(hostile.html) as server:
            for names in ((f"{server.host}/p/x:v1", self.target), (self.source, f"{server.host}/p/x:v1")):
                with self.subTest(names[0]):
                    self.refused(1, [server.host, "web page"], "copy", *names)

    def test_lies_about_length_and_digest(self):
        rows = {
            "other bytes than the digest": (hostile.wrong_digest, (1,)),
            "a blob shorter than its descriptor": (hostile.short_blob, (1,)),
            "a length that never comes": (hostile.wrong_length, (1, 7)),
            "another manifest than its digest": (hostile.other_manifest, (1,)),
        }
        for lie, (behaviour, codes) in rows.items():
            with self.subTest(lie), kit.HostileServer(hostile.serving(self.image, behaviour)) as server:
                outcome = self.home().run("copy", f"{server.host}/p/x:v1", self.target, "--progress", "none",
                                          "--retry-times", "1")
                self.assertIn(outcome.code, codes, outcome)
                self.fails_plainly(outcome, outcome.code)
                self.nothing_arrived(self.image)

    def test_a_manifest_that_is_not_what_was_asked_for_by_digest(self):
        other = kit.random_image((50,), seed="other")

        def behaviour(request):
            if "/manifests/" in request.path:
                return kit.Reply(200, {"Content-Type": other.media_type}, other.manifest)
            return kit.Reply(404)

        with kit.HostileServer(behaviour) as server:
            self.refused(1, [self.image.digest[7:19]], "copy", f"{server.host}/p/x@{self.image.digest}", self.target)

    def test_manifests_that_are_none(self):
        rows = {
            "no JSON": (b"hello", images.OCI["manifest"]),
            "empty": (b"", images.OCI["manifest"]),
            "an array": (b"[]", images.OCI["manifest"]),
            "deep": (b"[" * 100_000, images.OCI["manifest"]),
            "too large": (b'{"schemaVersion": 2, "pad": "' + b"x" * (9 << 20) + b'"}', images.OCI["manifest"]),
            "schema 1": (b'{"schemaVersion": 1, "name": "x", "tag": "v1", "fsLayers": []}',
                         "application/vnd.docker.distribution.manifest.v1+prettyjws"),
            "a negative size": (self.image.manifest.replace(b'"size": ', b'"size": -'), images.OCI["manifest"]),
            "a digest with a path in it": (self.image.manifest.replace(b"sha256:", b"sha256:../../"),
                                           images.OCI["manifest"]),
            "an index that holds itself many times": (json.dumps({
                "schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": [
                    {"mediaType": images.OCI["index"], "digest": f"sha256:{n:064x}", "size": 10} for n in range(3000)],
            }).encode(), images.OCI["index"]),
        }
        for kind, (body, media_type) in rows.items():
            with self.subTest(kind):
                behaviour = hostile.status(200, body, Content_Type=media_type)
                with kit.HostileServer(behaviour) as server:
                    self.refused(1, [], "copy", f"{server.host}/p/x:v1", self.target)

    def test_schema_1_is_refused_with_an_explanation(self):
        body = b'{"schemaVersion": 1, "name": "x", "tag": "v1", "fsLayers": [], "history": [], "signatures": []}'
        behaviour = hostile.status(200, body, Content_Type="application/vnd.docker.distribution.manifest.v1+prettyjws")
        with kit.HostileServer(behaviour) as server:
            self.refused(1, ["schema"], "copy", f"{server.host}/p/x:v1", self.target)

    def test_a_destination_that_lies_about_what_it_stored(self):
        """It takes the tag and then shows another digest: what is read back decides."""
        other = kit.random_image((50,), seed=f"{self.project}-other")
        with kit.Proxy(self.b.host) as proxy:
            proxy.fault(method="GET", target="/manifests/v1$", nth=2, times=0, action="status", status=200, headers={
                "Content-Type": other.media_type, "Docker-Content-Digest": other.digest}, body=other.manifest.decode())
            outcome = self.home().run("copy", self.source, f"{proxy.host}/{self.project}:v1", "--progress", "none")
            self.fails_plainly(outcome, 1, other.digest, self.image.digest)

    def test_words_of_a_registry_cannot_control_the_terminal(self):
        message = "\x1b[2J\x07 gone\r\nsluice: all is well"
        body = json.dumps({"errors": [{"code": "DENIED", "message": message}]}).encode()
        with kit.HostileServer(hostile.status(403, body)) as server:
            line = self.refused(6, ["gone"], "copy", f"{server.host}/p/x:v1", self.target)
            self.assertNotRegex(line, r"[\x00-\x1f\x7f]")

    def nothing_arrived(self, image):
        """Blobs that were in order may have come; no manifest, no tag, and none of the false ones."""
        client = self.b.client()
        self.assertEqual(client.tags(self.project), [])
        self.assertEqual(client.call("GET", f"/v2/{self.project}/manifests/{image.digest}", expect=None)[0], 404)


class Pipelines(kit.E2eCase):
    GOOD = """app: shop
images: [shop]
environments:
  - {{name: dev, registry: "{0}", project: {1}/dev}}
  - {{name: prod, registry: "{0}", project: {1}/prod}}
"""

    shared_registries = ("a",)

    def setUp(self):
        super().setUp()
        self.old, self.new = (kit.random_image((500,), seed=f"{self.project}-{n}") for n in (1, 2))
        self.a.client().push(f"{self.project}/dev/shop", "latest", self.old)
        self.good = self.GOOD.format(self.a.host, self.project)

    def refused(self, home, code, words, *arguments, plainly=True, **options):
        check = self.unchanged(self.a)
        outcome = home.run(*arguments, **options)
        (self.fails_plainly if plainly else self.fails)(outcome, code, *words)
        check(f"\n{outcome}")

    def test_malformed_pipelines_stop_with_line_and_column(self):
        rows = {
            "not YAML": ("app: [shop\n", "sluice.yaml:"),
            "a tab": ("app: shop\n\timages: [shop]\n", "sluice.yaml:2:"),
            "unknown key": (self.good + "enviroments: []\n", "sluice.yaml:6:1"),
            "unknown key within": (self.good.replace("project:", "projekt:", 1), "sluice.yaml:4:"),
            "a key twice": (self.good + "app: other\n", "sluice.yaml:6:1"),
            "a list for a text": (self.good.replace("app: shop", "app: [shop]"), "sluice.yaml:1:6"),
            "no images": (self.good.replace("images: [shop]", "images: []"), "sluice.yaml:2:"),
            "one environment": (self.good.rpartition("  - ")[0], "sluice.yaml:"),
            "an environment twice": (self.good.replace("name: prod", "name: dev"), "sluice.yaml:5:"),
            "a bad tag": (self.good + "source: {tag: 'a b'}\n", "sluice.yaml:6:"),
            "not supported yet": (self.good + "gates: {}\n", "not supported yet"),
            "empty": ("", "sluice.yaml"),
            "binary": ("\x00\x01\x02", "sluice.yaml"),
            "an anchor": (self.good.replace("app: shop", "app: &a shop"), "sluice.yaml:1:"),
        }
        for kind, (text, where) in rows.items():
            with self.subTest(kind):
                home = self.home()
                home.write("sluice.yaml", text)
                for command in (("promote", "--to", "prod", "--yes"), ("status",)):
                    self.refused(home, 2, [where], *command)
                self.assertEqual([p.name for p in home.home.iterdir() if p.name not in (".run", "sluice.yaml")], [])

    def test_a_misspelt_key_is_suggested(self):
        home = self.home()
        home.write("sluice.yaml", self.good.replace("images:", "imgaes:"))
        self.refused(home, 2, ["imgaes", "images"], "plan", "--to", "prod")

    def test_a_missing_pipeline(self):
        self.refused(self.home(), 1, ["sluice.yaml"], "plan", "--to", "prod")
        self.refused(self.home(), 1, ["other.yaml"], "plan", "--to", "prod", "-f", "other.yaml")

    def test_an_unknown_environment(self):
        home = self.home()
        home.write("sluice.yaml", self.good)
        for command in (("promote", "--to", "prdo", "--yes"), ("plan", "--to", "prdo"),
                        ("rollback", "--to", "prdo", "--yes"), ("hold", "prdo"), ("unhold", "prdo"), ("history", "--env", "prdo")):
            with self.subTest(command[0]):
                self.refused(home, 2, ["prdo", "prod"], *command)

    def test_promoting_backwards(self):
        home = self.home()
        home.write("sluice.yaml", self.good)
        for image in (self.old, self.new):
            self.a.client().push(f"{self.project}/dev/shop", "latest", image)
            self.ok(home.run("promote", "--to", "prod", "--yes"))
        self.a.client().push(f"{self.project}/dev/shop", "latest", self.old)
        words = ["shop 2", "shop 1", "--release 1"]
        self.refused(home, 2, words, "promote", "--to", "prod", "--yes", "--progress", "none")
        self.refused(home, 2, words, "plan", "--to", "prod")

    def test_bad_clusters_files(self):
        home = self.home()
        home.write("sluice.yaml", self.good.replace(f'registry: "{self.a.host}"', "cluster: nonprod", 1))
        self.refused(home, 2, ["nonprod"], "plan", "--to", "prod")
        rows = {
            "no such entry": ("clusters:\n  other: {registry: x.example.com}\n", "nonprod"),
            "a literal secret": (f"clusters:\n  nonprod: {{registry: \"{self.a.host}\", username: u,"
                                 f" password: {kit.PASSWORD}}}\n", "clusters.yaml:2:"),
            "unknown key": (f"clusters:\n  nonprod: {{registri: \"{self.a.host}\"}}\n", "registry"),
        }
        for kind, (text, word) in rows.items():
            with self.subTest(kind):
                home.write("clusters.yaml", text)
                self.refused(home, 2, [word], "plan", "--to", "prod", "--clusters", "clusters.yaml")


class FullDisks(kit.E2eCase):
    shared_registries = ("a",)

    def setUp(self):
        super().setUp()
        self.sluice = self.home()

    def app(self, name):
        project = f"{self.project}/{name}"
        image = kit.random_image((500,), seed=project)
        self.a.client().push(f"{project}/dev/shop", "latest", image)
        self.sluice.write("sluice.yaml", kit.pipeline("shop", ["shop"], ("dev", [(self.a.host, f"{project}/dev")]),
                                                      ("prod", [(self.a.host, f"{project}/prod")])))
        return project, image

    @staticmethod
    def limit(size):
        """For the child: no file grows beyond `size`; writing fails as on a full disk instead of killing."""
        def apply():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        return apply

    def test_a_full_disk_stops_before_anything_is_switched(self):
        self.app("x")
        check = self.unchanged(self.a)
        outcome = self.sluice.run("promote", "--to", "prod", "--yes", "--progress", "none", before_start=self.limit(0))
        self.fails(outcome, 1, "records")
        check(f"\n{outcome}")

    def test_records_that_are_no_file(self):
        self.app("x")
        check = self.unchanged(self.a)
        self.fails(self.sluice.run("promote", "--to", "prod", "--yes", "--progress", "none", "--state", "/dev/full"), 2,
                   "/dev/full", "--state")
        check()

    def test_whenever_the_disk_is_full_the_next_run_arrives(self):
        stopped = 0
        for number, size in enumerate(range(20_000, 400_000, 20_000)):
            project, image = self.app(f"n{number}")
            state = ("--state", f"records-{number}.db")
            outcome = self.sluice.run("promote", "--to", "prod", "--yes", "--progress", "none", *state,
                                      before_start=self.limit(size))
            if outcome.code == 0:
                break
            with self.subTest(size):
                stopped += 1
                self.fails(outcome, outcome.code, "records")
                self.assertIn(outcome.code, (1, 4), outcome)
                history = self.sluice.run("history", "-o", "json", *state)
                known = history.json["promotions"] if history.code == 0 else []
                open_one = known and known[0]["state"] not in ("succeeded", "failed")
                again = ("resume", known[0]["promotion"]) if open_one else ("promote", "--to", "prod", "--yes")
                self.ok(self.sluice.run(*again, *state))
                self.holds(self.a, f"{project}/prod/shop", "latest", image)
        self.assertGreater(stopped, 1, "the limits were too wide to be met")

    def test_records_that_are_none(self):
        self.app("x")
        self.sluice.write("broken.db", "this is no database, and longer than the head of one would be" * 30)
        check = self.unchanged(self.a)
        for command in (("promote", "--to", "prod", "--yes", "--progress", "none"), ("status",), ("history",)):
            with self.subTest(command[0]):
                self.fails(self.sluice.run(*command, "--state", "broken.db"), 1, "broken.db")
        check()

    def test_events_that_could_not_be_written_are_told(self):
        """The exit code says what became of the images; that the events are not complete is said beside it."""
        project, image = self.app("x")
        outcome = self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "--progress", "none",
                                          "--events", "/dev/full"))
        self.assertIn("not every event could be written to /dev/full", outcome.err, outcome)
        self.holds(self.a, f"{project}/prod/shop", "latest", image)


class CommandLines(kit.E2eCase):
    shared_registries = ()

    def test_typing_errors_are_answered_with_what_was_meant(self):
        rows = {
            ("promot", "--to", "prod"): ("promot", "promote"),
            ("promote", "--too", "prod"): ("--too", "--to"),
            ("promote", "--to", "prod", "--yess"): ("--yess", "--yes"),
            ("copy", "--src-cred", "x:y", "h/p/a", "h/p/b"): ("--src-cred", "--src-creds"),
            ("copy", "--dest-tls-verfy=false", "h/p/a", "h/p/b"): ("--dest-tls-verfy", "--dest-tls-verify"),
            ("statsu",): ("statsu", "status"),
            ("release", "creat"): ("creat", "create"),
            ("plan", "--to", "prod", "--outptu", "json"): ("--outptu", "--output"),
        }
        for arguments, words in rows.items():
            with self.subTest(" ".join(arguments)):
                self.fails_plainly(self.home().run(*arguments), 2, *words)

    def test_what_is_missing_or_wrong_is_named(self):
        rows = {
            (): "a command is missing",
            ("copy",): "SOURCE",
            ("copy", "h/p/a"): "DESTINATION",
            ("copy", "h/p/a", "h/p/b", "h/p/c"): "an argument too many",
            ("promote",): "--to",
            ("promote", "--to"): "--to",
            ("status", "-o", "yaml"): "yaml",
            ("status", "--progress", "fancy"): "fancy",
            ("status", "--timeout", "0"): "--timeout",
            ("status", "--timeout", "soon"): "--timeout",
            ("status", "--retry-times", "-1"): "--retry-times",
            ("history", "--limit", "0"): "--limit",
            ("undo",): "PROMOTION",
            ("login", "registry.example.com"): "-u",
            ("login", "-u", "x"): "REGISTRY",
            ("login", "https://registry.example.com/x", "-u", "x", "--password-stdin"): "registry.example.com",
        }
        for arguments, word in rows.items():
            with self.subTest(" ".join(arguments)):
                self.fails_plainly(self.home().run(*arguments), 2, word)

    def test_tags_wants_a_repository(self):
        for reference in ("127.0.0.1:1/p/x:v1", f"127.0.0.1:1/p/x@sha256:{'0' * 64}"):
            self.fails_plainly(self.home().run("tags", reference), 2, "sluice tags 127.0.0.1:1/p/x")

    def test_an_empty_password_is_no_password(self):
        outcome = self.home().run("login", "127.0.0.1:1", "-u", "x", "--password-stdin", stdin="\n")
        self.fails_plainly(outcome, 2, "password")

    def test_login_off_a_terminal_says_how_to_pipe(self):
        self.fails_plainly(self.home().run("login", "127.0.0.1:1", "-u", "x"), 2, "--password-stdin")

    def test_errors_are_json_when_asked_for(self):
        outcome = self.home().run("digest", f"127.0.0.1:{closed_port()}/p/x", "-o", "json", "--retry-times", "0")
        self.fails(outcome, 7)
        self.assertEqual((outcome.json["schema"], outcome.json["exit"]), ("sluice.error/1", 7))
        self.assertEqual(outcome.json["error"]["kind"], "unreachable")

    def test_usage_errors_are_json_when_asked_for(self):
        for arguments in (("copy", "-o", "json"), ("promote", "--too", "x", "--output=json"), ("stauts", "-ojson")):
            with self.subTest(" ".join(arguments)):
                outcome = self.home().run(*arguments)
                self.fails(outcome, 2)
                self.assertIsNotNone(outcome.json, outcome)
                self.assertEqual((outcome.json["error"]["kind"], outcome.json["exit"]), ("usage", 2))

    def test_the_reason_is_told_in_full_with_v(self):
        outcome = self.home().run("digest", f"127.0.0.1:{closed_port()}/p/x", "-v", "--retry-times", "0")
        self.fails(outcome, 7)
        self.assertIn("kind: unreachable", outcome.err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
