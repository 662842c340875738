#pragma once
// What the document and the record of a plan have alike. Private to this room. Pure.

#include "base/json.hpp"
#include "oci/digest.hpp"
#include "promotion/plan/side_settings.hpp"

#include <optional>

namespace sluice::promotion {

inline Json digest_or_null(const std::optional<oci::Digest>& digest) { return digest ? Json(digest->text()) : Json(); }

/// What a target and a source have alike.
inline Json& add_settings(Json& out, const SideSettings& settings) {
  return out.set("registry", settings.registry).set("insecure", settings.insecure).set("proxy", settings.proxy);
}

}  // namespace sluice::promotion
