#pragma once
// Writing image streams: every way to change one (the stream itself, its tags, an import, a push) goes through here, so
// that defaults, generations, rights, history and limits are the same everywhere.

#include "base/json.hpp"
#include "sandbox/core/access.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/core/store.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace sluice::sandbox {

struct World;

inline constexpr std::string_view kImageGroup = "image.openshift.io";
inline constexpr std::string_view kImageStreams = "imagestreams.image.openshift.io";
inline constexpr std::string_view kImages = "images.image.openshift.io";

Key stream_key(std::string_view ns, std::string_view name);
/// Null when there is none.
ObjectRef find_stream(const World& world, std::string_view ns, std::string_view name);
/// Null when there is none.
ObjectRef find_image_object(const World& world, std::string_view digest);

/// Defaults, checks and tags a stream that is about to be made: metadata.name and namespace are set.
Verdict prepare_stream(World& world, const Caller& caller, Json& stream);
/// The same for a changed one. Its status is the stored one, to which events are added.
Verdict prepare_stream(World& world, const Caller& caller, const Json& before, Json& stream);
/// A status that somebody wrote: in order and checked.
Verdict prepare_stream_status(World& world, Json& stream);

/// Who makes a stream. 3.11 stores a stream that a tag write made once more with its next write, even when that changes
/// nothing: its repository is only kept from then on.
enum class StreamMaker : std::uint8_t { stream_write, tag_write };
/// Stores a stream that does not exist yet, quota not looked at, and counts it.
Answer<ObjectRef> make_stream(World& world, const Caller& caller, std::string_view ns, Json stream,
                              StreamMaker maker = StreamMaker::stream_write);
/// Stores a changed stream. Its status is the stored one, or changed on purpose.
Answer<ObjectRef> change_stream(World& world, const Caller& caller, const Json& before, Json stream);
/// Stores changes of the history alone: the generation stays. Refusal: 422 when a limit is exceeded.
Answer<ObjectRef> change_stream_status(World& world, Json stream);

/// Knob "conflict": a phantom writer changes the stream now. True when it did.
bool meet_phantom_writer(World& world, const Key& key);

/// status.dockerImageRepository and publicDockerImageRepository, as every read shows them.
void show_repositories(const World& world, Json& stream, bool with_public = true);

/// A Status without details: what the virtual kinds answer to a deletion and to a mapping.
Json plain_success();
/// kind and apiVersion in front of an object that is made for one answer.
Json with_kind(std::string_view kind, bool legacy, const Json& object);

}  // namespace sluice::sandbox
