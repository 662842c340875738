#pragma once
// RolloutFeed: several watches of one project as one stream of events. One thread per kind of object, whatever the
// number of workloads; the watches survive cuts and expired versions by themselves.

#include "base/guarded.hpp"
#include "base/result.hpp"
#include "kube/client.hpp"
#include "kube/watch.hpp"
#include "net/reply_stream.hpp"

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace sluice::openshift {

/// The connection of one watch was lost, or there is one.
struct LinkChange {
  bool connected = false;
};

/// One change, or the last word of one watch: that the deadline has come, or why it ended.
struct FeedItem {
  std::string_view kind;  ///< of the resource
  std::variant<std::monostate, kube::WatchEvent, LinkChange, Error> what;
  bool is_last() const { return std::holds_alternative<std::monostate>(what) || std::holds_alternative<Error>(what); }
};

/// Thread: next() one at a time. Destruction ends the watches and waits for their threads.
/// Memory: at most kMaxWaiting changes that were not fetched, beside what Watch itself keeps.
class RolloutFeed {
 public:
  static constexpr std::size_t kMaxWaiting = 1000;

  /// Borrows client and streams. The watches end at the deadline of `context`, or with its stop.
  RolloutFeed(kube::Client& client, net::ReplyStreams& streams, const std::string& project,
              const std::vector<kube::Resource>& resources, const net::ExchangeContext& context);
  ~RolloutFeed();
  RolloutFeed(const RolloutFeed&) = delete;
  RolloutFeed& operator=(const RolloutFeed&) = delete;

  /// The next change; empty when there was none until `until`, or somebody asked to stop.
  std::optional<FeedItem> next(const Deadline& until);

 private:
  void run(kube::Client& client, net::ReplyStreams& streams, const std::string& project,
           const kube::Resource& resource);
  /// False when there will be no more room.
  bool push(FeedItem item);

  const net::ExchangeContext outside_;
  std::stop_source ending_;
  std::stop_callback<std::function<void()>> forward_;
  Watched<std::deque<FeedItem>> waiting_;
  std::vector<std::jthread> threads_;
};

}  // namespace sluice::openshift
