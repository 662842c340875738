// What a change of spec.tags does: defaults, generations, events and refusals.
#include "sandbox/core/tree.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/tagging.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace sluice::sandbox {
namespace {

constexpr auto kDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";
constexpr auto kOther = "sha256:2222222222222222222222222222222222222222222222222222222222222222";

Json parsed(std::string_view text) {
  auto json = parse_json(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? *json : Json();
}

Json stream_of(std::string_view ns, std::string_view name, std::string_view spec = "{}") {
  auto stream = Json::object();
  set_at(stream, {"metadata", "name"}, name);
  set_at(stream, {"metadata", "namespace"}, ns);
  stream.set("spec", parsed(spec));
  tidy_spec(stream, false);
  return stream;
}

std::string from(std::string_view kind, std::string_view ns, std::string_view name, std::string_view more = "") {
  return R"({"tags":[{"name":"live","from":{"kind":")" + std::string(kind) + R"(","namespace":")" + std::string(ns) +
         R"(","name":")" + std::string(name) + "\"}" + std::string(more) + "}]}";
}

// One project "dev" with a stream "web" that has 1.0 = kDigest.
class Tagging : public testing::Test {
 protected:
  Tagging() {
    auto source = stream_of("dev", "web");
    add_event(source, "1.0", {"then", std::string("host:5000/dev/web@") + kDigest, kDigest, 7});
    source_ = std::make_shared<const Json>(std::move(source));
    rules_.now = "now";
    rules_.registry = "host:5000";
    rules_.find = [this](const std::string& ns, const std::string& name) {
      return ns == "dev" && name == "web" ? source_ : nullptr;
    };
    rules_.denial = [this](const std::string& ns, const std::string&) -> std::optional<std::string> {
      if (ns == "secret" || denied_) return "no RBAC policy matched";
      return std::nullopt;
    };
  }

  std::vector<Cause> apply(const Json* before, Json& stream) {
    set_generations(before, stream);
    return apply_spec_tags(rules_, before, stream);
  }

  ObjectRef source_;
  TaggingRules rules_;
  bool denied_ = false;
};

TEST_F(Tagging, MakesThePullSpecLocalToTheTarget) {
  auto stream = stream_of("prod", "shop", from("ImageStreamTag", "dev", "web:1.0"));
  EXPECT_TRUE(apply(nullptr, stream).empty());
  const auto top = newest_event(stream, "live");
  ASSERT_TRUE(top);
  EXPECT_EQ(top->reference, std::string("host:5000/prod/shop@") + kDigest);
  EXPECT_EQ(top->generation, 1);
}

TEST_F(Tagging, KeepsThePullSpecOfAReference) {
  auto stream =
      stream_of("prod", "shop", from("ImageStreamImage", "dev", std::string("web@") + kDigest, R"(,"reference":true)"));
  EXPECT_TRUE(apply(nullptr, stream).empty());
  EXPECT_EQ(newest_event(stream, "live")->reference, std::string("host:5000/dev/web@") + kDigest);
}

TEST_F(Tagging, DoesNothingWhenTheSourceIsTheSameEvenWhenTheTopMoved) {
  auto before = stream_of("prod", "shop", from("ImageStreamTag", "dev", "web:1.0"));
  ASSERT_TRUE(apply(nullptr, before).empty());
  add_event(before, "live", {"later", "host:5000/prod/shop@b", kOther, 1});
  auto after = before;
  EXPECT_TRUE(apply(&before, after).empty());
  EXPECT_TRUE(same_tree(before, after));
}

TEST_F(Tagging, RaisesGenerationsButAddsNothingForGenerationZero) {
  auto before = stream_of("prod", "shop", from("ImageStreamTag", "dev", "web:1.0"));
  ASSERT_TRUE(apply(nullptr, before).empty());
  auto after = before;
  auto tag = *spec_tag(after, "live");
  tag.set("generation", 0);
  set_spec_tag(after, "live", tag);
  EXPECT_TRUE(apply(&before, after).empty());
  EXPECT_EQ(number_at(after, {"metadata", "generation"}), 2);
  EXPECT_EQ(number_at(*spec_tag(after, "live"), {"generation"}), 2);
  EXPECT_EQ(newest_event(after, "live")->generation, 1);
}

TEST_F(Tagging, IgnoresAnyOtherGenerationThatAClientSends) {
  auto before = stream_of("prod", "shop", from("DockerImage", "", "example.test/a/b:1", R"(,"reference":true)"));
  ASSERT_TRUE(apply(nullptr, before).empty());
  auto after = before;
  auto tag = *spec_tag(after, "live");
  tag.set("generation", 42);
  set_spec_tag(after, "live", tag);
  EXPECT_TRUE(apply(&before, after).empty());
  EXPECT_TRUE(same_tree(before, after));
}

TEST_F(Tagging, AddsTheEventAgainWhenTheSpecTagWasRemovedFirst) {
  auto first = stream_of("prod", "shop", from("ImageStreamTag", "dev", "web:1.0"));
  ASSERT_TRUE(apply(nullptr, first).empty());
  auto removed = first;
  remove_spec_tag(removed, "live");
  ASSERT_TRUE(apply(&first, removed).empty());
  EXPECT_EQ(newest_event(removed, "live")->generation, 1) << "the history stays";
  auto again = removed;
  set_spec_tag(again, "live", *spec_tag(first, "live"));
  ASSERT_TRUE(apply(&removed, again).empty());
  EXPECT_EQ(newest_event(again, "live")->generation, 3);
  EXPECT_EQ(at(*history_of(again, "live"), {"items"}).items().size(), 1U);
}

TEST_F(Tagging, AcceptsASourceTagWithoutAnImageAndAddsNothing) {
  auto stream = stream_of("prod", "shop", from("ImageStreamTag", "dev", "web:none"));
  EXPECT_TRUE(apply(nullptr, stream).empty());
  EXPECT_FALSE(newest_event(stream, "live"));
}

TEST_F(Tagging, MarksTheSourceTagOfItsOwnStreamWithTheNewGeneration) {
  auto before = stream_of("dev", "web");
  set_at(before, {"metadata", "generation"}, 1);
  add_event(before, "1.0", {"then", "host:5000/dev/web@a", kDigest, 1});
  auto after = before;
  set_spec_tag(after, "alias", tag_reference(parsed(R"({"from":{"kind":"ImageStreamTag","name":"1.0"}})"), false));
  EXPECT_TRUE(apply(&before, after).empty());
  EXPECT_EQ(newest_event(after, "alias")->generation, 2);
  EXPECT_EQ(newest_event(after, "1.0")->generation, 2);
}

struct RefusalRow {
  const char* name;
  std::string spec;
  const char* message;
};

TEST_F(Tagging, RefusesSourcesThatCannotBe) {
  const std::vector<RefusalRow> rows = {
      {"missing stream", from("ImageStreamTag", "dev", "none:1"), "spec.tags[live].from.name: Not found: \"none:1\""},
      {"missing digest", from("ImageStreamImage", "dev", std::string("web@") + kOther),
       "spec.tags[live].from.name: Invalid value: \"web@"
       "sha256:2222222222222222222222222222222222222222222222222222222222222222\": error generating tag event: "
       "imagestreamimage.image.openshift.io "
       "\"sha256:2222222222222222222222222222222222222222222222222222222222222222\" not found"},
      {"too many parts, said once", from("ImageStreamTag", "dev", "a:b:c"),
       "spec.tags[live].from.name: Invalid value: \"a:b:c\": must be of the form <tag>, <repo>:<tag>, <id>, or "
       "<repo>@<id>"},
      {"no right and no stream", from("ImageStreamTag", "secret", "web:1.0"),
       "[spec.tags[live].from: Forbidden: secret/web: \"no RBAC policy matched\" \"\", spec.tags[live].from.name: Not "
       "found: \"web:1.0\"]"},
  };
  for (const auto& row : rows) {
    auto stream = stream_of("prod", "shop", row.spec);
    EXPECT_EQ(joined(apply(nullptr, stream)), row.message) << row.name;
  }
}

TEST_F(Tagging, NeedsTheSourceRightOnlyForTagsThatChange) {
  auto before = stream_of("prod", "shop", from("ImageStreamTag", "dev", "web:1.0"));
  ASSERT_TRUE(apply(nullptr, before).empty());
  denied_ = true;
  auto same = before;
  EXPECT_TRUE(apply(&before, same).empty());
  auto fresh = stream_of("prod", "shop", from("ImageStreamTag", "dev", "web:1.0"));
  EXPECT_EQ(apply(nullptr, fresh).size(), 1U);
}

TEST(TagReference, IsStoredWithItsDefaultsAndWithoutWhatSaysNothing) {
  const auto reference = tag_reference(
      parsed(R"({"name":"a","from":{"kind":"DockerImage","name":"h/a/b:1","namespace":""},"reference":false,"x":1})"),
      false);
  EXPECT_EQ(reference.dump(), R"({"name":"a","annotations":null,"from":{"kind":"DockerImage","name":"h/a/b:1"},)"
                              R"("generation":null,"importPolicy":{},"referencePolicy":{"type":"Source"}})");
}

TEST(TagReference, HasAnImportModeSinceFourTwelve) {
  EXPECT_EQ(tag_reference(Json::object(), true).find("importPolicy")->dump(), R"({"importMode":"Legacy"})");
}

struct CheckRow {
  const char* name;
  const char* reference;
  const char* message;
};

TEST(TagReference, IsChecked) {
  const std::vector<CheckRow> rows = {
      {"unknown kind", R"({"from":{"kind":"Foo","name":"x"}})",
       "tag.from.kind: Required value: valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'"},
      {"scheduled stream tag", R"({"from":{"kind":"ImageStreamTag","name":"x"},"importPolicy":{"scheduled":true}})",
       "tag.importPolicy.scheduled: Invalid value: true: only tags pointing to Docker repositories may be scheduled "
       "for "
       "background import"},
      {"policy", R"({"from":{"kind":"ImageStreamTag","name":"x"},"referencePolicy":{"type":"Nowhere"}})",
       "tag.referencePolicy.type: Invalid value: \"Nowhere\": valid values are \"Source\", \"Local\""},
      {"no reference", R"({"from":{"kind":"DockerImage","name":"not a / reference"}})",
       "tag.from.name: Invalid value: \"not a / reference\": invalid reference format"},
  };
  for (const auto& row : rows) {
    std::vector<Cause> causes;
    check_tag_reference(tag_reference(parsed(row.reference), false), "tag", causes);
    EXPECT_EQ(joined(causes), row.message) << row.name;
  }
}

TEST(ImageStream, NameFollowsTheGrammarOfRepositories) {
  const std::vector<std::pair<std::string, bool>> rows = {{"web", true},   {"a.b_c-d", true}, {"Bad", false},
                                                          {"a--b", false}, {"-a", false},     {"a-", false},
                                                          {"a/b", false},  {"", false}};
  for (const auto& [name, good] : rows) {
    std::vector<Cause> causes;
    check_stream(stream_of("dev", name), causes);
    EXPECT_EQ(causes.empty(), good) << '"' << name << '"';
  }
}

}  // namespace
}  // namespace sluice::sandbox
