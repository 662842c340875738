"""Programs that are built from their Go modules where there is a Go that can: other registries, and other clients.

They are built once into build/peers/bin of the checkout, in pinned versions. Where that cannot be done the caller is
told why. cosign takes longer than a test may; it is built by hand: PYTHONPATH=tests/support python3 -m sluicekit.go_programs
"""

import dataclasses
import fcntl
import os
import pathlib
import subprocess

from .tools import find, folder

BIN = pathlib.Path(__file__).resolve().parents[3] / "build" / "peers" / "bin"
_GO_OWN_FOLDER = pathlib.Path("/usr/local/go/bin/go")  # where Go's own archive puts it, which is on no PATH by itself
_BUILD_SECONDS = 420


@dataclasses.dataclass(frozen=True)
class GoProgram:
    """`package`: the folder of the program below its module."""

    name: str
    module: str
    version: str
    package: str

    @property
    def path(self):
        return BIN / self.name

    @property
    def is_built(self):
        """In this version. A program without a note of its version is one of the version that was pinned first."""
        note = self._note
        return self.path.exists() and (not note.exists() or note.read_text().strip() == self.version)

    @property
    def _note(self):
        return BIN / f"{self.name}.version"

    def build(self, seconds=_BUILD_SECONDS):
        """(path, None) or (None, why not)."""
        if self.is_built:
            return self.path, None
        go = find("go") or (_GO_OWN_FOLDER if _GO_OWN_FOLDER.exists() else None)
        if go is None:
            return None, "go is not installed"
        BIN.mkdir(parents=True, exist_ok=True)
        with (BIN / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            return (self.path, None) if self.is_built else self._build(go, seconds)

    def _build(self, go, seconds):
        work = folder(f"go-{self.name}")
        # A module of our own: `go install MODULE@VERSION` also asks for lists that not every proxy has.
        (work / "go.mod").write_text(f"module peers\n\ngo 1.24\n\nrequire {self.module} {self.version}\n")
        made = work / self.name
        try:
            done = subprocess.run([go, "build", "-mod=mod", "-p", "2", "-o", made, f"{self.module}/{self.package}"],
                                  cwd=work, capture_output=True, text=True, check=False, timeout=seconds,
                                  env=dict(os.environ, CGO_ENABLED="0"))
        except subprocess.TimeoutExpired:
            return None, f"go did not build {self.module} in {seconds} s"
        if done.returncode != 0:
            return None, f"go cannot build {self.module} {self.version}: {(done.stderr.strip().splitlines() or ['?'])[-1]}"
        # The note goes first: a program is never taken for one of another version.
        self._note.write_text(self.version + "\n")
        beside = BIN / f".{self.name}.new"
        beside.write_bytes(made.read_bytes())
        beside.chmod(0o755)
        beside.replace(self.path)
        return self.path, None


COSIGN = GoProgram("cosign", "github.com/sigstore/cosign/v2", "v2.6.1", "cmd/cosign")

if __name__ == "__main__":
    print(*COSIGN.build(seconds=3600))
