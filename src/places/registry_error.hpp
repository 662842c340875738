#pragma once
// Turns what a registry answered into one sentence with its cause. Pure.
// Source: distribution-spec "Error Codes"; where registries differ, the status decides.

#include "base/error.hpp"
#include "net/http.hpp"
#include "oci/digest.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::places {

struct RegistryProblem {
  /// "MANIFEST_UNKNOWN"; of several the first one that says more than UNKNOWN. Empty: the body was no error envelope.
  std::string code;
  std::string message;             ///< made printable
  std::string detail;              ///< what the registry adds to it, as text or JSON; made printable
  bool heals = true;               ///< false: the code says that the same request will fail again, whatever the status
  std::vector<std::string> blobs;  ///< digests that a MANIFEST_BLOB_UNKNOWN names
};

/// Reads the error envelope; all empty when the body is none (plain text of a proxy, HTML, nothing).
RegistryProblem read_problem(const net::HttpResponse& response);

/// The error for a reply that was not what the verb needed. `host` and `what` make the sentence:
/// "registry.example.com:5000 refused writing shop/web:latest: ...".
Error to_error(const net::HttpResponse& response, std::string_view host, std::string_view what);

/// Some registries answer 403 where 404 is meant (Artifactory, Google). The writing that follows tells the difference
/// before a byte has moved; a login that was refused (401) is another matter.
bool means_missing(const Error& error);

/// What a place said it does not have when a manifest was written that needs it: blobs, or children of an index.
struct UnknownContent final : ErrorDetail {
  std::vector<oci::Digest> digests;
};

/// Null when the error is none of that kind, or names nothing. Borrowed from the error.
const UnknownContent* unknown_content(const Error& error);

}  // namespace sluice::places
