#include "places/registry.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "net/web_page.hpp"
#include "oci/reference.hpp"
#include "places/link_header.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::places {

namespace {

constexpr std::size_t kMaxTags = 200'000;
constexpr std::size_t kTagPage = 1000;        // ECR refuses more
constexpr int kMaxEmptyPages = 100;           // a guess: registries that filter may have a few
constexpr std::size_t kLeastTagsOfPage = 20;  // on the average, after the first hundred; no registry gives so few

auth::Scopes pull(const std::string& repository) { return {{.repository = repository, .push = false}}; }
auth::Scopes push(const std::string& repository) { return {{.repository = repository, .push = true}}; }

std::string manifest_target(const std::string& repository, const ManifestName& name) {
  return "/v2/" + repository + "/manifests/" + name.text();
}
std::string blob_target(const std::string& repository, const oci::Digest& digest) {
  return "/v2/" + repository + "/blobs/" + digest.text();
}
constexpr std::size_t kMinReplyBytes = 64 * 1024;  // an error has room, however small the manifest is

// "shop/web:latest" or "shop/web@sha256:0123456789ab".
std::string spoken(const std::string& repository, const ManifestName& name) {
  if (!name.as_digest()) return repository + ":" + name.text();
  return repository + "@" + name.text().substr(0, name.text().find(':') + 1) + name.as_digest()->brief();
}
std::string reading(const std::string& repository, const ManifestName& name) {
  return "reading the manifest " + spoken(repository, name);
}

}  // namespace

void Registry::expect(const std::vector<Access>& accesses) {
  auth::Scopes scopes;
  for (const auto& access : accesses) scopes.insert({.repository = access.repository, .push = access.write});
  host_.authorizer().expect(scopes);
}

Result<net::HttpResponse> Registry::get_manifest(const std::string& repository, const ManifestName& name,
                                                 const std::stop_token& stop) {
  const auto limit =
      std::min<std::uint64_t>(name.size_bytes().value_or(oci::kMaxManifestBytes), oci::kMaxManifestBytes);
  return host_.send({.method = net::Method::get,
                     .target = manifest_target(repository, name),
                     .headers = {{"Accept", oci::media::accept_all()}},
                     .body = {},
                     .scopes = pull(repository),
                     .what = reading(repository, name),
                     .max_reply_bytes = static_cast<std::size_t>(std::max<std::uint64_t>(limit, kMinReplyBytes))},
                    stop);
}

Result<oci::Manifest> Registry::manifest(const std::string& repository, const ManifestName& name,
                                         const std::stop_token& stop) {
  SLUICE_TRY(auto response, get_manifest(repository, name, stop));
  if (response.status != 200 || net::is_web_page(response))
    return to_error(response, host_.name(), reading(repository, name));
  if (const auto promised = name.size_bytes(); promised && response.body.size() != *promised) {
    return Error(ErrorKind::integrity, fmt::format("{} sent {} bytes for {}, but its index says {}", host_.name(),
                                                   response.body.size(), spoken(repository, name), *promised));
  }
  const auto type = response.headers.get("content-type").value_or("");
  auto manifest = oci::parse_manifest(std::move(response.body), type, name.as_digest());
  if (!manifest) return std::move(manifest).error().context(host_.name() + "/" + spoken(repository, name));
  // A registry that names another digest than its bytes have is not to be believed.
  if (const auto said = response.headers.get("docker-content-digest")) {
    const auto digest = oci::Digest::parse(*said);
    if (digest && digest->algorithm() == manifest->digest.algorithm() && *digest != manifest->digest) {
      return Error(ErrorKind::integrity, host_.name() + " says " + spoken(repository, name) + " is " + digest->text() +
                                             ", but what it sent is " + manifest->digest.text());
    }
  }
  return manifest;
}

Result<std::optional<StoredManifest>> Registry::find_manifest(const std::string& repository, const ManifestName& name,
                                                              const std::stop_token& stop) {
  SLUICE_TRY(auto response, get_manifest(repository, name, stop));
  if (response.status == 404) return std::optional<StoredManifest>();
  if (response.status != 200 || net::is_web_page(response))
    return to_error(response, host_.name(), reading(repository, name));
  if (response.body.empty()) {
    return Error(ErrorKind::protocol, host_.name() + " sent an empty answer for " + spoken(repository, name) +
                                          ", which is no manifest and has no digest worth telling");
  }
  StoredManifest found{std::string(text::trim(text::cut(response.headers.get("content-type").value_or(""), ';').first)),
                       std::move(response.body)};
  if (const auto& asked = name.as_digest(); asked && found.digest(asked->algorithm()) != *asked) {
    return Error(ErrorKind::integrity, host_.name() + " sent other bytes for " + spoken(repository, name) + ": " +
                                           found.digest(asked->algorithm()).text());
  }
  return std::optional(std::move(found));
}

Result<Taken> Registry::put_manifest(const std::string& repository, const ManifestName& name,
                                     const oci::Manifest& manifest, const std::stop_token& stop) {
  const Call call{.method = net::Method::put,
                  .target = manifest_target(repository, name),
                  .headers = {{"Content-Type", manifest.media_type}},
                  .body = manifest.bytes,
                  .scopes = push(repository),
                  .what = "writing the manifest " + spoken(repository, name)};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status / 100 == 2) return Taken{response.headers.get("oci-subject").has_value()};
  return to_error(response, host_.name(), call.what);
}

Result<bool> Registry::has_blob(const std::string& repository, const oci::Descriptor& blob,
                                const std::stop_token& stop) {
  Call call{.method = net::Method::get,
            .target = blob_target(repository, blob.digest),
            .headers = {},
            .body = {},
            .scopes = pull(repository),
            .what = "looking for blob " + blob.digest.brief() + " in " + repository,
            .max_reply_bytes = 1,
            .cut_reply = true};
  if (blob.size_bytes > 0) call.headers.set("Range", "bytes=0-0");
  const auto response = host_.send(call, stop);
  // It began to send, and then had nothing: what it says it has is not there.
  if (!response && response.error().http_status().value_or(0) / 100 == 2) return false;
  if (!response) return response.error();
  switch (response->status) {
    case 200:
    case 206:
      return !net::is_web_page(*response) && (blob.size_bytes == 0 || !response->body.empty());
    case 401:
      return to_error(*response, host_.name(), call.what);
    default:
      // Artifactory says 403 where 404 is meant; stores that registries redirect to have ways of their own to refuse.
      // Who cannot look uploads, and that answer counts.
      if (response->status / 100 == 4) return false;
      return to_error(*response, host_.name(), call.what);
  }
}

std::unique_ptr<BlobRead> Registry::read_blob(const std::string& repository, const oci::Descriptor& blob,
                                              BlobPipe& pipe, const std::stop_token& stop) {
  return host_.read({.method = net::Method::get,
                     .target = blob_target(repository, blob.digest),
                     .headers = {},
                     .body = {},
                     .scopes = pull(repository),
                     .what = "reading blob " + blob.digest.brief() + " of " + repository},
                    pipe, stop);
}

Result<std::vector<std::string>> Registry::tags(const std::string& repository, const std::stop_token& stop) {
  std::vector<std::string> out;
  std::set<std::string> pages;  // a registry that links in circles must not keep us for ever
  std::string target = "/v2/" + repository + "/tags/list?n=" + std::to_string(kTagPage);
  int empty_pages = 0;
  while (pages.insert(target).second) {
    const Call call{.method = net::Method::get,
                    .target = target,
                    .headers = {},
                    .body = {},
                    .scopes = pull(repository),
                    .what = "listing the tags of " + repository,
                    .max_reply_bytes = std::size_t{8} * 1024 * 1024};
    SLUICE_TRY(const auto response, host_.send(call, stop));
    if (response.status != 200 || net::is_web_page(response)) return to_error(response, host_.name(), call.what);
    SLUICE_TRY(const auto body, parse_json(response.body).context(host_.name() + ", " + call.what));
    const auto* list = body.find("tags");
    if (list == nullptr) return Error(ErrorKind::protocol, host_.name() + " sent no list of tags for " + repository);
    const auto before = out.size();
    // Nexus and others say null for "none"; Artifactory lists digests among the tags.
    for (const auto& tag : list->items()) {
      const auto name = tag.as_string();
      if (name && oci::check_tag(*name)) out.push_back(*name);
      if (out.size() > kMaxTags) return Error(ErrorKind::unsupported, repository + " has more than 200,000 tags");
    }
    SLUICE_TRY(const auto next, next_page(response, host_.name(), target));
    if (!next) break;
    empty_pages = out.size() == before ? empty_pages + 1 : 0;
    if (empty_pages > kMaxEmptyPages) {
      return Error(ErrorKind::protocol,
                   host_.name() + " sends one empty page of tags of " + repository + " after the other");
    }
    if (pages.size() > kMaxEmptyPages + out.size() / kLeastTagsOfPage) {
      return Error(ErrorKind::protocol, fmt::format("{} has sent {} pages with {} tags of {}; such a list never ends",
                                                    host_.name(), pages.size(), out.size(), repository));
    }
    target = *next;
  }
  return out;
}

Result<std::string> Registry::small_blob(const std::string& repository, const oci::Descriptor& blob,
                                         std::size_t max_bytes, const std::stop_token& stop) {
  if (blob.size_bytes > max_bytes) {
    return Error(ErrorKind::unsupported, "blob " + blob.digest.brief() + " has " + text::human_bytes(blob.size_bytes) +
                                             ", more than the limit of " + text::human_bytes(max_bytes));
  }
  const Call call{.method = net::Method::get,
                  .target = blob_target(repository, blob.digest),
                  .headers = {},
                  .body = {},
                  .scopes = pull(repository),
                  .what = "reading blob " + blob.digest.brief() + " of " + repository,
                  .max_reply_bytes = max_bytes};
  SLUICE_TRY(auto response, host_.send(call, stop));
  if (response.status != 200) return to_error(response, host_.name(), call.what);
  if (oci::Digest::of(response.body, blob.digest.algorithm()) != blob.digest) {
    return Error(ErrorKind::integrity, host_.name() + " sent other bytes than " + blob.digest.text() + " promises");
  }
  // The digest alone would let a manifest lie about the size, which callers reckon with.
  if (response.body.size() != blob.size_bytes) {
    return Error(ErrorKind::integrity,
                 fmt::format("{} sent {} bytes for the blob {} of {}, whose manifest promises {} bytes", host_.name(),
                             response.body.size(), blob.digest.brief(), repository, blob.size_bytes));
  }
  return std::move(response.body);
}

Status Registry::check_login(const std::stop_token& stop) {
  SLUICE_CHECK(greet(stop));
  return {};
}

Result<net::Headers> Registry::greet(const std::stop_token& stop) {
  const Call call{
      .method = net::Method::get, .target = "/v2/", .headers = {}, .body = {}, .scopes = {}, .what = "logging in"};
  SLUICE_TRY(auto response, host_.send(call, stop));
  if (response.status != 200 || net::is_web_page(response)) return to_error(response, host_.name(), call.what);
  return std::move(response.headers);
}

Result<auth::Grant> Registry::token_grant(const std::string& repository, bool push,
                                          const net::ExchangeContext& context) {
  constexpr std::string_view kBearer = "Bearer ";
  const auth::Scope scope{.repository = repository, .push = push};
  SLUICE_TRY(const auto header, host_.authorizer().header_for({scope}, context));
  if (!header || !header->reveal().starts_with(kBearer)) return auth::Grant::unsaid;
  return auth::grant_of(std::string_view(header->reveal()).substr(kBearer.size()), scope);
}

}  // namespace sluice::places
