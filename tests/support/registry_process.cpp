#include "support/registry_process.hpp"

#include "base/process.hpp"
#include "base/text.hpp"

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace sluice::support {

namespace {

constexpr const char* kProgram = "docker-registry";
constexpr const char* kConfig = R"(version: 0.1
log: {level: info, formatter: text, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: /nowhere}
  delete: {enabled: true}
  maintenance: {uploadpurging: {enabled: false}}
http: {addr: "127.0.0.1:0", secret: "only for tests"}
)";

}  // namespace

std::string RegistryProcess::missing() {
  return find_program(kProgram) ? "" : "docker-registry is not installed (Debian package docker-registry)";
}

RegistryProcess::RegistryProcess(Options options) {
  std::ofstream(folder_ / "config.yml") << kConfig;
  // Settings that differ come from the environment, as the registry documents.
  environment_ = {"OTEL_TRACES_EXPORTER=none",
                  "REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY=" + (folder_ / "storage").string()};
  if (options.tls != nullptr) {
    environment_.push_back("REGISTRY_HTTP_TLS_CERTIFICATE=" + options.tls->server_cert);
    environment_.push_back("REGISTRY_HTTP_TLS_KEY=" + options.tls->server_key);
    if (options.client_certificates) environment_.push_back("REGISTRY_HTTP_TLS_CLIENTCAS=[" + options.tls->ca + "]");
  }
  if (!options.token_realm.empty()) {
    environment_.push_back("REGISTRY_AUTH=token");
    environment_.push_back("REGISTRY_AUTH_TOKEN_REALM=" + options.token_realm);
    environment_.push_back("REGISTRY_AUTH_TOKEN_SERVICE=tests");
    environment_.push_back("REGISTRY_AUTH_TOKEN_ISSUER=nobody");
    environment_.push_back("REGISTRY_AUTH_TOKEN_ROOTCERTBUNDLE=" + options.tls->server_cert);
  }
  start();
}

void RegistryProcess::start() {
  const auto program = find_program(kProgram);
  if (!program) throw std::runtime_error(missing());
  process_ = std::make_unique<ChildProcess>(
      std::vector{*program, std::string("serve"), (folder_ / "config.yml").string()}, environment_);
  const auto port = process_->wait_for_number_after("listening on 127.0.0.1:");
  if (!port) throw std::runtime_error("docker-registry did not start: " + process_->output());
  host_ = "127.0.0.1:" + std::to_string(*port);
}

std::string RegistryProcess::collect_garbage() {
  process_.reset();
  ProcessVariables variables;
  for (const auto& line : environment_) {
    const auto [name, value] = text::cut(line, '=');
    variables.emplace_back(name, value);
  }
  const auto ran =
      run_process({*find_program(kProgram), "garbage-collect", "--delete-untagged", (folder_ / "config.yml").string()},
                  "", std::chrono::seconds(60), std::size_t{1} << 20U, {}, variables);
  if (!ran) throw std::runtime_error("docker-registry garbage-collect: " + ran.error().sentence());
  if (ran->exit_code != 0) throw std::runtime_error("docker-registry garbage-collect: " + ran->error_output);
  start();
  return ran->output;
}

}  // namespace sluice::support
