// What a registry lists as attached to a digest, and how registries say that they list nothing.

#include "component/registry_testing.hpp"

#include <gmock/gmock.h>

namespace sluice::testing {
namespace {

using ::testing::HasSubstr;

const std::string kIndex(oci::media::kOciIndex);

class Referrers : public RegistryTest {
 protected:
  const oci::Digest subject_ = oci::Digest::of("subject");
  const oci::Digest first_ = oci::Digest::of("first");
  const oci::Digest second_ = oci::Digest::of("second");
  const std::string list_ = "/v2/shop/web/referrers/" + subject_.text();

  static std::string entry(const oci::Digest& digest) {
    return R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" + digest.text() +
           R"(","size":7,"artifactType":"application/spdx+json"})";
  }
  static support::ScriptedReply listed(const std::string& entries, const std::string& type = kIndex,
                                       const std::string& link = "") {
    support::ScriptedReply reply{
        .headers = {{"Content-Type", type}},
        .body = R"({"schemaVersion":2,"mediaType":")" + kIndex + R"(","manifests":)" + entries + "}"};
    if (!link.empty()) reply.headers.emplace_back("Link", link);
    return reply;
  }
  /// "none" when the registry keeps no list; else how many it lists.
  std::string ask(const std::string& repository = "shop/web") {
    const auto found = registry_->referrers(repository, subject_, {});
    if (!found) return found.error().sentence();
    return *found ? std::to_string((*found)->size()) : "none";
  }
};

TEST_F(Referrers, AreListedWithTheirTypes) {
  server_.on("GET", list_, listed("[" + entry(first_) + "]"));
  const auto found = registry_->referrers("shop/web", subject_, {});
  ASSERT_TRUE(found.ok() && *found) << support::why(found);
  ASSERT_EQ((*found)->size(), 1U);
  EXPECT_EQ((*found)->front().digest, first_);
  EXPECT_EQ((*found)->front().artifact_type, "application/spdx+json");
}

TEST_F(Referrers, AreAListHoweverItsTypeIsWrittenAndWhenItIsEmpty) {
  for (const auto& type :
       {kIndex, kIndex + "; charset=utf-8", std::string("Application/vnd.OCI.image.index.v1+JSON")}) {
    server_.on("GET", list_, listed("[" + entry(first_) + "]", type));
    EXPECT_EQ(ask(), "1") << type;
  }
  server_.on("GET", list_, listed("[]"));
  EXPECT_EQ(ask(), "0");
  server_.on("GET", list_, listed("null"));  // olareg, of a Go list without entries
  EXPECT_EQ(ask(), "0");
}

TEST_F(Referrers, AreReadOverAllPages) {
  server_.on("GET", list_, listed("[" + entry(first_) + "]", kIndex, "<" + list_ + R"(?from=1>; rel="next")"));
  server_.on("GET", list_ + "?from=1", listed("[" + entry(second_) + "]"));
  EXPECT_EQ(ask(), "2");
}

TEST_F(Referrers, AreNotAskedForAgainWhereTheRegistryKnowsNoList) {
  server_.on("GET", list_,
             {.status = 404, .headers = {{"Content-Type", "text/plain"}}, .body = "404 page not found\n"});
  EXPECT_EQ(ask(), "none");
  const auto before = registry_->requests();
  EXPECT_EQ(ask("shop/other"), "none");
  EXPECT_EQ(registry_->requests(), before);
}

TEST_F(Referrers, OfARepositoryOrDigestThatIsNotKnownSayNothingAboutOthers) {
  for (const auto* code : {"NAME_UNKNOWN", "MANIFEST_UNKNOWN"}) {
    server_.on("GET", list_, denied(code, 404));
    EXPECT_EQ(ask(), "none") << code;
    server_.on("GET", "/v2/shop/other/referrers/" + subject_.text(), listed("[" + entry(first_) + "]"));
    EXPECT_EQ(ask("shop/other"), "1") << code;
  }
}

TEST_F(Referrers, AreMissedByOneRepositoryAloneWhereARouterStandsInFront) {
  server_.on("GET", list_,
             {.status = 404, .headers = {{"Content-Type", "text/html"}}, .body = "<html>no route</html>"});
  EXPECT_EQ(ask(), "none");
  const auto before = registry_->requests();
  EXPECT_EQ(ask(), "none");
  EXPECT_EQ(registry_->requests(), before);
  server_.on("GET", "/v2/shop/other/referrers/" + subject_.text(), listed("[" + entry(first_) + "]"));
  EXPECT_EQ(ask("shop/other"), "1");
}

TEST_F(Referrers, OfARegistryThatHasGivenListsAreNotTakenForNoneWhenSomethingStandsInItsWay) {
  server_.on("GET", list_, listed("[]"));
  EXPECT_EQ(ask(), "0");
  server_.on("GET", list_,
             {.status = 404, .headers = {{"Content-Type", "text/html"}}, .body = "<html>rolling out</html>"});
  EXPECT_THAT(ask(), ::testing::Not(::testing::AnyOf("none", "0")));
}

TEST_F(Referrers, OfADigestThatHarborDoesNotKnowAreNone) {
  server_.on("GET", list_, {.headers = {{"Content-Type", kIndex}}, .body = "{}"});
  EXPECT_EQ(ask(), "0");
}

TEST_F(Referrers, OfAWebPageAreNone) {
  server_.on("GET", list_, {.headers = {{"Content-Type", "text/html"}}, .body = "<html>console</html>"});
  EXPECT_EQ(ask(), "none");
}

TEST_F(Referrers, ThatCannotBeReadAreAnError) {
  server_.on("GET", list_, listed("7"));
  EXPECT_THAT(ask(), HasSubstr("list"));
}

}  // namespace
}  // namespace sluice::testing
