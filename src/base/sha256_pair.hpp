#pragma once
// The inner step of SHA-256 for two messages at once, with the SHA instructions of x86-64. One round waits for the
// result of the round before; the rounds of a second message fill that time.

#include <cstddef>
#include <cstdint>
#include <span>

namespace sluice::sha256_pair {

inline constexpr std::size_t kBlockBytes = 64;

/// Whether this processor has the instructions. Always the same answer; cheap.
bool available();

/// One message: the eight words of its running hash (FIPS 180-4, section 6.2.2), and where its next blocks lie.
struct Message {
  std::span<std::uint32_t, 8> words;
  const std::byte* blocks;
};

/// Takes `count` blocks of each message into its words. The messages are two different ones. Precondition:
/// available(). Thread: any; nothing is shared.
void compress(Message first, Message second, std::size_t count);

}  // namespace sluice::sha256_pair
