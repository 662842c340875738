"""`oc create`, `oc new-project` and the commands for tokens: what oc_lines plays of them."""

import base64
import json

from .oc_triggers import Refused

RBAC = "/apis/rbac.authorization.k8s.io/v1"
IMAGES = "/apis/image.openshift.io/v1"
CORE = "/api/v1"


class Making:
    """Part of Oc. Its API: _ask, _there, _path and _create."""

    def _new_project(self, options, others):
        if len(others) != 1:
            raise Refused("must have exactly one argument")
        self._ask("POST", "/apis/project.openshift.io/v1/projectrequests", {
            "kind": "ProjectRequest", "apiVersion": "project.openshift.io/v1", "metadata": {"name": others[0]},
            "displayName": options.get("display-name", ""), "description": options.get("description", "")})
        if not options.get("skip-config-write"):
            self.project = others[0]
        self._say(f'Now using project "{others[0]}"')

    def _create_imagestream(self, options, others):
        self._create(IMAGES, "imagestreams", {
            "kind": "ImageStream", "apiVersion": "image.openshift.io/v1", "metadata": {"name": _only(others)},
            "spec": {"lookupPolicy": {"local": bool(options.get("lookup-local"))}}})

    def _create_serviceaccount(self, _, others):
        self._create(CORE, "serviceaccounts",
                     {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": _only(others)}})

    def _create_configmap(self, options, others):
        self._create(CORE, "configmaps", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": _only(others)},
                                           "data": self._entries(options)})

    def _create_secret_generic(self, options, others):
        data = {key: _base64(value) for key, value in self._entries(options).items()}
        self._secret(_only(others), options.get("type", "Opaque"), data)

    def _create_secret_docker_registry(self, options, others):
        for name in ("docker-username", "docker-password", "docker-server"):
            if not options.get(name):
                raise Refused(f"flag {name} is required")
        user, password = options["docker-username"], options["docker-password"]
        login = {"username": user, "password": password, "auth": _base64(f"{user}:{password}"),
                 **({"email": options["docker-email"]} if options.get("docker-email") else {})}
        text = json.dumps({"auths": {options["docker-server"]: login}})
        self._secret(_only(others), "kubernetes.io/dockerconfigjson", {".dockerconfigjson": _base64(text)})

    def _secret(self, name, kind, data):
        self._create(CORE, "secrets", {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": name}, "type": kind,
                                        "data": data})

    def _entries(self, options):
        """What --from-literal or --from-env-file give."""
        if options.get("from-env-file") and options.get("from-literal"):
            raise Refused("from-env-file cannot be combined with from-file or from-literal")
        pairs = [one.partition("=") for one in options.get("from-literal", [])]
        if "from-env-file" in options:
            path = self.folder / options["from-env-file"]
            if not path.is_file():
                raise Refused(f"error reading {options['from-env-file']}: no such file or directory")
            lines = [line.lstrip() for line in path.read_text(encoding="utf-8").splitlines()]
            pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
        return {key: value if equals else self.variables.get(key, "") for key, equals, value in pairs}

    def _create_clusterrole(self, options, others):
        rules = []
        for word in options.get("resource", []):
            resource, _, group = word.partition("/")[0].partition(".")
            rules.append({"verbs": options.get("verb", []), "apiGroups": [group], "resources": [resource],
                          **({"resourceNames": options["resource-name"]} if options.get("resource-name") else {})})
        if not options.get("verb") or not rules:
            raise Refused("at least one verb and one resource must be specified")
        for rule in rules:
            self._check_resource(rule["apiGroups"][0], rule["resources"][0])
        self._create(RBAC, "clusterroles", {"kind": "ClusterRole", "apiVersion": "rbac.authorization.k8s.io/v1",
                                             "metadata": {"name": _only(others)}, "rules": rules},
                     f"{RBAC}/clusterroles")

    def _check_resource(self, group, resource):
        listed = self._there(f"/apis/{group}") if group else {"versions": [{"groupVersion": "v1"}]}
        for version in (listed or {}).get("versions", []):
            there = self._there(f"/apis/{version['groupVersion']}" if group else CORE) or {}
            if any(one["name"] == resource for one in there.get("resources", [])):
                return
        raise Refused(f'the server doesn\'t have a resource type "{resource}" in group "{group}"')

    # Tokens.

    def _create_token(self, _, others):
        made = self._ask("POST", f"{self._path(CORE, 'serviceaccounts', _only(others))}/token", {
            "kind": "TokenRequest", "apiVersion": "authentication.k8s.io/v1", "spec": {}})
        self._say(made["status"]["token"])

    def _sa_get_token(self, _, others):
        account = self._ask("GET", self._path(CORE, "serviceaccounts", _only(others)))
        for one in account.get("secrets") or []:
            secret = self._there(self._path(CORE, "secrets", one["name"])) or {}
            if secret.get("type") == "kubernetes.io/service-account-token":
                self._out.append(base64.b64decode(secret["data"]["token"]).decode())
                return
        raise Refused(f'could not find a service account token for service account "{others[0]}"')


def _only(others):
    if len(others) != 1:
        raise Refused(f"exactly one NAME is required, got {len(others)}")
    return others[0]


def _base64(text):
    return base64.b64encode(text.encode()).decode()
