// Blobs of Registry against scripted servers: reading into a pipe, writing from one.

#include "component/registry_testing.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sluice::places {
namespace {

using support::failed_with;
using support::ScriptedReply;
using support::ScriptedServer;
using support::why;
using testing::descriptor_of;
using testing::pattern;

const std::string kUpload = "/v2/shop/web/blobs/uploads/1";

class RegistryBlobs : public testing::RegistryTest {
 protected:
  static std::string target(const oci::Descriptor& blob) { return "/v2/shop/web/blobs/" + blob.digest.text(); }
  UploadSession session() const { return {"shop/web", "http://" + server_.host() + kUpload + "?_state=a%3D"}; }

  /// A pipe that already holds a small blob.
  static void fill(BlobPipe& pipe, const std::string& content) {
    ASSERT_EQ(pipe.take(std::as_bytes(std::span(content))), net::Flow::moved);
    ASSERT_TRUE(pipe.end().ok());
  }
  Status write(const std::string& content) {
    const auto blob = descriptor_of(content);
    BlobPipe pipe(blob);
    fill(pipe, content);
    return registry_->write_blob(session(), blob, pipe, {}, {});
  }
  static std::string drained(BlobPipe& pipe) {
    std::string out(1000, '\0');
    const auto given = pipe.give(std::as_writable_bytes(std::span(out)));
    return out.substr(0, given.count);
  }
};

TEST_F(RegistryBlobs, AreReadIntoAPipe) {
  const std::string content = "a small blob";
  const auto blob = descriptor_of(content);
  for (const auto framing : {ScriptedReply::Framing::length, ScriptedReply::Framing::chunked}) {
    server_.on("GET", target(blob), {.body = content, .framing = framing});
    BlobPipe pipe(blob);
    const auto done = read(blob, pipe);
    EXPECT_TRUE(done.ok()) << why(done);
    EXPECT_EQ(drained(pipe), content);
  }
}

TEST_F(RegistryBlobs, AreReadAfterAChallengeAndARedirect) {
  const std::string content = "a small blob";
  const auto blob = descriptor_of(content);
  ScriptedServer storage;
  log_in();
  server_.on_each(
      "GET", target(blob),
      {challenge(server_.host()), {.status = 307, .headers = {{"Location", "http://" + storage.host() + "/b"}}}});
  server_.on("GET", "/token", token("t1"));
  storage.on("GET", "/b", {.body = content});
  BlobPipe pipe(blob);
  const auto done = read(blob, pipe);
  EXPECT_TRUE(done.ok()) << why(done);
  EXPECT_EQ(drained(pipe), content);
  EXPECT_EQ(server_.requests("GET", target(blob)).at(1).header("authorization"), "Bearer t1");
  EXPECT_EQ(storage.requests().at(0).header("authorization"), std::nullopt);
}

// The cause, not its effect on the other leg: "cancelled" would end the program as if the user had stopped it.
TEST_F(RegistryBlobs, SayWhatWasWrongWithTheBytes) {
  const std::string content = "a small blob";
  const auto blob = descriptor_of(content);
  struct Row {
    const char* name;
    ScriptedReply reply;
    ErrorKind kind;
  };
  const Row rows[] = {
      {"other bytes", {.body = "a wrong blob"}, ErrorKind::integrity},
      {"one more", {.body = content + "x"}, ErrorKind::integrity},
      {"one less", {.body = content.substr(1)}, ErrorKind::integrity},
      {"truncated", {.body = content.substr(1), .claimed_length = content.size()}, ErrorKind::unreachable},
      {"not found", denied("BLOB_UNKNOWN", 404), ErrorKind::not_found},
      {"part of it", {.status = 206, .body = content}, ErrorKind::protocol},
      {"busy", {.status = 503}, ErrorKind::busy},
  };
  for (const auto& row : rows) {
    server_.on("GET", target(blob), row.reply);
    BlobPipe pipe(blob);
    EXPECT_TRUE(failed_with(read(blob, pipe), row.kind)) << row.name;
  }
  auto empty = blob;
  empty.size_bytes = 0;
  server_.on("GET", target(blob), {.body = "x"});
  BlobPipe pipe(empty);
  EXPECT_TRUE(failed_with(read(empty, pipe), ErrorKind::integrity)) << "an empty blob that is not empty";
}

TEST_F(RegistryBlobs, EndWhenTheirRedirectsLeadNowhere) {
  const auto blob = descriptor_of("x");
  server_.on("GET", target(blob), {.status = 307, .headers = {{"Location", target(blob)}}});
  BlobPipe pipe(blob);
  EXPECT_TRUE(failed_with(read(blob, pipe), ErrorKind::protocol, "circles"));
  EXPECT_EQ(server_.requests().size(), 6U) << "once, and five redirects";
  server_.on("GET", target(blob), {.status = 307});
  EXPECT_TRUE(failed_with(read(blob, pipe), ErrorKind::protocol, "nowhere"));
}

TEST_F(RegistryBlobs, PassTheWishToWaitOn) {
  const auto blob = descriptor_of("x");
  const ScriptedReply busy{.status = 429, .headers = {{"Retry-After", "7"}}};
  server_.on("GET", target(blob), busy);
  BlobPipe pipe(blob);
  const auto reading = read(blob, pipe);
  ASSERT_TRUE(failed_with(reading, ErrorKind::busy));
  EXPECT_EQ(reading.error().retry_after(), std::chrono::seconds(7));
  server_.on("PUT", kUpload, busy);
  const auto writing = write("x");
  ASSERT_TRUE(failed_with(writing, ErrorKind::busy));
  EXPECT_EQ(writing.error().retry_after(), std::chrono::seconds(7));
}

TEST_F(RegistryBlobs, AreWrittenInOnePut) {
  server_.on("PUT", kUpload, {.status = 201});
  const auto written = write("a small blob");
  ASSERT_TRUE(written.ok()) << why(written);
  const auto seen = server_.requests().at(0);
  EXPECT_EQ(seen.target, kUpload + "?_state=a%3D&digest=sha256%3A" + oci::Digest::of("a small blob").hex());
  EXPECT_EQ(seen.body, "a small blob");
  EXPECT_EQ(seen.header("content-type"), "application/octet-stream");
  EXPECT_EQ(server_.order(), "PUT " + kUpload);
}

TEST_F(RegistryBlobs, AreWrittenWhenTheyAreEmpty) {
  server_.on("PUT", kUpload, {.status = 201});
  const auto blob = descriptor_of("");
  BlobPipe pipe(blob);
  ASSERT_TRUE(pipe.end().ok());
  const auto written = registry_->write_blob(session(), blob, pipe, {}, {});
  EXPECT_TRUE(written.ok()) << why(written);
  EXPECT_EQ(server_.requests().at(0).header("content-length"), "0");
}

TEST_F(RegistryBlobs, AreWrittenToAnotherHostWithoutCredentials) {
  ScriptedServer storage;
  log_in();
  server_.on_each("GET", "/v2/", {challenge(server_.host()), {}});
  server_.on("GET", "/token", token("t1"));
  ASSERT_TRUE(registry_->check_login({}).ok());
  storage.on("PUT", "/u", {.status = 201});
  const auto blob = descriptor_of("content");
  BlobPipe pipe(blob);
  fill(pipe, "content");
  const auto written = registry_->write_blob({"shop/web", "http://" + storage.host() + "/u?sig=1"}, blob, pipe, {}, {});
  ASSERT_TRUE(written.ok()) << why(written);
  EXPECT_EQ(storage.requests().at(0).header("authorization"), std::nullopt);

  server_.on("PUT", kUpload, {.status = 201});
  ASSERT_TRUE(write("content").ok());
  EXPECT_EQ(server_.requests("PUT", kUpload).at(0).header("authorization"), "Bearer t1");
}

TEST_F(RegistryBlobs, SayWhyTheyWereNotStored) {
  const auto wrong = oci::Digest::of("something else").text();
  struct Row {
    const char* name;
    ScriptedReply reply;
    ErrorKind kind;
  };
  const Row rows[] = {
      {"denied", denied("DENIED", 403), ErrorKind::denied},
      {"digest refused", denied("DIGEST_INVALID", 400), ErrorKind::integrity},
      {"upload forgotten", denied("BLOB_UPLOAD_UNKNOWN", 404), ErrorKind::not_found},
      {"too large for a proxy",
       {.status = 413, .headers = {{"Content-Type", "text/html"}}, .body = "<html>"},
       ErrorKind::unsupported},
      {"stored otherwise", {.status = 201, .headers = {{"Docker-Content-Digest", wrong}}}, ErrorKind::integrity},
      {"accepted only", {.status = 202}, ErrorKind::protocol},
      {"redirect", {.status = 307, .headers = {{"Location", "/x"}}}, ErrorKind::protocol},
      {"500", {.status = 500}, ErrorKind::busy},
      {"reset", {.status = 201, .body = "stored", .reset_after = 0}, ErrorKind::unreachable},
  };
  for (const auto& row : rows) {
    server_.on("PUT", kUpload, row.reply);
    const auto written = write("content");
    EXPECT_TRUE(failed_with(written, row.kind, server_.host())) << row.name;
    EXPECT_EQ(why(written).find("_state"), std::string::npos) << row.name << ": " << why(written);
  }
}

TEST_F(RegistryBlobs, SayWhatBrokeThePipe) {
  server_.on("PUT", kUpload, {.status = 201});
  const auto blob = descriptor_of("content");
  BlobPipe pipe(blob);
  pipe.fail(Error(ErrorKind::unreachable, "the source went away"));
  EXPECT_TRUE(failed_with(registry_->write_blob(session(), blob, pipe, {}, {}), ErrorKind::unreachable, "went away"));
  server_.settle();
  for (const auto& seen : server_.requests()) EXPECT_FALSE(seen.complete);
}

// The bytes are gone, so the upload fails; the renewed token makes the next one succeed.
TEST_F(RegistryBlobs, RenewARefusedTokenBeforeTheNextUpload) {
  log_in();
  server_.on_each("GET", "/v2/", {challenge(server_.host()), {}});
  server_.on_each("GET", "/token", {token("first"), token("second"), token("third")});
  ASSERT_TRUE(registry_->check_login({}).ok());
  auto refused = challenge(server_.host());
  refused.read_at_most = 100;
  server_.on_each("PUT", kUpload, {refused, {.status = 201}});
  const auto content = pattern(200'000);
  const auto first = write(content);
  EXPECT_TRUE(failed_with(first, ErrorKind::busy, server_.host()));
  const auto second = write(content);
  EXPECT_TRUE(second.ok()) << why(second);
  const auto seen = server_.requests("PUT", kUpload);
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_TRUE(seen[0].header("authorization").has_value());
  EXPECT_NE(seen[0].header("authorization"), seen[1].header("authorization"));
  EXPECT_TRUE(seen[1].complete);
}

TEST_F(RegistryBlobs, GoFromOneRegistryToAnother) {
  const auto content = pattern(3'000'000);
  const auto blob = descriptor_of(content);
  ScriptedServer target_server;
  RegistryOptions options;
  options.host = target_server.host();
  Registry destination(loop_, options);
  server_.on("GET", target(blob), {.body = content});
  target_server.on("POST", "/v2/shop-prod/web/blobs/uploads/",
                   {.status = 202, .headers = {{"Location", "/upload/1?_state=x"}}});
  target_server.on("PUT", "/upload/1", {.status = 201});
  BlobPipe pipe(blob);
  const auto reading = registry_->read_blob("shop/web", blob, pipe, {});
  const auto opened = destination.begin_upload("shop-prod/web", HashAlgorithm::sha256, {});
  ASSERT_TRUE(opened.ok()) << why(opened);
  ASSERT_TRUE(reading->started().ok());
  const auto written = destination.write_blob(*opened, blob, pipe, {}, {});
  EXPECT_TRUE(written.ok()) << why(written);
  EXPECT_TRUE(reading->finish().ok());
  const auto seen = target_server.requests("PUT", "/upload/1").at(0);
  EXPECT_EQ(seen.body_bytes, content.size());
  EXPECT_TRUE(seen.body == content.substr(0, ScriptedServer::kKeptBodyBytes));
}

TEST_F(RegistryBlobs, AreNeverWholeAtTheDestinationWhenTheyAreWrongAtTheSource) {
  const auto content = pattern(1'000'000);
  auto flipped = content;
  flipped.back() = static_cast<char>(flipped.back() ^ 1);
  const auto blob = descriptor_of(content);
  server_.on("GET", target(blob), {.body = flipped});
  server_.on("PUT", kUpload, {.status = 201});
  BlobPipe pipe(blob);
  const auto reading = registry_->read_blob("shop/web", blob, pipe, {});
  const auto started = reading->started();
  EXPECT_TRUE(failed_with(registry_->write_blob(session(), blob, pipe, {}, {}), ErrorKind::integrity));
  EXPECT_TRUE(failed_with(reading->finish(), ErrorKind::integrity));
  server_.settle();
  for (const auto& seen : server_.requests("PUT", kUpload)) {
    EXPECT_FALSE(seen.complete);
    EXPECT_LT(seen.body_bytes, content.size());
  }
}

TEST_F(RegistryBlobs, AreLetGoWhenNobodyFinishesThem) {
  const auto content = pattern(3'000'000);
  const auto blob = descriptor_of(content);
  server_.on("GET", target(blob), {.body = content});
  for (int round = 0; round < 10; ++round) {
    BlobPipe pipe(blob);
    const auto reading = registry_->read_blob("shop/web", blob, pipe, {});
    if (round % 2 == 0) {
      EXPECT_TRUE(reading->started().ok());
    }
  }
  EXPECT_EQ(loop_.counters().live_transfers, 0U);
}

TEST_F(RegistryBlobs, GiveUnusedUploadsBack) {
  server_.on("DELETE", kUpload, {.status = 204});
  registry_->abandon_upload(session());
  EXPECT_EQ(server_.order(), "DELETE " + kUpload);
  server_.on("DELETE", kUpload, {.status = 401});
  registry_->abandon_upload(session());  // nobody needs the outcome
}

}  // namespace
}  // namespace sluice::places
