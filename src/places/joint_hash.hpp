#pragma once
// JointHash: hashes what several pipes have received two streams at a time, which a processor with SHA instructions
// does in half to three quarters of the time. Bytes stay where they are until a second stream has as many, or until
// somebody has to know their hash.

#include "base/guarded.hpp"
#include "base/hash.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sluice::places {

/// Two streams are hashed together as soon as both have this much: so at most one has more waiting, however many there
/// are.
inline constexpr std::size_t kPairBytes = std::size_t{16} * 1024;
/// Streams that are hashed together. Thread: any. Streams that are filled by one thread never wait for each other.
class JointHash {
 public:
  /// `in_pairs` false: each stream is hashed by itself, and at once.
  explicit JointHash(bool in_pairs = hashes_in_pairs()) : in_pairs_(in_pairs) {}
  JointHash(const JointHash&) = delete;
  JointHash& operator=(const JointHash&) = delete;
  ~JointHash() = default;

 private:
  friend class HashedStream;
  /// A stream as the others see it; reached under the lock while bytes of it wait.
  struct Lane {
    Hasher hasher;
    std::array<std::span<const std::byte>, 2> waiting{};  ///< in order; a ring gives what it has in two parts
    std::size_t bytes() const { return waiting[0].size() + waiting[1].size(); }
    void drop_front(std::size_t count);
    /// Precondition: so many wait.
    void hash_alone(std::size_t count);
  };
  using Lanes = std::vector<Lane*>;
  static Lane* fullest_beside(const Lanes& lanes, const Lane& own);
  static void hash_both(Lane& first, Lane& second);
  /// Hashes of `own`, and of others with it, until at most `most` bytes of it wait.
  static void settle(const Lanes& lanes, Lane& own, std::size_t most);

  bool in_pairs_;
  Guarded<Lanes> lanes_;
};

/// One stream of bytes and its running hash. Thread: one at a time; the streams of one JointHash may be on different
/// threads.
class HashedStream {
 public:
  /// `joint` null, or another algorithm than SHA-256: everything is hashed at once.
  HashedStream(HashAlgorithm algorithm, Hasher hasher, std::shared_ptr<JointHash> joint);
  ~HashedStream();
  HashedStream(HashedStream&& other) noexcept = default;
  HashedStream& operator=(HashedStream&&) = delete;
  HashedStream(const HashedStream&) = delete;
  HashedStream& operator=(const HashedStream&) = delete;

  /// The next bytes. They must stay as they are until wait_at_most() says that they are not needed any more.
  void add(std::span<const std::byte> bytes);
  /// The next bytes, which the caller needs for something else at once.
  void add_at_once(std::span<const std::byte> bytes);
  /// Afterwards at most the last `bytes` bytes of what was added are still needed. So the caller's room is the bound of
  /// what waits.
  void wait_at_most(std::size_t bytes);
  /// The hash of everything that was added.
  const Hasher& hasher();
  /// Lower-case hex of everything that was added. The object is spent afterwards.
  std::string finish_hex();

 private:
  std::shared_ptr<JointHash> joint_;  // null: nothing ever waits
  std::unique_ptr<JointHash::Lane> lane_;
};

}  // namespace sluice::places
