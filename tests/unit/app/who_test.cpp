#include "app/who.hpp"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

namespace sluice::app {
namespace {

TEST(ToldAddress, HasNeitherUserNorQueryNorFragment) {
  struct Row {
    const char* address;
    const char* told;
  };
  const Row rows[] = {
      {"https://ci.example.com/job/shop/42/", "https://ci.example.com/job/shop/42/"},
      {"http://ci.example.com:8080/job/1", "http://ci.example.com:8080/job/1"},
      {"https://ann:s3cret@ci.example.com/job/1", "https://ci.example.com/job/1"},
      {"https://ann@b:s3cret@ci.example.com/job/1", "https://ci.example.com/job/1"},
      {"https://ci.example.com/job/1?token=s3cret", "https://ci.example.com/job/1"},
      {"https://ci.example.com/job/1#token=s3cret", "https://ci.example.com/job/1"},
      {"https://ci.example.com?token=s3cret", "https://ci.example.com"},
      {"https://ci.example.com#s3cret", "https://ci.example.com"},
      {"https://ann:s3cret@ci.example.com?x@y", "https://ci.example.com"},
      {"https://ci.example.com/@ann/job/1", "https://ci.example.com/@ann/job/1"},
      {"https://ann:s3/cret@ci.example.com/job", ""},
      {"https://[::1]:8443/job", "https://[::1]:8443/job"},
      {"https://ci.example.com\\@evil/job", "https://evil/job"},
      {"https://ci.example.com\\evil/job", ""},
      {"https://ci.example.com:80x/job", ""},
      {"https://ci.example.com/job/1\n::error::x", ""},
      {"https://ci.example.com/job 1", ""},
      {"https://", ""},
      {"https://ann@/job", ""},
      {"ftp://ci.example.com/job", ""},
      {"javascript:alert(1)", ""},
      {"ci.example.com/job/1", ""},
      {"", ""},
  };
  for (const auto& row : rows) EXPECT_EQ(told_address(row.address), row.told) << row.address;
}

Environment with(std::map<std::string, std::string, std::less<>> variables) {
  return Environment([variables = std::move(variables)](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(WhoAsks, NamesUserHostAndJob) {
  const auto who = who_asks(with({{"LOGNAME", "ann"}, {"BUILD_URL", "https://ci.example.com/job/1?x=y"}}));
  EXPECT_EQ(who.user, "ann");
  EXPECT_FALSE(who.host.empty());
  EXPECT_EQ(who.job, "https://ci.example.com/job/1");
  EXPECT_EQ(who.identity, "");
}

TEST(WhoAsks, TakesTheFirstJobAddressThatIsOne) {
  EXPECT_EQ(who_asks(with({{"BUILD_URL", "none"}, {"CI_JOB_URL", "https://gitlab.example.com/-/jobs/7"}})).job,
            "https://gitlab.example.com/-/jobs/7");
  EXPECT_EQ(who_asks(with({{"GITHUB_SERVER_URL", "https://github.com"},
                           {"GITHUB_REPOSITORY", "acme/shop"},
                           {"GITHUB_RUN_ID", "12"}}))
                .job,
            "https://github.com/acme/shop/actions/runs/12");
  EXPECT_EQ(who_asks(with({{"GITHUB_SERVER_URL", "https://github.com"}})).job, "");
  EXPECT_EQ(who_asks(with({{"USER", "bob"}})).user, "bob");
}

}  // namespace
}  // namespace sluice::app
