#include "records/records_file.hpp"

#include "records/file_owners.hpp"

#include <cerrno>
#include <string>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>
#include <utility>
#include <vector>

namespace sluice::records {

namespace {

struct NetworkMagic {
  std::uint32_t magic;
  std::string_view name;
};
// Source: statfs(2) and linux/magic.h. Cluster file systems count: a WAL index is memory shared by one machine.
constexpr NetworkMagic kNetworkMagics[] = {
    {0x6969, "NFS"},        {0x517B, "SMB"},        {0xFF534D42, "CIFS"},  {0xFE534D42, "SMB2"}, {0x01021997, "9p"},
    {0x00C36400, "Ceph"},   {0x5346414F, "AFS"},    {0x6B414653, "AFS"},   {0x73757245, "Coda"}, {0x564C, "NCP"},
    {0x0BD00BD0, "Lustre"}, {0x01161970, "GFS2"},   {0x7461636F, "OCFS2"}, {0x47504653, "GPFS"}, {0x786F4256, "vboxsf"},
    {0xBACBACBC, "vmhgfs"}, {0x19830326, "BeeGFS"}, {0xAAD7AAEA, "PanFS"},
};

Error cannot(std::string_view what, const std::filesystem::path& path, int code) {
  return Error(ErrorKind::storage, "cannot " + std::string(what) + " " + path.string() +
                                       " for the records: " + std::generic_category().message(code))
      .with_hint("make it possible for this user, or name another file with --state");
}

// Each missing folder is born with mode 0700: there is no moment in which others can look in.
Status make_folders(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> missing;
  struct stat existing{};
  for (auto at = folder; ::stat(at.c_str(), &existing) != 0; at = at.parent_path()) {
    if (errno != ENOENT) return cannot("reach the folder", at, errno);
    missing.push_back(at);
    if (at == at.parent_path()) break;
  }
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    if (::mkdir(at->c_str(), 0700) != 0 && errno != EEXIST) return cannot("make the folder", *at, errno);
  }
  return {};
}

Status refuse_network(const std::filesystem::path& file) {
  struct statfs about{};
  const auto folder = file.parent_path();
  if (::statfs(folder.c_str(), &about) != 0) return cannot("look at the folder", folder, errno);
  const auto name = network_file_system(static_cast<std::uint32_t>(about.f_type));
  if (!name) return {};
  return Error(ErrorKind::storage, "cannot keep the records in " + file.string() + ": it is on " + std::string(*name) +
                                       ", and SQLite needs memory that all its processes share, which a network or "
                                       "cluster file system does not give")
      .with_hint("name a file on a local disk with --state");
}

// False when there is no file.
Result<bool> check_what_is_there(const std::filesystem::path& file, Tighten tighten) {
  struct stat about{};
  const bool there = ::stat(file.c_str(), &about) == 0;
  if (!there && errno != ENOENT) return cannot("open the file", file, errno);
  if (there && !S_ISREG(about.st_mode)) {
    return Error(ErrorKind::config, "cannot keep the records in " + file.string() + ": it is " +
                                        (S_ISDIR(about.st_mode) ? "a folder" : "no regular file"))
        .with_hint("name a file with --state");
  }
  SLUICE_CHECK(check_owners(file, tighten));
  return there;
}

}  // namespace

std::optional<std::string_view> network_file_system(std::uint32_t magic) {
  for (const auto& known : kNetworkMagics) {
    if (known.magic == magic) return known.name;
  }
  return std::nullopt;
}

Status prepare_file(const std::filesystem::path& file) {
  SLUICE_CHECK(make_folders(file.parent_path()));
  SLUICE_CHECK(refuse_network(file));
  // Before a file is made in a folder that others may write, and after: another one may have come in between.
  SLUICE_CHECK(check_what_is_there(file, Tighten::yes));
  // mknod and not open: closing a descriptor of this file would drop the locks that another connection of this
  // process holds on it. Source: https://www.sqlite.org/howtocorrupt.html section 2.2.
  // The files beside it (-wal, -shm) get their mode from it.
  if (::mknod(file.c_str(), S_IFREG | 0600, 0) != 0 && errno != EEXIST) return cannot("make the file", file, errno);
  SLUICE_TRY(const bool there, check_what_is_there(file, Tighten::yes));
  if (!there) return cannot("open the file", file, ENOENT);
  return {};
}

Result<bool> check_file(const std::filesystem::path& file) {
  struct stat about{};
  if (::stat(file.parent_path().c_str(), &about) != 0 && errno == ENOENT) return false;
  SLUICE_TRY(const bool there, check_what_is_there(file, Tighten::no));
  if (there) SLUICE_CHECK(refuse_network(file));
  return there;
}

Result<FileState> state_of(const std::filesystem::path& file) {
  struct stat about{};
  if (::stat(file.c_str(), &about) != 0) return cannot("open the file", file, errno);
  FileState out{about.st_dev, about.st_ino, about.st_size, about.st_mtim.tv_sec, about.st_mtim.tv_nsec};
  // SQLite makes it beside what a link leads to.
  std::error_code code;
  const auto real = std::filesystem::canonical(file, code);
  if (::stat(((code ? file : real).string() + "-wal").c_str(), &about) == 0) out.with_wal = about.st_size > 0;
  return out;
}

}  // namespace sluice::records
