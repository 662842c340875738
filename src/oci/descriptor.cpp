#include "oci/descriptor.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace sluice::oci::detail {

Error malformed(std::string_view why) {
  return {ErrorKind::protocol, fmt::format("the manifest is malformed: {}", why)};
}

const Json* member(const Json& object, std::string_view key) {
  const auto* found = object.find(key);
  return found != nullptr && !found->is_null() ? found : nullptr;
}

Status refuse_lookalikes(const Json& object, std::initializer_list<std::string_view> known, std::string_view where) {
  for (const auto& [key, value] : object.members()) {
    for (const auto name : known) {
      if (key != name && text::iequals(key, name)) {
        return malformed(fmt::format("{} has the key \"{}\", which some programs read as \"{}\"", where, key, name));
      }
    }
  }
  return {};
}

Result<std::string> read_text(const Json& object, std::string_view key, std::string_view where) {
  const auto* found = member(object, key);
  if (found == nullptr) return std::string();
  if (auto text = found->as_string()) return std::move(*text);
  return malformed(fmt::format("{}.{} is no text", where, key));
}

namespace {

// 4 TiB: far more than any registry takes, and so little that the sizes of all blobs of an image (as many as there is
// room for in kMaxManifestBytesOfImage) do not wrap around when they are added up.
constexpr std::int64_t kMaxContentBytes = std::int64_t{4} * 1024 * 1024 * 1024 * 1024;

Result<std::uint64_t> read_size(const Json& object, const std::string& where) {
  const auto* found = member(object, "size");
  if (found == nullptr) return malformed(where + ".size is missing");
  const auto size = found->as_integer();
  if (!size) return malformed(where + ".size is no whole number");
  if (*size < 0) return malformed(fmt::format("{}.size is negative ({})", where, *size));
  if (*size > kMaxContentBytes) {
    return malformed(fmt::format("{}.size is {} bytes, which no registry holds", where, *size));
  }
  return static_cast<std::uint64_t>(*size);
}

Result<std::vector<std::string>> read_urls(const Json& object, const std::string& where) {
  std::vector<std::string> urls;
  const auto* found = member(object, "urls");
  if (found == nullptr) return urls;
  if (!found->is_array()) return malformed(where + ".urls is no list");
  for (const auto& item : found->items()) {
    auto url = item.as_string();
    if (!url) return malformed(where + ".urls holds something that is no text");
    urls.push_back(std::move(*url));
  }
  return urls;
}

// Buildkit keeps attestations as entries of the index, and says in an annotation which entry each is about.
// Source: buildkit, docs/attestations/attestation-storage.md.
std::string attached_to(const Json& entry) {
  const auto* annotations = member(entry, "annotations");
  if (annotations == nullptr || !annotations->is_object()) return {};
  return annotations->string_at("vnd.docker.reference.digest").value_or("");
}

}  // namespace

Platform read_platform(const Json& object) {
  return {object.string_at("os").value_or(""), object.string_at("architecture").value_or(""),
          object.string_at("variant").value_or(""), object.string_at("os.version").value_or("")};
}

Result<Descriptor> read_descriptor(const Json& value, const std::string& where) {
  if (!value.is_object()) return malformed(where + " is no object");
  SLUICE_CHECK(
      refuse_lookalikes(value, {"mediaType", "digest", "size", "urls", "platform", "artifactType", "data"}, where));
  SLUICE_TRY(auto media_type, read_text(value, "mediaType", where));
  if (media_type.empty()) return malformed(where + ".mediaType is missing");
  SLUICE_TRY(auto digest_text, read_text(value, "digest", where));
  auto digest = Digest::parse(digest_text);
  if (!digest.ok()) return malformed(fmt::format("{}.digest: {}", where, digest.error().message()));
  SLUICE_TRY(const auto size, read_size(value, where));
  SLUICE_TRY(auto urls, read_urls(value, where));
  SLUICE_TRY(auto artifact_type, read_text(value, "artifactType", where));
  std::optional<Platform> platform;
  if (const auto* found = member(value, "platform")) {
    if (!found->is_object()) return malformed(where + ".platform is no object");
    platform = read_platform(*found);
  }
  auto about = platform ? attached_to(value) : std::string();
  return Descriptor{std::move(media_type),    std::move(*digest), size, std::move(urls), std::move(platform),
                    std::move(artifact_type), std::move(about)};
}

Result<std::vector<Descriptor>> read_descriptors(const Json& object, std::string_view key) {
  std::vector<Descriptor> out;
  const auto* found = member(object, key);
  if (found == nullptr) return out;
  if (!found->is_array()) return malformed(fmt::format("\"{}\" is no list", key));
  const auto& items = found->items();
  if (items.size() > kMaxDescriptors) {
    return malformed(fmt::format("\"{}\" has {} entries, over the limit of {}", key, items.size(), kMaxDescriptors));
  }
  out.reserve(items.size());
  for (const auto& item : items) {
    SLUICE_TRY(auto one, read_descriptor(item, fmt::format("{}[{}]", key, out.size())));
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace sluice::oci::detail
