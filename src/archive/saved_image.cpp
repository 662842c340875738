#include "archive/saved_image.hpp"

#include "archive/gzip.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace sluice::archive {

namespace {

constexpr int kMaxLinks = 8;
constexpr std::size_t kLongestMagic = 6;
constexpr std::string_view kConfigType = "application/vnd.docker.container.image.v1+json";
constexpr std::string_view kLayerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

// One file of the archive, as far as it was kept.
struct Kept {
  std::string link{};     // where it leads instead
  std::string text{};     // its bytes, when they may be JSON
  std::string digest{};   // hex, of the bytes as they came
  std::string diff_id{};  // hex, of the content unpacked
  std::string packed{};   // hex, of what is in the spool
  Spooled where{};
  std::string unread{};  // the packing, when it is none that is read here
};

Error broken(std::string why) { return {ErrorKind::protocol, std::move(why)}; }
Error too_much(std::string why) { return {ErrorKind::unsupported, std::move(why)}; }

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

enum class Packing : std::uint8_t { none, gzip, unread };

Packing packing_of(std::string_view start, std::string& name) {
  using namespace std::string_view_literals;
  if (start.starts_with("\x1f\x8b"sv)) return Packing::gzip;
  for (const auto& [magic, what] : {std::pair("\x28\xb5\x2f\xfd"sv, "zstd"),
                                    std::pair("\xfd"
                                              "7zXZ\0"sv,
                                              "xz"),
                                    std::pair("BZh"sv, "bzip2")}) {
    if (start.starts_with(magic)) name = what;
  }
  return name.empty() ? Packing::none : Packing::unread;
}

// What all files of an archive weigh together, so far.
class Weight {
 public:
  explicit Weight(const ArchiveLimits& limits) : limits_(limits) {}

  Status unpacked(std::size_t bytes) {
    unpacked_bytes_ += bytes;
    if (unpacked_bytes_ <= limits_.unpacked_bytes) return {};
    return too_much("an archive of more than " + text::human_bytes(limits_.unpacked_bytes));
  }
  Status spooled(std::uint64_t bytes) const {
    if (bytes <= limits_.spooled_bytes) return {};
    return too_much("an archive of more than " + text::human_bytes(limits_.spooled_bytes) + ", packed");
  }

 private:
  ArchiveLimits limits_;
  std::uint64_t unpacked_bytes_ = 0;
};

// The content of one file on its way into the spool.
class Intake {
 public:
  Intake(Spool& spool, Weight& weight) : spool_(spool), weight_(weight) { kept_.where.offset = spool.size(); }

  Status take(std::span<const std::byte> bytes) {
    if (begun_) return pass(bytes);
    // The first bytes tell the packing, and come in as many pieces as the sender likes.
    start_ += as_text(bytes);
    return start_.size() < kLongestMagic ? Status() : begin();
  }

  Result<Kept> finish() {
    if (!begun_) SLUICE_CHECK(begin());
    if (packing_ == Packing::none) SLUICE_CHECK(gzip_->finish());
    if (packing_ == Packing::gzip && kept_.unread.empty()) SLUICE_CHECK(note(gunzip_->finish()));
    kept_.digest = raw_.finish_hex();
    kept_.packed = packed_.finish_hex();
    kept_.diff_id = packing_ == Packing::gzip ? unpacked_.finish_hex() : kept_.digest;
    kept_.where.size_bytes = spool_.size() - kept_.where.offset;
    return std::move(kept_);
  }

 private:
  Status begin() {
    begun_ = true;
    packing_ = packing_of(start_, kept_.unread);
    if (packing_ == Packing::none) gzip_.emplace([this](std::string_view bytes) { return keep(bytes); });
    if (packing_ == Packing::gzip)
      gunzip_.emplace([this](std::string_view bytes) {
        unpacked_.update(bytes);
        return weight_.unpacked(bytes.size());
      });
    const auto start = std::exchange(start_, {});
    return pass(std::as_bytes(std::span(start)));
  }
  Status pass(std::span<const std::byte> bytes) {
    raw_.update(bytes);
    if (packing_ == Packing::unread) return {};
    if (packing_ == Packing::none) return gzip_->feed(bytes);
    SLUICE_CHECK(keep(as_text(bytes)));
    // What only looks like gzip may be no layer at all: it is judged when somebody wants it.
    return kept_.unread.empty() ? note(gunzip_->feed(bytes)) : Status();
  }
  Status keep(std::string_view bytes) {
    SLUICE_CHECK(weight_.spooled(spool_.size() + bytes.size()));
    packed_.update(bytes);
    return spool_.append(bytes);
  }
  // A packing that is damaged is noted; a limit ends all.
  Status note(Status status) {
    if (status || status.error().kind() != ErrorKind::integrity) return status;
    kept_.unread = "gzip, and is damaged";
    return {};
  }

  Spool& spool_;
  Weight& weight_;
  Kept kept_;
  bool begun_ = false;
  std::string start_;  // until then
  Packing packing_ = Packing::none;
  Hasher raw_{HashAlgorithm::sha256};
  Hasher packed_{HashAlgorithm::sha256};
  Hasher unpacked_{HashAlgorithm::sha256};
  std::optional<Gzip> gzip_;
  std::optional<Gunzip> gunzip_;
};

bool may_be_json(std::string_view start) { return start.starts_with('{') || start.starts_with('['); }

class Reader {
 public:
  Reader(NextBytes next, Spool& spool, const ArchiveLimits& limits)
      : tar_(std::move(next)), spool_(spool), limits_(limits), weight_(limits) {}

  Result<SavedImage> run() {
    for (;;) {
      SLUICE_TRY(auto entry, tar_.next());
      if (!entry) break;
      if (++entries_ > limits_.entries)
        return too_much(fmt::format("an archive of more than {} files", limits_.entries));
      SLUICE_CHECK(take(std::move(*entry)));
    }
    return image();
  }

 private:
  Status take(TarEntry entry) {
    if (entry.kind == EntryKind::folder) return {};
    if (entry.kind == EntryKind::other) return broken("the archive holds a device: " + text::printable(entry.path));
    auto kept = Kept{.link = entry.link};
    if (entry.kind == EntryKind::file) {
      SLUICE_TRY(kept, take_file());
    }
    // The first name is as good as the second one: two readers would see two images.
    if (!kept_.emplace(entry.path, std::move(kept)).second)
      return broken("the archive holds " + text::printable(entry.path) + " twice");
    return {};
  }

  Result<Kept> take_file() {
    Intake intake(spool_, weight_);
    std::string text;
    std::optional<bool> keeps_text;
    for (;;) {
      SLUICE_TRY(const auto bytes, tar_.read());
      if (bytes.empty()) break;
      SLUICE_CHECK(weight_.unpacked(bytes.size()));
      SLUICE_CHECK(intake.take(bytes));
      if (!keeps_text) keeps_text = may_be_json(as_text(bytes));
      // What is longer is a layer whose first file has such a name.
      keeps_text = *keeps_text && text.size() + bytes.size() <= limits_.text_bytes;
      if (*keeps_text) text += as_text(bytes);
    }
    SLUICE_TRY(auto kept, intake.finish());
    if (!keeps_text.value_or(false)) return kept;
    text_bytes_ += text.size();
    if (text_bytes_ > limits_.all_text_bytes)
      return too_much("an archive with more than " + text::human_bytes(limits_.all_text_bytes) + " of JSON");
    kept.text = std::move(text);
    return kept;
  }

  // The file behind a name, through its links.
  Result<const Kept*> file(const std::string& named, std::string_view what) const {
    SLUICE_TRY(auto path, path_inside("", named));
    for (int links = 0; links <= kMaxLinks; ++links) {
      const auto found = kept_.find(path);
      if (found == kept_.end()) return broken(fmt::format("the archive lacks the {} {}", what, text::printable(named)));
      if (found->second.link.empty()) return &found->second;
      path = found->second.link;
    }
    return broken(fmt::format("the archive's {} {} is a link that leads nowhere", what, text::printable(named)));
  }

  Result<Json> only_image() const {
    SLUICE_TRY(const auto* list, file("manifest.json", "file"));
    const auto read = parse_json(list->text, {.max_bytes = limits_.text_bytes});
    if (!read || !read->is_array()) return broken("the archive's manifest.json is no list of images");
    if (read->items().size() > 1) {
      return Error(ErrorKind::unsupported, fmt::format("the archive holds {} images", read->items().size()))
          .with_hint("save one image alone");
    }
    if (read->items().empty() || !read->items().front().is_object())
      return broken("the archive's manifest.json lists no image");
    return read->items().front();
  }

  Result<SavedImage> image() const {
    SLUICE_TRY(const auto entry, only_image());
    const auto config_name = entry.string_at("Config");
    const auto* layers = entry.find("Layers");
    if (!config_name || layers == nullptr || !layers->is_array())
      return broken("the archive's manifest.json names no config, or no layers");
    SLUICE_TRY(const auto* config, file(*config_name, "config"));
    if (config->text.empty()) return broken("the archive's config " + text::printable(*config_name) + " is no JSON");
    SLUICE_TRY(auto facts, oci::parse_image_config(config->text));
    if (layers->items().size() != facts.diff_ids.size()) {
      return Error(ErrorKind::integrity, fmt::format("the archive's manifest.json names {} layers, and the config {}",
                                                     layers->items().size(), facts.diff_ids.size()));
    }
    std::vector<SavedLayer> all;
    for (std::size_t n = 0; n < facts.diff_ids.size(); ++n) {
      SLUICE_TRY(auto layer, this->layer(layers->items()[n].as_string().value_or(""), facts.diff_ids[n]));
      all.push_back(std::move(layer));
    }
    std::vector<std::string> tags;
    if (const auto* names = entry.find("RepoTags"); names != nullptr && names->is_array()) {
      for (const auto& one : names->items()) {
        if (auto name = one.as_string()) tags.push_back(text::printable(*name, 300));
      }
    }
    SLUICE_TRY(auto manifest, manifest_of(*config, all));
    std::set<oci::Digest> seen;
    std::erase_if(all, [&](const SavedLayer& one) { return !seen.insert(one.blob.digest).second; });
    return SavedImage{.manifest = std::move(manifest),
                      .config = config->text,
                      .facts = std::move(facts),
                      .layers = std::move(all),
                      .repo_tags = std::move(tags)};
  }

  Result<SavedLayer> layer(const std::string& name, const std::string& expected) const {
    SLUICE_TRY(const auto* found, file(name, "layer"));
    if (!found->unread.empty()) {
      return Error(ErrorKind::unsupported,
                   fmt::format("the archive's layer {} is packed with {}", text::printable(name), found->unread));
    }
    if ("sha256:" + found->diff_id != expected) {
      return Error(ErrorKind::integrity,
                   fmt::format("the archive's layer {} unpacks to sha256:{}, and the config says {}",
                               text::printable(name), found->diff_id, text::printable(expected)));
    }
    SLUICE_TRY(auto diff_id, oci::Digest::parse("sha256:" + found->diff_id));
    SLUICE_TRY(auto digest, oci::Digest::parse("sha256:" + found->packed));
    return SavedLayer{.blob = {.media_type = std::string(kLayerType),
                               .digest = std::move(digest),
                               .size_bytes = found->where.size_bytes,
                               .urls = {},
                               .platform = {},
                               .artifact_type = {}},
                      .diff_id = std::move(diff_id),
                      .where = found->where};
  }

  static Result<oci::Manifest> manifest_of(const Kept& config, const std::vector<SavedLayer>& layers) {
    Json list = Json::array();
    for (const auto& one : layers) {
      list.push(Json::object()
                    .set("mediaType", kLayerType)
                    .set("size", one.blob.size_bytes)
                    .set("digest", one.blob.digest.text()));
    }
    const auto document = Json::object()
                              .set("schemaVersion", 2)
                              .set("mediaType", oci::media::kDockerManifest)
                              .set("config", Json::object()
                                                 .set("mediaType", kConfigType)
                                                 .set("size", std::uint64_t{config.text.size()})
                                                 .set("digest", "sha256:" + config.digest))
                              .set("layers", std::move(list));
    return oci::parse_manifest(document.dump(), oci::media::kDockerManifest);
  }

  TarReader tar_;
  Spool& spool_;
  ArchiveLimits limits_;
  Weight weight_;
  std::map<std::string, Kept> kept_;
  std::size_t entries_ = 0;
  std::uint64_t text_bytes_ = 0;
};

}  // namespace

Result<SavedImage> read_saved(NextBytes next, Spool& spool, const ArchiveLimits& limits) {
  return Reader(std::move(next), spool, limits).run();
}

}  // namespace sluice::archive
