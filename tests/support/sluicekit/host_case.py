"""What tests of `sluice doctor` and this host have in common: a pipeline of two environments, and the document."""

import json
import pathlib
import shutil

from .case import E2eCase, basic
from .registry import PASSWORD, USER
from .tools import folder, skip

try:
    import jsonschema
except ImportError:
    skip("not installed: python3-jsonschema (./run setup)")

_SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[3] / "schemas" / "doctor.schema.json").read_text())
WRONG = "not the password"


class HostCase(E2eCase):
    """An open registry `a`; no engine unless a test starts one."""

    shared_registries = ("a",)

    def setUp(self):
        super().setUp()
        self.secrets.add(WRONG)
        self.folder = folder("doctor")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.socket = str(self.folder / "engine.sock")
        self.sluice = self.home({"DOCKER_HOST": f"unix://{self.socket}"})

    def pipeline(self, source, target, via=None):
        prod = {"registry": target, "project": f"{self.project}/prod", **({"via": via} if via else {})}
        self.sluice.write("sluice.yaml", json.dumps({"app": "shop", "images": ["web"], "environments": [
            {"name": "dev", "targets": [{"registry": source, "project": f"{self.project}/dev"}]},
            {"name": "prod", "targets": [prod]}]}))

    def doctor(self, *words, code, **options):
        """The document; it is what the schema says, and has the exit code of its blockers."""
        outcome = self.sluice.run("doctor", "-o", "json", *words, **options)
        self.assertEqual(outcome.code, code, outcome)
        jsonschema.validate(outcome.json, _SCHEMA)
        blocked = [one for one in self.all(outcome) if one["severity"] == "blocker"]
        self.assertEqual(outcome.json["host"]["blocked"], bool(blocked), outcome)
        return outcome

    @staticmethod
    def all(outcome):
        return outcome.json["host"]["findings"]

    def found(self, outcome, code, severity, subject=None):
        """The one finding of this code, about this subject where one is named."""
        those = [one for one in self.all(outcome) if one["code"] == code and subject in (None, one["subject"])]
        self.assertEqual(len(those), 1, f"{code}\n{outcome}")
        self.assertEqual(those[0]["severity"], severity, outcome)
        return those[0]

    def blockers(self, outcome):
        return sorted(one["code"] for one in self.all(outcome) if one["severity"] == "blocker")

    def login(self, registry, password=PASSWORD):
        """Credentials as docker keeps them, whether or not they are right."""
        entry = {"auths": {registry.host: {"auth": basic(USER, password)}}}
        self.sluice.write(".docker/config.json", json.dumps(entry))
        self.secrets.add(basic(USER, password))
