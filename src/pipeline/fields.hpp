#pragma once
// Fields that the pipeline and the clusters file have in common. Private to this room.

#include "base/result.hpp"
#include "base/yaml.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::pipeline::detail {

/// An error of another room, said about a field of a file.
Error about_field(const Error& why, const yaml::Node& node, std::string_view what);

/// host[:port], lower case. A value with credentials in it is refused without repeating it.
Result<std::string> read_registry(const yaml::Node& node, std::string_view what);

/// True for text that carries user information before a host ("user:password@host").
bool has_user_information(std::string_view address);

/// True for a DNS label (RFC 1123): lower-case letters, digits and '-' inside, at most 63. Projects are named so.
bool is_dns_label(std::string_view name);

/// Foreign text in single quotes, safe for a terminal.
std::string in_quotes(std::string_view text);

/// That `value` is none of `allowed`, with the one that was most likely meant.
Error unknown_value(const yaml::Node& node, const std::string& what, std::string_view value,
                    const std::vector<std::string>& allowed);

/// [A-Za-z0-9][A-Za-z0-9._-]*, at most 63: names of environments and clusters.
bool is_plain_name(std::string_view name);

}  // namespace sluice::pipeline::detail
