#!/usr/bin/env python3
"""./run bench: sluice beside skopeo, docker, and crane, regctl and oras where they are there, on the same images.

Prints a table of medians and ratios, and which goals are missed; --json also writes everything that was measured.
"""

import argparse
import contextlib
import difflib
import json
import os
import pathlib
import platform
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests" / "support"))

import sluicekit as kit  # noqa: E402
from sluicekit.engine import why_no_engine  # noqa: E402

import cases  # noqa: E402
import measure  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402

SMALL_PART = 20  # of the 200 small images, for tools that take them one by one; the fastest of them takes all
ROUNDS, QUICK_ROUNDS = 7, 3


def parse_arguments(words):
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="smaller images, fewer rounds; for CI")
    parser.add_argument("--peers", action="store_true", help="build crane, regctl and oras with Go first")
    parser.add_argument("--json", metavar="FILE", help="also write the results here")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case (repeatable)")
    parser.add_argument("--rounds", type=int, metavar="N", help="runs of each tool in each case")
    parser.add_argument("--latency", metavar="MS,MS", help="added round trip times (default 0,20,80; quick 0,20)")
    arguments = parser.parse_args(words)
    known = list(cases.all_cases(arguments.quick))
    for name in arguments.case or []:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            parser.error(f"there is no case {name!r}" + (f" (did you mean {near[0]!r}?)" if near else "") +
                         f"; there are: {', '.join(known)}")
    try:
        arguments.latencies = [int(word) for word in arguments.latency.split(",")] if arguments.latency else None
    except ValueError:
        parser.error(f"--latency wants milliseconds like 0,20,80, not {arguments.latency!r}")
    return arguments


class Comparison:
    """All tools on one case at one latency."""

    def __init__(self, bench, tools, latency, rounds, quick):
        self.bench, self.case, self.quick = bench, bench.case, quick
        self.tools, self.latency, self.rounds = tools, latency, rounds
        self.takes_all = None  # the tool that takes the small images one by one, all of them
        self.samples = {tool.name: [] for tool in tools}
        self.counts = {tool.name: [] for tool in tools}
        self.failed = {tool.name: [] for tool in tools}

    def run(self):
        for number in range(self.rounds):
            # Alternating, and each round begins with another tool: drift of the machine hits all alike.
            turn = number % len(self.tools)
            for tool in self.tools[turn:] + self.tools[:turn]:
                self.once(tool, through_proxy=self.latency > 0, timed=True)
        if self.case.small and not self.quick:
            self.fastest_takes_all()
        if self.latency == 0 and not self.case.tls:  # the proxy counts what it can read
            for tool in self.tools:
                self.once(tool, through_proxy=True, timed=False)
        return [self.result(tool) for tool in self.tools]

    def fastest_takes_all(self):
        """Not extrapolated: the loop that a release of many images is compared with."""
        able = [tool for tool in self.tools if self.part(tool) < len(self.bench.items) and self.samples[tool.name]]
        if able:
            self.takes_all = min(able, key=lambda tool: measure.median([each.wall for each in self.samples[tool.name]]))
            self.samples[self.takes_all.name].clear()
            self.counts[self.takes_all.name].clear()
            self.once(self.takes_all, through_proxy=self.latency > 0, timed=True)

    def once(self, tool, through_proxy, timed):
        self.bench.reset()
        tool.ca = self.bench.ca
        tool.forget()
        hosts = [self.bench.source.host, self.bench.target.host]
        with contextlib.ExitStack() as stack:
            proxy = None
            if through_proxy:
                upstreams = hosts[:1] if self.case.same_registry else hosts
                proxy = stack.enter_context(kit.Proxy(*upstreams, latency_ms=self.latency))
                hosts = [proxy.hosts[0], proxy.hosts[-1]]
            tool.prepare(*sorted(set(hosts)))
            sample, part = self.work(tool, hosts)
            if sample.code != 0 or not self.bench.arrived(part):
                why = sample.output.strip().splitlines()[-1:] or ["the image did not arrive"]
                self.failed[tool.name].append(why[0])
                return
            factor = len(self.bench.items) / part
            if timed:
                self.samples[tool.name].append(sample.times(factor))
            if proxy:
                log = proxy.exchanges()
                self.counts[tool.name].append((len(log) * factor, kit.critical_path(log) * factor))

    def work(self, tool, hosts):
        """(sample, how many of the images were copied)."""
        items = self.bench.items
        if tool.by_engine:
            tool.use(self.bench.engine)
        if isinstance(tool, peers.SluicePeer) and (self.case.small or tool.by_engine):
            pipeline = tool.home / "sluice.yaml"
            pipeline.write_text(pipeline_of([name.partition(":")[0].rpartition("/")[2] for name, _, _ in items], *hosts))
            return measure.run(tool.promote("prod"), tool.environment, tool.home), len(items)
        if self.part(tool) < len(items):
            items = items[:self.part(tool)]
        total = None
        for source, target, _ in items:
            sample = measure.run(tool.copy(f"{hosts[0]}/{source}", f"{hosts[1]}/{target}"), tool.environment, tool.home)
            total = total.plus(sample) if total else sample
        return total, len(items)

    def part(self, tool):
        one_by_one = self.case.small and not isinstance(tool, peers.SluicePeer)
        return SMALL_PART if one_by_one and tool is not self.takes_all else len(self.bench.items)

    def result(self, tool):
        samples, counts = self.samples[tool.name], self.counts[tool.name]
        return {
            "case": self.case.name, "latency_ms": self.latency, "tool": tool.name,
            "content_bytes": self.case.content_bytes, "verifies": tool.verifies, "tls": self.case.tls,
            # An engine's work is not ours to judge; nor is a release that others cannot move as one.
            "cpu_goal": None if self.case.classic_bytes or self.case.small else self.case.cpu_goal,
            "idle_bytes": None if tool.by_engine else tool.idle_bytes,
            "wall_seconds": measure.median([each.wall for each in samples]),
            "cpu_seconds": None if tool.by_engine else measure.median([each.cpu for each in samples]),
            "peak_bytes": None if tool.by_engine else measure.median([each.peak_bytes for each in samples]),
            "requests": measure.median([requests for requests, _ in counts]),
            "critical_path": measure.median([path for _, path in counts]),
            "extrapolated": self.part(tool) < len(self.bench.items),
            "runs": len(samples), "failed": len(self.failed[tool.name]), "failures": self.failed[tool.name],
            "walls": [each.wall for each in samples], "cpus": [each.cpu for each in samples],
            "peaks": [each.peak_bytes for each in samples],
        }


def pipeline_of(names, source, target):
    return (f"app: bench\nimages: [{', '.join(names)}]\nsource: {{tag: latest}}\nenvironments:\n"
            f'  - {{name: dev,  registry: "{source}", project: {cases.DEV}}}\n'
            f'  - {{name: prod, registry: "{target}", project: {cases.PROD}}}\n')


def run_case(case, arguments, tools):
    latencies = arguments.latencies or [ms for ms in case.latencies if not (arguments.quick and ms > 20)]
    rounds = arguments.rounds or case.rounds or (QUICK_ROUNDS if arguments.quick else ROUNDS)
    if case.classic_bytes:
        tools = [tool for tool in tools if tool.name in ("sluice", "baseline", "skopeo")]
    with contextlib.ExitStack() as stack:
        if case.classic_bytes:
            reason = why_no_engine() or ("" if peers.Docker.program() else "docker is not installed")
            if reason:
                print(f"{case.name}: skipped: {reason}", file=sys.stderr)
                return []
            tools += [stack.enter_context(contextlib.closing(peer())) for peer in peers.CLASSIC]
        return compare_on(case, arguments, tools, latencies, rounds)


def compare_on(case, arguments, tools, latencies, rounds):
    parent = cases.storage_parent(4 * case.content_bytes)
    print(f"{case.name}: {case.about} ({case.content_bytes / report.MiB:.0f} MiB, "
          f"storage {'in memory' if parent else 'on disk'})", file=sys.stderr)
    results = []
    with cases.Bench(case, parent) as bench:
        for latency in latencies:
            part = Comparison(bench, tools, latency, rounds, arguments.quick).run()
            for each in part:
                line = "  failed: " + each["failures"][0] if each["runs"] == 0 else f"{each['wall_seconds']:.2f} s"
                print(f"  {latency:>3} ms  {each['tool']:<13} {line}", file=sys.stderr, flush=True)
            results += part
    return results


def main(words):
    arguments = parse_arguments(words)
    kit.need("docker-registry", "skopeo")
    kit.binary()
    kit.helper("sluice-proxy")
    results = []
    if arguments.peers:
        peers.build()
    with peers.without_system_cache():
        tools = peers.installed()
        try:
            for tool in tools:
                tool.idle_bytes = measure.idle_peak([tool.program(), *tool.version_words], tool.environment, tool.home)
            versions = {tool.name: "".join(tool.version()) for tool in tools}
            if peers.Docker.program():
                with contextlib.closing(peers.Docker()) as docker:
                    versions["docker"] = "".join(docker.version())
            for name, case in cases.all_cases(arguments.quick).items():
                if not arguments.case or name in arguments.case:
                    results += run_case(case, arguments, tools)
        finally:
            for tool in tools:
                tool.close()
    print(report.table(results))
    print("\n" + report.LEGEND)
    print("\n" + report.goals_table(results))
    absent = [peer.name for peer in peers.ALL if peer.name not in versions and peer is not peers.Baseline]
    if absent:
        print(f"Not found, so not compared: {', '.join(absent)}. With Go installed, --peers builds crane, regctl and oras.")
    if arguments.json:
        document = {"schema": "sluice.bench/2", "quick": arguments.quick, "tools": versions,
                    "machine": {"processors": os.cpu_count(), "kernel": platform.release()}, "results": results}
        pathlib.Path(arguments.json).write_text(json.dumps(document, indent=1) + "\n")
    return 1 if any(each["failed"] for each in results if each["tool"] == "sluice") else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
