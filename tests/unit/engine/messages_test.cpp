#include "engine/messages.hpp"

#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::engine {
namespace {

struct Read {
  Result<StreamEnd> end = StreamEnd{};
  std::vector<Progress> told;
};

// Feeds a stream in pieces of `size` bytes.
Read read(const std::string& stream, std::size_t size) {
  Read out;
  MessageReader reader([&](const Progress& progress) { out.told.push_back(progress); });
  for (std::size_t at = 0; at < stream.size(); at += size) {
    if (auto fed = reader.feed(std::string_view(stream).substr(at, size)); !fed) {
      out.end = fed.error();
      return out;
    }
  }
  out.end = reader.finish();
  return out;
}

constexpr const char* kPush =
    "{\"status\":\"The push refers to repository [127.0.0.1:5000/shop/web]\"}\r\n"
    "{\"status\":\"Preparing\",\"progressDetail\":{},\"id\":\"9bc2\"}\r\n"
    "{\"status\":\"Pushing\",\"progressDetail\":{\"current\":512,\"total\":3000},\"progress\":\"[=>]\",\"id\":\"9bc2\"}"
    "\r\n"
    "{\"status\":\"Pushed\",\"progressDetail\":{},\"id\":\"9bc2\"}\r\n"
    "{\"status\":\"latest: digest: sha256:ab size: 527\"}\r\n"
    "{\"progressDetail\":{},\"aux\":{\"Tag\":\"latest\",\"Digest\":\"sha256:ab\",\"Size\":527}}\r\n";

TEST(EngineMessages, APushTellsItsDigestHoweverItIsCut) {
  for (const std::size_t size : {1U, 7U, 4096U}) {
    const auto done = read(kPush, size);
    ASSERT_TRUE(done.end.ok());
    EXPECT_EQ(done.end->digest, "sha256:ab");
    EXPECT_EQ(done.end->in_words, "sha256:ab");
    ASSERT_EQ(done.told.size(), 5U);
    EXPECT_EQ(done.told[2].layer, "9bc2");
    EXPECT_EQ(done.told[2].current_bytes, 512U);
    EXPECT_EQ(done.told[2].total_bytes, 3000U);
  }
}

TEST(EngineMessages, APullTellsItsDigestInWords) {
  const auto done = read("{\"status\":\"Digest: sha256:cd\"}\n{\"status\":\"Status: Downloaded newer image\"}", 4096);
  ASSERT_TRUE(done.end.ok());
  EXPECT_EQ(done.end->digest, "sha256:cd");
}

TEST(EngineMessages, AnErrorIsOneWhereverItComesAndInEveryForm) {
  const struct {
    const char* stream;
    ErrorKind kind;
  } rows[] = {
      {"{\"error\":\"manifest unknown\"}", ErrorKind::not_found},
      {"{\"status\":\"Pushing\",\"id\":\"a\"}\n{\"errorDetail\":{\"message\":\"no space left on "
       "device\"},\"error\":\"no "
       "space left on device\"}\n",
       ErrorKind::storage},
      {"{\"errorDetail\":{\"code\":401,\"message\":\"unauthorized: authentication required\"}}\n",
       ErrorKind::unauthenticated},
      {"{\"errorDetail\":{}}\n", ErrorKind::protocol},
      {"{\"error\":\"denied: requested access to the resource is denied\"}\n", ErrorKind::denied},
      {"{\"error\":\"x509: certificate signed by unknown authority\"}\n", ErrorKind::untrusted},
      {"{\"error\":\"dial tcp 127.0.0.1:1: connect: connection refused\"}\n", ErrorKind::unreachable},
      {"<html>gateway</html>\n", ErrorKind::protocol},
      {"[1]\n", ErrorKind::protocol},
  };
  for (const auto& row : rows) {
    const auto done = read(row.stream, 4096);
    ASSERT_FALSE(done.end.ok()) << row.stream;
    EXPECT_EQ(done.end.error().kind(), row.kind) << row.stream << done.end.error().message();
  }
}

TEST(EngineMessages, WhatWasNotPushedWholeIsNoted) {
  const auto done = read(
      "{\"aux\":{\"manifestPushedInsteadOfIndex\":true,\"originalIndex\":{},\"selectedManifest\":{}}}\n"
      "{\"aux\":{\"contentMissing\":true,\"desc\":{}}}\n",
      4096);
  ASSERT_TRUE(done.end.ok());
  EXPECT_EQ(done.end->notes.size(), 2U);
  EXPECT_EQ(done.end->digest, "");
}

TEST(EngineMessages, AMessageWithoutAnEndIsNotKeptForEver) {
  const auto done = read("{\"status\":\"" + std::string(2'000'000, 'a'), 65536);
  ASSERT_FALSE(done.end.ok());
  EXPECT_EQ(done.end.error().kind(), ErrorKind::protocol);
}

}  // namespace
}  // namespace sluice::engine
