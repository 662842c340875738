#include "promotion/targets/http_check.hpp"

#include "net/address.hpp"
#include "support/checks.hpp"
#include "support/fake_exchanger.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::promotion {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using support::failed_with;
using support::why;
using testing::FakeExchanger;
using testing::reply;

net::HttpResponse redirect(int status, const std::string& location) {
  return reply(status, "", {{"Location", location}});
}

/// Time that only passes when somebody waits.
class HttpCheckTest : public ::testing::Test {
 protected:
  Result<int> ask(const std::string& url, bool allow_local = false, seconds patience = seconds(0)) {
    kube::Timing timing;
    timing.pause = [this](milliseconds span, const std::stop_token& token) {
      waits.push_back(span);
      now += span;
      return !token.stop_requested();
    };
    timing.now = [this] { return now; };
    timing.fraction = [] { return 0.5; };
    return check_http(exchanger, {url, allow_local, patience}, {Deadline::never(), stop.get_token()}, timing);
  }
  std::vector<std::string> asked() const {
    std::vector<std::string> out;
    for (const auto& request : exchanger.requests()) out.push_back(request.url.text());
    return out;
  }

  FakeExchanger exchanger;
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  std::vector<milliseconds> waits;
  std::stop_source stop;
};

TEST_F(HttpCheckTest, EverySuccessIsGivenBack) {
  for (const int status : {200, 204, 299}) {
    exchanger.then(reply(status, "fine"));
    const auto answer = ask("https://shop.example.com/healthz?full=1");
    ASSERT_TRUE(answer.ok()) << why(answer);
    EXPECT_EQ(*answer, status);
  }
  EXPECT_TRUE(waits.empty());
}

TEST_F(HttpCheckTest, TakesNothingOfOursAlong) {
  exchanger.then(reply(302, "", {{"Location", "https://www.example.com/"}, {"Set-Cookie", "session=1"}}))
      .then(reply(200));
  ASSERT_TRUE(ask("https://shop.example.com").ok());
  for (const auto& request : exchanger.requests()) {
    EXPECT_EQ(request.method, net::Method::get);
    EXPECT_FALSE(request.authorization.has_value());
    EXPECT_FALSE(request.headers.get("cookie").has_value());
    ASSERT_NE(request.endpoint, nullptr);
    EXPECT_TRUE(request.endpoint->verify_tls);
    EXPECT_EQ(request.endpoint->addresses, net::AddressRule::not_local);
  }
}

TEST_F(HttpCheckTest, AsksOnlyWhatIsAllowed) {
  struct Row {
    const char* name;
    const char* url;
    bool allow_local;
    bool allowed;
  };
  const std::vector<Row> rows{
      {"plain http", "http://shop.example.com/", false, false},
      {"plain http where local is allowed", "http://shop.example.com/", true, false},
      {"plain http to loopback", "http://127.0.0.1:8080/", false, false},
      {"plain http to loopback where local is allowed", "http://127.0.0.1:8080/", true, true},
      {"plain http to localhost where local is allowed", "http://localhost:8080/", true, true},
      {"loopback", "https://127.0.0.1/", false, false},
      {"loopback where local is allowed", "https://127.0.0.1/", true, true},
      {"loopback by name", "https://localhost/", false, false},
      {"loopback of IPv6", "https://[::1]/", false, false},
      {"loopback in IPv6", "https://[::ffff:127.0.0.1]/", false, false},
      {"metadata of clouds", "https://169.254.169.254/latest/meta-data/", false, false},
      {"link-local of IPv6", "https://[fe80::1]/", false, false},
      {"this machine", "https://0.0.0.0/", false, false},
      {"no URL", "shop.example.com", false, false},
      {"another scheme", "ftp://shop.example.com/", false, false},
      {"with a password", "https://ann:pw@shop.example.com/", false, false},
  };
  for (const auto& row : rows) {
    const auto before = asked().size();
    if (row.allowed) exchanger.then(reply(200));
    const auto answer = ask(row.url, row.allow_local, seconds(60));
    if (row.allowed) {
      EXPECT_TRUE(answer.ok()) << row.name << ": " << why(answer);
    } else {
      EXPECT_TRUE(failed_with(answer, ErrorKind::blocked)) << row.name;
      EXPECT_EQ(asked().size(), before) << row.name << ": it must not be asked";
    }
  }
  EXPECT_TRUE(waits.empty()) << "no waiting mends what is not allowed";
}

TEST_F(HttpCheckTest, EachRedirectIsCheckedAnew) {
  struct Row {
    const char* name;
    int status;
    const char* location;
    const char* words;  ///< "" when it is followed
    ErrorKind kind;
  };
  const std::vector<Row> rows{
      {"elsewhere", 301, "https://www.example.com/", "", ErrorKind::internal},
      {"below", 307, "/login", "", ErrorKind::internal},
      {"to plain http", 302, "http://shop.example.com/", "no https address", ErrorKind::blocked},
      {"to loopback", 302, "https://127.0.0.1/", "of this machine", ErrorKind::blocked},
      {"to the metadata of clouds", 308, "https://169.254.169.254/", "of this machine", ErrorKind::blocked},
      {"to another scheme", 302, "file:///etc/passwd", "no http address", ErrorKind::conflict},
      {"that is none", 304, "https://www.example.com/", "answers 304", ErrorKind::conflict},
  };
  for (const auto& row : rows) {
    exchanger.then(redirect(row.status, row.location));
    const bool followed = std::string(row.words).empty();
    if (followed) exchanger.then(reply(200));
    const auto answer = ask("https://shop.example.com/start");
    if (followed) {
      EXPECT_TRUE(answer.ok()) << row.name << ": " << why(answer);
    } else {
      EXPECT_TRUE(failed_with(answer, row.kind, row.words)) << row.name;
    }
  }
}

TEST_F(HttpCheckTest, FollowsFiveRedirectsAndNoMore) {
  for (int i = 1; i <= 5; ++i) exchanger.then(redirect(302, "/" + std::to_string(i)));
  exchanger.then(reply(200));
  const auto good = ask("https://shop.example.com/");
  EXPECT_TRUE(good.ok()) << why(good);
  exchanger.otherwise([](const auto&, const auto&) { return redirect(302, "/again"); });
  EXPECT_TRUE(failed_with(ask("https://shop.example.com/"), ErrorKind::conflict, "after 5 redirects"));
  EXPECT_EQ(asked().size(), 12U);
}

TEST_F(HttpCheckTest, IsPatientWithWhatMayYetCome) {
  exchanger.then(reply(503))
      .then(Error(ErrorKind::unreachable, "cannot connect"))
      .then(Error(ErrorKind::untrusted, "another certificate"))
      .then(reply(404))
      .then(reply(200));
  const auto answer = ask("https://shop.example.com/", false, seconds(60));
  ASSERT_TRUE(answer.ok()) << why(answer);
  EXPECT_THAT(waits,
              ::testing::ElementsAre(milliseconds(375), milliseconds(750), milliseconds(1500), milliseconds(3000)));
}

TEST_F(HttpCheckTest, EndsWithWhatCameBackLast) {
  struct Row {
    const char* name;
    Result<net::HttpResponse> last;
    ErrorKind kind;
    const char* words;
  };
  const std::vector<Row> rows{
      {"a status", reply(503), ErrorKind::conflict, "answers 503"},
      {"no connection", Error(ErrorKind::unreachable, "cannot connect"), ErrorKind::unreachable, "cannot connect"},
      {"no answer", Error(ErrorKind::timeout, "no answer"), ErrorKind::timeout, "no answer"},
      {"no trust", Error(ErrorKind::untrusted, "not trusted"), ErrorKind::untrusted, "not trusted"},
      {"no HTTP", Error(ErrorKind::protocol, "does not answer in HTTP"), ErrorKind::conflict, "not answer in HTTP"},
  };
  for (const auto& row : rows) {
    const auto begin = now;
    exchanger.otherwise([&](const auto&, const auto&) { return row.last; });
    const auto answer = ask("https://shop.example.com/?token=abc", false, seconds(20));
    EXPECT_TRUE(failed_with(answer, row.kind, row.words)) << row.name;
    EXPECT_TRUE(failed_with(answer, row.kind, "no success within 20")) << row.name;
    EXPECT_EQ(now - begin, seconds(20)) << row.name << ": it is patient for as long as it was told";
    EXPECT_EQ(answer.error().sentence().find("abc"), std::string::npos) << "queries may hold capabilities";
  }
}

TEST_F(HttpCheckTest, AnAddressThatIsRefusedWhereTheConnectionIsMadeIsFinal) {
  exchanger.then(net::refused_address("shop.example.com leads to an address of this machine"));
  EXPECT_TRUE(failed_with(ask("https://shop.example.com/", false, seconds(60)), ErrorKind::blocked, "its name leads"));
  EXPECT_TRUE(waits.empty());
}

TEST_F(HttpCheckTest, EndsWhenAskedTo) {
  exchanger.then([&](const auto&, const auto&) {
    stop.request_stop();
    return reply(503);
  });
  EXPECT_TRUE(failed_with(ask("https://shop.example.com/", false, seconds(60)), ErrorKind::cancelled));
  exchanger.then(Error(ErrorKind::cancelled, "stopped"));
  EXPECT_TRUE(failed_with(ask("https://shop.example.com/", false, seconds(60)), ErrorKind::cancelled));
}

}  // namespace
}  // namespace sluice::promotion
