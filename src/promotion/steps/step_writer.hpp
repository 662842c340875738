#pragma once
// StepWriter: the only one that writes steps of a promotion. The journal comes first; whoever listens is told what was
// recorded, with the number and the time that the journal gave it.

#include "base/result.hpp"
#include "copy/events.hpp"
#include "records/store.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sluice::promotion {

/// A step, once it is recorded.
struct RecordedStep {
  std::shared_ptr<const copy::EventScope> scope;  ///< never null
  records::JournalEntry entry;  ///< with its sequence and time; sequence 0: the journal could not be written
  std::string target;           ///< as people know it; empty for the promotion as a whole
  std::optional<records::PromotionState> state;  ///< that the promotion is in with this step; empty: as before
};

/// Receives everything that a promotion tells: its steps, and what the copy engine does.
/// Thread: any, several at once. Must be quick.
class PromotionEvents : public copy::Events {
 public:
  virtual void recorded(const RecordedStep& step) = 0;
};

/// Says of every event which promotion it belongs to. Thread: as the receiver; set_scope() before anybody else calls.
class ScopedEvents final : public PromotionEvents {
 public:
  explicit ScopedEvents(PromotionEvents& receiver) : receiver_(receiver) {}
  void set_scope(copy::EventScope scope) { scope_ = std::make_shared<const copy::EventScope>(std::move(scope)); }
  void emit(const copy::Event& event) override {
    auto scoped = event;
    scoped.scope = scope_;
    receiver_.emit(scoped);
  }
  void recorded(const RecordedStep& step) override { receiver_.recorded(step); }

 private:
  PromotionEvents& receiver_;
  std::shared_ptr<const copy::EventScope> scope_ = std::make_shared<const copy::EventScope>();
};

/// A tag of an image: the detail of Step::switched and Step::undone.
struct TagStep {
  std::string tag;
  std::optional<oci::Digest> digest;  ///< that it stands for now; empty: it is gone
  Json to_json() const;
  /// Empty digests and tags where the journal has none.
  static TagStep of(const records::JournalEntry& entry);
};

/// Thread: any, several at once. Borrows everything for its life.
class StepWriter {
 public:
  /// `fences`: of the leases that are held now. `label_of`: a target's id as people know it.
  struct Access {
    std::function<std::vector<records::Fence>()> fences{};
    std::function<std::string(const std::string& target)> label_of{};
  };
  /// `events`: null where steps are written that others have done, which nobody is told of.
  StepWriter(records::Store& store, PromotionEvents* events, copy::EventScope scope, Access access)
      : store_(store),
        events_(events),
        scope_(std::make_shared<const copy::EventScope>(std::move(scope))),
        access_(std::move(access)) {}

  /// Appends a step. Errors: those of Store::append.
  Status note(records::JournalEntry entry);
  /// Appends a step and moves the promotion to a state, in one write. `failure`: why it ended so; may be empty.
  /// Errors: those of Store::advance.
  Status advance(records::PromotionState state, records::JournalEntry entry, const std::string& failure = {});

  /// The same two without telling anybody: for the last step, which is told when all is done. See tell().
  /// `stays`: the state that is told along with it; empty: none.
  Result<RecordedStep> record(records::JournalEntry entry, std::optional<records::PromotionState> stays = std::nullopt);
  Result<RecordedStep> record_state(records::PromotionState state, records::JournalEntry entry,
                                    const std::string& failure);
  void tell(const RecordedStep& step) const;
  /// An entry with all that is told along with it. One that could not be written has the number 0.
  RecordedStep described(records::JournalEntry entry,
                         std::optional<records::PromotionState> state = std::nullopt) const;

 private:
  std::vector<records::Fence> fences() const {
    return access_.fences ? access_.fences() : std::vector<records::Fence>();
  }

  records::Store& store_;
  PromotionEvents* events_;
  std::shared_ptr<const copy::EventScope> scope_;
  Access access_;
};

}  // namespace sluice::promotion
