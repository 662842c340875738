#pragma once
// Images out of a container engine and into it, as `docker save` and `docker load` move them, with nothing unpacked on
// this side of a copy and no registry that the engine would have to reach.

#include "archive/daemon_name.hpp"
#include "archive/saved_place.hpp"
#include "base/result.hpp"
#include "copy/events.hpp"
#include "copy/survey.hpp"
#include "engine/client.hpp"
#include "net/transfer_loop.hpp"
#include "oci/manifest.hpp"
#include "places/place.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::archive {

/// The engine, and what goes along with it. Borrowed.
struct EngineAccess {
  engine::Client* client = nullptr;
  net::TransferLoop* loop = nullptr;
  std::filesystem::path temp_folder;  ///< where images wait, packed, until they are sent
};

/// An image out of the engine.
struct EngineImage {
  std::string id;  ///< by which the engine knows it
  std::unique_ptr<SavedPlace> place;
};

/// Takes an image out of the engine: it is read once, by its id, and lies packed in the temporary folder for as long as
/// the place lives. Its config is the engine's, byte for byte; its manifest is made here, since engines keep none.
/// Errors: not_found (the engine has no such image), those of engine::Client and read_saved().
Result<EngineImage> take_out(const EngineAccess& engine, const DaemonName& name, copy::Events& events,
                             const std::stop_token& stop);

/// What is to be brought into an engine.
struct LoadOrder {
  copy::Origin from;
  places::ManifestName name;
  std::string source;  ///< for people
  DaemonName to;
  unsigned retry_times = 4;
};

/// What came of it.
struct Loaded {
  oci::Manifest manifest;           ///< of the one platform
  std::string image_id;             ///< by which the engine knows it now
  std::string platform{};           ///< "linux/amd64"; empty: the source was no index
  std::vector<std::string> left{};  ///< platforms of the index that stay behind
  bool was_there = false;           ///< nothing had to be sent
  std::string before{};             ///< id of another image that had the name; it stays, without it
  copy::Amounts bytes{};
  copy::Amounts blobs{};
  std::uint64_t retries = 0;
};

/// Brings an image into the engine under a name. Of an index the engine's own platform is taken. Blobs are verified
/// while they pass; a source that breaks off is read on from there. Errors: not_found (no image, none for the engine's
/// platform), unsupported (no image that an engine runs, layers it cannot unpack), integrity (the engine names another
/// image afterwards), those of places and of engine::Client.
Result<Loaded> bring_in(const EngineAccess& engine, const LoadOrder& order, copy::Events& events,
                        const std::stop_token& stop);

/// The entry of an index that an engine runs; null: there is none. Pure.
const oci::Descriptor* entry_for(const oci::Manifest& index, const engine::EnginePlatform& platform);

}  // namespace sluice::archive
