#include "net/web_page.hpp"

#include "base/text.hpp"

namespace sluice::net {

bool is_web_page(const HttpResponse& response) {
  const auto type = text::lower(response.headers.get("content-type").value_or(""));
  if (type.starts_with("text/html") || type.starts_with("application/xhtml")) return true;
  const auto start = text::lower(text::trim(response.body.substr(0, 64)));
  return start.starts_with("<!doctype") || start.starts_with("<html");
}

}  // namespace sluice::net
