"""The sandbox's contract for ImagePolicy and ClusterImagePolicy: 4.x has them, 3.11 does not; mistakes are refused in
the words of the API's own tests; who may read them."""

import unittest

from sluicekit.sandbox import PASSWORD, Sandbox
from sluicekit.sandbox_case import SandboxCase
from sluicekit.sluice import binary

binary()

CONFIG = "/apis/config.openshift.io/v1"
KEY = "Zm9vIGJhcg=="
PUBLIC_KEY = {"policyType": "PublicKey", "publicKey": {"keyData": KEY}}
FULCIO = {"policyType": "FulcioCAWithRekor", "fulcioCAWithRekor": {
    "fulcioCAData": KEY, "rekorKeyData": KEY,
    "fulcioSubject": {"oidcIssuer": "https://oidc.localhost", "signedEmail": "test-user@example.com"}}}
DIGEST = "sha256:" + "b7e686e3" * 8
NOT_QUALIFIED = "invalid image scope format, scope must contain a fully qualified domain name or 'localhost'"
WILDCARD = ("invalid image scope with wildcard, a wildcard can only be at the start of the domain and is only "
            "supported for subdomain matching, not path matching")
NO_SCOPE = "invalid repository namespace or image specification in the image scope"


def policy(*scopes, name="p", kind="ImagePolicy", root=PUBLIC_KEY, **more):
    return {"kind": kind, "apiVersion": "config.openshift.io/v1", "metadata": {"name": name},
            "spec": {"scopes": list(scopes), "policy": {"rootOfTrust": root, **more}}}


def of_project(project, name=None):
    return f"{CONFIG}/namespaces/{project}/imagepolicies" + (f"/{name}" if name else "")


def of_cluster(name=None):
    return f"{CONFIG}/clusterimagepolicies" + (f"/{name}" if name else "")


class Policies(SandboxCase):
    flags = {"profile": "4.x"}

    def test_discovery_lists_both_kinds(self):
        listed = {one["name"]: (one["kind"], one["namespaced"]) for one in self.ok(self.admin.get(CONFIG))["resources"]}
        self.assertEqual(listed["imagepolicies"], ("ImagePolicy", True))
        self.assertEqual(listed["clusterimagepolicies"], ("ClusterImagePolicy", False))
        self.assertIn("imagepolicies/status", listed)

    def test_both_kinds_are_made_read_changed_and_taken_away(self):
        for kind, collection, one in (("ImagePolicy", of_project(self.dev), of_project(self.dev, "p")),
                                      ("ClusterImagePolicy", of_cluster(), of_cluster("p"))):
            with self.subTest(kind):
                made = self.created(self.admin.post(collection, policy("example.com", kind=kind)))
                self.assertEqual((made["kind"], made["metadata"]["generation"]), (kind, 1))
                self.assertIn("p", [found["metadata"]["name"] for found in
                                    self.ok(self.admin.get(collection))["items"]])
                made["spec"]["scopes"].append("example.org/shop")
                changed = self.ok(self.admin.put(one, made))
                self.assertEqual((changed["spec"]["scopes"], changed["metadata"]["generation"]),
                                 (["example.com", "example.org/shop"], 2))
                self.ok(self.admin.patch(one, {"spec": {"scopes": ["example.net"]}}))
                self.assertEqual(self.ok(self.admin.get(one))["spec"]["scopes"], ["example.net"])
                self.refused(self.admin.patch(one, {"spec": {"scopes": ["busybox"]}}), 422, "Invalid", NOT_QUALIFIED)
                self.refused(self.admin.post(collection, policy("example.com", kind=kind)), 409, "AlreadyExists")
                self.ok(self.admin.delete(one))
                self.refused(self.admin.get(one), 404, "NotFound")

    def test_a_policy_of_a_project_goes_with_it_and_is_in_no_other(self):
        self.created(self.admin.post(of_project(self.dev), policy("example.com")))
        self.assertEqual(self.ok(self.admin.get(of_project(self.prod)))["items"], [])
        self.assertEqual(len(self.ok(self.admin.get(f"{CONFIG}/imagepolicies"))["items"]), 1)
        self.ok(self.admin.delete(f"/api/v1/namespaces/{self.dev}"))
        self.soon_equal(lambda: self.ok(self.admin.get(f"{CONFIG}/imagepolicies"))["items"], [])

    def test_scopes_that_are_taken(self):
        for number, scope in enumerate((
                "example.com", "example.com:5000", "example.com/foo/bar", "example.com/foo/bar:latest",
                f"example.com/foo/bar@{DIGEST}", f"example.com/foo/bar:1.0@{DIGEST}", "*.example.com",
                "localhost/foo/bar", "localhost:1234/namespace/namespace", "example.com/a__b/c--d.e",
                "image-registry.openshift-image-registry.svc:5000/shop/web")):
            with self.subTest(scope):
                self.created(self.admin.post(of_project(self.dev), policy(scope, name=f"p{number}")))

    def test_scopes_that_are_refused_with_what_is_wrong_about_them(self):
        for scope, why in {"busybox": NOT_QUALIFIED, "shop/web": NOT_QUALIFIED, "*.example.com/test": WILDCARD,
                           "example*.example.com": WILDCARD, "example.com/a/*": WILDCARD,
                           "example.com/namespace/namespace@sha256:12dsdf": NO_SCOPE, "example.com/Shop": NO_SCOPE,
                           "example.com/": NO_SCOPE, "example.com/a..b": NO_SCOPE, "-example.com/a": NO_SCOPE,
                           "example.com:port/a": NO_SCOPE, "example.com/a:": NO_SCOPE}.items():
            with self.subTest(scope):
                status = self.refused(self.admin.post(of_project(self.dev), policy(scope)), 422, "Invalid")
                self.assertIn({"reason": "FieldValueInvalid", "field": "spec.scopes[0]",
                               "message": f'Invalid value: "string": {why}'}, status["details"]["causes"])
                self.assertIn('ImagePolicy.config.openshift.io "p" is invalid: ', status["message"])

    def test_a_root_of_trust_and_its_member_belong_together(self):
        path = "spec.policy.rootOfTrust"
        rule = 'Invalid value: "object": {0} is required when policyType is {1}, and forbidden otherwise'
        for name, (root, cause) in {
            "no key": ({"policyType": "PublicKey"}, (path, rule.format("publicKey", "PublicKey"))),
            "another's member": ({**FULCIO, "policyType": "PublicKey"},
                                 (path, rule.format("fulcioCAWithRekor", "FulcioCAWithRekor"))),
            "no Fulcio": ({"policyType": "FulcioCAWithRekor"},
                          (path, rule.format("fulcioCAWithRekor", "FulcioCAWithRekor"))),
            "no type": ({"publicKey": {"keyData": KEY}}, (path + ".policyType", "Required value")),
            "no data": ({"policyType": "PublicKey", "publicKey": {}}, (path + ".publicKey.keyData", "Required value")),
            "no base64": ({"policyType": "PublicKey", "publicKey": {"keyData": "-----BEGIN"}},
                          (path + ".publicKey.keyData", 'Invalid value: "-----BEGIN": '
                           f'{path}.publicKey.keyData in body must be of type byte: "-----BEGIN"')),
            "an unknown type": ({"policyType": "Pgp"},
                                (path + ".policyType", 'Unsupported value: "Pgp": supported values: "PublicKey", '
                                                       '"FulcioCAWithRekor", "PKI"')),
        }.items():
            with self.subTest(name):
                reply = self.admin.post(of_cluster(), policy("example.com", kind="ClusterImagePolicy", root=root))
                status = self.refused(reply, 422, "Invalid")
                self.assertIn(cause, [(one["field"], one["message"]) for one in status["details"]["causes"]])
        self.created(self.admin.post(of_cluster(), policy("example.com", name=f"f{self.number}", root=FULCIO,
                                                          kind="ClusterImagePolicy")))

    def test_an_identity_and_its_member_belong_together(self):
        path = "spec.policy.signedIdentity"
        tagged = ('Invalid value: "string": invalid repository or prefix in the signedIdentity, should not include the '
                  'tag or digest')
        rule = 'Invalid value: "object": {0} is required when matchPolicy is {1}, and forbidden otherwise'
        for name, (identity, cause) in {
            "no repository": ({"matchPolicy": "ExactRepository"},
                              (path, rule.format("exactRepository", "ExactRepository"))),
            "no prefixes": ({"matchPolicy": "RemapIdentity"}, (path, rule.format("remapIdentity", "RemapIdentity"))),
            "a tag": ({"matchPolicy": "ExactRepository", "exactRepository": {"repository": "example.com/a:latest"}},
                      (path + ".exactRepository.repository", tagged)),
            "a tag in a prefix": ({"matchPolicy": "RemapIdentity", "remapIdentity": {
                "prefix": "example.com/a:latest", "signedPrefix": "example.com/a"}},
                (path + ".remapIdentity.prefix", tagged)),
        }.items():
            with self.subTest(name):
                reply = self.admin.post(of_project(self.dev), policy("example.com", signedIdentity=identity))
                status = self.refused(reply, 422, "Invalid")
                self.assertIn(cause, [(one["field"], one["message"]) for one in status["details"]["causes"]])
        for number, identity in enumerate((
                {"matchPolicy": "MatchRepository"}, {"matchPolicy": "MatchRepoDigestOrExact"},
                {"matchPolicy": "ExactRepository", "exactRepository": {"repository": "example.com/a"}},
                {"matchPolicy": "RemapIdentity", "remapIdentity": {"prefix": "example.com",
                                                                   "signedPrefix": "localhost:5000"}})):
            self.created(self.admin.post(of_project(self.dev),
                                         policy("example.com", name=f"p{number}", signedIdentity=identity)))

    def test_what_is_missing_or_too_much(self):
        bare = policy("example.com")
        for name, (change, cause) in {
            "no spec": ({"spec": None}, ("spec", "Required value")),
            "no scopes": ({"spec": {"policy": bare["spec"]["policy"]}}, ("spec.scopes", "Required value")),
            "no policy": ({"spec": {"scopes": ["example.com"]}}, ("spec.policy", "Required value")),
            "no root": ({"spec": {"scopes": ["example.com"], "policy": {}}},
                        ("spec.policy.rootOfTrust", "Required value")),
            "one scope twice": (policy("example.com", "example.com"),
                                ("spec.scopes[1]", 'Duplicate value: "example.com"')),
            "257 scopes": (policy(*(f"example.com/a{number}" for number in range(257))),
                           ("spec.scopes", "Too many: 257: must have at most 256 items")),
            "a scope of 513 bytes": (policy("example.com/" + "a" * 501),
                                     ("spec.scopes[0]", "Too long: may not be more than 512 bytes")),
        }.items():
            with self.subTest(name):
                status = self.refused(self.admin.post(of_project(self.dev), {**bare, **change}), 422, "Invalid")
                self.assertIn(cause, [(one["field"], one["message"]) for one in status["details"]["causes"]])
        self.created(self.admin.post(of_project(self.dev), policy(*(f"example.com/a{one}" for one in range(256)))))

    def test_the_roles_of_a_project_do_not_show_them(self):
        for role in ("view", "edit", "admin"):
            self.right("user:nobody", role, self.dev)
            with self.subTest(role):
                nobody = self.box.api("nobody")
                self.refused(nobody.get(of_project(self.dev)), 403, "Forbidden",
                             'cannot list resource "imagepolicies" in API group "config.openshift.io"')
                self.refused(nobody.get(of_cluster()), 403, "Forbidden")
                self.refused(nobody.post(of_project(self.dev), policy("example.com")), 403, "Forbidden")

    def test_a_role_of_their_own_shows_them(self):
        reader = f"reader{self.number}"
        self.box.scenario({"users": [{"name": reader, "password": PASSWORD}]})
        root = "/apis/rbac.authorization.k8s.io/v1"
        self.created(self.admin.post(f"{root}/clusterroles", {
            "kind": "ClusterRole", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": reader},
            "rules": [{"apiGroups": ["config.openshift.io"], "verbs": ["get", "list"],
                       "resources": ["imagepolicies", "clusterimagepolicies"]}]}))
        self.right(f"user:{reader}", reader)
        wire = self.box.api(reader)
        self.assertEqual(self.ok(wire.get(of_project(self.dev)))["items"], [])
        self.ok(wire.get(of_cluster()))
        self.refused(wire.post(of_project(self.dev), policy("example.com")), 403, "Forbidden")


class Before(SandboxCase):
    flags = {"profile": "3.11"}

    def test_the_old_release_has_no_such_group(self):
        for path in (of_project(self.dev), of_cluster()):
            self.assertEqual(self.admin.get(path).status, 404, path)
        groups = [one["name"] for one in self.ok(self.admin.get("/apis"))["groups"]]
        self.assertNotIn("config.openshift.io", groups)


if __name__ == "__main__":
    unittest.main(verbosity=2)
