#pragma once
// Watch: the changes of a collection, each once, whatever happens to the connection. It lists, watches from there, goes
// on from the last version it saw after a clean end, a cut or a restart of the server, and lists again when that
// version has expired. What a list shows to have changed in between comes as events that were never sent: of several
// changes of one object only the last, and a deletion as the metadata that was known. Nothing comes twice, nothing is
// left out. Source: Kubernetes API concepts, "Efficient detection of changes"; client-go's reflector.

#include "base/json.hpp"
#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/objects/object.hpp"
#include "kube/watch_frames.hpp"
#include "net/reply_stream.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace sluice::kube {

enum class Change : std::uint8_t { added, modified, deleted };
std::string_view to_string(Change change);

struct WatchEvent {
  Change change = Change::added;
  Object object;          ///< as it is now; of a deletion: as it was last, or its metadata alone when it was inferred
  bool inferred = false;  ///< from a list, not from a frame of the server
  template <Typed T>
  T as() const {
    return T(object.json());
  }
};

struct WatchOptions {
  bool initial = true;                ///< what the first list shows comes as `added`; false: only what changes after it
  std::chrono::seconds session{300};  ///< after which the server is asked to end a watch
  std::size_t max_line_bytes = std::size_t{8} * 1024 * 1024;  ///< etcd stores 1.5 MiB per object
  /// Told when the connection is lost, and when there is one: the first time, then after every loss. What a list has
  /// shown has been returned by then; what happened meanwhile may still come. Called inside next().
  std::function<void(bool connected)> on_link{};
};

/// What a watch has been through. For tests and for -v.
struct WatchCounters {
  std::uint64_t lists = 0;
  std::uint64_t sessions = 0;  ///< watch requests that were answered with 200
  std::uint64_t cuts = 0;      ///< sessions that broke
  std::uint64_t expiries = 0;  ///< 410, in a frame or as a status
  std::uint64_t bookmarks = 0;
  std::uint64_t repeats = 0;  ///< frames that told nothing new
};

/// Pull style. Thread: one at a time; blocks. Memory: metadata of every object, and events that were not fetched yet.
class Watch {
 public:
  /// Borrows `client` and `streams`, which must outlive it. Nothing is sent before the first next().
  Watch(Client& client, net::ReplyStreams& streams, const Resource& resource, Selection selection,
        WatchOptions options = {});

  /// The next change; empty when there was none until the deadline. Broken connections, 429, 5xx and expired versions
  /// are dealt with inside, and so is the 403 of a server that is starting (Connection::is_starting), until the
  /// deadline: when there is no connection at it, the reason is returned. Whatever is returned, the next call goes on
  /// where this one stood. Errors: denied, unauthenticated, not_found (no such resource or project), unsupported (it
  /// cannot be watched), cancelled (context.stop), protocol (frames that are none); at the deadline: unreachable,
  /// timeout, busy.
  Result<std::optional<WatchEvent>> next(const net::ExchangeContext& context);

  /// The version up to which everything has been told or is waiting in here.
  const std::string& version() const { return version_; }
  WatchCounters counters() const { return counters_; }

 private:
  /// What is remembered of an object, to tell news from repeats and to infer deletions.
  struct Known {
    std::string uid;
    std::string version;
  };
  using Key = std::pair<std::string, std::string>;  // project, name

  /// True when something has changed in here, false when the deadline came.
  using Step = Result<bool>;
  Step advance(const net::ExchangeContext& context);
  Step wait_for_turn(const net::ExchangeContext& context);
  Status relist(const net::ExchangeContext& context);
  Status open(const net::ExchangeContext& context);
  Result<net::OpenReply> ask(const net::ExchangeContext& context);
  Step read(const net::ExchangeContext& context);
  Status take_lines();
  Status take_frame(WatchFrame frame);
  void take_change(WatchFrame frame);
  void take_state(Json item, bool inferred);
  void take_version(const std::string& version);
  void end_session();
  void infer_deleted(const Key& key, const Known& known);
  /// Empty when it was dealt with: the next step waits and tries again.
  Status overcome(Error error, const net::ExchangeContext& context);
  void put_off(std::optional<Error> reason);
  void tell_link(bool connected);
  std::string target() const;
  std::string what() const;

  Client& client_;
  net::ReplyStreams& streams_;
  const Resource resource_;
  const Selection selection_;
  const WatchOptions options_;

  std::map<Key, Known> known_;
  std::deque<WatchEvent> ready_;
  std::string version_;
  bool listed_ = false;  ///< version_ is good to watch from
  bool ever_listed_ = false;
  std::unique_ptr<net::IncomingBody> body_;
  std::optional<LineSplitter> lines_;
  unsigned failures_ = 0;  ///< in a row, without anything new in between
  std::optional<Deadline::Clock::time_point> next_try_;
  Deadline::Clock::time_point session_start_{};
  std::optional<Error> trouble_;  ///< why there is no connection
  std::optional<bool> told_link_;
  WatchCounters counters_;
};

}  // namespace sluice::kube
