#!/usr/bin/env python3
"""Records what about 330 commands of a build give, scenario by scenario: see README.md."""

import argparse
import concurrent.futures
import fcntl
import json
import os
import pathlib
import socket
import struct
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
_INSIDE = "SLUICE_COMPARISON_NETWORK"  # set in the process that has a network of its own
_FIRST_PORT, _RANGE = 20000, 100  # below those that the kernel gives out


def options():
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--bin", required=True, type=pathlib.Path, help="folder of a build: src/sluice, tests/...")
    reader.add_argument("--out", required=True, type=pathlib.Path, help="folder for the recording")
    reader.add_argument("--only", default="", help="only scenarios whose name has this")
    reader.add_argument("--jobs", type=int, default=3, help="scenarios side by side (default 3)")
    reader.add_argument("--free-ports", action="store_true", help="no network of its own: plan hashes are not compared")
    return reader.parse_args()


def enter_network():
    """A network of our own, so that ports are the same in each recording and nobody else has them: this program starts
    again in it. Without the right to one it goes on where it is."""
    if os.environ.get(_INSIDE):
        if os.environ[_INSIDE] == "own":
            _loopback_up()
        return os.environ[_INSIDE] == "own"
    for flags in (["--net"], ["--net", "--map-root-user"]):
        if os.spawnvp(os.P_WAIT, "unshare", ["unshare", *flags, "true"]) == 0:
            os.execvpe("unshare", ["unshare", *flags, sys.executable, "-B", *sys.argv], {**os.environ, _INSIDE: "own"})
    return False


def _loopback_up():
    """ip link set lo up"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        up = 0x1 | 0x40  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(any_socket, 0x8914, struct.pack("16sH14s", b"lo", up, b""))  # SIOCSIFFLAGS


def play(name, scenario, number, fixed):
    """One scenario from its set-up to its clean-up; gives the recording, and why it broke off or None."""
    from scene import Scene
    scene = Scene(name, _FIRST_PORT + number * _RANGE if fixed else 0)
    began, broken = time.monotonic(), None
    try:
        scene.setUp()
        scenario(scene)
    except BaseException:  # the others go on; this one is told at the end
        broken = traceback.format_exc()
    if not scene.doCleanups():
        broken = broken or "clean-up failed; see above"
    print(f"{name}: {len(scene.commands)} commands, {time.monotonic() - began:.1f} s{', BROKEN' if broken else ''}",
          flush=True)
    return scene.recording(), broken


def main():
    told = options()
    fixed = not told.free_ports and enter_network()
    os.environ["SLUICE_BIN_DIR"] = str(told.bin.resolve())
    sys.path[:0] = [str(HERE), str(HERE.parent / "support")]
    from on_clusters import SCENARIOS as on_clusters
    from on_registries import SCENARIOS as on_registries
    # A port belongs to a scenario's place in the list, so that it is the same when only some of them are played.
    everything = {**on_clusters, **on_registries}
    numbers = {name: number for number, name in enumerate(everything)}
    told.out.mkdir(parents=True, exist_ok=True)
    broken = {}
    began = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor(told.jobs) as pool:
        played = {name: pool.submit(play, name, scenario, numbers[name], fixed)
                  for name, scenario in everything.items() if told.only in name}
        for name, future in played.items():
            recording, why = future.result()
            if why:
                broken[name] = why
            path = told.out / f"{name}.json"
            path.write_text(json.dumps(recording, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
    (told.out / "about.json").write_text(json.dumps({"ports": "fixed" if fixed else "free",
                                                     "scenarios": sorted(played)}, indent=1) + "\n")
    print(f"{len(played)} scenarios in {time.monotonic() - began:.0f} s, ports {'fixed' if fixed else 'free'}")
    for name, why in broken.items():
        print(f"{name} broke off:\n{why}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
