// The loops of the image API: background imports of spec tags of kind DockerImage, and the count of image streams in
// quotas.
#include "sandbox/core/controller.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/import/import.hpp"
#include "sandbox/images/limits.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/images/tagging.hpp"

#include <map>
#include <set>

namespace sluice::sandbox {

namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::minutes kSchedule{15};             // of scheduled imports, as a default master has it
constexpr std::chrono::milliseconds kScheduleLook{1000};  // how often a schedule is looked at; the knob has no event
constexpr std::chrono::minutes kQuotaResync{5};           // after a deletion, as the quota controller does it

bool is_importable(const Json& reference) {
  return text_at(reference, {"from", "kind"}) == "DockerImage" && !flag_at(reference, {"reference"});
}

bool is_scheduled(const Json& reference) {
  return is_importable(reference) && flag_at(reference, {"importPolicy", "scheduled"});
}

// Asked for since it was last tried.
bool needs_import(const Json& stream, const Json& reference) {
  return is_importable(reference) &&
         number_at(reference, {"generation"}) > observed_generation(stream, text_at(reference, {"name"}));
}

// The ImageStreamImport that brings these tags up to date.
Json import_of(const Json& stream, const std::vector<const Json*>& references) {
  auto images = Json::array();
  for (const auto* reference : references) {
    auto image = Json::object();
    image.set("from", at(*reference, {"from"}));
    set_at(image, {"to", "name"}, text_at(*reference, {"name"}));
    image.set("importPolicy", at(*reference, {"importPolicy"}));
    image.set("referencePolicy", at(*reference, {"referencePolicy"}));
    images.push(std::move(image));
  }
  auto import = Json::object();
  set_at(import, {"metadata", "name"}, name_of(stream));
  set_at(import, {"spec", "import"}, true);
  set_at(import, {"spec", "images"}, std::move(images));
  return import;
}

class BackgroundImports final : public Controller {
 public:
  explicit BackgroundImports(net::Exchanger& exchanger) : exchanger_(exchanger) {}

  void observe(const World& world, const Change& change, WorkQueue& queue) override {
    if (change.key.resource != kImageStreams || change.what == Change::What::deleted) return;
    for (const auto& reference : at(*change.object, {"spec", "tags"}).items()) {
      if (needs_import(*change.object, reference)) {
        queue.add_after(change.key, world.knobs.import_delay);
        return;
      }
      if (is_scheduled(reference)) queue.add(change.key);
    }
  }

  void reconcile(World& world, const Key& key, WorkQueue& queue) override {
    const auto stream = world.store.get(key);
    if (!stream) {
      schedules_.erase(key);
      return;
    }
    const bool due = is_due(world, key, *stream, queue);
    std::vector<const Json*> wanted;
    for (const auto& reference : at(*stream, {"spec", "tags"}).items()) {
      if (needs_import(*stream, reference) || (due && is_scheduled(reference))) wanted.push_back(&reference);
    }
    if (wanted.empty()) return;
    auto plan = plan_import(world, key.ns, import_of(*stream, wanted));
    if (plan.ok()) plans_.push_back(std::move(plan).value());
  }

  bool has_work() const override { return !plans_.empty(); }

  void work(SharedWorld& world, std::stop_token stop) override {
    const auto plans = std::exchange(plans_, {});
    for (const auto& plan : plans) {
      if (stop.stop_requested()) return;
      auto outcome = fetch_import(plan, exchanger_, {Deadline::after(kPatience), stop});
      if (stop.stop_requested()) return;
      world.update([&](World& now) { store(now, plan, std::move(outcome)); });
    }
  }

 private:
  struct Schedule {
    World::Clock::time_point due;
    std::uint64_t epoch = 0;
    World::Clock::time_point look{};  // one timer a stream, however often it changes
  };

  bool is_due(const World& world, const Key& key, const Json& stream, WorkQueue& queue) {
    const auto& tags = at(stream, {"spec", "tags"}).items();
    if (std::none_of(tags.begin(), tags.end(), is_scheduled)) {
      schedules_.erase(key);
      return false;
    }
    const auto now = world.now();
    const auto epoch = world.knobs.reimport_epoch;
    const auto [entry, is_new] = schedules_.try_emplace(key, Schedule{now + kSchedule, epoch});
    auto& schedule = entry->second;
    if (now >= schedule.look) {
      schedule.look = now + kScheduleLook;
      queue.add_after(key, kScheduleLook);
    }
    if (is_new || (now < schedule.due && schedule.epoch == epoch)) return false;
    schedule.due = now + kSchedule;
    schedule.epoch = epoch;
    return true;
  }

  static void store(World& world, const ImportPlan& plan, ImportOutcome outcome) {
    const auto stream = find_stream(world, plan.ns, plan.name);
    if (!stream) return;
    // A tag that changed while its image was fetched waits for an import of its own.
    for (auto& result : outcome.images) {
      const auto* reference = spec_tag(*stream, result.to);
      if (reference == nullptr || text_at(*reference, {"from", "name"}) != result.from) result.to.clear();
    }
    const auto tags = tags_of(outcome);
    auto stored = store_import(world, Caller{}, plan, std::move(outcome));
    if (!stored.ok()) note_refusal(world, *stream, tags, stored.error());
  }

  static std::vector<std::string> tags_of(const ImportOutcome& outcome) {
    std::vector<std::string> tags;
    for (const auto& result : outcome.images) {
      if (!result.to.empty()) tags.push_back(result.to);
    }
    return tags;
  }

  // A limit that the import would exceed shows in the condition of each tag.
  static void note_refusal(World& world, Json stream, const std::vector<std::string>& tags, const Refusal& refusal) {
    const auto generation = number_at(stream, {"metadata", "generation"}) + 1;
    for (const auto& tag : tags) {
      auto condition = Json::object();
      condition.set("type", "ImportSuccess");
      condition.set("status", "False");
      condition.set("lastTransitionTime", world.now_text());
      condition.set("reason", refusal.reason);
      condition.set("message", refusal.message);
      condition.set("generation", generation);
      set_condition(stream, tag, std::move(condition));
    }
    // Refused a second time there is nobody left to tell.
    (void)change_stream_status(world, std::move(stream));
  }

  net::Exchanger& exchanger_;
  std::vector<ImportPlan> plans_;
  std::map<Key, Schedule> schedules_;
};

class StreamQuotas final : public Controller {
 public:
  void observe(const World& world, const Change& change, WorkQueue& queue) override {
    if (change.what == Change::What::deleted) {
      if (change.key.resource != kImageStreams) return;
      for (const auto& key : world.store.keys("resourcequotas", change.key.ns)) queue.add_after(key, kQuotaResync);
      return;
    }
    if (change.key.resource != "resourcequotas") return;
    if (!same_tree(at(*change.object, {"spec", "hard"}), at(*change.object, {"status", "hard"}))) queue.add(change.key);
  }

  void reconcile(World& world, const Key& key, WorkQueue& /*queue*/) override { resync_quota(world, key.ns, key.name); }
};

}  // namespace

void add_image_controllers(Controllers& controllers, net::Exchanger& exchanger) {
  controllers.push_back(std::make_unique<BackgroundImports>(exchanger));
  controllers.push_back(std::make_unique<StreamQuotas>());
}

}  // namespace sluice::sandbox
