#pragma once
// A promotion from dev/shop to prod/web where all is well, for tests that spoil one thing of it.

#include "openshift/preflight/preflight.hpp"

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::openshift::testing {

inline const std::string kNew = "sha256:" + std::string(64, 'a');
inline const std::string kOld = "sha256:" + std::string(64, 'b');
inline constexpr std::string_view kDockerType = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kOciType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kListType = "application/vnd.docker.distribution.manifest.list.v2+json";

inline Json json_of(const std::string& text) {
  auto json = parse_json(text);
  if (!json) throw std::invalid_argument(json.error().sentence() + ": " + text);
  return std::move(*json);
}

/// "live" with `top` on top; `from` as in a spec tag, empty for none.
inline kube::ImageStream stream_of(const std::string& project, const std::string& name, const std::string& tag,
                                   const std::string& top, const std::string& from = "") {
  std::string text = R"({"metadata":{"name":")" + name + R"(","namespace":")" + project + R"("},"spec":{"tags":[)";
  if (!from.empty()) text += R"({"name":")" + tag + R"(","from":)" + from + "}";
  text += R"(]},"status":{"tags":[{"tag":")" + tag + R"(","items":[{"image":")" + top + R"("}]}]}})";
  return kube::ImageStream(json_of(text));
}

struct Case {
  PreflightRequest request;
  PreflightFacts facts;

  std::vector<Finding> findings() const { return judge_preflight(request, facts); }
  /// Denies all rights for a purpose.
  void deny(Purpose purpose) {
    for (auto& fact : facts.rights) {
      if (fact.right.purpose == purpose) fact.allowed.value = false;
    }
  }
  void deny_all(std::string_view project) {
    for (auto& fact : facts.rights) {
      if (fact.right.question.project == project) fact.allowed.value = false;
    }
  }
};

inline Error denied() { return {ErrorKind::denied, "not for you"}; }
inline Error broken() { return {ErrorKind::busy, "api:6443 is busy"}; }

inline Case good_case(PreflightRoad road = PreflightRoad::tag) {
  Case out;
  auto& request = out.request;
  request.road = road;
  request.source = {"cluster-a", "dev", "shop"};
  request.target = {"cluster-a", "prod", "web"};
  request.same_cluster = true;
  request.source_registry = "registry.example.com";
  request.digest = kNew;
  request.media_type = kDockerType;
  request.parts = {{"linux", "amd64", 100, {{"sha256:1", 1000}}}};
  request.tags = {"live"};
  request.start_rollouts = request.change_workloads = request.carry_signatures = true;

  auto& facts = out.facts;
  facts.now = std::chrono::system_clock::time_point(std::chrono::hours(24 * 365 * 50));
  facts.target_identity.credentials = "the token of ann";
  facts.target_identity.login = "sluice login https://api.example.com:6443 -u USER";
  facts.target_identity.user.value = "ann";
  facts.target_identity.life = {kube::TokenKind::web_token, false, facts.now + std::chrono::hours(5), ""};
  facts.server.value = ServerFacts{kube::Release::v4, {"config.openshift.io", "apps.openshift.io"}, 14};
  facts.source_project.value = ProjectState::there;
  facts.target_project.value = ProjectState::there;
  facts.source_stream.value = stream_of("dev", "shop", "latest", kNew);
  facts.target_stream.value = stream_of("prod", "web", "live", kOld);
  for (auto& right : rights_for_preflight(request, true, true)) {
    facts.rights.push_back({std::move(right), {true, {}}});
  }
  facts.limits.value.emplace();
  facts.quotas.value.emplace();
  facts.nodes.value = NodeCounts{{"linux/amd64", 3}};
  return out;
}

inline const Finding* find(const std::vector<Finding>& findings, std::string_view code) {
  for (const auto& finding : findings) {
    if (finding.code == code) return &finding;
  }
  return nullptr;
}

inline std::string codes(const std::vector<Finding>& findings) {
  std::string out;
  for (const auto& finding : findings) out += (out.empty() ? "" : " ") + finding.code;
  return out;
}

}  // namespace sluice::openshift::testing
