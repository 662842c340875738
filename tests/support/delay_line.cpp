#include "support/delay_line.hpp"

#include <algorithm>
#include <cstring>

namespace sluice::support {

void DelayLine::push(std::unique_ptr<char[]> bytes, std::size_t size, TimePoint release) {
  if (size == 0) return;
  if (!chunks_.empty()) release = std::max(release, chunks_.back().release);
  chunks_.push_back({std::move(bytes), 0, size, release});
  held_ += size;
  pushed_ += size;
}

void DelayLine::push(std::string_view bytes, TimePoint release) {
  auto copy = std::make_unique_for_overwrite<char[]>(bytes.size());
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  push(std::move(copy), bytes.size(), release);
}

std::optional<DelayLine::TimePoint> DelayLine::next_release() const {
  if (chunks_.empty()) return std::nullopt;
  return chunks_.front().release;
}

std::span<const char> DelayLine::ready(TimePoint now) const {
  if (chunks_.empty() || chunks_.front().release > now) return {};
  const auto& front = chunks_.front();
  return {front.bytes.get() + front.begin, front.end - front.begin};
}

void DelayLine::consume(std::size_t size) {
  auto& front = chunks_.front();
  front.begin += size;
  held_ -= size;
  if (front.begin == front.end) chunks_.pop_front();
}

}  // namespace sluice::support
