#pragma once
// Running SHA-256 and SHA-512, whose state can be copied and put on disk: a transfer that was cut goes on from there.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

enum class HashAlgorithm : std::uint8_t { sha256, sha512 };

/// One running hash. Thread: one at a time.
class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  ~Hasher();
  Hasher(const Hasher& other);
  Hasher& operator=(const Hasher& other);
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  /// Lower-case hex of everything seen. The object is spent afterwards.
  std::string finish_hex();

  /// The state as bytes: at most 200, the same on every machine. It says nothing about what was hashed but its length,
  /// a hash of it and up to 127 of its last bytes.
  std::string save() const;
  /// Goes on where save() was called. Errors: config (no state, or one of another algorithm).
  static Result<Hasher> restore(HashAlgorithm algorithm, std::string_view saved);

 private:
  friend void update_together(Hasher& first, std::span<const std::byte> first_bytes, Hasher& second,
                              std::span<const std::byte> second_bytes, bool in_pairs);
  struct State;
  std::unique_ptr<State> state_;
};

/// Whether this processor hashes two SHA-256 streams in one loop faster than one after the other. Always the same
/// answer; cheap.
bool hashes_in_pairs();

/// The same as an update of each. Where the processor can and both are SHA-256, the blocks that both have are hashed in
/// one loop, which takes half to three quarters of the time. `first` and `second` are two objects. `in_pairs` false:
/// one after the other in any case.
void update_together(Hasher& first, std::span<const std::byte> first_bytes, Hasher& second,
                     std::span<const std::byte> second_bytes, bool in_pairs = hashes_in_pairs());

/// Lower-case hex of the hash of `text`.
std::string hash_hex(HashAlgorithm algorithm, std::string_view text);

}  // namespace sluice
