#include "kube/objects/core.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace sluice::kube {

namespace {

std::vector<std::string> names_of(const Json& json, std::string_view key) {
  std::vector<std::string> out;
  for (const auto& item : list_at(json, {key})) {
    if (auto name = item.string_at("name")) out.push_back(std::move(*name));
  }
  return out;
}

}  // namespace

std::vector<std::string> ServiceAccount::secrets() const { return names_of(json(), "secrets"); }
std::vector<std::string> ServiceAccount::pull_secrets() const { return names_of(json(), "imagePullSecrets"); }

std::string Event::message() const { return text::printable(text_at(json(), {"message"}), 400); }

std::string Event::last_seen() const {
  // The older and the newer form of events name their time differently.
  if (auto time = text_at(json(), {"series", "lastObservedTime"}); !time.empty()) return time;
  for (const auto* key : {"lastTimestamp", "eventTime", "firstTimestamp"}) {
    if (auto time = text_at(json(), {key}); !time.empty()) return time;
  }
  return created();
}

std::string Route::host() const {
  for (const auto& ingress : list_at(json(), {"status", "ingress"})) {
    const auto conditions = conditions_at(ingress, {"conditions"});
    const bool refused = std::any_of(conditions.begin(), conditions.end(), [](const Condition& condition) {
      return condition.type == "Admitted" && condition.is_false();
    });
    if (auto host = ingress.string_at("host"); host && !host->empty() && !refused) return std::move(*host);
  }
  return text_at(json(), {"spec", "host"});
}

std::optional<std::int64_t> ResourceQuota::left(std::string_view what) const {
  const auto limits = hard();
  const auto limit = limits.find(what);
  if (limit == limits.end()) return std::nullopt;
  const auto most = parse_quantity(limit->second);
  if (!most) return std::nullopt;
  const auto in_use = used();
  const auto now = in_use.find(what);
  const auto taken = now == in_use.end() ? std::optional<std::int64_t>(0) : parse_quantity(now->second);
  if (!taken) return std::nullopt;
  return std::max<std::int64_t>(0, *most - std::max<std::int64_t>(0, *taken));
}

std::vector<LimitRange::Limit> LimitRange::limits() const {
  std::vector<Limit> out;
  for (const auto& item : list_at(json(), {"spec", "limits"})) {
    out.push_back({item.string_at("type").value_or(""), texts_at(item, {"max"})});
  }
  return out;
}

std::optional<std::int64_t> LimitRange::max_of(std::string_view type, std::string_view what) const {
  std::optional<std::int64_t> smallest;
  for (const auto& limit : limits()) {
    if (limit.type != type) continue;
    const auto found = limit.max.find(what);
    if (found == limit.max.end()) continue;
    const auto value = parse_quantity(found->second);
    if (value && (!smallest || *value < *smallest)) smallest = value;
  }
  return smallest;
}

std::optional<std::int64_t> parse_quantity(std::string_view text) {
  struct Suffix {
    std::string_view text;
    double factor;
  };
  // Two letters before one: "Mi" ends with no other suffix, "M" does.
  constexpr std::array kSuffixes{Suffix{"Ki", 0x1p10}, Suffix{"Mi", 0x1p20}, Suffix{"Gi", 0x1p30}, Suffix{"Ti", 0x1p40},
                                 Suffix{"Pi", 0x1p50}, Suffix{"Ei", 0x1p60}, Suffix{"m", 1e-3},    Suffix{"k", 1e3},
                                 Suffix{"M", 1e6},     Suffix{"G", 1e9},     Suffix{"T", 1e12},    Suffix{"P", 1e15},
                                 Suffix{"E", 1e18}};
  double factor = 1;
  for (const auto& suffix : kSuffixes) {
    if (!text.ends_with(suffix.text)) continue;
    factor = suffix.factor;
    text.remove_suffix(suffix.text.size());
    break;
  }
  std::int64_t whole = 0;
  const auto* begin = text.data();
  const auto* end = begin + text.size();
  if (const auto parsed = std::from_chars(begin, end, whole);
      factor == 1 && parsed.ec == std::errc() && parsed.ptr == end && !text.empty()) {
    return whole;  // exact beyond what a double can hold
  }
  if (text.empty() || text.front() == '+') return std::nullopt;
  double value = 0;
  const auto parsed = std::from_chars(begin, end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end || !std::isfinite(value)) return std::nullopt;
  value = std::ceil(value * factor);
  constexpr double kMost = 9.2e18;
  if (value > kMost || value < -kMost) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::string AccessQuestion::shown() const {
  std::string out = verb + " " + resource;
  if (!subresource.empty()) out += "/" + subresource;
  if (!project.empty() && !name.empty()) return out + " of " + project + "/" + name;
  if (!project.empty()) return out + " in " + project;
  return name.empty() ? out + " in the whole cluster" : out + " " + name;
}

AccessAnswer read_access_answer(const Json& review) {
  const auto* status = review.find("status");
  const auto& where = status != nullptr && status->is_object() ? *status : review;
  return {where.bool_at("allowed").value_or(false), text::printable(where.string_at("reason").value_or(""))};
}

}  // namespace sluice::kube
