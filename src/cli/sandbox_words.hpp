#pragma once
// How sluice-sandbox is found and called. Pure.

#include "cli/options.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::cli {

/// Where sluice-sandbox may be, in the order in which it is looked for: beside `folder`'s program, in libexec, on the
/// PATH. An empty part of the PATH is passed over: it would mean the folder that one happens to stand in.
std::vector<std::filesystem::path> sandbox_candidates(const std::filesystem::path& folder, std::string_view path);

/// The command line that means the same to sluice-sandbox, its name first.
std::vector<std::string> sandbox_words(const SandboxRun& run, const Common& common);

}  // namespace sluice::cli
