#pragma once
// The environment variables and folders of the user, read in one place so that tests can give their own.

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sluice {

class Environment {
 public:
  using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

  /// The process environment; an empty variable counts as absent, as the XDG specification asks.
  static Environment process();
  explicit Environment(Lookup lookup) : lookup_(std::move(lookup)) {}

  std::optional<std::string> get(std::string_view name) const { return lookup_(name); }

  /// $HOME, else the password database.
  std::filesystem::path home() const;
  /// $XDG_CONFIG_HOME, else ~/.config.
  std::filesystem::path config_home() const;
  /// $XDG_STATE_HOME, else ~/.local/state.
  std::filesystem::path state_home() const;

 private:
  Lookup lookup_;
};

}  // namespace sluice
