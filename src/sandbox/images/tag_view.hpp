#pragma once
// ImageStreamTag, ImageTag and ImageStreamImage as they are shown: made anew from the stream at every read.
// Source: OpenShift image/v1.

#include "base/json.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/core/store.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sluice::sandbox {

struct World;

/// "stream:tag" taken apart.
struct TagName {
  std::string stream;
  std::string tag;
  std::string text() const { return stream + ":" + tag; }
  /// Empty unless there is one colon with something on both sides.
  static std::optional<TagName> parse(std::string_view text);
};

/// What goes into one tag view.
struct TagViewOptions {
  bool legacy = false;
  bool in_list = false;  ///< short image, no kind and apiVersion
};

/// The ImageStreamTag of a stream at hand, whether or not it has an image (answers to writes).
Json tag_view(const World& world, const Json& stream, std::string_view tag, const TagViewOptions& options);
/// The ImageStreamTag that a GET shows. Refusals: 404 of the tag, of the stream, or of the Image by its digest.
Answer<Json> read_tag(const World& world, std::string_view ns, const TagName& name, const TagViewOptions& options);

/// The ImageTag (4.4 and later): every spec tag and every tag with a history has one.
Json image_tag_view(const World& world, const Json& stream, std::string_view tag, bool in_list);

/// The ImageStreamImage "stream@id". Refusals: 400, 404, 409.
Answer<Json> read_stream_image(const World& world, std::string_view ns, std::string_view name, bool legacy);

/// An Image as it stands inside of other objects: without the text of manifest and config.
Json embedded_image(const Json& image);
/// The members that every Image shows, empty: what is there when an image is not known.
Json blank_image();

}  // namespace sluice::sandbox
