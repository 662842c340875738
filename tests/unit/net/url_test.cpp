#include "net/url.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::net {
namespace {

// "https|host|443|/target", or the kind and sentence of the error.
std::string told(const Result<Url>& url) {
  if (!url) return std::string(to_string(url.error().kind())) + ": " + url.error().sentence();
  return url->scheme + "|" + url->host + "|" + std::to_string(url->port) + "|" + url->target;
}

struct Row {
  const char* name;
  std::string text;
  std::string expected;
};

TEST(Url, IsReadAsRegistriesWriteIt) {
  const Row rows[] = {
      {"plain", "https://registry.example.com/v2/", "https|registry.example.com|443|/v2/"},
      {"http", "http://registry.example.com/v2/", "http|registry.example.com|80|/v2/"},
      {"port", "https://registry.example.com:5000/v2/", "https|registry.example.com|5000|/v2/"},
      {"no path", "https://registry.example.com", "https|registry.example.com|443|/"},
      {"query without path", "https://h?a=b", "https|h|443|/?a=b"},
      {"fragment is dropped", "https://h/a#b", "https|h|443|/a"},
      {"fragment after the host", "https://h#a/b?c", "https|h|443|/"},
      {"fragment after the query", "https://h/a?b#c?d", "https|h|443|/a?b"},
      {"upper case", "HTTPS://Registry.Example.COM/V2/Aa", "https|registry.example.com|443|/V2/Aa"},
      {"IPv4", "http://127.0.0.1:5000/", "http|127.0.0.1|5000|/"},
      {"IPv6", "http://[::1]:5000/x", "http|::1|5000|/x"},
      {"IPv6 without port", "https://[2001:DB8::1]", "https|2001:db8::1|443|/"},
      {"highest port", "https://h:65535/", "https|h|65535|/"},
      {"an at sign in the path", "https://h/v2/a@sha256:00", "https|h|443|/v2/a@sha256:00"},
      {"a URL in the query", "https://h/a?u=http://x/", "https|h|443|/a?u=http://x/"},
      {"escapes stay", "https://h/a%2Fb%3F?c=%20", "https|h|443|/a%2Fb%3F?c=%20"},
      {"dots stay", "https://h/a/../b", "https|h|443|/a/../b"},
      {"underscore in a host", "http://my_registry:5000/", "http|my_registry|5000|/"},
  };
  for (const auto& row : rows) EXPECT_EQ(told(Url::parse(row.text)), row.expected) << row.name;
}

TEST(Url, SaysWhyItCannotBeUsed) {
  const Row rows[] = {
      {"empty", "", "no scheme"},
      {"no scheme", "registry.example.com/v2/", "no scheme"},
      {"another scheme", "ftp://h/", "neither http nor https"},
      {"file", "file:///etc/passwd", "neither http nor https"},
      {"no host", "https:///v2/", "no host"},
      {"only a port", "https://:5000/", "no host"},
      {"empty brackets", "https://[]/", "no host"},
      {"open bracket", "https://[::1/", "no ']'"},
      {"zone", "https://[fe80::1%25eth0]/", "bad host"},
      {"text after brackets", "https://[::1]x/", "bad port"},
      {"escaped host", "https://%6c/", "bad host"},
      {"backslash in the host", "https://h\\x/", "bad host"},
      {"letters of another alphabet", "https://h\xc3\xa9/", "bad host"},
      {"port zero", "https://h:0/", "bad port"},
      {"port too high", "https://h:65536/", "bad port"},
      {"port much too high", "https://h:99999999999999999999/", "bad port"},
      {"port with a sign", "https://h:+80/", "bad port"},
      {"port with letters", "https://h:80a/", "bad port"},
      {"two ports", "https://h:80:90/", "bad port"},
      {"empty port", "https://h:/", "bad port"},
      {"empty port after brackets", "https://[::1]:/", "bad port"},
      {"user", "https://user@h/", "user information"},
      {"user and password", "https://user:pass@h/", "user information"},
      {"blank", "https://h/a b", "blank or control"},
      {"line break", "https://h/a\r\nX: y", "blank or control"},
      {"null", std::string("https://h/a\0b", 13), "blank or control"},
      {"delete", "https://h/\x7f", "blank or control"},
      {"very long", "https://h/" + std::string(20'000, 'a'), "too long"},
  };
  for (const auto& row : rows) {
    const auto url = Url::parse(row.text);
    ASSERT_FALSE(url.ok()) << row.name << ": " << told(url);
    EXPECT_EQ(url.error().kind(), ErrorKind::protocol) << row.name;
    EXPECT_NE(url.error().message().find(row.expected), std::string::npos) << row.name << ": " << told(url);
  }
}

TEST(Url, KeepsSecretsOutOfItsErrors) {
  const Row rows[] = {
      {"user information", "https://robot:hunter2@h/", ""},
      {"an at sign in the password", "https://robot:p@hunter2@h/", ""},
      {"another scheme", "ftp://robot:hunter2@h/", ""},
      {"no scheme", "robot:hunter2@h/v2/", ""},
      {"a slash in the password", "https://robot:a/hunter2@h/", ""},
      {"blank in the path", "https://robot:hunter2@h/a b", ""},
      {"blank in the query", "https://h/upload?_state=hunter2 x", ""},
      {"bad port before a query", "https://h:x/upload?_state=hunter2", ""},
      {"fragment", "https://h:x/#hunter2", ""},
      {"too long", "https://h/upload?_state=hunter2" + std::string(20'000, 'a'), ""},
  };
  for (const auto& row : rows) {
    const auto url = Url::parse(row.text);
    ASSERT_FALSE(url.ok()) << row.name;
    EXPECT_EQ(url.error().sentence().find("hunter2"), std::string::npos) << row.name << ": " << told(url);
    const auto base = Url::parse("https://registry.example.com/v2/");
    const auto resolved = base->resolve(row.text + " ");
    ASSERT_FALSE(resolved.ok()) << row.name;
    EXPECT_EQ(resolved.error().sentence().find("hunter2"), std::string::npos) << row.name << ": " << told(resolved);
  }
}

// Source: RFC 3986 section 5.4, as far as it applies to http and https.
TEST(Url, ResolvesReferencesAsTheStandardShows) {
  const Row rows[] = {
      {"g", "g", "/b/c/g"},
      {"./g", "./g", "/b/c/g"},
      {"g/", "g/", "/b/c/g/"},
      {"/g", "/g", "/g"},
      {"?y", "?y", "/b/c/d;p?y"},
      {"g?y", "g?y", "/b/c/g?y"},
      {"#s", "#s", "/b/c/d;p?q"},
      {"g#s", "g#s", "/b/c/g"},
      {"g?y#s", "g?y#s", "/b/c/g?y"},
      {";x", ";x", "/b/c/;x"},
      {"g;x?y", "g;x?y", "/b/c/g;x?y"},
      {".", ".", "/b/c/"},
      {"./", "./", "/b/c/"},
      {"..", "..", "/b/"},
      {"../", "../", "/b/"},
      {"../g", "../g", "/b/g"},
      {"../..", "../..", "/"},
      {"../../g", "../../g", "/g"},
      {"../../../g", "../../../g", "/g"},
      {"g.", "g.", "/b/c/g."},
      {"..g", "..g", "/b/c/..g"},
      {"./g/.", "./g/.", "/b/c/g/"},
      {"g/./h", "g/./h", "/b/c/g/h"},
      {"g/../h", "g/../h", "/b/c/h"},
      {"g?y/../x", "g?y/../x", "/b/c/g?y/../x"},
  };
  const auto base = Url::parse("http://a:81/b/c/d;p?q");
  ASSERT_TRUE(base.ok());
  for (const auto& row : rows) EXPECT_EQ(told(base->resolve(row.text)), "http|a|81|" + row.expected) << row.name;
}

TEST(Url, ResolvesLocationsOfRegistries) {
  const auto base = Url::parse("https://registry.example.com:5000/v2/shop/web/blobs/uploads/?mount=x");
  ASSERT_TRUE(base.ok());
  const Row rows[] = {
      {"absolute", "https://other.example.com/u?_state=a%2Fb", "https|other.example.com|443|/u?_state=a%2Fb"},
      {"absolute, http", "http://registry.example.com/u", "http|registry.example.com|80|/u"},
      {"of the host", "/v2/shop/web/blobs/uploads/1?_state=a",
       "https|registry.example.com|5000|"
       "/v2/shop/web/blobs/uploads/1?_state=a"},
      {"of the folder", "1?_state=a", "https|registry.example.com|5000|/v2/shop/web/blobs/uploads/1?_state=a"},
      {"without scheme", "//other.example.com:81/u", "https|other.example.com|81|/u"},
      {"a URL in the query of a path", "/u?next=http://x/", "https|registry.example.com|5000|/u?next=http://x/"},
      {"a URL in the query of a name", "u?next=http://x/",
       "https|registry.example.com|5000|/v2/shop/web/blobs/uploads/u?next=http://x/"},
  };
  for (const auto& row : rows) EXPECT_EQ(told(base->resolve(row.text)), row.expected) << row.name;
}

TEST(Url, RefusesLocationsThatLeadNowhere) {
  const auto base = Url::parse("https://h/a/b");
  ASSERT_TRUE(base.ok());
  const Row rows[] = {
      {"empty", "", ""},
      {"another scheme", "ftp://x/", ""},
      {"user information", "https://u:p@x/", ""},
      {"user information without scheme", "//u:p@x/", ""},
      {"line break in a path", "/a\r\nb", ""},
      {"blank in a name", "a b", ""},
      {"very long path", "/" + std::string(20'000, 'a'), ""},
  };
  for (const auto& row : rows) EXPECT_FALSE(base->resolve(row.text).ok()) << row.name;
}

TEST(Url, WritesOnlyThePortsThatMatter) {
  const Row rows[] = {
      {"https", "https://h:443/a?b", "h https://h/a?b https://h/a?..."},
      {"http", "http://h:80/", "h http://h/ http://h/"},
      {"http on 443", "http://h:443/", "h:443 http://h:443/ http://h:443/"},
      {"IPv6", "http://[::1]:5000/?a", "[::1]:5000 http://[::1]:5000/?a http://[::1]:5000/?..."},
  };
  for (const auto& row : rows) {
    const auto url = Url::parse(row.text);
    ASSERT_TRUE(url.ok()) << row.name;
    EXPECT_EQ(url->authority() + " " + url->text() + " " + url->redacted(), row.expected) << row.name;
  }
}

TEST(Url, ComparesOriginsByAllTheirParts) {
  const auto same = [](const char* a, const char* b) { return Url::parse(a)->same_origin(*Url::parse(b)); };
  EXPECT_TRUE(same("https://h/a", "https://H:443/b?c"));
  EXPECT_FALSE(same("https://h/", "https://h:5000/")) << "another port";
  EXPECT_FALSE(same("https://h/", "http://h/")) << "another scheme";
  EXPECT_FALSE(same("https://h/", "http://h:443/")) << "another scheme on the same port";
  EXPECT_FALSE(same("https://h/", "https://h.example.com/")) << "another host";
}

TEST(Url, AddsQueryParametersInEscapes) {
  auto url = *Url::parse("https://h/u");
  url.add_query("digest", "sha256:ab");
  url.add_query("a b", "x&y=z?");
  EXPECT_EQ(url.target, "/u?digest=sha256%3Aab&a%20b=x%26y%3Dz%3F");
  auto state = *Url::parse("https://h/u?_state=a%3D");
  state.add_query("digest", "d");
  EXPECT_EQ(state.target, "/u?_state=a%3D&digest=d") << "signed state must not be touched";
}

}  // namespace
}  // namespace sluice::net
