#pragma once
// What a bearer token says of itself about one right. Pure. Source: distribution "Token Authentication
// Implementation": a JWT whose claim "access" lists type, name and actions. Nobody has to make tokens like that, and
// only the registry may believe one: this is for telling people beforehand.

#include "auth/authorizer.hpp"

#include <cstdint>
#include <string_view>

namespace sluice::auth {

enum class Grant : std::uint8_t {
  unsaid,   ///< no token of this form, or it speaks of other repositories alone: asking the registry tells
  granted,  ///< the token names the repository with the right
  refused,  ///< the token lists what it is good for, and the right is not among it
};

/// Reads at most 64 KiB. The signature is not looked at.
Grant grant_of(std::string_view token, const Scope& scope);

}  // namespace sluice::auth
