#pragma once
// HTTP requests and responses as plain values, and the one verb that small exchanges need.
// Blob bodies do not travel here: see net/transfer_loop.hpp.

#include "base/deadline.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "net/url.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::net {

enum class Method : std::uint8_t { get, head, post, put, patch, del };
std::string_view to_string(Method method);

struct Header {
  std::string name;
  std::string value;
};

/// Header fields in their order; names compare without case.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<Header> fields) : fields_(fields) {}

  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  void set(std::string_view name, std::string value);
  /// The first value of a field, without surrounding blanks.
  std::optional<std::string> get(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;
  const std::vector<Header>& fields() const { return fields_; }

 private:
  std::vector<Header> fields_;
};

/// Which addresses a host name may lead to.
enum class AddressRule : std::uint8_t {
  any,
  loopback_only,  ///< plain HTTP without a flag
  not_local,      ///< redirects: never to loopback, link-local or unspecified addresses, whoever connects
};

/// How one host is reached. Immutable once shared; two requests with the same object share connections.
struct Endpoint {
  bool verify_tls = true;
  std::vector<std::string> ca_files;  ///< PEM files trusted besides the system's
  std::string ca_pem{};               ///< the same as text
  std::string client_cert_file;       ///< PEM; empty for none
  std::string client_key_file;
  std::string client_cert_pem{};  ///< PEM text instead of the file; wins over it
  Secret client_key_pem{};
  /// The name that the certificate must bear, and that the server is told in the handshake, when it is not the URL's.
  std::string tls_server_name{};
  AddressRule addresses = AddressRule::any;
  /// The path of a unix socket that is connected to instead; host and port of the URL are then only told to the server.
  std::string unix_socket{};
  std::optional<std::string> proxy;  ///< empty optional: proxy_for() decides; "" for none
};

struct HttpRequest {
  Method method = Method::get;
  Url url;
  Headers headers;
  /// The Authorization header. Kept apart so that it is never logged and never follows a redirect elsewhere.
  std::optional<Secret> authorization;
  std::string body;
  std::shared_ptr<const Endpoint> endpoint;  ///< null: defaults
  std::size_t max_reply_bytes = std::size_t{4} * 1024 * 1024;
  /// Of a longer 2xx reply only the first max_reply_bytes are read, and as they are sent: no Content-Encoding is
  /// undone.
  bool cut_reply = false;
  /// How long nothing may move before the loop calls it a stall; empty: as the loop's options say. For replies that
  /// are silent by nature (watches).
  std::optional<std::chrono::milliseconds> max_silence{};
};

struct HttpResponse {
  int status = 0;
  Headers headers;
  std::string body;
  std::string from{};  ///< whoever follows redirects notes here whose answer it is in the end, when it is another host
};

/// A status that names another place in its Location header: 301, 302, 303, 307, 308.
constexpr bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// The bound on one small exchange. `deadline` covers all of it, redirects included.
struct ExchangeContext {
  Deadline deadline;
  std::stop_token stop;
};

/// Sends one request and waits for the whole reply. Does not retry and does not follow redirects.
/// Thread: any job thread; blocks.
/// A reply that comes with a Content-Encoding although nobody asked for one is undone, up to 4 MiB.
/// Errors: unreachable (no connection, no such host), timeout, untrusted (certificate), protocol (broken HTTP, reply
/// over the limit, an unknown Content-Encoding), cancelled. An HTTP status is never an error here; a reply that broke
/// off after its head has the status with the error.
class Exchanger {
 public:
  virtual ~Exchanger() = default;
  virtual Result<HttpResponse> exchange(const HttpRequest& request, const ExchangeContext& context) = 0;
};

}  // namespace sluice::net
