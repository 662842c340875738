// The small verbs of Registry against a scripted server: manifests, tags, mounts, errors. Blobs: registry_blobs_test.
// Redirects, tokens and retries: registry_host_test.

#include "base/text.hpp"
#include "component/registry_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::places {
namespace {

using support::failed_with;
using support::ScriptedReply;
using support::why;
using testing::image;

class RegistryVerbs : public testing::RegistryTest {
 protected:
  using Pages = std::vector<std::pair<std::string, ScriptedReply>>;

  static ScriptedReply tag_page(const std::string& tags, const std::string& link = "") {
    ScriptedReply reply{.headers = {{"Content-Type", "application/json"}},
                        .body = R"({"name":"shop/web","tags":)" + tags + "}"};
    if (!link.empty()) reply.headers.emplace_back("Link", link);
    return reply;
  }
  std::string read_tags() {
    const auto tags = registry_->tags("shop/web", {});
    return tags ? text::join(*tags, " ") : why(tags);
  }
};

TEST_F(RegistryVerbs, ReadAManifestByTagAndByDigest) {
  const auto made = image();
  server_.on("GET", "/v2/shop/web/manifests/latest", manifest_reply(made));
  server_.on("GET", "/v2/shop/web/manifests/" + made.digest.text(), manifest_reply(made));
  for (const auto& name : {latest_, ManifestName::digest(made.digest)}) {
    const auto read = registry_->manifest("shop/web", name, {});
    ASSERT_TRUE(read.ok()) << why(read);
    EXPECT_EQ(read->bytes, made.bytes);
    EXPECT_EQ(read->digest, made.digest);
  }
  const auto accept = server_.requests().at(0).header("accept").value_or("");
  for (const auto type :
       {oci::media::kOciManifest, oci::media::kOciIndex, oci::media::kDockerManifest, oci::media::kDockerList}) {
    EXPECT_NE(accept.find(type), std::string::npos) << type << " is not asked for: " << accept;
  }
}

TEST_F(RegistryVerbs, RefuseManifestsThatAreNotWhatWasAskedFor) {
  const auto made = image();
  const auto other = image("other");
  auto lying = manifest_reply(made);
  lying.headers[1].second = other.digest.text();
  struct Row {
    const char* name;
    ManifestName asked;
    ScriptedReply reply;
    ErrorKind kind;
  };
  const Row rows[] = {
      {"other bytes", ManifestName::digest(other.digest), manifest_reply(made), ErrorKind::integrity},
      {"a header that lies", latest_, lying, ErrorKind::integrity},
      {"a web page", latest_, {.headers = {{"Content-Type", "text/html"}}, .body = "<html>"}, ErrorKind::protocol},
      {"nothing", latest_, {.headers = {{"Content-Type", made.media_type}}}, ErrorKind::protocol},
      {"not found", latest_, denied("MANIFEST_UNKNOWN", 404), ErrorKind::not_found},
      {"another 2xx", latest_, {.status = 206, .body = made.bytes}, ErrorKind::protocol},
  };
  for (const auto& row : rows) {
    server_.on("GET", "/v2/shop/web/manifests/" + row.asked.text(), row.reply);
    EXPECT_TRUE(failed_with(registry_->manifest("shop/web", row.asked, {}), row.kind, server_.host())) << row.name;
  }
}

TEST_F(RegistryVerbs, FindADigestByReadingAndHashingWhateverTheHeadersSay) {
  const auto made = image();
  const std::string target = "/v2/shop/web/manifests/latest";
  auto lying = manifest_reply(made);
  lying.headers[1].second = image("other").digest.text();
  struct Row {
    const char* name;
    ScriptedReply reply;
    std::optional<oci::Digest> expected;
  };
  const Row rows[] = {
      {"as it should be", manifest_reply(made), made.digest},
      {"no digest in the header", {.headers = {{"Content-Type", made.media_type}}, .body = made.bytes}, made.digest},
      {"another digest in the header", lying, made.digest},
      {"a kind that nobody knows", {.headers = {{"Content-Type", "application/x"}}, .body = made.bytes}, made.digest},
      {"nothing there", denied("MANIFEST_UNKNOWN", 404), std::nullopt},
  };
  for (const auto status : {404, 405, 501, 200}) server_.on("HEAD", target, {.status = status});
  for (const auto& row : rows) {
    server_.on("GET", target, row.reply);
    const auto before = server_.requests().size();
    const auto digest = registry_->digest_of("shop/web", latest_, {});
    ASSERT_TRUE(digest.ok()) << row.name << ": " << why(digest);
    EXPECT_EQ(*digest, row.expected) << row.name;
    EXPECT_EQ(server_.requests().size() - before, 1U) << row.name << ": one GET is all it takes";
  }
  server_.on("GET", target, denied("DENIED", 403));
  EXPECT_TRUE(failed_with(registry_->digest_of("shop/web", latest_, {}), ErrorKind::denied, server_.host()));
  const auto other = ManifestName::digest(image("other").digest);
  server_.on("GET", "/v2/shop/web/manifests/" + other.text(), manifest_reply(made));
  EXPECT_TRUE(failed_with(registry_->digest_of("shop/web", other, {}), ErrorKind::integrity, made.digest.text()));
}

TEST_F(RegistryVerbs, ReadAManifestWithTheAlgorithmThatItIsExpectedBy) {
  const auto made = image();
  const auto long_digest = oci::Digest::of(made.bytes, HashAlgorithm::sha512);
  server_.on("GET", "/v2/shop/web/manifests/latest", manifest_reply(made));
  const auto found = registry_->digest_of("shop/web", latest_, {}, HashAlgorithm::sha512);
  ASSERT_TRUE(found.ok()) << why(found);
  EXPECT_EQ(*found, long_digest);
}

TEST_F(RegistryVerbs, ReadNoMoreOfAChildThanItsIndexSays) {
  const auto made = image();
  auto child = made.descriptor();
  const auto target = "/v2/shop/web/manifests/" + made.digest.text();
  server_.on("GET", target, manifest_reply(made));
  EXPECT_TRUE(registry_->manifest("shop/web", ManifestName::child(child), {}).ok());
  child.size_bytes -= 1;
  EXPECT_TRUE(failed_with(registry_->manifest("shop/web", ManifestName::child(child), {}), ErrorKind::integrity,
                          "its index says"));
  auto padded = manifest_reply(made);
  padded.body += std::string(200'000, ' ');
  server_.on("GET", target, padded);
  EXPECT_TRUE(failed_with(registry_->manifest("shop/web", ManifestName::child(child), {}), ErrorKind::protocol,
                          "larger than the limit of 64.0 KiB"));
}

TEST_F(RegistryVerbs, WriteAManifestAsItIs) {
  const auto made = image();
  server_.on("PUT", "/v2/shop/web/manifests/latest", {.status = 201});
  const auto written = registry_->put_manifest("shop/web", latest_, made, {});
  ASSERT_TRUE(written.ok()) << why(written);
  const auto seen = server_.requests().at(0);
  EXPECT_EQ(seen.body, made.bytes);
  EXPECT_EQ(seen.header("content-type"), made.media_type);
}

TEST_F(RegistryVerbs, SayWhyAManifestWasRefused) {
  struct Row {
    const char* name;
    ScriptedReply reply;
    ErrorKind kind;
  };
  const Row rows[] = {
      {"denied", denied("DENIED", 403), ErrorKind::denied},
      {"old registry, new type", denied("MANIFEST_INVALID", 400), ErrorKind::unsupported},
      {"immutable tag", denied("TAG_IMMUTABLE", 409), ErrorKind::conflict},
      {"a blob is missing", denied("MANIFEST_BLOB_UNKNOWN", 404), ErrorKind::conflict},
  };
  for (const auto& row : rows) {
    server_.on("PUT", "/v2/shop/web/manifests/latest", row.reply);
    const auto written = registry_->put_manifest("shop/web", latest_, image(), {});
    EXPECT_TRUE(failed_with(written, row.kind, "words of the registry")) << row.name;
    EXPECT_TRUE(failed_with(written, row.kind, "shop/web:latest")) << row.name;
  }
}

TEST_F(RegistryVerbs, KnowWhichBlobsAreThereByReadingAByte) {
  const auto blob = testing::descriptor_of("layer");
  const std::string target = "/v2/shop/web/blobs/" + blob.digest.text();
  struct Row {
    const char* name;
    ScriptedReply reply;
    bool expected;
  };
  const Row rows[] = {
      {"a byte", {.status = 206, .headers = {{"Content-Range", "bytes 0-0/5"}}, .body = "l"}, true},
      {"no ranges: everything", {.status = 200, .body = "layer"}, true},
      {"nothing", {.status = 404}, false},
      {"403 where 404 is meant", {.status = 403}, false},
      {"a store that does not like the request", {.status = 400}, false},
      {"it says yes and has nothing", {.status = 206, .claimed_length = 1}, false},
      {"it says yes and sends nothing", {.status = 200}, false},
      {"a web page", {.headers = {{"Content-Type", "text/html"}}, .body = "<html>"}, false},
  };
  server_.on("HEAD", target, {.status = 200});  // a cache that says yes to everything
  for (const auto& row : rows) {
    server_.on("GET", target, row.reply);
    const auto there = registry_->has_blob("shop/web", blob, {});
    ASSERT_TRUE(there.ok()) << row.name << ": " << why(there);
    EXPECT_EQ(*there, row.expected) << row.name;
  }
  EXPECT_EQ(server_.requests().at(0).header("range"), "bytes=0-0");
}

TEST_F(RegistryVerbs, ReadOnlyTheBeginningOfABlobWhereThereAreNoRanges) {
  const auto blob = testing::descriptor_of(std::string(5'000'000, 'x'));
  server_.on("GET", "/v2/shop/web/blobs/" + blob.digest.text(), {.status = 200, .body = std::string(5'000'000, 'x')});
  const auto there = registry_->has_blob("shop/web", blob, {});
  ASSERT_TRUE(there.ok()) << why(there);
  EXPECT_TRUE(*there);
}

TEST_F(RegistryVerbs, KnowThatABlobWithoutBytesIsThere) {
  const auto blob = testing::descriptor_of("");
  server_.on("GET", "/v2/shop/web/blobs/" + blob.digest.text(), {.status = 200});
  const auto there = registry_->has_blob("shop/web", blob, {});
  ASSERT_TRUE(there.ok()) << why(there);
  EXPECT_TRUE(*there);
  EXPECT_EQ(server_.requests().at(0).header("range"), std::nullopt) << "there is no first byte to ask for";
}

TEST_F(RegistryVerbs, MountOrOpenAnUpload) {
  const auto blob = testing::descriptor_of("layer");
  const std::string target = "/v2/shop-prod/web/blobs/uploads/";
  server_.on("POST", target, {.status = 201});
  const auto mounted = registry_->mount_blob("shop-prod/web", blob, "shop-dev/web", {});
  ASSERT_TRUE(mounted.ok()) << why(mounted);
  EXPECT_TRUE(std::holds_alternative<Mounted>(*mounted));
  EXPECT_EQ(server_.requests().at(0).target, target + "?mount=sha256%3A" + blob.digest.hex() + "&from=shop-dev%2Fweb");

  server_.on("POST", target, {.status = 202, .headers = {{"Location", target + "1?_state=x"}}});
  const auto opened = registry_->mount_blob("shop-prod/web", blob, "shop-dev/web", {});
  ASSERT_TRUE(opened.ok()) << why(opened);
  ASSERT_TRUE(std::holds_alternative<UploadSession>(*opened));
  EXPECT_EQ(std::get<UploadSession>(*opened).location, "http://" + server_.host() + target + "1?_state=x");
  EXPECT_EQ(std::get<UploadSession>(*opened).repository, "shop-prod/web");

  server_.on("POST", target, denied("DENIED", 403));
  EXPECT_TRUE(failed_with(registry_->mount_blob("shop-prod/web", blob, "shop-dev/web", {}), ErrorKind::denied));
}

TEST_F(RegistryVerbs, FindTheUploadWhereverTheLocationPoints) {
  const std::string uploads = "/v2/shop/web/blobs/uploads/";
  const std::string here = "http://" + server_.host();
  struct Row {
    const char* name;
    std::string location;
    std::string expected;
  };
  const Row rows[] = {
      {"absolute", here + uploads + "1?_state=a%2Fb", here + uploads + "1?_state=a%2Fb"},
      {"of the host", uploads + "1?_state=a%2Fb", here + uploads + "1?_state=a%2Fb"},
      {"of the folder", "1?_state=a%2Fb", here + uploads + "1?_state=a%2Fb"},
      {"without scheme", "//" + server_.host() + "/u", here + "/u"},
      {"elsewhere", "https://storage.example.com/u?sig=1", "https://storage.example.com/u?sig=1"},
  };
  for (const auto& row : rows) {
    server_.on("POST", uploads, {.status = 202, .headers = {{"Location", row.location}}});
    const auto session = registry_->begin_upload("shop/web", HashAlgorithm::sha256, {});
    ASSERT_TRUE(session.ok()) << row.name << ": " << why(session);
    EXPECT_EQ(session->location, row.expected) << row.name;
  }
  server_.on("POST", uploads, {.status = 202});
  EXPECT_TRUE(failed_with(registry_->begin_upload("shop/web", HashAlgorithm::sha256, {}), ErrorKind::protocol,
                          "without saying where"));
  server_.on("POST", uploads, {.status = 202, .headers = {{"Location", "ftp://h/?_state=hunter2"}}});
  const auto bad = registry_->begin_upload("shop/web", HashAlgorithm::sha256, {});
  EXPECT_TRUE(failed_with(bad, ErrorKind::protocol, server_.host()));
  EXPECT_EQ(why(bad).find("hunter2"), std::string::npos) << why(bad);
  server_.on("POST", uploads, {.status = 200, .headers = {{"Content-Type", "text/html"}}, .body = "<html>"});
  EXPECT_TRUE(
      failed_with(registry_->begin_upload("shop/web", HashAlgorithm::sha256, {}), ErrorKind::protocol, "web page"));
}

TEST_F(RegistryVerbs, ListTagsOverAllPages) {
  const std::string list = "/v2/shop/web/tags/list";
  const std::string next = list + "?n=2&last=b";
  struct Row {
    const char* name;
    std::string link;
  };
  const Row rows[] = {
      {"relative", "<" + next + R"(>; rel="next")"},
      {"absolute", "<http://" + server_.host() + next + R"(>; rel="next")"},
      {"absolute, with the name that a proxy hides", "<http://internal.example.com:5000" + next + R"(>; rel="next")"},
      {"without quotes", "<" + next + ">; rel=next"},
      {"without blanks", "<" + next + R"(>;rel="next")"},
      {"with more parameters", "<" + next + R"(>; title="a, b"; rel="next")"},
      {"after the previous page", "<" + list + R"(?n=2>; rel="prev", <)" + next + R"(>; rel="next")"},
      {"one of several words", "<" + next + R"(>; rel="next last")"},
      {"in capitals", "<" + next + R"(>; Rel="NEXT")"},
      {"query alone", R"(<?n=2&last=b>; rel="next")"},
  };
  for (const auto& row : rows) {
    server_.on("GET", list + "?n=1000", tag_page(R"(["a","b"])", row.link));
    server_.on("GET", next, tag_page(R"(["c"])"));
    EXPECT_EQ(read_tags(), "a b c") << row.name;
  }
}

TEST_F(RegistryVerbs, ListTheTagsThatThereAre) {
  struct Row {
    const char* name;
    std::string tags;
    std::string expected;
  };
  const Row rows[] = {
      {"null", "null", ""},
      {"empty", "[]", ""},
      {"digests among them", R"(["a","sha256:0011","b"])", "a b"},
      {"nonsense among them", R"(["a",7,null,"","no/tag","b"])", "a b"},
  };
  for (const auto& row : rows) {
    server_.on("GET", "/v2/shop/web/tags/list", tag_page(row.tags));
    EXPECT_EQ(read_tags(), row.expected) << row.name;
  }
  server_.on("GET", "/v2/shop/web/tags/list", tag_page(R"(["a"])", R"(</v2/x>; rel="prev")"));
  EXPECT_EQ(read_tags(), "a") << "a link back is no next page";
}

TEST_F(RegistryVerbs, SayWhyTagsCannotBeListed) {
  struct Row {
    const char* name;
    ScriptedReply reply;
    ErrorKind kind;
  };
  const Row rows[] = {
      {"unknown", denied("NAME_UNKNOWN", 404), ErrorKind::not_found},
      {"no list", {.body = "{}"}, ErrorKind::protocol},
      {"no json", {.body = "tags"}, ErrorKind::protocol},
      {"web page", {.headers = {{"Content-Type", "text/html"}}, .body = "<html>"}, ErrorKind::protocol},
  };
  for (const auto& row : rows) {
    server_.on("GET", "/v2/shop/web/tags/list", row.reply);
    EXPECT_TRUE(failed_with(registry_->tags("shop/web", {}), row.kind, server_.host())) << row.name;
  }
}

TEST_F(RegistryVerbs, EndAListThatGoesInCircles) {
  const std::string list = "/v2/shop/web/tags/list";
  server_.on("GET", list, tag_page(R"(["a"])", "<" + list + R"(?n=1000>; rel="next")"));
  EXPECT_EQ(read_tags(), "a");
  EXPECT_EQ(server_.requests().size(), 1U);
}

TEST_F(RegistryVerbs, EndAListThatNeverEnds) {
  const std::string list = "/v2/shop/web/tags/list";
  std::vector<ScriptedReply> pages;
  for (int i = 0; i < 300; ++i) {
    pages.push_back(tag_page("[]", "<" + list + "?last=" + std::to_string(i) + R"(>; rel="next")"));
  }
  pages.push_back(tag_page(R"(["end"])"));
  server_.on_each("GET", list, pages);
  EXPECT_TRUE(failed_with(registry_->tags("shop/web", {}), ErrorKind::protocol, server_.host()));
}

TEST_F(RegistryVerbs, ReadSmallBlobsWhole) {
  const std::string content = R"({"config":{}})";
  const auto blob = testing::descriptor_of(content);
  const std::string target = "/v2/shop/web/blobs/" + blob.digest.text();
  server_.on("GET", target, {.body = content});
  const auto read = registry_->small_blob("shop/web", blob, 1000, {});
  ASSERT_TRUE(read.ok()) << why(read);
  EXPECT_EQ(*read, content);
  for (const std::uint64_t lie : {content.size() - 1, content.size() + 1}) {
    auto lying = blob;
    lying.size_bytes = lie;
    EXPECT_TRUE(failed_with(registry_->small_blob("shop/web", lying, 1000, {}), ErrorKind::integrity, "promises"))
        << "the right bytes, of another size than the manifest says";
  }

  EXPECT_TRUE(failed_with(registry_->small_blob("shop/web", blob, 5, {}), ErrorKind::unsupported)) << "over the limit";
  server_.on("GET", target, {.body = R"({"config":[]})"});
  EXPECT_TRUE(failed_with(registry_->small_blob("shop/web", blob, 1000, {}), ErrorKind::integrity, server_.host()));
  server_.on("GET", target, {.body = std::string(2000, 'x')});
  EXPECT_FALSE(registry_->small_blob("shop/web", blob, 1000, {}).ok()) << "more than the limit was taken";
  server_.on("GET", target, denied("BLOB_UNKNOWN", 404));
  EXPECT_TRUE(failed_with(registry_->small_blob("shop/web", blob, 1000, {}), ErrorKind::not_found));
}

TEST_F(RegistryVerbs, CheckALogin) {
  server_.on("GET", "/v2/", {});
  EXPECT_TRUE(registry_->check_login({}).ok());
  server_.on("GET", "/v2/", {.headers = {{"Content-Type", "text/html"}}, .body = "<html>"});
  EXPECT_TRUE(failed_with(registry_->check_login({}), ErrorKind::protocol, "not a registry"));
  server_.on("GET", "/v2/", {.status = 404});
  EXPECT_TRUE(failed_with(registry_->check_login({}), ErrorKind::not_found));
}

TEST_F(RegistryVerbs, CountTheirRequests) {
  server_.on("GET", "/v2/", {});
  ASSERT_TRUE(registry_->check_login({}).ok());
  ASSERT_TRUE(registry_->check_login({}).ok());
  EXPECT_EQ(registry_->requests(), 2U);
  EXPECT_EQ(registry_->name(), server_.host());
}

}  // namespace
}  // namespace sluice::places
