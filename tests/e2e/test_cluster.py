"""Clusters through the command line, against the sandbox: login and logout, and the API's token at its registry."""

import pathlib
import re
import subprocess
import unittest

import sluicekit as kit
from sluicekit.sandbox import Sandbox
from sluicekit.sluice import Sluice
from sluicekit.tools import find

kit.binary()

SECRET = "swordfish and chips"
SCENARIO = {
    "users": [{"name": "ann", "password": SECRET}, {"name": "eve", "password": "other"}],
    "projects": [{"name": "shop-dev", "admin": "ann"}, {"name": "shop-prod", "admin": "ann"}],
    "images": [{"project": "shop-dev", "stream": "web", "tag": "1", "layers": 2, "layer-bytes": 5000}],
}


class Clusters(unittest.TestCase):
    profile = "3.11"

    @classmethod
    def setUpClass(cls):
        cls.box = Sandbox(profile=cls.profile, tls="all", scenario=SCENARIO)
        cls.addClassCleanup(cls.box.close)

    def setUp(self):
        self.home = Sluice()
        self.addCleanup(self.home.close)
        # What the box presents is trusted only where it is said.
        self.home.write("ca.crt", pathlib.Path(self.box.ca).read_text(encoding="ascii"))

    def clusters(self, token=None):
        lines = ["clusters:", "  box:", f"    api: {self.box.ready['api']}", f"    registry: {self.box.registry_host}",
                 f"    ca: file:{self.home.home}/ca.crt"]
        if token:
            self.home.write("token", token)
            lines.append(f"    token: file:{self.home.home}/token")
        self.home.write(".config/sluice/clusters.yaml", "\n".join(lines) + "\n")

    def kubeconfig(self):
        return (self.home.home / ".kube" / "config").read_text()

    def ok(self, outcome):
        self.assertEqual(outcome.code, 0, outcome)
        for word in (SECRET, self.box.token("ann")):
            self.assertNotIn(word, outcome.out + outcome.err, outcome)
        return outcome

    def login(self, *words, password=SECRET):
        return self.home.run("login", *words, "--password-stdin", stdin=password)

    def test_login_by_password_writes_the_kubeconfig_that_oc_would(self):
        outcome = self.ok(self.login(self.box.ready["api"], "-u", "ann", "--ca", "ca.crt", "-o", "json"))
        self.assertEqual(outcome.json["username"], "ann")
        host = re.sub(r"^https://", "", self.box.ready["api"]).replace(".", "-")
        text = self.kubeconfig()
        self.assertIn(f"ann/{host}", text)
        self.assertRegex(outcome.json["context"], rf"(^|/){re.escape(host)}/ann$")
        self.assertEqual((self.home.home / ".kube" / "config").stat().st_mode & 0o777, 0o600)

    @unittest.skipUnless(find("kubectl"), "kubectl is not installed")
    def test_kubectl_goes_on_with_what_login_wrote(self):
        self.ok(self.login(self.box.ready["api"], "-u", "ann", "--ca", "ca.crt"))
        done = subprocess.run(["kubectl", "get", "imagestreams", "-n", "shop-dev", "-o", "name"], text=True,
                              capture_output=True, check=False, timeout=60,
                              env={**self.home.environment, "KUBECONFIG": str(self.home.home / ".kube" / "config")})
        self.assertEqual(done.stdout.strip(), "imagestream.image.openshift.io/web", done)

    def test_a_name_of_the_clusters_file_will_do(self):
        self.clusters()
        self.ok(self.login("box", "-u", "ann"))
        self.assertIn("token", self.kubeconfig())

    def test_a_wrong_password_stores_nothing(self):
        outcome = self.login(self.box.ready["api"], "-u", "ann", "--ca", "ca.crt", password="wrong")
        self.assertEqual(outcome.code, 6, outcome)
        self.assertFalse((self.home.home / ".kube").exists())

    def test_an_authority_that_nobody_named_is_not_trusted(self):
        outcome = self.login(self.box.ready["api"], "-u", "ann")
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("--ca", outcome.err)

    def test_logout_ends_the_token_and_takes_it_out(self):
        self.clusters()
        self.ok(self.login("box", "-u", "ann"))
        token = re.search(r"token: \"?([^\s\"]+)", self.kubeconfig()).group(1)
        self.assertEqual(self.whoami(token), 200)
        self.ok(self.home.run("logout", "box"))
        self.assertNotIn(token, self.kubeconfig())
        self.assertEqual(self.whoami(token), 401, "the cluster has forgotten it too")

    def whoami(self, token):
        from sluicekit.wire import Wire
        with Wire(self.box.ready["api"], token=token, ca=self.box.ca) as wire:
            return wire.get("/apis/user.openshift.io/v1/users/~").status

    def test_a_token_instead_of_a_password(self):
        outcome = self.home.run("login", self.box.ready["api"], "--token", "-", "--ca", "ca.crt",
                                stdin=self.box.token("ann"))
        self.ok(outcome)
        outcome = self.home.run("login", self.box.ready["api"], "--token", "-", "--ca", "ca.crt", stdin="nonsense")
        self.assertEqual(outcome.code, 6, outcome)

    def test_copy_inside_the_cluster_s_registry_needs_no_login_of_its_own(self):
        self.clusters(self.box.token("ann"))
        host = self.box.registry_host
        outcome = self.ok(self.home.run("copy", f"{host}/shop-dev/web:1", f"{host}/shop-prod/web:1", "-o", "json"))
        self.assertEqual(outcome.json["road"], "mount")
        self.assertEqual(outcome.json["bytes"]["moved"], 0)
        digest = self.box.api("ann").get("/apis/image.openshift.io/v1/namespaces/shop-prod/imagestreamtags/web:1").json
        self.assertEqual(digest["image"]["metadata"]["name"], outcome.json["digest"])

    def test_the_api_s_token_goes_out_with_the_first_request(self):
        # Nobody is ever asked for it: the registry's own requests tell no 401.
        self.clusters(self.box.token("ann"))
        before = self.unauthorized()
        host = self.box.registry_host
        self.ok(self.home.run("copy", f"{host}/shop-dev/web:1", f"{host}/shop-prod/first:1"))
        self.assertEqual(self.unauthorized(), before)

    def unauthorized(self):
        """How often the registry said 401 so far."""
        return self.box.state()["registry_unauthorized"]

    def test_expired_is_told_from_not_allowed(self):
        host = self.box.registry_host
        self.clusters(self.box.token("eve"))
        outcome = self.home.run("copy", f"{host}/shop-dev/web:1", f"{host}/shop-prod/eve:1")
        self.assertEqual(outcome.code, 6, outcome)
        self.assertRegex(outcome.err, "imagestreams/layers|may not|not allowed|no right", outcome)
        token = self.box.fresh_token("ann")
        self.addCleanup(self.box.fresh_token, "ann")
        self.box.knob("expire-token", token=token)
        self.clusters(token)
        outcome = self.home.run("copy", f"{host}/shop-dev/web:1", f"{host}/shop-prod/late:1")
        self.assertEqual(outcome.code, 6, outcome)
        self.assertRegex(outcome.err, "expired|no longer|log in", outcome)

    def pipeline(self, dev, prod):
        self.home.write("sluice.yaml", "app: shop\nimages: [web]\nsource: {tag: '1'}\nenvironments:\n"
                                       f"  - {{name: dev, {dev}, project: shop-dev}}\n"
                                       f"  - {{name: prod, {prod}}}\n")

    def test_a_pipeline_names_clusters_as_the_user_knows_them(self):
        self.clusters(self.box.token("ann"))
        context = self.ok(self.login(self.box.ready["api"], "-u", "ann", "--ca", "ca.crt", "-o", "json")).json["context"]
        rows = {"an entry": "cluster: box, project: shop-prod", "a context": f"cluster: '{context}', project: shop-prod",
                "the current context": "project: shop-prod"}
        for name, prod in rows.items():
            with self.subTest(name):
                self.pipeline("cluster: box", prod)
                self.ok(self.home.run("history"))

    def test_what_no_cluster_can_do_is_refused_before_anything_is_asked(self):
        self.clusters(self.box.token("ann"))
        rows = {
            "unknown cluster": ("cluster: bxo, project: shop-prod", "did you mean 'box'?"),
            "no kubeconfig": ("project: shop-prod", "sluice login"),
            "no name for a project": ("cluster: box, project: shop/prod", "no project of a cluster can be called"),
            "a road without an API": (f"registry: {self.box.registry_host}, project: shop-prod, via: tag",
                                      "needs the API of a cluster"),
            "the place itself": ("cluster: box, project: shop-dev", "onto itself"),
        }
        for name, (prod, words) in rows.items():
            with self.subTest(name):
                self.pipeline("cluster: box", prod)
                outcome = self.home.run("plan", "--to", "prod")
                self.assertEqual(outcome.code, 2, outcome)
                self.assertIn(words, outcome.err)

    def test_a_broken_kubeconfig_stops_only_who_needs_it(self):
        self.clusters(self.box.token("ann"))
        self.home.write(".kube/config", "contexts: [oops\n")
        self.pipeline("cluster: box", "cluster: box, project: shop-prod")
        self.ok(self.home.run("history"))
        self.pipeline("cluster: box", "cluster: elsewhere, project: shop-prod")
        outcome = self.home.run("history")
        self.assertEqual(outcome.code, 2, outcome)
        self.assertIn("the kubeconfig cannot be read", outcome.err)


class Clusters4(Clusters):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
