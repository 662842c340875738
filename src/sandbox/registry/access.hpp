#pragma once
// Who asks the registry, and whether it may: credentials, the rights each request needs, and the forms of 401.
// Source: OpenShift's image registry, "auth": every refusal is a 401; the challenge tells why.

#include "net/server/http_server.hpp"
#include "sandbox/core/http_text.hpp"
#include "sandbox/images/registry_backend.hpp"
#include "sandbox/registry/path.hpp"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::sandbox {

/// A request that may go on.
struct Admission {
  Caller caller;
  std::string actor;           ///< the user name of a Basic header: any text, it proves nothing
  bool source_denied = false;  ///< no right on the source of a mount: an ordinary upload then
};

/// A right as the 401 names it: the repository "p/s", action "pull".
struct AccessRecord {
  std::string type;
  std::string name;
  std::string action;
};

/// What a request to `path` needs.
std::vector<AccessRecord> access_records(std::string_view method, const RegistryPath& path, const Query& query);

/// Looks at credentials and rights. The reply is a 401, or 400 without a body for names that are not "project/stream".
std::variant<Admission, net::ServerReply> admit(RegistryBackend& backend, const net::ServerRequest& request,
                                                const std::vector<AccessRecord>& records);

/// The reply to GET /openshift/token.
net::ServerReply give_token(RegistryBackend& backend, const net::ServerRequest& request);

/// "http://host:port" as the client knows this registry, proxies included.
std::string base_url(const net::ServerRequest& request);

/// The two parts of "project/stream"; empty when it has another number of parts.
struct StreamName {
  std::string ns;
  std::string stream;
};
std::optional<StreamName> stream_name(std::string_view repository);

}  // namespace sluice::sandbox
