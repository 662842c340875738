"""The tools that are compared, each with what it needs to copy between plain HTTP registries on loopback."""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import sluicekit as kit

_SYSTEM_CACHE = pathlib.Path("/var/lib/containers/cache")


class Peer:
    """A tool with a home of its own: no configuration, credentials or caches of the machine's user."""

    name = ""
    by_engine = False

    def __init__(self):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix=f"bench-{self.name}-"))
        self.environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self.forget()

    @classmethod
    def program(cls):
        return kit.tools.find(cls.name)

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
        """Says that these hosts speak plain HTTP, where a flag cannot."""

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

    def copy(self, source, destination):
        return [self.program(), "copy", "--quiet", "--all", "--preserve-digests", "--src-tls-verify=false",
                "--dest-tls-verify=false", f"docker://{source}", f"docker://{destination}"]


class Crane(Peer):
    name = "crane"
    version_words = ("version",)

    def copy(self, source, destination):
        return [self.program(), "copy", "--insecure", source, destination]


class Regctl(Peer):
    name = "regctl"
    version_words = ("version", "--format", "{{.VCSTag}}")

    def prepare(self, *hosts):
        self.environment["REGCTL_CONFIG"] = str(self.home / "regctl.json")
        for host in hosts:
            subprocess.run([self.program(), "registry", "set", "--tls", "disabled", "--skip-check", host], check=True,
                           env=self.environment, capture_output=True)

    def copy(self, source, destination):
        return [self.program(), "image", "copy", source, destination]


class Oras(Peer):
    name = "oras"
    version_words = ("version",)

    def copy(self, source, destination):
        return [self.program(), "cp", "--no-tty", "--from-plain-http", "--to-plain-http", source, destination]


ALL = (SluicePeer, Baseline, Skopeo, Crane, Regctl, Oras)


CLASSIC = (SluiceThroughEngine, Docker)  # beside sluice and skopeo, in the case of that name


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
