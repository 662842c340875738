#include "cli/sandbox_words.hpp"

#include "base/text.hpp"

namespace sluice::cli {

namespace {
constexpr std::string_view kProgram = "sluice-sandbox";
}  // namespace

std::vector<std::filesystem::path> sandbox_candidates(const std::filesystem::path& folder, std::string_view path) {
  std::vector<std::filesystem::path> out;
  if (!folder.empty()) {
    out.push_back(folder / kProgram);
    out.push_back(folder.parent_path() / "libexec" / "sluice" / kProgram);
  }
  for (const auto& part : text::split(path, ':')) {
    if (!part.empty()) out.push_back(std::filesystem::path(part) / kProgram);
  }
  return out;
}

std::vector<std::string> sandbox_words(const SandboxRun& run, const Common& common) {
  std::vector<std::string> words{
      std::string(kProgram), "--profile", run.profile, "--tls", run.tls, "--nodes", run.nodes};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  add("--scenario", run.scenario);
  if (run.demo) words.emplace_back("--demo");
  add("--storage", run.storage);
  if (run.api_port != 0) add("--api-port", std::to_string(run.api_port));
  if (run.registry_port != 0) add("--registry-port", std::to_string(run.registry_port));
  add("--write-dir", run.write_dir);
  if (common.format == Format::json) words.insert(words.end(), {"-o", "json"});
  for (int i = 0; i < common.verbosity; ++i) words.emplace_back("-v");
  return words;
}

}  // namespace sluice::cli
