"""The interpreter of `oc` lines that other tests use: it reads a line as a shell does, and does what the real `oc` of
that release does, also where that is not what one would wish."""

import base64
import json
import random
import subprocess
import unittest

from sluicekit import shell_line
from sluicekit.finding_worlds import FindingWorlds
from sluicekit.oc_lines import Oc
from sluicekit.oc_options import COMMANDS, NotPlayed, find_command, parse
from sluicekit.oc_triggers import ANNOTATION, Refused, Unreadable, Wish, patch_for
from sluicekit.sandbox_case import core
from sluicekit.shop import workload_of
from sluicekit.sluice import binary

binary()

OLD, NEW = (3, 11), (4, 14)


def as_sh_reads(line, variables):
    """The words of a line, by the shell of this machine."""
    done = subprocess.run(["sh", "-c", f"printf '%s\\0' {line}"], env=variables, capture_output=True, check=True,
                          timeout=20)
    return done.stdout.decode().split("\0")[:-1]


class Lines(unittest.TestCase):
    def words(self, line, variables=None):
        parsed = shell_line.commands(line, variables)
        self.assertEqual(len(parsed), 1, parsed)
        return parsed[0].words

    def test_words_are_those_of_the_shell(self):
        variables = {"TOKEN": "a  'b\" $c", "EMPTY": "", "PLAIN": "x.y"}
        pieces = ["a", "b=c", "'", '"', "\\", " ", "#", "$PLAIN", "${PLAIN}", '"$TOKEN"', '"${EMPTY}"', '\\"', "'x y'",
                  '"q\\n\\$"', "[?(@.name==", "1", "~", ":", "@", "%", "!", "=", "-n", "\t"]
        dice = random.Random(20)
        compared = 0
        for _ in range(1500):
            line = "w" + "".join(dice.choice(pieces) for _ in range(dice.randrange(1, 9)))
            try:
                words = self.words(line, variables)
            except shell_line.NoSimpleLine:
                continue
            compared += 1
            if compared <= 250:
                self.assertEqual(words, as_sh_reads(line, variables), line)
        self.assertGreater(compared, 250)

    def test_quotes_of_a_json_patch_and_of_an_annotation(self):
        self.assertEqual(self.words("""oc patch x -p '[{"op":"replace","path":"/a/0"}]' # and '"""),
                         ["oc", "patch", "x", "-p", '[{"op":"replace","path":"/a/0"}]'])
        self.assertEqual(self.words(r"""a 'it'\''s' "b \"c\"" d#e"""), ["a", "it's", 'b "c"', "d#e"])

    def test_what_is_no_simple_command_is_refused(self):
        for line in ("a | b", "a >> f", "a 2> f", "a >&2", "a > f > g", "a >", "> f", "a < f", "a; b", "a & b",
                     "a $(b)", "a `b`", "a 'b", 'a "b', "a *", "a && ", "&& a", "# a", "a {b,c}",
                     "a $NOT_SET", '"$NOT_SET"', "a ~/b", "a\nb", "a || # b", "a $SPLIT", "a \\"):
            with self.subTest(line), self.assertRaises(shell_line.NoSimpleLine):
                shell_line.commands(line, {"SPLIT": "b c"})

    def test_output_goes_into_the_file_that_is_named(self):
        for line in ("oc a b > f", "oc a >f b # >g", "oc >'f' a b"):
            found = shell_line.commands(line)
            self.assertEqual([(one.words, one.into) for one in found], [(["oc", "a", "b"], "f")], line)

    def test_and_and_or_are_those_of_the_shell(self):
        dice = random.Random(4)
        for _ in range(60):
            line = dice.choice(["yes", "no"]) + "".join(
                f" {dice.choice(['&&', '||'])} {dice.choice(['yes', 'no'])}" for _ in range(dice.randrange(5)))
            ran = []

            def run(command, ran=ran):
                ran.append(command.words[0])
                return 0 if command.words == ["yes"] else 1

            code = shell_line.run_list(shell_line.commands(line), run)
            shell = subprocess.run(["sh", "-c", f"yes() {{ echo yes; }}; no() {{ echo no; return 1; }}; {line}"],
                                   capture_output=True, text=True, timeout=20, check=False)
            self.assertEqual((code, ran), (shell.returncode, shell.stdout.split()), line)


class Options(unittest.TestCase):
    def parsed(self, line, release):
        name, rest = find_command(line.split()[1:], release)
        return name, *parse(name, rest, release)

    def test_what_a_release_does_not_have_is_refused(self):
        for line, said in (("oc auth can-i --list -n p", "unknown flag: --list"),
                           ("oc create token sluice -n p", "Unexpected args: [token]")):
            with self.subTest(line):
                with self.assertRaisesRegex(Refused, said.replace("[", r"\[")):
                    self.parsed(line, OLD)
                self.parsed(line, NEW)

    def test_a_misspelt_option_is_refused_in_every_command(self):
        for name in COMMANDS:
            for word in ("--nmespace=p", "-Q"):
                with self.subTest(f"{name} {word}"), self.assertRaisesRegex(Refused, "unknown"):
                    parse(name, [word], NEW)

    def test_a_command_or_an_option_that_is_not_played_ends_the_test(self):
        for line in ("oc delete pod x", "oc get pods --watch", "oc set image dc/web a=b", "oc -n p get pods"):
            with self.subTest(line), self.assertRaises(NotPlayed):
                self.parsed(line, NEW)

    def test_values_stand_behind_a_sign_or_in_the_next_word(self):
        name, options, others = self.parsed("oc set triggers dc/web -n p -c=a --from-image p/web:1 --remove", OLD)
        self.assertEqual((name, others), ("set triggers", ["dc/web"]))
        self.assertEqual(options, {"namespace": "p", "containers": "a", "from-image": "p/web:1", "remove": True})
        with self.assertRaisesRegex(Refused, "needs an argument"):
            self.parsed("oc set triggers dc/web -c", OLD)


class Triggers(unittest.TestCase):
    """What `oc set triggers` makes of documents."""

    def thing(self, kind="DeploymentConfig", **containers):
        return workload_of(kind, "prod", "web", containers or {"web": "web:lates"})

    def after(self, thing, **wish):
        """(from, namespace, containers, automatic) of the triggers as they are then."""
        patch = patch_for(thing, Wish(**wish))
        if thing["kind"] != "DeploymentConfig":
            return json.loads(patch["metadata"]["annotations"][ANNOTATION])
        return [(one["imageChangeParams"]["from"]["name"], one["imageChangeParams"]["from"].get("namespace", ""),
                 one["imageChangeParams"]["containerNames"], one["imageChangeParams"].get("automatic", False))
                for one in patch["spec"]["triggers"] if one["type"] == "ImageChange"]

    def test_another_image_is_added_beside_the_one_that_is_there(self):
        self.assertEqual(self.after(self.thing(), from_image="web:latest", containers="web"),
                         [("web:lates", "", ["web"], True), ("web:latest", "", ["web"], True)])

    def test_the_same_image_is_set_to_the_containers_that_are_named(self):
        thing = self.thing(web="web:latest", side="side:1")
        self.assertEqual(self.after(thing, from_image="web:latest", containers="web,side", manual=True),
                         [("side:1", "", ["side"], True), ("web:latest", "", ["web", "side"], False)])

    def test_its_own_project_by_name_is_the_same_image(self):
        thing = self.thing(web="web:latest")
        thing["spec"]["triggers"][1]["imageChangeParams"]["from"]["namespace"] = "prod"
        thing["spec"]["triggers"][1]["imageChangeParams"]["automatic"] = False
        self.assertEqual(self.after(thing, from_image="web:latest", containers="web"),
                         [("web:latest", "", ["web"], True)])

    def test_removing_goes_by_the_name_of_the_tag_alone(self):
        thing = self.thing(web="web:latest", side="side:1")
        other = {"type": "ImageChange", "imageChangeParams": {
            "automatic": True, "containerNames": ["web"],
            "from": {"kind": "ImageStreamTag", "name": "web:latest", "namespace": "dev"}}}
        thing["spec"]["triggers"].append(other)
        self.assertEqual(self.after(thing, from_image="web:latest", namespace="dev", remove=True),
                         [("side:1", "", ["side"], True)])

    def test_auto_and_manual_alone_are_about_all_of_them(self):
        thing = self.thing(web="web:latest", side="side:1")
        thing["spec"]["triggers"][2]["imageChangeParams"]["automatic"] = False
        self.assertEqual({one[3] for one in self.after(thing, auto=True)}, {True})
        patch = patch_for(thing, Wish(manual=True))
        self.assertNotIn({"type": "ConfigChange"}, patch["spec"]["triggers"])

    def test_what_was_resolved_is_resolved_anew(self):
        thing = self.thing(web="web:latest")
        thing["spec"]["triggers"][1]["imageChangeParams"]["lastTriggeredImage"] = "r/prod/web@sha256:1"
        patch = patch_for(thing, Wish(auto=True))
        self.assertNotIn("lastTriggeredImage", str(patch))

    def test_names_that_are_not_there_are_refused_whichever_trigger_has_them(self):
        thing = self.thing(web="web:latest", side="side:1")
        with self.assertRaisesRegex(Refused, "not all container names exist: wbe"):
            patch_for(thing, Wish(from_image="web:latest", containers="wbe"))
        thing["spec"]["triggers"][2]["imageChangeParams"]["containerNames"] = ["gone"]
        with self.assertRaisesRegex(Refused, r"gone \(accepts: side, web\)"):
            patch_for(thing, Wish(from_image="web:latest", containers="web"))
        with self.assertRaisesRegex(Refused, "you must specify --containers"):
            patch_for(self.thing(), Wish(from_image="web:latest"))

    def test_of_an_annotation_each_container_has_one_trigger(self):
        with self.assertRaisesRegex(Refused, "only one trigger may reference each container: web"):
            patch_for(self.thing("Deployment"), Wish(from_image="web:latest", containers="web"))
        thing = self.thing("Deployment", web="web:latest", side="side:1")
        thing["metadata"]["annotations"][ANNOTATION] = json.dumps(
            json.loads(thing["metadata"]["annotations"][ANNOTATION])[:1])
        found = self.after(thing, from_image="side:2", namespace="dev", containers="side")
        self.assertEqual(found[1], {"from": {"kind": "ImageStreamTag", "name": "side:2", "namespace": "dev"},
                                    "fieldPath": 'spec.template.spec.containers[?(@.name=="side")].image'})

    def test_an_annotation_that_cannot_be_read_is_none_for_it(self):
        for text in ("[{", "{}", '[{"paused":"false"}]', '[{"from":[]}]', "[1]"):
            thing = self.thing("StatefulSet")
            thing["metadata"]["annotations"][ANNOTATION] = text
            with self.subTest(text), self.assertRaises(Unreadable):
                patch_for(thing, Wish(from_image="web:latest", containers="web"))

    def test_an_entry_that_leads_nowhere_is_dropped(self):
        thing = self.thing("Deployment")
        annotations = thing["metadata"]["annotations"]
        annotations[ANNOTATION] = annotations[ANNOTATION].replace('web\\"', 'x\\"')
        found = self.after(thing, from_image="web:latest", containers="web")
        self.assertEqual([one["from"]["name"] for one in found], ["web:latest"])

    def test_the_last_one_that_is_removed_leaves_null(self):
        self.assertIsNone(self.after(self.thing("DaemonSet"), from_image="web:lates", remove=True))

    def test_manual_pauses_a_deployment_and_auto_resumes_it(self):
        thing = self.thing("Deployment")
        self.assertEqual(patch_for(thing, Wish(manual=True))["spec"], {"paused": True})
        thing["spec"]["paused"] = True
        self.assertEqual(patch_for(thing, Wish(auto=True))["spec"], {"paused": None})

    def test_options_that_contradict_each_other_are_refused(self):
        for wish in ({"auto": True, "manual": True}, {"remove": True}, {"remove_all": True, "auto": True},
                     {"from_image": "a:b", "from_config": True}):
            with self.subTest(wish), self.assertRaises(Refused):
                Wish(**wish)


class AgainstASandbox(FindingWorlds):
    def setUp(self):
        super().setUp()
        self.oc = Oc(self.box, folder=self.sluice.home)

    def does(self, line, *said):
        done = self.oc.run(line)
        self.assertEqual(done.code, 0, f"$ {line}\n{done}")
        for word in said:
            self.assertIn(word, done.out + done.err)
        self.box.settle()
        return done.out

    def fails(self, line, *said):
        done = self.oc.run(line)
        self.assertEqual(done.code, 1, f"$ {line}\n{done}")
        for word in said:
            self.assertIn(word, done.err)

    def followed(self):
        return [(one["imageChangeParams"]["from"]["namespace"], one["imageChangeParams"]["from"]["name"])
                for one in self.workload("DeploymentConfig")["spec"]["triggers"] if one["type"] == "ImageChange"]

    def test_a_trigger_on_something_else_stays_unless_it_is_removed_first(self):
        """As seen of a real 3.11."""
        for name, elsewhere, first in (("web:lates", False, False), ("web:latest", True, False),
                                       ("web:lates", False, True), ("web:latest", True, True)):
            for kind in ("DeploymentConfig", "Deployment"):
                with self.subTest(self.begin(f"{kind} on {name}, {first}")):
                    self.follows(kind, name, elsewhere, first)
                    new, prod = self.dev.tag(), self.prod.name
                    other = f"{(self.dev if elsewhere else self.prod).name}/{name}"
                    thing = "dc/web" if kind == "DeploymentConfig" else "deployment/web"
                    add = f"oc set triggers {thing} -n {prod} --from-image={prod}/web:latest -c web"
                    if kind == "DeploymentConfig":
                        self.does(add)
                        self.assertEqual(self.followed(), [tuple(other.split("/")), (prod, "web:latest")])
                    else:
                        self.fails(add, "only one trigger may reference each container: web")
                    self.does(f"oc set triggers {thing} -n {prod} --from-image={other} --remove && {add}")
                    if kind == "DeploymentConfig":
                        self.assertEqual(self.followed(), [(prod, "web:latest")])
                    self.all_well(new, self.promote(self.sluice))

    def test_an_annotation_that_cannot_be_read_is_refused(self):
        self.spoilt("Deployment", "no JSON")
        prod = self.prod.name
        self.fails(f"oc set triggers deployment/web -n {prod} --from-image={prod}/web:latest -c web",
                   "deployments/web does not support triggers")

    def test_images_that_are_no_tag_of_this_server_are_refused(self):
        self.running()
        for image in ("registry:5000/a/web:1", "web", "web@sha256:1"):
            self.fails(f"oc set triggers dc/web -n {self.prod.name} --from-image={image} -c web", "--from-image must")

    def bindings(self, project):
        return [(one["roleRef"]["name"], one["subjects"]) for one in
                project.get(f"/apis/rbac.authorization.k8s.io/v1/namespaces/{project.name}/rolebindings")["items"]]

    def test_a_role_is_bound_once_and_a_service_account_is_known_by_its_user_name(self):
        account = f"system:serviceaccount:{self.prod.name}:sluice"
        line = f"oc policy add-role-to-user view {account} -n {self.dev.name}"
        before = len(self.bindings(self.dev))
        for _ in range(2):
            self.does(line)
            self.assertEqual(len(self.bindings(self.dev)), before + 1)
        self.assertIn(("view", [{"kind": "ServiceAccount", "namespace": self.prod.name, "name": "sluice"}]),
                      self.bindings(self.dev))
        self.does(f"oc policy add-role-to-user view cy -n {self.dev.name}")  # a binding of its own
        self.assertEqual(len(self.bindings(self.dev)), before + 2)

    def test_a_role_that_is_not_there_is_bound_with_a_warning(self):
        self.does(f"oc policy add-role-to-group reader all -n {self.dev.name}", "Warning: role 'reader' not found")
        self.fails(f"oc policy add-role-to-user view -n {self.dev.name}", "at least one user")

    def test_a_project_that_is_there_leads_to_what_stands_behind_or(self):
        line = f"oc new-project {self.prod.name} || oc policy add-role-to-user view cy -n {self.prod.name}"
        self.does(line, "AlreadyExists")
        self.assertIn("view", [role for role, _ in self.bindings(self.prod)])
        self.does(line.replace(self.prod.name, self.prod.name + "-2"))
        self.assertEqual(self.oc.project, self.prod.name + "-2")

    def test_objects_from_files_and_words(self):
        self.sluice.write("values", "# none\na=b c\n\nempty=\nOWN\n")
        self.oc.variables["OWN"] = "of the shell"
        self.does(f"oc create configmap conf --from-env-file=values -n {self.prod.name}")
        made = self.prod.get(core(self.prod.name, "configmaps", "conf"))
        self.assertEqual(made["data"], {"a": "b c", "empty": "", "OWN": "of the shell"})
        self.fails(f"oc create secret generic conf --from-env-file=FILE -n {self.prod.name}", "no such file")
        self.does(f"oc create secret generic conf --from-literal=a=b=c -n {self.prod.name}")
        made = self.prod.get(core(self.prod.name, "secrets", "conf"))
        self.assertEqual(base64.b64decode(made["data"]["a"]), b"b=c")
        self.fails(f"oc create secret generic conf --from-literal=a=b -n {self.prod.name}", "AlreadyExists")

    def test_a_pull_secret(self):
        line = 'oc create secret docker-registry far --docker-server=r:5000 --docker-username=u ' \
               f'--docker-password="$TOKEN" -n {self.prod.name}'
        with self.assertRaises(shell_line.NoSimpleLine):
            self.oc.run(line)
        self.oc.variables["TOKEN"] = "p q"
        self.does(line)
        made = self.prod.get(core(self.prod.name, "secrets", "far"))
        login = json.loads(base64.b64decode(made["data"][".dockerconfigjson"]))["auths"]["r:5000"]
        self.assertEqual(base64.b64decode(login["auth"]), b"u:p q")

    def test_an_annotation_is_only_replaced_when_that_is_asked_for(self):
        self.running()
        line = f"oc annotate dc/web -n {self.prod.name} a='b c'"
        self.does(line)
        self.fails(line, "--overwrite is false")
        self.does(line + " --overwrite")
        self.does(f"oc annotate dc web a- -n {self.prod.name}")
        self.assertNotIn("a", self.workload("DeploymentConfig")["metadata"].get("annotations", {}))

    def test_only_what_is_paused_is_resumed(self):
        self.running()
        self.running("Deployment", "other")
        self.running("StatefulSet", "set")
        for thing in ("dc/web", "deployment/other"):
            self.fails(f"oc rollout resume {thing} -n {self.prod.name}", "is not paused")
            self.does(f"oc rollout pause {thing} -n {self.prod.name} && oc rollout resume {thing} -n {self.prod.name}")
        self.assertEqual(self.prod.paused(), [])
        self.fails(f"oc rollout resume sts/set -n {self.prod.name}", "is not supported")
        self.fails(f"oc rollout resume dc/none -n {self.prod.name}", "NotFound")

    def test_a_rollout_is_started_by_its_name(self):
        self.running()
        before = self.prod.rollouts()
        self.does(f"oc rollout latest dc/web -n {self.prod.name}")
        self.assertEqual(self.prod.rollouts(), before + 1)

    def test_tokens_of_service_accounts(self):
        self.does(f"oc create sa sluice -n {self.prod.name}")
        if self.profile == "3.11":
            token = self.does(f"oc sa get-token sluice -n {self.prod.name}")
            self.fails(f"oc create token sluice -n {self.prod.name}", "Unexpected args")
        else:
            token = self.does(f"oc create token sluice -n {self.prod.name}")
        with self.box.api(None) as api:
            who = api.get("/apis/user.openshift.io/v1/users/~", token=token.strip()).json
        self.assertEqual(who["metadata"]["name"], f"system:serviceaccount:{self.prod.name}:sluice")

    def test_a_role_is_only_made_for_what_the_server_has(self):
        line = "oc create clusterrole policies --verb=list --resource=imagepolicies.config.openshift.io"
        if self.profile == "3.11":
            self.fails(line, "the server doesn't have a resource type")
        else:
            self.does(line)

    def test_rights_are_asked_for(self):
        self.does(f"oc auth can-i get dc -n {self.prod.name}", "yes")
        nobody = Oc(self.box, self.somebody())
        self.assertEqual(nobody.run(f"oc auth can-i get dc -n {self.prod.name}").code, 1)


class AgainstASandbox4(AgainstASandbox):
    profile = "4.x"


if __name__ == "__main__":
    unittest.main()
