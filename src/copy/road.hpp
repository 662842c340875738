#pragma once
// Road: how an image's bytes get to the target. Design section 2.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::copy {

enum class Road : std::uint8_t {
  present,  ///< everything is there; at most a tag is written
  mount,    ///< the registry links blobs from one of its repositories to another
  stream,   ///< bytes flow through us, never to disk
  // The next two are not ours: the cluster does them when promotion asks. They stand here so that there is one list.
  tag,            ///< an ImageStreamTag of the same cluster; no bytes move
  import_images,  ///< the target cluster pulls
};

constexpr std::string_view to_string(Road road) {
  switch (road) {
    case Road::present:
      return "present";
    case Road::mount:
      return "mount";
    case Road::stream:
      return "stream";
    case Road::tag:
      return "tag";
    case Road::import_images:
      return "import";
  }
  return "stream";
}

/// A road that was thought about for one image (--explain-road).
struct ConsideredRoad {
  Road road = Road::stream;
  bool taken = false;
  std::string why;  ///< one clause: why it was taken, or why not
  friend bool operator==(const ConsideredRoad&, const ConsideredRoad&) = default;
};

}  // namespace sluice::copy
