// What facts of this host come to, and docs/findings.md, which lists every code.

#include "host/judge.hpp"

#include "base/file.hpp"
#include "findings/catalogue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <regex>
#include <set>
#include <string>

namespace sluice::host {
namespace {

const Finding* find(const std::vector<Finding>& findings, std::string_view code) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const auto& one) { return one.code == code; });
  return found == findings.end() ? nullptr : &*found;
}

Severity severity_of(const std::vector<Finding>& findings, std::string_view code) {
  const auto* found = find(findings, code);
  EXPECT_NE(found, nullptr) << code;
  return found == nullptr ? Severity::info : found->severity;
}

EngineFacts answering(bool wanted) {
  EngineFacts out{.wanted = wanted, .shown = "unix:///run/engine.sock", .origin = "DOCKER_HOST"};
  out.answer = engine::Facts{.version = "20.10.24",
                             .api_version = "1.41",
                             .product = "Docker",
                             .driver = "overlay2",
                             .containerd_store = false,
                             .data_root = "/data",
                             .insecure_registries = {"registry.example.com:5000"}};
  return out;
}

RegistryFacts registry_at(std::string host) {
  RegistryFacts out{.host = std::move(host)};
  out.asks_for_login = true;
  out.user = "ann";
  out.source = "~/.docker/config.json";
  return out;
}

TEST(HostJudge, AnEngineThatNothingGoesByIsInformationWhateverIsWrong) {
  for (const bool wanted : {false, true}) {
    EngineFacts dead{.wanted = wanted, .shown = "unix:///run/engine.sock", .origin = "the default"};
    dead.failure = Error(ErrorKind::denied, "the socket is not ours to open").with_hint("usermod -aG docker ann");
    const auto bad = wanted ? Severity::blocker : Severity::info;
    const auto findings = judge(dead, {});
    EXPECT_EQ(severity_of(findings, "engine-unusable"), bad);
    EXPECT_EQ(find(findings, "engine-unusable")->fix, "usermod -aG docker ann");

    auto full = answering(wanted);
    full.disk = DiskFacts{.folder = "/data", .free_bytes = kFullBytes - 1, .total_bytes = kLittleBytes};
    EXPECT_EQ(severity_of(judge(full, {}), "engine-disk-full"), bad);
    full.disk->free_bytes = kFullBytes;
    EXPECT_EQ(severity_of(judge(full, {}), "engine-disk"), wanted ? Severity::warning : Severity::info);
    full.disk->free_bytes = kLittleBytes;
    EXPECT_EQ(severity_of(judge(full, {}), "engine-disk"), Severity::info);
  }
}

TEST(HostJudge, AnEngineThatChecksNoCertificateOfOursIsAWarningWhereItIsUsed) {
  const std::vector<RegistryFacts> ours{registry_at("registry.example.com:5000")};
  EXPECT_EQ(severity_of(judge(answering(true), ours), "engine-insecure"), Severity::warning);
  EXPECT_EQ(severity_of(judge(answering(false), ours), "engine-insecure"), Severity::info);
  EXPECT_EQ(severity_of(judge(answering(true), {registry_at("other.example.com")}), "engine-insecure"), Severity::info);
}

TEST(HostJudge, TheSocketIsToldWithItsGroupAndThatItsMembersAreAsGoodAsRoot) {
  auto engine = answering(false);
  engine.socket =
      SocketFacts{.path = "/run/engine.sock", .owner = "root", .group = "docker", .mode = 0660, .in_group = true};
  const auto findings = judge(engine, {});
  const auto* found = find(findings, "engine-socket");
  ASSERT_NE(found, nullptr);
  EXPECT_NE(found->sentence.find("root:docker with mode 0660; we are in that group"), std::string::npos);
  EXPECT_NE(found->sentence.find("can become root"), std::string::npos);
}

TEST(HostJudge, ATroubleOfARegistryIsOneFindingWithACodeOfItsOwn) {
  const std::vector<std::pair<ErrorKind, std::string_view>> rows{{ErrorKind::unauthenticated, "registry-not-logged-in"},
                                                                 {ErrorKind::untrusted, "registry-not-trusted"},
                                                                 {ErrorKind::timeout, "registry-unreachable"},
                                                                 {ErrorKind::unreachable, "registry-unreachable"},
                                                                 {ErrorKind::protocol, "registry-unusable"},
                                                                 {ErrorKind::config, "registry-unusable"}};
  for (const auto& [kind, code] : rows) {
    auto registry = registry_at("registry.example.com");
    registry.failure = Error(kind, "cannot connect");
    const auto findings = judge(registry);
    ASSERT_EQ(findings.size(), 1U) << code;
    EXPECT_EQ(findings.front().code, code);
    EXPECT_EQ(findings.front().severity, Severity::blocker);
    registry.needed = false;
    EXPECT_EQ(judge(registry).front().severity, Severity::warning);
  }
}

TEST(HostJudge, BehindAProxyThatIsDownTheProxyIsNamed) {
  auto registry = registry_at("registry.example.com:5000");
  registry.proxy = "http://proxy:3128";
  registry.proxy_origin = "HTTPS_PROXY";
  registry.failure = Error(ErrorKind::unreachable, "cannot connect to registry.example.com:5000: refused");
  const auto down = judge(registry);
  EXPECT_EQ(down.front().code, "proxy-unreachable");
  EXPECT_NE(down.front().sentence.find("http://proxy:3128 of HTTPS_PROXY"), std::string::npos);
  EXPECT_NE(down.front().fix.find("NO_PROXY=registry.example.com"), std::string::npos);
  EXPECT_EQ(down.front().fix.find(":5000"), std::string::npos);
  // It took the connection: whatever broke then is not the proxy's being down.
  registry.failure = Error(ErrorKind::unreachable, "the connection broke: CONNECT tunnel failed, response 502");
  EXPECT_EQ(judge(registry).front().code, "registry-unreachable");
}

TEST(HostJudge, RightsThatAreMissingForOneReasonAreOneFinding) {
  auto registry = registry_at("registry.example.com");
  for (int k = 0; k < 7; ++k) {
    RightFacts right{.repository = "shop/image" + std::to_string(k), .push = true};
    right.failure = Error(ErrorKind::denied, "no").with_hint("ask");
    registry.rights.push_back(std::move(right));
  }
  registry.rights.push_back({.repository = "shop/image0", .push = false});
  const auto findings = judge(registry);
  EXPECT_EQ(std::count_if(findings.begin(), findings.end(),
                          [](const auto& one) { return one.severity == Severity::blocker; }),
            1);
  const auto* found = find(findings, "registry-may-not-push");
  ASSERT_NE(found, nullptr);
  EXPECT_NE(found->sentence.find("ann may not push to shop/image0,"), std::string::npos);
  EXPECT_NE(found->sentence.find("and 2 more"), std::string::npos);
  EXPECT_EQ(found->fix, "ask");
  EXPECT_NE(find(findings, "registry-login")->sentence.find("pull from 1 repository proven"), std::string::npos);
}

TEST(HostJudge, WhereALoginWouldHelpItIsAskedForAndWhereNoneIsTakenItIsNot) {
  RegistryFacts registry{.host = "registry.example.com"};
  RightFacts right{.repository = "shop/web", .push = true};
  right.failure = Error(ErrorKind::denied, "no");
  registry.rights.push_back(right);
  EXPECT_NE(find(judge(registry), "registry-may-not-push"), nullptr);
  registry.asks_for_login = true;
  EXPECT_NE(find(judge(registry), "registry-not-logged-in"), nullptr);
  // With a login it is the right that is missing; another cause at another repository is another finding.
  registry.source = "~/.docker/config.json";
  right.failure = Error(ErrorKind::unauthenticated, "the password was refused");
  registry.rights.push_back(right);
  const auto findings = judge(registry);
  EXPECT_NE(find(findings, "registry-may-not-push"), nullptr);
  EXPECT_NE(find(findings, "registry-not-logged-in"), nullptr);
}

TEST(HostJudge, ARightThatAPromotionCanDoWithoutIsAWarning) {
  auto registry = registry_at("registry.example.com");
  RightFacts right{.repository = "old/web", .push = false, .needed = false};
  right.failure = Error(ErrorKind::denied, "no");
  registry.rights.push_back(right);
  EXPECT_EQ(severity_of(judge(registry), "registry-may-not-pull"), Severity::warning);
}

TEST(HostJudge, AClockCountsAsWrongBeyondAMinuteEitherWay) {
  for (const std::int64_t skew : {0, 60, -60}) {
    auto registry = registry_at("registry.example.com");
    registry.ahead_seconds = skew;
    EXPECT_EQ(severity_of(judge(registry), "clock"), Severity::info) << skew;
  }
  for (const std::int64_t skew : {61, -61}) {
    auto registry = registry_at("registry.example.com");
    registry.ahead_seconds = skew;
    const auto findings = judge(registry);
    EXPECT_EQ(severity_of(findings, "clock-skew"), Severity::warning);
    EXPECT_NE(find(findings, "clock-skew")->sentence.find(skew > 0 ? "ahead of" : "behind"), std::string::npos);
  }
}

TEST(HostJudge, BlockersStandFirst) {
  auto registry = registry_at("registry.example.com");
  registry.failure = Error(ErrorKind::untrusted, "not trusted");
  const auto findings = judge_all(answering(false), MachineFacts{}, {registry});
  EXPECT_EQ(findings.front().code, "registry-not-trusted");
  EXPECT_EQ(findings.back().severity, Severity::info);
}

TEST(HostJudge, TheCatalogueListsEveryCodeAndNoOther) {
  std::set<std::string_view> listed;
  for (const auto& one : findings::host()) listed.insert(one.code);
  const std::set<std::string_view> known(codes().begin(), codes().end());
  EXPECT_EQ(known.size(), codes().size()) << "a code stands there twice";
  EXPECT_EQ(known, listed);
}

}  // namespace
}  // namespace sluice::host
