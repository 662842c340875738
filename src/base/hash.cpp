// The EVP interface cannot export a running hash, and resuming a blob needs just that. The older functions are the
// same code, with the same processor instructions, and are deprecated only as a way to choose an implementation.
#define OPENSSL_SUPPRESS_DEPRECATED

#include "base/hash.hpp"

#include "base/encoding.hpp"
#include "base/sha256_pair.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <cstring>
#include <limits>
#include <variant>

namespace sluice {

namespace {

// One algorithm: its context, and the functions that work on it.
struct Sha256 {
  using Word = std::uint32_t;
  static constexpr char kMark = '2';
  static constexpr std::size_t kBlockBytes = SHA256_CBLOCK;
  static constexpr std::size_t kDigestBytes = SHA256_DIGEST_LENGTH;
  SHA256_CTX context{};

  void start() { SHA256_Init(&context); }
  void update(const void* bytes, std::size_t count) { SHA256_Update(&context, bytes, count); }
  void finish(unsigned char* out) { SHA256_Final(out, &context); }
  void* block() { return context.data; }
  const void* block() const { return context.data; }
};

struct Sha512 {
  using Word = std::uint64_t;
  static constexpr char kMark = '5';
  static constexpr std::size_t kBlockBytes = SHA512_CBLOCK;
  static constexpr std::size_t kDigestBytes = SHA512_DIGEST_LENGTH;
  SHA512_CTX context{};

  void start() { SHA512_Init(&context); }
  void update(const void* bytes, std::size_t count) { SHA512_Update(&context, bytes, count); }
  void finish(unsigned char* out) { SHA512_Final(out, &context); }
  void* block() { return context.u.p; }
  const void* block() const { return context.u.p; }
};

template <std::unsigned_integral Word>
void append_word(std::string& out, Word word) {
  for (int shift = std::numeric_limits<Word>::digits - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>((word >> shift) & 0xff));
  }
}

/// Takes one number off the front. Precondition: it is there.
template <std::unsigned_integral Word>
Word take_word(std::string_view& from) {
  std::uint64_t word = 0;
  for (const char c : from.substr(0, sizeof(Word))) word = (word << 8) | static_cast<unsigned char>(c);
  from.remove_prefix(sizeof(Word));
  return static_cast<Word>(word);
}

// The contexts count bits in two words.
template <class Sha>
std::uint64_t bytes_seen(const Sha& sha) {
  constexpr int kWordBits = std::numeric_limits<typename Sha::Word>::digits;
  if constexpr (kWordBits == 64) {
    return (static_cast<std::uint64_t>(sha.context.Nh) << 61) | (static_cast<std::uint64_t>(sha.context.Nl) >> 3);
  } else {
    return ((static_cast<std::uint64_t>(sha.context.Nh) << kWordBits) | sha.context.Nl) >> 3;
  }
}

// The mark of the algorithm, bytes seen, the words of the hash, what does not fill a block yet.
template <class Sha>
std::string saved(const Sha& sha) {
  std::string out(1, Sha::kMark);
  append_word(out, bytes_seen(sha));
  for (const auto word : sha.context.h) append_word(out, static_cast<typename Sha::Word>(word));
  out.append(static_cast<const char*>(sha.block()), sha.context.num);
  return out;
}

// False when it is no state. Whatever passes is one that some content leads to, or at least a harmless one: nothing
// of it is used as a length that was not checked here.
template <class Sha>
bool restored(Sha& sha, std::string_view from) {
  constexpr std::size_t kFixed = 1 + sizeof(std::uint64_t) + Sha::kDigestBytes;
  if (from.size() < kFixed || from.front() != Sha::kMark) return false;
  from.remove_prefix(1);
  const auto seen = take_word<std::uint64_t>(from);
  if (seen > std::numeric_limits<std::uint64_t>::max() / 8) return false;
  sha.start();
  for (auto& word : sha.context.h) word = take_word<typename Sha::Word>(from);
  if (from.size() != seen % Sha::kBlockBytes) return false;
  std::memcpy(sha.block(), from.data(), from.size());
  sha.context.num = static_cast<unsigned>(from.size());
  const auto bits = seen * 8;
  if constexpr (sizeof(typename Sha::Word) == sizeof(std::uint64_t)) {
    sha.context.Nl = bits;
  } else {
    sha.context.Nl = static_cast<std::uint32_t>(bits);
    sha.context.Nh = static_cast<std::uint32_t>(bits >> 32);
  }
  return true;
}

using Bytes = std::span<const std::byte>;

// Takes the bytes that fill up a block that was begun, so that what is left of them begins with a block.
void fill_block(Sha256& sha, Bytes& bytes) {
  if (sha.context.num == 0) return;
  const auto head = bytes.first(std::min(bytes.size(), Sha256::kBlockBytes - sha.context.num));
  sha.update(head.data(), head.size());
  bytes = bytes.subspan(head.size());
}

// What an update with so many bytes of whole blocks adds to the count of bits.
void count_bytes(Sha256& sha, std::size_t count) {
  const auto bits = (bytes_seen(sha) + count) * 8;
  sha.context.Nl = static_cast<std::uint32_t>(bits);
  sha.context.Nh = static_cast<std::uint32_t>(bits >> 32);
}

// Whole blocks that both have, in one loop; then the rest of each, by itself.
void update_pair(Sha256& first, Bytes first_bytes, Sha256& second, Bytes second_bytes) {
  fill_block(first, first_bytes);
  fill_block(second, second_bytes);
  const auto blocks = std::min(first_bytes.size(), second_bytes.size()) / Sha256::kBlockBytes;
  const auto together = blocks * Sha256::kBlockBytes;
  if (blocks > 0) {
    sha256_pair::compress({first.context.h, first_bytes.data()}, {second.context.h, second_bytes.data()}, blocks);
    count_bytes(first, together);
    count_bytes(second, together);
  }
  first.update(first_bytes.data() + together, first_bytes.size() - together);
  second.update(second_bytes.data() + together, second_bytes.size() - together);
}

}  // namespace

struct Hasher::State {
  std::variant<Sha256, Sha512> sha;
};

Hasher::Hasher(HashAlgorithm algorithm) : state_(std::make_unique<State>()) {
  if (algorithm == HashAlgorithm::sha512) state_->sha.emplace<Sha512>();
  std::visit([](auto& sha) { sha.start(); }, state_->sha);
}
Hasher::~Hasher() = default;
Hasher::Hasher(const Hasher& other) : state_(std::make_unique<State>(*other.state_)) {}
Hasher& Hasher::operator=(const Hasher& other) {
  if (this != &other) state_ = std::make_unique<State>(*other.state_);
  return *this;
}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::update(std::span<const std::byte> bytes) {
  std::visit([&](auto& sha) { sha.update(bytes.data(), bytes.size()); }, state_->sha);
}

void Hasher::update(std::string_view text) { update(std::as_bytes(std::span(text))); }

std::string Hasher::finish_hex() {
  std::array<unsigned char, SHA512_DIGEST_LENGTH> out{};
  const auto size = std::visit(
      [&]<class Sha>(Sha& sha) {
        sha.finish(out.data());
        return Sha::kDigestBytes;
      },
      state_->sha);
  return encoding::hex(std::as_bytes(std::span(out).first(size)));
}

std::string Hasher::save() const {
  return std::visit([](const auto& sha) { return saved(sha); }, state_->sha);
}

Result<Hasher> Hasher::restore(HashAlgorithm algorithm, std::string_view saved) {
  Hasher hasher(algorithm);
  if (!std::visit([&](auto& sha) { return restored(sha, saved); }, hasher.state_->sha)) {
    return Error(ErrorKind::config, "these bytes are no state of a running hash that can go on");
  }
  return hasher;
}

bool hashes_in_pairs() { return sha256_pair::available(); }

void update_together(Hasher& first, std::span<const std::byte> first_bytes, Hasher& second,
                     std::span<const std::byte> second_bytes, bool in_pairs) {
  auto* one = std::get_if<Sha256>(&first.state_->sha);
  auto* two = std::get_if<Sha256>(&second.state_->sha);
  if (in_pairs && sha256_pair::available() && one != nullptr && two != nullptr) {
    update_pair(*one, first_bytes, *two, second_bytes);
    return;
  }
  first.update(first_bytes);
  second.update(second_bytes);
}

std::string hash_hex(HashAlgorithm algorithm, std::string_view text) {
  Hasher hasher(algorithm);
  hasher.update(text);
  return hasher.finish_hex();
}

}  // namespace sluice
