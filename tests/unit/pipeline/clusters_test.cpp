#include "pipeline/clusters.hpp"

#include "files.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::pipeline {
namespace {

using testing::Folder;
using testing::problem;
using testing::variables;

Result<Clusters> parse(std::string_view text) { return parse_clusters(text, "clusters.yaml"); }

std::string entry(std::string_view fields) { return "clusters:\n  a: {" + std::string(fields) + "}\n"; }

TEST(Clusters, ReadsEverythingThatIsSupported) {
  const auto clusters = parse(
      "clusters:\n"
      "  prod:\n"
      "    registry: Registry.Example.com:5000\n"
      "    ca: file:/etc/ca.crt\n"
      "    client-cert: file:client.crt\n"
      "    client-key: file:client.key\n"
      "    proxy: http://proxy.example.com:3128\n"
      "    username: promoter\n"
      "    password: exec:/usr/bin/vault read  -field=password\n"
      "  lab: {registry: lab.example.com, insecure: true, proxy: none, username: u, password: 'env:LAB_PASSWORD'}\n");
  ASSERT_TRUE(clusters.ok()) << problem(clusters);
  EXPECT_EQ(clusters->file, "clusters.yaml");
  ASSERT_EQ(clusters->entries.size(), 2U);
  const auto& prod = clusters->entries.at("prod");
  EXPECT_EQ(prod.name, "prod");
  EXPECT_EQ(prod.registry, "registry.example.com:5000");
  EXPECT_FALSE(prod.has_api);
  EXPECT_FALSE(prod.insecure);
  EXPECT_EQ(prod.position.line, 2);
  ASSERT_TRUE(prod.ca && prod.client_cert && prod.client_key && prod.password);
  EXPECT_EQ(prod.ca->value, "/etc/ca.crt");
  EXPECT_EQ(prod.ca->position.line, 4);
  EXPECT_EQ(reference_path(*prod.ca, *clusters), "/etc/ca.crt");
  EXPECT_EQ(prod.proxy, "http://proxy.example.com:3128");
  EXPECT_EQ(prod.username, "promoter");
  EXPECT_EQ(prod.password->kind, ValueReference::Kind::exec);
  EXPECT_EQ(prod.password->value, "/usr/bin/vault read  -field=password");
  const auto& lab = clusters->entries.at("lab");
  EXPECT_TRUE(lab.insecure);
  EXPECT_EQ(lab.proxy, "none");
  EXPECT_EQ(lab.password->kind, ValueReference::Kind::env);
  EXPECT_EQ(lab.password->value, "LAB_PASSWORD");
}

TEST(Clusters, MarksEntriesWithAnApi) {
  const auto clusters = parse(entry("api: 'https://api.example.com:6443', token: 'file:token', ca: 'file:ca.crt'"));
  ASSERT_TRUE(clusters.ok()) << problem(clusters);
  EXPECT_TRUE(clusters->entries.at("a").has_api);
  EXPECT_EQ(clusters->entries.at("a").registry, "");
}

TEST(Clusters, AllowLocalChecksOnlyWhenTheySaySo) {
  for (const auto& [text, allowed] :
       std::vector<std::pair<const char*, bool>>{{"clusters: {}\n", false},
                                                 {"allow-local-checks: false\nclusters: {}\n", false},
                                                 {"allow-local-checks: true\nclusters: {}\n", true}}) {
    const auto clusters = parse(text);
    ASSERT_TRUE(clusters.ok()) << text << problem(clusters);
    EXPECT_EQ(clusters->allow_local_checks, allowed) << text;
  }
}

TEST(Clusters, MayBeEmpty) {
  const auto clusters = parse("clusters: {}\n");
  ASSERT_TRUE(clusters.ok()) << problem(clusters);
  EXPECT_TRUE(clusters->entries.empty());
}

TEST(Clusters, RefusesWhatIsWrongWithoutRepeatingSecrets) {
  struct Row {
    const char* name;
    std::string text;
    const char* expected;
  };
  const std::string registry = "registry: r.example.com, ";
  const std::vector<Row> rows{
      {"empty file", "", "the clusters file has no value"},
      {"unknown top key", "cluster: {}\n", "did you mean 'clusters'?"},
      {"a list", "clusters: [a]\n", "'clusters' must be a map of names"},
      {"allow-local-checks: yes", "allow-local-checks: yes\nclusters: {}\n", "write true"},
      {"bad name", "clusters:\n  a/b: {registry: r.example.com}\n",
       "clusters.yaml:2:3: the key is no name for a cluster"},
      {"same name", "clusters:\n  a: {registry: r.example.com}\n  a: {registry: r.example.com}\n",
       "stands there twice"},
      {"unknown key", entry(registry + "pasword: hunter2"),
       "unknown key 'pasword' in cluster 'a'; did you mean 'password'?"},
      {"no registry", entry("insecure: true"), "cluster 'a' has no 'registry'"},
      {"bad registry", entry("registry: 'r.example.com/shop'"), "clusters.yaml:2:17: 'registry' of cluster 'a': "},
      {"registry with credentials", entry("registry: 'me:hunter2@r.example.com'"), "holds credentials"},
      {"literal password", entry(registry + "username: u, password: hunter2"),
       "'password' of cluster 'a' must be a reference, not the value itself; write file:PATH, env:NAME or exec:"},
      {"literal password with a colon", entry(registry + "username: u, password: 'x:hunter2'"), "must be a reference"},
      {"literal token", entry("api: 'https://api.example.com', token: hunter2"), "must be a reference"},
      {"token without api", entry(registry + "token: 'env:T'"), "has a 'token' without an 'api'"},
      {"password as a list", entry(registry + "username: u, password: [hunter2]"), "must be a text, not a list"},
      {"password that looks like an alias", entry(registry + "username: u, password: *hunter2"), "anchors and aliases"},
      {"password that looks like a tag", entry(registry + "username: u, password: !hunter2 x"), "tags (!name"},
      {"empty file:", entry(registry + "username: u, password: 'file:'"), "nothing after 'file:'"},
      {"bad env:", entry(registry + "username: u, password: 'env:hunter2!'"), "does not name an environment variable"},
      {"quotes in exec:", entry(registry + "username: u, password: 'exec:vault \"hunter2\"'"), "splits at blanks"},
      {"username alone", entry(registry + "username: u"), "has 'username' without 'password'"},
      {"password alone", entry(registry + "password: 'env:P'"), "has 'password' without 'username'"},
      {"ca without file:", entry(registry + "ca: /etc/ca.crt"),
       "'ca' of cluster 'a' must name a file; write file:PATH"},
      {"ca from env:", entry(registry + "ca: 'env:CA'"), "must name a file"},
      {"client-key from exec:", entry(registry + "client-cert: 'file:c', client-key: 'exec:hunter2'"),
       "must name a file"},
      {"client-cert alone", entry(registry + "client-cert: 'file:c'"), "has 'client-cert' without 'client-key'"},
      {"client-key alone", entry(registry + "client-key: 'file:k'"), "has 'client-key' without 'client-cert'"},
      {"insecure: yes", entry(registry + "insecure: yes"), "write true"},
      {"proxy without a scheme", entry(registry + "proxy: 'proxy:3128'"), "is no proxy address"},
      {"proxy without a host", entry(registry + "proxy: 'http://'"), "is no proxy address"},
      {"proxy with a password", entry(registry + "proxy: 'http://u:hunter2@proxy:3128'"), "holds credentials"},
      {"api without https", entry("api: 'http://api.example.com'"), "is no API address"},
      {"api with a password", entry("api: 'https://u:hunter2@api.example.com'"), "is no API address"},
  };
  for (const auto& [name, text, expected] : rows) {
    const auto clusters = parse(text);
    const auto sentence = problem(clusters);
    EXPECT_NE(sentence.find(expected), std::string::npos) << name << ": " << sentence;
    EXPECT_EQ(sentence.find("hunter2"), std::string::npos) << name << ": " << sentence;
    if (clusters.ok()) continue;
    EXPECT_EQ(clusters.error().kind(), ErrorKind::config) << name;
    EXPECT_TRUE(clusters.error().position().has_value()) << name;
  }
}

TEST(Clusters, PrefersTheFlagThenTheConfigFolder) {
  const Folder folder;
  const auto named = folder.write("mine.yaml", "clusters: {named: {registry: r.example.com}}\n");
  folder.write("config/sluice/clusters.yaml", "clusters: {found: {registry: r.example.com}}\n");
  const auto environment = variables({{"XDG_CONFIG_HOME", (folder.path() / "config").string()}});

  const auto by_flag = load_clusters(named, environment);
  ASSERT_TRUE(by_flag.ok()) << problem(by_flag);
  EXPECT_TRUE(by_flag->entries.contains("named"));
  EXPECT_EQ(by_flag->file, named);

  const auto by_folder = load_clusters(std::nullopt, environment);
  ASSERT_TRUE(by_folder.ok()) << problem(by_folder);
  EXPECT_TRUE(by_folder->entries.contains("found"));
}

TEST(Clusters, AreNoneWhenThereIsNoFile) {
  if (std::filesystem::exists("/etc/sluice/clusters.yaml"))
    GTEST_SKIP() << "this machine has /etc/sluice/clusters.yaml";
  const Folder folder;
  const auto clusters = load_clusters(std::nullopt, variables({{"XDG_CONFIG_HOME", folder.path().string()}}));
  ASSERT_TRUE(clusters.ok()) << problem(clusters);
  EXPECT_TRUE(clusters->file.empty());
  EXPECT_TRUE(clusters->entries.empty());
}

TEST(Clusters, AreAConfigErrorWhenTheNamedFileIsMissing) {
  const Folder folder;
  const auto clusters = load_clusters(folder.path() / "none.yaml", variables({}));
  ASSERT_FALSE(clusters.ok());
  EXPECT_EQ(clusters.error().kind(), ErrorKind::config);
  EXPECT_NE(problem(clusters).find("check --clusters"), std::string::npos) << problem(clusters);
}

TEST(Clusters, DoNotFallThroughAWrongFile) {
  const Folder folder;
  folder.write("sluice/clusters.yaml", "clusters: [oops]\n");
  EXPECT_FALSE(load_clusters(std::nullopt, variables({{"XDG_CONFIG_HOME", folder.path().string()}})).ok());
}

}  // namespace
}  // namespace sluice::pipeline
