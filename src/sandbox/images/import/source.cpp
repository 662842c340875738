#include "sandbox/images/import/source.hpp"

#include "auth/challenge.hpp"
#include "auth/token.hpp"
#include "base/text.hpp"
#include "oci/digest.hpp"
#include "oci/manifest.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kGroup = "image.openshift.io";

// What Go's HTTP client says when a connection fails: tools look for these words.
// `old`: Go 1.10, with which 3.11 was built, wrote the address without quotes.
std::string go_error(const net::Url& url, const Error& error, bool old) {
  const auto address = fmt::format("{}:{}", url.host, url.port);
  std::string why = text::printable(error.message());
  if (error.kind() == ErrorKind::unreachable) {
    const bool unknown = error.message().find("cannot find") != std::string::npos;
    const bool refused = error.message().find("cannot connect") != std::string::npos;
    if (unknown) why = fmt::format("dial tcp: lookup {}: no such host", url.host);
    if (refused) why = fmt::format("dial tcp {}: connect: connection refused", address);
  } else if (error.kind() == ErrorKind::untrusted) {
    why = "x509: certificate signed by unknown authority";
  } else if (error.message().find("does not speak TLS") != std::string::npos) {
    why = "http: server gave HTTP response to HTTPS client";
  } else if (error.kind() == ErrorKind::timeout) {
    why = fmt::format("dial tcp {}: i/o timeout", address);
  }
  return old ? fmt::format("Get {}: {}", url.text(), why) : fmt::format("Get \"{}\": {}", url.text(), why);
}

// The code of the distribution error envelope, in words ("name unknown").
std::string error_words(const net::HttpResponse& response) {
  const auto body = parse_json(response.body);
  if (body.ok() && !at(*body, {"errors"}).items().empty()) {
    auto code = text::lower(text_at(at(*body, {"errors"}).items().front(), {"code"}));
    std::replace(code.begin(), code.end(), '_', ' ');
    if (!code.empty()) return text::printable(code);
  }
  return fmt::format("unexpected status code {}", response.status);
}

}  // namespace

Refusal import_error(std::string why) {
  auto cause = Json::object();
  cause.set("message", why);
  auto causes = Json::array();
  causes.push(std::move(cause));
  auto details = Json::object();
  details.set("causes", std::move(causes));
  return {500, "InternalError", "Internal error occurred: " + std::move(why), std::move(details)};
}

Refusal import_unauthorized(std::string_view shown, bool old) {
  const auto* what = old ? "Docker" : "container";
  return {401, "Unauthorized", fmt::format("you may not have access to the {} image \"{}\"", what, shown), Json()};
}

ImageSource::ImageSource(net::Exchanger& exchanger, RegistryRoute route, std::string path,
                         const net::ExchangeContext& context)
    : exchanger_(exchanger), route_(std::move(route)), path_(std::move(path)), context_(context) {}

Result<net::HttpResponse> ImageSource::send(const net::Url& url, std::string_view accept,
                                            const std::optional<Secret>& authorization) {
  net::HttpRequest request;
  request.url = url;
  request.endpoint = route_.endpoint;
  request.authorization = authorization;
  request.max_reply_bytes = route_.max_reply_bytes;
  if (!accept.empty()) request.headers.set("Accept", std::string(accept));
  return exchanger_.exchange(request, context_);
}

Verdict ImageSource::connect() {
  if (base_) return {};
  std::string why;
  for (const auto& scheme : route_.schemes) {
    const auto url = net::Url::parse(fmt::format("{}://{}/v2/", scheme, route_.address));
    if (!url.ok()) return import_error(text::printable(url.error().message()));
    const auto reply = send(*url, "", std::nullopt);
    if (!reply.ok()) {
      why = go_error(*url, reply.error(), route_.is_3_11);
      continue;
    }
    base_ = *url;
    if (reply->status == 401) return answer_challenge(*reply, "");
    return {};
  }
  return import_error(why);
}

Verdict ImageSource::answer_challenge(const net::HttpResponse& refused, std::string_view shown) {
  for (const auto& value : refused.headers.all("WWW-Authenticate")) {
    for (const auto& challenge : auth::parse_challenges(value)) {
      if (challenge.scheme == "bearer") {
        SLUICE_TRY(auto token, fetch_token(challenge.get("realm"), challenge.get("service"), shown));
        authorization_ = auth::bearer_authorization(Secret(std::move(token)));
        return {};
      }
      if (challenge.scheme == "basic" && route_.credential) {
        authorization_ = auth::basic_authorization(route_.credential->user, route_.credential->password.reveal());
        return {};
      }
    }
  }
  // Without a way to answer it the next request is refused, and says what for.
  return {};
}

Answer<std::string> ImageSource::fetch_token(const std::string& realm, const std::string& service,
                                             std::string_view shown) {
  const auto url = net::Url::parse(realm);
  if (!url.ok()) return import_error(fmt::format("the token server's address \"{}\" is none", text::printable(realm)));
  const auth::TokenWish wish{service, {fmt::format("repository:{}:pull", path_)}};
  auth::Credentials credentials;
  if (route_.credential) {
    credentials.username = route_.credential->user;
    credentials.password = route_.credential->password;
  }
  auto request = auth::token_request(*url, wish, route_.credential ? &credentials : nullptr);
  request.endpoint = route_.endpoint;
  const auto reply = exchanger_.exchange(request, context_);
  if (!reply.ok()) return import_error(go_error(*url, reply.error(), route_.is_3_11));
  if (reply->status == 401 || reply->status == 403)
    return import_unauthorized(shown.empty() ? route_.host : shown, route_.is_3_11);
  if (reply->status != 200) return import_error(error_words(*reply));
  auto token = auth::parse_token_reply(reply->body);
  if (!token.ok()) return import_error(text::printable(token.error().message()));
  return token->token.reveal();
}

Refusal ImageSource::refusal_of(const net::HttpResponse& response, std::string_view shown) const {
  if (response.status == 401 || response.status == 403) return import_unauthorized(shown, route_.is_3_11);
  const auto words = error_words(response);
  if (words == "manifest unknown") return not_found(kGroup, "dockerimage", shown);
  return import_error(words);
}

Answer<net::HttpResponse> ImageSource::get(const std::string& target, std::string_view accept, std::string_view shown) {
  if (auto connected = connect(); !connected.ok()) {
    // The token server knows no image; the import names the one that it wanted.
    if (connected.error().code == 401) return import_unauthorized(shown, route_.is_3_11);
    return connected.error();
  }
  auto url = *base_;
  url.target = target;
  auto reply = send(url, accept, authorization_);
  if (!reply.ok()) return import_error(go_error(url, reply.error(), route_.is_3_11));
  if (reply->status == 401 && !authorization_) {
    SLUICE_CHECK(answer_challenge(*reply, shown));
    if (authorization_) reply = send(url, accept, authorization_);
    if (!reply.ok()) return import_error(go_error(url, reply.error(), route_.is_3_11));
  }
  // Object storage behind a registry: followed once, without the credentials.
  if (reply->status == 307 || reply->status == 302) {
    const auto next = url.resolve(reply->headers.get("Location").value_or(""));
    if (!next.ok()) return import_error(text::printable(next.error().message()));
    reply = send(*next, accept, std::nullopt);
    if (!reply.ok()) return import_error(go_error(*next, reply.error(), route_.is_3_11));
  }
  if (reply->status != 200) return refusal_of(*reply, shown);
  return *std::move(reply);
}

Answer<SourceManifest> ImageSource::manifest(std::string_view tag_or_digest, std::string_view shown) {
  const auto accept =
      fmt::format("{}, {}, {}", oci::media::accept_all(), oci::media::kDockerSchema1Signed, oci::media::kDockerSchema1);
  SLUICE_TRY(auto reply, get(fmt::format("/v2/{}/manifests/{}", path_, tag_or_digest), accept, shown));
  SourceManifest manifest;
  manifest.media_type = text::trim(text::cut(reply.headers.get("Content-Type").value_or(""), ';').first);
  manifest.digest = oci::Digest::of(reply.body).text();
  const bool schema1 = manifest.media_type.find("manifest.v1+") != std::string::npos;
  const auto told = reply.headers.get("Docker-Content-Digest");
  // The digest of schema 1 is over the body without its signatures.
  if (schema1 && told) manifest.digest = *told;
  const bool by_digest = tag_or_digest.find(':') != std::string_view::npos;
  if (by_digest && !schema1 && tag_or_digest.starts_with("sha256:") && manifest.digest != tag_or_digest) {
    return import_error(fmt::format("content does not match digest {}", tag_or_digest));
  }
  manifest.bytes = std::move(reply.body);
  return manifest;
}

Answer<std::string> ImageSource::blob(std::string_view digest, std::string_view shown) {
  SLUICE_TRY(auto reply, get(fmt::format("/v2/{}/blobs/{}", path_, digest), "", shown));
  if (oci::Digest::of(reply.body).text() != digest && digest.starts_with("sha256:")) {
    return import_error(fmt::format("content does not match digest {}", digest));
  }
  return std::move(reply.body);
}

Answer<std::vector<std::string>> ImageSource::tags(std::string_view shown) {
  SLUICE_TRY(auto reply, get(fmt::format("/v2/{}/tags/list", path_), "", shown));
  const auto body = parse_json(reply.body);
  if (!body.ok()) return import_error("the list of tags cannot be read");
  std::vector<std::string> tags;
  for (const auto& tag : at(*body, {"tags"}).items()) tags.push_back(tag.as_string().value_or(""));
  std::erase(tags, "");
  return tags;
}

}  // namespace sluice::sandbox
