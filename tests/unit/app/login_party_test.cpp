#include "app/login_party.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::app {
namespace {

std::string read(const std::string& text) {
  const auto address = registry_address(text);
  if (!address) return "none";
  return address->scheme + "|" + address->host + (address->is_sure ? "|sure" : "");
}

TEST(RegistryAddresses, AreTakenAsOtherToolsTakeThem) {
  struct Row {
    const char* text;
    const char* expected;
  };
  const Row rows[] = {
      {"https://r.example.com", "https|r.example.com"},
      {"HTTPS://R.example.com:5000/", "https|r.example.com:5000"},
      {"http://127.0.0.1:5000", "http|127.0.0.1:5000"},
      {"https://[::1]:5000/", "https|[::1]:5000"},
      {"https://r.example.com/v2/", "https|r.example.com|sure"},
      {"https://r.example.com/v1", "https|r.example.com|sure"},
      {"https://index.docker.io/v1/", "https|docker.io|sure"},
      {"https://registry-1.docker.io", "https|docker.io|sure"},
      {"r.example.com/", "|r.example.com"},
      {"r.example.com", "|r.example.com"},
      {"r.example.com/v2/", "|r.example.com|sure"},
      {"https://r.example.com/shop", "none"},
      {"https://r.example.com/v2/shop", "none"},
      {"ftp://r.example.com", "none"},
      {"https://ann:pw@r.example.com", "none"},
      {"shop/api-example-com:6443/ann", "none"},
      {"https://", "none"},
      {"", "none"},
  };
  for (const auto& row : rows) EXPECT_EQ(read(row.text), row.expected) << row.text;
}

TEST(RegistryAnswers, AreToldFromThoseOfAnApiServer) {
  struct Row {
    const char* who;
    int status;
    net::Headers headers;
    const char* body;
    bool expected;
  };
  const Row rows[] = {
      {"distribution, open", 200, {{"Docker-Distribution-Api-Version", "registry/2.0"}}, "{}", true},
      {"distribution, by token",
       401,
       {{"WWW-Authenticate", R"(Bearer realm="https://a/token",service="s")"}},
       "",
       true},
      {"by Basic with an envelope", 401, {{"WWW-Authenticate", R"(Basic realm="r")"}}, R"({"errors":[]})", true},
      {"without headers", 200, {}, "{}", true},
      {"an API server, anonymous", 403, {}, R"({"kind":"Status","code":403})", false},
      {"an API server that wants a login",
       401,
       {{"WWW-Authenticate", R"(Basic realm="openshift")"}},
       R"({"kind":"Status","code":401})",
       false},
      {"an API server, no such path", 404, {}, "404 page not found", false},
      {"an API server that names a token server",
       401,
       {{"WWW-Authenticate", R"(Bearer realm="https://a/token")"}},
       R"({"kind":"Status"})",
       false},
      {"a page behind Basic", 401, {{"WWW-Authenticate", R"(Basic realm="r")"}}, "<html>", false},
      {"a bearer challenge that names nobody", 401, {{"WWW-Authenticate", "Bearer"}}, "", false},
      {"a web page", 200, {{"Content-Type", "text/html"}}, "<!doctype html>", false},
      {"another API", 200, {}, R"({"version":1})", false},
      {"a redirect", 302, {{"Docker-Distribution-Api-Version", "registry/2.0"}}, "", false},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(is_registry_answer({row.status, row.headers, row.body}), row.expected) << row.who;
  }
}

}  // namespace
}  // namespace sluice::app
