"""Every JSON document that a command prints is what its schema says; every schema is printed by some command."""

import json
import pathlib
import unittest

import sluicekit as kit
from sluicekit import hostile
from sluicekit.sandbox import Sandbox

kit.need("docker-registry")
try:
    import jsonschema
except ImportError:
    kit.skip("not installed: python3-jsonschema (./run setup)")

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCHEMAS = {path.name.removesuffix(".schema.json"): json.loads(path.read_text())
           for path in sorted((ROOT / "schemas").glob("*.schema.json"))}
FILES = ("pipeline", "clusters")  # of files that people write; all others are printed


def objects(schema, where=""):
    """Every part of a schema that describes an object with known members."""
    if isinstance(schema, dict):
        if "properties" in schema:
            yield where, schema
        for key, part in schema.items():
            yield from objects(part, f"{where}/{key}")
    elif isinstance(schema, list):
        for number, part in enumerate(schema):
            yield from objects(part, f"{where}/{number}")


class Shapes(unittest.TestCase):
    def test_schemas_are_schemas(self):
        for name, schema in SCHEMAS.items():
            with self.subTest(name):
                self.assertIn("2020-12", schema["$schema"])
                jsonschema.Draft202012Validator.check_schema(schema)

    def test_printed_objects_are_closed_and_complete(self):
        """A field is null rather than absent, and a new one is a change of the schema."""
        for name, schema in SCHEMAS.items():
            if name in FILES:
                continue
            for where, part in objects(schema):
                if where.startswith("/allOf/") or "/$defs/about-" in where:
                    continue  # conditions upon an object that is closed elsewhere
                with self.subTest(f"{name}{where}"):
                    self.assertIs(part.get("additionalProperties"), False)
                    self.assertEqual(sorted(part.get("required", [])), sorted(part["properties"]))


class Documents(kit.E2eCase):
    produced = {}  # schema name: how many documents of it were valid

    def setUp(self):
        super().setUp()
        self.sluice = self.home()
        self.images = {n: kit.random_image((600, 80), seed=f"{self.project}-{n}") for n in (1, 2)}
        self.sluice.write("sluice.yaml", kit.pipeline(
            "shop", ["shop"], ("dev", [(self.a.host, f"{self.project}/dev")]),
            ("prod", [(self.a.host, f"{self.project}/p1"), (self.b.host, f"{self.project}/p2")])))

    def release(self, number):
        self.a.client().push(f"{self.project}/dev/shop", "latest", self.images[number])

    def valid(self, name, document):
        self.assertIsInstance(document, dict)
        found = sorted(jsonschema.Draft202012Validator(SCHEMAS[name]).iter_errors(document), key=str)
        self.assertEqual([f"{error.json_path}: {error.message}" for error in found], [], json.dumps(document, indent=1))
        Documents.produced[name] = Documents.produced.get(name, 0) + 1
        return document

    def printed(self, name, *arguments, code=0, schema=None, **options):
        outcome = self.sluice.run(*arguments, "-o", "json", **options)
        self.assertEqual(outcome.code, code, outcome)
        self.assertEqual(len(outcome.out.splitlines()), 1, f"a document is one line\n{outcome}")
        document = self.valid(name, outcome.json)
        self.assertEqual(document["schema"], f"sluice.{schema or name}/1")
        return document

    def test_look_ups(self):
        rows = {"image": self.images[1], "index": kit.index_of(seed=self.project),
                "artifact": kit.Artifact("application/vnd.example.sbom", b"{}"), "bare": kit.Image([])}
        for kind, image in rows.items():
            with self.subTest(kind):
                name = f"{self.project}/{kind}"
                self.a.client().push(name, "v1", image)
                self.printed("digest", "digest", f"{self.a.host}/{name}:v1")
                self.printed("inspect", "inspect", f"{self.a.host}/{name}:v1")
                self.printed("tags", "tags", f"{self.a.host}/{name}")
                self.printed("copy", "copy", f"{self.a.host}/{name}:v1", f"{self.b.host}/{name}:v1")
                self.printed("copy", "copy", f"{self.a.host}/{name}:v1", f"{self.a.host}/{name}-mounted:v1")
                self.printed("copy", "copy", f"{self.a.host}/{name}:v1", f"{self.b.host}/{name}:v1")

    def test_a_promotion_from_the_first_plan_to_undo(self):
        self.printed("status", "status")
        self.printed("diff", "diff", "dev", "prod")
        self.printed("history", "history")
        self.printed("releases", "releases")
        self.printed("doctor", "doctor", code=3)
        self.release(1)
        self.printed("doctor", "doctor", "--to", "prod")
        self.printed("doctor", "doctor", "--host")
        self.printed("plan", "plan", "--to", "prod")
        self.printed("shadow", "promote", "--to", "prod", "--shadow")
        self.printed("release", "release", "create")
        self.printed("promote", "promote", "--to", "prod", "--yes")
        self.printed("release", "release", "show", "1")
        self.printed("diff", "diff", "dev", "prod")
        self.printed("plan", "plan", "--to", "prod")
        self.release(2)
        self.printed("promote", "promote", "--to", "prod", "--yes")
        self.printed("promote", "rollback", "--to", "prod", "--yes", schema="rollback")
        self.printed("plan", "plan", "--to", "prod", code=3)
        self.printed("status", "status")
        self.printed("hold", "unhold", "prod")
        self.printed("hold", "hold", "prod", "--reason", "year-end close")
        self.printed("hold", "unhold", "prod")
        last = self.printed("promote", "promote", "--to", "prod", "--yes")["promotion"]
        self.printed("promote", "undo", last, schema="undo")
        self.printed("history", "history")
        self.printed("releases", "releases")
        self.printed("status", "status")

    def test_promotions_that_fail_or_end_half_way(self):
        with kit.Proxy(self.b.host) as proxy:
            text = (self.sluice.home / "sluice.yaml").read_text().replace(self.b.host, proxy.host)
            self.sluice.write("sluice.yaml", text)
            self.release(1)
            refuse = {"method": "PUT", "target": "/manifests/latest$", "times": 0, "action": "status", "status": 403}
            proxy.fault(**refuse)
            partial = self.printed("promote", "promote", "--to", "prod", "--yes", code=4)
            self.printed("status", "status")
            self.printed("history", "history")
            proxy.clear_faults()
            self.printed("promote", "resume", partial["promotion"], schema="resume")
            self.release(2)
            proxy.fault(method="POST", target="/uploads/", times=0, action="status", status=403)
            self.printed("promote", "promote", "--to", "prod", "--yes", code=6)

    def test_an_undo_that_cannot_put_everything_back(self):
        self.release(1)
        done = self.printed("promote", "promote", "--to", "prod", "--yes")
        undone = self.printed("promote", "undo", done["promotion"], code=4, schema="undo")
        self.assertTrue(undone["findings"])

    def test_logins(self):
        with kit.Registry(auth="basic") as registry:
            self.printed("logout", "logout", registry.host)
            self.printed("login", "login", registry.host, "-u", kit.USER, "--password-stdin", stdin=kit.PASSWORD)
            self.printed("logout", "logout", registry.host)

    def test_the_sandbox(self):
        with Sandbox() as box:
            self.valid("sandbox", box.ready)

    def test_a_pipeline_from_a_cluster(self):
        with Sandbox("--demo") as box:
            self.printed("init", "init", "-f", "init.yaml", environment={"KUBECONFIG": box.kubeconfig})

    def test_errors(self):
        self.printed("error", "digest", f"{self.a.host}/no/such:v1", code=1)
        self.printed("error", "promote", "--to", "prod", "--yes", code=1)
        self.printed("error", "promote", "--to", "prdo", "--yes", code=2)
        self.printed("error", "status", "--timeout", "soon", code=2)
        self.printed("error", "stauts", code=2)
        self.sluice.write("broken.yaml", "app: shop\nimagse: []\n")
        broken = self.printed("error", "status", "-f", "broken.yaml", code=2)
        self.assertEqual(broken["error"]["position"], {"file": "broken.yaml", "line": 2, "column": 1})
        denied = b'{"errors":[{"code":"DENIED","message":"no"}]}'
        with kit.HostileServer(hostile.status(403, denied)) as server:
            said = self.printed("error", "digest", f"{server.host}/p/x", code=6)
            self.assertEqual((said["error"]["http_status"], said["exit"]), (403, 6))

    def test_events(self):
        with kit.Proxy(self.b.host) as proxy:
            text = (self.sluice.home / "sluice.yaml").read_text().replace(self.b.host, proxy.host)
            self.sluice.write("sluice.yaml", text)
            for number, name in enumerate(("promote", "again"), 1):
                self.release(number)
                layer = self.images[number].layers[0].digest
                proxy.fault(method="PUT", target=f"digest=.*{layer[7:]}", action="status", status=503)
                outcome = self.ok(self.sluice.run("promote", "--to", "prod", "--yes", "--events", "-", "-o", "json"))
                *events, result = [json.loads(line) for line in outcome.out.splitlines()]
                self.valid("promote", result)
                for event in events:
                    self.valid("event", event)
                kinds = {event["kind"] for event in events}
                expected = {"road", "total", "blob-started", "blob-done", "blob-retried", "manifest", "tag", "state"}
                self.assertEqual(expected - kinds, set())

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        missing = set(SCHEMAS) - set(FILES) - set(cls.produced)
        if missing:
            raise AssertionError(f"no command printed a document of: {', '.join(sorted(missing))}")


class Examples(unittest.TestCase):
    def test_examples_are_what_their_schema_says(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("not installed: python3-yaml; the examples are still parsed by sluice itself")

        class AsWritten(yaml.SafeLoader):
            """Text is taken as it is written: no dates, no octal numbers."""

        AsWritten.yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] in ("bool", "int", "null")]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
        examples = sorted((ROOT / "docs" / "examples").glob("*.yaml"))
        self.assertGreater(len(examples), 1)
        for path in examples:
            with self.subTest(path.name):
                schema = SCHEMAS["clusters" if path.name.startswith("clusters") else "pipeline"]
                jsonschema.validate(yaml.load(path.read_text(), AsWritten), schema)

    def test_sluice_reads_its_own_examples(self):
        """The clusters that they name are in the example of a clusters file."""
        folder = ROOT / "docs" / "examples"
        with kit.Sluice() as sluice:
            for path in sorted(folder.glob("*.yaml")):
                if path.name.startswith("clusters"):
                    continue
                with self.subTest(path.name):
                    outcome = sluice.run("history", "-f", path, "--clusters", folder / "clusters.yaml")
                    self.assertEqual(outcome.code, 0, outcome)


if __name__ == "__main__":
    unittest.main(verbosity=2)
