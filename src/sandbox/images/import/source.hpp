#pragma once
// ImageSource: one repository of a registry, read the way the importer of the API server reads it: /v2/ first, then
// manifests and blobs, with the challenge answered by Basic or a token. Errors are the Status objects that an import
// shows. Not a client for pushing or for big blobs.
// Source: distribution-spec; distribution "Token Authentication"; OpenShift's image importer.

#include "base/result.hpp"
#include "net/http.hpp"
#include "oci/manifest.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/images/import/credentials.hpp"
#include "sandbox/images/pull_spec.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// How a registry is reached: a name in a pull spec need not be an address.
struct RegistryRoute {
  std::string host;                  ///< as pull specs and errors name it
  std::string address;               ///< host[:port] to connect to
  std::vector<std::string> schemes;  ///< tried in this order
  std::shared_ptr<const net::Endpoint> endpoint;
  std::optional<PullCredential> credential;
  bool is_3_11 = false;  ///< errors are worded as that release words them
  std::size_t max_reply_bytes = oci::kMaxManifestBytes;
};

/// A manifest as it came.
struct SourceManifest {
  std::string bytes;
  std::string media_type;
  std::string digest;
};

/// Thread: one at a time; blocks. The exchanger outlives it.
class ImageSource {
 public:
  ImageSource(net::Exchanger& exchanger, RegistryRoute route, std::string path, const net::ExchangeContext& context);

  /// Refusals: 404 of "dockerimage" named `shown`, 401, 500 with the cause.
  Answer<SourceManifest> manifest(std::string_view tag_or_digest, std::string_view shown);
  /// A small blob (a config). Checked against its digest.
  Answer<std::string> blob(std::string_view digest, std::string_view shown);
  Answer<std::vector<std::string>> tags(std::string_view shown);

 private:
  Answer<net::HttpResponse> get(const std::string& target, std::string_view accept, std::string_view shown);
  Verdict connect();
  Verdict answer_challenge(const net::HttpResponse& refused, std::string_view shown);
  Answer<std::string> fetch_token(const std::string& realm, const std::string& service, std::string_view shown);
  Result<net::HttpResponse> send(const net::Url& url, std::string_view accept,
                                 const std::optional<Secret>& authorization);
  Refusal refusal_of(const net::HttpResponse& response, std::string_view shown) const;

  net::Exchanger& exchanger_;
  RegistryRoute route_;
  std::string path_;
  const net::ExchangeContext& context_;
  std::optional<net::Url> base_;
  std::optional<Secret> authorization_;
};

/// 500 "Internal error occurred: WHY" with WHY as its cause.
Refusal import_error(std::string why);
/// 401 for an image that may not be read.
Refusal import_unauthorized(std::string_view shown, bool old);

}  // namespace sluice::sandbox
