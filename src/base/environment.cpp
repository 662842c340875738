#include "base/environment.hpp"

#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

namespace sluice {

Environment Environment::process() {
  return Environment([](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());  // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  });
}

std::filesystem::path Environment::home() const {
  if (auto home = get("HOME")) return *home;
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(::getuid(), &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) return found->pw_dir;
  return "/";
}

std::filesystem::path Environment::config_home() const {
  if (auto folder = get("XDG_CONFIG_HOME")) return *folder;
  return home() / ".config";
}

std::filesystem::path Environment::state_home() const {
  if (auto folder = get("XDG_STATE_HOME")) return *folder;
  return home() / ".local" / "state";
}

}  // namespace sluice
