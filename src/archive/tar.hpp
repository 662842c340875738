#pragma once
// Tar files as images travel in them: read entry by entry while they arrive, and headers to write some. Wraps
// libarchive, with the tar format alone.

#include "base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sluice::archive {

/// The next bytes of an archive; empty: its end. Blocks.
using NextBytes = std::function<Result<std::string>()>;

enum class EntryKind : std::uint8_t { file, link, folder, other };

struct TarEntry {
  std::string path;  ///< within the archive: no "..", no leading '/', no "./"
  EntryKind kind = EntryKind::file;
  std::string link{};  ///< link: the path within the archive that it leads to
};

/// Where `path` leads within an archive; `from` is a folder of it. Pure. Errors: protocol (absolute, out of the
/// archive, too long).
Result<std::string> path_inside(std::string_view from, std::string_view path);

/// Reads an archive from its beginning to its end. Memory: one block. Thread: one; blocks.
class TarReader {
 public:
  explicit TarReader(NextBytes next);
  ~TarReader();
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;

  /// The next entry; empty: there are no more. Errors: protocol (no tar, cut off, a path or a link that leads out of
  /// the archive), those of NextBytes.
  Result<std::optional<TarEntry>> next();
  /// The next bytes of the entry's content, valid until the next call; empty: its end. Errors: as next().
  Result<std::span<const std::byte>> read();

 private:
  struct State;
  Error failure(const char* what);
  std::unique_ptr<State> state_;
};

/// The header of a file, whose content follows it. Fixed owner, mode and time: the same file gives the same bytes.
/// Errors: internal.
Result<std::string> tar_header(const std::string& path, std::uint64_t size_bytes);
/// Zeros that follow a content of so many bytes.
std::string tar_padding(std::uint64_t size_bytes);
/// The end of an archive.
std::string tar_end();

}  // namespace sluice::archive
