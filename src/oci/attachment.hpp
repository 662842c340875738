#pragma once
// Attachments: what belongs to an image without being part of it, and where it is found. Pure.
// Source: distribution-spec 1.1, "Listing Referrers" and "Referrers Tag Schema"; cosign, specs/SIGNATURE_SPEC.md and
// pkg/oci/remote ("sha256-<hex>.sig").

#include "base/result.hpp"
#include "oci/manifest.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::oci {

enum class AttachmentKind : std::uint8_t { signature, attestation, sbom, artifact };
std::string_view to_string(AttachmentKind kind);
/// "2 signatures, 1 SBOM": for people, in the order of the kinds. Empty: there are none.
std::string counted(const std::vector<AttachmentKind>& kinds);

/// A tag that is named after a digest: "sha256-<hex>.sig" of cosign, or "sha256-<hex>" alone, which is the list of a
/// digest's referrers in a registry that keeps none itself.
struct DigestTag {
  Digest subject;
  std::optional<AttachmentKind> kind;  ///< empty: the list of referrers
};

/// Empty: a tag of another kind. A sha512 digest is too long for a tag: lists of referrers have it cut, and cosign
/// has none.
std::optional<DigestTag> parse_digest_tag(std::string_view tag);

/// The tags under which cosign keeps what belongs to a digest, with their kinds; none for a sha512 digest.
std::vector<std::pair<std::string, AttachmentKind>> cosign_tags(const Digest& subject);
/// The tag of the list of a digest's referrers.
std::string referrers_tag(const Digest& subject);

/// Whether a tag is named after a digest, in one of these ways: nobody's release.
bool is_digest_tag(std::string_view tag);

/// The type by which a referrer is known: its own artifactType, else that of its config.
/// Source: image-spec manifest.md, "Guidelines for Artifact Usage".
std::string artifact_type_of(const Manifest& manifest);
AttachmentKind kind_of_type(std::string_view artifact_type);
/// The same of a manifest that was read: a bundle of sigstore's is a signature or an attestation.
AttachmentKind kind_of(const Manifest& manifest);

/// The list of referrers `list` with `referrer` in it: the entries that are there stay as they are, in their order.
/// Without a list (`list` is empty) it is a new one. Empty: the referrer is in it already.
/// Errors: protocol, unsupported (what stands there is no index, or a list too long).
Result<std::optional<Manifest>> with_referrer(const std::optional<Manifest>& list, const Manifest& referrer);

/// How two manifests under one tag of cosign's stand to each other: it adds a layer for each signature. Layers are
/// equal when digest and annotations are: two keys that sign the same give two layers of one digest.
enum class TagContent : std::uint8_t {
  has_all,   ///< the destination's has every layer of the source's
  adds,      ///< the source's has every layer of the destination's, and more
  diverged,  ///< both have some of their own
};
TagContent compare_layers(const Manifest& source, const Manifest& destination);

/// The destination's manifest with the layers of the source's that it lacks behind its own. Its config stays: readers
/// of signatures go by the layers. Errors: protocol (no manifest that can be added to).
Result<Manifest> with_layers_of(const Manifest& destination, const Manifest& source);

}  // namespace sluice::oci
