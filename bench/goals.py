"""The goals of a cell (one case at one latency): who is compared with whom, and which goals are missed. Pure."""

MiB = 1 << 20

WALL = 1.03       # of the best peer
CPU_PLAIN = 0.85  # of the best peer that verifies what it carries, where two blobs or more are in flight
CPU_TLS = 0.7     # the same over TLS
CPU_ONE = 1.0     # the same for a single layer, and where no bytes move
ABOVE_PLAIN = 6 * MiB  # peak memory above that of `sluice --version`
ABOVE_TLS = 10 * MiB
SMALL_FACTOR = 20  # a release of 200 small images, 20 ms away, against a loop of the fastest peer
SMALL_LATENCY_MS = 20

OURS = ("sluice", "baseline")


def is_peer(result):
    return result["tool"] not in OURS and not result["tool"].startswith("sluice")


def best(results, key, verifying=False):
    """Of one cell: the result of the peer with the least `key`, or None."""
    able = [each for each in results if is_peer(each) and each[key] and (each["verifies"] or not verifying)]
    return min(able, key=lambda each: each[key], default=None)


def cells(results):
    """Lists of results, one for each case and latency, in their order."""
    out = {}
    for each in results:
        out.setdefault((each["case"], each["latency_ms"]), []).append(each)
    return list(out.values())


def _ratio(value, other, key):
    return value / other[key] if value and other else None


def judge(results):
    """Adds to each result `ratio_wall` (to the best peer of its cell), `ratio_cpu` (to the best that verifies),
    `above_bytes` (peak above that of the tool's own `--version`) and `missed`: a list of words, only for sluice."""
    for cell in cells(results):
        wall, cpu = best(cell, "wall_seconds"), best(cell, "cpu_seconds", verifying=True)
        for each in cell:
            each["ratio_wall"] = _ratio(each["wall_seconds"], wall, "wall_seconds")
            each["ratio_cpu"] = _ratio(each["cpu_seconds"], cpu, "cpu_seconds")
            known = each["peak_bytes"] and each["idle_bytes"]
            each["above_bytes"] = max(0, each["peak_bytes"] - each["idle_bytes"]) if known else None
            each["missed"] = _missed(each) if each["tool"] == "sluice" and each["cpu_goal"] else []
    return results


def _missed(one):
    out = []
    if one["ratio_wall"] and one["ratio_wall"] > WALL:
        out.append(f"wall {one['ratio_wall']:.2f} > {WALL}")
    if one["ratio_cpu"] and one["ratio_cpu"] > one["cpu_goal"]:
        out.append(f"cpu {one['ratio_cpu']:.2f} > {one['cpu_goal']}")
    most = ABOVE_TLS if one["tls"] else ABOVE_PLAIN
    if one["above_bytes"] is not None and one["above_bytes"] > most:
        out.append(f"memory {one['above_bytes'] / MiB:.1f} > {most // MiB} MiB")
    return out


def small_factors(results):
    """(latency, peer, how many times as fast the release was as a loop of that peer, goal or None) for each latency."""
    out = []
    for cell in cells([each for each in results if each["case"] == "small200"]):
        ours = next((each for each in cell if each["tool"] == "sluice" and each["wall_seconds"]), None)
        fastest = best(cell, "wall_seconds")
        if ours and fastest:
            goal = SMALL_FACTOR if ours["latency_ms"] == SMALL_LATENCY_MS else None
            out.append((ours["latency_ms"], fastest["tool"], fastest["wall_seconds"] / ours["wall_seconds"], goal))
    return out
