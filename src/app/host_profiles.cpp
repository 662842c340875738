#include "app/host_profiles.hpp"

#include "base/file.hpp"
#include "base/hash.hpp"

#include <chrono>

namespace sluice::app {

namespace {

constexpr std::size_t kMaxFileBytes = 4096;

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

// Names of hosts are private to their users: the file's name says nothing.
std::filesystem::path HostProfiles::file_of(const std::string& host) const {
  return folder_ / (hash_hex(HashAlgorithm::sha256, host).substr(0, 32) + ".json");
}

places::HostProfile HostProfiles::load(const std::string& host) const {
  const auto seed = places::seed_profile(host);
  const auto text = read_file(file_of(host), kMaxFileBytes);
  return text ? places::read_profile(*text, seed, now()) : seed;
}

void HostProfiles::keep(const std::string& host, const places::HostProfile& profile) const {
  static_cast<void>(replace_scratch_file(file_of(host), places::profile_text(profile, now()), 0600));
}

}  // namespace sluice::app
