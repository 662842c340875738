"""Running the built binaries as a user would."""

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess

from .process import Child
from .tools import folder, skip

ROOT = pathlib.Path(__file__).resolve().parents[3]


def build_folder():
    """$SLUICE_BIN_DIR, which CTest sets, else the release build."""
    return pathlib.Path(os.environ.get("SLUICE_BIN_DIR") or ROOT / "build" / "release").resolve()


def binary():
    path = build_folder() / "src" / "sluice"
    if not path.exists():
        skip(f"{path} is not built")
    return path


def sanitized():
    """Whether sluice was built with a sanitizer, which needs memory of its own."""
    # From the program and not from /proc/PID/maps, which only root may read: sluice is not dumpable.
    program = binary().read_bytes()
    return any(name in program for name in (b"libasan", b"libtsan"))


def helper(name):
    """A helper program of the tests, for example sluice-proxy."""
    path = build_folder() / "tests" / name
    if not path.exists():
        skip(f"{path} is not built")
    return path


@dataclasses.dataclass
class Outcome:
    """What one run gave. `json` is stdout parsed (its last line when there are several), or None."""

    argv: list
    code: int
    out: str
    err: str

    @property
    def json(self):
        for text in (self.out, self.out.strip().rpartition("\n")[2]):
            try:
                return json.loads(text)
            except ValueError:
                continue
        return None

    def __str__(self):
        words = " ".join(map(str, self.argv))
        return f"$ {words}\nexit code {self.code}\n--- stdout\n{self.out}--- stderr\n{self.err}"


class Sluice:
    """sluice with a home, state and configuration of its own, so that nothing of the developer's leaks in or out.

    `home` is also the working folder: write sluice.yaml there. `outcomes` has what every run gave.
    """

    def __init__(self, environment=None):
        self.outcomes = []
        self.home = folder("home")
        (self.home / ".run").mkdir(mode=0o700)
        kept = {name: value for name, value in os.environ.items()
                if name in ("PATH", "LANG", "TZ", "ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")}
        self.environment = {
            **kept, "HOME": str(self.home), "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_STATE_HOME": str(self.home / ".state"), "XDG_CACHE_HOME": str(self.home / ".cache"),
            "XDG_DATA_HOME": str(self.home / ".data"), "XDG_RUNTIME_DIR": str(self.home / ".run"),
            **(environment or {}),
        }

    def write(self, name, text):
        """A file in the home, with its folders."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def run(self, *arguments, stdin="", timeout=120, environment=None, program=None, before_start=None):
        """Runs to the end. A run that outlives `timeout` is killed and raises. `program` instead of sluice;
        `before_start` is called in the child, for limits."""
        argv = [program or binary(), *arguments]
        done = subprocess.run([str(word) for word in argv], input=stdin, capture_output=True, text=True,
                              errors="replace", timeout=timeout, cwd=self.home, check=False, preexec_fn=before_start,
                              env={**self.environment, **(environment or {})})
        return self._note(Outcome(argv, done.returncode, done.stdout, done.stderr))

    def _note(self, outcome):
        self.outcomes.append(outcome)
        return outcome

    def start(self, *arguments, environment=None, program=None):
        """Starts without waiting; gives a Child with pipes."""
        return Child([program or binary(), *arguments], cwd=self.home, env={**self.environment, **(environment or {})},
                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def interrupt(self, child, number=signal.SIGINT, timeout=30):
        """Sends a signal to a started run and waits for its outcome."""
        child.popen.send_signal(number)
        return self.finish(child, timeout)

    def finish(self, child, timeout=120):
        """Waits for the outcome of a started run."""
        out, err = child.popen.communicate(timeout=timeout)
        child.stop()
        return self._note(Outcome(child.popen.args, child.popen.returncode, out, err))

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
