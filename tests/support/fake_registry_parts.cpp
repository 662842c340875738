// Small parts of the fake registry: how requests are taken apart and replies put together.

#include "base/text.hpp"
#include "support/fake_registry_state.hpp"

#include <array>
#include <cstdlib>
#include <utility>

namespace sluice::support {

namespace {

std::string decoded(std::string_view value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (value[i] == '%' && i + 2 < value.size()) {
      out += static_cast<char>(std::strtol(std::string(value.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += value[i] == '+' ? ' ' : value[i];
    }
  }
  return out;
}

}  // namespace

FakeCall FakeCall::of(const net::ServerRequest& request) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kParts = {
      std::pair{"/blobs/uploads/", "uploads"},
      {"/blobs/", "blobs"},
      {"/manifests/", "manifests"},
      {"/referrers/", "referrers"},
      {"/tags/list", "tags"}};
  FakeCall call{request, {}, {}, {}};
  const auto path = request.path();
  if (!path.starts_with("/v2/")) return call;
  for (const auto& [part, name] : kParts) {
    const auto at = path.rfind(part);
    if (at == std::string_view::npos || at < 4) continue;
    call.part = name;
    call.repository = path.substr(4, at - 4);
    call.reference = decoded(path.substr(at + part.size()));
    break;
  }
  return call;
}

std::vector<std::string> FakeCall::all_of(std::string_view query, std::string_view name) {
  std::vector<std::string> out;
  for (const auto& part : text::split(query, '&')) {
    const auto [key, value] = text::cut(part, '=');
    if (key == name) out.push_back(decoded(value));
  }
  return out;
}

std::string FakeCall::query(std::string_view name) const {
  const auto all = all_of(request.query(), name);
  return all.empty() ? std::string() : all.front();
}

bool fake_glob(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() != '*')
    return !text.empty() && pattern.front() == text.front() && fake_glob(pattern.substr(1), text.substr(1));
  for (std::size_t at = 0; at <= text.size(); ++at) {
    if (fake_glob(pattern.substr(1), text.substr(at))) return true;
  }
  return false;
}

HashAlgorithm algorithm_of(std::string_view digest) {
  return digest.starts_with("sha512:") ? HashAlgorithm::sha512 : HashAlgorithm::sha256;
}

std::string fake_digest(std::string_view bytes, HashAlgorithm algorithm) {
  return (algorithm == HashAlgorithm::sha512 ? "sha512:" : "sha256:") + hash_hex(algorithm, bytes);
}

net::ServerReply empty_reply(int status) {
  net::ServerReply reply;
  reply.status = status;
  return reply;
}

net::ServerReply json_reply(const Json& body) {
  net::ServerReply reply;
  reply.headers.set("Content-Type", "application/json");
  reply.body = body.dump();
  return reply;
}

net::ServerReply refused(int status, const std::string& code, Json detail) {
  auto error = Json::object();
  error.set("code", code).set("message", "words of the registry").set("detail", std::move(detail));
  auto reply = json_reply(Json::object().set("errors", Json(Json::Array{std::move(error)})));
  reply.status = status;
  return reply;
}

net::ServerReply missing(const FakeContent& content, const std::string& code) {
  return content.knobs.missing == 403 ? refused(403, "DENIED") : refused(404, code);
}

std::string url_of(const FakeContent& content, FakeKnobs::Where where, const std::string& path) {
  switch (where) {
    case FakeKnobs::Where::relative:
      return path;
    case FakeKnobs::Where::absolute:
      return "http://" + content.host + path;
    case FakeKnobs::Where::other_host:
      return "http://" + content.other_host + path;
  }
  return path;
}

}  // namespace sluice::support
