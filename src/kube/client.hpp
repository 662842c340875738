#pragma once
// Client: typed requests to one cluster. Every call is one exchange with its retries (connection.hpp) unless it says
// otherwise. `project` is ignored for what is in no project.

#include "base/result.hpp"
#include "kube/connection.hpp"
#include "kube/objects/core.hpp"
#include "kube/objects/images.hpp"
#include "kube/objects/object.hpp"
#include "kube/objects/workloads.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::kube {

/// Which objects a list or a watch is about.
struct Selection {
  std::string project{};         ///< empty: all projects
  std::string name{};            ///< only this object (a field selector)
  std::string label_selector{};  ///< "app=web"
  int page = 500;                ///< objects in one answer
};

enum class PatchType : std::uint8_t {
  merge,      ///< RFC 7386; lists are replaced
  json,       ///< RFC 6902
  strategic,  ///< merges lists by their keys; not for every resource
};

struct RemoveOptions {
  std::string uid{};  ///< only if it is still this object
};

enum class Release : std::uint8_t { v3, v4, kubernetes };
std::string_view to_string(Release release);

/// How often a change is tried anew when somebody else wrote meanwhile. A guess: the server itself updates the status
/// of a stream up to ten times.
inline constexpr int kConflictTries = 8;

/// Thread: any.
class Client {
 public:
  explicit Client(Connection& connection) : connection_(connection) {}

  template <Typed T>
  Result<T> get(std::string_view project, std::string_view name, const net::ExchangeContext& context) {
    return typed<T>(read(T::kResource, project, name, "", context));
  }
  /// Empty when it is not there. A project that is not there looks the same, or is denied.
  template <Typed T>
  Result<std::optional<T>> find(std::string_view project, std::string_view name, const net::ExchangeContext& context) {
    auto found = read(T::kResource, project, name, "", context);
    if (!found && found.error().kind() == ErrorKind::not_found) return std::optional<T>();
    if (!found) return std::move(found).error();
    return std::optional<T>(T(std::move(*found)));
  }
  /// All pages. When the snapshot expires in the middle (410), once more from the start, three times at most.
  template <Typed T>
  Result<ListOf<T>> list(const Selection& selection, const net::ExchangeContext& context) {
    SLUICE_TRY(auto pages, list_json(T::kResource, selection, context));
    ListOf<T> out{{}, std::move(pages.resource_version)};
    out.items.reserve(pages.items.size());
    for (auto& item : pages.items) out.items.emplace_back(std::move(item));
    return out;
  }
  /// Sent again when an answer was lost: "already exists" may mean that the first one made it.
  template <Typed T>
  Result<T> create(std::string_view project, const T& object, const net::ExchangeContext& context) {
    return typed<T>(post(T::kResource, project, "", "", object.json(), context, true));
  }
  /// PUT. The object's resourceVersion decides: stale is a conflict.
  template <Typed T>
  Result<T> update(const T& object, const net::ExchangeContext& context) {
    return typed<T>(put(T::kResource, object.project(), object.name(), object.json(), context));
  }
  template <Typed T>
  Result<T> patch(std::string_view project, std::string_view name, PatchType type, const Json& body,
                  const net::ExchangeContext& context) {
    return typed<T>(patch_json(T::kResource, project, name, type, body, context));
  }
  template <Typed T>
  Status remove(std::string_view project, std::string_view name, const net::ExchangeContext& context,
                const RemoveOptions& options = {}) {
    return remove_json(T::kResource, project, name, options, context);
  }

  /// Reads, changes and writes an object; a conflict reads it again, eight times at most. `change` answers false when
  /// nothing is to be written. Fields that nobody here knows stay. Errors: those of reading and writing, of `change`.
  template <Typed T>
  Result<T> update_with(std::string_view project, std::string_view name, const std::function<Result<bool>(T&)>& change,
                        const net::ExchangeContext& context) {
    const auto change_json = [&](Json& json) -> Result<bool> {
      T object(std::move(json));
      auto wanted = change(object);
      json = std::move(object.json());
      return wanted;
    };
    return typed<T>(update_json(T::kResource, project, name, change_json, context));
  }

  // What is not plain reading and writing.

  /// Who the server says we are: users/~, on clusters without it a SelfSubjectReview.
  Result<User> who_am_i(const net::ExchangeContext& context);
  Result<AccessAnswer> may_i(const AccessQuestion& question, const net::ExchangeContext& context);
  /// For somebody else in one project; needs the right to ask (project admins have it).
  Result<AccessAnswer> may(std::string_view user, const std::vector<std::string>& groups,
                           const AccessQuestion& question, const net::ExchangeContext& context);
  /// API groups of the server.
  Result<std::set<std::string>> groups(const net::ExchangeContext& context);
  /// 4.x has config.openshift.io, 3.x OpenShift groups without it. Needs no right.
  Result<Release> release(const net::ExchangeContext& context);

  /// imagestreams/NAME/layers.
  Result<ImageStreamLayers> layers(std::string_view project, std::string_view stream,
                                   const net::ExchangeContext& context);
  /// PUT of "stream:tag": makes tag and stream if need be. Refusals for want of a right on the source are `denied`.
  Result<ImageStreamTag> tag(const ImageStreamTag& tag, const net::ExchangeContext& context);
  Result<ImageStreamImport> import(const ImageStreamImport& request, const net::ExchangeContext& context);

  /// Starts a rollout. Empty when the server found nothing to do (204; only without `force`).
  Result<std::optional<DeploymentConfig>> instantiate(std::string_view project, std::string_view name, bool latest,
                                                      bool force, const net::ExchangeContext& context);
  /// The DeploymentConfig as it would be after going back; writing it with update() starts the rollout. `revision` 0:
  /// the one before.
  Result<DeploymentConfig> rollback(std::string_view project, std::string_view name, std::int64_t revision,
                                    const net::ExchangeContext& context);
  /// The last lines of a container's log, at most 64 KiB; with `previous` of the one before it. For showing, never for
  /// storing.
  Result<std::string> pod_log(std::string_view project, std::string_view pod, std::string_view container, int lines,
                              bool previous, const net::ExchangeContext& context);
  Result<Project> create_project(std::string_view name, const net::ExchangeContext& context);

  Connection& connection() { return connection_; }

  // The same for objects that have no type here.

  Result<Json> read(const Resource& resource, std::string_view project, std::string_view name,
                    std::string_view subresource, const net::ExchangeContext& context);
  struct Pages {
    Json::Array items;  ///< kind and apiVersion are filled in, as lists leave them out
    std::string resource_version;
  };
  Result<Pages> list_json(const Resource& resource, const Selection& selection, const net::ExchangeContext& context);
  /// One page, for who only wants to see a few.
  Result<Pages> first_page_json(const Resource& resource, const Selection& selection,
                                const net::ExchangeContext& context);
  /// `repeatable`: it does the same when it arrives twice, so it may be sent again when no answer came.
  Result<Json> post(const Resource& resource, std::string_view project, std::string_view name,
                    std::string_view subresource, const Json& body, const net::ExchangeContext& context,
                    bool repeatable = false);
  Result<Json> put(const Resource& resource, std::string_view project, std::string_view name, const Json& body,
                   const net::ExchangeContext& context);
  /// Sent again when no answer came, unless it is a JSON patch or names a resourceVersion.
  Result<Json> patch_json(const Resource& resource, std::string_view project, std::string_view name, PatchType type,
                          const Json& body, const net::ExchangeContext& context);
  Status remove_json(const Resource& resource, std::string_view project, std::string_view name,
                     const RemoveOptions& options, const net::ExchangeContext& context);
  Result<Json> update_json(const Resource& resource, std::string_view project, std::string_view name,
                           const std::function<Result<bool>(Json&)>& change, const net::ExchangeContext& context);

 private:
  template <class T>
  static Result<T> typed(Result<Json> json) {
    if (!json) return std::move(json).error();
    return T(std::move(*json));
  }
  Result<Pages> list_once(const Resource& resource, const Selection& selection, const net::ExchangeContext& context);
  /// One page behind `token`; puts what leads to the next one into `token`.
  Result<Pages> page(const Resource& resource, const Selection& selection, std::string& token,
                     const net::ExchangeContext& context);

  Connection& connection_;
};

}  // namespace sluice::kube
