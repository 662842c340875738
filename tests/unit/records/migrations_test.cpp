#include "records/migrations.hpp"

#include "records/sqlite.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

#include <fstream>

namespace sluice::records {
namespace {

using testing::failed_with;
using testing::ids_of;
using testing::image;
using testing::why;

constexpr std::chrono::milliseconds kShort{100};

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream(path, std::ios::binary) << content;
}

constexpr Migration kTwo[] = {{1, "first", "CREATE TABLE a (x INTEGER) STRICT;"},
                              {2, "second", "ALTER TABLE a ADD COLUMN y INTEGER;"}};

TEST(Migrations, ApplyWhatIsMissingAndNothingTwice) {
  const testing::TempFolder folder;
  write_file(folder / "a.db", "");
  auto database = Database::open(folder / "a.db", kShort);
  ASSERT_TRUE(database.ok()) << why(database);
  for (const std::size_t known : {1U, 2U, 2U}) {
    auto done = migrate(**database, std::span(kTwo).first(known));
    ASSERT_TRUE(done.ok()) << why(done);
    auto version = (*database)->integer("SELECT max(version) FROM schema_versions");
    ASSERT_TRUE(version.ok()) << why(version);
    EXPECT_EQ(*version, static_cast<std::int64_t>(known));
  }
  EXPECT_TRUE((*database)->run("INSERT INTO a (x, y) VALUES (1, 2)").ok());
  EXPECT_TRUE(failed_with(migrate(**database, std::span(kTwo).first(1)), ErrorKind::storage,
                          "schema version 2, and this sluice knows versions up to 1"));
}

TEST(Migrations, LeaveNothingBehindWhenOneFails) {
  constexpr Migration kBad[] = {{1, "first", "CREATE TABLE a (x INTEGER) STRICT;"},
                                {2, "second", "CREATE TABLE a (y);"}};
  const testing::TempFolder folder;
  write_file(folder / "a.db", "");
  auto database = Database::open(folder / "a.db", kShort);
  ASSERT_TRUE(database.ok()) << why(database);
  EXPECT_TRUE(failed_with(migrate(**database, kBad), ErrorKind::internal, "schema version 2"));
  auto objects = (*database)->integer("SELECT count(*) FROM sqlite_schema");
  ASSERT_TRUE(objects.ok()) << why(objects);
  EXPECT_EQ(*objects, 0);
  EXPECT_TRUE(migrate(**database, kTwo).ok()) << "the file is still good for the right steps";
}

TEST(Migrations, AreNumberedWithoutGaps) {
  std::int64_t expected = 0;
  for (const auto& each : migrations()) EXPECT_EQ(each.version, ++expected) << each.name;
}

// Records of schema version 1, written as the sluice of that time wrote them.
class OldRecords : public ::testing::Test {
 protected:
  OldRecords() {
    write_file(file_, "");
    ::chmod(file_.c_str(), 0600);
    database_ = Database::open(file_, kShort).value();
    EXPECT_TRUE(migrate(*database_, migrations().first(1)).ok());
  }

  void run(const std::string& sql) {
    auto done = database_->run(sql);
    ASSERT_TRUE(done.ok()) << sql << ": " << why(done);
  }
  void add_release(std::int64_t number, std::string_view content, std::string_view tag) {
    const auto one = image("web", content, std::string(tag));
    const auto values = "('shop', " + std::to_string(number) + ", '";
    run("INSERT INTO releases VALUES " + values + release_id({one}) + "', 0, 0, 'dev', " +
        std::to_string(100 + number % 100) + ")");
    run("INSERT INTO release_images VALUES ('shop', " + std::to_string(number) + ", 0, 'web', '" + one.digest.text() +
        "', '" + one.tag + "')");
  }
  void add_promotion(std::string_view id, std::string_view environment, int number, std::string_view state,
                     const std::string& plan) {
    run("INSERT INTO promotions (id, app, environment, kind, release_number, plan_hash, plan_json, state, failure,"
        " created_at, ended_at) VALUES ('" +
        std::string(id) + "', 'shop', '" + std::string(environment) + "', 'promote', " + std::to_string(number) +
        ", 'sha256:1', '" + plan + "', '" + std::string(state) + "', 'a failure', 5, 6)");
  }
  // As promotion/plan/plan.cpp wrote it: a target with an API server, and one that is a registry.
  static std::string plan_to(std::string_view project) {
    return R"({"app":"shop","targets":[{"cluster":"b","registry":"registry.b:5000","project":")" +
           std::string(project) +
           R"(","api":"api.b:6443","images":[{"name":"web","tags":[{"tag":"pin-1","before":null},)"
           R"({"tag":"latest","before":null}]},{"name":"api","tags":[{"tag":"live","before":null}]}]},)"
           R"({"cluster":"c","registry":"registry.c:5000","project":"x/)" +
           std::string(project) + R"(","api":null,"images":[{"name":"web","tags":[{"tag":"latest"}]}]}]})";
  }
  std::unique_ptr<Store> migrated() {
    database_.reset();
    return testing::open(file_);
  }

  testing::TempFolder folder_;
  std::filesystem::path file_ = folder_ / "records.db";
  std::unique_ptr<Database> database_;
};

TEST_F(OldRecords, KeepTheirNumbersAsLabelsOfTheContent) {
  add_release(1, "a", "v1");
  add_release(2, "b", "v2");
  add_release(3, "a", "v3");
  const auto store = migrated();
  const auto a = release_id({image("web", "a")});
  const auto b = release_id({image("web", "b")});
  for (const auto& [number, id] : {std::pair(1, a), std::pair(2, b), std::pair(3, a)}) {
    auto found = store->numbered("shop", number);
    ASSERT_TRUE(found.ok()) << why(found);
    ASSERT_EQ(found->size(), 1U) << number;
    EXPECT_EQ((*found)[0].id, id);
    EXPECT_EQ((*found)[0].line, "");
  }
  auto all = store->releases("shop", 10);
  ASSERT_TRUE(all.ok()) << why(all);
  ASSERT_EQ(all->size(), 2U) << "each content once";
  EXPECT_EQ((*all)[0].id, b);
  EXPECT_EQ((*all)[1].id, a);
  EXPECT_EQ((*all)[1].number, 3) << "the newest label";
  EXPECT_EQ((*all)[1].created_at, 101);
  EXPECT_EQ((*all)[1].images, (std::vector{image("web", "a", "v1")}));
  auto one = store->releases("shop", 1);
  ASSERT_TRUE(one.ok() && one->size() == 1) << why(one);
  EXPECT_EQ((*one)[0].id, b);

  testing::kept(*store, "c");
  auto newest = store->releases("shop", 1);
  ASSERT_TRUE(newest.ok() && newest->size() == 1) << why(newest);
  EXPECT_EQ((*newest)[0].id, release_id({image("web", "c")})) << "new ones come behind old ones";
  EXPECT_TRUE(failed_with(store->label_release("shop", b, "", 3), ErrorKind::conflict, "stands for release"));
}

TEST_F(OldRecords, WithANumberBeyondAllBoundsGoOn) {
  add_release(INT64_MAX, "a", "v1");
  add_release(2, "b", "v2");
  const auto store = migrated();
  auto old = store->release("shop", release_id({image("web", "a")}));
  ASSERT_TRUE(old.ok() && old->has_value()) << why(old);
  EXPECT_EQ((*old)->number, 0) << "it is no label";
  testing::kept(*store, "c", 3);
  auto all = store->releases("shop", 10);
  ASSERT_TRUE(all.ok()) << why(all);
  EXPECT_EQ(all->size(), 3U);
}

TEST_F(OldRecords, KeepTheirPromotionsWithJournalAndPlaces) {
  add_release(1, "a", "v1");
  add_release(2, "a", "v2");
  add_promotion("p1", "prod", 2, "succeeded", plan_to("shop"));
  add_promotion("p2", "test", 1, "rolling-out", plan_to("shop-test"));
  add_promotion("p3", "prod", 1, "partial", plan_to("shop"));
  run("INSERT INTO journal VALUES ('p1', 1, 17, 'switch', 'b/shop', 'web', '{}')");
  const auto store = migrated();
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids_of(store->promotions(10)), (Ids{"p3", "p2", "p1"}));
  EXPECT_EQ(ids_of(store->promotions_at({"api.b:6443/shop/web:latest"}, 10)), (Ids{"p3", "p1"}));
  EXPECT_EQ(ids_of(store->promotions_at({"registry.c:5000/x/shop-test/web:latest"}, 10)), Ids{"p2"});
  auto first = store->promotion("p1");
  ASSERT_TRUE(first.ok() && first->has_value()) << why(first);
  EXPECT_EQ((*first)->release, release_id({image("web", "a")}));
  EXPECT_EQ((*first)->number, 2) << "the number that it had";
  EXPECT_EQ((*first)->state, PromotionState::succeeded);
  EXPECT_EQ((*first)->failure, "a failure");
  EXPECT_EQ((*first)->created_at, 5);
  EXPECT_EQ((*first)->ended_at, 6);
  EXPECT_TRUE((*first)->who.is_null());
  EXPECT_EQ((*first)->plan.string_at("app"), "shop");
  EXPECT_EQ((*first)->places, (std::vector<std::string>{"api.b:6443/shop/web:latest", "api.b:6443/shop/api:live",
                                                        "registry.c:5000/x/shop/web:latest"}));
  auto journal = store->journal("p1");
  ASSERT_TRUE(journal.ok()) << why(journal);
  ASSERT_EQ(journal->size(), 1U);
  EXPECT_EQ(to_string((*journal)[0].step), "switch");
  EXPECT_TRUE(store->advance("p2", PromotionState::succeeded, "", testing::step("verified"), {}).ok());
  EXPECT_TRUE(store->append("p1", testing::step("undone"), {}).ok());
}

TEST_F(OldRecords, WithPlansThatTellNoPlaceAreMigratedToo) {
  add_release(1, "a", "v1");
  const char* const plans[] = {
      "{}",
      "no JSON",
      R"([1])",
      R"({"targets":"x"})",
      R"({"targets":["x",null,7]})",
      R"({"targets":{"a":1}})",
      R"({"targets":[{"registry":"r","project":"p"}]})",
      R"({"targets":[{"registry":"r","project":"p","images":["x",{"name":"web","tags":[]}]}]})",
      R"({"targets":[{"registry":"r","images":[{"name":"web","tags":[{"tag":"t"}]}]}]})",
  };
  int made = 0;
  for (const auto* plan : plans) add_promotion("p" + std::to_string(made++), "prod", 1, "failed", plan);
  run("INSERT INTO holds VALUES ('shop', 'prod', 'inventory', 17)");
  migrated();
  auto database = Database::open(file_, kShort);
  ASSERT_TRUE(database.ok()) << why(database);
  auto places = (*database)->integer("SELECT count(*) FROM promotion_places");
  ASSERT_TRUE(places.ok()) << why(places);
  EXPECT_EQ(*places, 0);
}

TEST_F(OldRecords, MoveTheirHoldsToThePlacesThatPromotionsTell) {
  add_release(1, "a", "v1");
  add_promotion("p1", "prod", 1, "succeeded", plan_to("shop"));
  add_promotion("p2", "prod", 1, "succeeded", plan_to("shop"));
  add_promotion("p3", "test", 1, "succeeded", plan_to("shop-test"));
  run("INSERT INTO holds VALUES ('shop', 'prod', 'inventory', 17), ('shop', 'stage', 'moved', 18)");
  const auto store = migrated();
  auto held = store->holds({"api.b:6443/shop/web:latest", "api.b:6443/shop/api:live",
                            "registry.c:5000/x/shop/web:latest", "api.b:6443/shop-test/web:latest"});
  ASSERT_TRUE(held.ok()) << why(held);
  ASSERT_EQ(held->size(), 3U);
  for (const auto& each : *held) {
    EXPECT_EQ(each.reason, "inventory");
    EXPECT_EQ(each.since, 17);
    EXPECT_TRUE(each.who.is_null());
  }
  auto moved = store->old_hold("shop", "prod");
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_FALSE(moved->has_value()) << "it is found by its places";
  auto left = store->old_hold("shop", "stage");
  ASSERT_TRUE(left.ok() && left->has_value()) << why(left);
  EXPECT_EQ((*left)->reason, "moved");
}

TEST_F(OldRecords, KeepTheirFences) {
  run("INSERT INTO leases VALUES ('b/shop', '', 41, 0)");
  auto lease = migrated()->acquire("b/shop", "me", std::chrono::seconds(60));
  ASSERT_TRUE(lease.ok()) << why(lease);
  EXPECT_EQ(lease->fence, 42);
}

TEST_F(OldRecords, StayAppendOnlyAndConsistent) {
  add_release(1, "a", "v1");
  add_promotion("p1", "prod", 1, "succeeded", plan_to("shop"));
  run("INSERT INTO journal VALUES ('p1', 1, 17, 'switch', 'b/shop', 'web', '{}')");
  run("INSERT INTO leases VALUES ('b/shop', '', 41, 0)");
  migrated();
  auto database = Database::open(file_, kShort);
  ASSERT_TRUE(database.ok()) << why(database);
  for (const auto* sql :
       {"UPDATE journal SET step = 'x'", "DELETE FROM journal", "UPDATE releases SET adopted = 1",
        "DELETE FROM releases", "UPDATE release_images SET tag = 'x'", "DELETE FROM release_images",
        "UPDATE promotions SET plan_json = '{}'", "UPDATE promotions SET release_serial = 2",
        "UPDATE promotions SET number = 2", "UPDATE promotions SET who_json = '{}'", "DELETE FROM promotions",
        "DELETE FROM leases", "UPDATE leases SET fence = fence - 1", "UPDATE release_labels SET number = 9",
        "DELETE FROM release_labels", "UPDATE promotion_places SET place = 'x'", "DELETE FROM promotion_places"}) {
    EXPECT_FALSE((*database)->run(sql).ok()) << sql;
  }
  auto broken = (*database)->text("PRAGMA foreign_key_check");
  ASSERT_TRUE(broken.ok()) << why(broken);
  EXPECT_EQ(*broken, "");
  auto whole = (*database)->text("PRAGMA integrity_check");
  ASSERT_TRUE(whole.ok()) << why(whole);
  EXPECT_EQ(*whole, "ok");
}

TEST_F(OldRecords, AreLeftAsTheyWereWhenTheStepFails) {
  add_release(1, "a", "v1");
  add_promotion("p1", "prod", 1, "succeeded", plan_to("shop"));
  run("INSERT INTO holds VALUES ('shop', 'prod', 'inventory', 17)");
  run("CREATE TABLE place_holds (theirs INTEGER) STRICT");  // in the way of the last table of the step
  EXPECT_TRUE(failed_with(open_sqlite(file_), ErrorKind::internal, "schema version 2"));
  const struct {
    const char* sql;
    std::int64_t expected;
  } rows[] = {
      {"SELECT max(version) FROM schema_versions", 1},
      {"SELECT count(*) FROM releases WHERE number = 1", 1},
      {"SELECT count(*) FROM holds", 1},
      {"SELECT count(*) FROM sqlite_schema WHERE name IN ('release_labels', 'promotion_places')", 0},
      {"SELECT count(*) FROM sqlite_schema WHERE name = 'promotions_by_place'", 1},
  };
  for (const auto& row : rows) {
    auto value = database_->integer(row.sql);
    ASSERT_TRUE(value.ok()) << row.sql << ": " << why(value);
    EXPECT_EQ(*value, row.expected) << row.sql;
  }
  run("DROP TABLE place_holds");
  auto store = open_sqlite(file_);
  EXPECT_TRUE(store.ok()) << why(store);
}

}  // namespace
}  // namespace sluice::records
