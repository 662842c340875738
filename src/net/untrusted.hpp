#pragma once
// Why a server's certificate was not taken: five causes with five ways out. The way out of an unknown issuer depends on
// what is spoken to (an API, a registry), so that whoever knows it says it: see unknown_issuer().

#include "base/error.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace sluice::net {

enum class UntrustedCause : std::uint8_t {
  unknown_issuer,  ///< nobody that we trust has issued it
  expired,         ///< by this machine's clock
  not_yet_valid,   ///< by this machine's clock
  other_name,      ///< it is for other names
  refused,         ///< it is broken, too weak, or not for servers: no CA that is added mends it
};

/// What was seen of a chain while it was verified. Filled by net.
struct SeenChain {
  int error = 0;                          ///< of OpenSSL's verification (X509_V_ERR_*); 0: the chain is good
  int depth = 0;                          ///< of the certificate with the error; 0: the server's own
  bool known = false;                     ///< the server's own certificate was seen
  std::string subject{}, issuer{};        ///< of the certificate with the error
  std::string not_before{}, not_after{};  ///< of the same: "2026-01-31 10:00:00 UTC"
  std::vector<std::string> names{};       ///< of the server's own, the first few
};

/// Behind errors of kind `untrusted`.
struct Untrusted final : ErrorDetail {
  explicit Untrusted(UntrustedCause why) : cause(why) {}
  UntrustedCause cause;
};

/// Whether an error is about a certificate whose issuer nobody here knows: the one with a hint that callers can better.
bool is_unknown_issuer(const Error& error);

/// The error of a certificate of `host` that was not taken. `detail`: libcurl's words. `bundle`: a clause about
/// authorities of this machine that could not be read; empty: all were. Pure but for the clock.
Error untrusted_error(const std::string& host, const SeenChain& seen, const std::string& detail,
                      const std::string& bundle);

}  // namespace sluice::net
