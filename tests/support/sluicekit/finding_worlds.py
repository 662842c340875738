"""Worlds in which `sluice plan` shows one finding: projects, rights, workloads that are spoilt in one way. A world is a
method; it gives back, where need be: `runs_as`, the identity that runs the command; `fill`, words to be filled in;
`comment`: it is the case that a comment of the command is for; `takes`: what is done with what the command prints."""

import itertools
import json

from .one_cluster import TRIGGERS
from .roles import RBAC, role, service_account
from .sandbox import IMAGES, Sandbox
from .sandbox_case import core, small_image
from .spoilt_triggers import SpoiltTriggers

_people = itertools.count(1)


def rules(*tiers, without=()):
    """The rules of Roles in deploy/openshift; `without` are (resource, verb), or (resource, None) for all verbs."""
    out = []
    for tier in tiers:
        for rule in role(tier)["rules"]:
            for resource in rule["resources"]:
                verbs = [verb for verb in rule["verbs"]
                         if (resource, verb) not in without and (resource, None) not in without]
                if verbs:
                    out.append({**rule, "resources": [resource], "verbs": verbs})
    return out


class FindingWorlds(SpoiltTriggers):
    """`box` has the projects; `far` is another cluster of the same release, for what comes from elsewhere."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.far = cls.enterClassContext(Sandbox(profile=cls.profile, scenario={
            "users": [{"name": "ann", "password": "ann's"}]}))

    # People. Everybody is somebody new, so that no right of one world is one of the next.

    def somebody(self, dev=(), prod=(), made=None):
        """sluice is a new user with these roles, and in prod with these rules as a role of their own."""
        user = f"bob{next(_people)}"
        self.box.scenario({"users": [{"name": user, "password": "bob's"}]})
        for name in dev:
            self.right(f"user:{user}", name, self.dev)
        for name in prod:
            self.right(f"user:{user}", name, self.prod)
        if made is not None:
            self.right(f"user:{user}", "made", self.prod, rules=made)
        self.write_clusters(self.sluice, {"box": (self.box, user)})
        return user

    def two_identities(self, **more):
        """Both environments are of the same cluster, each with an identity of its own: dev's is ann, prod's
        the one of may()."""
        self.write_clusters(self.sluice, {"box": (self.box, self.user), "by-ann": (self.box, "ann")})
        self.pipeline(self.sluice, ("dev", [("by-ann", self.dev.name)]), ("prod", [("box", self.prod.name)], more))

    # Projects.

    def project_missing(self):
        """Only who may see all projects is told that one is missing."""
        self.fresh(self.dev)
        self.write_clusters(self.sluice, {"box": (self.box, "admin")})
        self.write(target={"project": f"{self.prod.name}-gone"})

    def project_hidden(self):
        self.running()
        self.somebody(dev=["registry-viewer"])

    def project_hidden_and_missing(self):
        """Whoever has a project made has all rights in it; so that this is for the user."""
        self.fresh(self.dev)
        user = self.somebody(dev=["registry-viewer"])
        self.write(target={"project": f"{self.prod.name}-gone"})
        return {"runs_as": user, "comment": True}

    # Rights.

    def may(self, dev, prod, made=None, running=True, **environment):
        """A promotion of somebody with these roles."""
        if running:
            self.running()
        else:
            self.fresh(self.dev)
        self.user = self.somebody(dev, prod, made)
        self.write(environment=environment)

    def target_not_seen(self):
        self.may(["registry-viewer"], [], made=rules("watch", "promote", without=[("imagestreams", "get")]))

    def source_unread_by_target(self):
        self.may(["system:image-puller"], ["edit"])
        self.two_identities()

    def mount_not_allowed(self):
        self.may([], ["edit"])
        self.two_identities(via="mount")

    def start_not_allowed(self):
        self.pods_run_something_else()
        self.somebody(["registry-viewer"], made=rules("watch", "promote", without=[("deploymentconfigs/instantiate",
                                                                                    None)]))

    def change_not_allowed(self):
        self.spoilt("DeploymentConfig", "missing")
        self.somebody(["registry-viewer"], made=rules("watch", "promote"))
        self.write(environment={"deploy": "patch"})

    def move_not_allowed(self):
        """The tag was promoted, and somebody has pushed since."""
        self.running()
        self.promote(self.sluice)
        self.push(self.prod, small_image(f"{self.id()}-{self.made}"))
        self.box.settle()
        self.somebody(["registry-viewer"], made=rules("watch", "promote", without=[("imagestreams", "update")]))

    def sign_not_allowed(self):
        """A signed image of another cluster."""
        source = self.project(self.far, self.dev.name)
        digest = self.fresh(source)
        reply = source.api.post(f"{IMAGES}/imagesignatures", {
            "kind": "ImageSignature", "apiVersion": "image.openshift.io/v1", "type": "atomic",
            "metadata": {"name": f"{digest}@one"}, "content": "b25l"})
        self.assertEqual(reply.status, 201, str(reply))
        self.fresh(self.prod)
        self.prod.workload()
        user = self.somebody(prod=["admin"])
        self.write_clusters(self.sluice, {"far": self.far, "box": (self.box, user)}, far={"insecure": True})
        self.pipeline(self.sluice, ("dev", [("far", source.name)]), ("prod", [("box", self.prod.name)]))

    def pods_not_allowed(self):
        self.running()
        where = f"{RBAC}/namespaces/{self.dev.name}/rolebindings"
        for binding in self.dev.get(where)["items"]:
            if any(one["name"] == f"system:serviceaccounts:{self.prod.name}" for one in binding["subjects"]):
                self.assertEqual(self.dev.api.delete(f"{where}/{binding['metadata']['name']}").status, 200)
        self.write(environment={"via": "import"})

    def token_ends_soon(self):
        """A service account with a token of ten minutes."""
        self.running()
        account = service_account(self, self.box, self.prod.name, ["watch", "promote"], self.dev.name)
        self.write_clusters(self.sluice, {"box": (self.box, account)})
        reply = self.prod.api.post(f"{core(self.prod.name, 'serviceaccounts', 'sluice')}/token", {
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 600}})
        self.assertEqual(reply.status, 201, str(reply))
        self.write_token(self.sluice, "box", reply.json["status"]["token"])
        return {"takes": self.take_token}

    def take_token(self, text):
        """Into the file that the clusters file names; unless it went there already."""
        if text.strip():
            self.write_token(self.sluice, "box", text.strip())

    # Limits.

    def limited(self, kind, most, **environment):
        """A LimitRange of prod. The limit that counts is not the first one."""
        self.running()
        self.post("limitranges", {"kind": "LimitRange", "apiVersion": "v1", "metadata": {"name": "images"}, "spec": {
            "limits": [{"type": "Container", "max": {"cpu": "4"}}, {"type": kind, "max": most}]}})
        self.write(environment=environment)

    def streams_used_up(self, resource):
        self.fresh(self.dev)
        self.post("resourcequotas", {"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "streams"},
                                     "spec": {"hard": {resource: "0"}}})

    def post(self, resource, made):
        reply = self.prod.api.post(core(self.prod.name, resource), made)
        self.assertEqual(reply.status, 201, str(reply))
        self.box.settle()

    # Workloads.

    def trigger(self, kind, how, **environment):
        self.spoilt(kind, how)
        self.write(environment=environment)

    def follows(self, kind, name, elsewhere=False, first=False):
        """A workload that ran an image of the tag follows this one now, of its own project or of dev. `first`: it never
        followed anything else, and prod has no image yet."""
        origin = {"kind": "ImageStreamTag", "name": name, "namespace": (self.dev if elsewhere else self.prod).name}
        if first:
            self.fresh(self.dev)
            self.make(self.following(kind, origin))
        else:
            old, _ = self.running(kind)
            if elsewhere:
                self.copy_to_dev(old)  # so that it changes nothing yet
            made = self.following(kind, origin)
            self.change(kind, {"metadata": {"annotations": made["metadata"].get("annotations")},
                               "spec": {"triggers": made["spec"]["triggers"]} if "triggers" in made["spec"] else {}})
        self.fresh(self.dev)
        self.box.settle()

    def follows_another(self, kind):
        """A workload that ran an image of the tag follows another one now, which holds an image, too."""
        self.fresh(self.prod, tag="other")
        self.follows(kind, "web:other")

    def following(self, kind, origin):
        made = self.manifest(kind)
        if kind == "DeploymentConfig":
            made["spec"]["triggers"][1]["imageChangeParams"]["from"] = origin
        else:
            entry = json.loads(made["metadata"]["annotations"][TRIGGERS])[0]
            made["metadata"]["annotations"][TRIGGERS] = json.dumps([{**entry, "from": origin}])
        return made

    def cron_job(self, how):
        self.fresh(self.prod)
        self.box.scenario({"workloads": [{"kind": "CronJob", "project": self.prod.name, "name": "web",
                                          "image": "web:latest", "trigger": how}]})
        if how == "missing":
            job = self.cron_job_now()
            for container in job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]:
                container["image"] = f"{self.prod.stream()['status']['dockerImageRepository']}@{self.prod.tag()}"
            self.assertEqual(self.prod.api.put(self._cron_job_path(), job).status, 200)
        self.fresh(self.dev)

    def cron_job_now(self):
        return self.prod.get(self._cron_job_path())

    def _cron_job_path(self):
        version = "v1beta1" if self.profile == "3.11" else "v1"
        return f"/apis/batch/{version}/namespaces/{self.prod.name}/cronjobs/web"

    def twice(self, kind, name):
        """A second trigger on the same container, on the same tag or on another one."""
        self.running(kind)
        self.fresh(self.prod, tag="other")
        triggers = self.workload(kind)["spec"]["triggers"]
        second = json.loads(json.dumps(triggers[1]))
        second["imageChangeParams"]["from"]["name"] = name
        self.change(kind, {"spec": {"triggers": [*triggers, second]}})
        self.fresh(self.dev)

    def held(self, kind):
        """A second container follows a tag that never held an image."""
        self.fresh(self.prod)
        self.make(self.manifest(kind, containers={"web": "web:latest", "side": "side:latest"}))
        spec = self.workload(kind)["spec"]["template"]["spec"]
        spec["containers"][1]["image"] = "registry.invalid/side:1"
        self.change(kind, {"spec": {"template": {"spec": spec}}})
        self.fresh(self.dev)

    def left_container(self, kind, init):
        """A container, or an init container, is pinned to an old image of the stream."""
        old = self.fresh(self.prod)
        made = self.manifest(kind)
        extra = {"name": "worker", "image": f"{self.prod.stream()['status']['dockerImageRepository']}@{old}"}
        made["spec"]["template"]["spec"].setdefault("initContainers" if init else "containers", []).append(extra)
        self.make(made)
        self.fresh(self.dev)

    def on_delete(self, kind):
        self.fresh(self.prod)
        made = self.manifest(kind)
        made["spec"]["updateStrategy"] = {"type": "OnDelete"}
        self.make(made)
        self.fresh(self.dev)

    def paused(self, kind):
        self.running(kind)
        self.change(kind, {"spec": {"paused": True}})

    def pods_run_something_else(self):
        """The tag is right and the template too, and pods run another image."""
        self.running()
        self.promote(self.sluice)
        pods = self.prod.get(core(self.prod.name, "pods"))["items"]
        running = next(one for one in pods if one["metadata"]["labels"].get("app") == "web")
        status = running["status"]
        for one in status["containerStatuses"]:
            one["imageID"] = one["imageID"].rpartition("@")[0] + "@sha256:" + "ab" * 32
        path = core(self.prod.name, "pods", running["metadata"]["name"]) + "/status"
        reply = self.prod.api.patch(path, {"status": status})
        self.assertEqual(reply.status, 200, str(reply))

    def paused_on_something_else(self):
        self.pods_run_something_else()
        self.change("DeploymentConfig", {"spec": {"paused": True}})

    def nobody_uses_the_tag(self, kind):
        """A workload that runs an image of elsewhere."""
        self.fresh(self.prod)
        self.fresh(self.dev)
        made = self.manifest(kind, replicas=0)
        made["metadata"].pop("annotations")
        made["spec"]["template"]["spec"]["containers"][0]["image"] = "registry.invalid/other:1"
        self.make(made)
        return {"fill": {"NAME": "web", "CONTAINER": "web"}}

    def kind_unread(self):
        self.running()
        user = self.somebody(["registry-viewer"], made=rules("watch", "promote", without=[("cronjobs", None)]))
        return {"fill": {"USER": user}}

    # What pods need.

    def needs(self, container=None, spec=None, there=()):
        """A workload whose pods need something. `there`: (resource, object) that stand in prod."""
        self.fresh(self.prod)
        made = self.manifest("DeploymentConfig")
        made["spec"]["template"]["spec"].update(spec or {})
        made["spec"]["template"]["spec"]["containers"][0].update(container or {})
        for resource, one in there:
            self.post(resource, one)
        self.make(made)
        self.fresh(self.dev)
        self.sluice.write("values.env", "# what the pods want\nuser=shop\npassword=a b'c\"d\n")
        return {"fill": {"FILE": "values.env", "VALUE": "blue"}}

    # The registry.

    def push(self, project, image):
        """Somebody pushes to the tag."""
        with self.box.registry() as registry:
            repository = f"/v2/{project.name}/web"
            for blob in image.blobs:
                place = registry.post(f"{repository}/blobs/uploads/").headers["location"]
                place = "/" + place.split("/", 3)[3] if "://" in place else place
                reply = registry.put(f"{place}&digest={blob.digest}", b"".join(blob.chunks()),
                                     headers={"Content-Type": "application/octet-stream"})
                self.assertEqual(reply.status, 201, str(reply))
            reply = registry.put(f"{repository}/manifests/latest", image.manifest,
                                 headers={"Content-Type": image.media_type})
            self.assertEqual(reply.status, 201, str(reply))
