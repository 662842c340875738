// Access reviews: questions about rights, answered and never stored.
// Source: authorization.k8s.io/v1, authentication.k8s.io/v1, and OpenShift's older authorization.openshift.io/v1.
#include "sandbox/core/resource.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

Traits review(std::string group, std::string plural, std::string kind, bool namespaced) {
  Traits traits;
  traits.group = std::move(group);
  traits.plural = std::move(plural);
  traits.kind = std::move(kind);
  traits.namespaced = namespaced;
  traits.verbs = {"create"};
  return traits;
}

Attributes wanted_of(const Json& attributes) {
  return {text_at(attributes, {"verb"}),        text_at(attributes, {"group"}),     text_at(attributes, {"resource"}),
          text_at(attributes, {"subresource"}), text_at(attributes, {"namespace"}), text_at(attributes, {"name"})};
}

Json decision_json(const Decision& decision) {
  auto status = Json::object();
  status.set("allowed", decision.allowed);
  if (!decision.reason.empty()) status.set("reason", decision.reason);
  return status;
}

// SelfSubjectAccessReview, SubjectAccessReview, LocalSubjectAccessReview.
class AccessReviews final : public Resource {
 public:
  AccessReviews(Traits traits, bool self) : Resource(std::move(traits)), self_(self) {}

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    const auto& spec = at(request.body, {"spec"});
    const auto caller = self_ ? request.caller : subject_of(spec);
    auto wanted = wanted_of(at(spec, {"resourceAttributes"}));
    if (traits().namespaced) {
      if (wanted.ns.empty()) wanted.ns = request.ns;
      if (wanted.ns != request.ns) {
        return invalid(
            traits().group, traits().kind, "",
            {{"FieldValueInvalid", fmt::format("Invalid value: \"{}\": must match metadata.namespace", wanted.ns),
              "spec.resourceAttributes.namespace"}});
      }
    }
    const auto* path = spec.find("nonResourceAttributes");
    const auto decision = path != nullptr
                              ? decide_path(world.store, caller, text_at(*path, {"verb"}), text_at(*path, {"path"}))
                              : decide(world.store, caller, wanted);
    auto reply = request.body;
    reply.set("kind", traits().kind);
    reply.set("apiVersion", traits().group + "/" + traits().version);
    set_at(reply, {"metadata", "creationTimestamp"}, Json());
    reply.set("status", decision_json(decision));
    return ApiReply{201, std::move(reply), ""};
  }

 private:
  static Caller subject_of(const Json& spec) {
    Caller caller{text_at(spec, {"user"}), {}, text_at(spec, {"uid"})};
    for (const auto& group : at(spec, {"groups"}).items()) caller.groups.push_back(group.as_string().value_or(""));
    return caller;
  }
  bool self_;
};

// OpenShift's own, older form: attributes at the top, "content" left out.
class LegacyReviews final : public Resource {
 public:
  using Resource::Resource;
  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    const auto& body = request.body;
    auto caller = request.caller;
    if (const auto user = text_at(body, {"user"}); !user.empty()) {
      caller = {user, {}, ""};
      for (const auto& group : at(body, {"groups"}).items()) caller.groups.push_back(group.as_string().value_or(""));
    }
    const auto ns = traits().namespaced ? request.ns : text_at(body, {"namespace"});
    const Attributes wanted{
        text_at(body, {"verb"}),        text_at(body, {"resourceAPIGroup"}), text_at(body, {"resource"}), "", ns,
        text_at(body, {"resourceName"})};
    const auto decision = decide(world.store, caller, wanted);
    auto reply = Json::object();
    reply.set("kind", "SubjectAccessReviewResponse");
    reply.set("apiVersion", request.legacy ? "v1" : traits().group + "/" + traits().version);
    if (!ns.empty()) reply.set("namespace", ns);
    reply.set("allowed", decision.allowed);
    reply.set("reason", decision.reason);
    return ApiReply{201, std::move(reply), ""};
  }
};

// All rules that hold for the caller in one namespace.
class RulesReviews final : public Resource {
 public:
  using Resource::Resource;
  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    auto reply = request.body;
    set_at(reply, {"metadata", "creationTimestamp"}, Json());
    auto rules = Json::array();
    for (const auto& rule : rules_of(world.store, request.caller, text_at(request.body, {"spec", "namespace"}))) {
      rules.push(rule);
    }
    set_at(reply, {"status", "resourceRules"}, std::move(rules));
    set_at(reply, {"status", "nonResourceRules"}, Json::array());
    set_at(reply, {"status", "incomplete"}, false);
    return ApiReply{201, std::move(reply), ""};
  }
};

class SelfReviews final : public Resource {
 public:
  using Resource::Resource;
  std::optional<Answer<ApiReply>> handle(World& /*world*/, const ApiRequest& request) override {
    auto reply = request.body;
    set_at(reply, {"metadata", "creationTimestamp"}, Json());
    set_at(reply, {"status", "userInfo"}, user_info(request.caller));
    return ApiReply{201, std::move(reply), ""};
  }
  static Json user_info(const Caller& caller) {
    auto info = Json::object();
    info.set("username", caller.name);
    if (!caller.uid.empty()) info.set("uid", caller.uid);
    auto groups = Json::array();
    for (const auto& group : caller.groups) groups.push(group);
    info.set("groups", std::move(groups));
    return info;
  }
};

class TokenReviews final : public Resource {
 public:
  using Resource::Resource;
  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    auto reply = request.body;
    set_at(reply, {"metadata", "creationTimestamp"}, Json());
    const auto caller = world.authenticate(text_at(request.body, {"spec", "token"}));
    set_at(reply, {"status", "authenticated"}, caller.has_value());
    if (caller) set_at(reply, {"status", "user"}, SelfReviews::user_info(*caller));
    return ApiReply{201, std::move(reply), ""};
  }
};

}  // namespace

void add_access_resources(Catalog& catalog, const World& world) {
  const std::string group = "authorization.k8s.io";
  catalog.add(std::make_unique<AccessReviews>(
      review(group, "selfsubjectaccessreviews", "SelfSubjectAccessReview", false), true));
  catalog.add(
      std::make_unique<AccessReviews>(review(group, "subjectaccessreviews", "SubjectAccessReview", false), false));
  catalog.add(std::make_unique<AccessReviews>(
      review(group, "localsubjectaccessreviews", "LocalSubjectAccessReview", true), false));
  catalog.add(
      std::make_unique<RulesReviews>(review(group, "selfsubjectrulesreviews", "SelfSubjectRulesReview", false)));
  for (const bool local : {true, false}) {
    auto traits = review("authorization.openshift.io", local ? "localsubjectaccessreviews" : "subjectaccessreviews",
                         local ? "LocalSubjectAccessReview" : "SubjectAccessReview", local);
    traits.legacy = true;
    catalog.add(std::make_unique<LegacyReviews>(std::move(traits)));
  }
  catalog.add(std::make_unique<TokenReviews>(review("authentication.k8s.io", "tokenreviews", "TokenReview", false)));
  if (world.profile == Profile::v4) {
    catalog.add(std::make_unique<SelfReviews>(
        review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview", false)));
  }
}

}  // namespace sluice::sandbox
