"""`oc` for tests: runs one line as a finding prints it, against the API of a sandbox. It behaves as the real one of
that release does, and not as one would wish; what it does not know ends the test (NotPlayed)."""

import dataclasses
import json
import pathlib

from . import shell_line
from .oc_made import CORE, IMAGES, RBAC, Making
from .oc_options import NotPlayed, find_command, parse
from .oc_triggers import Refused, Unreadable, Wish, patch_for

_APPS = "/apis/apps.openshift.io/v1"
# By any name that `oc` knows it by: (where it stands, resource, group as it is shown).
_KINDS = {
    ("dc", "deploymentconfig"): (_APPS, "deploymentconfigs", "apps.openshift.io"),
    ("deploy", "deployment"): ("/apis/apps/v1", "deployments", "apps"),
    ("sts", "statefulset"): ("/apis/apps/v1", "statefulsets", "apps"),
    ("ds", "daemonset"): ("/apis/apps/v1", "daemonsets", "apps"),
    ("cj", "cronjob"): ("/apis/batch/v1", "cronjobs", "batch"),
    ("bc", "buildconfig"): ("/apis/build.openshift.io/v1", "buildconfigs", "build.openshift.io"),
    ("is", "imagestream"): (IMAGES, "imagestreams", "image.openshift.io"),
    ("istag", "imagestreamtag"): (IMAGES, "imagestreamtags", "image.openshift.io"),
    ("limits", "limitrange"): (CORE, "limitranges", ""),
    ("quota", "resourcequota"): (CORE, "resourcequotas", ""),
    ("secret",): (CORE, "secrets", ""),
    ("cm", "configmap"): (CORE, "configmaps", ""),
    ("sa", "serviceaccount"): (CORE, "serviceaccounts", ""),
}
_PATCHES = {"strategic": "application/strategic-merge-patch+json", "merge": "application/merge-patch+json",
            "json": "application/json-patch+json"}


@dataclasses.dataclass
class Done:
    """What a line came to: the exit code of its last command, and all that was printed."""

    code: int
    out: str
    err: str

    def __str__(self):
        return f"exit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Oc(Making):
    """Somebody with `oc` of the sandbox's release, who is logged in there. `project`: the current one; `variables`:
    those of the shell; a relative file name is one of `folder`."""

    def __init__(self, box, identity="admin", project="default", variables=None, folder="."):
        self.api = box.api(identity)
        self.project, self.variables, self.folder = project, variables or {}, pathlib.Path(folder)
        self.release = (3, 11)
        if box.profile != "3.11":  # Kubernetes 1.x is OpenShift 4.(x - 13)
            self.release = (4, int(self.api.get("/version").json["minor"].rstrip("+")) - 13)

    def run(self, line):
        """Runs a line as a shell would. Raises NotPlayed, or NoSimpleLine where it is none for a shell."""
        self._out, self._err = [], []
        code = shell_line.run_list(shell_line.commands(line, self.variables), self._command)
        return Done(code, "".join(self._out), "".join(self._err))

    def _command(self, command):
        before = len(self._out)
        code = self._words(command.words)
        if command.into is not None:
            (self.folder / command.into).write_text("".join(self._out[before:]), encoding="utf-8")
            del self._out[before:]
        return code

    def _words(self, words):
        if words[0] != "oc":
            raise NotPlayed(" ".join(words))
        try:
            name, rest = find_command(words[1:], self.release)
            options, others = parse(name, rest, self.release)
            self._namespace = options.pop("namespace", self.project)
            getattr(self, "_" + name.replace(" ", "_").replace("-", "_"))(options, others)
        except Refused as refused:
            self._err.append(f"{'' if str(refused).startswith('Error') else 'error: '}{refused}\n")
            return 1
        return 0

    def _say(self, text):
        self._out.append(text + "\n")

    # The API.

    def _ask(self, method, path, body=None, kind="application/json"):
        """The document of a good answer; any other answer ends the command."""
        reply = self.api.call(method, path, body, kind=kind)
        if reply.status in (200, 201, 202):
            return reply.json
        status = reply.json
        raise Refused(f"Error from server ({status.get('reason')}): {status.get('message')}")

    def _there(self, path):
        """The object, or None."""
        reply = self.api.get(path)
        return reply.json if reply.status == 200 else None

    def _path(self, root, resource, name=None):
        return f"{root}/namespaces/{self._namespace}/{resource}" + (f"/{name}" if name else "")

    def _create(self, root, resource, made, where=None):
        self._ask("POST", where or self._path(root, resource), made)
        self._say(f"{resource.removesuffix('s')}/{made['metadata']['name']} created")

    def _find(self, others):
        """The object that RESOURCE/NAME or RESOURCE NAME means, where it stands, and the words behind."""
        if not others:
            raise Refused("resource(s) were provided, but no name was specified")
        kind, slash, name = others[0].partition("/")
        rest = others[1:]
        if not slash:
            if not rest:
                raise Refused("resource(s) were provided, but no name was specified")
            name, rest = rest[0], rest[1:]
        root, resource, group = self._resource(kind)
        path = self._path(root, resource, name)
        thing = self._ask("GET", path)
        thing.setdefault("kind", "")
        return thing, path, f"{resource.removesuffix('s')}{'.' + group if group else ''}/{name}", rest

    def _resource(self, word):
        word = word.lower()
        for names, place in _KINDS.items():
            if word in names or word == place[1] or word == f"{place[1]}.{place[2]}":
                root, resource, group = place
                return (root.replace("batch/v1", "batch/v1beta1") if self.release < (4, 8) else root), resource, group
        if word in ("clusterversion", "clusterversions") and self.release < (4, 0):
            raise Refused(f'the server doesn\'t have a resource type "{word}"')
        raise NotPlayed(f"the kind {word}")

    # Triggers, annotations, patches, rollouts.

    def _set_triggers(self, options, others):
        thing, path, shown, rest = self._find(others)
        if rest:
            raise NotPlayed(f"oc set triggers with {rest}")
        origin = options.pop("from-image", "")
        project, slash, tag = origin.rpartition("/")
        stream, colon, tag_name = tag.partition(":")
        if origin and ("/" in project or "@" in tag):
            raise Refused("the value of --from-image must point to an image stream tag on this server")
        if origin and not (stream and colon and tag_name):
            raise Refused("the value of --from-image must include the tag you wish to pull from")
        wish = Wish(from_image=tag, namespace="" if project == self._namespace or not slash else project,
                    **{name.replace("-", "_"): value for name, value in options.items()})
        if thing["kind"] == "BuildConfig":
            raise NotPlayed("triggers of builds")
        try:
            patch = patch_for(thing, wish)
        except Unreadable as unreadable:
            resource = path.split("/")[-2]
            raise Refused(f"{resource}/{thing['metadata']['name']} does not support triggers") from unreadable
        if patch:
            self._ask("PATCH", path, patch, _PATCHES["strategic"])
            self._say(f"{shown} triggers updated")

    def _annotate(self, options, others):
        thing, path, shown, changes = self._find(others)
        there = thing["metadata"].get("annotations") or {}
        annotations = {}
        for change in changes:
            key, equals, value = change.partition("=")
            if not equals and not key.endswith("-"):
                raise Refused(f"unexpected argument {change}")
            annotations[key if equals else key[:-1]] = value if equals else None
        if not annotations:
            raise Refused("at least one annotation update is required")
        known = [key for key, value in annotations.items() if value is not None and key in there]
        if known and not options.get("overwrite"):
            raise Refused("--overwrite is false but found the following declared annotation(s): "
                          + "; ".join(f"'{key}' already has a value ({there[key]})" for key in known))
        self._ask("PATCH", path, {"metadata": {"annotations": annotations}}, _PATCHES["merge"])
        self._say(f"{shown} annotated")

    def _patch(self, options, others):
        kind = options.get("type", "strategic")
        if kind not in _PATCHES:
            raise Refused(f'--type must be one of [json merge strategic], not "{kind}"')
        if not options.get("patch"):
            raise Refused("Must specify -p to patch")
        try:
            patch = json.loads(options["patch"])
        except ValueError as problem:
            raise Refused(f"unable to parse {options['patch']!r}: {problem}") from problem
        _, path, shown, _ = self._find(others)
        self._ask("PATCH", path, patch, _PATCHES[kind])
        self._say(f"{shown} patched")

    def _rollout_resume(self, _, others):
        self._pause(others, False)

    def _rollout_pause(self, _, others):
        self._pause(others, True)

    def _pause(self, others, paused):
        thing, path, shown, _ = self._find(others)
        if thing["kind"] not in ("Deployment", "DeploymentConfig"):
            raise Refused(f"{shown}: {'pausing' if paused else 'resuming'} is not supported")
        if bool(thing["spec"].get("paused")) == paused:
            raise Refused(f"{shown} {'is already paused' if paused else 'is not paused'}")
        self._ask("PATCH", path, {"spec": {"paused": True if paused else None}}, _PATCHES["strategic"])
        self._say(f"{shown} {'paused' if paused else 'resumed'}")

    def _rollout_latest(self, options, others):
        thing, path, _, _ = self._find(others if "/" in others[0] else ["dc", *others])
        if options.get("again"):
            raise NotPlayed("oc rollout latest --again")
        if thing["spec"].get("paused"):
            raise Refused("cannot deploy a paused deployment config")
        name = thing["metadata"]["name"]
        self._ask("POST", f"{path}/instantiate", {"kind": "DeploymentRequest", "apiVersion": "apps.openshift.io/v1",
                                                  "name": name, "latest": True, "force": True})
        self._say(f"deploymentconfig.apps.openshift.io/{name} rolled out")

    # Rights.

    def _policy_add_role_to_user(self, options, others):
        self._add_role(options, others, "User", self._path(RBAC, "rolebindings"))

    def _policy_add_role_to_group(self, options, others):
        self._add_role(options, others, "Group", self._path(RBAC, "rolebindings"))

    def _adm_policy_add_cluster_role_to_user(self, options, others):
        self._add_role(options, others, "User", f"{RBAC}/clusterrolebindings")

    def _adm_policy_add_cluster_role_to_group(self, options, others):
        self._add_role(options, others, "Group", f"{RBAC}/clusterrolebindings")

    def _add_role(self, options, others, kind, where):
        accounts = options.get("serviceaccount", [])
        if len(others) < (1 if accounts else 2):
            raise Refused(f"you must specify a role and at least one {kind.lower()}")
        if any(one.startswith("system:serviceaccount") for one in accounts):
            raise Refused("--serviceaccount (-z) should only be used with short-form serviceaccount names")
        role_namespace = options.get("role-namespace", "")
        if role_namespace not in ("", self._namespace):
            raise Refused(f"role binding in namespace {self._namespace!r} can't reference role in different namespace")
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role" if role_namespace else "ClusterRole",
                "name": others[0]}
        subjects = [_subject(kind, one) for one in others[1:]]
        subjects += [{"kind": "ServiceAccount", "namespace": self._namespace, "name": one} for one in accounts]
        bindings = self._ask("GET", where)["items"]
        name = options.get("rolebinding-name")
        named = next((one for one in bindings if one["metadata"]["name"] == name), None) if name else None
        if named:
            self._extend(named, role, subjects, f"{where}/{name}")
        elif name or not any(_binds(one, role, subjects) for one in bindings):
            self._warn_of_role(role)
            taken = {one["metadata"]["name"] for one in bindings}
            # A binding of its own each time: those that are there are left as they are.
            self._ask("POST", where, {"kind": "ClusterRoleBinding" if where.endswith("clusterrolebindings")
                                      else "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1",
                                      "metadata": {"name": name or _unique(others[0], taken)},
                                      "roleRef": role, "subjects": subjects})
        self._say(f'{"" if "namespaces/" in where else "cluster "}role "{others[0]}" added: {others[1:] + accounts}')

    def _extend(self, binding, role, subjects, path):
        if (binding["roleRef"]["kind"], binding["roleRef"]["name"]) != (role["kind"], role["name"]):
            raise Refused(f"rolebinding {binding['metadata']['name']} found for another role")
        there = binding.get("subjects") or []
        self._ask("PUT", path, {**binding, "subjects": there + [one for one in subjects if _key(one) not in
                                                                map(_key, there)]})

    def _warn_of_role(self, role):
        where = self._path(RBAC, "roles") if role["kind"] == "Role" else f"{RBAC}/clusterroles"
        if self._there(f"{where}/{role['name']}") is None:
            self._err.append(f"Warning: role '{role['name']}' not found\n")  # and binds it all the same

    def _auth_can_i(self, options, others):
        group = "authorization.k8s.io"
        if options.get("list"):
            review = self._ask("POST", f"/apis/{group}/v1/selfsubjectrulesreviews", {
                "kind": "SelfSubjectRulesReview", "apiVersion": f"{group}/v1", "spec": {"namespace": self._namespace}})
            self._say(json.dumps(review["status"]["resourceRules"]))
            return
        verb, word = others[0], others[1].partition("/")
        _, resource, resource_group = self._resource(word[0])
        review = self._ask("POST", f"/apis/{group}/v1/selfsubjectaccessreviews", {
            "kind": "SelfSubjectAccessReview", "apiVersion": f"{group}/v1", "spec": {"resourceAttributes": {
                "namespace": self._namespace, "verb": verb, "group": resource_group, "resource": resource,
                "subresource": options.get("subresource", ""), "name": word[2]}}})
        if not review["status"].get("allowed"):
            self._out.append("no\n")
            raise Refused("Error: not allowed")
        self._say("yes")

    # What only reads.

    def _get(self, _, others):
        if len(others) == 1 and "/" not in others[0]:
            root, resource, _ = self._resource(others[0])
            for one in self._ask("GET", self._path(root, resource))["items"]:
                self._say(one["metadata"]["name"])
            return
        thing, _, _, _ = self._find(others)
        self._say(thing["metadata"]["name"])


def _subject(kind, name):
    parts = name.split(":")
    if kind == "User" and parts[:2] == ["system", "serviceaccount"] and len(parts) == 4:
        return {"kind": "ServiceAccount", "namespace": parts[2], "name": parts[3]}
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def _key(subject):
    return subject["kind"], subject.get("namespace", ""), subject["name"]


def _binds(binding, role, subjects):
    """Whether a binding gives this role to all of them already."""
    if (binding["roleRef"]["kind"], binding["roleRef"]["name"]) != (role["kind"], role["name"]):
        return False
    return {_key(one) for one in subjects} <= {_key(one) for one in binding.get("subjects") or []}


def _unique(role, taken):
    name, number = role, 0
    while name in taken:
        name, number = f"{role}-{number}", number + 1
    return name
