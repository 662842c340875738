#include "base/file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <system_error>
#include <unistd.h>

namespace sluice {

namespace {

// A file descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Error system_error(const char* what, const std::filesystem::path& path, int code) {
  const auto kind = code == ENOENT                    ? ErrorKind::not_found
                    : code == EACCES || code == EPERM ? ErrorKind::denied
                                                      : ErrorKind::storage;
  return Error(kind, std::string("cannot ") + what + " " + path.string() + ": " + std::strerror(code));
}

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "no regular file";
}

// What people name to say "no such file": it reads as empty, as everywhere. Source: Linux, admin-guide/devices.txt.
bool is_null_device(const struct stat& found) { return S_ISCHR(found.st_mode) && found.st_rdev == makedev(1, 3); }

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  // Opening a pipe that nobody writes into, or reading one, would wait for ever.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (fd.get() < 0) return system_error("read", path, errno);
  struct stat found{};
  if (::fstat(fd.get(), &found) != 0) return system_error("read", path, errno);
  if (is_null_device(found)) return std::string();
  if (!S_ISREG(found.st_mode)) {
    return Error(ErrorKind::config, "cannot read " + path.string() + ": it is " + kind_of(found.st_mode))
        .with_hint("name a regular file");
  }
  std::string out;
  char buffer[16384];
  for (;;) {
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read", path, errno);
    if (got == 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > max_bytes) {
      return Error(ErrorKind::config,
                   path.string() + " is larger than the limit of " + std::to_string(max_bytes) + " bytes");
    }
  }
}

namespace {

constexpr unsigned kPrivate = 0600;
constexpr unsigned kOwner = 0700;
constexpr unsigned kOthers = 0077;

// An existing file keeps those bits of its mode that are in `kept`.
Status replace(const std::filesystem::path& path, std::string_view content, unsigned mode, unsigned kept,
               bool synced = true) {
  std::error_code code;
  // A symbolic link keeps pointing where it points; its target is replaced.
  const auto target = std::filesystem::exists(path, code) ? std::filesystem::canonical(path, code) : path;
  if (const auto folder = target.parent_path(); !folder.empty() && !std::filesystem::exists(folder, code)) {
    std::filesystem::create_directories(folder, code);
    if (code) return system_error("create", folder, code.value());
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, code);
  }
  struct stat existing{};
  if (::stat(target.c_str(), &existing) == 0) mode = existing.st_mode & kept;

  std::string name = target.string() + ".XXXXXX";
  const Descriptor fd(::mkostemp(name.data(), O_CLOEXEC));
  if (fd.get() < 0) return system_error("write", target, errno);
  const auto give_up = [&](int why) {
    ::unlink(name.c_str());
    return system_error("write", target, why);
  };
  while (!content.empty()) {
    const auto written = ::write(fd.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return give_up(errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fchmod(fd.get(), mode) != 0 || (synced && ::fsync(fd.get()) != 0)) return give_up(errno);
  if (::rename(name.c_str(), target.c_str()) != 0) return give_up(errno);
  return {};
}

}  // namespace

Status replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  return replace(path, content, mode, kOwner | kOthers);
}

Status replace_scratch_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  return replace(path, content, mode, kOwner | kOthers, false);
}

Result<bool> replace_private_file(const std::filesystem::path& path, std::string_view content) {
  struct stat before{};
  const bool was_open = ::stat(path.c_str(), &before) == 0 && (before.st_mode & kOthers) != 0;
  SLUICE_CHECK(replace(path, content, kPrivate, kOwner));
  return was_open;
}

}  // namespace sluice
