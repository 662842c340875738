"""What revision d8a0d21 left behind (tests/data/d8a0d21): read for tests, and written by its make.py.

A scenario is one JSON file and, where it has records, one SQL dump. Addresses in them are placeholders such as {a};
times are moved to the past, so that every lease has run out."""

import json
import re
import sqlite3
from contextlib import closing

from . import images
from .sandbox_case import SandboxCase
from .sluice import ROOT

FOLDER = ROOT / "tests" / "data" / "d8a0d21"
PROJECTS = ("old-dev", "old-prod")
PICTURES = ("web", "api")


def image_of(number, picture="web"):
    """Release `number` of a picture: the same bytes each time, so that digests in the data hold."""
    return images.random_image((700, 300), f"d8a0d21-{picture}-{number}", images.DOCKER)


def records_file(home):
    return home.home / ".state" / "sluice" / "records.db"


def dump_of(home):
    """The records of a home as SQL. What iterdump() leaves out of a database is its application_id."""
    with closing(sqlite3.connect(records_file(home))) as records:
        number = records.execute("PRAGMA application_id").fetchone()[0]
        return f"PRAGMA application_id = {number};\n" + "\n".join(records.iterdump()) + "\n"


def put_records(home, name, places):
    """Gives a home the records of a scenario."""
    path = records_file(home)
    path.parent.mkdir(parents=True, mode=0o700)
    with closing(sqlite3.connect(path)) as records:
        records.executescript(filled((FOLDER / f"{name}.sql").read_text(encoding="utf-8"), places))
    path.chmod(0o600)


def world_of(name, places):
    return json.loads(filled((FOLDER / f"{name}.json").read_text(encoding="utf-8"), places))


def filled(text, places):
    for word, value in places.items():
        text = text.replace("{" + word + "}", value)
    left = re.findall(r"\{[a-z-]+\}", text)
    if left:
        raise AssertionError(f"placeholders without a value: {left}")
    return text


def push(wire, repository, tag, image):
    """Pushes to a sandbox as a registry client does."""
    for blob in image.blobs:
        begun = wire.post(f"/v2/{repository}/blobs/uploads/")
        put = wire.put(f"{SandboxCase.path_of(begun)}&digest={blob.digest}", b"".join(blob.chunks()),
                       headers={"Content-Type": "application/octet-stream"})
        if put.status != 201:
            raise AssertionError(str(put))
    put = wire.put(f"/v2/{repository}/manifests/{tag}", image.manifest, headers={"Content-Type": image.media_type})
    if put.status != 201:
        raise AssertionError(str(put))
