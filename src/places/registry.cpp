#include "places/registry.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "oci/reference.hpp"
#include "places/link_header.hpp"
#include "places/registry_error.hpp"

#include <set>

namespace sluice::places {

namespace {

constexpr std::size_t kMaxTags = 200'000;
constexpr std::size_t kTagPage = 1000;  // ECR refuses more
constexpr int kMaxEmptyPages = 100;     // a guess: registries that filter may have a few

auth::Scopes pull(const std::string& repository) { return {{.repository = repository, .push = false}}; }
auth::Scopes push(const std::string& repository) { return {{.repository = repository, .push = true}}; }

std::string manifest_target(const std::string& repository, const ManifestName& name) {
  return "/v2/" + repository + "/manifests/" + name.text();
}
std::string blob_target(const std::string& repository, const oci::Digest& digest) {
  return "/v2/" + repository + "/blobs/" + digest.text();
}
// "shop/web:latest" or "shop/web@sha256:0123456789ab".
std::string spoken(const std::string& repository, const ManifestName& name) {
  if (!name.as_digest()) return repository + ":" + name.text();
  return repository + "@" + name.text().substr(0, name.text().find(':') + 1) + name.as_digest()->brief();
}

}  // namespace

void Registry::expect(const std::vector<Access>& accesses) {
  auth::Scopes scopes;
  for (const auto& access : accesses) scopes.insert({.repository = access.repository, .push = access.write});
  host_.authorizer().expect(scopes);
}

Result<oci::Manifest> Registry::manifest(const std::string& repository, const ManifestName& name,
                                         const std::stop_token& stop) {
  const Call call{.method = net::Method::get,
                  .target = manifest_target(repository, name),
                  .headers = {{"Accept", oci::media::accept_all()}},
                  .body = {},
                  .scopes = pull(repository),
                  .what = "reading the manifest " + spoken(repository, name),
                  .max_reply_bytes = oci::kMaxManifestBytes};
  SLUICE_TRY(auto response, host_.send(call, stop));
  if (response.status != 200) return to_error(response, host_.name(), call.what);
  if (is_web_page(response)) return to_error(response, host_.name(), call.what);
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

Result<std::optional<oci::Digest>> Registry::digest_of(const std::string& repository, const ManifestName& name,
                                                       const std::stop_token& stop) {
  const Call call{.method = net::Method::head,
                  .target = manifest_target(repository, name),
                  .headers = {{"Accept", oci::media::accept_all()}},
                  .body = {},
                  .scopes = pull(repository),
                  .what = "looking for " + spoken(repository, name)};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status == 404) return std::optional<oci::Digest>();
  if (response.status == 200 && !is_web_page(response)) {
    if (const auto said = response.headers.get("docker-content-digest")) {
      SLUICE_TRY(auto digest, oci::Digest::parse(*said).context(host_.name() + " answered " + call.what));
      return std::optional(std::move(digest));
    }
  }
  if (response.status != 200 && response.status != 405) return to_error(response, host_.name(), call.what);
  // No digest in the answer, or no HEAD at all: read the manifest and hash it ourselves.
  auto whole = manifest(repository, name, stop);
  if (!whole && whole.error().kind() == ErrorKind::not_found) return std::optional<oci::Digest>();
  if (!whole) return std::move(whole).error();
  return std::optional(whole->digest);
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
  const Call call{.method = net::Method::head,
                  .target = blob_target(repository, blob.digest),
                  .headers = {},
                  .body = {},
                  .scopes = pull(repository),
                  .what = "looking for blob " + blob.digest.brief() + " in " + repository};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status == 200) return true;
  // Artifactory says 403 where 404 is meant; the upload that follows tells the difference. Who answers no HEAD (405)
  // gets the bytes: that is right whatever is there.
  if (response.status == 404 || response.status == 403 || response.status == 405) return false;
  return to_error(response, host_.name(), call.what);
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
    if (response.status != 200 || is_web_page(response)) return to_error(response, host_.name(), call.what);
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
  return std::move(response.body);
}

Status Registry::check_login(const std::stop_token& stop) {
  const Call call{
      .method = net::Method::get, .target = "/v2/", .headers = {}, .body = {}, .scopes = {}, .what = "logging in"};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status != 200 || is_web_page(response)) return to_error(response, host_.name(), call.what);
  return {};
}

}  // namespace sluice::places
