#pragma once
// "docker-daemon:NAME": an image of a container engine, as skopeo writes it. Pure.

#include "base/result.hpp"

#include <string>
#include <string_view>

namespace sluice::archive {

inline constexpr std::string_view kDaemonScheme = "docker-daemon:";

/// Whether a command line means an image of an engine.
constexpr bool is_daemon(std::string_view text) { return text.starts_with(kDaemonScheme); }

/// An image of an engine.
struct DaemonName {
  std::string image;       ///< what the engine is asked for: "shop/web:1.4", "shop/web@sha256:...", an id
  std::string repository;  ///< "shop/web"; empty: an id
  std::string tag;         ///< "1.4"; empty: an id or a digest
  std::string text() const { return std::string(kDaemonScheme) + image; }
  /// For people: the last part of the repository, or the id's first digits.
  std::string label() const;
};

/// Reads "docker-daemon:[host/]path[:tag][@digest]" or "docker-daemon:[sha256:]ID", of which an engine takes 12 digits
/// at least. No tag means "latest", as the docker program reads it; a host is not needed. Errors: usage.
Result<DaemonName> parse_daemon_name(std::string_view text);

}  // namespace sluice::archive
