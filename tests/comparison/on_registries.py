"""Scenarios between plain registries. Each is a function that is given a Scene."""

import json
import signal
import time

import sluicekit as kit
from sluicekit.attached import SBOM, attach, cosign_tag

JSON = ("-o", "json")
PROMOTE = ("promote", "--to", "prod", "--yes")


def image(seed, sizes=(700, 300), **more):
    return kit.random_image(sizes, f"comparison-{seed}", **more)


def pair(scene, *targets, images=("web",), **more):
    """A pipeline from registry dev to registries prod (or these); gives (home, dev, targets)."""
    dev = scene.registry("dev")
    ends = [scene.registry(name) for name in targets or ("prod",)]
    home = scene.home()
    home.write("sluice.yaml", kit.pipeline("shop", images, ("dev", [(dev.front, "shop/dev")]),
                                           ("prod", [(end.front, "shop/prod") for end in ends]), **more))
    return home, dev, ends


def build(dev, number, images=("web",), tag="latest"):
    for name in images:
        dev.client().push(f"shop/dev/{name}", tag, image(f"{name}-{number}"))


def until(holds, patience=60):
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"still not so after {patience} s")
        time.sleep(0.005)  # the interval of a poll


def copies(scene):
    """copy, inspect, digest, tags: images, indexes, artifacts, all that is attached; once more; and out of reach."""
    home = scene.home()
    a, b = scene.registry("a"), scene.registry("b")
    client = a.client()
    plain, index, signed = image("plain"), kit.index_of(seed="comparison"), image("signed")
    client.push("p/plain", "v1", plain)
    client.push("p/index", "v1", index)
    client.push("p/artifact", "v1", kit.Artifact("application/vnd.example.config", b"{}"))
    client.push("p/signed", "v1", signed)
    client.push("p/signed", cosign_tag(signed), image("signature", (90,)))
    attach(client, "p/signed", kit.Artifact(SBOM, b"{\"sbom\": 1}", subject=signed))
    for name in ("plain", "index", "artifact", "signed"):
        where, there = f"{a.front}/p/{name}:v1", f"{b.front}/q/{name}:v1"
        scene.sluice(home, "inspect", where, *JSON)
        scene.sluice(home, "digest", where)
        scene.sluice(home, "copy", where, there, *JSON, events=True)
    scene.sluice(home, "inspect", f"{a.front}/p/signed:v1")
    scene.sluice(home, "digest", f"{a.front}/p/plain:v1", *JSON)
    scene.sluice(home, "tags", f"{a.front}/p/signed")
    scene.sluice(home, "tags", f"{a.front}/p/signed", *JSON)
    scene.sluice(home, "copy", f"{a.front}/p/plain:v1", f"{b.front}/q/plain:v1", *JSON)
    scene.sluice(home, "copy", f"{a.front}/p/plain:v1", f"{b.front}/q/plain:v1", "--check-blobs")
    scene.sluice(home, "copy", f"{a.front}/p/plain:v1", f"{a.front}/other/plain:v1", *JSON, "--explain-road")
    scene.sluice(home, "copy", f"{a.front}/p/signed:v1", f"{b.front}/q/bare:v1", "--no-attachments", *JSON)
    scene.sluice(home, "copy", f"{a.front}/p/index:v1", f"{b.front}/q/one:v1", "--platform", "linux/arm64", *JSON)
    scene.sluice(home, "copy", f"{a.front}/p/gone:v1", f"{b.front}/q/gone:v1", *JSON)
    scene.sluice(home, "digest", f"{a.front}/p/gone:v1")
    scene.sluice(home, "copy", f"{a.front}/p/plain", "not a reference", *JSON)
    scene.fault("b", method="POST", target="/uploads/", times=0, action="status", status=403)
    scene.sluice(home, "copy", f"{a.front}/p/plain:v1", f"{b.front}/denied/plain:v1", *JSON,
                 chance=("a GET blob", "b POST uploads"))
    scene.no_faults("b")
    scene.fault("b", times=0, action="status", status=503)
    scene.sluice(home, "copy", f"{a.front}/p/plain:v1", f"{b.front}/busy/plain:v1", "--retry-times", "0", *JSON,
                 chance=("a GET blob", "a GET referrers"))
    scene.no_faults("b")
    scene.stand(a=a, b=b)


def story(scene):
    """One image from the first plan to undo."""
    home, dev, (prod,) = pair(scene)
    for words in (("status",), ("diff", "dev", "prod"), ("history",), ("releases",), ("doctor",), PROMOTE):
        scene.sluice(home, *words, *JSON)
    build(dev, 1)
    scene.sluice(home, "plan", "--to", "prod")
    plan = scene.sluice(home, "plan", "--to", "prod", *JSON).json["plan"]
    scene.sluice(home, "doctor", "--to", "prod", *JSON)
    scene.sluice(home, "promote", "--to", "prod", "--shadow", *JSON)
    scene.sluice(home, "promote", "--to", "prod", *JSON)
    scene.sluice(home, "release", "create", *JSON)
    scene.sluice(home, "promote", "--to", "prod", "--plan", plan, *JSON, events=True)
    scene.sluice(home, "release", "show", "1", *JSON)
    scene.sluice(home, "release", "show", "1")
    scene.stand(prod_first=prod)
    build(dev, 2)
    scene.sluice(home, "diff", "dev", "prod", *JSON)
    scene.sluice(home, "diff", "dev", "prod")
    scene.sluice(home, "promote", "--to", "prod", "--plan", plan, *JSON)
    scene.sluice(home, *PROMOTE)
    scene.sluice(home, *PROMOTE, *JSON)
    scene.sluice(home, "rollback", "--to", "prod", *JSON)
    scene.sluice(home, "rollback", "--to", "prod", "--yes", *JSON, events=True)
    scene.sluice(home, *PROMOTE, *JSON)
    scene.sluice(home, "status", *JSON)
    scene.sluice(home, "status")
    scene.stand(prod_held=prod)
    scene.sluice(home, "unhold", "prod", *JSON)
    scene.sluice(home, "hold", "prod", "--reason", "year-end close", *JSON)
    scene.sluice(home, "unhold", "prod")
    last = scene.sluice(home, *PROMOTE, "--explain-road", *JSON).json["promotion"]
    scene.sluice(home, "undo", last, *JSON, events=True)
    scene.sluice(home, *PROMOTE, "--release", "1", *JSON)
    for words in (("history",), ("releases",), ("status",)):
        scene.sluice(home, *words, *JSON)
        scene.sluice(home, *words)
    scene.stand(dev=dev, prod=prod, records=home)
    # Another machine, which has no records, knows as much.
    other = scene.home()
    other.write("sluice.yaml", (home.home / "sluice.yaml").read_text())
    scene.sluice(other, "status", *JSON)
    scene.sluice(other, "history", *JSON)
    scene.sluice(other, "rollback", "--to", "prod", "--yes", *JSON)
    scene.stand(other=other)


def several(scene):
    """Two images to two targets: partial, resumed, failed, one target alone."""
    images = ("web", "api")
    home, dev, (one, two) = pair(scene, "one", "two", images=images)
    build(dev, 1, images)
    scene.sluice(home, *PROMOTE, *JSON, events=True)
    build(dev, 2, images)
    scene.fault("two", method="PUT", target="/manifests/latest$", times=0, action="status", status=403)
    partial = scene.sluice(home, *PROMOTE, *JSON).json
    scene.sluice(home, "status", *JSON)
    scene.sluice(home, "plan", "--to", "prod", *JSON)
    scene.stand(one_partial=one, two_partial=two, records_partial=home)
    scene.no_faults("two")
    scene.sluice(home, "resume", partial["promotion"], "--yes", *JSON, events=True)
    build(dev, 3, images)
    scene.sluice(home, *PROMOTE, "--target", f"{two.front}/shop/prod", *JSON)
    scene.sluice(home, "status", *JSON)
    scene.sluice(home, *PROMOTE, *JSON)
    build(dev, 4, images)
    scene.fault("one", method="POST", target="/uploads/", times=0, action="status", status=403)
    scene.sluice(home, *PROMOTE, *JSON)
    scene.no_faults("one")
    scene.sluice(home, "history", *JSON)
    scene.sluice(home, "resume", *JSON)
    scene.sluice(home, "history", "--env", "prod", "--limit", "2", *JSON)
    scene.stand(dev=dev, one=one, two=two, records=home)


def versions(scene):
    """Releases named by tags that match a pattern, with what is attached to them; going to one by its tag."""
    home, dev, (prod,) = pair(scene, source={"tag": "v*"})
    for number in (1, 2):
        build(dev, number, tag=f"v{number}")
        web = image(f"web-{number}")
        dev.client().push("shop/dev/web", cosign_tag(web), image(f"signature-{number}", (90,)))
        scene.sluice(home, "plan", "--to", "prod", *JSON)
        scene.sluice(home, "plan", "--to", "prod", "--no-attachments", *JSON)
        scene.sluice(home, *PROMOTE, *JSON, events=True)
        scene.sluice(home, "releases", *JSON)
    scene.sluice(home, "release", "show", "v1", *JSON)
    scene.sluice(home, *PROMOTE, "--release", "v1", *JSON)
    scene.sluice(home, "rollback", "--to", "prod", "--release", "v2", "--yes", *JSON)
    scene.stand(dev=dev, prod=prod, records=home)


def with_tokens(scene):
    """Registries that ask who one is: login, logout, copies and promotions with and without credentials."""
    tokens = scene.enterContext(kit.TokenServer())
    scene.masks.name(tokens.host, "<behind-tokens>")
    tokens.front = scene.proxy({"tokens": tokens.host})
    scene.masks.name(kit.PASSWORD, "<password>")
    home, given = scene.home(), f"{kit.USER}:{kit.PASSWORD}"
    a, b = scene.registry("a", auth=tokens), scene.registry("b", auth="basic")
    a.client().push("shop/dev/web", "latest", image("tokens"))
    where, there = f"{a.front}/shop/dev/web:latest", f"{b.front}/shop/copy/web:latest"
    scene.sluice(home, "copy", where, there, *JSON, chance=("a GET referrers", "a GET attachments"))
    scene.sluice(home, "copy", where, there, "--src-creds", given, "--dest-creds", given, *JSON)
    scene.sluice(home, "digest", where, "--creds", f"{kit.USER}:wrong", *JSON)
    for registry in (a, b):
        scene.sluice(home, "login", registry.front, "-u", kit.USER, "--password-stdin", *JSON, stdin="wrong")
        scene.sluice(home, "login", registry.front, "-u", kit.USER, "--password-stdin", *JSON, stdin=kit.PASSWORD)
    scene.sluice(home, "inspect", where, "--explain-auth", *JSON)
    home.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [(a.front, "shop/dev")]),
                                           ("prod", [(b.front, "shop/prod")])))
    scene.sluice(home, "doctor", "--to", "prod", *JSON)
    scene.sluice(home, *PROMOTE, *JSON)
    scene.sluice(home, "logout", b.front, *JSON)
    scene.sluice(home, "logout", b.front, *JSON)
    scene.sluice(home, *PROMOTE, *JSON)
    scene.sluice(home, "status", *JSON)
    scene.stand(a=a, b=b, records=home)


def interrupted(scene):
    """Interrupted while a tag is on its way, and killed after a few of its writes: status, resume, undo."""
    dev, prod, home = scene.registry("dev"), scene.fake_registry("prod"), scene.home()
    home.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [(dev.front, "shop/dev")]),
                                           ("prod", [(prod.front, "shop/prod")])))
    where = "/v2/shop/prod/web/manifests/latest"
    build(dev, 1)
    scene.sluice(home, *PROMOTE, *JSON)
    for number, goes_on in ((2, "resume"), (3, "undo")):
        build(dev, number)
        prod.rule(method="PUT", path=where, hold=f"gate {number}", status=503, times=1)
        asked = prod.count("PUT", where)

        last = scene.stopped_at(home, "switching", signal.SIGINT, *PROMOTE,
                                then=lambda before=asked: until(lambda: prod.count("PUT", where) > before))
        prod.open_gate(f"gate {number}")
        until(lambda: scene.asked("prod", "PUT", where))
        scene.sluice(home, "status", *JSON, chance=("prod PUT tag",))  # the one that was held
        scene.sluice(home, "history", *JSON)
        scene.stand(**{f"records_interrupted_{number}": home})
        scene.sluice(home, goes_on, last["promotion"], "--yes", *JSON)
        scene.sluice(home, "status", *JSON)
    build(dev, 4)
    scene.sluice(home, "release", "create", *JSON)  # a number is written beside the rest: which write is the sixth?
    for after, goes_on in ((5, "resume"), (6, "undo")):
        scene.sluice(home, *PROMOTE, *JSON, program=kit.helper("sluice-crash"),
                     environment={"SLUICE_CRASH_AFTER": str(after)})
        scene.stand(**{f"records_killed_{after}": home})
        last = scene.sluice(home, "status", *JSON).json["environments"][1]
        scene.sluice(home, *PROMOTE, *JSON)
        scene.sluice(home, goes_on, last["unfinished"] or last["last_promotion"] or "", "--take-over", *JSON)
    scene.sluice(home, "history", *JSON)
    scene.stand(dev=dev, records=home)
    scene.stand(prod=prod, repositories=["shop/prod/web"])


def errors(scene):
    """Exit codes of what is wrong before anything is done, as text and as JSON."""
    home = scene.home()
    scene.sluice(home, "--version")
    scene.sluice(home, "status", *JSON)
    home.write("sluice.yaml", kit.pipeline("shop", ["web"], ("dev", [("127.0.0.1:1", "dev")]),
                                           ("prod", [("127.0.0.1:1", "prod")])))
    home.write("broken.yaml", "app: shop\nimagse: []\n")
    home.write("later.yaml", json.dumps({"app": "shop", "images": ["web"], "environments": [
        {"name": "dev", "registry": "127.0.0.1:1", "project": "dev"},
        {"name": "prod", "registry": "127.0.0.1:1", "project": "prod", "gates": ["tested"]}]}))
    for words in (("stauts",), ("status", "-f", "broken.yaml"), ("status", "-f", "later.yaml"),
                  ("status", "--timeout", "soon"), ("promote", "--to", "prdo", "--yes"),
                  ("promote", "--to", "prod", "--yes", "prod"), ("plan", "--to", "prod", "--via", "rail"),
                  ("plan", "--to", "prod", "--accept", "container-not-folowed"),
                  ("plan", "--to", "prod", "--accept", "may-not-tag"), ("undo", "p0123456789ab"), ("resume",),
                  ("release", "show", "7"), ("hold", "nowhere"), ("rollback", "--to", "dev"),
                  ("status", "--retry-times", "0"), ("plan", "--to", "prod", "--retry-times", "0"),
                  ("doctor", "--retry-times", "0"), ("digest",), ("history",), ("releases",)):
        scene.sluice(home, *words, *JSON)
        scene.sluice(home, *words)
    scene.stand(records=home)


SCENARIOS = {f"registries-{one.__name__.replace('_', '-')}": one
             for one in (copies, story, several, versions, with_tokens, interrupted, errors)}
