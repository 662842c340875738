// Signatures of Image objects, carried from one cluster to another.
// Source: openshift-apiserver, imagesignature registry; OpenShift, "Container image signatures".

#include "openshift/streams/refusals.hpp"
#include "openshift/streams/tags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr kube::Resource kSignatures{"image.openshift.io", "v1", "imagesignatures", "ImageSignature", false};
constexpr std::size_t kMaxSignatures = 100;  // a guess: one per signer and re-signing; it bounds the requests

bool ends_all(const Error& error) {
  return error.kind() == ErrorKind::cancelled || error.kind() == ErrorKind::unauthenticated;
}

Json body_of(const Json& signature) {
  Json out = Json::object();
  out.set("kind", kSignatures.kind).set("apiVersion", kSignatures.api_version());
  out.set("metadata", Json::object().set("name", kube::text_at(signature, {"metadata", "name"})));
  // What else an object bears was made out of these by the server that has it.
  return out.set("type", kube::text_at(signature, {"type"})).set("content", kube::text_at(signature, {"content"}));
}

std::string why_not(kube::Client& target, const Error& error, const net::ExchangeContext& context) {
  if (error.kind() == ErrorKind::denied) {
    const auto user = our_name(target, context);
    return fmt::format(
        "{} does not let {} create imagesignatures; grant it with: oc adm policy add-cluster-role-to-user "
        "system:image-signer {}",
        target.connection().host(), user, user);
  }
  return error.message();
}

Result<kube::Image> read_signed(kube::Client& client, std::string_view project, std::string_view stream,
                                std::string_view digest, const net::ExchangeContext& context) {
  SLUICE_TRY(const auto found,
             client.get<kube::ImageStreamImage>(project, fmt::format("{}@{}", stream, digest), context));
  return found.image();
}

int signatures_of(const kube::Image& image) {
  const auto count = kube::list_at(image.json(), {"signatures"}).size();
  return static_cast<int>(std::min<std::size_t>(count, std::numeric_limits<int>::max()));
}

}  // namespace

Result<std::optional<int>> count_signatures(kube::Client& client, std::string_view project, std::string_view stream,
                                            std::string_view digest, const net::ExchangeContext& context) {
  const auto image = read_signed(client, project, stream, digest, context);
  if (image) return std::optional<int>(signatures_of(*image));
  if (ends_all(image.error())) return image.error();
  return std::optional<int>();
}

Result<CarriedSignatures> carry_signatures(kube::Client& source, std::string_view project, std::string_view stream,
                                           kube::Client& target, std::string_view digest,
                                           const net::ExchangeContext& context) {
  CarriedSignatures out;
  const auto image = read_signed(source, project, stream, digest, context);
  if (!image) {
    if (ends_all(image.error())) return image.error();
    out.sentence =
        fmt::format("the signatures of {}/{}@{} are not known: {}", project, stream, digest, image.error().message());
    return out;
  }
  const auto& signatures = kube::list_at(image->json(), {"signatures"});
  out.expected = signatures_of(*image);
  std::string why;
  std::size_t tried = 0;
  for (const auto& signature : signatures) {
    if (tried++ == kMaxSignatures) {
      why = fmt::format("no more than {} are carried", kMaxSignatures);
      break;
    }
    const auto put = target.post(kSignatures, "", "", "", body_of(signature), context, true);
    const auto* failure = put ? nullptr : kube::failure_of(put.error());
    if (put || (failure != nullptr && failure->already_exists())) {
      ++out.carried;
      continue;
    }
    if (ends_all(put.error())) return put.error();
    if (why.empty()) why = why_not(target, put.error(), context);
    // The next one would fare no better.
    if (put.error().kind() == ErrorKind::denied || put.error().kind() == ErrorKind::not_found) break;
  }
  if (out.carried == out.expected) return out;
  out.sentence = fmt::format("{} of {} signatures of {} were carried to {}: {}", out.carried, out.expected, digest,
                             target.connection().host(), why);
  return out;
}

}  // namespace sluice::openshift
