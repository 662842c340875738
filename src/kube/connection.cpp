#include "kube/connection.hpp"

#include "auth/token.hpp"
#include "kube/identity/renewal.hpp"
#include "kube/identity/token_life.hpp"
#include "kube/status.hpp"
#include "net/retry.hpp"
#include "net/retry_after.hpp"
#include "net/untrusted.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <utility>

namespace sluice::kube {

namespace {

// Between two looks at a server that is starting.
constexpr std::chrono::seconds kLongestPause{5};

// A POST or PATCH that may have arrived must not be sent twice: a second one could start a second rollout.
bool may_repeat(const ApiCall& call) {
  return call.repeatable || (call.method != net::Method::post && call.method != net::Method::patch);
}

// Nothing of the request has left this machine: no such host, nobody listens.
bool was_not_sent(const Error& error) {
  return error.kind() == ErrorKind::unreachable && error.message().starts_with("cannot ");
}

// No answer, or one that says that the server or what is behind it is not there.
bool is_trouble(const Error& error) {
  if (const auto* failure = failure_of(error)) return failure->code != 429 && failure->worth_retrying();
  return error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::timeout;
}

// A right is missing, or the server does not know its roles yet. Quotas and limits are known by then.
bool is_denied(const Error& error) {
  const auto* failure = failure_of(error);
  return failure != nullptr && failure->code == 403 && !failure->is_limit();
}

bool again(const Error& error, const ApiCall& call) {
  if (const auto* failure = failure_of(error)) {
    // 429 is said before anything was done, so it holds for every method.
    return failure->code == 429 || (failure->worth_retrying() && may_repeat(call));
  }
  const bool broken = error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::timeout;
  return broken && (may_repeat(call) || was_not_sent(error));
}

}  // namespace

Connection::Connection(net::Exchanger& exchanger, ConnectionOptions options)
    : exchanger_(exchanger), options_(std::move(options)) {
  if (!options_.access.identity) options_.access.identity = anonymous_identity();
  if (!options_.access.endpoint) options_.access.endpoint = std::make_shared<const net::Endpoint>();
}

Result<net::HttpRequest> Connection::request(const ApiCall& call, Presented& shown,
                                             const net::ExchangeContext& context) {
  SLUICE_TRY(shown, options_.access.identity->present(context));
  net::HttpRequest request;
  request.method = call.method;
  request.url = options_.access.server;
  // Some servers stand below a path, behind a gateway that serves several.
  std::string prefix = options_.access.server.target;
  while (prefix.ends_with('/')) prefix.pop_back();
  request.url.target = prefix + call.target;
  // Any other value may bring tables or protocol buffers.
  request.headers.set("Accept", "application/json");
  if (!call.content_type.empty()) request.headers.set("Content-Type", call.content_type);
  request.body = call.body;
  request.max_reply_bytes = call.max_reply_bytes;
  request.endpoint = options_.access.endpoint;
  if (!shown.token.empty()) request.authorization = auth::bearer_authorization(shown.token);
  if (!shown.client_cert.empty()) {
    // One endpoint per certificate, so that its connections are found again.
    request.endpoint = plugin_endpoint_.with([&](PluginEndpoint& kept) {
      if (!kept.endpoint || kept.certificate != shown.client_cert) {
        net::Endpoint endpoint = *options_.access.endpoint;
        endpoint.client_cert_pem = shown.client_cert;
        endpoint.client_key_pem = shown.client_key;
        kept = {shown.client_cert, std::make_shared<const net::Endpoint>(std::move(endpoint))};
      }
      return kept.endpoint;
    });
  }
  return request;
}

Error Connection::failure(const net::HttpResponse& response, const ApiCall& call, const Presented& shown,
                          const net::ExchangeContext& context) {
  auto error = to_error(read_failure(response), host(), call.what);
  if (error.kind() != ErrorKind::unauthenticated) return error;
  return std::move(error)
      .with_hint(renewal_clause(options_.access.identity->origin(), renewal(shown, context)))
      .context("with " + options_.access.identity->explain());
}

// Everybody may ask for the version, also who is nobody any more.
std::optional<int> Connection::kubernetes_minor(const net::ExchangeContext& context) {
  const auto known = minor_.with([](const auto& kept) { return kept; });
  if (known) return *known;
  net::HttpRequest request;
  request.url = options_.access.server;
  request.url.target = "/version";
  request.headers.set("Accept", "application/json");
  request.endpoint = options_.access.endpoint;
  const auto reply =
      exchanger_.exchange(request, {context.deadline.earlier(Deadline::after(options_.timeout)), context.stop});
  std::optional<int> minor;
  if (reply && reply->status == 200) {
    if (const auto json = parse_json(reply->body, {.max_bytes = 64 * 1024, .max_depth = 8})) minor = minor_in(*json);
  }
  minor_.with([&](auto& kept) { kept = minor; });
  return minor;
}

std::string Connection::renewal(const Presented& shown, const net::ExchangeContext& context) {
  const auto life = life_of(shown.token);
  const auto minor = life.service_account.empty() ? std::nullopt : kubernetes_minor(context);
  return renewal_of(options_.access.identity->origin(), options_.access.server.text(), life, minor);
}

Error Connection::as_of_api(Error error) const {
  if (!net::is_unknown_issuer(error)) return error;
  const auto& place = options_.access.ca_place;
  return std::move(error).with_hint("name the file with its CA as " +
                                    (place.empty() ? "`ca:` in the clusters file" : place) +
                                    "; the folders of certs.d are for registries");
}

Result<net::HttpResponse> Connection::try_once(const ApiCall& call, const net::ExchangeContext& context) {
  const net::ExchangeContext one{context.deadline.earlier(Deadline::after(options_.timeout)), context.stop};
  for (bool renewed = false;; renewed = true) {
    Presented shown;
    SLUICE_TRY(const auto request, this->request(call, shown, one));
    ++requests_;
    auto reply = exchanger_.exchange(request, one);
    if (!reply) return as_of_api(std::move(reply).error()).context(call.what);
    note_time(*reply);
    if (reply->status == 401 && !renewed && refused(shown)) continue;
    if (reply->status / 100 != 2) return failure(*reply, call, shown, one);
    return reply;
  }
}

void Connection::note_time(const net::HttpResponse& reply) {
  const auto date = net::parse_http_date(reply.headers.get("Date").value_or(""));
  if (!date) return;
  server_time_.with([&](auto& known) { known = ServerTime{*date, options_.timing.now()}; });
}

std::string Connection::server_time() const {
  const auto known = server_time_.with([](const auto& time) { return time; });
  if (!known) return {};
  const auto passed = std::chrono::floor<std::chrono::seconds>(options_.timing.now() - known->seen);
  const std::time_t now = known->seconds + passed.count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

bool Connection::is_starting(const ApiCall& call, const Error& error, const net::ExchangeContext& context) {
  Waiting waiting;
  waiting.asked_again = true;  // whoever asks here asks again by himself
  return outlasts(call, error, waiting, context);
}

// The server's own trouble has a beginning that all calls share, and any success ends it: the renewal of a lease does
// so beside a write that is refused for ever. So each call has its own beginning as well.
bool Connection::may_wait(Waiting& waiting) {
  const auto now = options_.timing.now();
  if (!waiting.since) waiting.since = now;
  return signs_.may_wait(now) && now - *waiting.since < RestartSigns::kLongest;
}

// Whether a server that answered before is worth waiting for, beyond the usual tries.
bool Connection::outlasts(const ApiCall& call, const Error& error, Waiting& waiting,
                          const net::ExchangeContext& context) {
  if (options_.retry_times == 0) return false;
  const auto& timing = options_.timing;
  if (is_trouble(error)) return again(error, call) && may_wait(waiting);
  if (!is_denied(error) || !signs_.suspects(to_string(call.method), call.target, timing.now())) return false;
  ApiCall proof;
  proof.target = signs_.proof();
  proof.what = "asking for what was allowed before";
  if (proof.target.empty()) return false;
  if (call.method == net::Method::get && call.target == proof.target) return may_wait(waiting);
  const auto seen = try_once(proof, context);
  if (!seen && (is_denied(seen.error()) || is_trouble(seen.error()))) return may_wait(waiting);
  if (seen) signs_.worked("GET", proof.target, seen->body.size(), timing.now());
  // It knows its roles by now. It may have learned them between the two requests.
  return !std::exchange(waiting.asked_again, true);
}

Result<net::HttpResponse> Connection::send(const ApiCall& call, const net::ExchangeContext& context) {
  Waiting waiting;
  bool may_have_arrived = false;
  for (unsigned attempt = 0;; ++attempt) {
    auto reply = try_once(call, context);
    if (reply) {
      signs_.worked(to_string(call.method), call.target, reply->body.size(), options_.timing.now());
      return reply;
    }
    const auto* failure = failure_of(reply.error());
    // The first one did it, and only its answer was lost.
    const bool is_gone = failure != nullptr && failure->code == 404;
    if (call.method == net::Method::del && may_have_arrived && is_gone) {
      net::HttpResponse done;
      done.status = 200;
      return done;
    }
    if (is_trouble(reply.error())) {
      may_have_arrived = may_have_arrived || !was_not_sent(reply.error());
      signs_.broke(options_.timing.now());
      if (!waiting.since) waiting.since = options_.timing.now();
    }
    const bool usual = attempt < options_.retry_times && again(reply.error(), call);
    if (!usual && !outlasts(call, reply.error(), waiting, context)) return reply;
    const auto wait = std::min(net::back_off(attempt, reply.error().retry_after(), fraction_of(options_.timing)),
                               usual ? net::kMaxWait : kLongestPause);
    // Waiting past the deadline would only hide the reason behind "timeout".
    if (context.deadline.is_bounded() && options_.timing.now() + wait >= context.deadline.at()) return reply;
    if (!options_.timing.pause(wait, context.stop)) {
      return Error(ErrorKind::cancelled, "stopped while waiting for " + host());
    }
  }
}

Result<Json> Connection::call(const ApiCall& call, const net::ExchangeContext& context) {
  SLUICE_TRY(const auto reply, send(call, context));
  if (reply.body.empty()) return Json();
  auto json = parse_json(reply.body, {.max_bytes = call.max_reply_bytes, .max_depth = 64, .max_values = 2'000'000});
  if (!json) {
    return Error(ErrorKind::protocol,
                 host() + " answered " + call.what + " with something that is not JSON: " + json.error().message())
        .with_status(reply.status)
        .with_hint("check that the address is that of an API server");
  }
  if (auto status = read_status(*json)) return to_error(std::move(*status), host(), call.what);
  return std::move(*json);
}

}  // namespace sluice::kube
