"""The tables and their explanations."""

import goals

MiB = 1 << 20

LEGEND = """\
Medians of alternating runs. Every run is a first run: fresh storage at the destination, no caches of the tool. Digests
at the destination are checked after each run.
  wall       start to end of the process; x: to the best of the other tools (below 1 is better)
  cpu        its user + system time; x: to the best of the other tools that compare the bytes with their digests
  peak       VmHWM of the process; above: that less the VmHWM of the tool's own --version
  requests   HTTP exchanges, seen by a proxy between it and the registries
  in a row   the longest chain of exchanges that wait for each other
  (unhashed) does not compare the bytes that it carries with their digests: no measure for CPU
At 0 ms the timed runs go straight to the registries, and one more run through the proxy counts (not with TLS, which it
cannot read); else all go through it. In the case classic x is the ratio to docker (pull, tag, push, rmi).
CPU and memory of what works through a Docker engine are the engine's, and not measured.
Measured is the client. Not measured: the registries' own CPU, real networks (loss, bandwidth), disks when storage
is in memory. Absolute times depend on the machine and its load; ratios are what to compare."""


def _number(value, form="{:.2f}"):
    return "-" if value is None else form.format(value)


def _mebibytes(value):
    return "-" if value is None else f"{value / MiB:.1f}"


def rows(results):
    """Judged results; in the case classic the ratios are to docker."""
    goals.judge(results)
    docker = {each["latency_ms"]: each for each in results if (each["case"], each["tool"]) == ("classic", "docker")}
    for each in results:
        if each["case"] == "classic":
            base = docker.get(each["latency_ms"], {}).get("wall_seconds")
            each["ratio_wall"] = each["wall_seconds"] / base if base and each["wall_seconds"] else None
            each["ratio_cpu"] = None
    return results


def _aligned(lines, left, gap_by):
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text, last = [], None
    for line in lines:
        if last not in (None, gap_by(line)):
            text.append("")
        last = gap_by(line)
        text.append("  ".join(cell.ljust(width) if column in left else cell.rjust(width)
                              for column, (cell, width) in enumerate(zip(line, widths))).rstrip())
    return text


def table(results):
    lines = [("case", "ms", "tool", "wall s", "x", "cpu s", "x", "peak MiB", "above", "requests", "in a row", "runs",
              "missed goals")]
    for each in rows(results):
        lines.append((
            each["case"], str(each["latency_ms"]), each["tool"] + ("" if each["verifies"] else " (unhashed)"),
            _number(each["wall_seconds"]) + ("*" if each["extrapolated"] else ""), _number(each["ratio_wall"]),
            _number(each["cpu_seconds"]), _number(each["ratio_cpu"]),
            _mebibytes(each["peak_bytes"]), _mebibytes(each["above_bytes"]),
            _number(each["requests"], "{:.0f}"), _number(each["critical_path"], "{:.0f}"),
            f"{each['runs']}" + (f" ({each['failed']} failed)" if each["failed"] else ""),
            "MISSED: " + ", ".join(each["missed"]) if each["missed"] else "",
        ))
    text = _aligned(lines, (0, 2, 12), lambda line: line[:2])
    if any(each["extrapolated"] for each in results):
        text.append("\n* extrapolated from a part of the images")
    return "\n".join(text)


def _cell_line(cell):
    ours = next((each for each in cell if each["tool"] == "sluice" and each["cpu_goal"]), None)
    wall, cpu = goals.best(cell, "wall_seconds"), goals.best(cell, "cpu_seconds", verifying=True)
    if not ours or not wall or not cpu:
        return None
    marks = {word.split()[0] for word in ours["missed"]}

    def marked(text, goal):
        return f"**{text}** (missed)" if goal in marks else text

    return (f"| {ours['case']}, {ours['latency_ms']} ms | {marked(_number(ours['ratio_wall']), 'wall')} | {wall['tool']} "
            f"| {marked(_number(ours['ratio_cpu']), 'cpu')}, goal {ours['cpu_goal']} | {cpu['tool']} "
            f"| {marked(_mebibytes(ours['above_bytes']), 'memory')} |")


def goals_table(results):
    """One line for each cell, in Markdown: sluice against the best other tool. `results` are judged."""
    lines = [line for line in map(_cell_line, goals.cells(results)) if line]
    text = []
    if lines:
        text = [f"Sluice against the best other tool of each cell (goal for wall: {goals.WALL}; for memory above "
                f"--version: {goals.ABOVE_PLAIN // MiB} MiB, {goals.ABOVE_TLS // MiB} MiB with TLS):", "",
                "| Case | Wall | of | CPU | of | MiB above --version |", "|---|---|---|---|---|---|", *lines]
    for latency, peer, factor, goal in goals.small_factors(results):
        judged = "" if goal is None else f" (goal: {goal}{', missed' if factor < goal else ''})"
        text.append(f"\n200 small images as one release, {latency} ms away: {factor:.1f} times as fast as a loop of "
                    f"{peer}{judged}.")
    return "\n".join(text) or "No other tool to compare with."
