"""sluice copy from and to a container engine (docker-daemon:), with a real Docker engine and real registries."""

import hashlib
import json
import os
import subprocess
import unittest

import sluicekit as kit
from sluicekit.daemon_case import DaemonCase
from sluicekit.engine import Podman as PodmanService
from sluicekit.engine import why_no_engine
from sluicekit.images import DOCKER, OCI, Layer
from sluicekit.sluice import ROOT
from sluicekit.tools import find, folder

kit.need("docker-registry")
if why_no_engine():
    kit.skip(why_no_engine())

UNREACHABLE = 7


class OutOfTheEngine(DaemonCase):
    def test_the_image_arrives_with_its_id_for_a_config_and_the_engine_stays_as_it_was(self):
        identity = self.make(size=3_000_000)
        before = self.engine.has()
        document = self.ok(self.copy(f"docker-daemon:{self.local}", self.there)).json
        body, media_type, digest = self.a.client().manifest(self.name, "1.4")
        manifest = json.loads(body)
        self.assertEqual((document["digest"], document["image_id"], document["digest_changed"]), (digest, identity, True))
        self.assertEqual([one["code"] for one in document["findings"]], ["engine-digest"])
        self.assertEqual((media_type, manifest["config"]["digest"]), (DOCKER["manifest"], identity))
        config = self.a.client().blob(self.name, identity)
        self.assertEqual("sha256:" + hashlib.sha256(config).hexdigest(), identity)
        self.assertEqual(self.engine.has(), before)
        self.assertEqual(self.posted(), [], "the engine was only read")

    def test_an_id_names_an_image_too_long_and_short(self):
        identity = self.make()
        first = self.ok(self.copy(f"docker-daemon:{identity}", self.there)).json
        second = self.ok(self.copy(f"docker-daemon:{identity[7:19]}", self.there)).json
        self.assertEqual((first["digest"], first["image_id"]), (second["digest"], identity))

    def test_a_second_copy_moves_nothing_and_has_the_same_digest(self):
        self.make(size=2_000_000)
        first = self.ok(self.copy(f"docker-daemon:{self.local}", self.there)).json
        unchanged = self.unchanged(self.a)
        second = self.ok(self.copy(f"docker-daemon:{self.local}", self.there)).json
        self.assertEqual((second["digest"], second["road"]), (first["digest"], "present"))
        self.assertEqual(second["bytes"]["moved"], 0)
        unchanged()

    def test_only_the_named_tag_of_a_repository_is_taken(self):
        identity = self.make()
        self.engine.make(f"{self.name}:2.0", seed="another")
        document = self.ok(self.copy(f"docker-daemon:{self.local}", self.there)).json
        self.assertEqual(document["image_id"], identity)

    def test_skopeo_reads_the_same_image_out_of_the_engine(self):
        if find("skopeo") is None:
            self.skipTest("skopeo is not installed")
        identity = self.make(size=1_000_000)
        self.ok(self.copy(f"docker-daemon:{self.local}", self.there))
        other = f"{self.a.host}/{self.name}:skopeo"
        subprocess.run(["skopeo", "--insecure-policy", "copy", "--quiet", "--src-daemon-host",
                        f"unix://{self.engine.socket}", "--dest-tls-verify=false", f"docker-daemon:{self.local}",
                        f"docker://{other}"], check=True, capture_output=True)
        ours, theirs = (json.loads(self.a.client().manifest(self.name, tag)[0]) for tag in ("1.4", "skopeo"))
        self.assertEqual(ours["config"]["digest"], theirs["config"]["digest"])
        self.assertEqual((ours["config"]["digest"], len(ours["layers"])), (identity, len(theirs["layers"])))


class IntoTheEngine(DaemonCase):
    def test_the_image_is_there_under_its_name_with_its_config_for_an_id(self):
        for types in (DOCKER, OCI):
            with self.subTest(types=types["manifest"]):
                image = kit.random_image((3000, 2_500_000), seed=f"{self.id()} {types['manifest']}", types=types)
                self.push(image)
                before = self.engine.has()
                document = self.ok(self.copy(self.there, f"docker-daemon:{self.local}")).json
                self.assertEqual((document["digest"], document["image_id"]), (image.digest, image.config.digest))
                self.assertFalse(document["digest_changed"])
                self.assertEqual(self.identity(self.local), image.config.digest)
                kept = [one for one in self.engine.has() if one[0] != image.config.digest]
                self.assertEqual({one[0] for one in kept}, {one[0] for one in before})

    def test_no_second_copy_is_made_here_and_the_engine_asks_no_registry(self):
        self.push(self.image())
        self.ok(self.copy(self.there, f"docker-daemon:{self.local}"))
        self.assertEqual([one.split("?")[0].rpartition("/")[2] for one in self.posted()], ["load"], self.proxy.seen)
        self.assertEqual(os.listdir(self.temp), [])

    def test_a_second_copy_moves_nothing(self):
        self.push(self.image())
        self.ok(self.copy(self.there, f"docker-daemon:{self.local}"))
        self.proxy.seen.clear()
        document = self.ok(self.copy(self.there, f"docker-daemon:{self.local}")).json
        self.assertEqual((document["road"], document["bytes"]["moved"]), ("present", 0))
        self.assertEqual(self.posted(), [])

    def test_an_image_that_is_there_under_another_name_gets_this_one_too(self):
        image = self.image()
        self.push(image)
        self.ok(self.copy(self.there, f"docker-daemon:{self.name}:first"))
        document = self.ok(self.copy(self.there, f"docker-daemon:{self.local}")).json
        self.assertEqual(document["road"], "present")
        self.assertEqual(self.identity(self.local), self.identity(f"{self.name}:first"))

    def test_round_trip_keeps_the_image_id(self):
        identity = self.make(size=2_000_000)
        self.ok(self.copy(f"docker-daemon:{self.local}", self.there))
        self.engine.remove(self.local)
        self.assertIsNone(self.identity(self.local))
        document = self.ok(self.copy(self.there, f"docker-daemon:{self.local}")).json
        self.assertEqual((document["image_id"], self.identity(self.local)), (identity, identity))

    def test_a_layer_that_comes_twice_is_sent_once_and_there_twice(self):
        layer = Layer(3000, self.id())
        image = kit.Image([layer, Layer(500, "between"), layer], DOCKER)
        self.push(image)
        self.ok(self.copy(self.there, f"docker-daemon:{self.local}"))
        status, body = self.engine.call("GET", f"/images/{self.local}/json")
        self.assertEqual((status, len(json.loads(body)["RootFS"]["Layers"])), (200, 3))

    def test_of_an_index_the_engines_platform_is_taken_and_the_rest_is_told(self):
        index = kit.index_of(seed=self.id())
        self.push(index)
        mine = self.engine.json("GET", "/version")["Arch"]
        image = next(child for child in index.children if child.platform["architecture"] == mine)
        document = self.ok(self.copy(self.there, f"docker-daemon:{self.local}")).json
        self.assertEqual(self.identity(self.local), image.config.digest)
        self.assertEqual((document["digest"], document["digest_changed"]), (image.digest, True))
        self.assertEqual([one["code"] for one in document["findings"]], ["one-platform"])

    def test_another_image_of_that_name_stays_without_it(self):
        older = self.make()
        self.push(self.image())
        document = self.ok(self.copy(self.there, f"docker-daemon:{self.local}")).json
        self.assertEqual([one["code"] for one in document["findings"]], ["name-moved"])
        self.assertIn(older, [one[0] for one in self.engine.has()])
        self.assertNotEqual(self.identity(self.local), older)


class Podman(kit.E2eCase):
    """Podman's compatible socket answers the same."""

    shared_registries = ("a",)

    def setUp(self):
        super().setUp()
        if why_no_engine(PodmanService.programs):
            self.skipTest(why_no_engine(PodmanService.programs))
        service = self.enterContext(PodmanService())
        self.sluice = self.home({"DOCKER_HOST": f"unix://{service.socket}"})

    def test_an_image_goes_in_and_out_with_its_id(self):
        image = kit.random_image((3000, 2_500_000), seed=self.id(), types=DOCKER)
        self.a.client().push(f"{self.project}/web", "1.4", image)
        there = f"{self.a.host}/{self.project}/web"
        local = "docker-daemon:localhost/shop/web:1.4"
        loaded = self.ok(self.sluice.run("copy", f"{there}:1.4", local, "-o", "json")).json
        self.assertEqual((loaded["image_id"], loaded["road"]), (image.config.digest, "stream"))
        back = self.ok(self.sluice.run("copy", local, f"{there}:back", "-o", "json")).json
        manifest = json.loads(self.a.client().manifest(f"{self.project}/web", "back")[0])
        self.assertEqual((back["image_id"], manifest["config"]["digest"]), (image.config.digest, image.config.digest))


class CommandLine(DaemonCase):
    def test_documents_and_events_are_as_their_schemas_say_both_ways(self):
        try:
            import jsonschema
        except ImportError:
            self.skipTest("not installed: python3-jsonschema (./run setup)")
        schemas = {name: jsonschema.Draft202012Validator(json.loads((ROOT / "schemas" / f"{name}.schema.json").read_text()))
                   for name in ("copy", "event", "error")}
        self.make()
        events = self.sluice.home / "events"
        for source, destination in ((f"docker-daemon:{self.local}", self.there),
                                    (self.there, f"docker-daemon:{self.name}:again")):
            schemas["copy"].validate(self.ok(self.copy(source, destination, "--events", str(events))).json)
            self.engine.remove(self.local)
            lines = events.read_text().splitlines()
            self.assertTrue(lines)
            for line in lines:
                schemas["event"].validate(json.loads(line))
        gone = self.copy(f"docker-daemon:{self.local}", self.there).json
        schemas["error"].validate(gone)
        self.assertEqual(gone["error"]["kind"], "not_found")

    def test_both_sides_in_the_engine_are_refused(self):
        self.fails_plainly(self.sluice.run("copy", "docker-daemon:a/b:1", "docker-daemon:a/c:1"), 2, "docker tag")

    def test_flags_that_an_engine_cannot_keep_are_refused_before_anybody_is_asked(self):
        there, local = self.there, f"docker-daemon:{self.local}"
        for source, destination, flag in ((local, there, "--preserve-digests"), (there, local, "--preserve-digests"),
                                          (there, local, "--check-blobs")):
            with self.subTest(destination=destination, flag=flag):
                self.fails_plainly(self.sluice.run("copy", source, destination, flag), 2, flag, "leave it out")
        self.assertEqual(self.proxy.seen, [])

    def test_blobs_that_came_out_of_an_engine_are_checked_on_demand(self):
        self.make(size=2_000_000)
        front = self.enterContext(kit.Proxy(self.a.host))
        there = f"{front.host}/{self.name}:1.4"
        self.ok(self.copy(f"docker-daemon:{self.local}", there))
        front.forget()
        self.ok(self.copy(f"docker-daemon:{self.local}", there, "--check-blobs"))
        manifest = json.loads(self.a.client().manifest(self.name, "1.4")[0])
        read = [one["target"] for one in front.exchanges() if one["method"] == "GET" and "/blobs/" in one["target"]]
        for blob in (manifest["config"], *manifest["layers"]):
            self.assertTrue([one for one in read if blob["digest"] in one], (blob, read))

    def test_an_id_is_no_destination(self):
        self.fails_plainly(self.sluice.run("copy", self.there, "docker-daemon:sha256:" + "a" * 64), 2, "no name")

    def test_what_looks_at_registries_says_so(self):
        for command in ("digest", "inspect", "tags"):
            with self.subTest(command=command):
                self.fails_plainly(self.sluice.run(command, "docker-daemon:shop/web:1.4"), 2, command, "only copy")

    def test_no_engine_is_said_plainly(self):
        self.sluice.environment["DOCKER_HOST"] = f"unix://{self.temp}/nowhere.sock"
        outcome = self.sluice.run("copy", "docker-daemon:shop/web:1.4", self.there)
        self.fails_plainly(outcome, UNREACHABLE, "there is no engine at", "DOCKER_HOST")


if __name__ == "__main__":
    unittest.main()
