#include "copy/source_reader.hpp"

#include "base/text.hpp"

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
      return Error(ErrorKind::unsupported,
                   "an image whose manifests have more than " + text::human_bytes(kMaxManifestBytesOfImage) + " together");
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

// Lists of attachments outlive what they list.
Status refused(Error error, const ReadOrder& order) {
  if (order.attached_to.empty()) return error;
  if (error.kind() == ErrorKind::not_found) return {};
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
    for (const auto& child : manifest->children) place(child.digest);
    out.push_back(manifest);
  };
  place(*root);
  return out;
}

Guarded<SourceImage>& SourceReader::at(std::size_t image) {
  return images_.with([&](const Images& images) -> Guarded<SourceImage>& { return *images.all[image]; });
}

std::size_t SourceReader::add(const std::vector<Origin>& origins, const places::ManifestName& name, ReadOrder order) {
  Question question{name.text(), {}};
  for (const auto& origin : origins) question.second.emplace_back(origin.place->name(), origin.repository);
  const auto [image, fresh] = images_.with([&](Images& images) {
    const auto [entry, inserted] = images.seen.emplace(std::move(question), images.all.size());
    if (inserted)
      images.all.push_back(std::make_unique<Guarded<SourceImage>>(SourceImage{.origins = origins, .name = name}));
    return std::pair(entry->second, inserted);
  });
  if (fresh) read_root(image, 0, std::make_shared<const ReadOrder>(std::move(order)));
  return image;
}

// Reads the image's own manifest from the first origin that has it.
void SourceReader::read_root(std::size_t image, std::size_t which, Order order) {
  const auto [origin, name, count] = at(image).with(
      [&](const SourceImage& one) { return std::tuple(one.origins[which], one.name, one.origins.size()); });
  crew_.add({.hosts = {origin.place},
             .moves_bytes = false,
             .rank = Rank::call(),
             .run = [=, this](const std::stop_token& stop) -> Status {
               auto manifest = origin.place->manifest(origin.repository, name, stop);
               if (!manifest && manifest.error().kind() == ErrorKind::not_found && which + 1 < count) {
                 read_root(image, which + 1, order);
                 return {};
               }
               if (!manifest) return refused(std::move(manifest).error(), *order);
               at(image).with([&](SourceImage& one) {
                 one.found = origin;
                 one.root = manifest->digest;
                 one.claimed.insert(manifest->digest);
                 one.claimed_bytes = manifest->bytes.size();
               });
               return keep(image, origin, std::move(*manifest), 0, order);
             }});
}

// Stores a manifest and goes on with the children it names.
Status SourceReader::keep(std::size_t image, const Origin& origin, oci::Manifest manifest, int depth,
                          const Order& order) {
  if (!manifest.children.empty() && depth >= kMaxNesting) {
    return Error(ErrorKind::unsupported,
                 "the index " + manifest.digest.text() + " is nested deeper than " + std::to_string(kMaxNesting));
  }
  const auto kept = std::make_shared<const oci::Manifest>(std::move(manifest));
  SLUICE_TRY(const auto claims, at(image).with([&](SourceImage& one) {
    one.manifests.emplace(kept->digest, kept);
    return claim(one, kept->children);
  }));
  for (const auto& child : claims) {
    crew_.add({.hosts = {origin.place},
               .moves_bytes = false,
               .rank = Rank::call(),
               .run = [=, this](const std::stop_token& stop) -> Status {
                 SLUICE_TRY(auto part, read_child(origin, child, stop));
                 return keep(image, origin, std::move(part), depth + 1, order);
               }});
  }
  if (order->read) order->read(image, origin, kept);
  return {};
}

}  // namespace sluice::copy
