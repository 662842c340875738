#include "promotion/memory/environment.hpp"

#include "base/wall_clock.hpp"
#include "memory/stream_memory.hpp"
#include "openshift/streams/lease_rules.hpp"
#include "promotion/memory/local.hpp"
#include "records/process_identity.hpp"

#include <algorithm>
#include <chrono>
#include <set>

namespace sluice::promotion {

namespace {

void read_streams(const std::vector<std::optional<kube::ImageStream>>& streams, const std::vector<std::string>& images,
                  const std::string& tag, TargetRemembers& out) {
  std::vector<memory::RepositoryMemory> memories;
  for (const auto& stream : streams) {
    memories.push_back(stream ? memory::memory_of(*stream) : memory::RepositoryMemory{});
    for (const auto& [line, ledger] : memories.back().numbers) out.numbers.emplace(line, ledger);
    if (!stream) continue;
    auto lease = openshift::read_lease(*stream);
    const bool counts = lease && openshift::seconds_left(*lease, seconds_now()) > 0 &&
                        lease->holder != records::this_process() && !records::is_dead(lease->holder);
    if (counts && !out.lease) out.lease = std::move(lease);
  }
  out.memory = memory::join(images, tag, memories);
}

// The id of the first image's repository stands for the target: whoever reaches it by another name reads the same.
Status read_registry(Targets& targets, const std::vector<std::string>& images, const std::string& tag,
                     TargetRemembers& out) {
  auto memories = targets.remembered(out.target, images);
  // Who may not read it, or meets something else than a registry of manifests, reads nothing there.
  if (!memories && (memories.error().kind() == ErrorKind::denied || memories.error().kind() == ErrorKind::unsupported))
    return {};
  if (!memories) return std::move(memories).error();
  if (!memories->empty() && !memories->front().id.empty()) out.target.place = "id:" + memories->front().id;
  out.memory = memory::join(images, tag, *memories);
  return {};
}

}  // namespace

bool is_at_work(const memory::OpenPromotion& open) {
  return open.until > seconds_now() && open.holder != records::this_process() && !records::is_dead(open.holder);
}

std::optional<memory::Hold> EnvironmentMemory::hold() const {
  for (const auto& target : targets) {
    if (target.memory.hold) return target.memory.hold;
  }
  return std::nullopt;
}

std::optional<memory::OpenPromotion> EnvironmentMemory::open() const {
  for (const auto& target : targets) {
    if (target.memory.open) return target.memory.open;
  }
  return std::nullopt;
}

std::optional<openshift::StreamLease> EnvironmentMemory::lease() const {
  for (const auto& target : targets) {
    if (target.lease) return target.lease;
  }
  return std::nullopt;
}

std::string EnvironmentMemory::problem() const {
  for (const auto& target : targets) {
    if (!target.memory.problem.empty()) return target.memory.problem;
  }
  return {};
}

std::vector<memory::PastPromotion> EnvironmentMemory::promotions() const {
  std::vector<memory::PastPromotion> out;
  std::set<std::string> seen;
  for (const auto& target : targets) {
    for (const auto& past : target.memory.promotions) {
      if (seen.insert(past.promotion).second) out.push_back(past);
    }
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.began > b.began; });
  return out;
}

std::vector<memory::StoodRelease> merge_releases(const std::vector<TargetRemembers>& targets) {
  std::vector<memory::StoodRelease> out;
  for (const auto& target : targets) {
    for (const auto& release : target.memory.releases) {
      const auto known = std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.id == release.id; });
      if (known == out.end()) {
        out.push_back(release);
      } else if (memory::is_good(known->stood) && !memory::is_good(release.stood)) {
        // Good is what was good everywhere.
        known->stood = release.stood;
      }
    }
  }
  // One target has its own order; several are merged by time.
  if (targets.size() > 1)
    std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.at > b.at; });
  return out;
}

Result<TargetRemembers> remember_target(Targets& targets, records::Store& store, const std::vector<std::string>& images,
                                        const pipeline::Target& target, const std::string& tag) {
  TargetRemembers out;
  SLUICE_TRY(const auto access, targets.open(target));
  out.target = access.target;
  if (access.streams) {
    const auto streams = targets.seen(access, images);
    if (!streams && streams.error().kind() != ErrorKind::denied) return streams.error();
    if (streams) read_streams(*streams, images, tag, out);
  }
  if (!access.streams) SLUICE_CHECK(read_registry(targets, images, tag, out));
  out.at_place = !out.memory.empty();
  if (out.at_place) return out;
  SLUICE_TRY(out.memory, local_memory(store, access.target, images, tag));
  return out;
}

Result<EnvironmentMemory> remember(Targets& targets, records::Store& store, const std::vector<std::string>& images,
                                   const pipeline::Environment& environment, const std::string& tag) {
  EnvironmentMemory out;
  for (const auto& target : environment.targets) {
    SLUICE_TRY(auto one, remember_target(targets, store, images, target, tag));
    out.targets.push_back(std::move(one));
  }
  out.releases = merge_releases(out.targets);
  return out;
}

}  // namespace sluice::promotion
