#include "sandbox/images/pull_through.hpp"

#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/import/import.hpp"
#include "sandbox/images/layers.hpp"
#include "sandbox/images/mapping.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/images/tagging.hpp"

namespace sluice::sandbox {

namespace {

// The image of the history that the digest is, or that has it as a blob.
std::string image_with(const World& world, const Json& stream, std::string_view ns, std::string_view digest) {
  if (history_has(world, ns, name_of(stream), digest)) return std::string(digest);
  std::string found;
  each_event(stream, [&](const std::string& /*tag*/, const TagEvent& event) {
    if (!found.empty() || event.image.empty()) return;
    const auto image = find_image_object(world, event.image);
    if (image && image_names_blob(*image, digest)) found = event.image;
  });
  return found;
}

bool is_insecure(const Json& stream, std::string_view image) {
  bool insecure = annotation(stream, "openshift.io/image.insecureRepository") == "true";
  each_event(stream, [&](const std::string& tag, const TagEvent& event) {
    if (event.image != image) return;
    const auto* reference = spec_tag(stream, tag);
    if (reference != nullptr && flag_at(*reference, {"importPolicy", "insecure"})) insecure = true;
  });
  return insecure;
}

}  // namespace

std::optional<RemoteImage> remote_image(const World& world, std::string_view ns, std::string_view stream_name,
                                        std::string_view digest) {
  const auto stream = find_stream(world, ns, stream_name);
  if (!stream) return std::nullopt;
  const auto image = image_with(world, *stream, ns, digest);
  const auto reference = history_reference(world, ns, stream_name, image);
  if (image.empty() || !reference) return std::nullopt;
  const auto spec = PullSpec::parse(*reference);
  if (!spec) return std::nullopt;
  const auto ground = import_ground(world, ns);
  // What this registry does not have cannot be had from itself, whatever it is called.
  const auto& host = spec->registry;
  if (host == ground.internal || host == ground.external || host == ground.listener) return std::nullopt;
  return RemoteImage{import_route(*spec, is_insecure(*stream, image), ground), import_path(*spec), *reference};
}

}  // namespace sluice::sandbox
