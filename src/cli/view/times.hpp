#pragma once
// Times as people and machines read them.

#include <cstdint>
#include <string>

namespace sluice::cli {

/// Seconds since 1970 as "2026-11-23T14:05:00Z".
std::string utc(std::int64_t seconds);
/// Now, with milliseconds: "2026-11-23T14:05:00.123Z".
std::string utc_now();
/// "just now", "5 min ago", "3 h ago", "12 days ago".
std::string ago(std::int64_t then, std::int64_t now);

}  // namespace sluice::cli
