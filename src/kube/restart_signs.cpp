#include "kube/restart_signs.hpp"

#include <fmt/format.h>

namespace sluice::kube {

namespace {

constexpr std::size_t kMaxAllowed = 500;
constexpr std::size_t kCheapReply = std::size_t{1024} * 1024;
// A server is not away for less.
constexpr std::chrono::seconds kShortestRestart{2};

std::string_view path_in(std::string_view target) { return target.substr(0, target.find('?')); }

std::string key_of(std::string_view method, std::string_view target) {
  return fmt::format("{} {}", method, path_in(target));
}

// Objects in projects only: other paths may be open to everybody, and so say nothing of rights.
bool is_about_rights(std::string_view target) { return target.find("/namespaces/") != std::string_view::npos; }

// "/api/v1/namespaces/prod/pods/web-1" and its like: one object, no list, no log.
bool is_one_object(std::string_view target) {
  if (target != path_in(target)) return false;
  const auto at = target.find("/namespaces/");
  if (at == std::string_view::npos) return false;
  std::size_t slashes = 0;
  for (const char c : target.substr(at + 1)) slashes += c == '/' ? 1 : 0;
  return slashes == 3;  // namespaces/PROJECT/RESOURCE/NAME
}

}  // namespace

void RestartSigns::worked(std::string_view method, std::string_view target, std::size_t bytes, TimePoint now) {
  if (!is_about_rights(target)) return;
  seen_.with([&](Seen& seen) {
    seen.last_success = now;
    seen.since.reset();
    if (seen.allowed.size() < kMaxAllowed) seen.allowed.insert(key_of(method, target));
    const bool is_cheaper = bytes <= kCheapReply && (seen.proof.empty() || bytes <= seen.proof_bytes);
    if (method != "GET" || !is_cheaper || !is_one_object(target)) return;
    seen.proof = std::string(target);
    seen.proof_bytes = bytes;
  });
}

void RestartSigns::broke(TimePoint now) {
  seen_.with([&](Seen& seen) { seen.last_trouble = now; });
}

bool RestartSigns::suspects(std::string_view method, std::string_view target, TimePoint now) const {
  return seen_.with([&](const Seen& seen) {
    if (!seen.last_success) return false;
    if (seen.last_trouble && now - *seen.last_trouble < kLongest) return true;
    if (now - *seen.last_success >= kShortestRestart) return true;
    return seen.allowed.contains(key_of(method, target));
  });
}

std::string RestartSigns::proof() const {
  return seen_.with([](const Seen& seen) { return seen.proof; });
}

bool RestartSigns::may_wait(TimePoint now) {
  return seen_.with([&](Seen& seen) {
    if (!seen.last_success) return false;
    if (!seen.since) seen.since = now;
    return now - *seen.since < kLongest;
  });
}

}  // namespace sluice::kube
