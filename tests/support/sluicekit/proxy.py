"""The test proxy (tests/support/proxy_main.cpp) as a context manager, and what its log tells."""

import json
import pathlib
import subprocess
import shutil

from .process import Child
from .sluice import helper
from .tools import folder


def read_log(path):
    """The exchanges of a proxy's log file, in the order in which they ended."""
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines()]


def critical_path(log):
    """How many exchanges had to wait for each other: the longest chain in which each request begins after the response
    before it has ended. `log`: a list of exchanges, or the path of a log file."""
    exchanges = log if isinstance(log, list) else read_log(log)
    events = []
    for number, exchange in enumerate(exchanges):
        events.append((exchange["request_seq"], number, True))
        events.append((exchange["response_seq"], number, False))
    depth, longest_ended = {}, 0
    for _, number, begins in sorted(events):
        if begins:
            depth[number] = longest_ended + 1
        else:
            longest_ended = max(longest_ended, depth[number])
    return longest_ended


class Proxy:
    """`Proxy(registry.host)`, or several upstreams: `ports` and `hosts` are then in the same order.

    One event counter for all of them, so critical_path() follows a copy from one registry to another.
    faults: dicts as described in tests/support/fault.hpp. listen: ports of its own, in the order of the upstreams, in
    place of free ones.
    """

    def __init__(self, *upstreams, latency_ms=0, faults=(), listen=()):
        self._folder = folder("proxy")
        self._log = self._folder / "exchanges.jsonl"
        argv = [helper("sluice-proxy"), "--control", "--latency-ms", latency_ms, "--log", self._log]
        for number, upstream in enumerate(upstreams):
            argv += ["--to", upstream]
            if listen:
                argv += ["--listen", f"127.0.0.1:{listen[number]}"]
        for rule in faults:
            argv += ["--fault", json.dumps(rule)]
        self._child = Child(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.ports = []
        for _ in upstreams:
            words = self._child.popen.stdout.readline().split()
            if words[:2] != ["listening", "on"]:
                self.close()
                raise RuntimeError("sluice-proxy did not start; see its message above")
            self.ports.append(int(words[2]))
        self._seen = 0

    @property
    def hosts(self):
        return [f"127.0.0.1:{port}" for port in self.ports]

    @property
    def host(self):
        return self.hosts[0]

    @property
    def pid(self):
        return self._child.pid

    def _say(self, line):
        self._child.popen.stdin.write(line + "\n")
        self._child.popen.stdin.flush()
        answer = self._child.popen.stdout.readline().strip()
        if answer != "ok":
            raise ValueError(f"sluice-proxy refused {line}: {answer}")

    def fault(self, **rule):
        """Adds a rule; counting of matches starts now."""
        self._say(json.dumps(rule))

    def clear_faults(self):
        self._say("clear")

    def exchanges(self):
        """Everything since the start, or since forget()."""
        return read_log(self._log)[self._seen:] if self._log.exists() else []

    def forget(self):
        self._seen += len(self.exchanges())

    def critical_path(self):
        return critical_path(self.exchanges())

    def close(self):
        self._child.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
