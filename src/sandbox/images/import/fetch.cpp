// The part of an import that talks to registries.
#include "base/text.hpp"
#include "oci/digest.hpp"
#include "oci/manifest.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/fields.hpp"
#include "sandbox/images/import/import.hpp"
#include "sandbox/images/import/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sluice::sandbox {

namespace {

// The child of a list that a cluster with one platform runs.
std::string choose_child(const Json& list, const WantedImage& wanted) {
  const auto& manifests = at(list, {"manifests"}).items();
  const auto find = [&](std::string_view os, std::string_view architecture) -> std::string {
    for (const auto& child : manifests) {
      const bool right_os = os.empty() || text_at(child, {"platform", "os"}) == os;
      const bool right = architecture.empty() || text_at(child, {"platform", "architecture"}) == architecture;
      if (right_os && right) return text_at(child, {"digest"});
    }
    return "";
  };
  if (!wanted.prefer_os.empty() || !wanted.prefer_architecture.empty()) {
    const auto preferred = find(wanted.prefer_os, wanted.prefer_architecture);
    if (!preferred.empty()) return preferred;
  }
  const auto usual = find("linux", "amd64");
  return usual.empty() ? find("", "") : usual;
}

bool is_list(const SourceManifest& manifest) {
  if (oci::media::is_index(manifest.media_type)) return true;
  const auto body = parse_json(manifest.bytes);
  return body.ok() && at(*body, {"manifests"}).is_array();
}

Answer<Json> image_of(ImageSource& source, const PullSpec& spec, const SourceManifest& manifest,
                      std::string_view shown) {
  const auto body = parse_json(manifest.bytes);
  if (!body.ok()) return import_error("the manifest cannot be read: " + text::printable(body.error().message()));
  auto own = spec;
  own.tag.clear();
  own.digest = manifest.digest;
  auto image = Json::object();
  set_at(image, {"metadata", "name"}, manifest.digest);
  image.set("dockerImageReference", own.exact());
  image.set("dockerImageManifest", manifest.bytes);
  image.set("dockerImageManifestMediaType", manifest.media_type);
  const auto config = text_at(*body, {"config", "digest"});
  if (!config.empty()) {
    SLUICE_TRY(auto text, source.blob(config, shown));
    image.set("dockerImageConfig", std::move(text));
  }
  return complete_image(std::move(image));
}

// "v1.2.3" -> {1,2,3}; empty when it is no version.
std::vector<std::uint64_t> version_of(std::string_view tag) {
  if (tag.starts_with('v')) tag = tag.substr(1);
  std::vector<std::uint64_t> numbers;
  for (const auto& part : text::split(tag, '.')) {
    std::uint64_t number = 0;
    const auto read = std::from_chars(part.data(), part.data() + part.size(), number);
    if (part.empty() || read.ec != std::errc{} || read.ptr != part.data() + part.size()) return {};
    numbers.push_back(number);
  }
  if (numbers.size() > 3) return {};
  return numbers;
}

}  // namespace

RegistryRoute import_route(const PullSpec& spec, bool insecure, const ImportGround& ground) {
  const auto& host = spec.registry;
  RegistryRoute route;
  route.host = host;
  route.is_3_11 = ground.is_3_11;
  route.credential = pull_credential(ground.secrets, host);
  auto endpoint = std::make_shared<net::Endpoint>();
  endpoint->ca_pem = ground.ca_pem;
  const bool own = !host.empty() && (host == ground.internal || host == ground.external || host == ground.listener);
  if (own) {
    // Its names lead here only; the certificate is for the address.
    route.address = ground.listener;
    route.schemes = {ground.scheme};
  } else {
    endpoint->verify_tls = !insecure;
    route.address = host.empty() || host == "docker.io" ? "registry-1.docker.io" : host;
    route.schemes = {"https"};
    if (insecure) route.schemes.emplace_back("http");
  }
  route.endpoint = std::move(endpoint);
  return route;
}

std::string import_path(const PullSpec& spec) {
  const bool hub = spec.registry.empty() || spec.registry == "docker.io";
  return hub && spec.path.find('/') == std::string::npos ? "library/" + spec.path : spec.path;
}

Answer<FetchedImage> fetch_image(const WantedImage& wanted, const ImportGround& ground, net::Exchanger& exchanger,
                                 const net::ExchangeContext& context) {
  const auto spec = PullSpec::parse(wanted.from);
  if (!spec) return import_error("invalid reference format");
  const auto shown = spec->exact();
  ImageSource source(exchanger, import_route(*spec, wanted.insecure, ground), import_path(*spec), context);
  const auto asked = !spec->digest.empty() ? spec->digest : spec->tag.empty() ? "latest" : spec->tag;
  SLUICE_TRY(auto manifest, source.manifest(asked, shown));
  FetchedImage fetched;
  if (is_list(manifest)) {
    const auto list = parse_json(manifest.bytes);
    if (!list.ok()) return import_error("the manifest list cannot be read");
    if (!wanted.preserve) {
      const auto child = choose_child(*list, wanted);
      if (child.empty()) return import_error("the manifest list is empty");
      SLUICE_TRY(manifest, source.manifest(child, shown));
    } else {
      constexpr std::size_t kMostChildren = 64;
      for (const auto& entry : at(*list, {"manifests"}).items()) {
        if (fetched.children.size() >= kMostChildren) break;
        SLUICE_TRY(auto child, source.manifest(text_at(entry, {"digest"}), shown));
        SLUICE_TRY(auto image, image_of(source, *spec, child, shown));
        fetched.children.push_back(std::move(image));
      }
    }
  }
  SLUICE_TRY(fetched.image, image_of(source, *spec, manifest, shown));
  return fetched;
}

Answer<std::vector<std::string>> fetch_tags(const WantedImage& repository, const ImportGround& ground,
                                            net::Exchanger& exchanger, const net::ExchangeContext& context) {
  const auto spec = PullSpec::parse(repository.from);
  if (!spec) return import_error("invalid reference format");
  ImageSource source(exchanger, import_route(*spec, repository.insecure, ground), import_path(*spec), context);
  SLUICE_TRY(auto tags, source.tags(spec->repository()));
  prioritize_tags(tags);
  return tags;
}

void prioritize_tags(std::vector<std::string>& tags) {
  std::sort(tags.begin(), tags.end(), [](const std::string& a, const std::string& b) {
    if ((a == "latest") != (b == "latest")) return a == "latest";
    const auto left = version_of(a);
    const auto right = version_of(b);
    if (left.empty() != right.empty()) return !left.empty();
    if (left != right) return left > right;
    return a < b;
  });
}

ImportOutcome fetch_import(const ImportPlan& plan, net::Exchanger& exchanger, const net::ExchangeContext& context) {
  constexpr std::size_t kMostTags = 50;  // of one repository, as a default master has it
  const auto fetch = [&](const WantedImage& wanted) {
    ImportResult result;
    result.from = wanted.from;
    if (const auto spec = PullSpec::parse(wanted.from); spec && spec->digest.empty()) {
      result.tag = spec->tag.empty() ? "latest" : spec->tag;
    }
    auto fetched = fetch_image(wanted, plan.ground, exchanger, context);
    if (fetched.ok()) {
      result.fetched = std::move(fetched).value();
    } else {
      result.failure = std::move(fetched).error();
    }
    return result;
  };
  ImportOutcome outcome;
  std::size_t index = 0;
  for (const auto& wanted : plan.images) {
    auto result = fetch(wanted);
    const auto& entry = at(plan.spec, {"images"}).items()[index++];
    result.to = text_at(entry, {"to", "name"});
    result.import_policy = at(entry, {"importPolicy"});
    result.reference_policy = at(entry, {"referencePolicy"});
    result.with_manifest = flag_at(entry, {"includeManifest"});
    outcome.images.push_back(std::move(result));
  }
  if (!plan.repository) return outcome;
  auto tags = fetch_tags(*plan.repository, plan.ground, exchanger, context);
  if (!tags.ok()) {
    outcome.repository_failure = std::move(tags).error();
    return outcome;
  }
  const auto& entry = at(plan.spec, {"repository"});
  for (const auto& tag : *tags) {
    if (outcome.repository_images.size() >= kMostTags) {
      outcome.additional_tags.push_back(tag);
      continue;
    }
    auto wanted = *plan.repository;
    wanted.from += ":" + tag;
    auto result = fetch(wanted);
    result.to = tag;
    result.import_policy = at(entry, {"importPolicy"});
    result.reference_policy = at(entry, {"referencePolicy"});
    result.with_manifest = flag_at(entry, {"includeManifest"});
    outcome.repository_images.push_back(std::move(result));
  }
  return outcome;
}

}  // namespace sluice::sandbox
