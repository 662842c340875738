#include "openshift/preflight/limits.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "oci/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr int kFirstWithOci = 7;
constexpr int kFirstWithLists = 13;
constexpr int kFirstToKeepImportedLists = 12;
constexpr int kFirstToRefuseOnlyMore = 20;  // streams over their limits may still be updated

constexpr std::string_view kOciSince = "OCI images are taken since OpenShift 4.7";
constexpr std::string_view kListSince = "lists for several platforms are taken since OpenShift 4.13";
constexpr std::string_view kBuildDocker = "podman build --format docker .  # as Docker schema 2";
constexpr std::string_view kBuildOne =
    "podman build --platform linux/amd64 --format docker .  # one platform, as Docker schema 2";

// Whether a release has what came with 4.`first`; empty: it is a 4 that does not say which.
std::optional<bool> has(const ServerFacts& server, int first) {
  if (server.release != kube::Release::v4) return false;
  if (!server.minor) return std::nullopt;
  return *server.minor >= first;
}

struct Usage {
  std::set<std::string> images;
  std::set<std::string> sources;
};

std::string source_key(const kube::ImageSource& from, std::string_view own_project) {
  return fmt::format("{}\n{}\n{}", from.kind, from.project.empty() ? own_project : from.project, from.name);
}

std::optional<kube::ImageSource> new_source(const PreflightRequest& request) {
  if (request.road == PreflightRoad::tag) {
    return kube::ImageSource{"ImageStreamImage", request.source.project, request.source.stream + "@" + request.digest};
  }
  if (request.road != PreflightRoad::import_images) return std::nullopt;  // a push leaves the spec alone
  return kube::ImageSource{"DockerImage", "",
                           fmt::format("{}/{}/{}@{}", request.source_registry, request.source.project,
                                       request.source.stream, request.digest)};
}

bool is_written(const PreflightRequest& request, const std::string& tag) {
  return std::find(request.tags.begin(), request.tags.end(), tag) != request.tags.end();
}

// What the entries of the spec name after the promotion: the tags themselves, and pins of our own where the API sets
// them.
std::vector<kube::ImageSource> new_sources(const PreflightRequest& request) {
  std::vector<kube::ImageSource> out;
  if (auto source = new_source(request)) out.push_back(std::move(*source));
  if (!request.set_tags) return out;
  const auto own = [&](const std::string& digest) {
    out.push_back({"ImageStreamImage", request.target.project, request.target.stream + "@" + digest});
  };
  own(request.digest);
  if (!request.pinned_before.empty()) own(request.pinned_before);
  return out;
}

// What the stream uses of its limits, now or after the promotion.
Usage usage_of(const PreflightRequest& request, const std::optional<kube::ImageStream>& stream, bool after) {
  Usage usage;
  const auto sources = after ? new_sources(request) : std::vector<kube::ImageSource>();
  if (stream) {
    for (const auto& tag : stream->tags()) {
      for (const auto& item : tag.items) {
        if (!item.image.empty()) usage.images.insert(item.image);
      }
    }
    for (const auto& spec : stream->tag_specs()) {
      if (!spec.from || (!sources.empty() && is_written(request, spec.name))) continue;
      usage.sources.insert(source_key(*spec.from, request.target.project));
    }
  }
  if (after) usage.images.insert(request.digest);
  for (const auto& source : sources) usage.sources.insert(source_key(source, request.target.project));
  return usage;
}

// One limit of a type, with the place in its object where it stands.
struct Limit {
  std::string range;
  std::string path;
  std::int64_t max = 0;
};

std::vector<Limit> limits_of(const std::vector<kube::LimitRange>& ranges, std::string_view type, std::string_view what,
                             std::string_view pointer) {
  std::vector<Limit> out;
  for (const auto& range : ranges) {
    const auto entries = range.limits();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i].type != type) continue;
      const auto found = entries[i].max.find(what);
      const auto max = found != entries[i].max.end() ? kube::parse_quantity(found->second) : std::nullopt;
      if (max) out.push_back({range.name(), fmt::format("/spec/limits/{}/max/{}", i, pointer), *max});
    }
  }
  return out;
}

// Judges limit ranges by the numbers of after the promotion.
class LimitJudge {
 public:
  LimitJudge(const PreflightRequest& request, const PreflightFacts& facts, const std::vector<kube::LimitRange>& ranges)
      : request_(request), facts_(facts), ranges_(ranges) {}

  std::vector<Finding> run() {
    judge_size();
    if (!facts_.target_stream.known()) return std::move(out_);
    const auto before = usage_of(request_, *facts_.target_stream.value, false);
    const auto after = usage_of(request_, *facts_.target_stream.value, true);
    // A slash of a name is written "~1" in a JSON pointer (RFC 6901).
    judge_count("too-many-images", "openshift.io/images", "openshift.io~1images", before.images.size(),
                after.images.size());
    judge_count("too-many-tags", "openshift.io/image-tags", "openshift.io~1image-tags", before.sources.size(),
                after.sources.size());
    return std::move(out_);
  }

 private:
  // Images are weighed when the registry tells the API of a new one; tags and imports are not weighed.
  void judge_size() {
    if (request_.road != PreflightRoad::mount && request_.road != PreflightRoad::stream) return;
    std::int64_t largest = 0;
    for (const auto& part : request_.parts) largest = std::max(largest, part.size_bytes());
    for (const auto& limit : limits_of(ranges_, "openshift.io/Image", "storage", "storage")) {
      if (largest <= limit.max) continue;
      out_.push_back(findings::make_finding("image-too-large", request_.target.project,
                                            {{"size", std::to_string(largest)},
                                             {"max", std::to_string(limit.max)},
                                             {"limit_range", limit.range},
                                             {"path", limit.path},
                                             {"project", request_.target.project}}));
    }
  }

  void judge_count(std::string_view code, std::string_view what, std::string_view pointer, std::size_t before,
                   std::size_t after) {
    const bool only_more = facts_.server.known() && has(*facts_.server.value, kFirstToRefuseOnlyMore).value_or(false);
    for (const auto& limit : limits_of(ranges_, "openshift.io/ImageStream", what, pointer)) {
      if (static_cast<std::int64_t>(after) <= limit.max || (only_more && after <= before)) continue;
      out_.push_back(findings::make_finding(code, request_.target.project + "/" + request_.target.stream,
                                            {{"after", std::to_string(after)},
                                             {"max", std::to_string(limit.max)},
                                             {"limit_range", limit.range},
                                             {"path", limit.path},
                                             {"project", request_.target.project},
                                             {"stream", request_.target.stream}}));
    }
  }

  const PreflightRequest& request_;
  const PreflightFacts& facts_;
  const std::vector<kube::LimitRange>& ranges_;
  std::vector<Finding> out_;
};

void judge_quota(const PreflightRequest& request, const kube::ResourceQuota& quota, std::vector<Finding>& out) {
  constexpr std::array<std::string_view, 2> kCounted{"openshift.io/imagestreams",
                                                     "count/imagestreams.image.openshift.io"};
  const auto hard = quota.hard();
  for (const auto resource : kCounted) {
    const auto left = quota.left(resource);
    if (!left || *left > 0) continue;
    const auto used = quota.used();
    const auto taken = used.find(resource);
    const auto after = (taken != used.end() ? kube::parse_quantity(taken->second).value_or(0) : 0) + 1;
    out.push_back(findings::make_finding("stream-quota-used-up", request.target.project,
                                         {{"project", request.target.project},
                                          {"quota", quota.name()},
                                          {"resource", resource},
                                          {"max", hard.find(resource)->second},
                                          {"after", std::to_string(after)}}));
  }
}

// A list that may not be seen, or could not be read.
template <class T>
void judge_unknown(const PreflightRequest& request, const PreflightFacts& facts, const Fact<T>& fact,
                   std::string_view what, std::vector<Finding>& out) {
  if (!fact.unknown) return;
  const auto& project = request.target.project;
  if (fact.denied()) {
    out.push_back(findings::make_finding(
        "limits-unknown", project,
        {{"user", facts.target_identity.user.value.value_or("")}, {"what", what}, {"project", project}}));
    return;
  }
  out.push_back(findings::make_finding(
      "fact-unknown", project, {{"what", fmt::format("{} of {}", what, project)}, {"why", fact.unknown->message()}}));
}

}  // namespace

std::vector<Finding> judge_manifest_type(const PreflightRequest& request, const ServerFacts& server) {
  // A tag leads to what the cluster has already; without image streams another finding says all.
  if (request.road == PreflightRoad::tag || server.release == kube::Release::kubernetes) return {};
  const bool import = request.road == PreflightRoad::import_images;
  const bool list = oci::media::is_index(request.media_type);
  if (!list && request.media_type != oci::media::kOciManifest) return {};
  const auto first = !list ? (import ? 0 : kFirstWithOci) : import ? kFirstToKeepImportedLists : kFirstWithLists;
  const auto taken = has(server, first);
  if (taken == true) return {};
  const auto release = server.shown();
  const auto since = import && list ? std::string_view("imports keep them whole since OpenShift 4.12")
                                    : (list ? kListSince : kOciSince);
  const std::string_view code = !taken           ? "manifest-type-unsure"
                                : import && list ? "import-picks-platform"
                                                 : "manifest-type-refused";
  return {findings::make_finding(code, request.target.cluster,
                                 {{"cluster", request.target.cluster},
                                  {"release", release},
                                  {"type", request.media_type},
                                  {"since", since},
                                  {"fix", list ? kBuildOne : kBuildDocker}})};
}

std::vector<Finding> judge_limits(const PreflightRequest& request, const PreflightFacts& facts) {
  std::vector<Finding> out;
  if (all_tags_right(request, facts)) return out;
  if (facts.limits.known()) out = LimitJudge(request, facts, *facts.limits.value).run();
  const bool new_stream = facts.target_stream.known() && !*facts.target_stream.value;
  if (facts.quotas.known() && new_stream) {
    for (const auto& quota : *facts.quotas.value) judge_quota(request, quota, out);
  }
  judge_unknown(request, facts, facts.limits, "limit ranges", out);
  if (new_stream) judge_unknown(request, facts, facts.quotas, "quotas", out);
  return out;
}

std::vector<Finding> judge_nodes(const PreflightRequest& request, const NodeCounts& nodes) {
  std::set<std::string> platforms;
  for (const auto& part : request.parts) {
    if (!part.architecture.empty()) {
      platforms.insert((part.os.empty() ? "linux" : part.os) + "/" + part.architecture);
    }
  }
  if (platforms.empty() || nodes.empty()) return {};
  std::vector<std::string> all;
  std::vector<std::string> unfit;
  for (const auto& [platform, count] : nodes) {
    all.push_back(fmt::format("{} x {}", count, platform));
    if (!platforms.contains(platform)) unfit.push_back(all.back());
  }
  if (unfit.empty()) return {};
  const auto shown = text::join({platforms.begin(), platforms.end()}, ", ");
  const bool none = unfit.size() == all.size();
  return {findings::make_finding(none ? "no-node-for-image" : "some-nodes-cannot-run", request.target.cluster,
                                 {{"platforms", shown},
                                  {"platform", nodes.begin()->first},
                                  {"cluster", request.target.cluster},
                                  {"nodes", text::join(unfit, ", ")}})};
}

bool all_tags_right(const PreflightRequest& request, const PreflightFacts& facts) {
  if (!facts.target_stream.known() || !*facts.target_stream.value) return false;
  const auto& stream = **facts.target_stream.value;
  return std::all_of(request.tags.begin(), request.tags.end(), [&](const std::string& tag) {
    const auto top = stream.top(tag);
    return top && top->image == request.digest;
  });
}

}  // namespace sluice::openshift
