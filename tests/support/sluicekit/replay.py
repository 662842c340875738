"""Plays recorded transcripts (tests/data/openshift-wire) against `sluice sandbox` and tells where it differs.

How to use it while building the sandbox:

    SLUICE_BIN_DIR=build/dev /usr/bin/python3 -B tests/support/sluicekit/replay.py 13 19b 63-image-change
    SLUICE_BIN_DIR=build/dev /usr/bin/python3 -B tests/support/sluicekit/replay.py          # all of them

A transcript is named by its file, or by the beginning of the file's name. Each gets a sandbox of its own.

    -v             every difference with the whole request and answer, and what the sandbox wrote to stderr
    -x             stop a transcript at its first difference (by default the steps that follow are tried as well)
    --patience S   how long "eventually" steps wait (20); after a first difference they wait a fifth of it
    --threads N    transcripts at the same time (4)
    --shared       one sandbox for all transcripts of a thread; projects are renamed (acme-dev -> a007-dev)
    --ready FILE   use a sandbox that runs already (in a debugger); FILE holds the line it printed. Start it with
                   `sluice sandbox --nodes manual -o json`
    --program P    another program than $SLUICE_BIN_DIR/src/sluice

A difference names the step (from 0, as `opened_before_step` counts; `setup 3` is in the setup), the path in the body,
what was recorded and what came. Exit code 1 when anything differs.
"""

import argparse
import concurrent.futures
import http.client
import json
import pathlib
import sys
import threading
import time

if __package__ in (None, ""):
    sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])
    from sluicekit import replay as itself
    sys.exit(itself.main())

from .sandbox import Sandbox
from .sluice import ROOT
from .transcript import Difference, Replay, Result, recorded

RECORDINGS = ROOT / "tests" / "data" / "openshift-wire"

# The recorded server was not empty: lists of the whole cluster (the registry's catalog) had more in them.
NEIGHBOUR = {"projects": [{"name": "neighbour"}], "objects": [
    {"kind": "ImageStream", "apiVersion": "image.openshift.io/v1",
     "metadata": {"name": name, "namespace": "neighbour"}} for name in ("fence", "hedge")]}


def transcripts(*names):
    """Paths of recordings by file or by the beginning of their name; all of them without names."""
    found = []
    every = sorted(RECORDINGS.glob("*.json"))
    for name in names:
        if pathlib.Path(name).is_file():
            found.append(pathlib.Path(name))
            continue
        some = [path for path in every if path.stem == name] or [
            path for path in every if path.stem.split("-")[0] == name] or [
            path for path in every if path.stem.startswith(name)]
        if not some:
            raise FileNotFoundError(f"no recording is named {name!r}")
        found += some
    return found if names else every


def play(path, sandbox=None, prefix="acme-", patience=20, stop_early=False, program=None):
    """One recording against a sandbox, by default a fresh one. Never raises for what the sandbox does."""
    transcript = json.loads(pathlib.Path(path).read_text())
    name = pathlib.Path(path).stem
    try:
        if sandbox is not None:
            return Replay(transcript, name, sandbox, prefix, patience, stop_early).run()
        with Sandbox(nodes="manual", program=program) as own:
            own.scenario(NEIGHBOUR)
            own.settle()
            result = Replay(transcript, name, own, prefix, patience, stop_early).run()
            result.log = own.log.read_text(errors="replace")
            return result
    except (AssertionError, RuntimeError, OSError, http.client.HTTPException) as error:
        result = Result(name, recorded(transcript))
        result.differences.append(Difference(name, f"could not be played: {error}"))
        return result


def play_all(paths, threads=4, shared=False, **how):
    """Results in the order of `paths`."""
    kept = threading.local()
    opened = []

    def one(numbered):
        number, path = numbered
        if not shared:
            return play(path, **how)
        if not hasattr(kept, "sandbox"):
            kept.sandbox = Sandbox(nodes="manual", program=how.get("program"))
            kept.sandbox.scenario(NEIGHBOUR)
            opened.append(kept.sandbox)
        more = {key: value for key, value in how.items() if key != "program"}
        return play(path, sandbox=kept.sandbox, prefix=f"a{number:03d}-", **more)

    try:
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            return list(pool.map(one, enumerate(paths)))
    finally:
        for sandbox in opened:
            sandbox.close()


def running(ready):
    """A sandbox that somebody else has started, by the line that it printed."""
    sandbox = Sandbox.__new__(Sandbox)
    sandbox.__dict__.update(_tokens={}, _wires=[])
    sandbox._take(ready)
    return sandbox


def summary(results):
    return (f"{sum(one.agreed for one in results)} of {sum(one.recorded for one in results)} "
            f"recorded exchanges agreed")


def main(words=None):
    parser = argparse.ArgumentParser(prog="replay.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="*")
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("-x", action="store_true", dest="stop_early")
    parser.add_argument("--patience", type=float, default=20)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--shared", action="store_true")
    parser.add_argument("--ready", type=pathlib.Path)
    parser.add_argument("--program")
    given = parser.parse_args(words)
    how = {"patience": given.patience, "stop_early": given.stop_early}
    paths = transcripts(*given.file)
    if given.ready:
        sandbox = running(json.loads(given.ready.read_text()))
        results = [play(path, sandbox, f"a{number + int(time.time()) % 900:03d}-", **how)
                   for number, path in enumerate(paths)]
    else:
        results = play_all(paths, given.threads, given.shared, program=given.program, **how)
    for result in results:
        print(result)
        if given.verbose and result.differences:
            for difference in result.differences:
                print(f"    --- {difference.where}\n    {difference.detail}")
            print(f"    --- stderr of the sandbox\n{result.log}")
    print(summary(results))
    return 1 if any(result.differences for result in results) else 0
