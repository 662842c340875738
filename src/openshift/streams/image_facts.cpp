// What the API knows of an image: enough to weigh it and to find it again in pods, without asking the registry.
// Source: github.com/openshift/api, image/v1/types.go; openshift-apiserver, imagestreamimage registry.

#include "openshift/streams/refusals.hpp"
#include "openshift/streams/tags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr std::size_t kMaxChildrenRead = 32;  // one request each; no list that we know has half as many

Result<kube::Image> read_image(kube::Client& client, std::string_view project, std::string_view stream,
                               std::string_view digest, const net::ExchangeContext& context) {
  SLUICE_TRY(const auto found,
             client.get<kube::ImageStreamImage>(project, fmt::format("{}@{}", stream, digest), context));
  return found.image();
}

// Fills in what an Image object says; a list's own entry may have said os and architecture before.
void fill(ImagePart& part, const kube::Image& image) {
  // 3.x stores no operating system; Linux is the only one that its nodes run, but that is not for us to say.
  const auto os = kube::text_at(image.json(), {"dockerImageMetadata", "Os"});
  const auto architecture = kube::text_at(image.json(), {"dockerImageMetadata", "Architecture"});
  if (part.os.empty()) part.os = os;
  if (part.architecture.empty()) part.architecture = architecture;
  std::int64_t layer_bytes = 0;
  std::set<std::string> seen;
  for (auto& layer : image.layers()) {
    const auto size = std::max<std::int64_t>(layer.size_bytes, 0);
    if (seen.insert(layer.digest).second) layer_bytes += size;
    part.layers.push_back({std::move(layer.digest), size});
  }
  // `Size` is the config and each distinct layer.
  part.config_bytes = std::max<std::int64_t>(image.size_bytes() - layer_bytes, 0);
}

void accept(std::vector<std::string>& accepted, std::string digest) {
  if (digest.empty() || std::find(accepted.begin(), accepted.end(), digest) != accepted.end()) return;
  accepted.push_back(std::move(digest));
}

// Imported images bear their manifest's digest in the place of the config's.
void accept_config(std::vector<std::string>& accepted, const kube::Image& image) {
  auto id = kube::text_at(image.json(), {"dockerImageMetadata", "Id"});
  if (image.is_managed() && id.starts_with("sha256:")) accept(accepted, std::move(id));
}

}  // namespace

Result<ImageFacts> describe_image(kube::Client& client, std::string_view project, std::string_view stream,
                                  std::string_view digest, const net::ExchangeContext& context) {
  const auto read = read_image(client, project, stream, digest, context);
  if (!read) {
    return explain_refusal(client, read.error(),
                           {fmt::format("reading {}/{}@{}", project, stream, digest), "get", "imagestreamimages",
                            std::string(project), "view", "watch.yaml"},
                           context);
  }
  const auto& image = *read;
  ImageFacts facts;
  facts.digest = image.digest();
  facts.media_type = image.media_type();
  facts.managed = image.is_managed();
  facts.pull_spec = image.pull_spec();
  facts.signatures = image.signature_names();
  accept(facts.accepted, facts.digest);
  const auto children = image.children();
  if (children.empty()) {
    accept_config(facts.accepted, image);
    fill(facts.parts.emplace_back(), image);
    return facts;
  }
  bool readable = true;  // releases before 4.13 do not find children by their list
  for (std::size_t i = 0; i < children.size(); ++i) {
    auto& part = facts.parts.emplace_back();
    part.os = children[i].os;
    part.architecture = children[i].architecture;
    accept(facts.accepted, children[i].digest);
    if (!readable || i >= kMaxChildrenRead) continue;
    const auto child = read_image(client, project, stream, children[i].digest, context);
    if (child) {
      accept_config(facts.accepted, *child);
      fill(part, *child);
    } else if (child.error().kind() == ErrorKind::not_found || child.error().kind() == ErrorKind::denied) {
      readable = false;
    } else {
      return child.error();
    }
  }
  return facts;
}

}  // namespace sluice::openshift
