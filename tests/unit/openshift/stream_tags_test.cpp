// Writing tags against scripted answers: what no sandbox does, and what is sent.

#include "openshift/streams/tags.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::openshift {
namespace {

using support::failed_with;
using support::why;
using testing::json_reply;
using testing::parsed;
using testing::status_reply;

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');
const std::string kStream = "/apis/image.openshift.io/v1/namespaces/prod/imagestreams/web";

/// The stream prod/web with `image` on top of the tag live; empty: without history.
Json stream_json(const std::string& image, const std::string& version, const std::string& spec = "") {
  auto items = image.empty()
                   ? std::string()
                   : fmt::format(R"({{"image": "{0}", "dockerImageReference": "reg:5000/prod/web@{0}"}})", image);
  return parsed(fmt::format(
      R"({{"kind": "ImageStream", "metadata": {{"name": "web", "namespace": "prod", "uid": "u1",
          "resourceVersion": "{}"}}, "spec": {{"tags": [{}]}}, "status": {{"dockerImageRepository": "reg:5000/prod/web",
          "tags": [{{"tag": "live", "items": [{}]}}]}}}})",
      version, spec, items));
}

const std::string kFromDev =
    R"({"name": "live", "annotations": {"team": "shop"},
        "from": {"kind": "ImageStreamImage", "namespace": "dev", "name": "web@)" +
    kA + R"("}})";

Json import_json(const std::string& image) {
  return parsed(fmt::format(R"({{"kind": "ImageStreamImport", "status": {{"images": [
      {{"status": {{"status": "Success"}}, "image": {{"metadata": {{"name": "{}"}}}}}}]}}}})",
                            image));
}

Json stream_image_json(const std::string& members) {
  return parsed(fmt::format(R"({{"kind": "ImageStreamImage", "image": {{{}}}}})", members));
}

class StreamTags : public testing::ClusterTest {
 protected:
  void answers(const std::vector<Json>& bodies) {
    for (const auto& body : bodies) exchanger.then(json_reply(200, body));
  }
  Json sent(std::size_t n) { return parsed(exchanger.requests().at(n).body); }

  TagMove move{"prod", "web", "live", "dev", "web", kA, true};
  ImportWish wish{"prod", "web", "live", "quay.io", "shop/web", kA, false, false};
};

TEST_F(StreamTags, TakesNoAnswerForSuccessButWhatTheStreamSays) {
  answers({stream_json(kB, "1"), Json::object(), stream_json(kB, "1")});
  EXPECT_TRUE(failed_with(move_tag(client(), move, context()), ErrorKind::integrity, "stands for " + kB));
  EXPECT_EQ(count(), 3U);
}

TEST_F(StreamTags, BindsTheWriteToWhatWasRead) {
  answers({stream_json(kB, "7"), Json::object(), stream_json(kA, "8")});
  const auto moved = move_tag(client(), move, context());
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_EQ(moved->before, kB);
  EXPECT_EQ(kube::text_at(sent(1), {"metadata", "resourceVersion"}), "7");
  EXPECT_EQ(kube::text_at(sent(1), {"tag", "from", "name"}), "web@" + kA);
  EXPECT_EQ(kube::text_at(sent(1), {"tag", "referencePolicy", "type"}), "Source");
}

TEST_F(StreamTags, TakesTheEntryOfTheSpecAwayBeforeWritingTheSameAgain) {
  answers({stream_json(kB, "1", kFromDev), stream_json(kB, "2"), Json::object(), stream_json(kA, "3")});
  const auto moved = move_tag(client(), move, context());
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_EQ(asked(1), "PUT " + kStream);
  EXPECT_TRUE(kube::list_at(sent(1), {"spec", "tags"}).empty()) << sent(1).dump();
  EXPECT_EQ(kube::text_at(sent(2), {"metadata", "resourceVersion"}), "2") << "that of the stream without the entry";
  EXPECT_EQ(kube::text_at(sent(2), {"metadata", "annotations", "team"}), "shop") << "what stood in the entry stays";
}

TEST_F(StreamTags, RemembersWhatWasThereWhenTheAnswerToAWriteWasLost) {
  exchanger.then(json_reply(200, stream_json(kB, "1")))
      .then(Error(ErrorKind::unreachable, "the connection broke"))
      .then(status_reply(409, "Conflict", "another caller has updated the resource version to 2"))
      .then(json_reply(200, stream_json(kA, "2")));
  const auto moved = move_tag(client(), move, context());
  ASSERT_TRUE(moved.ok()) << why(moved);
  EXPECT_EQ(moved->before, kB);
  EXPECT_TRUE(moved->written);
}

TEST_F(StreamTags, SaysUserWhereTheServerDoesNotTellWhoWeAre) {
  exchanger.then(status_reply(403, "Forbidden", "no"));
  exchanger.otherwise([](const auto&, const auto&) { return status_reply(403, "Forbidden", "no"); });
  const auto moved = move_tag(client(), move, context());
  EXPECT_TRUE(failed_with(moved, ErrorKind::denied, "oc policy add-role-to-user view USER -n prod"));
  ASSERT_FALSE(moved.ok());
  EXPECT_EQ(moved.error().http_status(), 403);
  EXPECT_NE(kube::failure_of(moved.error()), nullptr);
}

TEST_F(StreamTags, TakesANewTagAwayThatWasImportedOtherwiseThanTried) {
  answers({stream_json("", "1"), import_json(kA), import_json(kB), stream_json(kB, "2"), Json::object()});
  EXPECT_TRUE(failed_with(import_image(client(), wish, context()), ErrorKind::integrity, kB));
  EXPECT_EQ(asked(4), "DELETE /apis/image.openshift.io/v1/namespaces/prod/imagestreamtags/web:live");
  EXPECT_EQ(kube::text_at(sent(4), {"preconditions", "uid"}), "u1");
}

TEST_F(StreamTags, PutsATagBackThatWasImportedOtherwiseThanTried) {
  const auto third = "sha256:" + std::string(64, 'c');
  answers({stream_json(kB, "1"), import_json(kA), import_json(third), stream_json(third, "2"), Json::object(),
           stream_json(kB, "3")});
  EXPECT_TRUE(failed_with(import_image(client(), wish, context()), ErrorKind::integrity, third));
  EXPECT_EQ(asked(4), "PUT /apis/image.openshift.io/v1/namespaces/prod/imagestreamtags/web:live");
  EXPECT_EQ(kube::text_at(sent(4), {"tag", "from", "name"}), "web@" + kB);
}

TEST_F(StreamTags, SaysWhenATagCouldNotBePutBack) {
  answers({stream_json("", "1"), import_json(kA), import_json(kB), stream_json(kA, "2")});
  const auto imported = import_image(client(), wish, context());
  EXPECT_TRUE(failed_with(imported, ErrorKind::integrity, "was left as it is now"));
}

TEST_F(StreamTags, CarriesNoSignatureToWhereTheImageIsNot) {
  const std::string signature = R"({"metadata": {"name": ")" + kA + R"(@s"}, "type": "atomic", "content": "eA=="})";
  answers({stream_image_json(R"("signatures": [)" + signature + ", " + signature + "]")});
  exchanger.then(status_reply(404, "NotFound", "images not found"));
  const auto carried = carry_signatures(client(), "dev", "web", client(), kA, context());
  ASSERT_TRUE(carried.ok()) << why(carried);
  EXPECT_EQ(carried->expected, 2);
  EXPECT_EQ(carried->carried, 0);
  EXPECT_NE(carried->sentence.find("0 of 2"), std::string::npos) << carried->sentence;
  EXPECT_EQ(count(), 2U) << "the second would fare no better";
  EXPECT_EQ(asked(1), "POST /apis/image.openshift.io/v1/imagesignatures");
}

TEST_F(StreamTags, CountsSignaturesWithOneRequestAndTellsNoneFromNotKnown) {
  retry_times = 0;  // else a server that allowed it before would be taken to be starting
  const std::string signature = R"({"metadata": {"name": ")" + kA + R"(@s"}, "type": "atomic", "content": "eA=="})";
  answers({stream_image_json(R"("signatures": [)" + signature + ", " + signature + "]"),
           stream_image_json(R"("metadata": {})")});
  exchanger.then(status_reply(403, "Forbidden", "forbidden")).then(status_reply(401, "Unauthorized", "Unauthorized"));
  const auto counted = [&] { return count_signatures(client(), "dev", "web", kA, context()); };
  EXPECT_EQ(counted().value(), std::optional<int>(2));
  EXPECT_EQ(counted().value(), std::optional<int>(0));
  EXPECT_EQ(counted().value(), std::nullopt);
  EXPECT_EQ(count(), 3U);
  EXPECT_TRUE(failed_with(counted(), ErrorKind::unauthenticated));
}

TEST_F(StreamTags, StopsCarryingWhenNobodyKnowsUs) {
  exchanger.otherwise([](const auto&, const auto&) { return status_reply(401, "Unauthorized", "Unauthorized"); });
  EXPECT_TRUE(
      failed_with(carry_signatures(client(), "dev", "web", client(), kA, context()), ErrorKind::unauthenticated));
}

TEST_F(StreamTags, ReadsNoMoreChildrenOfAListThanItMust) {
  std::string children;
  for (int i = 0; i < 40; ++i) {
    children += fmt::format(R"({}{{"digest": "sha256:{:064}", "os": "linux", "architecture": "a{}"}})",
                            i == 0 ? "" : ", ", i, i);
  }
  const auto list =
      stream_image_json(fmt::format(R"("metadata": {{"name": "{}"}}, "dockerImageManifests": [{}])", kA, children));
  answers({list});
  exchanger.otherwise([](const auto&, const auto&) {
    return json_reply(200, stream_image_json(R"("dockerImageMetadata": {"Size": 10})"));
  });
  const auto facts = describe_image(client(), "dev", "web", kA, context());
  ASSERT_TRUE(facts.ok()) << why(facts);
  EXPECT_EQ(count(), 33U);
  ASSERT_EQ(facts->parts.size(), 40U);
  EXPECT_EQ(facts->parts[31].config_bytes, 10);
  EXPECT_EQ(facts->parts[32].config_bytes, 0) << "not read";
  EXPECT_EQ(facts->parts[39].architecture, "a39");
  EXPECT_EQ(facts->accepted.size(), 41U);
}

TEST_F(StreamTags, AsksForNoFurtherChildWhenTheServerDoesNotFindOne) {
  answers({stream_image_json(fmt::format(
      R"("metadata": {{"name": "{}"}}, "dockerImageManifests": [{{"digest": "{}"}}, {{"digest": "sha256:c"}}])", kA,
      kB))});
  exchanger.then(status_reply(404, "NotFound", "not found"));
  const auto facts = describe_image(client(), "dev", "web", kA, context());
  ASSERT_TRUE(facts.ok()) << why(facts);
  EXPECT_EQ(count(), 2U);
  EXPECT_EQ(facts->parts.size(), 2U);
}

}  // namespace
}  // namespace sluice::openshift
