#include "files.hpp"
#include "pipeline/clusters.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::pipeline {
namespace {

using testing::Folder;
using testing::problem;
using testing::variables;
using Kind = ValueReference::Kind;

class ResolveReference : public ::testing::Test {
 protected:
  Result<Secret> resolve(Kind kind, const std::string& value) const {
    Clusters clusters;
    clusters.file = folder.path() / "clusters.yaml";
    return resolve_reference({kind, value, {"clusters.yaml", 4, 15}}, clusters, environment);
  }
  std::string revealed(Kind kind, const std::string& value) const {
    const auto secret = resolve(kind, value);
    return secret.ok() ? secret->reveal() : problem(secret);
  }
  void write_program(const std::string& name, const std::string& body) const {
    const auto file = folder.write(name, "#!/bin/sh\n" + body);
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }

  Folder folder;
  sluice::Environment environment = variables({{"PASSWORD", "from env"}});
};

TEST_F(ResolveReference, ReadsAFileBesideTheClustersFile) {
  folder.write("secrets/token", "from file\n");
  EXPECT_EQ(revealed(Kind::file, "secrets/token"), "from file");
  EXPECT_EQ(revealed(Kind::file, (folder.path() / "secrets/token").string()), "from file");
}

TEST_F(ResolveReference, RemovesOneLineBreakAndNoMore) {
  struct Row {
    const char* content;
    const char* expected;
  };
  for (const auto& [content, expected] :
       std::vector<Row>{{"x", "x"}, {"x\n", "x"}, {"x\r\n", "x"}, {"x\n\n", "x\n"}, {" x \n", " x "}}) {
    folder.write("token", content);
    EXPECT_EQ(revealed(Kind::file, "token"), expected) << "content: " << content;
  }
}

TEST_F(ResolveReference, ReadsAnEnvironmentVariable) { EXPECT_EQ(revealed(Kind::env, "PASSWORD"), "from env"); }

TEST_F(ResolveReference, RunsAProgramBesideTheClustersFileWithoutAShell) {
  write_program("bin/show", "printf '%s|' \"$@\"\n");
  EXPECT_EQ(revealed(Kind::exec, "bin/show  a \t$HOME *"), "a|$HOME|*|");
}

TEST_F(ResolveReference, LooksABareProgramNameUpInPath) { EXPECT_EQ(revealed(Kind::exec, "echo hello"), "hello"); }

TEST_F(ResolveReference, SaysWhereAndWhyWithoutTheSecret) {
  write_program("fail", "echo hunter2; echo hunter2 >&2; exit 3\n");
  write_program("flood", "while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done\n");
  write_program("quiet", "exit 0\n");
  folder.write("empty", "\n");
  folder.write("large", std::string(70'000, 'x'));
  folder.write("plain", "not a program");
  struct Row {
    const char* name;
    Kind kind;
    const char* value;
    const char* expected;
  };
  for (const auto& [name, kind, value, expected] : std::vector<Row>{
           {"no file", Kind::file, "none", "No such file"},
           {"a folder", Kind::file, ".", "cannot read"},
           {"empty file", Kind::file, "empty", "is empty"},
           {"large file", Kind::file, "large", "limit of 65536"},
           {"no variable", Kind::env, "NONE", "the environment variable 'NONE' is not set"},
           {"program fails", Kind::exec, "./fail hunter2", "ended with exit code 3"},
           {"program floods", Kind::exec, "./flood", "more than 65536 bytes"},
           {"program prints nothing", Kind::exec, "./quiet", "is empty"},
           {"no program", Kind::exec, "sluice-no-such-program hunter2", "no such program"},
           {"not executable", Kind::exec, "./plain", "not executable"},
           {"no words", Kind::exec, " ", "names no program"},
       }) {
    const auto secret = resolve(kind, value);
    const auto sentence = problem(secret);
    ASSERT_FALSE(secret.ok()) << name;
    EXPECT_EQ(secret.error().kind(), ErrorKind::config) << name;
    EXPECT_EQ(sentence.find("clusters.yaml:4:15: "), 0U) << name << ": " << sentence;
    EXPECT_NE(sentence.find(expected), std::string::npos) << name << ": " << sentence;
    EXPECT_EQ(sentence.find("hunter2"), std::string::npos) << name << ": " << sentence;
  }
}

}  // namespace
}  // namespace sluice::pipeline
