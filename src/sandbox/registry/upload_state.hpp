#pragma once
// The `_state` that travels with an upload: whose session it is and how far it had come, signed so that nobody makes
// one up. The same state is always the same text. Pure.
// Source: distribution, registry/handlers/hmac.go.

#include "base/json.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace sluice::sandbox {

struct UploadState {
  std::string name;  ///< repository
  std::string id;
  std::uint64_t offset = 0;
  std::string started;
  friend bool operator==(const UploadState&, const UploadState&) = default;
};

std::string pack_state(const UploadState& state, std::string_view secret);
/// The state, or what the registry shows as the detail of its refusal.
std::variant<UploadState, Json> unpack_state(std::string_view text, std::string_view secret);

/// HMAC-SHA256 in lower-case hex.
std::string sign_text(std::string_view text, std::string_view secret);

}  // namespace sluice::sandbox
