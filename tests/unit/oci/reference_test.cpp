#include "oci/reference.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::oci {
namespace {

using testing::HasSubstr;
using testing::Not;

const std::string kDigest = "sha256:" + std::string(64, 'a');

TEST(Reference, ReadsItsParts) {
  struct Row {
    const char* name;
    std::string text;
    const char* registry;
    const char* path;
    std::optional<std::string> tag;
    bool has_digest;
  };
  const Row rows[] = {
      {"neither tag nor digest", "registry.example.com/shop/web", "registry.example.com", "shop/web", "latest", false},
      {"tag", "registry.example.com/shop/web:v1.4.2", "registry.example.com", "shop/web", "v1.4.2", false},
      {"digest", "registry.example.com/shop/web@" + kDigest, "registry.example.com", "shop/web", {}, true},
      {"tag and digest", "r.io/web:1@" + kDigest, "r.io", "web", "1", true},
      {"port", "registry.example.com:5000/web:1", "registry.example.com:5000", "web", "1", false},
      {"port on a bare host", "build:5000/web", "build:5000", "web", "latest", false},
      {"localhost", "localhost/web", "localhost", "web", "latest", false},
      {"IPv4", "127.0.0.1:5000/web", "127.0.0.1:5000", "web", "latest", false},
      {"IPv6", "[::1]:5000/web:1", "[::1]:5000", "web", "1", false},
      {"IPv6 without a port", "[2001:DB8::1]/web", "[2001:db8::1]", "web", "latest", false},
      {"host in upper case", "Registry.Example.COM/shop/web", "registry.example.com", "shop/web", "latest", false},
      {"localhost in upper case", "LOCALHOST/web", "localhost", "web", "latest", false},
      {"transport", "docker://r.io/shop/web:1", "r.io", "shop/web", "1", false},
      {"deep path", "r.io/a/b/c/d:1", "r.io", "a/b/c/d", "1", false},
      {"all separators", "r.io/a.b_c__d-e---f:1", "r.io", "a.b_c__d-e---f", "1", false},
      {"tag of upper case and underscore", "r.io/web:_V1.-x", "r.io", "web", "_V1.-x", false},
      {"numbers", "10.example:80/1/2:3", "10.example:80", "1/2", "3", false},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto reference = Reference::parse(row.text);
    ASSERT_TRUE(reference.ok()) << reference.error().sentence();
    EXPECT_EQ(reference->repository.registry, row.registry);
    EXPECT_EQ(reference->repository.path, row.path);
    EXPECT_EQ(reference->tag, row.tag);
    EXPECT_EQ(reference->digest.has_value(), row.has_digest);
  }
}

TEST(Reference, QuotesAndPointsAtWhatIsWrong) {
  struct Row {
    const char* name;
    std::string text;
    const char* why;
  };
  const Row rows[] = {
      {"upper-case path", "r.example.io/Shop", "at character 14: upper-case letters are not allowed"},
      {"transport counts", "docker://r.io/Shop", "at character 15: upper-case letters are not allowed"},
      {"space in front", " r.io/web", "at character 1: a space is not allowed in a host name"},
      {"underscore in the host", "my_reg.io/web", "at character 3: '_' is not allowed in a host name"},
      {"empty label", "r..io/web", "at character 3: a part of the host name is missing"},
      {"dot at the end of the host", "r.io./web", "at character 6: a part of the host name is missing"},
      {"dash before a label", "r.-io/web", "at character 3: a part of a host name cannot start with '-'"},
      {"dash after a label", "r-.io/web", "at character 2: a part of a host name cannot end with '-'"},
      {"long label", std::string(64, 'a') + ".io/web", "at character 64: a part of a host name has at most 63"},
      {"host is missing", "/web", "at character 1: a registry host is missing"},
      {"port is missing", "r.io:/web", "at character 6: a port number must follow ':'"},
      {"port 0", "r.io:0/web", "at character 6: a port number does not start with 0"},
      {"port with a leading zero", "r.io:05000/web", "at character 6: a port number does not start with 0"},
      {"port 65536", "r.io:65536/web", "at character 6: a port number is at most 65535"},
      {"port of six digits", "r.io:100000/web", "at character 6: a port number is at most 65535"},
      {"port of letters", "r.io:50x0/web", "at character 8: 'x' is not allowed in a port number"},
      {"two ports", "r.io:1:2/web", "at character 7: ':' is not allowed in a port number"},
      {"IPv4 out of range", "127.0.0.256/web", "at character 1: a host name that ends in a number must be an IPv4"},
      {"short IPv4", "127.1:5000/web", "at character 1: a host name that ends in a number must be an IPv4"},
      {"octal IPv4", "0177.0.0.1/web", "at character 1: a host name that ends in a number must be an IPv4"},
      {"IPv6 without an end", "[::1/web", "at character 5: the ']' of an IPv6 address is missing"},
      {"IPv6 that is none", "[1:2]/web", "at character 2: this is no IPv6 address"},
      {"IPv6 with a zone", "[fe80::1%eth0]/web", "at character 9: '%' is not allowed in an IPv6 address"},
      {"IPv6 followed by a name", "[::1]x:5/web", "at character 6: 'x' is not allowed after an IPv6 address"},
      {"empty path", "r.io/", "at character 6: a repository path is missing"},
      {"empty component", "r.io/a//b", "at character 8: a path component is empty"},
      {"slash at the end", "r.io/a/", "at character 8: a path component is empty"},
      {"component starts with a separator", "r.io/-a", "at character 6: a path component must start with"},
      {"component ends with a separator", "r.io/ab__/c", "at character 9: a path component must end with"},
      {"two dots", "r.io/a..b", "at character 7: \"..\" is not allowed between"},
      {"parent folder", "r.io/a/../b", "at character 8: a path component must start with"},
      {"three underscores", "r.io/a___b", "at character 7: \"___\" is not allowed between"},
      {"mixed separators", "r.io/a._b", "at character 7: \"._\" is not allowed between"},
      {"percent in the path", "r.io/a%2fb", "at character 7: '%' is not allowed in a repository path"},
      {"colon in the path", "r.io/a:b/c", "at character 7: ':' is not allowed in a repository path"},
      {"not ASCII", "r.io/caf\xc3\xa9", "at character 9: a character that is not ASCII is not allowed"},
      {"empty tag", "r.io/web:", "at character 10: a tag is missing"},
      {"tag starts with a dash", "r.io/web:-1", "at character 10: a tag must start with"},
      {"tag with a plus", "r.io/web:1+2", "at character 11: '+' is not allowed in a tag"},
      {"long tag", "r.io/web:" + std::string(129, 'a'), "at character 138: a tag has at most 128 characters"},
      {"empty digest", "r.io/web@", "at character 10: a digest is missing"},
      {"short digest", "r.io/web@sha256:abc", "at character 20: a sha256 digest has 64 hex digits, not 3"},
      {"unknown algorithm", "r.io/web@md5:abc", "at character 10: the digest algorithm \"md5\" is not known"},
      {"tag after the digest", "r.io/web@" + kDigest + ":1", "at character 81: ':' is not a lower-case hex digit"},
      {"slash in the digest", "r.io/web@sha256:a/b", "at character 18: '/' is not a lower-case hex digit"},
      {"URL", "https://r.io/web", "at character 1: a reference has no \"https://\""},
      {"newline", "r.io/web:1\n", "at character 11: a control character is not allowed in a tag"},
      {"NUL", std::string("r.io/w\0b", 8), "at character 7: a control character is not allowed"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto reference = Reference::parse(row.text);
    ASSERT_FALSE(reference.ok()) << "was read as " << reference->text();
    EXPECT_EQ(reference.error().kind(), ErrorKind::usage);
    EXPECT_THAT(reference.error().message(), HasSubstr("cannot read the reference \""));
    EXPECT_THAT(reference.error().message(), HasSubstr(row.why));
  }
}

TEST(Reference, ExplainsThatARegistryHostIsNeeded) {
  struct Row {
    const char* name;
    std::string text;
    const char* why;
  };
  const Row rows[] = {
      {"project and name", "shop/web", "at character 1: a registry host is needed first"},
      {"name", "web", "at character 1: a registry host is needed first"},
      {"name and version", "web:1.0", "at character 1: a registry host is needed first"},
      {"name and digest", "web@" + kDigest, "at character 1: a registry host is needed first"},
      {"name, tag and digest", "web:1.0@" + kDigest, "at character 1: a registry host is needed first"},
      {"upper-case project", "Shop/web", "at character 1: a registry host is needed first"},
      {"host alone", "registry.example.com", "at character 21: a repository path must follow the registry"},
      {"host and port alone", "localhost:5000", "at character 15: a repository path must follow the registry"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto reference = Reference::parse(row.text);
    ASSERT_FALSE(reference.ok()) << "was read as " << reference->text();
    EXPECT_THAT(reference.error().message(), HasSubstr(row.why));
    EXPECT_THAT(reference.error().message(), HasSubstr("registry.example.com/shop/web"));
  }
}

TEST(Reference, SaysWhatToGiveWhenItIsEmpty) {
  for (const auto* text : {"", "docker://"}) {
    const auto reference = Reference::parse(text);
    ASSERT_FALSE(reference.ok());
    EXPECT_THAT(reference.error().sentence(), HasSubstr("is empty; give host[:port]/path"));
  }
}

TEST(Reference, SuggestsTheLowerCasePath) {
  const auto reference = Reference::parse("docker://r.example.io/Shop/Web:V1");
  ASSERT_FALSE(reference.ok());
  EXPECT_EQ(reference.error().hint(), "did you mean \"docker://r.example.io/shop/web:V1\"?");
}

TEST(Reference, SuggestsNothingThatIsWrongToo) {
  const auto reference = Reference::parse("r.example.io/Shop..web");
  ASSERT_FALSE(reference.ok());
  EXPECT_EQ(reference.error().hint(), "");
}

TEST(Reference, NeverQuotesAPassword) {
  const std::string texts[] = {
      "docker://ana:hunter2@r.io/web",
      "ana:hunter2@r.io",
      "ana:hunter2@r.io/web@" + kDigest,
      "ana:hun/hunter2@r.io/web",
      "ana:p@hunter2@r.io/web:1",
      "ana:hunter2@localhost:5000/web",
      "ana:hunter2@web",
      "ana:hunter2@r.io@" + kDigest,
  };
  for (const auto& text : texts) {
    SCOPED_TRACE(text);
    for (const auto& sentence : {Reference::parse(text).error().sentence(), parse_registry(text).error().sentence()}) {
      EXPECT_THAT(sentence, Not(HasSubstr("hunter2")));
      EXPECT_THAT(sentence, HasSubstr("sluice login HOST"));
    }
  }
}

TEST(Reference, HoldsTheNameToItsLimit) {
  const std::string host = "r.io";
  const std::string longest(255 - host.size() - 1, 'a');
  EXPECT_TRUE(Reference::parse(host + "/" + longest + ":1").ok());
  const auto over = Reference::parse(host + "/" + longest + "a:1");
  ASSERT_FALSE(over.ok());
  EXPECT_THAT(over.error().message(), HasSubstr("at character 256: registry and path have at most 255 characters"));
}

TEST(Reference, DoesNotEchoEndlessText) {
  const auto reference = Reference::parse("r.io/" + std::string(1'000'000, 'a'));
  ASSERT_FALSE(reference.ok());
  EXPECT_LT(reference.error().sentence().size(), 1000U);
}

TEST(Reference, LetsTheDigestDecide) {
  const auto both = Reference::parse("r.io/web:1@" + kDigest);
  ASSERT_TRUE(both.ok());
  EXPECT_EQ(both->tag_or_digest(), kDigest);
  const auto tagged = Reference::parse("r.io/web:1");
  ASSERT_TRUE(tagged.ok());
  EXPECT_EQ(tagged->tag_or_digest(), "1");
}

TEST(Registry, IsReadWithoutARepository) {
  struct Row {
    const char* name;
    const char* text;
    const char* expected;
  };
  const Row rows[] = {
      {"bare name", "build", "build"},
      {"upper case and port", "Build:5000", "build:5000"},
      {"highest port", "r.io:65535", "r.io:65535"},
      {"IPv6", "[::FF]:1", "[::ff]:1"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto registry = parse_registry(row.text);
    ASSERT_TRUE(registry.ok()) << registry.error().sentence();
    EXPECT_EQ(*registry, row.expected);
  }
}

TEST(Registry, RefusesWhatIsMoreThanAHost) {
  struct Row {
    const char* name;
    const char* text;
    const char* why;
  };
  const Row rows[] = {
      {"empty", "", "at character 1: a registry host is missing"},
      {"URL", "https://r.io", "at character 1: a reference has no \"https://\""},
      {"path", "r.io/web", "at character 5: '/' is not allowed in a host name"},
      {"slash after the port", "r.io:5000/", "at character 10: '/' is not allowed in a port number"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    const auto registry = parse_registry(row.text);
    ASSERT_FALSE(registry.ok()) << "was read as " << *registry;
    EXPECT_EQ(registry.error().kind(), ErrorKind::usage);
    EXPECT_THAT(registry.error().message(), HasSubstr(row.why));
  }
}

TEST(RepositoryPath, IsCheckedAlone) {
  EXPECT_TRUE(check_repository_path("shop-dev/web").ok());
  const auto wrong = check_repository_path("shop/We");
  ASSERT_FALSE(wrong.ok());
  EXPECT_EQ(wrong.error().message(),
            "cannot read the repository path \"shop/We\": at character 6: upper-case letters are not allowed in a "
            "repository path");
  EXPECT_FALSE(check_repository_path(std::string(256, 'a')).ok());
}

TEST(Tag, IsCheckedAlone) {
  EXPECT_TRUE(check_tag("v1.4.2").ok());
  EXPECT_TRUE(check_tag(std::string(128, 'x')).ok());
  for (const std::string& tag : {std::string(), std::string(".hidden"), std::string("a/b"), std::string(129, 'x')}) {
    EXPECT_FALSE(check_tag(tag).ok()) << tag;
  }
}

}  // namespace
}  // namespace sluice::oci
