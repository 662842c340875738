"""What is shown while it works, where, and what --help says. Terminals are real pseudo-terminals."""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import termios
import unittest

import sluicekit as kit

kit.need("docker-registry")

ESCAPE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
COMMANDS = ("plan", "promote", "rollback", "resume", "undo", "status", "history", "hold", "unhold", "release",
            "releases", "copy", "inspect", "digest", "tags", "login", "logout")


class Terminal:
    """A run with stderr (and stdin; stdout too when asked) on a terminal of its own."""

    def __init__(self, sluice, *arguments, environment=None, columns=100, stdout_too=False):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.child = subprocess.Popen(
            [str(word) for word in (kit.binary(), *arguments)], stdin=slave, stderr=slave,
            stdout=slave if stdout_too else subprocess.PIPE, cwd=sluice.home, start_new_session=True,
            env={"TERM": "xterm", **sluice.environment, **(environment or {})})
        os.close(slave)
        self.shown = ""

    def _read(self):
        """More of what the terminal shows; False at the end."""
        ready, _, _ = select.select([self._master], [], [], 60)
        if not ready:
            raise AssertionError(f"nothing happens on the terminal; it shows {self.shown!r}")
        try:
            data = os.read(self._master, 65536)
        except OSError:  # EIO: nobody has the other end any more
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)

    def until(self, word):
        while word not in self.shown:
            if not self._read():
                raise AssertionError(f"the terminal never showed {word!r} but {self.shown!r}")

    def type(self, text):
        os.write(self._master, text.encode())

    def end(self):
        """(exit code, stdout, what the terminal showed)."""
        while self._read():
            pass
        out = self.child.stdout.read().decode() if self.child.stdout else ""
        code = self.child.wait(60)
        self.close()
        return code, out, self.shown

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait()
        if self.child.stdout:
            self.child.stdout.close()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class OnATerminal(kit.E2eCase):
    def setUp(self):
        super().setUp()
        self.sluice = self.home()
        self.image = kit.random_image((400_000, 3000), seed=self.project)
        self.a.client().push(f"{self.project}/dev/shop", "latest", self.image)
        self.sluice.write("sluice.yaml", kit.pipeline("shop", ["shop"], ("dev", [(self.a.host, f"{self.project}/dev")]),
                                                      ("prod", [(self.b.host, f"{self.project}/prod")])))
        self.source = f"{self.a.host}/{self.project}/dev/shop"

    def terminal(self, *arguments, **options):
        return self.enterContext(Terminal(self.sluice, *arguments, **options))

    def slow_copy(self, name, *flags, **options):
        """(terminal, go): a copy whose large layer does not get through, and is tried again and again, until go()."""
        proxy = self.enterContext(kit.Proxy(self.b.host))
        layer = self.image.layers[0].digest[7:]
        proxy.fault(method="PUT", target=f"digest=.*{layer}", action="status", status=503, times=0)
        terminal = self.terminal("copy", self.source, f"{proxy.host}/{self.project}/{name}:v1", "--retry-times", "50",
                                 *flags, **options)
        return terminal, proxy.clear_faults

    def test_blobs_in_flight_and_a_total_are_shown_and_taken_away(self):
        terminal, go = self.slow_copy("x", "-o", "json")
        terminal.until(f"{self.image.layers[0].digest[7:19]} [")
        terminal.until("total")
        go()
        code, out, shown = terminal.end()
        self.assertEqual(code, 0, shown)
        self.assertEqual(json.loads(out)["digest"], self.image.digest)
        self.assertNotIn("\x1b", out)
        # The last frame is taken away again: what follows the last "clear to the end" has no progress in it.
        self.assertNotRegex(shown.rpartition("\x1b[J")[2], r"total +\d+%")

    def test_lines_fit_the_terminal(self):
        for columns in (40, 80, 132):
            with self.subTest(columns):
                terminal, go = self.slow_copy(f"c{columns}", columns=columns)
                terminal.until("total")
                go()
                code, out, shown = terminal.end()
                self.assertEqual(code, 0, shown)
                self.assertIn("total", shown)
                for line in re.split(r"[\r\n]+", ESCAPE.sub("", shown)):
                    if "total" in line or "[" in line:
                        self.assertLess(len(line), columns, repr(line))

    def test_results_on_the_same_terminal_are_not_garbled(self):
        terminal = self.terminal("copy", self.source, f"{self.b.host}/{self.project}/x:v1", stdout_too=True)
        code, _, shown = terminal.end()
        self.assertEqual(code, 0, shown)
        lines = [line.rstrip("\r") for line in ESCAPE.sub("", shown.rpartition("\x1b[J")[2]).splitlines()]
        self.assertIn(f"{self.b.host}/{self.project}/x:v1 {self.image.digest}", lines)

    def test_no_progress_when_it_is_not_wanted(self):
        terminal = self.terminal("copy", self.source, f"{self.b.host}/{self.project}/x:v1", "--progress", "none")
        code, out, shown = terminal.end()
        self.assertEqual((code, shown), (0, ""))
        self.assertIn(self.image.digest, out)

    def test_plain_progress_has_no_escapes(self):
        terminal = self.terminal("copy", self.source, f"{self.b.host}/{self.project}/x:v1", "--progress", "plain")
        code, _, shown = terminal.end()
        self.assertEqual(code, 0, shown)
        self.assertIn(self.image.layers[0].digest[7:19], shown)
        self.assertNotIn("\x1b", shown)

    def test_colour_only_where_it_is_wanted(self):
        colours = re.compile(r"\x1b\[[0-9;]*m")
        rows = {"xterm": ({}, True), "NO_COLOR": ({"NO_COLOR": "1"}, False),
                "an empty NO_COLOR": ({"NO_COLOR": ""}, True), "dumb": ({"TERM": "dumb"}, False)}
        for kind, (environment, wanted) in rows.items():
            with self.subTest(kind):
                terminal = self.terminal("plan", "--to", "prod", stdout_too=True, environment=environment)
                code, _, shown = terminal.end()
                self.assertEqual(code, 0, shown)
                self.assertEqual(bool(colours.search(shown)), wanted, repr(shown))

    def test_a_dumb_terminal_gets_plain_lines(self):
        terminal, go = self.slow_copy("x", environment={"TERM": "dumb"})
        terminal.until("begins again")
        go()
        code, _, shown = terminal.end()
        self.assertEqual(code, 0, shown)
        self.assertNotIn("\x1b", shown)

    def test_yes_at_the_prompt_promotes_and_anything_else_does_not(self):
        for answer in ("n\n", "\n", "maybe\n", "\x04"):
            with self.subTest(repr(answer)):
                check = self.unchanged(self.b)
                terminal = self.terminal("promote", "--to", "prod")
                terminal.until("[y/N]")
                terminal.type(answer)
                code, _, shown = terminal.end()
                self.assertEqual(code, 3, shown)
                self.assertIn("nothing was written", shown)
                check()
        terminal = self.terminal("promote", "--to", "prod")
        terminal.until("[y/N]")
        terminal.type("y\n")
        code, _, shown = terminal.end()
        self.assertEqual(code, 0, shown)
        self.holds(self.b, f"{self.project}/prod/shop", "latest", self.image)

    def test_ctrl_c_at_the_prompt_ends_it(self):
        check = self.unchanged(self.b)
        terminal = self.terminal("promote", "--to", "prod")
        terminal.until("[y/N]")
        terminal.child.send_signal(2)
        code, _, shown = terminal.end()
        self.assertEqual(code, 130, shown)
        check()

    def test_a_typed_password_is_not_shown(self):
        with kit.Registry(auth="basic") as registry:
            terminal = self.terminal("login", registry.host, "-u", kit.USER)
            terminal.until("Password")
            terminal.type(kit.PASSWORD + "\n")
            code, out, shown = terminal.end()
            self.assertEqual(code, 0, shown)
            self.assertNotIn(kit.PASSWORD, shown + out)


class OffATerminal(kit.E2eCase):
    def setUp(self):
        super().setUp()
        self.image = kit.random_image((3000, 200), seed=self.project)
        self.a.client().push(self.project, "v1", self.image)
        self.copy = ("copy", f"{self.a.host}/{self.project}:v1", f"{self.b.host}/{self.project}:v1")

    def test_plain_lines_go_to_stderr(self):
        outcome = self.ok(self.home().run(*self.copy, "-o", "json"))
        self.assertNotIn("\x1b", outcome.out + outcome.err)
        self.assertEqual(len(outcome.out.splitlines()), 1)
        for layer in self.image.layers:
            self.assertIn(layer.digest[7:19], outcome.err)

    def test_nothing_is_shown_with_progress_none(self):
        self.assertEqual(self.ok(self.home().run(*self.copy, "--progress", "none")).err, "")


class Help(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sluice = cls.enterClassContext(kit.Sluice())

    def help(self, *words):
        outcome = self.sluice.run(*words, "--help")
        self.assertEqual((outcome.code, outcome.err), (0, ""), outcome)
        return outcome.out

    def test_the_list_of_commands_is_complete(self):
        text = self.help()
        for command in COMMANDS:
            self.assertRegex(text, rf"(?m)\b{command}\b(:|  )")
        for way in (("-h",), ("help",)):
            self.assertEqual(self.sluice.run(*way).out, text)

    def test_every_command_has_help_with_an_example_of_itself(self):
        for command in COMMANDS:
            with self.subTest(command):
                text = self.help(command)
                self.assertIn(f"Usage: sluice {command}", text)
                self.assertRegex(text, rf"(?m)^Example: .*\bsluice {command}\b")

    def test_every_example_is_a_command_line_that_is_understood(self):
        """It fails for what it names (no such registry, no pipeline), not for its form."""
        examples = re.findall(r"(?m)^Example: (.*)$", "\n".join([self.help(), *map(self.help, COMMANDS),
                                                                 self.help("release", "create")]))
        self.assertGreater(len(examples), len(COMMANDS))
        for example in examples:
            with self.subTest(example):
                words = shlex.split(example.rpartition("| ")[2])
                self.assertEqual(words[0], "sluice")
                # A proxy nobody listens on keeps every example away from networks.
                nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9"}
                flags = ["--retry-times", "0", *([] if "-o" in words else ["-o", "json"])]
                outcome = self.sluice.run(*words[1:], *flags, stdin="secret\n", environment=nowhere)
                kind = (outcome.json or {}).get("error", {}).get("kind")
                self.assertNotIn(kind, ("usage", "internal"), outcome)
                self.assertNotRegex(outcome.err, "there is no (command|option|argument)", outcome)

    def test_what_is_not_built_is_not_in_the_help(self):
        text = self.help()
        for word in ("serve", "worker", "approve", "bundle", "freeze", "gates"):
            self.assertNotRegex(text, rf"\b{word}\b")

    def test_the_version_is_one_line(self):
        for way in ("--version", "version"):
            outcome = self.sluice.run(way)
            self.assertEqual(outcome.code, 0, outcome)
            self.assertRegex(outcome.out, r"^sluice \d+\.\d+\.\d+\n$")


if __name__ == "__main__":
    unittest.main(verbosity=2)
