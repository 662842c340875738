"""`sluice init --from-script`: pipelines from scripts of many habits, beside which stands what they amount to."""

import json
import pathlib
import unittest

import sluicekit as kit
from sluicekit.sluice import Sluice

kit.binary()

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path for path in (ROOT / "tests" / "data" / "scripts").iterdir()
                 if path.suffix in (".sh", ".jenkinsfile"))
# What the scripts hold of passwords and tokens; none of it may come out again.
SECRETS = ("hunter2-never-shown", "s3cr3t-of-prod", "npm_0123456789", "pull-secret-1", "push-secret-2",
           "sha256~abcdefghijklmnop", "admin-password-1", "eyJhbGciOiJSUzI1NiJ9", "never.shown", "registry-robot",
           "credentialsId", "REG_CRED_PSW")
FIRST = ROOT / "tests" / "data" / "scripts" / "01-four-commands.sh"


class FromScript(unittest.TestCase):
    def setUp(self):
        self.home = Sluice()
        self.addCleanup(self.home.close)

    def init(self, script, *words, code=0):
        outcome = self.home.run("init", "--from-script", str(script), *words)
        self.assertEqual(outcome.code, code, outcome)
        return outcome

    def script(self, text, name="promote.sh"):
        self.home.write(name, text)
        return self.home.home / name

    def test_every_script_gives_the_pipeline_and_the_remarks_beside_it(self):
        self.assertGreaterEqual(len(SCRIPTS), 20)
        for script in SCRIPTS:
            with self.subTest(script.name):
                outcome = self.init(script, "-f", "-")
                self.assertEqual(outcome.out, script.with_suffix(".yaml").read_text())
                self.assertEqual(outcome.err, script.with_suffix(".txt").read_text())

    def test_no_secret_of_a_script_comes_out(self):
        for script in SCRIPTS:
            with self.subTest(script.name):
                for words in ((), ("-o", "json")):
                    outcome = self.init(script, "-f", "-", *words)
                    for secret in SECRETS:
                        self.assertNotIn(secret, outcome.out + outcome.err)

    def test_what_was_written_is_read_by_the_other_commands(self):
        self.init(FIRST)
        outcome = self.home.run("status")
        self.assertNotEqual(outcome.code, 2, outcome)

    def test_a_file_that_is_there_is_not_overwritten_without_force(self):
        self.home.write("sluice.yaml", "mine")
        outcome = self.init(FIRST, code=2)
        self.assertIn("--force", outcome.err)
        self.assertEqual((self.home.home / "sluice.yaml").read_text(), "mine")
        self.init(FIRST, "--force")
        self.assertIn("app: shop", (self.home.home / "sluice.yaml").read_text())

    def test_a_script_that_moves_nothing_is_a_usage_error(self):
        outcome = self.init(self.script("#!/bin/sh\nmake\necho docker push it\n"), code=2)
        self.assertIn("nothing in promote.sh takes an image from one place to another", outcome.err)

    def test_unknown_variables_are_named_and_can_be_given(self):
        script = self.script("#!/bin/sh\ndocker pull $REG/shop-dev/web:1\n"
                             "docker tag $REG/shop-dev/web:1 $REG/shop-prod/web:1\ndocker push $REG/shop-prod/web:1\n")
        outcome = self.init(script, code=2)
        self.assertIn("the value of $REG cannot be known from the script", outcome.err)
        self.assertIn("--set", outcome.err)
        outcome = self.init(script, "--set", "REG=registry.example.com", "-f", "-")
        self.assertIn("registry: registry.example.com, project: shop-prod", outcome.out)
        self.assertIn("--set takes NAME=VALUE", self.init(script, "--set", "REG", code=2).err)

    def test_what_is_said_on_the_command_line_wins(self):
        script = ROOT / "tests" / "data" / "scripts" / "05-version-as-argument.sh"
        outcome = self.init(script, "-f", "-", "--app", "money", "--tag", "v1.*")
        self.assertIn("app: money\n", outcome.out)
        self.assertIn('source: {tag: "v1.*", match: same-tag}', outcome.out)

    def test_clusters_get_the_names_of_the_clusters_file(self):
        self.home.write("clusters.yaml", "clusters:\n  one: {api: 'https://api.a.example.com:6443', registry: "
                        "default-route-openshift-image-registry.apps.a.example.com}\n  two: {registry: "
                        "default-route-openshift-image-registry.apps.b.example.com, api: 'https://api.b.example.com:6443'}\n")
        script = ROOT / "tests" / "data" / "scripts" / "12-two-clusters-skopeo.sh"
        outcome = self.init(script, "-f", "-", "--clusters", "clusters.yaml")
        self.assertIn("cluster: one, project: shop-dev", outcome.out)
        self.assertIn("cluster: two, project: shop", outcome.out)

    def test_json_says_the_same_and_fits_its_schema(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((ROOT / "schemas" / "init.schema.json").read_text())
        for script in SCRIPTS:
            with self.subTest(script.name):
                document = self.init(script, "-f", "-", "-o", "json").json
                jsonschema.Draft202012Validator(schema).validate(document)
                self.assertEqual(document["pipeline"], script.with_suffix(".yaml").read_text())

    def test_a_look_at_clusters_and_a_script_exclude_each_other(self):
        self.init(FIRST, "--from", "shop-dev", code=2)

    def test_a_script_that_is_not_there_or_too_large_is_refused(self):
        self.assertNotEqual(self.home.run("init", "--from-script", "none.sh").code, 0)
        self.init(self.script("#" * 300_000), code=2)


if __name__ == "__main__":
    unittest.main()
