#pragma once
// A world with the workload controllers and a clock of its own: a test says what happens and then looks at what came
// of it. Nothing sleeps; when nothing is left to do, time jumps to the next timer.

#include "base/json.hpp"
#include "sandbox/core/controller.hpp"
#include "sandbox/core/projects.hpp"
#include "sandbox/core/resource.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/workloads/kinds.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

inline Json json_of(std::string_view text) {
  auto parsed = parse_json(text);
  EXPECT_TRUE(parsed.ok()) << text;
  return parsed.ok() ? *std::move(parsed) : Json();
}

class WorkloadWorld {
 public:
  static constexpr const char* kDigestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
  static constexpr const char* kDigestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

  explicit WorkloadWorld(Profile profile = Profile::v3_11) : world(profile) {
    add_builtin_roles(world.store, profile == Profile::v4);
    world.registry.internal = "registry.test:5000";
    add_project(world, "prod", "ann");
    add_workload_resources(catalog, world);
    add_workload_controllers(controllers_);
    for (std::size_t i = 0; i < controllers_.size(); ++i) queues_.push_back(std::make_unique<Queue>(world));
    for (const auto* change : world.store.changes_after(0, world.store.log_size())) observe(*change);
    world.store.on_change([this](const Change& change) { observe(change); });
  }
  ~WorkloadWorld() { world.store.on_change(nullptr); }
  WorkloadWorld(const WorkloadWorld&) = delete;
  WorkloadWorld& operator=(const WorkloadWorld&) = delete;

  /// Creates through the API's own hooks.
  ObjectRef create(std::string_view resource, Json object, std::string_view ns = "prod") {
    ApiRequest request;
    request.ns = ns;
    auto* kind = catalog.find(resource);
    auto made = create_object(world, *kind, request, std::move(object));
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().message);
    return made.ok() ? *made : std::make_shared<const Json>();
  }

  /// Changes an object the way a client does: read, change, PUT.
  Verdict change(std::string_view resource, std::string_view name, const std::function<void(Json&)>& how,
                 std::string_view ns = "prod") {
    auto* kind = catalog.find(resource);
    ApiRequest request;
    request.ns = ns;
    request.name = name;
    auto object = get(resource, name, ns);
    how(object);
    auto done = update_object(world, *kind, request, std::move(object));
    if (!done.ok()) return done.error();
    return {};
  }

  /// Puts a digest on top of a tag, as a push does.
  void push(std::string_view stream, std::string_view tag, std::string_view digest, std::string_view ns = "prod") {
    const Key key{std::string(kImageStreams), std::string(ns), std::string(stream)};
    const auto before = world.store.get(key);
    auto object = before ? *before : Json::object();
    auto item = Json::object();
    item.set("created", world.now_text());
    item.set("dockerImageReference", image(stream, digest, ns));
    item.set("image", digest);
    item.set("generation", 1);
    auto& tags = make_at(object, {"status", "tags"});
    if (!tags.is_array()) tags = Json::array();
    for (auto& known : *tags.elements()) {
      if (text_at(known, {"tag"}) != tag) continue;
      auto& items = *known.find("items")->elements();
      items.insert(items.begin(), std::move(item));
      world.store.replace(key, std::move(object));
      return;
    }
    auto entry = Json::object();
    entry.set("tag", tag);
    make_at(entry, {"items"}).push(std::move(item));
    tags.push(std::move(entry));
    if (before) {
      world.store.replace(key, std::move(object));
    } else {
      world.store.create(key, std::move(object));
    }
  }

  static std::string image(std::string_view stream, std::string_view digest, std::string_view ns = "prod") {
    return "registry.test:5000/" + std::string(ns) + "/" + std::string(stream) + "@" + std::string(digest);
  }

  /// Works until nothing is due at this time.
  void settle() {
    for (int steps = 0; steps < 20'000; ++steps) {
      if (!step()) return;
    }
    FAIL() << "the controllers do not come to rest";
  }

  /// Works while time passes, from timer to timer.
  void pass(std::chrono::seconds time) {
    const auto end = world.now() + time;
    settle();
    for (int jumps = 0; jumps < 100'000; ++jumps) {
      const auto due = next_due();
      if (due > end) break;
      jump_to(due);
      settle();
    }
    jump_to(end);
    settle();
  }

  Json get(std::string_view resource, std::string_view name, std::string_view ns = "prod") const {
    const auto object = world.store.get({std::string(resource), std::string(ns), std::string(name)});
    return object ? *object : Json();
  }
  Json config() const { return get(kDeploymentConfigs, "site"); }
  Json controller(int version) const { return get(kReplicationControllers, "site-" + std::to_string(version)); }

  /// Pods by a label, deployer pods not among them.
  std::vector<Json> pods(std::string_view label_name, std::string_view value, std::string_view ns = "prod") const {
    std::vector<Json> found;
    for (const auto& pod : world.store.list(kPods, ns)) {
      if (label(*pod, label_name) == value) found.push_back(*pod);
    }
    return found;
  }
  /// "Reason" of every event about objects of this kind.
  std::set<std::string> events(std::string_view kind, std::string_view ns = "prod") const {
    std::set<std::string> reasons;
    for (const auto& event : world.store.list(kEvents, ns)) {
      if (text_at(*event, {"involvedObject", "kind"}) == kind) reasons.insert(text_at(*event, {"reason"}));
    }
    return reasons;
  }

  /// A DeploymentConfig "site" with a trigger on site:live.
  void create_site(int replicas = 1) {
    auto config = json_of(R"({"metadata":{"name":"site"},"spec":{"triggers":[{"type":"ConfigChange"},
      {"type":"ImageChange","imageChangeParams":{"automatic":true,"containerNames":["c"],
        "from":{"kind":"ImageStreamTag","name":"site:live"}}}],
      "selector":{"app":"site"},"template":{"metadata":{"labels":{"app":"site"}},
        "spec":{"containers":[{"name":"c","image":" "}]}}}})");
    set_at(config, {"spec", "replicas"}, replicas);
    create(kDeploymentConfigs, std::move(config));
  }
  /// A Deployment "web" with a trigger on site:live.
  void create_web(int replicas = 1) {
    auto web = json_of(R"({"metadata":{"name":"web","annotations":{"image.openshift.io/triggers":
      "[{\"from\":{\"kind\":\"ImageStreamTag\",\"name\":\"site:live\"},\"fieldPath\":\"spec.template.spec.containers[0].image\"}]"}},
      "spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
        "spec":{"containers":[{"name":"c","image":"example.test/a/b:1"}]}}}})");
    set_at(web, {"spec", "replicas"}, replicas);
    create(kDeployments, std::move(web));
  }

  World world;
  Catalog catalog;

 private:
  class Queue final : public WorkQueue {
   public:
    explicit Queue(const World& of) : of_(of) {}
    void add(const Key& key) override {
      if (waiting_.insert(key).second) order_.push_back(key);
    }
    void add_after(const Key& key, std::chrono::milliseconds delay) override {
      delayed_.emplace(of_.now() + delay, key);
    }
    void release() {
      while (!delayed_.empty() && delayed_.begin()->first <= of_.now()) {
        add(delayed_.begin()->second);
        delayed_.erase(delayed_.begin());
      }
    }
    bool empty() const { return order_.empty(); }
    World::Clock::time_point next_due() const {
      return delayed_.empty() ? World::Clock::time_point::max() : delayed_.begin()->first;
    }
    Key take() {
      auto key = order_.front();
      order_.pop_front();
      waiting_.erase(key);
      return key;
    }

   private:
    const World& of_;
    std::deque<Key> order_;
    std::set<Key> waiting_;
    std::multimap<World::Clock::time_point, Key> delayed_;
  };

  void observe(const Change& change) {
    for (std::size_t i = 0; i < controllers_.size(); ++i) controllers_[i]->observe(world, change, *queues_[i]);
  }
  bool step() {
    for (std::size_t i = 0; i < queues_.size(); ++i) {
      queues_[i]->release();
      if (queues_[i]->empty()) continue;
      const auto key = queues_[i]->take();
      controllers_[i]->reconcile(world, key, *queues_[i]);
      return true;
    }
    return false;
  }
  World::Clock::time_point next_due() const {
    auto due = World::Clock::time_point::max();
    for (const auto& queue : queues_) due = std::min(due, queue->next_due());
    return due;
  }
  void jump_to(World::Clock::time_point when) {
    const auto ahead = std::chrono::ceil<std::chrono::seconds>(when - world.now());
    if (ahead.count() > 0) world.clock_offset += ahead;
  }

  Controllers controllers_;
  std::vector<std::unique_ptr<Queue>> queues_;
};

}  // namespace sluice::sandbox
