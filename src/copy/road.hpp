#pragma once
// Road: how an image's bytes get to the target. Design section 2.

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::copy {

enum class Road : std::uint8_t {
  present,        ///< everything is there; at most a tag is written
  tag,            ///< an ImageStreamTag of the same cluster
  mount,          ///< the registry links blobs from one of its repositories to another
  stream,         ///< bytes flow through us, never to disk
  import_images,  ///< the target cluster pulls
  docker,         ///< a container engine on this host pulls, and pushes
};

/// Whose work it is to bring the content.
enum class Bearer : std::uint8_t { nobody, cluster, registry, us, engine };

struct RoadTraits {
  Road road;
  std::string_view name;  ///< as people and records write it
  Bearer bearer;
  bool only_asked;  ///< taken only when it is asked for
};

/// All that tells roads apart, cheapest first. The copy engine decides between those of registry and us; what a cluster
/// bears is asked of its API by promotion/, and what an engine bears goes through engine/.
inline constexpr std::array kRoads{
    RoadTraits{Road::present, "present", Bearer::nobody, false},
    RoadTraits{Road::tag, "tag", Bearer::cluster, false},
    RoadTraits{Road::mount, "mount", Bearer::registry, false},
    RoadTraits{Road::stream, "stream", Bearer::us, false},
    RoadTraits{Road::import_images, "import", Bearer::cluster, true},
    RoadTraits{Road::docker, "docker", Bearer::engine, true},
};

constexpr const RoadTraits& traits_of(Road road) {
  return *std::find_if(kRoads.begin(), kRoads.end(), [&](const RoadTraits& one) { return one.road == road; });
}

constexpr std::string_view to_string(Road road) { return traits_of(road).name; }

/// Empty: there is no road of this name.
constexpr std::optional<Road> parse_road(std::string_view name) {
  const auto found =
      std::find_if(kRoads.begin(), kRoads.end(), [&](const RoadTraits& one) { return one.name == name; });
  return found == kRoads.end() ? std::nullopt : std::optional(found->road);
}

/// A road that was thought about for one image (--explain-road).
struct ConsideredRoad {
  Road road = Road::stream;
  bool taken = false;
  std::string why;  ///< one clause: why it was taken, or why not
  friend bool operator==(const ConsideredRoad&, const ConsideredRoad&) = default;
};

}  // namespace sluice::copy
