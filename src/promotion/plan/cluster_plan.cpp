#include "promotion/plan/cluster_plan.hpp"

#include "findings/catalogue.hpp"
#include "openshift/preflight/preflight.hpp"
#include "openshift/streams/state.hpp"
#include "openshift/streams/tags.hpp"
#include "promotion/plan/roads.hpp"
#include "promotion/plan/source_findings.hpp"
#include "promotion/plan/workload_plan.hpp"
#include "promotion/targets/http_check.hpp"
#include "promotion/targets/signatures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <initializer_list>
#include <map>
#include <set>
#include <string_view>

namespace sluice::promotion {

namespace {

// What a token must still be good for beside the rollout: the copy before it (a guess).
constexpr std::chrono::seconds kForTheCopy{600};

std::vector<std::string> names_of(const PlannedTarget& planned) {
  std::vector<std::string> names;
  for (const auto& image : planned.images) names.push_back(image.name);
  return names;
}

Status take_tags(const std::vector<std::optional<kube::ImageStream>>& streams, PlannedTarget& planned) {
  for (std::size_t i = 0; i < planned.images.size(); ++i) {
    for (auto& tag : planned.images[i].tags) {
      const auto top = streams[i] ? streams[i]->top(tag.tag) : std::nullopt;
      tag.before.reset();
      if (!top || top->image.empty()) continue;
      SLUICE_TRY(tag.before, oci::Digest::parse(top->image));
    }
  }
  return {};
}

// The streams of every place in the target's own cluster where the images may be.
class Origins {
 public:
  Origins(Targets& targets, const PlannedTarget& planned) : targets_(targets), planned_(planned) {}

  Result<bool> has(const pipeline::Target& origin, std::size_t image) {
    auto known = streams_.find(origin.id());
    if (known == streams_.end()) {
      SLUICE_TRY(const auto access, targets_.open(origin));
      auto read = targets_.seen(access, names_of(planned_));
      // A project that we may not read is no way; the preflight of another road has more to say.
      if (!read && read.error().kind() != ErrorKind::denied) return std::move(read).error();
      known =
          streams_
              .emplace(origin.id(), read ? std::move(*read) : decltype(streams_)::mapped_type(planned_.images.size()))
              .first;
      if (!read) hidden_.insert(origin.id());
    }
    // Nobody can tell whether a hidden project has it: the server will, when the tag is set.
    if (hidden_.contains(origin.id())) return true;
    const auto& stream = known->second[image];
    return stream && stream->has_image(planned_.images[image].after.text());
  }

 private:
  Targets& targets_;
  const PlannedTarget& planned_;
  std::map<std::string, std::vector<std::optional<kube::ImageStream>>> streams_;
  std::set<std::string> hidden_;
};

Finding impossible(const std::string& subject, const Error& error) {
  return {.code = "road-impossible",
          .severity = Severity::blocker,
          .subject = subject,
          .sentence = error.message(),
          .fix = error.hint()};
}

// An address that will not be asked is told before anything is switched.
void look_at_http_check(const pipeline::Verify& verify, bool allow_local, PlannedTarget& target) {
  if (verify.http.empty()) return;
  const auto allowed = may_be_checked(check_url_of(verify.http, target.target), allow_local);
  if (allowed) return;
  target.findings.push_back({.code = "http-check-refused",
                             .severity = Severity::blocker,
                             .subject = target.target.label(),
                             .sentence = "verify.http: " + allowed.error().message(),
                             .fix = allowed.error().hint()});
}

Status choose_roads(Targets& targets, const std::vector<std::optional<kube::ImageStream>>& streams, bool may_set,
                    PlannedTarget& planned) {
  Origins origins(targets, planned);
  for (std::size_t i = 0; i < planned.images.size(); ++i) {
    auto& image = planned.images[i];
    RoadQuestion question{.target = planned.target, .via = planned.target.via, .may_tag = may_set, .origins = {}};
    question.has_image = streams[i] && streams[i]->has_image(image.after.text());
    for (const auto& origin : image.origins) {
      RoadOrigin way{.target = origin};
      // A target that is its own origin has been looked at.
      if (same_cluster(origin, planned.target) && origin.project == planned.target.project) {
        way.has_image = question.has_image;
      } else if (same_cluster(origin, planned.target) && !(question.has_image && !question.via)) {
        SLUICE_TRY(way.has_image, origins.has(origin, i));
      }
      question.origins.push_back(std::move(way));
    }
    const auto answer = choose_road(question);
    if (!answer) {
      planned.findings.push_back(impossible(planned.target.label() + "/" + image.name, answer.error()));
      continue;
    }
    image.by_api = answer->by_api;
    image.road = answer->road;
    image.source = answer->source;
    image.why = answer->why;
    image.considered = considered_roads(question, *answer);
  }
  return {};
}

openshift::PreflightRoad preflight_road(const PlannedImage& image) {
  switch (image.road) {
    case copy::Road::tag:
    case copy::Road::present:
      return image.by_api ? openshift::PreflightRoad::tag : openshift::PreflightRoad::mount;
    case copy::Road::mount:
      return openshift::PreflightRoad::mount;
    case copy::Road::stream:
    case copy::Road::docker:
      return openshift::PreflightRoad::stream;
    case copy::Road::import_images:
      break;
  }
  return openshift::PreflightRoad::import_images;
}

bool any_workload(const PlannedTarget& planned, const std::function<bool(const PlannedWorkload&)>& is) {
  return planned.workloads && std::any_of(planned.workloads->begin(), planned.workloads->end(), is);
}

openshift::PreflightRequest request_for(const Plan& plan, const PlannedTarget& planned, const PlannedImage& image,
                                        const ImageKnowledge& knowledge) {
  const auto& source = image.by_api || image.origins.empty() ? image.source : image.origins.front();
  openshift::PreflightRequest request;
  request.road = preflight_road(image);
  const auto cluster_of = [](const pipeline::Target& side) {
    return side.cluster.empty() ? side.server : side.cluster;
  };
  request.source = {cluster_of(source), source.project, image.name};
  request.target = {cluster_of(planned.target), planned.target.project, image.name};
  request.same_cluster = same_cluster(source, planned.target);
  request.digest = image.after.text();
  request.media_type = knowledge.media_type;
  request.parts = knowledge.parts;
  for (const auto& tag : image.tags) request.tags.push_back(tag.tag);
  request.set_tags = planned.sets_tags();
  if (request.set_tags && image.before() && image.before() != image.after)
    request.pinned_before = image.before()->text();
  request.follow = plan.verify.rollout;
  request.start_rollouts =
      any_workload(planned, [](const auto& one) { return one.action == openshift::UseAction::start; });
  request.change_workloads =
      any_workload(planned, [](const auto& one) { return one.pause || one.action == openshift::UseAction::patch; });
  request.carry_signatures = image.openshift_signatures.value_or(0) > 0;
  request.needs = kForTheCopy + plan.verify.rollout_time + plan.verify.watch;
  return request;
}

bool is_one_of(const Finding& finding, std::initializer_list<std::string_view> codes, const std::string& subject) {
  return finding.subject == subject && std::find(codes.begin(), codes.end(), finding.code) != codes.end();
}

// Of a project that is hidden one thing is to be said. Workloads that may not be listed are one finding, and none where
// the right to follow them is a blocker with the same command.
void settle_unread(PlannedTarget& planned) {
  auto& findings = planned.findings;
  const auto& project = planned.target.project;
  const auto any = [&](std::initializer_list<std::string_view> codes) {
    return std::any_of(findings.begin(), findings.end(),
                       [&](const auto& one) { return is_one_of(one, codes, project); });
  };
  const bool gone = any({"project-hidden", "project-missing", "project-ending"});
  if (gone) {
    std::erase_if(findings, [&](const Finding& one) {
      return one.code == "workloads-unread" || one.code == "nothing-uses-tag" || one.code == "needs-unread" ||
             one.code == "limits-unknown" || one.code == "rights-unknown";
    });
    return;
  }
  const bool told = any({"may-not-follow", "may-not-read-target"});
  Finding* first = nullptr;
  std::set<std::string> sentences;
  std::vector<Finding> kept;
  kept.reserve(findings.size());  // `first` points into it
  for (auto& finding : findings) {
    if (finding.code != "workloads-unread") {
      kept.push_back(std::move(finding));
    } else if (!told && first == nullptr) {
      first = &kept.emplace_back(std::move(finding));
      sentences.insert(first->sentence);
    } else if (!told && sentences.insert(finding.sentence).second) {
      first->sentence += "; " + finding.sentence;
    }
  }
  if (first != nullptr && !planned.user.empty()) {
    first->fix = findings::make_finding("may-not-follow", project,
                                        {{"user", planned.user}, {"rights", ""}, {"project", project}})
                     .fix;
  }
  findings = std::move(kept);
}

// `user`: who the target's API says that we are.
Result<std::vector<Finding>> preflight(Targets& targets, const TargetAccess& access, const PlannedImage& image,
                                       openshift::PreflightRequest request, std::string& user) {
  const auto& source = image.by_api || image.origins.empty() ? image.source : image.origins.front();
  SLUICE_TRY(const auto from, targets.open(source));
  if (request.road == openshift::PreflightRoad::import_images) {
    SLUICE_TRY(request.source_registry, targets.registry_for_import(source, access.target, image.name));
  }
  const openshift::PreflightClients clients{from.streams ? from.side.client : nullptr, *access.side.client};
  SLUICE_TRY(const auto facts, openshift::gather_preflight(clients, request, targets.context()));
  user = facts.target_identity.user.value.value_or("");
  return openshift::judge_preflight(request, facts);
}

}  // namespace

bool may_tag(const TargetAccess& access, const net::ExchangeContext& context) {
  kube::AccessQuestion question;
  question.verb = "update";
  question.group = kube::ImageStreamTag::kResource.group;
  question.resource = kube::ImageStreamTag::kResource.plural;
  question.project = access.target.project;
  const auto answer = access.side.client->may_i(question, context);
  return !answer || answer->allowed;
}

Status look_at_tags(Targets& targets, PlannedTarget& planned) {
  SLUICE_TRY(const auto access, targets.open(planned.target));
  planned.target.place = access.target.place;
  planned.streams = access.streams;
  planned.attachments_held = targets.attachments_held(access);
  if (!access.streams) return {};
  auto streams = targets.seen(access, names_of(planned));
  if (!streams && streams.error().kind() != ErrorKind::denied) return std::move(streams).error();
  // What we may not read is told by the preflight, with the command that gives the right.
  auto seen = streams ? std::move(*streams) : std::vector<std::optional<kube::ImageStream>>(planned.images.size());
  SLUICE_CHECK(take_tags(seen, planned));
  for (std::size_t i = 0; i < planned.images.size(); ++i) {
    if (!seen[i]) continue;
    const auto& tag = planned.images[i].tags.back().tag;
    for (auto& finding : target_tag_findings(planned.target.label(), *seen[i], tag))
      planned.findings.push_back(std::move(finding));
  }
  const bool may_set = may_tag(access, targets.context());
  planned.push_tags = !may_set && !planned.target.via;
  return choose_roads(targets, seen, may_set || planned.target.via.has_value(), planned);
}

Result<std::vector<ImageKnowledge>> knowledge_of(Targets& targets, PlannedTarget& planned, bool all) {
  std::vector<ImageKnowledge> out(planned.images.size());
  for (std::size_t i = 0; i < planned.images.size(); ++i) {
    auto& image = planned.images[i];
    const auto& from = image.by_api || image.origins.empty() ? image.source : image.origins.front();
    if (!image.by_api && !(all && from.has_api)) continue;
    SLUICE_TRY(const auto source, targets.open(from));
    if (!source.streams) continue;
    auto facts =
        openshift::describe_image(*source.side.client, from.project, image.name, image.after.text(), targets.context());
    if (!facts && (facts.error().kind() == ErrorKind::denied || facts.error().kind() == ErrorKind::not_found)) continue;
    if (!facts) return std::move(facts).error();
    out[i] = {facts->media_type, facts->parts};
    image.accepted.insert(facts->accepted.begin(), facts->accepted.end());
    const auto* bearer = signature_source(planned, image);
    if (bearer != nullptr && bearer->id() == from.id())
      image.openshift_signatures = static_cast<int>(facts->signatures.size());
  }
  return out;
}

Status look_at_rest(Targets& targets, const Plan& plan, PlannedTarget& planned,
                    const std::vector<ImageKnowledge>& knowledge) {
  SLUICE_TRY(const auto access, targets.open(planned.target));
  if (!access.side) return {};
  look_at_http_check(plan.verify, targets.places().allow_local_checks(), planned);
  SLUICE_CHECK(plan_workloads(access, plan, planned, targets.context()));
  if (!access.streams) return {};
  SLUICE_CHECK(look_at_signatures(targets, planned));
  for (std::size_t i = 0; i < planned.images.size(); ++i) {
    const auto& image = planned.images[i];
    SLUICE_TRY(auto findings,
               preflight(targets, access, image, request_for(plan, planned, image, knowledge[i]), planned.user));
    // The plan shows it anyway, tag by tag.
    std::erase_if(findings, [](const Finding& finding) { return finding.code == "tag-already-right"; });
    add_unique(planned.findings, std::move(findings));
  }
  settle_unread(planned);
  std::stable_sort(planned.findings.begin(), planned.findings.end(),
                   [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return {};
}

Status look_at_sides(Targets& targets, Plan& plan) {
  for (auto& target : plan.targets) {
    SLUICE_TRY(target.settings, targets.places().settings_of(target.target));
    for (auto& image : target.images) {
      if (image.source.has_api) image.source.place = targets.known_place(image.source);
      for (auto& origin : image.origins) {
        if (origin.has_api) origin.place = targets.known_place(origin);
      }
    }
  }
  for (auto& source : sources_of(plan)) {
    SLUICE_TRY(auto settings, targets.places().settings_of(source));
    plan.sources.push_back({std::move(source), std::move(settings)});
  }
  return {};
}

}  // namespace sluice::promotion
