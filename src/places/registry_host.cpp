#include "places/registry_host.hpp"

#include "base/pause.hpp"
#include "net/address.hpp"
#include "net/retry.hpp"
#include "oci/manifest.hpp"
#include "places/range_header.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace sluice::places {

namespace {

constexpr int kCommitPatience = 10;  // times the time for a small exchange; as net::LoopOptions::commit
constexpr unsigned kMostBlobs = 16;
constexpr unsigned kCallsPerBlobSlot = 2;

double random_fraction() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

std::optional<std::chrono::milliseconds> asked_wait(const net::HttpResponse& response) {
  const auto value = response.headers.get("retry-after");
  return value ? net::parse_retry_after(*value, std::chrono::system_clock::now()) : std::nullopt;
}

// A TLS port that was spoken to in plain HTTP: Go and nginx say so, others just hang up.
bool wants_tls(const Result<net::HttpResponse>& outcome) {
  if (!outcome)
    return !outcome.error().http_status() &&
           (outcome.error().kind() == ErrorKind::protocol || outcome.error().kind() == ErrorKind::unreachable);
  return outcome->status == 400 && (outcome->body.find("HTTPS server") != std::string::npos ||
                                    outcome->body.find("HTTPS port") != std::string::npos || outcome->body.empty());
}

}  // namespace

RegistryHost::RegistryHost(net::TransferLoop& loop, RegistryOptions options)
    : loop_(loop),
      options_(std::move(options)),
      loopback_(net::resolves_to_loopback(net::host_of(options_.host))),
      ways_(ways()),
      pace_(Pace{.blobs = std::min(options_.profile.blob_slots.value_or(Pace{}.blobs), Pace{}.blobs), .clean = 0}),
      profile_(options_.profile),
      authorizer_(loop, {.registry = options_.host,
                         .endpoint = ways_.front().endpoint,
                         .find_credentials = options_.find_credentials,
                         .now = {},
                         .preemptive_bearer = options_.preemptive_bearer,
                         .current_token = options_.current_token,
                         .looked_at = options_.looked_at}) {
  net::Endpoint foreign = options_.endpoint;
  foreign.client_cert_file.clear();
  foreign.client_key_file.clear();
  foreign.addresses = loopback_ ? net::AddressRule::any : net::AddressRule::not_local;
  foreign_ = std::make_shared<const net::Endpoint>(foreign);
  foreign.addresses = net::AddressRule::loopback_only;
  foreign_plain_ = std::make_shared<const net::Endpoint>(std::move(foreign));
}

const std::shared_ptr<const net::Endpoint>& RegistryHost::foreign(const net::Url& url) const {
  return url.scheme == "http" && !options_.insecure ? foreign_plain_ : foreign_;
}

RegistryHost::~RegistryHost() = default;

// Loopback is tried with plain HTTP first, every other host only with TLS unless somebody said otherwise.
std::vector<RegistryHost::Way> RegistryHost::ways() const {
  auto verified = options_.endpoint;
  auto unverified = options_.endpoint;
  unverified.verify_tls = false;
  // Also what a token realm of the same host is spoken to with, which may be behind TLS.
  auto plain = options_.insecure ? unverified : options_.endpoint;
  plain.addresses = net::AddressRule::loopback_only;
  const auto share = [](net::Endpoint endpoint) { return std::make_shared<const net::Endpoint>(std::move(endpoint)); };
  if (loopback_) return {{"http", share(plain)}, {"https", share(options_.insecure ? unverified : verified)}};
  if (options_.insecure) return {{"https", share(unverified)}, {"http", share(options_.endpoint)}};
  return {{"https", share(verified)}};
}

Slots RegistryHost::slots() const {
  const auto blobs = pace_.with([](const Pace& pace) { return pace.blobs; });
  return {blobs, blobs * kCallsPerBlobSlot};
}

HostProfile RegistryHost::profile() const {
  auto known = profile_.with([](const HostProfile& profile) { return profile; });
  const auto blobs = pace_.with([](const Pace& pace) { return pace.blobs; });
  // More than at the start is found out soon; fewer is what the next run should begin with.
  known.blob_slots = blobs < Pace{}.blobs ? std::optional(blobs) : std::nullopt;
  return known;
}

std::optional<std::uint64_t> RegistryHost::max_body() const {
  return profile_.with([](const HostProfile& profile) { return profile.max_body_bytes; });
}

bool RegistryHost::learn_too_large(std::uint64_t body_bytes) {
  return profile_.with([&](HostProfile& profile) { return profile.learn_too_large(body_bytes); });
}

void RegistryHost::learn(const Result<net::HttpResponse>& outcome) {
  const bool strained =
      outcome ? outcome->status == 429 || outcome->status == 503 : outcome.error().kind() == ErrorKind::timeout;
  pace_.with([&](Pace& pace) {
    if (strained) {
      pace.blobs = std::max(2U, pace.blobs / 2);
      pace.clean = 0;
    } else if (outcome && ++pace.clean >= pace.blobs) {
      pace.blobs = std::min(kMostBlobs, pace.blobs + 1);
      pace.clean = 0;
    }
  });
}

net::ExchangeContext RegistryHost::context(const std::stop_token& stop, int patience) const {
  return {Deadline::after(options_.timeout * patience), stop};
}

Result<std::string> RegistryHost::absolute(const std::string& location, const std::string& seen_from) const {
  SLUICE_TRY(const auto base, net::Url::parse(ways_[way_.load()].scheme + "://" + options_.host + seen_from));
  SLUICE_TRY(const auto url, base.resolve(location).context("the upload location that " + options_.host + " gave"));
  return url.text();
}

Result<RegistryHost::Target> RegistryHost::target(const Call& call) const {
  const auto& way = ways_[way_.load()];
  SLUICE_TRY(const auto base, net::Url::parse(way.scheme + "://" + options_.host + "/"));
  Target target;
  SLUICE_TRY(target.request.url, base.resolve(call.target));
  target.ours = target.request.url.same_origin(base);
  const bool plain_is_new = !loopback_ || way.scheme == "https";
  if (!target.ours && target.request.url.scheme == "http" && plain_is_new && !options_.insecure) {
    return Error(ErrorKind::untrusted, options_.host + " sends us to plain HTTP at " + target.request.url.authority());
  }
  target.request.method = call.method;
  target.request.headers = call.headers;
  target.request.body = call.body;
  target.request.endpoint = target.ours ? way.endpoint : foreign(target.request.url);
  target.request.max_reply_bytes = call.max_reply_bytes;
  target.request.cut_reply = call.cut_reply;
  return target;
}

Result<RegistryHost::Target> RegistryHost::redirect(const Target& from, const net::HttpResponse& response,
                                                    const Call& call) const {
  const auto location = response.headers.get("location");
  if (!location) return Error(ErrorKind::protocol, options_.host + " redirects " + call.what + " to nowhere");
  Target next = from;
  SLUICE_TRY(next.request.url,
             from.request.url.resolve(*location).context("the redirect that " + options_.host + " gave"));
  if (from.request.url.scheme == "https" && next.request.url.scheme == "http") {
    return Error(ErrorKind::untrusted,
                 options_.host + " redirects from https to plain http at " + next.request.url.authority());
  }
  // Credentials are for the registry alone: they do not follow, wherever it leads.
  next.ours = from.ours && next.request.url.same_origin(from.request.url);
  if (!next.ours) {
    next.request.authorization.reset();
    next.request.endpoint = foreign(next.request.url);
  }
  return next;
}

Error RegistryHost::circles() const { return {ErrorKind::protocol, options_.host + " redirects in circles"}; }

Error RegistryHost::refused_again(const Call& call) const {
  if (authorizer_.explain() == "anonymous") {
    return Error(ErrorKind::unauthenticated,
                 fmt::format("{} does not allow {} without credentials", options_.host, call.what))
        .with_hint("log in with: sluice login " + options_.host)
        .with_status(401);
  }
  return Error(ErrorKind::denied,
               fmt::format("{} does not allow {} (as {})", options_.host, call.what, authorizer_.explain()))
      .with_hint("ask for the right, or log in as somebody who has it: sluice login " + options_.host)
      .with_status(401);
}

Result<Secret> RegistryHost::meet_challenge(const Target& target, const net::HttpResponse& response, const Call& call,
                                            const net::ExchangeContext& context) {
  auto header = authorizer_.answer(target.request.url, response.headers.all("www-authenticate"), call.scopes,
                                   target.request.authorization, context);
  if (!header && target.request.authorization) header = explained(std::move(header).error(), call, context);
  return std::move(header).context(call.what);
}

// Only refusals are explained: a token server that does not answer is another matter.
Error RegistryHost::explained(Error refusal, const Call& call, const net::ExchangeContext& context) const {
  const bool is_refusal = refusal.kind() == ErrorKind::denied || refusal.kind() == ErrorKind::unauthenticated;
  if (!is_refusal || !options_.explain_refusal) return refusal;
  return options_.explain_refusal(std::move(refusal), call.scopes, context);
}

// True when this outcome says that the other scheme is spoken here, and there is one to try.
bool RegistryHost::try_next_way(const Result<net::HttpResponse>& outcome, std::size_t used) {
  if (!wants_tls(outcome)) return false;
  // Read first: another thread may find out meanwhile, and have proved the other way before our answer is here.
  const bool proven = way_proven_.load();
  if (way_.load() > used) return true;
  if (proven || used + 1 >= ways_.size()) return false;
  // Nobody listens at all: the other scheme would find the same.
  if (!outcome && outcome.error().kind() == ErrorKind::unreachable && outcome.error().message().starts_with("cannot")) {
    return false;
  }
  way_.store(used + 1);
  return true;
}

Result<net::HttpResponse> RegistryHost::try_once(const Call& call, const net::ExchangeContext& context) {
  int challenges = 0;
  int redirects = 0;
  auto used = way_.load();
  SLUICE_TRY(auto current, target(call));
  if (current.ours) {
    SLUICE_TRY(current.request.authorization, authorizer_.header_for(call.scopes, context, &current.request));
  }
  for (;;) {
    ++requests_;
    auto outcome = loop_.exchange(current.request, context);
    learn(outcome);
    if (current.ours && try_next_way(outcome, used)) {
      used = way_.load();
      SLUICE_TRY(current, target(call));
      SLUICE_TRY(current.request.authorization, authorizer_.header_for(call.scopes, context, &current.request));
      continue;
    }
    if (!outcome) return handed_out(std::move(outcome).error(), current, call);
    if (current.ours) way_proven_.store(true);
    if (!current.ours) outcome->from = current.request.url.authority();
    if (outcome->status == 401 && current.ours) {
      if (++challenges > kMaxChallenges) return explained(refused_again(call), call, context);
      SLUICE_TRY(current.request.authorization, meet_challenge(current, *outcome, call, context));
      continue;
    }
    const bool may_follow = call.method == net::Method::get || call.method == net::Method::head;
    if (net::is_redirect(outcome->status) && may_follow) {
      if (++redirects > kMaxRedirects) return circles();
      SLUICE_TRY(current, redirect(current, *outcome, call));
      continue;
    }
    return outcome;
  }
}

// For whoever tries again by himself: with the time that the host asked for.
Error RegistryHost::refusal(const net::HttpResponse& response, const Call& call) const {
  auto error = to_error(response, options_.host, call.what);
  const auto wait = asked_wait(response);
  if (!wait || !net::worth_retrying(error)) return error;
  if (*wait > options_.max_wait) {
    return net::too_long_to_wait(std::move(error), *wait, std::chrono::system_clock::now());
  }
  return std::move(error).with_retry_after(*wait);
}

// Answers that waiting may cure are errors from here on; all others are for the caller to judge.
Result<net::HttpResponse> RegistryHost::judged(Result<net::HttpResponse> outcome, const Call& call) const {
  if (!outcome || !net::worth_retrying(outcome->status)) return outcome;
  auto error = refusal(*outcome, call);
  if (error.kind() != ErrorKind::busy) return outcome;  // its body says that it will not heal
  return error;
}

Result<net::HttpResponse> RegistryHost::send(const Call& call, const std::stop_token& stop) {
  std::chrono::milliseconds waited{0};
  for (unsigned attempt = 0;; ++attempt) {
    const auto plain = try_once(call, context(stop, call.commits ? kCommitPatience : 1));
    auto outcome = judged(plain, call);
    if (outcome || !net::worth_retrying(outcome.error())) return outcome;
    if (!plain && plain.error().contexts().empty())
      outcome = Result<net::HttpResponse>(plain.error()).context(call.what);
    auto error = std::move(outcome).error();
    if (const auto asked = error.retry_after(); asked && *asked > options_.max_wait) {
      return net::too_long_to_wait(std::move(error), *asked, std::chrono::system_clock::now());
    }
    // A host that never answered is most likely a wrong name: say so at once instead of after half a minute.
    if (attempt >= options_.retry_times || (!plain && !way_proven_.load())) return error;
    const auto pause = net::back_off(attempt, error.retry_after(), random_fraction());
    waited += error.retry_after().value_or(std::chrono::milliseconds(0));
    if (waited > options_.max_wait)
      return net::too_long_to_wait(std::move(error), pause, std::chrono::system_clock::now());
    if (pause > net::kToldWait && options_.tell_wait) {
      options_.tell_wait({options_.host, error.message(), pause, std::chrono::system_clock::now() + pause});
    }
    if (!pause_for(pause, stop)) return Error(ErrorKind::cancelled, "stopped while waiting for " + options_.host);
  }
}

void RegistryHost::send_once(const Call& call, std::chrono::milliseconds time) {
  static_cast<void>(try_once(call, {Deadline::after(time), {}}));
}

Result<net::HttpResponse> RegistryHost::write(const Call& call, BlobPipe& pipe, std::uint64_t size_bytes,
                                              const std::stop_token& stop) {
  SLUICE_TRY(auto current, target(call));
  if (current.ours) {
    SLUICE_TRY(current.request.authorization, authorizer_.header_for(call.scopes, context(stop), &current.request));
  }
  ++requests_;
  auto outcome = loop_.upload(current.request, pipe, size_bytes, stop);
  learn(outcome);
  if (!outcome) return handed_out(cause_of(std::move(outcome).error(), pipe, stop), current, call);
  if (outcome->status == 401 && current.ours) {
    SLUICE_CHECK(meet_challenge(current, *outcome, call, context(stop)));
    return Error(ErrorKind::busy, options_.host + " refused the token in the middle of " + call.what);
  }
  return judged(std::move(outcome), call);
}

// A leg that was given up because the pipe broke has failed for the pipe's reason; and of wrong bytes the pipe says
// most.
Error RegistryHost::cause_of(Error error, const BlobPipe& pipe, const std::stop_token& stop) {
  const bool pipes = error.kind() == ErrorKind::cancelled || error.kind() == ErrorKind::integrity;
  if (!pipes || stop.stop_requested()) return error;
  auto reason = pipe.failure();
  return reason ? std::move(*reason) : error;
}

// Nobody looks for a mistake in an address that the registry has made up by itself; and it makes up the same again.
Error RegistryHost::handed_out(Error error, const Target& target, const Call& call) const {
  if (target.ours || error.kind() == ErrorKind::cancelled) return error;
  const bool nobody_there = error.kind() == ErrorKind::unreachable && error.message().starts_with("cannot ");
  const bool other_scheme = error.kind() == ErrorKind::protocol || error.kind() == ErrorKind::untrusted;
  // With the port, also where it is the usual one: as a rule it is the port that was lost.
  const auto& url = target.request.url;
  const bool is_v6 = url.host.find(':') != std::string::npos;
  Error told =
      std::move(error).context(fmt::format("{} handed out the address {}://{}:{} for {}", options_.host, url.scheme,
                                           is_v6 ? "[" + url.host + "]" : url.host, url.port, call.what));
  // A store that reads are redirected to has troubles of its own, with words for them.
  const bool upload = call.method != net::Method::get && call.method != net::Method::head;
  if (!upload || (!nobody_there && !other_scheme)) return told;
  return std::move(told)
      .with_hint(
          "the registry, or what stands in front of it, has to be told its own outside address (distribution: "
          "http.host; behind a proxy: the headers Host and X-Forwarded-Proto)")
      .not_to_be_retried();
}

}  // namespace sluice::places
