#include "net/retry.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>

namespace sluice::net {
namespace {

using std::chrono::milliseconds;
using std::chrono::system_clock;

// Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110.
const auto kNow = system_clock::from_time_t(784111777);

TEST(RetryAfter, IsReadAsSecondsOrAsADate) {
  struct Row {
    const char* value;
    std::optional<long long> expected_ms;
  };
  const Row rows[] = {
      {"0", 0},
      {"1", 1'000},
      {"120", 120'000},
      {" 120 ", 120'000},
      {"0007", 7'000},
      {"3600", 3'600'000},
      {"3601", 3'601'000},
      {"99999999999999999999999", 31'536'000'000},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 0},
      {"Sun, 06 Nov 1994 08:49:39 GMT", 2'000},
      {"Sun, 06 Nov 1994 08:49:36 GMT", 0},
      {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
      {"Mon, 01 Jan 0001 00:00:00 GMT", 0},
      {"Sun, 06 Nov 1994 09:49:38 GMT", 3'601'000},
      {"Fri, 31 Dec 9999 23:59:59 GMT", 31'536'000'000},
      {"Sunday, 06-Nov-94 08:49:39 GMT", 2'000},
      {"Sun Nov  6 08:49:39 1994", 2'000},
      {"", std::nullopt},
      {"   ", std::nullopt},
      {"-5", std::nullopt},
      {"+5", std::nullopt},
      {"1.5", std::nullopt},
      {"5s", std::nullopt},
      {"5 6", std::nullopt},
      {"soon", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37 PST", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37 GMT or later", std::nullopt},
      {"Sun, 06 Nov 1994", std::nullopt},
      {"Sun, 99 Nov 1994 08:49:37 GMT", std::nullopt},
      {"1994-11-06T08:49:37Z", std::nullopt},
  };
  for (const auto& row : rows) {
    const auto wait = parse_retry_after(row.value, kNow);
    EXPECT_EQ(wait.has_value(), row.expected_ms.has_value()) << "'" << row.value << "'";
    if (wait && row.expected_ms) {
      EXPECT_EQ(wait->count(), *row.expected_ms) << "'" << row.value << "'";
    }
  }
}

TEST(BackOff, DoublesUpToHalfAMinute) {
  struct Row {
    unsigned attempt;
    long long longest_ms;
  };
  const Row rows[] = {{0, 200},    {1, 400},    {2, 800},     {3, 1'600},    {6, 12'800},          {7, 25'600},
                      {8, 30'000}, {9, 30'000}, {10, 30'000}, {100, 30'000}, {4294967295U, 30'000}};
  for (const auto& row : rows) {
    EXPECT_EQ(back_off(row.attempt, std::nullopt, 0.0), milliseconds(0)) << "attempt " << row.attempt;
    EXPECT_EQ(back_off(row.attempt, std::nullopt, 0.5), milliseconds(row.longest_ms / 2)) << "attempt " << row.attempt;
    const auto most = back_off(row.attempt, std::nullopt, 0.999999999);
    EXPECT_LT(most, milliseconds(row.longest_ms)) << "attempt " << row.attempt;
    EXPECT_GE(most, milliseconds(row.longest_ms - 1)) << "attempt " << row.attempt;
  }
}

TEST(BackOff, NeverUndercutsWhatTheServerAsksFor) {
  for (const unsigned attempt : {0U, 3U, 50U}) {
    EXPECT_EQ(back_off(attempt, milliseconds(5'000), 0.0), milliseconds(5'000)) << "attempt " << attempt;
    EXPECT_GT(back_off(attempt, milliseconds(5'000), 0.9), milliseconds(5'000)) << "attempt " << attempt;
    EXPECT_LE(back_off(attempt, milliseconds(5'000), 0.9), milliseconds(35'000)) << "attempt " << attempt;
  }
}

TEST(WorthRetrying, AreTheStatusesThatMayPass) {
  for (const int status : {408, 429, 500, 502, 503, 504}) EXPECT_TRUE(worth_retrying(status)) << status;
  for (const int status : {200, 201, 202, 301, 307, 400, 401, 403, 404, 405, 409, 412, 413, 416, 501, 505, 0}) {
    EXPECT_FALSE(worth_retrying(status)) << status;
  }
}

TEST(WorthRetrying, AreTheKindsThatMayPass) {
  for (const auto kind : {ErrorKind::unreachable, ErrorKind::busy, ErrorKind::timeout}) {
    EXPECT_TRUE(worth_retrying(Error(kind, "x"))) << to_string(kind);
  }
  for (const auto kind :
       {ErrorKind::usage, ErrorKind::config, ErrorKind::not_found, ErrorKind::denied, ErrorKind::unauthenticated,
        ErrorKind::conflict, ErrorKind::integrity, ErrorKind::untrusted, ErrorKind::protocol, ErrorKind::cancelled,
        ErrorKind::blocked, ErrorKind::unsupported, ErrorKind::storage, ErrorKind::internal}) {
    EXPECT_FALSE(worth_retrying(Error(kind, "x"))) << to_string(kind);
  }
}

TEST(LongWaits, AreToldWithTheTimeAtWhichItGoesOn) {
  const Wait wait{"registry.example.com", "writing shop/web:latest (429)", milliseconds(40'000),
                  kNow + milliseconds(40'000)};
  EXPECT_EQ(to_sentence(wait),
            "registry.example.com asks us to wait 40.0 s, until 08:50:17 UTC: writing shop/web:latest (429)");
}

TEST(LongWaits, EndWithTheTimeToComeBackAndAreNotTriedAgain) {
  const auto error = too_long_to_wait(Error(ErrorKind::busy, "registry.example.com refused it (429)").with_status(429),
                                      milliseconds(3'600'000), kNow);
  EXPECT_EQ(error.kind(), ErrorKind::busy);
  EXPECT_EQ(error.http_status(), 429);
  EXPECT_FALSE(worth_retrying(error));
  EXPECT_NE(error.message().find("come back in 1h00m, at 1994-11-06T09:49:37Z"), std::string::npos) << error.message();
}

TEST(RetriedErrors, AreThoseThatWaitingMayCureUnlessTheySayOtherwise) {
  for (const auto kind : {ErrorKind::unreachable, ErrorKind::busy, ErrorKind::timeout}) {
    EXPECT_TRUE(worth_retrying(Error(kind, "x")));
    EXPECT_FALSE(worth_retrying(Error(kind, "x").not_to_be_retried()));
  }
  for (const auto kind : {ErrorKind::denied, ErrorKind::integrity, ErrorKind::not_found})
    EXPECT_FALSE(worth_retrying(Error(kind, "x")));
}

}  // namespace
}  // namespace sluice::net
