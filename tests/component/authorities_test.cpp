// The authorities of this machine from files of all kinds: nothing that is broken takes the rest with it.

#include "net/authorities.hpp"

#include "support/checks.hpp"
#include "support/child_process.hpp"
#include "support/test_certificates.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace sluice::net {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr auto kBroken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
constexpr auto kTruncated = "-----BEGIN CERTIFICATE-----\nMIIB\n";

class AuthoritiesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!support::find_program("openssl")) GTEST_SKIP() << "openssl is not installed (Debian package openssl)";
    bundle_ = support::TestCertificates::make(folder_ / "bundle").ca;
    std::filesystem::create_directory(extra());
  }
  std::filesystem::path extra() const { return folder_ / "extra"; }
  void put(const std::string& name, const std::string& text) const { std::ofstream(extra() / name) << text; }
  void put_good(const std::string& name) const {
    std::filesystem::copy_file(support::TestCertificates::make(folder_ / ("of-" + name)).ca, extra() / name);
  }
  static Authorities read(std::map<std::string, std::string> variables, const std::string& usual) {
    return read_authorities(Environment([variables = std::move(variables)](std::string_view name) {
                              const auto found = variables.find(std::string(name));
                              return found == variables.end() ? std::nullopt : std::optional(found->second);
                            }),
                            usual);
  }

  support::TempFolder folder_;
  std::string bundle_;
};

TEST_F(AuthoritiesTest, BrokenFilesOfAFolderAreNamedAndAllOthersCount) {
  put_good("b.pem");
  put("a.pem", kBroken);
  put("c.pem", kTruncated);
  put("README", "no PEM at all");
  const auto read_now = read({{"SSL_CERT_DIR", extra().string()}}, bundle_);
  EXPECT_EQ(read_now.certificates.size(), 2U);
  EXPECT_THAT(read_now.problem, AllOf(StartsWith("not all authorities of this machine could be read: "),
                                      HasSubstr((extra() / "a.pem").string() + " has a part that is no PEM"),
                                      HasSubstr((extra() / "c.pem").string()), HasSubstr("(from SSL_CERT_DIR)"),
                                      Not(HasSubstr("README")), Not(HasSubstr("b.pem"))));
  // libcurl takes this text as a whole or not at all.
  const auto again = certificates_in(read_now.pem);
  ASSERT_TRUE(again.has_value());
  EXPECT_EQ(again->size(), 2U);
}

TEST_F(AuthoritiesTest, ABrokenBundleLeavesTheFolders) {
  put_good("b.pem");
  put("a.pem", kBroken);
  const auto broken = (extra() / "a.pem").string();
  const auto read_now = read({{"SSL_CERT_FILE", broken}, {"SSL_CERT_DIR", extra().string()}}, bundle_);
  EXPECT_EQ(read_now.certificates.size(), 1U);
  EXPECT_THAT(read_now.problem, AllOf(HasSubstr("(from SSL_CERT_FILE)"), HasSubstr("(from SSL_CERT_DIR)")));
}

TEST_F(AuthoritiesTest, EachProblemIsToldWithItsVariable) {
  const auto read_now = read({{"SSL_CERT_FILE", bundle_}, {"SSL_CERT_DIR", "/nowhere/1:/nowhere/2"}}, "");
  EXPECT_EQ(read_now.certificates.size(), 1U);
  EXPECT_EQ(read_now.problem,
            "not all authorities of this machine could be read: /nowhere/1: No such file or directory (from "
            "SSL_CERT_DIR); /nowhere/2: No such file or directory (from SSL_CERT_DIR)");
}

TEST_F(AuthoritiesTest, OnlyWhereNothingIsLeftAllAreSaidToBeMissing) {
  const auto lost = read({{"SSL_CERT_FILE", "/nowhere/f"}, {"SSL_CERT_DIR", "/nowhere/d"}}, bundle_);
  EXPECT_TRUE(lost.certificates.empty());
  EXPECT_THAT(lost.problem, AllOf(StartsWith("the authorities of this machine could not be read: "),
                                  HasSubstr("/nowhere/f"), HasSubstr("(from SSL_CERT_FILE)"), HasSubstr("/nowhere/d")));
  put("empty.pem", "");
  const auto empty = read({}, (extra() / "empty.pem").string());
  EXPECT_THAT(empty.problem, AllOf(StartsWith("the authorities of this machine could not be read: "),
                                   HasSubstr("holds no certificate"), Not(HasSubstr("SSL_CERT"))));
  EXPECT_THAT(read({}, "").problem, StartsWith("the authorities of this machine could not be read: "));
}

TEST_F(AuthoritiesTest, AGoodBundleIsNoProblemAndManyBadFilesAreCounted) {
  EXPECT_EQ(read({}, bundle_).problem, "");
  for (int number = 0; number < 10; ++number) put(std::to_string(number) + ".pem", kBroken);
  const auto many = read({{"SSL_CERT_DIR", extra().string()}}, bundle_);
  EXPECT_THAT(many.problem, ::testing::EndsWith("; and 6 more"));
}

}  // namespace
}  // namespace sluice::net
