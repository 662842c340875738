#pragma once
// Road: how an image's bytes get to the target. Design section 2.

#include <cstdint>
#include <optional>
#include <string_view>

namespace sluice::copy {

enum class Road : std::uint8_t {
  present,  ///< everything is there; at most a tag is written
  mount,    ///< the registry links blobs from one of its repositories to another
  stream,   ///< bytes flow through us, never to disk
};

constexpr std::string_view to_string(Road road) {
  switch (road) {
    case Road::present:
      return "present";
    case Road::mount:
      return "mount";
    case Road::stream:
      return "stream";
  }
  return "stream";
}

}  // namespace sluice::copy
