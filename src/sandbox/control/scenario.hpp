#pragma once
// The scenario file: what a sandbox starts with. YAML for people, JSON for the control endpoint (JSON is YAML).
// See docs/sandbox.md.

#include "base/json.hpp"
#include "base/result.hpp"
#include "base/yaml.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

struct Scenario {
  struct User {
    std::string name;
    std::string password;
    std::string token;  ///< empty: a random one
    std::vector<std::string> groups;
  };
  struct Project {
    std::string name;
    std::string admin;  ///< empty: nobody
    Json labels;
    Json annotations;
  };
  struct Right {
    std::string subject_kind;  ///< User, Group or ServiceAccount
    std::string subject;       ///< for service accounts "NS/NAME"
    std::string role;
    std::string project;  ///< empty: in the whole cluster
    std::string binding;  ///< empty: a name is made
    Json rules;           ///< not null: a role of that name is made first
  };
  struct Account {
    std::string project;
    std::string name;
  };
  struct Image {
    std::string project;
    std::string stream;
    std::string tag;
    std::int64_t layers = 2;
    std::int64_t layer_bytes = 64 * 1024;
    std::vector<std::string> platforms;  ///< more than one: an index ("linux/amd64")
    yaml::Node node;
  };
  struct Workload {
    std::string kind;
    std::string project;
    std::string name;
    std::string image;                  ///< "stream:tag"
    std::string from;                   ///< project of the stream; empty: its own
    std::string trigger = "automatic";  ///< automatic, manual, missing, paused, malformed
    std::int64_t replicas = 1;
  };
  std::vector<User> users;
  std::vector<Project> projects;
  std::vector<Right> rights;
  std::vector<Account> accounts;
  std::vector<std::string> tokens;  ///< identities
  std::vector<Image> images;
  std::vector<Workload> workloads;
  struct Object {
    Json manifest;
    yaml::Node node;
  };
  std::vector<Object> objects;
  struct Knob {
    Json settings;
    yaml::Node node;
  };
  std::vector<Knob> knobs;
};

/// Errors: config, with file, line, column and a suggestion.
Result<Scenario> parse_scenario(std::string_view text, std::string_view file);
/// Errors: as parse_scenario, and config for a file that cannot be read.
Result<Scenario> load_scenario(const std::filesystem::path& file);

/// Plain scalars become numbers, booleans and null as in YAML's JSON schema; quoted ones stay text.
Json to_json(const yaml::Node& node);

/// A workload of a scenario as the manifest that a person would have written.
Json manifest_of(const Scenario::Workload& workload, bool batch_v1);

}  // namespace sluice::sandbox
