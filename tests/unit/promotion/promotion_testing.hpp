#pragma once
// A small world for promotions: registries in memory, records in a file, and one app with its environments.

#include "promotion/plan/planner.hpp"
#include "promotion/run/runner.hpp"
#include "support/checks.hpp"
#include "support/fake_images.hpp"
#include "support/fake_place.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace sluice::promotion {

/// Registries by host.
class FakePlaces final : public Places {
 public:
  support::FakePlace& at(const std::string& host) {
    auto& place = places_[host];
    if (!place) place = std::make_unique<support::FakePlace>(host);
    return *place;
  }
  Result<places::Place*> place_of(const pipeline::Target& target) override {
    if (!places_.contains(target.registry)) return Error(ErrorKind::config, "no registry " + target.registry);
    return static_cast<places::Place*>(places_.at(target.registry).get());
  }
  /// Nobody else writes here, so that nothing has to settle for long.
  memory::RegistryMemoryOptions memory_options() const override {
    memory::RegistryMemoryOptions options;
    options.settle = std::chrono::milliseconds(20);
    options.pauses = {std::chrono::milliseconds(0)};
    return options;
  }

 private:
  std::map<std::string, std::unique_ptr<support::FakePlace>> places_;
};

inline pipeline::Target target(const std::string& registry, const std::string& project) {
  return {.cluster = {}, .registry = registry, .project = project, .position = {}};
}

inline pipeline::Environment environment(const std::string& name, std::vector<pipeline::Target> targets,
                                         std::optional<std::string> tag = std::nullopt) {
  return {.name = name, .targets = std::move(targets), .tag = std::move(tag), .position = {}};
}

/// dev -> prod, where prod has one target or two. Images web and api share a layer.
class World : public ::testing::Test {
 protected:
  void SetUp() override {
    app.app = "shop";
    app.images = {"web", "api"};
    app.source.tag = "latest";
    app.file = "sluice.yaml";
    app.environments = {environment("dev", {target("dev.example.com", "dev")}),
                        environment("prod", {target("prod.example.com", "shop")})};
    reopen_store();
  }

  void two_targets() { app.environments[1].targets.push_back(target("backup.example.com", "shop")); }
  void pattern(const std::string& glob) { app.source.tag = glob; }

  support::FakePlace& dev() { return places.at("dev.example.com"); }
  support::FakePlace& prod() { return places.at("prod.example.com"); }
  support::FakePlace& backup() { return places.at("backup.example.com"); }

  static support::FakeImage image_of(const std::string& name, int version) {
    return support::fake_image(name, {"the shared base", name + " version " + std::to_string(version)});
  }
  /// Both images of a version appear in dev.
  void build(int version, const std::string& tag = "latest") {
    for (const auto& name : app.images) dev().hold_image("dev/" + name, image_of(name, version), tag);
  }
  /// Both images of a version are at a target, as if they had been there before anybody promoted.
  void place(support::FakePlace& at, int version, const std::string& tag = "latest") {
    for (const auto& name : app.images) at.hold_image("shop/" + name, image_of(name, version), tag);
  }
  static oci::Digest digest_of(const std::string& name, int version) { return image_of(name, version).digest(); }

  /// Both images stand at this version under the tag.
  ::testing::AssertionResult stands_at(const support::FakePlace& at, int version, const std::string& tag = "latest") {
    for (const auto& name : app.images) {
      const auto seen = at.tag_of("shop/" + name, tag);
      if (seen != digest_of(name, version)) {
        return ::testing::AssertionFailure()
               << at.name() << "/shop/" << name << ":" << tag << " should stand for version " << version << ", it is "
               << (seen ? seen->text() : "nothing");
      }
    }
    return ::testing::AssertionSuccess();
  }

  void reopen_store() {
    store.reset();
    auto opened = records::open_sqlite(folder / "records.db");
    ASSERT_TRUE(opened.ok()) << support::why(opened);
    store = std::move(*opened);
  }

  Planner planner() { return {app, places, *store, events, stop.get_token()}; }
  Runner runner() { return runner_with(*store); }
  Runner runner_with(records::Store& other) {
    return {places,
            other,
            events,
            {.carry = {.retry_times = 0, .stage_roots = true}, .pauses = {std::chrono::milliseconds(0)}},
            stop.get_token()};
  }

  Result<Planned> plan(Request request = {.environment = "prod"}) { return planner().plan(request, true); }
  /// A plan whose release is stored: what `promote` hands to the runner.
  Result<Planned> ready(Request request = {.environment = "prod"}) {
    SLUICE_TRY(auto planned, plan(request));
    SLUICE_TRY(planned.release, planner().keep(std::move(planned.release)));
    return planned;
  }
  Result<Outcome> promote(Request request = {.environment = "prod"}) {
    SLUICE_TRY(auto planned, ready(request));
    return runner().run(std::move(planned));
  }

  /// The release that the source tags are now, kept and with a number: `sluice release create`.
  Result<records::Release> release_made() {
    auto one = planner();
    SLUICE_TRY(auto release, one.release_from_source());
    SLUICE_CHECK(one.number(release));
    return one.keep(std::move(release));
  }

  /// "before prod.example.com/shop", "switched prod.example.com/shop web": the journal as lines.
  std::vector<std::string> journal(const std::string& id) {
    auto entries = store->journal(id);
    EXPECT_TRUE(entries.ok()) << support::why(entries);
    std::vector<std::string> out;
    for (const auto& entry : *entries) {
      out.push_back(std::string(to_string(entry.step)) + (entry.target.empty() ? "" : " " + entry.target) +
                    (entry.image.empty() ? "" : " " + entry.image));
    }
    return out;
  }
  records::PromotionState recorded_state(const std::string& id) {
    auto found = store->promotion(id);
    EXPECT_TRUE(found.ok() && found->has_value()) << "promotion " << id << " is not recorded";
    return found.ok() && *found ? (**found).state : records::PromotionState::planned;
  }

  support::TempFolder folder;
  FakePlaces places;
  pipeline::Pipeline app;
  std::unique_ptr<records::Store> store;
  support::RecordedEvents events;
  std::stop_source stop;

 private:
  // Made before any test asks for a target, so that an empty registry is one, too.
  support::FakePlace& dev_ = places.at("dev.example.com");
  support::FakePlace& prod_ = places.at("prod.example.com");
  support::FakePlace& backup_ = places.at("backup.example.com");
};

}  // namespace sluice::promotion
