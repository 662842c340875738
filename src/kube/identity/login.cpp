#include "kube/identity/login.hpp"

#include "auth/token.hpp"
#include "base/encoding.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "kube/connection.hpp"
#include "kube/identity/oauth.hpp"
#include "kube/objects/object.hpp"
#include "kube/paths.hpp"
#include "kube/status.hpp"
#include "net/untrusted.hpp"

#include <fmt/format.h>

#include <array>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace sluice::kube {

namespace {

constexpr std::string_view kClient = "openshift-challenging-client";

// One login, with what all its requests share.
class Login {
 public:
  Login(net::Exchanger& exchanger, const LoginRequest& request, OAuthServer server, const net::ExchangeContext& context)
      : exchanger_(exchanger), request_(request), server_(std::move(server)), context_(context) {}

  Result<LoggedIn> by_token() {
    SLUICE_TRY(const auto answer, authorize({{"response_type", "token"}, {"client_id", std::string(kClient)}}));
    return read_token_redirect(answer, server_.issuer);
  }

  Result<LoggedIn> by_code() {
    const auto verifier = request_.random ? request_.random() : random_text();
    const auto state = request_.random ? request_.random() : random_text();
    if (verifier.empty() || state.empty()) return Error(ErrorKind::internal, "the system gives no random numbers");
    const auto redirect = server_.issuer + "/oauth/token/implicit";
    SLUICE_TRY(const auto answer, authorize({{"response_type", "code"},
                                             {"client_id", std::string(kClient)},
                                             {"redirect_uri", redirect},
                                             {"state", state},
                                             {"code_challenge", code_challenge(verifier)},
                                             {"code_challenge_method", "S256"}}));
    SLUICE_TRY(const auto code, read_code_redirect(answer, state));
    net::HttpRequest request = to(server_.token);
    request.method = net::Method::post;
    request.headers.set("Content-Type", "application/x-www-form-urlencoded");
    request.authorization = auth::basic_authorization(kClient, "");
    request.body = form_of({{"grant_type", "authorization_code"},
                            {"code", code.reveal()},
                            {"redirect_uri", redirect},
                            {"code_verifier", verifier}});
    SLUICE_TRY(const auto reply, exchange(request));
    return read_token_reply(reply, server_.token.authority());
  }

 private:
  net::HttpRequest to(const net::Url& url) const {
    net::HttpRequest request;
    request.url = url;
    request.headers.set("Accept", "application/json");
    const bool same_host = url.same_origin(request_.server);
    request.endpoint = same_host || !request_.issuer ? request_.endpoint : request_.issuer;
    if (!same_host && request.endpoint && !request_.issuer) {
      // Another host: it is not the one that a name for the handshake or a client certificate was meant for.
      net::Endpoint endpoint = *request.endpoint;
      endpoint.tls_server_name.clear();
      endpoint.client_cert_file.clear();
      endpoint.client_key_file.clear();
      endpoint.client_cert_pem.clear();
      endpoint.client_key_pem = Secret();
      request.endpoint = std::make_shared<const net::Endpoint>(std::move(endpoint));
    }
    request.max_reply_bytes = std::size_t{256} * 1024;
    return request;
  }

  // Sends the password to the authorisation endpoint. The header is what makes the server offer a challenge at all.
  Result<net::HttpResponse> authorize(const std::vector<std::pair<std::string_view, std::string>>& parameters) {
    net::HttpRequest request = to(server_.authorize);
    request.url.target = with_query(request.url.target, parameters);
    request.headers.set("X-CSRF-Token", "1");
    request.authorization = auth::basic_authorization(request_.username, request_.password.reveal());
    SLUICE_TRY(auto reply, exchange(request));
    SLUICE_CHECK(check_authorized(reply, server_, request_.username));
    return reply;
  }

  Result<net::HttpResponse> exchange(const net::HttpRequest& request) {
    auto reply = exchanger_.exchange(request, context_);
    if (reply) return reply;
    const auto& error = reply.error();
    const bool has_own_way_out = error.detail() != nullptr && !net::is_unknown_issuer(error);
    if (error.kind() != ErrorKind::untrusted || has_own_way_out || request.url.same_origin(request_.server)) {
      return Error(error).context("logging in to " + request_.server.authority());
    }
    return Error(ErrorKind::untrusted, error.message())
        .context("logging in to " + request_.server.authority())
        .with_hint("the login server has a certificate of its own: give its CA with --issuer-ca FILE");
  }

  net::Exchanger& exchanger_;
  const LoginRequest& request_;
  const OAuthServer server_;
  const net::ExchangeContext& context_;
};

}  // namespace

Result<OAuthServer> discover_oauth(net::Exchanger& exchanger, const net::Url& server,
                                   const std::shared_ptr<const net::Endpoint>& endpoint,
                                   const net::ExchangeContext& context) {
  net::HttpRequest request;
  request.url = server;
  request.url.target = "/.well-known/oauth-authorization-server";
  request.headers.set("Accept", "application/json");
  request.endpoint = endpoint;
  request.max_reply_bytes = std::size_t{256} * 1024;
  auto reply = exchanger.exchange(request, context);
  if (!reply) return std::move(reply).error().context("looking for the login server of " + server.authority());
  return read_discovery(*reply, server);
}

Result<LoggedIn> log_in(net::Exchanger& exchanger, const LoginRequest& request, const net::ExchangeContext& context) {
  SLUICE_TRY(auto server, discover_oauth(exchanger, request.server, request.endpoint, context));
  const bool code_flow = server.code_flow;
  Login login(exchanger, request, std::move(server), context);
  return code_flow ? login.by_code() : login.by_token();
}

std::string token_object_name(const Secret& token) {
  constexpr std::string_view kPrefix = "sha256~";
  const std::string_view text = token.reveal();
  if (text.starts_with(kPrefix)) return std::string(kPrefix) + url_base64_sha256(text.substr(kPrefix.size()));
  // A service account's token is a JWT: three parts with dots between them. An OAuth token has none.
  if (text.empty() || text.find('.') != std::string_view::npos) return {};
  return std::string(text);
}

Result<bool> log_out(Connection& connection, const Secret& token, const net::ExchangeContext& context) {
  constexpr Resource kOwn{"oauth.openshift.io", "v1", "useroauthaccesstokens", "UserOAuthAccessToken", false};
  constexpr Resource kAll{"oauth.openshift.io", "v1", "oauthaccesstokens", "OAuthAccessToken", false};
  const auto name = token_object_name(token);
  if (name.empty()) return false;
  // Since 4.6 everybody may delete his own; before, the name is the token and `oc logout` deletes it as it is.
  const bool hashed = name != token.reveal();
  for (const auto& resource : {hashed ? kOwn : kAll, hashed ? kAll : kOwn}) {
    ApiCall call;
    call.method = net::Method::del;
    call.target = path_of(resource, "", name);
    call.what = "logging out";
    const auto done = connection.send(call, context);
    if (done) return true;
    const auto kind = done.error().kind();
    if (kind == ErrorKind::unauthenticated) return true;  // it had ended already
    if (kind != ErrorKind::not_found && kind != ErrorKind::denied) return done.error();
  }
  return false;
}

}  // namespace sluice::kube
