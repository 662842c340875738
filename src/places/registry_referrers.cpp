// What a registry lists as attached to a digest. Source: distribution-spec 1.1, "Listing Referrers".

#include "base/json.hpp"
#include "base/text.hpp"
#include "net/web_page.hpp"
#include "places/link_header.hpp"
#include "places/registry.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <iterator>
#include <set>

namespace sluice::places {

namespace {

constexpr std::size_t kMaxReferrers = 1000;  // of one digest; a guess: nobody signs one image that often
constexpr int kMaxEmptyPages = 100;          // a guess: registries that filter may have a few

// Registries from before spec 1.1 know no such path. They say so in many ways: 404, 405, 400, a code of their own, or
// the page of their web console. 403 is what some answer instead of 404; who may not read at all has not come this far.
bool keeps_no_list(const net::HttpResponse& response) {
  switch (response.status) {
    case 400:
    case 403:
    case 404:
    case 405:
    case 406:
    case 501:
      return true;
    case 200:
      break;
    default:
      return false;
  }
  // A catch-all route answers anything with 200. The list is an index, always.
  const auto header = response.headers.get("content-type").value_or("");
  return text::lower(text::trim(text::cut(header, ';').first)) != oci::media::kOciIndex;
}

// Whether the same is true of all repositories there. Behind one name there may be registries of several makes, and
// whatever stands in front of them has pages of its own: only distribution's router says it of itself.
bool is_true_everywhere(const net::HttpResponse& response) {
  return response.status == 404 && response.body.starts_with("404 page not found");
}

// Harbor has no "manifests" in the list of a digest that it does not know, olareg has null there.
Result<std::vector<oci::Descriptor>> entries_of(std::string body) {
  SLUICE_TRY(const auto document, parse_json(body, {.max_bytes = oci::kMaxManifestBytes}));
  const auto* manifests = document.is_object() ? document.find("manifests") : nullptr;
  if (document.is_object() && (manifests == nullptr || manifests->is_null())) return std::vector<oci::Descriptor>();
  SLUICE_TRY(auto page, oci::parse_manifest(std::move(body), oci::media::kOciIndex));
  return std::move(page.children);
}

}  // namespace

// What an answer without a list means: nothing is known of this digest, or there is none for the repository.
Result<std::optional<std::vector<oci::Descriptor>>> Registry::no_list(const std::string& repository, bool had_one,
                                                                      const net::HttpResponse& response,
                                                                      const Call& call) {
  const auto code = read_problem(response).code;
  const bool of_this_alone = code == "NAME_UNKNOWN" || code == "MANIFEST_UNKNOWN" || response.status == 400;
  if (!of_this_alone && response.status != 403) {
    // It has given lists before: something stands in its way.
    if (had_one) return to_error(response, host_.name(), call.what);
    referrers_known_.with([&](auto& all) { all.emplace(repository, false); });
  }
  return std::optional<std::vector<oci::Descriptor>>();
}

Result<std::optional<std::vector<oci::Descriptor>>> Registry::referrers(const std::string& repository,
                                                                        const oci::Digest& digest,
                                                                        const std::stop_token& stop) {
  using List = std::vector<oci::Descriptor>;
  if (lists_no_referrers_.load()) return std::optional<List>();
  const auto known = referrers_known_.with([&](const auto& all) {
    const auto found = all.find(repository);
    return found == all.end() ? std::optional<bool>() : std::optional(found->second);
  });
  if (known == false) return std::optional<List>();
  List out;
  std::set<std::string> pages;  // a registry that links in circles must not keep us for ever
  std::string target = "/v2/" + repository + "/referrers/" + digest.text();
  int empty_pages = 0;
  while (pages.insert(target).second) {
    const Call call{.method = net::Method::get,
                    .target = target,
                    .headers = {{"Accept", std::string(oci::media::kOciIndex)}},
                    .body = {},
                    .scopes = {{.repository = repository, .push = false}},
                    .what = "listing what is attached to " + repository + "@" + digest.brief(),
                    .max_reply_bytes = oci::kMaxManifestBytes};
    SLUICE_TRY(auto response, host_.send(call, stop));
    if (pages.size() == 1 && keeps_no_list(response)) {
      if (is_true_everywhere(response)) lists_no_referrers_.store(true);
      return no_list(repository, known == true, response, call);
    }
    if (response.status != 200 || net::is_web_page(response)) return to_error(response, host_.name(), call.what);
    referrers_known_.with([&](auto& all) { all[repository] = true; });
    SLUICE_TRY(const auto next, next_page(response, host_.name(), target));
    SLUICE_TRY(auto page, entries_of(std::move(response.body)).context(host_.name() + ", " + call.what));
    if (out.size() + page.size() > kMaxReferrers) {
      return Error(ErrorKind::unsupported, fmt::format("{} lists more than {} attachments of {}@{}", host_.name(),
                                                       kMaxReferrers, repository, digest.text()));
    }
    empty_pages = page.empty() ? empty_pages + 1 : 0;
    std::move(page.begin(), page.end(), std::back_inserter(out));
    if (!next) break;
    if (empty_pages > kMaxEmptyPages) {
      return Error(ErrorKind::protocol, host_.name() + " sends one empty page after the other, " + call.what);
    }
    target = *next;
  }
  return std::optional(std::move(out));
}

}  // namespace sluice::places
