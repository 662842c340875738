// Pods and events as API resources.
#include "base/text.hpp"
#include "sandbox/api/generic.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/workloads/defaults.hpp"
#include "sandbox/workloads/logs.hpp"
#include "sandbox/workloads/resources.hpp"
#include "sandbox/workloads/validation.hpp"

#include <algorithm>
#include <array>

namespace sluice::sandbox {

namespace {

/// A field selector's path, when it is one of `known`: the text of that member.
template <std::size_t N>
std::optional<std::string> known_field(const Json& object, std::string_view path,
                                       const std::array<std::string_view, N>& known) {
  if (std::find(known.begin(), known.end(), path) == known.end()) return std::nullopt;
  const auto* here = &object;
  for (const auto& part : text::split(path, '.')) {
    here = &at(*here, {part});
  }
  return here->as_string().value_or("");
}

class Pods final : public Resource {
 public:
  using Resource::Resource;

  std::optional<Answer<ApiReply>> handle(World& world, const ApiRequest& request) override {
    if (request.subresource == "log") return pod_log(world, request);
    if (request.verb == "delete") return remove(world, request);
    return std::nullopt;
  }

  Verdict prepare_create(World& /*world*/, const ApiRequest& request, Json& object) override {
    default_pod(object);
    set_at(object, {"status", "phase"}, "Pending");
    set_at(object, {"status", "qosClass"}, "BestEffort");
    return check(request, object);
  }

  Verdict prepare_update(World& /*world*/, const ApiRequest& request, const Json& /*before*/, Json& object) override {
    if (request.subresource == "status") return {};
    default_pod(object);
    return check(request, object);
  }

  std::optional<std::string> field(const Json& object, std::string_view path) const override {
    static constexpr std::array<std::string_view, 6> kKnown{"spec.nodeName",      "spec.restartPolicy",
                                                            "spec.schedulerName", "spec.serviceAccountName",
                                                            "status.phase",       "status.podIP"};
    return known_field(object, path, kKnown);
  }

 private:
  // Deleting a pod answers the pod, even with a grace period of 0. Source: a real 3.11.
  std::optional<Answer<ApiReply>> remove(World& world, const ApiRequest& request) {
    const auto last = world.store.get(traits().key(request.ns, request.name));
    auto reply = handle_generic(world, *this, request);
    if (reply.ok() && reply->status == 200 && last) reply->body = shown(world, *this, last, request.legacy);
    return reply;
  }

  static Verdict check(const ApiRequest& request, const Json& object) {
    auto causes = check_pod(object);
    if (causes.empty()) return {};
    return invalid("", "Pod", request.name.empty() ? name_of(object) : request.name, std::move(causes));
  }
};

class Events final : public Resource {
 public:
  using Resource::Resource;
  std::optional<std::string> field(const Json& object, std::string_view path) const override {
    static constexpr std::array<std::string_view, 10> kKnown{
        "involvedObject.kind",       "involvedObject.namespace",
        "involvedObject.name",       "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion",
        "involvedObject.fieldPath",  "reason",
        "source.component",          "type"};
    if (path == "source") path = "source.component";
    return known_field(object, path, kKnown);
  }
};

}  // namespace

std::unique_ptr<Resource> make_pods() {
  Traits traits;
  traits.plural = "pods";
  traits.kind = "Pod";
  traits.verbs = all_verbs();
  traits.short_names = {"po"};
  traits.categories = {"all"};
  traits.has_status = true;
  traits.subresources = {{"log", "Pod", {"get"}, "", ""}, {"status", "Pod", {"get", "patch", "update"}, "", ""}};
  return std::make_unique<Pods>(std::move(traits));
}

std::unique_ptr<Resource> make_events() {
  Traits traits;
  traits.plural = "events";
  traits.kind = "Event";
  traits.verbs = all_verbs();
  traits.short_names = {"ev"};
  return std::make_unique<Events>(std::move(traits));
}

}  // namespace sluice::sandbox
