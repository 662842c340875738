#pragma once
// The sandbox's own certificate authority: made at the start, kept in memory.

#include "base/result.hpp"

#include <string>
#include <vector>

namespace sluice::sandbox {

struct IssuedCertificate {
  std::string certificate_pem;
  std::string key_pem;
};

struct Authority {
  std::string ca_pem;
  IssuedCertificate server;  ///< for the names below, signed by the authority
  IssuedCertificate admin;   ///< a client certificate for CN=system:admin, O=system:masters
};

/// `names`: DNS names and IP addresses that the server is reached at. EC P-256, valid for ten years.
/// Errors: internal (OpenSSL refuses).
Result<Authority> make_authority(const std::vector<std::string>& names);

}  // namespace sluice::sandbox
