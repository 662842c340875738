#include "net/http.hpp"

#include "base/text.hpp"

namespace sluice::net {

std::string_view to_string(Method method) {
  switch (method) {
    case Method::get:
      return "GET";
    case Method::head:
      return "HEAD";
    case Method::post:
      return "POST";
    case Method::put:
      return "PUT";
    case Method::patch:
      return "PATCH";
    case Method::del:
      return "DELETE";
  }
  return "GET";
}

void Headers::set(std::string_view name, std::string value) {
  std::erase_if(fields_, [&](const Header& field) { return text::iequals(field.name, name); });
  fields_.push_back({std::string(name), std::move(value)});
}

std::optional<std::string> Headers::get(std::string_view name) const {
  for (const auto& field : fields_) {
    if (text::iequals(field.name, name)) return std::string(text::trim(field.value));
  }
  return std::nullopt;
}

std::vector<std::string> Headers::all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& field : fields_) {
    if (text::iequals(field.name, name)) out.emplace_back(text::trim(field.value));
  }
  return out;
}

}  // namespace sluice::net
