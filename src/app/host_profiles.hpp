#pragma once
// What was learned about registries' hosts, kept from run to run in a folder of the user's: a small file per host.

#include "places/host_profile.hpp"

#include <filesystem>
#include <string>

namespace sluice::app {

/// Never in the way: a folder or file that cannot be used is as none. Thread: any.
class HostProfiles {
 public:
  /// `folder` is made, with mode 0700, when something is kept first.
  explicit HostProfiles(std::filesystem::path folder) : folder_(std::move(folder)) {}

  /// What is known of a host: what was kept, over what is known by its name.
  places::HostProfile load(const std::string& host) const;
  void keep(const std::string& host, const places::HostProfile& profile) const;

 private:
  std::filesystem::path file_of(const std::string& host) const;
  std::filesystem::path folder_;
};

}  // namespace sluice::app
