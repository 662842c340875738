#pragma once
// Running SHA-256 and SHA-512 over OpenSSL's EVP.

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
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text);
  /// Lower-case hex of everything seen. The object is spent afterwards.
  std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Lower-case hex of the hash of `text`.
std::string hash_hex(HashAlgorithm algorithm, std::string_view text);

}  // namespace sluice
