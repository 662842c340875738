#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "openshift/preflight/limits.hpp"
#include "openshift/preflight/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <utility>

namespace sluice::openshift {

namespace {

std::string_view code_of(Purpose purpose) {
  switch (purpose) {
    case Purpose::read_source:
      return "may-not-read-source";
    case Purpose::pull:
      return "may-not-pull";
    case Purpose::mount:
      return "may-not-mount";
    case Purpose::read_target:
      return "may-not-read-target";
    case Purpose::create_stream:
      return "may-not-create-stream";
    case Purpose::change_stream:
      return "may-not-change-stream";
    case Purpose::tag:
      return "may-not-tag";
    case Purpose::push:
      return "may-not-push";
    case Purpose::import_images:
      return "may-not-import";
    case Purpose::follow:
      return "may-not-follow";
    case Purpose::see_causes:
      return "may-not-see-causes";
    case Purpose::start_rollouts:
      return "may-not-start-rollouts";
    case Purpose::change_workloads:
      return "may-not-change-workloads";
    case Purpose::sign:
      return "may-not-sign";
  }
  return "fact-unknown";
}

// "5 d 3 h", "2 h 10 min", "40 s".
std::string span_shown(std::chrono::seconds span) {
  const auto seconds = std::max<std::int64_t>(0, span.count());
  if (seconds >= 86'400) return fmt::format("{} d {} h", seconds / 86'400, seconds % 86'400 / 3600);
  if (seconds >= 3600) return fmt::format("{} h {} min", seconds / 3600, seconds % 3600 / 60);
  if (seconds >= 60) return fmt::format("{} min", seconds / 60);
  return fmt::format("{} s", seconds);
}

// Questions about one place in few words: "list and watch pods, deployments in prod".
std::string rights_shown(const std::vector<const kube::AccessQuestion*>& questions) {
  std::vector<std::pair<std::string, std::vector<std::string>>> verbs;  // by resource, in order
  std::vector<std::pair<std::string, std::vector<std::string>>> resources;
  const auto add = [](auto& groups, const std::string& key, const std::string& value) {
    auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return group.first == key; });
    if (found == groups.end()) found = groups.insert(groups.end(), {key, {}});
    if (std::find(found->second.begin(), found->second.end(), value) == found->second.end()) {
      found->second.push_back(value);
    }
  };
  for (const auto* question : questions) {
    auto resource = question->resource;
    if (!question->subresource.empty()) resource += "/" + question->subresource;
    add(verbs, resource, question->verb);
  }
  for (const auto& [resource, list] : verbs) add(resources, text::join(list, " and "), resource);
  std::vector<std::string> parts;
  for (const auto& [verb, list] : resources) parts.push_back(verb + " " + text::join(list, ", "));
  const auto& project = questions.front()->project;
  return text::join(parts, "; ") + (project.empty() ? " in the whole cluster" : " in " + project);
}

enum Side : std::size_t { kSource, kTarget };

class Judge {
 public:
  Judge(const PreflightRequest& request, const PreflightFacts& facts) : request_(request), facts_(facts) {}

  std::vector<Finding> run() {
    judge_identity(facts_.target_identity, request_.target.cluster);
    if (facts_.source_identity) judge_identity(*facts_.source_identity, request_.source.cluster);
    judge_server();
    if (!same_project()) judge_project(kSource, facts_.source_project, source_user(), "registry-viewer");
    judge_project(kTarget, facts_.target_project, target_user(), "edit");
    if (same_project()) gone_[kSource] = gone_[kTarget];
    judge_rights();
    judge_source();
    judge_target();
    judge_pulling();
    const bool image_known = !request_.digest.empty();
    if (facts_.server.known() && image_known) append(judge_manifest_type(request_, *facts_.server.value));
    if (!gone_[kTarget] && image_known) append(judge_limits(request_, facts_));
    if (facts_.nodes.known()) append(judge_nodes(request_, *facts_.nodes.value));
    std::stable_sort(out_.begin(), out_.end(),
                     [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
    return std::move(out_);
  }

 private:
  void append(std::vector<Finding> more) {
    for (auto& finding : more) out_.push_back(std::move(finding));
  }
  void add(std::string_view code, const std::string& subject, findings::FindingValues values) {
    out_.push_back(findings::make_finding(code, subject, values));
  }
  template <class T>
  void add_unknown(const Fact<T>& fact, const std::string& what) {
    if (fact.unknown) add("fact-unknown", what, {{"what", what}, {"why", fact.unknown->message()}});
  }

  std::string target_user() const { return facts_.target_identity.user.value.value_or("USER"); }
  // A tag is set, and its source looked at, by the target's identity.
  bool source_is_target() const { return !facts_.source_identity || request_.road == PreflightRoad::tag; }
  std::string source_user() const {
    return source_is_target() ? target_user() : facts_.source_identity->user.value.value_or("USER");
  }
  bool same_project() const {
    return request_.same_cluster && source_is_target() && request_.source.project == request_.target.project;
  }
  // Projects of two clusters may bear the same name, so that sides are told apart by what a right is for.
  static Side side_of(const Right& right) {
    const auto purpose = right.purpose;
    const bool source = purpose == Purpose::read_source || purpose == Purpose::pull || purpose == Purpose::mount;
    return source ? kSource : kTarget;
  }

  void judge_identity(const IdentityFacts& identity, const std::string& cluster) {
    const auto& life = identity.life;
    if (!identity.user.known()) {
      add(identity.refused ? "token-expired" : "not-logged-in", cluster,
          {{"cluster", cluster}, {"credentials", identity.credentials}, {"login", identity.login}});
      return;
    }
    std::string words = "when the token ends cannot be seen (as a rule a day after the login)";
    if (life.kind == kube::TokenKind::none) words = "there is no token that could end";
    if (life.endless) words = "the token has no end";
    if (life.ends) {
      const auto left = std::chrono::floor<std::chrono::seconds>(*life.ends - facts_.now);
      words = "the token ends in " + span_shown(left);
      if (left < request_.needs) {
        add("token-ends-soon", cluster,
            {{"credentials", identity.credentials},
             {"cluster", cluster},
             {"left", span_shown(left)},
             {"needs", span_shown(request_.needs)},
             {"login", identity.login}});
      }
    }
    add("identity", cluster,
        {{"cluster", cluster}, {"credentials", identity.credentials}, {"user", *identity.user.value}, {"life", words}});
  }

  void judge_server() {
    const auto& cluster = request_.target.cluster;
    add_unknown(facts_.server, "the release of " + cluster);
    if (facts_.server.known() && facts_.server.value->release == kube::Release::kubernetes) {
      add("no-image-api", cluster, {{"cluster", cluster}});
      gone_[kTarget] = true;
      if (request_.same_cluster) gone_[kSource] = true;
    }
  }

  // Hidden projects may exist all the same: custom roles often lack the right to see them.
  bool nothing_allowed(Side side) const {
    bool asked = false;
    for (const auto& fact : facts_.rights) {
      if (fact.right.question.project.empty() || !fact.allowed.known()) continue;
      if (side_of(fact.right) != side && !same_project()) continue;
      // Every service account of a project may pull there, and sees nothing by that.
      const auto& question = fact.right.question;
      const bool everybodys = side == kTarget && question.verb == "get" && question.subresource == "layers";
      if (*fact.allowed.value && !everybodys) return false;
      asked = true;
    }
    return asked;
  }

  void judge_project(Side which, const Fact<ProjectState>& fact, const std::string& user, std::string_view role) {
    if (gone_[which]) return;
    const auto& side = which == kSource ? request_.source : request_.target;
    add_unknown(fact, "the project " + side.project);
    if (!fact.known()) return;
    std::string_view code;
    switch (*fact.value) {
      case ProjectState::there:
        return;
      case ProjectState::missing:
        code = "project-missing";
        break;
      case ProjectState::ending:
        code = "project-ending";
        break;
      case ProjectState::hidden:
        if (!nothing_allowed(which)) return;
        code = "project-hidden";
        break;
    }
    gone_[which] = true;
    const auto& meant = which == kSource ? facts_.source_meant : facts_.target_meant;
    add(code, side.project,
        {{"cluster", side.cluster},
         {"project", side.project},
         {"user", user},
         {"role", role},
         {"meant", meant.empty() ? "" : "; did you mean '" + meant + "'?"}});
  }

  bool concerns_us(const Right& right) const {
    if (!right.question.project.empty() && gone_[side_of(right)]) return false;
    if (right.purpose == Purpose::create_stream) return target_stream_is_missing();
    // Where there are no DeploymentConfigs, nobody needs a right to them.
    const bool configs = right.question.group == kube::DeploymentConfig::kResource.group;
    return !configs || !facts_.server.known() || facts_.server.value->groups.contains(right.question.group);
  }

  // The commands of another cluster are those of its own release, which nobody has asked for; they are alike as a rule.
  std::string list_rights(const Right& right) const {
    const auto server = facts_.server.known() ? *facts_.server.value : ServerFacts{};
    return server.list_rights(right.question.project);
  }

  // Who may not even read the source, or see the target, has one right to be given first, which brings the others.
  bool is_covered(
      Purpose purpose, const std::string& project,
      const std::map<std::pair<Purpose, std::string>, std::vector<const kube::AccessQuestion*>>& denied) const {
    const bool by_source = purpose == Purpose::pull || purpose == Purpose::mount;
    return by_source && denied.contains({Purpose::read_source, project});
  }

  void judge_rights() {
    std::map<std::pair<Purpose, std::string>, std::vector<const kube::AccessQuestion*>> denied;
    for (const auto& fact : facts_.rights) {
      if (!concerns_us(fact.right)) continue;
      const auto& question = fact.right.question;
      const auto& user = fact.right.of_source ? source_user() : target_user();
      if (fact.allowed.known() && !*fact.allowed.value) {
        denied[{fact.right.purpose, question.project}].push_back(&question);
      } else if (fact.allowed.unknown) {
        add("rights-unknown", question.project,
            {{"cluster", fact.right.of_source ? request_.source.cluster : request_.target.cluster},
             {"user", user},
             {"rights", question.shown()},
             {"why", fact.allowed.unknown->message()},
             {"list", list_rights(fact.right)}});
      }
    }
    for (const auto& [key, questions] : denied) {
      const auto& [purpose, project] = key;
      if (is_covered(purpose, project, denied)) continue;
      const bool by_source = std::any_of(
          facts_.rights.begin(), facts_.rights.end(),
          [&, &wanted = purpose](auto& fact) { return fact.right.purpose == wanted && fact.right.of_source; });
      add(code_of(purpose), project.empty() ? request_.target.cluster : project,
          {{"user", by_source ? source_user() : target_user()},
           {"rights", rights_shown(questions)},
           {"project", project},
           {"stream", request_.target.stream}});
    }
  }

  void judge_source() {
    const auto& [cluster, project, stream] = request_.source;
    const auto& fact = facts_.source_stream;
    if (gone_[kSource]) return;
    if (!fact.denied()) add_unknown(fact, "the image stream " + project + "/" + stream);
    if (!fact.known()) return;
    if (!*fact.value) {
      add("source-stream-missing", project + "/" + stream, {{"project", project}, {"stream", stream}});
    } else if (request_.road == PreflightRoad::tag && !request_.digest.empty() &&
               !(*fact.value)->has_image(request_.digest)) {
      add("source-image-missing", project + "/" + stream,
          {{"project", project}, {"stream", stream}, {"digest", request_.digest}});
    }
  }

  bool target_stream_is_missing() const { return facts_.target_stream.known() && !*facts_.target_stream.value; }

  void judge_target() {
    const auto& [cluster, project, stream] = request_.target;
    const auto& fact = facts_.target_stream;
    if (gone_[kTarget]) return;
    if (!fact.denied()) add_unknown(fact, "the image stream " + project + "/" + stream);
    if (!fact.known()) return;
    if (!*fact.value) {
      add("stream-will-be-created", project + "/" + stream, {{"project", project}, {"stream", stream}});
      return;
    }
    for (const auto& tag : request_.tags) judge_tag(**fact.value, tag);
  }

  // Whether writing the tag would change nothing: what counts are project and name of `from`, and `reference`. Source:
  // openshift-apiserver, imagestream strategy, "tagRefChanged".
  bool is_unchanged(const kube::TagSpec& spec) const {
    const auto& from = *spec.from;
    const auto& project = from.project.empty() ? request_.target.project : from.project;
    return project == request_.source.project && from.name == request_.source.stream + "@" + request_.digest &&
           spec.reference == request_.reference;
  }

  void judge_tag(const kube::ImageStream& target, const std::string& tag) {
    const auto& [cluster, project, stream] = request_.target;
    const auto subject = fmt::format("{}/{}:{}", project, stream, tag);
    const auto top = target.top(tag);
    const auto spec = target.tag_spec(tag);
    if (top && top->image == request_.digest) {
      add("tag-already-right", subject,
          {{"project", project}, {"stream", stream}, {"tag", tag}, {"digest", request_.digest}});
      return;
    }
    if (request_.road != PreflightRoad::tag || !spec || !spec->from || !is_unchanged(*spec)) return;
    const auto denied = std::find_if(facts_.rights.begin(), facts_.rights.end(), [](const RightFact& fact) {
      return fact.right.purpose == Purpose::change_stream && fact.allowed.known() && !*fact.allowed.value;
    });
    const bool may = denied == facts_.rights.end();
    add(may ? "unchanged-from" : "may-not-move-tag", subject,
        {{"project", project},
         {"stream", stream},
         {"tag", tag},
         {"digest", request_.digest},
         {"top", top ? top->image : "nothing"},
         {"user", target_user()},
         {"rights", may ? "" : denied->right.question.shown()}});
  }

  void judge_pulling() {
    if (request_.road == PreflightRoad::import_images && !request_.same_cluster) {
      add("import-needs-secret", request_.target.project,
          {{"cluster", request_.target.cluster},
           {"registry", request_.source_registry},
           {"project", request_.target.project}});
    }
    const auto& fact = facts_.pods_may_pull;
    const auto& project = request_.source.project;
    if (gone_[kSource] || (fact.known() && *fact.value)) return;
    if (fact.unknown && !fact.denied()) {
      add_unknown(fact, "whether " + request_.target.project + " may pull from " + project);
      return;
    }
    if (!fact.known() && !fact.unknown) return;
    const auto right = fmt::format("get imagestreams/layers of {}/{}", project, request_.source.stream);
    add(fact.known() ? "pods-may-not-pull" : "pull-right-unknown", project,
        {{"target", request_.target.project}, {"project", project}, {"rights", right}, {"user", source_user()}});
  }

  const PreflightRequest& request_;
  const PreflightFacts& facts_;
  std::array<bool, 2> gone_{};  // projects of which nothing more need be said, by side
  std::vector<Finding> out_;
};

}  // namespace

std::vector<Finding> judge_preflight(const PreflightRequest& request, const PreflightFacts& facts) {
  return Judge(request, facts).run();
}

}  // namespace sluice::openshift
