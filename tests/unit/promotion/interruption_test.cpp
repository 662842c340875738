// A promotion that is interrupted at each write to its records, and then resumed or undone: always the same end.

#include "promotion/run/runner.hpp"
#include "unit/promotion/promotion_testing.hpp"

#include <gtest/gtest.h>

#include <atomic>

namespace sluice::promotion {
namespace {

using records::PromotionState;
using support::Verb;
using support::why;

/// Passes everything on until the Nth write about a promotion; from then on every write fails, as on a full disk.
class DyingStore final : public records::Store {
 public:
  DyingStore(records::Store& inner, int last_write, std::function<void()> on_death)
      : inner_(inner), left_(last_write), on_death_(std::move(on_death)) {}
  bool died() const { return left_ < 0; }

  Result<records::Release> keep_release(records::Release wanted) override {
    return inner_.keep_release(std::move(wanted));
  }
  Status label_release(std::string_view app, std::string_view id, std::string_view line, std::int64_t number) override {
    return inner_.label_release(app, id, line, number);
  }
  Result<std::optional<records::Release>> release(std::string_view app, std::string_view id) override {
    return inner_.release(app, id);
  }
  Result<std::vector<records::Release>> numbered(std::string_view app, std::int64_t number) override {
    return inner_.numbered(app, number);
  }
  Result<std::vector<records::Release>> releases(std::string_view app, std::size_t limit) override {
    return inner_.releases(app, limit);
  }
  Result<records::Promotion> add_promotion(records::Promotion promotion) override {
    SLUICE_CHECK(write());
    return inner_.add_promotion(std::move(promotion));
  }
  Result<std::optional<records::Promotion>> promotion(std::string_view id) override { return inner_.promotion(id); }
  Result<std::vector<records::Promotion>> promotions(std::size_t limit) override { return inner_.promotions(limit); }
  Result<std::vector<records::Promotion>> promotions_at(const std::vector<std::string>& places,
                                                        std::size_t limit) override {
    return inner_.promotions_at(places, limit);
  }
  Result<records::JournalEntry> advance(std::string_view id, PromotionState state, std::string_view failure,
                                        records::JournalEntry entry,
                                        const std::vector<records::Fence>& fences) override {
    SLUICE_CHECK(write());
    return inner_.advance(id, state, failure, std::move(entry), fences);
  }
  Result<records::JournalEntry> append(std::string_view id, records::JournalEntry entry,
                                       const std::vector<records::Fence>& fences) override {
    SLUICE_CHECK(write());
    return inner_.append(id, std::move(entry), fences);
  }
  Result<std::vector<records::JournalEntry>> journal(std::string_view id) override { return inner_.journal(id); }
  Status set_hold(const records::Hold& hold) override { return inner_.set_hold(hold); }
  Result<bool> clear_holds(const std::vector<std::string>& places) override { return inner_.clear_holds(places); }
  Result<std::vector<records::Hold>> holds(const std::vector<std::string>& places) override {
    return inner_.holds(places);
  }
  Result<std::optional<records::Hold>> old_hold(std::string_view app, std::string_view environment) override {
    return inner_.old_hold(app, environment);
  }
  Result<bool> clear_old_hold(std::string_view app, std::string_view environment) override {
    return inner_.clear_old_hold(app, environment);
  }
  Result<records::Lease> acquire(std::string_view target, std::string_view holder, std::chrono::seconds span,
                                 records::Taking taking) override {
    return inner_.acquire(target, holder, span, taking);
  }
  Result<std::optional<records::Lease>> lease(std::string_view target) override { return inner_.lease(target); }
  Result<records::Lease> renew(const records::Lease& lease, std::chrono::seconds span) override {
    return inner_.renew(lease, span);
  }
  Status release_lease(const records::Lease& lease) override { return inner_.release_lease(lease); }

 private:
  Status write() {
    if (left_.fetch_sub(1) > 0) return {};
    on_death_();
    return Error(ErrorKind::storage, "the disk is full");
  }
  records::Store& inner_;
  std::atomic<int> left_;
  std::function<void()> on_death_;
};

class Interrupted : public World {
 protected:
  static constexpr int kMostWrites = 40;  // a promotion of two images to two targets writes about fifteen times

  /// A fresh world for every try: two targets that stand at version 0, and a version 1 to bring.
  void begin() {
    for (const auto* name : {"web", "api"}) {
      for (auto* at : {&prod(), &backup()}) at->set_tag(std::string("shop/") + name, "latest", std::nullopt);
    }
    store.reset();
    std::filesystem::remove_all(folder / "records.db");
    std::filesystem::remove_all(folder / "records.db-wal");
    std::filesystem::remove_all(folder / "records.db-shm");
    reopen_store();
    build(1);
    place(prod(), 0);
    place(backup(), 0);
  }

  /// From now on no registry answers any more: what a killed process would not have asked either.
  void fall_silent() {
    for (auto* at : {&dev(), &prod(), &backup()}) {
      for (const auto verb : {Verb::manifest, Verb::find_manifest, Verb::put_manifest, Verb::has_blob, Verb::mount_blob,
                              Verb::begin_upload, Verb::read_blob, Verb::write_blob}) {
        at->script({.verb = verb, .kind = ErrorKind::unreachable, .times = 1000});
      }
    }
  }
  void speak_again() {
    for (auto* at : {&dev(), &prod(), &backup()}) at->clear_faults();
  }

  /// Runs until write `n` fails. False when the promotion came to its end before.
  bool interrupt_at(int n, bool silent) {
    begin();
    auto planned = ready();
    EXPECT_TRUE(planned.ok()) << why(planned);
    DyingStore dying(*store, n - 1, [&] {
      if (silent) fall_silent();
    });
    const auto outcome = runner_with(dying).run(std::move(*planned));
    if (outcome.ok() && dying.died()) {
      EXPECT_TRUE(outcome->error) << "write " << n << ": success that nobody recorded";
    }
    speak_again();
    reopen_store();
    return dying.died();
  }

  /// The promotion that was under way; empty when it was interrupted before it was recorded.
  std::string promotion_id() {
    const auto promotions = store->promotions(10);
    EXPECT_TRUE(promotions.ok()) << why(promotions);
    return promotions.ok() && !promotions->empty() ? promotions->front().id : "";
  }
};

struct Ending {
  const char* name;
  bool silent;
  bool undo;
  friend void PrintTo(const Ending& ending, std::ostream* out) { *out << ending.name; }
};

class InterruptedEverywhere : public Interrupted, public ::testing::WithParamInterface<Ending> {};

TEST_P(InterruptedEverywhere, ComesToTheSameEnd) {
  two_targets();
  const auto& ending = GetParam();
  int n = 1;
  for (; n < kMostWrites; ++n) {
    if (!interrupt_at(n, ending.silent)) break;
    const auto id = promotion_id();
    const auto where = std::string(ending.name) + ", write " + std::to_string(n);
    if (id.empty()) {
      EXPECT_EQ(n, 1) << where;
      EXPECT_TRUE(stands_at(prod(), 0)) << where;
      continue;
    }
    EXPECT_FALSE(records::is_end(recorded_state(id))) << where << ": its end could not be recorded";
    // What had moved nothing was not put back either, and is not called so; who could not record it put back what had.
    const bool moved = !stands_at(prod(), 0) || !stands_at(backup(), 0);
    const auto outcome = ending.undo ? runner().undo(id) : runner().resume(id);
    ASSERT_TRUE(outcome.ok()) << where << ": " << why(outcome);
    const std::string state(to_string(outcome->promotion.state));
    const bool nothing = ending.undo && !moved && (ending.silent || state == "cancelled");
    EXPECT_EQ(state, nothing       ? "cancelled"
                     : ending.undo ? "rolled-back"
                                   : "succeeded")
        << where << ": " << (outcome->error ? outcome->error->sentence() : "no error");
    if (!ending.undo) {
      EXPECT_EQ(outcome->promotion.number, 1) << where << ": it has its number at the latest now";
    }
    const int version = ending.undo ? 0 : 1;
    EXPECT_TRUE(stands_at(prod(), version)) << where;
    EXPECT_TRUE(stands_at(backup(), version)) << where;
    EXPECT_EQ(to_string(recorded_state(id)), to_string(outcome->promotion.state)) << where;
  }
  EXPECT_GT(n, 10) << "the promotion should have been interrupted at more than ten writes";
  EXPECT_LT(n, kMostWrites) << "the promotion never came to its end";
}

INSTANTIATE_TEST_SUITE_P(AtEveryWrite, InterruptedEverywhere,
                         ::testing::Values(Ending{"the records fail, then resume", false, false},
                                           Ending{"the records fail, then undo", false, true},
                                           Ending{"the process is killed, then resume", true, false},
                                           Ending{"the process is killed, then undo", true, true}),
                         [](const auto& row) {
                           return std::string(row.param.silent ? "Killed" : "RecordsFail") +
                                  (row.param.undo ? "ThenUndo" : "ThenResume");
                         });

}  // namespace
}  // namespace sluice::promotion
