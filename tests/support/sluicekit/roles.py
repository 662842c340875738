"""The service account of the playbook, with the Roles of deploy/openshift."""

import json
import pathlib
import re

from .sandbox_case import core

ROLES = pathlib.Path(__file__).resolve().parents[3] / "deploy" / "openshift"
RBAC = "/apis/rbac.authorization.k8s.io/v1"


def role(tier):
    """A file of deploy/openshift as JSON: its flow style differs from JSON by quotes only, block style by the lines."""
    lines = [line for line in (ROLES / f"{tier}.yaml").read_text().splitlines() if not line.startswith("#")]
    top, rules = "\n".join(lines).split("\nrules:\n")

    def flow(text):
        return json.loads(re.sub(r'(?<!")\b[A-Za-z][\w./-]*', r'"\g<0>"', text))

    members = [line.split(": ", 1) for line in top.splitlines()]
    return {**{name: flow(value) for name, value in members},
            "rules": [flow(line.removeprefix("  - ")) for line in rules.splitlines()]}


def created(case, box, path, document):
    with box.api() as api:
        reply = api.post(path, document)
    case.assertEqual(reply.status, 201, f"POST {path}\n{reply}")


def service_account(case, box, project, tiers, source=None):
    """What the playbook's third step does with oc, by the same requests; gives the identity."""
    created(case, box, core(project, "serviceaccounts"), {
        "kind": "ServiceAccount", "apiVersion": "v1", "metadata": {"name": "sluice"}})
    for tier in tiers:
        created(case, box, f"{RBAC}/namespaces/{project}/roles", role(tier))
        created(case, box, f"{RBAC}/namespaces/{project}/rolebindings", {
            "kind": "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1",
            "metadata": {"name": f"sluice-{tier}"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": f"sluice-{tier}"},
            "subjects": [{"kind": "ServiceAccount", "name": "sluice", "namespace": project}]})
    if source:
        view_source(case, box, source, project)
    return f"system:serviceaccount:{project}:sluice"


def view_source(case, box, source, project):
    created(case, box, f"{RBAC}/namespaces/{source}/rolebindings", {
        "kind": "RoleBinding", "apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "sluice-source"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "registry-viewer"},
        "subjects": [{"kind": "ServiceAccount", "name": "sluice", "namespace": project}]})
