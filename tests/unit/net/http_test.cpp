#include "net/http.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::net {
namespace {

TEST(Headers, AreFoundWithoutRegardToCase) {
  const Headers headers{{"Docker-Content-Digest", "sha256:ab"}, {"Location", "/x"}};
  EXPECT_EQ(headers.get("docker-content-digest"), "sha256:ab");
  EXPECT_EQ(headers.get("LOCATION"), "/x");
  EXPECT_EQ(headers.get("Locatio"), std::nullopt);
  EXPECT_EQ(headers.get("Location "), std::nullopt);
}

TEST(Headers, GiveTheFirstOfSeveralValuesOrAll) {
  Headers headers;
  headers.add("WWW-Authenticate", "Bearer realm=\"x\"");
  headers.add("Link", "</a>");
  headers.add("www-authenticate", "\t Basic realm=\"y\" ");
  EXPECT_EQ(headers.get("Www-Authenticate"), "Bearer realm=\"x\"");
  EXPECT_EQ(headers.all("Www-Authenticate"), (std::vector<std::string>{"Bearer realm=\"x\"", "Basic realm=\"y\""}));
  EXPECT_TRUE(headers.all("Location").empty());
}

TEST(Headers, AreReplacedBySet) {
  Headers headers{{"Accept", "a"}, {"Range", "r"}, {"ACCEPT", "b"}};
  headers.set("accept", "c");
  EXPECT_EQ(headers.all("Accept"), std::vector<std::string>{"c"});
  EXPECT_EQ(headers.get("Range"), "r");
  EXPECT_EQ(headers.fields().size(), 2U);
}

TEST(Headers, KeepTheirOrder) {
  Headers headers{{"b", "1"}};
  headers.add("a", "2");
  headers.add("b", "3");
  std::string order;
  for (const auto& [name, value] : headers.fields()) order += name + value;
  EXPECT_EQ(order, "b1a2b3");
}

TEST(Headers, GiveEmptyValuesAsEmpty) {
  const Headers headers{{"Location", "  "}};
  EXPECT_EQ(headers.get("Location"), "");
}

TEST(Method, IsWrittenAsHttpHasIt) {
  struct Row {
    Method method;
    const char* text;
  };
  for (const auto& row : {Row{Method::get, "GET"}, Row{Method::head, "HEAD"}, Row{Method::post, "POST"},
                          Row{Method::put, "PUT"}, Row{Method::patch, "PATCH"}, Row{Method::del, "DELETE"}}) {
    EXPECT_EQ(to_string(row.method), row.text);
  }
}

}  // namespace
}  // namespace sluice::net
