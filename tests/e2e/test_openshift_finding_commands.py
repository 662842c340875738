"""The command that a finding prints, run as printed: the finding is gone afterwards, and no blocker came instead. For
every finding of docs/findings.md whose command changes something in the cluster."""

import dataclasses
import re
import unittest

from sluicekit.finding_worlds import FindingWorlds, rules
from sluicekit.oc_lines import Oc
from sluicekit.one_cluster import KINDS
from sluicekit.oc_options import NotPlayed, find_command, parse
from sluicekit.shell_line import commands
from sluicekit.sluice import ROOT, binary
from sluicekit.spoilt_triggers import ROWS as SPOILT

binary()

ENV_SECRET = {"envFrom": [{"secretRef": {"name": "conf"}}]}
ENV_CONFIG = {"envFrom": [{"configMapRef": {"name": "conf"}}]}
KEY_OF_SECRET = {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "conf", "key": "colour.of_app"}}}]}
KEY_OF_CONFIG = {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "conf", "key": "colour.of_app"}}}]}


@dataclasses.dataclass
class Row:
    """How to come to a finding, by a method of FindingWorlds. `then`: the severity that it may have afterwards."""

    code: str
    world: str
    words: tuple = ()
    more: dict = dataclasses.field(default_factory=dict)
    then: str = ""
    profiles: tuple = ("3.11", "4.x")

    def __str__(self):
        return f"{self.code}: {self.world} {self.words or ''} {self.more or ''}"


def may(code, dev, prod, **more):
    return Row(code, "may", (dev, prod), more)


PROJECTS = [
    Row("project-missing", "project_missing"),
    Row("project-hidden", "project_hidden"),
    Row("project-hidden", "project_hidden_and_missing"),
]
RIGHTS = [
    Row("may-not-read-source", "source_unread_by_target"),
    may("may-not-read-source", ["system:image-puller"], ["edit"]),
    may("project-hidden", [], ["edit"]),
    may("may-not-pull", ["view"], ["edit"]),
    Row("may-not-read-target", "target_not_seen"),
    Row("may-not-mount", "mount_not_allowed"),
    may("may-not-create-stream", ["registry-viewer"], ["view", "system:image-pusher"], running=False),
    may("may-not-change-stream", ["registry-viewer"], ["view", "system:image-pusher"]),
    may("may-not-tag", ["registry-viewer"], ["view"], via="tag"),
    may("may-not-push", ["registry-viewer"], ["view"], via="stream"),
    may("may-not-push", ["registry-viewer"], ["view"], via="mount"),
    may("may-not-import", ["registry-viewer"], ["view"], via="import"),
    may("may-not-follow", ["registry-viewer"], ["registry-editor"]),
    may("may-not-see-causes", ["registry-viewer"], [],
        made=rules("watch", "promote", without=[("events", None), ("pods/log", None)])),
    Row("may-not-start-rollouts", "start_not_allowed"),
    Row("may-not-change-workloads", "change_not_allowed"),
    Row("may-not-move-tag", "move_not_allowed"),
    Row("may-not-sign", "sign_not_allowed"),
    may("limits-unknown", ["registry-viewer"], ["registry-editor"]),
    Row("pods-may-not-pull", "pods_not_allowed"),
    Row("workloads-unread", "kind_unread"),
    Row("token-ends-soon", "token_ends_soon", profiles=("4.x",)),  # in 3.11 those of service accounts have no end
]
STREAM_LIMIT = "openshift.io/ImageStream"
LIMITS = [
    *(Row("image-too-large", "limited", ("openshift.io/Image", {"storage": "1Ki"}), {"via": road})
      for road in ("mount", "stream")),
    *(Row("too-many-images", "limited", (STREAM_LIMIT, {"openshift.io/images": "1"}), {"via": road})
      for road in ("tag", "mount", "import")),
    *(Row("too-many-tags", "limited", (STREAM_LIMIT, {"openshift.io/image-tags": "1"}), {"via": road})
      for road in ("tag", "mount", "import")),
    *(Row("stream-quota-used-up", "streams_used_up", (resource,))
      for resource in ("openshift.io/imagestreams", "count/imagestreams.image.openshift.io")),
]
TRIGGERS = [
    *(Row(code, "trigger", (kind, how)) for kind, how, code, _ in SPOILT if how != "other project"),
    *(Row(code, "cron_job", (how,)) for how, code in (
        ("missing", "trigger-missing"), ("manual", "trigger-manual"), ("malformed", "trigger-malformed"))),
    Row("cannot-patch", "trigger", ("DeploymentConfig", "wrong container"), {"deploy": "patch"}),
    *(Row("trigger-no-such-tag", "follows", (kind, "web:lates", False)) for kind in KINDS),
    *(Row("trigger-other-tag", "follows_another", (kind,)) for kind in KINDS),
    *(Row("trigger-other-project", "follows", (kind, "web:latest", True)) for kind in KINDS),
    # A StatefulSet whose first pod cannot start is not rolled by the cluster, whatever its trigger does.
    *(Row(code, "follows", (kind, name, elsewhere), {"first": True}) for kind in ("DeploymentConfig", "Deployment")
      for code, name, elsewhere in (("trigger-no-such-tag", "web:lates", False),
                                    ("trigger-other-project", "web:latest", True))),
    *(Row("trigger-twice", "twice", ("DeploymentConfig", name)) for name in ("web:latest", "web:other")),
]
WORKLOADS = [
    *(Row("workload-paused", "paused", (kind,)) for kind in ("DeploymentConfig", "Deployment")),
    Row("runs-other-image", "paused_on_something_else", then="info"),  # a rollout is started then
    Row("nothing-uses-tag", "nobody_uses_the_tag", ("Deployment",)),
    Row("trigger-held", "held", ("DeploymentConfig",)),
    *(Row("container-not-followed", "left_container", (kind,), {"init": init})
      for kind in KINDS for init in (False, True)),
    *(Row("waits-for-delete", "on_delete", (kind,)) for kind in ("StatefulSet", "DaemonSet")),
]
NEEDS = [
    Row("missing-secret", "needs", (ENV_SECRET,)),
    Row("missing-configmap", "needs", (ENV_CONFIG,)),
    Row("missing-key", "needs", (KEY_OF_CONFIG,), {"there": [
        ("configmaps", {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "conf"}, "data": {"a": "b"}})]}),
    Row("missing-key", "needs", (KEY_OF_SECRET,), {"there": [
        ("secrets", {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "conf"}, "data": {"a": "Yg=="}})]}),
    Row("missing-service-account", "needs", (), {"spec": {"serviceAccountName": "shop"}}),
]
TABLE = [*PROJECTS, *RIGHTS, *LIMITS, *TRIGGERS, *WORKLOADS, *NEEDS]

# Findings with a command for a cluster that no row runs, each with the reason.
NOT_RUN = {
    "not-logged-in": "logs in, or prints a token; where that goes is for whoever asked",
    "token-expired": "the same",
    "project-ending": "watches until the project is gone, and ends only when it is interrupted",
    "rights-unknown": "shows rights and changes nothing",
    "source-stream-missing": "shows image streams and changes nothing",
    "manifest-type-refused": "builds an image",
    "manifest-type-unsure": "shows the release and changes nothing",
    "pull-right-unknown": "gives the right, and whether pods have it may still not be asked",
    "import-needs-secret": "makes the secret, and is told of every import from elsewhere, whatever secrets there are",
    "signature-left-behind": "leaves out an option of sluice, or signs",
    "image-unsigned": "signs with a program of its own",
}


def findings_with_commands():
    """The findings of the page between its marks that print a command for a cluster: code and command. A command that
    only the finding knows counts as one."""
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    found = {}
    for part in re.findall(r"<!-- \w+: begin -->(.*?)<!-- \w+: end -->", page, re.DOTALL):
        for code, text in re.findall(r"^### (\S+)\n(.*?)(?=^### |\Z)", part, re.DOTALL | re.MULTILINE):
            for command in re.findall(r"^```\n(.*?)\n```$", text, re.DOTALL | re.MULTILINE):
                if re.match(r"oc |\{\w+\}", command):
                    found[code] = command
    return found


class FindingCommands(FindingWorlds):
    def each(self, rows, then=lambda row: None):
        for row in rows:
            if self.profile in row.profiles:
                with self.subTest(self.begin(str(row))):
                    self.mends(row, getattr(self, row.world)(*row.words, **row.more) or {})
                    then(row)

    def mends(self, row, world):
        before = self.look()
        found = self.findings(before, row.code)
        self.assertNotEqual(found, [], f"{row.code} is not told\n{before}")
        oc = Oc(self.box, world.get("runs_as", "admin"), folder=self.sluice.home)
        told = []
        for fix in dict.fromkeys(one["fix"] for one in found):
            self.assertTrue(fix.startswith("oc "), f"no command: {fix}\n{before}")
            done = oc.run(self.filled(fix, world))
            self.assertEqual(done.code, 0, f"$ {fix}\n{done}")
            told.append(f"$ {fix}\n{done.err}")
            world.get("takes", lambda out: None)(done.out)
        self.box.settle()
        after = self.look()
        said = "\n".join([*told, str(after)])
        self.assertEqual({one["severity"] for one in self.findings(after, row.code)} - {row.then}, set(), said)
        self.assertEqual(self.blockers(after) - self.blockers(before), set(), said)

    def look(self):
        outcome = self.sluice.run("plan", "--to", "prod", "-o", "json")
        self.assertIn(outcome.code, (0, 3), outcome)
        return outcome

    def one_trigger_per_container(self, row):
        """Two would take turns. Of an annotation the cluster takes no second one."""
        if row.words[0] == "DeploymentConfig":
            names = [name for one in self.workload("DeploymentConfig")["spec"]["triggers"]
                     for name in one.get("imageChangeParams", {}).get("containerNames", [])]
            self.assertEqual(names, ["web"], row)

    @staticmethod
    def filled(fix, world):
        """What the reader makes of it: takes the command of the comment where that is meant, and fills in words."""
        other = re.search(r"  # .*?: (oc .*)$", fix)
        if other and world.get("comment"):
            fix = other[1]
        for word, value in world.get("fill", {}).items():
            fix = re.sub(rf"\b{word}\b", value, fix)
        return fix

    @staticmethod
    def blockers(outcome):
        found = [*outcome.json["findings"], *(one for target in outcome.json.get("targets", ())
                                              for one in target.get("findings") or [])]
        return {(one["code"], one["subject"]) for one in found if one["severity"] == "blocker"}

    def test_projects(self):
        self.each(PROJECTS)

    def test_rights(self):
        self.each(RIGHTS)

    def test_limits(self):
        self.each(LIMITS)

    def test_triggers_and_the_image_arrives(self):
        self.each(TRIGGERS, self.arrives)

    def test_workloads(self):
        self.each(WORKLOADS)

    def arrives(self, row):
        """What was mended does what it is for: the cluster itself follows the tag. Once for each command."""
        self.one_trigger_per_container(row)
        if any((other.code, other.words[:1]) == (row.code, row.words[:1]) for other in TRIGGERS[:TRIGGERS.index(row)]):
            return
        self.promote(self.sluice)
        self.box.settle()
        if row.world == "cron_job":
            self.assertIn(self.dev.tag(), str(self.cron_job_now()))
        else:
            self.prod.runs({"web": self.dev.tag()})

    def test_what_pods_need(self):
        self.each(NEEDS)


class FindingCommands4(FindingCommands):
    profile = "4.x"


class Policies(FindingWorlds):
    """The commands that let somebody read the policies that ask for signatures."""

    profile = "4.x"

    def test_policies_are_judged_once_they_may_be_read(self):
        page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
        lines = re.findall(r"^oc (?:create clusterrole|adm policy) .*image-policy-reader.*$", page, re.MULTILINE)
        self.assertEqual(len(lines), 2)
        self.running()
        user = self.somebody(["registry-viewer"], ["edit"])
        scope = f"image-registry.openshift-image-registry.svc:5000/{self.prod.name}/web"
        reply = self.prod.api.post(f"/apis/config.openshift.io/v1/namespaces/{self.prod.name}/imagepolicies", {
            "kind": "ImagePolicy", "apiVersion": "config.openshift.io/v1", "metadata": {"name": "signed"},
            "spec": {"scopes": [scope], "policy": {"rootOfTrust": {
                "policyType": "PublicKey", "publicKey": {"keyData": "Zm9vIGJhcg=="}}}}})
        self.assertEqual(reply.status, 201, str(reply))
        self.assertEqual(self.findings(self.plan(), "image-unsigned"), [])
        oc = Oc(self.box)
        for line in lines:
            done = oc.run(line.replace("USER", user))
            self.assertEqual(done.code, 0, f"$ {line}\n{done}")
        self.finding(self.plan(), "image-unsigned", "warning")


class TheTable(unittest.TestCase):
    def test_every_finding_that_prints_a_command_is_in_the_table_or_is_told_why_not(self):
        printed = set(findings_with_commands())
        rows = {row.code for row in TABLE}
        self.assertGreater(len(printed), 30)
        self.assertEqual(printed - rows - set(NOT_RUN), set(), "a row is missing, or a reason")
        self.assertEqual(rows & set(NOT_RUN), set(), "both run and not run")
        self.assertEqual((rows | set(NOT_RUN)) - printed, set(), "no such finding prints a command")

    def test_every_command_of_the_page_is_one_that_oc_has_in_3_11(self):
        """The words are those of the page; what is filled in is a word for it."""
        seen = 0
        for code, text in findings_with_commands().items():
            if text.startswith("oc "):
                with self.subTest(code):
                    seen += 1
                    for command in commands(re.sub(r"\{(\w+)\}", r"\1", text), {"TOKEN": "x"}):
                        self.assertEqual(command.words[0], "oc")
                        self.assertTrue(self.is_known(command.words[1:]), text)
        self.assertGreater(seen, 20)

    @staticmethod
    def is_known(words):
        """Refused raises; what is there and is not played is known."""
        try:
            name, rest = find_command(words, (3, 11))
            parse(name, rest, (3, 11))
        except NotPlayed:
            return words[:2] == ["get", "project"]
        return True

    def test_every_row_is_run_by_a_test(self):
        run = [*PROJECTS, *RIGHTS, *LIMITS, *TRIGGERS, *WORKLOADS, *NEEDS]
        self.assertEqual([str(row) for row in run], [str(row) for row in TABLE])


if __name__ == "__main__":
    unittest.main()
