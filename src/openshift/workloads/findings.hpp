#pragma once
// Findings about the workloads that use promoted tags: whether each will roll, what it runs now, and what it needs that
// is not there. Codes: findings/catalogue.hpp and docs/findings.md.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "findings/acceptance.hpp"
#include "kube/client.hpp"
#include "openshift/workloads/workloads.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <vector>

namespace sluice::openshift {

/// What pods run in one container.
struct RunningContainer {
  std::string name;
  bool init = false;
  std::set<std::string> digests;  ///< as the runtime names them; empty: nobody can tell
};

/// What a workload's pods run now, in the containers that are bound to a stream.
struct RunningWorkload {
  WorkloadKind kind = WorkloadKind::deployment;
  std::string name;
  std::int64_t wanted = 0;        ///< pods, as its spec says
  std::int64_t ready = 0;         ///< pods of the newest rollout that are ready
  std::set<std::string> digests;  ///< as the runtime names them, over all its pods that are not on their way out
  bool rolling = false;           ///< a rollout is not complete
  std::vector<RunningContainer> containers{};  ///< the same digests, by container
};

/// A Secret, ConfigMap or key of one that a workload's template names and the project lacks. Names only.
struct MissingNeed {
  std::string workload;  ///< "Deployment web"
  std::string kind;      ///< "Secret", "ConfigMap", "ServiceAccount"
  std::string name;
  std::string key{};  ///< empty: the whole object is missing
};
struct Needs {
  std::vector<MissingNeed> missing;
  std::vector<std::string> unread;  ///< kinds that we may not read, so that nobody can tell
};
/// What the templates of the workloads in `uses` name and is not marked optional. Values of Secrets are dropped at once
/// and never kept. Reads at most one list per kind, and nothing when nothing is named.
Result<Needs> read_needs(kube::Client& client, std::string_view project, const Workloads& workloads,
                         const std::vector<WorkloadUse>& uses, const net::ExchangeContext& context);

/// What the promotion means for one tag's users.
struct UseRequest {
  std::string cluster;             ///< for people
  StreamTag tag;                   ///< with the digest that it will stand for
  std::set<std::string> accepted;  ///< how a runtime may name that
  bool tag_moves = true;           ///< false: the tag is right already
  bool patch = false;              ///< deploy: patch
  bool follow = true;              ///< false: no rollout is to be proven, so that nothing here blocks
  std::string user{};              ///< as whom we are known there, for commands; may be empty
  /// Findings that somebody accepts: what does not roll because of one is left as it is.
  findings::Accepted accepts{};
};

/// What is to be done with a workload beside moving the tag.
enum class UseAction : std::uint8_t {
  none,     ///< nothing: it does not follow this tag, or runs the image already
  rolls,    ///< the cluster rolls it when the tag moves
  start,    ///< the tag is right and pods run something else: a rollout has to be started
  patch,    ///< its image is set by digest
  blocked,  ///< it will not roll: see the findings
  build,    ///< a build starts
};
std::string_view to_string(UseAction action);

struct JudgedUse {
  WorkloadUse use;
  UseAction action = UseAction::none;
};
struct JudgedUses {
  std::vector<JudgedUse> uses;
  std::vector<Finding> findings;  ///< blockers first
};
/// Pure. Uses of other tags than the request's are passed over: a workload with several promoted tags is judged once
/// for each. A use that is not going to roll blocks, unless its pods run the image and the tag stays where it is; one
/// that follows another tag of the stream blocks where nothing else would roll. What is missing blocks where new pods
/// are to start. `unread` are kinds of which nobody knows whether they use the tag.
JudgedUses judge_uses(const UseRequest& request, const std::vector<WorkloadUse>& uses,
                      const std::vector<RunningWorkload>& running, const Needs& needs,
                      const std::vector<UnreadKind>& unread = {});

}  // namespace sluice::openshift
