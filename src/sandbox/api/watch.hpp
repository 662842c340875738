#pragma once
// Watches: frames out of the store's log, one stream per request.
// Source: the watch verb of the Kubernetes API (one JSON document a line; ADDED, MODIFIED, DELETED, BOOKMARK, ERROR).

#include "base/guarded.hpp"
#include "net/server/http_server.hpp"
#include "sandbox/api/lists.hpp"
#include "sandbox/core/resource.hpp"
#include "sandbox/core/world.hpp"

#include <functional>
#include <map>
#include <memory>
#include <thread>

namespace sluice::sandbox {

/// Wakes every open watch after a change of the world. Thread: any; one of its own waits for changes.
class WatchHub {
 public:
  explicit WatchHub(SharedWorld& world);
  ~WatchHub();
  WatchHub(const WatchHub&) = delete;
  WatchHub& operator=(const WatchHub&) = delete;

  using Wake = std::function<void()>;
  std::uint64_t add(Wake wake);
  void remove(std::uint64_t id);
  std::size_t open() const;

 private:
  void run(const std::stop_token& stop);

  SharedWorld& world_;
  struct Listeners {
    std::uint64_t next = 1;
    std::map<std::uint64_t, Wake> wakes;
  };
  Guarded<Listeners> listeners_;
  std::jthread thread_;
};

/// Starts a watch. Errors: a selector or resourceVersion that cannot be read. Called under the World's lock.
Answer<std::unique_ptr<net::ReplyStream>> open_watch(SharedWorld& shared, const World& world, WatchHub& hub,
                                                     const Resource& resource, const ApiRequest& request);

}  // namespace sluice::sandbox
