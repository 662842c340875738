#include "copy/source_reader.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <tuple>

namespace sluice::copy {

namespace {

constexpr int kMaxNesting = 4;  // an index of indexes is rare, deeper is an attack

// The children that nobody has asked for yet. What they weigh is known before the first one is read, since no more
// than that is read of each.
Result<std::vector<oci::Descriptor>> claim(SourceImage& image, const std::vector<oci::Descriptor>& children) {
  std::vector<oci::Descriptor> fresh;
  for (const auto& child : children) {
    if (!image.claimed.insert(child.digest).second) continue;
    if (image.claimed.size() > kMaxManifests) {
      return Error(ErrorKind::unsupported, "an image of more than " + std::to_string(kMaxManifests) + " manifests");
    }
    if (child.size_bytes > kMaxManifestBytesOfImage - image.claimed_bytes) {
      return Error(ErrorKind::unsupported, "an image whose manifests have more than " +
                                               text::human_bytes(kMaxManifestBytesOfImage) + " together");
    }
    image.claimed_bytes += child.size_bytes;
    fresh.push_back(child);
  }
  return fresh;
}

// A child that is missing is told by what people know of it.
Result<oci::Manifest> read_child(const Origin& origin, const oci::Descriptor& child, const std::stop_token& stop) {
  auto part = origin.place->manifest(origin.repository, places::ManifestName::child(child), stop);
  if (!part && part.error().kind() == ErrorKind::not_found && child.platform) {
    return std::move(part).error().context("the image for " + text::printable(child.platform->text()));
  }
  return part;
}

bool fits(const oci::Platform& platform, const std::string& wanted) {
  const auto text = platform.text();
  // "linux/arm64" asks for any variant of it, as for other tools.
  return text == wanted || text.starts_with(wanted + "/");
}

// Those that were asked for. An index below has no platform of its own as a rule, and is looked into; what buildkit has
// attached to an image goes with that.
std::vector<oci::Descriptor> wanted_children(const oci::Manifest& index, const std::vector<std::string>& platforms) {
  if (platforms.empty()) return index.children;
  std::vector<oci::Descriptor> out;
  std::set<std::string> images;
  for (const auto& child : index.children) {
    const bool asked = child.platform && std::any_of(platforms.begin(), platforms.end(), [&](const std::string& one) {
                         return fits(*child.platform, one);
                       });
    if (!asked && (child.platform || !oci::media::is_index(child.media_type))) continue;
    images.insert(child.digest.text());
    out.push_back(child);
  }
  for (const auto& child : index.children) {
    if (images.contains(child.attached_to)) out.push_back(child);
  }
  return out;
}

Error none_wanted(const oci::Manifest& index, const ReadOrder& order) {
  return Error(ErrorKind::not_found, "the index " + index.digest.text() + " has no image for " +
                                         text::printable(text::join(order.platforms, " or ")) + ", but for " +
                                         text::printable(text::join(oci::platforms_of(index), ", ")));
}

Error refused(Error error, const ReadOrder& order) {
  if (order.attached_to.empty()) return error;
  return std::move(error)
      .context("reading what is attached to " + order.attached_to)
      .with_hint("copy the image without what is attached to it: --no-attachments");
}

}  // namespace

std::vector<std::shared_ptr<const oci::Manifest>> SourceImage::ordered() const {
  std::vector<std::shared_ptr<const oci::Manifest>> out;
  std::set<oci::Digest> placed;
  const std::function<void(const oci::Digest&)> place = [&](const oci::Digest& digest) {
    if (!placed.insert(digest).second) return;
    const auto& manifest = manifests.at(digest);
    for (const auto& child : manifest->children) {
      if (manifests.contains(child.digest)) place(child.digest);
    }
    out.push_back(manifest);
  };
  place(*root);
  return out;
}

Guarded<SourceImage>& SourceReader::at(std::size_t image) {
  return images_.with([&](const Images& images) -> Guarded<SourceImage>& { return *images.all[image]; });
}

std::pair<std::size_t, bool> SourceReader::enter(const std::vector<Origin>& origins, const places::ManifestName& name,
                                                 const ReadOrder& order) {
  Question question{name.text(), {}, order.platforms, order.include_foreign};
  for (const auto& origin : origins) std::get<1>(question).emplace_back(origin.place->name(), origin.repository);
  return images_.with([&](Images& images) {
    const auto [entry, fresh] = images.seen.emplace(std::move(question), images.all.size());
    if (fresh)
      images.all.push_back(std::make_unique<Guarded<SourceImage>>(SourceImage{.origins = origins, .name = name}));
    return std::pair(entry->second, fresh);
  });
}

Result<std::size_t> SourceReader::add_found(const Origin& origin, places::StoredManifest found, ReadOrder order) {
  const auto digest = found.digest();
  const auto [image, fresh] = enter({origin}, places::ManifestName::digest(digest), order);
  if (!fresh) return image;
  auto read = oci::parse_manifest(std::move(found.bytes), found.media_type, digest);
  if (!read) return refused(std::move(read).error(), order);
  SLUICE_CHECK(take_root(image, origin, std::move(*read), std::make_shared<const ReadOrder>(std::move(order))));
  return image;
}

std::size_t SourceReader::add(const std::vector<Origin>& origins, const places::ManifestName& name, ReadOrder order) {
  const auto [image, fresh] = enter(origins, name, order);
  if (fresh) read_root(image, 0, std::make_shared<const ReadOrder>(std::move(order)));
  return image;
}

// Reads the image's own manifest from the first origin that has it.
void SourceReader::read_root(std::size_t image, std::size_t which, Order order) {
  const auto [origin, name, count] = at(image).with(
      [&](const SourceImage& one) { return std::tuple(one.origins[which], one.name, one.origins.size()); });
  pool_.add({.hosts = {origin.place}, .run = [=, this](const std::stop_token& stop) -> Status {
               auto manifest = origin.place->manifest(origin.repository, name, stop);
               if (!manifest && manifest.error().kind() == ErrorKind::not_found && which + 1 < count) {
                 read_root(image, which + 1, order);
                 return {};
               }
               if (!manifest && !order->attached_to.empty() && manifest.error().kind() == ErrorKind::not_found)
                 return {};  // lists of attachments outlive what they list
               if (!manifest) return refused(std::move(manifest).error(), *order);
               return take_root(image, origin, std::move(*manifest), order);
             }});
}

Status SourceReader::take_root(std::size_t image, const Origin& origin, oci::Manifest manifest, const Order& order) {
  at(image).with([&](SourceImage& one) {
    one.found = origin;
    one.root = manifest.digest;
    one.claimed.insert(manifest.digest);
    one.claimed_bytes = manifest.bytes.size();
  });
  return keep(image, origin, std::move(manifest), 0, order);
}

// Stores a manifest and goes on with the children it names.
Status SourceReader::keep(std::size_t image, const Origin& origin, oci::Manifest manifest, int depth,
                          const Order& order) {
  if (!manifest.children.empty() && depth >= kMaxNesting) {
    return Error(ErrorKind::unsupported,
                 "the index " + manifest.digest.text() + " is nested deeper than " + std::to_string(kMaxNesting));
  }
  if (order->include_foreign) {
    for (auto& layer : manifest.layers) layer.urls.clear();  // the bytes stay as they are
  }
  const auto wanted = wanted_children(manifest, order->platforms);
  if (!manifest.children.empty() && wanted.empty()) {
    // An index below the image's own may have nothing of what was asked for.
    return depth > 0 ? Status() : none_wanted(manifest, *order);
  }
  const auto attached_bytes = attached_bytes_.fetch_add(order->attached_to.empty() ? 0 : manifest.bytes.size());
  if (!order->attached_to.empty() && attached_bytes + manifest.bytes.size() > kMaxManifestBytesOfImage) {
    return refused(Error(ErrorKind::unsupported, "the manifests of all attachments have more than " +
                                                     text::human_bytes(kMaxManifestBytesOfImage) + " together"),
                   *order);
  }
  const auto kept = std::make_shared<const oci::Manifest>(std::move(manifest));
  SLUICE_TRY(const auto claims, at(image).with([&](SourceImage& one) {
    one.manifests.emplace(kept->digest, kept);
    return claim(one, wanted);
  }));
  for (const auto& child : claims) {
    pool_.add({.hosts = {origin.place}, .run = [=, this](const std::stop_token& stop) -> Status {
                 auto part = read_child(origin, child, stop);
                 if (!part) return refused(std::move(part).error(), *order);
                 return keep(image, origin, std::move(*part), depth + 1, order);
               }});
  }
  if (order->read) order->read(image, origin, kept);
  return {};
}

}  // namespace sluice::copy
