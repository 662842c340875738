#pragma once
// What the tests of places/registry share: a scripted registry, images, and a token server that plays along.

#include "component/loop_testing.hpp"
#include "places/registry.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace sluice::testing {

/// A small image manifest; its config and layer need not exist.
inline oci::Manifest image(std::string_view note = "") {
  const auto config = oci::Digest::of(std::string("config") + std::string(note));
  const auto layer = oci::Digest::of("layer");
  const std::string type(oci::media::kOciManifest);
  auto made = oci::parse_manifest(
      R"({"schemaVersion":2,"mediaType":")" + type +
          R"(","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":")" + config.text() +
          R"(","size":6},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":")" + layer.text() +
          R"(","size":5}]})",
      type);
  EXPECT_TRUE(made.ok()) << support::why(made);
  return std::move(made).value();
}

/// A registry that is a scripted server. After each test nothing may be left in the loop.
class RegistryTest : public LoopTest {
 protected:
  RegistryTest() { open(server_.host()); }

  void open(const std::string& host, bool insecure = false, unsigned retry_times = 2) {
    places::RegistryOptions options;
    options.host = host;
    options.insecure = insecure;
    options.retry_times = retry_times;
    options.endpoint.proxy = "";
    options.find_credentials = [this](std::string_view) -> Result<std::optional<auth::Credentials>> {
      return credentials_;
    };
    registry_ = std::make_unique<places::Registry>(loop_, std::move(options));
  }

  void log_in() {
    credentials_.emplace();
    credentials_->username = "robot";
    credentials_->password = Secret("hunter2");
    credentials_->source = "a test";
  }

  /// 401 with a challenge to the token server at `host`.
  static support::ScriptedReply challenge(const std::string& host) {
    return {.status = 401,
            .headers = {{"WWW-Authenticate", "Bearer realm=\"http://" + host + "/token\",service=\"s\""}}};
  }
  static support::ScriptedReply token(const std::string& value) {
    return {.headers = {{"Content-Type", "application/json"}}, .body = R"({"token":")" + value + R"("})"};
  }
  static support::ScriptedReply denied(const std::string& code, int status) {
    return {.status = status,
            .headers = {{"Content-Type", "application/json"}},
            .body = R"({"errors":[{"code":")" + code + R"(","message":"words of the registry"}]})"};
  }
  support::ScriptedReply manifest_reply(const oci::Manifest& manifest) const {
    return {.headers = {{"Content-Type", manifest.media_type}, {"Docker-Content-Digest", manifest.digest.text()}},
            .body = manifest.bytes};
  }

  /// Reads a blob through a pipe into memory; the error is that of started() or finish().
  Status read(const oci::Descriptor& blob, places::BlobPipe& pipe) {
    const auto reading = registry_->read_blob("shop/web", blob, pipe, {});
    SLUICE_CHECK(reading->started());
    return reading->finish();
  }

  places::ManifestName latest_ = places::ManifestName::tag("latest");
  std::optional<auth::Credentials> credentials_;
  std::unique_ptr<places::Registry> registry_;
};

}  // namespace sluice::testing
