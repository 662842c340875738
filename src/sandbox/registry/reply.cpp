#include "sandbox/registry/reply.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sluice::sandbox {

namespace {

namespace codes = registry_codes;

struct Descriptor {
  std::string_view code;
  int status;
  std::string_view message;
};

constexpr std::array kDescriptors{
    Descriptor{codes::kUnknown, 500, "unknown error"},
    Descriptor{codes::kUnsupported, 405, "The operation is unsupported."},
    Descriptor{codes::kUnauthorized, 401, "authentication required"},
    Descriptor{codes::kDenied, 403, "requested access to the resource is denied"},
    Descriptor{codes::kNameUnknown, 404, "repository name not known to registry"},
    Descriptor{codes::kManifestUnknown, 404, "manifest unknown"},
    Descriptor{codes::kManifestInvalid, 400, "manifest invalid"},
    Descriptor{codes::kManifestBlobUnknown, 400, "blob unknown to registry"},
    Descriptor{codes::kBlobUnknown, 404, "blob unknown to registry"},
    Descriptor{codes::kUploadUnknown, 404, "blob upload unknown to registry"},
    Descriptor{codes::kUploadInvalid, 404, "blob upload invalid"},
    Descriptor{codes::kDigestInvalid, 400, "provided digest did not match uploaded content"},
    Descriptor{codes::kRangeInvalid, 416, "invalid content range"},
    Descriptor{codes::kSignatureExists, 409, "image signature already exists"},
    Descriptor{codes::kSignatureInvalid, 400, "invalid image signature"},
    Descriptor{codes::kPullThrough, 404, "unable to pull manifest from the remote repository"},
};

const Descriptor& descriptor_of(std::string_view code) {
  const auto* found =
      std::find_if(kDescriptors.begin(), kDescriptors.end(), [&](const Descriptor& each) { return each.code == code; });
  return found == kDescriptors.end() ? kDescriptors.front() : *found;
}

}  // namespace

net::ServerReply refuse(const std::vector<RegistryError>& errors) {
  auto list = Json::array();
  for (const auto& error : errors) {
    auto entry = Json::object();
    entry.set("code", error.code);
    entry.set("message", error.message.empty() ? std::string(descriptor_of(error.code).message) : error.message);
    if (error.detail) entry.set("detail", *error.detail);
    list.push(std::move(entry));
  }
  auto body = Json::object();
  body.set("errors", std::move(list));
  return registry_json(errors.empty() ? 500 : descriptor_of(errors.front().code).status, body);
}

net::ServerReply refuse(std::string_view code) { return refuse(std::vector{RegistryError{code}}); }

net::ServerReply refuse(std::string_view code, Json detail) {
  return refuse(std::vector{RegistryError{code, std::move(detail)}});
}

net::ServerReply registry_status(int status) {
  net::ServerReply reply;
  reply.status = status;
  return reply;
}

net::ServerReply registry_json(int status, const Json& body) {
  auto reply = registry_status(status);
  reply.headers.set("Content-Type", "application/json; charset=utf-8");
  reply.body = body.dump() + "\n";
  return reply;
}

net::ServerReply registry_text(int status, std::string body) {
  auto reply = registry_status(status);
  reply.headers.set("Content-Type", "text/plain; charset=utf-8");
  reply.headers.set("X-Content-Type-Options", "nosniff");
  reply.body = std::move(body);
  return reply;
}

}  // namespace sluice::sandbox
