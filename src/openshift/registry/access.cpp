#include "openshift/registry/access.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::openshift {

std::vector<kube::AccessQuestion> rights_for(const RefusedByRegistry& refused) {
  const auto layers = [&](std::string_view verb) {
    return kube::AccessQuestion{std::string(verb), "image.openshift.io", "imagestreams",
                                "layers",          refused.project,      refused.stream};
  };
  std::vector<kube::AccessQuestion> out{layers("get")};
  if (refused.push) out.push_back(layers("update"));
  return out;
}

namespace {

std::string role_that_allows(const kube::AccessQuestion& right) {
  return right.verb == "get" ? "system:image-puller" : "system:image-builder";
}

}  // namespace

Error explain_refusal(kube::Client& client, const RefusedByRegistry& refused, Error original,
                      const net::ExchangeContext& context) {
  const auto act =
      fmt::format("{} {}/{}", refused.push ? "pushing to" : "pulling from", refused.project, refused.stream);
  const auto user = client.who_am_i(context);
  if (!user) {
    if (user.error().kind() != ErrorKind::unauthenticated) {
      return std::move(original).context("the API could not be asked why (" + user.error().message() + ")");
    }
    return Error(ErrorKind::unauthenticated,
                 fmt::format("{} refused {} because the token has expired or was revoked ({})", refused.host, act,
                             client.connection().access().identity->explain()))
        .with_status(401)
        .with_hint(user.error().hint());
  }
  for (const auto& right : rights_for(refused)) {
    const auto answer = client.may_i(right, context);
    if (!answer)
      return std::move(original).context("the API could not be asked why (" + answer.error().message() + ")");
    if (answer->allowed) continue;
    return Error(ErrorKind::denied,
                 fmt::format("{} refused {}: {} may not {}", refused.host, act, user->name(), right.shown()))
        .with_status(401)
        .with_hint(fmt::format("an administrator of {} can allow it: oc policy add-role-to-user {} {} -n {}",
                               refused.project, role_that_allows(right), user->name(), refused.project));
  }
  return std::move(original).context(fmt::format(
      "{} has every right that is needed for {}, and the token lives; the registry may not have noticed yet",
      user->name(), act));
}

}  // namespace sluice::openshift
