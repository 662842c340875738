#pragma once
// The authorities that servers are verified by. Private to net.
// A connection costs one SSL_CTX of libcurl. Were it filled by libcurl, each connection to a host with a CA of its own
// would read and parse the system's whole bundle (some 140 certificates) once more. Here all connections with the same
// setting share one store.

#include "base/result.hpp"
#include "net/untrusted.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace sluice::net {

/// One set of authorities: the system's bundle and certificates of one's own. Immutable for its users.
/// Thread: any.
class Trust {
 public:
  virtual ~Trust() = default;
  /// Makes an SSL_CTX verify by these authorities and no others. False when OpenSSL has no memory for it.
  /// What is seen of the chain is noted in `seen`.
  virtual bool use_for(void* ssl_ctx, const std::shared_ptr<SeenChain>& seen) const = 0;
};

/// The system's bundle plus the certificates in `own_pem` (PEM text; empty: the bundle alone). The same text gives the
/// same object. The bundle is read once per process, and not before a certificate comes that none of `own_pem` issued:
/// a registry with a CA of its own never needs it.
/// Errors: config (a text in which no certificate can be read).
/// Thread: any; reads no file.
Result<std::shared_ptr<const Trust>> trust_of(const std::string& own_pem);

/// The PEM text of the system's authorities, read anew: the file of SSL_CERT_FILE, else the one that libcurl was built
/// with, and the files in the folders of SSL_CERT_DIR. What cannot be read of them is left out. Thread: any.
std::string system_authorities();
/// Which of the system's authorities could not be read when they were needed, as a clause for sentences; empty: all
/// were, or nobody needed them.
/// Thread: any.
std::string bundle_problem();

/// Counts since the start of the process. Thread: any.
struct TrustCounts {
  std::uint64_t stores_made = 0;
  std::uint64_t bundle_reads = 0;
};
TrustCounts trust_counts();

}  // namespace sluice::net
