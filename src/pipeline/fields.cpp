#include "pipeline/fields.hpp"

#include "base/text.hpp"
#include "oci/reference.hpp"

#include <algorithm>
#include <utility>

namespace sluice::pipeline::detail {

Error about_field(const Error& why, const yaml::Node& node, std::string_view what) {
  return yaml::error_at(node, std::string(what) + ": " + why.message()).with_hint(why.hint());
}

bool has_user_information(std::string_view address) { return address.find('@') != std::string_view::npos; }

Result<std::string> read_registry(const yaml::Node& node, std::string_view what) {
  SLUICE_TRY(const auto text, yaml::as_string(node, what));
  if (has_user_information(text)) {
    return yaml::error_at(node, std::string(what) + " holds credentials")
        .with_hint("write host[:port] only, and keep credentials in the clusters file or with: sluice login");
  }
  if (text.find("://") != std::string::npos) {
    return yaml::error_at(node, std::string(what) + " begins with a scheme").with_hint("write host[:port] only");
  }
  auto registry = oci::parse_registry(text);
  if (!registry) return about_field(registry.error(), node, what);
  return registry;
}

bool is_dns_label(std::string_view name) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  return !name.empty() && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
         name.find_first_not_of(kLetters) == std::string_view::npos;
}

std::string in_quotes(std::string_view text) { return "'" + text::printable(text, 80) + "'"; }

Error unknown_value(const yaml::Node& node, const std::string& what, std::string_view value,
                    const std::vector<std::string>& allowed) {
  auto message = what + " cannot be " + in_quotes(value);
  if (const auto meant = text::nearest(value, allowed); !meant.empty()) message += "; did you mean '" + meant + "'?";
  return yaml::error_at(node, std::move(message)).with_hint("allowed here: " + text::join(allowed, ", "));
}

bool is_plain_name(std::string_view name) {
  const auto is_alnum = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= 63 && is_alnum(name.front()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace sluice::pipeline::detail
