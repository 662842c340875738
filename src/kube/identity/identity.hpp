#pragma once
// Identity: what we show to an API server with each request, and what can be done when it is refused.

#include "base/environment.hpp"
#include "base/process.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "kube/identity/kubeconfig.hpp"
#include "kube/timing.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace sluice::kube {

/// What goes along with one request.
struct Presented {
  Secret token;             ///< empty: no Authorization header
  std::string client_cert;  ///< PEM that came from a plugin; certificates of files are in the endpoint
  Secret client_key;
  bool anonymous() const { return token.empty() && client_cert.empty(); }
  friend bool operator==(const Presented&, const Presented&) = default;
};

/// Where credentials come from, so that people are told what to do there when they have ended.
struct CredentialOrigin {
  enum class Kind : std::uint8_t {
    nobody,       ///< no credentials
    login,        ///< an entry of a kubeconfig, as `sluice login` and `oc login` write them
    file,         ///< a file that holds a token and nothing else
    variable,     ///< an environment variable
    program,      ///< a credential plugin, or a command of the clusters file
    certificate,  ///< a client certificate
    pod,          ///< the service account of the pod that we are in
  };
  Kind kind = Kind::nobody;
  std::string name{};  ///< the user of the entry, the path, the variable, the program; may be empty
};

/// Thread: any.
class Identity {
 public:
  virtual ~Identity() = default;
  /// What to show now. Errors: config (a token that cannot be sent, an unreadable file), those of a plugin.
  virtual Result<Presented> present(const net::ExchangeContext& context) = 0;
  /// The server answered 401 to `shown`. True when present() may have something else now.
  virtual bool refused(const Presented& shown) = 0;
  /// Where it comes from, for people: "the token of user ann/api:6443 in ~/.kube/config". Never a secret.
  virtual std::string explain() const = 0;
  virtual CredentialOrigin origin() const = 0;
};

using IdentityPtr = std::shared_ptr<Identity>;

IdentityPtr anonymous_identity();
/// A client certificate that stands in the endpoint: nothing goes into the requests.
IdentityPtr certificate_identity(std::string source, std::string file = {});
/// `user`: of the kubeconfig entry that it stands in.
IdentityPtr token_identity(Secret token, std::string source, std::string user = {});

/// A token that others replace: read again once a minute and after a refusal. As long as the file cannot be read, its
/// last good content holds, and before that `fallback`. Source: client-go, "tokenFile"; bound service-account tokens.
IdentityPtr token_file_identity(std::filesystem::path file, Secret fallback, std::string source, Timing timing = {},
                                CredentialOrigin::Kind kind = CredentialOrigin::Kind::file);

/// A token from a reference (file:, env:, exec:): fetched when first needed, once a minute at most after a refusal.
IdentityPtr fetched_identity(std::function<Result<Secret>()> fetch, std::string source, CredentialOrigin origin = {},
                             Timing timing = {});

/// What a plugin is told about the cluster in KUBERNETES_EXEC_INFO when it asks for it.
struct ExecCluster {
  std::string server;
  std::string ca_pem;
  std::string tls_server_name;
  std::string proxy_url;
  bool insecure = false;
};

using RunProgram = std::function<Result<ProcessResult>(const std::vector<std::string>& argv,
                                                       const ProcessVariables& variables, std::stop_token stop)>;

/// A kubeconfig exec plugin: run without a shell, its answer kept until it expires, run once more after a refusal.
/// Precondition: the plugin's argv is not empty. `run` null: run_process with 60 s and 1 MiB.
IdentityPtr exec_identity(ExecPlugin plugin, ExecCluster cluster, std::string source, Timing timing = {},
                          RunProgram run = {});

/// Whether a token can stand in a header: visible ASCII only. Errors: config, naming `source` and never the token.
Status check_token(const Secret& token, std::string_view source);

}  // namespace sluice::kube
