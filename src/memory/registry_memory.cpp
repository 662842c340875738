#include "memory/registry_memory.hpp"

#include "base/encoding.hpp"
#include "base/pause.hpp"
#include "base/task_pool.hpp"
#include "base/text.hpp"
#include "copy/tags.hpp"
#include "openshift/streams/state.hpp"
#include "places/registry_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace sluice::memory {

namespace {

constexpr unsigned kMaxTries = 8;
constexpr unsigned kAskers = 24;  // the place has slots of its own
constexpr std::size_t kIdDigits = 32;
constexpr std::size_t kTokenDigits = 16;

Status for_each(std::size_t count, places::Place& place, const std::stop_token& stop,
                const std::function<Status(std::size_t, const std::stop_token&)>& ask) {
  TaskPool pool(stop, kAskers);
  for (std::size_t i = 0; i < count; ++i) {
    pool.add({.hosts = {&place}, .run = [&ask, i](const std::stop_token& token) { return ask(i, token); }});
  }
  return pool.finish();
}

std::string text_of(const Artifact& artifact, std::string_view key) {
  const auto found = artifact.annotations.find(key);
  return found == artifact.annotations.end() ? std::string() : found->second;
}

// Tokens that are none of ours are left out: they only say what need not be repeated.
std::vector<std::string> tokens_of(const Artifact& artifact) {
  std::vector<std::string> out;
  const auto add = [&](const std::string& token) {
    if (token.size() == kTokenDigits && encoding::is_lower_hex(token) && out.size() < kKeptTokens) out.push_back(token);
  };
  add(text_of(artifact, kWriterAnnotation));
  for (const auto& token : text::split(text_of(artifact, kContainsAnnotation), ' ')) add(token);
  return out;
}

std::chrono::milliseconds random_part(std::chrono::milliseconds most) {
  constexpr int kDigits = 4;
  const auto random = std::stol(random_hex(kDigits), nullptr, 16);
  return most * random / (1L << (4 * kDigits));
}

RepositoryMemory memory_of(const Artifact& artifact) {
  RepositoryMemory out;
  const auto text = text_of(artifact, kMemoryAnnotation);
  if (artifact.problem.empty() && !text.empty()) return read_memory(text);
  out.problem = artifact.problem.empty() ? "lacks its annotation " + std::string(kMemoryAnnotation) : artifact.problem;
  return out;
}

}  // namespace

RegistryMemoryOptions::RegistryMemoryOptions() : pauses(copy::read_back_pauses()) {}

RegistryMemory::RegistryMemory(places::Place& place, std::string project, RegistryMemoryOptions options)
    : place_(place), project_(std::move(project)), options_(std::move(options)) {}

bool RegistryMemory::Standing::contains(const std::string& token) const {
  return std::find(tokens.begin(), tokens.end(), token) != tokens.end();
}

std::string RegistryMemory::repository_of(const std::string& image) const {
  return project_.empty() ? image : project_ + "/" + image;
}

Result<std::vector<RepositoryMemory>> RegistryMemory::read(const std::vector<std::string>& images,
                                                           const std::stop_token& stop) {
  std::vector<RepositoryMemory> out(images.size());
  SLUICE_CHECK(for_each(images.size(), place_, stop, [&](std::size_t i, const std::stop_token& token) -> Status {
    const auto repository = repository_of(images[i]);
    SLUICE_TRY(auto standing, look(repository, token));
    out[i] = standing.memory;
    ahead_.with([&](auto& seen) { seen.insert_or_assign(repository, std::move(standing)); });
    return {};
  }));
  return out;
}

Status RegistryMemory::look_ahead(const std::string& image, const std::stop_token& stop) {
  const auto repository = repository_of(image);
  SLUICE_TRY(auto standing, look(repository, stop));
  ahead_.with([&](auto& seen) { seen.insert_or_assign(repository, std::move(standing)); });
  return {};
}

Result<RegistryMemory::Standing> RegistryMemory::first_look(const std::string& repository,
                                                            const std::stop_token& stop) {
  auto seen = ahead_.with([&](auto& all) {
    std::optional<Standing> out;
    if (auto node = all.extract(repository)) out = std::move(node.mapped());
    return out;
  });
  if (seen && options_.settle.count() > 0 && !is_slow(*seen)) return std::move(*seen);
  auto first = look(repository, stop);
  if (!first) return as_memory_refused(std::move(first).error(), place_, repository);
  return first;
}

Status RegistryMemory::change(const std::string& image, const Change& change, const std::stop_token& stop) {
  return change_until_it_stands(repository_of(image), change, false, stop);
}

Status RegistryMemory::give_id(const std::string& image, const std::stop_token& stop) {
  return change_until_it_stands(repository_of(image), [](RepositoryMemory&) { return Status(); }, true, stop);
}

Status RegistryMemory::change_until_it_stands(const std::string& repository, const Change& change, bool named,
                                              const std::stop_token& stop) {
  SLUICE_TRY(auto standing, first_look(repository, stop));
  for (unsigned tries = 0; tries < kMaxTries; ++tries) {
    auto memory = standing.memory;
    SLUICE_CHECK(change(memory));
    if (!memory.problem.empty()) return {};
    if (memory == standing.memory && !(named && memory.id.empty())) return {};
    if (is_slow(standing)) {
      SLUICE_TRY(auto now, look(repository, stop));
      const bool same = now.digest == standing.digest;
      standing = std::move(now);
      if (!same) continue;
    }
    if (memory.id.empty()) memory.id = random_hex(kIdDigits);
    SLUICE_TRY(const auto token, write(repository, memory, standing, stop));
    SLUICE_TRY(standing, look_after(repository, token, standing, stop));
    if (standing.contains(token)) return {};
    // Two that go on with equal pauses would meet again and again.
    if (options_.settle.count() == 0) continue;
    if (!pause_for(random_part(options_.settle * (tries + 1)), stop))
      return Error(ErrorKind::cancelled, "stopped while others wrote to " + repository);
    SLUICE_TRY(standing, look(repository, stop));
  }
  return Error(ErrorKind::conflict,
               fmt::format("{}/{}:{} was changed by others each time that it was written, {} times", place_.name(),
                           repository, kMemoryTag, kMaxTries))
      .with_hint("see who else promotes to it, and try again");
}

bool RegistryMemory::is_slow(const Standing& standing) const {
  return options_.settle.count() > 0 && std::chrono::steady_clock::now() - standing.asked > options_.settle / 2;
}

Result<RegistryMemory::Standing> RegistryMemory::look(const std::string& repository, const std::stop_token& stop) {
  Standing out{.asked = std::chrono::steady_clock::now()};
  SLUICE_TRY(const auto found, find_artifact(place_, repository, std::string(kMemoryTag), kMemoryType, stop));
  if (!found) return out;
  out.digest = found->digest;
  out.tokens = tokens_of(*found);
  out.memory = memory_of(*found);
  for (auto& [tag, entry] : out.memory.tags) {
    if (!entry.open) continue;
    plan_.with([&](SharedJson& last) {
      entry.open->plan.share(last);
      last = entry.open->plan;
    });
  }
  return out;
}

Result<std::string> RegistryMemory::write(const std::string& repository, const RepositoryMemory& memory,
                                          const Standing& on, const std::stop_token& stop) {
  SLUICE_TRY(auto text, write_memory(memory));
  auto token = random_hex(kTokenDigits);
  auto contained = on.tokens;
  if (contained.size() >= kKeptTokens) contained.resize(kKeptTokens - 1);
  const auto artifact = make_artifact(kMemoryType, {{std::string(kMemoryAnnotation), std::move(text)},
                                                    {std::string(kWriterAnnotation), token},
                                                    {std::string(kContainsAnnotation), text::join(contained, " ")}});
  SLUICE_CHECK(put_artifact(place_, repository, std::string(kMemoryTag), artifact, stop));
  return token;
}

Result<RegistryMemory::Standing> RegistryMemory::look_after(const std::string& repository, const std::string& token,
                                                            const Standing& before, const std::stop_token& stop) {
  auto pauses = options_.pauses;
  pauses.insert(pauses.begin(), options_.settle);
  for (const auto& pause : pauses) {
    if (!pause_for(pause, stop))
      return Error(ErrorKind::cancelled,
                   "stopped while " + repository + ":" + std::string(kMemoryTag) + " was read back");
    SLUICE_TRY(auto seen, look(repository, stop));
    if (seen.contains(token)) return seen;
    // An answer that lags shows what stood there before, or before that.
    const bool behind =
        !seen.digest || seen.digest == before.digest || (!seen.tokens.empty() && before.contains(seen.tokens.front()));
    if (!behind) return seen;
  }
  return Error(ErrorKind::integrity, fmt::format("{}/{}:{} was written and still reads back as what stood there before",
                                                 place_.name(), repository, kMemoryTag))
      .with_hint("see whether the registry keeps what is pushed to it, or a cache stands in front of it");
}

Status RegistryMemory::pin(const std::string& image, const std::string& digest, const std::stop_token& stop) {
  SLUICE_TRY(const auto wanted, oci::Digest::parse(digest));
  const auto repository = repository_of(image);
  SLUICE_TRY(const bool pinned, is_pinned(repository, wanted, stop));
  if (pinned) return {};
  SLUICE_TRY(const auto manifest, place_.manifest(repository, places::ManifestName::digest(wanted), stop));
  return put_pin(repository, manifest, stop);
}

Status RegistryMemory::pin(const std::string& image, const oci::Manifest& manifest, const std::stop_token& stop) {
  const auto repository = repository_of(image);
  SLUICE_TRY(const bool pinned, is_pinned(repository, manifest.digest, stop));
  if (pinned) return {};
  return put_pin(repository, manifest, stop);
}

Result<bool> RegistryMemory::is_pinned(const std::string& repository, const oci::Digest& digest,
                                       const std::stop_token& stop) {
  const auto tag = places::ManifestName::tag(openshift::pin_tag(digest.text()));
  const auto now = place_.digest_of(repository, tag, stop, digest.algorithm());
  if (!now && !places::means_missing(now.error())) return now.error();
  return now && *now == digest;
}

Status RegistryMemory::put_pin(const std::string& repository, const oci::Manifest& manifest,
                               const std::stop_token& stop) {
  const auto& wanted = manifest.digest;
  const auto digest = wanted.text();
  const auto tag = places::ManifestName::tag(openshift::pin_tag(digest));
  if (auto put = place_.put_manifest(repository, tag, manifest, stop); !put)
    return as_memory_refused(std::move(put).error(), place_, repository);
  SLUICE_TRY(const auto after,
             copy::read_back(place_, repository, tag, wanted, {.pauses = options_.pauses, .lagging = {}}, stop));
  if (after == wanted) return {};
  return Error(ErrorKind::integrity, fmt::format("{}/{}:{} was written to keep {} and reads back as {}", place_.name(),
                                                 repository, tag.text(), digest, after ? after->text() : "nothing"));
}

Result<std::vector<bool>> RegistryMemory::there(const std::string& image, const std::vector<std::string>& digests,
                                                const std::stop_token& stop) {
  const auto repository = repository_of(image);
  std::vector<char> found(digests.size(), 0);  // of its own byte each: several threads write
  SLUICE_CHECK(for_each(digests.size(), place_, stop, [&](std::size_t i, const std::stop_token& token) -> Status {
    const auto digest = oci::Digest::parse(digests[i]);
    if (!digest) return {};
    const auto manifest = place_.find_manifest(repository, places::ManifestName::digest(*digest), token);
    // What comes back with other bytes cannot be had under this digest.
    const bool gone =
        !manifest && (manifest.error().kind() == ErrorKind::not_found ||
                      manifest.error().kind() == ErrorKind::integrity || places::means_missing(manifest.error()));
    if (!manifest && !gone) return manifest.error();
    found[i] = !gone && *manifest ? 1 : 0;
    return {};
  }));
  return std::vector<bool>(found.begin(), found.end());
}

}  // namespace sluice::memory
