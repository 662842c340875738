#include "promotion/memory/place_keys.hpp"

namespace sluice::promotion {

std::vector<std::string> place_keys(const pipeline::Target& target, const std::vector<std::string>& images,
                                    const std::string& tag) {
  std::vector<std::string> out;
  for (const auto& image : images) {
    const auto within = "/" + image + ":" + tag;
    if (!target.place.empty()) out.push_back(target.place + within);
    out.push_back(target.id() + within);
  }
  return out;
}

}  // namespace sluice::promotion
