#include "places/host_profile.hpp"

#include "base/json.hpp"

#include <algorithm>

namespace sluice::places {

namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} * 1024 * 1024;
// The first guess after a refusal: what front ends are often set to, and few enough requests for layers of some GiB.
constexpr std::uint64_t kFirstGuess = 64 * kMiB;
constexpr std::int64_t kMostSlots = 16;

bool ends_with_any(std::string_view host, std::initializer_list<std::string_view> endings) {
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return host.ends_with(end); });
}

}  // namespace

bool HostProfile::learn_too_large(std::uint64_t body_bytes) {
  if (body_bytes <= kLeastBodyBytes || !takes_chunks) return false;
  const auto limit = std::clamp(body_bytes / 2, kLeastBodyBytes, kFirstGuess);
  if (max_body_bytes && limit >= *max_body_bytes) return true;  // somebody else has learned more meanwhile
  max_body_bytes = limit;
  return true;
}

// From reports on these products; what a host answers counts more, see learn_too_large().
HostProfile seed_profile(std::string_view host) {
  HostProfile seed;
  if (host.find(".dkr.ecr.") != std::string_view::npos || ends_with_any(host, {"gcr.io", "-docker.pkg.dev"})) {
    seed.takes_chunks = false;
  }
  return seed;
}

std::string profile_text(const HostProfile& profile, std::int64_t at) {
  return Json::object()
      .set("version", 1)
      .set("learned", at)
      .set("max_body_bytes", profile.max_body_bytes ? Json(*profile.max_body_bytes) : Json())
      .set("blob_slots", profile.blob_slots ? Json(std::uint64_t{*profile.blob_slots}) : Json())
      .dump();
}

HostProfile read_profile(std::string_view text, HostProfile seed, std::int64_t now) {
  const auto json = parse_json(text);
  if (!json || json->integer_at("version") != 1) return seed;
  const auto learned = json->integer_at("learned").value_or(0);
  const auto life = std::chrono::duration_cast<std::chrono::seconds>(kProfileLife).count();
  if (learned <= 0 || learned > now || now - learned > life) return seed;
  const auto body = json->integer_at("max_body_bytes").value_or(0);
  if (body >= static_cast<std::int64_t>(HostProfile::kLeastBodyBytes) && seed.takes_chunks)
    seed.max_body_bytes = static_cast<std::uint64_t>(body);
  const auto slots = json->integer_at("blob_slots").value_or(0);
  if (slots >= 2 && slots <= kMostSlots) seed.blob_slots = static_cast<unsigned>(slots);
  return seed;
}

}  // namespace sluice::places
