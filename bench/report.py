"""The table and its explanations."""

MiB, GiB = 1 << 20, 1 << 30

LEGEND = """\
Medians of alternating runs; x is the ratio to skopeo, in the case classic to docker (pull, tag, push, rmi), on the
same work (below 1 is better). Every run is a first run:
fresh storage at the destination, no caches of the tool. Digests at the destination are checked after each run.
  wall       start to end of the process        cpu/GiB    its user + system time, per GiB of layers and configs
  peak       VmHWM of the process               requests   HTTP exchanges, seen by a proxy between it and the registries
  in a row   the longest chain of exchanges that wait for each other
At 0 ms the timed runs go straight to the registries, and one more run through the proxy counts; else all go through it.
CPU and memory of what works through a Docker engine are the engine's, and not measured.
Measured is the client. Not measured: the registries' own CPU, real networks (loss, TLS, bandwidth), disks when storage
is in memory. Absolute times depend on the machine and its load; ratios are what to compare."""


def _number(value, form="{:.2f}"):
    return "-" if value is None else form.format(value)


def _ratio(value, base):
    return None if not value or not base else value / base


def rows(results):
    """Adds to each result its ratios to skopeo, in the case classic to docker."""
    base = {(each["case"], each["latency_ms"]): each for each in results
            if each["tool"] == ("docker" if each["case"] == "classic" else "skopeo")}
    for each in results:
        other = base.get((each["case"], each["latency_ms"]), {})
        for key in ("wall_seconds", "cpu_seconds", "peak_bytes"):
            each["ratio_" + key.split("_")[0]] = _ratio(each[key], other.get(key))
    return results


def table(results):
    head = ("case", "ms", "tool", "wall s", "x", "cpu/GiB", "x", "peak MiB", "x", "requests", "in a row", "runs")
    lines = [head]
    for each in rows(results):
        per_gib = None if each["cpu_seconds"] is None else each["cpu_seconds"] * GiB / each["content_bytes"]
        lines.append((
            each["case"], str(each["latency_ms"]), each["tool"],
            _number(each["wall_seconds"]) + ("*" if each["extrapolated"] else ""),
            _number(each["ratio_wall"]), _number(per_gib), _number(each["ratio_cpu"]),
            _number(each["peak_bytes"] and each["peak_bytes"] / MiB, "{:.1f}"), _number(each["ratio_peak"]),
            _number(each["requests"], "{:.0f}"), _number(each["critical_path"], "{:.0f}"),
            f"{each['runs']}" + (f" ({each['failed']} failed)" if each["failed"] else ""),
        ))
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    text, last = [], None
    for line in lines:
        if last not in (None, line[:2]):
            text.append("")
        last = line[:2]
        text.append("  ".join(
            cell.ljust(width) if column in (0, 2) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))).rstrip())
    if any(each["extrapolated"] for each in results):
        text.append("\n* extrapolated from a part of the images")
    return "\n".join(text)
