"""Two projects that workloads watch, on one sandbox or on two, and jobs that promote between them."""

import json
import pathlib
import shutil

from controller import LIBRARY, Build, Controller
from sluicekit.images import random_image
from sluicekit.registry import PASSWORD as REGISTRY_PASSWORD
from sluicekit.registry import USER, Registry
from sluicekit.roles import service_account, view_source
from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.shop import ShopCase
from sluicekit.tools import folder

USERS = {"users": [{"name": "ann", "password": PASSWORD}]}


class JenkinsCase(ShopCase):
    """One JVM per class. Every `node` is an agent with an empty home."""

    engine = "cps"
    profile = "4.x"

    @classmethod
    def setUpClass(cls):
        cls.controller = cls.enterClassContext(Controller())
        cls.a = cls.enterClassContext(Sandbox(profile=cls.profile, scenario=USERS))
        cls.b = cls.enterClassContext(Sandbox(profile=cls.profile, scenario=USERS))

    def setUp(self):
        super().setUp()
        self.agents = folder("agents")
        self.addCleanup(shutil.rmtree, self.agents, ignore_errors=True)
        self.builds = []

    def single(self, **members):
        """Case 1 of the playbook."""
        name = f"s{self.number}"
        self.job = LIBRARY / "Jenkinsfile.single"
        self.dev, self.prod = self.project(self.a, f"{name}-dev"), self.project(self.a, f"{name}-prod")
        self.contents()
        who = service_account(self, self.a, self.prod.name, ("watch", "promote"), self.dev.name)
        self.host({"a": (self.a, who)})
        self.pipeline(self.repository, ("dev", [("a", self.dev.name)]), ("prod", [("a", self.prod.name)], members))

    def between(self, **members):
        """Case 2 of the playbook."""
        name = f"shop{self.number}"
        self.job = LIBRARY / "Jenkinsfile.between"
        self.dev, self.prod = self.project(self.a, name), self.project(self.b, name)
        self.contents()
        source = service_account(self, self.a, name, ())
        view_source(self, self.a, name, name)
        self.host({"a": (self.a, source), "b": (self.b, service_account(self, self.b, name, ("watch", "promote")))})
        self.pipeline(self.repository, ("dev", [("a", name)]), ("prod", [("b", name)], members))

    def registries(self, **_):
        """Case 2 between two plain registries of Debian, with passwords; gives the images before and after."""
        name, job = f"shop{self.number}", LIBRARY / "Jenkinsfile.between"
        self.job, self.repository = job, self.home()
        shutil.rmtree(self.repository.home / ".run")
        self.secrets.add(REGISTRY_PASSWORD)
        self.credentials = {f"sluice-token-{one}": REGISTRY_PASSWORD for one in "ab"}
        entries = {one: {"registry": registry.host, "insecure": True, "username": USER,
                         "password": f"env:SLUICE_TOKEN_{one.upper()}"} for one, registry in self.plain.items()}
        self.repository.write("clusters.yaml", json.dumps({"clusters": entries}))
        self.pipeline(self.repository, ("dev", [("a", name)]), ("prod", [("b", name)]))
        self.images = random_image(seed=2 * self.number), random_image(seed=2 * self.number + 1)
        for registry, image in zip("ba", self.images):
            self.plain[registry].client().push(f"{name}/web", "latest", image)
        return name

    def contents(self):
        # Each test has digests of its own, since knobs of a sandbox go by digest.
        self.before = self.prod.image(**{"layer-bytes": 700 + self.number})
        self.after = self.dev.image(**{"layer-bytes": 3000 + self.number})
        self.prod.workload()

    def host(self, clusters):
        """The repository of the job, with a clusters file that names credentials, and the credentials."""
        self.repository = self.home()
        shutil.rmtree(self.repository.home / ".run")
        self.credentials, entries = {}, {}
        for name, (box, identity) in clusters.items():
            token = box.token(identity)
            self.secrets.add(token)
            self.credentials[f"sluice-token-{name}"] = token
            self.repository.write(f"{name}.crt", pathlib.Path(box.ca).read_text(encoding="ascii"))
            entries[name] = {"api": box.ready["api"], "ca": f"file:{name}.crt",
                             "token": f"env:SLUICE_TOKEN_{name.upper()}"}
        self.repository.write("clusters.yaml", json.dumps({"clusters": entries}))

    def build(self, job=None, **more):
        """Starts one. After the test all that it showed is searched for the credentials."""
        made = Build(self.controller, self.engine, job or self.job, self.repository.home, self.agents,
                     credentials=self.credentials, **more)
        self.addCleanup(self.shows_no_secret, made)
        return made

    def jenkinsfile(self, text):
        path = folder("jenkinsfile") / "Jenkinsfile"
        self.addCleanup(shutil.rmtree, path.parent, ignore_errors=True)
        path.write_text(text)
        return path

    def shows_no_secret(self, build):
        for secret in self.secrets:
            self.assertNotIn(secret, build.raw)

    def ended(self, build, result, *words):
        """This result, and these words in the description of the build; gives it back."""
        self.assertEqual(build.end().result, result, str(build))
        self.assertEqual(build.events[-1]["open_blocks"], 0, str(build))
        for word in words:
            self.assertIn(word, build.description, str(build))
        return build

    def promoted(self):
        """A build that is approved and succeeds."""
        build = self.build()
        build.asked()
        return self.ended(build.approve(), "SUCCESS", "promote to prod: done")

    def is_at(self, digest):
        self.prod.stands({"web": digest})
        self.prod.runs({"web": digest})
        self.prod.nobody_works()
        self.assertEqual(self.prod.paused(), [])
