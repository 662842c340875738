// Several threads and one token: who fetches, who waits, and what a failure means for whom.

#include "unit/auth/authorizer_testing.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace sluice::auth {
namespace {

using namespace std::chrono_literals;
using testing::AuthorizerTest;
using ::testing::Each;
using ::testing::HasSubstr;
using testing::login;
using testing::pull;
using testing::reply;
using testing::token_json;
using testing::why;

// A gate that holds threads until it is opened, and tells when they have come.
class Gate {
 public:
  void pass() {
    state_.update([](State& s) { ++s.arrived; });
    state_.when([](const State& s) { return s.open; }, {}, [](State&) {});
  }
  void await(int count) {
    state_.when([&](const State& s) { return s.arrived >= count; }, {}, [](State&) {});
  }
  void open() {
    state_.update([](State& s) { s.open = true; });
  }

 private:
  struct State {
    int arrived = 0;
    bool open = false;
  };
  Watched<State> state_;
};

// The clock is read under the lock under which a thread decides to wait: whoever reads it while the first request is
// held back by the gate waits for that request.
class AuthorizerThreads : public AuthorizerTest {
 protected:
  void SetUp() override {
    authorizer_ = std::make_unique<Authorizer>(
        exchanger_, Authorizer::Options{
                        .registry = "r.example.com", .endpoint = endpoint_, .find_credentials = find_, .now = [this] {
                          readers_.update([](auto& who) { who.insert(std::this_thread::get_id()); });
                          return std::chrono::steady_clock::time_point();
                        }});
  }
  void await_readers(std::size_t count) {
    readers_.when([&](const auto& who) { return who.size() >= count; }, {}, [](auto&) {});
  }
  std::string ask(const net::ExchangeContext& how) {
    const auto got = authorizer_->answer(registry_, {kBearer}, {pull("a")}, {}, how);
    return got.ok() ? got->reveal() : why(got);
  }
  void hold_first(Result<net::HttpResponse> then) {
    exchanger_.then([this, then = std::move(then)](const auto&, const auto&) {
      gate_.pass();
      return then;
    });
  }

  Gate gate_;
  Watched<std::set<std::thread::id>> readers_;
  std::unique_ptr<Authorizer> authorizer_;
};

TEST_F(AuthorizerThreads, ShareOneRequest) {
  hold_first(reply(200, token_json("t1")));
  std::vector<std::string> got(8);
  {
    std::vector<std::jthread> threads;
    for (auto& one : got) {
      threads.emplace_back([&] { one = ask(context()); });
      gate_.await(1);  // the first is at the token server before the others come
    }
    await_readers(got.size());
    gate_.open();
  }
  EXPECT_THAT(got, Each("Bearer t1"));
  EXPECT_EQ(requests(), 1u);
}

TEST_F(AuthorizerThreads, AreAllToldOfAFailureAndTheNextTriesAgain) {
  hold_first(Error(ErrorKind::unreachable, "cannot connect"));
  std::vector<std::string> got(8);
  {
    std::vector<std::jthread> threads;
    for (auto& one : got) {
      threads.emplace_back([&] { one = ask(context()); });
      gate_.await(1);  // the first is at the token server before the others come
    }
    await_readers(got.size());
    gate_.open();
  }
  EXPECT_THAT(got, Each(HasSubstr("unreachable: logging in to r.example.com: cannot connect")));
  EXPECT_EQ(requests(), 1u);
  exchanger_.then(reply(200, token_json("t2")));
  EXPECT_EQ(ask(context()), "Bearer t2");
}

TEST_F(AuthorizerThreads, WaitNoLongerThanTheirOwnDeadlineOrStop) {
  hold_first(reply(200, token_json("t1")));
  std::string first;
  {
    const std::jthread leader([&] { first = ask(context()); });
    gate_.await(1);
    EXPECT_THAT(ask({Deadline::after(1ms), {}}),
                HasSubstr("timeout: no answer in time while waiting for a token for r.example.com"));
    std::stop_source stop;
    stop.request_stop();
    EXPECT_THAT(ask({Deadline::never(), stop.get_token()}), HasSubstr("cancelled: stopped while waiting for a token"));
    gate_.open();
  }
  EXPECT_EQ(first, "Bearer t1") << "nobody else's hurry ends the request";
}

TEST_F(AuthorizerThreads, GoOnWhenTheOneThatFetchedIsStopped) {
  hold_first(Error(ErrorKind::cancelled, "stopped"));
  exchanger_.then(reply(200, token_json("t2")));
  std::string first;
  std::string second;
  {
    const std::jthread leader([&] { first = ask(context()); });
    gate_.await(1);
    const std::jthread other([&] { second = ask(context()); });
    await_readers(2);
    gate_.open();
  }
  EXPECT_THAT(first, HasSubstr("cancelled: "));
  EXPECT_EQ(second, "Bearer t2");
}

TEST_F(AuthorizerThreads, GoOnWhenTheOneThatFetchedHadLessTime) {
  exchanger_.then([this](const auto&, const net::ExchangeContext& how) -> Result<net::HttpResponse> {
    gate_.pass();
    EXPECT_TRUE(how.deadline.expired()) << "the leader's own deadline travels with its request";
    return Error(ErrorKind::timeout, "no answer");
  });
  exchanger_.then(reply(200, token_json("t2")));
  std::string first;
  std::string second;
  {
    // Expired already: the fake plays the request that ran out of time.
    const std::jthread leader([&] {
      const auto got = authorizer_->answer(registry_, {kBearer}, {}, {}, {Deadline::after(0ms), {}});
      first = got.ok() ? got->reveal() : why(got);
    });
    gate_.await(1);
    const std::jthread other([&] {
      const auto got = authorizer_->answer(registry_, {kBearer}, {}, {}, context());
      second = got.ok() ? got->reveal() : why(got);
    });
    await_readers(2);
    gate_.open();
  }
  EXPECT_THAT(first, HasSubstr("timeout: "));
  EXPECT_EQ(second, "Bearer t2");
}

TEST_F(AuthorizerThreads, UseTheOldTokenWhileAnotherRenewsIt) {
  Watched<std::chrono::steady_clock::time_point> clock;
  Authorizer authorizer(exchanger_,
                        {.registry = "r.example.com", .endpoint = endpoint_, .find_credentials = find_, .now = [&] {
                           return clock.with([](auto now) { return now; });
                         }});
  const auto header = [&] {
    const auto got = authorizer.header_for({pull("a")}, context());
    return got.ok() && got->has_value() ? (*got)->reveal() : why(got);
  };
  exchanger_.then(reply(200, token_json("t1", 400)));
  ASSERT_TRUE(authorizer.answer(registry_, {kBearer}, {pull("a")}, {}, context()).ok());
  clock.update([](auto& now) { now += 350s; });
  hold_first(reply(200, token_json("t2", 400)));
  std::string renewed;
  {
    const std::jthread leader([&] { renewed = header(); });
    gate_.await(1);
    EXPECT_EQ(header(), "Bearer t1");
    gate_.open();
  }
  EXPECT_EQ(renewed, "Bearer t2");
  EXPECT_EQ(header(), "Bearer t2");
}

TEST_F(AuthorizerThreads, LookCredentialsUpOnce) {
  std::atomic<int> asked{0};
  Authorizer authorizer(exchanger_, {.registry = "r.example.com",
                                     .endpoint = endpoint_,
                                     .find_credentials =
                                         [&](std::string_view) {
                                           ++asked;
                                           gate_.pass();
                                           return Result<std::optional<Credentials>>(login("ann", "pw"));
                                         },
                                     .now = {}});
  const auto ask_basic = [&](const net::ExchangeContext& how) {
    const auto got = authorizer.answer(registry_, {kBasic}, {pull("a")}, {}, how);
    return got.ok() ? got->reveal() : why(got);
  };
  std::vector<std::string> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& one : got) threads.emplace_back([&] { one = ask_basic(context()); });
    gate_.await(1);
    EXPECT_THAT(ask_basic({Deadline::after(1ms), {}}),
                HasSubstr("timeout: no answer in time while waiting for credentials"));
    gate_.open();
  }
  EXPECT_THAT(got, Each("Basic " + encoding::base64("ann:pw")));
  EXPECT_EQ(asked, 1);
}

}  // namespace
}  // namespace sluice::auth
