#include "host/gather.hpp"

#include "base/text.hpp"
#include "places/certs_d.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace sluice::host {

namespace {

constexpr std::size_t kCpuInfoBytes = std::size_t{64} * 1024;  // the first processor is in it
constexpr unsigned kPermissions = 0777;

std::string user_name(uid_t id) {
  std::array<char, 4096> room{};
  passwd entry{};
  passwd* found = nullptr;
  const bool known = getpwuid_r(id, &entry, room.data(), room.size(), &found) == 0 && found != nullptr;
  return known ? std::string(found->pw_name) : std::to_string(id);
}

std::string group_name(gid_t id) {
  std::array<char, 4096> room{};
  group entry{};
  group* found = nullptr;
  const bool known = getgrgid_r(id, &entry, room.data(), room.size(), &found) == 0 && found != nullptr;
  return known ? std::string(found->gr_name) : std::to_string(id);
}

bool is_in_group(gid_t id) {
  if (::getegid() == id) return true;
  const int count = ::getgroups(0, nullptr);
  if (count <= 0) return false;
  std::vector<gid_t> groups(static_cast<std::size_t>(count));
  const int filled = ::getgroups(count, groups.data());
  return filled > 0 && std::find(groups.begin(), groups.begin() + filled, id) != groups.begin() + filled;
}

std::string machine_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

std::string beginning_of(const char* path, std::size_t bytes) {
  std::ifstream file(path, std::ios::binary);
  std::string out(bytes, '\0');
  file.read(out.data(), static_cast<std::streamsize>(bytes));
  out.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  return out;
}

CertificateFolder counted(const std::filesystem::path& folder) {
  CertificateFolder out{.path = folder.string()};
  std::error_code code;
  for (std::filesystem::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    const auto extension = entry->path().extension();
    if (extension == ".crt") ++out.authorities;
    if (extension == ".cert") ++out.clients;
  }
  return out;
}

}  // namespace

std::optional<SocketFacts> socket_facts(const std::string& path) {
  struct stat found{};
  if (::stat(path.c_str(), &found) != 0 || !S_ISSOCK(found.st_mode)) return std::nullopt;
  return SocketFacts{.path = path,
                     .owner = user_name(found.st_uid),
                     .group = group_name(found.st_gid),
                     .mode = found.st_mode & kPermissions,
                     .in_group = is_in_group(found.st_gid)};
}

std::optional<DiskFacts> disk_facts(const std::string& folder) {
  struct statvfs disk{};
  if (folder.empty() || ::statvfs(folder.c_str(), &disk) != 0) return std::nullopt;
  return DiskFacts{.folder = folder,
                   .free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize,
                   .total_bytes = std::uint64_t{disk.f_blocks} * disk.f_frsize};
}

Result<EngineFacts> engine_facts(engine::Client& client, bool wanted, const net::ExchangeContext& context) {
  const auto& address = client.address();
  EngineFacts out{.wanted = wanted, .shown = address.shown, .origin = address.origin};
  if (address.is_local()) out.socket = socket_facts(address.socket);
  auto answer = client.facts(context);
  if (!answer) {
    if (answer.error().kind() == ErrorKind::cancelled) return std::move(answer).error();
    out.failure = std::move(answer).error();
    return out;
  }
  // A socket may lead to another machine: then the folder of that name here is not the engine's.
  if (address.is_local() && answer->host == machine_name()) out.disk = disk_facts(answer->data_root);
  out.answer = std::move(answer).value();
  return out;
}

std::vector<ProxyVariable> proxy_variables(const Environment& environment) {
  constexpr std::array<std::pair<const char*, const char*>, 4> kNames{{{"HTTPS_PROXY", "https_proxy"},
                                                                       {"HTTP_PROXY", "http_proxy"},
                                                                       {"ALL_PROXY", "all_proxy"},
                                                                       {"NO_PROXY", "no_proxy"}}};
  std::vector<ProxyVariable> out;
  for (const auto& [upper, lower] : kNames) {
    for (const char* name : {upper, lower}) {
      const auto value = environment.get(name);
      if (!value) continue;
      out.push_back({name, text::printable(without_login(*value), 300)});
      break;
    }
  }
  return out;
}

std::string without_login(const std::string& proxy) {
  const auto scheme = proxy.find("://");
  const auto begin = scheme == std::string::npos ? 0 : scheme + 3;
  const auto at = proxy.rfind('@');
  if (at == std::string::npos || at < begin) return proxy;
  return proxy.substr(0, begin) + proxy.substr(at + 1);
}

std::vector<CertificateFolder> certificate_folders(const Environment& environment) {
  std::vector<CertificateFolder> out;
  for (const auto& folder : places::certs_folders(environment)) {
    std::error_code code;
    for (std::filesystem::directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
      std::error_code kind;
      if (!entry->is_directory(kind)) continue;
      auto one = counted(entry->path());
      if (one.authorities + one.clients > 0) out.push_back(std::move(one));
      if (out.size() >= kMostFolders) return out;
    }
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return out;
}

std::optional<bool> sha_in(std::string_view cpuinfo) {
  for (const auto& line : text::split(cpuinfo, '\n')) {
    const auto [name, value] = text::cut(line, ':');
    const auto key = text::trim(name);
    if (key != "flags" && key != "Features") continue;
    const auto words = text::split(value, ' ');
    return std::any_of(words.begin(), words.end(),
                       [](const std::string& word) { return word == "sha_ni" || word == "sha2"; });
  }
  return std::nullopt;
}

MachineFacts machine_facts(const Environment& environment) {
  return {.proxies = proxy_variables(environment),
          .certificates = certificate_folders(environment),
          .sha_instructions = sha_in(beginning_of("/proc/cpuinfo", kCpuInfoBytes))};
}

}  // namespace sluice::host
