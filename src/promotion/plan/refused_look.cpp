#include "promotion/plan/refused_look.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "openshift/preflight/preflight.hpp"
#include "promotion/doctor.hpp"
#include "promotion/plan/cluster_plan.hpp"
#include "promotion/plan/rules.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sluice::promotion {

namespace {

constexpr std::array<std::string_view, 3> kNoProject{"project-hidden", "project-missing", "project-ending"};

bool is_about_project(const Finding& finding) {
  return std::find(kNoProject.begin(), kNoProject.end(), finding.code) != kNoProject.end();
}

bool is_blocker(const Finding& finding) { return finding.severity == Severity::blocker; }

std::string cluster_of(const pipeline::Target& target) {
  return target.cluster.empty() ? target.server : target.cluster;
}

openshift::PreflightRoad road_of(const pipeline::Target& target, bool same, bool tags) {
  using openshift::PreflightRoad;
  if (target.via == pipeline::Via::mount) return PreflightRoad::mount;
  if (target.via == pipeline::Via::import_images) return PreflightRoad::import_images;
  if (target.via == pipeline::Via::stream || target.via == pipeline::Via::docker) return PreflightRoad::stream;
  return same && tags ? PreflightRoad::tag : PreflightRoad::stream;
}

// Looks at sources and targets of one environment.
class SidesLook {
 public:
  SidesLook(Targets& targets, const pipeline::Pipeline& pipeline, const pipeline::Environment& environment)
      : targets_(targets), pipeline_(pipeline), environment_(environment) {}

  std::vector<Finding> run(bool goes_back) {
    const auto& before = pipeline_.environments[pipeline_.order_of(environment_) - 1];
    for (std::size_t t = 0; t < environment_.targets.size(); ++t) {
      const auto& target = environment_.targets[t];
      const auto to = open(target);
      // Every source once; each target with the first of them.
      const auto sources = goes_back ? std::size_t{1} : t == 0 ? before.targets.size() : std::size_t{1};
      for (std::size_t s = 0; s < sources; ++s) {
        const auto from = goes_back ? to : open(before.targets[s]);
        if (to && to->streams) look(from ? &*from : nullptr, *to);
      }
    }
    std::stable_sort(out_.begin(), out_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(out_);
  }

 private:
  std::optional<TargetAccess> open(const pipeline::Target& target) {
    auto access = targets_.open(target);
    if (access) return std::move(*access);
    add(finding_from(target.label(), access.error()));
    return std::nullopt;
  }

  void look(const TargetAccess* from, const TargetAccess& to) {
    const bool tags = may_tag(to, targets_.context());
    for (const auto& image : pipeline_.images) {
      openshift::PreflightRequest request;
      const auto& source = from != nullptr ? from->target : to.target;
      const bool source_api = from != nullptr && from->streams;
      request.same_cluster = source_api && same_cluster(source, to.target);
      request.road = road_of(to.target, request.same_cluster, tags);
      request.source = {cluster_of(source), source.project, image};
      request.target = {cluster_of(to.target), to.target.project, image};
      request.tags = {moving_tag(pipeline_, environment_)};
      request.set_tags = tags;
      request.follow = environment_.verify.rollout;
      request.needs = environment_.verify.rollout_time + environment_.verify.watch;
      const openshift::PreflightClients clients{source_api ? from->side.client : nullptr, *to.side.client};
      const auto facts = openshift::gather_preflight(clients, request, targets_.context());
      if (!facts) return add(finding_from(to.target.label(), facts.error()));
      for (auto& finding : openshift::judge_preflight(request, *facts)) {
        if (finding.severity != Severity::info) add(std::move(finding));
      }
    }
  }

  void add(Finding finding) {
    const bool known = std::any_of(out_.begin(), out_.end(), [&](const Finding& other) {
      return other.code == finding.code && other.sentence == finding.sentence;
    });
    if (!known) out_.push_back(std::move(finding));
  }

  Targets& targets_;
  const pipeline::Pipeline& pipeline_;
  const pipeline::Environment& environment_;
  std::vector<Finding> out_;
};

bool may_be_explained(ErrorKind kind) {
  return kind == ErrorKind::denied || kind == ErrorKind::unauthenticated || kind == ErrorKind::not_found;
}

}  // namespace

const std::vector<Finding>* findings_behind(const Error& error) {
  const auto* behind = dynamic_cast<const FindingsBehind*>(error.detail());
  return behind != nullptr ? &behind->findings : nullptr;
}

Finding why_unread(Targets& targets, const TargetAccess& access, SideRole role) {
  const bool source = role == SideRole::source;
  const auto& project = access.target.project;
  const auto user = targets.user_at(access);
  const auto seen = access.side.client->get<kube::Project>("", project, targets.context());
  const bool missing = !seen && seen.error().kind() == ErrorKind::not_found;
  if (!missing && (seen || seen.error().kind() != ErrorKind::denied)) {
    return findings::make_finding(source ? "may-not-read-source" : "may-not-read-target", project,
                                  {{"user", user}, {"rights", "get imagestreams in " + project}, {"project", project}});
  }
  std::string meant;
  if (const auto listed = access.side.client->list<kube::Project>({}, targets.context())) {
    std::vector<std::string> names;
    for (const auto& one : listed->items) names.push_back(one.name());
    if (const auto name = text::nearest(project, names); !name.empty()) meant = "; did you mean '" + name + "'?";
  }
  return findings::make_finding(missing ? "project-missing" : "project-hidden", project,
                                {{"cluster", cluster_of(access.target)},
                                 {"user", user},
                                 {"project", project},
                                 {"role", source ? "registry-viewer" : "view"},
                                 {"meant", meant}});
}

Error explain_unread(Targets& targets, const TargetAccess& access, SideRole role, Error error) {
  if (!access.side || error.kind() != ErrorKind::denied) return error;
  auto finding = why_unread(targets, access, role);
  const auto kind = finding.code == "project-missing" ? ErrorKind::not_found : ErrorKind::denied;
  return Error(kind, finding.code + ": " + finding.sentence).with_hint(finding.fix);
}

Error explain_refused(Targets& targets, const pipeline::Pipeline& pipeline, const pipeline::Environment& environment,
                      bool goes_back, Error error) {
  if (!may_be_explained(error.kind())) return error;
  auto findings = SidesLook(targets, pipeline, environment).run(goes_back);
  // An image that is not there is said best by who missed it, unless its whole project cannot be seen.
  const bool only_projects = error.kind() == ErrorKind::not_found;
  const auto first = std::find_if(findings.begin(), findings.end(), [&](const Finding& finding) {
    return is_blocker(finding) && (!only_projects || is_about_project(finding));
  });
  if (first == findings.end()) return error;
  auto behind = std::make_shared<const FindingsBehind>(findings);
  if (error.kind() == ErrorKind::unauthenticated) return std::move(error).with_detail(std::move(behind));
  return Error(ErrorKind::blocked, "the promotion to " + environment.name + " is blocked: " + first->sentence)
      .with_hint(first->fix)
      .with_detail(std::move(behind));
}

}  // namespace sluice::promotion
