#include "promotion/targets/http_check.hpp"

#include "base/text.hpp"
#include "net/address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <utility>

namespace sluice::promotion {

namespace {

using std::chrono::milliseconds;

constexpr int kMaxRedirects = 5;
// A page that checks health is small; the front page of a shop may not be.
constexpr std::size_t kMaxReplyBytes = std::size_t{8} * 1024 * 1024;
// Guesses: one that does not answer within it would not please its users, and leaves time for other tries.
constexpr milliseconds kOneTry{std::chrono::seconds(10)};
constexpr std::chrono::hours kMostPatience{24};
constexpr milliseconds kFirstWait{500};
constexpr milliseconds kLongestWait{std::chrono::seconds(5)};

std::string shown(const net::Url& url) { return text::printable(url.redacted()); }

Error not_allowed(std::string what) {
  return Error(ErrorKind::blocked, std::move(what))
      .with_hint("use an https address of the app; administrators allow local ones in the clusters file");
}

/// How a URL may be asked; the address that its name leads to is checked where the connection is made.
Result<net::AddressRule> rule_for(const net::Url& url, bool allow_local) {
  if (url.scheme != "https") {
    if (allow_local && net::is_loopback_name(url.host)) return net::AddressRule::loopback_only;
    return not_allowed(shown(url) + " is not asked, as it is no https address");
  }
  if (allow_local) return net::AddressRule::any;
  // Said here as well, because a proxy would make the connection itself.
  if (net::is_local_host(url.host))
    return not_allowed(shown(url) + " is not asked, as it is an address of this machine or its link");
  return net::AddressRule::not_local;
}

std::shared_ptr<const net::Endpoint> endpoint_for(net::AddressRule rule) {
  const auto with = [](net::AddressRule addresses) {
    net::Endpoint endpoint;
    endpoint.addresses = addresses;
    return std::make_shared<const net::Endpoint>(std::move(endpoint));
  };
  static const std::array kEndpoints{with(net::AddressRule::any), with(net::AddressRule::loopback_only),
                                     with(net::AddressRule::not_local)};
  return kEndpoints.at(static_cast<std::size_t>(rule));
}

Error no_answer_of_use(std::string what) { return {ErrorKind::conflict, std::move(what)}; }

/// One answer, redirects followed. Nothing of ours goes along: no credentials, no cookies.
Result<int> ask_once(net::Exchanger& exchanger, net::Url url, bool allow_local, const net::ExchangeContext& context) {
  for (int hops = 0;; ++hops) {
    SLUICE_TRY(const auto rule, rule_for(url, allow_local));
    net::HttpRequest request;
    request.url = url;
    request.headers.add("Accept", "*/*");
    request.endpoint = endpoint_for(rule);
    request.max_reply_bytes = kMaxReplyBytes;
    auto reply = exchanger.exchange(request, context);
    if (!reply && net::is_refused_address(reply.error())) {
      return not_allowed(shown(url) + (rule == net::AddressRule::loopback_only
                                           ? " is not asked, as plain http is only spoken on this machine"
                                           : " is not asked, as its name leads to an address of this machine or its "
                                             "link"));
    }
    if (!reply) return std::move(reply).error();
    if (reply->status / 100 == 2) return reply->status;
    const auto location = reply->headers.get("location");
    if (!net::is_redirect(reply->status) || !location) {
      return no_answer_of_use(fmt::format("{} answers {}", shown(url), reply->status));
    }
    if (hops == kMaxRedirects) {
      return no_answer_of_use(fmt::format("{} leads on after {} redirects", shown(url), kMaxRedirects));
    }
    auto next = url.resolve(*location);
    if (!next) return no_answer_of_use(shown(url) + " redirects to what is no http address");
    url = std::move(*next);
  }
}

/// What is left, as far as a wait can be long.
milliseconds left_until(const Deadline& deadline) {
  if (!deadline.is_bounded()) return milliseconds::max();
  const auto left = std::chrono::ceil<milliseconds>(deadline.at() - Deadline::Clock::now());
  return std::max(left, milliseconds(0));
}

/// What no waiting mends.
bool is_final(const Error& error) {
  switch (error.kind()) {
    case ErrorKind::blocked:
    case ErrorKind::cancelled:
    case ErrorKind::config:
    case ErrorKind::internal:
      return true;
    default:
      return false;
  }
}

/// The last answer as the end of the check.
Error given_up(const Error& last, const HttpCheck& check) {
  const bool kept = last.kind() == ErrorKind::unreachable || last.kind() == ErrorKind::timeout ||
                    last.kind() == ErrorKind::untrusted || last.kind() == ErrorKind::conflict;
  return Error(kept ? last.kind() : ErrorKind::conflict,
               fmt::format("no success within {}: {}", text::human_seconds(static_cast<double>(check.patience.count())),
                           last.message()))
      .with_hint(last.kind() == ErrorKind::untrusted ? "it must have a certificate that this machine trusts"
                                                     : "see what the app answers at that address");
}

}  // namespace

std::string check_url_of(const std::string& text, const pipeline::Target& target) {
  auto url = text;
  const auto fill = [&](std::string_view name, const std::string& value) {
    for (auto at = url.find(name); at != std::string::npos; at = url.find(name, at + value.size()))
      url.replace(at, name.size(), value);
  };
  fill("{cluster}", target.cluster);
  fill("{project}", target.project);
  return url;
}

Status may_be_checked(const std::string& url, bool allow_local) {
  const auto parsed = net::Url::parse(url);
  if (!parsed) return not_allowed(text::printable(url, 200) + " is not asked, as it is no URL");
  SLUICE_CHECK(rule_for(*parsed, allow_local));
  return {};
}

Result<int> check_http(net::Exchanger& exchanger, const HttpCheck& check, const net::ExchangeContext& context,
                       const kube::Timing& timing) {
  auto url = net::Url::parse(check.url);
  if (!url) return not_allowed("the URL of the HTTP check cannot be used: " + url.error().message());
  const auto end = timing.now() + std::min<std::chrono::seconds>(check.patience, kMostPatience);
  auto wait = kFirstWait;
  std::optional<Error>
      answer;  // the last one that was no time-out: the time that was left for the last try says nothing
  for (;;) {
    const net::ExchangeContext soon{context.deadline.earlier(Deadline::after(kOneTry)), context.stop};
    auto status = ask_once(exchanger, *url, check.allow_local, soon);
    if (status || is_final(status.error())) return status;
    if (status.error().kind() != ErrorKind::timeout) answer = status.error();
    const auto left = std::chrono::floor<milliseconds>(end - timing.now());
    if (left <= milliseconds(0) || context.deadline.expired()) return given_up(answer.value_or(status.error()), check);
    const auto jitter = 0.5 + 0.5 * kube::fraction_of(timing);
    const auto next = std::chrono::duration_cast<milliseconds>(jitter * wait);
    if (!timing.pause(std::min({next, left, left_until(context.deadline)}), context.stop)) {
      return Error(ErrorKind::cancelled, "stopped while " + shown(*url) + " was checked");
    }
    wait = std::min(2 * wait, kLongestWait);
  }
}

}  // namespace sluice::promotion
