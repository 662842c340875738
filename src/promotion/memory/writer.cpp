#include "promotion/memory/writer.hpp"

#include "base/pause.hpp"
#include "base/task_pool.hpp"
#include "base/wall_clock.hpp"
#include "promotion/memory/access.hpp"
#include "promotion/memory/environment.hpp"
#include "records/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace sluice::promotion {

namespace {

// Each write is followed by a pause before it is looked at (RegistryMemoryOptions::settle): with few writers a release
// of many images would mostly wait for these.
constexpr unsigned kWriters = 32;
constexpr unsigned kTargetsAtOnce = 8;
constexpr std::string_view kPauses = "pauses";  // beside the plan, at the head alone
// So long somebody counts as at work who has not said so again; clocks of machines may differ by some of it.
constexpr std::chrono::seconds kAtWork{300};

bool may_not(const Error& error) { return error.kind() == ErrorKind::denied || error.kind() == ErrorKind::unsupported; }

std::string text_of(const std::optional<oci::Digest>& digest) { return digest ? digest->text() : std::string(); }

// A release of what stood there, for going back to where nothing else is remembered.
std::optional<memory::KeptRelease> what_stands(const PlannedTarget& target, const PlannedImage& image,
                                               std::int64_t at) {
  if (!image.before()) return std::nullopt;
  memory::KeptRelease out;
  out.release = target.id_before();
  out.digest = image.before()->text();
  out.tag = image.tags.back().tag;
  out.stood = memory::Stood::adopted;
  out.at = at;
  return out;
}

// Workloads that are paused for the switch: whoever goes on elsewhere has to wake them.
Json pauses_of(const PlannedTarget& target) {
  Json out = Json::array();
  if (!target.workloads) return out;
  for (const auto& workload : *target.workloads) {
    if (workload.pause) out.push(Json::object().set("kind", workload.kind).set("name", workload.name));
  }
  return out;
}

// `record`: what all images of the plan remember of it.
memory::OpenPromotion open_of(const Plan& plan, std::size_t t, const PlannedImage& image,
                              const MemoryWriter::Begin& begin, const memory::SharedJson& record) {
  const auto& target = plan.targets[t];
  const auto found = std::find_if(begin.release.images.begin(), begin.release.images.end(),
                                  [&](const auto& one) { return one.name == image.name; });
  const auto& head = target.head();
  memory::OpenPromotion out;
  out.promotion = begin.promotion.id;
  out.kind = std::string(to_string(plan.kind));
  out.release = begin.promotion.release;
  out.number = begin.release.number;
  out.label = found == begin.release.images.end() ? image.tags.back().tag : found->tag;
  out.pattern_tag = begin.release.pattern_tag;
  out.began = begin.promotion.created_at;
  out.undoing = begin.undoing;
  out.head = head.name;
  out.digest = found == begin.release.images.end() ? image.of_release().text() : found->digest.text();
  out.after = image.after.text();
  for (const auto& tag : image.tags) out.tags.push_back({tag.tag, text_of(tag.before)});
  out.road = std::string(to_string(image.road));
  out.plan = record;
  if (&image == &head) {
    auto with_pauses = *record;
    out.plan = std::move(with_pauses.set(kPauses, begin.pauses.empty() ? pauses_of(target) : begin.pauses[t]));
  }
  return out;
}

// What was left paused stays noted until the promotion ends, whoever goes on with it.
void take_over_pauses(const memory::OpenPromotion& before, memory::OpenPromotion& open, Json& left_paused) {
  const auto* left = before.plan->find(kPauses);
  const auto* ours = open.plan->find(kPauses);
  if (left == nullptr || !left->is_array() || ours == nullptr) return;
  left_paused = *left;
  auto all = *left;
  for (const auto& one : ours->items()) {
    const bool known =
        std::any_of(left->items().begin(), left->items().end(), [&](const Json& other) { return other == one; });
    if (!known) all.push(one);
  }
  auto plan = *open.plan;
  open.plan = std::move(plan.set(kPauses, std::move(all)));
}

Error somebody_began(const std::string& where, const memory::OpenPromotion& open) {
  const auto who = memory::shown(open.who);
  return Error(ErrorKind::busy, fmt::format("{} is being worked on: promotion {} began there{}", where, open.promotion,
                                            who.empty() ? "" : " by " + who))
      .with_hint("wait for it with --wait, or see: sluice status");
}

}  // namespace

Status MemoryWriter::open(const Plan& plan, const Registries& known) {
  memories_.clear();
  registries_.clear();
  for (const auto& target : plan.targets) {
    if (!plan.memory.at_place) {
      memories_.emplace_back();
      registries_.push_back(nullptr);
      continue;
    }
    if (target.streams) {
      SLUICE_TRY(auto memory, memory_at(targets_, target.target));
      memories_.push_back(std::move(memory));
      registries_.push_back(nullptr);
      continue;
    }
    if (const auto read = known.find(target.target.id()); read != known.end()) {
      registries_.push_back(read->second.get());
      memories_.push_back(read->second);
      continue;
    }
    SLUICE_TRY(auto memory, registry_memory_at(targets_, target.target));
    registries_.push_back(memory.get());
    memories_.push_back(std::move(memory));
  }
  return {};
}

MemoryWriter::MemoryWriter(Targets& targets)
    : targets_(targets), ahead_(std::make_unique<TaskPool>(targets.stop(), kWriters)) {}

Status MemoryWriter::for_each_place(const Plan& plan, std::size_t target,
                                    const std::function<Status(const PlannedImage&, const std::stop_token&)>& act,
                                    std::stop_token stop) {
  TaskPool pool(std::move(stop), kWriters);
  for (const auto& image : plan.targets[target].images) {
    pool.add({.run = [&](const std::stop_token& token) { return act(image, token); }});
  }
  return pool.finish();
}

// Side by side: each target waits for its own registry only.
Status MemoryWriter::begin(const Plan& plan, const Begin& begin) {
  left_paused_.assign(plan.targets.size(), Json::array());
  std::vector<Status> begun(plan.targets.size());
  {
    TaskPool pool(targets_.stop(), kTargetsAtOnce);
    for (std::size_t t = 0; t < plan.targets.size(); ++t) {
      if (!memories_[t]) continue;
      pool.add({.run = [&, t](const std::stop_token&) {
        begun[t] = begin_at(t, plan, begin);
        return Status();
      }});
    }
    SLUICE_CHECK(pool.finish());
  }
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    if (begun[t]) continue;
    if (!may_not(begun[t].error())) return begun[t];
    findings_.push_back({"memory-refused", Severity::warning, plan.targets[t].target.label(),
                         "what is promoted is kept in the records of this machine only: " + begun[t].error().message(),
                         begun[t].error().hint()});
    // One of its places may have taken it: that one hears of the end all the same.
    refused_.insert(t);
  }
  const bool any = std::any_of(registries_.begin(), registries_.end(), [](const auto* one) { return one != nullptr; });
  if (any) {
    renewer_ =
        std::jthread([this, &plan, id = begin.promotion.id](const std::stop_token& stop) { renew(plan, id, stop); });
  }
  return {};
}

Status MemoryWriter::tell_arrivals(const Plan& plan, const std::string& promotion) {
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    if (!memories_[t]) continue;
    auto told = for_each_place(
        plan, t,
        [&](const PlannedImage& image, const std::stop_token& token) -> Status {
          if (!image.tested) return {};
          return memories_[t]->change(
              image.name,
              [&](memory::RepositoryMemory& memory) -> Status {
                const auto entry = memory.tags.find(image.tags.back().tag);
                if (entry != memory.tags.end() && entry->second.open && entry->second.open->promotion == promotion)
                  entry->second.open->after = image.after.text();
                return {};
              },
              token);
        },
        targets_.stop());
    if (!told && !(refused_.contains(t) && may_not(told.error()))) return told;
  }
  return {};
}

void MemoryWriter::renew(const Plan& plan, const std::string& promotion, const std::stop_token& stop) {
  while (pause_for(kAtWork / 3, stop)) {
    for (std::size_t t = 0; t < plan.targets.size(); ++t) {
      if (registries_[t] == nullptr) continue;
      // Best effort: who is taken for gone is only told as interrupted.
      static_cast<void>(for_each_place(
          plan, t,
          [&](const PlannedImage& image, const std::stop_token& token) {
            return memories_[t]->change(
                image.name,
                [&](memory::RepositoryMemory& memory) -> Status {
                  const auto entry = memory.tags.find(image.tags.back().tag);
                  const bool ours =
                      entry != memory.tags.end() && entry->second.open && entry->second.open->promotion == promotion;
                  if (ours) entry->second.open->until = seconds_now() + kAtWork.count();
                  return {};
                },
                token);
          },
          stop));
    }
  }
}

void MemoryWriter::stop_renewing() {
  renewer_.request_stop();
  if (renewer_.joinable()) renewer_.join();
}

// What one may have to go back to keeps a tag of its own, so that a registry's clean-up leaves it.
Status MemoryWriter::pin_before(std::size_t target, const PlannedImage& image, const std::stop_token& stop) {
  const auto& digest = image.before();
  if (registries_[target] == nullptr || !digest || *digest == image.after) return {};
  auto pinned = registries_[target]->pin(image.name, digest->text(), stop);
  // What is gone cannot be kept.
  if (!pinned && pinned.error().kind() == ErrorKind::not_found) return {};
  return pinned;
}

// Of a tag that was written before, by an earlier attempt: else it is asked for when the tag is written.
Status MemoryWriter::pin_after(std::size_t target, const PlannedImage& image, const std::stop_token& stop) {
  if (registries_[target] == nullptr) return {};
  if (pinned_.with([&](const auto& pins) { return pins.contains({target, image.name}); })) return {};
  return registries_[target]->pin(image.name, image.after.text(), stop);
}

void MemoryWriter::tag_written(std::size_t target, const std::string& image, const oci::Manifest& manifest) {
  if (target >= registries_.size() || registries_[target] == nullptr || refused_.contains(target)) return;
  auto* memory = registries_[target];
  const auto call = [&](auto run) { ahead_->add({.run = std::move(run)}); };
  call([memory, image](const std::stop_token& stop) -> Status {
    // Who could not look ahead looks when it is needed, and says then what was in the way.
    static_cast<void>(memory->look_ahead(image, stop));
    return {};
  });
  pinned_.with([&](auto& pins) { pins.emplace(target, image); });
  call([this, memory, image, manifest](const std::stop_token& stop) -> Status {
    if (auto pinned = memory->pin(image, manifest, stop); !pinned)
      unpinned_.with([&](auto& errors) { errors.push_back(std::move(pinned).error()); });
    return {};
  });
}

Status MemoryWriter::begin_at(std::size_t target, const Plan& plan, const Begin& begin) {
  // The same for all images; and one that no memory takes is not tried with each of them.
  const memory::SharedJson record(remembered_record(plan, begin.release));
  SLUICE_CHECK(memory::fits_memory(record));
  TaskPool pool(targets_.stop(), kWriters);
  const auto call = [&](auto run) { pool.add({.run = std::move(run)}); };
  for (const auto& image : plan.targets[target].images) {
    call([&](const std::stop_token& stop) { return begin_image(target, plan, image, begin, record, stop); });
    call([&](const std::stop_token& stop) { return pin_before(target, image, stop); });
  }
  return pool.finish();
}

Status MemoryWriter::begin_image(std::size_t target, const Plan& plan, const PlannedImage& image, const Begin& begin,
                                 const memory::SharedJson& record, const std::stop_token& stop) {
  const auto& planned = plan.targets[target];
  const auto where = planned.target.label() + "/" + image.name + ":" + image.tags.back().tag;
  auto open = open_of(plan, target, image, begin, record);
  const auto identity = planned.target.has_api ? planned.user : targets_.places().user_of(planned.target);
  open.who = told_who(begin.who, plan.memory, planned.target, identity);
  if (registries_[target] != nullptr) {
    open.holder = records::this_process();
    open.until = seconds_now() + kAtWork.count();
  }
  const memory::Beginning beginning{.app = plan.app,
                                    .environment = plan.environment,
                                    .fence = begin.fences.empty() ? 0 : begin.fences[target],
                                    .open = std::move(open),
                                    .stands = what_stands(planned, image, begin.promotion.created_at),
                                    .adopt = begin.adopts.contains(planned.target.id())};
  return memories_[target]->change(
      image.name,
      [&](memory::RepositoryMemory& memory) -> Status {
        if (!memory.problem.empty())
          return Error(ErrorKind::blocked, "the memory of " + where + " cannot be read: it " + memory.problem);
        const bool never_was = memory.id.empty() && memory.unknown.is_null() && memory.tags.empty() &&
                               memory.numbers.empty() && memory.problem.empty();
        auto& entry = memory.tags[image.tags.back().tag];
        if (never_was && target < begin.earlier.size()) {
          memory::remember_earlier(entry, image.name, begin.earlier[target], beginning.stands);
          entry.hold = begin.hold;
        }
        const bool foreign =
            entry.open && entry.open->promotion != begin.promotion.id &&
            (entry.open->promotion != begin.goes_over || (is_at_work(*entry.open) && !begin.take_over));
        if (foreign) return somebody_began(where, *entry.open);
        auto mine = beginning;
        if (entry.open) take_over_pauses(*entry.open, mine.open, left_paused_[target]);
        memory::begin(entry, mine);
        return {};
      },
      stop);
}

std::optional<memory::Hold> MemoryWriter::hold_at(const Plan& plan, std::size_t target,
                                                  const std::optional<memory::Hold>& hold) {
  if (!hold) return hold;
  const auto& planned = plan.targets[target];
  const auto identity = planned.target.has_api ? planned.user : targets_.places().user_of(planned.target);
  auto out = *hold;
  out.who = told_who(hold->who, plan.memory, planned.target, identity);
  return out;
}

std::vector<Finding> MemoryWriter::end(const Plan& plan, const records::Promotion& promotion,
                                       const std::vector<EndAtTarget>& ends, const std::optional<memory::Hold>& hold) {
  stop_renewing();
  std::vector<Finding> out;
  std::vector<std::vector<Finding>> found(memories_.size());
  {
    // The user may have asked to stop; how it ended is told all the same.
    TaskPool pool({}, kTargetsAtOnce);
    for (std::size_t t = 0; t < plan.targets.size() && t < memories_.size(); ++t) {
      if (!memories_[t]) continue;
      pool.add({.run = [&, t](const std::stop_token&) {
        end_at(t, plan, promotion, ends[t], hold, found[t]);
        return Status();
      }});
    }
    static_cast<void>(pool.finish());
  }
  static_cast<void>(ahead_->finish());
  for (auto& one : found) out.insert(out.end(), one.begin(), one.end());
  unpinned_.with([&](auto& errors) {
    for (const auto& error : errors)
      out.push_back({"state-not-kept", Severity::warning, plan.environment, error.sentence(), ""});
    errors.clear();
  });
  return out;
}

void MemoryWriter::end_at(std::size_t target, const Plan& plan, const records::Promotion& promotion,
                          const EndAtTarget& end, const std::optional<memory::Hold>& hold, std::vector<Finding>& out) {
  const memory::Ending ending{.promotion = promotion.id,
                              .state = std::string(to_string(promotion.state)),
                              .ended = promotion.ended_at,
                              .number = promotion.number,
                              .fence = 0,
                              .failure = promotion.failure,
                              .stood = end.stood,
                              .release_before = plan.targets[target].id_before(),
                              .hold = hold_at(plan, target, hold)};
  TaskPool pool({}, kWriters);
  const auto call = [&](auto run) { pool.add({.run = std::move(run)}); };
  for (const auto& image : plan.targets[target].images) {
    call([&](const std::stop_token& stop) {
      return memories_[target]->change(
          image.name,
          [&](memory::RepositoryMemory& memory) -> Status {
            const auto entry = memory.tags.find(image.tags.back().tag);
            if (entry != memory.tags.end()) memory::end(entry->second, ending);
            return {};
          },
          stop);
    });
    if (!end.stood || refused_.contains(target)) continue;
    call([&](const std::stop_token& stop) {
      if (auto pinned = pin_after(target, image, stop); !pinned)
        unpinned_.with([&](auto& errors) { errors.push_back(std::move(pinned).error()); });
      return Status();
    });
  }
  const auto ended = pool.finish();
  if (ended || (refused_.contains(target) && may_not(ended.error()))) return;
  out.push_back({"state-not-kept", Severity::warning, plan.targets[target].target.label(), ended.error().sentence(),
                 "sluice resume " + promotion.id});
}

Result<MemoryWriter::Standing> MemoryWriter::standing(const Plan& plan, const records::Promotion& promotion) {
  Standing out;
  for (std::size_t t = 0; t < plan.targets.size(); ++t) {
    out.silent.push_back(t);
    if (!memories_[t]) continue;
    std::vector<std::string> images;
    for (const auto& image : plan.targets[t].images) images.push_back(image.name);
    auto memories = memories_[t]->read(images, targets_.stop());
    if (!memories && memories.error().kind() == ErrorKind::denied) continue;
    if (!memories) return std::move(memories).error();
    bool silent = true;
    for (std::size_t i = 0; i < images.size(); ++i) {
      const auto& memory = (*memories)[i];
      if (!memory.problem.empty())
        return Error(ErrorKind::blocked, "the memory of " + plan.targets[t].target.label() + "/" + images[i] +
                                             " cannot be read: it " + memory.problem);
      const auto entry = memory.tags.find(plan.targets[t].images[i].tags.back().tag);
      if (entry == memory.tags.end()) continue;
      if (entry->second.hold) out.hold = entry->second.hold;
      const auto& open = entry->second.open;
      silent = false;
      if (open && open->promotion != promotion.id) out.newer = open->promotion;
      const bool ours_open = open && open->promotion == promotion.id;
      out.open = out.open || ours_open;
      if (ours_open) out.after.emplace(std::pair(t, images[i]), open->after);
      out.undoing = out.undoing || (ours_open && open->undoing);
      if (open || entry->second.promotions.empty()) continue;
      const auto& last = entry->second.promotions.front();
      const auto known = std::find_if(entry->second.promotions.begin(), entry->second.promotions.end(),
                                      [&](const auto& one) { return one.promotion == promotion.id; });
      const bool ours = known != entry->second.promotions.end();
      if (ours) out.ended = known->state;
      // Ids of one second are in the order in which they were given.
      const bool later = std::pair(last.began, last.promotion) > std::pair(promotion.created_at, promotion.id);
      if (last.promotion != promotion.id && (ours || later)) out.newer = last.promotion;
    }
    if (!silent) out.silent.pop_back();
  }
  if (out.open) out.ended.clear();
  return out;
}

}  // namespace sluice::promotion
