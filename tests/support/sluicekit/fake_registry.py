"""The fake registry (tests/support/fake_registry_main.cpp) as a context manager: a registry in memory that can be told
how to misbehave. Knobs, rules and verbs: tests/support/fake_registry_knobs.hpp and fake_registry_control.cpp."""

import fnmatch
import json
import subprocess

from .process import Child
from .sluice import helper


class FakeRegistry:
    """`FakeRegistry(partial="lost", auth="bearer")`: knobs by name."""

    def __init__(self, port=0, **knobs):
        argv = [helper("sluice-fake-registry"), "--port", port, "--knobs", json.dumps(knobs)]
        self._child = Child(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        words = self._child.popen.stdout.readline().split()
        if words[:2] != ["listening", "on"]:
            self.close()
            raise RuntimeError("sluice-fake-registry did not start; see its message above")
        self.host = f"127.0.0.1:{words[2]}"

    def tell(self, verb, **order):
        """Any verb; gives what it answers."""
        self._child.popen.stdin.write(json.dumps({"do": verb, **order}) + "\n")
        self._child.popen.stdin.flush()
        answer = json.loads(self._child.popen.stdout.readline())
        if "error" in answer:
            raise ValueError(f"sluice-fake-registry refused {verb}: {answer['error']}")
        return answer["ok"]

    def turn(self, **knobs):
        self.tell("knobs", knobs=knobs)

    def rule(self, **rule):
        """method, path (globs), times (0: for ever), skip; at_byte, status, code, body, headers, expire, hold (the name
        of a gate)."""
        self.tell("rule", rule=rule)

    def open_gate(self, name):
        self.tell("open_gate", gate=name)

    def put_blob(self, repository, text):
        return self.tell("put_blob", repository=repository, text=text)

    def make_blob(self, repository, size, seed=0):
        """Random bytes, the same for the same seed; gives the digest."""
        return self.tell("put_blob", repository=repository, size=size, seed=seed)

    def put_manifest(self, repository, manifest, tag=""):
        text = manifest if isinstance(manifest, str) else json.dumps(manifest)
        media_type = json.loads(text)["mediaType"]
        return self.tell("put_manifest", repository=repository, text=text, media_type=media_type, tag=tag)

    def make_image(self, repository, tag, sizes, seed=0):
        """An image with layers of these sizes; gives the digests of its layers."""
        config = json.dumps({"os": "linux", "architecture": "amd64", "author": f"seed {seed}"})
        layers = [self.make_blob(repository, size, seed * 1000 + number) for number, size in enumerate(sizes)]
        self.put_manifest(repository, {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json",
                       "digest": self.put_blob(repository, config), "size": len(config)},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size}
                       for digest, size in zip(layers, sizes)],
        }, tag)
        return layers

    def blobs(self, repository):
        return self.tell("blobs", repository=repository)

    def tags(self, repository):
        return self.tell("tags", repository=repository)

    def manifest_of(self, repository, name):
        """{"digest", "media_type", "text"}, or None."""
        return self.tell("manifest_of", repository=repository, name=name)

    def log(self, method="*", path="*"):
        """What was asked, in order: method, target, path, range, content_range, token, authorization, other_host, status,
        received_bytes, sent_bytes."""
        return [one for one in self.tell("log")
                if fnmatch.fnmatchcase(one["method"], method) and fnmatch.fnmatchcase(one["path"], path)]

    def count(self, method="*", path="*"):
        return len(self.log(method, path))

    def close(self):
        self._child.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
