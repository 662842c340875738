#pragma once
// Reading descriptors out of a manifest's JSON. Only for this room; others see the Manifest.
// Source: image-spec descriptor.md.

#include "base/json.hpp"
#include "base/result.hpp"
#include "oci/manifest.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::oci::detail {

/// No image comes near: buildkit stops at 127 layers, and indexes hold one entry per platform. A guess with room.
inline constexpr std::size_t kMaxDescriptors = 4096;

/// The member of an object; null when it is absent or a JSON null, which Go programs write for an empty list.
const Json* member(const Json& object, std::string_view key);

/// Refuses a key that differs from a known one only in case: Go programs read "Layers" as "layers", and two
/// readings of one digest are an attack (CVE-2021-41190). `where` names the object. Errors: protocol.
Status refuse_lookalikes(const Json& object, std::initializer_list<std::string_view> known, std::string_view where);

/// A text member: "" when it is absent. Errors: protocol, when it is of another type.
Result<std::string> read_text(const Json& object, std::string_view key, std::string_view where);

/// One descriptor. `where` is its path in the document, for example "layers[3]". Errors: protocol.
Result<Descriptor> read_descriptor(const Json& value, const std::string& where);
/// A list of descriptors; empty when the member is absent. Errors: protocol.
Result<std::vector<Descriptor>> read_descriptors(const Json& object, std::string_view key);
/// Os, architecture and variant; what is of another type stays empty.
Platform read_platform(const Json& object);

Error malformed(std::string_view why);

}  // namespace sluice::oci::detail
