#include "archive/engine_images.hpp"
#include "archive/load_body.hpp"
#include "archive/tar.hpp"
#include "base/deadline.hpp"
#include "base/json.hpp"
#include "base/text.hpp"
#include "copy/blob_relay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

namespace sluice::archive {

namespace {

constexpr std::chrono::seconds kShort{60};  // for one small question
constexpr int kMaxNesting = 4;
constexpr std::size_t kMaxConfigBytes = std::size_t{8} * 1024 * 1024;
constexpr int kFirstWithZstd = 23;  // moby #41759; 20.10 ends with "unexpected EOF"

net::ExchangeContext within(std::chrono::seconds span, const std::stop_token& stop) {
  return {Deadline::after(span), stop};
}

// What each machine of an architecture runs (containerd platforms, database.go). Others have no variants in use.
std::string_view baseline_of(std::string_view architecture) {
  if (architecture == "amd64") return "v1";
  if (architecture == "arm64") return "v8";
  return architecture == "arm" ? "v5" : "";
}

// An engine that names no variant may be on the oldest machine of its kind.
bool runs(const oci::Platform& image, const engine::EnginePlatform& engine) {
  if (image.os != engine.os || image.architecture != engine.architecture) return false;
  return image.variant <= (engine.variant.empty() ? baseline_of(engine.architecture) : engine.variant);
}

int major_of(std::string_view version) {
  int major = 0;
  std::from_chars(version.data(), version.data() + version.size(), major);
  return major;
}

std::string shown(const engine::EnginePlatform& platform) {
  return platform.os + "/" + platform.architecture + (platform.variant.empty() ? "" : "/" + platform.variant);
}

// One image, and the blobs of an archive of it.
class Bringer {
 public:
  Bringer(const EngineAccess& engine, const LoadOrder& order, copy::Events& events, const std::stop_token& stop)
      : engine_(engine), order_(order), events_(events), stop_(stop) {}

  Result<Loaded> run() {
    order_.from.place->expect({{order_.from.repository, false}});
    SLUICE_TRY(auto manifest, image());
    SLUICE_CHECK(judge(manifest));
    SLUICE_TRY(const auto facts, engine_.client->facts(within(kShort, stop_)));
    SLUICE_CHECK(judge_layers(manifest, facts));
    Loaded out{.manifest = std::move(manifest), .image_id = {}, .platform = platform_, .left = left_};
    SLUICE_TRY(const auto named, engine_.client->find(order_.to.image, within(kShort, stop_)));
    const auto id = out.manifest.config->digest.text();
    // Engines with the containerd store know an image by another digest, and are sent it always.
    SLUICE_TRY(const auto known, engine_.client->find(id, within(kShort, stop_)));
    out.was_there = known && known->id == id;
    if (named && named->id != id) out.before = named->id;
    total(out);
    if (!out.was_there) {
      SLUICE_CHECK(send(out.manifest));
    } else if (!named || named->id != id) {
      SLUICE_CHECK(engine_.client->tag(id, order_.to.repository, order_.to.tag, within(kShort, stop_)));
    }
    SLUICE_TRY(out.image_id, look(id, facts));
    if (out.before == out.image_id) out.before.clear();
    out.retries = retries_;
    return out;
  }

 private:
  // Down to what the engine runs.
  Result<oci::Manifest> image() {
    SLUICE_TRY(auto manifest, order_.from.place->manifest(order_.from.repository, order_.name, stop_));
    for (int depth = 0; manifest.is_index(); ++depth) {
      SLUICE_TRY(const auto platform, engine_.client->platform(within(kShort, stop_)));
      const auto* entry = depth < kMaxNesting ? entry_for(manifest, platform) : nullptr;
      if (entry == nullptr) {
        return Error(ErrorKind::not_found, fmt::format("{} has no image for {}, which the engine at {} runs; it has {}",
                                                       order_.source, shown(platform), engine_.client->address().shown,
                                                       text::printable(text::join(oci::platforms_of(manifest), ", "))));
      }
      for (const auto& other : oci::platforms_of(manifest)) {
        if (entry->platform && other != entry->platform->text()) left_.push_back(other);
      }
      if (entry->platform) platform_ = entry->platform->text();
      const auto name = places::ManifestName::child(*entry);
      SLUICE_TRY(manifest, order_.from.place->manifest(order_.from.repository, name, stop_));
    }
    return manifest;
  }

  // What else a registry holds (charts, signatures) is nothing that an engine could run.
  Status judge(const oci::Manifest& manifest) {
    const auto type = manifest.config ? manifest.config->media_type : std::string();
    if (type != "application/vnd.docker.container.image.v1+json" && type != "application/vnd.oci.image.config.v1+json")
      return unusable("is no image that an engine runs: its config is " +
                      (type.empty() ? "missing" : text::printable(type)));
    SLUICE_TRY(config_,
               order_.from.place->small_blob(order_.from.repository, *manifest.config, kMaxConfigBytes, stop_));
    SLUICE_TRY(const auto facts, oci::parse_image_config(config_));
    if (facts.diff_ids.size() != manifest.layers.size()) {
      return unusable(
          fmt::format("has {} layers, and its config tells of {}", manifest.layers.size(), facts.diff_ids.size()));
    }
    for (const auto& layer : manifest.layers) {
      if (layer.is_foreign()) return unusable("has a layer that only its vendor gives away, and no registry holds");
    }
    return {};
  }

  Status judge_layers(const oci::Manifest& manifest, const engine::Facts& facts) {
    const bool zstd = std::any_of(manifest.layers.begin(), manifest.layers.end(),
                                  [](const auto& layer) { return layer.media_type.ends_with("+zstd"); });
    if (!zstd || facts.product != "Docker" || major_of(facts.version) >= kFirstWithZstd) return {};
    return Error(ErrorKind::unsupported,
                 fmt::format("{} has layers packed with zstd, and the engine at {} is Docker {}, which cannot unpack "
                             "them; {}.0 and later can",
                             order_.source, engine_.client->address().shown, facts.version, kFirstWithZstd))
        .with_hint("use a newer engine, or build the image with gzip");
  }

  Error unusable(std::string why) const { return {ErrorKind::unsupported, order_.source + " " + std::move(why)}; }

  void total(Loaded& out) {
    std::uint64_t sum = 0;
    const auto blobs = out.manifest.blobs();
    for (const auto& blob : blobs) sum += blob.size_bytes;
    (out.was_there ? out.bytes.present : out.bytes.moved) = sum;
    (out.was_there ? out.blobs.present : out.blobs.moved) = blobs.size();
    events_.emit({.kind = copy::EventKind::total, .bytes = out.was_there ? 0 : sum});
  }

  void tell(copy::EventKind kind, const std::string& digest, std::uint64_t bytes, std::string detail = {}) {
    events_.emit({.kind = kind,
                  .image = order_.to.label(),
                  .target = "docker-daemon",
                  .digest = digest,
                  .bytes = bytes,
                  .detail = std::move(detail)});
  }

  static std::string file_of(const oci::Descriptor& layer) { return layer.digest.hex() + ".tar"; }

  // What comes before the layers: manifest.json and the config.
  Result<std::string> head(const oci::Manifest& manifest) const {
    const auto config = manifest.config->digest.hex() + ".json";
    Json layers = Json::array();
    for (const auto& layer : manifest.layers) layers.push(file_of(layer));
    const auto list = Json::array()
                          .push(Json::object()
                                    .set("Config", config)
                                    .set("RepoTags", Json::array().push(order_.to.image))
                                    .set("Layers", std::move(layers)))
                          .dump();
    SLUICE_TRY(auto out, tar_header("manifest.json", list.size()));
    out += list + tar_padding(list.size());
    SLUICE_TRY(const auto second, tar_header(config, config_.size()));
    return out + second + config_ + tar_padding(config_.size());
  }

  Status send(const oci::Manifest& manifest) {
    SLUICE_TRY(auto begin, head(manifest));
    std::vector<Part> parts;
    std::uint64_t size = begin.size() + tar_end().size();
    std::set<oci::Digest> seen;
    for (const auto& layer : manifest.layers) {
      if (!seen.insert(layer.digest).second) continue;
      SLUICE_TRY(auto header, tar_header(file_of(layer), layer.size_bytes));
      size += header.size() + layer.size_bytes + tar_padding(layer.size_bytes).size();
      parts.push_back({std::move(header), layer});
    }
    LoadBody body;
    auto fed = Status();
    auto taken = Status();
    {
      const std::jthread feeder([&](const std::stop_token& own) {
        const std::stop_callback on_outer(stop_, [&] { body.close(Error(ErrorKind::cancelled, "stopped")); });
        fed = feed(body, std::move(begin), parts, own);
        if (!fed) body.close(fed.error());
      });
      taken = engine_.client->load(*engine_.loop, body, size, stop_);
      body.close(Error(ErrorKind::cancelled, "the engine has ended the transfer"));
    }
    // A body that broke ends the transfer as cancelled; then its feeder has the reason.
    const bool broke = !taken && taken.error().kind() == ErrorKind::cancelled;
    if (!taken && !(broke && !fed)) return std::move(taken).error().context("loading " + order_.to.image);
    if (fed || broke) return fed;
    return Error(ErrorKind::protocol, "the engine answered before it had all of " + order_.to.image);
  }

  struct Part {
    std::string header;
    oci::Descriptor layer;
  };

  Status feed(LoadBody& body, std::string begin, const std::vector<Part>& parts, const std::stop_token& stop) {
    SLUICE_CHECK(body.put(std::move(begin), stop));
    for (const auto& part : parts) {
      SLUICE_CHECK(body.put(part.header, stop));
      tell(copy::EventKind::blob_started, part.layer.digest.text(), part.layer.size_bytes);
      SLUICE_CHECK(pass(body, part.layer, stop));
      tell(copy::EventKind::blob_done, part.layer.digest.text(), part.layer.size_bytes, "moved");
      SLUICE_CHECK(body.put(tar_padding(part.layer.size_bytes), stop));
    }
    return body.put(tar_end(), stop);
  }

  // A small blob is read whole, with the place's own retries, before a byte of it is sent.
  Status pass(LoadBody& body, const oci::Descriptor& layer, const std::stop_token& stop) {
    if (!copy::source_returns(layer)) {
      SLUICE_TRY(auto bytes, order_.from.place->small_blob(order_.from.repository, layer,
                                                           static_cast<std::size_t>(copy::kReturnBytes), stop));
      // Whatever the place has checked: bytes beyond the header's size would be entries that somebody else wrote.
      if (bytes.size() != layer.size_bytes) {
        return Error(ErrorKind::integrity,
                     fmt::format("the layer {} of {} has {} bytes, and its manifest promises {}", layer.digest.brief(),
                                 order_.source, bytes.size(), layer.size_bytes));
      }
      tell(copy::EventKind::blob_progress, layer.digest.text(), bytes.size());
      return body.put(std::move(bytes), stop);
    }
    places::BlobPipe pipe(
        layer, [&](std::uint64_t bytes) { tell(copy::EventKind::blob_progress, layer.digest.text(), bytes); },
        places::PipeOptions{.source_returns = true});
    const auto resumed = [&](const Error& why, std::uint64_t position, std::chrono::milliseconds) {
      ++retries_;
      tell(copy::EventKind::blob_retried, layer.digest.text(), layer.size_bytes, why.sentence());
      if (position == 0) return;
      tell(copy::EventKind::blob_resumed, layer.digest.text(), position);
      tell(copy::EventKind::blob_progress, layer.digest.text(), position);
    };
    // The engine's side cannot begin anew: what it has of the archive, it has.
    const copy::RelayOptions again{.retry_times = order_.retry_times, .from_beginning = true};
    copy::BlobRelay relay(order_.from, pipe, again, resumed, stop);
    SLUICE_CHECK(body.pass(pipe, stop));
    return relay.finish();
  }

  // What the engine has under the name now.
  Result<std::string> look(const std::string& id, const engine::Facts& facts) {
    SLUICE_TRY(const auto now, engine_.client->find(order_.to.image, within(kShort, stop_)));
    if (!now) {
      return Error(ErrorKind::integrity,
                   "the engine took " + order_.to.image + " without an error, and does not have it now");
    }
    if (now->id != id && !facts.containerd_store) {
      return Error(ErrorKind::integrity, fmt::format("the engine calls {} {} now, and it was brought {}",
                                                     text::printable(now->id), order_.to.image, id));
    }
    events_.emit({.kind = copy::EventKind::tag,
                  .image = order_.to.label(),
                  .target = order_.to.text(),
                  .digest = now->id,
                  .detail = order_.to.tag});
    return now->id;
  }

  const EngineAccess& engine_;
  const LoadOrder& order_;
  copy::Events& events_;
  std::stop_token stop_;
  std::string config_;
  std::string platform_;
  std::vector<std::string> left_;
  std::atomic<std::uint64_t> retries_{0};
};

}  // namespace

// An index may name several: the one for the variant, else the latest that runs; equal ones in the index's order.
const oci::Descriptor* entry_for(const oci::Manifest& index, const engine::EnginePlatform& platform) {
  const oci::Descriptor* best = nullptr;
  for (const auto& child : index.children) {
    if (!child.platform || !runs(*child.platform, platform)) continue;
    if (best == nullptr || child.platform->variant > best->platform->variant) best = &child;
  }
  return best;
}

Result<Loaded> bring_in(const EngineAccess& engine, const LoadOrder& order, copy::Events& events,
                        const std::stop_token& stop) {
  return Bringer(engine, order, events, stop).run();
}

}  // namespace sluice::archive
