#include "net/transfer_loop.hpp"

#include "base/text.hpp"
#include "net/transfer.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>
#include <vector>

namespace sluice::net {

namespace {

using TransferPtr = std::shared_ptr<Transfer>;

constexpr long kMaxIdleConnections = 64;

constexpr std::size_t kPooledHandles = 48;
constexpr int kLongestPollMs = 1000;  // bounds how late a stall is noticed

void start_curl_once() {
  static const bool started = [] { return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK; }();
  static_cast<void>(started);
}

struct Inbox {
  std::vector<TransferPtr> start;
  std::vector<TransferPtr> cancel;
  std::vector<TransferPtr> resume;
  bool quit = false;
};

Error cancelled(const Transfer& transfer) {
  return Error(ErrorKind::cancelled, "stopped while talking to " + transfer.host());
}

}  // namespace

// Owns the curl multi handle and the thread. Everything without a Guarded around it belongs to that thread.
struct TransferLoop::State {
  explicit State(LoopOptions opts) : options(std::move(opts)) {
    start_curl_once();
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, long{CURLPIPE_NOTHING});
    thread = std::thread([this] { run(); });
  }
  ~State() {
    inbox.with([](Inbox& box) { box.quit = true; });
    curl_multi_wakeup(multi);
    thread.join();
    for (auto* easy : idle_handles) curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  LoopOptions options;
  CURLM* multi = nullptr;
  Guarded<Inbox> inbox;
  Guarded<LoopCounters> counters;
  std::map<Transfer*, TransferPtr> live;
  std::vector<CURL*> idle_handles;
  std::atomic<std::thread::id> thread_id;
  std::thread thread;

  template <class F>
  void post(F&& change) {
    inbox.with(std::forward<F>(change));
    // The loop looks into its inbox before it sleeps, so only other threads need the system call.
    if (std::this_thread::get_id() != thread_id.load()) curl_multi_wakeup(multi);
  }

  void run();
  Inbox take_inbox();
  void begin(const TransferPtr& transfer);
  void end(const TransferPtr& transfer, std::optional<Error> error);
  void collect_finished();
  void resume(const TransferPtr& transfer);
  int watch_clocks();
};

Inbox TransferLoop::State::take_inbox() {
  return inbox.with([](Inbox& box) {
    Inbox taken = std::move(box);
    box = Inbox{};
    box.quit = taken.quit;
    return taken;
  });
}

void TransferLoop::State::begin(const TransferPtr& transfer) {
  void* easy = nullptr;
  if (!idle_handles.empty()) {
    easy = idle_handles.back();
    idle_handles.pop_back();
    curl_easy_reset(easy);
  } else {
    easy = curl_easy_init();
  }
  transfer->easy = easy;
  transfer->last_progress = transfer->rate_since = Transfer::Clock::now();
  live.emplace(transfer.get(), transfer);
  // Wakes keep only a weak hold: a pipe may outlive the transfer that it woke.
  const auto wake = [this, weak = std::weak_ptr<Transfer>(transfer)] {
    if (auto strong = weak.lock()) post([&](Inbox& box) { box.resume.push_back(std::move(strong)); });
  };
  if (transfer->sink != nullptr) transfer->sink->on_room(wake);
  if (transfer->source != nullptr) transfer->source->on_bytes(wake);
  if (auto ready = prepare(*transfer, easy, options); !ready) {
    end(transfer, std::move(ready).error());
    return;
  }
  curl_multi_add_handle(multi, easy);
}

void TransferLoop::State::end(const TransferPtr& transfer, std::optional<Error> error) {
  if (live.erase(transfer.get()) == 0) return;
  auto* easy = transfer->easy;
  curl_multi_remove_handle(multi, easy);
  release_headers(*transfer);
  transfer->easy = nullptr;
  if (idle_handles.size() < kPooledHandles) {
    idle_handles.push_back(easy);
  } else {
    curl_easy_cleanup(easy);
  }
  counters.with([](LoopCounters& c) { --c.live_transfers; });
  transfer->complete(std::move(error));
}

void TransferLoop::State::collect_finished() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* owner = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
    const auto found = live.find(static_cast<Transfer*>(owner));
    if (found == live.end()) continue;
    const TransferPtr transfer = found->second;
    end(transfer, outcome(*transfer, static_cast<int>(message->data.result)));
  }
}

void TransferLoop::State::resume(const TransferPtr& transfer) {
  if (transfer->easy == nullptr || !(transfer->receive_paused || transfer->send_paused)) return;
  transfer->receive_paused = false;
  transfer->send_paused = false;
  transfer->last_progress = Transfer::Clock::now();
  curl_easy_pause(transfer->easy, CURLPAUSE_CONT);
}

namespace {

Error out_of_time(const Transfer& transfer) {
  const auto what = std::string(to_string(transfer.request.method)) + " " + transfer.request.url.redacted();
  return Error(ErrorKind::timeout, transfer.host() + " did not answer in time to " + what)
      .with_hint("check that it is a registry and not overloaded, or raise --timeout");
}

Error stood_still(const Transfer& transfer, Transfer::Clock::time_point now) {
  const auto span = std::chrono::duration_cast<std::chrono::seconds>(now - transfer.last_progress).count();
  const std::string way = transfer.source != nullptr ? "to " : "from ";
  return {ErrorKind::timeout, "no byte moved " + way + transfer.host() + " for " + std::to_string(span) + " s"};
}

Error crept(const Transfer& transfer, Transfer::Clock::time_point now) {
  const auto span = std::chrono::duration_cast<std::chrono::seconds>(now - transfer.rate_since).count();
  const std::string way = transfer.source != nullptr ? "to " : "from ";
  return Error(ErrorKind::timeout,
               "only " + std::to_string(transfer.sent_bytes + transfer.received_bytes - transfer.rate_from) +
                   " bytes moved " + way + transfer.host() + " in " + std::to_string(span) + " s")
      .with_hint("a line that slow is allowed with --min-rate");
}

}  // namespace

// Ends what stalled or is past its deadline; answers how long the loop may sleep, in milliseconds. Runs in every
// round, so it makes nothing unless something is late.
int TransferLoop::State::watch_clocks() {
  const auto now = Transfer::Clock::now();
  std::vector<std::pair<TransferPtr, Error>> late;
  auto wait = std::chrono::milliseconds(kLongestPollMs);
  for (const auto& [key, transfer] : live) {
    if (transfer->deadline.is_bounded() && now >= transfer->deadline.at()) {
      late.emplace_back(transfer, out_of_time(*transfer));
    } else if (transfer->stalled(now, options)) {
      late.emplace_back(transfer, stood_still(*transfer, now));
    } else if (transfer->too_slow(now, options)) {
      late.emplace_back(transfer, crept(*transfer, now));
    } else if (transfer->deadline.is_bounded()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(transfer->deadline.at() - now);
      wait = std::min(wait, left + std::chrono::milliseconds(1));
    }
  }
  for (auto& [transfer, error] : late) end(transfer, std::move(error));
  return static_cast<int>(wait.count());
}

void TransferLoop::State::run() {
  thread_id = std::this_thread::get_id();
  for (;;) {
    const Inbox taken = take_inbox();
    for (const auto& transfer : taken.start) begin(transfer);
    for (const auto& transfer : taken.cancel) end(transfer, cancelled(*transfer));
    for (const auto& transfer : taken.resume) resume(transfer);
    if (taken.quit) {
      while (!live.empty()) {
        const TransferPtr transfer = live.begin()->second;
        end(transfer, cancelled(*transfer));
      }
      return;
    }
    int running = 0;
    curl_multi_perform(multi, &running);
    collect_finished();
    const int wait = watch_clocks();
    const bool work_waiting = inbox.with(
        [](const Inbox& box) { return !box.start.empty() || !box.cancel.empty() || !box.resume.empty() || box.quit; });
    curl_multi_poll(multi, nullptr, 0, work_waiting ? 0 : wait, nullptr);
  }
}

TransferLoop::TransferLoop(LoopOptions options) : state_(std::make_unique<State>(std::move(options))) {}
TransferLoop::~TransferLoop() = default;

LoopCounters TransferLoop::counters() const {
  return state_->counters.with([](const LoopCounters& c) { return c; });
}

namespace {

void submit(TransferLoop::State& state, const TransferPtr& transfer) {
  state.counters.with([](LoopCounters& c) {
    ++c.requests;
    ++c.live_transfers;
  });
  state.post([&](Inbox& box) { box.start.push_back(transfer); });
}

// Waits for a phase. The loop ends every transfer sooner or later (deadline, stall, cancel), so this returns.
template <class Ready>
Transfer::Phase wait_for(TransferLoop::State& state, const TransferPtr& transfer, const std::stop_token& stop,
                         Ready ready, Deadline deadline = Deadline::never()) {
  const std::stop_callback on_stop(stop, [&] { state.post([&](Inbox& box) { box.cancel.push_back(transfer); }); });
  return transfer->phase.when_until(ready, deadline, std::stop_token{}, [](Transfer::Phase& phase) { return phase; });
}

bool is_done(const Transfer::Phase& phase) { return phase.done; }

}  // namespace

Result<HttpResponse> TransferLoop::exchange(const HttpRequest& request, const ExchangeContext& context) {
  if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped");
  const auto transfer = std::make_shared<Transfer>(request);
  transfer->deadline = context.deadline;
  auto& state = *state_;  // once submitted, the transfer may outlive the loop, which ends it with an error
  submit(state, transfer);
  auto phase = wait_for(state, transfer, context.stop, is_done);
  if (phase.error) return std::move(*phase.error);
  return std::move(transfer->reply);
}

Result<HttpResponse> TransferLoop::upload(const HttpRequest& request, BodySource& source, std::uint64_t size_bytes,
                                          std::stop_token stop) {
  const auto transfer = std::make_shared<Transfer>(request);
  transfer->source = &source;
  transfer->upload_bytes = size_bytes;
  auto& state = *state_;
  submit(state, transfer);
  auto phase = wait_for(state, transfer, stop, is_done);
  if (phase.error) return std::move(*phase.error);
  return std::move(transfer->reply);
}

struct TransferLoop::Download::Impl {
  State* state = nullptr;
  TransferPtr transfer;
  std::stop_token stop;
};

std::unique_ptr<TransferLoop::Download> TransferLoop::download(const HttpRequest& request, BodySink& sink,
                                                               std::stop_token stop) {
  auto impl = std::make_unique<Download::Impl>();
  impl->state = state_.get();
  impl->transfer = std::make_shared<Transfer>(request);
  impl->transfer->sink = &sink;
  impl->stop = std::move(stop);
  submit(*state_, impl->transfer);
  return std::make_unique<Download>(std::move(impl));
}

TransferLoop::Download::Download(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

TransferLoop::Download::~Download() {
  const auto transfer = impl_->transfer;
  if (!transfer->phase.with(is_done)) {
    impl_->state->post([&](Inbox& box) { box.cancel.push_back(transfer); });
    wait_for(*impl_->state, transfer, {}, is_done);
  }
}

Result<HttpResponse> TransferLoop::Download::head(Deadline deadline) {
  const auto& transfer = impl_->transfer;
  auto phase =
      wait_for(*impl_->state, transfer, impl_->stop, [](const Transfer::Phase& p) { return p.head; }, deadline);
  if (!phase.head) return out_of_time(*transfer);
  // The reply is written by the loop until `head`; for a status other than 2xx until `done`.
  if (!phase.done && transfer->reply.status / 100 != 2) {
    const auto body = Deadline::after(impl_->state->options.stall);
    phase = wait_for(*impl_->state, transfer, impl_->stop, is_done, deadline.earlier(body));
    if (!phase.done) return out_of_time(*transfer);
  }
  if (phase.error) return std::move(*phase.error);
  return transfer->reply;
}

std::string TransferLoop::Download::content_coding() const {
  const auto& transfer = *impl_->transfer;
  // The reply belongs to the loop until its head is final.
  if (!transfer.phase.with([](const Transfer::Phase& phase) { return phase.head; })) return {};
  return transfer.reply.headers.get("content-encoding").value_or("");
}

Status TransferLoop::Download::finish() {
  auto phase = wait_for(*impl_->state, impl_->transfer, impl_->stop, is_done);
  if (phase.error) return std::move(*phase.error);
  return {};
}

}  // namespace sluice::net
