// Link headers of lists. The first line is the target of the page at hand, each further line one Link header.

#include "fuzz/require.hpp"
#include "net/http.hpp"
#include "net/url.hpp"
#include "places/link_header.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  auto end = text.find('\n');
  const auto from = "/" + text.substr(0, end);
  net::HttpResponse response{200, {}, ""};
  while (end != std::string::npos) {
    const auto start = end + 1;
    end = text.find('\n', start);
    const auto line = text.substr(start, end == std::string::npos ? end : end - start);
    response.headers.add("Link", line);
    const auto target = places::next_link(line);
    require(!target || (line.find("<" + *target + ">") != std::string::npos), "a target stands in brackets");
  }
  const auto next = places::next_page(response, "registry.example.com:5000", from);
  if (!next) {
    require(next.error().kind() == ErrorKind::protocol, "what is refused is an error of the registry");
    require(next.error().sentence().size() < 2000, "a message does not echo endless text");
    return 0;
  }
  if (!*next) return 0;
  require((*next)->starts_with('/'), "a page is named by its path");
  const auto page = net::Url::parse("https://registry.example.com:5000" + **next);
  require(page.ok() && page->host == "registry.example.com" && page->port == 5000 && page->target == **next,
          "the next page is on the same host");
  return 0;
}
