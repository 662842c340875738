#pragma once
// What the tests of this room share: the project's own files, a folder that goes away, and short ways to read text.

#include "base/environment.hpp"
#include "pipeline/clusters.hpp"
#include "pipeline/pipeline.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdlib.h>
#include <string>
#include <string_view>

namespace sluice::pipeline::testing {

inline std::filesystem::path project_file(std::string_view name) {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path().parent_path() / name;
}

inline std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-pipeline-XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~Folder() {
    std::error_code code;
    if (!path_.empty()) std::filesystem::remove_all(path_, code);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, std::string_view content) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

 private:
  std::filesystem::path path_;
};

inline sluice::Environment variables(std::map<std::string, std::string, std::less<>> values) {
  return sluice::Environment([values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  });
}

/// The whole sentence of an error, or "(accepted)".
template <class T>
std::string problem(const Result<T>& result) {
  return result.ok() ? "(accepted)" : result.error().sentence();
}

}  // namespace sluice::pipeline::testing
