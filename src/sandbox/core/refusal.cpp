#include "sandbox/core/refusal.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

Json Refusal::to_json() const {
  auto status = Json::object();
  status.set("kind", "Status");
  status.set("apiVersion", "v1");
  status.set("metadata", Json::object());
  status.set("status", "Failure");
  status.set("message", message);
  if (!reason.empty()) status.set("reason", reason);
  if (!details.is_null()) status.set("details", details);
  status.set("code", code);
  return status;
}

std::string qualified(std::string_view group, std::string_view plural) {
  return group.empty() ? std::string(plural) : fmt::format("{}.{}", plural, group);
}

namespace {

Json details_of(std::string_view group, std::string_view kind, std::string_view name) {
  auto details = Json::object();
  if (!name.empty()) details.set("name", name);
  if (!group.empty()) details.set("group", group);
  details.set("kind", kind);
  return details;
}

}  // namespace

Refusal not_found(std::string_view group, std::string_view plural, std::string_view name) {
  return {404, "NotFound", fmt::format("{} \"{}\" not found", qualified(group, plural), name),
          details_of(group, plural, name)};
}

Refusal already_exists(std::string_view group, std::string_view plural, std::string_view name) {
  return {409, "AlreadyExists", fmt::format("{} \"{}\" already exists", qualified(group, plural), name),
          details_of(group, plural, name)};
}

Refusal conflict(std::string_view group, std::string_view plural, std::string_view name, std::string_view why) {
  return {409, "Conflict",
          fmt::format("Operation cannot be fulfilled on {} \"{}\": {}", qualified(group, plural), name, why),
          details_of(group, plural, name)};
}

Refusal modified(std::string_view group, std::string_view plural, std::string_view name) {
  return conflict(group, plural, name,
                  "the object has been modified; please apply your changes to the latest version and try again");
}

Refusal invalid(std::string_view group, std::string_view kind, std::string_view name, std::vector<Cause> causes) {
  std::string all;
  auto list = Json::array();
  for (const auto& cause : causes) {
    if (!all.empty()) all += ", ";
    all += fmt::format("{}: {}", cause.field, cause.message);
    auto entry = Json::object();
    entry.set("reason", cause.reason);
    entry.set("message", cause.message);
    entry.set("field", cause.field);
    list.push(std::move(entry));
  }
  // More than one cause is shown in brackets, as Go's aggregate errors are.
  if (causes.size() > 1) all = "[" + all + "]";
  auto details = details_of(group, kind, name);
  details.set("causes", std::move(list));
  return {422, "Invalid", fmt::format("{} \"{}\" is invalid: {}", qualified(group, kind), name, all),
          std::move(details)};
}

Refusal bad_request(std::string message) { return {400, "BadRequest", std::move(message), Json()}; }

Refusal forbidden(std::string_view group, std::string_view plural, std::string_view name, std::string_view why) {
  const auto subject =
      name.empty() ? qualified(group, plural) : fmt::format("{} \"{}\"", qualified(group, plural), name);
  return {403, "Forbidden", fmt::format("{} is forbidden: {}", subject, why), details_of(group, plural, name)};
}

Refusal no_such_resource() {
  return {404, "NotFound", "the server could not find the requested resource", Json::object()};
}

Refusal internal_error(std::string message) {
  return {500, "InternalError", "Internal error occurred: " + message, Json()};
}

}  // namespace sluice::sandbox
