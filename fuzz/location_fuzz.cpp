// Locations of uploads. The first line is the target that was asked, the rest what the registry answered; both as
// places::RegistryHost::absolute() reads them, from registries of every kind of host.

#include "fuzz/require.hpp"
#include "net/url.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

using namespace sluice;

namespace {

constexpr std::array kHosts{"https://registry.example.com", "https://registry.example.com:5000",
                            "http://127.0.0.1:5000", "http://[::1]:5000"};

void check(const net::Url& base, const net::Url& url) {
  const auto text = url.text();
  const auto again = net::Url::parse(text);
  require(again.ok() && again->text() == text, "what is kept of an upload is read back as it is");
  require(url.scheme == "http" || url.scheme == "https", "the scheme is one of two");
  const auto authority = text.substr(0, text.find_first_of("/?#", text.find("://") + 3));
  require(authority.find('@') == std::string::npos, "there is no user info");
  require(text.find_first_of(std::string_view(" \t\r\n\0#", 6)) == std::string::npos, "it fits into a request line");

  // Every further request is resolved against the registry itself, and the last one says the digest.
  const auto asked = base.resolve(text);
  require(asked.ok() && asked->text() == text && asked->same_origin(url), "it leads where it led before");
  auto last = url;
  last.add_query("digest", "sha256:0123&x=#y");
  const auto read = net::Url::parse(last.text());
  require(read.ok() && read->text() == last.text() && read->same_origin(url), "with a digest it leads there, too");
  require(last.target.starts_with(url.target), "the state of the upload stays as it was sent");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 8192) return 0;  // the limit of URLs is tested by its unit test
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto line = text.find('\n');
  if (line == std::string::npos) return 0;
  for (const std::string host : kHosts) {
    const auto base = net::Url::parse(host + "/" + text.substr(0, line));
    if (!base) return 0;
    const auto url = base->resolve(text.substr(line + 1));
    if (url) {
      check(*base, *url);
    } else {
      require(url.error().kind() == ErrorKind::protocol, "what is refused is an error of the registry");
      require(url.error().sentence().size() < 2000, "a message does not echo endless text");
    }
  }
  return 0;
}
