"""What belongs to an image without being part of it: put there as other clients do, and looked for as they do."""

import json

from . import images

SBOM, SIGNATURE = "application/spdx+json", "application/vnd.dev.cosign.artifact.sig.v1+json"


def cosign_tag(image, suffix=".sig"):
    return image.digest.replace(":", "-") + suffix


def list_tag(digest):
    """The tag of the list of a digest's referrers, where the registry keeps none (distribution-spec 1.1)."""
    return digest.replace(":", "-")


def lists(client, repository):
    """Whether the registry has the referrers API."""
    status, _, _ = client.call("GET", f"/v2/{repository}/referrers/sha256:{'0' * 64}", expect=None)
    return status == 200


def referrers(client, repository, digest):
    """The digests that a client finds attached, by the API or under the tag; sorted."""
    status, _, body = client.call("GET", f"/v2/{repository}/referrers/{digest}", expect=None)
    if status != 200:
        if client.digest(repository, list_tag(digest)) is None:
            return []
        body = client.manifest(repository, list_tag(digest))[0]
    return sorted(entry["digest"] for entry in json.loads(body)["manifests"] or [])


def attach(client, repository, artifact):
    """Pushes a referrer, and lists it under the tag where the registry does not list it itself."""
    client.push(repository, artifact.digest, artifact)
    subject = json.loads(artifact.manifest)["subject"]["digest"]
    if artifact.digest in referrers(client, repository, subject):
        return
    entries = []
    if client.digest(repository, list_tag(subject)):
        entries = json.loads(client.manifest(repository, list_tag(subject))[0])["manifests"]
    entries.append({"mediaType": artifact.media_type, "digest": artifact.digest, "size": len(artifact.manifest)})
    body = json.dumps({"schemaVersion": 2, "mediaType": images.OCI["index"], "manifests": entries}).encode()
    client.push_manifest(repository, list_tag(subject), body, images.OCI["index"])
