#pragma once
// RegistryHost: one registry's address with everything that each exchange needs: scheme, TLS, credentials, retries,
// redirects, and how much the host takes at once. What the exchanges mean is in registry.hpp.

#include "auth/authorizer.hpp"
#include "base/guarded.hpp"
#include "net/retry.hpp"
#include "net/transfer_loop.hpp"
#include "places/blob_pipe.hpp"
#include "places/host_profile.hpp"
#include "places/place.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::places {

struct RegistryOptions {
  std::string host;        ///< host[:port]
  net::Endpoint endpoint;  ///< TLS and proxy
  bool insecure = false;   ///< plain HTTP and unverified certificates may be spoken (flag, clusters file)
  auth::Authorizer::FindCredentials find_credentials;
  bool preemptive_bearer = false;  ///< and its token: auth::Authorizer::Options
  std::function<Result<Secret>(const Secret* refused, const net::ExchangeContext& context)> current_token{};
  /// Where find_credentials looked: auth::Authorizer::Options.
  std::function<std::vector<auth::LookedAt>(std::string_view repository_path)> looked_at{};
  /// Finds out more about a refusal than the registry says (OpenShift answers 401 whatever the reason is).
  std::function<Error(Error refusal, const auth::Scopes& scopes, const net::ExchangeContext& context)>
      explain_refusal{};
  unsigned retry_times = 4;                                     ///< after the first try
  std::chrono::milliseconds timeout{std::chrono::seconds(30)};  ///< for one small exchange
  std::chrono::milliseconds max_wait = net::kMaxWait;  ///< all pauses of one call that the host causes, together
  net::TellWait tell_wait{};
  HostProfile profile{};  ///< what is known of the host already
};

/// One request, told without scheme and host.
struct Call {
  net::Method method = net::Method::get;
  std::string target;  ///< "/v2/shop/web/manifests/latest", or an absolute URL for upload locations
  net::Headers headers;
  std::string body;
  auth::Scopes scopes;
  std::string what;  ///< for sentences: "reading the manifest shop/web:latest"
  std::size_t max_reply_bytes = std::size_t{1} * 1024 * 1024;
  bool commits = false;    ///< an upload ends with it: stores may copy a large blob then, and are given time for it
  bool cut_reply = false;  ///< of a longer 2xx reply only that much is read, which is no error
};

/// Thread: any job thread; every call blocks.
class RegistryHost {
 public:
  RegistryHost(net::TransferLoop& loop, RegistryOptions options);
  ~RegistryHost();

  const std::string& name() const { return options_.host; }
  auth::Authorizer& authorizer() { return authorizer_; }
  const auth::Authorizer& authorizer() const { return authorizer_; }
  Slots slots() const;
  std::uint64_t requests() const { return requests_.load(); }
  /// What is known of the host by now.
  HostProfile profile() const;
  Result<std::optional<auth::Credentials>> credentials(std::string_view repository) const {
    if (!options_.find_credentials) return std::optional<auth::Credentials>();
    return options_.find_credentials(repository);
  }
  /// The largest body that is worth sending; empty: nobody has complained.
  std::optional<std::uint64_t> max_body() const;
  /// A body of so many bytes was refused (413). True when smaller ones are worth trying.
  bool learn_too_large(std::uint64_t body_bytes);

  /// Sends a call: picks the scheme, answers challenges (twice at most), follows redirects of GET and HEAD, retries
  /// what may be cured by waiting. Any other status is the caller's to judge. Errors: those of net::Exchanger, denied,
  /// unauthenticated, busy (still 429 or 5xx after the last try).
  Result<net::HttpResponse> send(const Call& call, const std::stop_token& stop);

  /// One try within `time`, whose outcome nobody needs.
  void send_once(const Call& call, std::chrono::milliseconds time);

  /// Starts a GET into a pipe, of the rest of the blob when the pipe has had its beginning (RFC 9110 section 14.2); a
  /// server that knows no ranges sends everything, and the beginning is dropped. The challenge and redirects are
  /// handled by BlobRead::started(), which must be called for the rest to flow.
  std::unique_ptr<BlobRead> read(const Call& call, BlobPipe& pipe, const std::stop_token& stop);

  /// One PUT with a body from the pipe. Not retried: the bytes are gone. A refused token is renewed before `busy` is
  /// reported, so that a second upload succeeds.
  Result<net::HttpResponse> write(const Call& call, BlobPipe& pipe, std::uint64_t size_bytes,
                                  const std::stop_token& stop);

  /// An upload location as an absolute URL, seen from the target of the call that it answers.
  Result<std::string> absolute(const std::string& location, const std::string& seen_from) const;

 private:
  friend class HostBlobRead;
  struct Target {
    net::HttpRequest request;
    bool ours = true;  ///< the registry itself, not where it redirects to: credentials may go there
  };
  /// How the host may be spoken to, best first.
  struct Way {
    std::string scheme;
    std::shared_ptr<const net::Endpoint> endpoint;
  };
  /// How much the host takes at once: one more after a clean window, half after 429 or 503.
  struct Pace {
    unsigned blobs = 6;
    unsigned clean = 0;
  };

  static constexpr int kMaxRedirects = 5;
  // The first token covers all scopes of the host; a server that grants only one of them silently gets a second chance.
  static constexpr int kMaxChallenges = 2;
  static Error cause_of(Error error, const BlobPipe& pipe, const std::stop_token& stop);

  std::vector<Way> ways() const;
  Result<Target> target(const Call& call) const;
  Result<net::HttpResponse> try_once(const Call& call, const net::ExchangeContext& context);
  Result<Target> redirect(const Target& from, const net::HttpResponse& response, const Call& call) const;
  /// The error when a challenge cannot be met, else the header to use.
  Result<Secret> meet_challenge(const Target& target, const net::HttpResponse& response, const Call& call,
                                const net::ExchangeContext& context);
  Error refused_again(const Call& call) const;
  Error explained(Error refusal, const Call& call, const net::ExchangeContext& context) const;
  Error circles() const;
  Error refusal(const net::HttpResponse& response, const Call& call) const;
  Result<net::HttpResponse> judged(Result<net::HttpResponse> outcome, const Call& call) const;
  Error handed_out(Error error, const Target& target, const Call& call) const;
  bool try_next_way(const Result<net::HttpResponse>& outcome, std::size_t used);
  void learn(const Result<net::HttpResponse>& outcome);
  net::ExchangeContext context(const std::stop_token& stop, int patience = 1) const;
  /// The endpoint for a URL that is not ours.
  const std::shared_ptr<const net::Endpoint>& foreign(const net::Url& url) const;

  net::TransferLoop& loop_;
  RegistryOptions options_;
  bool loopback_ = false;
  std::vector<Way> ways_;
  std::atomic<std::size_t> way_{0};
  std::atomic<bool> way_proven_{false};
  std::atomic<std::uint64_t> requests_{0};
  Guarded<Pace> pace_;
  Guarded<HostProfile> profile_;
  std::shared_ptr<const net::Endpoint> foreign_;        ///< for redirects to other hosts
  std::shared_ptr<const net::Endpoint> foreign_plain_;  ///< the same in plain HTTP that nobody allowed: loopback only
  auth::Authorizer authorizer_;
};

}  // namespace sluice::places
