#pragma once
// Reading and changing Json trees of API objects by path. Missing parts read as null and are made when set.

#include "base/json.hpp"

#include <initializer_list>
#include <string>
#include <string_view>

namespace sluice::sandbox {

using Path = std::initializer_list<std::string_view>;

/// The member at a path of member names; a shared null when any part is missing. Borrowed.
const Json& at(const Json& object, Path path);
/// "" when missing or no string.
std::string text_at(const Json& object, Path path);
/// `otherwise` when missing or no integer.
std::int64_t number_at(const Json& object, Path path, std::int64_t otherwise = 0);
bool flag_at(const Json& object, Path path, bool otherwise = false);

/// The member, made (with all objects on the way) when missing: replaces whatever is no object on the way.
Json& make_at(Json& object, Path path);
void set_at(Json& object, Path path, Json value);
/// Removes the last part; empty parents stay.
void remove_at(Json& object, Path path);
/// The member for changing, or null when it is missing.
Json* find_at(Json& object, Path path);
/// Sets a member that is missing (or null).
void default_at(Json& object, Path path, Json value);

/// Equal but for the order of members.
bool same_tree(const Json& a, const Json& b);

std::string name_of(const Json& object);       ///< metadata.name
std::string namespace_of(const Json& object);  ///< metadata.namespace
std::string uid_of(const Json& object);
/// metadata.annotations[key], or "".
std::string annotation(const Json& object, std::string_view key);
std::string label(const Json& object, std::string_view key);
void annotate(Json& object, std::string_view key, std::string_view value);
bool remove_annotation(Json& object, std::string_view key);

}  // namespace sluice::sandbox
