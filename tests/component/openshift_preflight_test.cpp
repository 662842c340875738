// The preflight against the sandbox: what it asks and how often, whether its fixes mend what it says, whether the
// server really refuses what it predicts, and whether the Roles of deploy/openshift are enough and not more.

#include "base/file.hpp"
#include "base/text.hpp"
#include "net/transfer_loop.hpp"
#include "oci/manifest.hpp"
#include "openshift/preflight/preflight.hpp"
#include "sandbox/control/sandbox.hpp"
#include "sandbox/core/tree.hpp"
#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using support::why;

const std::string kPromoter = "system:serviceaccount:shop-prod:promoter";

constexpr auto kScenario = R"(
projects: [{name: shop-dev, admin: ann}, {name: shop-prod, admin: ann}, {name: elsewhere, admin: bob}]
serviceaccounts: [{project: shop-prod, name: promoter}]
images:
  - {project: shop-dev, stream: shop, tag: latest, layers: 2, layer-bytes: 2000}
  - {project: shop-dev, stream: shop, tag: next, layers: 3, layer-bytes: 3000}
)";

net::ExchangeContext soon() { return {Deadline::after(std::chrono::seconds(60)), {}}; }

/// A sandbox with two projects, and clients of several people in front of it.
class Cluster {
 public:
  explicit Cluster(sandbox::Profile profile = sandbox::Profile::v3_11) {
    sandbox::SandboxOptions options;
    options.tls = sandbox::SandboxOptions::Tls::none;
    options.profile = profile;
    auto started = sandbox::Sandbox::start(options);
    if (!started) throw std::runtime_error(started.error().sentence());
    box_ = std::move(*started);
    apply(kScenario);
  }

  void apply(const std::string& yaml) {
    auto scenario = sandbox::parse_scenario(yaml, "the test");
    if (!scenario) throw std::runtime_error(scenario.error().sentence());
    if (auto applied = box_->apply(*scenario); !applied) throw std::runtime_error(applied.error().sentence());
  }

  kube::Client& as(const std::string& identity, std::optional<std::chrono::seconds> life = std::nullopt) {
    const auto token =
        identity.empty() ? box_->addresses().admin_token
                         : box_->world().update([&](sandbox::World& world) { return world.new_token(identity, life); });
    return with_token(token);
  }
  kube::Client& with_token(const std::string& token) {
    kube::ConnectionOptions options;
    options.access.server = *net::Url::parse(box_->addresses().api);
    options.access.identity = kube::token_identity(Secret(token), "the token");
    connections_.push_back(std::make_unique<kube::Connection>(loop_, std::move(options)));
    clients_.push_back(std::make_unique<kube::Client>(*connections_.back()));
    return *clients_.back();
  }
  kube::Client& admin() { return as(""); }
  sandbox::Sandbox& box() { return *box_; }

  std::string digest(const std::string& project, const std::string& stream, const std::string& tag) {
    const auto found = admin().get<kube::ImageStream>(project, stream, soon());
    if (!found) throw std::runtime_error(found.error().sentence());
    const auto top = found->top(tag);
    return top ? top->image : "";
  }
  /// shop-dev/shop:latest to shop-prod/shop:live.
  PreflightRequest request(PreflightRoad road) {
    PreflightRequest out;
    out.road = road;
    out.source = {"here", "shop-dev", "shop"};
    out.target = {"here", "shop-prod", "shop"};
    out.same_cluster = true;
    out.digest = digest("shop-dev", "shop", "latest");
    out.media_type = oci::media::kDockerManifest;
    out.parts = {{"linux", "amd64", 500, {{"sha256:1", 2000}}}};
    out.tags = {"live"};
    return out;
  }

 private:
  std::unique_ptr<sandbox::Sandbox> box_;
  net::TransferLoop loop_;
  std::vector<std::unique_ptr<kube::Connection>> connections_;
  std::vector<std::unique_ptr<kube::Client>> clients_;
};

std::vector<Finding> findings_of(kube::Client& client, const PreflightRequest& request) {
  const auto facts = gather_preflight({&client, client}, request, soon());
  if (!facts) throw std::runtime_error(facts.error().sentence());
  return judge_preflight(request, *facts);
}

const Finding* find(const std::vector<Finding>& findings, std::string_view code) {
  const auto found = std::find_if(findings.begin(), findings.end(), [&](const auto& one) { return one.code == code; });
  return found != findings.end() ? &*found : nullptr;
}

std::string shown(const std::vector<Finding>& findings) {
  std::string out;
  for (const auto& one : findings) out += one.code + ": " + one.sentence + "\n";
  return out;
}

/// Does what the command of a finding does, as an administrator; false for commands that give no right.
bool carry_out(Cluster& cluster, const std::string& command) {
  const auto words = text::split(command.substr(0, command.find("  #")), ' ');
  const auto after = [&](std::string_view word) {
    const auto found = std::find(words.begin(), words.end(), word);
    return found != words.end() && found + 1 != words.end() ? *(found + 1) : std::string();
  };
  struct Grant {
    const char* word;
    const char* kind;
  };
  for (const auto& grant : {Grant{"add-role-to-user", "user"}, Grant{"add-role-to-group", "group"},
                            Grant{"add-cluster-role-to-user", "user"}}) {
    const auto verb = std::find(words.begin(), words.end(), grant.word);
    if (verb == words.end()) continue;
    auto subject = std::string(grant.kind) + ":" + *(verb + 2);
    constexpr std::string_view kAccount = "system:serviceaccount:";
    if ((verb + 2)->starts_with(kAccount)) {
      subject = (verb + 2)->substr(kAccount.size());
      subject.replace(subject.find(':'), 1, "/");
      subject = "serviceaccount:" + subject;
    }
    const auto project = after("-n");
    cluster.apply("rights: [{subject: \"" + subject + "\", role: \"" + *(verb + 1) +
                  "\", project: " + (project.empty() ? "null" : project) + "}]");
    return true;
  }
  if (!command.starts_with("oc create imagestream ")) return false;
  const auto created =
      cluster.admin().create(after("-n"), kube::ImageStream::named(after("-n"), after("imagestream")), soon());
  EXPECT_TRUE(created.ok()) << why(created);
  return true;
}

TEST(ClusterPreflight, EachFixTakesItsFindingAway) {
  for (const auto road :
       {PreflightRoad::tag, PreflightRoad::mount, PreflightRoad::stream, PreflightRoad::import_images}) {
    Cluster cluster;
    // Sees both projects, and nothing in them: each right is missed by itself.
    for (const auto* project : {"shop-dev", "shop-prod"}) {
      cluster.apply("rights: [{subject: \"serviceaccount:shop-prod/promoter\", role: see-" + std::string(project) +
                    ", project: " + project +
                    ", rules: [{apiGroups: [project.openshift.io], resources: [projects], verbs: [get]}]}]");
    }
    auto& promoter = cluster.as(kPromoter);
    auto request = cluster.request(road);
    request.start_rollouts = request.change_workloads = request.carry_signatures = true;
    std::set<std::string> mended;
    for (int i = 0; i < 30; ++i) {
      const auto findings = findings_of(promoter, request);
      const auto wrong = std::find_if(findings.begin(), findings.end(), [](const Finding& one) {
        return one.severity != Severity::info || one.code == "limits-unknown";
      });
      if (wrong == findings.end()) break;
      ASSERT_TRUE(mended.insert(wrong->code + " " + wrong->subject).second)
          << to_string(road) << ": '" << wrong->fix << "' did not mend " << wrong->code << "\n"
          << shown(findings);
      ASSERT_TRUE(carry_out(cluster, wrong->fix)) << to_string(road) << ": " << wrong->code << ": " << wrong->fix;
    }
    EXPECT_GE(mended.size(), 4U) << to_string(road) << ": " << ::testing::PrintToString(mended);
    const auto left = findings_of(promoter, request);
    EXPECT_EQ(shown(left).find("may-not"), std::string::npos) << to_string(road) << "\n" << shown(left);
  }
}

TEST(ClusterPreflight, AsksAFixedNumberOfQuestions) {
  struct Row {
    PreflightRoad road;
    std::uint64_t calls;
  };
  for (const auto profile : {sandbox::Profile::v3_11, sandbox::Profile::v4}) {
    Cluster cluster(profile);
    const auto count = [&](PreflightRoad road) {
      auto& promoter = cluster.as(kPromoter);
      findings_of(promoter, cluster.request(road));
      return promoter.connection().requests();
    };
    // Ten facts, 17 rights of following, three of the target's stream, the names of projects for each of the two that
    // may not be seen; the rest are those of the road.
    const std::vector<Row> rows{{PreflightRoad::tag, 36},
                                {PreflightRoad::mount, 35},
                                {PreflightRoad::stream, 35},
                                {PreflightRoad::import_images, 34}};
    for (const auto& row : rows) EXPECT_EQ(count(row.road), row.calls) << to_string(row.road);
    std::string more = "workloads:\n";
    for (int i = 0; i < 60; ++i) {
      more +=
          "  - {kind: DeploymentConfig, project: shop-prod, name: w" + std::to_string(i) + ", image: \"shop:live\"}\n";
    }
    cluster.apply(more);
    carry_out(cluster, "oc policy add-role-to-user edit " + kPromoter + " -n shop-prod");
    // The target's may be seen now.
    for (const auto& row : rows) EXPECT_EQ(count(row.road), row.calls - 1) << to_string(row.road) << " with workloads";
  }
}

TEST(ClusterPreflight, TellsMissingProjectsFromHiddenOnes) {
  Cluster cluster;
  auto& ann = cluster.as("ann");
  auto request = cluster.request(PreflightRoad::tag);
  EXPECT_EQ(find(findings_of(ann, request), "project-hidden"), nullptr);
  for (const auto* project : {"elsewhere", "nowhere"}) {
    request.target.project = project;
    const auto findings = findings_of(ann, request);
    const auto* hidden = find(findings, "project-hidden");
    ASSERT_NE(hidden, nullptr) << project << "\n" << shown(findings);
    EXPECT_EQ(hidden->subject, project);
    EXPECT_EQ(shown(findings).find("may-not"), std::string::npos) << "one finding says it all\n" << shown(findings);
  }
  const auto known = findings_of(cluster.admin(), request);
  ASSERT_NE(find(known, "project-missing"), nullptr) << shown(known);
}

TEST(ClusterPreflight, KnowsHowLongATokenLives) {
  Cluster cluster(sandbox::Profile::v4);
  const auto request = cluster.request(PreflightRoad::tag);
  const auto bound = findings_of(cluster.as(kPromoter, std::chrono::minutes(20)), request);
  const auto* soon_over = find(bound, "token-ends-soon");
  ASSERT_NE(soon_over, nullptr) << shown(bound);
  EXPECT_EQ(soon_over->fix.find("oc create token promoter -n shop-prod"), 0U) << soon_over->fix;

  const auto endless = findings_of(cluster.as(kPromoter), request);
  EXPECT_EQ(find(endless, "token-ends-soon"), nullptr);
  EXPECT_NE(shown(endless).find("the token has no end"), std::string::npos) << shown(endless);

  // A person's token of 4.6 and later is an object that its owner may read.
  const auto token = cluster.box().world().update([](sandbox::World& world) {
    const auto text = world.new_token("ann");
    for (const auto& key : world.store.keys("oauthaccesstokens.oauth.openshift.io", "")) {
      auto object = *world.store.get(key);
      if (sandbox::text_at(object, {"userName"}) != "ann") continue;
      object.set("expiresIn", 600);
      world.store.replace(key, std::move(object));
    }
    return text;
  });
  const auto person = findings_of(cluster.with_token(token), request);
  EXPECT_NE(find(person, "token-ends-soon"), nullptr) << shown(person);

  auto& ended = cluster.as("ann");
  ASSERT_TRUE(cluster.box().turn(*parse_json(R"({"knob":"expire-token","user":"ann"})")).ok());
  const auto findings = findings_of(ended, request);
  ASSERT_EQ(findings.size(), 1U) << shown(findings);
  EXPECT_EQ(findings.front().code, "token-expired");
  EXPECT_EQ(ended.connection().requests(), 1U) << "who is refused asks nothing more";
}

TEST(ClusterPreflight, PredictsWhatTheServerRefusesForItsLimits) {
  struct Row {
    const char* name;
    std::string objects;
    const char* code;  ///< empty: nothing is refused
    bool new_stream;
  };
  const std::string limit =
      "objects: [{kind: LimitRange, apiVersion: v1, metadata: {name: images, namespace: shop-prod}, spec: {limits: "
      "[{type: openshift.io/ImageStream, max: {";
  const std::string quota =
      "objects: [{kind: ResourceQuota, apiVersion: v1, metadata: {name: rq, namespace: shop-prod}, spec: {hard: "
      "{openshift.io/imagestreams: \"";
  const std::vector<Row> rows{
      {"no limits", "", "", false},
      {"images", limit + "openshift.io/images: \"1\"}}]}}]", "too-many-images", false},
      {"images fit", limit + "openshift.io/images: \"2\"}}]}}]", "", false},
      {"tags", limit + "openshift.io/image-tags: \"1\"}}]}}]", "too-many-tags", false},
      {"tags fit", limit + "openshift.io/image-tags: \"2\"}}]}}]", "", false},
      {"streams", quota + "1\"}}}]", "stream-quota-used-up", true},
      {"streams fit", quota + "2\"}}}]", "", true},
      {"streams, and none is made", quota + "1\"}}}]", "", false},
  };
  for (const auto& row : rows) {
    Cluster cluster;
    auto& ann = cluster.as("ann");
    auto request = cluster.request(PreflightRoad::tag);
    const kube::ImageSource old{"ImageStreamImage", "shop-dev", "shop@" + cluster.digest("shop-dev", "shop", "next")};
    auto before = ann.tag(kube::ImageStreamTag::pointing("shop-prod", "shop", "old", old), soon());
    ASSERT_TRUE(before.ok()) << row.name << ": " << why(before);
    if (!row.objects.empty()) cluster.apply(row.objects);
    ASSERT_TRUE(cluster.box().turn(*parse_json(R"({"knob":"resync-quota"})")).ok());
    if (row.new_stream) request.target.stream = "brand-new";

    const auto findings = findings_of(ann, request);
    const auto blocked = std::any_of(findings.begin(), findings.end(),
                                     [](const Finding& one) { return one.severity == Severity::blocker; });
    EXPECT_EQ(blocked, *row.code != '\0') << row.name << "\n" << shown(findings);
    if (*row.code != '\0') {
      EXPECT_NE(find(findings, row.code), nullptr) << row.name << "\n" << shown(findings);
    }
    if (row.new_stream) {
      const auto made = ann.create("shop-prod", kube::ImageStream::named("shop-prod", "brand-new"), soon());
      EXPECT_EQ(made.ok(), !blocked) << row.name << ": " << why(made);
      continue;
    }
    const kube::ImageSource from{"ImageStreamImage", "shop-dev", "shop@" + request.digest};
    const auto tagged = ann.tag(kube::ImageStreamTag::pointing("shop-prod", "shop", "live", from), soon());
    EXPECT_EQ(tagged.ok(), !blocked) << row.name << ": " << why(tagged);
  }
}

TEST(ClusterPreflight, SeesThatATagWouldNotMove) {
  Cluster cluster;
  auto& ann = cluster.as("ann");
  const auto request = cluster.request(PreflightRoad::tag);
  EXPECT_NE(find(findings_of(ann, request), "stream-will-be-created"), nullptr);

  const kube::ImageSource from{"ImageStreamImage", "shop-dev", "shop@" + request.digest};
  const auto tag = kube::ImageStreamTag::pointing("shop-prod", "shop", "live", from);
  ASSERT_TRUE(ann.tag(tag, soon()).ok());
  EXPECT_NE(find(findings_of(ann, request), "tag-already-right"), nullptr);

  // Somebody pushes another image to the same tag.
  cluster.apply("images: [{project: shop-prod, stream: shop, tag: live, layers: 1, layer-bytes: 900}]");
  ASSERT_NE(cluster.digest("shop-prod", "shop", "live"), request.digest);
  const auto findings = findings_of(ann, request);
  EXPECT_NE(find(findings, "unchanged-from"), nullptr) << shown(findings);
  ASSERT_TRUE(ann.tag(tag, soon()).ok());
  EXPECT_NE(cluster.digest("shop-prod", "shop", "live"), request.digest) << "the server does nothing, as predicted";

  // What the finding says that is done.
  const auto removed = ann.update_with<kube::ImageStream>(
      "shop-prod", "shop", [](kube::ImageStream& stream) -> Result<bool> { return stream.remove_tag_spec("live"); },
      soon());
  ASSERT_TRUE(removed.ok()) << why(removed);
  ASSERT_TRUE(ann.tag(tag, soon()).ok());
  EXPECT_EQ(cluster.digest("shop-prod", "shop", "live"), request.digest);
}

TEST(ClusterPreflight, KnowsWhetherTheTargetsPodsMayPull) {
  Cluster cluster;
  auto request = cluster.request(PreflightRoad::tag);
  request.reference = true;
  const auto denied = findings_of(cluster.as("ann"), request);
  const auto* may_not = find(denied, "pods-may-not-pull");
  ASSERT_NE(may_not, nullptr) << shown(denied);
  carry_out(cluster, "oc policy add-role-to-user registry-viewer " + kPromoter + " -n shop-dev");
  const auto unknown = findings_of(cluster.as(kPromoter), request);
  EXPECT_NE(find(unknown, "pull-right-unknown"), nullptr) << "only administrators of the source may ask\n"
                                                          << shown(unknown);
  ASSERT_TRUE(carry_out(cluster, may_not->fix));
  EXPECT_EQ(find(findings_of(cluster.as("ann"), request), "pods-may-not-pull"), nullptr);
}

TEST(ClusterPreflight, AsksEachOfTwoClustersForItsOwnSide) {
  Cluster from;
  Cluster to(sandbox::Profile::v4);
  to.apply("projects: [{name: shop, admin: ann}]");
  from.apply("projects: [{name: shop, admin: bob}]\nimages: [{project: shop, stream: shop, tag: latest}]");
  auto request = from.request(PreflightRoad::stream);
  request.source = {"from", "shop", "shop"};
  request.target = {"to", "shop", "shop"};
  request.same_cluster = false;
  auto& bob = from.as("bob");
  auto& stranger = from.as("carl");
  auto& ann = to.as("ann");
  const auto ask = [&](kube::Client& source) {
    const auto facts = gather_preflight({&source, ann}, request, soon());
    EXPECT_TRUE(facts.ok()) << why(facts);
    return facts.ok() ? judge_preflight(request, *facts) : std::vector<Finding>();
  };
  const auto well = ask(bob);
  EXPECT_EQ(find(well, "stream-will-be-created") != nullptr && well.front().severity != Severity::blocker, true)
      << shown(well);
  EXPECT_EQ(bob.connection().requests(), 4U) << "who we are, project, stream and one right";

  const auto hidden = ask(stranger);
  const auto* finding = find(hidden, "project-hidden");
  ASSERT_NE(finding, nullptr) << shown(hidden);
  EXPECT_EQ(finding->sentence.find("from shows carl no project shop"), 0U) << finding->sentence;
  ASSERT_TRUE(carry_out(from, finding->fix));
  const auto mended = ask(stranger);
  EXPECT_EQ(find(mended, "project-hidden"), nullptr) << shown(mended);

  ASSERT_TRUE(from.box().turn(*parse_json(R"({"knob":"expire-token","user":"bob"})")).ok());
  const auto ended = ask(bob);
  ASSERT_EQ(ended.front().code, "token-expired") << shown(ended);
  EXPECT_EQ(ended.front().subject, "from");
}

TEST(ClusterPreflight, RefusesManifestTypesByRelease) {
  for (const auto& [profile, refused] : {std::pair(sandbox::Profile::v3_11, true), {sandbox::Profile::v4, false}}) {
    Cluster cluster(profile);
    for (const auto type : {oci::media::kOciManifest, oci::media::kDockerList}) {
      auto request = cluster.request(PreflightRoad::stream);
      request.media_type = type;
      const auto findings = findings_of(cluster.as("ann"), request);
      EXPECT_EQ(find(findings, "manifest-type-refused") != nullptr, refused) << type << "\n" << shown(findings);
    }
  }
}

// --- the Roles of deploy/openshift -----------------------------------------------------------------------------------

constexpr std::array<std::string_view, 3> kTiers{"watch", "promote", "fix"};

void give(Cluster& cluster, std::string_view tier) {
  const auto file = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() / "deploy" / "openshift" /
                    (std::string(tier) + ".yaml");
  const auto text = read_file(file, std::size_t{64} * 1024);
  ASSERT_TRUE(text.ok()) << why(text);
  const auto yaml = yaml::parse(*text, file.filename().string());
  ASSERT_TRUE(yaml.ok()) << why(yaml);
  constexpr kube::Resource kRoles{"rbac.authorization.k8s.io", "v1", "roles", "Role"};
  constexpr kube::Resource kBindings{"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"};
  const auto role = cluster.admin().post(kRoles, "shop-prod", "", "", sandbox::to_json(*yaml), soon());
  ASSERT_TRUE(role.ok()) << why(role);
  const auto name = kube::text_at(*role, {"metadata", "name"});
  EXPECT_EQ(name, "sluice-" + std::string(tier));
  const auto binding =
      parse_json(R"({"kind":"RoleBinding","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":")" + name +
                 R"("},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":")" + name +
                 R"("},"subjects":[{"kind":"ServiceAccount","name":"promoter",)" + R"("namespace":"shop-prod"}]})");
  ASSERT_TRUE(binding.ok()) << why(binding);
  const auto bound = cluster.admin().post(kBindings, "shop-prod", "", "", *binding, soon());
  ASSERT_TRUE(bound.ok()) << why(bound);
}

struct Call {
  std::size_t tier;  ///< the lowest one that allows it
  const char* name;
  std::function<Status(kube::Client&)> call;
};

template <class T>
Status outcome(const Result<T>& result) {
  return result.ok() ? Status() : Status(result.error());
}

template <class T>
Status listed(kube::Client& client) {
  kube::Selection selection;
  selection.project = "shop-prod";
  return outcome(client.list<T>(selection, soon()));
}

Json patch_of(const std::string& note) {
  return Json::object().set("metadata",
                            Json::object().set("annotations", Json::object().set("example.com/note", note)));
}

template <class T>
Status patched(kube::Client& client, const char* name) {
  return outcome(client.patch<T>("shop-prod", name, kube::PatchType::merge, patch_of("x"), soon()));
}

// CronJobs are in another version of their group on 3.11.
Status cron_job(kube::Client& client, const std::function<Status(kube::Client&, const kube::Resource&)>& call) {
  auto status = call(client, kube::CronJob::kResource);
  return status.ok() || status.error().kind() != ErrorKind::not_found ? status
                                                                      : call(client, kube::CronJob::kOldResource);
}

// The server may have nothing to go back to, but it looks only for who may ask.
Status went_back(kube::Client& client) {
  const auto answer = client.rollback("shop-prod", "dc", 1, soon());
  return answer.ok() || answer.error().kind() != ErrorKind::denied ? Status() : Status(answer.error());
}

std::vector<Call> calls() {
  const auto listed_jobs = [](kube::Client& client) {
    return cron_job(client, [](kube::Client& c, const kube::Resource& resource) {
      return outcome(c.list_json(resource, {"shop-prod"}, soon()));
    });
  };
  const auto patched_job = [](kube::Client& client) {
    return cron_job(client, [](kube::Client& c, const kube::Resource& resource) {
      return outcome(c.patch_json(resource, "shop-prod", "cron", kube::PatchType::merge, patch_of("x"), soon()));
    });
  };
  const auto changed = [](kube::Client& client) {
    return outcome(client.update_with<kube::ImageStream>(
        "shop-prod", "shop",
        [](kube::ImageStream& stream) -> Result<bool> {
          stream.annotate("example.com/release", "7");
          return true;
        },
        soon()));
  };
  const auto tagged = [](kube::Client& client) {
    return outcome(client.tag(
        kube::ImageStreamTag::pointing("shop-prod", "shop", "more", {"ImageStreamTag", "", "shop:live"}), soon()));
  };
  const auto imported = [](kube::Client& client) {
    const kube::ImageStreamImport::Wish wish{"127.0.0.1:1/none/none:1", "imported"};
    return outcome(client.import(kube::ImageStreamImport::of("shop-prod", "shop", wish, true), soon()));
  };
  const auto logged = [](kube::Client& client) -> Status {
    kube::Selection selection;
    selection.project = "shop-prod";
    SLUICE_TRY(const auto pods, client.list<kube::Pod>(selection, soon()));
    if (pods.items.empty()) return Error(ErrorKind::internal, "the scenario has no pod");
    const auto& pod = pods.items.front();
    return outcome(client.pod_log("shop-prod", pod.name(), pod.containers().front().name, 5, false, soon()));
  };
  return {
      {0, "see the project", [](kube::Client& c) { return outcome(c.get<kube::Project>("", "shop-prod", soon())); }},
      {0, "read the stream",
       [](kube::Client& c) { return outcome(c.get<kube::ImageStream>("shop-prod", "shop", soon())); }},
      {0, "list tags", listed<kube::ImageStreamTag>},
      {0, "list DeploymentConfigs", listed<kube::DeploymentConfig>},
      {0, "list Deployments", listed<kube::Deployment>},
      {0, "list ReplicaSets", listed<kube::ReplicaSet>},
      {0, "list StatefulSets", listed<kube::StatefulSet>},
      {0, "list DaemonSets", listed<kube::DaemonSet>},
      {0, "list ReplicationControllers", listed<kube::ReplicationController>},
      {0, "list CronJobs", listed_jobs},
      {0, "list BuildConfigs", listed<kube::BuildConfig>},
      {0, "list events", listed<kube::Event>},
      {0, "list limit ranges", listed<kube::LimitRange>},
      {0, "list quotas", listed<kube::ResourceQuota>},
      {0, "read a log", logged},
      {1, "annotate the stream", changed},
      {1, "set a tag", tagged},
      {1, "remove a tag",
       [](kube::Client& c) { return c.remove<kube::ImageStreamTag>("shop-prod", "shop:spare", soon()); }},
      {1, "make a stream",
       [](kube::Client& c) {
         return outcome(c.create("shop-prod", kube::ImageStream::named("shop-prod", "fresh"), soon()));
       }},
      {1, "import", imported},
      {1, "start a rollout",
       [](kube::Client& c) { return outcome(c.instantiate("shop-prod", "dc", true, true, soon())); }},
      {2, "change a DeploymentConfig", [](kube::Client& c) { return patched<kube::DeploymentConfig>(c, "dc"); }},
      {2, "change a Deployment", [](kube::Client& c) { return patched<kube::Deployment>(c, "dep"); }},
      {2, "change a StatefulSet", [](kube::Client& c) { return patched<kube::StatefulSet>(c, "sts"); }},
      {2, "change a DaemonSet", [](kube::Client& c) { return patched<kube::DaemonSet>(c, "ds"); }},
      {2, "change a CronJob", patched_job},
      {2, "ask for an earlier DeploymentConfig", went_back},
      {3, "read secrets",
       [](kube::Client& c) {
         constexpr kube::Resource kSecrets{"", "v1", "secrets", "Secret"};
         return outcome(c.list_json(kSecrets, {"shop-prod"}, soon()));
       }},
      {3, "change roles",
       [](kube::Client& c) {
         constexpr kube::Resource kRoles{"rbac.authorization.k8s.io", "v1", "roles", "Role"};
         return outcome(
             c.patch_json(kRoles, "shop-prod", "sluice-watch", kube::PatchType::merge, patch_of("x"), soon()));
       }},
      {3, "delete a pod", [](kube::Client& c) { return c.remove<kube::Pod>("shop-prod", "any", soon()); }},
      {3, "delete the stream",
       [](kube::Client& c) { return c.remove<kube::ImageStream>("shop-prod", "shop", soon()); }},
  };
}

TEST(DeployedRoles, AreEnoughAndNotMore) {
  for (const auto profile : {sandbox::Profile::v3_11, sandbox::Profile::v4}) {
    Cluster cluster(profile);
    cluster.apply(R"(
images:
  - {project: shop-prod, stream: shop, tag: live, layers: 1, layer-bytes: 700}
  - {project: shop-prod, stream: shop, tag: spare, layers: 1, layer-bytes: 800}
workloads:
  - {kind: DeploymentConfig, project: shop-prod, name: dc, image: "shop:live"}
  - {kind: Deployment, project: shop-prod, name: dep, image: "shop:live"}
  - {kind: StatefulSet, project: shop-prod, name: sts, image: "shop:live"}
  - {kind: DaemonSet, project: shop-prod, name: ds, image: "shop:live"}
  - {kind: CronJob, project: shop-prod, name: cron, image: "shop:live"}
objects:
  - {kind: Pod, apiVersion: v1, metadata: {name: any, namespace: shop-prod}, spec: {containers: [{name: c, image: "x:1"}]}}
)");
    auto& promoter = cluster.as(kPromoter);
    for (std::size_t given = 0; given < kTiers.size(); ++given) {
      give(cluster, kTiers[given]);
      for (const auto& call : calls()) {
        // What an earlier tier may do is not tried again: some of it can be done only once.
        if (call.tier < given) continue;
        const auto status = call.call(promoter);
        if (call.tier == given) {
          EXPECT_TRUE(status.ok()) << kTiers[given] << " must be enough to " << call.name << ": " << why(status);
        } else {
          EXPECT_TRUE(support::failed_with(status, ErrorKind::denied))
              << kTiers[given] << " must not be enough to " << call.name;
        }
      }
    }
  }
}

TEST(DeployedRoles, AreAllThatThePreflightAsksFor) {
  Cluster cluster;
  carry_out(cluster, "oc policy add-role-to-user registry-viewer " + kPromoter + " -n shop-dev");
  auto& promoter = cluster.as(kPromoter);
  const auto missing = [&](PreflightRoad road, bool fix) {
    auto request = cluster.request(road);
    request.start_rollouts = true;
    request.change_workloads = fix;
    std::set<std::string> out;
    for (const auto& one : findings_of(promoter, request)) {
      if (one.code.starts_with("may-not") || one.code == "limits-unknown") out.insert(one.code);
    }
    return out;
  };
  give(cluster, "watch");
  EXPECT_EQ(missing(PreflightRoad::tag, false), (std::set<std::string>{"may-not-change-stream", "may-not-create-stream",
                                                                       "may-not-start-rollouts", "may-not-tag"}));
  give(cluster, "promote");
  for (const auto road :
       {PreflightRoad::tag, PreflightRoad::mount, PreflightRoad::stream, PreflightRoad::import_images}) {
    EXPECT_EQ(missing(road, false), std::set<std::string>()) << to_string(road);
    EXPECT_EQ(missing(road, true), std::set<std::string>{"may-not-change-workloads"}) << to_string(road);
  }
  give(cluster, "fix");
  EXPECT_EQ(missing(PreflightRoad::tag, true), std::set<std::string>());
}

}  // namespace
}  // namespace sluice::openshift
