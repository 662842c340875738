#pragma once
// Replies that are read while they arrive: what a watch stands on. The interface is here so that tests can play a
// server; LoopStreams is the real one.

#include "base/result.hpp"
#include "net/http.hpp"
#include "net/transfer_loop.hpp"

#include <memory>
#include <optional>
#include <string>

namespace sluice::net {

/// One reply body on its way. Thread: one job thread. Destruction gives the transfer up.
class IncomingBody {
 public:
  virtual ~IncomingBody() = default;
  /// The next bytes, at least one; empty text: the body has ended as it should; empty optional: nothing came until the
  /// deadline of `context`. Errors: cancelled (context.stop), those of the transfer (unreachable, timeout, ...).
  virtual Result<std::optional<std::string>> read(const ExchangeContext& context) = 0;
};

/// A reply whose body is yet to come (2xx), or is here as text (any other status).
struct OpenReply {
  HttpResponse head;
  std::unique_ptr<IncomingBody> body;  ///< null unless 2xx
};

/// Thread: any.
class ReplyStreams {
 public:
  virtual ~ReplyStreams() = default;
  /// Sends a request and waits for the head of its reply, as long as `context` says. Errors: those of Exchanger.
  virtual Result<OpenReply> open(const HttpRequest& request, const ExchangeContext& context) = 0;
};

/// Over the transfer loop. Memory: 256 KiB for what was not read yet; then the server has to wait.
class LoopStreams final : public ReplyStreams {
 public:
  explicit LoopStreams(TransferLoop& loop) : loop_(loop) {}
  Result<OpenReply> open(const HttpRequest& request, const ExchangeContext& context) override;

 private:
  TransferLoop& loop_;
};

}  // namespace sluice::net
