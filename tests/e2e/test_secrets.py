"""Secrets and foreign texts: what was sent is never shown, nothing foreign is obeyed, children get nothing of ours, and
files that are none do not hang."""

import base64
import json
import os
import pathlib
import signal
import stat
import subprocess
import threading
import unittest

import sluicekit as kit

USER = "bob"
PASSWORD = "S3cret/Password"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
ODD = "\x9b2J \u202e ##vso[task.setvariable variable=a]b ##[error]c"


class Case(kit.E2eCase):
    shared_registries = ()

    def echoing(self, request):
        """Wants a login, and then tells what it got."""
        sent = request.headers.get("authorization")
        if not sent:
            return kit.Reply(401, {"WWW-Authenticate": 'Basic realm="r"'})
        words = f"you sent {sent}, pw {USER}:{PASSWORD} {ODD}"
        return kit.Reply(400, {"Content-Type": "application/json"},
                         json.dumps({"errors": [{"code": "E", "message": words}]}).encode())

    def assert_harmless(self, text, what):
        for word in (PASSWORD, BASIC, "S3cret", "\x9b", "\u202e", "##vso[", "##["):
            self.assertNotIn(word, text, what)


class Echoes(Case):
    def test_a_registry_that_echoes_the_request_shows_no_secret(self):
        with kit.HostileServer(self.echoing) as server:
            for flags in ((), ("-o", "json"), ("-v", "-v")):
                with self.subTest(flags):
                    outcome = self.home().run("inspect", f"{server.host}/p/x:v1", "--creds", f"{USER}:{PASSWORD}",
                                              "--retry-times", "0", *flags)
                    self.assertNotEqual(outcome.code, 0)
                    self.assertIn("***", outcome.out + outcome.err, outcome)
                    self.assert_harmless(outcome.out + outcome.err, str(outcome))
                    if "json" in flags:
                        self.assertIn("***", json.loads(outcome.out)["error"]["message"])

    def test_a_wrong_digest_of_a_server_is_no_usage_error(self):
        def behaviour(_):
            return kit.Reply(200, {"Docker-Content-Digest": "sha256:xyz",
                                   "Content-Type": "application/vnd.oci.image.manifest.v1+json"})

        with kit.HostileServer(behaviour) as server:
            outcome = self.home().run("digest", f"{server.host}/p/x:v1", "--retry-times", "0")
            self.fails_plainly(outcome, 1, server.host, "no manifest")

    def test_too_many_headers_on_loopback_are_not_taken_for_tls(self):
        def behaviour(_):
            return kit.Reply(200, {f"X-{i}": "a" * 1000 for i in range(300)})

        with kit.HostileServer(behaviour) as server:
            outcome = self.home().run("digest", f"{server.host}/p/x:v1", "--retry-times", "0")
            self.fails_plainly(outcome, 1, server.host, "256 KiB of headers")


class Arguments(Case):
    def test_a_word_too_many_is_not_repeated(self):
        for words in (("login", "127.0.0.1:1", "-u", USER, PASSWORD), ("login", "127.0.0.1:1", f"-p{PASSWORD}"),
                      ("copy", "a/b", "c/d", PASSWORD), ("inspect", "a/b", PASSWORD)):
            with self.subTest(words[0]):
                outcome = self.home().run(*words)
                self.assertEqual(outcome.code, 2, outcome)
                self.assert_harmless(outcome.out + outcome.err, str(outcome))


class Process(Case):
    def hanging(self):
        asked = threading.Event()

        def behaviour(_):
            asked.set()
            return kit.Reply(hang=True)

        return asked, kit.HostileServer(behaviour)

    def test_memory_is_never_written_to_a_file(self):
        asked, server = self.hanging()
        with server:
            home = self.home()
            child = home.start("digest", f"{server.host}/p/x:v1")
            self.assertTrue(asked.wait(60))
            limits = pathlib.Path(f"/proc/{child.pid}/limits").read_text(encoding="ascii")
            owner = os.stat(f"/proc/{child.pid}/environ").st_uid
            home.interrupt(child)
        core = next(line.split() for line in limits.splitlines() if line.startswith("Max core file size"))
        self.assertEqual(core[4:6], ["0", "0"], limits)
        self.assertEqual(owner, 0, "a process that is not dumpable has files of root's in /proc")

    def test_a_helper_gets_no_variable_and_no_descriptor_of_ours(self):
        with kit.HostileServer(self.echoing) as server, kit.HostileServer(lambda _: kit.Reply(404)) as other:
            home = self.home()
            folder = home.home / "bin"
            folder.mkdir()
            helper = folder / "docker-credential-spy"
            helper.write_text(f"#!/bin/sh\nenv > {home.home}/seen-env\nls -l /proc/$$/fd > {home.home}/seen-fds\n"
                              'echo \'{"Username": "u", "Secret": "secret-of-spy"}\'\n', encoding="utf-8")
            helper.chmod(0o755)
            home.write("auth.json", json.dumps({"credHelpers": {server.host: "spy"}}))
            outcome = home.run("copy", f"{server.host}/p/x:v1", f"{other.host}/p/x:v1", "--authfile", "auth.json",
                               "--dest-creds", "env:DESTPW", "--retry-times", "0",
                               environment={"DESTPW": f"{USER}:{PASSWORD}", "KEPT": "yes",
                                    "PATH": f"{folder}:{os.environ['PATH']}"})
            seen = (home.home / "seen-env").read_text(encoding="utf-8")
            self.assertIn("KEPT=yes", seen, outcome)
            self.assertNotIn("DESTPW", seen)
            descriptors = (home.home / "seen-fds").read_text(encoding="utf-8")
            self.assertNotIn("socket:", descriptors)
            self.assertNotIn("eventfd", descriptors)


class Files(Case):
    def test_login_closes_a_file_that_others_may_read(self):
        def behaviour(request):
            if not request.headers.get("authorization"):
                return kit.Reply(401, {"WWW-Authenticate": 'Basic realm="r"'})
            return kit.Reply(200)

        with kit.HostileServer(behaviour) as server:
            home = self.home()
            for mode in (0o666, 0o640):
                for command in ("login", "logout"):
                    with self.subTest(f"{command} {mode:o}"):
                        file = home.home / "auth.json"
                        file.write_text(json.dumps({"auths": {server.host: {"auth": BASIC}}}), encoding="utf-8")
                        file.chmod(mode)
                        more = ("-u", USER, "--password-stdin") if command == "login" else ()
                        outcome = home.run(command, server.host, "--authfile", str(file), *more, stdin=PASSWORD)
                        self.assertEqual(outcome.code, 0, outcome)
                        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
                        self.assertIn(str(file), outcome.err)
                        self.assertIn("others could read or write", outcome.err)

    def test_a_pipe_or_device_in_the_place_of_a_file_is_refused(self):
        home = self.home()
        pipe = home.home / "pipe"
        os.mkfifo(pipe)
        ways = {"auth file": lambda file: (("logout", "127.0.0.1:1", "--authfile", file), {}),
                "pipeline": lambda file: (("status", "-f", file), {}),
                "clusters file": lambda file: (("status", "--clusters", file), {}),
                "kubeconfig": lambda file: (("init",), {"KUBECONFIG": file}),
                "creds": lambda file: (("digest", "127.0.0.1:1/p/x", "--creds", f"file:{file}"), {})}
        for name, way in ways.items():
            for file in (str(pipe), "/dev/zero", str(home.home)):
                with self.subTest(f"{name} {file}"):
                    arguments, variables = way(file)
                    outcome = home.run(*arguments, environment=variables)
                    self.assertNotIn(outcome.code, (0, 124), outcome)
                    self.assertIn(" it is a ", outcome.err, outcome)

    def test_the_first_signal_ends_a_run_that_reads_standard_input(self):
        home = self.home()
        read, write = os.pipe()
        try:
            child = subprocess.Popen([str(kit.binary()), "login", "127.0.0.1:1", "-u", USER, "--password-stdin"],
                                     stdin=read, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=home.home,
                                     env=home.environment)
            self.wait_until_it_takes_signals(child.pid)
            child.terminate()
            _, err = child.communicate(timeout=60)
            self.assertEqual(child.returncode, 130, err)
        finally:
            os.close(read)
            os.close(write)

    @staticmethod
    def wait_until_it_takes_signals(pid):
        """Until SIGTERM is blocked for the thread of its own that takes it; before that it just ends the process."""
        while True:
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigBlk:"))
            if int(mask, 16) >> (signal.SIGTERM - 1) & 1:
                return


if __name__ == "__main__":
    unittest.main()
