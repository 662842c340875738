#include "sandbox/registry/notifications.hpp"

#include "base/pause.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <utility>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kContentType = "application/vnd.docker.distribution.events.v1+json";
constexpr std::size_t kMaxEndpoints = 16;  // each has a thread

Error wrong(std::string what) { return {ErrorKind::usage, "notifications: " + std::move(what)}; }

Result<NotificationEndpoint> read_endpoint(const Json& entry) {
  NotificationEndpoint endpoint;
  for (const auto& [member, value] : entry.members()) {
    if (member != "name" && member != "url" && member != "headers") {
      return wrong(fmt::format("an endpoint has no member \"{}\"; it has name, url and headers", member));
    }
  }
  endpoint.name = text_at(entry, {"name"});
  const auto text = text_at(entry, {"url"});
  if (text.empty()) return wrong("an endpoint needs a \"url\"");
  SLUICE_TRY(endpoint.url, net::Url::parse(text));
  for (const auto& [name, value] : at(entry, {"headers"}).members()) {
    const auto plain = value.as_string();
    if (!plain) return wrong(fmt::format("the header \"{}\" of an endpoint is no text", name));
    endpoint.headers.add(name, *plain);
  }
  return endpoint;
}

}  // namespace

/// One endpoint with its queue.
class Notifications::Line {
 public:
  Line(net::Exchanger& exchanger, const NotificationOptions& options, NotificationEndpoint endpoint)
      : exchanger_(exchanger),
        options_(options),
        endpoint_(std::move(endpoint)),
        thread_([this](const std::stop_token& stop) { deliver(stop); }) {}

  void add(const std::string& envelope) {
    state_.update([&](State& state) {
      if (state.queue.size() >= options_.max_queued) {
        ++state.counts.refused;
      } else {
        state.queue.push_back(envelope);
      }
    });
  }
  Counts counts() const {
    return state_.with([](const State& state) {
      auto counts = state.counts;
      counts.queued = state.queue.size();
      return counts;
    });
  }
  void ask_to_stop() { thread_.request_stop(); }

 private:
  struct State {
    std::deque<std::string> queue;
    Counts counts;
  };

  void deliver(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      // It stays in the queue until it is taken: the order is kept, and the bound counts it.
      const auto envelope =
          state_.when([](const State& state) { return !state.queue.empty(); }, stop,
                      [](const State& state) { return state.queue.empty() ? std::string() : state.queue.front(); });
      if (envelope.empty()) continue;
      const bool taken = send(envelope, stop);
      state_.with([&](State& state) {
        if (taken) {
          ++state.counts.delivered;
          state.queue.pop_front();
        } else {
          ++state.counts.failed_tries;
        }
      });
      if (!taken && !pause_for(options_.backoff, stop)) return;
    }
  }

  bool send(const std::string& envelope, const std::stop_token& stop) {
    net::HttpRequest request;
    request.method = net::Method::post;
    request.url = endpoint_.url;
    request.headers = endpoint_.headers;
    request.headers.set("Content-Type", std::string(kContentType));
    request.body = envelope;
    const auto reply = exchanger_.exchange(request, {Deadline::after(options_.timeout), stop});
    return reply.ok() && reply->status >= 200 && reply->status < 400;
  }

  net::Exchanger& exchanger_;
  const NotificationOptions& options_;
  NotificationEndpoint endpoint_;
  mutable Watched<State> state_;
  std::jthread thread_;  // last: it uses all the others
};

Notifications::Notifications(net::Exchanger& exchanger, NotificationOptions options)
    : exchanger_(exchanger), options_(options) {}

Notifications::~Notifications() { set_endpoints(std::vector<NotificationEndpoint>{}); }

void Notifications::set_endpoints(std::vector<NotificationEndpoint> endpoints) {
  Lines fresh;
  for (auto& endpoint : endpoints) {
    fresh.push_back(std::make_unique<Line>(exchanger_, options_, std::move(endpoint)));
  }
  wanted_ = !fresh.empty();
  lines_.with([&](Lines& lines) { lines.swap(fresh); });
  // The former ones end here, without the lock, all at once.
  for (const auto& line : fresh) line->ask_to_stop();
}

Status Notifications::set_endpoints(const Json& endpoints) {
  if (!endpoints.is_array()) return wrong("\"endpoints\" is no list");
  if (endpoints.items().size() > kMaxEndpoints) return wrong(fmt::format("at most {} endpoints", kMaxEndpoints));
  std::vector<NotificationEndpoint> read;
  for (const auto& entry : endpoints.items()) {
    SLUICE_TRY(auto endpoint, read_endpoint(entry));
    read.push_back(std::move(endpoint));
  }
  set_endpoints(std::move(read));
  return {};
}

void Notifications::add(const Json& event) {
  auto events = Json::array();
  events.push(event);
  auto body = Json::object();
  body.set("events", std::move(events));
  const auto envelope = body.dump();
  lines_.with([&](const Lines& lines) {
    for (const auto& line : lines) line->add(envelope);
  });
}

Notifications::Counts Notifications::counts() const {
  return lines_.with([](const Lines& lines) {
    Counts sum;
    for (const auto& line : lines) {
      const auto counts = line->counts();
      sum.delivered += counts.delivered;
      sum.failed_tries += counts.failed_tries;
      sum.refused += counts.refused;
      sum.queued += counts.queued;
    }
    return sum;
  });
}

std::string Notifications::timestamp() {
  const auto now = std::chrono::system_clock::now();
  const auto nanos =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count() % 1'000'000'000;
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:09}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(now)), nanos);
}

}  // namespace sluice::sandbox
