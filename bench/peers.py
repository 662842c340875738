"""The tools that are compared, each with what it needs to copy between registries on loopback, plain and over TLS."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import sluicekit as kit
from sluicekit.go_programs import GoProgram

# What --peers builds. They are pinned, so that numbers of different days compare.
BUILT = {program.name: program for program in (
    GoProgram("crane", "github.com/google/go-containerregistry", "v0.22.1", "cmd/crane"),
    GoProgram("regctl", "github.com/regclient/regclient", "v0.11.7", "cmd/regctl"),
    GoProgram("oras", "oras.land/oras", "v1.3.6", "cmd/oras"),
)}
_SYSTEM_CACHE = pathlib.Path("/var/lib/containers/cache")


class Peer:
    """A tool with a home of its own: no configuration, credentials or caches of the machine's user."""

    name = ""
    by_engine = False
    verifies = True  # compares the bytes that it carries with their digests; read in its source
    ca = None        # of the registries; None: they speak plain HTTP
    idle_bytes = None  # VmHWM of its --version

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        self.environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self.forget()

    @classmethod
    def program(cls):
        built = BUILT.get(cls.name)
        return str(built.path) if built and built.is_built else kit.tools.find(cls.name)

    def forget(self):
        """Removes all that an earlier run has left: every run is a first run."""
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / ".run").mkdir(parents=True, mode=0o700)
        self.environment.update({
            "HOME": str(self.home), "XDG_DATA_HOME": str(self.home / ".data"), "XDG_RUNTIME_DIR": str(self.home / ".run"),
            "XDG_CONFIG_HOME": str(self.home / ".config"), "XDG_STATE_HOME": str(self.home / ".state"),
            "XDG_CACHE_HOME": str(self.home / ".cache"), "DOCKER_CONFIG": str(self.home / ".docker"),
        })

    def prepare(self, *hosts):
        """Says how these hosts are spoken to, where a flag of copy() cannot."""

    def copy(self, source, destination):
        raise NotImplementedError

    def version(self):
        done = subprocess.run([self.program(), *self.version_words], capture_output=True, text=True, check=False,
                              env=self.environment)
        return (done.stdout or done.stderr).strip().splitlines()[0:1]

    version_words = ("--version",)

    def close(self):
        shutil.rmtree(self.home, ignore_errors=True)


class SluicePeer(Peer):
    name = "sluice"

    @classmethod
    def program(cls):
        return str(kit.binary())

    def prepare(self, *hosts):
        for host in hosts if self.ca else ():
            folder = self.home / ".config" / "containers" / "certs.d" / host
            folder.mkdir(parents=True)
            shutil.copy(self.ca, folder / "ca.crt")

    def copy(self, source, destination):
        return [self.program(), "copy", source, destination, "--progress", "none"]

    def promote(self, environment):
        return [self.program(), "promote", "--to", environment, "--yes", "--progress", "none", "-o", "json"]


class EnginePeer:
    """What works through an engine: its own CPU and memory say nothing, the engine does the work."""

    by_engine = True
    version_words = ("--version",)

    def use(self, engine):
        self.environment["DOCKER_HOST"] = f"unix://{engine.socket}"


class SluiceThroughEngine(EnginePeer, SluicePeer):
    """Sluice on the road docker: the same four steps, with its plan, memory and read-back."""

    name = "sluice-docker"

    def promote(self, environment):
        return [*super().promote(environment), "--via", "docker"]


class Docker(EnginePeer, Peer):
    """The classic playbook."""

    name = "docker"
    STEPS = 'docker pull -q "$1" && docker tag "$1" "$2" && docker push -q "$2" && docker rmi "$1" "$2"'

    def copy(self, source, destination):
        return ["sh", "-c", self.STEPS, "sh", source, destination]


class Baseline(SluicePeer):
    """An earlier build of sluice, named by $SLUICE_BASELINE: what a change costs, in the same run."""

    name = "baseline"

    @classmethod
    def program(cls):
        return os.environ.get("SLUICE_BASELINE")


class Skopeo(Peer):
    name = "skopeo"

    def forget(self):
        super().forget()
        # Root's cache of blob locations does not follow XDG_DATA_HOME; see without_system_cache().
        if os.geteuid() == 0:
            for path in _SYSTEM_CACHE.glob("blob-info-cache-v1.*"):
                path.unlink(missing_ok=True)

    def prepare(self, *hosts):
        if self.ca:
            (self.home / "ca").mkdir()
            shutil.copy(self.ca, self.home / "ca" / "ca.crt")

    def copy(self, source, destination):
        folder = self.home / "ca"
        reach = ([f"--src-cert-dir={folder}", f"--dest-cert-dir={folder}"] if self.ca else
                 ["--src-tls-verify=false", "--dest-tls-verify=false"])
        return [self.program(), "copy", "--quiet", "--all", "--preserve-digests", *reach, f"docker://{source}",
                f"docker://{destination}"]


class Crane(Peer):
    name = "crane"
    version_words = ("version",)

    def prepare(self, *hosts):
        self.environment.pop("SSL_CERT_FILE", None)
        if self.ca:
            self.environment["SSL_CERT_FILE"] = str(self.ca)

    def copy(self, source, destination):
        return [self.program(), "copy", *([] if self.ca else ["--insecure"]), source, destination]


class Regctl(Peer):
    name = "regctl"
    version_words = ("version", "--format", "{{.VCSTag}}")

    def prepare(self, *hosts):
        self.environment["REGCTL_CONFIG"] = str(self.home / "regctl.json")
        reach = ["--cacert", self.ca.read_text()] if self.ca else ["--tls", "disabled"]
        for host in hosts:
            subprocess.run([self.program(), "registry", "set", *reach, "--skip-check", host], check=True,
                           env=self.environment, capture_output=True)

    def copy(self, source, destination):
        return [self.program(), "image", "copy", source, destination]


class Oras(Peer):
    name = "oras"
    verifies = False  # from registry to registry it hands the bytes on as they come
    version_words = ("version",)

    def copy(self, source, destination):
        reach = ([f"--from-ca-file={self.ca}", f"--to-ca-file={self.ca}"] if self.ca else
                 ["--from-plain-http", "--to-plain-http"])
        return [self.program(), "cp", "--no-tty", *reach, source, destination]


ALL = (SluicePeer, Baseline, Skopeo, Crane, Regctl, Oras)


CLASSIC = (SluiceThroughEngine, Docker)  # beside sluice and skopeo, in the case of that name


def build():
    """Builds what can be built; says plainly what cannot."""
    for program in BUILT.values():
        if not program.is_built:
            print(f"building {program.name} {program.version} ...", file=sys.stderr, flush=True)
        _, why_not = program.build()
        if why_not:
            print(f"  no {program.name}: {why_not}", file=sys.stderr, flush=True)


def installed():
    return [peer() for peer in ALL if peer.program()]


@contextlib.contextmanager
def without_system_cache():
    """Puts root's blob cache of skopeo aside, and back at the end."""
    aside = []
    if os.geteuid() == 0:
        for path in _SYSTEM_CACHE.glob("blob-info-cache-v1.*"):
            kept = path.with_name(path.name + f".bench-{os.getpid()}")
            # The pattern above must not find it.
            kept = kept.with_name("kept-" + kept.name)
            path.rename(kept)
            aside.append((path, kept))
    try:
        yield
    finally:
        for path, kept in aside:
            kept.replace(path)
