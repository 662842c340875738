// exec_identity of identity.hpp: credentials from a program that the kubeconfig names.
// Source: Kubernetes documentation, "client-go credential plugins"; client.authentication.k8s.io/v1.

#include "base/encoding.hpp"
#include "base/guarded.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kube/identity/identity.hpp"
#include "kube/objects/object.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <utility>

namespace sluice::kube {

namespace {

constexpr std::chrono::seconds kTimeout{60};
constexpr std::size_t kMaxOutput = std::size_t{1024} * 1024;
// A token that ends while the request is on its way is of no use.
constexpr std::chrono::seconds kMargin{10};

using WallTime = std::chrono::system_clock::time_point;

// RFC 3339 in UTC or with an offset; fractions of a second are dropped.
std::optional<WallTime> parse_time(const std::string& text) {
  std::tm parts{};
  const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr) return std::nullopt;
  std::string_view zone(rest);
  if (zone.starts_with('.')) zone.remove_prefix(std::min(zone.find_first_not_of("0123456789", 1), zone.size()));
  auto seconds = ::timegm(&parts);
  if (zone != "Z" && zone != "z") {
    std::tm offset{};
    if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') ||
        ::strptime(zone.data() + 1, "%H:%M", &offset) == nullptr) {
      return std::nullopt;
    }
    const auto shift = offset.tm_hour * 3600 + offset.tm_min * 60;
    seconds += zone[0] == '+' ? -shift : shift;
  }
  return std::chrono::system_clock::from_time_t(seconds);
}

struct PluginAnswer {
  Presented shown;
  std::optional<WallTime> until;
};

class ExecIdentity final : public Identity {
 public:
  ExecIdentity(ExecPlugin plugin, ExecCluster cluster, std::string source, Timing timing, RunProgram run)
      : plugin_(std::move(plugin)),
        cluster_(std::move(cluster)),
        source_(std::move(source)),
        timing_(std::move(timing)),
        run_(std::move(run)) {
    if (!run_) {
      run_ = [](const auto& argv, const auto& variables, std::stop_token stop) {
        return run_process(argv, "", kTimeout, kMaxOutput, std::move(stop), variables);
      };
    }
  }

  Result<Presented> present(const net::ExchangeContext& context) override {
    if (auto held = held_now()) return std::move(*held);
    // One run at a time: plugins open browsers. Who waited finds the answer of the one who ran.
    const bool mine = running_.when_until([](bool running) { return !running; }, context.deadline, context.stop,
                                          [](bool& running) { return !std::exchange(running, true); });
    if (!mine) return Error(ErrorKind::timeout, "waited too long for the credential plugin").context(source_);
    auto result = present_now(context.stop);
    running_.update([](bool& running) { running = false; });
    return result;
  }

  bool refused(const Presented& shown) override {
    kept_.with([&](std::optional<PluginAnswer>& kept) {
      // Who uses the token alone knows nothing of a certificate beside it.
      const bool same = kept && kept->shown.token == shown.token &&
                        (shown.client_cert.empty() || kept->shown.client_cert == shown.client_cert);
      if (same) kept.reset();
    });
    return true;
  }

  std::string explain() const override { return source_; }
  CredentialOrigin origin() const override { return {CredentialOrigin::Kind::program, plugin_.argv.front()}; }

 private:
  Result<Presented> present_now(std::stop_token stop) {
    if (auto held = held_now()) return std::move(*held);
    SLUICE_TRY(auto answer, ask(std::move(stop)));
    kept_.with([&](std::optional<PluginAnswer>& kept) { kept = answer; });
    return std::move(answer.shown);
  }

  std::optional<Presented> held_now() const {
    return kept_.with([&](const std::optional<PluginAnswer>& kept) -> std::optional<Presented> {
      if (!kept || (kept->until && timing_.wall() + kMargin >= *kept->until)) return std::nullopt;
      return kept->shown;
    });
  }

  // KUBERNETES_EXEC_INFO. It names the cluster and holds nothing that is ours.
  std::string exec_info() const {
    Json spec = Json::object();
    spec.set("interactive", false);
    if (plugin_.provide_cluster_info) {
      Json cluster = Json::object();
      cluster.set("server", cluster_.server);
      if (!cluster_.tls_server_name.empty()) cluster.set("tls-server-name", cluster_.tls_server_name);
      if (cluster_.insecure) cluster.set("insecure-skip-tls-verify", true);
      if (!cluster_.ca_pem.empty()) cluster.set("certificate-authority-data", encoding::base64(cluster_.ca_pem));
      if (!cluster_.proxy_url.empty()) cluster.set("proxy-url", cluster_.proxy_url);
      spec.set("cluster", std::move(cluster));
    }
    return Json::object()
        .set("apiVersion", plugin_.api_version)
        .set("kind", "ExecCredential")
        .set("spec", std::move(spec))
        .dump();
  }

  Error failed(const std::string& why) const {
    return Error(ErrorKind::unauthenticated,
                 fmt::format("the credential plugin '{}' {}", text::printable(plugin_.argv.front(), 120), why))
        .with_hint("run it by hand to see why");
  }

  // What the program printed is not shown: it may be the credential.
  Result<PluginAnswer> ask(std::stop_token stop) {
    auto variables = plugin_.variables;
    variables.emplace_back("KUBERNETES_EXEC_INFO", exec_info());
    auto done = run_(plugin_.argv, variables, std::move(stop));
    if (!done) {
      auto error = std::move(done).error().context("asking for credentials (" + source_ + ")");
      if (error.kind() != ErrorKind::not_found || plugin_.install_hint.empty()) return error;
      return Error(ErrorKind::config, error.message()).with_hint(text::printable(plugin_.install_hint, 400));
    }
    if (done->exit_code != 0) return failed(fmt::format("ended with exit code {}", done->exit_code));
    return read_answer(done->output);
  }

  Result<PluginAnswer> read_answer(const std::string& output) const {
    const auto json = parse_json(output, {.max_bytes = kMaxOutput, .max_depth = 16, .max_values = 1000});
    if (!json || json->string_at("kind") != "ExecCredential") return failed("did not print an ExecCredential");
    if (const auto version = json->string_at("apiVersion"); version != plugin_.api_version) {
      return failed(fmt::format("speaks {} and not {}, as the kubeconfig says",
                                text::printable(version.value_or("no version"), 80), plugin_.api_version));
    }
    PluginAnswer answer;
    answer.shown.token = Secret(text_at(*json, {"status", "token"}));
    answer.shown.client_cert = text_at(*json, {"status", "clientCertificateData"});
    answer.shown.client_key = Secret(text_at(*json, {"status", "clientKeyData"}));
    if (answer.shown.client_cert.empty() != answer.shown.client_key.empty()) {
      return failed("gave a certificate without its key, or the other way round");
    }
    if (answer.shown.anonymous()) return failed("gave neither a token nor a certificate");
    if (!answer.shown.token.empty()) {
      SLUICE_CHECK(check_token(answer.shown.token, "what the credential plugin gave"));
    }
    if (const auto time = text_at(*json, {"status", "expirationTimestamp"}); !time.empty()) {
      answer.until = parse_time(time);
      if (!answer.until) return failed("gave an expiry that is no time");
    }
    return answer;
  }

  const ExecPlugin plugin_;
  const ExecCluster cluster_;
  const std::string source_;
  const Timing timing_;
  RunProgram run_;
  Guarded<std::optional<PluginAnswer>> kept_;
  Watched<bool> running_{false};
};

}  // namespace

IdentityPtr exec_identity(ExecPlugin plugin, ExecCluster cluster, std::string source, Timing timing, RunProgram run) {
  return std::make_shared<ExecIdentity>(std::move(plugin), std::move(cluster), std::move(source), std::move(timing),
                                        std::move(run));
}

}  // namespace sluice::kube
