#include "auth/credentials.hpp"

#include "auth/auth_file.hpp"
#include "auth/flight.hpp"
#include "auth/helper.hpp"
#include "base/deadline.hpp"
#include "base/guarded.hpp"
#include "base/text.hpp"
#include "oci/docker_hub.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <unistd.h>
#include <utility>

namespace sluice::auth {

namespace {

using Found = std::optional<Credentials>;
using Trace = std::vector<LookedAt>;

// The name under which docker itself keeps Docker Hub in its stores.
constexpr std::string_view kHubServer = "https://index.docker.io/v1/";

constexpr const char* kOldestFile = ".dockercfg";
constexpr const char* kHelperPrefix = "docker-credential-";
constexpr const char* kHelperKnowsNobody = "the helper knows nobody for it";
constexpr const char* kHelperFailed = "the helper failed";

Found won(Trace& trace, Found found) {
  trace.back().won = true;
  trace.back().why.clear();
  return found;
}

// A file that says nothing about any of the names.
LookedAt nothing_in(const AuthFile& file, const std::vector<std::string>& keys) {
  return {file.shown_path, {}, {}, false, file.is_there ? "no entry for " + text::join(keys, " or ") : "no such file"};
}

// What a file behind the winner would have said: who wonders why an entry is not used finds it here.
void note_unasked(const AuthFile& file, const std::vector<std::string>& keys, Trace& trace) {
  constexpr const char* kWhy = "not asked: what stands before it won";
  for (const auto& key : keys) {
    if (const auto helper = file.helper_for(key)) {
      trace.push_back({file.shown_path, helper->key, kHelperPrefix + helper->helper, false, kWhy});
    }
    for (const auto& entry : file.entry_keys(key)) trace.push_back({file.shown_path, entry, {}, false, kWhy});
  }
}

std::filesystem::path docker_config(const Environment& environment) {
  const auto folder = environment.get("DOCKER_CONFIG");
  return (folder ? std::filesystem::path(*folder) : environment.home() / ".docker") / "config.json";
}

}  // namespace

std::vector<std::filesystem::path> credential_files(const CredentialSources& sources) {
  if (sources.authfile) return {*sources.authfile};
  const auto& environment = sources.environment;
  if (const auto only = environment.get("REGISTRY_AUTH_FILE")) return {*only};
  // containers-auth.json(5) and its library: without XDG_RUNTIME_DIR the folder is /run/containers/UID.
  const auto runtime = environment.get("XDG_RUNTIME_DIR");
  const auto containers = runtime ? std::filesystem::path(*runtime) / "containers"
                                  : std::filesystem::path("/run/containers") / std::to_string(::getuid());
  return {containers / "auth.json", environment.config_home() / "containers" / "auth.json", docker_config(environment),
          environment.home() / kOldestFile};
}

std::filesystem::path new_login_file(const CredentialSources& sources) {
  const auto paths = credential_files(sources);
  return paths.size() == 1 ? paths.front() : docker_config(sources.environment);
}

struct CredentialLookup::State {
  struct HelperKey {
    std::string source;  ///< file and program
    std::string server;
    friend auto operator<=>(const HelperKey&, const HelperKey&) = default;
  };
  using HelperFlight = std::shared_ptr<Flight<Found>>;

  State(CredentialSources given, std::string host) : sources(std::move(given)), registry(std::move(host)) {}

  Result<std::shared_ptr<const std::vector<AuthFile>>> read_files();
  Result<Found> ask(const AuthFile& file, const std::string& helper_name, const std::string& server,
                    const std::stop_token& stop);
  Result<Found> find(std::string_view repository_path, Trace& trace, const std::stop_token& stop);
  // Each notes what it looks at before it looks, so that the trace is right also when it fails.
  Result<Found> find_at(const AuthFile& file, const std::string& key, Trace& trace, const std::stop_token& stop);
  Result<Found> find_in_store(const AuthFile& file, const std::vector<std::string>& keys, Trace& trace,
                              const std::stop_token& stop);
  Result<Found> find_in(const AuthFile& file, const std::vector<std::string>& keys, Trace& trace,
                        const std::stop_token& stop);

  const CredentialSources sources;
  const std::string registry;
  Guarded<std::shared_ptr<const std::vector<AuthFile>>> files;
  Guarded<std::map<HelperKey, HelperFlight>> answers;
  Guarded<std::map<std::string, Trace, std::less<>>> traces;  ///< by repository path
};

Result<std::shared_ptr<const std::vector<AuthFile>>> CredentialLookup::State::read_files() {
  if (auto known = files.with([](const auto& value) { return value; })) return known;
  std::vector<AuthFile> read;
  for (const auto& path : credential_files(sources)) {
    SLUICE_TRY(auto file, read_auth_file(path, sources.environment.home()));
    read.push_back(std::move(file));
  }
  return files.with([&](auto& value) {
    if (!value) value = std::make_shared<const std::vector<AuthFile>>(std::move(read));
    return value;
  });
}

// Two threads that need the same answer run one program: it may ask a person for a password.
Result<Found> CredentialLookup::State::ask(const AuthFile& file, const std::string& helper_name,
                                           const std::string& server, const std::stop_token& stop) {
  SLUICE_TRY(const auto helper, CredentialHelper::open(helper_name, file.shown_path, sources.helper_folder));
  const HelperKey key{helper.source(), server};
  for (;;) {
    bool first = false;
    const auto flight = answers.with([&](auto& known) {
      auto& slot = known[key];
      first = slot == nullptr;
      if (first) slot = std::make_shared<Flight<Found>>();
      return slot;
    });
    if (first) {
      auto answer = helper.get(server, stop);
      if (!answer) answers.with([&](auto& known) { known.erase(key); });
      flight->land(answer);
      return answer;
    }
    auto answer = flight->wait(Deadline::never(), stop);
    if (!answer) return Error(ErrorKind::cancelled, "stopped while waiting for " + helper.source());
    // Somebody else's Ctrl-C is not ours.
    if (answer->ok() || answer->error().kind() != ErrorKind::cancelled || stop.stop_requested()) {
      return std::move(*answer);
    }
  }
}

Result<Found> CredentialLookup::State::find_at(const AuthFile& file, const std::string& key, Trace& trace,
                                               const std::stop_token& stop) {
  if (const auto helper = file.helper_for(key)) {
    trace.push_back({file.shown_path, helper->key, kHelperPrefix + helper->helper, false, kHelperFailed});
    SLUICE_TRY(auto found, ask(file, helper->helper, helper->key, stop));
    if (found) return won(trace, std::move(found));
    trace.back().why = kHelperKnowsNobody;
  }
  for (const auto& entry : file.entry_keys(key)) {
    trace.push_back({file.shown_path, entry, {}, false, "it cannot be read"});
    SLUICE_TRY(auto found, file.credentials_at(entry));
    if (found) return won(trace, std::move(found));
    trace.back().why = "the entry is empty";
  }
  return Found();
}

Result<Found> CredentialLookup::State::find_in_store(const AuthFile& file, const std::vector<std::string>& keys,
                                                     Trace& trace, const std::stop_token& stop) {
  const auto store = file.store();
  if (store.empty()) return Found();
  // An empty entry says under which name the store keeps the secret; without one it is the host.
  std::vector<std::string> servers;
  for (const auto& key : keys) {
    const auto entries = file.entry_keys(key);
    servers.insert(servers.end(), entries.begin(), entries.end());
  }
  servers.push_back(keys.back() == oci::kDockerHub ? std::string(kHubServer) : keys.back());
  std::set<std::string> asked;
  for (const auto& server : servers) {
    if (!asked.insert(server).second) continue;
    trace.push_back({file.shown_path, server, kHelperPrefix + store, false, kHelperFailed});
    SLUICE_TRY(auto found, ask(file, store, server, stop));
    if (found) return won(trace, std::move(found));
    trace.back().why = kHelperKnowsNobody;
  }
  return Found();
}

Result<Found> CredentialLookup::State::find_in(const AuthFile& file, const std::vector<std::string>& keys, Trace& trace,
                                               const std::stop_token& stop) {
  const auto before = trace.size();
  for (const auto& key : keys) {
    SLUICE_TRY(auto found, find_at(file, key, trace, stop));
    if (found) return found;
  }
  SLUICE_TRY(auto found, find_in_store(file, keys, trace, stop));
  // Hardly anybody has the oldest of the files, and who has none is not told of it.
  const bool worth_telling = file.is_there || file.path.filename() != kOldestFile;
  if (!found && trace.size() == before && worth_telling) trace.push_back(nothing_in(file, keys));
  return found;
}

Result<Found> CredentialLookup::State::find(std::string_view repository_path, Trace& trace,
                                            const std::stop_token& stop) {
  SLUICE_TRY(const auto all, read_files());
  const auto keys = candidate_keys(registry, repository_path);
  Found found;
  for (const auto& file : *all) {
    if (found) {
      note_unasked(file, keys, trace);
    } else {
      SLUICE_TRY(found, find_in(file, keys, trace, stop));
    }
  }
  return found;
}

CredentialLookup::CredentialLookup(CredentialSources sources, std::string registry)
    : state_(std::make_unique<State>(std::move(sources), std::move(registry))) {}
CredentialLookup::~CredentialLookup() = default;

Result<std::optional<Credentials>> CredentialLookup::find(std::string_view repository_path, std::stop_token stop) {
  Trace trace;
  auto found = state_->find(repository_path, trace, stop);
  state_->traces.with([&](auto& known) { known.insert_or_assign(std::string(repository_path), std::move(trace)); });
  return found;
}

std::vector<LookedAt> CredentialLookup::looked_at(std::string_view repository_path) const {
  return state_->traces.with([&](const auto& known) {
    const auto trace = known.find(repository_path);
    return trace == known.end() ? Trace() : trace->second;
  });
}

Result<std::optional<Credentials>> find_credentials(const CredentialSources& sources, std::string_view registry,
                                                    std::string_view repository_path, std::stop_token stop) {
  return CredentialLookup(sources, std::string(registry)).find(repository_path, std::move(stop));
}

}  // namespace sluice::auth
