#include "promotion/plan/plan.hpp"

#include "support/checks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace sluice::promotion {
namespace {

using support::failed_with;
using support::why;

pipeline::Target at(const std::string& registry, const std::string& project, const std::string& cluster = "") {
  return {.cluster = cluster, .registry = registry, .project = project, .position = {}};
}

PlannedImage image(const std::string& name, const std::string& content, std::optional<oci::Digest> before) {
  return {.name = name,
          .after = oci::Digest::of(content),
          .tags = {{"v1.4.2", std::nullopt}, {"live", std::move(before)}},
          .origins = {at("dev.example.com", "dev")},
          .road = copy::Road::stream,
          .why = "another registry",
          .bytes = {.moved = 100, .mounted = 20, .present = 3}};
}

Finding finding(Severity severity) {
  return {.code = "x", .severity = severity, .subject = "prod", .sentence = "something", .fix = ""};
}

Plan sample() {
  Plan plan;
  plan.app = "shop";
  plan.environment = "prod";
  plan.release = 42;
  plan.targets = {{.target = at("b.example.com", "shop", "b"),
                   .images = {image("web", "web 42", oci::Digest::of("web 41")), image("api", "api 42", std::nullopt)},
                   .findings = {}},
                  {.target = at("c.example.com:5000", "shop"),
                   .images = {image("web", "web 42", oci::Digest::of("web 41")), image("api", "api 42", std::nullopt)},
                   .findings = {}}};
  plan.sources = {{.target = at("dev.example.com", "dev")}};
  return plan;
}

// A change of this value makes every approval and every `promote --plan` that is under way void: raise the version in
// essence() and say so in the release notes.
TEST(PlanHash, IsTheOneThatWasAgreedOn) {
  EXPECT_EQ(sample().hash(), "sha256:fcfbd2116a5df6a6aec49a2a6d2e606e82e86682ae6cb9096971fb1694bc711e");
}

TEST(PlanHash, ChangesWithEverythingThatMatters) {
  struct Row {
    const char* name;
    std::function<void(Plan&)> change;
  };
  const std::vector<Row> rows{
      {"app", [](Plan& p) { p.app = "shop2"; }},
      {"environment", [](Plan& p) { p.environment = "test"; }},
      {"kind", [](Plan& p) { p.kind = records::PromotionKind::rollback; }},
      {"target registry", [](Plan& p) { p.targets[0].target.registry = "x.example.com"; }},
      {"target project", [](Plan& p) { p.targets[0].target.project = "shop2"; }},
      {"a target less", [](Plan& p) { p.targets.pop_back(); }},
      {"the order of targets", [](Plan& p) { std::swap(p.targets[0], p.targets[1]); }},
      {"image name", [](Plan& p) { p.targets[0].images[0].name = "web2"; }},
      {"image digest", [](Plan& p) { p.targets[0].images[0].after = oci::Digest::of("web 43"); }},
      {"an image less", [](Plan& p) { p.targets[0].images.pop_back(); }},
      {"tag", [](Plan& p) { p.targets[0].images[0].tags[1].tag = "latest"; }},
      {"a tag less", [](Plan& p) { p.targets[0].images[0].tags.erase(p.targets[0].images[0].tags.begin()); }},
      {"what the tag stands for", [](Plan& p) { p.targets[0].images[0].tags[1].before = oci::Digest::of("web 40"); }},
      {"nothing behind the tag", [](Plan& p) { p.targets[0].images[0].tags[1].before.reset(); }},
      {"a road that was asked for", [](Plan& p) { p.targets[0].target.via = pipeline::Via::stream; }},
      {"deploy: patch", [](Plan& p) { p.targets[0].target.deploy = pipeline::Deploy::patch; }},
      {"workloads were looked at", [](Plan& p) { p.targets[0].workloads.emplace(); }},
      {"a workload that rolls",
       [](Plan& p) {
         p.targets[0].workloads = {
             {.kind = "Deployment", .name = "web", .tags = {}, .action = openshift::UseAction::rolls}};
       }},
      {"a workload that does not",
       [](Plan& p) {
         p.targets[0].workloads = {
             {.kind = "Deployment", .name = "web", .tags = {}, .action = openshift::UseAction::blocked}};
       }},
      {"its place", [](Plan& p) { p.targets[0].target.place = "uid:1"; }},
      {"the registry that the clusters file names", [](Plan& p) { p.targets[0].settings.registry = "r.example.com"; }},
      {"insecure", [](Plan& p) { p.targets[0].settings.insecure = true; }},
      {"a proxy", [](Plan& p) { p.targets[0].settings.proxy = "proxy.example.com:3128"; }},
      {"no proxy", [](Plan& p) { p.targets[0].settings.proxy = "none"; }},
      {"another source", [](Plan& p) { p.sources[0].target.project = "test"; }},
      {"a source more", [](Plan& p) { p.sources.push_back({.target = at("x.example.com", "x")}); }},
      {"the registry of a source", [](Plan& p) { p.sources[0].settings.registry = "r.example.com"; }},
      {"an insecure source", [](Plan& p) { p.sources[0].settings.insecure = true; }},
      {"the proxy of a source", [](Plan& p) { p.sources[0].settings.proxy = "proxy.example.com:3128"; }},
      {"rollout: none", [](Plan& p) { p.verify.rollout = false; }},
      {"rollout: 1s", [](Plan& p) { p.verify.rollout_time = std::chrono::seconds(1); }},
      {"grace", [](Plan& p) { p.verify.grace = std::chrono::seconds(60); }},
      {"no grace", [](Plan& p) { p.verify.grace.reset(); }},
      {"watch", [](Plan& p) { p.verify.watch = std::chrono::seconds(60); }},
      {"http", [](Plan& p) { p.verify.http = "https://shop.example.com/"; }},
      {"on-failure", [](Plan& p) { p.rollback_on_failure = true; }},
      {"the template of a workload",
       [](Plan& p) {
         p.targets[0].workloads = {{.kind = "Deployment",
                                    .name = "web",
                                    .tags = {},
                                    .action = openshift::UseAction::rolls,
                                    .template_hash = "sha256:1"}};
       }},
      {"something behind the pin", [](Plan& p) { p.targets[0].images[0].tags[0].before = oci::Digest::of("?"); }},
  };
  std::map<std::string, std::string> seen{{sample().hash(), "the sample"}};
  for (const auto& row : rows) {
    auto plan = sample();
    row.change(plan);
    const auto [known, fresh] = seen.emplace(plan.hash(), row.name);
    EXPECT_TRUE(fresh) << row.name << " gives the same hash as " << known->second;
  }
}

TEST(PlanHash, DoesNotChangeWithWhatIsOnlyKnownLater) {
  struct Row {
    const char* name;
    std::function<void(Plan&)> change;
  };
  const std::vector<Row> rows{
      {"release number", [](Plan& p) { p.release = 43; }},
      {"no release number yet", [](Plan& p) { p.release.reset(); }},
      {"bytes", [](Plan& p) { p.targets[0].images[0].bytes = {}; }},
      {"road", [](Plan& p) { p.targets[0].images[0].road = copy::Road::present; }},
      {"why", [](Plan& p) { p.targets[0].images[0].why = "another reason"; }},
      {"as whom", [](Plan& p) { p.targets[0].user = "ann"; }},
      {"the address of a known place",
       [](Plan& p) {
         p.targets[0].target.registry = "10.0.0.1:5000";
         p.targets[0].target.place = "b.example.com/shop";
       }},
      {"findings", [](Plan& p) { p.findings.push_back(finding(Severity::info)); }},
      {"findings of a target", [](Plan& p) { p.targets[0].findings.push_back(finding(Severity::info)); }},
      {"the name of the cluster", [](Plan& p) { p.targets[0].target.cluster = "other"; }},
      {"where the target stands in its file", [](Plan& p) { p.targets[0].target.position = {"f", 3, 4}; }},
  };
  for (const auto& row : rows) {
    auto plan = sample();
    row.change(plan);
    EXPECT_EQ(plan.hash(), sample().hash()) << row.name;
  }
}

pipeline::Target of_cluster(const std::string& server, const std::string& project, const std::string& place = "") {
  auto target = at("", project);
  target.has_api = true;
  target.server = server;
  target.place = place;
  return target;
}

TEST(PlanHash, IsTheSameByEveryAddressOfACluster) {
  const auto by = [](const std::string& server) {
    auto plan = sample();
    plan.targets[0].target = of_cluster(server, "prod", "uid:1");
    // Opened, beside a target, and in the target's own cluster without anybody having opened it.
    plan.sources = {{.target = of_cluster(server, "test", "uid:2")}, {.target = of_cluster(server, "dev")}};
    return plan;
  };
  EXPECT_EQ(by("api.example.com:6443").hash(), by("10.0.0.1:6443").hash());
  auto other = by("10.0.0.1:6443");
  other.sources[1].target.project = "dev2";
  EXPECT_NE(other.hash(), by("10.0.0.1:6443").hash());
  other = by("10.0.0.1:6443");
  other.sources[1].target.server = "10.0.0.2:6443";
  EXPECT_NE(other.hash(), by("10.0.0.1:6443").hash()) << "an unknown place of another cluster";
}

TEST(PlanSources, AreTheOriginsEachOnceInTheirOrder) {
  auto plan = sample();
  auto& origins = plan.targets[1].images[0].origins;
  origins = {at("x.example.com", "x"), at("dev.example.com", "dev"), of_cluster("a:6443", "dev", "uid:2"),
             of_cluster("127.0.0.1:6443", "dev", "uid:2")};
  std::vector<std::string> ids;
  for (const auto& source : sources_of(plan)) ids.push_back(source.id());
  EXPECT_THAT(ids, ::testing::ElementsAre("dev.example.com/dev", "x.example.com/x", "a:6443/dev"));
}

TEST(PlanHash, SurvivesTheRecordsInAnyOrderOfMembers) {
  // The same record with the members of every object turned round.
  const std::function<Json(const Json&)> turned = [&](const Json& value) -> Json {
    if (value.is_object()) {
      Json out = Json::object();
      for (auto member = value.members().rbegin(); member != value.members().rend(); ++member)
        out.set(member->first, turned(member->second));
      return out;
    }
    if (value.is_array()) {
      Json out = Json::array();
      for (const auto& item : value.items()) out.push(turned(item));
      return out;
    }
    return value;
  };
  const auto plan = from_record(turned(to_record(sample())));
  ASSERT_TRUE(plan.ok()) << why(plan);
  EXPECT_EQ(plan->hash(), sample().hash());
}

TEST(PlanRecord, ComesBackAsItWas) {
  auto plan = sample();
  plan.targets[0].target.place = "uid:1";
  plan.targets[0].settings = {.registry = "r.example.com", .insecure = true, .proxy = "proxy.example.com:3128"};
  plan.sources[0].settings = {.registry = {}, .insecure = true, .proxy = "none"};
  for (const auto kind : {records::PromotionKind::promote, records::PromotionKind::rollback}) {
    plan.kind = kind;
    const auto text = to_record(plan).dump();
    const auto parsed = parse_json(text);
    ASSERT_TRUE(parsed.ok()) << why(parsed);
    const auto back = from_record(*parsed);
    ASSERT_TRUE(back.ok()) << why(back);
    EXPECT_EQ(back->hash(), plan.hash());
    EXPECT_EQ(to_record(*back).dump(), text);
    EXPECT_EQ(back->release, 42);
    EXPECT_EQ(back->kind, kind);
    EXPECT_EQ(back->targets[0].target.cluster, "b");
    EXPECT_EQ(back->targets[0].target.place, "uid:1");
    EXPECT_EQ(back->targets[0].settings, plan.targets[0].settings);
    EXPECT_EQ(back->sources[0].settings, plan.sources[0].settings);
    EXPECT_EQ(back->targets[0].images[0].origins.front().id(), "dev.example.com/dev");
    EXPECT_EQ(back->targets[0].images[0].tags[1].before, oci::Digest::of("web 41"));
  }
}

TEST(PlanRecord, RefusesWhatThisProgramDidNotWrite) {
  const auto target_of = [](Json& record) -> Json { return record.find("targets")->items().front(); };
  const auto with_target = [](Json record, Json changed) {
    Json targets = Json::array();
    targets.push(std::move(changed));
    record.set("targets", std::move(targets));
    return record;
  };
  const auto with_image = [&](const std::function<void(Json&)>& change) {
    auto record = to_record(sample());
    auto changed = target_of(record);
    Json images = Json::array();
    auto first = changed.find("images")->items().front();
    change(first);
    images.push(std::move(first));
    changed.set("images", std::move(images));
    return with_target(std::move(record), std::move(changed));
  };
  const auto without = [](const std::string& key) {
    auto record = to_record(sample());
    record.remove(key);
    return record;
  };
  const auto target_without = [&](const std::string& key) {
    auto record = to_record(sample());
    auto changed = target_of(record);
    changed.remove(key);
    return with_target(std::move(record), std::move(changed));
  };
  const auto tag = [](Json entry) {
    Json tags = Json::array();
    tags.push(std::move(entry));
    return tags;
  };
  auto no_images = to_record(sample());
  auto empty_target = target_of(no_images);
  empty_target.set("images", Json::array());
  const auto origin_record = [&] { return Json::object().set("registry", "dev.example.com").set("project", "shop"); };
  const auto target_by = [&](const char* road) {
    auto record = to_record(sample());
    auto changed = target_of(record);
    changed.set("via", road);
    return changed;
  };
  struct Row {
    const char* name;
    Json record;
  };
  const std::vector<Row> rows{
      {"null", Json()},
      {"an empty object", Json::object()},
      {"another version", to_record(sample()).set("version", 2)},
      {"no version", without("version")},
      {"no targets", without("targets")},
      {"targets that are none", to_record(sample()).set("targets", Json::array())},
      {"a target without a registry", target_without("registry")},
      {"a target without a project", target_without("project")},
      {"a target without images", target_without("images")},
      {"a target with no images in it", with_target(to_record(sample()), empty_target)},
      {"an image without a name", with_image([](Json& i) { i.remove("name"); })},
      {"an image without a digest", with_image([](Json& i) { i.remove("after"); })},
      {"an image with half a digest", with_image([](Json& i) { i.set("after", "sha256:12"); })},
      {"an image without tags", with_image([](Json& i) { i.remove("tags"); })},
      {"an image with no tags in it", with_image([](Json& i) { i.set("tags", Json::array()); })},
      {"an image on a road that nobody knows",
       with_image([&](Json& i) { i.set("source", origin_record()).set("road", "tunnel"); })},
      {"an image on no road", with_image([&](Json& i) { i.set("source", origin_record()).set("road", Json()); })},
      {"a target with a road that nobody knows", with_target(to_record(sample()), target_by("tunnel"))},
      {"an image without origins", with_image([](Json& i) { i.remove("origins"); })},
      {"an image with no origins in it", with_image([](Json& i) { i.set("origins", Json::array()); })},
      {"a tag without a name", with_image([&](Json& i) { i.set("tags", tag(Json::object().set("before", Json()))); })},
      {"a tag with half a digest",
       with_image([&](Json& i) { i.set("tags", tag(Json::object().set("tag", "live").set("before", "sha256:1"))); })},
  };
  for (const auto& row : rows) EXPECT_TRUE(failed_with(from_record(row.record), ErrorKind::storage)) << row.name;
}

TEST(Plan, KnowsWhetherItChangesAnything) {
  auto plan = sample();
  EXPECT_TRUE(plan.changes());
  for (auto& planned : plan.targets) {
    for (auto& entry : planned.images) {
      for (auto& tag : entry.tags) tag.before = entry.after;
    }
  }
  EXPECT_FALSE(plan.changes());
  plan.targets[1].images[1].tags[0].before.reset();
  EXPECT_TRUE(plan.changes()) << "a pin is missing at the second target";
  EXPECT_FALSE(plan.targets[0].changes());
}

TEST(Plan, IsBlockedByABlockerAnywhere) {
  struct Row {
    const char* name;
    Severity severity;
    bool at_target;
    bool expected;
  };
  for (const auto& row :
       {Row{"info", Severity::info, false, false}, Row{"warning", Severity::warning, true, false},
        Row{"blocker", Severity::blocker, false, true}, Row{"blocker of a target", Severity::blocker, true, true}}) {
    auto plan = sample();
    auto& list = row.at_target ? plan.targets[1].findings : plan.findings;
    list.push_back(finding(row.severity));
    EXPECT_EQ(plan.blocked(), row.expected) << row.name;
  }
}

TEST(Plan, AddsUpItsBytes) {
  const auto bytes = sample().bytes();
  EXPECT_EQ(bytes.moved, 400U);
  EXPECT_EQ(bytes.mounted, 80U);
  EXPECT_EQ(bytes.present, 12U);
}

TEST(Plan, TellsEveryFieldAsJson) {
  auto plan = sample();
  plan.release.reset();
  plan.findings.push_back({.code = "environment-held",
                           .severity = Severity::blocker,
                           .subject = "prod",
                           .sentence = "prod is on hold",
                           .fix = ""});
  const auto json = to_json(plan);
  EXPECT_EQ(json.string_at("schema"), "sluice.plan/1");
  EXPECT_EQ(json.string_at("plan"), plan.hash());
  ASSERT_NE(json.find("release"), nullptr);
  EXPECT_TRUE(json.find("release")->is_null()) << "absent would not do";
  EXPECT_EQ(json.bool_at("blocked"), true);
  EXPECT_EQ(json.bool_at("changes"), true);
  const auto& first = json.find("targets")->items().front();
  EXPECT_EQ(first.string_at("target"), "b.example.com/shop");
  ASSERT_NE(first.find("workloads"), nullptr);
  EXPECT_TRUE(first.find("workloads")->is_null());
  const auto& web = first.find("images")->items().front();
  EXPECT_EQ(web.string_at("before"), oci::Digest::of("web 41").text()) << "what the moving tag stands for";
  EXPECT_EQ(web.string_at("road"), "stream");
  EXPECT_EQ(web.find("bytes")->integer_at("moved"), 100);
  const auto& finding = json.find("findings")->items().front();
  EXPECT_EQ(finding.string_at("severity"), "blocker");
  EXPECT_TRUE(finding.find("fix")->is_null());
}

}  // namespace
}  // namespace sluice::promotion
