#pragma once
// gzip as layers need it: packed so that the same content gives the same bytes, and unpacked to be hashed. Wraps zlib.

#include "base/result.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace sluice::archive {

using TakeBytes = std::function<Status(std::string_view bytes)>;

/// No time, no name, one level, blocks of one size: the same content gives the same bytes, however it arrives. (Other
/// versions of zlib may pack otherwise.) Memory: 0.5 MiB. Thread: one.
class Gzip {
 public:
  explicit Gzip(TakeBytes take);
  ~Gzip();
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  /// Errors: those of `take`.
  Status feed(std::span<const std::byte> bytes);
  Status finish();

 private:
  struct State;
  Status pack(bool last);
  std::unique_ptr<State> state_;
};

/// Unpacks one or more gzip members that follow each other. Memory: 0.2 MiB. Thread: one.
class Gunzip {
 public:
  explicit Gunzip(TakeBytes take);
  ~Gunzip();
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  /// Errors: integrity (no gzip, damaged), those of `take`.
  Status feed(std::span<const std::byte> bytes);
  /// Errors: integrity (cut off).
  Status finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sluice::archive
