#include "base/text.hpp"
#include "kube/identity/renewal.hpp"
#include "openshift/preflight/preflight.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>

namespace sluice::openshift {

namespace {

// Enough to hide the way to the server, few enough for its limits per client (a guess).
constexpr std::size_t kAskers = 6;
// OpenShift 4.3 and later: 4.x is Kubernetes 1.(x+13).
constexpr int kMinorBetween = 13;
constexpr int kFirstRegular = 16;

using Question = std::function<void()>;

// Asks all questions, some at a time. Each writes into a place of its own.
void ask_all(const std::vector<Question>& questions) {
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    for (auto i = next++; i < questions.size(); i = next++) questions[i]();
  };
  std::vector<std::jthread> askers;
  for (std::size_t i = 1; i < std::min(kAskers, questions.size()); ++i) askers.emplace_back(work);
  work();
}

// A token of OpenShift 4.6 and later is asked for its end by the name of its object, which gives nothing away.
void ask_for_end(kube::Client& client, const Secret& token, kube::TokenLife& life,
                 const net::ExchangeContext& context) {
  constexpr kube::Resource kTokens{"oauth.openshift.io", "v1", "useroauthaccesstokens", "UserOAuthAccessToken", false};
  const auto object = client.read(kTokens, "", kube::token_object(token), "", context);
  if (object) life.ends = kube::end_of_oauth_token(*object);
}

Result<IdentityFacts> ask_who(kube::Client& client, const net::ExchangeContext& context) {
  const auto& access = client.connection().access();
  IdentityFacts facts;
  facts.credentials = access.identity->explain();
  const auto shown = access.identity->present(context);
  if (!shown) return shown.error();
  facts.life = kube::life_of(shown->token);
  facts.login = client.connection().renewal(*shown, context);
  auto user = client.who_am_i(context);
  if (user) {
    facts.user.value = user->name();
    if (facts.life.kind == kube::TokenKind::hashed_oauth) ask_for_end(client, shown->token, facts.life, context);
    return facts;
  }
  facts.refused = user.error().kind() == ErrorKind::unauthenticated;
  if (!facts.refused && user.error().kind() != ErrorKind::denied) return std::move(user).error();
  facts.user.unknown = std::move(user).error();
  return facts;
}

Result<ProjectState> ask_project(kube::Client& client, const std::string& name, const net::ExchangeContext& context) {
  const auto project = client.get<kube::Project>("", name, context);
  if (project) return project->phase() == "Terminating" ? ProjectState::ending : ProjectState::there;
  if (project.error().kind() == ErrorKind::not_found) return ProjectState::missing;
  if (project.error().kind() == ErrorKind::denied) return ProjectState::hidden;
  return project.error();
}

// A project that cannot be seen may be misspelt: the server lists to everybody those that they may see.
std::string ask_meant(kube::Client& client, const std::string& name, const net::ExchangeContext& context) {
  const auto listed = client.list<kube::Project>({}, context);
  if (!listed) return {};
  std::vector<std::string> names;
  for (const auto& project : listed->items) names.push_back(project.name());
  return text::nearest(name, names);
}

bool is_unseen(const Fact<ProjectState>& fact) {
  return fact.known() && (*fact.value == ProjectState::hidden || *fact.value == ProjectState::missing);
}

kube::Release release_of(const std::set<std::string>& groups) {
  if (groups.contains("config.openshift.io")) return kube::Release::v4;
  return groups.contains(std::string(kube::ImageStream::kResource.group)) ? kube::Release::v3
                                                                          : kube::Release::kubernetes;
}

// The minor number of OpenShift 4 by that of its Kubernetes; its own version may not be read by all.
std::optional<int> minor_of(const Json& version) {
  const auto minor = kube::minor_in(version);
  if (!minor || *minor < kFirstRegular) return std::nullopt;
  return *minor - kMinorBetween;
}

Result<Json> ask_version(kube::Client& client, const net::ExchangeContext& context) {
  kube::ApiCall call;
  call.target = "/version";
  call.what = "asking for the version";
  return client.connection().call(call, context);
}

Result<NodeCounts> ask_nodes(kube::Client& client, const net::ExchangeContext& context) {
  constexpr kube::Resource kNodes{"", "v1", "nodes", "Node", false};
  SLUICE_TRY(const auto nodes, client.list_json(kNodes, {}, context));
  NodeCounts counts;
  for (const auto& node : nodes.items) {
    if (kube::flag_at(node, {"spec", "unschedulable"})) continue;
    const auto os = kube::text_at(node, {"status", "nodeInfo", "operatingSystem"});
    const auto architecture = kube::text_at(node, {"status", "nodeInfo", "architecture"});
    if (!architecture.empty()) ++counts[(os.empty() ? "linux" : os) + "/" + architecture];
  }
  return counts;
}

Result<bool> ask_right(kube::Client& client, const kube::AccessQuestion& question,
                       const net::ExchangeContext& context) {
  SLUICE_TRY(const auto answer, client.may_i(question, context));
  return answer.allowed;
}

Result<bool> ask_for_pods(kube::Client& client, const PreflightRequest& request, const net::ExchangeContext& context) {
  const kube::AccessQuestion question{"get",
                                      std::string(kube::ImageStream::kResource.group),
                                      "imagestreams",
                                      "layers",
                                      request.source.project,
                                      request.source.stream};
  // Any account will do: the right comes with the group.
  const auto group = "system:serviceaccounts:" + request.target.project;
  SLUICE_TRY(const auto answer,
             client.may("system:serviceaccount:" + request.target.project + ":default",
                        {"system:serviceaccounts", group, "system:authenticated"}, question, context));
  return answer.allowed;
}

template <class T>
Result<std::vector<T>> ask_list(kube::Client& client, const std::string& project, const net::ExchangeContext& context) {
  kube::Selection selection;
  selection.project = project;
  SLUICE_TRY(auto list, client.list<T>(selection, context));
  return std::move(list.items);
}

// Collects the questions and the places of their answers.
class Inquiry {
 public:
  Inquiry(const PreflightClients& clients, const PreflightRequest& request, const net::ExchangeContext& context)
      : clients_(clients), request_(request), context_(context) {}

  Result<PreflightFacts> run() {
    facts_.now = clients_.target.connection().timing().wall();
    const bool one_identity = clients_.source == &clients_.target;
    SLUICE_TRY(facts_.target_identity, ask_who(clients_.target, context_));
    if (clients_.source != nullptr && !one_identity) {
      SLUICE_TRY(facts_.source_identity, ask_who(*clients_.source, context_));
    }
    const bool target_answers = !facts_.target_identity.refused;
    // A tag is set with the target's identity alone.
    auto* source = request_.road == PreflightRoad::tag ? &clients_.target : clients_.source;
    const auto& source_identity =
        source == &clients_.target || !facts_.source_identity ? facts_.target_identity : *facts_.source_identity;
    if (source != nullptr && !source_identity.refused) ask_source(*source, one_identity);
    if (target_answers) ask_target();
    ask_rights(one_identity);
    ask_all(questions_);
    fill_in(one_identity);
    if (source != nullptr && is_unseen(facts_.source_project)) {
      facts_.source_meant = ask_meant(*source, request_.source.project, context_);
    }
    if (is_unseen(facts_.target_project)) {
      facts_.target_meant = ask_meant(clients_.target, request_.target.project, context_);
    }
    if (context_.stop.stop_requested()) return Error(ErrorKind::cancelled, "stopped while looking at both projects");
    return std::move(facts_);
  }

 private:
  template <class T, class Ask>
  void add(Fact<T>& place, Ask ask) {
    questions_.emplace_back([&place, ask = std::move(ask)] { place = Fact<T>::of(ask()); });
  }

  bool one_project(bool one_identity) const {
    return (one_identity || request_.road == PreflightRoad::tag) && request_.source.project == request_.target.project;
  }

  void ask_source(kube::Client& client, bool one_identity) {
    if (!one_project(one_identity)) {
      add(facts_.source_project, [&] { return ask_project(client, request_.source.project, context_); });
    }
    if (!one_project(one_identity) || request_.source.stream != request_.target.stream) {
      add(facts_.source_stream,
          [&] { return client.find<kube::ImageStream>(request_.source.project, request_.source.stream, context_); });
    }
  }

  void ask_target() {
    auto& client = clients_.target;
    const auto& project = request_.target.project;
    add(facts_.target_project, [&] { return ask_project(client, project, context_); });
    add(facts_.target_stream,
        [&] { return client.find<kube::ImageStream>(project, request_.target.stream, context_); });
    add(groups_, [&] { return client.groups(context_); });
    add(version_, [&] { return ask_version(client, context_); });
    add(facts_.limits, [&] { return ask_list<kube::LimitRange>(client, project, context_); });
    add(facts_.quotas, [&] { return ask_list<kube::ResourceQuota>(client, project, context_); });
    const bool says_platform = std::any_of(request_.parts.begin(), request_.parts.end(),
                                           [](const ImagePart& part) { return !part.architecture.empty(); });
    if (says_platform) add(facts_.nodes, [&] { return ask_nodes(client, context_); });
    if (request_.target_pulls()) {
      auto& asked = clients_.source != nullptr && !(facts_.source_identity && facts_.source_identity->refused)
                        ? *clients_.source
                        : client;
      add(facts_.pods_may_pull, [&] { return ask_for_pods(asked, request_, context_); });
    }
  }

  void ask_rights(bool one_identity) {
    for (auto& right : rights_for_preflight(request_, clients_.source != nullptr, one_identity)) {
      facts_.rights.push_back({std::move(right), {}});
    }
    for (auto& fact : facts_.rights) {
      const bool refused = fact.right.of_source ? facts_.source_identity && facts_.source_identity->refused
                                                : facts_.target_identity.refused;
      if (refused) continue;
      auto& client = fact.right.of_source ? *clients_.source : clients_.target;
      add(fact.allowed, [this, &client, &fact] { return ask_right(client, fact.right.question, context_); });
    }
  }

  // What follows from several answers, and what one answer says twice.
  void fill_in(bool one_identity) {
    if (groups_.known()) {
      ServerFacts server{release_of(*groups_.value), *groups_.value, {}};
      if (server.release == kube::Release::v4 && version_.known()) server.minor = minor_of(*version_.value);
      facts_.server.value = std::move(server);
    } else {
      facts_.server.unknown = groups_.unknown;
    }
    if (!one_project(one_identity)) return;
    facts_.source_project = facts_.target_project;
    if (request_.source.stream == request_.target.stream) facts_.source_stream = facts_.target_stream;
  }

  const PreflightClients& clients_;
  const PreflightRequest& request_;
  const net::ExchangeContext& context_;
  PreflightFacts facts_;
  Fact<std::set<std::string>> groups_;
  Fact<Json> version_;
  std::vector<Question> questions_;
};

}  // namespace

std::string ServerFacts::list_rights(std::string_view project) const {
  const auto word = text::printable(project, 120);
  switch (release) {
    case kube::Release::v3:
      return "oc policy can-i --list -n " + word;
    case kube::Release::v4:
      return "oc auth can-i --list -n " + word;
    case kube::Release::kubernetes:
      break;
  }
  return "kubectl auth can-i --list -n " + word;
}

std::string ServerFacts::shown() const {
  if (release == kube::Release::v4 && minor) return "OpenShift 4." + std::to_string(*minor);
  return std::string(to_string(release));
}

Result<PreflightFacts> gather_preflight(const PreflightClients& clients, const PreflightRequest& request,
                                        const net::ExchangeContext& context) {
  return Inquiry(clients, request, context)
      .run()
      .context(fmt::format("looking at {} before the promotion", text::printable(request.target.project, 120)));
}

}  // namespace sluice::openshift
