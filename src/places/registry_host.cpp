#include "places/registry_host.hpp"

#include "base/pause.hpp"
#include "net/address.hpp"
#include "oci/manifest.hpp"
#include "places/range_header.hpp"
#include "places/registry_error.hpp"
#include "places/retry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <random>

namespace sluice::places {

namespace {

constexpr int kMaxRedirects = 5;
// The first token covers all scopes of the host; a server that grants only one of them silently gets a second chance.
constexpr int kMaxChallenges = 2;
constexpr unsigned kMostBlobs = 16;
constexpr unsigned kCallsPerBlobSlot = 2;

double random_fraction() {
  thread_local std::minstd_rand generator(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

std::string host_part(const std::string& host_and_port) {
  auto url = net::Url::parse("https://" + host_and_port + "/");
  return url ? url->host : host_and_port;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

std::optional<std::chrono::milliseconds> asked_wait(const net::HttpResponse& response) {
  const auto value = response.headers.get("retry-after");
  return value ? parse_retry_after(*value, std::chrono::system_clock::now()) : std::nullopt;
}

// For whoever tries again by himself.
Error with_asked_wait(Error error, const net::HttpResponse& response) {
  if (const auto wait = asked_wait(response)) return std::move(error).with_retry_after(*wait);
  return error;
}

// A leg that was given up because the pipe broke has failed for the pipe's reason.
Error cause_of(Error error, const BlobPipe& pipe, const std::stop_token& stop) {
  if (error.kind() != ErrorKind::cancelled || stop.stop_requested()) return error;
  auto reason = pipe.failure();
  return reason ? std::move(*reason) : error;
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
      loopback_(net::resolves_to_loopback(host_part(options_.host))),
      ways_(ways()),
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

net::ExchangeContext RegistryHost::context(const std::stop_token& stop) const {
  return {Deadline::after(options_.timeout), stop};
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
  if (!target.ours && target.request.url.scheme == "http" && !loopback_ && !options_.insecure) {
    return Error(ErrorKind::untrusted, options_.host + " sends us to plain HTTP at " + target.request.url.authority());
  }
  target.request.method = call.method;
  target.request.headers = call.headers;
  target.request.body = call.body;
  target.request.endpoint = target.ours ? way.endpoint : foreign(target.request.url);
  target.request.max_reply_bytes = call.max_reply_bytes;
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
    if (!outcome) return outcome;
    if (current.ours) way_proven_.store(true);
    if (outcome->status == 401 && current.ours) {
      if (++challenges > kMaxChallenges) return explained(refused_again(call), call, context);
      SLUICE_TRY(current.request.authorization, meet_challenge(current, *outcome, call, context));
      continue;
    }
    const bool may_follow = call.method == net::Method::get || call.method == net::Method::head;
    if (is_redirect(outcome->status) && may_follow) {
      if (++redirects > kMaxRedirects) return circles();
      SLUICE_TRY(current, redirect(current, *outcome, call));
      continue;
    }
    return outcome;
  }
}

Result<net::HttpResponse> RegistryHost::send(const Call& call, const std::stop_token& stop) {
  for (unsigned attempt = 0;; ++attempt) {
    auto outcome = try_once(call, context(stop));
    const bool again = outcome ? worth_retrying(outcome->status) : worth_retrying(outcome.error().kind());
    if (!again) return outcome;
    // A host that never answered is most likely a wrong name: say so at once instead of after half a minute.
    const bool give_up = attempt >= options_.retry_times || (!outcome && !way_proven_.load());
    if (give_up) {
      if (!outcome) return std::move(outcome).error().context(call.what);
      return with_asked_wait(to_error(*outcome, options_.host, call.what), *outcome);
    }
    const auto floor = outcome ? asked_wait(*outcome) : std::nullopt;
    if (!pause_for(back_off(attempt, floor, random_fraction()), stop)) {
      return Error(ErrorKind::cancelled, "stopped while waiting for " + options_.host);
    }
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
  if (!outcome) return cause_of(std::move(outcome).error(), pipe, stop);
  if (outcome->status == 401 && current.ours) {
    SLUICE_CHECK(meet_challenge(current, *outcome, call, context(stop)));
    return Error(ErrorKind::busy, options_.host + " refused the token in the middle of " + call.what);
  }
  if (worth_retrying(outcome->status)) {
    return with_asked_wait(to_error(*outcome, options_.host, call.what), *outcome);
  }
  return outcome;
}

namespace {

/// One download's end of the pipe. Where the pipe wants the rest of a blob, nothing passes before the answer's head
/// has said which bytes these are.
class RangeGate final : public net::BodySink {
 public:
  explicit RangeGate(BlobPipe& pipe, bool open) : pipe_(pipe), state_(State{.open = open}) {}

  /// `skip`: bytes that come before those that the pipe wants.
  void open(std::uint64_t skip) {
    const auto wake = state_.with([&](State& s) {
      s.open = true;
      s.skip = skip;
      return s.wake;
    });
    if (wake) wake();
  }
  /// What becomes of this download is of no interest any more.
  void let_go() {
    state_.with([](State& s) { s.let_go = true; });
  }

  net::Flow take(std::span<const std::byte> bytes) override {
    // The loop's thread alone takes, so `skip` does not change between the two looks at it.
    const auto skip = state_.with([&](const State& s) -> std::optional<std::uint64_t> {
      return s.open ? std::optional(std::min<std::uint64_t>(s.skip, bytes.size())) : std::nullopt;
    });
    if (!skip) return net::Flow::later;
    const auto rest = bytes.subspan(static_cast<std::size_t>(*skip));
    const auto flow = rest.empty() ? net::Flow::moved : pipe_.take(rest);
    if (flow == net::Flow::moved) {
      state_.with([&](State& s) { s.skip -= *skip; });
    }
    return flow;
  }
  Status end() override { return pipe_.end(); }
  void fail(const Error& error) override {
    if (!state_.with([](const State& s) { return s.let_go; })) pipe_.source_failed(error);
  }
  void on_room(std::function<void()> wake) override {
    state_.with([&](State& s) { s.wake = wake; });
    pipe_.on_room(std::move(wake));
  }

 private:
  struct State {
    bool open = false;
    bool let_go = false;
    std::uint64_t skip = 0;
    std::function<void()> wake{};
  };
  BlobPipe& pipe_;
  Guarded<State> state_;
};

}  // namespace

/// A GET into a pipe, with its challenge and redirects; the rest of a blob where the pipe has had its beginning.
class HostBlobRead final : public BlobRead {
 public:
  HostBlobRead(RegistryHost& host, Call call, BlobPipe& pipe, std::stop_token stop)
      : host_(host),
        call_(std::move(call)),
        pipe_(pipe),
        stop_(std::move(stop)),
        first_byte_(pipe.position()),
        asks_rest_(first_byte_ > 0) {
    first_ = begin();
  }
  ~HostBlobRead() override = default;

  Status started() override {
    if (!first_) return first_;
    int challenges = 0;
    int redirects = 0;
    for (;;) {
      auto head = download_->head();
      host_.learn(head);
      if (!head) return cause_of(std::move(head).error(), pipe_, stop_).context(call_.what);
      if (head->status == 200 || (head->status == 206 && is_rest(*head))) {
        gate_->open(head->status == 200 ? first_byte_ : 0);
        return {};
      }
      if (head->status == 206 && std::exchange(asks_rest_, false)) {
        // Another part than was asked for: the whole blob has the rest.
        current_.request.headers = call_.headers;
      } else if (head->status == 401 && current_.ours) {
        if (++challenges > kMaxChallenges) {
          return host_.explained(host_.refused_again(call_), call_, host_.context(stop_));
        }
        SLUICE_TRY(current_.request.authorization, host_.meet_challenge(current_, *head, call_, host_.context(stop_)));
      } else if (is_redirect(head->status)) {
        if (++redirects > kMaxRedirects) return host_.circles();
        SLUICE_TRY(current_, host_.redirect(current_, *head, call_));
      } else {
        return with_asked_wait(to_error(*head, host_.name(), call_.what), *head);
      }
      request();
    }
  }

  Status finish() override {
    if (!first_) return first_;
    auto end = download_->finish();
    if (!end) return cause_of(std::move(end).error(), pipe_, stop_).context(call_.what);
    return {};
  }

 private:
  Status begin() {
    SLUICE_TRY(current_, host_.target(call_));
    if (current_.ours) {
      SLUICE_TRY(current_.request.authorization,
                 host_.authorizer_.header_for(call_.scopes, host_.context(stop_), &current_.request));
    }
    request();
    return {};
  }
  void request() {
    ++host_.requests_;
    if (gate_) gate_->let_go();
    download_.reset();
    if (asks_rest_) current_.request.headers.set("Range", "bytes=" + std::to_string(first_byte_) + "-");
    gate_ = std::make_unique<RangeGate>(pipe_, first_byte_ == 0);
    download_ = host_.loop_.download(current_.request, *gate_, stop_);
  }
  // RFC 9110 section 15.3.7: a 206 says which bytes it brings.
  bool is_rest(const net::HttpResponse& head) const {
    const auto said = head.headers.get("content-range");
    if (first_byte_ == 0 || !said) return false;
    const auto span = parse_content_range(*said);
    return span && span->first == first_byte_ && span->last + 1 == pipe_.blob().size_bytes &&
           span->total.value_or(pipe_.blob().size_bytes) == pipe_.blob().size_bytes;
  }

  RegistryHost& host_;
  Call call_;
  BlobPipe& pipe_;
  std::stop_token stop_;
  std::uint64_t first_byte_;
  bool asks_rest_;
  RegistryHost::Target current_;
  Status first_;
  std::unique_ptr<RangeGate> gate_;  // before the download, which lets go of it last
  std::unique_ptr<net::TransferLoop::Download> download_;
};

std::unique_ptr<BlobRead> RegistryHost::read(const Call& call, BlobPipe& pipe, const std::stop_token& stop) {
  return std::make_unique<HostBlobRead>(*this, call, pipe, stop);
}

}  // namespace sluice::places
