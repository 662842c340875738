#include "net/reply_stream.hpp"

#include "base/guarded.hpp"

#include <functional>
#include <span>
#include <string_view>
#include <utility>

namespace sluice::net {

namespace {

constexpr std::size_t kMaxHeldBytes = std::size_t{256} * 1024;

// What has arrived and was not read. Filled by the loop, emptied by the reader.
struct Held {
  std::string bytes;
  bool ended = false;
  std::optional<Error> error;
  std::function<void()> wake;
  bool wants_room = false;
  bool has_news() const { return !bytes.empty() || ended || error.has_value(); }
};

class LoopBody final : public IncomingBody, public BodySink {
 public:
  LoopBody() = default;
  // The download first: after it nothing calls the sink any more.
  ~LoopBody() override { download_.reset(); }

  // `context.stop` ends the wait for the head; later ones have stops of their own.
  Result<HttpResponse> open(TransferLoop& loop, const HttpRequest& request, const ExchangeContext& context) {
    download_ = loop.download(request, *this, context.stop);
    return download_->head(context.deadline);
  }

  Result<std::optional<std::string>> read(const ExchangeContext& context) override {
    std::function<void()> wake;
    auto news = held_.when_until([](const Held& held) { return held.has_news(); }, context.deadline, context.stop,
                                 [&](Held& held) -> Result<std::optional<std::string>> {
                                   if (!held.bytes.empty()) {
                                     if (std::exchange(held.wants_room, false)) wake = held.wake;
                                     return std::optional(std::exchange(held.bytes, {}));
                                   }
                                   if (held.error) return *held.error;
                                   if (held.ended) return std::optional(std::string());
                                   if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped");
                                   return std::optional<std::string>();
                                 });
    if (wake) wake();
    return news;
  }

  Flow take(std::span<const std::byte> bytes) override {
    bool taken = false;
    held_.update([&](Held& held) {
      // One piece is always taken: pieces are small, and a limit below their size would stop everything.
      taken = held.bytes.empty() || held.bytes.size() + bytes.size() <= kMaxHeldBytes;
      if (taken) {
        held.bytes.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      } else {
        held.wants_room = true;
      }
    });
    return taken ? Flow::moved : Flow::later;
  }
  Status end() override {
    held_.update([](Held& held) { held.ended = true; });
    return {};
  }
  void fail(const Error& error) override {
    held_.update([&](Held& held) { held.error = error; });
  }
  void on_room(std::function<void()> wake) override {
    held_.update([&](Held& held) { held.wake = std::move(wake); });
  }

 private:
  Watched<Held> held_;
  std::unique_ptr<TransferLoop::Download> download_;
};

}  // namespace

Result<OpenReply> LoopStreams::open(const HttpRequest& request, const ExchangeContext& context) {
  if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped");
  auto body = std::make_unique<LoopBody>();
  OpenReply reply;
  SLUICE_TRY(reply.head, body->open(loop_, request, context));
  if (reply.head.status / 100 == 2) reply.body = std::move(body);
  return reply;
}

}  // namespace sluice::net
