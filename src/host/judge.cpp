#include "host/judge.hpp"

#include "base/text.hpp"
#include "engine/unchecked.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <string>
#include <utility>

namespace sluice::host {

namespace {

constexpr std::size_t kMostShown = 8;

constexpr std::array<std::string_view, 20> kCodes{"certificates",
                                                  "clock",
                                                  "clock-skew",
                                                  "engine",
                                                  "engine-disk",
                                                  "engine-disk-full",
                                                  "engine-insecure",
                                                  "engine-socket",
                                                  "engine-unusable",
                                                  "proxies",
                                                  "proxy-unreachable",
                                                  "registry-insecure",
                                                  "registry-login",
                                                  "registry-may-not-pull",
                                                  "registry-may-not-push",
                                                  "registry-not-logged-in",
                                                  "registry-not-trusted",
                                                  "registry-unreachable",
                                                  "registry-unusable",
                                                  "sha-instructions"};

constexpr const char* kThisHost = "this host";

Finding info(std::string code, std::string subject, std::string sentence) {
  return {.code = std::move(code),
          .severity = Severity::info,
          .subject = std::move(subject),
          .sentence = std::move(sentence),
          .fix = {}};
}

std::string some_of(const std::vector<std::string>& names) {
  if (names.size() <= kMostShown) return text::join(names, ", ");
  const std::vector<std::string> first(names.begin(), names.begin() + kMostShown);
  return fmt::format("{} and {} more", text::join(first, ", "), names.size() - kMostShown);
}

Finding judge_disk(const EngineFacts& engine) {
  const auto& disk = *engine.disk;
  auto out = info("engine-disk", engine.shown,
                  fmt::format("the engine keeps images in {}, where {} of {} are free", disk.folder,
                              text::human_bytes(disk.free_bytes), text::human_bytes(disk.total_bytes)));
  if (disk.free_bytes >= kLittleBytes) return out;
  const bool full = disk.free_bytes < kFullBytes;
  if (engine.wanted) out.severity = full ? Severity::blocker : Severity::warning;
  if (full) out.code = "engine-disk-full";
  out.sentence += full ? ": nothing can be pulled" : ": an image needs twice its compressed size";
  out.fix = "make room there (docker system df, docker image prune), or promote without the engine";
  return out;
}

Finding judge_insecure(const EngineFacts& engine, const std::vector<RegistryFacts>& registries) {
  const auto& unchecked = engine.answer->insecure_registries;
  std::vector<std::string> ours;
  for (const auto& registry : registries) {
    if (engine::leaves_unchecked(unchecked, registry.host)) ours.push_back(registry.host);
  }
  auto out = info("engine-insecure", engine.shown,
                  unchecked.empty() ? std::string("the engine checks the certificate of every registry")
                                    : "the engine checks no certificates at " + some_of(unchecked));
  if (ours.empty() || !engine.wanted) return out;
  out.severity = Severity::warning;
  out.sentence = "the engine does not check the certificate of " + some_of(ours) + ", and sends its password there";
  out.fix = "take it out of insecure-registries of the engine, and put its CA into /etc/docker/certs.d/HOST/ca.crt";
  return out;
}

}  // namespace

std::vector<Finding> judge(const EngineFacts& engine, const std::vector<RegistryFacts>& registries) {
  const auto subject = engine.shown.empty() ? std::string("engine") : engine.shown;
  const std::string nobody = engine.wanted ? "" : "; no environment here goes by an engine";
  std::vector<Finding> out;
  if (engine.failure) {
    // Nobody has to start an engine that nothing goes by. Whoever has a socket and may not open it may want to.
    const bool tell_fix = engine.wanted || engine.failure->kind() == ErrorKind::denied;
    out.push_back({.code = "engine-unusable",
                   .severity = engine.wanted ? Severity::blocker : Severity::info,
                   .subject = subject,
                   .sentence = engine.failure->message() + nobody,
                   .fix = tell_fix ? engine.failure->hint() : std::string()});
  } else if (engine.answer) {
    const auto& answer = *engine.answer;
    out.push_back(
        info("engine", subject,
             fmt::format("{} {} answers at {} ({}): API {}, storage driver {}{}", answer.product, answer.version,
                         engine.shown, engine.origin, answer.api_version, answer.driver, nobody)));
  }
  if (engine.socket) {
    const auto& socket = *engine.socket;
    const bool root_alike = socket.group != "root" && (socket.mode & 0060U) != 0;
    out.push_back(info("engine-socket", subject,
                       fmt::format("the socket {} belongs to {}:{} with mode {:04o}; we are {}in that group{}",
                                   socket.path, socket.owner, socket.group, socket.mode, socket.in_group ? "" : "not ",
                                   root_alike ? ", whose members can become root on this host" : "")));
  }
  if (engine.disk) out.push_back(judge_disk(engine));
  if (engine.answer) out.push_back(judge_insecure(engine, registries));
  return out;
}

std::vector<Finding> judge(const MachineFacts& machine, const std::vector<RegistryFacts>& registries) {
  std::vector<Finding> out;
  std::vector<std::string> set;
  for (const auto& one : machine.proxies) set.push_back(one.name + "=" + one.value);
  std::vector<std::string> through;
  std::vector<std::string> around;
  for (const auto& registry : registries) (registry.proxy.empty() ? around : through).push_back(registry.host);
  auto sentence = set.empty() ? std::string("no proxy variable is set") : text::join(set, ", ");
  if (!through.empty()) sentence += "; through a proxy: " + some_of(through);
  if (!around.empty() && (!set.empty() || !through.empty())) sentence += "; around it: " + some_of(around);
  out.push_back(info("proxies", kThisHost, std::move(sentence)));

  std::vector<std::string> folders;
  for (const auto& one : machine.certificates) {
    folders.push_back(
        fmt::format("{} ({} CA{})", one.path, one.authorities, one.clients > 0 ? ", client certificate" : ""));
  }
  out.push_back(info("certificates", kThisHost,
                     folders.empty() ? std::string("no certs.d folder holds certificates: those of the system count")
                                     : "besides those of the system: " + some_of(folders)));
  if (machine.sha_instructions) {
    out.push_back(info("sha-instructions", kThisHost,
                       *machine.sha_instructions ? "this processor has instructions for SHA-256"
                                                 : "this processor has no instructions for SHA-256: hashing takes "
                                                   "several times the processor time"));
  }
  return out;
}

std::vector<Finding> judge_all(const EngineFacts& engine, const MachineFacts& machine,
                               const std::vector<RegistryFacts>& registries) {
  auto out = judge(engine, registries);
  const auto add = [&out](std::vector<Finding> more) { std::move(more.begin(), more.end(), std::back_inserter(out)); };
  for (const auto& registry : registries) add(judge(registry));
  add(judge(machine, registries));
  std::stable_sort(out.begin(), out.end(), [](const Finding& a, const Finding& b) { return a.severity > b.severity; });
  return out;
}

std::span<const std::string_view> codes() { return kCodes; }

}  // namespace sluice::host
