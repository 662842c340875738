// The image trigger controller: a tag moved, so the workloads that name it get its new pull spec.
#include "sandbox/core/tree.hpp"
#include "sandbox/images/resolve.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/workloads/controllers/controllers.hpp"
#include "sandbox/workloads/kinds.hpp"
#include "sandbox/workloads/steps.hpp"
#include "sandbox/workloads/triggers.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace sluice::sandbox {

namespace {

constexpr std::array kTriggered{kDeploymentConfigs, kDeployments, kStatefulSets, kDaemonSets, kCronJobs};

class ImageTriggerController final : public Controller {
 public:
  void observe(const World& /*world*/, const Change& change, WorkQueue& queue) override {
    if (change.key.resource == kImageStreams) {
      const auto named = workloads_.find({change.key.ns, change.key.name});
      if (named == workloads_.end()) return;
      for (const auto& key : named->second) queue.add(key);
      return;
    }
    if (std::find(kTriggered.begin(), kTriggered.end(), change.key.resource) == kTriggered.end()) return;
    forget(change.key);
    if (change.what == Change::What::deleted) return pacer_.forget(change.key);
    auto streams = streams_of(change.key.resource, *change.object);
    if (streams.empty()) return;
    for (const auto& stream : streams) workloads_[stream].insert(change.key);
    streams_.insert_or_assign(change.key, std::move(streams));
    queue.add(change.key);
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    const auto workload = world.store.get(key);
    if (!workload) return;
    // The deployment controller comes first, so that a new Deployment's own image has its replica set too. Its write
    // of the status brings the key back.
    if (key.resource == kDeployments && at(*workload, {"status", "observedGeneration"}).is_null()) return;
    auto changed = with_images(key.resource, *workload,
                               [&world](std::string_view ns, std::string_view stream, std::string_view tag) {
                                 return resolve_tag(world, ns, stream, tag);
                               });
    if (!changed) return pacer_.forget(key);
    if (pacer_.holds(world, queue, key, "image")) return;
    write_back(world, key, *workload, *std::move(changed));
  }

 private:
  using Stream = std::pair<std::string, std::string>;

  void forget(const Key& key) {
    const auto found = streams_.find(key);
    if (found == streams_.end()) return;
    for (const auto& stream : found->second) {
      const auto named = workloads_.find(stream);
      if (named == workloads_.end()) continue;
      named->second.erase(key);
      if (named->second.empty()) workloads_.erase(named);
    }
    streams_.erase(found);
  }

  std::map<Stream, std::set<Key>> workloads_;
  std::map<Key, std::vector<Stream>> streams_;
  Pacer pacer_;
};

}  // namespace

std::unique_ptr<Controller> make_image_trigger_controller() { return std::make_unique<ImageTriggerController>(); }

}  // namespace sluice::sandbox
