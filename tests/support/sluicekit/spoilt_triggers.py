"""Triggers that are spoilt, one way after the other: what the tests of triggers have in common."""

import json

from .one_cluster import KINDS, TRIGGERS, OneCluster

# How an ImageChange trigger of a DeploymentConfig is spoilt: the finding, and a word of the command that mends it.
CONFIG_ROWS = {
    "missing": ("trigger-missing", "oc set triggers dc/web"),
    "automatic: false": ("trigger-manual", "oc set triggers dc/web"),
    "wrong container": ("trigger-wrong-container", "dc/web"),
    "other project": ("trigger-other-project", "dc/web"),
}
# How the annotation of another workload is.
ANNOTATION_ROWS = {
    "missing": ("trigger-missing", "oc set triggers"),
    "paused trigger": ("trigger-manual", "web"),
    "a string for a boolean": ("trigger-malformed", "web"),
    "a misspelt key": ("trigger-malformed", "web"),
    "no JSON": ("trigger-malformed", "web"),
    "wrong container": ("trigger-wrong-container", "web"),
    "other project": ("trigger-other-project", "web"),
}
ROWS = [(kind, spoilt, *told) for kind in KINDS
        for spoilt, told in (CONFIG_ROWS if kind == "DeploymentConfig" else ANNOTATION_ROWS).items()]


class SpoiltTriggers(OneCluster):
    def spoil(self, kind, how):
        """A trigger of a workload that runs becomes this."""
        if kind == "DeploymentConfig":
            triggers = self.manifest(kind)["spec"]["triggers"]
            change = triggers[1]["imageChangeParams"]
            if how == "missing":
                triggers.pop()
            elif how == "automatic: false":
                change["automatic"] = False
            elif how == "wrong container":
                change["containerNames"] = ["wbe"]
            elif how == "other project":
                change["from"]["namespace"] = self.dev.name
            self.change(kind, {"spec": {"triggers": triggers}})
            return
        entry = json.loads(self.manifest(kind)["metadata"]["annotations"][TRIGGERS])[0]
        text = None
        if how == "paused trigger":
            text = json.dumps([{**entry, "paused": True}])
        elif how == "a string for a boolean":
            text = json.dumps([{**entry, "paused": "false"}])
        elif how == "a misspelt key":
            text = json.dumps([{"from": entry["from"], "fieldpath_": entry["fieldPath"]}])
        elif how == "no JSON":
            text = json.dumps([entry])[:-1]
        elif how == "wrong container":
            text = json.dumps([{**entry, "fieldPath": entry["fieldPath"].replace('"web"', '"wbe"')}])
        elif how == "other project":
            text = json.dumps([{**entry, "from": {**entry["from"], "namespace": self.dev.name}}])
        self.change(kind, {"metadata": {"annotations": {TRIGGERS: text}}})

    def spoilt(self, kind, how):
        """A running workload whose trigger is spoilt: (what it runs, what waits in dev). The image in dev comes last: a
        trigger that leads there must not fire before the test looks."""
        old = self.fresh(self.prod)
        if how == "other project":
            # So that it changes nothing yet: the same image stands there.
            self.copy_to_dev(old)
        self.prod.workload(kind)
        self.spoil(kind, how)
        new = self.fresh(self.dev)
        self.box.settle()
        return old, new

    def copy_to_dev(self, digest):
        made = {"kind": "ImageStreamTag", "apiVersion": "image.openshift.io/v1", "metadata": {"name": "web:latest"},
                "tag": {"name": "latest", "referencePolicy": {"type": "Source"}, "from": {
                    "kind": "ImageStreamImage", "name": f"web@{digest}", "namespace": self.prod.name}}}
        reply = self.dev.api.put(f"/apis/image.openshift.io/v1/namespaces/{self.dev.name}/imagestreamtags/web:latest",
                                 made)
        self.assertIn(reply.status, (200, 201), str(reply))
