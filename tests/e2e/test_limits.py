"""What an image or a registry can cost, held to an address space of 300 MB: attacks on memory and time end, with words."""

import json
import resource
import unittest

import sluicekit as kit
from sluicekit.fake_registry import FakeRegistry

INDEX = "application/vnd.oci.image.index.v1+json"
ADDRESS_SPACE = 300_000_000
SECONDS = 60  # far more than it takes, far less than for ever


def narrow():
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))


class Attacks(kit.E2eCase):
    shared_registries = ()

    def setUp(self):
        super().setUp()
        self.source = self.enterContext(FakeRegistry(check_references=False, sparse_indexes=True))
        self.dest = self.enterContext(FakeRegistry())
        self.sluice = self.home()

    def index(self, children, tag="", **annotations):
        text = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "annotations": annotations, "manifests": children})
        digest = self.source.put_manifest("dev/web", text, tag)
        return {"mediaType": INDEX, "digest": digest, "size": len(text)}

    def copy(self):
        return self.sluice.run("copy", f"{self.source.host}/dev/web:1", f"{self.dest.host}/prod/web:1", timeout=SECONDS,
                               before_start=narrow)

    def test_a_plain_image_needs_no_more(self):
        self.source.make_image("dev/web", "1", [3_000_000] * 20)
        self.ok(self.copy())

    def test_a_child_that_is_named_a_thousand_times_at_three_levels_is_read_once(self):
        self.source.make_image("dev/web", "leaf", [10])
        leaf = self.source.manifest_of("dev/web", "leaf")
        below = {"mediaType": leaf["media_type"], "digest": leaf["digest"], "size": len(leaf["text"])}
        for level in ("inner", "middle"):
            below = self.index([below] * 1000, level=level)
        self.index([below] * 1000, "1", level="outer")
        self.ok(self.copy())
        self.assertEqual(self.source.count("GET", "*/manifests/*"), 4)

    def test_manifests_of_800_mb_are_refused_before_they_are_read(self):
        children = [{"mediaType": INDEX, "digest": f"sha256:{number:064x}", "size": 8_000_000} for number in range(100)]
        self.index(children, "1")
        self.fails(self.copy(), 1, "manifests have more than 64.0 MiB")
        self.assertEqual(self.source.count("GET", "*/manifests/*"), 1)

    def test_children_that_are_larger_than_their_index_says_are_not_read_to_their_end(self):
        children = []
        for number in range(12):
            child = self.index([], padding="x" * 7_000_000, number=str(number))
            children.append({**child, "size": 500})
        self.index(children, "1")
        self.fails(self.copy(), 1, "larger than the limit")

    def test_sizes_of_layers_do_not_wrap_around(self):
        huge = 2**63 - 1
        self.source.put_manifest("dev/web", {
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": "sha256:" + "1" * 64, "size": 2},
            "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": f"sha256:{number:064x}",
                        "size": huge} for number in range(3)]} , "1")
        outcome = self.copy()
        self.assertEqual(outcome.code, 1, outcome)

    def test_pages_of_tags_without_end_are_given_up(self):
        server = self.enterContext(kit.HostileServer(endless_pages))
        outcome = self.sluice.run("tags", f"{server.host}/dev/web", timeout=SECONDS, before_start=narrow)
        self.fails(outcome, 1, "never ends")


def endless_pages(request):
    if "/tags/list" not in request.path:
        return kit.Reply(200)
    number = int(request.path.rpartition("page=")[2] or 0) if "page=" in request.path else 0
    return kit.Reply(200, {"Content-Type": "application/json",
                           "Link": f'</v2/dev/web/tags/list?page={number + 1}>; rel="next"'},
                     json.dumps({"name": "dev/web", "tags": [f"t{number}"]}).encode())


if __name__ == "__main__":
    unittest.main()
