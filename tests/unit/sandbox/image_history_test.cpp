// The history of tags: what one more event does to it.
#include "sandbox/core/tree.hpp"
#include "sandbox/images/history.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::sandbox {
namespace {

Json stream_with(const std::vector<std::pair<std::string, std::string>>& aliases = {}) {
  auto stream = Json::object();
  set_at(stream, {"metadata", "name"}, "web");
  set_at(stream, {"metadata", "namespace"}, "dev");
  for (const auto& [name, from] : aliases) {
    auto tag = Json::object();
    tag.set("name", name);
    set_at(tag, {"from", "kind"}, "ImageStreamTag");
    set_at(tag, {"from", "name"}, from);
    auto& tags = make_at(stream, {"spec", "tags"});
    tags.push(std::move(tag));
  }
  return stream;
}

TagEvent event(std::string reference, std::string image, std::int64_t generation, std::string created = "then") {
  return {std::move(created), std::move(reference), std::move(image), generation};
}

std::size_t length_of(const Json& stream, std::string_view tag) {
  const auto* history = history_of(stream, tag);
  return history == nullptr ? 0 : at(*history, {"items"}).items().size();
}

struct Row {
  const char* name;
  TagEvent next;
  Added added;
  std::size_t items;
  TagEvent top;
};

class HistoryTable : public testing::TestWithParam<Row> {};

TEST_P(HistoryTable, DecidesWhatBecomesOfTheTop) {
  const auto& row = GetParam();
  auto stream = stream_with();
  ASSERT_EQ(add_event(stream, "live", event("r1", "sha256:a", 1)), Added::on_top);
  EXPECT_EQ(add_event(stream, "live", row.next), row.added) << row.name;
  EXPECT_EQ(length_of(stream, "live"), row.items) << row.name;
  EXPECT_EQ(newest_event(stream, "live"), row.top) << row.name;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, HistoryTable,
    testing::Values(
        Row{"the same", event("r1", "sha256:a", 1, "now"), Added::nothing, 1, event("r1", "sha256:a", 1)},
        Row{"another generation", event("r1", "sha256:a", 2, "now"), Added::generation, 1, event("r1", "sha256:a", 2)},
        Row{"another image", event("r1", "sha256:b", 2, "now"), Added::in_place, 1, event("r1", "sha256:b", 1)},
        Row{"another reference", event("r2", "sha256:a", 2, "now"), Added::in_place, 1, event("r2", "sha256:a", 1)},
        Row{"both", event("r2", "sha256:b", 2, "now"), Added::on_top, 2, event("r2", "sha256:b", 2, "now")}),
    [](const auto& row) {
      std::string name = row.param.name;
      std::replace(name.begin(), name.end(), ' ', '_');
      return name;
    });

TEST(ImageHistory, KeepsAnImageThatComesBackAsAnItemOfItsOwn) {
  auto stream = stream_with();
  add_event(stream, "live", event("r@a", "sha256:a", 1));
  add_event(stream, "live", event("r@b", "sha256:b", 2));
  add_event(stream, "live", event("r@a", "sha256:a", 3));
  EXPECT_EQ(length_of(stream, "live"), 3U);
}

TEST(ImageHistory, ClearsConditionsWithAnyChangeButNotWithoutOne) {
  auto stream = stream_with();
  add_event(stream, "live", event("r", "sha256:a", 1));
  auto condition = Json::object();
  condition.set("type", "ImportSuccess");
  condition.set("generation", 4);
  set_condition(stream, "live", condition);
  EXPECT_EQ(observed_generation(stream, "live"), 4);
  add_event(stream, "live", event("r", "sha256:a", 1));
  EXPECT_EQ(at(*history_of(stream, "live"), {"conditions"}).items().size(), 1U);
  add_event(stream, "live", event("r", "sha256:a", 2));
  EXPECT_TRUE(at(*history_of(stream, "live"), {"conditions"}).is_null());
}

TEST(ImageHistory, ShowsATagThatOnlyHasAConditionWithoutItems) {
  auto stream = stream_with();
  set_condition(stream, "bad", Json::object());
  EXPECT_TRUE(at(*history_of(stream, "bad"), {"items"}).is_null());
  EXPECT_FALSE(newest_event(stream, "bad"));
}

TEST(ImageHistory, LetsAliasesOfTheSameStreamFollow) {
  auto stream = stream_with({{"full", "web:live"}, {"short", "live"}, {"other", "shop:live"}, {"else", "web:1.0"}});
  const auto next = event("r", "sha256:a", 3);
  add_event(stream, "live", next);
  follow_aliases(stream, "live", next);
  EXPECT_EQ(newest_event(stream, "full"), next);
  EXPECT_EQ(newest_event(stream, "short"), next);
  EXPECT_FALSE(newest_event(stream, "other"));
  EXPECT_FALSE(newest_event(stream, "else"));
}

TEST(ImageHistory, KeepsTagsInTheOrderOfTheirNames) {
  auto stream = stream_with();
  for (const auto* tag : {"b", "c", "a"}) add_event(stream, tag, event("r", "sha256:a", 1));
  std::string order;
  for (const auto& entry : at(stream, {"status", "tags"}).items()) order += text_at(entry, {"tag"});
  EXPECT_EQ(order, "abc");
  EXPECT_TRUE(remove_history(stream, "b"));
  EXPECT_FALSE(remove_history(stream, "b"));
}

TEST(ImageHistory, FindsAnImageByDigestOrByAUniquePrefix) {
  auto stream = stream_with();
  add_event(stream, "live", event("r@aa1", "sha256:aa1", 1));
  add_event(stream, "live", event("r@aa2", "sha256:aa2", 1));
  add_event(stream, "1.0", event("r@aa1", "sha256:aa1", 1));
  auto whole = find_image(stream, "sha256:aa1", "now");
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(whole->reference, "r@aa1");
  EXPECT_EQ(whole->created, "now");
  EXPECT_TRUE(find_image(stream, "aa2", "now").ok());
  EXPECT_EQ(find_image(stream, "sha256:aa", "now").error().code, 409);
  EXPECT_EQ(find_image(stream, "sha256:bb", "now").error().code, 404);
}

}  // namespace
}  // namespace sluice::sandbox
