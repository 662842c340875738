#pragma once
// Preflight: everything about two projects that could stop a promotion, before the first byte moves. Gathering asks the
// API a number of questions that is known beforehand; judging is pure. Which workloads use a tag, and whether they
// would roll, is not looked at here; nor is the registry itself (discovery.hpp).
// Every code stands in findings/catalogue.hpp and in docs/findings.md.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/identity/token_life.hpp"
#include "openshift/preflight/rights.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::openshift {

/// Something that was asked: the answer, or why there is none. Neither: it was not asked.
template <class T>
struct Fact {
  std::optional<T> value{};
  std::optional<Error> unknown{};

  bool known() const { return value.has_value(); }
  /// Hidden from us, as opposed to broken.
  bool denied() const { return unknown && unknown->kind() == ErrorKind::denied; }
  static Fact of(Result<T> answer) {
    if (answer) return {std::move(*answer), {}};
    return {{}, std::move(answer).error()};
  }
};

/// Who we are on one cluster.
struct IdentityFacts {
  std::string credentials;  ///< where they come from, for people
  std::string login;        ///< the command by which one logs in anew
  bool refused = false;     ///< 401: the token has ended
  Fact<std::string> user;
  kube::TokenLife life;
};

enum class ProjectState : std::uint8_t {
  there,
  ending,   ///< being deleted
  missing,  ///< 404: only who may see all projects is told so
  hidden,   ///< 403: missing, or not ours to see
};

/// What the API server is. Immutable.
struct ServerFacts {
  kube::Release release = kube::Release::v3;
  std::set<std::string> groups;
  std::optional<int> minor;  ///< of OpenShift 4: 14 for 4.14
  /// The command that lists one's rights in a project, with the `oc` of this release.
  std::string list_rights(std::string_view project) const;
  /// "OpenShift 4.14".
  std::string shown() const;
};

struct RightFact {
  Right right;
  Fact<bool> allowed;
};

/// Nodes by "os/architecture".
using NodeCounts = std::map<std::string, int, std::less<>>;

/// What was found out. A plain value; nothing in it is a secret.
struct PreflightFacts {
  std::chrono::system_clock::time_point now{};
  std::optional<IdentityFacts> source_identity;  ///< empty: the same as the target's, or no API
  IdentityFacts target_identity;
  Fact<ServerFacts> server;  ///< of the target
  Fact<ProjectState> source_project;
  Fact<ProjectState> target_project;
  std::string source_meant{};  ///< where the project is hidden or missing: one that can be seen and is named alike
  std::string target_meant{};
  Fact<std::optional<kube::ImageStream>> source_stream;
  Fact<std::optional<kube::ImageStream>> target_stream;
  std::vector<RightFact> rights;
  Fact<std::vector<kube::LimitRange>> limits;
  Fact<std::vector<kube::ResourceQuota>> quotas;
  Fact<NodeCounts> nodes;    ///< only asked when the image says what it runs on
  Fact<bool> pods_may_pull;  ///< only asked when the target's pods or imports pull from the source project
};

/// The clients of both sides. `source` null: a registry without an API. One cluster with one identity: the same client
/// twice, so that nothing is asked twice.
struct PreflightClients {
  kube::Client* source = nullptr;
  kube::Client& target;
};

/// Asks. All questions but the first are asked side by side. What cannot be answered is a fact that is unknown.
/// Errors: those of asking who we are, but refusals; cancelled.
Result<PreflightFacts> gather_preflight(const PreflightClients& clients, const PreflightRequest& request,
                                        const net::ExchangeContext& context);

/// What the facts mean for the promotion: blockers first. Pure.
std::vector<Finding> judge_preflight(const PreflightRequest& request, const PreflightFacts& facts);

}  // namespace sluice::openshift
