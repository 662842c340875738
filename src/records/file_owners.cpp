#include "records/file_owners.hpp"

#include <cerrno>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace sluice::records {

namespace {

constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;
constexpr mode_t kOthers = S_IRWXG | S_IRWXO;

bool is_trusted(uid_t owner) { return owner == ::geteuid() || owner == 0; }

Error refused(const std::filesystem::path& file, const std::string& why, std::string hint) {
  return Error(ErrorKind::config, "cannot trust the records " + file.string() + ": " + why).with_hint(std::move(hint));
}

// How the sentence about `file` calls what is wrong with it.
std::string name_of(const std::filesystem::path& file, const std::filesystem::path& at) {
  return at == file ? "them" : at.string();
}

Error of_another_owner(const std::filesystem::path& file, const std::filesystem::path& at, uid_t owner,
                       const std::string& other_way) {
  return refused(file, "another user (uid " + std::to_string(owner) + ") owns " + name_of(file, at),
                 "look at what they hold, then take it over: chown " + std::to_string(::geteuid()) + " " + at.string() +
                     other_way);
}

Error cannot_look(const std::filesystem::path& at, int code) {
  return Error(ErrorKind::storage,
               "cannot look at " + at.string() + " of the records: " + std::generic_category().message(code))
      .with_hint("make it possible for this user, or name another file with --state");
}

// Nothing when it is not there.
Result<std::optional<struct stat>> look_at(const std::filesystem::path& at) {
  struct stat about{};
  if (::lstat(at.c_str(), &about) == 0) return std::optional(about);
  if (errno == ENOENT) return std::optional<struct stat>();
  return cannot_look(at, errno);
}

Status check_folder(const std::filesystem::path& file, const std::filesystem::path& folder) {
  struct stat about{};
  if (::stat(folder.c_str(), &about) != 0) return cannot_look(folder, errno);
  if (!is_trusted(about.st_uid))
    return of_another_owner(file, folder, about.st_uid, "; or name a file in a folder of your own with --state");
  if ((about.st_mode & kOthersWrite) == 0 || (about.st_mode & S_ISVTX) != 0) return {};
  return refused(
      file, "other users may write to their folder " + folder.string(),
      "take that right away: chmod go-w " + folder.string() + "; or name a file in a folder of its own with --state");
}

Status check_one(const std::filesystem::path& file, const std::filesystem::path& at, Tighten tighten) {
  SLUICE_TRY(const auto about, look_at(at));
  if (!about) return {};
  if (!is_trusted(about->st_uid)) return of_another_owner(file, at, about->st_uid, "");
  if (!S_ISREG(about->st_mode)) {
    return refused(file, "no regular file is at " + at.string(), "move it away and run the command again");
  }
  if ((about->st_mode & kOthersWrite) != 0) {
    return refused(file, "other users may write to " + name_of(file, at),
                   "look at what they hold, then take that right away: chmod 600 " + at.string());
  }
  if (tighten == Tighten::no || (about->st_mode & kOthers) == 0 || about->st_uid != ::geteuid()) return {};
  if (::chmod(at.c_str(), about->st_mode & S_IRWXU) == 0 || errno == EROFS || errno == ENOENT) return {};
  return cannot_look(at, errno);
}

}  // namespace

Status check_owners(const std::filesystem::path& file, Tighten tighten) {
  SLUICE_CHECK(check_folder(file, file.parent_path()));
  // SQLite follows a link and makes the files beside the one that it leads to.
  std::error_code absent;  // or a link that leads nowhere
  auto real = std::filesystem::canonical(file, absent);
  if (absent) real = file;
  if (real.parent_path() != file.parent_path()) SLUICE_CHECK(check_folder(file, real.parent_path()));
  if (!absent) SLUICE_CHECK(check_one(file, real, tighten));
  for (const auto* ending : {"-wal", "-shm", "-journal"}) {
    SLUICE_CHECK(check_one(file, real.string() + ending, tighten));
  }
  return {};
}

}  // namespace sluice::records
