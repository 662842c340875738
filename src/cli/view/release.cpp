#include "cli/view/release.hpp"

#include "base/text.hpp"
#include "cli/view/times.hpp"

#include <fmt/format.h>

#include <vector>

namespace sluice::cli {

Json release_json(const records::Release& release) {
  Json images = Json::array();
  for (const auto& image : release.images) {
    images.push(Json::object().set("name", image.name).set("digest", image.digest.text()).set("tag", image.tag));
  }
  return Json::object()
      .set("app", release.app)
      .set("release", release.number == 0 ? Json() : Json(release.number))
      .set("release_id", release.id)
      .set("images", std::move(images))
      .set("adopted", release.adopted)
      .set("origin", release.origin)
      .set("created", release.created_at == 0 ? Json() : Json(utc(release.created_at)));
}

std::string images_text(const records::Release& release) {
  std::vector<std::string> parts;
  for (const auto& image : release.images) {
    if (parts.size() == 4 && release.images.size() > 5) {
      parts.push_back(fmt::format("and {} more", release.images.size() - 4));
      break;
    }
    parts.push_back(fmt::format("{}:{}@{}", image.name, image.tag, image.digest.brief()));
  }
  return text::join(parts, "  ");
}

}  // namespace sluice::cli
