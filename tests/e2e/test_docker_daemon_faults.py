"""sluice copy from and to a container engine (docker-daemon:), with a real engine and real registries: what goes wrong."""

import contextlib
import copy
import hashlib
import json
import os
import signal
import unittest

import sluicekit as kit
from sluicekit.daemon_case import DaemonCase
from sluicekit.engine import why_no_engine
from sluicekit.images import DOCKER, OCI

kit.need("docker-registry")
if why_no_engine():
    kit.skip(why_no_engine())

NOT_FOUND, UNREACHABLE = 1, 7


def with_manifest(image, change):
    """The image with a manifest that `change` has been at."""
    lying = copy.copy(image)
    document = json.loads(image.manifest)
    change(document)
    lying.manifest = json.dumps(document).encode()
    lying.digest = "sha256:" + hashlib.sha256(lying.manifest).hexdigest()
    return lying


class OutOfTheEngine(DaemonCase):
    def test_an_unknown_image_is_not_found_and_nothing_is_written(self):
        unchanged = self.unchanged(self.a)
        self.fails_plainly(self.sluice.run("copy", f"docker-daemon:{self.local}", self.there), NOT_FOUND,
                           f"has no image {self.local}", "docker images")
        unchanged()

    def test_a_registry_that_cannot_be_reached_leaves_nothing_in_the_temporary_folder(self):
        self.make()
        outcome = self.sluice.run("copy", f"docker-daemon:{self.local}", f"127.0.0.1:1/{self.name}:1.4",
                                  "--retry-times", "0")
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertEqual(os.listdir(self.temp), [])

    def test_ctrl_c_while_the_engine_sends_leaves_nothing(self):
        self.make(size=2_000_000)
        unchanged = self.unchanged(self.a)
        child = self.sluice.start("copy", f"docker-daemon:{self.local}", self.there)
        self.proxy.at("save", lambda: child.popen.send_signal(signal.SIGINT))
        outcome = self.sluice.finish(child)
        self.assertEqual(outcome.code, 130, outcome)
        self.assertEqual(os.listdir(self.temp), [])
        unchanged()

    def test_a_kill_while_the_engine_sends_leaves_nothing_either(self):
        self.make(size=2_000_000)
        child = self.sluice.start("copy", f"docker-daemon:{self.local}", self.there)
        seen = []
        self.proxy.at("save", lambda: (seen.extend(self.open_files(child)), child.popen.send_signal(signal.SIGKILL))[1])
        outcome = self.sluice.finish(child)
        self.assertEqual(outcome.code, -signal.SIGKILL, outcome)
        self.assertTrue([name for name in seen if name.startswith(str(self.temp))], f"no file in TMPDIR was open: {seen}")
        self.assertEqual(os.listdir(self.temp), [])

    @staticmethod
    def open_files(child):
        names = []
        for one in os.scandir(f"/proc/{child.pid}/fd"):
            with contextlib.suppress(OSError):
                names.append(os.readlink(one.path))
        return names

    def test_an_archive_that_is_cut_off_is_refused(self):
        self.make(size=2_000_000)
        _, whole = self.engine.call("GET", f"/images/{self.local}/get")
        self.proxy.reply("save", whole[:1_000_000])
        unchanged = self.unchanged(self.a)
        outcome = self.copy(f"docker-daemon:{self.local}", self.there)
        self.fails(outcome, 1, "cut off or damaged", self.local)
        unchanged()

    def test_an_archive_of_another_image_is_refused(self):
        self.make()
        other = f"{self.name}:other"
        self.engine.make(other, seed="other")
        _, archive = self.engine.call("GET", f"/images/{other}/get")
        self.proxy.reply("save", archive)
        self.fails(self.copy(f"docker-daemon:{self.local}", self.there), 1, "the archive that it sent holds")

    def test_a_folder_without_room_is_named_before_anything_is_read(self):
        self.make()
        self.sluice.environment["TMPDIR"] = f"{self.temp}/nowhere"
        outcome = self.copy(f"docker-daemon:{self.local}", self.there)
        self.assertNotEqual(outcome.code, 0, outcome)
        self.assertIn("set TMPDIR", outcome.err)
        self.assertFalse([one for one in self.proxy.seen if "/get" in one], self.proxy.seen)


class IntoTheEngine(DaemonCase):
    def test_an_index_without_the_engines_platform_is_not_found(self):
        self.push(kit.index_of(("s390x", "ppc64le"), seed=self.id()))
        before = self.engine.has()
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), NOT_FOUND, "has no image for linux/", "s390x")
        self.assertEqual(self.engine.has(), before)

    def test_an_unknown_image_is_not_found(self):
        before = self.engine.has()
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), NOT_FOUND)
        self.assertEqual(self.engine.has(), before)

    def test_what_is_no_image_is_refused_before_anything_is_sent(self):
        self.push(kit.images.Artifact("application/vnd.example", b"chart"))
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, "no image that an engine runs")
        self.assertEqual(self.posted(), [])

    def test_layers_packed_with_zstd_are_refused_by_an_old_engine_with_the_reason(self):
        if int(self.engine.json("GET", "/version")["Version"].split(".")[0]) >= 23:
            self.skipTest("this engine unpacks zstd")
        self.push(kit.random_image((3000,), seed=self.id(), types={**OCI, "layer": OCI["layer"].replace("gzip", "zstd")}))
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, "zstd", "23.0")
        self.assertEqual(self.posted(), [])

    def test_a_layer_that_the_config_does_not_know_is_refused_by_the_engine(self):
        image, other = self.image(), kit.random_image((3000, 4000), seed="other")
        lying = kit.Image([other.layers[0], other.layers[1]], DOCKER)
        lying.config = image.config
        lying = with_manifest(lying, lambda one: one["config"].update(digest=image.config.digest, size=image.config.size))
        self.push(lying)
        before = self.engine.has()
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, "the engine says", "invalid diffID")
        self.assertEqual(self.engine.has(), before)

    def test_an_error_inside_the_200_is_an_error(self):
        self.push(self.image())
        self.proxy.say("load", {"stream": "Loading layer"}, {"errorDetail": {"message": "no space left on device"},
                                                             "error": "no space left on device"}, after=True)
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, "no space left on device")

    def test_a_yes_without_the_image_is_found_out(self):
        self.push(self.image())
        self.proxy.say("load", {"stream": "Loaded image"}, after=True, then=lambda: self.engine.remove(self.local))
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, "does not have it now")

    def test_a_yes_to_half_of_the_archive_is_no_yes_and_the_half_becomes_no_image(self):
        self.push(self.image())
        before = self.engine.has()
        self.proxy.early("load", 1_000_000, {"stream": "Loaded image"})
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, "loading", "before it had all")
        self.proxy.wait_until_passed(1_000_000)
        self.assertEqual(self.engine.has(), before)

    def test_an_engine_that_refuses_in_the_middle_is_told_with_its_words(self):
        self.push(self.image())
        self.proxy.fail("load", words="no space left on device")
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, "loading", "no space left on device")


class BrokenSources(DaemonCase):
    """A registry whose disk is damaged, or whose wire breaks, before the engine."""

    def behind_a_wire(self):
        """(proxy, image, reference): a large layer of it is what rules are about."""
        image = kit.random_image((3000, 2_500_000), seed=self.id(), types=DOCKER)
        self.a.client().push(self.name, "1.4", image)
        proxy = self.enterContext(kit.Proxy(self.a.host))
        return proxy, image, f"{proxy.host}/{self.name}:1.4"

    def test_a_layer_that_breaks_off_is_read_on_from_there(self):
        proxy, image, there = self.behind_a_wire()
        proxy.fault(method="GET", target=f"blobs/{image.layers[1].digest}", action="cut", at=1_000_000)
        document = self.ok(self.copy(there, f"docker-daemon:{self.local}")).json
        self.assertEqual((self.identity(self.local), document["retries"]), (image.config.digest, 1))
        self.assertEqual([one.split("?")[0].rpartition("/")[2] for one in self.posted()], ["load"])

    def test_ctrl_c_while_a_layer_is_on_its_way_leaves_the_engine_as_it_was(self):
        proxy, image, there = self.behind_a_wire()
        proxy.fault(method="GET", target=f"blobs/{image.layers[1].digest}", action="stall", at=1_500_000)
        before = self.engine.has()
        child = self.sluice.start("copy", there, f"docker-daemon:{self.local}")
        self.proxy.wait_until_passed(1_000_000)
        self.assertIsNone(child.popen.poll(), "it ended before anybody stopped it")
        outcome = self.sluice.interrupt(child)
        self.assertEqual(outcome.code, 130, outcome)
        self.assertEqual(self.engine.has(), before)
        self.assertEqual([one.split("?")[0].rpartition("/")[2] for one in self.posted()], ["load"])

    def test_a_layer_whose_first_answer_is_503_is_asked_for_again(self):
        proxy, image, there = self.behind_a_wire()
        proxy.fault(method="GET", target=f"blobs/{image.layers[1].digest}", action="status", status=503)
        document = self.ok(self.copy(there, f"docker-daemon:{self.local}")).json
        self.assertEqual((self.identity(self.local), document["retries"]), (image.config.digest, 1))
        self.assertEqual([one.split("?")[0].rpartition("/")[2] for one in self.posted()], ["load"])

    def test_a_layer_that_never_begins_is_asked_for_as_often_as_wanted(self):
        proxy, image, there = self.behind_a_wire()
        target = f"blobs/{image.layers[1].digest}"
        proxy.fault(method="GET", target=target, times=0, action="status", status=503)
        before = self.engine.has()
        self.fails(self.copy(there, f"docker-daemon:{self.local}", "--retry-times", "2"), UNREACHABLE)
        asked = [one for one in proxy.exchanges() if one["method"] == "GET" and target in one["target"]]
        self.assertEqual(len(asked), 3)
        self.assertEqual(self.engine.has(), before)

    def test_a_layer_of_another_size_than_the_manifest_says_never_reaches_the_engine(self):
        # The size is the archive's too: bytes beyond it would be read as entries of their own.
        image = kit.random_image((3000, 2_500_000), seed=self.id(), types=DOCKER)
        before = self.engine.has()
        small, large = (layer.size for layer in image.layers)
        # Where bytes are missing behind the end of what is there, this registry breaks the wire.
        for which, size, code in ((0, 512, 1), (0, small - 1, 1), (0, small + 1, 1), (0, 2_000_000, UNREACHABLE),
                                  (1, 2048, 1), (1, large - 1, 1), (1, large + 1, UNREACHABLE)):
            with self.subTest(layer=which, size=size):
                self.push(with_manifest(image, lambda one: one["layers"][which].update(size=size)))
                outcome = self.copy(self.there, f"docker-daemon:{self.local}", "--retry-times", "1")
                self.assertNotIn("the engine says", self.fails(outcome, code), "it was to be found out here")
                self.assertEqual(self.engine.has(), before)

    def test_a_config_of_another_size_than_the_manifest_says_never_reaches_the_engine(self):
        image = kit.random_image((3000,), seed=self.id(), types=DOCKER)
        for size in (image.config.size - 1, image.config.size + 1):
            with self.subTest(size=size):
                self.push(with_manifest(image, lambda one: one["config"].update(size=size)))
                self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, f"promises {size} bytes")
                self.assertEqual(self.posted(), [])

    def test_a_layer_that_breaks_off_for_good_leaves_the_engine_as_it_was(self):
        proxy, image, there = self.behind_a_wire()
        target = f"blobs/{image.layers[1].digest}"
        proxy.fault(method="GET", target=target, action="cut", at=1_000_000)
        proxy.fault(method="GET", target=target, nth=2, times=0, action="status", status=503)
        before = self.engine.has()
        self.fails(self.copy(there, f"docker-daemon:{self.local}", "--retry-times", "1"), UNREACHABLE)
        self.assertEqual(self.engine.has(), before)

    def test_a_bit_that_flips_on_the_wire_never_becomes_an_image(self):
        proxy, image, there = self.behind_a_wire()
        for layer in image.layers:
            with self.subTest(size=layer.size):
                proxy.clear_faults()
                proxy.fault(method="GET", target=f"blobs/{layer.digest}", times=0, action="corrupt", at=1500)
                self.fails(self.copy(there, f"docker-daemon:{self.local}"), 1, layer.digest[:19])
                self.assertIsNone(self.identity(self.local))

    def test_wrong_bytes_of_a_registry_never_become_an_image(self):
        image = kit.random_image((3000, 2_500_000), seed=self.id(), types=DOCKER)
        self.a.client().push(self.name, "1.4", image)
        digest = image.layers[1].digest[7:]
        data = self.a.storage / "docker" / "registry" / "v2" / "blobs" / "sha256" / digest[:2] / digest / "data"
        content = bytearray(data.read_bytes())
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
        before = self.engine.has()
        self.fails(self.copy(self.there, f"docker-daemon:{self.local}"), 1, "other bytes than")
        self.assertEqual(self.engine.has(), before)


if __name__ == "__main__":
    unittest.main()
