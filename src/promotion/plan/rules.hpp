#pragma once
// The rules of design section 3 on what is promoted and which tags are written. Pure.

#include "base/result.hpp"
#include "oci/digest.hpp"
#include "pipeline/pipeline.hpp"
#include "records/records.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sluice::promotion {

/// The tag that workloads of an environment watch: its own `tag:`, else the exact source tag, else "live". In the
/// first environment images are born under the source tag.
std::string moving_tag(const pipeline::Pipeline& pipeline, const pipeline::Environment& environment);

/// The tags a release is written to: its own tag as a pin when it was found by a pattern, then the moving tag.
std::vector<std::string> tags_to_write(const pipeline::Pipeline& pipeline, const pipeline::Environment& environment,
                                       const records::Release& release, const std::string& image);

/// The newest tag that matches the pattern and that every image carries. `tags` has one list per image.
/// Errors: not_found, naming what is missing where.
Result<std::string> newest_common_tag(const std::string& pattern, const std::vector<std::string>& images,
                                      const std::vector<std::vector<std::string>>& tags);

/// What an environment shows at its moving tags: per target, per image of the pipeline.
struct Observed {
  std::vector<std::vector<std::optional<oci::Digest>>> digests;
};

/// What an environment holds, judged from what was observed there.
struct Holding {
  enum class Kind : std::uint8_t {
    nothing,  ///< no image is there
    release,  ///< exactly this known release, at every target
    unknown,  ///< complete and equal at every target, but no release we know: may be adopted
    mixed,    ///< incomplete, different between targets, or put together from several releases
  };
  Kind kind = Kind::nothing;
  std::optional<records::Release> release{};
  std::vector<records::ReleaseImage> images{};  ///< `release` and `unknown`: the digests, with the moving tag
  std::string why{};                            ///< `mixed`: one clause
};

/// `known` finds the newest release with these digests, `in_some_release` tells whether one image's digest belongs to a
/// known one.
Holding judge(const pipeline::Pipeline& pipeline, const std::string& tag, const Observed& observed,
              const std::function<std::optional<records::Release>(const std::vector<records::ReleaseImage>&)>& known,
              const std::function<bool(const records::ReleaseImage&)>& in_some_release);

}  // namespace sluice::promotion
