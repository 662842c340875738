"""What stands at places and in local records after a scenario, as plain values: the masks come later."""

import collections
import json
import re
import sqlite3
from contextlib import closing

from sluicekit.case import is_own
from sluicekit.sandbox_case import history, streams
from sluicekit.shop import workload_path


def memory_id(client, repository):
    """The id that a repository's memory gave itself, or None."""
    if "sluice-memory" not in client.tags(repository):
        return None
    return _memory(client, repository)["io.sluice.memory"].get("id")


def registry(client, repositories=None):
    """Of every repository, or of these: its tags and what is remembered there."""
    found = {}
    for repository in repositories or client.repositories():
        tags = client.tags(repository)
        found[repository] = {
            "tags": {tag: client.digest(repository, tag) for tag in tags if not is_own(tag)},
            # A memory has times in it, so its digest tells nothing; a pin and a claim bear their digest in the name.
            "own": sorted(tag for tag in tags if is_own(tag)),
            "memory": _memory(client, repository) if "sluice-memory" in tags else None,
        }
    return found


def _memory(client, repository):
    document = json.loads(client.manifest(repository, "sluice-memory")[0])
    return {**document["annotations"], "io.sluice.memory": json.loads(document["annotations"]["io.sluice.memory"])}


def project(one):
    """Of a project of a sandbox: its streams with their annotations and tags, workloads, and what pods run."""
    found = {"streams": {}, "workloads": {}}
    for stream in one.get(streams(one.name))["items"]:
        notes = stream["metadata"].get("annotations", {})
        names = [tag["name"] for tag in stream["spec"].get("tags") or []]
        found["streams"][stream["metadata"]["name"]] = {
            "notes": {key: json.loads(text) for key, text in notes.items() if key.startswith("sluice/")},
            "spec": {tag["name"]: tag.get("from", {}).get("name") for tag in stream["spec"].get("tags") or []},
            "history": {tag: history(stream, tag) for tag in sorted(
                {*names, *(tag["tag"] for tag in stream["status"].get("tags") or [])})}}
    for kind in ("DeploymentConfig", "Deployment", "StatefulSet", "DaemonSet"):
        for workload in one.get(workload_path(kind, one.name))["items"]:
            name = workload["metadata"]["name"]
            found["workloads"][f"{kind}/{name}"] = {
                "paused": workload["spec"].get("paused", False), "pods": one.pods(name),
                "triggers": workload["spec"].get("triggers"),
                "images": [c["image"].rpartition("@")[2]
                           for c in workload["spec"]["template"]["spec"]["containers"]],
                "notes": sorted(key for key in workload["metadata"].get("annotations", {}))}
    return found


def records(home):
    """Every table of the records of a home. Steps of a promotion that come side by side are in an order of their
    own: each target's and image's counts for itself."""
    path = home.home / ".state" / "sluice" / "records.db"
    if not path.exists():
        return None
    found = {}
    with closing(sqlite3.connect(path)) as file:
        file.row_factory = sqlite3.Row
        tables = [row[0] for row in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        for table in tables:
            if table != "sqlite_sequence":
                found[table] = [dict(row) for row in file.execute(f'SELECT * FROM "{table}"')]
    order = {row["id"]: row["sequence"] for row in found.get("promotions", [])}
    if "journal" in found:
        found["journal"] = _by_place(found["journal"], order)
    for table in found.keys() - {"journal"}:
        found[table].sort(key=lambda row: (order.get(row.get("promotion"), 0), str(row.get("sequence", ""))))
    return found


def _by_place(journal, order):
    """promotion's place in time / target / image:tag -> its steps."""
    steps = collections.defaultdict(list)
    for row in sorted(journal, key=lambda row: row["sequence"]):
        detail = json.loads(row["detail_json"])
        tag = detail.get("tag", "") if isinstance(detail, dict) else ""
        key = f"{order.get(row['promotion'], 0)}/{row['target']}/{row['image']}" + (f":{tag}" if tag else "")
        steps[key].append({"step": row["step"], "detail": detail})
    return dict(sorted(steps.items()))


def kind_of(exchange, names=()):
    """Method and kind of path of a request, without what is named in it; None where how often is chance: watches, and
    looks at events and pods while a rollout is followed. names: of the proxy's upstreams."""
    path, _, query = exchange["target"].partition("?")
    where = names[exchange["upstream"]] if exchange["upstream"] < len(names) else exchange["upstream"]
    if path.startswith("/v2/"):
        kind = _of_registry(path)
    elif "/token" in path and path.startswith("/token"):
        kind = "token"
    else:
        if "watch=" in query or path.endswith("/events"):
            return None
        kind = _of_api(path) + (" page" if "continue=" in query else "")
    return f"{where} {exchange['method']} {kind}"


def _of_registry(path):
    if path == "/v2/":
        return "/v2/"
    for pattern, kind in ((r"/manifests/sluice-memory$", "memory"), (r"/manifests/sluice-number-", "claim"),
                          (r"/manifests/sluice-[0-9a-f]{12}$", "pin"), (r"/manifests/sha256[:%]", "manifest"),
                          (r"/manifests/sha256-", "attachments"), (r"/manifests/", "tag"), (r"/tags/list$", "tags"),
                          (r"/referrers/", "referrers"), (r"/blobs/uploads/$", "uploads"),
                          (r"/blobs/uploads/", "upload"), (r"/blobs/", "blob")):
        if re.search(pattern, path):
            return kind
    return path


def _of_api(path):
    """/apis/GROUP/VERSION/namespaces/*/RESOURCE/*/SUBRESOURCE"""
    match = re.match(r"^(/api/v1|/apis/[^/]+/[^/]+)/namespaces/[^/]+/([a-z]+)(?:/[^/]+)?(/[a-z]+)?$", path)
    if match:
        named = "/*" if path.count("/") > match[1].count("/") + 3 else ""
        return f"{match[1]}/{match[2]}{named}{match[3] or ''}"
    return re.sub(r"^(/api/v1|/apis/[^/]+/[^/]+)/([a-z]+)/[^/]+$", r"\1/\2/*", path)


def requests(exchanges, names=()):
    """How often each kind of request was made."""
    kinds = (kind_of(one, names) for one in exchanges)
    return dict(sorted(collections.Counter(kind for kind in kinds if kind).items()))
