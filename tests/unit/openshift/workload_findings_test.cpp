// What the users of a tag mean for its promotion. Reading them: workload_needs_test.cpp.

#include "findings/catalogue.hpp"
#include "openshift/workloads/findings.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

const std::string kOld = "sha256:" + std::string(64, 'a');
const std::string kNew = "sha256:" + std::string(64, 'b');
const std::string kChild = "sha256:" + std::string(64, 'c');

/// A workload that follows web:live and runs the old image.
struct Case {
  Case() {
    request.cluster = "cluster-a";
    request.tag = {"prod", "web", "live", kNew};
    request.accepted = {kNew, kChild};
    use.project = "prod";
    use.name = "web";
    use.uid = "u1";
    use.tag = request.tag;
    use.verdict = TriggerVerdict::fires;
    use.fix = "oc do it";
    use.why = "the reason";
    in_template(kOld);
    runs(kOld);
  }
  void in_template(const std::string& digest) { use.containers = {{"web", "reg/prod/web@" + digest, false, false}}; }
  void runs(const std::string& digest) {
    running = {WorkloadKind::deployment, "web", 2, 2, {digest}, false, {{"web", false, {digest}}}};
  }
  void verdict(TriggerVerdict wanted) { use.verdict = wanted; }
  JudgedUses judged() const { return judge_uses(request, {use}, {running}, needs, unread); }

  UseRequest request;
  WorkloadUse use;
  RunningWorkload running;
  Needs needs;
  std::vector<UnreadKind> unread;
};

struct Row {
  std::string name;
  std::function<void(Case&)> change;
  UseAction action = UseAction::none;
  std::string code{};  ///< of the first finding; "" for none
  Severity severity = Severity::info;
  std::string words{};
};

void same_digest(Case& one) {
  one.request.tag_moves = false;
  one.in_template(kNew);
  one.runs(kChild);
}

std::vector<Row> trigger_rows() {
  const auto verdict = [](TriggerVerdict wanted) { return [wanted](Case& one) { one.verdict(wanted); }; };
  const auto blocks = Severity::blocker;
  using enum TriggerVerdict;
  return {
      {"all well", verdict(fires), UseAction::rolls},
      {"no replicas", [](Case& one) { one.running = {WorkloadKind::deployment, "web", 0, 0, {}, false, {}}; },
       UseAction::rolls},
      {"missing", verdict(missing), UseAction::blocked, "trigger-missing", blocks,
       "the reason: it would go on running what it runs"},
      {"manual", verdict(manual), UseAction::blocked, "trigger-manual", blocks},
      {"paused", verdict(paused), UseAction::blocked, "workload-paused", blocks},
      {"wrong container", verdict(wrong_container), UseAction::blocked, "trigger-wrong-container", blocks,
       "Deployment web would not follow web:live"},
      {"malformed", verdict(malformed), UseAction::blocked, "trigger-malformed", blocks},
      {"held", verdict(held), UseAction::blocked, "trigger-held", blocks},
      {"other project", verdict(other_project), UseAction::blocked, "trigger-other-project", blocks},
      {"other tag, and nothing else uses this one", verdict(other_tag), UseAction::blocked, "trigger-other-tag", blocks,
       "nothing of this project would roll"},
      {"a tag that is not there", verdict(no_such_tag), UseAction::blocked, "trigger-no-such-tag", blocks,
       "nothing of this project would roll"},
      {"another tag than a version's",
       [](Case& one) {
         one.request.follow = false;
         one.verdict(other_tag);
       },
       UseAction::none, "trigger-other-tag", Severity::info},
      {"other tag, which somebody accepts",
       [](Case& one) {
         one.request.accepts = {"trigger-other-tag"};
         one.verdict(other_tag);
       },
       UseAction::none, "trigger-other-tag", Severity::warning},
      {"missing, which somebody accepts",
       [](Case& one) {
         one.request.accepts = {"trigger-missing"};
         one.verdict(missing);
       },
       UseAction::none, "trigger-missing", Severity::warning},
      {"missing, and somebody accepts another finding",
       [](Case& one) {
         one.request.accepts = {"trigger-manual", "container-not-followed"};
         one.use.left = {{"worker", "registry:5000/prod/web@sha256:old", false, true}};
         one.verdict(missing);
       },
       UseAction::blocked, "trigger-missing", blocks},
      {"a container that nothing sets",
       [](Case& one) { one.use.left = {{"worker", "registry:5000/prod/web@sha256:old", false, true}}; },
       UseAction::rolls, "container-not-followed", Severity::warning, "no trigger sets: worker"},
      {"an init container that nothing sets",
       [](Case& one) { one.use.left = {{"setup", "registry:5000/prod/web:v1", true, true}}; }, UseAction::rolls,
       "container-not-followed", Severity::warning, "init container setup"},
      {"a container that nothing sets and that has the image",
       [](Case& one) { one.use.left = {{"worker", "registry:5000/prod/web@sha256:new", false, false}}; },
       UseAction::rolls},
      {"two triggers on one container", [](Case& one) { one.use.twice = "it follows two tags"; }, UseAction::rolls,
       "trigger-twice", Severity::warning, "it follows two tags"},
      {"two triggers on different tags",
       [](Case& one) {
         one.use.twice = "it follows two tags";
         one.use.takes_turns = true;
       },
       UseAction::rolls, "trigger-twice", blocks},
      {"pods that nobody replaces", [](Case& one) { one.use.on_delete = true; }, UseAction::rolls, "waits-for-delete",
       Severity::warning, "when somebody deletes them"},
      {"pods that nobody has replaced yet",
       [](Case& one) {
         same_digest(one);
         one.runs(kOld);
         one.use.on_delete = true;
       },
       UseAction::none, "waits-for-delete", Severity::warning},
      {"pods that somebody has replaced",
       [](Case& one) {
         same_digest(one);
         one.use.on_delete = true;
       },
       UseAction::none},
      {"nothing is to be proven",
       [](Case& one) {
         one.request.follow = false;
         one.verdict(missing);
       },
       UseAction::blocked, "trigger-missing", Severity::info},
      {"blocked, and it runs the image",
       [](Case& one) {
         same_digest(one);
         one.verdict(manual);
       },
       UseAction::none, "trigger-manual", Severity::info},
      {"blocked, runs the image, and the tag moves",
       [](Case& one) {
         same_digest(one);
         one.request.tag_moves = true;
         one.verdict(manual);
       },
       UseAction::blocked, "trigger-manual", blocks},
      {"blocked, and nothing has to run",
       [](Case& one) {
         same_digest(one);
         one.running = {WorkloadKind::deployment, "web", 0, 0, {}, false, {{"web", false, {}}}};
         one.verdict(paused);
       },
       UseAction::none, "workload-paused", Severity::info},
      {"a build",
       [](Case& one) {
         one.use.kind = WorkloadKind::build_config;
         one.use.containers.clear();
       },
       UseAction::build, "nothing-uses-tag", Severity::warning, "no workload of prod uses web:live"},
  };
}

std::vector<Row> running_rows() {
  const auto blocks = Severity::blocker;
  return {
      {"runs it", same_digest, UseAction::none},
      {"runs something else",
       [](Case& one) {
         same_digest(one);
         one.runs(kOld);
       },
       UseAction::start, "runs-other-image", Severity::info, "runs " + kOld + ": a rollout is started"},
      {"the tag moves back to what the template has", [](Case& one) { one.in_template(kNew); }, UseAction::start,
       "runs-other-image"},
      {"runs something else, and is paused",
       [](Case& one) {
         same_digest(one);
         one.runs(kOld);
         one.verdict(TriggerVerdict::paused);
       },
       UseAction::blocked, "runs-other-image", blocks, "it is paused"},
      {"is on its way",
       [](Case& one) {
         same_digest(one);
         one.runs(kOld);
         one.running.rolling = true;
       },
       UseAction::rolls},
      {"its last rollout failed, and there are no pods",
       [](Case& one) {
         same_digest(one);
         one.running.containers = {{"web", false, {}}};
       },
       UseAction::start, "runs-other-image", Severity::info, "runs nothing that can be seen"},
      {"nobody can tell",
       [](Case& one) {
         same_digest(one);
         one.running.name = "another";
       },
       UseAction::none},
      {"another container runs another stream's image",
       [](Case& one) {
         same_digest(one);
         one.running.containers.push_back({"proxy", false, {kOld}});
         one.running.digests.insert(kOld);
       },
       UseAction::none},
      {"a job",
       [](Case& one) {
         same_digest(one);
         one.use.kind = WorkloadKind::cron_job;
       },
       UseAction::none},
  };
}

std::vector<Row> patch_rows() {
  const auto patched = [](TriggerVerdict wanted) {
    return [wanted](Case& one) {
      one.request.patch = true;
      one.verdict(wanted);
    };
  };
  using enum TriggerVerdict;
  return {
      {"patch without a trigger", patched(missing), UseAction::patch},
      {"patch beside a switched-off trigger", patched(manual), UseAction::patch, "trigger-manual"},
      {"patch beside a malformed one", patched(malformed), UseAction::patch, "trigger-malformed"},
      {"patch against a trigger that works", patched(other_project), UseAction::blocked, "trigger-other-project",
       Severity::blocker},
      {"patch where the trigger does it", patched(fires), UseAction::rolls},
      {"patch of a paused one", patched(paused), UseAction::blocked, "workload-paused", Severity::blocker},
      {"patch of nobody knows what",
       [](Case& one) {
         one.request.patch = true;
         one.verdict(malformed);
         one.use.containers.clear();
       },
       UseAction::blocked, "cannot-patch", Severity::blocker},
      {"patch of what is there",
       [](Case& one) {
         one.request.patch = true;
         one.verdict(missing);
         same_digest(one);
       },
       UseAction::none},
      {"patch of what is in the template alone",
       [](Case& one) {
         one.request.patch = true;
         one.verdict(missing);
         one.in_template(kNew);
       },
       UseAction::start, "runs-other-image"},
  };
}

std::vector<Row> need_rows() {
  const auto lacks = [](MissingNeed need) {
    return [need = std::move(need)](Case& one) { one.needs.missing = {need}; };
  };
  const auto blocks = Severity::blocker;
  const auto rolls = UseAction::rolls;
  return {
      {"a secret", lacks({"Deployment web", "Secret", "db", ""}), rolls, "missing-secret", blocks,
       "Deployment web needs the Secret db, and prod has none"},
      {"a config map", lacks({"Deployment web", "ConfigMap", "db", ""}), rolls, "missing-configmap", blocks},
      {"a key", lacks({"Deployment web", "Secret", "db", "user"}), rolls, "missing-key", blocks,
       "needs the key user of the Secret db"},
      {"an account", lacks({"Deployment web", "ServiceAccount", "bot", ""}), rolls, "missing-service-account", blocks},
      {"of somebody else", lacks({"Deployment shop", "Secret", "db", ""}), rolls},
      {"and nothing starts",
       [](Case& one) {
         same_digest(one);
         one.needs.missing = {{"Deployment web", "Secret", "db", ""}};
       },
       UseAction::none, "missing-secret", Severity::warning},
      {"hidden", [](Case& one) { one.needs.unread = {"Secrets", "ConfigMaps"}; }, rolls, "needs-unknown",
       Severity::info, "Secrets, ConfigMaps of prod may not be read"},
      {"workloads hidden",
       [](Case& one) {
         one.unread = {{WorkloadKind::cron_job, false, "none"},
                       {WorkloadKind::stateful_set, true, "StatefulSets of prod may not be listed"}};
       },
       rolls, "workloads-unread", Severity::warning, "StatefulSets of prod may not be listed"},
  };
}

void check(const std::vector<Row>& rows, std::set<std::string>& seen) {
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    Case one;
    row.change(one);
    const auto judged = one.judged();
    for (const auto& finding : judged.findings) seen.insert(finding.code);
    ASSERT_EQ(judged.uses.size(), 1U);
    EXPECT_EQ(to_string(judged.uses.front().action), to_string(row.action));
    if (row.code.empty()) {
      EXPECT_TRUE(judged.findings.empty()) << judged.findings.front().sentence;
      continue;
    }
    ASSERT_FALSE(judged.findings.empty()) << "expected " << row.code;
    const auto& first = judged.findings.front();
    EXPECT_EQ(first.code, row.code) << first.sentence;
    EXPECT_EQ(to_string(first.severity), to_string(row.severity)) << first.sentence;
    EXPECT_NE(first.sentence.find(row.words), std::string::npos) << first.sentence;
  }
}

TEST(WorkloadFindings, SayWhatTheUsesOfATagMean) {
  std::set<std::string> seen;
  check(trigger_rows(), seen);
  check(running_rows(), seen);
  check(patch_rows(), seen);
  check(need_rows(), seen);
  for (const auto& finding : findings::workloads()) {
    EXPECT_TRUE(seen.contains(std::string(finding.code))) << "no row of this test comes to " << finding.code;
  }
}

TEST(WorkloadFindings, GiveTheCommandAndSayThatSluiceCanDoIt) {
  Case one;
  one.verdict(TriggerVerdict::missing);
  one.use.fix = "oc set triggers deployment/web --from-image=prod/web:live -c web -n prod";
  EXPECT_EQ(one.judged().findings.front().fix,
            "oc set triggers deployment/web --from-image=prod/web:live -c web -n prod  # or let sluice do it: "
            "--fix-triggers");
  one.verdict(TriggerVerdict::paused);
  EXPECT_EQ(one.judged().findings.front().fix, one.use.fix);
  one.verdict(TriggerVerdict::fires);
  one.needs.missing = {{"Deployment web", "Secret", "db", "user"}};
  EXPECT_EQ(one.judged().findings.front().fix, R"(oc patch secret/db -n prod -p '{"stringData":{"user":"VALUE"}}')");
}

TEST(WorkloadFindings, PutBlockersFirstAndPassOverOtherTags) {
  Case one;
  auto build = one.use;
  build.kind = WorkloadKind::build_config;
  auto missing = one.use;
  missing.name = "other";
  missing.verdict = TriggerVerdict::missing;
  auto other = one.use;
  other.tag.tag = "test";
  const auto judged = judge_uses(one.request, {build, missing, other}, {one.running}, {}, {});
  ASSERT_EQ(judged.uses.size(), 2U);
  ASSERT_EQ(judged.findings.size(), 2U);
  EXPECT_EQ(judged.findings[0].code, "trigger-missing");
  EXPECT_EQ(judged.findings[1].code, "build-will-start");
}

}  // namespace
}  // namespace sluice::openshift
