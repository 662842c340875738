#include "openshift/rollouts/feed.hpp"

#include <utility>

namespace sluice::openshift {

RolloutFeed::RolloutFeed(kube::Client& client, net::ReplyStreams& streams, const std::string& project,
                         const std::vector<kube::Resource>& resources, const net::ExchangeContext& context)
    : outside_(context), forward_(context.stop, [this] { ending_.request_stop(); }) {
  threads_.reserve(resources.size());
  for (const auto& resource : resources) {
    threads_.emplace_back([this, &client, &streams, project, resource] { run(client, streams, project, resource); });
  }
}

RolloutFeed::~RolloutFeed() {
  ending_.request_stop();
  threads_.clear();  // joins
}

void RolloutFeed::run(kube::Client& client, net::ReplyStreams& streams, const std::string& project,
                      const kube::Resource& resource) {
  kube::Selection selection;
  selection.project = project;
  kube::WatchOptions options;
  options.on_link = [&](bool connected) { push({resource.kind, LinkChange{connected}}); };
  kube::Watch watch(client, streams, resource, selection, std::move(options));
  const net::ExchangeContext context{outside_.deadline, ending_.get_token()};
  for (;;) {
    auto event = watch.next(context);
    if (context.stop.stop_requested()) return;
    if (!event) {
      push({resource.kind, std::move(event).error()});
      return;
    }
    if (!*event) {
      push({resource.kind, std::monostate()});
      return;
    }
    if (!push({resource.kind, std::move(**event)})) return;
  }
}

bool RolloutFeed::push(FeedItem item) {
  const auto has_room = [](const std::deque<FeedItem>& items) { return items.size() < kMaxWaiting; };
  if (waiting_.when(has_room, ending_.get_token(), [&](const auto& items) { return !has_room(items); })) return false;
  // Others may have taken the room meanwhile: the bound is exceeded by one for each thread at most.
  waiting_.update([&](std::deque<FeedItem>& items) { items.push_back(std::move(item)); });
  return true;
}

std::optional<FeedItem> RolloutFeed::next(const Deadline& until) {
  std::optional<FeedItem> out;
  bool was_full = false;
  waiting_.when_until([](const std::deque<FeedItem>& items) { return !items.empty(); }, until, ending_.get_token(),
                      [&](std::deque<FeedItem>& items) {
                        if (items.empty()) return;
                        was_full = items.size() >= kMaxWaiting;
                        out.emplace(std::move(items.front()));
                        items.pop_front();
                      });
  if (was_full) waiting_.update([](std::deque<FeedItem>&) {});  // wakes who waits for room
  return out;
}

}  // namespace sluice::openshift
