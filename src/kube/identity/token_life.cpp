#include "kube/identity/token_life.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "kube/identity/oauth.hpp"
#include "kube/objects/object.hpp"

#include <charconv>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::kube {

namespace {

using Wall = std::chrono::system_clock;

constexpr std::string_view kHashed = "sha256~";
constexpr std::size_t kMaxPayloadBytes = std::size_t{64} * 1024;
// Beyond year 9999 a number is no time.
constexpr std::int64_t kLastSecond = 253'402'300'799;

std::optional<Wall::time_point> at_second(std::int64_t second) {
  if (second < 0 || second > kLastSecond) return std::nullopt;
  return Wall::time_point(std::chrono::seconds(second));
}

// The payload of a JSON web token; null for anything else.
Json payload_of(std::string_view token) {
  const auto parts = text::split(token, '.');
  if (parts.size() != 3 || parts[1].size() > kMaxPayloadBytes) return {};
  const auto bytes = encoding::decode_base64(parts[1]);
  if (!bytes) return {};
  auto json = parse_json(*bytes, {.max_bytes = kMaxPayloadBytes, .max_depth = 16, .max_values = 1000});
  return json && json->is_object() ? std::move(*json) : Json();
}

// "system:serviceaccount:NS:NAME" -> "NS/NAME".
std::string service_account_of(std::string_view subject) {
  constexpr std::string_view kPrefix = "system:serviceaccount:";
  if (!subject.starts_with(kPrefix)) return {};
  const auto [project, name] = text::cut(subject.substr(kPrefix.size()), ':');
  return name.empty() ? std::string() : std::string(project) + "/" + std::string(name);
}

// A number of two or four digits at a place of a text; -1 for anything else.
int digits(std::string_view text, std::size_t from, std::size_t count) {
  int value = 0;
  const auto* end = text.data() + from + count;
  const auto parsed = std::from_chars(text.data() + from, end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? value : -1;
}

// "2026-01-05T10:00:00Z", the only form in which the API writes times of objects.
std::optional<Wall::time_point> time_of(std::string_view text) {
  if (text.size() != 20 || text[10] != 'T' || text[19] != 'Z') return std::nullopt;
  const auto month = digits(text, 5, 2);
  const auto day = digits(text, 8, 2);
  const auto hour = digits(text, 11, 2);
  const auto minute = digits(text, 14, 2);
  const auto second = digits(text, 17, 2);
  if (month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(digits(text, 0, 4)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  return Wall::time_point(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second);
}

}  // namespace

TokenLife life_of(const Secret& token) {
  TokenLife life;
  if (token.empty()) return life;
  if (!token_object(token).empty()) {
    life.kind = TokenKind::hashed_oauth;
    return life;
  }
  const auto payload = payload_of(token.reveal());
  life.kind = payload.is_object() ? TokenKind::web_token : TokenKind::opaque;
  if (!payload.is_object()) return life;
  life.service_account = service_account_of(payload.string_at("sub").value_or(""));
  const auto* ends = payload.find("exp");
  life.endless = ends == nullptr;
  // RFC 7519 allows fractions of seconds.
  if (const auto number = ends != nullptr ? ends->as_number() : std::nullopt; number && *number < 1e12) {
    life.ends = at_second(static_cast<std::int64_t>(*number));
  }
  return life;
}

std::string token_object(const Secret& token) {
  const std::string_view text = token.reveal();
  if (!text.starts_with(kHashed) || text.size() == kHashed.size()) return {};
  return std::string(kHashed) + url_base64_sha256(text.substr(kHashed.size()));
}

std::optional<Wall::time_point> end_of_oauth_token(const Json& object) {
  const auto created = time_of(text_at(object, {"metadata", "creationTimestamp"}));
  const auto life = number_at(object, {"expiresIn"});
  if (!created || life <= 0 || life > kLastSecond) return std::nullopt;
  return *created + std::chrono::seconds(life);
}

}  // namespace sluice::kube
