#include "sandbox/api/watch.hpp"

#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <random>
#include <tuple>

namespace sluice::sandbox {

namespace {

using SteadyClock = std::chrono::steady_clock;

// How many changes are looked at under one hold of the lock.
constexpr std::size_t kBatch = 256;
constexpr std::chrono::minutes kMinimumLife{30};
constexpr std::chrono::minutes kBookmarkEvery{1};

// What a waiter looks for: any of these raised.
auto pulse(const World& world) {
  return std::tuple(world.store.version(), world.knobs.watch_epoch, world.knobs.cut_epoch, world.knobs.bookmark_epoch,
                    world.store.oldest());
}

struct Start {
  std::uint64_t version = 0;
  bool from_now = false;  ///< first one ADDED for each object that exists
};

Answer<Start> start_of(const World& world, const ApiRequest& request) {
  const auto found = request.query.find("resourceVersion");
  if (found == request.query.end() || found->second.empty() || found->second == "0") return Start{0, true};
  const auto& text = found->second;
  Start start;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), start.version);
  if (error == std::errc{} && end == text.data() + text.size()) return start;
  const auto message = fmt::format(
      "resourceVersion: Invalid value: \"{}\": strconv.ParseUint: parsing \"{}\": invalid syntax", text, text);
  if (world.profile == Profile::v3_11) return Refusal{500, "", message, Json()};
  return bad_request("Invalid value: " + message);
}

std::chrono::seconds life_of(const ApiRequest& request) {
  const auto found = request.query.find("timeoutSeconds");
  std::uint32_t seconds = 0;
  if (found != request.query.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), seconds);
  }
  if (seconds > 0) return std::chrono::seconds(seconds);
  // Ends are spread, so that not all clients come back at once.
  std::mt19937 random{std::random_device{}()};
  const std::chrono::seconds minimum = kMinimumLife;
  return minimum + std::chrono::seconds(std::uniform_int_distribution<long>(0, minimum.count())(random));
}

class WatchStream final : public net::ReplyStream {
 public:
  WatchStream(SharedWorld& world, WatchHub& hub, const Resource& resource, ApiRequest request, Selection selection,
              Start start, const World& now)
      : world_(world),
        hub_(hub),
        resource_(resource),
        request_(std::move(request)),
        selection_(std::move(selection)),
        cursor_(start.version),
        ends_(SteadyClock::now() + life_of(request_)),
        next_bookmark_(SteadyClock::now() + kBookmarkEvery),
        watch_epoch_(now.knobs.watch_epoch),
        cut_epoch_(now.knobs.cut_epoch),
        bookmark_epoch_(now.knobs.bookmark_epoch) {
    const auto wanted = request_.query.find("allowWatchBookmarks");
    bookmarks_ = now.profile == Profile::v4 && wanted != request_.query.end() && wanted->second == "true";
    if (start.from_now) {
      cursor_ = now.store.version();
      existing_ = now.store.list(resource_.traits().stored(), request_.ns);
    }
  }
  ~WatchStream() override { forget(); }

  Piece next(std::size_t room) override {
    return world_.with([&](World& world) { return step(world, room); });
  }

  void on_more(std::function<void()> wake) override {
    forget();
    if (wake) id_ = hub_.add(std::move(wake));
  }

 private:
  Piece step(World& world, std::size_t room) {
    if (world.knobs.cut_epoch != cut_epoch_) return {Step::cut, "", {}};
    if (done_ || world.knobs.watch_epoch != watch_epoch_) return {Step::end, "", {}};
    std::string frames;
    add_existing(world, frames, room);
    if (frames.empty() && existing_.empty()) {
      if (cursor_ < world.store.oldest()) return expired(world);
      add_changes(world, frames);
      add_bookmark(world, frames);
    }
    if (!frames.empty()) return {Step::bytes, std::move(frames), {}};
    const auto now = SteadyClock::now();
    if (done_ || now >= ends_) return {Step::end, "", {}};
    auto wait = ends_ - now;
    if (bookmarks_) wait = std::min(wait, next_bookmark_ - now);
    // A millisecond more, so that the end has come when it is looked at again.
    return {Step::later, "", std::chrono::ceil<std::chrono::milliseconds>(wait) + std::chrono::milliseconds(1)};
  }

  void add_existing(World& world, std::string& frames, std::size_t room) {
    while (shown_ < existing_.size() && frames.size() < room) {
      const auto& object = *existing_[shown_++];
      if (selection_.matches(resource_, object)) add_frame(world, frames, "ADDED", object);
    }
    if (shown_ == existing_.size()) existing_.clear(), shown_ = 0;
  }

  void add_changes(World& world, std::string& frames) {
    for (;;) {
      const auto changes = world.store.changes_after(cursor_, kBatch);
      for (const auto* change : changes) {
        cursor_ = change->version;
        add_change(world, frames, *change);
        if (done_) return;
      }
      // What nobody here is interested in is skipped without going back to the socket.
      if (!frames.empty() || changes.size() < kBatch) return;
    }
  }

  void add_change(World& world, std::string& frames, const Change& change) {
    if (change.key.resource != resource_.traits().stored()) return;
    if (!request_.ns.empty() && change.key.ns != request_.ns) return;
    const bool was = change.before && selection_.matches(resource_, *change.before);
    const bool is = change.what != Change::What::deleted && selection_.matches(resource_, *change.object);
    if (!was && !is) return;
    if (is || change.what == Change::What::deleted) {
      add_frame(world, frames, is ? (was ? "MODIFIED" : "ADDED") : "DELETED", *change.object);
      return;
    }
    // What no longer matches is sent as it was before the change, with the version of the change. Source: Kubernetes,
    // apiserver/pkg/storage, "transform" of a watch; seen at a real 3.11.
    auto last = *change.before;
    set_at(last, {"metadata", "resourceVersion"}, std::to_string(change.version));
    add_frame(world, frames, "DELETED", last);
  }

  void add_frame(World& world, std::string& frames, std::string_view type, const Json& object) {
    const auto& traits = resource_.traits();
    auto item = shown_item(world, resource_, object, request_.legacy);
    item.set("kind", traits.kind);
    item.set("apiVersion", api_version(traits, request_.legacy));
    add_line(frames, type, std::move(item));
    ++sent_;
    if (world.knobs.watch_events && sent_ >= *world.knobs.watch_events) done_ = true;
  }

  static void add_line(std::string& frames, std::string_view type, Json object) {
    auto frame = Json::object();
    frame.set("type", type);
    frame.set("object", std::move(object));
    frames += frame.dump();
    frames += '\n';
  }

  void add_bookmark(World& world, std::string& frames) {
    if (!bookmarks_ || done_) return;
    const auto now = SteadyClock::now();
    if (world.knobs.bookmark_epoch == bookmark_epoch_ && now < next_bookmark_) return;
    bookmark_epoch_ = world.knobs.bookmark_epoch;
    next_bookmark_ = now + kBookmarkEvery;
    cursor_ = std::max(cursor_, world.store.version());
    auto object = Json::object();
    object.set("kind", resource_.traits().kind);
    object.set("apiVersion", api_version(resource_.traits(), request_.legacy));
    set_at(object, {"metadata", "resourceVersion"}, std::to_string(cursor_));
    set_at(object, {"metadata", "creationTimestamp"}, Json());
    add_line(frames, "BOOKMARK", std::move(object));
  }

  Piece expired(World& world) {
    done_ = true;
    Refusal refusal{410, "Expired", "The resourceVersion for the provided watch is too old.", Json()};
    if (world.profile == Profile::v4) {
      refusal.message = fmt::format("too old resource version: {} ({})", cursor_, world.store.oldest());
    }
    std::string line;
    add_line(line, "ERROR", refusal.to_json());
    return {Step::bytes, std::move(line), {}};
  }

  void forget() {
    if (id_ != 0) hub_.remove(id_);
    id_ = 0;
  }

  SharedWorld& world_;
  WatchHub& hub_;
  const Resource& resource_;
  ApiRequest request_;
  Selection selection_;
  std::uint64_t cursor_;
  std::vector<ObjectRef> existing_;
  std::size_t shown_ = 0;
  SteadyClock::time_point ends_;
  SteadyClock::time_point next_bookmark_;
  std::uint64_t watch_epoch_;
  std::uint64_t cut_epoch_;
  std::uint64_t bookmark_epoch_;
  std::uint64_t sent_ = 0;
  std::uint64_t id_ = 0;
  bool bookmarks_ = false;
  bool done_ = false;
};

}  // namespace

WatchHub::WatchHub(SharedWorld& world) : world_(world), thread_([this](const std::stop_token& stop) { run(stop); }) {}

WatchHub::~WatchHub() {
  thread_.request_stop();
  // The waiter sleeps on the world's condition, which knows about the stop token.
}

std::uint64_t WatchHub::add(Wake wake) {
  return listeners_.with([&](Listeners& listeners) {
    listeners.wakes.emplace(listeners.next, std::move(wake));
    return listeners.next++;
  });
}

void WatchHub::remove(std::uint64_t id) {
  listeners_.with([&](Listeners& listeners) { listeners.wakes.erase(id); });
}

std::size_t WatchHub::open() const {
  return listeners_.with([](const Listeners& listeners) { return listeners.wakes.size(); });
}

void WatchHub::run(const std::stop_token& stop) {
  auto seen = world_.with([](World& world) { return pulse(world); });
  while (!stop.stop_requested()) {
    seen = world_.when([&](const World& world) { return pulse(world) != seen; }, stop,
                       [](World& world) { return pulse(world); });
    listeners_.with([](Listeners& listeners) {
      for (const auto& [id, wake] : listeners.wakes) wake();
    });
  }
}

Answer<std::unique_ptr<net::ReplyStream>> open_watch(SharedWorld& shared, const World& world, WatchHub& hub,
                                                     const Resource& resource, const ApiRequest& request) {
  SLUICE_TRY(auto selection, Selection::parse(resource, request));
  SLUICE_TRY(const auto start, start_of(world, request));
  return std::unique_ptr<net::ReplyStream>(
      std::make_unique<WatchStream>(shared, hub, resource, request, std::move(selection), start, world));
}

}  // namespace sluice::sandbox
