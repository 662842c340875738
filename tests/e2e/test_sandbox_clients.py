"""Other people's clients against the sandbox: skopeo, podman, a docker engine, kubectl. What is missing is skipped."""

import io
import json
import os
import pathlib
import shutil
import subprocess
import tarfile
import unittest

from sluicekit import images
from sluicekit.process import Child
from sluicekit.sandbox_case import (CONFIG_CHANGE, SandboxCase, condition, core, deployment, deployments, image_change,
                                    image_stream, small_image, streams)
from sluicekit.sluice import binary
from sluicekit.tools import find, folder

binary()


def need(*names):
    missing = [name for name in names if find(name) is None]
    return unittest.skipIf(missing, f"not installed: {', '.join(missing)}")


def root_tar():
    """A file system of one file, as `import` commands take it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("hello")
        data = b"hello from a test\n"
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()


class ClientCase(SandboxCase):
    """Runs programs with a home of their own, so that nothing of the developer's is read or changed."""

    def setUp(self):
        super().setUp()
        self.home = folder("client")
        self.addCleanup(shutil.rmtree, self.home, ignore_errors=True)
        self.host = self.box.registry_host
        self.environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(self.home),
                            "XDG_RUNTIME_DIR": str(self.home), "DOCKER_CONFIG": str(self.home / "docker"),
                            "REGISTRY_AUTH_FILE": str(self.home / "auth.json"), "TMPDIR": str(self.home)}

    def run_program(self, *words, stdin=None, code=0, timeout=120):
        """Runs a program to its end; gives stdout as text."""
        done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, check=False,
                              timeout=timeout, env=self.environment, cwd=self.home)
        shown = (f"$ {' '.join(map(str, words))}\nexit code {done.returncode}\n{done.stdout[-2000:].decode()}"
                 f"\n{done.stderr[-2000:].decode()}")
        self.outcome = shown.replace(self.box.token("ann"), "***")
        if code is not None:
            self.assertEqual(done.returncode, code, self.outcome)
        else:
            self.assertNotEqual(done.returncode, 0, self.outcome)
        return done.stdout.decode()


@need("skopeo")
class Skopeo(ClientCase):
    def skopeo(self, *words, **how):
        return self.run_program("skopeo", *words, **how)

    def creds(self, who):
        return f"any:{self.box.token(who)}"

    def test_item_44_copies_with_a_token_as_password(self):
        image = self.pushed(self.dev)
        self.right("user:promoter", "registry-viewer", self.dev)
        self.skopeo("copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests",
                    "--src-creds", self.creds("promoter"), "--dest-creds", self.creds("promoter"),
                    f"docker://{self.host}/{self.dev}/web:1.0", f"docker://{self.host}/{self.prod}/web:live")
        self.assertEqual(self.digests(self.prod, "web", "live"), [image.digest])
        listed = self.skopeo("list-tags", "--tls-verify=false", "--creds", self.creds("promoter"),
                             f"docker://{self.host}/{self.prod}/web")
        self.assertEqual(json.loads(listed)["Tags"], ["live"])

    def test_item_45_logs_in_and_out(self):
        self.skopeo("login", "--tls-verify=false", "-u", "ann", "-p", self.box.token("ann"), self.host)
        image = self.pushed(self.dev)
        seen = json.loads(self.skopeo("inspect", "--tls-verify=false", f"docker://{self.host}/{self.dev}/web:1.0"))
        self.assertEqual(seen["Digest"], image.digest)
        self.skopeo("login", "--tls-verify=false", "-u", "ann", "-p", "nonsense", self.host, code=None)
        self.skopeo("logout", self.host)
        self.skopeo("inspect", "--tls-verify=false", f"docker://{self.host}/{self.dev}/web:1.0", code=None)

    def test_item_44_sends_the_token_as_bearer(self):
        image = self.pushed(self.dev)
        seen = self.skopeo("inspect", "--raw", "--tls-verify=false", "--registry-token", self.box.token("ann"),
                           f"docker://{self.host}/{self.dev}/web:1.0")
        self.assertEqual(seen.encode(), image.manifest)

    def test_item_50_an_oci_image_is_converted_by_the_client(self):
        self.is_status(self.push(f"{self.dev}/web", "1", small_image(self.id())), 201)
        self.skopeo("copy", "--src-tls-verify=false", "--src-creds", self.creds("ann"),
                    f"docker://{self.host}/{self.dev}/web:1", f"oci:{self.home}/layout:1")
        self.skopeo("copy", "--dest-tls-verify=false", "--dest-creds", self.creds("ann"), f"oci:{self.home}/layout:1",
                    f"docker://{self.host}/{self.dev}/back:1")
        self.assertEqual(len(self.digests(self.dev, "back", "1")), 1)

    def test_item_44_a_refusal_is_a_refusal(self):
        self.pushed(self.dev)
        self.skopeo("inspect", "--tls-verify=false", "--creds", self.creds("nobody"),
                    f"docker://{self.host}/{self.dev}/web:1.0", code=None)
        self.assertIn("unauthorized", self.outcome.lower())


@need("podman")
class Podman(ClientCase):
    def podman(self, *words, **how):
        return self.run_program("podman", "--root", self.home / "store", "--runroot", self.home / "run",
                                "--storage-driver", "vfs", "--events-backend", "file", *words, **how)

    def test_item_45_login_push_and_pull(self):
        probe = subprocess.run(["podman", "--root", self.home / "store", "--runroot", self.home / "run",
                                "--storage-driver", "vfs", "info"], capture_output=True, check=False, timeout=60,
                               env=self.environment)
        if probe.returncode != 0:
            self.skipTest(f"podman does not run here: {probe.stderr.decode()[-300:]}")
        name = f"{self.host}/{self.dev}/pod:1"
        self.podman("login", "--tls-verify=false", "-u", "ann", "-p", self.box.token("ann"), self.host)
        self.podman("import", "-", name, stdin=root_tar())
        self.podman("push", "--tls-verify=false", "--digestfile", self.home / "digest", name)
        digest = (self.home / "digest").read_text().strip()
        self.assertEqual(self.digests(self.dev, "pod", "1"), [digest])
        self.podman("rmi", "-f", name)
        self.podman("pull", "--tls-verify=false", name)
        self.assertIn(digest, self.podman("inspect", "--format", "{{.RepoDigests}}", name))
        self.podman("push", "--tls-verify=false", name, f"docker://{self.host}/{self.prod}/pod:1", code=None)


@need("dockerd", "docker", "containerd")
@unittest.skipIf(os.geteuid() != 0, "a docker engine needs root")
class Docker(ClientCase):
    """A whole engine of its own: data, state and socket in a temporary folder, no network of containers."""

    def setUp(self):
        super().setUp()
        # The path of a socket may have 108 characters at most.
        self.engine_folder = pathlib.Path(folder("d"))
        self.addCleanup(shutil.rmtree, self.engine_folder, ignore_errors=True)
        self.socket = f"unix://{self.engine_folder}/s"
        self.log = self.engine_folder / "log"
        (self.engine_folder / "daemon.json").write_text("{}")
        with self.log.open("wb") as log:
            self.engine = Child(["dockerd", "--host", self.socket, "--data-root", self.engine_folder / "data",
                                 "--exec-root", self.engine_folder / "exec", "--pidfile", self.engine_folder / "pid",
                                 "--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs",
                                 "--config-file", self.engine_folder / "daemon.json"],
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment)
        self.addCleanup(self.end_engine)
        self.wait_for_engine()

    def wait_for_engine(self):
        def answers():
            done = subprocess.run(["docker", "-H", self.socket, "version"], capture_output=True, check=False,
                                  timeout=30, env=self.environment)
            if self.engine.popen.poll() is not None:
                said = self.log.read_text(errors="replace")[-600:]
                self.skipTest(f"dockerd does not run here: {said}")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.soon(answers, timeout=60)

    def end_engine(self):
        self.engine.stop(patience=20)
        subprocess.run(["umount", "-q", "-R", self.engine_folder / "data", self.engine_folder / "exec"],
                       capture_output=True, check=False)

    def docker(self, *words, **how):
        return self.run_program("docker", "-H", self.socket, *words, **how)

    def test_item_44_login_push_and_pull(self):
        name = f"{self.host}/{self.dev}/engine:1"
        self.docker("import", "-", name, stdin=root_tar())
        self.docker("push", name, code=None)
        self.docker("login", "-u", "ann", "-p", self.box.token("ann"), self.host)
        self.docker("push", name)
        digest = self.digests(self.dev, "engine", "1")[0]
        self.assertIn(digest, self.outcome)
        self.docker("rmi", name)
        self.docker("pull", name)
        self.assertIn(digest, self.docker("inspect", "--format", "{{.RepoDigests}}", name))
        # The four steps of the classic way, refused where the right is missing and done where it is there.
        target = f"{self.host}/{self.prod}/engine:live"
        self.docker("tag", name, target)
        self.docker("push", target, code=None)
        self.right("user:ann", "edit", self.prod)
        self.docker("push", target)
        self.assertEqual(self.digests(self.prod, "engine", "live"), [digest])

    def test_item_54_pulls_what_others_pushed(self):
        image = images.Image([images.Layer(files={"a": self.id()})], images.DOCKER)
        self.is_status(self.push(f"{self.dev}/web", "1", image), 201)
        self.docker("login", "-u", "whoever", "-p", self.box.token("ann"), self.host)
        name = f"{self.host}/{self.dev}/web"
        self.docker("pull", f"{name}:1")
        self.docker("pull", f"{name}@{image.digest}")
        self.assertIn(image.config.digest, self.docker("inspect", "--format", "{{.Id}}", f"{name}:1"))


@need("kubectl")
class Kubectl(ClientCase):
    def kubectl(self, *words, who="ann", **how):
        return self.run_program("kubectl", "--kubeconfig", self.box.kubeconfig, "--cache-dir", self.home / "cache",
                                "--token", self.box.token(who), "--namespace", self.dev, *words, **how)

    def test_item_06_gets_what_a_promotion_needs(self):
        self.pushed(self.dev)
        self.created(self.ann.post(f"/apis/apps.openshift.io/v1/namespaces/{self.dev}/deploymentconfigs", {
            "kind": "DeploymentConfig", "apiVersion": "apps.openshift.io/v1", "metadata": {"name": "site"},
            "spec": {"replicas": 0, "triggers": [], "template": {
                "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}}))
        for kind, name in (("imagestreams", "web"), ("imagestreamtags", "web:1.0"), ("deploymentconfigs", "site"),
                           ("is", "web"), ("istag", "web:1.0"), ("dc", "site"), ("serviceaccounts", "builder")):
            with self.subTest(kind):
                self.assertIn(name, self.kubectl("get", kind))
                thing = json.loads(self.kubectl("get", kind, name, "-o", "json"))
                self.assertEqual(thing["metadata"]["name"], name)
        self.assertIn("v1", self.kubectl("version", "-o", "json"))

    def test_item_17_patches_in_three_ways(self):
        self.created(self.ann.post(streams(self.dev), image_stream("web")))
        self.kubectl("patch", "is", "web", "--type", "merge", "-p", '{"spec": {"lookupPolicy": {"local": true}}}')
        self.kubectl("patch", "is", "web", "--type", "json", "-p",
                     '[{"op": "add", "path": "/spec/tags", "value": [{"name": "a"}]}]')
        self.kubectl("annotate", "is", "web", "seen=yes")
        self.kubectl("label", "is", "web", "side=left")
        stream = self.ok(self.ann.get(streams(self.dev, "web")))
        self.assertEqual((stream["spec"]["lookupPolicy"]["local"], stream["spec"]["tags"][0]["name"],
                          stream["metadata"]["annotations"]["seen"], stream["metadata"]["labels"]["side"]),
                         (True, "a", "yes", "left"))
        self.created(self.ann.post(deployments(self.dev), deployment("web", "example.test/x:1")))
        self.kubectl("patch", "deployment", "web", "-p",
                     '{"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "example.test/x:2"}]}}}}')
        self.kubectl("rollout", "status", "deployment/web", "--timeout=30s")

    def test_item_21_watches(self):
        self.created(self.ann.post(streams(self.dev), image_stream("first")))
        child = Child(["kubectl", "--kubeconfig", self.box.kubeconfig, "--cache-dir", self.home / "cache",
                       "--token", self.box.token("ann"), "--namespace", self.dev, "get", "is", "--watch",
                       "--output-watch-events", "-o", "jsonpath={.type} {.object.metadata.name}{\"\\n\"}"],
                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment,
                      text=True, bufsize=1)
        self.addCleanup(child.stop)
        seen = [child.popen.stdout.readline().strip()]
        self.created(self.ann.post(streams(self.dev), image_stream("second")))
        seen.append(child.popen.stdout.readline().strip())
        self.ok(self.ann.delete(streams(self.dev, "first")))
        seen.append(child.popen.stdout.readline().strip())
        self.assertEqual(seen, ["ADDED first", "ADDED second", "DELETED first"])

    def test_item_11_asks_what_it_may_do(self):
        # Not `kubectl auth can-i`: since 1.32 it sends protobuf, which only real servers of Kubernetes read.
        review = json.dumps({
            "kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {"resourceAttributes": {
                "namespace": self.dev, "verb": "get", "group": "image.openshift.io", "resource": "imagestreams",
                "subresource": "layers", "name": "web"}}}).encode()
        for who, answer in (("ann", "true"), ("nobody", "false")):
            self.assertEqual(self.kubectl("create", "--validate=false", "-f", "-", "-o", "jsonpath={.status.allowed}",
                                          who=who, stdin=review), answer)

    def test_item_10_a_refusal_is_told(self):
        self.kubectl("get", "is", who="nobody", code=1)
        self.assertIn("no RBAC policy matched", self.outcome)

    def test_item_63_follows_a_rollout(self):
        self.pushed(self.dev, "site", "live")
        path = f"/apis/apps.openshift.io/v1/namespaces/{self.dev}/deploymentconfigs"
        self.created(self.ann.post(path, {
            "kind": "DeploymentConfig", "apiVersion": "apps.openshift.io/v1", "metadata": {"name": "site"},
            "spec": {"replicas": 1, "triggers": [CONFIG_CHANGE, image_change("site:live")], "selector": {"a": "b"},
                     "template": {"metadata": {"labels": {"a": "b"}},
                                  "spec": {"containers": [{"name": "c", "image": " "}]}}}}))
        self.kubectl("wait", "--for=condition=Available", "dc/site", "--timeout=30s")
        self.assertEqual(condition(self.ok(self.ann.get(f"{path}/site")), "Available")["status"], "True")
        self.assertIn("site-1", self.kubectl("get", "pods", "-o", "name"))
        self.ok(self.ann.get(core(self.dev, "replicationcontrollers", "site-1")))

    def test_item_01_the_kubeconfig_works_as_it_is(self):
        self.run_program("kubectl", "--kubeconfig", self.box.kubeconfig, "--cache-dir", self.home / "cache", "get",
                         "--raw", "/apis/user.openshift.io/v1/users/~")


if __name__ == "__main__":
    unittest.main()
