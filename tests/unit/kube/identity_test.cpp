#include "kube/identity/identity.hpp"

#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

namespace sluice::kube {
namespace {

using ::testing::ElementsAre;
using testing::failed_with;
using testing::FakeTime;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::parsed;
using testing::why;

const net::ExchangeContext kContext{Deadline::never(), {}};

std::string token_of(Identity& identity) {
  const auto shown = identity.present(kContext);
  return shown.ok() ? shown->token.reveal() : why(shown);
}

TEST(Identity, RefusesTokensThatCannotBeSent) {
  for (const auto* token : {"", "two words", "line\nbreak", "t\xc3\xb6ken"}) {
    const auto identity = token_identity(Secret(token), "the token of X");
    const auto shown = identity->present(kContext);
    ASSERT_TRUE(failed_with(shown, ErrorKind::config, "the token of X cannot be used")) << token;
    if (*token == '\0') continue;
    EXPECT_THAT(shown.error().sentence(), Not(HasSubstr(token)));
  }
}

TEST(TokenFile, HoldsTheLastGoodContent) {
  const support::TempFolder folder;
  FakeTime time;
  const auto identity = token_file_identity(folder / "token", Secret("fallback"), "a file", time.timing());
  EXPECT_EQ(token_of(*identity), "fallback") << "the file is not there yet";
  std::ofstream(folder / "token") << "from-file\n";
  time.pass(std::chrono::seconds(60));
  EXPECT_EQ(token_of(*identity), "from-file");
  std::filesystem::remove(folder / "token");
  time.pass(std::chrono::seconds(60));
  EXPECT_EQ(token_of(*identity), "from-file");
}

TEST(TokenFile, IsReadAgainAfterARefusal) {
  const support::TempFolder folder;
  FakeTime time;
  std::ofstream(folder / "token") << "old";
  const auto identity = token_file_identity(folder / "token", {}, "a file", time.timing());
  const auto shown = identity->present(kContext);
  std::ofstream(folder / "token") << "new";
  EXPECT_TRUE(identity->refused(*shown));
  EXPECT_EQ(token_of(*identity), "new");
}

TEST(TokenFile, WithoutAFileAndWithoutAnElseFails) {
  const support::TempFolder folder;
  const auto identity = token_file_identity(folder / "token", {}, "a file");
  EXPECT_TRUE(failed_with(identity->present(kContext), ErrorKind::not_found, "token"));
}

TEST(FetchedIdentity, AsksOnceUntilItIsRefused) {
  int asked = 0;
  const auto identity =
      fetched_identity([&]() -> Result<Secret> { return Secret("t" + std::to_string(++asked)); }, "x");
  EXPECT_EQ(token_of(*identity), "t1");
  EXPECT_EQ(token_of(*identity), "t1");
  EXPECT_TRUE(identity->refused({Secret("t1"), "", {}}));
  EXPECT_EQ(token_of(*identity), "t2");
  EXPECT_TRUE(identity->refused({Secret("t1"), "", {}})) << "somebody else's old request";
  EXPECT_EQ(token_of(*identity), "t2");
}

class ExecTest : public ::testing::Test {
 protected:
  IdentityPtr identity(bool with_cluster = false) {
    ExecPlugin plugin;
    plugin.api_version = "client.authentication.k8s.io/v1";
    plugin.argv = {"get-token", "--cluster", "a"};
    plugin.variables = {{"PROFILE", "prod"}};
    plugin.provide_cluster_info = with_cluster;
    plugin.install_hint = "install it from the shop";
    return exec_identity(plugin, {"https://api", "CA", "", "", false}, "the plugin", time.timing(),
                         [this](const auto& argv, const auto& variables, std::stop_token) -> Result<ProcessResult> {
                           seen_argv = argv;
                           seen_variables = variables;
                           ++runs;
                           return answer();
                         });
  }
  static ProcessResult credential(const std::string& status) {
    return {0, R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":)" + status + "}",
            ""};
  }

  FakeTime time;
  std::function<Result<ProcessResult>()> answer;
  std::vector<std::string> seen_argv;
  ProcessVariables seen_variables;
  int runs = 0;
};

TEST_F(ExecTest, KeepsATokenUntilItExpires) {
  time.wall = std::chrono::system_clock::from_time_t(1'767'607'200);  // 2026-01-05T10:00:00Z
  answer = [] { return credential(R"({"token":"one","expirationTimestamp":"2026-01-05T10:05:00Z"})"); };
  const auto plugin = identity();
  EXPECT_EQ(token_of(*plugin), "one");
  EXPECT_THAT(seen_argv, ElementsAre("get-token", "--cluster", "a"));
  time.pass(std::chrono::seconds(280));
  EXPECT_EQ(token_of(*plugin), "one");
  EXPECT_EQ(runs, 1);
  answer = [] { return credential(R"({"token":"two","expirationTimestamp":"2026-01-05T13:10:00.123+02:00"})"); };
  time.pass(std::chrono::seconds(15));
  EXPECT_EQ(token_of(*plugin), "two") << "shortly before the end";
  time.pass(std::chrono::minutes(60));
  EXPECT_EQ(token_of(*plugin), "two") << "an offset counts";
  EXPECT_EQ(runs, 2);
}

TEST_F(ExecTest, RunsAgainAfterARefusal) {
  answer = [this] { return credential(R"({"token":"t)" + std::to_string(runs) + R"("})"); };
  const auto plugin = identity();
  const auto shown = plugin->present(kContext);
  EXPECT_EQ(shown->token.reveal(), "t1");
  EXPECT_TRUE(plugin->refused(*shown));
  EXPECT_EQ(token_of(*plugin), "t2");
  EXPECT_EQ(token_of(*plugin), "t2");
}

TEST_F(ExecTest, TellsThePluginWhatItMayKnow) {
  answer = [] { return credential(R"({"token":"t"})"); };
  const auto info = [&](bool with_cluster) {
    token_of(*identity(with_cluster));
    EXPECT_EQ(seen_variables.front(), (std::pair<std::string, std::string>("PROFILE", "prod")));
    EXPECT_EQ(seen_variables.back().first, "KUBERNETES_EXEC_INFO");
    return parsed(seen_variables.back().second);
  };
  EXPECT_EQ(info(false), parsed(R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",
                                    "spec":{"interactive":false}})"));
  EXPECT_EQ(info(true), parsed(R"({"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",
      "spec":{"interactive":false,"cluster":{"server":"https://api","certificate-authority-data":"Q0E="}}})"));
}

TEST_F(ExecTest, TakesCertificates) {
  answer = [] { return credential(R"({"clientCertificateData":"CERT","clientKeyData":"KEY"})"); };
  const auto shown = identity()->present(kContext);
  ASSERT_TRUE(shown.ok()) << why(shown);
  EXPECT_EQ(shown->client_cert, "CERT");
  EXPECT_EQ(shown->client_key.reveal(), "KEY");
  EXPECT_TRUE(shown->token.empty());
}

TEST_F(ExecTest, SaysWhatIsWrongAndNeverWhatWasPrinted) {
  struct Row {
    const char* name;
    Result<ProcessResult> answer;
    ErrorKind kind;
    const char* part;
  };
  const std::vector<Row> rows{
      {"not there", Error(ErrorKind::not_found, "cannot run 'get-token': no such program"), ErrorKind::config,
       "install it from the shop"},
      {"exit code", ProcessResult{3, "hunter2", "hunter2"}, ErrorKind::unauthenticated, "ended with exit code 3"},
      {"no JSON", ProcessResult{0, "hunter2", ""}, ErrorKind::unauthenticated, "did not print an ExecCredential"},
      {"another kind", ProcessResult{0, R"({"kind":"Pod"})", ""}, ErrorKind::unauthenticated, "did not print"},
      {"another version",
       ProcessResult{0, R"({"apiVersion":"client.authentication.k8s.io/v1beta1","kind":"ExecCredential"})", ""},
       ErrorKind::unauthenticated, "speaks client.authentication.k8s.io/v1beta1 and not"},
      {"nothing in it", credential("{}"), ErrorKind::unauthenticated, "neither a token nor a certificate"},
      {"half a pair", credential(R"({"clientCertificateData":"hunter2"})"), ErrorKind::unauthenticated,
       "without its key"},
      {"bad time", credential(R"({"token":"hunter2","expirationTimestamp":"tomorrow"})"), ErrorKind::unauthenticated,
       "an expiry that is no time"},
      {"bad token", credential(R"({"token":"hunter2 hunter2"})"), ErrorKind::config, "cannot be used"},
  };
  for (const auto& row : rows) {
    answer = [&] { return row.answer; };
    const auto shown = identity()->present(kContext);
    ASSERT_TRUE(failed_with(shown, row.kind, row.part)) << row.name;
    EXPECT_THAT(shown.error().sentence(), Not(HasSubstr("hunter2"))) << row.name;
  }
}

TEST_F(ExecTest, RunsOnceForAllWhoWait) {
  std::atomic<int> started{0};
  answer = [&]() -> Result<ProcessResult> {
    ++started;
    std::this_thread::yield();
    return credential(R"({"token":"t"})");
  };
  const auto plugin = identity();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_EQ(token_of(*plugin), "t"); });
  }
  EXPECT_EQ(started.load(), 1);
}

TEST(ExecIdentity, RunsARealProgramWithItsVariables) {
  const support::TempFolder folder;
  const auto program = folder / "plugin";
  std::ofstream(program) << "#!/bin/sh\nprintf '{\"apiVersion\":\"client.authentication.k8s.io/v1\","
                            "\"kind\":\"ExecCredential\",\"status\":{\"token\":\"%s-%s\"}}' \"$PROFILE\" \"$1\"\n";
  std::filesystem::permissions(program, std::filesystem::perms::owner_all);
  ExecPlugin plugin;
  plugin.api_version = "client.authentication.k8s.io/v1";
  plugin.argv = {program.string(), "arg"};
  plugin.variables = {{"PROFILE", "prod"}};
  EXPECT_EQ(token_of(*exec_identity(plugin, {}, "x")), "prod-arg");
}

}  // namespace
}  // namespace sluice::kube
