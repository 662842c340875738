// The words of the memory: how a release fared, and who did something.

#include "base/text.hpp"
#include "memory/memory.hpp"

#include <array>

namespace sluice::memory {

namespace {

constexpr std::size_t kMaxPart = 253;     // a host name, or the name of a service account
constexpr std::size_t kMaxAddress = 500;  // of a CI job

std::string part(const Json& json, std::string_view key, std::size_t most) {
  return text::printable(json.string_at(key).value_or(""), most);
}

}  // namespace

std::string_view to_string(Stood stood) {
  switch (stood) {
    case Stood::verified:
      return "verified";
    case Stood::adopted:
      return "adopted";
    case Stood::failed:
      return "failed";
    case Stood::undone:
      return "undone";
    case Stood::left:
      return "left";
  }
  return "failed";
}

std::optional<Stood> parse_stood(std::string_view text) {
  for (const auto stood : {Stood::verified, Stood::adopted, Stood::failed, Stood::undone, Stood::left}) {
    if (to_string(stood) == text) return stood;
  }
  return std::nullopt;
}

bool is_good(Stood stood) { return stood == Stood::verified || stood == Stood::adopted; }

std::string shown(const Who& who) {
  auto machine = who.user;
  if (!who.host.empty()) machine += (machine.empty() ? "" : "@") + who.host;
  if (who.identity.empty()) return machine.empty() ? who.job : machine;
  return machine.empty() ? who.identity : who.identity + " (" + machine + ")";
}

Json to_json(const Who& who) {
  if (who.empty()) return {};
  const auto text = [](const std::string& value, std::size_t most) {
    return value.empty() ? Json() : Json(text::printable(value, most));
  };
  return Json::object()
      .set("user", text(who.user, kMaxPart))
      .set("host", text(who.host, kMaxPart))
      .set("identity", text(who.identity, kMaxPart))
      .set("job", text(who.job, kMaxAddress));
}

Who who_from(const Json& json) {
  return {part(json, "user", kMaxPart), part(json, "host", kMaxPart), part(json, "identity", kMaxPart),
          part(json, "job", kMaxAddress)};
}

}  // namespace sluice::memory
