#include "cli/view/explanations.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace sluice::cli {

namespace {

std::string road_text(const ImageReport& image) {
  auto out = fmt::format("road of {} to {}: {}\n", text::printable(image.image), text::printable(image.target),
                         to_string(image.road));
  for (const auto& road : image.considered)
    out += fmt::format("  {}: {}, {}\n", to_string(road.road), road.taken ? "taken" : "no", text::printable(road.why));
  return out;
}

Json road_json(const ImageReport& image) {
  Json considered = Json::array();
  for (const auto& road : image.considered) {
    considered.push(Json::object().set("road", to_string(road.road)).set("taken", road.taken).set("why", road.why));
  }
  return Json::object()
      .set("image", image.image)
      .set("target", image.target)
      .set("road", to_string(image.road))
      .set("considered", std::move(considered));
}

}  // namespace

std::string explanations_text(const Explanations& explanations) {
  std::string out;
  if (explanations.logins) {
    for (const auto& login : *explanations.logins) out += explain_text(login);
  }
  if (explanations.roads) {
    for (const auto& image : *explanations.roads) out += road_text(image);
  }
  return out;
}

Json explanations_json(const Explanations& explanations) {
  if (!explanations.logins && !explanations.roads) return {};
  Json logins;
  if (explanations.logins) {
    logins = Json::array();
    for (const auto& login : *explanations.logins) logins.push(explain_json(login));
  }
  Json roads;
  if (explanations.roads) {
    roads = Json::array();
    for (const auto& image : *explanations.roads) roads.push(road_json(image));
  }
  return Json::object().set("auth", std::move(logins)).set("roads", std::move(roads));
}

}  // namespace sluice::cli
