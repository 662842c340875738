#pragma once
// Fields that the pipeline and the clusters file have in common. Private to this room.

#include "base/result.hpp"
#include "base/yaml.hpp"

#include <string>
#include <string_view>

namespace sluice::pipeline::detail {

/// An error of another room, said about a field of a file.
Error about_field(const Error& why, const yaml::Node& node, std::string_view what);

/// host[:port], lower case. A value with credentials in it is refused without repeating it.
Result<std::string> read_registry(const yaml::Node& node, std::string_view what);

/// True for text that carries user information before a host ("user:password@host").
bool has_user_information(std::string_view address);

/// [A-Za-z0-9][A-Za-z0-9._-]*, at most 63: names of environments and clusters.
bool is_plain_name(std::string_view name);

}  // namespace sluice::pipeline::detail
