"""The sandbox's contract, items 44 to 61: the integrated registry, its notifications, limits."""

import http.client
import json
import socket
import unittest

from sluicekit import images
from sluicekit.sandbox import IMAGES, Sandbox
from sluicekit.sandbox_case import SandboxCase, core, image_stream, small_image, stream_tag, streams, tags
from sluicekit.sink import Sink
from sluicekit.sluice import binary
from sluicekit.wire import Wire

binary()

SCHEMA2, LIST = images.DOCKER["manifest"], images.DOCKER["index"]
OCTETS = {"Content-Type": "application/octet-stream"}
UNKNOWN = "sha256:" + "0" * 64


def limit_range(kind, **most):
    return {"kind": "LimitRange", "apiVersion": "v1", "metadata": {"name": "limits"},
            "spec": {"limits": [{"type": kind, "max": most}]}}


class Registry(SandboxCase):
    def repository(self, name="web", project=None):
        return f"{project or self.dev}/{name}"

    def manifest(self, wire, reference, accept=SCHEMA2, repository=None):
        return wire.get(f"/v2/{repository or self.repository()}/manifests/{reference}", headers={"Accept": accept})

    def denied_access(self, reply):
        self.is_status(reply, 401)
        self.assertEqual(reply.headers.get("www-authenticate"), 'Basic realm=openshift,error="access denied"')

    def test_item_44_every_refusal_is_a_401(self):
        self.pushed(self.dev)
        nobody = self.box.registry("nobody")
        self.assertRegex(self.is_status(self.box.registry(None).get("/v2/"), 401).headers["www-authenticate"],
                         r'^Bearer realm="http://[^/"]+/openshift/token"$')
        for name, reply in {
            "no right": self.manifest(nobody, "1.0"),
            "no project": self.manifest(nobody, "1.0", repository="no-such-project/web"),
            "wrong token": self.box.registry(None).get("/v2/", token="nonsense"),
            "no right to push": nobody.post(f"/v2/{self.repository()}/blobs/uploads/"),
            "anonymous": self.box.registry(None).get(f"/v2/{self.repository()}/tags/list", token="anonymous"),
        }.items():
            with self.subTest(name):
                self.denied_access(reply)

    def test_item_44_scheme_and_host_follow_the_request(self):
        reply = self.box.registry(None).get("/v2/", headers={
            "X-Forwarded-Proto": "https", "X-Forwarded-Host": "registry.apps.example.test"})
        self.assertEqual(reply.headers["www-authenticate"],
                         'Bearer realm="https://registry.apps.example.test/openshift/token"')

    def test_item_45_the_token_endpoint_gives_the_token_back(self):
        import base64
        wire = self.box.registry(None)
        path = f"/openshift/token?service=x&scope=repository:{self.repository()}:pull"
        self.assertEqual(self.ok(wire.get(path)), {"access_token": "anonymous", "token": "anonymous"})
        for password, status in ((self.box.token("ann"), 200), ("nonsense", 401)):
            basic = "Basic " + base64.b64encode(f"whoever:{password}".encode()).decode()
            reply = self.is_status(wire.get(path, headers={"Authorization": basic}), status)
            if status == 200:
                self.assertEqual(reply.json, {"access_token": password, "token": password})
            else:
                self.assertEqual(reply.body, b"")

    def test_item_46_rights_per_request(self):
        image = self.pushed(self.dev)
        actions = {
            "pull": lambda wire: self.manifest(wire, "1.0"),
            "tags": lambda wire: wire.get(f"/v2/{self.repository()}/tags/list"),
            "blob": lambda wire: wire.get(f"/v2/{self.repository()}/blobs/{image.config.digest}"),
            "upload": lambda wire: wire.post(f"/v2/{self.repository()}/blobs/uploads/"),
            "push": lambda wire: wire.put(f"/v2/{self.repository()}/manifests/1.0", image.manifest,
                                          headers={"Content-Type": image.media_type}),
            "catalog": lambda wire: wire.get("/v2/_catalog"),
        }
        reading = {"pull", "tags", "blob"}
        rows = {"view": set(), "system:image-puller": reading, "registry-viewer": reading,
                "system:image-pusher": reading | {"upload", "push"},
                "system:image-builder": reading | {"upload", "push"},
                "registry-editor": reading | {"upload", "push"}, "edit": reading | {"upload", "push"},
                "admin": reading | {"upload", "push"}}
        for role, allowed in rows.items():
            user = f"u{self.number}-{role.replace(':', '-')}"
            self.box.scenario({"users": [{"name": user, "password": "x"}]})
            self.right(f"user:{user}", role, self.dev)
            wire = self.box.registry(user)
            done = {name for name, act in actions.items() if act(wire).status < 300}
            with self.subTest(role):
                self.assertEqual(done, allowed)
        self.assertEqual(self.box.registry("admin").get("/v2/_catalog").status, 200)

    def test_item_46_roles_made_through_the_api_count(self):
        self.pushed(self.dev)
        wire = self.box.registry("nobody")
        self.right("user:nobody", "own-layers", self.dev, rules=[
            {"apiGroups": ["image.openshift.io"], "resources": ["imagestreams/layers"], "verbs": ["get"],
             "resourceNames": ["web"]}])
        self.is_status(self.manifest(wire, "1.0"), 200)
        self.denied_access(self.manifest(wire, "1.0", repository=self.repository("other")))

    def test_item_47_names_have_two_parts(self):
        ann = self.box.registry("ann")
        for name in ("web", f"{self.dev}/web/more"):
            with self.subTest(name):
                self.assertEqual(self.is_status(ann.get(f"/v2/{name}/tags/list"), 400).body, b"")

    def test_item_48_an_upload_goes_on_where_it_stopped(self):
        ann, data = self.box.registry("ann"), b"0123456789" * 50
        begun = self.is_status(ann.post(f"/v2/{self.repository()}/blobs/uploads/"), 202)
        half = self.is_status(ann.call("PATCH", self.path_of(begun), data[:200], headers=OCTETS), 202)
        self.assertEqual(half.headers["range"], "0-199")
        self.assertEqual(self.is_status(ann.get(self.path_of(half)), 204).headers["range"], "0-199")
        digest = images.Bytes(data).digest
        self.is_status(ann.put(f"{self.path_of(half)}&digest={digest}", data[200:], headers=OCTETS), 201)
        self.assertEqual(ann.get(f"/v2/{self.repository()}/blobs/{digest}").body, data)
        self.denied(ann.get(self.path_of(half)), 404, "BLOB_UPLOAD_UNKNOWN")

    def test_item_49_mounts_need_both_rights(self):
        image = self.pushed(self.dev)
        promoter = self.box.registry("promoter")
        path = f"/v2/{self.prod}/web/blobs/uploads/?mount={image.config.digest}&from={self.repository()}"
        self.is_status(promoter.post(path), 202)
        self.right("user:promoter", "system:image-puller", self.dev)
        self.assertEqual(self.is_status(promoter.post(path), 201).headers["docker-content-digest"], image.config.digest)
        self.is_status(promoter.post(path.replace(image.config.digest, UNKNOWN)), 202)
        self.denied_access(self.box.registry("nobody").post(path))

    def test_item_50_manifest_types_of_3(self):
        self.pushed(self.dev)
        for name, image in {"OCI": small_image("o", images.OCI),
                            "list": images.Index([small_image("o2")], images.DOCKER)}.items():
            with self.subTest(name):
                for blob in small_image("o2").blobs:
                    self.push_blob(self.repository(), blob, self.box.registry("ann"))
                for blob in image.blobs:
                    self.push_blob(self.repository(), blob, self.box.registry("ann"))
                reply = self.box.registry("ann").put(f"/v2/{self.repository()}/manifests/x", image.manifest,
                                                     headers={"Content-Type": image.media_type})
                self.denied(reply, 400, "MANIFEST_INVALID")

    def test_item_51_a_push_can_be_read_at_once(self):
        for number in range(5):
            image = self.pushed(self.dev, name=f"s{number}")
            self.assertEqual(self.digests(self.dev, f"s{number}", "1.0"), [image.digest])

    def test_item_51_who_may_not_create_the_stream_is_denied(self):
        self.right("user:nobody", "system:image-pusher", self.dev)
        image = small_image(self.id())
        self.denied(self.push(self.repository("fresh"), "1", image, "nobody"), 403, "DENIED")
        self.refused(self.ann.get(streams(self.dev, "fresh")), 404)

    def test_item_52_the_image_object_tells_what_manifest_and_config_say(self):
        image = images.Image([images.Layer(70, self.id()), images.Layer(80, self.id())], images.DOCKER, "arm64",
                             config={"Env": ["A=1"], "Labels": {"v": "1"}})
        self.is_status(self.push(self.repository(), "1", image), 201)
        made = self.ok(self.admin.get(f"{IMAGES}/images/{image.digest}"))
        meta = made["dockerImageMetadata"]
        self.assertEqual((meta["Id"], meta["Architecture"], meta["Size"]), (image.config.digest, "arm64", image.size))
        self.assertEqual((meta["Config"]["Env"], meta["Config"]["Labels"]), (["A=1"], {"v": "1"}))
        self.assertEqual([(layer["name"], layer["size"]) for layer in made["dockerImageLayers"]],
                         [(layer.digest, layer.size) for layer in image.layers])
        self.assertEqual(made["dockerImageReference"],
                         f"{self.box.registry_internal}/{self.repository()}@{image.digest}")

    def test_item_53_the_same_digest_again_changes_nothing(self):
        image = self.pushed(self.dev)
        before = self.ok(self.ann.get(streams(self.dev, "web")))
        self.is_status(self.push(self.repository(), "1.0", image), 201)
        self.assertEqual(self.ok(self.ann.get(streams(self.dev, "web"))), before)

    def test_item_54_no_type_comes_under_the_digest_that_was_not_accepted(self):
        image = self.pushed(self.dev)
        ann = self.box.registry("ann")
        for reference in ("1.0", image.digest):
            for accept in ("application/vnd.docker.distribution.manifest.v1+prettyjws", "application/xml", "*/*",
                           SCHEMA2):
                reply = self.manifest(ann, reference, accept)
                with self.subTest(f"{reference}, {accept}: {reply.status}"):
                    if reply.status == 200 and reply.headers["content-type"] == SCHEMA2:
                        self.assertEqual(reply.headers["docker-content-digest"], image.digest)
                        self.assertEqual(reply.body, image.manifest)
                    elif reply.status == 200:
                        self.assertNotEqual(reply.headers["docker-content-digest"], image.digest)
        self.denied(self.manifest(ann, "nope"), 404, "MANIFEST_UNKNOWN")
        self.denied(self.manifest(ann, "1.0", repository=self.repository("nope")), 404, "NAME_UNKNOWN")

    def test_item_55_the_target_serves_what_was_tagged(self):
        image = self.pushed(self.dev)
        self.right("user:promoter", "registry-viewer", self.dev)
        self.created(self.promoter.put(tags(self.prod, "web:live"), stream_tag(
            "web", "live", f"web@{image.digest}", namespace=self.dev)))
        pod = self.box.registry(f"system:serviceaccount:{self.prod}:default")
        target = self.repository(project=self.prod)
        for reference in ("live", image.digest):
            self.assertEqual(self.manifest(pod, reference, repository=target).body, image.manifest)
        for blob in image.blobs:
            self.assertEqual(pod.get(f"/v2/{target}/blobs/{blob.digest}").body, b"".join(blob.chunks()))
        self.denied_access(self.manifest(pod, "1.0"))

    def test_item_56_deleting_health_and_catalog(self):
        image = self.pushed(self.dev)
        admin = self.box.registry("admin")
        self.denied(admin.delete(f"/v2/{self.repository()}/manifests/{image.digest}"), 405, "UNSUPPORTED")
        self.ok(self.ann.delete(streams(self.dev, "web")))
        self.is_status(self.box.registry(None).get("/healthz"), 200)
        self.is_status(admin.delete(f"/admin/blobs/{UNKNOWN}"), 204)
        self.denied_access(self.box.registry("ann").delete(f"/admin/blobs/{UNKNOWN}"))
        self.pushed(self.dev, name="again")
        self.assertIn(self.repository("again"), self.ok(admin.get("/v2/_catalog?n=10000"))["repositories"])


class RegistryFaults(SandboxCase):
    def setUp(self):
        super().setUp()
        self.image = images.random_image((200_000,), self.id(), images.DOCKER)
        self.is_status(self.push(f"{self.dev}/web", "1", self.image), 201)
        self.layer = self.image.layers[0]
        self.blob = f"/v2/{self.dev}/web/blobs/{self.layer.digest}"
        self.bytes = b"".join(self.layer.chunks())
        self.addCleanup(self.box.knob, "clear-faults")

    def test_item_57_blobs_are_redirected_to_another_port(self):
        self.box.knob("redirect-blobs", on=True)
        self.addCleanup(self.box.knob, "redirect-blobs", on=False)
        reply = self.is_status(self.box.registry("ann").get(self.blob), 307)
        target = reply.headers["location"]
        address = target.split("/")[2]
        self.assertNotEqual(address, self.box.registry_host)
        wire = Wire(target.rpartition(address)[0] + address, ca=self.box.ca)
        path = target.partition(address)[2]
        self.addCleanup(wire.close)
        self.assertEqual(self.is_status(wire.get(path), 200).body, self.bytes)
        self.assertGreaterEqual(wire.get(path, token=self.box.token("ann")).status, 400,
                                "the other server refuses the registry's credentials")

    def test_item_57_blobs_are_truncated(self):
        self.box.knob("fault", server="registry", path=self.blob, times=1, **{"cut-after-bytes": 1000})
        with self.assertRaises((http.client.IncompleteRead, OSError)):
            self.box.registry("ann").get(self.blob)
        self.assertEqual(self.box.registry("ann").get(self.blob).body, self.bytes)

    def test_item_57_blobs_have_other_bytes(self):
        self.box.knob("fault", server="registry", path=self.blob, times=1, corrupt=True)
        reply = self.is_status(self.box.registry("ann").get(self.blob), 200)
        self.assertEqual(len(reply.body), len(self.bytes))
        self.assertNotEqual(reply.body, self.bytes)

    def test_item_57_an_upload_is_slow(self):
        import time
        data = images.Bytes(b"x" * 40_000)
        ann = self.box.registry("ann")
        begun = self.is_status(ann.post(f"/v2/{self.dev}/web/blobs/uploads/"), 202)
        self.box.knob("fault", server="registry", method="PUT", path=f"/v2/{self.dev}/web/blobs/uploads/*", times=1,
                      **{"delay-seconds": 0.5})
        begin = time.monotonic()
        self.is_status(ann.put(f"{self.path_of(begun)}&digest={data.digest}", data.data, headers=OCTETS), 201)
        # Not a measurement: it cannot be faster, whatever the machine.
        self.assertGreater(time.monotonic() - begin, 0.45)

    def test_item_57_a_connection_is_cut_in_the_middle_of_an_upload(self):
        data = images.Bytes(b"0123456789" * 400_000)
        ann = self.box.registry("ann")
        begun = self.is_status(ann.post(f"/v2/{self.dev}/web/blobs/uploads/"), 202)
        self.box.knob("fault", server="registry", method="PATCH", path=f"/v2/{self.dev}/web/blobs/uploads/*", times=1,
                      **{"cut-request-after-bytes": 100_000})
        with self.assertRaises((http.client.HTTPException, OSError)):
            ann.call("PATCH", self.path_of(begun), data.data, headers=OCTETS)
        self.denied(ann.get(f"/v2/{self.dev}/web/blobs/{data.digest}"), 404, "BLOB_UNKNOWN")
        self.push_blob(f"{self.dev}/web", data, ann)
        self.is_status(ann.call("HEAD", f"/v2/{self.dev}/web/blobs/{data.digest}"), 200)


class Notifications(SandboxCase):
    def listen(self, *urls):
        self.box.knob("notifications", endpoints=[{"name": f"n{n}", "url": url} for n, url in enumerate(urls)])
        self.addCleanup(self.box.knob, "notifications", endpoints=[])

    def ours(self, event):
        return event["target"]["repository"].startswith(self.dev)

    @staticmethod
    def brief(events):
        return [(event["action"], event["target"]["mediaType"] == SCHEMA2, event["target"]["digest"])
                for event in events]

    def expected(self, image):
        return [("push", False, image.layers[0].digest), ("push", False, image.config.digest),
                ("push", True, image.digest), ("pull", False, image.config.digest)]

    def test_item_58_events_go_to_every_endpoint(self):
        with Sink() as one, Sink() as other:
            self.listen(one.url, other.url)
            image = self.pushed(self.dev)
            for sink in (one, other):
                self.assertEqual(self.brief(sink.take(4, concerns=self.ours)), self.expected(image))

    def test_item_58_a_sink_that_is_down_gets_all_in_order_later(self):
        with Sink(refuse=[503] * 4) as sink:
            self.listen(sink.url)
            image = self.pushed(self.dev)
            self.assertEqual(self.brief(sink.take(4, concerns=self.ours)), self.expected(image))
            self.assertEqual(len(sink.refused), 4)
            self.assertEqual({events[0]["id"] for events in sink.refused}, {sink.refused[0][0]["id"]},
                             "the same event is tried again")

    def test_item_58_a_sink_that_does_not_listen_yet(self):
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            port = held.getsockname()[1]
        self.listen(f"http://127.0.0.1:{port}/events")
        image = self.pushed(self.dev)
        with Sink(port=port) as sink:
            self.assertEqual(self.brief(sink.take(4, concerns=self.ours)), self.expected(image))

    def test_item_58_a_push_that_is_denied_is_told_all_the_same(self):
        self.right("user:nobody", "system:image-pusher", self.dev)
        image = small_image(self.id())
        with Sink() as sink:
            self.listen(sink.url)
            self.denied(self.push(f"{self.dev}/fresh", "1", image, "nobody"), 403, "DENIED")
            self.assertEqual(self.brief(sink.take(3, concerns=self.ours)), self.expected(image)[:3])


class Limits(SandboxCase):
    def limit(self, body, resource="limitranges", project=None):
        self.created(self.admin.post(core(project or self.dev, resource), body))

    def test_item_59_images_over_the_limit_are_denied_and_their_blobs_stay(self):
        self.limit(limit_range("openshift.io/Image", storage="100"))
        image = small_image(self.id())
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        self.soon(lambda: self.denied(self.push(f"{self.dev}/web", "1", image), 403, "DENIED"))
        self.assertEqual(self.digests(self.dev, "web", "1"), [])
        for blob in image.blobs:
            self.is_status(self.box.registry("ann").call("HEAD", f"/v2/{self.dev}/web/blobs/{blob.digest}"), 200)

    def test_item_60_a_stream_holds_so_many_images(self):
        self.limit(limit_range("openshift.io/ImageStream", **{"openshift.io/images": "2"}))
        first, second = (self.pushed(self.dev, tag=tag) for tag in "ab")
        self.denied(self.push(f"{self.dev}/web", "c", small_image(self.id())), 403, "DENIED")
        self.is_status(self.push(f"{self.dev}/web", "c", first), 201)
        other = self.pushed(self.dev, name="other", tag="x")
        self.refused(self.ann.put(tags(self.dev, "web:d"), stream_tag("other", "d", f"other@{other.digest}") | {
            "metadata": {"name": "web:d"}}), 422, "Invalid",
            "requested usage of openshift.io/images exceeds the maximum limit per openshift.io/ImageStream (3 > 2)")
        self.assertEqual(self.digests(self.dev, "web", "b"), [second.digest])

    def test_item_61_a_project_holds_so_many_streams(self):
        self.limit({"kind": "ResourceQuota", "apiVersion": "v1", "metadata": {"name": "rq"},
                    "spec": {"hard": {"openshift.io/imagestreams": "1"}}}, "resourcequotas")
        self.soon(lambda: self.assertIn("openshift.io/imagestreams", self.ok(self.admin.get(
            core(self.dev, "resourcequotas", "rq")))["status"]["used"]))
        self.created(self.ann.post(streams(self.dev), image_stream("one")))
        self.refused(self.ann.post(streams(self.dev), image_stream("two")), 403, "Forbidden", "exceeded quota: rq",
                     "requested: openshift.io/imagestreams=1", "limited: openshift.io/imagestreams=1")
        self.denied(self.push(f"{self.dev}/two", "1", small_image(self.id())), 403, "DENIED")
        self.ok(self.ann.delete(streams(self.dev, "one")))
        self.refused(self.ann.post(streams(self.dev), image_stream("two")), 403, "Forbidden", "exceeded quota")
        self.box.knob("resync-quota")
        self.soon(lambda: self.created(self.ann.post(streams(self.dev), image_stream("two"))))


class Profile4(SandboxCase):
    flags = {"profile": "4.x"}

    def get(self, reference, accept):
        return self.box.registry("ann").get(f"/v2/{self.dev}/web/manifests/{reference}", headers={"Accept": accept})

    def test_item_50_manifest_types_of_4(self):
        for name, image in {
            "docker": small_image(f"{self.id()}1"), "OCI": small_image(f"{self.id()}2", images.OCI),
            "list": images.index_of(sizes=(60,), seed=f"{self.id()}3", types=images.DOCKER),
            "index": images.index_of(sizes=(60,), seed=f"{self.id()}4"),
        }.items():
            with self.subTest(name):
                self.is_status(self.push(f"{self.dev}/web", name, image), 201)
                reply = self.is_status(self.get(name, image.media_type), 200)
                self.assertEqual((reply.body, reply.headers["docker-content-digest"]), (image.manifest, image.digest))
                self.assertEqual(self.digests(self.dev, "web", name), [image.digest])
                for child in image.children:
                    self.assertEqual(self.is_status(self.get(child.digest, child.media_type), 200).body, child.manifest)

    def test_item_50_a_push_by_digest_makes_no_history(self):
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        image = small_image(self.id())
        self.is_status(self.push(f"{self.dev}/web", image.digest, image), 201)
        self.assertFalse(self.ok(self.ann.get(streams(self.dev, "web")))["status"].get("tags"))
        self.ok(self.admin.get(f"{IMAGES}/images/{image.digest}"))

    def test_item_54_a_list_for_who_does_not_know_lists(self):
        index = images.index_of(sizes=(60,), seed=self.id(), types=images.DOCKER)
        self.is_status(self.push(f"{self.dev}/web", "multi", index), 201)
        reply = self.is_status(self.get("multi", SCHEMA2), 200)
        self.assertEqual((reply.headers["content-type"], reply.headers["docker-content-digest"]),
                         (SCHEMA2, index.children[0].digest))
        self.assertEqual(self.get("multi", LIST).body, index.manifest)

    def test_item_52_lists_tell_their_children(self):
        index = images.index_of(sizes=(60,), seed=self.id())
        self.is_status(self.push(f"{self.dev}/web", "multi", index), 201)
        made = self.ok(self.admin.get(f"{IMAGES}/images/{index.digest}"))
        self.assertEqual([(one["digest"], one["architecture"]) for one in made["dockerImageManifests"]],
                         [(child.digest, child.platform["architecture"]) for child in index.children])


class Tls(unittest.TestCase):
    def test_item_44_a_registry_behind_tls(self):
        with Sandbox(tls="all") as box:
            box.scenario({"users": [{"name": "ann", "password": "x"}], "projects": [{"name": "dev", "admin": "ann"}]})
            reply = box.registry("ann").post("/v2/dev/web/blobs/uploads/")
            self.assertEqual(reply.status, 202, reply)
            self.assertTrue(reply.headers["location"].startswith(f"https://{box.registry_host}/"), reply)

    def test_item_48_blobs_in_a_folder(self):
        """With --storage blobs are files: what was pushed is there, complete, under its digest."""
        import tempfile
        image = images.random_image((3 << 20,), "stored", images.DOCKER)
        with tempfile.TemporaryDirectory() as folder, Sandbox(storage=folder) as box:
            box.scenario({"users": [{"name": "ann", "password": "x"}], "projects": [{"name": "dev", "admin": "ann"}]})
            case = SandboxCase()
            case.box = box
            case.is_status(case.push("dev/web", "1", image), 201)
            blob = box.registry("ann").get(f"/v2/dev/web/blobs/{image.layers[0].digest}")
            self.assertEqual(blob.body, b"".join(image.layers[0].chunks()))
            self.assertEqual(json.loads(box.registry("ann").get("/v2/dev/web/tags/list").body)["tags"], ["1"])
            import pathlib
            sizes = {path.stat().st_size for path in pathlib.Path(folder).rglob("*") if path.is_file()}
            self.assertIn(image.layers[0].size, sizes)


if __name__ == "__main__":
    unittest.main()
