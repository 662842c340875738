"""Images made from nothing: layers are valid tar.gz files whose content follows from a seed, at any size, without
being kept in memory or on disk; manifests are Docker schema 2 or OCI."""

import functools
import hashlib
import io
import json
import random
import tarfile
import zlib

OCI = {
    "manifest": "application/vnd.oci.image.manifest.v1+json",
    "index": "application/vnd.oci.image.index.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
    "layer": "application/vnd.oci.image.layer.v1.tar+gzip",
}
DOCKER = {
    "manifest": "application/vnd.docker.distribution.manifest.v2+json",
    "index": "application/vnd.docker.distribution.manifest.list.v2+json",
    "config": "application/vnd.docker.container.image.v1+json",
    "layer": "application/vnd.docker.image.rootfs.diff.tar.gzip",
}
_BLOCK = 1 << 20


def _digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layer:
    """One layer: a tar with one file of `size` random bytes, or with `files` ({name: text}), in gzip's format.

    Random bytes are stored, not deflated: the blob is a little over `size` bytes, and cheap to make.
    """

    def __init__(self, size=0, seed=0, files=None):
        self._seed, self._content_size, self._files = seed, size, files

    def _tar(self):
        """The uncompressed tar, in blocks."""
        if self._files is not None:
            out = io.BytesIO()
            with tarfile.open(fileobj=out, mode="w") as tar:
                for name, text in sorted(self._files.items()):
                    data = text.encode()
                    entry = tarfile.TarInfo(name)
                    entry.size, entry.mode = len(data), 0o755 if data.startswith(b"#!") else 0o644
                    tar.addfile(entry, io.BytesIO(data))
            yield out.getvalue()
            return
        entry = tarfile.TarInfo(f"data-{self._seed}")
        entry.size = self._content_size
        yield entry.tobuf()
        left = self._content_size
        for index in range((left + _BLOCK - 1) // _BLOCK):
            size = min(left, _BLOCK)
            yield random.Random(f"{self._seed}:{index}").randbytes(size)
            left -= size
        yield bytes(-self._content_size % 512 + 1024)

    def chunks(self):
        """The bytes of the blob."""
        packer = zlib.compressobj(level=9 if self._files is not None else 0, wbits=31)
        for block in self._tar():
            packed = packer.compress(block)
            if packed:
                yield packed
        yield packer.flush()

    @functools.cached_property
    def _facts(self):
        blob, plain, size = hashlib.sha256(), hashlib.sha256(), 0
        packer = zlib.compressobj(level=9 if self._files is not None else 0, wbits=31)
        for block in self._tar():
            plain.update(block)
            packed = packer.compress(block)
            blob.update(packed)
            size += len(packed)
        packed = packer.flush()
        blob.update(packed)
        return "sha256:" + blob.hexdigest(), size + len(packed), "sha256:" + plain.hexdigest()

    @property
    def digest(self):
        return self._facts[0]

    @property
    def size(self):
        return self._facts[1]

    @property
    def diff_id(self):
        return self._facts[2]


class Bytes:
    """A blob that is simply there: configs, artifact contents."""

    def __init__(self, data):
        self.data, self.size, self.digest = data, len(data), _digest(data)

    def chunks(self):
        yield self.data


class Image:
    """One image: `manifest` (bytes), `media_type`, `digest`, `blobs`."""

    children = ()

    def __init__(self, layers, types=None, architecture="amd64", config=None, annotations=None):
        types = types or OCI
        self.layers = list(layers)
        self.platform = {"os": "linux", "architecture": architecture}
        self.media_type = types["manifest"]
        self.config = Bytes(json.dumps({
            "created": "2024-01-01T00:00:00Z", "architecture": architecture, "os": "linux", "config": config or {},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in self.layers]},
        }).encode())
        manifest = {
            "schemaVersion": 2, "mediaType": self.media_type,
            "config": {"mediaType": types["config"], "digest": self.config.digest, "size": self.config.size},
            "layers": [{"mediaType": types["layer"], "digest": layer.digest, "size": layer.size}
                       for layer in self.layers],
        }
        if annotations:
            manifest["annotations"] = annotations
        # Not the canonical form on purpose: who re-writes manifests loses the digest, and a test notices.
        self.manifest = json.dumps(manifest, indent=3).encode()
        self.digest = _digest(self.manifest)

    @property
    def blobs(self):
        return [*self.layers, self.config]

    @property
    def size(self):
        """Bytes of layers and config, each digest once."""
        return sum({blob.digest: blob.size for blob in self.blobs}.values())


class Index:
    """An index (or manifest list) of images, or of other indexes."""

    blobs = ()

    def __init__(self, children, types=None):
        types = types or OCI
        self.children = list(children)
        self.media_type = types["index"]
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": self.media_type,
            "manifests": [{
                "mediaType": child.media_type, "digest": child.digest, "size": len(child.manifest),
                **({"platform": child.platform} if isinstance(child, Image) else {}),
            } for child in self.children],
        }, indent=3).encode()
        self.digest = _digest(self.manifest)


class Artifact:
    """An OCI artifact: blobs with media types of their own, no platform; `artifact_type` as OCI 1.1 has it.

    `subject`: what it is attached to.
    """

    children = ()
    media_type = OCI["manifest"]

    def __init__(self, artifact_type, *contents, subject=None):
        self.layers = [Bytes(data) for data in contents]
        self.config = Bytes(b"{}")
        self.manifest = json.dumps({
            "schemaVersion": 2, "mediaType": self.media_type, "artifactType": artifact_type,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": self.config.digest, "size": 2},
            "layers": [{"mediaType": "application/octet-stream", "digest": blob.digest, "size": blob.size}
                       for blob in self.layers],
            **({"subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": len(subject.manifest)}}
               if subject else {}),
        }, indent=3).encode()
        self.digest = _digest(self.manifest)

    @property
    def blobs(self):
        return [*self.layers, self.config]


def random_image(sizes=(4096, 2048, 1024, 512, 256), seed=0, types=None, architecture="amd64"):
    """An image with one random layer for each size."""
    return Image([Layer(size, f"{seed}-{n}") for n, size in enumerate(sizes)], types, architecture,
                 config={"Labels": {"seed": str(seed)}})


def index_of(architectures=("amd64", "arm64"), sizes=(4096, 2048), seed=0, types=None):
    """A multi-platform image."""
    return Index([random_image(sizes, f"{seed}-{name}", types, name) for name in architectures], types)


def app_image(name, version, base_size=24 << 20):
    """What an application's image looks like: a big base, a runtime, libraries, and small own layers on top."""
    return Image([
        Layer(base_size, "base"),
        Layer(base_size // 3, "runtime"),
        Layer(base_size // 6, f"{name}-libraries"),
        Layer(files={"app/run": f"#!/bin/sh\necho {name} {version}\n", "app/version": version + "\n"}),
        Layer(files={"app/config.json": json.dumps({"app": name, "version": version}) + "\n"}),
    ], DOCKER, config={"Cmd": ["/app/run"], "Labels": {"app": name, "version": version}})
