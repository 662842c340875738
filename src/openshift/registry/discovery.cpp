#include "openshift/registry/discovery.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr int kStreamsToLookAt = 5;  // every stream says the same; a few, should one be damaged

struct RouteAt {
  std::string_view project;
  std::string_view name;
};

RouteAt registry_route(kube::Release release) {
  if (release == kube::Release::v4) return {"openshift-image-registry", "default-route"};
  return {"default", "docker-registry"};
}

// The default names by which pods find the registry, whatever image streams say.
std::vector<std::string> usual_internal(kube::Release release) {
  if (release == kube::Release::v4) return {"image-registry.openshift-image-registry.svc:5000"};
  if (release == kube::Release::v3) return {"docker-registry.default.svc:5000"};
  return {};
}

void add_host(std::vector<std::string>& hosts, std::string host) {
  host = text::lower(host);
  if (!host.empty() && std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(std::move(host));
}

// What is hidden or absent is passed over; what is broken is not.
bool may_pass_over(const Error& error) {
  return error.kind() == ErrorKind::denied || error.kind() == ErrorKind::not_found;
}

class Search {
 public:
  Search(kube::Client& client, const DiscoveryOptions& options, const net::ExchangeContext& context)
      : client_(client), options_(options), context_(context) {}

  Result<RegistryNames> run() {
    SLUICE_TRY(names_.release, client_.release(context_));
    if (!options_.override_host.empty()) {
      add_host(names_.external, options_.override_host);
      names_.found_by = "the clusters file";
    }
    auto projects = options_.projects;
    if (!client_.connection().access().project.empty()) projects.push_back(client_.connection().access().project);
    projects.emplace_back("openshift");
    for (const auto& project : projects) {
      if (complete()) break;
      SLUICE_CHECK(look_at_streams(project));
    }
    if (names_.external.empty()) SLUICE_CHECK(look_at_route());
    if (names_.release == kube::Release::v4 && !complete()) SLUICE_CHECK(look_at_settings());
    for (auto& host : usual_internal(names_.release)) {
      // Only a name besides others: a cluster whose streams have none has no registry.
      if (!names_.internal.empty()) add_host(names_.internal, std::move(host));
    }
    if (!names_.external.empty()) {
      names_.host = names_.external.front();
    } else if (client_.connection().access().in_cluster && !names_.internal.empty()) {
      names_.host = names_.internal.front();
    }
    return std::move(names_);
  }

 private:
  bool complete() const { return !names_.external.empty() && !names_.internal.empty(); }

  void found(std::string host, const std::string& where) {
    if (host.empty()) return;
    if (names_.external.empty()) names_.found_by = where;
    add_host(names_.external, std::move(host));
  }

  Status look_at_streams(const std::string& project) {
    kube::Selection selection;
    selection.project = project;
    selection.page = kStreamsToLookAt;
    auto page = first_page(selection);
    if (!page) return may_pass_over(page.error()) ? Status() : Status(std::move(page).error());
    for (const auto& stream : *page) {
      auto internal = registry_of(stream.repository());
      auto external = registry_of(stream.public_repository());
      const auto where = "the image stream " + project + "/" + stream.name();
      if (names_.found_by.empty() && !internal.empty()) names_.found_by = where;
      add_host(names_.internal, std::move(internal));
      found(std::move(external), where);
    }
    return {};
  }

  Result<std::vector<kube::ImageStream>> first_page(const kube::Selection& selection) {
    SLUICE_TRY(auto page, client_.first_page_json(kube::ImageStream::kResource, selection, context_));
    std::vector<kube::ImageStream> out;
    for (auto& item : page.items) out.emplace_back(std::move(item));
    return out;
  }

  Status look_at_route() {
    const auto [project, name] = registry_route(names_.release);
    const auto route = client_.get<kube::Route>(project, name, context_);
    if (!route) return may_pass_over(route.error()) ? Status() : Status(route.error());
    found(route->host(), fmt::format("the route {}/{}", project, name));
    return {};
  }

  Status look_at_settings() {
    const auto settings = client_.get<kube::ImageSettings>("", "cluster", context_);
    if (!settings) return may_pass_over(settings.error()) ? Status() : Status(settings.error());
    add_host(names_.internal, settings->internal_host());
    for (auto& host : settings->external_hosts()) found(std::move(host), "the image settings of the cluster");
    return {};
  }

  kube::Client& client_;
  const DiscoveryOptions& options_;
  const net::ExchangeContext& context_;
  RegistryNames names_;
};

}  // namespace

std::string registry_of(std::string_view pull_spec) {
  const auto [host, rest] = text::cut(pull_spec, '/');
  // Without a dot, a port or the name "localhost" the first part is a project. Source: distribution, reference.
  if (rest.empty()) return {};
  const bool is_host =
      host.find('.') != std::string_view::npos || host.find(':') != std::string_view::npos || host == "localhost";
  return is_host ? text::lower(host) : std::string();
}

bool RegistryNames::is_one(std::string_view name) const {
  const auto wanted = text::lower(name);
  const auto in = [&](const std::vector<std::string>& names) {
    return std::find(names.begin(), names.end(), wanted) != names.end();
  };
  return !wanted.empty() && (wanted == host || in(external) || in(internal));
}

bool RegistryNames::same_registry(std::string_view pull_spec, std::string_view other) const {
  const auto a = registry_of(pull_spec);
  const auto b = registry_of(other);
  return a == b || (is_one(a) && is_one(b));
}

std::string RegistryNames::path_of(std::string_view pull_spec) const {
  if (!is_one(registry_of(pull_spec))) return {};
  return std::string(pull_spec.substr(pull_spec.find('/') + 1));
}

bool RegistryNames::same_image(std::string_view pull_spec, std::string_view other) const {
  if (pull_spec == other) return true;
  const auto a = path_of(pull_spec);
  return !a.empty() && a == path_of(other);
}

Result<RegistryNames> find_registry(kube::Client& client, const DiscoveryOptions& options,
                                    const net::ExchangeContext& context) {
  return Search(client, options, context).run().context("looking for the registry of " + client.connection().host());
}

Finding not_exposed(const RegistryNames& names, std::string_view cluster) {
  const auto shown = text::printable(cluster, 120);
  Finding finding{"registry-not-exposed", Severity::blocker, shown, "", ""};
  if (names.release == kube::Release::kubernetes) {
    finding.code = "registry-absent";
    finding.sentence = fmt::format("{} is no OpenShift and has no registry of its own", shown);
    finding.fix = "name one in the clusters file: registry: HOST[:PORT]";
  } else if (names.internal.empty()) {
    finding.code = "registry-absent";
    finding.sentence = fmt::format("{} has no integrated registry, or no image stream that we may see names it", shown);
    finding.fix = "name it in the clusters file: registry: HOST[:PORT]";
  } else {
    finding.sentence =
        fmt::format("the registry of {} is known as {} inside the cluster only", shown, names.internal.front());
    finding.fix = names.release == kube::Release::v4
                      ? "oc patch configs.imageregistry.operator.openshift.io/cluster --type merge -p "
                        "'{\"spec\":{\"defaultRoute\":true}}'  # for an administrator"
                      : "oc create route passthrough docker-registry --service docker-registry -n default  # for an "
                        "administrator, who also sets imagePolicyConfig.externalRegistryHostname";
  }
  return finding;
}

Result<std::string> usable_host(const RegistryNames& names, std::string_view cluster) {
  if (!names.host.empty()) return names.host;
  auto finding = not_exposed(names, cluster);
  return Error(ErrorKind::config, std::move(finding.sentence))
      .with_hint(std::move(finding.fix))
      .with_registry_code(std::move(finding.code));
}

}  // namespace sluice::openshift
