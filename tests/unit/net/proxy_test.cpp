#include "net/proxy.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>

namespace sluice::net {
namespace {

constexpr const char* kProxy = "http://proxy:3128";

Url url(const std::string& text) {
  auto parsed = Url::parse(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed ? *parsed : Url{};
}

bool asked(const std::string& no_proxy, const std::string& target) {
  const ProxySettings settings{.http = kProxy, .https = kProxy, .all = {}, .no_proxy = no_proxy};
  return !proxy_for(settings, url(target)).empty();
}

// Source: golang.org/x/net/http/httpproxy, its documentation and tests.
TEST(NoProxy, IsReadAsGoReadsIt) {
  struct Row {
    const char* no_proxy;
    const char* target;
    bool asked;
  };
  const Row rows[] = {
      {"", "https://r.corp.example/", true},
      {"other,corp", "https://r.corp.example/", true},
      // names
      {"corp.example", "https://corp.example/", false},
      {"corp.example", "https://r.corp.example/", false},
      {"corp.example", "https://notcorp.example/", true},
      {".corp.example", "https://r.corp.example/", false},
      {".corp.example", "https://a.b.corp.example/", false},
      {".corp.example", "https://corp.example/", true},
      {"*.corp.example", "https://r.corp.example/", false},
      {"*.corp.example", "https://corp.example/", true},
      {"R.CORP.Example", "https://r.corp.example/", false},
      {"localhost, .corp.example ,x", "https://r.corp.example/", false},
      {" , ,", "https://r.corp.example/", true},
      {"r.*.example", "https://r.corp.example/", true},
      {"*", "https://r.corp.example/", false},
      {"x, * ", "https://10.0.0.1/", false},
      // ports
      {"r.corp.example:443", "https://r.corp.example/", false},
      {"r.corp.example:5000", "https://r.corp.example/", true},
      {"r.corp.example:5000", "https://r.corp.example:5000/", false},
      {".corp.example:443", "https://r.corp.example/", false},
      {"r.corp.example:80", "http://r.corp.example/", false},
      {":443", "https://r.corp.example/", true},
      {"r.corp.example:", "https://r.corp.example/", false},
      // addresses
      {"10.0.0.1", "https://10.0.0.1/", false},
      {"10.0.0.1", "https://10.0.0.2/", true},
      {"10.0.0.1:5000", "https://10.0.0.1:5000/", false},
      {"10.0.0.1:5000", "https://10.0.0.1/", true},
      {"2001:db8::1", "https://[2001:db8:0::1]/", false},
      {"[2001:db8::1]:5000", "https://[2001:db8::1]:5000/", false},
      {"[2001:db8::1]:5000", "https://[2001:db8::1]/", true},
      {"[2001:db8::1]", "https://[2001:db8::1]/", false},
      // ranges
      {"10.0.0.0/8", "https://10.200.3.4/", false},
      {"10.0.0.0/8", "https://11.0.0.1/", true},
      {"172.30.0.0/17", "https://172.30.127.1/", false},
      {"172.30.0.0/17", "https://172.30.128.1/", true},
      {"0.0.0.0/0", "https://192.0.2.1/", false},
      {"192.0.2.1/32", "https://192.0.2.1/", false},
      {"0.0.0.0/0", "https://r.corp.example/", true},
      {"2001:db8::/32", "https://[2001:db8:1::1]/", false},
      {"2001:db8::/32", "https://[2001:db9::1]/", true},
      {"10.0.0.0/33", "https://10.0.0.1/", true},
      {"10.0.0.0/x", "https://10.0.0.1/", true},
      {"::/0", "https://10.0.0.1/", true},
      // never through a proxy
      {"", "https://localhost/", false},
      {"", "https://127.0.0.1/", false},
      {"", "https://127.1/", false},
      {"", "https://[::1]:5000/", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(asked(row.no_proxy, row.target), row.asked) << "NO_PROXY=" << row.no_proxy << " for " << row.target;
  }
}

ProxySettings settings(const std::map<std::string, std::string>& variables) {
  return ProxySettings::from(Environment([variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(std::string(name));
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  }));
}

std::string proxies(const std::map<std::string, std::string>& variables) {
  const auto known = settings(variables);
  return proxy_for(known, url("http://r.example/")) + "|" + proxy_for(known, url("https://r.example/"));
}

TEST(Proxies, AreChosenByTheSchemeOfTheUrl) {
  EXPECT_EQ(proxies({}), "|");
  EXPECT_EQ(proxies({{"HTTP_PROXY", "http://h:1"}}), "http://h:1|");
  EXPECT_EQ(proxies({{"https_proxy", "s:2"}}), "|s:2");
  EXPECT_EQ(proxies({{"HTTPS_PROXY", "http://up"}, {"https_proxy", "http://low"}}), "|http://up");
  EXPECT_EQ(proxies({{"http_proxy", "http://h"}, {"ALL_PROXY", "http://all"}}), "http://h|http://all");
  EXPECT_EQ(proxies({{"ALL_PROXY", "http://all"}, {"no_proxy", "r.example"}}), "|");
  EXPECT_EQ(proxies({{"HTTPS_PROXY", "http://up"}, {"NO_PROXY", "x"}, {"no_proxy", "r.example"}}), "|http://up");
}

// A client of a CGI program sets HTTP_PROXY with its header "Proxy".
TEST(Proxies, AreNotTakenFromTheClientsOfACgiProgram) {
  EXPECT_EQ(proxies({{"HTTP_PROXY", "http://h"}, {"HTTPS_PROXY", "http://s"}, {"REQUEST_METHOD", "GET"}}), "|http://s");
}

}  // namespace
}  // namespace sluice::net
