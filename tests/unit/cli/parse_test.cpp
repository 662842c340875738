#include "cli/options.hpp"
#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace sluice::cli {
namespace {

using support::failed_with;
using support::why;
using ::testing::HasSubstr;

/// A process's arguments, which parse() may write to.
class Arguments {
 public:
  explicit Arguments(const std::vector<std::string>& words) : words_{"sluice"} {
    words_.insert(words_.end(), words.begin(), words.end());
    for (auto& word : words_) pointers_.push_back(word.data());
    pointers_.push_back(nullptr);
  }
  Result<Parsed> parse() { return cli::parse(static_cast<int>(words_.size()), pointers_.data()); }
  const std::string& at(std::size_t index) const { return words_.at(index); }

 private:
  std::vector<std::string> words_;
  std::vector<char*> pointers_;
};

std::string line(const std::vector<std::string>& words) {
  std::string out = "sluice";
  for (const auto& word : words) out += " " + word;
  return out;
}

/// The command that these words mean, or a failed test.
template <class T>
std::optional<std::pair<T, Common>> read(const std::vector<std::string>& words) {
  const auto parsed = Arguments(words).parse();
  if (!parsed.ok() || !parsed->invocation) {
    ADD_FAILURE() << line(words) << ": " << why(parsed);
    return std::nullopt;
  }
  const auto* command = std::get_if<T>(&parsed->invocation->command);
  if (command == nullptr) {
    ADD_FAILURE() << line(words) << " is another command: number " << parsed->invocation->command.index();
    return std::nullopt;
  }
  return std::pair(*command, parsed->invocation->common);
}

Common common_of(const std::vector<std::string>& words) {
  const auto parsed = Arguments(words).parse();
  if (parsed.ok() && parsed->invocation) return parsed->invocation->common;
  ADD_FAILURE() << line(words) << ": " << why(parsed);
  return {};
}

TEST(Parse, ReadsCopy) {
  const auto read_copy =
      read<Copy>({"copy", "a.example.com/dev/web:1", "b.example.com/shop/web", "--preserve-digests"});
  ASSERT_TRUE(read_copy);
  EXPECT_TRUE(read_copy->first.preserve_digests);
  EXPECT_EQ(read_copy->first.source, "a.example.com/dev/web:1");
  EXPECT_EQ(read_copy->first.destination, "b.example.com/shop/web");
}

TEST(Parse, ReadsWhatToDoAboutSomebodyElsesLease) {
  using std::chrono::seconds;
  const std::vector<std::vector<std::string>> commands{
      {"promote", "--to", "prod"}, {"rollback", "--to", "prod"}, {"resume"}, {"undo", "p1"}};
  for (const auto& words : commands) {
    const auto with = [&](const std::string& flag) {
      auto out = words;
      out.push_back(flag);
      return out;
    };
    EXPECT_FALSE(common_of(words).wait.has_value()) << line(words);
    EXPECT_FALSE(common_of(words).take_over) << line(words);
    EXPECT_EQ(common_of(with("--wait")).wait, seconds(600)) << line(words);
    EXPECT_EQ(common_of(with("--wait=1s")).wait, seconds(1)) << line(words);
    EXPECT_TRUE(common_of(with("--take-over")).take_over) << line(words);
    EXPECT_TRUE(failed_with(Arguments(with("--wait=soon")).parse(), ErrorKind::usage, "--wait wants seconds"));
  }
  const auto resume = read<Resume>({"resume", "--wait", "p0123456789ab"});
  ASSERT_TRUE(resume);
  EXPECT_EQ(resume->first.promotion, "p0123456789ab") << "its value stands behind a = alone";
  EXPECT_TRUE(failed_with(Arguments({"resume", "--wait", "--take-over"}).parse(), ErrorKind::usage, "excludes"));
}

TEST(Parse, ReadsEachSideOfACopy) {
  const auto plain = common_of({"copy", "a/b", "c/d"});
  EXPECT_EQ(plain.session.source, app::SideOptions{}) << "nothing said is nothing said";
  EXPECT_EQ(plain.session.destination, app::SideOptions{});
  const auto said =
      common_of({"copy", "a/b", "c/d", "--src-tls-verify=false", "--src-creds", "env:A", "--src-cert-dir", "certs/a",
                 "--dest-tls-verify", "true", "--dest-creds=file:b", "--dest-cert-dir=certs/b"});
  EXPECT_EQ(said.session.source, (app::SideOptions{.tls_verify = false, .creds = "env:A", .cert_dir = "certs/a"}));
  EXPECT_EQ(said.session.destination, (app::SideOptions{.tls_verify = true, .creds = "file:b", .cert_dir = "certs/b"}));
}

TEST(Parse, ReadsTheSideOfALookUp) {
  for (const auto* command : {"inspect", "digest", "tags", "login"}) {
    const auto said = common_of({command, "a/b", "--tls-verify=false", "--cert-dir", "certs", "--creds", "-"});
    EXPECT_EQ(said.session.source, (app::SideOptions{.tls_verify = false, .creds = "-", .cert_dir = "certs"}))
        << command;
    EXPECT_EQ(said.session.destination, app::SideOptions{}) << command;
  }
}

TEST(Parse, ReadsTheLookUps) {
  if (const auto c = read<Inspect>({"inspect", "a/b:1"})) {
    EXPECT_EQ(c->first.reference, "a/b:1");
  }
  if (const auto c = read<DigestOf>({"digest", "a/b:1"})) {
    EXPECT_EQ(c->first.reference, "a/b:1");
  }
  if (const auto c = read<Tags>({"tags", "a/b", "--filter", "v1.*"})) {
    EXPECT_EQ(c->first.repository, "a/b");
    EXPECT_EQ(c->first.filter, "v1.*");
  }
}

TEST(Parse, ReadsPlanAndPromote) {
  if (const auto c = read<PlanFor>({"plan", "--to", "prod", "--release", "42"})) {
    EXPECT_EQ(c->first.environment, "prod");
    EXPECT_EQ(c->first.release, "42");
  }
  if (const auto c = read<PlanFor>({"plan", "--to=prod"})) {
    EXPECT_EQ(c->first.release, "");
  }
  const auto hash = "sha256:" + std::string(64, '1');
  if (const auto c = read<Promote>({"promote", "--to", "prod", "--plan", hash, "-y"})) {
    EXPECT_EQ(c->first.environment, "prod");
    EXPECT_EQ(c->first.plan, hash);
    EXPECT_TRUE(c->first.yes);
  }
  if (const auto c = read<Promote>({"promote", "--to", "prod", "--release", "7"})) {
    EXPECT_FALSE(c->first.yes);
    EXPECT_EQ(c->first.plan, "");
    EXPECT_EQ(c->first.release, "7");
  }
  if (const auto c = read<Promote>({"promote", "--yes", "--to", "prod"})) {
    EXPECT_TRUE(c->first.yes);
  }
}

TEST(Parse, ReadsWhatComesAfterAPromotion) {
  if (const auto c = read<Rollback>({"rollback", "--to", "prod", "--release", "3", "--yes"})) {
    EXPECT_EQ(c->first.environment, "prod");
    EXPECT_EQ(c->first.release, "3");
    EXPECT_TRUE(c->first.yes);
  }
  if (const auto c = read<Resume>({"resume"})) {
    EXPECT_EQ(c->first.promotion, "");
  }
  if (const auto c = read<Resume>({"resume", "p1"})) {
    EXPECT_EQ(c->first.promotion, "p1");
  }
  if (const auto c = read<Undo>({"undo", "p1"})) {
    EXPECT_EQ(c->first.promotion, "p1");
  }
}

TEST(Parse, ReadsTheRecords) {
  read<StatusOf>({"status"});
  if (const auto c = read<History>({"history"})) {
    EXPECT_EQ(c->first.environment, "");
    EXPECT_EQ(c->first.limit, 20U);
  }
  if (const auto c = read<History>({"history", "--env", "prod", "--limit", "5"})) {
    EXPECT_EQ(c->first.environment, "prod");
    EXPECT_EQ(c->first.limit, 5U);
  }
  if (const auto c = read<HoldOn>({"hold", "prod", "--reason", "year-end close"})) {
    EXPECT_EQ(c->first.environment, "prod");
    EXPECT_EQ(c->first.reason, "year-end close");
  }
  if (const auto c = read<Unhold>({"unhold", "prod"})) {
    EXPECT_EQ(c->first.environment, "prod");
  }
  read<ReleaseOf>({"release"});
  read<ReleaseOf>({"release", "create"});
  if (const auto c = read<ReleaseOf>({"release", "create", "-f", "x.yaml", "-o", "json"})) {
    EXPECT_EQ(c->second.pipeline, "x.yaml");
    EXPECT_EQ(c->second.format, Format::json);
  }
  if (const auto c = read<Releases>({"releases", "--limit", "3"})) {
    EXPECT_EQ(c->first.limit, 3U);
  }
}

TEST(Parse, ReadsLoginAndLogout) {
  if (const auto c = read<Login>({"login", "r.example.com", "-u", "robot", "--password-stdin"})) {
    EXPECT_EQ(c->first.registry, "r.example.com");
    EXPECT_EQ(c->first.username, "robot");
    EXPECT_TRUE(c->first.password_stdin);
  }
  if (const auto c = read<Login>({"login", "r.example.com"})) {
    EXPECT_FALSE(c->first.password_stdin);
  }
  if (const auto c = read<Login>(
          {"login", "https://api.example.com:6443", "--token", "-", "--ca", "a.crt", "--issuer-ca", "b.crt"})) {
    EXPECT_EQ(c->first.registry, "https://api.example.com:6443");
    EXPECT_EQ(c->first.token, "-");
    EXPECT_EQ(c->first.ca, "a.crt");
    EXPECT_EQ(c->first.issuer_ca, "b.crt");
  }
  if (const auto c = read<Logout>({"logout", "r.example.com"})) {
    EXPECT_EQ(c->first.registry, "r.example.com");
  }
}

TEST(Parse, ReadsWhatAllCommandsShare) {
  const auto plain = common_of({"status"});
  EXPECT_EQ(plain.format, Format::text);
  EXPECT_EQ(plain.progress, ProgressMode::automatic);
  EXPECT_EQ(plain.verbosity, 0);
  EXPECT_EQ(plain.pipeline, "sluice.yaml");
  EXPECT_EQ(plain.events, std::nullopt);
  EXPECT_EQ(plain.session.timeout, std::chrono::seconds(30));
  EXPECT_EQ(plain.session.retry_times, 4U);
  EXPECT_EQ(plain.session.authfile, std::nullopt);
  EXPECT_EQ(plain.session.clusters, std::nullopt);
  EXPECT_EQ(plain.session.state, "");
  const auto said =
      common_of({"promote",    "--to",      "prod",       "-o",     "json",      "--progress", "plain",         "-vv",
                 "--pipeline", "p.yaml",    "--events",   "-",      "--timeout", "5",          "--retry-times", "0",
                 "--authfile", "auth.json", "--clusters", "c.yaml", "--state",   "records.db"});
  EXPECT_EQ(said.format, Format::json);
  EXPECT_EQ(said.progress, ProgressMode::plain);
  EXPECT_EQ(said.verbosity, 2);
  EXPECT_EQ(said.pipeline, "p.yaml");
  EXPECT_EQ(said.events, "-");
  EXPECT_EQ(said.session.timeout, std::chrono::seconds(5));
  EXPECT_EQ(said.session.retry_times, 0U);
  EXPECT_EQ(said.session.authfile, "auth.json");
  EXPECT_EQ(said.session.clusters, "c.yaml");
  EXPECT_EQ(said.session.state, "records.db");
  EXPECT_EQ(common_of({"status", "--progress", "none"}).progress, ProgressMode::none);
}

TEST(Parse, ReadsTimeOutsInSeconds) {
  struct Row {
    const char* text;
    int seconds;  ///< 0: refused
  };
  for (const auto& row : {Row{"1", 1}, Row{"90s", 90}, Row{"86400", 86400}, Row{"0", 0}, Row{"86401", 0}, Row{"-1", 0},
                          Row{"1.5", 0}, Row{"5m", 300}, Row{"24h", 86400}, Row{"25h", 0}, Row{"5d", 0}, Row{"", 0},
                          Row{"soon", 0}, Row{"s", 0}, Row{"10ss", 0}}) {
    const auto parsed = Arguments({"status", std::string("--timeout=") + row.text}).parse();
    if (row.seconds == 0) {
      EXPECT_TRUE(failed_with(parsed, ErrorKind::usage, "--timeout")) << "'" << row.text << "'";
    } else {
      ASSERT_TRUE(parsed.ok()) << row.text << ": " << why(parsed);
      EXPECT_EQ(parsed->invocation->common.session.timeout, std::chrono::seconds(row.seconds)) << row.text;
    }
  }
}

TEST(Parse, SuggestsWhatWasMeant) {
  struct Row {
    std::vector<std::string> words;
    const char* wrong;
    const char* meant;
  };
  const std::vector<Row> rows{
      {{"promte", "--to", "prod"}, "no command promte", "did you mean promote?"},
      {{"stauts"}, "no command stauts", "did you mean status?"},
      {{"promote", "--ot", "prod"}, "no option --ot", "did you mean --to?"},
      {{"promote", "--to", "prod", "--relase", "4"}, "no option --relase", "did you mean --release?"},
      {{"promote", "--to", "prod", "--relase=4"}, "no option --relase", "did you mean --release?"},
      {{"copy", "a/b", "c/d", "--src-tls-verfy=false"}, "no option --src-tls-verfy", "did you mean --src-tls-verify?"},
      {{"release", "crate"}, "no argument crate", "did you mean create?"},
      {{"--versio"}, "no option --versio", "sluice --help"},
      {{"hold", "prod", "extra"}, "no argument extra", "sluice hold --help"},
      {{"xyzzy"}, "no command xyzzy", "sluice --help"},
  };
  for (const auto& row : rows) {
    const auto parsed = Arguments(row.words).parse();
    EXPECT_TRUE(failed_with(parsed, ErrorKind::usage, row.wrong)) << line(row.words);
    EXPECT_TRUE(failed_with(parsed, ErrorKind::usage, row.meant)) << line(row.words);
  }
}

TEST(Parse, SaysWhatIsMissingOrWrong) {
  struct Row {
    std::vector<std::string> words;
    const char* part;
  };
  const std::vector<Row> rows{
      {{}, "a command is missing"},
      {{"copy"}, "SOURCE"},
      {{"copy", "a/b"}, "DESTINATION"},
      {{"inspect"}, "REFERENCE"},
      {{"digest"}, "REFERENCE"},
      {{"tags"}, "REPOSITORY"},
      {{"plan"}, "--to"},
      {{"promote"}, "--to"},
      {{"promote", "--to"}, "--to"},
      {{"rollback"}, "--to"},
      {{"undo"}, "PROMOTION"},
      {{"hold"}, "ENV"},
      {{"unhold"}, "ENV"},
      {{"login"}, "REGISTRY"},
      {{"logout"}, "REGISTRY"},
      {{"plan", "--to", "prod", "--release"}, "--release"},
      {{"status", "-o", "yaml"}, "yaml"},
      {{"status", "--progress", "loud"}, "loud"},
      {{"status", "--retry-times", "101"}, "--retry-times"},
      {{"status", "--retry-times", "-1"}, "--retry-times"},
      {{"history", "--limit", "0"}, "--limit"},
      {{"history", "--limit", "10001"}, "--limit"},
      {{"copy", "a/b", "c/d", "--src-tls-verify", "perhaps"}, "--src-tls-verify"},
      {{"copy", "a/b", "c/d", "e/f"}, "an argument too many"},
  };
  for (const auto& row : rows) {
    const auto parsed = Arguments(row.words).parse();
    EXPECT_TRUE(failed_with(parsed, ErrorKind::usage, row.part)) << line(row.words);
    EXPECT_TRUE(failed_with(parsed, ErrorKind::usage, "--help")) << line(row.words) << ": no way to go on is shown";
  }
}

TEST(Parse, BlanksSecretsInTheArgumentsOfTheProcess) {
  struct Row {
    std::vector<std::string> words;
    std::size_t index;  ///< of the argument that must not be readable afterwards, the program being number 0
    const char* expected;
  };
  const std::vector<Row> rows{
      {{"copy", "a/b", "c/d", "--src-creds", "me:secret"}, 5, "*********"},
      {{"copy", "a/b", "c/d", "--src-creds=me:secret"}, 4, "--src-creds=*********"},
      {{"copy", "a/b", "c/d", "--dest-creds", "me:secret"}, 5, "*********"},
      {{"copy", "a/b", "c/d", "--dest-creds=me:secret"}, 4, "--dest-creds=*********"},
      {{"inspect", "a/b", "--creds", "me:secret"}, 4, "*********"},
      {{"inspect", "a/b", "--creds=me:secret"}, 3, "--creds=*********"},
  };
  for (const auto& row : rows) {
    Arguments arguments(row.words);
    const auto parsed = arguments.parse();
    ASSERT_TRUE(parsed.ok()) << line(row.words) << ": " << why(parsed);
    EXPECT_EQ(arguments.at(row.index), row.expected) << line(row.words);
    const auto& session = parsed->invocation->common.session;
    EXPECT_EQ(session.source.creds ? session.source.creds : session.destination.creds, "me:secret")
        << line(row.words) << ": what was meant is kept";
  }
}

TEST(Parse, BlanksTheTokenOfALogin) {
  Arguments arguments({"login", "https://api.example.com", "--token", "sha256~abc"});
  const auto parsed = arguments.parse();
  ASSERT_TRUE(parsed.ok()) << why(parsed);
  EXPECT_EQ(arguments.at(4), "**********");
  EXPECT_EQ(std::get<Login>(parsed->invocation->command).token, "sha256~abc");
}

TEST(Parse, BlanksSecretsEvenWhenTheRestMakesNoSense) {
  Arguments arguments({"copy", "--src-creds", "me:secret", "--frobnicate"});
  EXPECT_FALSE(arguments.parse().ok());
  EXPECT_EQ(arguments.at(3), "*********");
}

TEST(Parse, ShowsNoSecretInAnError) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"copy", "a/b", "c/d", "--src-creds", "me:secret", "--src-creds", "me:secret"},
        std::vector<std::string>{"copy", "a/b", "c/d", "--scr-creds=me:secret"},
        std::vector<std::string>{"copy", "a/b", "--src-creds=me:secret"}}) {
    const auto parsed = Arguments(words).parse();
    ASSERT_FALSE(parsed.ok()) << line(words);
    EXPECT_THAT(parsed.error().sentence(), ::testing::Not(HasSubstr("secret"))) << line(words);
  }
}

TEST(Parse, MakesTheResultJsonWhenEventsGoToStdout) {
  EXPECT_EQ(common_of({"copy", "a/b:c", "d/e:f", "--events", "-"}).format, Format::json);
  EXPECT_EQ(common_of({"copy", "a/b:c", "d/e:f", "--events", "-", "-o", "json"}).format, Format::json);
  EXPECT_EQ(common_of({"copy", "a/b:c", "d/e:f", "--events", "file"}).format, Format::text);
  EXPECT_TRUE(failed_with(Arguments({"copy", "a/b:c", "d/e:f", "--events", "-", "-o", "text"}).parse(),
                          ErrorKind::usage, "stdout"));
}

TEST(Parse, TakesReportsWhereSomethingIsDoneAndExplanationsWhereSomethingIsAsked) {
  struct Row {
    std::vector<std::string> words;
    bool reports;
    bool auth;
    bool road;
  };
  const std::vector<Row> rows{
      {{"copy", "a/b:c", "d/e:f"}, true, true, true},
      {{"promote", "--to", "prod"}, true, true, true},
      {{"rollback", "--to", "prod"}, true, true, true},
      {{"resume"}, true, true, true},
      {{"undo", "p0123456789ab"}, true, true, true},
      {{"plan", "--to", "prod"}, false, true, true},
      {{"inspect", "a/b:c"}, false, true, false},
      {{"digest", "a/b:c"}, false, true, false},
      {{"tags", "a/b"}, false, true, false},
      {{"status"}, false, false, false},
  };
  const auto takes = [](std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    return Arguments(words).parse().ok();
  };
  for (const auto& row : rows) {
    EXPECT_EQ(takes(row.words, {"--events", "f"}), row.reports) << line(row.words);
    EXPECT_EQ(takes(row.words, {"--metrics", "f"}), row.reports) << line(row.words);
    EXPECT_EQ(takes(row.words, {"--explain-auth"}), row.auth) << line(row.words);
    EXPECT_EQ(takes(row.words, {"--explain-road"}), row.road) << line(row.words);
    const auto parsed = Arguments(row.words).parse();
    ASSERT_TRUE(parsed.ok()) << why(parsed);
    EXPECT_EQ(parsed->invocation->name, row.words.front());
  }
  const auto common = common_of({"copy", "a/b:c", "d/e:f", "--metrics", "m.prom", "--explain-auth"});
  EXPECT_EQ(common.metrics, "m.prom");
  EXPECT_TRUE(common.explain_auth);
  EXPECT_FALSE(common.explain_road);
}

TEST(Parse, ShowsHelpAndVersion) {
  struct Row {
    std::vector<std::string> words;
    const char* part;
  };
  const std::vector<Row> rows{
      {{"--help"}, "Usage: sluice COMMAND"},
      {{"-h"}, "Usage: sluice COMMAND"},
      {{"help"}, "Usage: sluice COMMAND"},
      {{"--version"}, "sluice "},
      {{"version"}, "sluice "},
      {{"promote", "--help"}, "Example: sluice promote --to prod --yes"},
      {{"promote", "-h"}, "--release"},
      {{"release", "--help"}, "Example: sluice release create"},
      {{"release", "create", "--help"}, "sluice release create"},
  };
  for (const auto& row : rows) {
    const auto parsed = Arguments(row.words).parse();
    ASSERT_TRUE(parsed.ok()) << line(row.words) << ": " << why(parsed);
    EXPECT_FALSE(parsed->invocation) << line(row.words);
    EXPECT_THAT(parsed->text, HasSubstr(row.part)) << line(row.words);
  }
}

TEST(Parse, ShowsAnExampleForEveryCommand) {
  for (const auto* command : {"copy", "inspect", "digest", "tags", "release", "releases", "plan", "promote", "rollback",
                              "resume", "undo", "status", "history", "hold", "unhold", "login", "logout"}) {
    const auto parsed = Arguments({command, "--help"}).parse();
    ASSERT_TRUE(parsed.ok()) << command << ": " << why(parsed);
    EXPECT_THAT(parsed->text, HasSubstr("Example: ")) << command;
    const auto top = Arguments({"--help"}).parse();
    ASSERT_TRUE(top.ok());
    EXPECT_THAT(top->text, HasSubstr(command)) << "the list of commands leaves one out";
  }
}

// An unset variable of a job would approve whatever the plan is.
TEST(Parse, AcceptsNothingButAHashAsThePlanThatWasApproved) {
  for (const std::string hash : {"", "nohash", "sha256:", "sha256:12"}) {
    const auto parsed = Arguments({"promote", "--to", "prod", "--plan", hash, "--yes"}).parse();
    EXPECT_TRUE(failed_with(parsed, ErrorKind::usage)) << hash;
  }
  const auto hash = "sha256:" + std::string(64, 'a');
  const auto promote = read<Promote>({"promote", "--to", "prod", "--plan", hash});
  ASSERT_TRUE(promote);
  EXPECT_EQ(promote->first.plan, hash);
}

TEST(Parse, TakesDefaultsFromTheVariablesOfAJob) {
  const std::vector<std::pair<const char*, const char*>> variables = {{"SLUICE_PIPELINE", "job.yaml"},
                                                                      {"SLUICE_CLUSTERS", "job-clusters.yaml"},
                                                                      {"SLUICE_STATE", "job.db"},
                                                                      {"SLUICE_PROGRESS", "none"}};
  for (const auto& [name, value] : variables) ::setenv(name, value, 1);
  const auto common = common_of({"promote", "--to", "prod"});
  const auto said = common_of({"promote", "--to", "prod", "-f", "other.yaml", "--progress", "plain"});
  for (const auto& [name, value] : variables) ::unsetenv(name);
  EXPECT_EQ(common.pipeline, "job.yaml");
  EXPECT_EQ(common.session.clusters, "job-clusters.yaml");
  EXPECT_EQ(common.session.state, "job.db");
  EXPECT_EQ(common.progress, ProgressMode::none);
  EXPECT_EQ(said.pipeline, "other.yaml") << "what is said wins";
  EXPECT_EQ(said.progress, ProgressMode::plain);
}

}  // namespace
}  // namespace sluice::cli
