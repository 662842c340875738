#pragma once
// Paths, queries and forms of HTTP requests, decoded.

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

using Query = std::map<std::string, std::string, std::less<>>;

/// %XX decoded; with `plus`, '+' is a blank (forms and queries). A broken escape stays as it is.
std::string decode_percent(std::string_view text, bool plus = false);
/// "a=1&b=2"; the first of equal names wins.
Query parse_query(std::string_view text);
/// The segments of a path, decoded, without empty ones.
std::vector<std::string> path_segments(std::string_view path);
/// The token of an Authorization header: of "Bearer T", or the password of "Basic". Empty when there is none.
std::string bearer_of(std::string_view header);

}  // namespace sluice::sandbox
