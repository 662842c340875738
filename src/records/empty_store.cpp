#include "records/store.hpp"

namespace sluice::records {

namespace {

Error no_writing() { return {ErrorKind::internal, "a command that only looks tried to write to the records"}; }

class EmptyStore final : public Store {
 public:
  Result<Release> find_or_create_release(Release) override { return no_writing(); }
  Status adopt_release(Release) override { return no_writing(); }
  Result<std::optional<Release>> release(std::string_view, std::int64_t) override { return std::optional<Release>(); }
  Result<std::optional<Release>> release_with(std::string_view, const std::vector<ReleaseImage>&) override {
    return std::optional<Release>();
  }
  Result<std::vector<Release>> releases(std::string_view, std::size_t) override { return std::vector<Release>(); }
  Result<Promotion> add_promotion(Promotion) override { return no_writing(); }
  Result<std::optional<Promotion>> promotion(std::string_view) override { return std::optional<Promotion>(); }
  Result<std::vector<Promotion>> promotions(std::string_view, std::string_view, std::size_t) override {
    return std::vector<Promotion>();
  }
  Status advance(std::string_view, PromotionState, std::string_view, JournalEntry, const std::vector<Fence>&) override {
    return no_writing();
  }
  Status append(std::string_view, JournalEntry, const std::vector<Fence>&) override { return no_writing(); }
  Result<std::vector<JournalEntry>> journal(std::string_view) override { return std::vector<JournalEntry>(); }
  Status set_hold(const Hold&) override { return no_writing(); }
  Result<bool> clear_hold(std::string_view, std::string_view) override { return no_writing(); }
  Result<std::optional<Hold>> hold(std::string_view, std::string_view) override { return std::optional<Hold>(); }
  Result<Lease> acquire(std::string_view, std::string_view, std::chrono::seconds) override { return no_writing(); }
  Result<Lease> renew(const Lease&, std::chrono::seconds) override { return no_writing(); }
  Status release_lease(const Lease&) override { return no_writing(); }
};

}  // namespace

std::unique_ptr<Store> empty_store() { return std::make_unique<EmptyStore>(); }

}  // namespace sluice::records
