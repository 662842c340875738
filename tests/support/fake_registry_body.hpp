#pragma once
// The body of a request to the fake registry: collected, thrown away, or put into an upload as it comes, so that a
// broken request leaves behind what it brought. Only for fake_registry*.cpp.

#include "support/fake_registry_state.hpp"

#include <optional>
#include <string>

namespace sluice::support {

/// Thread: take() on the server's; the rest afterwards on a handler's.
class FakeBody final : public net::BodyReceiver {
 public:
  /// Looks at rules and rights before the first byte. `head` must outlive it.
  FakeBody(Watched<FakeContent>& shared, const net::ServerRequest& head, bool other_host);
  ~FakeBody() override;
  FakeBody(const FakeBody&) = delete;
  FakeBody& operator=(const FakeBody&) = delete;

  bool take(std::span<const std::byte> bytes) override;

  const std::optional<FakeRule>& rule() const { return rule_; }
  std::size_t entry() const { return entry_; }
  const std::string& text() const { return text_; }
  /// The answer is known already; or the connection is to be broken (reset).
  std::optional<net::ServerReply>& verdict() { return verdict_; }
  /// What came is to stay.
  void keep() { settled_ = true; }
  /// What came is kept, undone or lost, as the knobs say.
  void broke(FakeContent& content);

 private:
  void use_rule(FakeContent& content);
  void judge(FakeContent& content);
  void reach(FakeContent& content);
  void append(FakeContent& content, std::string_view bytes);

  Watched<FakeContent>& shared_;
  FakeCall call_;
  std::size_t entry_ = 0;
  std::optional<FakeRule> rule_;
  std::optional<net::ServerReply> verdict_;
  std::string text_;
  bool upload_ = false;  ///< bytes go into the session call_.reference
  bool settled_ = false;
  std::uint64_t before_ = 0;  ///< where the session stood
  std::uint64_t seen_ = 0;
};

/// The answer of a rule that has one. `expire` is obeyed.
net::ServerReply rule_reply(FakeContent& content, const FakeRule& rule, const FakeCall& call);

}  // namespace sluice::support
