#include "kube/watch.hpp"

#include "kube/paths.hpp"
#include "net/retry.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

namespace sluice::kube {

namespace {

// Servers end a watch at the time they were asked for; whoever is silent for longer is gone.
constexpr std::chrono::seconds kGrace{30};
constexpr std::chrono::seconds kLived{10};
// Between two looks at a server that is starting.
constexpr std::chrono::seconds kLongestPause{5};

// Versions are opaque by contract and numbers in truth. Only used to refuse a step backwards, which servers before
// Kubernetes 1.10 take with DELETED frames from their cache.
std::optional<std::uint64_t> as_number(const std::string& version) {
  std::uint64_t value = 0;
  const auto* end = version.data() + version.size();
  const auto parsed = std::from_chars(version.data(), end, value);
  if (version.empty() || parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return value;
}

bool is_older(const std::string& version, const std::string& than) {
  const auto a = as_number(version);
  const auto b = as_number(than);
  return a && b && *a < *b;
}

}  // namespace

std::string_view to_string(Change change) {
  switch (change) {
    case Change::added:
      return "added";
    case Change::modified:
      return "modified";
    case Change::deleted:
      return "deleted";
  }
  return "modified";
}

Watch::Watch(Client& client, net::ReplyStreams& streams, const Resource& resource, Selection selection,
             WatchOptions options)
    : client_(client),
      streams_(streams),
      resource_(resource),
      selection_(std::move(selection)),
      options_(std::move(options)) {}

std::string Watch::what() const { return "watching " + shown(resource_, selection_.project, selection_.name); }

std::string Watch::target() const {
  return with_query(path_of(resource_, selection_.project),
                    {{"watch", "true"},
                     {"resourceVersion", version_},
                     {"fieldSelector", selection_.name.empty() ? "" : "metadata.name=" + selection_.name},
                     {"labelSelector", selection_.label_selector},
                     {"timeoutSeconds", std::to_string(options_.session.count())},
                     {"allowWatchBookmarks", "true"}});
}

Result<std::optional<WatchEvent>> Watch::next(const net::ExchangeContext& context) {
  for (;;) {
    if (!ready_.empty()) {
      std::optional<WatchEvent> event(std::move(ready_.front()));
      ready_.pop_front();
      return event;
    }
    if (context.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped while " + what());
    SLUICE_TRY(const bool moved, advance(context));
    if (!moved && ready_.empty()) return std::optional<WatchEvent>();
  }
}

Watch::Step Watch::advance(const net::ExchangeContext& context) {
  if (body_) return read(context);
  SLUICE_TRY(const bool my_turn, wait_for_turn(context));
  if (!my_turn) return false;
  if (context.deadline.expired()) {
    if (trouble_) return *trouble_;
    return false;
  }
  auto done = listed_ ? open(context) : relist(context);
  if (!done) SLUICE_CHECK(overcome(std::move(done).error(), context));
  return true;
}

// Waits until the next try is due, at most until the deadline.
Watch::Step Watch::wait_for_turn(const net::ExchangeContext& context) {
  if (!next_try_) return true;
  const auto& timing = client_.connection().timing();
  const auto now = timing.now();
  const bool too_late = context.deadline.is_bounded() && context.deadline.at() < *next_try_;
  const auto until = too_late ? context.deadline.at() : *next_try_;
  if (until > now) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(until - now);
    if (!timing.pause(wait, context.stop)) return Error(ErrorKind::cancelled, "stopped while " + what());
  }
  if (too_late) {
    if (trouble_) return *trouble_;
    return false;
  }
  next_try_.reset();
  return true;
}

// Nothing new came of it: the next try comes at once, later ones wait, the longer the more often.
void Watch::put_off(std::optional<Error> reason) {
  const auto floor = reason ? reason->retry_after() : std::nullopt;
  trouble_ = std::move(reason);
  if (trouble_) tell_link(false);
  if (failures_++ == 0 && !floor) return;
  const auto& timing = client_.connection().timing();
  next_try_ = timing.now() + net::back_off(failures_ - 1, floor, fraction_of(timing));
}

void Watch::tell_link(bool connected) {
  if (told_link_ == connected) return;
  told_link_ = connected;
  if (options_.on_link) options_.on_link(connected);
}

Status Watch::overcome(Error error, const net::ExchangeContext& context) {
  const auto* failure = failure_of(error);
  if (failure != nullptr && failure->is_expired()) {
    ++counters_.expiries;
    listed_ = false;
    put_off(std::nullopt);
    return {};
  }
  const bool may_pass = error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::timeout ||
                        error.kind() == ErrorKind::busy || (failure != nullptr && failure->code >= 500);
  if (!may_pass) {
    ApiCall call;
    call.target = target();
    if (!client_.connection().is_starting(call, error, context)) return error;
    // It may not be told as a missing right, should the deadline come first.
    error = Error(ErrorKind::busy, "the API server is starting: " + error.message());
    put_off(std::move(error));
    next_try_ = std::min(next_try_.value_or(client_.connection().timing().now() + kLongestPause),
                         client_.connection().timing().now() + kLongestPause);
    return {};
  }
  if (error.kind() == ErrorKind::unreachable || error.kind() == ErrorKind::busy) client_.connection().broke();
  put_off(std::move(error));
  return {};
}

Status Watch::relist(const net::ExchangeContext& context) {
  SLUICE_TRY(auto pages, client_.list_json(resource_, selection_, context));
  if (pages.resource_version.empty()) {
    return Error(ErrorKind::unsupported,
                 std::string(resource_.plural) + " cannot be watched: their list has no version");
  }
  std::set<Key> there;
  for (const auto& item : pages.items) {
    there.emplace(text_at(item, {"metadata", "namespace"}), text_at(item, {"metadata", "name"}));
  }
  for (auto known = known_.begin(); known != known_.end();) {
    if (there.contains(known->first)) {
      ++known;
      continue;
    }
    infer_deleted(known->first, known->second);
    known = known_.erase(known);
  }
  const auto told = ready_.size();
  for (auto& item : pages.items) take_state(std::move(item), true);
  if (!ever_listed_ && !options_.initial) ready_.resize(told);
  ++counters_.lists;
  version_ = std::move(pages.resource_version);
  listed_ = ever_listed_ = true;
  trouble_.reset();
  return {};
}

// One request, and once more when the identity has something newer to show.
Result<net::OpenReply> Watch::ask(const net::ExchangeContext& context) {
  auto& connection = client_.connection();
  const net::ExchangeContext one{context.deadline.earlier(Deadline::after(connection.timeout())), context.stop};
  for (bool renewed = false;; renewed = true) {
    Presented shown;
    ApiCall call;
    call.target = target();
    call.what = what();
    auto request = connection.request(call, shown, one);
    if (!request) return std::move(request).error().context(what());
    request->max_silence = options_.session + kGrace;
    auto reply = streams_.open(*request, one);
    if (!reply) return connection.as_of_api(std::move(reply).error()).context(what());
    if (reply->head.status == 200 && reply->body) return reply;
    if (reply->head.status == 401 && !renewed && connection.refused(shown)) continue;
    return connection.failure(reply->head, call, shown, one);
  }
}

Status Watch::open(const net::ExchangeContext& context) {
  SLUICE_TRY(auto reply, ask(context));
  ++counters_.sessions;
  trouble_.reset();
  session_start_ = client_.connection().timing().now();
  body_ = std::move(reply.body);
  lines_.emplace(options_.max_line_bytes);
  tell_link(true);
  return {};
}

void Watch::end_session() {
  // Nothing happens for hours in most projects: a session that lived is no failure.
  if (client_.connection().timing().now() - session_start_ >= kLived) failures_ = 0;
  body_.reset();
  lines_.reset();
}

Watch::Step Watch::read(const net::ExchangeContext& context) {
  auto bytes = body_->read(context);
  if (!bytes) {
    if (context.stop.stop_requested()) return std::move(bytes).error();
    ++counters_.cuts;
    client_.connection().broke();
    end_session();  // with the start of a line, if there is one: it comes again as a whole
    put_off(std::move(bytes).error());
    return true;
  }
  if (!*bytes) return false;
  if ((*bytes)->empty()) {  // the server has ended it, which is its right
    end_session();
    put_off(std::nullopt);
    return true;
  }
  auto taken = lines_->feed(**bytes);
  if (taken) taken = take_lines();
  if (!taken) {
    end_session();
    SLUICE_CHECK(overcome(std::move(taken).error(), context));
  }
  return true;
}

Status Watch::take_lines() {
  while (auto line = lines_->next()) {
    if (line->size() > options_.max_line_bytes) {
      return Error(ErrorKind::protocol, "a frame of " + what() + " is larger than the limit");
    }
    auto frame = parse_frame(*line);
    if (!frame) return std::move(frame).error().context(what());
    SLUICE_CHECK(take_frame(std::move(*frame)));
  }
  return {};
}

Status Watch::take_frame(WatchFrame frame) {
  switch (frame.type) {
    case WatchFrame::Type::error:
      return to_error(std::move(frame.failure), client_.connection().host(), what());
    case WatchFrame::Type::bookmark:
      ++counters_.bookmarks;
      break;
    case WatchFrame::Type::added:
    case WatchFrame::Type::modified:
    case WatchFrame::Type::deleted:
      failures_ = 0;
      break;
  }
  const auto version = frame.version;
  if (frame.type != WatchFrame::Type::bookmark) take_change(std::move(frame));
  take_version(version);
  return {};
}

void Watch::take_version(const std::string& version) {
  if (!version.empty() && !is_older(version, version_)) version_ = version;
}

// A frame says what happened; what it means depends on what was told before.
void Watch::take_change(WatchFrame frame) {
  if (frame.type != WatchFrame::Type::deleted) {
    take_state(std::move(frame.object), false);
    return;
  }
  Object object(std::move(frame.object));
  const auto known = known_.find(Key(object.project(), object.name()));
  // A deletion of what was never told, or was told to be gone, or of an object whose name has a new owner by now.
  if (known == known_.end() || (!object.uid().empty() && known->second.uid != object.uid())) {
    ++counters_.repeats;
    return;
  }
  known_.erase(known);
  ready_.push_back({Change::deleted, std::move(object), false});
}

// An object as it is now, from a list or a frame: news, or known already.
void Watch::take_state(Json item, bool inferred) {
  Object object(std::move(item));
  const Key key(object.project(), object.name());
  const Known now{object.uid(), object.resource_version()};
  const auto known = known_.find(key);
  if (known == known_.end()) {
    known_.emplace(key, now);
    ready_.push_back({Change::added, std::move(object), inferred});
    return;
  }
  if (known->second.uid != now.uid) {
    infer_deleted(key, known->second);
    known->second = now;
    ready_.push_back({Change::added, std::move(object), inferred});
    return;
  }
  if (known->second.version == now.version || is_older(now.version, known->second.version)) {
    if (!inferred) ++counters_.repeats;
    return;
  }
  known->second = now;
  ready_.push_back({Change::modified, std::move(object), inferred});
}

void Watch::infer_deleted(const Key& key, const Known& known) {
  Json metadata = Json::object();
  metadata.set("name", key.second);
  if (!key.first.empty()) metadata.set("namespace", key.first);
  metadata.set("uid", known.uid).set("resourceVersion", known.version);
  Json json = Json::object();
  json.set("kind", resource_.kind).set("apiVersion", resource_.api_version()).set("metadata", std::move(metadata));
  ready_.push_back({Change::deleted, Object(std::move(json)), true});
}

}  // namespace sluice::kube
