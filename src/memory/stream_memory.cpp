#include "memory/stream_memory.hpp"

#include "base/text.hpp"
#include "memory/numbers.hpp"
#include "memory/old_state.hpp"
#include "openshift/streams/state.hpp"
#include "openshift/streams/tags.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace sluice::memory {

namespace {

// Enough for the client's own retries (as promotion's).
constexpr std::chrono::minutes kForOne{3};

/// What a pin keeps; "" when the stream does not say it.
std::string pinned_digest(const kube::ImageStream& stream, const std::string& tag) {
  if (auto top = stream.top(tag); top && !top->image.empty()) return std::move(top->image);
  const auto spec = stream.tag_spec(tag);
  return spec && spec->from ? std::string(text::cut(spec->from->name, '@').second) : std::string();
}

void add_digests(const TagMemory& memory, std::set<std::string>& pins) {
  const auto add = [&](const std::string& digest) {
    if (!digest.empty()) pins.insert(openshift::pin_tag(digest));
  };
  for (const auto& kept : memory.releases) add(kept.here());
  if (!memory.open) return;
  add(memory.open->after);
  for (const auto& tag : memory.open->tags) add(tag.before);
}

}  // namespace

RepositoryMemory memory_of(const kube::ImageStream& stream) {
  const auto annotation = stream.annotation(kStreamAnnotation);
  auto memory = read_memory(annotation);
  if (!memory.problem.empty()) {
    memory.problem = fmt::format("stands in the annotation {}, which {}", kStreamAnnotation, memory.problem);
    return memory;
  }
  const auto state = openshift::read_state(stream);
  // Beside a memory that can be read a damaged state says nothing; alone it may have said that a hold stands.
  if (!state.problem.empty() && annotation.empty())
    memory.problem = "was kept by an older version, and " + state.problem;
  if (!state.problem.empty()) return memory;
  for (const auto& [tag, old] : state.tags) take_over(old, memory.tags[tag]);
  return memory;
}

Result<bool> put_memory(kube::ImageStream& stream, const RepositoryMemory& memory) {
  SLUICE_TRY(auto text, write_memory(memory));
  bool changed = text != stream.annotation(kStreamAnnotation);
  if (changed) stream.annotate(kStreamAnnotation, std::move(text));
  for (const auto& [tag, entry] : memory.tags) {
    SLUICE_TRY(const bool also,
               openshift::change_state(stream, tag, [&](openshift::TagState& state) { state = old_state_of(entry); }));
    changed = changed || also;
  }
  return changed;
}

std::vector<std::string> outdated_pins(const kube::ImageStream& stream) {
  const auto memory = memory_of(stream);
  if (!memory.problem.empty()) return {};
  std::set<std::string> wanted;
  for (const auto& [tag, entry] : memory.tags) add_digests(entry, wanted);
  std::set<std::string> pins;
  for (auto& history : stream.tags()) {
    if (is_pin_name(history.tag)) pins.insert(std::move(history.tag));
  }
  for (auto& spec : stream.tag_specs()) {
    if (is_pin_name(spec.name)) pins.insert(std::move(spec.name));
  }
  std::vector<std::string> out;
  for (const auto& pin : pins) {
    // One that stands for something else than its name says is none of ours.
    const auto digest = pinned_digest(stream, pin);
    if (!digest.empty() && openshift::pin_tag(digest) == pin && !wanted.contains(pin)) out.push_back(pin);
  }
  return out;
}

Result<std::vector<RepositoryMemory>> StreamMemory::read(const std::vector<std::string>& images,
                                                         const std::stop_token& stop) {
  std::vector<RepositoryMemory> out;
  for (const auto& image : images) {
    SLUICE_TRY(const auto stream, client_.find<kube::ImageStream>(project_, image, {Deadline::after(kForOne), stop}));
    out.push_back(stream ? memory_of(*stream) : RepositoryMemory{});
  }
  return out;
}

Status StreamMemory::change(const std::string& image, const Change& change, const std::stop_token& stop) {
  const auto on_stream = [&](kube::ImageStream& stream) -> Result<bool> {
    auto memory = memory_of(stream);
    const auto before = memory;
    SLUICE_CHECK(change(memory));
    // What a version before 0.2 wrote is not taken over for its own sake.
    if (memory == before) return false;
    if (!memory.problem.empty()) {
      return Error(ErrorKind::blocked,
                   "what " + text::printable(stream.shown()) + " remembers cannot be read: it " + memory.problem);
    }
    // What an older version is told there goes with it: else its hold and its releases would come back from there.
    if (!before.problem.empty()) stream.remove_annotation(openshift::kStateAnnotation);
    return put_memory(stream, memory);
  };
  const net::ExchangeContext context{Deadline::after(kForOne), stop};
  auto written = client_.update_with<kube::ImageStream>(project_, image, on_stream, context);
  if (!written && written.error().kind() == ErrorKind::not_found) {
    SLUICE_CHECK(openshift::ensure_stream(client_, project_, image, context));
    written = client_.update_with<kube::ImageStream>(project_, image, on_stream, context);
  }
  if (written) return {};
  return std::move(written).error().context(fmt::format("writing the memory of {}/{}", project_, image));
}

}  // namespace sluice::memory
