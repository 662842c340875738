"""The sandbox's contract, items 1 to 12: listeners, identities, faults, rights."""

import http.client
import pathlib
import time
import unittest
import urllib.parse

from sluicekit.sandbox import IMAGES, PASSWORD, Sandbox
from sluicekit.sandbox_case import SandboxCase, core, deployment_config, configs, image_stream, streams, tags
from sluicekit.sluice import binary

binary()

ME = "/apis/user.openshift.io/v1/users/~"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def login(wire, user, password):
    """The token flow: the fragment of the redirect, as a dictionary."""
    import base64
    basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
    reply = wire.get("/oauth/authorize?response_type=token&client_id=openshift-challenging-client", token=None,
                     headers={"X-CSRF-Token": "1", "Authorization": basic})
    return reply, dict(urllib.parse.parse_qsl(reply.headers.get("location", "").partition("#")[2]))


class Listeners(unittest.TestCase):
    def test_item_01_tls_and_plain_listeners(self):
        for tls, api, registry in (("api", "https", "http"), ("all", "https", "https"), ("none", "http", "http")):
            with self.subTest(tls), Sandbox(tls=tls) as box:
                self.assertEqual(box.ready["api"].partition(":")[0], api)
                self.assertEqual(box.ready["registry_url"].partition(":")[0], registry)
                self.assertEqual(box.ca is None, tls == "none")
                self.assertEqual(box.api().get(ME).status, 200)
                reply = box.registry(None).get("/v2/")
                self.assertEqual(reply.status, 401)
                self.assertEqual(reply.headers["www-authenticate"],
                                 f'Bearer realm="{box.ready["registry_url"]}/openshift/token"')

    def test_item_01_a_stranger_does_not_trust_the_certificate(self):
        with Sandbox() as box:
            from sluicekit.wire import Wire
            with Wire(box.ready["api"]) as stranger, self.assertRaises(OSError):
                stranger.get("/version")
            self.assertEqual(box.api(None).get("/version").status, 200)

    def test_item_01_a_client_certificate_is_an_identity(self):
        import base64
        import json
        import re
        import ssl
        import urllib.request
        with Sandbox() as box:
            config = pathlib.Path(box.kubeconfig).read_text()
            files = {}
            for name in ("certificate", "key"):
                encoded = re.search(rf"client-{name}-data: (\S+)", config).group(1)
                files[name] = box.folder / f"admin.{name}"
                files[name].write_bytes(base64.b64decode(encoded))
            context = ssl.create_default_context(cafile=box.ca)
            context.load_cert_chain(files["certificate"], files["key"])
            with urllib.request.urlopen(box.ready["api"] + ME, context=context) as reply:
                caller = json.load(reply)
            self.assertEqual(caller["metadata"]["name"], "system:admin")
            self.assertIn("system:masters", caller["groups"])

    def test_item_01_it_ends_with_code_0_when_asked_to(self):
        import signal
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number.name), Sandbox() as box:
                stream = box.api().stream(f"{IMAGES}/imagestreams?watch=true")
                self.assertEqual(box.stop(number), 0)
                stream.rest()  # it ends
                stream.close()


class Identity(SandboxCase):
    def test_item_01_tokens_map_to_users_with_groups(self):
        self.box.scenario({"users": [{"name": "kim", "password": "x", "groups": ["testers"]}]})
        kim = self.ok(self.box.api("kim").get(ME))
        self.assertEqual(kim["metadata"]["name"], "kim")
        self.assertEqual(set(kim["groups"]), {"testers", "system:authenticated", "system:authenticated:oauth"})
        self.right("group:testers", "view", self.dev)
        self.ok(self.box.api("kim").get(streams(self.dev)))

    def test_item_01_service_accounts_have_three_groups(self):
        who = f"system:serviceaccount:{self.dev}:builder"
        me = self.ok(self.box.api(who).get(ME))
        self.assertEqual(me["metadata"]["name"], who)
        self.assertEqual(set(me["groups"]), {"system:authenticated", "system:serviceaccounts",
                                             f"system:serviceaccounts:{self.dev}"})

    def test_item_03_a_token_expires_when_told(self):
        token = self.box.fresh_token("ann")
        api, registry = self.box.api("ann"), self.box.registry("ann")
        self.ok(api.get(ME))
        self.ok(registry.get("/v2/"))
        self.box.knob("expire-token", token=token)
        status = self.refused(api.get(ME), 401, "Unauthorized")
        self.assertEqual(status["message"], "Unauthorized")
        self.assertNotIn("www-authenticate", api.get(ME).headers)
        reply = self.is_status(registry.get("/v2/"), 401)
        self.assertEqual(reply.headers["www-authenticate"], 'Basic realm=openshift,error="access denied"')
        self.box.fresh_token("ann")
        self.ok(self.box.api("ann").get(ME))

    def test_item_03_a_token_dies_after_so_many_requests(self):
        token = self.box.fresh_token("ann")
        api = self.box.api("ann")
        self.box.knob("expire-token", token=token, after_requests=3)
        self.assertEqual([api.get(ME).status for _ in range(5)], [200, 200, 200, 401, 401])
        self.box.fresh_token("ann")

    def test_item_03_a_token_dies_between_two_blobs(self):
        from sluicekit.sandbox_case import small_image
        image = small_image("dies", sizes=(50, 51))
        token = self.box.fresh_token("ann")
        registry = self.box.registry("ann")
        self.box.knob("expire-token", token=token, after_requests=3)
        self.push_blob(f"{self.dev}/web", image.blobs[0], registry)
        begun = self.is_status(registry.post(f"/v2/{self.dev}/web/blobs/uploads/"), 202)
        reply = registry.put(f"{self.path_of(begun)}&digest={image.blobs[1].digest}",
                             b"".join(image.blobs[1].chunks()), headers={"Content-Type": "application/octet-stream"})
        self.is_status(reply, 401)
        self.assertIn("access denied", reply.headers["www-authenticate"])
        self.box.fresh_token("ann")

    def test_item_03_all_tokens_of_a_user_are_revoked(self):
        self.box.scenario({"users": [{"name": "lee", "password": "pw"}]})
        first, second = self.box.fresh_token("lee"), self.box.fresh_token("lee")
        wire = self.box.api(None)
        self.box.knob("revoke-token", user="lee")
        for token in (first, second):
            self.refused(wire.get(ME, token=token), 401)
        _, given = login(wire, "lee", "pw")
        self.ok(wire.get(ME, token=given["access_token"]))

    def test_item_04_any_wrong_password_is_challenged_again(self):
        wire = self.box.api(None)
        reply, _ = login(wire, "ann", "not it")
        self.is_status(reply, 401)
        self.assertEqual(reply.headers["www-authenticate"], 'Basic realm="openshift"')
        reply, given = login(wire, "ann", PASSWORD)
        self.is_status(reply, 302)
        self.assertEqual((given["expires_in"], given["token_type"]), ("86400", "Bearer"))
        self.assertEqual(self.ok(wire.get(ME, token=given["access_token"]))["metadata"]["name"], "ann")

    def test_item_06_the_old_root_mirrors_the_groups(self):
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        old = self.ok(self.ann.get(f"/oapi/v1/namespaces/{self.dev}/imagestreams/web"))
        self.assertEqual((old["kind"], old["apiVersion"]), ("ImageStream", "v1"))
        self.created(self.ann.post(f"/oapi/v1/namespaces/{self.dev}/deploymentconfigs",
                                   {**deployment_config("site"), "apiVersion": "v1"}))
        self.assertEqual(self.ok(self.ann.get(configs(self.dev, "site")))["apiVersion"], "apps.openshift.io/v1")


class Clock(SandboxCase):
    def test_item_03_a_token_of_a_day_is_dead_after_it(self):
        wire = self.box.api(None)
        _, given = login(wire, "ann", PASSWORD)
        self.ok(wire.get(ME, token=given["access_token"]))
        self.box.knob("clock", advance_seconds=86400 + 1)
        self.refused(wire.get(ME, token=given["access_token"]), 401)
        _, given = login(wire, "ann", PASSWORD)
        self.ok(wire.get(ME, token=given["access_token"]))


class Faults(SandboxCase):
    def setUp(self):
        super().setUp()
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        self.path = streams(self.dev, "web")
        self.addCleanup(self.box.knob, "clear-faults")

    def fault(self, server="api", path=None, **more):
        self.box.knob("fault", server=server, path=path or self.path, **more)

    def test_item_08_faults_by_path(self):
        rows = [
            (429, {"Retry-After": "7"}, "slow down"), (500, {}, "boom"),
            (503, {"Content-Type": "text/plain"}, "no endpoints available"),
            (503, {"Content-Type": "text/html"}, "<html><h1>503</h1></html>"),
        ]
        for status, headers, body in rows:
            with self.subTest(f"{status} {headers}"):
                self.fault(status=status, headers=headers, body=body, times=1)
                reply = self.is_status(self.ann.get(self.path), status)
                for name, value in headers.items():
                    self.assertEqual(reply.headers[name.lower()].partition(";")[0], value)
                self.assertEqual(reply.body.decode(), body)
                self.ok(self.ann.get(self.path))

    def test_item_08_faults_by_method_count_and_glob(self):
        self.fault(path=f"{IMAGES}/namespaces/{self.dev}/*", method="PUT", status=503, body="x", after=1, times=2)
        stream = self.ok(self.ann.get(self.path))
        put = [self.ann.put(self.path, stream).status for _ in range(4)]
        self.assertEqual(put, [200, 503, 503, 200])
        self.assertEqual(self.ann.get(streams(self.prod)).status, 403, "another path has no fault")

    def test_item_08_a_fault_lasts_until_it_is_cleared(self):
        self.fault(status=500, body="x")
        self.assertEqual([self.ann.get(self.path).status for _ in range(3)], [500, 500, 500])
        self.box.knob("clear-faults")
        self.ok(self.ann.get(self.path))

    def test_item_08_connections_are_reset(self):
        for server, path in (("api", self.path), ("registry", "/v2/")):
            with self.subTest(server):
                self.fault(server, path, reset=True, times=1)
                wire = self.box.api("ann") if server == "api" else self.box.registry("ann")
                with self.assertRaises((OSError, http.client.HTTPException)):
                    wire.get(path)
                self.ok(wire.get(path))

    def test_item_08_bodies_are_cut(self):
        whole = len(self.ann.get(self.path).body)
        self.fault(times=1, **{"cut-after-bytes": 40})
        with self.assertRaises((http.client.IncompleteRead, OSError)) as broken:
            self.ann.get(self.path)
        if isinstance(broken.exception, http.client.IncompleteRead):
            self.assertLess(len(broken.exception.partial), whole)
        self.ok(self.ann.get(self.path))

    def test_item_08_bodies_are_slow(self):
        whole = len(self.ann.get(self.path).body)
        self.fault(times=1, **{"bytes-per-second": whole})
        begin = time.monotonic()
        self.ok(self.ann.get(self.path))
        # Not a measurement: the rate says that it cannot be faster, whatever the machine.
        self.assertGreater(time.monotonic() - begin, 0.4, "the body was not slow")


class Profile4(SandboxCase):
    flags = {"profile": "4.x"}

    def test_item_02_the_forbidden_text_of_4(self):
        anonymous = self.box.api(None)
        status = self.refused(anonymous.get(streams(self.dev)), 403, "Forbidden")
        self.assertEqual(status["message"], 'imagestreams.image.openshift.io is forbidden: User "system:anonymous" '
                         f'cannot list resource "imagestreams" in API group "image.openshift.io" in the namespace '
                         f'"{self.dev}"')

    def test_item_10_the_forbidden_text_of_4(self):
        nobody = self.box.api("nobody")
        status = self.refused(nobody.get(core(self.dev, "pods", "x")), 403, "Forbidden")
        self.assertEqual(status["message"], 'pods "x" is forbidden: User "nobody" cannot get resource "pods" in API '
                         f'group "" in the namespace "{self.dev}"')
        status = self.refused(nobody.get(f"{IMAGES}/images"), 403, "Forbidden")
        self.assertEqual(status["message"], 'images.image.openshift.io is forbidden: User "nobody" cannot list '
                         'resource "images" in API group "image.openshift.io" at the cluster scope')

    def test_item_04_tokens_of_4_have_a_prefix(self):
        wire = self.box.api(None)
        server = self.ok(wire.get("/.well-known/oauth-authorization-server"))
        self.assertIn("S256", server["code_challenge_methods_supported"])
        _, given = login(wire, "ann", PASSWORD)
        self.assertRegex(given["access_token"], r"^sha256~[A-Za-z0-9_-]{43}$")
        self.assertEqual(self.ok(wire.get(ME, token=given["access_token"]))["metadata"]["name"], "ann")

    def test_item_05_self_subject_reviews(self):
        review = {"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1"}
        for who, group in (("ann", "system:authenticated:oauth"),
                           (f"system:serviceaccount:{self.dev}:default", f"system:serviceaccounts:{self.dev}")):
            with self.subTest(who):
                reply = self.box.api(who).post("/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
                info = self.created(reply)["status"]["userInfo"]
                self.assertEqual(info["username"], who)
                self.assertIn(group, info["groups"])
                self.assertIn("system:authenticated", info["groups"])

    def test_item_06_the_roots_of_4(self):
        groups = {group["name"] for group in self.ok(self.ann.get("/apis"))["groups"]}
        self.assertLessEqual({"config.openshift.io", "image.openshift.io", "apps.openshift.io", "apps", "batch",
                              "route.openshift.io", "project.openshift.io", "user.openshift.io"}, groups)
        self.is_status(self.admin.get("/oapi/v1"), 404)
        self.is_status(self.admin.get(f"/oapi/v1/namespaces/{self.dev}/imagestreams"), 404)
        self.is_status(self.admin.get("/version/openshift"), 404)
        listed = {one["name"]: one for one in self.ok(self.ann.get(IMAGES))["resources"]}
        self.assertEqual(set(listed["imagestreamtags"]["verbs"]),
                         {"create", "delete", "get", "list", "patch", "update"})
        self.assertIn("watch", listed["imagestreams"]["verbs"])
        self.assertIn("imagestreams/layers", listed)


class Rights(SandboxCase):
    BUILTIN = ("view", "edit", "admin", "cluster-admin", "cluster-reader", "basic-user", "system:image-puller",
               "system:image-pusher", "system:image-builder", "registry-viewer", "registry-editor",
               "system:deployer", "system:image-signer", "system:image-pruner")

    def test_item_09_built_in_roles_are_there(self):
        for name in self.BUILTIN:
            with self.subTest(name):
                role = self.ok(self.admin.get(f"{RBAC}/clusterroles/{name}"))
                self.assertTrue(role["rules"])

    def test_item_09_roles_and_bindings_made_through_the_api_decide(self):
        nobody = self.box.api("nobody")
        self.refused(nobody.get(streams(self.dev)), 403, "Forbidden")
        role = {"kind": "Role", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "lister"},
                "rules": [{"apiGroups": ["image.openshift.io"], "resources": ["imagestreams"], "verbs": ["list"]}]}
        binding = {"kind": "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "nobody"},
                   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lister"},
                   "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "nobody"}]}
        own = f"{RBAC}/namespaces/{self.dev}"
        self.created(self.admin.post(f"{own}/roles", role))
        self.created(self.admin.post(f"{own}/rolebindings", binding))
        self.ok(nobody.get(streams(self.dev)))
        self.refused(nobody.get(streams(self.dev, "web")), 403)
        self.refused(nobody.get(streams(self.prod)), 403)
        self.ok(self.admin.patch(f"{own}/roles/lister", [
            {"op": "add", "path": "/rules/0/verbs/-", "value": "get"},
            {"op": "add", "path": "/rules/0/resourceNames", "value": ["web"]}], kind="application/json-patch+json"))
        self.refused(nobody.get(streams(self.dev, "web")), 404)
        self.refused(nobody.get(streams(self.dev, "other")), 403)
        self.ok(self.admin.delete(f"{own}/rolebindings/nobody"))
        self.refused(nobody.get(streams(self.dev, "web")), 403)

    def test_item_09_a_cluster_binding_holds_everywhere(self):
        self.box.scenario({"users": [{"name": "reader", "password": "x"}]})
        reader = self.box.api("reader")
        self.refused(reader.get(f"{IMAGES}/imagestreams"), 403)
        self.right("user:reader", "cluster-reader")
        for path in (f"{IMAGES}/imagestreams", streams(self.dev), f"{IMAGES}/images", "/api/v1/namespaces"):
            self.ok(reader.get(path))
        self.refused(reader.post(streams(self.dev), image_stream("x")), 403)

    def test_item_10_a_missing_project_is_told_only_to_who_may_know(self):
        nobody = self.box.api("nobody")
        for path in (streams("no-such-project"), streams("no-such-project", "x")):
            self.refused(nobody.get(path), 403, "Forbidden")
        self.refused(nobody.post(streams("no-such-project"), image_stream("x")), 403, "Forbidden")
        status = self.refused(self.admin.post(streams("no-such-project"), image_stream("x")), 404, "NotFound",
                              'namespaces "no-such-project" not found')
        self.assertEqual(status["details"]["kind"], "namespaces")

    def test_item_11_a_review_says_what_a_request_would(self):
        self.right("user:nobody", "registry-viewer", self.dev)
        nobody = self.box.api("nobody")

        def allowed(**attributes):
            review = {"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
                      "spec": {"resourceAttributes": {"namespace": self.dev, "group": "image.openshift.io",
                                                      **attributes}}}
            return self.created(nobody.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review))["status"]

        self.assertTrue(allowed(verb="get", resource="imagestreams", subresource="layers", name="web")["allowed"])
        self.assertTrue(allowed(verb="get", resource="imagestreams/layers")["allowed"])
        denied = allowed(verb="update", resource="imagestreams/layers")
        self.assertEqual((denied["allowed"], denied["reason"]), (False, "no RBAC policy matched"))

    def test_item_12_subresources_are_rights_of_their_own(self):
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        self.right("user:nobody", "own", self.dev, rules=[
            {"apiGroups": ["image.openshift.io"], "resources": ["imagestreams"], "verbs": ["get", "update"]}])
        nobody = self.box.api("nobody")
        stream = self.ok(nobody.get(streams(self.dev, "web")))
        self.ok(nobody.put(streams(self.dev, "web"), stream))
        self.refused(nobody.get(streams(self.dev, "web/layers")), 403)
        self.refused(nobody.put(streams(self.dev, "web/status"), stream), 403)
        self.refused(nobody.get(tags(self.dev, "web:x")), 403)


if __name__ == "__main__":
    unittest.main()
