#include "sandbox/core/store.hpp"

#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <random>

namespace sluice::sandbox {

namespace {

std::mt19937_64& random_source() {
  thread_local std::mt19937_64 source{std::random_device{}()};
  return source;
}

}  // namespace

std::string rfc3339(std::chrono::system_clock::time_point time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return std::string(text.data(), length);
}

std::string new_uid() {
  std::uniform_int_distribution<std::uint64_t> any;
  const auto high = (any(random_source()) & ~std::uint64_t{0xF000}) | std::uint64_t{0x4000};
  const auto low = (any(random_source()) & ~(std::uint64_t{0xC} << 60U)) | (std::uint64_t{0x8} << 60U);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32U, (high >> 16U) & 0xFFFFU, high & 0xFFFFU,
                     low >> 48U, low & 0xFFFFFFFFFFFFU);
}

std::string random_suffix(std::size_t count) {
  static constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::uniform_int_distribution<std::size_t> any(0, kLetters.size() - 1);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += kLetters[any(random_source())];
  return text;
}

Store::Store(Now now) : now_(std::move(now)) {}

ObjectRef Store::get(const Key& key) const {
  const auto objects = objects_.find(key.resource);
  if (objects == objects_.end()) return nullptr;
  const auto found = objects->second.find({key.ns, key.name});
  return found == objects->second.end() ? nullptr : found->second;
}

std::vector<ObjectRef> Store::list(std::string_view resource, std::string_view ns) const {
  std::vector<ObjectRef> all;
  const auto objects = objects_.find(resource);
  if (objects == objects_.end()) return all;
  auto begin = ns.empty() ? objects->second.begin() : objects->second.lower_bound({std::string(ns), ""});
  for (; begin != objects->second.end(); ++begin) {
    if (!ns.empty() && begin->first.first != ns) break;
    all.push_back(begin->second);
  }
  return all;
}

std::vector<Key> Store::keys(std::string_view resource, std::string_view ns) const {
  std::vector<Key> all;
  const auto objects = objects_.find(resource);
  if (objects == objects_.end()) return all;
  auto begin = ns.empty() ? objects->second.begin() : objects->second.lower_bound({std::string(ns), ""});
  for (; begin != objects->second.end(); ++begin) {
    if (!ns.empty() && begin->first.first != ns) break;
    all.push_back({std::string(resource), begin->first.first, begin->first.second});
  }
  return all;
}

std::vector<Key> Store::keys_in(std::string_view ns) const {
  std::vector<Key> all;
  for (const auto& [resource, objects] : objects_) {
    for (auto it = objects.lower_bound({std::string(ns), ""}); it != objects.end() && it->first.first == ns; ++it) {
      all.push_back({resource, it->first.first, it->first.second});
    }
  }
  return all;
}

ObjectRef Store::create(const Key& key, Json object) {
  const auto version = ++version_;
  set_at(object, {"metadata", "name"}, key.name);
  if (!key.ns.empty()) set_at(object, {"metadata", "namespace"}, key.ns);
  set_at(object, {"metadata", "uid"}, new_uid());
  set_at(object, {"metadata", "resourceVersion"}, std::to_string(version));
  set_at(object, {"metadata", "creationTimestamp"}, rfc3339(now_()));
  auto stored = std::make_shared<const Json>(std::move(object));
  objects_[key.resource][{key.ns, key.name}] = stored;
  log({Change::What::added, version, key, stored, nullptr});
  return stored;
}

ObjectRef Store::replace(const Key& key, Json object) {
  auto& slot = objects_[key.resource][{key.ns, key.name}];
  auto before = slot;
  for (const auto* member : {"uid", "resourceVersion", "creationTimestamp", "name"}) {
    set_at(object, {"metadata", member}, at(*before, {"metadata", member}));
  }
  if (!key.ns.empty()) set_at(object, {"metadata", "namespace"}, key.ns);
  if (same_tree(object, *before)) return before;
  const auto version = ++version_;
  set_at(object, {"metadata", "resourceVersion"}, std::to_string(version));
  slot = std::make_shared<const Json>(std::move(object));
  const auto stored = slot;
  log({Change::What::modified, version, key, stored, before});
  return stored;
}

ObjectRef Store::remove(const Key& key) {
  auto& objects = objects_[key.resource];
  const auto found = objects.find({key.ns, key.name});
  const auto before = found->second;
  objects.erase(found);
  const auto version = ++version_;
  // A deleted object is shown as it was, with the version of its deletion.
  auto last = *before;
  set_at(last, {"metadata", "resourceVersion"}, std::to_string(version));
  auto gone = std::make_shared<const Json>(std::move(last));
  log({Change::What::deleted, version, key, gone, before});
  return gone;
}

void Store::log(Change change) {
  if (listener_) listener_(change);
  log_.push_back(std::move(change));
  while (log_.size() > kept_) {
    oldest_ = log_.front().version;
    log_.pop_front();
  }
}

std::vector<const Change*> Store::changes_after(std::uint64_t version, std::size_t limit) const {
  const auto first =
      std::upper_bound(log_.begin(), log_.end(), version,
                       [](std::uint64_t wanted, const Change& change) { return wanted < change.version; });
  std::vector<const Change*> changes;
  for (auto it = first; it != log_.end() && changes.size() < limit; ++it) changes.push_back(&*it);
  return changes;
}

void Store::compact() {
  log_.clear();
  oldest_ = version_;
}

std::size_t Store::size() const {
  std::size_t count = 0;
  for (const auto& [resource, objects] : objects_) count += objects.size();
  return count;
}

}  // namespace sluice::sandbox
