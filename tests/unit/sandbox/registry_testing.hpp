#pragma once
// What the tests of the registry share: a small world behind it, and requests without sockets.

#include "net/server/http_server.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/fields.hpp"
#include "sandbox/registry/api.hpp"
#include "support/checks.hpp"
#include "support/fake_exchanger.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::sandbox::testing {

/// Streams, images and rights as plain maps. Thread: one.
class FakeBackend final : public RegistryBackend {
 public:
  using Right = std::pair<std::string, std::string>;  ///< user, and "verb resource/subresource ns"

  std::optional<Caller> authenticate(std::string_view token) override {
    const auto found = tokens.find(std::string(token));
    if (found == tokens.end()) return std::nullopt;
    return Caller::person(found->second);
  }
  bool may(const Caller& caller, const Attributes& wanted) override {
    auto resource = wanted.resource;
    if (!wanted.subresource.empty()) resource += "/" + wanted.subresource;
    const auto right = fmt::format("{} {} {}", wanted.verb, resource, wanted.ns);
    return rights.contains({caller.name, right}) || rights.contains({caller.name, "*"});
  }
  std::string internal_host() override { return "registry.svc:5000"; }
  bool stream_exists(std::string_view ns, std::string_view stream) override {
    return histories.contains(key(ns, stream));
  }
  std::vector<std::string> tags(std::string_view ns, std::string_view stream) override {
    std::vector<std::string> names;
    for (const auto& [tag, digests] : histories[key(ns, stream)]) names.push_back(tag);
    return names;
  }
  std::optional<std::string> digest_of_tag(std::string_view ns, std::string_view stream,
                                           std::string_view tag) override {
    const auto& history = histories[key(ns, stream)];
    const auto found = history.find(std::string(tag));
    if (found == history.end()) return std::nullopt;
    return found->second.back();
  }
  bool history_has(std::string_view ns, std::string_view stream, std::string_view digest) override {
    const auto found = histories.find(key(ns, stream));
    if (found == histories.end()) return false;
    return std::any_of(found->second.begin(), found->second.end(), [&](const auto& tag) {
      return std::find(tag.second.begin(), tag.second.end(), digest) != tag.second.end();
    });
  }
  bool history_references_blob(std::string_view ns, std::string_view stream, std::string_view digest) override {
    for (const auto& [name, image] : images) {
      if (!history_has(ns, stream, name)) continue;
      if (name == digest || text_at(image, {"dockerImageMetadata", "Id"}) == digest) return true;
      for (const auto& layer : at(image, {"dockerImageLayers"}).items()) {
        if (text_at(layer, {"name"}) == digest) return true;
      }
    }
    return false;
  }
  std::vector<std::string> streams() override {
    std::vector<std::string> names;
    for (const auto& [name, history] : histories) names.push_back(name);
    return names;
  }
  std::optional<RemoteImage> remote(std::string_view, std::string_view, std::string_view) override { return elsewhere; }
  std::optional<Json> image(std::string_view digest) override {
    const auto found = images.find(std::string(digest));
    if (found == images.end()) return std::nullopt;
    return found->second;
  }
  Verdict add_mapping(std::string_view ns, std::string_view stream, std::string_view tag, Json image) override {
    if (mapping_refusal) return *mapping_refusal;
    if (tag.empty()) {
      return invalid("image.openshift.io", "ImageStreamMapping", stream,
                     {{"FieldValueRequired", "Required value", "tag"}});
    }
    SLUICE_CHECK(add_image(ns, stream, image));
    auto& history = histories[key(ns, stream)][std::string(tag)];
    if (history.empty() || history.back() != name_of(image)) history.push_back(name_of(image));
    return {};
  }
  Verdict add_image(std::string_view ns, std::string_view stream, Json image) override {
    if (!projects.contains(std::string(ns))) return not_found("", "namespaces", ns);
    if (!stream_exists(ns, stream)) return not_found("image.openshift.io", "imagestreammappings", stream);
    const auto name = name_of(image);
    images.emplace(name, complete_image(std::move(image)));
    return {};
  }
  Verdict create_stream(const Caller& caller, std::string_view ns, std::string_view stream) override {
    if (!may(caller, {"create", "image.openshift.io", "imagestreams", "", std::string(ns), ""})) {
      return forbidden("image.openshift.io", "imagestreams", "", "no RBAC policy matched");
    }
    histories.try_emplace(key(ns, stream));
    return {};
  }
  Answer<Json> add_signature(const Caller&, Json signature) override {
    const auto name = name_of(signature);
    if (name.find('@') == std::string::npos) {
      return invalid(
          "image.openshift.io", "ImageSignature", name,
          {{"FieldValueInvalid", "Invalid value: \"" + name + "\": name must be of format", "metadata.name"}});
    }
    auto& image = images[name.substr(0, name.find('@'))];
    for (const auto& other : at(image, {"signatures"}).items()) {
      if (name_of(other) == name) return already_exists("image.openshift.io", "imageSignatures", name);
    }
    make_at(image, {"signatures"}).push(signature);
    return signature;
  }

  void let(const std::string& user, const std::string& ns, std::vector<std::string> verbs) {
    for (const auto& verb : verbs) {
      rights.emplace(user, verb == "create" ? "create imagestreams " + ns : verb + " imagestreams/layers " + ns);
    }
  }
  static std::string key(std::string_view ns, std::string_view stream) { return fmt::format("{}/{}", ns, stream); }

  std::map<std::string, std::string> tokens;  ///< token -> user
  std::set<Right> rights;
  std::set<std::string> projects;
  std::map<std::string, std::map<std::string, std::vector<std::string>>> histories;  ///< newest last
  std::map<std::string, Json> images;
  std::optional<Refusal> mapping_refusal;
  std::optional<RemoteImage> elsewhere;
};

/// One image of schema 2 with one layer.
struct SmallImage {
  std::string layer;
  std::string config;
  std::string manifest;
  std::string type = "application/vnd.docker.distribution.manifest.v2+json";

  static std::string digest(std::string_view bytes) { return oci::Digest::of(bytes).text(); }
  static SmallImage make(const std::string& word) {
    SmallImage made;
    made.layer = "layer " + word;
    made.config = fmt::format(
        R"({{"architecture":"amd64","os":"linux","config":{{"Labels":{{"v":"{}"}}}},"rootfs":{{"type":"layers","diff_ids":["{}"]}},)"
        R"("history":[{{"created":"2020-01-01T00:00:00Z","created_by":"x"}},{{"created_by":"y","empty_layer":true}}]}})",
        word, digest(word));
    made.manifest = fmt::format(
        R"({{"schemaVersion":2,"mediaType":"{}","config":{{"mediaType":"application/vnd.docker.container.image.v1+json",)"
        R"("size":{},"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip",)"
        R"("size":{},"digest":"{}"}}]}})",
        made.type, made.config.size(), digest(made.config), made.layer.size(), digest(made.layer));
    return made;
  }
  std::string name() const { return digest(manifest); }
};

/// A registry in which ann may do everything in project dev, peter may pull there, and nobody may do nothing.
class RegistryTest : public ::testing::Test {
 protected:
  explicit RegistryTest(RegistryRelease release = RegistryRelease::v3_11) { start(release); }

  void start(RegistryRelease release) {
    api_.reset();
    api_ = std::make_unique<RegistryApi>(RegistryGround{backend_, blobs_, notifications_, exchanger_, release});
    backend_.tokens = {{"t-ann", "ann"}, {"t-peter", "peter"}, {"t-nobody", "nobody"}, {"t-admin", "admin"}};
    backend_.projects = {"dev", "prod"};
    backend_.let("ann", "dev", {"get", "update", "create"});
    backend_.let("peter", "dev", {"get"});
    backend_.let("peter", "prod", {"get", "update", "create"});
    backend_.rights.emplace("admin", "*");
  }

  struct Sent {
    std::string method;
    std::string target;
    std::string as = "ann";  ///< "": without credentials
    net::Headers headers{};
    std::string body{};
  };
  net::ServerReply send(const Sent& sent) {
    net::ServerRequest request;
    request.method = sent.method;
    request.target = sent.target;
    request.headers = sent.headers;
    request.headers.set("Host", "reg:5000");
    request.remote = "127.0.0.1:40000";
    if (!sent.body.empty()) request.headers.set("Content-Length", std::to_string(sent.body.size()));
    if (!sent.as.empty()) request.headers.set("Authorization", "Bearer t-" + sent.as);
    const auto receiver = api_->receive(request);
    if (receiver) {
      if (!sent.body.empty()) receiver->take(std::as_bytes(std::span(sent.body)));
    } else {
      request.body = sent.body;
    }
    auto reply = api_->handle(request, receiver.get());
    while (reply.stream) {
      auto piece = reply.stream->next(7);
      if (piece.step != net::ReplyStream::Step::bytes) break;
      reply.body += piece.bytes;
    }
    reply.stream.reset();
    return reply;
  }

  static std::string header(const net::ServerReply& reply, std::string_view name) {
    return reply.headers.get(name).value_or("");
  }
  /// The path and query of a Location on this registry.
  static std::string target_of(const net::ServerReply& reply) {
    constexpr std::string_view kHost = "http://reg:5000";
    const auto location = header(reply, "Location");
    EXPECT_TRUE(location.starts_with(kHost)) << location;
    return location.substr(std::min(location.size(), kHost.size()));
  }
  static std::string code_of(const net::ServerReply& reply) {
    const auto body = parse_json(reply.body);
    if (!body.ok() || at(*body, {"errors"}).items().empty()) return "";
    return text_at(at(*body, {"errors"}).items().front(), {"code"});
  }
  std::string push_blob(const std::string& repository, const std::string& content, const std::string& as = "ann") {
    const auto begun = send({"POST", "/v2/" + repository + "/blobs/uploads/", as});
    EXPECT_EQ(begun.status, 202) << begun.body;
    const auto digest = SmallImage::digest(content);
    const auto done = send({"PUT", target_of(begun) + "&digest=" + digest, as, {}, content});
    EXPECT_EQ(done.status, 201) << done.body;
    return digest;
  }
  net::ServerReply put_manifest(const std::string& repository, const std::string& reference, const SmallImage& image,
                                const std::string& as = "ann") {
    return send(
        {"PUT", "/v2/" + repository + "/manifests/" + reference, as, {{"Content-Type", image.type}}, image.manifest});
  }
  void push(const std::string& repository, const std::string& tag, const SmallImage& image,
            const std::string& as = "ann") {
    push_blob(repository, image.layer, as);
    push_blob(repository, image.config, as);
    const auto done = put_manifest(repository, tag, image, as);
    EXPECT_EQ(done.status, 201) << done.body;
  }

  FakeBackend backend_;
  BlobStore blobs_{memory_medium()};
  sluice::testing::FakeExchanger exchanger_;
  Notifications notifications_{exchanger_, {100, std::chrono::milliseconds(1), std::chrono::milliseconds(1000)}};
  std::unique_ptr<RegistryApi> api_;
};

}  // namespace sluice::sandbox::testing
