// Image signatures: the registry's door to the signatures of Image objects.
// Source: OpenShift's image registry, signature dispatcher ("X-Registry-Supports-Signatures").
#include "sandbox/core/tree.hpp"
#include "sandbox/registry/parts.hpp"
#include "sandbox/registry/reply.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::sandbox {

namespace {

namespace codes = registry_codes;

constexpr std::int64_t kSchemaVersion = 2;
constexpr std::string_view kDefaultType = "AtomicImageV1";

// The Image, when it is in the history of the stream.
std::optional<Json> image_of_stream(RegistryParts& parts, const RegistryCall& call) {
  if (!parts.backend.history_has(call.name.ns, call.name.stream, call.path.reference)) return std::nullopt;
  return parts.backend.image(call.path.reference);
}

net::ServerReply no_image() {
  auto reply = registry_status(404);
  reply.headers.set("Content-Type", "application/json; charset=utf-8");
  return reply;
}

}  // namespace

net::ServerReply serve_signatures(RegistryParts& parts, const RegistryCall& call) {
  const auto image = image_of_stream(parts, call);
  if (!image) return no_image();
  auto list = Json::array();
  for (const auto& stored : at(*image, {"signatures"}).items()) {
    auto shown = Json::object();
    shown.set("schemaVersion", kSchemaVersion);
    shown.set("name", name_of(stored));
    shown.set("type", text_at(stored, {"type"}));
    shown.set("content", text_at(stored, {"content"}));
    list.push(std::move(shown));
  }
  auto body = Json::object();
  body.set("signatures", std::move(list));
  return registry_json(200, body);
}

net::ServerReply put_signature(RegistryParts& parts, const RegistryCall& call) {
  const auto body = parse_json(call.request.body);
  if (!body.ok() || number_at(*body, {"schemaVersion"}) != kSchemaVersion) {
    return refuse(codes::kSignatureInvalid, opaque_error());
  }
  auto signature = Json::object();
  set_at(signature, {"metadata", "name"}, text_at(*body, {"name"}));
  const auto type = text_at(*body, {"type"});
  signature.set("type", type.empty() ? std::string(kDefaultType) : type);
  signature.set("content", text_at(*body, {"content"}));
  auto added = parts.backend.add_signature(call.admission.caller, std::move(signature));
  if (added.ok()) return registry_status(201);
  const auto& refusal = added.error();
  if (refusal.code == 404) return no_image();
  if (refusal.code == 409) return refuse(codes::kSignatureExists, Json(refusal.message));
  return refuse(codes::kUnknown, fmt::format("unable to create image {}@{} signature: {}", call.path.name,
                                             call.path.reference, refusal.message));
}

}  // namespace sluice::sandbox
