#pragma once
// FakeExchanger: answers requests by a script and keeps what was asked. Nothing leaves the process.

#include "base/guarded.hpp"
#include "net/http.hpp"

#include <deque>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::testing {

inline net::HttpResponse reply(int status, std::string body = {}, net::Headers headers = {}) {
  return net::HttpResponse{status, std::move(headers), std::move(body)};
}

/// Thread: any. An answer may block: no lock is held while it runs.
class FakeExchanger : public net::Exchanger {
 public:
  using Answer = std::function<Result<net::HttpResponse>(const net::HttpRequest&, const net::ExchangeContext&)>;

  /// What the next request gets, once; in the order of the calls.
  FakeExchanger& then(Answer answer) {
    script_.with([&](Script& script) { script.once.push_back(std::move(answer)); });
    return *this;
  }
  FakeExchanger& then(Result<net::HttpResponse> answer) {
    return then([answer = std::move(answer)](const auto&, const auto&) { return answer; });
  }
  /// What every request gets once the script has ended; without it they fail.
  FakeExchanger& otherwise(Answer answer) {
    script_.with([&](Script& script) { script.otherwise = std::move(answer); });
    return *this;
  }

  Result<net::HttpResponse> exchange(const net::HttpRequest& request, const net::ExchangeContext& context) override {
    const auto answer = script_.with([&](Script& script) {
      script.seen.push_back(request);
      if (script.once.empty()) return script.otherwise;
      auto next = std::move(script.once.front());
      script.once.pop_front();
      return next;
    });
    if (answer) return answer(request, context);
    return Error(ErrorKind::internal, "the script of the fake has no answer to " +
                                          std::string(to_string(request.method)) + " " + request.url.text());
  }

  std::vector<net::HttpRequest> requests() const {
    return script_.with([](const Script& script) { return script.seen; });
  }

 private:
  struct Script {
    std::deque<Answer> once;
    Answer otherwise;
    std::vector<net::HttpRequest> seen;
  };
  Guarded<Script> script_;
};

}  // namespace sluice::testing
