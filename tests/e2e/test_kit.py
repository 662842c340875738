"""The kit itself, against docker-registry and skopeo: what the other tests stand on has to stand."""

import json
import pathlib
import subprocess
import tempfile
import unittest
import unittest.mock
import urllib.error
import urllib.request

import sluicekit as kit
from sluicekit import hostile, images

kit.need("docker-registry", "skopeo", "openssl", "curl")


def skopeo(*arguments):
    return subprocess.run(["skopeo", *arguments], capture_output=True, check=False, timeout=60)


def inspect_raw(registry, name, *flags):
    done = skopeo("inspect", "--raw", "--tls-verify=false", *flags, f"docker://{registry.host}/{name}")
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Images(unittest.TestCase):
    def test_the_same_seed_gives_the_same_image(self):
        self.assertEqual(kit.random_image(seed=7).digest, kit.random_image(seed=7).digest)
        self.assertNotEqual(kit.random_image(seed=7).digest, kit.random_image(seed=8).digest)

    def test_a_layer_says_its_true_size_and_digest(self):
        for layer in (kit.Layer(3 << 20, "a"), kit.Layer(0, "b"), kit.Layer(files={"x": "y\n"})):
            blob = b"".join(layer.chunks())
            self.assertEqual(len(blob), layer.size)
            self.assertEqual(images.Bytes(blob).digest, layer.digest)


class Registries(unittest.TestCase):
    def test_what_is_pushed_is_what_another_client_reads(self):
        cases = {
            "oci": kit.random_image(seed="k1"),
            "docker": kit.random_image(seed="k2", types=images.DOCKER),
            "index": kit.index_of(seed="k3"),
            "list": kit.index_of(seed="k4", types=images.DOCKER),
            "app": kit.app_image("shop", "1.0", base_size=1 << 20),
        }
        with kit.Registry() as registry:
            client = registry.client()
            for name, image in cases.items():
                with self.subTest(name):
                    self.assertEqual(client.push(f"p/{name}", "v1", image), image.digest)
                    self.assertEqual(inspect_raw(registry, f"p/{name}:v1"), image.manifest)
                    self.assertEqual(client.digest(f"p/{name}", "v1"), image.digest)
            self.assertEqual(client.tags("p/oci"), ["v1"])
            self.assertIsNone(client.digest("p/oci", "v2"))
            self.assertEqual(client.repositories(), [f"p/{name}" for name in sorted(cases)])

    def test_skopeo_copies_a_made_image_without_changing_it(self):
        image = kit.index_of(seed="copy", types=images.DOCKER)
        with kit.Registry() as source, kit.Registry() as target:
            source.client().push("dev/shop", "latest", image)
            done = skopeo("copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false",
                          f"docker://{source.host}/dev/shop:latest", f"docker://{target.host}/prod/shop:latest")
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            self.assertEqual(target.client().digest("prod/shop", "latest"), image.digest)

    def test_wiping_forgets_everything_on_the_same_port(self):
        with kit.Registry() as registry:
            port = registry.port
            registry.client().push("p/a", "v1", kit.random_image())
            registry.wipe()
            self.assertEqual(registry.port, port)
            self.assertEqual(registry.client().tags("p/a"), [])

    def test_nothing_is_left_behind(self):
        registry = kit.Registry()
        folder, pid = registry.folder, registry._child.pid
        registry.close()
        self.assertFalse(folder.exists())
        self.assertFalse(pathlib.Path(f"/proc/{pid}").exists())

    def test_basic_credentials_are_asked_for(self):
        with kit.Registry(auth="basic") as registry:
            image = kit.random_image(seed="basic")
            registry.client().push("p/a", "v1", image)
            with self.assertRaises(kit.RegistryError) as refused:
                registry.client(kit.USER, "wrong").manifest("p/a", "v1")
            self.assertEqual(refused.exception.status, 401)
            raw = inspect_raw(registry, "p/a:v1", "--creds", f"{kit.USER}:{kit.PASSWORD}")
            self.assertEqual(raw, image.manifest)

    def test_token_credentials_are_asked_for(self):
        def allow(user, kind, name, action):
            return user == kit.USER or (action == "pull" and name.startswith("public/"))

        with kit.TokenServer(allow=allow) as tokens, kit.Registry(auth=tokens) as registry:
            image = kit.random_image(seed="token")
            for name in ("public/a", "private/a"):
                registry.client().push(name, "v1", image)
            self.assertEqual(inspect_raw(registry, "public/a:v1", "--no-creds"), image.manifest)
            raw = inspect_raw(registry, "private/a:v1", "--creds", f"{kit.USER}:{kit.PASSWORD}")
            self.assertEqual(raw, image.manifest)
            done = skopeo("inspect", "--raw", "--tls-verify=false", "--no-creds",
                          f"docker://{registry.host}/private/a:v1")
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(("GET", kit.USER, ["repository:private/a:pull"]), tokens.requests)

    def test_tls_is_trusted_with_its_authority_only(self):
        with kit.Certificates() as certificates, kit.Registry(tls=certificates) as registry:
            registry.client().push("p/a", "v1", kit.random_image())
            with self.assertRaises(urllib.error.URLError):
                urllib.request.urlopen(registry.url + "/v2/", timeout=10)

    def test_nginx_asks_for_client_certificates(self):
        kit.need("nginx")
        with kit.Certificates() as certificates, kit.Registry() as registry, \
                kit.TlsFront(registry.host, certificates, client_certificates=True) as front:
            def status(*flags):
                done = subprocess.run(["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert",
                                       certificates.ca, *flags, front.url + "/v2/"], capture_output=True, check=False)
                return done.stdout.decode()

            self.assertEqual(status(), "400")
            self.assertEqual(status("--cert", certificates.client_cert, "--key", certificates.client_key), "200")


class Proxies(unittest.TestCase):
    def setUp(self):
        kit.helper("sluice-proxy")

    def test_a_copy_through_the_proxy_is_counted(self):
        image = kit.random_image(seed="proxy")
        with kit.Registry() as source, kit.Registry() as target, kit.Proxy(source.host, target.host) as proxy:
            source.client().push("p/a", "v1", image)
            there, here = proxy.hosts
            done = skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", f"docker://{there}/p/a:v1",
                          f"docker://{here}/p/a:v1")
            self.assertEqual(done.returncode, 0, done.stderr.decode())
            log = proxy.exchanges()
            carried = sum(each["response_bytes"] for each in log
                          if each["upstream"] == 0 and each["method"] == "GET" and "/blobs/" in each["target"])
            self.assertEqual(carried, image.size)
            self.assertEqual(sum(each["method"] == "PUT" and "/manifests/" in each["target"] for each in log), 1)
            self.assertLess(kit.critical_path(log), len(log))
            self.assertGreaterEqual(kit.critical_path(log), 4)
            proxy.forget()
            self.assertEqual(proxy.exchanges(), [])

    def test_faults_hit_what_they_name(self):
        with kit.Registry() as registry, kit.Proxy(registry.host) as proxy:
            client = kit.RegistryClient("http://" + proxy.host)
            proxy.fault(action="status", status=503, method="GET", target="/v2/$", retry_after=2)
            status, fields, _ = client.call("GET", "/v2/", expect=None)
            self.assertEqual((status, fields["retry-after"]), (503, "2"))
            self.assertEqual(client.call("GET", "/v2/")[0], 200)
            with self.assertRaises(ValueError):
                proxy.fault(action="explode")

    def test_latency_delays_each_exchange(self):
        with kit.Registry() as registry, kit.Proxy(registry.host, latency_ms=30) as proxy:
            # No timing is asserted: only that everything still arrives, in order.
            image = kit.random_image(sizes=(200_000, 100), seed="slow")
            kit.RegistryClient("http://" + proxy.host).push("p/a", "v1", image)
            self.assertEqual(registry.client().digest("p/a", "v1"), image.digest)

    def test_the_critical_path_is_the_longest_chain_of_waits(self):
        def made(*spans):
            return [{"request_seq": begins, "response_seq": ends} for begins, ends in spans]

        for name, log, expected in (
            ("nothing", made(), 0),
            ("side by side", made((1, 4), (2, 3)), 1),
            ("in a row", made((1, 2), (3, 4), (5, 6)), 3),
            ("a long one beside two short ones", made((1, 8), (2, 3), (4, 5), (9, 10)), 3),
        ):
            with self.subTest(name):
                self.assertEqual(kit.critical_path(log), expected)


class Hostiles(unittest.TestCase):
    def test_each_behaviour_does_what_it_says(self):
        image = kit.random_image(sizes=(100,), seed="hostile")
        blob = image.layers[0].digest
        cases = {
            "honest": (None, True), "wrong digest": (hostile.wrong_digest, False),
            "short": (hostile.short_blob, False), "wrong length": (hostile.wrong_length, False),
        }
        for name, (lie, same) in cases.items():
            with self.subTest(name), kit.HostileServer(hostile.serving(image, lie)) as server:
                try:
                    body = kit.RegistryClient(server.url).blob("p/a", blob)
                except Exception as error:  # http.client.IncompleteRead
                    self.assertIn("Incomplete", type(error).__name__)
                    body = b""
                self.assertEqual(images.Bytes(body).digest == blob, same)

    def test_html_is_no_registry(self):
        with kit.HostileServer(hostile.html) as server:
            _, fields, body = kit.RegistryClient(server.url).call("GET", "/v2/")
            self.assertEqual(fields["content-type"], "text/html")
            self.assertIn(b"<h1>", body)
            self.assertEqual([request.path for request in server.requests], ["/v2/"])

    def test_the_silent_server_takes_requests_and_ends_with_us(self):
        with kit.HostileServer(hostile.silent) as server:
            done = subprocess.run(["curl", "-s", "-m", "0.2", server.url + "/v2/"], capture_output=True, check=False)
            self.assertEqual(done.returncode, 28)
            self.assertEqual(len(server.requests), 1)


class Outcomes(unittest.TestCase):
    def test_the_last_line_is_the_result_when_events_come_first(self):
        outcome = kit.Outcome(["sluice"], 0, '{"event":1}\n{"schema":"sluice.copy/1"}\n', "")
        self.assertEqual(outcome.json, {"schema": "sluice.copy/1"})
        self.assertIsNone(kit.Outcome([], 1, "", "").json)

    def test_a_run_sees_nothing_of_the_developer(self):
        with tempfile.TemporaryDirectory() as folder:
            script = pathlib.Path(folder) / "src" / "sluice"
            script.parent.mkdir()
            script.write_text('#!/bin/sh\nprintf \'{"home": "%s", "args": "%s"}\' "$HOME" "$*"\nexit 3\n')
            script.chmod(0o755)
            with unittest.mock.patch.dict("os.environ", SLUICE_BIN_DIR=folder), kit.Sluice() as sluice:
                outcome = sluice.run("plan", "--to", "prod")
                self.assertEqual(outcome.code, 3, outcome)
                self.assertEqual(json.loads(outcome.out), {"home": str(sluice.home), "args": "plan --to prod"})


if __name__ == "__main__":
    unittest.main()
