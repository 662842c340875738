#pragma once
// What an image stream says of a tag beside the image that it stands for: an import that failed, a tag that is only a
// reference. Pure.

#include "base/finding.hpp"
#include "kube/objects/images.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sluice::promotion {

/// Why the tag holds no image, or not the one that its import was to bring: "its import from HOST/x:1 failed: ...".
/// Empty: nothing is known to be wrong.
std::string import_trouble(const kube::ImageStream& stream, std::string_view tag);

/// What is odd about the tag that a release is made of, though an image stands there: import-failed, tag-is-reference.
/// `where`: the label of its project.
std::vector<Finding> source_tag_findings(const std::string& where, const kube::ImageStream& stream,
                                         const std::string& tag);

/// That the tag which is moved is only a reference so far, or imported by schedule: tag-is-reference, schedule-ends.
std::vector<Finding> target_tag_findings(const std::string& where, const kube::ImageStream& stream,
                                         const std::string& tag);

}  // namespace sluice::promotion
