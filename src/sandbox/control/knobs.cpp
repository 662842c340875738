#include "sandbox/control/knobs.hpp"

#include "base/text.hpp"
#include "sandbox/core/cluster_config.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/limits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sluice::sandbox {

namespace {

Error wrong(std::string_view knob, std::string message) {
  return Error(ErrorKind::usage, fmt::format("the knob '{}': {}", knob, std::move(message)));
}

// Reads members of one knob and remembers what was wrong first.
class Reader {
 public:
  explicit Reader(const Json& settings) : settings_(settings), name_(text_at(settings, {"knob"})) {}

  std::string text(std::string_view key, bool required = true) {
    const auto value = settings_.string_at(key);
    if (!value && (required || settings_.find(key) != nullptr)) fail(key, "a text");
    return value.value_or("");
  }
  std::optional<std::uint64_t> count(std::string_view key, bool required = false) {
    const auto* member = settings_.find(key);
    if (member == nullptr && !required) return std::nullopt;
    const auto value = settings_.integer_at(key);
    if (!value || *value < 0) {
      fail(key, "a number that is not negative");
      return std::nullopt;
    }
    return static_cast<std::uint64_t>(*value);
  }
  bool flag(std::string_view key, bool otherwise) {
    if (settings_.find(key) == nullptr) return otherwise;
    const auto value = settings_.bool_at(key);
    if (!value) fail(key, "true or false");
    return value.value_or(otherwise);
  }
  std::chrono::milliseconds seconds(std::string_view key, bool required = true) {
    const auto* member = settings_.find(key);
    const auto value = member != nullptr ? member->as_number() : std::nullopt;
    if ((!value || *value < 0) && (required || member != nullptr)) fail(key, "a number of seconds");
    return std::chrono::milliseconds(static_cast<std::int64_t>(value.value_or(0) * 1000));
  }
  const Json* find(std::string_view key) const { return settings_.find(key); }
  void fail(std::string_view key, std::string_view wanted) {
    if (!error_) error_ = wrong(name_, fmt::format("'{}' must be {}", key, wanted));
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  const Json& settings_;
  std::string name_;
  std::optional<Error> error_;
};

using Act = Status (*)(Reader& reader, const KnobTargets& targets);

// The tokens that a knob is about: one by its text, or all of a user.
Status each_token(Reader& reader, const KnobTargets& targets, const std::function<void(World&, Token&)>& act) {
  const auto token = reader.text("token", false);
  const auto user = reader.text("user", false);
  if (reader.error()) return *reader.error();
  if (token.empty() == user.empty()) return Error(ErrorKind::usage, "a knob for tokens wants 'token' or 'user'");
  return targets.world.update([&](World& world) -> Status {
    bool found = false;
    for (auto& [text, entry] : world.tokens) {
      if (!token.empty() ? text != token : entry.identity != user) continue;
      act(world, entry);
      found = true;
    }
    if (!found) return Error(ErrorKind::usage, "there is no such token");
    return {};
  });
}

Status expire_token(Reader& reader, const KnobTargets& targets) {
  const auto after = reader.count("after-requests");
  return each_token(reader, targets, [&](World& world, Token& token) {
    if (after) {
      token.requests_left = after;
    } else {
      token.expires = world.now() - std::chrono::seconds(1);
    }
  });
}

Status revoke_token(Reader& reader, const KnobTargets& targets) {
  return each_token(reader, targets, [](World&, Token& token) { token.revoked = true; });
}

Status add_fault(Reader& reader, const KnobTargets& targets) {
  Fault fault;
  fault.server = reader.text("server");
  fault.method = reader.text("method", false);
  if (const auto path = reader.text("path", false); !path.empty()) fault.path = path;
  fault.after = reader.count("after").value_or(0);
  fault.times = reader.count("times");
  if (const auto status = reader.count("status")) fault.status = static_cast<int>(*status);
  if (const auto* headers = reader.find("headers")) {
    for (const auto& [name, value] : headers->members()) fault.headers.add(name, value.as_string().value_or(""));
  }
  fault.body = reader.text("body", false);
  fault.reset = reader.flag("reset", false);
  fault.delay = reader.seconds("delay-seconds", false);
  fault.bytes_per_second = reader.count("bytes-per-second");
  fault.cut_after_bytes = reader.count("cut-after-bytes");
  fault.cut_request_after_bytes = reader.count("cut-request-after-bytes");
  fault.corrupt = reader.flag("corrupt", false);
  if (fault.server != "api" && fault.server != "registry") reader.fail("server", "api or registry");
  if (fault.status && (*fault.status < 200 || *fault.status > 599)) reader.fail("status", "an HTTP status");
  if (fault.times && *fault.times == 0) reader.fail("times", "at least 1");
  if (reader.error()) return *reader.error();
  targets.faults.add(std::move(fault));
  return {};
}

Status restart(Reader& reader, const KnobTargets& targets) {
  Restart restart;
  restart.server = "api";
  restart.method = reader.text("method", false);
  if (const auto path = reader.text("path", false); !path.empty()) restart.path = path;
  restart.after = reader.count("after").value_or(0);
  restart.done = reader.flag("done", false);
  restart.refused = reader.seconds("refused-seconds", false);
  restart.denied = reader.seconds("denied-seconds", false);
  if (reader.error()) return *reader.error();
  targets.faults.add(std::move(restart));
  return {};
}

Status clear_faults(Reader& /*reader*/, const KnobTargets& targets) {
  targets.faults.clear();
  return {};
}

Status conflict(Reader& reader, const KnobTargets& targets) {
  Key key{reader.text("resource"), reader.text("namespace"), reader.text("name")};
  const auto times = reader.count("times").value_or(1);
  if (reader.error()) return *reader.error();
  // The plural alone is enough where it is plain which group is meant.
  if (key.resource == "imagestreams") key.resource = "imagestreams.image.openshift.io";
  if (key.resource == "deploymentconfigs") key.resource = "deploymentconfigs.apps.openshift.io";
  if (key.resource == "deployments") key.resource = "deployments.apps";
  targets.world.update([&](World& world) { world.knobs.conflicts[key] = static_cast<int>(times); });
  return {};
}

Status expire_versions(Reader& /*reader*/, const KnobTargets& targets) {
  targets.world.update([](World& world) { world.store.compact(); });
  return {};
}

Status expire_continue(Reader& /*reader*/, const KnobTargets& targets) {
  targets.world.update([](World& world) { ++world.knobs.continue_epoch; });
  return {};
}

Status close_watches(Reader& reader, const KnobTargets& targets) {
  const auto events = reader.count("after-events");
  if (reader.error()) return *reader.error();
  targets.world.update([&](World& world) {
    world.knobs.watch_events = events && *events > 0 ? events : std::nullopt;
    if (!events) ++world.knobs.watch_epoch;
  });
  return {};
}

Status bookmark(Reader& /*reader*/, const KnobTargets& targets) {
  targets.world.update([](World& world) { ++world.knobs.bookmark_epoch; });
  return {};
}

Status registry(Reader& reader, const KnobTargets& targets) {
  const auto* host = reader.find("external-host");
  const bool present = reader.flag("present", true);
  if (host != nullptr && !host->is_null() && !host->is_string()) reader.fail("external-host", "a host or null");
  if (reader.error()) return *reader.error();
  targets.world.update([&](World& world) {
    world.registry.present = present;
    if (host != nullptr) world.registry.external = host->as_string();
    show_registry(world);
  });
  return {};
}

Status import_delay(Reader& reader, const KnobTargets& targets) {
  const auto delay = reader.seconds("seconds");
  if (reader.error()) return *reader.error();
  targets.world.update([&](World& world) { world.knobs.import_delay = delay; });
  return {};
}

Status reimport(Reader& /*reader*/, const KnobTargets& targets) {
  targets.world.update([](World& world) { ++world.knobs.reimport_epoch; });
  return {};
}

Status redirect_blobs(Reader& reader, const KnobTargets& targets) {
  const bool on = reader.flag("on", true);
  if (reader.error()) return *reader.error();
  targets.redirect_blobs(on);
  return {};
}

Status notifications(Reader& reader, const KnobTargets& targets) {
  const auto* endpoints = reader.find("endpoints");
  if (endpoints == nullptr || !endpoints->is_array()) reader.fail("endpoints", "a list of {name, url}");
  if (reader.error()) return *reader.error();
  return targets.notify(*endpoints);
}

Status step_delay(Reader& reader, const KnobTargets& targets) {
  const auto delay = reader.seconds("seconds");
  if (reader.error()) return *reader.error();
  targets.world.update([&](World& world) { world.knobs.step_delay = delay; });
  return {};
}

struct ResultName {
  std::string_view name;
  Outcome::Result result;
};
constexpr std::array kResults = std::to_array<ResultName>({
    {"succeed", Outcome::Result::succeed},
    {"fail", Outcome::Result::fail},
    {"hang", Outcome::Result::hang},
    {"fail-after", Outcome::Result::fail_after},
    {"unpullable", Outcome::Result::unpullable},
    {"init-crash", Outcome::Result::init_crash},
    {"crash-loop", Outcome::Result::crash_loop},
    {"unschedulable", Outcome::Result::unschedulable},
    {"never-ready", Outcome::Result::never_ready},
    {"quota", Outcome::Result::quota},
});

std::string workload_resource(std::string_view kind) {
  if (kind == "DeploymentConfig") return "deploymentconfigs.apps.openshift.io";
  if (kind == "Deployment") return "deployments.apps";
  if (kind == "StatefulSet") return "statefulsets.apps";
  if (kind == "DaemonSet") return "daemonsets.apps";
  if (kind == "CronJob") return "cronjobs.batch";
  return "";
}

Status outcome(Reader& reader, const KnobTargets& targets) {
  const auto result = reader.text("result");
  const auto found =
      std::find_if(kResults.begin(), kResults.end(), [&](const auto& row) { return row.name == result; });
  if (found == kResults.end()) {
    std::vector<std::string> names;
    for (const auto& row : kResults) names.emplace_back(row.name);
    reader.fail("result", "one of " + text::join(names, ", "));
  }
  const auto digest = reader.text("digest", false);
  Outcome what;
  what.after = std::chrono::seconds(reader.count("seconds").value_or(0));
  what.log = reader.text("log", false);
  Key key;
  if (digest.empty()) {
    key = {workload_resource(reader.text("kind")), reader.text("namespace"), reader.text("name")};
    if (key.resource.empty()) reader.fail("kind", "DeploymentConfig, Deployment, StatefulSet, DaemonSet or CronJob");
  }
  if (reader.error()) return *reader.error();
  what.result = found->result;
  targets.world.update([&](World& world) {
    if (digest.empty()) {
      world.knobs.outcomes[key] = what;
    } else {
      world.knobs.digest_outcomes[digest] = what;
    }
  });
  return {};
}

Status autoscale(Reader& reader, const KnobTargets& targets) {
  const Key key{workload_resource(reader.text("kind")), reader.text("namespace"), reader.text("name")};
  const auto replicas = reader.count("replicas", true).value_or(0);
  if (key.resource.empty()) reader.fail("kind", "DeploymentConfig, Deployment or StatefulSet");
  if (reader.error()) return *reader.error();
  targets.world.update([&](World& world) { world.knobs.autoscale[key] = static_cast<std::int64_t>(replicas); });
  return {};
}

Status nodes(Reader& reader, const KnobTargets& targets) {
  const auto mode = reader.text("mode");
  if (mode != "auto" && mode != "manual") reader.fail("mode", "auto or manual");
  if (reader.error()) return *reader.error();
  targets.world.update([&](World& world) { world.knobs.automatic_nodes = mode == "auto"; });
  return {};
}

Status clock(Reader& reader, const KnobTargets& targets) {
  const auto by = reader.count("advance-seconds", true);
  if (reader.error()) return *reader.error();
  targets.world.update([&](World& world) { world.clock_offset += std::chrono::seconds(*by); });
  return {};
}

Status resync(Reader& /*reader*/, const KnobTargets& targets) {
  targets.world.update([](World& world) { resync_quota(world); });
  return {};
}

struct Knob {
  std::string_view name;
  std::vector<std::string> members;
  Act act;
};

const std::vector<Knob>& all_knobs() {
  static const std::vector<Knob> kKnobs = {
      {"expire-token", {"token", "user", "after-requests"}, expire_token},
      {"revoke-token", {"token", "user"}, revoke_token},
      {"fault",
       {"server", "method", "path", "after", "times", "status", "headers", "body", "reset", "delay-seconds",
        "bytes-per-second", "cut-after-bytes", "cut-request-after-bytes", "corrupt"},
       add_fault},
      {"restart-api", {"method", "path", "after", "done", "refused-seconds", "denied-seconds"}, restart},
      {"clear-faults", {}, clear_faults},
      {"conflict", {"resource", "namespace", "name", "times"}, conflict},
      {"expire-versions", {}, expire_versions},
      {"expire-continue", {}, expire_continue},
      {"close-watches", {"after-events"}, close_watches},
      {"bookmark", {}, bookmark},
      {"registry", {"external-host", "present"}, registry},
      {"import-delay", {"seconds"}, import_delay},
      {"reimport", {}, reimport},
      {"redirect-blobs", {"on"}, redirect_blobs},
      {"notifications", {"endpoints"}, notifications},
      {"step-delay", {"seconds"}, step_delay},
      {"outcome", {"kind", "namespace", "name", "digest", "result", "seconds", "log"}, outcome},
      {"autoscale", {"kind", "namespace", "name", "replicas"}, autoscale},
      {"nodes", {"mode"}, nodes},
      {"clock", {"advance-seconds"}, clock},
      {"resync-quota", {}, resync},
  };
  return kKnobs;
}

}  // namespace

std::vector<std::string> knob_names() {
  std::vector<std::string> names;
  for (const auto& knob : all_knobs()) names.emplace_back(knob.name);
  return names;
}

Status turn(const Json& settings, const KnobTargets& targets) {
  const auto name = text_at(settings, {"knob"});
  for (const auto& knob : all_knobs()) {
    if (knob.name != name) continue;
    for (const auto& [member, value] : settings.members()) {
      if (member == "knob" || std::find(knob.members.begin(), knob.members.end(), member) != knob.members.end()) {
        continue;
      }
      auto error = wrong(name, fmt::format("it has no '{}'", text::printable(member)));
      const auto meant = text::nearest(member, knob.members);
      return meant.empty() ? std::move(error) : std::move(error).with_hint(fmt::format("did you mean '{}'?", meant));
    }
    Reader reader(settings);
    return knob.act(reader, targets);
  }
  auto error = Error(ErrorKind::usage, name.empty() ? "a knob is an object with the member 'knob'"
                                                    : fmt::format("there is no knob '{}'", text::printable(name)));
  const auto meant = text::nearest(name, knob_names());
  return meant.empty() ? std::move(error) : std::move(error).with_hint(fmt::format("did you mean '{}'?", meant));
}

}  // namespace sluice::sandbox
