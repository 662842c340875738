#include "kube/identity/identity.hpp"

#include "auth/token.hpp"
#include "base/file.hpp"
#include "base/guarded.hpp"
#include "base/text.hpp"

#include <chrono>
#include <utility>

namespace sluice::kube {

namespace {

constexpr std::size_t kMaxTokenBytes = std::size_t{64} * 1024;
// Kubernetes replaces bound tokens at 80 % of their life, which is at least ten minutes; client-go reads every minute.
constexpr std::chrono::seconds kReadAgain{60};

// Nothing goes into the requests: nobody, or somebody whose certificate stands in the endpoint.
class Silent final : public Identity {
 public:
  Silent(std::string source, CredentialOrigin origin) : source_(std::move(source)), origin_(std::move(origin)) {}
  Result<Presented> present(const net::ExchangeContext&) override { return Presented{}; }
  bool refused(const Presented&) override { return false; }
  std::string explain() const override { return source_; }
  CredentialOrigin origin() const override { return origin_; }

 private:
  std::string source_;
  CredentialOrigin origin_;
};

class FixedToken final : public Identity {
 public:
  FixedToken(Secret token, std::string source, CredentialOrigin origin)
      : token_(std::move(token)), source_(std::move(source)), origin_(std::move(origin)) {}
  Result<Presented> present(const net::ExchangeContext&) override {
    SLUICE_CHECK(check_token(token_, source_));
    return Presented{token_, "", {}};
  }
  bool refused(const Presented&) override { return false; }
  std::string explain() const override { return source_; }
  CredentialOrigin origin() const override { return origin_; }

 private:
  Secret token_;
  std::string source_;
  CredentialOrigin origin_;
};

// A token that is fetched, kept for a while and fetched again.
class KeptToken final : public Identity {
 public:
  using Fetch = std::function<Result<Secret>()>;

  /// `read_again`: also when nothing was refused, after so long.
  KeptToken(Fetch fetch, std::optional<std::chrono::seconds> read_again, Secret fallback, std::string source,
            CredentialOrigin origin, Timing timing)
      : fetch_(std::move(fetch)),
        read_again_(read_again),
        source_(std::move(source)),
        origin_(std::move(origin)),
        timing_(std::move(timing)) {
    kept_.with([&](Kept& kept) { kept.token = std::move(fallback); });
  }

  Result<Presented> present(const net::ExchangeContext&) override {
    const auto now = timing_.now();
    const auto held = kept_.with([&](const Kept& kept) { return is_due(kept, now) ? Secret() : kept.token; });
    if (!held.empty()) return Presented{held, "", {}};
    // Not under the lock: it may run a program. Two threads at once may both run it, which does no harm.
    auto fetched = fetch_();
    if (fetched) {
      if (auto usable = check_token(*fetched, source_); !usable) fetched = std::move(usable).error();
    }
    return kept_.with([&](Kept& kept) -> Result<Presented> {
      kept.at = now;
      kept.refused = false;
      if (fetched) {
        kept.token = std::move(*fetched);
      } else if (kept.token.empty()) {
        kept.at.reset();
        return std::move(fetched).error();
      }
      return Presented{kept.token, "", {}};
    });
  }

  bool refused(const Presented& shown) override {
    return kept_.with([&](Kept& kept) {
      if (kept.token != shown.token) return true;  // somebody has fetched a new one meanwhile
      kept.refused = true;
      return true;
    });
  }
  std::string explain() const override { return source_; }
  CredentialOrigin origin() const override { return origin_; }

 private:
  struct Kept {
    Secret token;
    std::optional<Deadline::Clock::time_point> at;  ///< when it was fetched
    bool refused = false;
  };
  bool is_due(const Kept& kept, Deadline::Clock::time_point now) const {
    if (!kept.at || kept.refused) return true;
    return read_again_ && now - *kept.at >= *read_again_;
  }

  Fetch fetch_;
  std::optional<std::chrono::seconds> read_again_;
  std::string source_;
  CredentialOrigin origin_;
  Timing timing_;
  Guarded<Kept> kept_;
};

}  // namespace

Status check_token(const Secret& token, std::string_view source) {
  if (auth::is_header_safe(token.reveal())) return {};
  const auto why = token.empty() ? "is empty" : "holds blanks or other characters that no token has";
  return Error(ErrorKind::config, std::string(source) + " cannot be used: it " + why)
      .with_hint("a token is one line of letters, digits and a few signs");
}

IdentityPtr anonymous_identity() { return std::make_shared<Silent>("no credentials", CredentialOrigin()); }

IdentityPtr certificate_identity(std::string source, std::string file) {
  return std::make_shared<Silent>(std::move(source),
                                  CredentialOrigin{CredentialOrigin::Kind::certificate, std::move(file)});
}

IdentityPtr token_identity(Secret token, std::string source, std::string user) {
  return std::make_shared<FixedToken>(std::move(token), std::move(source),
                                      CredentialOrigin{CredentialOrigin::Kind::login, std::move(user)});
}

IdentityPtr token_file_identity(std::filesystem::path file, Secret fallback, std::string source, Timing timing,
                                CredentialOrigin::Kind kind) {
  CredentialOrigin origin{kind, file.string()};
  auto fetch = [file = std::move(file)]() -> Result<Secret> {
    SLUICE_TRY(const auto content, read_file(file, kMaxTokenBytes).context("reading a token"));
    return Secret(std::string(text::trim(content)));
  };
  return std::make_shared<KeptToken>(std::move(fetch), kReadAgain, std::move(fallback), std::move(source),
                                     std::move(origin), std::move(timing));
}

IdentityPtr fetched_identity(std::function<Result<Secret>()> fetch, std::string source, CredentialOrigin origin,
                             Timing timing) {
  return std::make_shared<KeptToken>(std::move(fetch), std::nullopt, Secret(), std::move(source), std::move(origin),
                                     std::move(timing));
}

}  // namespace sluice::kube
