#include "auth/scopes.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace sluice::auth {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Scope pull(std::string repository) { return {std::move(repository), false}; }
Scope push(std::string repository) { return {std::move(repository), true}; }

std::size_t bytes_in_query(const Scopes& scopes) {
  std::size_t sum = 0;
  for (const auto& text : texts(scopes)) sum += std::string_view("&scope=").size() + encoding::percent(text).size();
  return sum;
}

TEST(Scopes, AreWrittenAsTheTokenSpecificationSays) {
  EXPECT_EQ(pull("shop/web").text(), "repository:shop/web:pull");
  EXPECT_EQ(push("shop/web").text(), "repository:shop/web:pull,push");
}

TEST(Scopes, MergePullAndPushOfOneRepository) {
  EXPECT_EQ(merged({pull("a"), push("a"), pull("b")}), (Scopes{push("a"), pull("b")}));
}

TEST(Scopes, CoverWhatTheyHold) {
  EXPECT_TRUE(covers({push("a")}, {pull("a")}));
  EXPECT_FALSE(covers({pull("a")}, {push("a")}));
  EXPECT_FALSE(covers({push("a")}, {pull("a"), pull("b")}));
  EXPECT_TRUE(covers({}, {}));
}

TEST(Scopes, HaveOneThatMattersMost) {
  EXPECT_EQ(primary({pull("a"), push("b"), push("c")}), Scopes{push("b")});
  EXPECT_EQ(primary({pull("b"), pull("a")}), Scopes{pull("a")});
  EXPECT_THAT(primary({}), IsEmpty());
}

TEST(ChallengeScopes, AreThoseOfRepositories) {
  EXPECT_EQ(parse_challenge_scope(
                "repository:a/b:pull repository:a/b:push,pull repository:c:delete repository:d:* registry:catalog:* "
                "repository:h:5000/e:pull repository:f:pull,delete"),
            (Scopes{push("a/b"), push("d"), pull("f"), pull("h:5000/e")}));
}

TEST(ChallengeScopes, LeaveOutWhatIsNone) {
  for (const std::string text :
       {"", " ", "repository", "repository:a", "repository:a:", "repository::pull", ":::", "a:b"}) {
    EXPECT_THAT(parse_challenge_scope(text), IsEmpty()) << '"' << text << '"';
  }
}

TEST(ChallengeScopes, NeverWidenWhatIsAskedFor) {
  struct Row {
    const char* why;
    const char* challenge;
    Scopes needed;
    Scopes asked;
  };
  const Row rows[] = {
      {"no scope is named", "", {pull("a")}, {pull("a")}},
      {"more rights on ours", "repository:a:pull,push,delete,*", {pull("a")}, {pull("a")}},
      {"less than we need", "repository:a:pull", {push("a")}, {push("a")}},
      {"the catalog", "registry:catalog:*", {pull("a")}, {pull("a")}},
      {"deleting", "repository:a:delete", {push("a")}, {push("a")}},
      {"other repositories beside ours", "repository:a:pull repository:secret:pull,push", {pull("a")}, {pull("a")}},
      {"a name behind a proxy", "repository:real/a:pull", {pull("a")}, {pull("a"), pull("real/a")}},
      {"a name behind a proxy, with more rights",
       "repository:real/a:pull,push,*",
       {pull("a")},
       {pull("a"), pull("real/a")}},
      {"a name behind a proxy, to push", "repository:real/a:pull,push", {push("a")}, {push("a"), push("real/a")}},
      {"more names than we need",
       "repository:x:pull repository:y:pull repository:z:pull",
       {pull("a")},
       {pull("a"), pull("x")}},
      {"both sides of a mount",
       "repository:r/a:pull repository:r/b:pull,push",
       {pull("a"), push("b")},
       {pull("a"), push("b"), pull("r/a"), push("r/b")}},
      {"a request that is about no repository", "repository:user/image:pull registry:catalog:*", {}, {}},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(scopes_to_ask(parse_challenge_scope(row.challenge), row.needed), row.asked) << row.why;
  }
}

TEST(ChallengeScopes, AreBounded) {
  std::string many;
  for (int i = 0; i < 100; ++i) many += "repository:r" + std::to_string(i) + ":pull ";
  EXPECT_EQ(parse_challenge_scope(many).size(), 16u);
  EXPECT_THAT(parse_challenge_scope("repository:" + std::string(5000, 'a') + ":pull"), IsEmpty());
}

TEST(ScopeBatches, PutEverythingIntoOneWhileItFits) {
  ScopeBatches batches;
  batches.add({pull("a"), push("b")});
  batches.add({pull("c")});
  EXPECT_EQ(batches.batch_for({pull("b")}), (Scopes{pull("a"), push("b"), pull("c")}));
}

TEST(ScopeBatches, EndBeforeFourKibibytes) {
  ScopeBatches batches;
  Scopes all;
  for (int i = 0; i < 200; ++i) all.insert(pull("project/repository-" + std::to_string(1000 + i)));
  batches.add(all);
  Scopes seen;
  for (const auto& scope : all) {
    const auto batch = batches.batch_for({scope});
    EXPECT_TRUE(batch.contains(scope)) << scope.text();
    EXPECT_LE(bytes_in_query(batch), ScopeBatches::kMaxBytes) << scope.text();
    EXPECT_GT(batch.size(), 10u) << "batches are filled";
    seen.insert(batch.begin(), batch.end());
  }
  EXPECT_EQ(seen, all);
}

TEST(ScopeBatches, GiveALongScopeABatchOfItsOwn) {
  ScopeBatches batches;
  const auto giant = pull(std::string(5000, 'x'));
  batches.add({pull("a"), giant});
  EXPECT_EQ(batches.batch_for({giant}), Scopes{giant});
  EXPECT_EQ(batches.batch_for({pull("a")}), Scopes{pull("a")});
}

TEST(ScopeBatches, TurnAPullIntoAPushInPlace) {
  ScopeBatches batches;
  batches.add({pull("a"), pull("b")});
  batches.add({push("a")});
  EXPECT_EQ(batches.batch_for({pull("b")}), (Scopes{push("a"), pull("b")}));
}

TEST(ScopeBatches, GiveBackWhatNoSingleBatchHolds) {
  ScopeBatches batches;
  batches.add({pull("a")});
  EXPECT_EQ(batches.batch_for({pull("a"), pull("unknown")}), (Scopes{pull("a"), pull("unknown")}));
  EXPECT_THAT(batches.batch_for({}), IsEmpty());
}

TEST(ScopeBatches, KeepIsolatedScopesAlone) {
  ScopeBatches batches;
  batches.add({pull("a"), pull("b"), pull("c")});
  batches.isolate({pull("b")});
  batches.add({pull("d")});
  EXPECT_EQ(batches.batch_for({pull("b")}), Scopes{pull("b")});
  EXPECT_EQ(batches.batch_for({pull("a")}), (Scopes{pull("a"), pull("c"), pull("d")}));
}

}  // namespace
}  // namespace sluice::auth
