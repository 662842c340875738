"""The app `shop` on sandboxes: pipelines and clusters files for sluice, and its projects as their administrator sees
them."""

import hashlib
import itertools
import json
import pathlib
import unittest

from . import images
from .sandbox_case import core, history, image_stream, stream_tag, streams, tags, top_image
from .sluice import Sluice

_numbers = itertools.count(1)
_PATHS = {"DeploymentConfig": "/apis/apps.openshift.io/v1", "Deployment": "/apis/apps/v1",
          "StatefulSet": "/apis/apps/v1", "DaemonSet": "/apis/apps/v1"}
_CONTROLLERS = {"DeploymentConfig": "replicationcontrollers", "Deployment": "replicasets"}


def workload_path(kind, project, name=None):
    return f"{_PATHS[kind]}/namespaces/{project}/{kind.lower()}s" + (f"/{name}" if name else "")


def workload_of(kind, project, name, containers, replicas=1):
    """A workload that follows tags by itself. containers: names to tags of streams ({"web": "web:latest"})."""
    template = {"metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": container, "image": " "} for container in containers]}}
    made = {"kind": kind, "metadata": {"name": name, "namespace": project, "labels": {"app": name}},
            "spec": {"replicas": replicas, "template": template}}
    if kind == "DeploymentConfig":
        made["apiVersion"] = "apps.openshift.io/v1"
        made["spec"]["selector"] = {"app": name}
        made["spec"]["triggers"] = [{"type": "ConfigChange"}, *(
            {"type": "ImageChange", "imageChangeParams": {
                "automatic": True, "containerNames": [container], "from": {"kind": "ImageStreamTag", "name": tag}}}
            for container, tag in containers.items())]
        return made
    made["apiVersion"] = "apps/v1"
    made["spec"]["selector"] = {"matchLabels": {"app": name}}
    made["metadata"]["annotations"] = {"image.openshift.io/triggers": json.dumps([
        {"from": {"kind": "ImageStreamTag", "name": tag},
         "fieldPath": f"spec.template.spec.containers[?(@.name==\"{container}\")].image"}
        for container, tag in containers.items()])}
    return made


class Project:
    """One project of a sandbox, read and changed as its administrator would."""

    def __init__(self, case, box, name):
        self.case, self.box, self.name = case, box, name
        self.api = box.api()

    def get(self, path):
        reply = self.api.get(path)
        self.case.assertEqual(reply.status, 200, f"{path}\n{reply}")
        return reply.json

    # Images.

    def image(self, stream="web", tag="latest", **more):
        """Makes an image up under a tag; gives its digest."""
        self.box.scenario({"images": [{"project": self.name, "stream": stream, "tag": tag, "layers": 2,
                                       "layer-bytes": 1000, **more}]})
        return self.tag(stream, tag)

    def stream(self, name="web"):
        return self.get(streams(self.name, name))

    def tag(self, stream="web", tag="latest"):
        """The digest on top of a tag, or None; also where there is no stream."""
        reply = self.api.get(streams(self.name, stream))
        return top_image(reply.json, tag) if reply.status == 200 else None

    def history(self, stream="web", tag="latest"):
        return history(self.stream(stream), tag)

    def stands(self, digests, tag="latest"):
        """Every stream's tag stands for its digest."""
        self.case.assertEqual({name: self.tag(name, tag) for name in digests}, digests, f"tags of {self.name}:{tag}")

    def retag(self, digest, stream="web", tag="latest"):
        """Somebody else moves a tag to an image that the stream knows."""
        reply = self.api.put(tags(self.name, f"{stream}:{tag}"), stream_tag(stream, tag, f"{stream}@{digest}"))
        self.case.assertIn(reply.status, (200, 201), str(reply))

    def ensure_stream(self, stream="web"):
        self.case.assertEqual(self.api.post(streams(self.name), image_stream(stream)).status, 201)

    def pulled(self, digest, stream="web", tag="latest"):
        """The tag as the registry serves it: the manifest's bytes have the digest, and every blob is there."""
        with self.box.registry() as registry:
            accept = {"Accept": ", ".join(kind["manifest"] for kind in (images.DOCKER, images.OCI))}
            reply = registry.get(f"/v2/{self.name}/{stream}/manifests/{tag}", headers=accept)
            self.case.assertEqual(reply.status, 200, str(reply))
            self.case.assertEqual("sha256:" + hashlib.sha256(reply.body).hexdigest(), digest)
            for blob in (reply.json["config"], *reply.json["layers"]):
                content = registry.get(f"/v2/{self.name}/{stream}/blobs/{blob['digest']}")
                self.case.assertEqual(content.status, 200, str(content))
                self.case.assertEqual("sha256:" + hashlib.sha256(content.body).hexdigest(), blob["digest"])

    # Annotations.

    def annotation(self, name, stream="web"):
        return self.stream(stream)["metadata"].get("annotations", {}).get(f"sluice/{name}")

    def state(self, stream="web", tag="latest"):
        """What sluice noted of a tag, or None."""
        text = self.annotation("state", stream)
        return json.loads(text).get(tag) if text else None

    def lease(self, stream="web"):
        text = self.annotation("lease", stream)
        return json.loads(text) if text else None

    def annotate(self, name, text, stream="web"):
        reply = self.api.patch(streams(self.name, stream), {"metadata": {"annotations": {f"sluice/{name}": text}}})
        self.case.assertEqual(reply.status, 200, str(reply))

    def nobody_works(self):
        """No stream of this project is leased any more."""
        for stream in self.get(streams(self.name))["items"]:
            text = stream["metadata"].get("annotations", {}).get("sluice/lease")
            if text:
                self.case.assertEqual(json.loads(text)["holder"], "", f"{stream['metadata']['name']}: {text}")

    # Workloads.

    def workload(self, kind="DeploymentConfig", name="web", containers=None, replicas=1):
        """Makes one that follows tags, and waits until it runs."""
        made = workload_of(kind, self.name, name, containers or {"web": "web:latest"}, replicas)
        reply = self.api.post(workload_path(kind, self.name), made)
        self.case.assertEqual(reply.status, 201, str(reply))
        self.box.settle()

    def pods(self, name="web"):
        """What runs: for each pod of a workload that is not on its way out, digests by container."""
        found = []
        for pod in self.get(core(self.name, "pods"))["items"]:
            if pod["metadata"].get("labels", {}).get("app") != name or pod["metadata"].get("deletionTimestamp"):
                continue
            if "openshift.io/deployer-pod-for.name" in pod["metadata"].get("labels", {}):
                continue
            found.append({one["name"]: one.get("imageID", "").rpartition("@")[2]
                          for one in pod["status"].get("containerStatuses", [])})
        return found

    def runs(self, digests, name="web", replicas=1):
        """Exactly these digests, by container, in every pod; at this very moment."""
        self.case.assertEqual(self.pods(name), [digests] * replicas, f"pods of {self.name}/{name}")

    def paused(self):
        """Names of what is paused."""
        found = []
        for kind in ("DeploymentConfig", "Deployment"):
            for one in self.get(workload_path(kind, self.name))["items"]:
                if one["spec"].get("paused"):
                    found.append(f"{kind} {one['metadata']['name']}")
        return found

    def rollouts(self, kind="DeploymentConfig"):
        """How many rollouts there have been of the kind's workloads."""
        root = "/api/v1" if kind == "DeploymentConfig" else "/apis/apps/v1"
        return len(self.get(f"{root}/namespaces/{self.name}/{_CONTROLLERS[kind]}")["items"])

    def outcome(self, result, name="web", kind="DeploymentConfig", **more):
        """What the next rollouts come to."""
        self.box.knob("outcome", kind=kind, namespace=self.name, name=name, result=result, **more)


class ShopCase(unittest.TestCase):
    """Homes with pipelines, and projects of each test's own. No token appears in anything that a run shows."""

    longMessage = True
    maxDiff = 4000

    def setUp(self):
        self.number = next(_numbers)
        self._homes = []
        self.secrets = set()
        self.addCleanup(self._scan_for_secrets)

    def project(self, box, name, admin="ann"):
        """A new project; its admin may do everything in it."""
        box.scenario({"projects": [{"name": name, "admin": admin}]})
        return Project(self, box, name)

    def home(self, clusters=None, program=None):
        """A home for sluice. clusters: names to sandboxes, or to (sandbox, identity), with a token file each."""
        home = self.enterContext(Sluice())
        self._homes.append(home)
        home.environment["NO_COLOR"] = "1"
        if clusters:
            self.write_clusters(home, clusters)
        return home

    def write_clusters(self, home, clusters, **more):
        """more: members of entries by cluster, as {"prod": {"api": ...}}."""
        entries = {}
        for name, box in clusters.items():
            box, identity = box if isinstance(box, tuple) else (box, "ann")
            token = box.token(identity)
            self.write_token(home, name, token)
            entries[name] = {"api": box.ready["api"], "token": f"file:{home.home}/{name}.token", **more.get(name, {})}
            if box.ca is not None:
                home.write(f"{name}.crt", pathlib.Path(box.ca).read_text(encoding="ascii"))
                entries[name].setdefault("ca", f"file:{home.home}/{name}.crt")
        home.write(".config/sluice/clusters.yaml", json.dumps({"clusters": entries}))

    def write_token(self, home, name, token):
        self.secrets.add(token)
        home.write(f"{name}.token", token)

    @staticmethod
    def pipeline(home, *environments, pictures=("web",), **more):
        """An environment is (name, [(cluster, project), ...], members)."""
        document = {"app": "shop", "images": list(pictures), "environments": [], **more}
        for name, targets, *members in environments:
            document["environments"].append({
                "name": name, "targets": [{"cluster": cluster, "project": project} for cluster, project in targets],
                **(members[0] if members else {})})
        home.write("sluice.yaml", json.dumps(document, indent=1))

    def _scan_for_secrets(self):
        for home in self._homes:
            for outcome in home.outcomes:
                for secret in self.secrets:
                    self.assertNotIn(secret, outcome.out + outcome.err, f"a secret was shown\n{outcome}")

    # Runs.

    def ends(self, outcome, code, state=None):
        """This exit code, and this state in the document of `-o json`; gives the outcome back."""
        self.assertEqual(outcome.code, code, outcome)
        if state is not None:
            self.assertIsNotNone(outcome.json, f"expected a document\n{outcome}")
            self.assertEqual(outcome.json["state"], state, outcome)
        return outcome

    def promote(self, home, *flags, code=0, state="succeeded", to="prod", **options):
        return self.ends(home.run("promote", "--to", to, "--yes", "-o", "json", *flags, **options), code, state)

    def says(self, outcome, *words):
        """The line of the error has all these words."""
        said = [line for line in outcome.err.splitlines() if line.startswith("sluice: ")]
        self.assertEqual(len(said), 1, f"expected one line of error\n{outcome}")
        for word in words:
            self.assertIn(word, said[0], outcome)
        return said[0]

    def codes(self, outcome):
        """The findings of a plan or an outcome, as (severity, code)."""
        found = list(outcome.json["findings"])
        for target in outcome.json["targets"]:
            found += target.get("findings") or []
        return {(one["severity"], one["code"]) for one in found}

    def status(self, home, environment="prod"):
        """One environment of `sluice status`."""
        outcome = home.run("status", "-o", "json")
        self.assertEqual(outcome.code, 0, outcome)
        return next(one for one in outcome.json["environments"] if one["environment"] == environment)
