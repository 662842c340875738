#pragma once
// RolloutView: what the watches have told so far, sorted by the workloads that it is about.

#include "kube/watch.hpp"
#include "openshift/rollouts/rollout.hpp"

#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::openshift {

/// Thread: as a plain value. Memory: every pod and controller of the project, and some warnings about each.
class RolloutView {
 public:
  static constexpr std::size_t kMaxGone = 50;      ///< pods that were deleted; the oldest go
  static constexpr std::size_t kMaxWarnings = 20;  ///< about one object; the oldest go

  explicit RolloutView(const std::vector<Followed>& followed);

  /// Takes a change of an object of `kind`; returns which of the followed it may matter to.
  std::vector<std::size_t> apply(std::string_view kind, const kube::WatchEvent& event);
  /// What is known of one of them. Borrowed until the next apply().
  LiveWorkload of(std::size_t index) const;

 private:
  using Uid = std::string;
  using Uids = std::set<Uid>;
  struct Slot {
    kube::Object object;
    bool present = false;
    bool deleted = false;
    std::vector<std::size_t> followed;
  };
  using Key = std::pair<std::string, std::string>;  // kind, name
  struct Member {
    kube::Object object;
    Uid owner;
  };
  struct KnownPod {
    kube::Pod pod;
    Uid owner;
    std::string deploys;  ///< the ReplicationController whose deployer pod it is
  };

  std::vector<std::size_t> take_workload(const Key& key, const kube::WatchEvent& event);
  std::vector<std::size_t> take_controller(const kube::WatchEvent& event);
  std::vector<std::size_t> take_pod(const kube::WatchEvent& event);
  std::vector<std::size_t> take_warning(const kube::WatchEvent& event);
  void forget_pod(const Uid& uid);
  std::vector<std::size_t> owned_by(const Uid& uid) const;
  std::vector<std::size_t> matters_to(const KnownPod& pod) const;
  void add_pods(const Uid& owner, LiveWorkload& live) const;
  void add_warnings(const Uid& uid, LiveWorkload& live) const;

  std::vector<Key> keys_;  ///< of the followed
  std::map<Key, Slot> slots_;
  std::map<Uid, Key> by_uid_;
  std::map<Uid, Member> controllers_;
  std::map<Uid, Uids> controllers_of_;
  std::map<Uid, KnownPod> pods_;
  std::deque<KnownPod> gone_;  ///< a rollout that failed removes its pods, and with them what was wrong
  std::map<Uid, Uids> pods_of_;
  std::map<std::string, Uid> deployers_;  ///< by the controller's name
  std::map<Uid, std::deque<kube::Event>> warnings_;
};

}  // namespace sluice::openshift
