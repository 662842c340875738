// URLs and Location headers of servers. The first line is a base, the rest a reference to resolve against it.

#include "fuzz/require.hpp"
#include "net/address.hpp"
#include "net/url.hpp"

#include <cstddef>
#include <cstdint>
#include <string>

using namespace sluice;

namespace {

void check(const net::Url& url) {
  require(url.scheme == "http" || url.scheme == "https", "the scheme is one of two");
  require(!url.host.empty() && url.port != 0, "there is a host and a port");
  require(url.target.starts_with('/'), "the target starts at the root");
  require(url.host.find_first_of("@/?#\\ \r\n") == std::string::npos, "the host is a host");
  require(url.target.find_first_of(std::string_view("#\r\n \0", 5)) == std::string::npos,
          "nothing in the target ends a request line");
  const auto again = net::Url::parse(url.text());
  require(again.ok(), "what is written can be read");
  require(again->text() == url.text() && again->same_origin(url), "what is read back is the same");
  require(url.redacted().find("?") == std::string::npos || url.redacted().ends_with("?..."), "no query is shown");
  auto asked = url;
  asked.add_query("digest", "sha256:ab&c#d");
  require(net::Url::parse(asked.text())->target == asked.target, "a query that was added is read back");
  static_cast<void>(net::is_loopback_name(url.host));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;  // the limit of URLs is tested by its unit test
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  const auto base = net::Url::parse(text.substr(0, line));
  if (!base) return 0;
  check(*base);
  if (line == std::string::npos) return 0;
  const auto resolved = base->resolve(text.substr(line + 1));
  if (resolved) check(*resolved);
  return 0;
}
