#include "base/json_members.hpp"

#include <algorithm>
#include <utility>

namespace sluice {

namespace {

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f;
  });
}

const Json::Array& nothing() {
  static const Json::Array empty;
  return empty;
}

}  // namespace

JsonMembers::JsonMembers(const Json& object) : object_(object) {
  if (!object.is_object()) fail("is no object");
}

std::string JsonMembers::text(std::string_view key, std::size_t most) {
  const auto* member = object_.find(key);
  if (member == nullptr || member->is_null()) return {};
  auto value = member->as_string();
  if (value && value->size() <= most && !has_control(*value)) return std::move(*value);
  fail("has an unreadable '" + std::string(key) + "'");
  return {};
}

std::int64_t JsonMembers::number(std::string_view key, std::int64_t most) {
  const auto* member = object_.find(key);
  if (member == nullptr || member->is_null()) return 0;
  const auto value = member->as_integer();
  if (value && *value >= 0 && *value <= most) return *value;
  fail("has an unreadable '" + std::string(key) + "'");
  return 0;
}

bool JsonMembers::flag(std::string_view key) {
  const auto* member = object_.find(key);
  if (member == nullptr || member->is_null()) return false;
  const auto value = member->as_bool();
  if (!value) fail("has an unreadable '" + std::string(key) + "'");
  return value.value_or(false);
}

const Json::Array& JsonMembers::list(std::string_view key, std::size_t most) {
  const auto* member = object_.find(key);
  if (member == nullptr || member->is_null()) return nothing();
  if (member->is_array() && member->items().size() <= most) return member->items();
  fail("has an unreadable list '" + std::string(key) + "'");
  return nothing();
}

void JsonMembers::fail(std::string why) {
  if (problem_.empty()) problem_ = std::move(why);
}

}  // namespace sluice
