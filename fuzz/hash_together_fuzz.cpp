// Two SHA-256 streams hashed in one loop: any content, cut in any way, as each of them hashed by itself.

#include "base/hash.hpp"
#include "fuzz/require.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

using namespace sluice;

namespace {

using Bytes = std::span<const std::byte>;

Bytes taken(Bytes& from, std::size_t count) {
  const auto part = from.first(std::min(count, from.size()));
  from = from.subspan(part.size());
  return part;
}

std::string hash_of(Bytes bytes) {
  Hasher hasher(HashAlgorithm::sha256);
  hasher.update(bytes);
  return hasher.finish_hex();
}

}  // namespace

// The first byte says where the second stream begins, the next ones how much of each stream one call takes.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHead = 9;
  if (size < kHead) return 0;
  const Bytes all = std::as_bytes(std::span(data, size)).subspan(kHead);
  const Bytes first = all.first(all.size() * data[0] / 256);
  const Bytes second = all.subspan(first.size());
  for (const bool in_pairs : {true, false}) {
    Hasher one(HashAlgorithm::sha256);
    Hasher two(HashAlgorithm::sha256);
    Bytes left = first;
    Bytes right = second;
    for (std::size_t step = 0; !left.empty() || !right.empty(); ++step) {
      // Never nothing of both, or it would not end.
      const auto a = taken(left, data[1 + step % 8]);
      const auto b = taken(right, std::size_t{data[1 + (step + 3) % 8]} + 1);
      update_together(one, a, two, b, in_pairs);
      if (right.empty()) one.update(taken(left, left.size()));
    }
    require(one.finish_hex() == hash_of(first), "the first stream has its hash");
    require(two.finish_hex() == hash_of(second), "the second stream has its hash");
  }
  return 0;
}
