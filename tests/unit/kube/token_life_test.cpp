#include "kube/identity/token_life.hpp"

#include "base/encoding.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::kube {
namespace {

using Wall = std::chrono::system_clock;

std::string web_token(const std::string& payload) {
  return encoding::base64("{\"alg\":\"RS256\"}") + "." + encoding::base64(payload) + ".c2lnbmF0dXJl";
}

Wall::time_point second(std::int64_t number) { return Wall::time_point(std::chrono::seconds(number)); }

TEST(PreflightToken, SaysWhatATokenSaysOfItself) {
  struct Row {
    const char* name;
    std::string token;
    TokenKind kind;
    bool endless;
    std::optional<Wall::time_point> ends;
    const char* account;
  };
  const std::string subject = R"("sub":"system:serviceaccount:ci:bot")";
  const std::vector<Row> rows{
      {"none", "", TokenKind::none, false, {}, ""},
      {"bound", web_token("{" + subject + R"(,"exp":1800000000})"), TokenKind::web_token, false, second(1800000000),
       "ci/bot"},
      {"with a fraction", web_token(R"({"exp":1800000000.75})"), TokenKind::web_token, false, second(1800000000), ""},
      {"of an old secret", web_token("{" + subject + "}"), TokenKind::web_token, true, {}, "ci/bot"},
      {"of a person", web_token(R"({"sub":"ann","exp":1800000000})"), TokenKind::web_token, false, second(1800000000),
       ""},
      {"end that is no number", web_token(R"({"exp":"soon"})"), TokenKind::web_token, false, {}, ""},
      {"end beyond all time", web_token(R"({"exp":9e300})"), TokenKind::web_token, false, {}, ""},
      {"end before all time", web_token(R"({"exp":-5})"), TokenKind::web_token, false, {}, ""},
      {"hashed", "sha256~abc", TokenKind::hashed_oauth, false, {}, ""},
      {"prefix alone", "sha256~", TokenKind::opaque, false, {}, ""},
      {"opaque", "FtGVVMY6kPoBWNEJ8BbEwyTXCB5yMZ1nVvbbBZMLcvQ", TokenKind::opaque, false, {}, ""},
      {"dots without JSON", "a.b.c", TokenKind::opaque, false, {}, ""},
      {"no object", web_token("[1]"), TokenKind::opaque, false, {}, ""},
  };
  for (const auto& row : rows) {
    const auto life = life_of(Secret(row.token));
    EXPECT_EQ(life.kind, row.kind) << row.name;
    EXPECT_EQ(life.endless, row.endless) << row.name;
    EXPECT_EQ(life.ends, row.ends) << row.name;
    EXPECT_EQ(life.service_account, row.account) << row.name;
  }
}

TEST(PreflightToken, NamesTheObjectOfAHashedTokenOnly) {
  // SHA-256 of "abc", FIPS 180-4, in base64url.
  EXPECT_EQ(token_object(Secret("sha256~abc")), "sha256~ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
  EXPECT_EQ(token_object(Secret("abc")), "");
  EXPECT_EQ(token_object(Secret("sha256~")), "");
}

TEST(PreflightToken, FindsTheEndOfAnOAuthToken) {
  struct Row {
    const char* name;
    const char* object;
    std::optional<Wall::time_point> ends;
  };
  const std::vector<Row> rows{
      {"a day", R"({"metadata":{"creationTimestamp":"2026-01-05T10:00:00Z"},"expiresIn":86400})",
       second(1767607200 + 86400)},
      {"no end", R"({"metadata":{"creationTimestamp":"2026-01-05T10:00:00Z"}})", {}},
      {"no time", R"({"expiresIn":86400})", {}},
      {"another time", R"({"metadata":{"creationTimestamp":"2026-13-05T10:00:00Z"},"expiresIn":5})", {}},
      {"other letters", R"({"metadata":{"creationTimestamp":"2026-01-05T1a:00:00Z"},"expiresIn":5})", {}},
      {"negative", R"({"metadata":{"creationTimestamp":"2026-01-05T10:00:00Z"},"expiresIn":-5})", {}},
  };
  for (const auto& row : rows) EXPECT_EQ(end_of_oauth_token(*parse_json(row.object)), row.ends) << row.name;
}

}  // namespace
}  // namespace sluice::kube
