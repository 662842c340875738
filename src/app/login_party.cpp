#include "app/login_party.hpp"

#include "app/session.hpp"
#include "auth/challenge.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "net/address.hpp"
#include "oci/docker_hub.hpp"
#include "oci/reference.hpp"

#include <algorithm>

namespace sluice::app {

std::optional<RegistryAddress> registry_address(std::string_view text) {
  RegistryAddress out;
  if (const auto colon = text.find("://"); colon != std::string_view::npos) {
    out.scheme = text::lower(text.substr(0, colon));
    if (out.scheme != "http" && out.scheme != "https") return std::nullopt;
    text.remove_prefix(colon + 3);
  }
  const auto slash = std::min(text.find('/'), text.size());
  auto path = text.substr(slash);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!path.empty() && path != "/v1" && path != "/v2") return std::nullopt;
  auto host = oci::parse_registry(text.substr(0, slash));
  if (!host) return std::nullopt;
  out.is_sure = !path.empty() || *host == oci::kDockerHub;
  out.host = std::move(*host);
  return out;
}

bool is_registry_answer(const net::HttpResponse& response) {
  if (response.status != 200 && response.status != 401) return false;
  if (response.headers.get("docker-distribution-api-version")) return true;
  const auto body = parse_json(response.body, {.max_bytes = 256 * 1024, .max_depth = 16, .max_values = 10'000});
  if (body.ok() && body->string_at("kind") == "Status") return false;
  if (response.status == 200) return body.ok() && body->is_object() && body->members().empty();
  if (body.ok() && body->find("errors") != nullptr && body->find("errors")->is_array()) return true;
  for (const auto& value : response.headers.all("www-authenticate")) {
    for (const auto& challenge : auth::parse_challenges(value)) {
      if (challenge.scheme == "bearer" && net::Url::parse(challenge.get("realm")).ok()) return true;
    }
  }
  return false;
}

// Nothing of ours goes along: no credentials, and no client certificate, which is the user's name tag.
Result<bool> Session::answers_as_registry(const RegistryAddress& address, const std::string& ca_file) {
  const bool plain = address.scheme == "http";
  const bool insecure = options_.source.tls_verify == false;
  net::HttpRequest request;
  SLUICE_TRY(request.url, net::Url::parse(address.scheme + "://" + address.host + "/v2/"));
  if (plain && !insecure && !net::is_loopback_name(request.url.host)) return false;
  SLUICE_TRY(const auto* entry, entry_of("", address.host));
  SLUICE_TRY(auto options, registry_options(address.host, entry, options_.source));
  auto& endpoint = options.endpoint;
  endpoint.verify_tls = !options.insecure;
  endpoint.client_cert_file.clear();
  endpoint.client_key_file.clear();
  if (!ca_file.empty()) endpoint.ca_files.push_back(ca_file);
  if (plain && !insecure) endpoint.addresses = net::AddressRule::loopback_only;
  request.endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint));
  const auto reply = loop_.exchange(request, exchange_context());
  if (!reply && reply.error().kind() == ErrorKind::cancelled) return reply.error();
  return reply.ok() && is_registry_answer(*reply);
}

Result<std::optional<std::string>> Session::registry_for_login(const std::string& name, const std::string& ca_file,
                                                               bool may_ask) {
  using Found = std::optional<std::string>;
  const auto address = registry_address(name);
  if (!address) return Found();
  if (address->scheme.empty()) {
    // Contexts of the kubeconfig may be called anything, with a '/' in it too.
    SLUICE_TRY(const auto target, login_target(name));
    return target ? Found() : Found(address->host);
  }
  SLUICE_TRY(const auto* known, clusters());
  const auto server = net::Url::parse(name);
  for (const auto& [key, entry] : known->entries) {
    const auto api = net::Url::parse(entry.api);
    if (server && api && api->same_origin(*server)) return Found();
  }
  const auto config = kubeconfig();  // one that is broken keeps nobody from a registry
  if (config && (*config)->context_for_server(address->scheme + "://" + address->host) != nullptr) return Found();
  if (address->is_sure) return Found(address->host);
  for (const auto& [key, entry] : known->entries) {
    if (entry.registry == address->host) return Found(address->host);
  }
  if (!may_ask) return Found();
  SLUICE_TRY(const bool yes, answers_as_registry(*address, ca_file));
  return yes ? Found(address->host) : Found();
}

}  // namespace sluice::app
