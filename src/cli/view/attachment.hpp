#pragma once
// What is attached to an image, as commands print it.

#include "copy/survey.hpp"

#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

/// "2 of 2 arrived: 1 signature, 1 SBOM" or "none"; "3 stay at the source: ...". Empty: nobody knows.
std::string attachments_text(const std::optional<std::vector<copy::AttachmentState>>& attachments);

/// What is going to happen: "1 signature, 1 SBOM go along; 1 artifact stays". Empty: there are none, or nobody knows.
std::string planned_attachments_text(const std::optional<std::vector<copy::AttachmentState>>& attachments);

}  // namespace sluice::cli
