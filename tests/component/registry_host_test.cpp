// How a registry's host is spoken to: tokens, redirects, retries, schemes. Against scripted servers.

#include "base/text.hpp"
#include "component/registry_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace sluice::places {
namespace {

using support::failed_with;
using support::ScriptedReply;
using support::ScriptedServer;
using support::why;
using testing::image;

const std::string kLatest = "/v2/shop/web/manifests/latest";
const std::string kUploads = "/v2/shop/web/blobs/uploads/";

class RegistryHosts : public testing::RegistryTest {
 protected:
  static ScriptedReply redirect(const std::string& location, int status = 307) {
    return {.status = status, .headers = {{"Location", location}}};
  }
  /// A registry that wants a token, and gives one.
  void want_token(const oci::Manifest& manifest) {
    log_in();
    server_.on_each("GET", kLatest, {challenge(server_.host()), manifest_reply(manifest)});
    server_.on("GET", "/token", token("t1"));
  }
  std::string slots() const {
    return std::to_string(registry_->slots().blobs) + "/" + std::to_string(registry_->slots().calls);
  }
};

TEST_F(RegistryHosts, AnswerAChallengeOnceAndRemember) {
  const auto made = image();
  want_token(made);
  const auto read = registry_->manifest("shop/web", latest_, {});
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(server_.order(), "GET " + kLatest + ", GET /token, GET " + kLatest);
  const auto seen = server_.requests();
  EXPECT_EQ(seen[0].header("authorization"), std::nullopt);
  EXPECT_TRUE(seen[1].header("authorization").value_or("").starts_with("Basic "));
  EXPECT_EQ(seen[2].header("authorization"), "Bearer t1");

  ASSERT_TRUE(registry_->manifest("shop/web", latest_, {}).ok());
  EXPECT_EQ(server_.requests().size(), 4U) << "a known token needs no challenge";
  EXPECT_EQ(server_.requests()[3].header("authorization"), "Bearer t1");
  EXPECT_EQ(server_.connections(), 1U);
}

TEST_F(RegistryHosts, AskForTheAnnouncedRightsAtOnce) {
  const auto made = image();
  want_token(made);
  registry_->expect({{"shop/web", true}, {"shop/api", false}});
  ASSERT_TRUE(registry_->manifest("shop/web", latest_, {}).ok());
  const auto asked = server_.requests("GET", "/token").at(0).target;
  EXPECT_NE(asked.find("shop%2Fweb%3Apull%2Cpush"), std::string::npos) << asked;
  EXPECT_NE(asked.find("shop%2Fapi%3Apull"), std::string::npos) << asked;
}

TEST_F(RegistryHosts, GiveUpWhenTheAnswerIsRefusedToo) {
  log_in();
  server_.on("GET", kLatest, challenge(server_.host()));
  server_.on("GET", "/token", token("t1"));
  const auto read = registry_->manifest("shop/web", latest_, {});
  ASSERT_FALSE(read.ok());
  EXPECT_TRUE(read.error().kind() == ErrorKind::denied || read.error().kind() == ErrorKind::unauthenticated)
      << why(read);
  EXPECT_LE(server_.requests("GET", kLatest).size(), 2U);
  EXPECT_EQ(why(read).find("hunter2"), std::string::npos);
}

TEST_F(RegistryHosts, KeepCredentialsFromWhereARedirectLeads) {
  const auto made = image();
  ScriptedServer elsewhere;
  struct Row {
    const char* name;
    std::string location;
    const ScriptedServer* where;
  };
  const auto port = std::to_string(server_.port());
  const Row rows[] = {
      {"another port", "http://" + elsewhere.host() + "/data?sig=1", &elsewhere},
      {"another name of the same host", "http://localhost:" + port + "/data?sig=1", &server_},
  };
  elsewhere.on("GET", "/data", manifest_reply(made));
  server_.on("GET", "/data", manifest_reply(made));
  for (const auto& row : rows) {
    open(server_.host());
    log_in();
    server_.on_each("GET", kLatest, {challenge(server_.host()), redirect(row.location)});
    server_.on("GET", "/token", token("t1"));
    const auto read = registry_->manifest("shop/web", latest_, {});
    ASSERT_TRUE(read.ok()) << row.name << ": " << why(read);
    const auto seen = row.where->requests("GET", "/data");
    ASSERT_EQ(seen.size(), 1U) << row.name;
    EXPECT_EQ(seen[0].header("authorization"), std::nullopt) << row.name;
    EXPECT_EQ(seen[0].target, "/data?sig=1") << row.name;
    EXPECT_TRUE(seen[0].header("accept").has_value()) << row.name;
  }
}

TEST_F(RegistryHosts, KeepCredentialsOnTheWayBack) {
  const auto made = image();
  ScriptedServer elsewhere;
  log_in();
  server_.on_each("GET", kLatest, {challenge(server_.host()), redirect("http://" + elsewhere.host() + "/data")});
  server_.on("GET", "/token", token("t1"));
  server_.on("GET", "/back", manifest_reply(made));
  elsewhere.on("GET", "/data", redirect("http://" + server_.host() + "/back"));
  const auto read = registry_->manifest("shop/web", latest_, {});
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(server_.requests("GET", "/back").at(0).header("authorization"), std::nullopt)
      << "a stranger chose this URL";
}

TEST_F(RegistryHosts, CarryCredentialsAlongOnTheSameHost) {
  const auto made = image();
  log_in();
  server_.on_each("GET", kLatest, {challenge(server_.host()), redirect("../moved/latest")});
  server_.on("GET", "/token", token("t1"));
  server_.on("GET", "/v2/shop/web/moved/latest", manifest_reply(made));
  const auto read = registry_->manifest("shop/web", latest_, {});
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(server_.requests("GET", "/v2/shop/web/moved/latest").at(0).header("authorization"), "Bearer t1");
}

TEST_F(RegistryHosts, DoNotAnswerChallengesOfStrangers) {
  ScriptedServer elsewhere;
  log_in();
  server_.on("GET", kLatest, redirect("http://" + elsewhere.host() + "/data"));
  elsewhere.on("GET", "/data", challenge(elsewhere.host()));
  EXPECT_TRUE(failed_with(registry_->manifest("shop/web", latest_, {}), ErrorKind::unauthenticated));
  EXPECT_EQ(elsewhere.order(), "GET /data") << "no token was asked for";
}

TEST_F(RegistryHosts, EndRedirectsThatLeadNowhere) {
  struct Row {
    const char* name;
    ScriptedReply reply;
    ErrorKind kind;
    std::size_t most_requests;
  };
  const Row rows[] = {
      {"in circles", redirect(kLatest), ErrorKind::protocol, 6},
      {"no location", {.status = 302}, ErrorKind::protocol, 1},
      {"another scheme", redirect("ftp://h/x"), ErrorKind::protocol, 1},
      {"plain HTTP elsewhere", redirect("http://0.0.0.0:" + std::to_string(server_.port()) + "/x"),
       ErrorKind::untrusted, 1},
  };
  for (const auto& row : rows) {
    server_.on("GET", kLatest, row.reply);
    server_.on("GET", "/x", {.status = 200});
    const auto before = server_.requests().size();
    EXPECT_TRUE(failed_with(registry_->manifest("shop/web", latest_, {}), row.kind)) << row.name;
    EXPECT_LE(server_.requests().size() - before, row.most_requests) << row.name;
  }
}

TEST_F(RegistryHosts, FollowEveryKindOfRedirectWhenReading) {
  const auto made = image();
  server_.on("GET", "/data", manifest_reply(made));
  for (const int status : {301, 302, 303, 307, 308}) {
    server_.on("GET", kLatest, redirect("/data", status));
    EXPECT_TRUE(registry_->manifest("shop/web", latest_, {}).ok()) << status;
    const auto digest = registry_->digest_of("shop/web", latest_, {});
    ASSERT_TRUE(digest.ok()) << status << ": " << why(digest);
    EXPECT_EQ(*digest, made.digest) << status;
  }
}

TEST_F(RegistryHosts, DoNotSendManifestsWhereverARedirectLeads) {
  server_.on("PUT", kLatest, redirect("/elsewhere"));
  EXPECT_FALSE(registry_->put_manifest("shop/web", latest_, image(), {}).ok());
  EXPECT_EQ(server_.order(), "PUT " + kLatest);
}

TEST_F(RegistryHosts, ComeBackWhenAskedToWait) {
  const auto made = image();
  const ScriptedReply slow{.status = 429, .headers = {{"Retry-After", "1"}}};
  const ScriptedReply now{.status = 429, .headers = {{"Retry-After", "0"}}};
  server_.on_each("GET", kLatest, {now, manifest_reply(made)});
  server_.on_each("POST", kUploads, {slow, {.status = 202, .headers = {{"Location", kUploads + "1"}}}});
  server_.on_each("PUT", kLatest, {now, now, {.status = 201}});
  EXPECT_TRUE(registry_->manifest("shop/web", latest_, {}).ok());
  EXPECT_TRUE(registry_->begin_upload("shop/web", HashAlgorithm::sha256, {}).ok());
  EXPECT_TRUE(registry_->put_manifest("shop/web", latest_, made, {}).ok());
  EXPECT_EQ(server_.order(), "GET " + kLatest + ", GET " + kLatest + ", POST " + kUploads + ", POST " + kUploads +
                                 ", PUT " + kLatest + ", PUT " + kLatest + ", PUT " + kLatest);
  for (const auto& seen : server_.requests("PUT", kLatest)) EXPECT_EQ(seen.body, made.bytes);
}

TEST_F(RegistryHosts, ComeBackWhenTheTokenServerAsksToWait) {
  log_in();
  const auto made = image();
  server_.on_each("GET", kLatest, {challenge(server_.host()), manifest_reply(made)});
  server_.on_each("GET", "/token", {{.status = 429, .headers = {{"Retry-After", "0"}}}, token("t1")});
  EXPECT_TRUE(registry_->manifest("shop/web", latest_, {}).ok());
  EXPECT_EQ(server_.requests("GET", "/token").size(), 2U);
}

TEST_F(RegistryHosts, SayHowLongTheTokenServerAsksToWait) {
  for (const char* wait : {"3600", "Fri, 31 Dec 9999 23:59:59 GMT"}) {
    open(server_.host(), false, 0);
    log_in();
    server_.on("GET", kLatest, challenge(server_.host()));
    server_.on("GET", "/token", {.status = 503, .headers = {{"Retry-After", wait}}});
    const auto read = registry_->manifest("shop/web", latest_, {});
    EXPECT_TRUE(failed_with(read, ErrorKind::busy, "token server")) << wait;
    EXPECT_GE(read.error().retry_after(), std::chrono::hours(1)) << wait;
    EXPECT_TRUE(failed_with(read, ErrorKind::busy, "come back in")) << wait;
  }
}

TEST_F(RegistryHosts, TryAgainWhatMayPass) {
  const auto made = image();
  for (const int status : {408, 500, 502, 503, 504}) {
    server_.on_each("GET", kLatest, {{.status = status}, manifest_reply(made)});
    EXPECT_TRUE(registry_->manifest("shop/web", latest_, {}).ok()) << status;
  }
  server_.on_each("GET", kLatest,
                  {{.body = "abc", .claimed_length = 10}, {.body = "abc", .reset_after = 1}, manifest_reply(made)});
  const auto read = registry_->manifest("shop/web", latest_, {});
  EXPECT_TRUE(read.ok()) << "after broken connections: " << why(read);
}

TEST_F(RegistryHosts, GiveUpAfterTheLastTryAndSayHowLongToWait) {
  server_.on("GET", kLatest, {.status = 503, .headers = {{"Retry-After", "0"}}});
  const auto read = registry_->manifest("shop/web", latest_, {});
  ASSERT_TRUE(failed_with(read, ErrorKind::busy, server_.host()));
  EXPECT_EQ(server_.requests().size(), 3U) << "once, and two retries";
  EXPECT_EQ(read.error().retry_after(), std::chrono::milliseconds(0));
}

TEST_F(RegistryHosts, DoNotInsistWhereNobodyEverAnswered) {
  std::string host;
  {
    const ScriptedServer gone;
    host = gone.host();
  }
  open(host);
  EXPECT_TRUE(failed_with(registry_->manifest("shop/web", latest_, {}), ErrorKind::unreachable, host));
  EXPECT_EQ(registry_->requests(), 1U);
}

TEST_F(RegistryHosts, StopWhileTheyWait) {
  server_.on("GET", kLatest, {.status = 429, .headers = {{"Retry-After", "120"}}});
  std::stop_source stop;
  std::jthread stopping([&] {
    server_.wait_for_requests(1);
    server_.settle();
    stop.request_stop();
  });
  EXPECT_TRUE(failed_with(registry_->manifest("shop/web", latest_, stop.get_token()), ErrorKind::cancelled));
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(RegistryHosts, TakeLessWhenTheHostIsStrained) {
  EXPECT_EQ(slots(), "6/12");
  server_.on("GET", "/v2/", {});
  for (int i = 0; i < 6; ++i) ASSERT_TRUE(registry_->check_login({}).ok());
  EXPECT_EQ(slots(), "7/14") << "one more after a clean window";
  server_.on_each("GET", "/v2/", {{.status = 429, .headers = {{"Retry-After", "0"}}}, {}});
  ASSERT_TRUE(registry_->check_login({}).ok());
  EXPECT_EQ(slots(), "3/6");
  server_.on_each("GET", "/v2/", {{.status = 503, .headers = {{"Retry-After", "0"}}}, {}});
  ASSERT_TRUE(registry_->check_login({}).ok());
  EXPECT_EQ(slots(), "2/4") << "never less than two";
  server_.on("GET", "/v2/", {});
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(registry_->check_login({}).ok());
  EXPECT_EQ(slots(), "16/32") << "never more than sixteen";
}

TEST_F(RegistryHosts, SpeakPlainHttpToLoopbackOnly) {
  server_.on("GET", "/v2/", {});
  EXPECT_TRUE(registry_->check_login({}).ok());
  open("localhost:" + std::to_string(server_.port()));
  EXPECT_TRUE(registry_->check_login({}).ok());
  EXPECT_EQ(server_.requests().size(), 2U);

  // 0.0.0.0 leads to this very server, and is no loopback address.
  open("0.0.0.0:" + std::to_string(server_.port()));
  EXPECT_FALSE(registry_->check_login({}).ok());
  EXPECT_EQ(server_.requests().size(), 2U) << "plain HTTP went to a host that nobody called insecure";
  open("0.0.0.0:" + std::to_string(server_.port()), true);
  const auto allowed = registry_->check_login({});
  EXPECT_TRUE(allowed.ok()) << why(allowed);
}

TEST_F(RegistryHosts, ReachTokenServersOverPlainHttpOnLoopbackOnly) {
  log_in();
  server_.on("GET", kLatest, challenge("0.0.0.0:" + std::to_string(server_.port())));
  server_.on("GET", "/token", token("t1"));
  EXPECT_TRUE(failed_with(registry_->manifest("shop/web", latest_, {}), ErrorKind::untrusted));
  EXPECT_EQ(server_.order(), "GET " + kLatest) << "the password went somewhere";
}

TEST_F(RegistryHosts, NameTheHostThatDoesNotAnswerInTime) {
  places::RegistryOptions options;
  options.host = server_.host();
  options.retry_times = 0;
  options.timeout = std::chrono::milliseconds(50);
  registry_ = std::make_unique<Registry>(loop_, options);
  server_.on("GET", kLatest, {.silent = true});
  EXPECT_TRUE(failed_with(registry_->manifest("shop/web", latest_, {}), ErrorKind::timeout, server_.host()));
}

TEST_F(RegistryHosts, AreUsedByManyThreadsAtOnce) {
  const auto made = image();
  log_in();
  server_.on_each("GET", kLatest, {challenge(server_.host()), manifest_reply(made)});
  server_.on("GET", "/token", token("t1"));
  std::atomic<int> good{0};
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10; ++n) good += registry_->manifest("shop/web", latest_, {}).ok() ? 1 : 0;
    });
  }
  threads.clear();
  EXPECT_EQ(good.load(), 60);
  EXPECT_EQ(server_.requests("GET", "/token").size(), 1U);
}

}  // namespace
}  // namespace sluice::places
