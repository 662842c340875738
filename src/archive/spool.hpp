#pragma once
// Spool: bytes on disk that are gone with the process, however it ends: the file has no name.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace sluice::archive {

/// A part of a spool.
struct Spooled {
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

/// Thread: one appends; read() from any, of what was appended before.
class Spool {
 public:
  /// A file without a name in `folder`, readable by nobody else. `needed_bytes`: refuses when the disk has less free.
  /// Errors: storage, denied.
  static Result<Spool> open(const std::filesystem::path& folder, std::uint64_t needed_bytes);
  Spool(Spool&& other) noexcept;
  Spool& operator=(Spool&&) = delete;
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool();

  /// Bytes so far: where the next ones begin.
  std::uint64_t size() const { return size_; }
  /// Errors: storage.
  Status append(std::string_view bytes);
  /// Fills all of `room` from `offset` on. Errors: storage.
  Status read(std::uint64_t offset, std::span<std::byte> room) const;

 private:
  Spool(int file, std::filesystem::path folder) : file_(file), folder_(std::move(folder)) {}
  int file_;
  std::filesystem::path folder_;
  std::uint64_t size_ = 0;
};

}  // namespace sluice::archive
