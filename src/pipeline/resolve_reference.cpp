// resolve_reference() and reference_path() of clusters.hpp: what a file:, env: or exec: reference points at.

#include "base/file.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "pipeline/clusters.hpp"

#include <chrono>
#include <utility>

namespace sluice::pipeline {

namespace {

constexpr std::size_t kMaxSecretBytes = std::size_t{64} * 1024;
constexpr std::chrono::seconds kExecTimeout{30};

Error at_reference(const ValueReference& reference, std::string message, std::string hint) {
  return Error(ErrorKind::config, std::move(message)).at(reference.position).with_hint(std::move(hint));
}

// Files and programs end their output with a line break that is no part of the value.
Result<Secret> as_secret(std::string text, const ValueReference& reference) {
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  if (text.empty()) return at_reference(reference, "what this reference points at is empty", "");
  return Secret(std::move(text));
}

std::filesystem::path from_folder_of(const std::filesystem::path& path, const Clusters& clusters) {
  return path.is_absolute() ? path : clusters.file.parent_path() / path;
}

// PROGRAM ARG...: split at blanks. A program with a slash starts at the folder of the clusters file, a bare name is
// looked up in PATH.
std::vector<std::string> command_words(const ValueReference& reference, const Clusters& clusters) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string> words;
  std::string_view rest = reference.value;
  while (!(rest = text::trim(rest)).empty()) {
    const auto word = rest.substr(0, rest.find_first_of(kBlanks));
    words.emplace_back(word);
    rest.remove_prefix(word.size());
  }
  if (!words.empty() && words.front().find('/') != std::string::npos) {
    words.front() = from_folder_of(words.front(), clusters).string();
  }
  return words;
}

// The program's own words are not shown: they may hold what it was about to print.
Result<Secret> run_reference(const ValueReference& reference, const Clusters& clusters) {
  const auto words = command_words(reference, clusters);
  if (words.empty()) return at_reference(reference, "exec: names no program", "write exec:PROGRAM ARG...");
  auto done = run_process(words, "", kExecTimeout, kMaxSecretBytes, {});
  if (!done) return at_reference(reference, done.error().message(), done.error().hint());
  if (done->exit_code != 0) {
    return at_reference(reference, "'" + words.front() + "' ended with exit code " + std::to_string(done->exit_code),
                        "run it by hand to see why");
  }
  return as_secret(std::move(done->output), reference);
}

}  // namespace

std::filesystem::path reference_path(const ValueReference& reference, const Clusters& clusters) {
  return from_folder_of(reference.value, clusters);
}

std::vector<std::string> named_variables(const Clusters& clusters) {
  std::vector<std::string> out;
  for (const auto& [name, cluster] : clusters.entries) {
    for (const auto* reference :
         {&cluster.token, &cluster.password, &cluster.ca, &cluster.client_cert, &cluster.client_key}) {
      if (*reference && (*reference)->kind == ValueReference::Kind::env) out.push_back((*reference)->value);
    }
  }
  return out;
}

Result<Secret> resolve_reference(const ValueReference& reference, const Clusters& clusters,
                                 const sluice::Environment& environment) {
  switch (reference.kind) {
    case ValueReference::Kind::file: {
      auto text = read_file(reference_path(reference, clusters), kMaxSecretBytes);
      if (!text) return at_reference(reference, text.error().message(), "check the path and who may read it");
      return as_secret(std::move(*text), reference);
    }
    case ValueReference::Kind::env: {
      auto value = environment.get(reference.value);
      if (!value) {
        return at_reference(reference, "the environment variable '" + reference.value + "' is not set", "set it first");
      }
      return as_secret(std::move(*value), reference);
    }
    case ValueReference::Kind::exec:
      return run_reference(reference, clusters);
  }
  return at_reference(reference, "an unknown kind of reference", "");
}

}  // namespace sluice::pipeline
