// Moving, dropping and importing tags in a sandbox of either profile: what stands there afterwards, what a refusal
// says, and how many requests it takes. Images and their signatures as the API knows them.

#include "base/encoding.hpp"
#include "net/transfer_loop.hpp"
#include "openshift/streams/rules.hpp"
#include "openshift/streams/tags.hpp"
#include "sandbox/control/sandbox.hpp"
#include "support/checks.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using support::failed_with;
using support::why;

const std::string kPromoter = "system:serviceaccount:shop-prod:promoter";

constexpr auto kScenario = R"(
projects: [{name: shop-dev, admin: ann}, {name: shop-prod, admin: ann}]
serviceaccounts: [{project: shop-prod, name: promoter}]
images:
  - {project: shop-dev, stream: web, tag: "1", layers: 1, layer-bytes: 1000}
  - {project: shop-dev, stream: web, tag: "2", layers: 2, layer-bytes: 1000}
objects:
  - {kind: ImageStream, apiVersion: image.openshift.io/v1, metadata: {name: web, namespace: shop-prod}}
)";

constexpr auto kList = R"(
images: [{project: shop-dev, stream: multi, tag: "1", layers: 2, layer-bytes: 1000, platforms: [linux/amd64, linux/arm64]}]
)";

net::ExchangeContext soon() { return {Deadline::after(std::chrono::seconds(60)), {}}; }

/// A sandbox with an image stream in shop-dev and an empty one in shop-prod, and clients of several people.
class Cluster {
 public:
  explicit Cluster(sandbox::Profile profile, const std::string& more = "") {
    sandbox::SandboxOptions options;
    options.tls = sandbox::SandboxOptions::Tls::none;
    options.profile = profile;
    auto started = sandbox::Sandbox::start(options);
    if (!started) throw std::runtime_error(started.error().sentence());
    box_ = std::move(*started);
    apply(kScenario);
    if (!more.empty()) apply(more);
    await_pull_secrets();
  }

  /// A controller makes the secrets that imports pull with, a moment after the accounts.
  void await_pull_secrets() {
    const auto stands = [](const sandbox::World& world) {
      const auto secrets = world.store.list("secrets", "shop-prod");
      const auto pull = std::count_if(secrets.begin(), secrets.end(), [](const auto& secret) {
        return kube::text_at(*secret, {"type"}) == "kubernetes.io/dockercfg";
      });
      return static_cast<std::size_t>(pull) >= world.store.list("serviceaccounts", "shop-prod").size() && pull > 0;
    };
    if (!box_->world().when_until(stands, soon().deadline, {}, stands))
      throw std::runtime_error("the accounts of shop-prod never got their pull secrets");
  }

  void apply(const std::string& yaml) {
    auto scenario = sandbox::parse_scenario(yaml, "the test");
    if (!scenario) throw std::runtime_error(scenario.error().sentence());
    if (auto applied = box_->apply(*scenario); !applied) throw std::runtime_error(applied.error().sentence());
  }
  void grant(const std::string& subject, const std::string& role, const std::string& project) {
    apply(fmt::format("rights: [{{subject: \"{}\", role: \"{}\", project: {}}}]", subject, role, project));
  }
  void turn(const std::string& knob) {
    const auto turned = box_->turn(*parse_json(knob));
    if (!turned) throw std::runtime_error(knob + ": " + turned.error().sentence());
  }
  void expect_conflicts(int times) {
    turn(fmt::format(
        R"({{"knob":"conflict","resource":"imagestreams","namespace":"shop-prod","name":"web","times":{}}})", times));
  }
  kube::Client& as(const std::string& identity) {
    const auto token = identity.empty()
                           ? box_->addresses().admin_token
                           : box_->world().update([&](sandbox::World& world) { return world.new_token(identity); });
    kube::ConnectionOptions options;
    options.access.server = *net::Url::parse(box_->addresses().api);
    options.access.identity = kube::token_identity(Secret(token), "the token");
    options.timing.fraction = [] { return 0.0; };
    connections_.push_back(std::make_unique<kube::Connection>(loop_, std::move(options)));
    clients_.push_back(std::make_unique<kube::Client>(*connections_.back()));
    return *clients_.back();
  }
  kube::Client& admin() { return as(""); }
  sandbox::Sandbox& box() { return *box_; }

  kube::ImageStream stream(const std::string& project = "shop-prod", const std::string& name = "web") {
    auto found = admin().get<kube::ImageStream>(project, name, soon());
    if (!found) throw std::runtime_error(found.error().sentence());
    return *found;
  }
  std::string digest(const std::string& tag, const std::string& name = "web") {
    return top_image(stream("shop-dev", name), tag);
  }
  std::string live() { return top_image(stream(), "live"); }
  /// shop-dev/web:TAG to shop-prod/web:live.
  TagMove to_live(const std::string& tag) { return {"shop-prod", "web", "live", "shop-dev", "web", digest(tag)}; }
  /// What the registry tells the API after a push of an image that is known.
  void push_to_live(const std::string& image) {
    constexpr kube::Resource kMappings{"image.openshift.io", "v1", "imagestreammappings", "ImageStreamMapping"};
    auto body = Json::object().set("kind", kMappings.kind).set("apiVersion", kMappings.api_version());
    body.set("metadata", Json::object().set("name", "web").set("namespace", "shop-prod"));
    auto metadata = Json::object().set("name", image);
    metadata.set("annotations", Json::object().set("openshift.io/image.managed", "true"));
    body.set("image", Json::object().set("metadata", std::move(metadata)));
    body.set("tag", "live");
    const auto posted = admin().post(kMappings, "shop-prod", "", "", body, soon());
    if (!posted) throw std::runtime_error(posted.error().sentence());
  }
  /// A pull secret of shop-prod for a registry.
  void add_pull_secret(const std::string& host, const std::string& password) {
    const auto auth = Json::object().set("username", "any").set("password", password);
    const auto config = Json::object().set("auths", Json::object().set(host, auth));
    apply(
        fmt::format("objects: [{{kind: Secret, apiVersion: v1, metadata: {{name: pull, namespace: shop-prod}}, type: "
                    "kubernetes.io/dockerconfigjson, data: {{.dockerconfigjson: {}}}}}]",
                    encoding::base64(config.dump())));
  }

 private:
  std::unique_ptr<sandbox::Sandbox> box_;
  net::TransferLoop loop_;
  std::vector<std::unique_ptr<kube::Connection>> connections_;
  std::vector<std::unique_ptr<kube::Client>> clients_;
};

class ClusterStreamTags : public ::testing::TestWithParam<sandbox::Profile> {
 protected:
  Cluster cluster{GetParam()};
};

INSTANTIATE_TEST_SUITE_P(Profiles, ClusterStreamTags, ::testing::Values(sandbox::Profile::v3_11, sandbox::Profile::v4),
                         [](const auto& row) {
                           return row.param == sandbox::Profile::v4 ? std::string("v4") : std::string("v3_11");
                         });

// --- move_tag -----------------------------------------------------------------------------------------------------

TEST_P(ClusterStreamTags, MovesATagWithThreeRequestsAndLeavesARightOneWithOne) {
  for (const std::optional<bool> stored : {std::optional<bool>(), std::optional<bool>(true)}) {
    const auto* row = stored ? "the caller knows that it is stored" : "the source is asked";
    const auto name = std::string(stored ? "live" : "next");
    auto move = cluster.to_live("1");
    move.tag = name;
    move.stored = stored;
    auto& client = cluster.as("ann");
    const auto moved = move_tag(client, move, soon());
    ASSERT_TRUE(moved.ok()) << row << ": " << why(moved);
    EXPECT_EQ(client.connection().requests(), 3U) << row;
    const auto stream = cluster.stream();
    EXPECT_TRUE(moved->written) << row;
    EXPECT_EQ(moved->before, "") << row;
    EXPECT_FALSE(moved->local) << row;
    EXPECT_EQ(moved->pull_spec, stream.repository() + "@" + move.digest) << row;
    EXPECT_EQ(top_image(stream, name), move.digest) << row;
    EXPECT_FALSE(stream.tag_spec(name)->local) << row;

    auto& again = cluster.as("ann");
    const auto left = move_tag(again, move, soon());
    ASSERT_TRUE(left.ok()) << row << ": " << why(left);
    EXPECT_EQ(again.connection().requests(), 1U) << row;
    EXPECT_FALSE(left->written) << row;
    EXPECT_EQ(left->before, move.digest) << row;
    EXPECT_EQ(left->pull_spec, moved->pull_spec) << row;
    EXPECT_EQ(cluster.stream().resource_version(), stream.resource_version()) << row;
  }
}

TEST_P(ClusterStreamTags, MovesThereAndBackAgain) {
  auto& client = cluster.as("ann");
  std::string before;
  for (const auto* tag : {"1", "2", "1"}) {
    const auto move = cluster.to_live(tag);
    const auto moved = move_tag(client, move, soon());
    ASSERT_TRUE(moved.ok()) << tag << ": " << why(moved);
    EXPECT_TRUE(moved->written);
    EXPECT_EQ(moved->before, before);
    EXPECT_EQ(cluster.live(), move.digest);
    before = move.digest;
  }
  EXPECT_EQ(cluster.stream().tag("live")->items.size(), 3U) << "nothing of the history is lost";
}

TEST_P(ClusterStreamTags, WritesAgainOverAPushAlthoughTheSpecSaysTheSame) {
  auto& client = cluster.as("ann");
  for (const auto* tag : {"1", "2"}) ASSERT_TRUE(move_tag(client, cluster.to_live(tag), soon()).ok()) << tag;
  cluster.push_to_live(cluster.digest("1"));
  ASSERT_EQ(cluster.live(), cluster.digest("1"));
  const auto items = cluster.stream().tag("live")->items.size();

  const auto moved = move_tag(client, cluster.to_live("2"), soon());
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_EQ(moved->before, cluster.digest("1"));
  EXPECT_TRUE(moved->written);
  EXPECT_EQ(cluster.live(), cluster.digest("2"));
  EXPECT_EQ(cluster.stream().tag("live")->items.size(), items + 1) << "the history stays";
}

TEST_P(ClusterStreamTags, PinsATagThatAScheduledImportWouldMove) {
  auto& admin = cluster.admin();
  const auto host = registry_host(cluster.stream().repository());
  cluster.grant("group:system:serviceaccounts:shop-prod", "system:image-puller", "shop-dev");
  const auto request = kube::ImageStreamImport::of(
      "shop-prod", "web", {host + "/shop-dev/web:1", "live", true, /*scheduled=*/true, /*local=*/true}, false);
  const auto imported = admin.import(request, soon());
  ASSERT_TRUE(imported.ok()) << why(imported);
  ASSERT_EQ(cluster.live(), cluster.digest("1")) << imported->json().dump_pretty();
  ASSERT_TRUE(cluster.stream().tag_spec("live")->scheduled);

  const auto moved = move_tag(admin, cluster.to_live("1"), soon());
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_TRUE(moved->written) << "the digest is right, and would not stay so";
  EXPECT_EQ(moved->before, cluster.digest("1"));
  const auto spec = cluster.stream().tag_spec("live");
  ASSERT_TRUE(spec && spec->from);
  EXPECT_FALSE(spec->scheduled);
  EXPECT_EQ(spec->from->kind, "ImageStreamImage");
}

TEST_P(ClusterStreamTags, KeepsAnnotationsOfTheTag) {
  auto& admin = cluster.admin();
  ASSERT_TRUE(move_tag(admin, cluster.to_live("1"), soon()).ok());
  const auto noted = admin.update_with<kube::ImageStream>(
      "shop-prod", "web",
      [](kube::ImageStream& stream) -> Result<bool> {
        auto* tags = stream.json().find("spec")->find("tags")->elements();
        kube::set_at(tags->front(), {"annotations", "team"}, "shop");
        return true;
      },
      soon());
  ASSERT_TRUE(noted.ok()) << why(noted);
  ASSERT_TRUE(move_tag(admin, cluster.to_live("2"), soon()).ok());
  const auto stream = cluster.stream();
  EXPECT_EQ(kube::text_at(kube::list_at(stream.json(), {"spec", "tags"}).front(), {"annotations", "team"}), "shop");
}

TEST_P(ClusterStreamTags, ReadsAgainWhenSomebodyElseWritesMeanwhile) {
  auto& client = cluster.as("ann");
  cluster.expect_conflicts(3);
  const auto moved = move_tag(client, cluster.to_live("1"), soon());
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_TRUE(moved->written);
  EXPECT_EQ(moved->before, "");
  EXPECT_EQ(cluster.live(), cluster.digest("1"));
}

TEST_P(ClusterStreamTags, GivesUpInAStormOfWritesThatTheServerDoesNotMeet) {
  auto& client = cluster.as("ann");
  cluster.expect_conflicts(1000);
  const auto moved = move_tag(client, cluster.to_live("1"), soon());
  if (GetParam() == sandbox::Profile::v4) {
    EXPECT_TRUE(moved.ok()) << "servers since 4.12 meet a write in between by themselves: " << why(moved);
  } else {
    EXPECT_TRUE(failed_with(moved, ErrorKind::conflict));
  }
  EXPECT_LT(client.connection().requests(), 40U);
}

TEST_P(ClusterStreamTags, NamesTheMissingRightAndTheSide) {
  struct Row {
    const char* name;
    const char* target_role;
    const char* source_role;
    const char* says;
    const char* fix;
  };
  const std::vector<Row> rows{
      {"source", "edit", "", "get imagestreams/layers in shop-dev",
       "oc policy add-role-to-user system:image-puller system:serviceaccount:shop-prod:promoter -n shop-dev"},
      {"target", "view", "system:image-puller", "update imagestreamtags in shop-prod",
       "oc policy add-role-to-user edit system:serviceaccount:shop-prod:promoter -n shop-prod"},
      {"stream", "", "system:image-puller", "get imagestreams in shop-prod",
       "oc policy add-role-to-user view system:serviceaccount:shop-prod:promoter -n shop-prod"},
  };
  for (const auto& row : rows) {
    Cluster fresh(GetParam());
    if (*row.target_role != '\0') fresh.grant("serviceaccount:shop-prod/promoter", row.target_role, "shop-prod");
    if (*row.source_role != '\0') fresh.grant("serviceaccount:shop-prod/promoter", row.source_role, "shop-dev");
    const auto moved = move_tag(fresh.as(kPromoter), fresh.to_live("1"), soon());
    EXPECT_TRUE(failed_with(moved, ErrorKind::denied, row.says)) << row.name;
    EXPECT_TRUE(failed_with(moved, ErrorKind::denied, row.fix)) << row.name;
    EXPECT_EQ(fresh.live(), "") << row.name;
  }
}

TEST_P(ClusterStreamTags, NeedsNoMoreOfTheSourceThanTheRightToPull) {
  cluster.grant("serviceaccount:shop-prod/promoter", "edit", "shop-prod");
  cluster.grant("serviceaccount:shop-prod/promoter", "system:image-puller", "shop-dev");
  const auto moved = move_tag(cluster.as(kPromoter), cluster.to_live("1"), soon());
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_EQ(moved->pull_spec, cluster.stream().repository() + "@" + cluster.digest("1"));
}

TEST_P(ClusterStreamTags, SaysWhenTheSourceHasNoSuchImage) {
  struct Row {
    const char* name;
    std::function<void(TagMove&)> spoil;
  };
  const std::vector<Row> rows{
      {"image", [](TagMove& move) { move.digest = "sha256:" + std::string(64, '0'); }},
      {"stream", [](TagMove& move) { move.source_stream = "nothing"; }},
  };
  for (const auto& row : rows) {
    auto move = cluster.to_live("1");
    row.spoil(move);
    EXPECT_TRUE(failed_with(move_tag(cluster.as("ann"), move, soon()), ErrorKind::not_found, move.source_stream))
        << row.name;
  }
}

TEST_P(ClusterStreamTags, AreBlockedByLimitsAndQuotasInTheServersWords) {
  cluster.apply(R"(
objects:
  - {kind: LimitRange, apiVersion: v1, metadata: {name: few, namespace: shop-prod},
     spec: {limits: [{type: openshift.io/ImageStream, max: {openshift.io/images: "1"}}]}}
  - {kind: ResourceQuota, apiVersion: v1, metadata: {name: streams, namespace: shop-prod},
     spec: {hard: {openshift.io/imagestreams: "2"}}}
)");
  auto& client = cluster.as("ann");
  ASSERT_TRUE(move_tag(client, cluster.to_live("1"), soon()).ok());
  EXPECT_TRUE(failed_with(move_tag(client, cluster.to_live("2"), soon()), ErrorKind::blocked,
                          "exceeds the maximum limit per openshift.io/ImageStream"));
  EXPECT_EQ(cluster.live(), cluster.digest("1"));

  cluster.turn(R"({"knob":"resync-quota"})");
  auto move = cluster.to_live("1");
  move.stream = "second";
  const auto moved = move_tag(client, move, soon());
  ASSERT_TRUE(moved.ok()) << "there is room for one more: " << why(moved);
  move.stream = "third";
  EXPECT_TRUE(failed_with(move_tag(client, move, soon()), ErrorKind::blocked, "exceeded quota: streams"));
}

TEST_P(ClusterStreamTags, LeadToTheClustersRegistryWhatIsNotStoredThere) {
  Cluster other(GetParam());
  other.grant("group:system:unauthenticated", "system:image-puller", "shop-dev");
  cluster.grant("group:system:serviceaccounts:shop-prod", "system:image-puller", "shop-dev");
  auto& admin = cluster.admin();
  const auto request = kube::ImageStreamImport::of(
      "shop-dev", "web", {other.box().addresses().registry + "/shop-dev/web:1", "far", true, false, false}, false);
  const auto imported = admin.import(request, soon());
  ASSERT_TRUE(imported.ok()) << why(imported);
  const auto item = cluster.stream("shop-dev").top("far");
  ASSERT_TRUE(item) << imported->json().dump_pretty();
  // The made-up images of both are the same: only the newest item leads away.
  const TagMove move{"shop-prod", "web", "live", "shop-dev", "web", item->image};
  const auto moved = move_tag(admin, move, soon());
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_TRUE(moved->local);
  EXPECT_EQ(moved->pull_spec, cluster.stream().repository() + "@" + item->image);
}

// --- ensure_stream and drop_tag -----------------------------------------------------------------------------------

TEST_P(ClusterStreamTags, MakesAStreamOnce) {
  auto& client = cluster.as("ann");
  const auto made = ensure_stream(client, "shop-prod", "new", soon());
  ASSERT_TRUE(made.ok()) << why(made);
  EXPECT_EQ(made->name(), "new");
  const auto found = ensure_stream(client, "shop-prod", "new", soon());
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(found->uid(), made->uid());
  cluster.grant("serviceaccount:shop-prod/promoter", "view", "shop-prod");
  EXPECT_TRUE(failed_with(ensure_stream(cluster.as(kPromoter), "shop-prod", "newer", soon()), ErrorKind::denied,
                          "create imagestreams in shop-prod"));
}

TEST_P(ClusterStreamTags, DropsATagThatStandsForWhatIsExpected) {
  auto& client = cluster.as("ann");
  ASSERT_TRUE(move_tag(client, cluster.to_live("1"), soon()).ok());
  const auto drop = [&](kube::Client& by, const std::string& stream, const std::string& expected) {
    return drop_tag(by, "shop-prod", stream, "live", expected, soon());
  };
  EXPECT_TRUE(failed_with(drop(client, "web", cluster.digest("2")), ErrorKind::conflict, cluster.digest("1")));
  EXPECT_EQ(cluster.live(), cluster.digest("1"));
  cluster.grant("serviceaccount:shop-prod/promoter", "view", "shop-prod");
  EXPECT_TRUE(failed_with(drop(cluster.as(kPromoter), "web", cluster.digest("1")), ErrorKind::denied,
                          "delete imagestreamtags in shop-prod"));
  cluster.expect_conflicts(1);
  const auto dropped = drop(client, "web", cluster.digest("1"));
  EXPECT_TRUE(dropped.ok()) << why(dropped);
  EXPECT_FALSE(cluster.stream().tag("live") || cluster.stream().tag_spec("live"));
  EXPECT_TRUE(drop(client, "web", cluster.digest("1")).ok()) << "it is not there";
  EXPECT_TRUE(drop(client, "no-such-stream", cluster.digest("1")).ok()) << "nor is its stream";
}

// --- import_image -------------------------------------------------------------------------------------------------

TEST_P(ClusterStreamTags, ImportsByDigestFromAnotherRegistry) {
  Cluster other(sandbox::Profile::v4);
  const auto host = other.box().addresses().registry;
  const ImportWish wish{"shop-prod", "web", "live", host, "shop-dev/web", other.digest("1"), /*insecure=*/true, false};
  auto& client = cluster.as("ann");

  EXPECT_TRUE(failed_with(import_image(client, wish, soon()), ErrorKind::unauthenticated,
                          "oc create secret docker-registry sluice-pull --docker-server=" + host));
  EXPECT_FALSE(cluster.stream().tag_spec("live")) << "a failed import leaves the tag alone";

  cluster.add_pull_secret(host, other.box().addresses().admin_token);
  const auto imported = import_image(client, wish, soon());
  ASSERT_TRUE(imported.ok()) << why(imported);
  EXPECT_TRUE(imported->written);
  EXPECT_TRUE(imported->local);
  EXPECT_EQ(imported->before, "");
  EXPECT_EQ(imported->pull_spec, cluster.stream().repository() + "@" + wish.digest);
  EXPECT_EQ(cluster.live(), wish.digest);

  auto& again = cluster.as("ann");
  const auto left = import_image(again, wish, soon());
  ASSERT_TRUE(left.ok()) << why(left);
  EXPECT_FALSE(left->written);
  EXPECT_EQ(again.connection().requests(), 1U);
}

TEST_P(ClusterStreamTags, SaysWhyAnImportFails) {
  const auto own = registry_host(cluster.stream().repository());
  const auto first = cluster.digest("1");
  struct Row {
    const char* name;
    ImportWish wish;
    std::string as;
    ErrorKind kind;
    const char* says;
  };
  const std::vector<Row> rows{
      {"own registry",
       {"shop-prod", "web", "live", own, "shop-dev/web", first, true, false},
       "ann",
       ErrorKind::denied,
       "oc policy add-role-to-group system:image-puller system:serviceaccounts:shop-prod -n shop-dev"},
      {"no such image",
       {"shop-prod", "web", "live", own, "shop-prod/web", "sha256:" + std::string(64, '0'), true, false},
       "ann",
       ErrorKind::not_found,
       "is still there"},
      {"nobody listens",
       {"shop-prod", "web", "live", "127.0.0.1:1", "shop-dev/web", first, true, false},
       "ann",
       ErrorKind::unreachable,
       "reaches 127.0.0.1:1"},
      {"no right",
       {"shop-prod", "web", "live", own, "shop-dev/web", first, true, false},
       kPromoter,
       ErrorKind::denied,
       "create imagestreamimports in shop-prod"},
  };
  cluster.grant("serviceaccount:shop-prod/promoter", "view", "shop-prod");
  for (const auto& row : rows) {
    EXPECT_TRUE(failed_with(import_image(cluster.as(row.as), row.wish, soon()), row.kind, row.says)) << row.name;
    EXPECT_FALSE(cluster.stream().tag_spec("live")) << row.name << ": the tag was marked";
  }
  cluster.grant("group:system:serviceaccounts:shop-prod", "system:image-puller", "shop-dev");
  const auto imported = import_image(cluster.as("ann"), rows.front().wish, soon());
  ASSERT_TRUE(imported.ok()) << "with what the first hint says: " << why(imported);
  EXPECT_EQ(cluster.live(), first);
}

TEST_P(ClusterStreamTags, ImportsAListWholeOrNotAtAll) {
  Cluster other(sandbox::Profile::v4, kList);
  other.grant("group:system:unauthenticated", "system:image-puller", "shop-dev");
  const auto list = other.digest("1", "multi");
  const ImportWish wish{"shop-prod",      "web", "live", other.box().addresses().registry,
                        "shop-dev/multi", list,  true,   /*is_list=*/true};
  cluster.add_pull_secret(wish.registry, other.box().addresses().admin_token);
  const auto imported = import_image(cluster.as("ann"), wish, soon());
  if (GetParam() == sandbox::Profile::v4) {
    ASSERT_TRUE(imported.ok()) << why(imported);
    EXPECT_EQ(cluster.live(), list);
    const auto facts = describe_image(cluster.as("ann"), "shop-prod", "web", list, soon());
    ASSERT_TRUE(facts.ok()) << why(facts);
    EXPECT_FALSE(facts->managed);
    EXPECT_EQ(facts->parts.size(), 2U);
  } else {
    EXPECT_TRUE(failed_with(imported, ErrorKind::unsupported, "apart"));
    EXPECT_FALSE(cluster.stream().tag("live") || cluster.stream().tag_spec("live"));
  }
  auto alone = wish;
  alone.tag = "alone";
  alone.is_list = false;
  EXPECT_TRUE(failed_with(import_image(cluster.as("ann"), alone, soon()), ErrorKind::integrity, list));
  EXPECT_FALSE(cluster.stream().tag("alone") || cluster.stream().tag_spec("alone"));
}

// --- describe_image -----------------------------------------------------------------------------------------------

TEST_P(ClusterStreamTags, DescribesAnImage) {
  const auto digest = cluster.digest("2");
  const auto facts = describe_image(cluster.as("ann"), "shop-dev", "web", digest, soon());
  ASSERT_TRUE(facts.ok()) << why(facts);
  EXPECT_EQ(facts->digest, digest);
  EXPECT_EQ(facts->media_type, "application/vnd.docker.distribution.manifest.v2+json");
  EXPECT_TRUE(facts->managed);
  EXPECT_EQ(facts->pull_spec, cluster.stream("shop-dev").repository() + "@" + digest);
  ASSERT_EQ(facts->parts.size(), 1U);
  EXPECT_EQ(facts->parts.front().architecture, "amd64");
  EXPECT_EQ(facts->parts.front().layers.size(), 2U);
  EXPECT_GT(facts->parts.front().config_bytes, 0);
  EXPECT_GT(facts->parts.front().size_bytes(), facts->parts.front().config_bytes);
  ASSERT_EQ(facts->accepted.size(), 2U) << "the image and its config";
  EXPECT_EQ(facts->accepted.front(), digest);
  EXPECT_TRUE(facts->signatures.empty());

  EXPECT_TRUE(
      failed_with(describe_image(cluster.as("ann"), "shop-dev", "web", "sha256:" + std::string(64, '0'), soon()),
                  ErrorKind::not_found));
  EXPECT_TRUE(failed_with(describe_image(cluster.as(kPromoter), "shop-dev", "web", digest, soon()), ErrorKind::denied,
                          "get imagestreamimages in shop-dev"));
}

TEST(ClusterStreamTagsOf4, DescribesAListWithItsChildren) {
  Cluster cluster(sandbox::Profile::v4, kList);
  const auto digest = cluster.digest("1", "multi");
  auto& client = cluster.as("ann");
  const auto facts = describe_image(client, "shop-dev", "multi", digest, soon());
  ASSERT_TRUE(facts.ok()) << why(facts);
  EXPECT_EQ(client.connection().requests(), 3U);
  ASSERT_EQ(facts->parts.size(), 2U);
  EXPECT_EQ(facts->parts[0].os + "/" + facts->parts[0].architecture, "linux/amd64");
  EXPECT_EQ(facts->parts[1].os + "/" + facts->parts[1].architecture, "linux/arm64");
  for (const auto& part : facts->parts) {
    EXPECT_EQ(part.layers.size(), 2U);
    EXPECT_GT(part.config_bytes, 0);
  }
  EXPECT_EQ(facts->accepted.size(), 5U) << "the list, two children, two configs";
}

// --- carry_signatures ---------------------------------------------------------------------------------------------

TEST_P(ClusterStreamTags, CarriesSignaturesWhereThatIsAllowed) {
  Cluster target(GetParam());
  const auto digest = cluster.digest("1");
  ASSERT_EQ(target.digest("1"), digest) << "both sandboxes make the same image";
  const auto carry = [&](kube::Client& to) {
    return carry_signatures(cluster.admin(), "shop-dev", "web", to, digest, soon());
  };
  const auto none = carry(target.admin());
  ASSERT_TRUE(none.ok()) << why(none);
  EXPECT_EQ(none->expected, 0);
  EXPECT_EQ(none->sentence, "");

  constexpr kube::Resource kSignatures{"image.openshift.io", "v1", "imagesignatures", "ImageSignature", false};
  for (const auto* name : {"one", "two"}) {
    auto body = Json::object().set("kind", kSignatures.kind).set("apiVersion", kSignatures.api_version());
    body.set("metadata", Json::object().set("name", digest + "@" + name));
    body.set("type", "atomic").set("content", encoding::base64(name));
    const auto posted = cluster.admin().post(kSignatures, "", "", "", body, soon());
    ASSERT_TRUE(posted.ok()) << why(posted);
  }
  const auto refused = carry(target.as("ann"));
  ASSERT_TRUE(refused.ok()) << why(refused);
  EXPECT_EQ(refused->expected, 2);
  EXPECT_EQ(refused->carried, 0);
  EXPECT_NE(refused->sentence.find("0 of 2 signatures"), std::string::npos) << refused->sentence;
  EXPECT_NE(refused->sentence.find("oc adm policy add-cluster-role-to-user system:image-signer ann"), std::string::npos)
      << refused->sentence;
  for (const auto* time : {"first", "second"}) {
    const auto carried = carry(target.admin());
    ASSERT_TRUE(carried.ok()) << time << ": " << why(carried);
    EXPECT_EQ(carried->carried, 2) << time;
    EXPECT_EQ(carried->sentence, "") << time;
  }
  const auto facts = describe_image(target.admin(), "shop-dev", "web", digest, soon());
  ASSERT_TRUE(facts.ok()) << why(facts);
  EXPECT_EQ(facts->signatures, (std::vector<std::string>{digest + "@one", digest + "@two"}));

  const auto hidden = carry_signatures(cluster.as(kPromoter), "shop-dev", "web", target.admin(), digest, soon());
  ASSERT_TRUE(hidden.ok()) << why(hidden);
  EXPECT_NE(hidden->sentence.find("are not known"), std::string::npos) << hidden->sentence;
}

}  // namespace
}  // namespace sluice::openshift
