#pragma once
// A pipeline from an existing script: what `docker pull`, `tag`, `push`, `skopeo copy`, `oc tag` and the like in it
// amount to. Pure; the script is never run, and no value of a password or token is looked at.

#include "base/finding.hpp"
#include "base/result.hpp"
#include "migration/notebook.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::migration {

inline constexpr std::size_t kMaxScriptFile = 262'144;  // bytes; the largest Jenkinsfiles that were seen have 100 KB

/// What was said on the command line; all else is guessed.
struct ScriptWish {
  std::string app{};
  std::string cluster{};                        ///< of the first environment; of all, when it is the only one
  std::string to_cluster{};                     ///< of the others
  std::string tag{};                            ///< of the source
  std::map<std::string, std::string> values{};  ///< of variables that the script does not hold
};

struct FromScript {
  pipeline::Pipeline pipeline;
  std::string text;  ///< of the pipeline file, with comments
  std::vector<Finding>
      notes;  ///< info: what was guessed, and which logins are needed; warning: what was not understood
};

/// `file` is for comments and messages. The pipeline was read back with `clusters`.
/// Errors: usage (nothing found that moves an image, with what was not understood), config (the pipeline is refused).
Result<FromScript> pipeline_from_script(std::string_view script, const std::string& file, const ScriptWish& wish,
                                        const pipeline::Clusters& clusters);

/// The first half: what the script does.
Notebook read_script(std::string_view script, const std::string& file, const ScriptWish& wish);

}  // namespace sluice::migration
