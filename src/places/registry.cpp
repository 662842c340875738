#include "places/registry.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "oci/reference.hpp"
#include "places/registry_error.hpp"

#include <set>

namespace sluice::places {

namespace {

constexpr std::size_t kMaxTags = 200'000;
constexpr std::size_t kTagPage = 1000;  // ECR refuses more
constexpr int kMaxEmptyPages = 100;     // a guess: registries that filter may have a few
constexpr std::chrono::seconds kAbandonTime{2};

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

bool says_next(std::string_view parameters) {
  for (const auto& parameter : text::split(parameters, ';')) {
    const auto [name, value] = text::cut(parameter, '=');
    if (!text::iequals(text::trim(name), "rel")) continue;
    std::string words(text::trim(value));
    std::erase(words, '"');
    for (const auto& word : text::split(words, ' ')) {
      if (text::iequals(word, "next")) return true;
    }
  }
  return false;
}

// The target of rel="next" among the links of a Link header. Source: RFC 8288 section 3.
std::optional<std::string> next_link(std::string_view link) {
  for (;;) {
    const auto open = link.find('<');
    const auto close = link.find('>', open == std::string_view::npos ? link.size() : open);
    if (close == std::string_view::npos) return std::nullopt;
    const auto target = link.substr(open + 1, close - open - 1);
    link.remove_prefix(close + 1);
    std::size_t end = 0;
    for (bool quoted = false; end < link.size() && (quoted || link[end] != ','); ++end) {
      if (link[end] == '"') quoted = !quoted;
    }
    if (says_next(link.substr(0, end))) return std::string(target);
    link.remove_prefix(end);
  }
}

// The next page may be named by an absolute or a relative link, and under another host: only its path counts.
Result<std::optional<std::string>> next_page(const net::HttpResponse& response, const std::string& base) {
  const auto link = next_link(text::join(response.headers.all("link"), ","));
  if (!link) return std::optional<std::string>();
  SLUICE_TRY(const auto from, net::Url::parse(base));
  SLUICE_TRY(const auto next, from.resolve(*link));
  return std::optional<std::string>(next.target);
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

Status Registry::put_manifest(const std::string& repository, const ManifestName& name, const oci::Manifest& manifest,
                              const std::stop_token& stop) {
  const Call call{.method = net::Method::put,
                  .target = manifest_target(repository, name),
                  .headers = {{"Content-Type", manifest.media_type}},
                  .body = manifest.bytes,
                  .scopes = push(repository),
                  .what = "writing the manifest " + spoken(repository, name)};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status / 100 == 2) return {};
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
  // Artifactory says 403 where 404 is meant; the upload that follows tells the difference.
  if (response.status == 404 || response.status == 403) return false;
  return to_error(response, host_.name(), call.what);
}

Result<UploadSession> Registry::session_of(const std::string& repository, const net::HttpResponse& response,
                                           const Call& call) const {
  const auto location = response.headers.get("location");
  if (!location) {
    if (is_web_page(response)) return to_error(response, host_.name(), call.what);
    return Error(ErrorKind::protocol, host_.name() + " opened an upload without saying where (" + call.what + ")");
  }
  SLUICE_TRY(auto url, host_.absolute(*location, call.target));
  return UploadSession{repository, std::move(url)};
}

Result<MountAnswer> Registry::mount_blob(const std::string& repository, const oci::Descriptor& blob,
                                         const std::string& from, const std::stop_token& stop) {
  auto scopes = push(repository);
  scopes.insert({.repository = from, .push = false});
  const Call call{.method = net::Method::post,
                  .target = "/v2/" + repository + "/blobs/uploads/?mount=" + encoding::percent(blob.digest.text()) +
                            "&from=" + encoding::percent(from),
                  .headers = {},
                  .body = {},
                  .scopes = std::move(scopes),
                  .what = "mounting blob " + blob.digest.brief() + " from " + from + " into " + repository};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status == 201) return MountAnswer(Mounted{});
  if (response.status == 202) {
    SLUICE_TRY(auto session, session_of(repository, response, call));
    return MountAnswer(std::move(session));
  }
  return to_error(response, host_.name(), call.what);
}

Result<UploadSession> Registry::begin_upload(const std::string& repository, const std::stop_token& stop) {
  const Call call{.method = net::Method::post,
                  .target = "/v2/" + repository + "/blobs/uploads/",
                  .headers = {},
                  .body = {},
                  .scopes = push(repository),
                  .what = "pushing to " + repository};
  SLUICE_TRY(const auto response, host_.send(call, stop));
  if (response.status != 202) return to_error(response, host_.name(), call.what);
  return session_of(repository, response, call);
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

Status Registry::write_blob(const UploadSession& session, const oci::Descriptor& blob, BlobPipe& pipe,
                            const std::stop_token& stop) {
  SLUICE_TRY(auto url, net::Url::parse(session.location));
  url.add_query("digest", blob.digest.text());
  const Call call{.method = net::Method::put,
                  .target = url.text(),
                  .headers = {{"Content-Type", "application/octet-stream"}},
                  .body = {},
                  .scopes = push(session.repository),
                  .what = "uploading blob " + blob.digest.brief() + " to " + session.repository};
  SLUICE_TRY(const auto response, host_.write(call, pipe, blob.size_bytes, stop));
  if (response.status != 201 && response.status != 204) return to_error(response, host_.name(), call.what);
  if (const auto said = response.headers.get("docker-content-digest")) {
    const auto digest = oci::Digest::parse(*said);
    if (digest && digest->algorithm() == blob.digest.algorithm() && *digest != blob.digest) {
      return Error(ErrorKind::integrity, host_.name() + " stored other bytes than were sent: " + digest->text() +
                                             " instead of " + blob.digest.text());
    }
  }
  return {};
}

void Registry::abandon_upload(const UploadSession& session) {
  // Unused sessions expire by themselves; a refusal (distribution asks for a right that pushers lack) changes nothing.
  const Call call{.method = net::Method::del,
                  .target = session.location,
                  .headers = {},
                  .body = {},
                  .scopes = push(session.repository),
                  .what = "closing an upload to " + session.repository};
  host_.send_once(call, kAbandonTime);
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
    SLUICE_TRY(const auto next, next_page(response, "https://" + host_.name() + target));
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
