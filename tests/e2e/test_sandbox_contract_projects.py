"""The sandbox's contract, items 79 to 81: service accounts, projects, routes; and the scenario file."""

import base64
import json
import unittest

from sluicekit.sandbox import Sandbox
from sluicekit.sandbox_case import SandboxCase, core, image_stream, streams
from sluicekit.sluice import binary

binary()

ME = "/apis/user.openshift.io/v1/users/~"
PROJECTS = "/apis/project.openshift.io/v1"


class Projects(SandboxCase):
    def test_item_79_service_accounts_get_token_and_pull_secret(self):
        self.created(self.ann.post(core(self.dev, "serviceaccounts"), {
            "kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "promo"}}))

        def names():
            account = self.ok(self.ann.get(core(self.dev, "serviceaccounts", "promo")))
            return [one["name"] for one in account["secrets"]], [one["name"] for one in account["imagePullSecrets"]]

        secrets, pull = self.soon(lambda: self.assertTrue(all(names())) or names())
        token = next(name for name in secrets if "-token-" in name)
        secret = self.ok(self.ann.get(core(self.dev, "secrets", token)))
        who = f"system:serviceaccount:{self.dev}:promo"
        given = base64.b64decode(secret["data"]["token"]).decode()
        self.assertEqual(self.ok(self.box.api(None).get(ME, token=given))["metadata"]["name"], who)
        config = json.loads(base64.b64decode(self.ok(
            self.ann.get(core(self.dev, "secrets", pull[0])))["data"][".dockercfg"]))
        login = config[self.box.registry_internal]
        password = base64.b64decode(login["auth"]).decode().partition(":")[2]
        basic = "Basic " + base64.b64encode(f"serviceaccount:{password}".encode()).decode()
        self.ok(self.box.registry(None).get("/v2/", headers={"Authorization": basic}))
        self.ok(self.ann.delete(core(self.dev, "secrets", token)))
        self.soon(lambda: self.refused(self.box.api(None).get(ME, token=given), 401))

    def test_item_80_a_project_belongs_to_who_asked_for_it(self):
        nobody, name = self.box.api("nobody"), f"{self.dev}-new"
        self.created(nobody.post(f"{PROJECTS}/projectrequests", {
            "kind": "ProjectRequest", "apiVersion": "project.openshift.io/v1", "metadata": {"name": name}}))
        self.soon(lambda: self.created(nobody.post(streams(name), image_stream("web"))))
        seen = {one["metadata"]["name"] for one in self.ok(nobody.get(f"{PROJECTS}/projects"))["items"]}
        self.assertIn(name, seen)
        self.assertNotIn(self.dev, seen)
        self.right("user:nobody", "view", self.dev)
        seen = {one["metadata"]["name"] for one in self.ok(nobody.get(f"{PROJECTS}/projects"))["items"]}
        self.assertIn(self.dev, seen)

    def test_item_81_routes_are_kept(self):
        path = f"/apis/route.openshift.io/v1/namespaces/{self.dev}/routes"
        self.created(self.ann.post(path, {
            "kind": "Route", "apiVersion": "route.openshift.io/v1", "metadata": {"name": "web"},
            "spec": {"host": "web.apps.example.test", "to": {"kind": "Service", "name": "web"}}}))
        self.assertEqual(self.ok(self.ann.get(f"{path}/web"))["spec"]["host"], "web.apps.example.test")


class Profile4(SandboxCase):
    flags = {"profile": "4.x"}

    def request(self, seconds, who="ann"):
        return self.box.api(who).post(core(self.dev, "serviceaccounts", "builder/token"), {
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": seconds}})

    def test_item_79_token_requests_of_4_really_expire(self):
        self.refused(self.request(3600, "nobody"), 403, "Forbidden")
        self.refused(self.request(10), 422, "Invalid")
        status = self.created(self.request(600))["status"]
        self.assertRegex(status["expirationTimestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        api, registry = self.box.api(None), self.box.registry(None)
        self.assertEqual(self.ok(api.get(ME, token=status["token"]))["metadata"]["name"],
                         f"system:serviceaccount:{self.dev}:builder")
        self.ok(registry.get("/v2/", token=status["token"]))
        self.box.knob("clock", advance_seconds=601)
        self.refused(api.get(ME, token=status["token"]), 401)
        self.is_status(registry.get("/v2/", token=status["token"]), 401)

    def test_item_79_no_token_secret_by_itself_in_4(self):
        self.created(self.ann.post(core(self.dev, "serviceaccounts"), {
            "kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "promo"}}))
        account = self.soon(lambda: self.assertTrue(self.ok(self.ann.get(
            core(self.dev, "serviceaccounts", "promo"))).get("imagePullSecrets"))
            or self.ok(self.ann.get(core(self.dev, "serviceaccounts", "promo"))))
        self.assertFalse([one for one in account.get("secrets", []) if "-token-" in one["name"]])

    def test_item_81_the_registry_is_found_as_in_4(self):
        route = self.ok(self.admin.get(
            "/apis/route.openshift.io/v1/namespaces/openshift-image-registry/routes/default-route"))
        host = self.box.registry_external
        self.assertEqual(route["status"]["ingress"][0]["host"], host)
        config = self.ok(self.admin.get("/apis/config.openshift.io/v1/images/cluster"))
        self.assertEqual(config["status"]["internalRegistryHostname"], self.box.registry_internal)
        self.assertIn(host, (config["spec"].get("externalRegistryHostnames") or [])
                      + (config["status"].get("externalRegistryHostnames") or []))
        self.refused(self.ann.get("/apis/config.openshift.io/v1/images/cluster"), 403, "Forbidden")


SCENARIO = """
users:
  - {name: ann, password: secret}
  - {name: bob, token: bobs-own-token-0123456789, groups: [testers]}
projects:
  - {name: shop-dev, admin: ann, labels: {team: shop}}
  - {name: shop-prod, annotations: {openshift.io/description: live}}
rights:
  - {subject: "group:testers", role: view, project: shop-dev}
  - {subject: "serviceaccount:shop-dev/robot", role: own, project: shop-prod, name: robots,
     rules: [{apiGroups: [image.openshift.io], resources: [imagestreams], verbs: [get, list]}]}
serviceaccounts:
  - {project: shop-dev, name: robot}
images:
  - {project: shop-dev, stream: web, tag: "1.0", layers: 3, layer-bytes: 1000}
objects:
  - {kind: ImageStream, apiVersion: image.openshift.io/v1, metadata: {name: raw, namespace: shop-prod}}
knobs:
  - {knob: registry, external-host: registry.apps.example.test, present: true}
"""


class Scenario(unittest.TestCase):
    def test_item_80_a_scenario_file_makes_the_world(self):
        with Sandbox(scenario=SCENARIO) as box:
            bob = box.api(None)
            self.assertEqual(bob.get(ME, token="bobs-own-token-0123456789").json["metadata"]["name"], "bob")
            stream = bob.get(streams("shop-dev", "web"), token="bobs-own-token-0123456789").json
            self.assertEqual(stream["status"]["tags"][0]["tag"], "1.0")
            self.assertEqual(stream["status"]["publicDockerImageRepository"], "registry.apps.example.test/shop-dev/web")
            digest = stream["status"]["tags"][0]["items"][0]["image"]
            image = box.api().get(f"/apis/image.openshift.io/v1/images/{digest}").json
            self.assertEqual(len(image["dockerImageLayers"]), 3)
            for layer in image["dockerImageLayers"]:
                blob = box.registry("ann").get(f"/v2/shop-dev/web/blobs/{layer['name']}")
                self.assertEqual((blob.status, len(blob.body)), (200, layer["size"]))
            robot = box.api("system:serviceaccount:shop-dev:robot")
            self.assertEqual(robot.get(streams("shop-prod", "raw")).status, 200)
            self.assertEqual(robot.get(core("shop-prod", "pods")).status, 403)
            project = box.api().get(f"{PROJECTS}/projects/shop-dev").json
            self.assertEqual(project["metadata"]["labels"]["team"], "shop")
            self.assertNotIn("ann", [user["token"] for user in box.ready["users"]])
            self.assertLessEqual({"ann", "bob"}, {user["name"] for user in box.ready["users"]})

    def test_item_80_a_bad_scenario_is_one_line_with_its_place(self):
        from sluicekit.sluice import Sluice
        with Sluice() as home:
            for text, word in (("users: [{nme: ann}]\n", "nme"), ("projects: {}\n", "projects"),
                               ("rights:\n  - {subject: ann, role: view, project: x}\n", "subject"),
                               ("knobs: [{knob: nonsense}]\n", "nonsense"), ("users: [\n", "scenario.yaml")):
                with self.subTest(text):
                    path = home.write("scenario.yaml", text)
                    outcome = home.run("sandbox", "--scenario", path, timeout=30)
                    self.assertEqual(outcome.code, 2, outcome)
                    self.assertEqual(outcome.err.count("\n"), 1, outcome)
                    self.assertIn(word, outcome.err, outcome)
                    self.assertEqual(outcome.out, "", outcome)


if __name__ == "__main__":
    unittest.main()
