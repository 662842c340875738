// RegistryHost: blobs on their way into a pipe.

#include "base/text.hpp"
#include "places/range_header.hpp"
#include "places/registry_error.hpp"
#include "places/registry_host.hpp"

#include <algorithm>
#include <utility>

namespace sluice::places {

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
      note_coding();
      if (!head)
        return host_.handed_out(host_.cause_of(std::move(head).error(), pipe_, stop_), current_, call_)
            .context(call_.what);
      if (head->status == 200 || (head->status == 206 && is_rest(*head))) {
        gate_->open(head->status == 200 ? first_byte_ : 0);
        return {};
      }
      if (head->status == 206 && std::exchange(asks_rest_, false)) {
        // Another part than was asked for: the whole blob has the rest.
        current_.request.headers = call_.headers;
      } else if (head->status == 401 && current_.ours) {
        if (++challenges > RegistryHost::kMaxChallenges) {
          return host_.explained(host_.refused_again(call_), call_, host_.context(stop_));
        }
        SLUICE_TRY(current_.request.authorization, host_.meet_challenge(current_, *head, call_, host_.context(stop_)));
      } else if (net::is_redirect(head->status)) {
        if (++redirects > RegistryHost::kMaxRedirects) return host_.circles();
        SLUICE_TRY(current_, host_.redirect(current_, *head, call_));
      } else {
        return host_.refusal(*head, call_);
      }
      request();
    }
  }

  Status finish() override {
    if (!first_) return first_;
    auto end = download_->finish();
    if (!end) return RegistryHost::cause_of(std::move(end).error(), pipe_, stop_).context(call_.what);
    return {};
  }

 private:
  // Most who say so only mean what the layer is: its bytes are taken as they come, and their digest decides. A short
  // blob may have been judged by now.
  void note_coding() {
    const auto coding = download_->content_coding();
    if (coding.empty() || text::iequals(coding, "identity")) return;
    pipe_.remark("the answer of " + host_.name() + " has Content-Encoding: " + text::printable(coding, 40));
  }
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
