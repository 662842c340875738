#include "archive/engine_images.hpp"
#include "base/deadline.hpp"
#include "base/text.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

namespace sluice::archive {

namespace {

constexpr std::chrono::seconds kShort{60};  // for one small question

// An image is packed to less than it has unpacked; small files, and engines that count otherwise, get some room.
constexpr std::uint64_t kRoomBytes = std::uint64_t{1} << 30;

ArchiveLimits limits_for(std::uint64_t image_bytes) {
  ArchiveLimits limits;
  // Engines that do not say a size are held to the general limit.
  if (image_bytes > 0 && image_bytes < limits.spooled_bytes / 4) limits.spooled_bytes = 2 * image_bytes + kRoomBytes;
  return limits;
}

// By an id of its own, an image of a graph driver is its config (moby image spec). Others number differently.
bool id_is_config(const engine::Facts& facts) { return !facts.containerd_store && facts.product == "Docker"; }

Status check_id(const SavedImage& image, const std::string& id, const engine::Facts& facts) {
  const auto config = image.manifest.config ? image.manifest.config->digest.text() : std::string();
  if (!id_is_config(facts) || config == id) return {};
  return Error(ErrorKind::integrity, "the engine was asked for the image " + text::printable(id) +
                                         ", and the archive that it sent holds " + config);
}

}  // namespace

Result<EngineImage> take_out(const EngineAccess& engine, const DaemonName& name, copy::Events& events,
                             const std::stop_token& stop) {
  const net::ExchangeContext context{Deadline::after(kShort), stop};
  SLUICE_TRY(const auto facts, engine.client->facts(context));
  SLUICE_TRY(const auto found, engine.client->find(name.image, context));
  const auto at = engine.client->address().shown;
  if (!found) {
    return Error(ErrorKind::not_found, "the engine at " + at + " has no image " + name.image)
        .with_hint("see which images it has: docker images");
  }
  SLUICE_TRY(auto spool, Spool::open(engine.temp_folder, found->size_bytes));
  events.emit(
      {.kind = copy::EventKind::note,
       .image = name.label(),
       .target = {},
       .digest = {},
       .bytes = 0,
       .detail = "reading " + name.image + " (" + text::human_bytes(found->size_bytes) + ") out of the engine"});
  // By its id: a name may stand for another image by now, and a repository's name for all of its tags.
  SLUICE_TRY(auto body, engine.client->save(found->id, found->size_bytes, stop));
  const net::ExchangeContext whole{Deadline::never(), stop};
  auto read = [&]() -> Result<std::string> {
    for (;;) {
      SLUICE_TRY(auto piece, body->read(whole));
      if (piece) return std::move(*piece);
    }
  };
  auto image = read_saved(read, spool, limits_for(found->size_bytes));
  if (!image) return std::move(image).error().context("reading " + name.image + " out of the engine at " + at);
  SLUICE_CHECK(check_id(*image, found->id, facts));
  return EngineImage{.id = found->id,
                     .place = std::make_unique<SavedPlace>("docker-daemon", std::move(*image), std::move(spool))};
}

}  // namespace sluice::archive
