#include "base/file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>
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

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return system_error("read", path, errno);
  std::string out;
  char buffer[16384];
  for (;;) {
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EISDIR) {
      return Error(ErrorKind::config, "cannot read " + path.string() + ": it is a folder");
    }
    if (got < 0) return system_error("read", path, errno);
    if (got == 0) return out;
    out.append(buffer, static_cast<std::size_t>(got));
    if (out.size() > max_bytes) {
      return Error(ErrorKind::config,
                   path.string() + " is larger than the limit of " + std::to_string(max_bytes) + " bytes");
    }
  }
}

Status replace_file(const std::filesystem::path& path, std::string_view content, unsigned mode) {
  std::error_code code;
  // A symbolic link keeps pointing where it points; its target is replaced.
  const auto target = std::filesystem::exists(path, code) ? std::filesystem::canonical(path, code) : path;
  if (const auto folder = target.parent_path(); !folder.empty() && !std::filesystem::exists(folder, code)) {
    std::filesystem::create_directories(folder, code);
    if (code) return system_error("create", folder, code.value());
    std::filesystem::permissions(folder, std::filesystem::perms::owner_all, code);
  }
  struct stat existing{};
  if (::stat(target.c_str(), &existing) == 0) mode = existing.st_mode & 0777U;

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
  if (::fchmod(fd.get(), mode) != 0 || ::fsync(fd.get()) != 0) return give_up(errno);
  if (::rename(name.c_str(), target.c_str()) != 0) return give_up(errno);
  return {};
}

}  // namespace sluice
