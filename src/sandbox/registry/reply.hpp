#pragma once
// Replies of the registry: its error envelope, its usual fields. Pure.
// Source: distribution-spec, "Error codes"; distribution, errcode.

#include "base/json.hpp"
#include "net/server/http_server.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

/// One entry of the envelope.
struct RegistryError {
  std::string_view code;         ///< one of registry_codes
  std::optional<Json> detail{};  ///< empty: no member "detail"
  std::string message{};         ///< empty: the usual one of the code
};

namespace registry_codes {
inline constexpr std::string_view kUnknown = "UNKNOWN";
inline constexpr std::string_view kUnsupported = "UNSUPPORTED";
inline constexpr std::string_view kUnauthorized = "UNAUTHORIZED";
inline constexpr std::string_view kDenied = "DENIED";
inline constexpr std::string_view kNameUnknown = "NAME_UNKNOWN";
inline constexpr std::string_view kManifestUnknown = "MANIFEST_UNKNOWN";
inline constexpr std::string_view kManifestInvalid = "MANIFEST_INVALID";
inline constexpr std::string_view kManifestBlobUnknown = "MANIFEST_BLOB_UNKNOWN";
inline constexpr std::string_view kBlobUnknown = "BLOB_UNKNOWN";
inline constexpr std::string_view kUploadUnknown = "BLOB_UPLOAD_UNKNOWN";
inline constexpr std::string_view kUploadInvalid = "BLOB_UPLOAD_INVALID";
inline constexpr std::string_view kDigestInvalid = "DIGEST_INVALID";
inline constexpr std::string_view kRangeInvalid = "RANGE_INVALID";
inline constexpr std::string_view kSignatureExists = "SIGNATURE_EXISTS";
inline constexpr std::string_view kSignatureInvalid = "SIGNATURE_INVALID";
inline constexpr std::string_view kPullThrough = "OPENSHIFT_PULLTHROUGH_MANIFEST";
}  // namespace registry_codes

/// The status is that of the first error.
net::ServerReply refuse(const std::vector<RegistryError>& errors);
net::ServerReply refuse(std::string_view code);
net::ServerReply refuse(std::string_view code, Json detail);
/// Go's error values without members of their own.
inline Json opaque_error() { return Json::object(); }

/// A reply without a body.
net::ServerReply registry_status(int status);
/// One line of JSON with a line break, as Go's encoder writes it.
net::ServerReply registry_json(int status, const Json& body);
net::ServerReply registry_text(int status, std::string body);

}  // namespace sluice::sandbox
