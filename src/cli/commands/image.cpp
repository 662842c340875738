// inspect, digest, tags: look-ups of single images.

#include "archive/daemon_name.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "copy/attachment_search.hpp"
#include "memory/numbers.hpp"
#include "oci/reference.hpp"
#include "oci/semver.hpp"

#include <fmt/format.h>

namespace sluice::cli {

namespace {

using Side = app::Session::Side;

constexpr std::size_t kMaxConfigBytes = std::size_t{4} * 1024 * 1024;

places::ManifestName name_of(const oci::Reference& reference) {
  if (reference.digest) return places::ManifestName::digest(*reference.digest);
  return places::ManifestName::tag(reference.tag.value_or("latest"));
}

// An engine keeps no manifest of a registry, and lists no tags of one: there is nothing to look up.
Status refuse_engine(const std::string& text, std::string_view command) {
  if (!archive::is_daemon(text)) return {};
  return Error(
             ErrorKind::usage,
             fmt::format("{} looks at registries, and {} is an image of an engine, which keeps no digest of a registry "
                         "for it; only copy reads and writes docker-daemon:",
                         command, text::printable(text)))
      .with_hint("look at it with: docker images --digests, docker inspect");
}

}  // namespace

Exit execute(const DigestOf& digest, Context& context) {
  SLUICE_CHECK(refuse_engine(digest.reference, "digest"));
  SLUICE_TRY(const auto reference, oci::Reference::parse(digest.reference));
  SLUICE_TRY(auto* place, context.session.registry(reference.repository.registry, Side::source));
  SLUICE_TRY(const auto found, place->digest_of(reference.repository.path, name_of(reference), context.stop));
  if (!found) {
    return Error(ErrorKind::not_found, "there is no image " + reference.text())
        .with_hint("see which tags there are: sluice tags " + reference.repository.text());
  }
  if (context.json()) {
    context.print_explained(Json::object()
                                .set("schema", "sluice.digest/1")
                                .set("reference", reference.text())
                                .set("digest", found->text()));
  } else {
    context.console.out(found->text() + "\n");
  }
  return 0;
}

Exit execute(const Tags& tags, Context& context) {
  SLUICE_CHECK(refuse_engine(tags.repository, "tags"));
  SLUICE_TRY(const auto reference, oci::Reference::parse(tags.repository));
  if (reference.digest ||
      reference.text().size() != reference.repository.text().size() + std::string(":latest").size() ||
      tags.repository.ends_with(":latest")) {
    return Error(ErrorKind::usage,
                 "tags wants a repository without tag or digest, not " + text::printable(tags.repository))
        .with_hint("sluice tags " + reference.repository.text());
  }
  SLUICE_TRY(auto* place, context.session.registry(reference.repository.registry, Side::source));
  SLUICE_TRY(auto list, place->tags(reference.repository.path, context.stop));
  if (!tags.all) std::erase_if(list, [](const std::string& tag) { return memory::is_own_tag(tag); });
  if (!tags.filter.empty())
    std::erase_if(list, [&](const std::string& tag) { return !oci::glob_match(tags.filter, tag); });
  std::sort(list.begin(), list.end(),
            [](const std::string& a, const std::string& b) { return oci::compare_tags(a, b) < 0; });
  if (context.json()) {
    Json names = Json::array();
    for (const auto& tag : list) names.push(tag);
    context.print_explained(Json::object()
                                .set("schema", "sluice.tags/1")
                                .set("repository", reference.repository.text())
                                .set("tags", std::move(names)));
  } else {
    for (const auto& tag : list) context.console.out(tag + "\n");
  }
  return 0;
}

namespace {

Json descriptor_json(const oci::Descriptor& descriptor) {
  return Json::object()
      .set("media_type", descriptor.media_type)
      .set("digest", descriptor.digest.text())
      .set("size", descriptor.size_bytes)
      .set("platform", descriptor.platform ? Json(descriptor.platform->text()) : Json());
}

// The config of an image, when it has one of the kind that says something.
Result<std::optional<oci::ImageConfig>> config_of(places::Place& place, const std::string& repository,
                                                  const oci::Manifest& manifest, const std::stop_token& stop) {
  if (!manifest.config || manifest.config->media_type.find("config") == std::string::npos)
    return std::optional<oci::ImageConfig>();
  SLUICE_TRY(const auto bytes, place.small_blob(repository, *manifest.config, kMaxConfigBytes, stop));
  auto config = oci::parse_image_config(bytes);
  if (!config) return std::optional<oci::ImageConfig>();  // an artifact with a config of its own kind
  return std::optional(std::move(*config));
}

Json config_json(const std::optional<oci::ImageConfig>& config) {
  if (!config) return {};
  Json labels = Json::object();
  for (const auto& [name, value] : config->labels) labels.set(name, value);
  return Json::object()
      .set("platform", config->platform.text())
      .set("created", config->created.empty() ? Json() : Json(config->created))
      .set("labels", std::move(labels));
}

using Found = std::optional<std::vector<copy::Attachment>>;

Json found_json(const Found& attachments) {
  if (!attachments) return {};
  Json out = Json::array();
  for (const auto& one : *attachments) {
    out.push(Json::object()
                 .set("kind", to_string(one.kind))
                 .set("digest", one.digest.text())
                 .set("subject", one.subject.text())
                 .set("tag", one.tag.empty() ? Json() : Json(one.tag)));
  }
  return out;
}

std::string found_text(const Found& attachments, const oci::Digest& image) {
  if (!attachments) return {};
  std::string out;
  for (const auto& one : *attachments) {
    out += fmt::format("  attached {} {}{}\n", one.digest.text(), to_string(one.kind),
                       one.subject == image ? std::string() : " of " + one.subject.brief());
  }
  return out;
}

void print_image(const Context& context, const std::string& name, const oci::Manifest& manifest,
                 const std::optional<oci::ImageConfig>& config, const Found& attachments) {
  const auto& c = context.console;
  std::string out =
      c.bold(name) + "\n  digest   " + manifest.digest.text() + "\n  type     " + manifest.media_type + "\n";
  if (!manifest.artifact_type.empty()) out += "  artifact " + text::printable(manifest.artifact_type) + "\n";
  if (config) {
    out += "  platform " + text::printable(config->platform.text()) + "\n";
    if (!config->created.empty()) out += "  created  " + text::printable(config->created) + "\n";
    for (const auto& [key, value] : config->labels)
      out += "  label    " + text::printable(key) + "=" + text::printable(value, 100) + "\n";
  }
  std::uint64_t sum = 0;
  for (const auto& layer : manifest.layers) {
    sum += layer.size_bytes;
    out += fmt::format("  layer    {} {:>10}\n", layer.digest.text(), text::human_bytes(layer.size_bytes));
  }
  if (!manifest.is_index())
    out += fmt::format("  total    {} in {} layers\n", text::human_bytes(sum), manifest.layers.size());
  for (const auto& child : manifest.children) {
    const bool attestation = child.platform && child.platform->os == "unknown";  // what buildkit calls them
    out += fmt::format("  {:<8} {} {}\n", attestation ? "attached" : "image", child.digest.text(),
                       attestation      ? std::string("attestation of buildkit")
                       : child.platform ? text::printable(child.platform->text())
                                        : std::string("-"));
  }
  context.console.out(out + found_text(attachments, manifest.digest));
}

}  // namespace

Exit execute(const Inspect& inspect, Context& context) {
  SLUICE_CHECK(refuse_engine(inspect.reference, "inspect"));
  SLUICE_TRY(const auto reference, oci::Reference::parse(inspect.reference));
  SLUICE_TRY(auto* place, context.session.registry(reference.repository.registry, Side::source));
  SLUICE_TRY(const auto manifest, place->manifest(reference.repository.path, name_of(reference), context.stop));
  SLUICE_TRY(const auto config, config_of(*place, reference.repository.path, manifest, context.stop));
  SLUICE_TRY(const auto attachments,
             copy::attachments_at({place, reference.repository.path}, name_of(reference), context.stop));
  if (!context.json()) {
    print_image(context, reference.text(), manifest, config, attachments);
    return 0;
  }
  Json layers = Json::array();
  for (const auto& layer : manifest.layers) layers.push(descriptor_json(layer));
  Json children = Json::array();
  for (const auto& child : manifest.children) children.push(descriptor_json(child));
  context.print_explained(
      Json::object()
          .set("schema", "sluice.inspect/1")
          .set("reference", reference.text())
          .set("digest", manifest.digest.text())
          .set("media_type", manifest.media_type)
          .set("artifact_type", manifest.artifact_type.empty() ? Json() : Json(manifest.artifact_type))
          .set("size", std::uint64_t{manifest.bytes.size()})
          .set("config", config_json(config))
          .set("layers", manifest.is_index() ? Json() : std::move(layers))
          .set("manifests", manifest.is_index() ? std::move(children) : Json())
          .set("attachments", found_json(attachments)));
  return 0;
}

}  // namespace sluice::cli
