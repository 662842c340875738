#include "sandbox_program/serve.hpp"

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/guarded.hpp"
#include "cli/commands/commands.hpp"
#include "findings/catalogue.hpp"
#include "sandbox/control/demo_scenario.hpp"
#include "sandbox/control/sandbox.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace sluice::sandbox_program {

using cli::Console;
using cli::SandboxRun;

namespace {

namespace fs = std::filesystem;

/// The folder with kubeconfig and CA; one of our own is removed at the end.
class WriteFolder {
 public:
  static Result<WriteFolder> open(const std::string& wanted) {
    if (!wanted.empty()) return WriteFolder(fs::absolute(wanted), false);
    std::error_code error;
    auto pattern = (fs::temp_directory_path(error) / "sluice-sandbox-XXXXXX").string();
    if (error || ::mkdtemp(pattern.data()) == nullptr) {
      return Error(ErrorKind::storage, "no temporary folder could be made for the kubeconfig")
          .with_hint("name one with --write-dir DIR");
    }
    return WriteFolder(pattern, true);
  }
  ~WriteFolder() {
    std::error_code ignored;
    if (temporary_) fs::remove_all(path_, ignored);
  }
  WriteFolder(WriteFolder&& other) noexcept
      : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, false)) {}
  WriteFolder& operator=(WriteFolder&&) = delete;
  const fs::path& path() const { return path_; }

 private:
  WriteFolder(fs::path path, bool temporary) : path_(std::move(path)), temporary_(temporary) {}
  fs::path path_;
  bool temporary_;
};

struct Identity {
  std::string name;
  std::string token;
};

// One cluster "sandbox", and a context for each identity, named after it. The first one is current.
std::string kubeconfig(const sandbox::Addresses& addresses, const std::vector<Identity>& identities) {
  auto text = fmt::format("apiVersion: v1\nkind: Config\ncurrent-context: {}\npreferences: {{}}\nclusters:\n",
                          identities.front().name);
  text += fmt::format("- name: sandbox\n  cluster:\n    server: {}\n", addresses.api);
  if (!addresses.ca_pem.empty()) {
    text += fmt::format("    certificate-authority-data: {}\n", encoding::base64(addresses.ca_pem));
  }
  text += "contexts:\n";
  for (const auto& identity : identities) {
    text += fmt::format("- name: \"{0}\"\n  context:\n    cluster: sandbox\n    user: \"{0}\"\n", identity.name);
  }
  text += "users:\n";
  for (const auto& identity : identities) {
    text += fmt::format("- name: \"{}\"\n  user:\n", identity.name);
    // As on a master: the administrator comes with a certificate.
    if (identity.name == "system:admin" && !addresses.admin_key_pem.empty()) {
      text += fmt::format("    client-certificate-data: {}\n    client-key-data: {}\n",
                          encoding::base64(addresses.admin_certificate_pem), encoding::base64(addresses.admin_key_pem));
    } else {
      text += fmt::format("    token: {}\n", identity.token);
    }
  }
  return text;
}

Json document(const SandboxRun& run, sandbox::Sandbox& box, const fs::path& folder,
              const std::vector<Identity>& identities) {
  const auto& addresses = box.addresses();
  const auto names = box.world().with([](const sandbox::World& world) { return world.registry; });
  auto users = Json::array();
  for (const auto& identity : identities) {
    users.push(Json::object().set("name", identity.name).set("token", identity.token));
  }
  return Json::object()
      .set("schema", "sluice.sandbox/1")
      .set("profile", run.profile)
      .set("api", addresses.api)
      .set("registry", addresses.registry)
      .set("registry_url", addresses.registry_url)
      .set("registry_internal", names.internal)
      .set("registry_external", names.external)
      .set("control", addresses.control)
      .set("control_token", addresses.control_token)
      .set("admin_token", addresses.admin_token)
      .set("kubeconfig", (folder / "kubeconfig").string())
      .set("env", (folder / "env").string())
      .set("ca", addresses.ca_pem.empty() ? Json() : Json((folder / "ca.crt").string()))
      .set("users", std::move(users));
}

void print_text(const SandboxRun& run, const sandbox::Sandbox& box, const fs::path& folder,
                const std::vector<Identity>& identities, Console& console) {
  const auto& addresses = box.addresses();
  const auto& first = identities.front();
  console.out(console.bold(fmt::format("An OpenShift {} look-alike is running on this machine.", run.profile)) +
              "\n\n");
  console.out(fmt::format("  API         {}\n  registry    {}\n  kubeconfig  {}\n", addresses.api, addresses.registry,
                          (folder / "kubeconfig").string()));
  if (!addresses.ca_pem.empty()) console.out(fmt::format("  CA          {}\n", (folder / "ca.crt").string()));
  console.out(fmt::format("  control     {} (token {})\n\n", addresses.control, addresses.control_token));
  console.out("Look at it:\n");
  console.out(fmt::format("  . {}\n", findings::shell_word((folder / "env").string())));
  console.out(fmt::format("  printf %s '{}' | sluice login {} -u {} --password-stdin\n", first.token,
                          addresses.registry, first.name));
  if (identities.size() > 1) {
    console.out("\nTokens (any user name works with docker, podman and skopeo; the token is the password):\n");
    for (const auto& identity : identities) console.out(fmt::format("  {}  {}\n", identity.name, identity.token));
  }
  console.out(fmt::format("\nNothing is kept{}. Ctrl-C ends it.\n", run.storage.empty() ? "" : " but the blobs"));
}

// What is tried here stays apart from what is real: its own kubeconfig, logins and records.
std::string environment_file(const fs::path& folder) {
  return fmt::format(
      "# For a shell: the cluster, the logins and the records of this sandbox, and no others.\n"
      "export KUBECONFIG={}\nexport REGISTRY_AUTH_FILE={}\nexport SLUICE_STATE={}\n",
      findings::shell_word((folder / "kubeconfig").string()), findings::shell_word((folder / "auth.json").string()),
      findings::shell_word((folder / "records.db").string()));
}

Result<sandbox::Scenario> scenario_of(const SandboxRun& run) {
  if (!run.scenario.empty()) return sandbox::load_scenario(run.scenario);
  if (run.demo) return sandbox::parse_scenario(sandbox::kDemoScenario, "the demo scenario");
  return sandbox::Scenario{};
}

sandbox::SandboxOptions options_of(const SandboxRun& run) {
  sandbox::SandboxOptions options;
  options.profile = run.profile == "4.x" ? sandbox::Profile::v4 : sandbox::Profile::v3_11;
  options.tls = run.tls == "all"    ? sandbox::SandboxOptions::Tls::all
                : run.tls == "none" ? sandbox::SandboxOptions::Tls::none
                                    : sandbox::SandboxOptions::Tls::api;
  if (!run.storage.empty()) options.storage = run.storage;
  options.api_port = run.api_port;
  options.registry_port = run.registry_port;
  options.automatic_nodes = run.nodes == "auto";
  return options;
}

}  // namespace

cli::Exit serve(const SandboxRun& run, cli::Context& context) {
  SLUICE_TRY(const auto scenario, scenario_of(run));
  SLUICE_TRY(const auto folder, WriteFolder::open(run.write_dir));
  SLUICE_TRY(const auto box, sandbox::Sandbox::start(options_of(run)));
  SLUICE_TRY(const auto tokens, box->apply(scenario));

  std::vector<Identity> identities;
  for (const auto& [name, token] : tokens) identities.push_back({name, token});
  identities.push_back({"system:admin", box->addresses().admin_token});
  SLUICE_CHECK(replace_file(folder.path() / "kubeconfig", kubeconfig(box->addresses(), identities), 0600));
  SLUICE_CHECK(replace_file(folder.path() / "env", environment_file(folder.path()), 0600));
  if (!box->addresses().ca_pem.empty()) {
    SLUICE_CHECK(replace_file(folder.path() / "ca.crt", box->addresses().ca_pem, 0644));
  }
  if (context.json()) {
    context.print(document(run, *box, folder.path(), identities));
  } else {
    print_text(run, *box, folder.path(), identities, context.console);
  }
  // Runs until it is asked to stop, which is how a server ends well.
  Watched<bool> never(false);
  never.when([](bool stopped) { return stopped; }, context.stop, [](bool) {});
  return 0;
}

}  // namespace sluice::sandbox_program
