#include "places/joint_hash.hpp"

#include <algorithm>
#include <utility>

namespace sluice::places {

namespace {
// Two streams in one loop have to share this much for it to be worth a call.
constexpr std::size_t kLeastShared = 1024;
}  // namespace

void JointHash::Lane::drop_front(std::size_t count) {
  waiting[0] = waiting[0].subspan(count);
  if (!waiting[0].empty()) return;
  waiting[0] = std::exchange(waiting[1], {});
}

void JointHash::Lane::hash_alone(std::size_t count) {
  while (count > 0) {
    const auto part = waiting[0].first(std::min(count, waiting[0].size()));
    hasher.update(part);
    drop_front(part.size());
    count -= part.size();
  }
}

JointHash::Lane* JointHash::fullest_beside(const Lanes& lanes, const Lane& own) {
  Lane* best = nullptr;
  for (auto* lane : lanes) {
    if (lane != &own && (best == nullptr || lane->bytes() > best->bytes())) best = lane;
  }
  return best;
}

// As many bytes of each as both have.
void JointHash::hash_both(Lane& first, Lane& second) {
  while (first.bytes() > 0 && second.bytes() > 0) {
    const auto count = std::min(first.waiting[0].size(), second.waiting[0].size());
    update_together(first.hasher, first.waiting[0].first(count), second.hasher, second.waiting[0].first(count));
    first.drop_front(count);
    second.drop_front(count);
  }
}

void JointHash::settle(const Lanes& lanes, Lane& own, std::size_t most) {
  for (;;) {
    const bool must = own.bytes() > most;
    if (!must && own.bytes() < kPairBytes) return;
    auto* other = fullest_beside(lanes, own);
    const auto shared = other == nullptr ? 0 : std::min(other->bytes(), own.bytes());
    if (shared >= (must ? kLeastShared : kPairBytes)) {
      hash_both(own, *other);
    } else if (must) {
      own.hash_alone(own.bytes() - most);
    } else {
      return;
    }
  }
}

HashedStream::HashedStream(HashAlgorithm algorithm, Hasher hasher, std::shared_ptr<JointHash> joint)
    : lane_(std::make_unique<JointHash::Lane>(std::move(hasher))) {
  if (algorithm != HashAlgorithm::sha256 || !joint || !joint->in_pairs_) return;
  joint_ = std::move(joint);
  joint_->lanes_.with([&](auto& lanes) { lanes.push_back(lane_.get()); });
}

HashedStream::~HashedStream() {
  if (joint_) joint_->lanes_.with([&](auto& lanes) { std::erase(lanes, lane_.get()); });
}

void HashedStream::add(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  if (!joint_) return lane_->hasher.update(bytes);
  joint_->lanes_.with([&](const auto& lanes) {
    auto& [first, second] = lane_->waiting;
    if (!second.empty() && second.data() + second.size() != bytes.data()) lane_->hash_alone(lane_->bytes());
    auto& last = second.empty() ? first : second;
    if (last.data() + last.size() == bytes.data()) {
      last = {last.data(), last.size() + bytes.size()};
    } else {
      (last.empty() ? first : second) = bytes;
    }
    // A stream without company has nobody to wait for.
    JointHash::settle(lanes, *lane_, lanes.size() > 1 ? lane_->bytes() : 0);
  });
}

void HashedStream::add_at_once(std::span<const std::byte> bytes) {
  if (bytes.empty()) return;
  wait_at_most(0);
  lane_->hasher.update(bytes);
}

void HashedStream::wait_at_most(std::size_t bytes) {
  if (!joint_) return;
  joint_->lanes_.with([&](const auto& lanes) { JointHash::settle(lanes, *lane_, bytes); });
}

// Nobody else looks at a hasher of which no bytes wait.
const Hasher& HashedStream::hasher() {
  wait_at_most(0);
  return lane_->hasher;
}

std::string HashedStream::finish_hex() {
  wait_at_most(0);
  return lane_->hasher.finish_hex();
}

}  // namespace sluice::places
