#pragma once
// A cluster made up of scripted answers, with a client in front of it and clocks that wait for nothing.

#include "base/guarded.hpp"
#include "kube/client.hpp"
#include "net/reply_stream.hpp"
#include "support/checks.hpp"
#include "support/fake_exchanger.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::kube::testing {

using sluice::testing::FakeExchanger;
using sluice::testing::reply;
using support::failed_with;
using support::why;

/// Time that only passes when somebody waits.
struct FakeTime {
  std::chrono::steady_clock::time_point now{std::chrono::hours(1)};
  std::chrono::system_clock::time_point wall{std::chrono::hours(24 * 365 * 50)};
  std::vector<std::chrono::milliseconds> waits;

  Timing timing() {
    Timing out;
    out.pause = [this](std::chrono::milliseconds span, const std::stop_token& stop) {
      waits.push_back(span);
      now += span;
      wall += span;
      return !stop.stop_requested();
    };
    out.now = [this] { return now; };
    out.wall = [this] { return wall; };
    out.fraction = [] { return 0.5; };
    return out;
  }
  void pass(std::chrono::seconds span) {
    now += span;
    wall += span;
  }
};

inline net::HttpResponse json_reply(int status, const Json& body) {
  return reply(status, body.dump(), {{"Content-Type", "application/json"}});
}

inline Json parsed(std::string_view text) {
  auto json = parse_json(text);
  if (!json) throw std::invalid_argument(json.error().sentence() + ": " + std::string(text));
  return std::move(*json);
}

inline Json status_json(int code, const std::string& reason, const std::string& message) {
  return Json::object()
      .set("kind", "Status")
      .set("apiVersion", "v1")
      .set("metadata", Json::object())
      .set("status", "Failure")
      .set("message", message)
      .set("reason", reason)
      .set("code", code);
}

inline net::HttpResponse status_reply(int code, const std::string& reason, const std::string& message) {
  return json_reply(code, status_json(code, reason, message));
}

inline net::Url url(std::string_view text) {
  auto parsed_url = net::Url::parse(text);
  if (!parsed_url) throw std::invalid_argument(parsed_url.error().sentence());
  return *parsed_url;
}

class ClusterTest : public ::testing::Test {
 protected:
  /// Before the first use of client().
  Access access{"prod",  url("https://api.example.com:6443"),
                nullptr, token_identity(Secret("t0k3n"), "the test's token"),
                "",      false};
  unsigned retry_times = 4;

  Connection& connection() {
    if (!connection_) {
      connection_ = std::make_unique<Connection>(
          exchanger, ConnectionOptions{.access = access, .retry_times = retry_times, .timing = time.timing()});
      client_ = std::make_unique<Client>(*connection_);
    }
    return *connection_;
  }
  Client& client() {
    connection();
    return *client_;
  }
  static net::ExchangeContext context() { return {Deadline::never(), {}}; }
  /// "GET /apis/..." of the n-th request.
  std::string asked(std::size_t n) const {
    const auto requests = exchanger.requests();
    if (n >= requests.size()) return "there was no such request";
    return std::string(to_string(requests[n].method)) + " " + requests[n].url.target;
  }
  std::size_t count() const { return exchanger.requests().size(); }

  FakeExchanger exchanger;
  FakeTime time;

 private:
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<Client> client_;
};

/// One body of a scripted stream: pieces, and how it ends.
struct ScriptedBody {
  std::deque<std::string> pieces;
  std::optional<Error> broken;  ///< empty: a clean end
  bool open = false;            ///< neither: silence until the deadline
};

class FakeBody final : public net::IncomingBody {
 public:
  explicit FakeBody(ScriptedBody script) : script_(std::move(script)) {}
  Result<std::optional<std::string>> read(const net::ExchangeContext& context) override {
    if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped");
    if (!script_.pieces.empty()) {
      auto piece = std::move(script_.pieces.front());
      script_.pieces.pop_front();
      return std::optional(std::move(piece));
    }
    if (script_.broken) return *script_.broken;
    if (script_.open) return std::optional<std::string>();
    return std::optional(std::string());
  }

 private:
  ScriptedBody script_;
};

/// Answers watch requests by a script.
class FakeStreams final : public net::ReplyStreams {
 public:
  FakeStreams& then(ScriptedBody body) {
    script_.emplace_back([body = std::move(body)]() -> Result<net::OpenReply> {
      return net::OpenReply{reply(200), std::make_unique<FakeBody>(body)};
    });
    return *this;
  }
  FakeStreams& then(net::HttpResponse refusal) {
    script_.emplace_back(
        [refusal = std::move(refusal)]() -> Result<net::OpenReply> { return net::OpenReply{refusal, nullptr}; });
    return *this;
  }
  FakeStreams& then(Error error) {
    script_.emplace_back([error = std::move(error)]() -> Result<net::OpenReply> { return error; });
    return *this;
  }
  Result<net::OpenReply> open(const net::HttpRequest& request, const net::ExchangeContext&) override {
    requests.push_back(request);
    if (script_.empty()) return net::OpenReply{reply(200), std::make_unique<FakeBody>(ScriptedBody{{}, {}, true})};
    const auto next = std::move(script_.front());
    script_.pop_front();
    return next();
  }

  std::vector<net::HttpRequest> requests;

 private:
  std::deque<std::function<Result<net::OpenReply>()>> script_;
};

}  // namespace sluice::kube::testing
