#pragma once
// The authorities of this machine, file by file: one that is broken takes none of the others with it. Private to net.

#include "base/environment.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct x509_st;  // of OpenSSL, whose headers are heavy

namespace sluice::net {

struct CertificateFreed {
  void operator()(x509_st* certificate) const;
};
using CertificatePtr = std::unique_ptr<x509_st, CertificateFreed>;

/// All certificates of a PEM text; other things in it are left out. Nothing when a part of it is broken, as in libcurl.
/// Pure.
std::optional<std::vector<CertificatePtr>> certificates_in(std::string_view pem);

/// What was read of this machine's authorities.
struct Authorities {
  std::vector<CertificatePtr> certificates{};
  std::string pem{};      ///< the text of all files that could be read, each with a line end behind it
  std::string problem{};  ///< a clause for sentences: all or some could not be read, which and why; empty: all were
};

/// Reads the file of SSL_CERT_FILE, else `usual_file` (may be empty), and the files in the folders of SSL_CERT_DIR.
/// Thread: any.
Authorities read_authorities(const Environment& environment, const std::string& usual_file);

}  // namespace sluice::net
