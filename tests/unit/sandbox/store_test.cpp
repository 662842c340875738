#include "sandbox/core/store.hpp"

#include "sandbox/core/tree.hpp"

#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

const Key kWeb{"imagestreams.image.openshift.io", "dev", "web"};

Store make_store() {
  return Store([] { return std::chrono::system_clock::from_time_t(1'700'000'000); });
}

Json with_color(std::string_view color) {
  auto object = Json::object();
  set_at(object, {"spec", "color"}, color);
  return object;
}

TEST(Store, EachStoredChangeHasAVersionOfItsOwn) {
  auto store = make_store();
  const auto first = store.create(kWeb, with_color("red"));
  const auto second = store.replace(kWeb, with_color("blue"));
  const auto gone = store.remove(kWeb);
  const auto version = [](const ObjectRef& object) {
    return std::stoull(text_at(*object, {"metadata", "resourceVersion"}));
  };
  EXPECT_LT(version(first), version(second));
  EXPECT_LT(version(second), version(gone)) << "a deletion is shown with its own version";
  EXPECT_EQ(uid_of(*first), uid_of(*gone));
  EXPECT_EQ(text_at(*first, {"metadata", "creationTimestamp"}), "2023-11-14T22:13:20Z");
}

TEST(Store, AWriteThatChangesNothingStoresNothing) {
  auto store = make_store();
  const auto before = store.create(kWeb, with_color("red"));
  const auto version = store.version();
  auto same = *before;
  set_at(same, {"metadata", "resourceVersion"}, "1");  // what clients send back is not a change
  EXPECT_EQ(store.replace(kWeb, std::move(same)), before);
  EXPECT_EQ(store.version(), version);
  EXPECT_EQ(store.log_size(), 1U);
}

TEST(Store, ListsByNameAndByNamespace) {
  auto store = make_store();
  store.create({"pods", "b", "x"}, {});
  store.create({"pods", "a", "z"}, {});
  store.create({"pods", "a", "y"}, {});
  store.create({"secrets", "a", "s"}, {});
  std::string names;
  for (const auto& pod : store.list("pods", "a")) names += name_of(*pod);
  EXPECT_EQ(names, "yz");
  EXPECT_EQ(store.list("pods").size(), 3U);
  EXPECT_EQ(store.keys_in("a").size(), 3U);
}

TEST(Store, TheLogForgetsItsOldestChangesAndSaysSo) {
  auto store = make_store();
  store.keep(3);
  store.create(kWeb, with_color("0"));
  for (int i = 1; i < 6; ++i) store.replace(kWeb, with_color(std::to_string(i)));
  EXPECT_EQ(store.log_size(), 3U);
  const auto changes = store.changes_after(store.oldest(), 100);
  ASSERT_EQ(changes.size(), 3U) << "everything after the oldest version is there";
  EXPECT_EQ(text_at(*changes.back()->object, {"spec", "color"}), "5");
  EXPECT_EQ(text_at(*changes.back()->before, {"spec", "color"}), "4");
  store.compact();
  EXPECT_EQ(store.oldest(), store.version());
  EXPECT_TRUE(store.changes_after(store.oldest(), 100).empty());
}

TEST(Store, UidsAreVersion4) {
  for (int i = 0; i < 100; ++i) {
    const auto uid = new_uid();
    ASSERT_EQ(uid.size(), 36U) << uid;
    EXPECT_EQ(uid[14], '4') << uid;
    EXPECT_NE(std::string("89ab").find(uid[19]), std::string::npos) << uid;
  }
}

}  // namespace
}  // namespace sluice::sandbox
