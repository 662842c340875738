#include "archive/spool.hpp"

#include "base/text.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace sluice::archive {

namespace {

Error cannot(const char* what, const std::filesystem::path& folder, int code) {
  const auto kind = code == EACCES || code == EPERM ? ErrorKind::denied : ErrorKind::storage;
  return Error(kind,
               std::string("cannot ") + what + " a temporary file in " + folder.string() + ": " + std::strerror(code))
      .with_hint("set TMPDIR to a folder with room");
}

// Not every file system makes files without a name; then the name goes at once.
int open_nameless(const std::filesystem::path& folder) {
  const int file = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  auto name = (folder / "sluice-XXXXXX").string();
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

Result<Spool> Spool::open(const std::filesystem::path& folder, std::uint64_t needed_bytes) {
  struct statvfs disk{};
  if (::statvfs(folder.c_str(), &disk) != 0) return cannot("make", folder, errno);
  const auto available = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  if (available < needed_bytes) {
    return Error(ErrorKind::storage, "the image passes through " + folder.string() + ", where " +
                                         text::human_bytes(available) + " are free; it may need " +
                                         text::human_bytes(needed_bytes))
        .with_hint("make room there, or set TMPDIR to another folder");
  }
  const int file = open_nameless(folder);
  if (file < 0) return cannot("make", folder, errno);
  return Spool(file, folder);
}

Spool::Spool(Spool&& other) noexcept
    : file_(std::exchange(other.file_, -1)), folder_(std::move(other.folder_)), size_(other.size_) {}

Spool::~Spool() {
  if (file_ >= 0) ::close(file_);
}

Status Spool::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return cannot("write", folder_, written < 0 ? errno : ENOSPC);
    size_ += static_cast<std::uint64_t>(written);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Status Spool::read(std::uint64_t offset, std::span<std::byte> room) const {
  while (!room.empty()) {
    const auto count = ::pread(file_, room.data(), room.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return cannot("read", folder_, count < 0 ? errno : EIO);
    offset += static_cast<std::uint64_t>(count);
    room = room.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace sluice::archive
