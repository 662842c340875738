#include "kube/identity/kubeconfig.hpp"

#include "kube/identity/access.hpp"
#include "kube/identity/kubeconfig_write.hpp"
#include "unit/kube/kube_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sys/stat.h>

namespace sluice::kube {
namespace {

using testing::failed_with;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing::why;

constexpr const char* kPem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

class KubeconfigTest : public ::testing::Test {
 protected:
  Environment environment() {
    return Environment([this](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  }
  std::filesystem::path write(const std::string& name, const std::string& content) {
    std::filesystem::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << content;
    return folder / name;
  }
  static std::string read(const std::filesystem::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Result<Kubeconfig> load() { return load_kubeconfig(environment()); }

  support::TempFolder folder;
  std::map<std::string, std::string, std::less<>> variables{{"HOME", folder.path().string()}};
};

const std::string kFull = R"(apiVersion: v1
kind: Config
current-context: shop/api-example-com:6443/ann
preferences: {}
clusters:
- cluster:
    server: https://api.example.com:6443
    certificate-authority: pki/ca.crt
    proxy-url: http://proxy.example.com:3128
    tls-server-name: kubernetes
  name: api-example-com:6443
contexts:
- context: {cluster: "api-example-com:6443", namespace: shop, user: ann/api-example-com:6443}
  name: shop/api-example-com:6443/ann
users:
- name: ann/api-example-com:6443
  user:
    token: sha256~abc
)";

TEST_F(KubeconfigTest, ReadsClustersUsersAndContexts) {
  const auto config = parse_kubeconfig(kFull, "/home/ann/.kube/config");
  ASSERT_TRUE(config.ok()) << why(config);
  EXPECT_EQ(config->current_context, "shop/api-example-com:6443/ann");
  const auto context = config->context("");
  ASSERT_TRUE(context.ok()) << why(context);
  EXPECT_EQ((*context)->project, "shop");
  const auto& cluster = config->clusters.at("api-example-com:6443");
  EXPECT_EQ(cluster.server, "https://api.example.com:6443");
  EXPECT_EQ(cluster.ca_file, "/home/ann/.kube/pki/ca.crt");
  EXPECT_EQ(cluster.proxy_url, "http://proxy.example.com:3128");
  EXPECT_EQ(cluster.tls_server_name, "kubernetes");
  EXPECT_EQ(config->users.at("ann/api-example-com:6443").token.reveal(), "sha256~abc");
  EXPECT_EQ(config->context_for_server("https://API.example.com:6443/"), *context);
  EXPECT_EQ(config->context_for_server("https://other.example.com"), nullptr);
}

TEST_F(KubeconfigTest, ReadsJsonAsWell) {
  const auto config = parse_kubeconfig(R"({"kind": "Config", "clusters": [{"name": "a", "cluster":
	{"server": "https://a.example.com", "insecure-skip-tls-verify": true}}],
    "contexts": [{"name": "c", "context": {"cluster": "a", "user": "u"}}],
    "users": [{"name": "u", "user": {"token": "12345"}}], "current-context": "c"})",
                                       "config");
  ASSERT_TRUE(config.ok()) << why(config);
  EXPECT_TRUE(config->clusters.at("a").insecure);
  EXPECT_EQ(config->users.at("u").token.reveal(), "12345");
}

TEST_F(KubeconfigTest, DecodesDataAndPrefersItToFiles) {
  const auto data = std::string("LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=");
  const auto config = parse_kubeconfig(
      "clusters:\n- name: a\n  cluster: {server: 'https://a', certificate-authority: x, "
      "certificate-authority-data: " +
          data +
          "}\n"
          "users:\n- name: u\n  user: {client-certificate-data: " +
          data + ", client-key-data: " + data + "}\n",
      "config");
  ASSERT_TRUE(config.ok()) << why(config);
  EXPECT_EQ(config->clusters.at("a").ca_pem, kPem);
  EXPECT_EQ(config->users.at("u").client_cert_pem, kPem);
  EXPECT_EQ(config->users.at("u").client_key_pem.reveal(), kPem);
}

TEST_F(KubeconfigTest, RefusesWhatIsWrongWithoutRepeatingSecrets) {
  struct Row {
    const char* name;
    std::string text;
    const char* part;
  };
  const std::vector<Row> rows{
      {"a list", "[1]", "must be a map"},
      {"another kind", "kind: Pod\n", "its kind is 'Pod'"},
      {"clusters as a map", "clusters: {a: b}\n", "'clusters' must be a list"},
      {"token as a list", "users:\n- name: u\n  user: {token: [hunter2]}\n", "'token' of user 'u' must be a text"},
      {"bad base64", "users:\n- name: u\n  user: {client-key-data: '!hunter2!'}\n", "is not base64"},
      {"CA and insecure",
       "clusters:\n- name: a\n  cluster: {certificate-authority: x, insecure-skip-tls-verify: true}\n",
       "has a CA together with"},
      {"insecure as a word", "clusters:\n- name: a\n  cluster: {insecure-skip-tls-verify: yes}\n", "true or false"},
      {"exec without version", "users:\n- name: u\n  user: {exec: {command: x}}\n", "no usable 'apiVersion'"},
      {"exec without command", "users:\n- name: u\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1}}\n",
       "has no 'command'"},
      {"broken YAML", "clusters: [\n", "config"},
  };
  for (const auto& row : rows) {
    const auto config = parse_kubeconfig(row.text, "config");
    ASSERT_TRUE(failed_with(config, ErrorKind::config, row.part)) << row.name;
    EXPECT_THAT(config.error().sentence(), Not(HasSubstr("hunter2"))) << row.name;
  }
}

TEST_F(KubeconfigTest, MergesFilesFirstOneWins) {
  write("one", "current-context: ''\nusers:\n- {name: u, user: {token: first}}\n");
  write("two",
        "current-context: c\nusers:\n- {name: u, user: {token: second}}\n- {name: v, user: {token: other}}\n"
        "contexts:\n- {name: c, context: {cluster: a, user: u}}\n");
  variables["KUBECONFIG"] =
      (folder / "missing").string() + "::" + (folder / "one").string() + ":" + (folder / "two").string();
  const auto config = load();
  ASSERT_TRUE(config.ok()) << why(config);
  EXPECT_EQ(config->files.size(), 2U);
  EXPECT_EQ(config->users.at("u").token.reveal(), "first");
  EXPECT_EQ(config->users.at("v").token.reveal(), "other");
  EXPECT_EQ(config->current_context, "c");
}

TEST_F(KubeconfigTest, WithoutAFileThereIsNoContext) {
  const auto config = load();
  ASSERT_TRUE(config.ok()) << why(config);
  EXPECT_TRUE(failed_with(config->context(""), ErrorKind::config, "there is no kubeconfig; log in with: sluice login"));
  EXPECT_TRUE(
      failed_with(parse_kubeconfig("", "x")->context(""), ErrorKind::config, "no kubeconfig context is current"));
  const auto full = parse_kubeconfig(kFull, "x");
  EXPECT_TRUE(failed_with(full->context("shop/api-example-com:6443/anna"), ErrorKind::config,
                          "did you mean 'shop/api-example-com:6443/ann'?"));
}

TEST_F(KubeconfigTest, StoresALoginUnderTheNamesOfOc) {
  const auto stored = store_login(environment(), {.server = "https://api.example.com:6443",
                                                  .user = "ann",
                                                  .project = "shop",
                                                  .token = Secret("sha256~abc"),
                                                  .ca_file = "/etc/ca.crt",
                                                  .ca_pem = "",
                                                  .insecure = false,
                                                  .context = ""});
  ASSERT_TRUE(stored.ok()) << why(stored);
  EXPECT_EQ(stored->file, folder / ".kube/config");
  EXPECT_EQ(stored->context, "shop/api-example-com:6443/ann");
  EXPECT_EQ(read(stored->file),
            "apiVersion: v1\nkind: Config\n"
            "clusters:\n- name: api-example-com:6443\n  cluster:\n    server: https://api.example.com:6443\n"
            "    certificate-authority: /etc/ca.crt\n"
            "users:\n- name: ann/api-example-com:6443\n  user:\n    token: sha256~abc\n"
            "contexts:\n- name: shop/api-example-com:6443/ann\n  context:\n    cluster: api-example-com:6443\n"
            "    namespace: shop\n    user: ann/api-example-com:6443\n"
            "current-context: shop/api-example-com:6443/ann\n");
  struct stat info{};
  ASSERT_EQ(::stat(stored->file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
}

TEST_F(KubeconfigTest, KeepsEverythingElseThatIsInTheFile) {
  const auto file = write(".kube/config", R"(# mine
apiVersion: v1
kind: Config
preferences: {colors: true}
extensions:
- name: odd
  extension: {a: [1, two, "3", null, {}], b: "yes", c: 'it''s'}
clusters:
- {name: other, cluster: {server: "https://other", extra: 1.10}}
users:
- name: other
  user: {client-key-data: QQ==, exec: {apiVersion: client.authentication.k8s.io/v1, command: x, args: ["", "-n", "0123"]}}
contexts: []
current-context: other
)");
  const auto before = parse_kubeconfig(read(file), file);
  ASSERT_TRUE(before.ok()) << why(before);
  KubeLogin login{"https://api.example.com:6443", "bob", "", Secret("t"), "", kPem, false, ""};
  ASSERT_TRUE(store_login(environment(), login).ok());
  const auto text = read(file);
  for (const auto* part :
       {"preferences:\n  colors: true\n", "- name: odd\n", "- two\n", "- \"3\"\n", "- null\n", "- {}\n", "b: \"yes\"\n",
        "it's", "extra: 1.10\n", "- \"\"\n", "- \"-n\"\n", "- \"0123\"\n", "certificate-authority-data: LS0tLS1CRUdJTi",
        "current-context: /api-example-com:6443/bob\n"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
  const auto after = parse_kubeconfig(text, file);
  ASSERT_TRUE(after.ok()) << why(after) << text;
  EXPECT_EQ(after->users.at("other").exec, before->users.at("other").exec);
  EXPECT_EQ(after->clusters.at("api-example-com:6443").ca_pem, kPem);
}

TEST_F(KubeconfigTest, WritesEntriesWhereTheyStand) {
  const auto one = write("one", "users:\n- {name: 'ann/api:443', user: {token: old, client-certificate: c}}\n");
  const auto two =
      write("two", "current-context: x\nclusters:\n- {name: mine, cluster: {server: 'https://api:443'}}\n");
  variables["KUBECONFIG"] = (folder / "missing").string() + ":" + one.string() + ":" + two.string();
  const auto stored = store_login(environment(), {"https://api:443", "ann", "p", Secret("new"), "", "", false, ""});
  ASSERT_TRUE(stored.ok()) << why(stored);
  EXPECT_EQ(stored->file, one) << "new entries go into the first file that is there";
  EXPECT_THAT(read(one), HasSubstr("token: new"));
  EXPECT_THAT(read(one), Not(HasSubstr("client-certificate"))) << "it would win over the token";
  EXPECT_THAT(read(one), HasSubstr("cluster: mine")) << "the server has a name already";
  EXPECT_THAT(read(two), HasSubstr("current-context: p/api:443/ann")) << "the first file that names one decides";
  EXPECT_FALSE(std::filesystem::exists(folder / "missing"));
}

TEST_F(KubeconfigTest, LogsInToAContextThatIsThere) {
  const auto file = write(".kube/config", kFull);
  const auto stored = store_login(environment(), {"https://api.example.com:6443", "bob", "shop", Secret("b"), "", "",
                                                  false, "shop/api-example-com:6443/ann"});
  ASSERT_TRUE(stored.ok()) << why(stored);
  const auto config = load();
  ASSERT_TRUE(config.ok()) << why(config);
  EXPECT_EQ(config->contexts.size(), 1U);
  EXPECT_EQ(config->contexts.at("shop/api-example-com:6443/ann").user, "bob/api-example-com:6443");
}

TEST_F(KubeconfigTest, FollowsALinkInsteadOfReplacingIt) {
  const auto real = write("dotfiles/kube", kFull);
  std::filesystem::create_directories(folder / ".kube");
  std::filesystem::create_symlink(real, folder / ".kube/config");
  ASSERT_TRUE(
      store_login(environment(), {"https://api.example.com:6443", "bob", "", Secret("b"), "", "", false, ""}).ok());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / ".kube/config"));
  EXPECT_THAT(read(real), HasSubstr("bob/api-example-com:6443"));
}

TEST_F(KubeconfigTest, ForgetsATokenAndNothingElse) {
  const auto file = write(".kube/config", kFull);
  const auto config = load();
  ASSERT_TRUE(config.ok()) << why(config);
  const auto erased = erase_token(*config, "ann/api-example-com:6443");
  ASSERT_TRUE(erased.ok()) << why(erased);
  EXPECT_TRUE(erased->erased);
  EXPECT_THAT(read(file), Not(HasSubstr("sha256~abc")));
  EXPECT_THAT(read(file), HasSubstr("name: ann/api-example-com:6443\n  user: {}\n"));
  EXPECT_FALSE(erase_token(*load(), "ann/api-example-com:6443")->erased);
  EXPECT_FALSE(erase_token(*load(), "nobody")->erased);
}

TEST_F(KubeconfigTest, WritesJsonBackAsJson) {
  const auto file = write(".kube/config", R"({"kind": "Config", "users": [], "n": 1.5, "on": "yes"})");
  ASSERT_TRUE(store_login(environment(), {"https://api:443", "ann", "", Secret("t"), "", "", true, ""}).ok());
  const auto text = read(file);
  EXPECT_THAT(text, StartsWith("{"));
  EXPECT_THAT(text, HasSubstr("\"n\": 1.5"));
  EXPECT_THAT(text, HasSubstr("\"insecure-skip-tls-verify\": true"));
}

TEST_F(KubeconfigTest, LeavesABrokenFileAlone) {
  const auto file = write(".kube/config", "users: [\n");
  EXPECT_TRUE(failed_with(store_login(environment(), {"https://api:443", "ann", "", Secret("t"), "", "", false, ""}),
                          ErrorKind::config, ".kube/config"));
  EXPECT_EQ(read(file), "users: [\n");
}

// What becomes of a context.

TEST_F(KubeconfigTest, AContextBecomesAnAccess) {
  const auto config = parse_kubeconfig(kFull, "/k/config");
  const auto access = access_of_context(*config, "");
  ASSERT_TRUE(access.ok()) << why(access);
  EXPECT_EQ(access->server.text(), "https://api.example.com:6443/");
  EXPECT_EQ(access->project, "shop");
  EXPECT_EQ(access->endpoint->ca_files, std::vector<std::string>{"/k/pki/ca.crt"});
  EXPECT_EQ(access->endpoint->tls_server_name, "kubernetes");
  EXPECT_EQ(access->endpoint->proxy, "http://proxy.example.com:3128");
  EXPECT_TRUE(access->endpoint->verify_tls);
  const auto shown = access->identity->present({Deadline::never(), {}});
  ASSERT_TRUE(shown.ok()) << why(shown);
  EXPECT_EQ(shown->token.reveal(), "sha256~abc");
  EXPECT_EQ(access->identity->explain(), "the token of the user ann/api-example-com:6443 in /k/config");
}

TEST_F(KubeconfigTest, ContextsThatLeadNowhereSayWhy) {
  struct Row {
    const char* name;
    std::string text;
    ErrorKind kind;
    const char* part;
  };
  const std::string context = "contexts:\n- {name: c, context: {cluster: a, user: u}}\ncurrent-context: c\n";
  const std::string cluster = context + "clusters:\n- {name: a, cluster: {server: 'https://a'}}\n";
  const std::vector<Row> rows{
      {"no cluster", context, ErrorKind::config, "names the cluster 'a', which is not there"},
      {"no user", cluster, ErrorKind::config, "names the user 'u', which is not there"},
      {"plain http", context + "clusters:\n- {name: a, cluster: {server: 'http://a.example.com'}}\n", ErrorKind::config,
       "over https"},
      {"no server", context + "clusters:\n- {name: a, cluster: {}}\n", ErrorKind::config, "is no address"},
      {"auth-provider", cluster + "users:\n- {name: u, user: {auth-provider: {name: oidc}}}\n", ErrorKind::unsupported,
       "'auth-provider'"},
      {"impersonation", cluster + "users:\n- {name: u, user: {token: t, as: boss}}\n", ErrorKind::unsupported, "'as'"},
      {"password", cluster + "users:\n- {name: u, user: {username: u, password: p}}\n", ErrorKind::unsupported,
       "user name and password"},
      {"certificate without key", cluster + "users:\n- {name: u, user: {client-certificate: c}}\n", ErrorKind::config,
       "without its key"},
  };
  for (const auto& row : rows) {
    const auto config = parse_kubeconfig(row.text, "/k/config");
    ASSERT_TRUE(config.ok()) << row.name << ": " << why(config);
    if (std::string(row.name) == "plain http" || std::string(row.name) == "no server") {
      auto with_user = *config;
      with_user.users["u"] = KubeUser{};
      EXPECT_TRUE(failed_with(access_of_context(with_user, ""), row.kind, row.part)) << row.name;
    } else {
      EXPECT_TRUE(failed_with(access_of_context(*config, ""), row.kind, row.part)) << row.name;
    }
  }
}

TEST_F(KubeconfigTest, MixesInlineAndFileForms) {
  write("key.pem", "KEY");
  const auto config = parse_kubeconfig(
      "contexts:\n- {name: c, context: {cluster: a, user: u}}\ncurrent-context: c\n"
      "clusters:\n- {name: a, cluster: {server: 'https://a'}}\n"
      "users:\n- {name: u, user: {client-certificate-data: Q0VSVA==, client-key: key.pem}}\n",
      folder / "config");
  ASSERT_TRUE(config.ok()) << why(config);
  const auto access = access_of_context(*config, "");
  ASSERT_TRUE(access.ok()) << why(access);
  EXPECT_EQ(access->endpoint->client_cert_pem, "CERT");
  EXPECT_EQ(access->endpoint->client_key_pem.reveal(), "KEY");
}

TEST_F(KubeconfigTest, APodHasItsServiceAccount) {
  EXPECT_FALSE(*access_in_cluster(environment(), folder / "sa")) << "not in a pod";
  variables["KUBERNETES_SERVICE_HOST"] = "10.0.0.1";
  variables["KUBERNETES_SERVICE_PORT"] = "443";
  EXPECT_FALSE(*access_in_cluster(environment(), folder / "sa")) << "no token is mounted";
  write("sa/token", "first\n");
  write("sa/ca.crt", kPem);
  write("sa/namespace", "shop");
  testing::FakeTime time;
  const auto access = access_in_cluster(environment(), folder / "sa", time.timing());
  ASSERT_TRUE(access.ok() && *access) << why(access);
  const auto& pod = **access;
  EXPECT_EQ(pod.server.text(), "https://10.0.0.1/");
  EXPECT_EQ(pod.project, "shop");
  EXPECT_TRUE(pod.in_cluster);
  EXPECT_EQ(pod.endpoint->proxy, "");
  const auto token = [&] { return pod.identity->present({Deadline::never(), {}})->token.reveal(); };
  EXPECT_EQ(token(), "first");
  write("sa/token", "second\n");
  time.pass(std::chrono::seconds(59));
  EXPECT_EQ(token(), "first");
  time.pass(std::chrono::seconds(1));
  EXPECT_EQ(token(), "second") << "read again within a minute";
}

}  // namespace
}  // namespace sluice::kube
