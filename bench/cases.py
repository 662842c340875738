"""What is copied, from where to where, and what lies at the destination before."""

import dataclasses
import json
import os
import pathlib
import shutil
import tempfile

import sluicekit as kit
from sluicekit.engine import Engine

import goals

MiB = 1 << 20
SMALL_IMAGES = 200
DEV, PROD = "shop-dev", "shop-prod"


@dataclasses.dataclass
class Case:
    """`before`: which prepared storage the destination starts with: "empty", "base", "blobs", "same".
    `cpu_goal`: the most CPU, as a part of what the best of the tools that verify needs; see goals.py.
    """

    name: str
    about: str
    image: object = None
    before: str = "empty"
    same_registry: bool = False
    tls: bool = False
    cpu_goal: float = goals.CPU_PLAIN
    small: bool = False
    classic_bytes: int = 0  # an engine builds the image, of so many bytes, and stands between the registries
    latencies: tuple = (0, 20, 80)
    rounds: int | None = None

    @property
    def content_bytes(self):
        """Bytes of all layers and configs, each digest once."""
        if self.image is None and self.classic_bytes:
            return self.classic_bytes  # roughly, until it is built
        images = small_images() if self.small else [self.image]
        return sum(_sizes(images).values())


def _sizes(images):
    sizes = {}
    for image in images:
        sizes.update({blob.digest: blob.size for blob in image.blobs})
        sizes.update(_sizes(image.children))
    return sizes


class Pushed:
    """An image as a registry has it."""

    children = ()

    def __init__(self, client, repository, reference):
        self.manifest, _, self.digest = client.manifest(repository, reference)
        document = json.loads(self.manifest)
        self.blobs = [Blob(one["digest"], one["size"]) for one in (document["config"], *document["layers"])]


@dataclasses.dataclass
class Blob:
    digest: str
    size: int


_small = []


def small_images():
    """200 images of a few kilobytes above the same base of 2 MiB. Made once: their digests are asked for often."""
    if not _small:
        base = kit.Layer(2 * MiB, "small-base")
        _small.extend(kit.Image([base, kit.Layer(2048, f"small-{n}")]) for n in range(SMALL_IMAGES))
    return _small


def small_name(number):
    return f"img{number:03}"


def app_image(total, seed):
    """Five layers: a base of three (84 %), and two own ones."""
    shares = (50, 22, 12, 10, 6)
    layers = [kit.Layer(total * share // 100, f"bench-{n}" if n < 3 else f"bench-{seed}-{n}")
              for n, share in enumerate(shares)]
    return kit.Image(layers, kit.images.DOCKER)


def all_cases(quick):
    total = (40 if quick else 236) * MiB
    large = (256 if quick else 1024) * MiB
    image = app_image(total, "new")
    in_eight = kit.random_image([large // 8] * 8, seed="large")
    size = f"{large // MiB} MiB"
    return {case.name: case for case in (
        Case("cold", "nothing there", image),
        Case("delta", "the base layers are there, under another tag", image, before="base"),
        Case("present", "all blobs are there, under another tag", image, before="blobs", cpu_goal=goals.CPU_ONE),
        Case("equal", "the same image is there, under the same tag", image, before="same", cpu_goal=goals.CPU_ONE),
        Case("same-registry", "from one project to another inside one registry", image, same_registry=True,
             cpu_goal=goals.CPU_ONE),
        Case("index", "four platforms that share nothing, nothing there",
             kit.index_of(("amd64", "arm64", "ppc64le", "s390x"), (total // 8, total // 16, total // 32), seed="bench"),
             latencies=(0, 20)),
        Case("layers30", "30 layers, nothing there", kit.random_image([total // 30] * 30, seed="thirty"),
             latencies=(0, 20)),
        Case("memory", f"{size} in 8 layers, nothing there", in_eight, latencies=(0,)),
        Case("lone-layer", f"{2 * large // MiB} MiB in one layer, nothing there",
             kit.random_image([2 * large], seed="lone"), cpu_goal=goals.CPU_ONE, latencies=(0,)),
        Case("tls", "as cold, both registries behind TLS with a CA of their own", image, tls=True,
             cpu_goal=goals.CPU_TLS, latencies=(0,)),
        Case("tls-memory", "as memory, both registries behind TLS with a CA of their own", in_eight, tls=True,
             cpu_goal=goals.CPU_TLS, latencies=(0,)),
        Case("small200", "200 small images with one base, as one release; other tools one after the other",
             small=True, rounds=1, latencies=(0, 20)),
        Case("classic", "the four steps of a playbook with docker (pull, tag, push, rmi) beside Sluice; nothing there",
             classic_bytes=total, latencies=(0,)),
    )}


def storage_parent(need_bytes):
    """Memory when there is plenty of it, else disk (None: the temp folder)."""
    memory = pathlib.Path("/dev/shm")
    if memory.is_dir() and os.access(memory, os.W_OK):
        room = os.statvfs(memory)
        available = next(int(line.split()[1]) * 1024 for line in pathlib.Path("/proc/meminfo").read_text().splitlines()
                         if line.startswith("MemAvailable:"))
        if min(room.f_bavail * room.f_frsize, available // 2) > need_bytes:
            return str(memory)
    return None


class Bench:
    """Source and destination registry for one case, and the states that the destination is put into."""

    def __init__(self, case, parent):
        self.case = case
        self._folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-states-", dir=parent))
        self.engine = None
        self._certificates = kit.Certificates() if case.tls else None
        self.source = kit.Registry(parent=parent, tls=self._certificates)
        self.target = self.source if case.same_registry else kit.Registry(parent=parent, tls=self._certificates)
        if case.small:
            self.items = [(f"{DEV}/{small_name(n)}:latest", f"{PROD}/{small_name(n)}:latest", image)
                          for n, image in enumerate(small_images())]
        else:
            self.items = [(f"{DEV}/shop:latest", f"{PROD}/shop:latest", case.image)]
        if case.classic_bytes:
            self._build()
        else:
            client = self.source.client()
            for name, _, image in self.items:
                client.push(*name.split(":"), image)
        self._keep_state()

    @property
    def ca(self):
        return self._certificates.ca if self._certificates else None

    def _build(self):
        """An engine packs layers in a way of its own: only an image that it built keeps its digest through it."""
        self.engine = Engine(self._folder / "engine", storage_driver=None)
        reference = f"{self.source.host}/{DEV}/shop:latest"
        self.engine.load(reference, app_image(self.case.classic_bytes, "classic"))
        self.engine.push(reference)
        self.engine.remove(reference)
        self.case.image = Pushed(self.source.client(), f"{DEV}/shop", "latest")
        self.items = [(*self.items[0][:2], self.case.image)]

    def _keep_state(self):
        """Fills the destination once, and keeps a copy of its storage to start every run from."""
        if self.case.before == "base":
            older = kit.Image([*self.case.image.layers[:3], kit.Layer(4096, "older")], kit.images.DOCKER)
            self.target.client().push(f"{PROD}/shop", "older", older)
        if self.case.before == "blobs":
            older = kit.Image(self.case.image.layers, kit.images.DOCKER, annotations={"of": "an older release"})
            self.target.client().push(f"{PROD}/shop", "older", older)
        if self.case.before == "same":
            self.target.client().push(f"{PROD}/shop", "latest", self.case.image)
        self.target.stop()
        self.target.storage.mkdir(exist_ok=True)
        _copy_storage(self.target.storage, self._folder / "state")
        self.target.start()

    def reset(self):
        """Puts the destination back to where it was, with a fresh process: a registry caches what it has seen."""
        self.target.stop()
        shutil.rmtree(self.target.storage)
        _copy_storage(self._folder / "state", self.target.storage)
        self.target.start()

    def arrived(self, count):
        """Whether the first `count` images are at the destination, by digest."""
        client = self.target.client()
        return all(client.digest(*name.split(":")) == image.digest for _, name, image in self.items[:count])

    def close(self):
        if self.engine:
            self.engine.close()
        self.source.close()
        if self.target is not self.source:
            self.target.close()
        if self._certificates:
            self._certificates.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def _copy_storage(source, target):
    """Blob data never changes and is linked; everything else is copied, because the registry writes it in place."""

    def link_or_copy(one, other):
        if os.path.basename(one) == "data":
            os.link(one, other)
        else:
            shutil.copy2(one, other)

    shutil.copytree(source, target, copy_function=link_or_copy)
