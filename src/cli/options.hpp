#pragma once
// What the command line said, as plain values. Filled by parse.cpp, the only file that knows CLI11.

#include "app/session.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::cli {

enum class Format : std::uint8_t { text, json };
enum class ProgressMode : std::uint8_t { automatic, plain, none };

struct Common {
  Format format = Format::text;
  ProgressMode progress = ProgressMode::automatic;
  int verbosity = 0;
  std::filesystem::path pipeline = "sluice.yaml";
  std::optional<std::string> events;   ///< --events FILE or -
  std::optional<std::string> metrics;  ///< --metrics FILE
  bool explain_auth = false;
  bool explain_road = false;
  std::optional<bool> logs;                  ///< --logs, --no-logs; empty: in text, and on a terminal
  std::optional<std::chrono::seconds> wait;  ///< --wait: for somebody else's lease; empty: not at all
  bool take_over = false;                    ///< --take-over: of somebody else's lease
  app::SessionOptions session;
};

struct Copy {
  std::string source;
  std::string destination;
  bool check_blobs = false;              ///< also what is equal is proven to be readable
  bool preserve_digests = false;         ///< asked for; between registries it is always so
  bool no_attachments = false;           ///< what belongs to the image stays at the source
  std::vector<std::string> platforms{};  ///< of an index only these; empty: all
  bool include_foreign = false;          ///< also layers that are kept as references
};
struct Inspect {
  std::string reference;
};
struct DigestOf {
  std::string reference;
};
struct Tags {
  std::string repository;
  std::string filter;  ///< glob; empty: all
  bool all = false;    ///< those too that Sluice writes for itself
};
/// release create, release show.
struct ReleaseOf {
  std::string show;  ///< number, id, tag or digest; empty: one is made from the source tags
};
struct Releases {
  std::size_t limit = 20;
};
struct PlanFor {
  std::string environment;
  std::string release;  ///< number, id, tag or digest; empty: chosen
  std::string target;   ///< only this one; empty: all
  std::string via;      ///< --via ROAD; empty: chosen
  bool allow_digest_change = false;
  bool no_attachments = false;
  std::vector<std::string> accepts{};  ///< --accept CODE
};
struct Promote {
  std::string environment;
  std::string release;  ///< number, id, tag or digest; empty: chosen
  std::string target;   ///< only this one; empty: all
  std::string plan;     ///< --plan HASH
  std::string via;      ///< --via ROAD; empty: chosen
  bool allow_digest_change = false;
  bool no_attachments = false;
  std::vector<std::string> accepts{};  ///< --accept CODE
  bool yes = false;
  bool fix_triggers = false;
  bool shadow = false;
};
struct Rollback {
  std::string environment;
  std::string release;                 ///< number, id, tag or digest; empty: the one before
  std::string target;                  ///< only this one; empty: all
  std::vector<std::string> accepts{};  ///< --accept CODE
  bool yes = false;
};
struct Diff {
  std::string from;
  std::string to;
};
struct Resume {
  std::string promotion;  ///< empty: the last unfinished one of the pipeline's app
  std::string target;     ///< only this one; empty: all
  bool yes = false;
};
struct Undo {
  std::string promotion;
  std::string target;  ///< only this one; empty: all
  bool yes = false;
};
struct StatusOf {};
struct History {
  std::string environment;
  std::size_t limit = 20;
};
struct HoldOn {
  std::string environment;
  std::string reason;
};
struct Unhold {
  std::string environment;
};
struct Login {
  std::string registry;  ///< or a cluster: a name of the clusters file, a kubeconfig context, an https address
  std::string username;
  bool password_stdin = false;
  std::string token;      ///< of a cluster, or env:, file:, -; empty: by password
  std::string ca;         ///< PEM file for the API of a cluster
  std::string issuer_ca;  ///< PEM file for its login server
};
struct Logout {
  std::string registry;
};

struct Doctor {
  std::string environment;  ///< empty: all of them
  bool host_only = false;   ///< this host, and no environment; then there may be no pipeline
};

/// init: the pipeline file of Common is what is written; "-" is stdout.
struct Init {
  std::string app;
  std::string cluster;     ///< empty: the current kubeconfig context
  std::string to_cluster;  ///< empty: the same
  std::string from;
  std::vector<std::string> to;
  std::vector<std::string> images;
  std::string tag;                  ///< of the source
  std::string from_script;          ///< a script instead of a look at clusters; empty: none
  std::vector<std::string> values;  ///< NAME=VALUE of variables of that script
  bool force = false;
};

/// sandbox: until it is stopped.
struct SandboxRun {
  std::string profile = "3.11";  ///< or 4.x
  std::string scenario;          ///< a file; empty: none
  bool demo = false;
  std::string storage;  ///< a folder for blobs; empty: in memory
  std::uint16_t api_port = 0;
  std::uint16_t registry_port = 0;
  std::string tls = "api";     ///< api, all, none
  std::string nodes = "auto";  ///< or manual
  std::string write_dir;       ///< for kubeconfig and CA; empty: a temporary one
};

using Command = std::variant<Copy, Inspect, DigestOf, Tags, ReleaseOf, Releases, Diff, PlanFor, Promote, Rollback,
                             Resume, Undo, StatusOf, History, HoldOn, Unhold, Login, Logout, Init, Doctor, SandboxRun>;

struct Invocation {
  std::string name;  ///< of the command: "promote"
  Common common;
  Command command;
};

/// What parsing came to: something to do, or something to print (help, version) with exit code 0.
struct Parsed {
  std::optional<Invocation> invocation;
  std::string text;
};

/// Reads the command line. Secrets in it are blanked in place, so that `ps` does not show them.
/// Errors: usage, with a suggestion for what was misspelt.
Result<Parsed> parse(int argc, char** argv);

}  // namespace sluice::cli
