#pragma once
// The stations that images pass, in order, from the moves of a script. Pure.

#include "migration/notebook.hpp"

#include <string>
#include <utility>
#include <vector>

namespace sluice::migration {

/// A place that images pass; where one project holds several environments, with the tag that tells them apart.
struct Station {
  Spot spot;
  std::string tag;  ///< "" unless the project is shared
  friend auto operator<=>(const Station&, const Station&) = default;
};

/// What goes from one station to another.
struct Stretch {
  std::size_t from = 0;  ///< positions in Route::stations
  std::size_t to = 0;
  std::vector<std::string> images;
  std::vector<std::string> from_tags;  ///< as a pattern: '*' for what is unknown
  std::vector<std::string> to_tags;
  int line = 1;  ///< of the first
};

struct Route {
  std::vector<Station> stations;  ///< the first is where images are born; in an order that no stretch goes against
  std::vector<Stretch> stretches;
  std::vector<std::string> images;  ///< in the order of the script
};

/// Of several routes that which carries most images; what does not belong to it is noted as not understood.
/// Without any move that can be used the route has no station.
Route find_route(Notebook& notebook);

}  // namespace sluice::migration
