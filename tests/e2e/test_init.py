"""`sluice init` against the sandbox: a pipeline from what a cluster shows."""

import json
import pathlib
import unittest

import sluicekit as kit
from sluicekit.sandbox import Sandbox
from sluicekit.sluice import Sluice

kit.binary()

SCENARIO = {
    "users": [{"name": name, "password": "correct horse"} for name in ("ann", "bea", "dan", "eve", "zoe")],
    "projects": [
        {"name": "shop-dev", "admin": "ann"}, {"name": "shop-prod", "admin": "ann"},
        {"name": "blog-dev", "admin": "bea"}, {"name": "blog-prod", "admin": "bea"},
        {"name": "news-dev", "admin": "bea"}, {"name": "news-prod", "admin": "bea"},
        {"name": "bad-dev", "admin": "dan"}, {"name": "bad", "admin": "dan"},
        {"name": "lone", "admin": "eve"},
    ],
    "images": [
        *({"project": "shop-dev", "stream": name, "tag": "latest", "layers": 1, "layer-bytes": 2000}
          for name in ("web", "api", "scratch")),
        {"project": "blog-dev", "stream": "blog", "tag": "v1.0.0", "layers": 1, "layer-bytes": 2000},
        {"project": "news-dev", "stream": "news", "tag": "latest", "layers": 1, "layer-bytes": 2000},
        *({"project": "bad-dev", "stream": name, "tag": "latest", "layers": 1, "layer-bytes": 2000}
          for name in ("held", "torn", "free")),
    ],
    "workloads": [
        {"kind": "DeploymentConfig", "project": "shop-dev", "name": "web", "image": "web:latest"},
        {"kind": "DeploymentConfig", "project": "shop-prod", "name": "web", "image": "web:prod"},
        {"kind": "Deployment", "project": "shop-prod", "name": "api", "image": "api:prod"},
        {"kind": "StatefulSet", "project": "blog-prod", "name": "blog", "image": "blog:live"},
        {"kind": "DeploymentConfig", "project": "bad", "name": "held", "image": "held:latest", "trigger": "manual"},
        {"kind": "Deployment", "project": "bad", "name": "torn", "image": "torn:latest", "trigger": "malformed"},
        {"kind": "DeploymentConfig", "project": "bad", "name": "free", "image": "free:latest", "from": "bad-dev"},
    ],
}

SHOP = """\
# Written by sluice init; please check:
# the order shop-dev -> shop-prod was guessed from the names of the projects
# images that nothing in a later project uses are left out: scratch
app: shop
images: [api, web]
source: {tag: latest}
environments:
  - {name: dev, project: shop-dev}
  - {name: prod, project: shop-prod, tag: prod}
"""


class Init(unittest.TestCase):
    profile = "3.11"

    @classmethod
    def setUpClass(cls):
        cls.box = Sandbox(profile=cls.profile, scenario=SCENARIO)
        cls.addClassCleanup(cls.box.close)

    def setUp(self):
        self.home = Sluice()
        self.addCleanup(self.home.close)

    def login(self, user, box=None, name=""):
        """The kubeconfig of somebody; with a name, an entry of the clusters file instead."""
        box = box or self.box
        if not name:
            outcome = self.home.run("login", box.ready["api"], "--token", "-", "--ca", box.ca, stdin=box.token(user))
            self.assertEqual(outcome.code, 0, outcome)
            return
        self.home.write(f"token-{name}", box.token(user))
        path = self.home.home / ".config/sluice/clusters.yaml"
        text = path.read_text() if path.exists() else "clusters:\n"
        self.home.write(".config/sluice/clusters.yaml",
                        text + f"  {name}:\n    api: {box.ready['api']}\n    registry: {box.registry_host}\n"
                        f"    ca: file:{box.ca}\n    token: file:{self.home.home}/token-{name}\n")

    def init(self, *words, code=0):
        outcome = self.home.run("init", *words)
        self.assertEqual(outcome.code, code, outcome)
        return outcome

    def written(self, name="sluice.yaml"):
        return (self.home.home / name).read_text()

    def findings(self, outcome):
        return {finding["code"]: finding for finding in outcome.json["findings"]}

    def test_a_pipeline_comes_from_names_streams_and_triggers(self):
        self.login("ann")
        outcome = self.init()
        self.assertEqual(self.written(), SHOP)
        self.assertEqual(outcome.out, SHOP)
        self.assertIn("wrote sluice.yaml", outcome.err)
        self.assertIn("sluice plan --to prod", outcome.err)

    def test_what_was_written_is_read_by_the_other_commands(self):
        self.login("ann")
        self.init()
        outcome = self.home.run("history", "-o", "json")
        self.assertEqual(outcome.code, 0, outcome)

    def test_json_has_everything_and_a_dash_writes_no_file(self):
        self.login("ann")
        outcome = self.init("-f", "-", "-o", "json")
        document = outcome.json
        self.assertEqual(document["schema"], "sluice.init/1")
        self.assertEqual(document["pipeline"], SHOP)
        self.assertIsNone(document["file"])
        self.assertEqual((document["app"], document["images"], document["source_tag"]), ("shop", ["api", "web"], "latest"))
        self.assertEqual(document["environments"], [
            {"name": "dev", "targets": [{"cluster": None, "registry": None, "project": "shop-dev"}], "tag": None},
            {"name": "prod", "targets": [{"cluster": None, "registry": None, "project": "shop-prod"}], "tag": "prod"}])
        self.assertFalse((self.home.home / "sluice.yaml").exists())
        self.assertEqual(self.init("-f", "-").out, SHOP)

    def test_it_is_held_to_its_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("not installed: python3-jsonschema (./run setup)")
        root = pathlib.Path(__file__).resolve().parents[2]
        schema = json.loads((root / "schemas" / "init.schema.json").read_text())
        self.login("dan")
        jsonschema.Draft202012Validator(schema).validate(self.init("-o", "json").json)

    def test_a_file_is_replaced_only_by_force(self):
        self.login("ann")
        self.home.write("sluice.yaml", "mine\n")
        outcome = self.init(code=2)
        self.assertIn("sluice.yaml already", outcome.err)
        self.assertIn("--force", outcome.err)
        self.assertEqual(self.written(), "mine\n")
        self.init("-f", "other.yaml")
        self.assertEqual(self.written("other.yaml"), SHOP)
        self.init("--force")
        self.assertEqual(self.written(), SHOP)

    def test_what_is_said_wins(self):
        self.login("ann")
        document = self.init("--from", "shop-prod", "--to", "shop-dev", "--image", "web", "--app", "store", "--tag", "prod",
                             "-o", "json").json
        self.assertEqual([e["targets"][0]["project"] for e in document["environments"]], ["shop-prod", "shop-dev"])
        self.assertEqual((document["app"], document["images"], document["source_tag"]), ("store", ["web"], "prod"))

    def test_several_apps_need_a_name(self):
        # Without a kubeconfig, whose project would decide.
        self.login("bea", name="box")
        outcome = self.init("--cluster", "box", code=2)
        self.assertIn("2 apps", outcome.err)
        self.assertIn("blog-dev -> blog-prod; news-dev -> news-prod", outcome.err)
        document = self.init("--cluster", "box", "--from", "blog-dev", "-o", "json").json
        self.assertEqual(document["source_tag"], "v*")
        self.assertEqual(document["environments"][1],
                         {"name": "prod", "targets": [{"cluster": "box", "registry": None, "project": "blog-prod"}], "tag": None})

    def test_what_looks_wrong_is_told_with_its_remedy(self):
        self.login("dan")
        outcome = self.init("-o", "json")
        found = self.findings(outcome)
        self.assertIn("not automatic", found["trigger-manual"]["sentence"])
        self.assertEqual(found["trigger-manual"]["fix"], "oc set triggers dc/held -n bad --auto")
        self.assertIn("oc annotate deployment/torn", found["trigger-malformed"]["fix"])
        self.assertIn("follows bad-dev/free:latest", found["trigger-other-project"]["sentence"])
        self.assertEqual(outcome.json["images"], ["free", "held", "torn"])
        self.assertEqual([e["name"] for e in outcome.json["environments"]], ["dev", "prod"])

    def test_what_cannot_be_told_is_asked_for(self):
        self.login("eve")
        outcome = self.init(code=2)
        self.assertIn("--from PROJECT --to PROJECT", outcome.err)
        self.assertIn("lone", outcome.err)
        outcome = self.init("--from", "lon", "--to", "lone", code=2)
        self.assertIn("did you mean 'lone'", outcome.err)
        self.login("zoe")
        self.assertIn("no projects to be seen", self.init(code=2).err)
        self.assertFalse((self.home.home / "sluice.yaml").exists())

    def test_an_unknown_cluster_is_refused(self):
        self.login("ann")
        self.assertIn("no cluster 'elsewhere'", self.init("--cluster", "elsewhere", code=2).err)

    def test_images_may_go_to_a_second_cluster(self):
        there = {"users": [{"name": "ann", "password": "correct horse"}], "projects": [{"name": "shop", "admin": "ann"}],
                 "workloads": [{"kind": "Deployment", "project": "shop", "name": "web", "image": "web:latest"}]}
        with Sandbox(profile=self.profile, scenario=there) as second:
            self.login("ann", name="nonprod")
            self.login("ann", second, name="prod")
            document = self.init("--cluster", "nonprod", "--to-cluster", "prod", "--from", "shop-dev", "--to", "shop", "-o",
                                 "json").json
        self.assertEqual(document["images"], ["web"])
        self.assertIn("  - {name: dev, cluster: nonprod, project: shop-dev}\n", document["pipeline"])
        self.assertIn("cluster: prod, project: shop}\n", document["pipeline"])

    def test_it_takes_a_handful_of_lists(self):
        self.login("ann")
        before = self.box.state()["requests"]
        self.init("-f", "-")
        # Projects; streams and six kinds of workloads of two projects, CronJobs at their old place too.
        self.assertLessEqual(self.box.state()["requests"] - before, 20)

    def test_help_has_an_example(self):
        outcome = self.init("--help")
        self.assertIn("Example: sluice init", outcome.out)
        self.assertIn("did you mean --force", self.init("--forse", code=2).err)


class InitOnFour(Init):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main(verbosity=2)
