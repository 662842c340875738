#include "base/file.hpp"
#include "base/sent_secrets.hpp"
#include "base/text.hpp"
#include "net/address.hpp"
#include "net/transfer.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <arpa/inet.h>
#include <cstring>
#include <filesystem>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sluice::net {

static_assert(kPauseReceive == CURL_WRITEFUNC_PAUSE);
static_assert(kPauseSend == CURL_READFUNC_PAUSE);
static_assert(kAbortSend == CURL_READFUNC_ABORT);

namespace {

constexpr long kBlobBufferBytes = 64 * 1024;  // measured: docs/architecture.md, "Buffers"
constexpr long kSmallBufferBytes = 16 * 1024;
constexpr std::size_t kMaxPemBytes = std::size_t{4} * 1024 * 1024;

// curl_easy_setopt is variadic: a bool or an int where it expects a long is undefined. One typed door each.
void set(CURL* easy, CURLoption option, long value) { curl_easy_setopt(easy, option, value); }
void set(CURL* easy, CURLoption option, const char* value) { curl_easy_setopt(easy, option, value); }
void set(CURL* easy, CURLoption option, const std::string& value) { curl_easy_setopt(easy, option, value.c_str()); }
void set_large(CURL* easy, CURLoption option, std::uint64_t value) {
  curl_easy_setopt(easy, option, static_cast<curl_off_t>(value));
}
void set_pointer(CURL* easy, CURLoption option, void* value) { curl_easy_setopt(easy, option, value); }

void set_blob(CURL* easy, CURLoption option, const std::string& bytes) {
  curl_blob blob{const_cast<char*>(bytes.data()), bytes.size(), CURL_BLOB_COPY};
  curl_easy_setopt(easy, option, &blob);
}

bool may_connect(const Transfer& transfer, const sockaddr& address) {
  switch (transfer.address_rule()) {
    case AddressRule::any:
      return true;
    case AddressRule::loopback_only:
      return is_loopback(address);
    case AddressRule::not_local:
      // A proxy may well be on this machine, and decides where it connects to.
      return transfer.through_proxy || !(is_loopback(address) || is_link_local(address) || is_unspecified(address));
  }
  return false;
}

Error refusal_of(const Transfer& transfer) {
  if (transfer.address_rule() == AddressRule::loopback_only) {
    return refused_address(transfer.host() + " is not on this machine, and plain HTTP is only spoken there");
  }
  return refused_address(transfer.host() + " leads to an address of this machine or its link, where no redirect " +
                         "and no token server from elsewhere may lead");
}

extern "C" {
std::size_t sluice_on_header(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  return static_cast<Transfer*>(user)->on_header({data, size * count});
}
std::size_t sluice_on_body(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  return static_cast<Transfer*>(user)->on_body(std::as_bytes(std::span(data, size * count)));
}
std::size_t sluice_on_read(char* data, std::size_t size, std::size_t count, void* user) noexcept {
  return static_cast<Transfer*>(user)->on_read(std::as_writable_bytes(std::span(data, size * count)));
}
// "Loopback" is the resolved address, not the name: so the rule is checked where the address is known.
curl_socket_t sluice_open_socket(void* user, curlsocktype, curl_sockaddr* address) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  if (!may_connect(transfer, address->addr)) {
    transfer.address_refused = true;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}
CURLcode sluice_on_ssl_context(CURL*, void* context, void* user) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.chain = std::make_shared<SeenChain>();
  return transfer.trust && transfer.trust->use_for(context, transfer.chain) ? CURLE_OK : CURLE_OUT_OF_MEMORY;
}
// And once more before anything is sent: the connection may be one that a request with another rule has opened.
int sluice_before_request(void* user, char* remote, char*, int, int) noexcept {
  auto& transfer = *static_cast<Transfer*>(user);
  // A path is no address: nobody else can be behind it.
  if (transfer.request.endpoint && !transfer.request.endpoint->unix_socket.empty()) return CURL_PREREQFUNC_OK;
  const auto address = literal_address(remote);
  if (address && may_connect(transfer, reinterpret_cast<const sockaddr&>(*address))) {
    return CURL_PREREQFUNC_OK;
  }
  transfer.failure = refusal_of(transfer);
  return CURL_PREREQFUNC_ABORT;
}
}

// The endpoint's own CAs as one PEM text; empty for none.
Result<std::string> own_authorities(const Endpoint& endpoint) {
  std::string pem;
  for (const auto& file : endpoint.ca_files) {
    SLUICE_TRY(const auto own, read_file(file, kMaxPemBytes).context("reading a CA certificate"));
    if (own.find("-----BEGIN") == std::string::npos) {
      return Error(ErrorKind::config, "the CA file " + file + " holds no PEM certificate");
    }
    pem += own + "\n";
  }
  if (!endpoint.ca_pem.empty()) {
    if (endpoint.ca_pem.find("-----BEGIN") == std::string::npos) {
      return Error(ErrorKind::config, "the CA data that was given is no PEM certificate");
    }
    pem += endpoint.ca_pem + "\n";
  }
  return pem;
}

// libcurl asks the same function for the connection to a proxy that speaks TLS, and a registry's own CA does not vouch
// for proxies: with one libcurl reads the bundle by itself, for each connection.
Status let_curl_read_the_bundle(CURL* easy, const std::string& own) {
  if (own.empty()) return {};
  set_blob(easy, CURLOPT_CAINFO_BLOB, system_authorities() + own);
  return {};
}

Status prepare_trust(Transfer& transfer, CURL* easy, const Endpoint& endpoint) {
  SLUICE_TRY(const std::string own, own_authorities(endpoint));
  set(easy, CURLOPT_SSL_VERIFYPEER, endpoint.verify_tls ? 1L : 0L);
  set(easy, CURLOPT_SSL_VERIFYHOST, endpoint.verify_tls ? 2L : 0L);
  set(easy, CURLOPT_CAPATH, nullptr);
  if (!endpoint.verify_tls || transfer.request.url.scheme != "https") return {};
  if (transfer.through_tls_proxy) return let_curl_read_the_bundle(easy, own);
  SLUICE_TRY(transfer.trust, trust_of(own));
  // libcurl shall load nothing by itself, nor keep a store of its own that it would put in the place of ours.
  set(easy, CURLOPT_CAINFO, nullptr);
  set(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
  // Our store holds these as well. libcurl tells by them which connections it may use again.
  if (!own.empty()) set_blob(easy, CURLOPT_CAINFO_BLOB, own);
  set_pointer(easy, CURLOPT_SSL_CTX_DATA, &transfer);
  if (curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, sluice_on_ssl_context) != CURLE_OK) {
    return Error(ErrorKind::config, "this libcurl does not use OpenSSL, so no server can be verified");
  }
  return {};
}

Status prepare_tls(Transfer& transfer, CURL* easy, const Endpoint& endpoint) {
  SLUICE_CHECK(prepare_trust(transfer, easy, endpoint));
  if (!endpoint.client_cert_pem.empty()) {
    // Never through a file: the key may be the only secret that opens a cluster.
    set_blob(easy, CURLOPT_SSLCERT_BLOB, endpoint.client_cert_pem);
    set_blob(easy, CURLOPT_SSLKEY_BLOB, endpoint.client_key_pem.reveal());
  } else if (!endpoint.client_cert_file.empty()) {
    std::error_code code;
    for (const auto& file : {endpoint.client_cert_file, endpoint.client_key_file}) {
      if (!std::filesystem::exists(file, code)) {
        return Error(ErrorKind::config, "the client certificate or key file " + file + " does not exist");
      }
      // The TLS library would wait for whoever writes into a pipe, and with it every transfer.
      if (!std::filesystem::is_regular_file(file, code)) {
        return Error(ErrorKind::config, "the client certificate or key " + file + " is not a file");
      }
    }
    set(easy, CURLOPT_SSLCERT, endpoint.client_cert_file);
    set(easy, CURLOPT_SSLKEY, endpoint.client_key_file);
  }
  return {};
}

void prepare_body(Transfer& transfer, CURL* easy) {
  const auto& request = transfer.request;
  const auto method = std::string(to_string(request.method));
  if (transfer.source != nullptr) {
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_CUSTOMREQUEST, method);
    set_large(easy, CURLOPT_INFILESIZE_LARGE, transfer.upload_bytes);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, sluice_on_read);
    set_pointer(easy, CURLOPT_READDATA, &transfer);
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kBlobBufferBytes);
  } else if (request.method == Method::head) {
    set(easy, CURLOPT_NOBODY, 1L);
  } else if (request.method == Method::post || request.method == Method::put || request.method == Method::patch) {
    // Kept in memory by the request, so that curl can send it again on a fresh connection.
    set(easy, CURLOPT_POST, 1L);
    set(easy, CURLOPT_CUSTOMREQUEST, method);
    set_large(easy, CURLOPT_POSTFIELDSIZE_LARGE, request.body.size());
    set_pointer(easy, CURLOPT_POSTFIELDS, const_cast<char*>(request.body.data()));
  } else if (request.method == Method::del) {
    set(easy, CURLOPT_CUSTOMREQUEST, method);
  }
}

// Bytes that are hashed on their way, or cut, are taken as they come; curl undoes the coding of all others.
bool streams_body(const Transfer& transfer) { return transfer.sink != nullptr || transfer.request.cut_reply; }

void prepare_headers(Transfer& transfer, CURL* easy, const LoopOptions& options) {
  curl_slist* list = nullptr;
  const auto add = [&](const std::string& line) { list = curl_slist_append(list, line.c_str()); };
  if (streams_body(transfer)) add("Accept-Encoding: identity");
  add("Expect:");  // curl 7.88 may hang on 100-continue with a paused body (curl #18848)
  if (!transfer.request.headers.get("content-type")) add("Content-Type:");
  if (!transfer.request.headers.get("accept")) add("Accept:");
  for (const auto& [name, value] : transfer.request.headers.fields()) add(name + ": " + value);
  if (const auto* endpoint = transfer.request.endpoint.get();
      endpoint != nullptr && !endpoint->tls_server_name.empty() && !transfer.request.headers.get("host")) {
    add("Host: " + transfer.host());
  }
  if (transfer.request.authorization) {
    SentSecrets::process().add_authorization(*transfer.request.authorization);
    add("Authorization: " + transfer.request.authorization->reveal());
  }
  set_pointer(easy, CURLOPT_HTTPHEADER, list);
  set(easy, CURLOPT_USERAGENT, options.user_agent);
  transfer.header_list = list;
}

// curl takes the name for handshake and certificate from the URL: so the URL bears that name, and the connection goes
// to where the request is meant for.
void prepare_url(Transfer& transfer, CURL* easy, const Endpoint& endpoint) {
  const auto& url = transfer.request.url;
  if (endpoint.tls_server_name.empty() || url.scheme != "https") {
    set(easy, CURLOPT_URL, url.text());
    return;
  }
  Url named = url;
  named.host = endpoint.tls_server_name;
  set(easy, CURLOPT_URL, named.text());
  const bool is_v6 = url.host.find(':') != std::string::npos;
  const auto target = fmt::format("::{}:{}", is_v6 ? "[" + url.host + "]" : url.host, url.port);
  auto* list = curl_slist_append(nullptr, target.c_str());
  set_pointer(easy, CURLOPT_CONNECT_TO, list);
  transfer.connect_list = list;
}

// libcurl is told the outcome, and reads no variables of its own.
void prepare_proxy(Transfer& transfer, CURL* easy, const Endpoint& endpoint, const LoopOptions& options) {
  const auto& url = transfer.request.url;
  std::string proxy;
  if (is_loopback_name(url.host) || endpoint.addresses == AddressRule::loopback_only) {
    // As Go's clients do: loopback is never reached through a proxy, which could be anywhere.
  } else if (endpoint.proxy) {
    proxy = *endpoint.proxy;
  } else {
    proxy = proxy_for(options.proxies, url);
  }
  transfer.through_proxy = !proxy.empty();
  transfer.through_tls_proxy = text::lower(proxy).starts_with("https://");
  set(easy, CURLOPT_PROXY, proxy);
  set(easy, CURLOPT_NOPROXY, "");
}

// The words are OpenSSL's; servers differ in which of these alerts they send (RFC 8446 section 6.2).
bool asks_for_client_certificate(std::string_view detail) {
  return detail.find("alert certificate required") != std::string_view::npos ||
         detail.find("alert bad certificate") != std::string_view::npos ||
         detail.find("alert unknown ca") != std::string_view::npos;
}

Error client_certificate_refused(const Transfer& transfer, std::string_view detail) {
  const auto* endpoint = transfer.request.endpoint.get();
  const bool given = endpoint != nullptr && !(endpoint->client_cert_file.empty() && endpoint->client_cert_pem.empty());
  return Error(ErrorKind::unauthenticated,
               transfer.host() +
                   (given ? " does not accept the client certificate " : " asks for a client certificate ") + "(" +
                   text::printable(detail) + ")")
      .with_hint("put its *.cert and *.key into /etc/containers/certs.d/" + transfer.host());
}

}  // namespace

Status prepare(Transfer& transfer, void* easy, const LoopOptions& options) {
  static const Endpoint kDefault;
  const auto& request = transfer.request;
  const auto& endpoint = request.endpoint ? *request.endpoint : kDefault;
  const bool streams = transfer.sink != nullptr || transfer.source != nullptr;

  // A proxy would make the connection itself, and curl reads more forms of an address than the eye does.
  if (transfer.address_rule() == AddressRule::not_local && is_local_host(request.url.host)) return refusal_of(transfer);

  prepare_url(transfer, easy, endpoint);
  set(easy, CURLOPT_UNIX_SOCKET_PATH, endpoint.unix_socket.empty() ? nullptr : endpoint.unix_socket.c_str());
  set(easy, CURLOPT_PATH_AS_IS, 1L);
  set(easy, CURLOPT_PROTOCOLS_STR, request.url.scheme);
  set(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_TCP_NODELAY, 1L);
  set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, options.connect_timeout.count());
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  set(easy, CURLOPT_BUFFERSIZE, streams ? kBlobBufferBytes : kSmallBufferBytes);
  set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set_pointer(easy, CURLOPT_PRIVATE, &transfer);
  set_pointer(easy, CURLOPT_ERRORBUFFER, transfer.curl_error);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, sluice_on_header);
  set_pointer(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, sluice_on_body);
  set_pointer(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, sluice_open_socket);
  set_pointer(easy, CURLOPT_OPENSOCKETDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, sluice_before_request);
  set_pointer(easy, CURLOPT_PREREQDATA, &transfer);

  // Only then does curl undo a coding that comes unasked.
  if (!streams_body(transfer)) set(easy, CURLOPT_ACCEPT_ENCODING, "identity");
  prepare_proxy(transfer, easy, endpoint, options);
  prepare_body(transfer, easy);
  prepare_headers(transfer, easy, options);
  return prepare_tls(transfer, easy, endpoint);
}

void release_headers(Transfer& transfer) {
  curl_slist_free_all(static_cast<curl_slist*>(transfer.header_list));
  curl_slist_free_all(static_cast<curl_slist*>(transfer.connect_list));
  transfer.header_list = nullptr;
  transfer.connect_list = nullptr;
}

namespace {

std::optional<Error> failure_of(Transfer& transfer, int curl_code) {
  if (transfer.failure) return transfer.failure;
  if (transfer.was_cut) return std::nullopt;
  const auto code = static_cast<CURLcode>(curl_code);
  const auto host = transfer.host();
  const std::string detail =
      transfer.curl_error[0] != '\0' ? std::string(transfer.curl_error) : std::string(curl_easy_strerror(code));
  if (code != CURLE_OK && asks_for_client_certificate(detail)) return client_certificate_refused(transfer, detail);
  const auto say = [&](ErrorKind kind, std::string what) { return Error(kind, std::move(what)); };
  switch (code) {
    case CURLE_OK:
      return std::nullopt;
    case CURLE_COULDNT_RESOLVE_HOST:
      return say(ErrorKind::unreachable, "cannot find the host " + transfer.request.url.host)
          .with_hint("check the name and the DNS of this machine");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return say(ErrorKind::unreachable, "cannot find the proxy for " + host)
          .with_hint("check HTTPS_PROXY and NO_PROXY");
    case CURLE_COULDNT_CONNECT:
      if (transfer.address_refused) return refusal_of(transfer);
      return say(ErrorKind::unreachable, "cannot connect to " + host + ": " + text::printable(detail))
          .with_hint("check the address and that the registry is running");
    case CURLE_OPERATION_TIMEDOUT:
      return say(ErrorKind::timeout, "no connection to " + host + " in time: " + text::printable(detail));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CACERT_BADFILE:
      return untrusted_error(host, transfer.chain ? *transfer.chain : SeenChain(), detail, bundle_problem());
    case CURLE_SSL_CONNECT_ERROR:
      return say(ErrorKind::protocol, host + " does not speak TLS as expected: " + text::printable(detail))
          .with_hint("a plain HTTP registry needs --src-tls-verify=false, --dest-tls-verify=false or `insecure: true`");
    case CURLE_SSL_CERTPROBLEM:
      return say(ErrorKind::config,
                 "the client certificate for " + host + " cannot be used: " + text::printable(detail));
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_HTTP2:
      return say(ErrorKind::protocol, host + " does not answer in HTTP: " + text::printable(detail));
    case CURLE_BAD_CONTENT_ENCODING:
      return say(ErrorKind::protocol, host + " sent a reply with Content-Encoding: " +
                                          text::printable(transfer.reply.headers.get("content-encoding").value_or("")) +
                                          ", which nobody asked for and which cannot be undone")
          .with_hint("something in front of it compresses what it should leave alone");
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
      return say(ErrorKind::unreachable, "the connection to " + host + " broke: " + text::printable(detail));
    default:
      break;
  }
  return say(ErrorKind::unreachable, "talking to " + host + " failed: " + text::printable(detail));
}

}  // namespace

std::optional<Error> outcome(Transfer& transfer, int curl_code) {
  auto failure = failure_of(transfer, curl_code);
  // What began with a status line speaks HTTP, whatever came after it: nobody needs to try the other scheme.
  if (failure && transfer.reply.status > 0) return std::move(*failure).with_status(transfer.reply.status);
  return failure;
}

}  // namespace sluice::net
