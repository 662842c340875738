// A made-up API server that changes, cuts, forgets and repeats at random, and a watch that must tell its story right.

#include "kube/watch.hpp"
#include "support/sanitized.hpp"
#include "unit/kube/kube_testing.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

namespace sluice::kube {
namespace {

using testing::json_reply;
using testing::reply;
using testing::status_reply;
using testing::why;

struct Recorded {
  std::uint64_t version;
  std::string type;
  Json object;
};

/// A collection with a history. Every change has a version of its own.
class World {
 public:
  explicit World(unsigned seed) : random(seed) {}

  void change() {
    const auto name = "s" + std::to_string(pick(40));
    const auto found = objects.find(name);
    ++version;
    if (found == objects.end()) {
      record("ADDED", objects[name] = make(name, "uid-" + std::to_string(version)));
    } else if (pick(4) == 0) {
      Json last = found->second;
      set_at(last, {"metadata", "resourceVersion"}, Json(std::to_string(version)));
      objects.erase(found);
      record("DELETED", std::move(last));
    } else {
      record("MODIFIED", found->second = make(name, text_at(found->second, {"metadata", "uid"})));
    }
  }
  void forget() { oldest = version; }
  std::size_t pick(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random); }

  Json list() const {
    Json items = Json::array();
    for (const auto& [name, object] : objects) items.push(object);
    return Json::object()
        .set("kind", "ImageStreamList")
        .set("metadata", Json::object().set("resourceVersion", std::to_string(version)))
        .set("items", std::move(items));
  }

  std::mt19937 random;
  std::uint64_t version = 100;
  std::uint64_t oldest = 100;
  std::map<std::string, Json> objects;
  std::vector<Recorded> history;

 private:
  Json make(const std::string& name, const std::string& uid) const {
    return Json::object()
        .set("kind", "ImageStream")
        .set("metadata", Json::object()
                             .set("name", name)
                             .set("namespace", "prod")
                             .set("uid", uid)
                             .set("resourceVersion", std::to_string(version)))
        .set("padding", std::string(version % 300, 'x'));
  }
  void record(std::string type, Json object) { history.push_back({version, std::move(type), std::move(object)}); }
};

/// How hard life is. One in so many reads; 0: never.
struct Trouble {
  const char* name;
  std::size_t cut = 0;
  std::size_t end = 0;
  std::size_t forget = 0;
  std::size_t refuse = 0;
  std::size_t slow = 0;
};

class WorldBody final : public net::IncomingBody {
 public:
  WorldBody(World& world, const Trouble& trouble, std::uint64_t from) : world_(world), trouble_(trouble), at_(from) {}

  Result<std::optional<std::string>> read(const net::ExchangeContext&) override {
    if (chance(trouble_.end)) return std::optional(std::string());
    if (chance(trouble_.forget)) world_.forget();
    fill();
    if (bytes_.empty()) return std::optional<std::string>();
    auto size = 1 + world_.pick(std::min<std::size_t>(bytes_.size(), chance(trouble_.slow) ? 7 : 5000));
    if (chance(trouble_.cut)) {
      cut_ = true;
      size = world_.pick(bytes_.size());
    }
    if (cut_ && size == 0) return Error(ErrorKind::unreachable, "the connection broke");
    auto piece = bytes_.substr(0, size);
    bytes_.erase(0, size);
    if (cut_) bytes_.clear();
    return std::optional(std::move(piece));
  }

 private:
  bool chance(std::size_t one_in) { return one_in > 0 && world_.pick(one_in) == 0; }
  void fill() {
    if (cut_) {
      bytes_ = "x";  // never delivered
      return;
    }
    auto next = std::upper_bound(world_.history.begin(), world_.history.end(), at_,
                                 [](std::uint64_t version, const Recorded& event) { return version < event.version; });
    // No further ahead than a few pieces: most of it may never be read.
    for (; next != world_.history.end() && bytes_.size() < 10'000; ++next) {
      const auto& event = *next;
      bytes_ += Json::object().set("type", event.type).set("object", event.object).dump() + "\n";
      at_ = event.version;
      if (world_.pick(20) == 0) {
        bytes_ += R"({"type":"BOOKMARK","object":{"metadata":{"resourceVersion":")" + std::to_string(at_) + "\"}}}\n";
      }
    }
  }

  World& world_;
  const Trouble& trouble_;
  std::uint64_t at_;
  std::string bytes_;
  bool cut_ = false;
};

class WorldStreams final : public net::ReplyStreams {
 public:
  WorldStreams(World& world, const Trouble& trouble) : world_(world), trouble_(trouble) {}
  Result<net::OpenReply> open(const net::HttpRequest& request, const net::ExchangeContext&) override {
    if (trouble_.refuse > 0 && world_.pick(trouble_.refuse) == 0) {
      if (world_.pick(2) == 0) return Error(ErrorKind::unreachable, "cannot connect");
      return net::OpenReply{reply(503, "<html>"), nullptr};
    }
    const auto& target = request.url.target;
    const auto from = std::stoull(target.substr(target.find("resourceVersion=") + 16));
    if (from >= world_.oldest) return net::OpenReply{reply(200), std::make_unique<WorldBody>(world_, trouble_, from)};
    if (world_.pick(2) == 0) return net::OpenReply{status_reply(410, "Gone", "too old resource version"), nullptr};
    testing::ScriptedBody body;
    body.pieces.push_back(
        Json::object().set("type", "ERROR").set("object", testing::status_json(410, "Expired", "too old")).dump() +
        "\n");
    return net::OpenReply{reply(200), std::make_unique<testing::FakeBody>(body)};
  }

 private:
  World& world_;
  const Trouble& trouble_;
};

/// What a consumer believes, checked at each step.
struct Believer {
  std::map<std::string, Json> objects;
  std::set<std::tuple<std::string, std::string, Change>> told;
  std::size_t events = 0;

  std::string take(const WatchEvent& event) {
    const auto name = event.object.name();
    const auto version = event.object.resource_version();
    ++events;
    const bool there = objects.contains(name);
    const auto where = name + "@" + version;
    if (event.change == Change::added && there) return where + " was added twice";
    if (event.change != Change::added && !there) return where + " changed before it was added";
    if (!told.insert({event.object.uid(), version, event.change}).second) return where + " was told twice";
    if (event.change == Change::deleted) {
      objects.erase(name);
    } else {
      objects[name] = event.object.json();
    }
    return {};
  }
};

class WatchProperty : public testing::ClusterTest, public ::testing::WithParamInterface<Trouble> {};

TEST_P(WatchProperty, EachOfTenThousandChangesIsToldOnce) {
  constexpr auto kChanges = support::repeats(std::size_t{10'000});
  const auto& trouble = GetParam();
  const auto seed = std::random_device{}();
  SCOPED_TRACE(std::string(trouble.name) + ", seed " + std::to_string(seed));
  World world(seed);
  exchanger.otherwise([&](const auto&, const auto&) { return json_reply(200, world.list()); });
  WorldStreams streams(world, trouble);
  Watch watch(client(), streams, ImageStream::kResource, {});
  Believer believer;
  std::size_t made = 0;
  std::size_t idle = 0;
  while (made < kChanges || idle < 3) {
    const auto event = watch.next(context());
    ASSERT_TRUE(event.ok()) << why(event);
    if (*event) {
      const auto wrong = believer.take(**event);
      ASSERT_EQ(wrong, "");
      idle = 0;
    } else {
      ++idle;
    }
    const auto more = std::min(kChanges - made, world.pick(4));
    for (std::size_t i = 0; i < more; ++i) world.change();
    made += more;
    if (more > 0) idle = 0;
  }
  EXPECT_EQ(believer.objects, world.objects);
  // Only a list may sum changes up.
  EXPECT_TRUE(trouble.forget > 0 || believer.events == kChanges) << believer.events;
  EXPECT_EQ(trouble.forget > 0, watch.counters().expiries > 0);
  EXPECT_EQ(trouble.cut > 0, watch.counters().cuts > 0);
}

INSTANTIATE_TEST_SUITE_P(
    Worlds, WatchProperty,
    ::testing::Values(Trouble{.name = "calm"}, Trouble{.name = "ends", .end = 5}, Trouble{.name = "cuts", .cut = 4},
                      Trouble{.name = "slow", .cut = 30, .slow = 1}, Trouble{.name = "refuses", .cut = 10, .refuse = 3},
                      Trouble{.name = "forgets", .end = 4, .forget = 10},
                      Trouble{.name = "everything", .cut = 8, .end = 8, .forget = 30, .refuse = 4, .slow = 2}),
    [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace sluice::kube
