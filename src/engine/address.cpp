#include "engine/address.hpp"

#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "net/address.hpp"

#include <filesystem>
#include <optional>
#include <utility>

namespace sluice::engine {

namespace {

constexpr const char* kDefaultSocket = "/var/run/docker.sock";
constexpr std::size_t kMaxFileBytes = std::size_t{1} * 1024 * 1024;

std::filesystem::path docker_folder(const Environment& environment) {
  const auto named = environment.get("DOCKER_CONFIG");
  return named ? std::filesystem::path(*named) : environment.home() / ".docker";
}

// The TLS files of one engine, as DOCKER_CERT_PATH and contexts keep them.
void use_tls_files(const std::filesystem::path& folder, net::Endpoint& endpoint) {
  std::error_code code;
  if (std::filesystem::exists(folder / "ca.pem", code)) endpoint.ca_files.push_back(folder / "ca.pem");
  if (!std::filesystem::exists(folder / "cert.pem", code)) return;
  endpoint.client_cert_file = folder / "cert.pem";
  endpoint.client_key_file = folder / "key.pem";
}

Result<Address> at_socket(const std::string& path, std::string shown, std::string origin) {
  if (path.empty() || path.front() != '/')
    return Error(ErrorKind::config, origin + " names the socket \"" + path + "\", which is no absolute path");
  net::Endpoint endpoint;
  endpoint.unix_socket = path;
  endpoint.proxy = "";
  Address out{.shown = std::move(shown), .origin = std::move(origin), .base = {}, .endpoint = {}};
  out.base = {.scheme = "http", .host = "engine", .port = 80, .target = "/"};
  out.endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint));
  out.socket = path;
  return out;
}

Result<Address> at_port(const std::string& rest, bool tls, net::Endpoint endpoint, std::string shown,
                        std::string origin) {
  auto authority = rest.substr(0, rest.find('/'));
  if (authority.rfind(':') == std::string::npos || authority.back() == ']') authority += tls ? ":2376" : ":2375";
  auto url = net::Url::parse((tls ? "https://" : "http://") + authority + "/");
  if (!url) return Error(ErrorKind::config, origin + " says \"" + shown + "\", which is no address of an engine");
  if (!tls && !net::is_loopback_name(url->host)) {
    return Error(ErrorKind::unsupported,
                 origin + " says " + shown + " without TLS: passwords of registries would travel in the clear")
        .with_hint("set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, or use a context with TLS");
  }
  if (!tls) endpoint.addresses = net::AddressRule::loopback_only;
  return Address{.shown = std::move(shown),
                 .origin = std::move(origin),
                 .base = std::move(*url),
                 .endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint))};
}

Result<Address> parse_host(const std::string& host, bool tls, net::Endpoint endpoint, std::string origin) {
  // Without a scheme it is HOST:PORT.
  const auto mark = host.find("://");
  const bool port_alone = mark == std::string::npos && host.find(':') != std::string::npos;
  const auto scheme = port_alone                  ? std::string("tcp")
                      : mark == std::string::npos ? std::string()
                                                  : host.substr(0, mark);
  const auto rest = mark == std::string::npos ? host : host.substr(mark + 3);
  auto shown = text::printable(host, 200);
  if (scheme == "unix")
    return at_socket(rest.empty() ? std::string(kDefaultSocket) : rest, std::move(shown), std::move(origin));
  if (scheme == "tcp" || scheme == "http" || scheme == "https")
    return at_port(rest, tls || scheme == "https", std::move(endpoint), std::move(shown), std::move(origin));
  if (scheme == "ssh" || scheme == "fd" || scheme == "npipe") {
    return Error(ErrorKind::unsupported, origin + " says " + shown + "; engines are reached by unix:// and tcp:// here")
        .with_hint(scheme == "ssh" ? "forward the socket (ssh -L /tmp/engine.sock:/var/run/docker.sock), and set "
                                     "DOCKER_HOST=unix:///tmp/engine.sock"
                                   : "set DOCKER_HOST to a unix:// or tcp:// address");
  }
  return Error(ErrorKind::config, origin + " says \"" + shown + "\", which is no address of an engine")
      .with_hint("write unix:///var/run/docker.sock or tcp://HOST:2376");
}

Result<std::optional<std::string>> current_context(const Environment& environment) {
  if (auto named = environment.get("DOCKER_CONTEXT")) return named;
  const auto file = docker_folder(environment) / "config.json";
  const auto bytes = read_file(file, kMaxFileBytes);
  if (!bytes) return std::optional<std::string>();  // whoever looks for credentials there tells of it
  const auto config = parse_json(*bytes);
  if (!config) return Error(ErrorKind::config, file.string() + " cannot be read: " + config.error().message());
  return config->string_at("currentContext");
}

Result<Address> by_context(const Environment& environment, const std::string& name) {
  const auto folder = docker_folder(environment) / "contexts";
  const auto id = hash_hex(HashAlgorithm::sha256, name);
  const auto file = folder / "meta" / id / "meta.json";
  const auto origin = "the docker context " + text::printable(name, 80);
  const auto bytes = read_file(file, kMaxFileBytes);
  if (!bytes) {
    return Error(ErrorKind::config, origin + " does not exist: " + bytes.error().message())
        .with_hint("look at docker context ls, or set DOCKER_HOST");
  }
  const auto meta = parse_json(*bytes);
  const auto* endpoints = meta ? meta->find("Endpoints") : nullptr;
  const auto* docker = endpoints != nullptr ? endpoints->find("docker") : nullptr;
  const auto host = docker != nullptr ? docker->string_at("Host") : std::nullopt;
  if (!host) return Error(ErrorKind::config, file.string() + " names no host of an engine");
  net::Endpoint endpoint;
  use_tls_files(folder / "tls" / id / "docker", endpoint);
  endpoint.verify_tls = !docker->bool_at("SkipTLSVerify").value_or(false);
  const bool tls = !endpoint.verify_tls || !endpoint.ca_files.empty() || !endpoint.client_cert_file.empty();
  return parse_host(*host, tls, std::move(endpoint), origin);
}

}  // namespace

std::string Address::key() const {
  if (socket.empty()) return shown;
  std::error_code code;
  const auto path = std::filesystem::weakly_canonical(socket, code);
  return code ? socket : path.string();
}

Result<Address> find_address(const Environment& environment) {
  if (const auto host = environment.get("DOCKER_HOST")) {
    const bool tls = environment.get("DOCKER_TLS_VERIFY").has_value();
    net::Endpoint endpoint;
    if (tls) {
      const auto folder = environment.get("DOCKER_CERT_PATH");
      use_tls_files(folder ? std::filesystem::path(*folder) : docker_folder(environment), endpoint);
    }
    return parse_host(*host, tls, std::move(endpoint), "DOCKER_HOST");
  }
  SLUICE_TRY(const auto context, current_context(environment));
  if (context && !context->empty() && *context != "default") return by_context(environment, *context);
  return at_socket(kDefaultSocket, std::string("unix://") + kDefaultSocket, "the default");
}

}  // namespace sluice::engine
