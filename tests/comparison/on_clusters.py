"""Scenarios on sandboxes of both profiles. Each is a function that is given a Scene; those of PROFILES are played once
for each profile."""

import functools
import signal

import sluicekit as kit
from sluicekit.old_records import FOLDER
from sluicekit.sandbox_case import core
from sluicekit.shop import workload_path

JSON = ("-o", "json")
PROMOTE = ("promote", "--to", "prod", "--yes")
PLAN = ("plan", "--to", "prod")
SHORT = {"rollout": "30s", "grace": "2s"}  # of rollouts that are to fail
SCRIPT = FOLDER.parent / "scripts" / "01-four-commands.sh"


class Shop:
    """dev and prod in one cluster, or prod in another one, with a home for ann. Images differ by their number alone,
    so that their digests are the same in each recording."""

    def __init__(self, scene, source, target=None, name="shop", images=("web",), **members):
        target = target or source
        self.scene, self.images, self.box = scene, images, target
        self.dev, self.prod = scene.new_project(source, f"{name}-dev"), scene.new_project(target, f"{name}-prod")
        if source is target:
            scene.may_pull(source, self.dev, self.prod)
        self.home = scene.home()
        self.source = source
        scene.clusters(self.home, a=source, **({} if source is target else {"b": target}))
        self.write(**members)

    def write(self, accept=None, **members):
        more = {**members, **({"accept": accept} if accept else {})}
        self.scene.pipeline(self.home, ("dev", [("a", self.dev.name)]),
                            ("prod", [("a" if self.source is self.box else "b", self.prod.name)], more),
                            pictures=self.images)

    def image(self, project, number):
        return {name: project.image(name, layers=2, **{"layer-bytes": 1000 + 10 * number + len(name)})
                for name in self.images}

    def build(self, number):
        return self.image(self.dev, number)

    def running(self, kind="DeploymentConfig", number=0):
        """A workload that runs an old image of each stream."""
        found = self.image(self.prod, number)
        self.prod.workload(kind, containers={name: f"{name}:latest" for name in self.images})
        return found

    def run(self, *words, **options):
        return self.scene.sluice(self.home, *words, **options)

    def change(self, patch, kind="DeploymentConfig", name="web"):
        reply = self.prod.api.patch(workload_path(kind, self.prod.name, name), patch)
        assert reply.status == 200, reply
        self.box.settle()


def roads(scene, profile):
    """Each road with a kind of workload of its own; and a road that is not there."""
    box = scene.sandbox("cluster", profile)
    kinds = {"tag": "DeploymentConfig", "mount": "Deployment", "stream": "StatefulSet", "import": "DaemonSet"}
    for road, kind in kinds.items():
        shop = Shop(scene, box, name=road)
        shop.running(kind)
        shop.build(1)
        shop.run(*PLAN, "--via", road, "--explain-road", *JSON)
        shop.run(*PROMOTE, "--via", road, *JSON, events=True)
        scene.stand(**{f"{road}-dev": shop.dev, f"{road}-prod": shop.prod, f"{road}-records": shop.home})
    shop.build(2)
    shop.write(via="docker")
    shop.run(*PLAN, *JSON)
    shop.write(via="tag", deploy="patch")
    shop.run(*PLAN, *JSON)
    shop.run(*PROMOTE, *JSON)
    box.knob("registry", external_host=None)
    shop.build(3)
    shop.write(via="stream")
    shop.run(*PLAN, *JSON)
    shop.run(*PROMOTE)
    scene.stand(patched=shop.prod)


def story(scene, profile):
    """From doctor to undo, in one cluster: drift, a hold, a rollback, verified and watched."""
    shop = Shop(scene, scene.sandbox("cluster", profile), images=("web", "api"), **{
        "verify": {"rollout": "2m", "watch": "1s"}, "on-failure": "rollback"})
    shop.running()
    shop.run("status", *JSON)
    shop.build(1)
    shop.run("doctor", *JSON)
    shop.run("doctor", "--to", "prod")
    shop.run(*PLAN)
    plan = shop.run(*PLAN, *JSON).json["plan"]
    shop.run("promote", "--to", "prod", "--shadow", *JSON)
    shop.run("promote", "--to", "prod", "--plan", plan, *JSON, events=True)
    shop.run(*PROMOTE, *JSON)
    shop.run("status")
    second = shop.build(2)
    shop.run("diff", "dev", "prod", *JSON)
    shop.run(*PROMOTE)
    shop.run("rollback", "--to", "prod", "--yes", *JSON, events=True)
    shop.run(*PLAN, *JSON)
    shop.run("status", *JSON)
    scene.stand(held=shop.prod)
    shop.run("unhold", "prod", *JSON)
    shop.run("hold", "prod", "--reason", "year-end close")
    shop.run(*PROMOTE, *JSON)
    shop.run("unhold", "prod")
    done = shop.run(*PROMOTE, *JSON).json["promotion"]
    shop.run("undo", done, "--yes", *JSON, events=True)
    shop.prod.retag(second["web"])
    shop.box.settle()
    shop.run("status", *JSON)
    shop.run(*PLAN, *JSON)
    shop.run("release", "create", *JSON)
    for words in (("history",), ("releases",), ("release", "show", "1"), ("status",)):
        shop.run(*words, *JSON)
    scene.stand(dev=shop.dev, prod=shop.prod, records=shop.home)


def failures(scene, profile):
    """Rollouts that fail: left, put back, undone, resumed; and triggers that are spoilt: blocked, accepted, mended."""
    box = scene.sandbox("cluster", profile)
    stopped = Shop(scene, box, name="stopped", verify=SHORT)
    stopped.running()
    new = stopped.build(1)
    box.knob("outcome", digest=new["web"], result="crash-loop")
    failed = stopped.run(*PROMOTE, *JSON, events=True).json["promotion"]
    stopped.run("status", *JSON)
    scene.stand(failed=stopped.prod, failed_records=stopped.home)
    stopped.run("undo", failed, "--yes", *JSON)
    stopped.run("history", *JSON)
    put_back = Shop(scene, box, name="put-back", verify=SHORT, **{"on-failure": "rollback"})
    put_back.running("Deployment")
    box.knob("outcome", digest=put_back.build(2)["web"], result="unpullable")
    put_back.run(*PROMOTE, *JSON, events=True)
    put_back.run("status", *JSON)
    spoilt = Shop(scene, box, name="spoilt")
    spoilt.running()
    spoilt.build(3)
    spoilt.change({"spec": {"triggers": [{"type": "ConfigChange"}]}})
    spoilt.run("doctor", *JSON)
    spoilt.run(*PLAN, *JSON)
    spoilt.run(*PROMOTE, *JSON)
    spoilt.run(*PROMOTE)
    spoilt.run(*PLAN, "--accept", "trigger-missing", *JSON)
    spoilt.run(*PROMOTE, "--accept", "trigger-missing", *JSON)
    spoilt.build(4)
    spoilt.run(*PROMOTE, "--fix-triggers", *JSON, events=True)
    spoilt.change({"spec": {"paused": True}})
    spoilt.build(5)
    spoilt.write(accept=["workload-paused"])
    spoilt.run(*PLAN, *JSON)
    denied = Shop(scene, box, name="denied")
    denied.running()
    denied.build(6)
    scene.clusters(denied.home, a=(box, "bob"))
    denied.run("status", *JSON)
    denied.run(*PLAN, *JSON)
    denied.run(*PROMOTE, *JSON)
    scene.stand(stopped=stopped.prod, put_back=put_back.prod, spoilt=spoilt.prod, denied=denied.prod,
                put_back_records=put_back.home, spoilt_records=spoilt.home)


def stopped(scene, profile):
    """Interrupted while a rollout does not end, and killed before it: status, blocked, resume, undo, taken over."""
    box = scene.sandbox("cluster", profile)
    for goes_on, number in (("resume", 1), ("undo", 2)):
        shop = Shop(scene, box, name=f"then-{goes_on}")
        shop.running()
        new = shop.build(number)
        box.knob("outcome", digest=new["web"], result="hang")
        last = scene.stopped_at(shop.home, "rolling-out", signal.SIGINT, *PROMOTE, then=box.settle)
        shop.run("status", *JSON)
        scene.stand(**{f"interrupted-{goes_on}": shop.prod, f"interrupted-{goes_on}-records": shop.home})
        box.knob("outcome", digest=new["web"], result="succeed")
        shop.run(goes_on, last["promotion"], "--yes", *JSON)
        scene.stand(**{f"after-{goes_on}": shop.prod})
    shop = Shop(scene, box, name="killed")
    shop.running()
    shop.build(3)
    shop.run("release", "create", *JSON)  # a number is written beside the rest: which write is the sixth?
    shop.run(*PROMOTE, *JSON, program=kit.helper("sluice-crash"), environment={"SLUICE_CRASH_AFTER": "6"})
    shop.run("status", *JSON)
    scene.stand(killed=shop.prod, killed_records=shop.home)
    shop.run(*PROMOTE, *JSON)
    shop.run("resume", "--take-over", "--yes", *JSON, events=True)
    shop.run("status", *JSON)
    shop.run("history", *JSON)
    scene.stand(after_kill=shop.prod, after_kill_records=shop.home)


def between(scene):
    """From 3.11 to two clusters of other releases: streamed, one of them denied, partial, resumed, one alone, signed."""
    old, new = scene.sandbox("old", "3.11"), scene.sandbox("new", "4.x")
    home = scene.home()
    scene.clusters(home, old=old, new=new)
    dev, here, there = (scene.new_project(box, name) for box, name in (
        (old, "shop-dev"), (old, "shop-prod"), (new, "shop-prod")))
    scene.pipeline(home, ("dev", [("old", dev.name)]), ("prod", [("old", here.name), ("new", there.name)],
                                                      {"verify": SHORT}))
    for prod in (here, there):
        prod.image(layers=1, **{"layer-bytes": 500})
        prod.workload()
    digest = dev.image(layers=3, **{"layer-bytes": 2000})
    dev.image(tag=f"{digest.replace(':', '-')}.sig", layers=1, **{"layer-bytes": 100})
    scene.sluice(home, "doctor", "--to", "prod", *JSON)
    scene.sluice(home, *PLAN, "--explain-auth", *JSON)
    new.knob("outcome", digest=digest, result="crash-loop")
    partial = scene.sluice(home, *PROMOTE, *JSON, events=True).json["promotion"]
    scene.sluice(home, "status", *JSON)
    scene.sluice(home, "status")
    scene.stand(here_partial=here, there_partial=there, records_partial=home)
    new.knob("outcome", digest=digest, result="succeed")
    scene.sluice(home, "resume", partial, "--yes", *JSON)
    dev.image(layers=3, **{"layer-bytes": 3000})
    scene.sluice(home, *PLAN, "--target", "new", *JSON)
    scene.sluice(home, *PROMOTE, "--target", "new", *JSON)
    scene.sluice(home, "status", *JSON)
    scene.sluice(home, *PROMOTE, *JSON)
    scene.sluice(home, "rollback", "--to", "prod", "--yes", *JSON)
    scene.sluice(home, "history", *JSON)
    scene.stand(dev=dev, here=here, there=there, records=home)


def beginnings(scene, profile):
    """init, login and logout at a cluster with TLS, and what `sluice sandbox` prints."""
    box = scene.sandbox("cluster", profile, tls="api", flags=("--demo",))
    scene.masks.name(box.ca, "<ca>")
    ready = scene.masks.document(box.ready)
    scene.stands["sandbox"] = {key: "<secret>" if "token" in key else one for key, one in ready.items()
                               if key != "users"}
    home = scene.home()
    kubeconfig = {"KUBECONFIG": box.kubeconfig}
    scene.sluice(home, "init", "-f", "-", environment=kubeconfig)
    scene.sluice(home, "init", *JSON, environment=kubeconfig)
    scene.sluice(home, "init", *JSON, environment=kubeconfig)
    scene.sluice(home, "status", *JSON, environment=kubeconfig)
    home.write("promote.sh", SCRIPT.read_text())
    scene.sluice(home, "init", "--from-script", "promote.sh", "-f", "script.yaml", *JSON)
    scene.sluice(home, "init", "--from-script", "promote.sh", "-f", "-")
    box.scenario({"users": [{"name": "carol", "password": "carol's"}]})
    own = {"KUBECONFIG": f"{home.home}/kubeconfig"}
    api = box.ready["api"]
    scene.masks.name("carol's", "<password>")
    for words, stdin in ((("-u", "carol", "--password-stdin", "--ca", box.ca), "wrong"),
                         (("-u", "carol", "--password-stdin", "--ca", box.ca), "carol's"),
                         (("--token", "sha256~no-such-token", "--ca", box.ca), "")):
        scene.sluice(home, "login", api, *words, *JSON, stdin=stdin, environment=own)
    scene.sluice(home, "logout", api, *JSON, environment=own)
    scene.sluice(home, "logout", api, *JSON, environment=own)


def needs(scene, profile):
    """Many findings in one plan: what pods need and do not find, a container that no trigger sets, a full quota."""
    shop = Shop(scene, scene.sandbox("cluster", profile))
    old = shop.image(shop.prod, 0)["web"]
    repository = shop.prod.stream()["status"]["dockerImageRepository"]
    spec = {"serviceAccountName": "nobody-made-it", "containers": [
        {"name": "web", "image": " ", "envFrom": [{"secretRef": {"name": "gone"}}, {"configMapRef": {"name": "gone"}}]},
        {"name": "worker", "image": f"{repository}@{old}"}]}
    made = {"kind": "DeploymentConfig", "apiVersion": "apps.openshift.io/v1", "metadata": {"name": "web"}, "spec": {
        "replicas": 1, "selector": {"app": "web"}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec},
        "triggers": [{"type": "ConfigChange"}, {"type": "ImageChange", "imageChangeParams": {
            "automatic": True, "containerNames": ["web"], "from": {"kind": "ImageStreamTag", "name": "web:latest"}}}]}}
    assert shop.prod.api.post(workload_path("DeploymentConfig", shop.prod.name), made).status == 201
    quota = {"kind": "LimitRange", "apiVersion": "v1", "metadata": {"name": "images"}, "spec": {"limits": [
        {"type": "openshift.io/ImageStream", "max": {"openshift.io/image-tags": "1"}}]}}
    assert shop.prod.api.post(core(shop.prod.name, "limitranges"), quota).status == 201
    shop.build(1)
    shop.run("doctor", "--to", "prod", *JSON)
    shop.run("doctor", "--to", "prod")
    shop.run(*PLAN, *JSON)
    shop.run(*PLAN)
    shop.run(*PLAN, *(f"--accept={code}" for code in (
        "missing-secret", "missing-configmap", "missing-service-account", "container-not-followed")), *JSON)
    scene.stand(prod=shop.prod)


PROFILES = {"3-11": "3.11", "4-x": "4.x"}
SCENARIOS = {
    "clusters-between": between,
    **{f"clusters-{one.__name__}-{name}": functools.partial(one, profile=profile)
       for one in (stopped, failures, story, roads, beginnings, needs) for name, profile in PROFILES.items()}}
