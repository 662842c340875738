// Any text as a script: a pipeline that can be read, or an error; and nothing of a password's variable in either.

#include "fuzz/require.hpp"
#include "migration/from_script.hpp"

#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string script(reinterpret_cast<const char*>(data), size);
  for (const auto* name : {"script.sh", "Jenkinsfile"}) {
    // What stands in this variable is no name of an image, and must not become one.
    const auto made = sluice::migration::pipeline_from_script("REG_PASSWORD=qzqzqz\n" + script, name, {}, {});
    if (!made) {
      require(made.error().sentence().size() < 8000, "a message does not echo endless text");
      continue;
    }
    require(made->pipeline.environments.size() >= 2, "a pipeline has two environments");
    require(made->text.size() < 2'000'000, "what is written has a limit");
    const bool told_elsewhere = script.find("qzqzqz") != std::string::npos;
    require(told_elsewhere || made->text.find("qzqzqz") == std::string::npos, "a password stays where it is");
    for (const auto& note : made->notes) require(note.sentence.size() < 2000, "a note has a limit");
  }
  return 0;
}
