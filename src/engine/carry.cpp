#include "engine/carry.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

namespace sluice::engine {

namespace {

constexpr std::chrono::seconds kShort{60};  // for one small question
constexpr std::chrono::minutes kBegin{5};   // until an engine answers a pull or a push, which waits for the registry

net::ExchangeContext within(std::chrono::seconds span, const std::stop_token& stop) {
  return {Deadline::after(span), stop};
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

// "host/project/name" of "host/project/name:tag" and "host/project/name@digest".
std::string repository_of(const std::string& reference) {
  const auto digest = reference.find('@');
  if (digest != std::string::npos) return reference.substr(0, digest);
  return reference.substr(0, reference.rfind(':'));
}

bool names(const std::vector<std::string>& references, const std::string& repository) {
  return std::any_of(references.begin(), references.end(),
                     [&](const std::string& one) { return repository_of(one) == repository; });
}

// The engine was not heard to the end.
bool is_given_up(const Error& error) {
  return error.kind() == ErrorKind::cancelled || error.kind() == ErrorKind::timeout ||
         error.kind() == ErrorKind::unreachable;
}

Error at_step(Step step, const std::string& what, Error error) {
  return std::move(error).context(fmt::format("docker {} {}", to_string(step), what));
}

}  // namespace

std::string_view to_string(Step step) {
  switch (step) {
    case Step::pull:
      return "pull";
    case Step::tag:
      return "tag";
    case Step::push:
      return "push";
    case Step::remove:
      break;
  }
  return "rmi";
}

std::uint64_t room_for(std::uint64_t compressed_bytes) { return compressed_bytes * 2; }

// Only where the engine's disk is ours to look at: a socket may lead to another machine, or out of our container.
Status Carrier::check_room(const Order& order, const net::ExchangeContext& context) {
  if (!client_.address().is_local()) return {};
  SLUICE_TRY(const auto known, client_.find(order.from + "@" + order.digest, context));
  if (known) return {};
  SLUICE_TRY(const auto facts, client_.facts(context));
  struct statvfs disk{};
  if (facts.host != host_name() || facts.data_root.empty() || ::statvfs(facts.data_root.c_str(), &disk) != 0) return {};
  const auto available = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  const auto needed = room_for(order.bytes);
  if (available >= needed) return {};
  return Error(ErrorKind::storage,
               fmt::format("the engine keeps images in {}, where {} are free; {} needs {} at least", facts.data_root,
                           text::human_bytes(available), order.from, text::human_bytes(needed)))
      .with_hint("make room there (docker system df, docker image prune), or promote without the engine");
}

// The newest first: a tag goes before the image that it names. The first `keep` are not ours. `may_follow`: the engine
// may go on with what we gave up, so what is not there yet stays in the ledger, and the next run looks again.
void Carrier::tidy(std::vector<std::string>& notes, std::size_t keep, bool may_follow) {
  auto references = ledger_.held();
  while (references.size() > keep) {
    const auto reference = std::exchange(references.back(), {});
    references.pop_back();
    // Somebody asked to end: this is how.
    const auto removed = client_.remove(reference, within(kShort, {}));
    if (removed) {
      if (may_follow && !*removed) continue;
      if (auto noted = ledger_.gone(reference); !noted) notes.push_back(noted.error().sentence());
    } else {
      notes.push_back(
          fmt::format("{} stays in the engine, and the next run removes it: {}", reference, removed.error().message()));
    }
  }
}

std::vector<std::string> Carrier::clear() {
  std::vector<std::string> notes;
  tidy(notes, 0, false);
  return notes;
}

Result<Arrived> Carrier::carry(const Order& order, const ToldStep& told, const std::stop_token& stop) {
  SLUICE_CHECK(check_room(order, within(kShort, stop)));
  const auto before = ledger_.held().size();
  auto arrived = bring(order, told, stop);
  std::vector<std::string> notes;
  if (ledger_.held().size() > before) told(Step::remove, {.layer = {}, .status = {}});
  tidy(notes, before, !arrived && is_given_up(arrived.error()));
  if (arrived) {
    arrived->notes.insert(arrived->notes.end(), notes.begin(), notes.end());
    return arrived;
  }
  if (notes.empty()) return arrived;
  return std::move(arrived).error().context(text::join(notes, "; "));
}

Result<Carrier::Name> Carrier::name_for(const Order& order, const std::string& image_id, const std::stop_token& stop) {
  std::string taken;
  for (const auto& tag : order.tags) {
    SLUICE_TRY(const auto namesake, client_.find(order.to + ":" + tag, within(kShort, stop)));
    if (!namesake || namesake->id == image_id) return Name{tag, namesake.has_value()};
    taken = order.to + ":" + tag;
  }
  return Error(ErrorKind::conflict, "the engine has another image called " + taken + ", which is not ours")
      .with_hint("docker rmi " + taken);
}

Result<Arrived> Carrier::bring(const Order& order, const ToldStep& told, const std::stop_token& stop) {
  const auto source = order.from + "@" + order.digest;
  const auto say = [&](Step step) { return [&told, step](const Progress& progress) { told(step, progress); }; };
  Arrived out;

  SLUICE_TRY(const auto known, client_.find(source, within(kShort, stop)));
  bool nameless = false;  // the engine has the image without a name: it would go with the last one
  for (const auto& config : order.configs) {
    SLUICE_TRY(const auto image, client_.find(config, within(kShort, stop)));
    nameless = nameless || (image && image->tags.empty() && image->digests.empty());
  }
  if (!known && !nameless) SLUICE_CHECK(ledger_.bring(source));
  if (nameless)
    out.notes.push_back("the engine had this image without a name before; it is called " + source + " from now on");
  told(Step::pull, {.layer = {}, .status = {}});
  auto pulled = client_.pull(order.from, order.digest, order.source, say(Step::pull), within(kBegin, stop));
  if (!pulled) return at_step(Step::pull, source, std::move(pulled).error());
  SLUICE_TRY(const auto image, client_.find(source, within(kShort, stop)));
  if (!image) {
    return Error(ErrorKind::protocol,
                 "docker pull " + source + " ended without an error, and the engine does not have it");
  }

  SLUICE_TRY(const auto name, name_for(order, image->id, stop));
  const auto target = order.to + ":" + name.tag;
  // With the last tag of a repository an engine takes its digests away as well: then our tag stays beside them.
  const bool keeps_tag = names(image->digests, order.to) && !names(image->tags, order.to);
  if (keeps_tag) out.notes.push_back("the engine knew this image by a digest of " + order.to + "; it keeps " + target);
  if (!name.there && !keeps_tag) SLUICE_CHECK(ledger_.bring(target));
  // A push adds this name.
  if (!names(image->digests, order.to)) SLUICE_CHECK(ledger_.bring(order.to + "@" + order.digest));
  told(Step::tag, {.layer = {}, .status = {}});
  if (auto tagged = client_.tag(image->id, order.to, name.tag, within(kShort, stop)); !tagged)
    return at_step(Step::tag, target, std::move(tagged).error());
  told(Step::push, {.layer = {}, .status = {}});
  auto pushed = client_.push(order.to, name.tag, order.target, say(Step::push), within(kBegin, stop));
  if (!pushed) return at_step(Step::push, target, std::move(pushed).error());
  out.digest = pushed->digest;
  out.tag = name.tag;
  // That is the name which the push has added, if it pushed another image.
  if (out.digest != order.digest && !names(image->digests, order.to))
    SLUICE_CHECK(ledger_.bring(order.to + "@" + out.digest));
  for (auto& note : pushed->notes) out.notes.push_back(std::move(note));
  return out;
}

}  // namespace sluice::engine
