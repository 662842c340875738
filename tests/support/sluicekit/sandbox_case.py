"""What tests of `sluice sandbox` have in common: one sandbox per class, projects per test, and its objects in short."""

import itertools
import json
import time
import unittest

from . import images
from .sandbox import APPS, CORE, IMAGES, PASSWORD, Sandbox

JSON_PATCH = "application/json-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPS_V1 = "/apis/apps/v1"
_numbers = itertools.count(1)


def streams(project, name=None, query=""):
    return _path(IMAGES, project, "imagestreams", name, query)


def tags(project, name=None):
    return _path(IMAGES, project, "imagestreamtags", name)


def imports(project):
    return _path(IMAGES, project, "imagestreamimports", None)


def configs(project, name=None, query=""):
    return _path(APPS, project, "deploymentconfigs", name, query)


def controllers(project, name=None, query=""):
    return _path(CORE, project, "replicationcontrollers", name, query)


def deployments(project, name=None):
    return _path(APPS_V1, project, "deployments", name)


def core(project, resource, name=None, query=""):
    return _path(CORE, project, resource, name, query)


def _path(root, project, resource, name, query=""):
    return f"{root}/namespaces/{project}/{resource}" + (f"/{name}" if name else "") + (f"?{query}" if query else "")


def small_image(seed, types=images.DOCKER, sizes=(60,)):
    """An image as small as may be, in the form that every release takes."""
    return images.random_image(sizes, seed, types)


def image_stream(name, *spec_tags, **spec):
    return {"kind": "ImageStream", "apiVersion": "image.openshift.io/v1", "metadata": {"name": name},
            "spec": {**spec, **({"tags": list(spec_tags)} if spec_tags else {})}}


def spec_tag(name, source, kind="ImageStreamImage", namespace=None, **more):
    """One element of spec.tags, or the `tag` of an ImageStreamTag."""
    origin = {"kind": kind, "name": source, **({"namespace": namespace} if namespace else {})}
    return {"name": name, "from": origin, "referencePolicy": {"type": "Source"}, **more}


def stream_tag(stream, tag, source, kind="ImageStreamImage", namespace=None, **more):
    return {"kind": "ImageStreamTag", "apiVersion": "image.openshift.io/v1", "metadata": {"name": f"{stream}:{tag}"},
            "tag": spec_tag(tag, source, kind, namespace, **more)}


def deployment_config(name, *triggers, replicas=1, image=" ", **spec):
    return {"kind": "DeploymentConfig", "apiVersion": "apps.openshift.io/v1", "metadata": {"name": name},
            "spec": {"replicas": replicas, "triggers": list(triggers), "selector": {"app": name},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [{"name": "c", "image": image}]}}, **spec}}


CONFIG_CHANGE = {"type": "ConfigChange"}


def image_change(tag, automatic=True, namespace=None):
    origin = {"kind": "ImageStreamTag", "name": tag, **({"namespace": namespace} if namespace else {})}
    return {"type": "ImageChange",
            "imageChangeParams": {"automatic": automatic, "containerNames": ["c"], "from": origin}}


def deployment(name, image=" ", tag=None, replicas=1):
    """A Deployment; with `tag` it has the annotation that makes it follow an image stream tag."""
    made = {"kind": "Deployment", "apiVersion": "apps/v1", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}},
                                  "spec": {"containers": [{"name": "c", "image": image}]}}}}
    if tag:
        made["metadata"]["annotations"] = {"image.openshift.io/triggers": json.dumps([
            {"from": {"kind": "ImageStreamTag", "name": tag},
             "fieldPath": "spec.template.spec.containers[?(@.name==\"c\")].image"}])}
    return made


def condition(thing, kind):
    """A condition by its type, or an empty one."""
    return next((one for one in thing.get("status", {}).get("conditions") or [] if one["type"] == kind), {})


def top_image(stream, tag):
    """The digest on top of a tag's history, or None."""
    for one in stream.get("status", {}).get("tags") or []:
        if one["tag"] == tag and one.get("items"):
            return one["items"][0]["image"]
    return None


def history(stream, tag):
    """The digests of a tag, newest first."""
    for one in stream.get("status", {}).get("tags") or []:
        if one["tag"] == tag:
            return [item["image"] for item in one["items"] or []]
    return []


def phase(controller):
    return controller["metadata"]["annotations"].get("openshift.io/deployment.phase")


class SandboxCase(unittest.TestCase):
    """`box` is the class's sandbox, started with `flags`. ann is admin of `self.dev`, promoter of `self.prod`; both
    projects are the test's own. nobody has no rights."""

    flags = {}
    longMessage = True
    maxDiff = 4000

    @classmethod
    def setUpClass(cls):
        cls.box = cls.enterClassContext(Sandbox(**cls.flags))
        cls.box.scenario({"users": [{"name": name, "password": PASSWORD}
                                    for name in ("ann", "promoter", "nobody")]})

    def setUp(self):
        self.number = next(_numbers)
        self.dev, self.prod = f"t{self.number}-dev", f"t{self.number}-prod"
        self.box.scenario({"projects": [{"name": self.dev, "admin": "ann"}, {"name": self.prod, "admin": "promoter"}]})
        self.admin, self.ann, self.promoter = (self.box.api(name) for name in ("admin", "ann", "promoter"))

    # The world.

    def right(self, subject, role, project=None, **more):
        self.box.scenario({"rights": [{"subject": subject, "role": role, "project": project, **more}]})

    def push(self, repository, tag, image, identity="ann", wire=None):
        """Pushes an image as a registry client does; gives the answer to the manifest."""
        wire = wire or self.box.registry(identity)
        for child in image.children:
            self.is_status(self.push(repository, child.digest, child, wire=wire), 201)
        for blob in image.blobs:
            self.push_blob(repository, blob, wire)
        return wire.put(f"/v2/{repository}/manifests/{tag}", image.manifest,
                        headers={"Content-Type": image.media_type})

    def push_blob(self, repository, blob, wire):
        begun = self.is_status(wire.post(f"/v2/{repository}/blobs/uploads/"), 202)
        self.is_status(wire.put(f"{self.path_of(begun)}&digest={blob.digest}", b"".join(blob.chunks()),
                                headers={"Content-Type": "application/octet-stream"}), 201)

    def pushed(self, project, name="web", tag="1.0", seed=None, identity=None):
        """A small image in a stream; gives the image."""
        image = small_image(f"{self.id()}-{seed if seed is not None else tag}")
        identity = identity or ("promoter" if project == self.prod else "ann")
        self.is_status(self.push(f"{project}/{name}", tag, image, identity), 201)
        return image

    @staticmethod
    def path_of(reply):
        """Path and query of a Location."""
        location = reply.headers["location"]
        return "/" + location.split("/", 3)[3] if "://" in location else location

    def digests(self, project, name, tag):
        """The history of a tag as an administrator reads it."""
        return history(self.ok(self.admin.get(streams(project, name))), tag)

    # Assertions.

    def is_status(self, reply, status):
        self.assertEqual(reply.status, status, f"\n{reply}")
        return reply

    def ok(self, reply, status=200):
        """The document of an answer with this status."""
        return self.is_status(reply, status).json

    def created(self, reply):
        return self.ok(reply, 201)

    def refused(self, reply, code, reason=None, *words):
        """A Status "Failure" with this code and reason whose message has these words."""
        status = self.ok(reply, code)
        self.assertEqual((status["kind"], status["status"], status["code"]), ("Status", "Failure", code), f"\n{reply}")
        if reason is not None:
            self.assertEqual(status.get("reason"), reason, f"\n{reply}")
        for word in words:
            self.assertIn(word, status["message"])
        return status

    def denied(self, reply, status, code):
        """An error of the registry with this code."""
        errors = self.ok(reply, status)["errors"]
        self.assertEqual([one["code"] for one in errors], [code], f"\n{reply}")

    def soon(self, check, *arguments, timeout=20):
        """Repeats a check until it raises no AssertionError any more; gives what it gave."""
        end = time.monotonic() + timeout
        while True:
            try:
                return check(*arguments)
            except (AssertionError, KeyError, IndexError, TypeError) as error:
                if time.monotonic() > end:
                    raise AssertionError(f"still after {timeout} s: {type(error).__name__}: {error}") from error
            time.sleep(0.02)  # the interval of a poll

    def soon_equal(self, read, expected, timeout=20):
        """read() gives `expected` before long."""
        return self.soon(lambda: self.assertEqual(read(), expected), timeout=timeout)

    # Rollouts.

    def config(self, name="site", project=None):
        return self.ok(self.admin.get(configs(project or self.prod, name)))

    def controller(self, name, project=None):
        return self.ok(self.admin.get(controllers(project or self.prod, name)))

    def reaches(self, name, wanted, project=None, timeout=20):
        """Waits for a phase of a replication controller; gives the controller."""
        def check():
            found = self.controller(name, project)
            self.assertEqual(phase(found), wanted, name)
            return found
        return self.soon(check, timeout=timeout)

    def make_config(self, *triggers, name="site", **more):
        return self.created(self.promoter.post(configs(self.prod), deployment_config(name, *triggers, **more)))
