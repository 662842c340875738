#include "base/text.hpp"
#include "net/server/http_channel.hpp"

#include <climits>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <sys/socket.h>

namespace sluice::net {

namespace {

template <auto Free>
struct Freed {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using SslContext = std::unique_ptr<SSL_CTX, Freed<SSL_CTX_free>>;
using SslPtr = std::unique_ptr<SSL, Freed<SSL_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;
using CertificatePtr = std::unique_ptr<X509, Freed<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;

constexpr std::string_view kSessionIdContext = "sluice";
// What Go's server says, and what clients look for when they guessed the scheme wrong.
constexpr std::string_view kPlainHttp =
    "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

int int_size(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

int* socket_of(BIO* bio) { return static_cast<int*>(BIO_get_data(bio)); }

extern "C" {
int sluice_bio_read(BIO* bio, char* room, int size) noexcept {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  const auto got =
      receive_some(*socket_of(bio), std::as_writable_bytes(std::span(room, static_cast<std::size_t>(size))));
  if (got.state == Moved::State::want_read) BIO_set_retry_read(bio);
  if (got.state == Moved::State::closed) return 0;
  return got.state == Moved::State::moved ? static_cast<int>(got.count) : -1;
}
int sluice_bio_write(BIO* bio, const char* bytes, int size) noexcept {
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  const auto sent = send_some(*socket_of(bio), std::as_bytes(std::span(bytes, static_cast<std::size_t>(size))));
  if (sent.state == Moved::State::want_write) BIO_set_retry_write(bio);
  return sent.state == Moved::State::moved ? static_cast<int>(sent.count) : -1;
}
long sluice_bio_control(BIO*, int command, long, void*) noexcept { return command == BIO_CTRL_FLUSH ? 1 : 0; }
int sluice_any_certificate(int, X509_STORE_CTX*) noexcept { return 1; }
int sluice_no_password(char*, int, int, void*) noexcept { return 0; }
int sluice_select_http11(SSL*, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                         unsigned offered_size, void*) noexcept {
  static constexpr unsigned char kOurs[] = "\x08http/1.1";
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, size, kOurs, sizeof kOurs - 1, offered, offered_size);
  if (found != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}
}

// A BIO over a socket of ours. OpenSSL's own would write() and so raise SIGPIPE.
BIO_METHOD* socket_bio() {
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "sluice socket");
    if (made == nullptr) return made;
    BIO_meth_set_read(made, sluice_bio_read);
    BIO_meth_set_write(made, sluice_bio_write);
    BIO_meth_set_ctrl(made, sluice_bio_control);
    return made;
  }();
  return kMethod;
}

std::string text_of(const X509_NAME_ENTRY* entry) {
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) return {};
  std::string out(reinterpret_cast<const char*>(text), static_cast<std::size_t>(size));
  OPENSSL_free(text);
  return out;
}

std::vector<std::string> name_parts(X509& certificate, int nid) {
  std::vector<std::string> out;
  X509_NAME* name = X509_get_subject_name(&certificate);
  for (int at = X509_NAME_get_index_by_NID(name, nid, -1); at >= 0; at = X509_NAME_get_index_by_NID(name, nid, at)) {
    out.push_back(text_of(X509_NAME_get_entry(name, at)));
  }
  return out;
}

class TlsChannel final : public Channel {
 public:
  TlsChannel(SSL_CTX* context, int socket) : socket_(socket), ssl_(SSL_new(context)) {
    BIO* bio = socket_bio() != nullptr ? BIO_new(socket_bio()) : nullptr;
    if (!ssl_ || bio == nullptr) {
      BIO_free(bio);
      ssl_.reset();
      return;
    }
    BIO_set_data(bio, &socket_);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_.get(), bio, bio);
    SSL_set_accept_state(ssl_.get());
  }

  bool usable() const { return ssl_ != nullptr; }

  Moved handshake() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    if (result == 1) return {Moved::State::moved, 0};
    const auto moved = trouble(result);
    if (moved.state == Moved::State::failed && ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST) {
      (void)send_some(socket_, std::as_bytes(std::span(kPlainHttp)));
    }
    return moved;
  }
  Moved read(std::span<std::byte> room) override {
    ERR_clear_error();
    const int count = SSL_read(ssl_.get(), room.data(), int_size(room.size()));
    return count > 0 ? Moved{Moved::State::moved, static_cast<std::size_t>(count)} : trouble(count);
  }
  Moved write(std::span<const std::byte> bytes) override {
    ERR_clear_error();
    const int count = SSL_write(ssl_.get(), bytes.data(), int_size(bytes.size()));
    return count > 0 ? Moved{Moved::State::moved, static_cast<std::size_t>(count)} : trouble(count);
  }
  void end_writing() override {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ::shutdown(socket_, SHUT_WR);
  }
  std::optional<ClientIdentity> client() const override {
    const CertificatePtr certificate(SSL_get1_peer_certificate(ssl_.get()));
    if (!certificate || SSL_get_verify_result(ssl_.get()) != X509_V_OK) return std::nullopt;
    const auto names = name_parts(*certificate, NID_commonName);
    return ClientIdentity{names.empty() ? "" : names.back(), name_parts(*certificate, NID_organizationName)};
  }

 private:
  Moved trouble(int result) const {
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return {Moved::State::want_read, 0};
      case SSL_ERROR_WANT_WRITE:
        return {Moved::State::want_write, 0};
      case SSL_ERROR_ZERO_RETURN:
        return {Moved::State::closed, 0};
      default:
        return {Moved::State::failed, 0};
    }
  }

  int socket_;
  SslPtr ssl_;
};

class SslContextHolder final : public TlsContext {
 public:
  explicit SslContextHolder(SslContext context) : context_(std::move(context)) {}
  std::unique_ptr<Channel> channel(int socket) const override {
    auto made = std::make_unique<TlsChannel>(context_.get(), socket);
    if (!made->usable()) return nullptr;
    return made;
  }

 private:
  SslContext context_;
};

Error refused(std::string_view what) {
  char reason[160] = {};
  ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
  ERR_clear_error();
  return {ErrorKind::config, std::string(what) + " cannot be used: " + text::printable(reason)};
}

BioPtr memory_bio(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), int_size(text.size()))); }

CertificatePtr next_certificate(BIO& bio) {
  return CertificatePtr(PEM_read_bio_X509(&bio, nullptr, sluice_no_password, nullptr));
}

Status use_certificate(SSL_CTX& context, const ListenerTls& tls) {
  const auto chain = memory_bio(tls.certificate_pem);
  const auto own = chain ? next_certificate(*chain) : nullptr;
  if (!own || SSL_CTX_use_certificate(&context, own.get()) != 1) return refused("the server's certificate");
  while (auto issuer = next_certificate(*chain)) {
    if (SSL_CTX_add0_chain_cert(&context, issuer.get()) != 1) return refused("the server's certificate chain");
    (void)issuer.release();
  }
  const auto bio = memory_bio(tls.key_pem);
  const KeyPtr key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, sluice_no_password, nullptr) : nullptr);
  if (!key || SSL_CTX_use_PrivateKey(&context, key.get()) != 1) return refused("the server's key");
  return {};
}

Status ask_for_clients(SSL_CTX& context, const ListenerTls& tls) {
  const auto bio = memory_bio(tls.client_ca_pem);
  int found = 0;
  for (auto ca = bio ? next_certificate(*bio) : nullptr; ca; ca = next_certificate(*bio)) {
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(&context), ca.get()) != 1 ||
        SSL_CTX_add_client_CA(&context, ca.get()) != 1) {
      return refused("the authority of client certificates");
    }
    ++found;
  }
  if (found == 0) return refused("the authority of client certificates");
  // A certificate that does not verify is as none: the handler refuses the request, with words. See client().
  SSL_CTX_set_verify(&context, SSL_VERIFY_PEER, sluice_any_certificate);
  return {};
}

}  // namespace

Result<std::shared_ptr<const TlsContext>> TlsContext::make(const ListenerTls& tls) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return refused("TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>(kSessionIdContext.data()),
                                 static_cast<unsigned>(kSessionIdContext.size()));
  SSL_CTX_set_alpn_select_cb(context.get(), sluice_select_http11, nullptr);
  SLUICE_CHECK(use_certificate(*context, tls));
  if (!tls.client_ca_pem.empty()) SLUICE_CHECK(ask_for_clients(*context, tls));
  ERR_clear_error();
  return std::shared_ptr<const TlsContext>(std::make_shared<SslContextHolder>(std::move(context)));
}

}  // namespace sluice::net
