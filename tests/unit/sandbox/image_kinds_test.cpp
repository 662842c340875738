// The kinds of image.openshift.io over a World: what one request leaves behind, as far as transcripts do not show it.
#include "sandbox/api/generic.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/images/import/import.hpp"
#include "sandbox/images/limits.hpp"
#include "sandbox/images/mapping.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/images/tagging.hpp"
#include "support/fake_exchanger.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

using sluice::testing::FakeExchanger;
using sluice::testing::reply;

constexpr auto kDigest = "sha256:1111111111111111111111111111111111111111111111111111111111111111";

class ImageKinds : public ::testing::TestWithParam<Profile> {
 protected:
  explicit ImageKinds(Profile profile = Profile::v3_11) : world_(std::in_place, profile) {
    world_.with([&](World& world) {
      add_image_resources(catalog_, world, exchanger_);
      world.registry.internal = "registry.test:5000";
      world.registry.listener = "127.0.0.1:5";
      for (const auto* project : {"dev", "prod"}) {
        world.store.create({"namespaces", "", project}, Json::object());
        add_project_bindings(world.store, project, "ann");
      }
    });
  }

  Answer<ApiReply> ask(std::string verb, std::string plural, std::string name, std::string_view body = "{}") {
    ApiRequest request;
    request.verb = std::move(verb);
    request.method = request.verb == "update" ? "PUT" : "POST";
    request.ns = "prod";
    request.name = std::move(name);
    request.caller = Caller::person("ann");
    request.body = parsed(body);
    request.raw_body = body;
    request.content_type = "application/merge-patch+json";
    auto& resource = *catalog_.find(kImageGroup, plural);
    if (resource.leaves_lock(request)) return resource.handle_unlocked(world_, request);
    return world_.update([&](World& world) -> Answer<ApiReply> {
      if (auto answer = resource.handle(world, request)) return std::move(*answer);
      return handle_generic(world, resource, request);
    });
  }

  static Json parsed(std::string_view text) {
    auto json = parse_json(text);
    EXPECT_TRUE(json.ok()) << text;
    return json.ok() ? *json : Json();
  }

  Verdict push(std::string_view ns, std::string_view stream, std::string_view tag, std::string_view digest = kDigest) {
    return world_.update([&](World& world) {
      auto image = Json::object();
      set_at(image, {"metadata", "name"}, digest);
      annotate(image, "openshift.io/image.managed", "true");
      return add_image_mapping(world, ns, stream, tag, std::move(image));
    });
  }

  Json stream(std::string_view ns, std::string_view name) {
    return world_.with([&](World& world) {
      const auto found = find_stream(world, ns, name);
      return found ? *found : Json();
    });
  }

  void make_stream_in(std::string_view ns, std::string_view name) {
    world_.update([&](World& world) {
      auto object = Json::object();
      set_at(object, {"metadata", "name"}, name);
      EXPECT_TRUE(make_stream(world, Caller::person("ann"), ns, std::move(object)).ok());
    });
  }

  FakeExchanger exchanger_;
  Catalog catalog_;
  SharedWorld world_;
};

std::string tag_body(std::string_view name, std::string_view kind, std::string_view from, std::string_view more = "") {
  return fmt::format(R"({{"metadata":{{"name":"{}"}},"tag":{{"from":{{"kind":"{}","name":"{}"}}{}}}}})", name, kind,
                     from, more);
}

TEST_F(ImageKinds, AMissingImageIsA404OfTheTagByItsDigest) {
  make_stream_in("prod", "web");
  ASSERT_TRUE(push("prod", "web", "live").ok());
  EXPECT_EQ(ask("get", "imagestreamtags", "web:live")->status, 200);
  world_.update([](World& world) { world.store.remove({std::string(kImages), "", kDigest}); });
  auto gone = ask("get", "imagestreamtags", "web:live");
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(text_at(gone.error().details, {"name"}), kDigest);
  auto layers = world_.with([](World& world) { return history_references_blob(world, "prod", "web", kDigest); });
  EXPECT_FALSE(layers);
}

TEST_F(ImageKinds, AMappingNeedsItsStreamAndSaysItsOwnKind) {
  auto refused = push("prod", "none", "live");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, 404);
  EXPECT_EQ(text_at(refused.error().details, {"kind"}), "imagestreammappings");
  EXPECT_EQ(text_at(refused.error().details, {"name"}), "none");
}

TEST_F(ImageKinds, APhantomWriterIsAConflictForATagWriteUntil411) {
  make_stream_in("prod", "web");
  world_.update([](World& world) { world.knobs.conflicts[stream_key("prod", "web")] = 1; });
  const auto body = tag_body("web:live", "DockerImage", "h.test/a/b:1", R"(,"reference":true)");
  auto refused = ask("update", "imagestreamtags", "web:live", body);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().reason, "Conflict");
  auto again = ask("update", "imagestreamtags", "web:live", body);
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->status, 201);
}

TEST_F(ImageKinds, APushMeetsAPhantomWriterByReadingAgain) {
  make_stream_in("prod", "web");
  world_.update([](World& world) { world.knobs.conflicts[stream_key("prod", "web")] = 1; });
  ASSERT_TRUE(push("prod", "web", "live").ok());
  EXPECT_NE(annotation(stream("prod", "web"), "sandbox/phantom-writer"), "") << "the other write is kept";
}

TEST_F(ImageKinds, AQuotaCountsStreamsAndForgetsDeletedOnesOnlyWithAResync) {
  world_.update([](World& world) {
    auto quota = Json::object();
    set_at(quota, {"spec", "hard", "openshift.io/imagestreams"}, "1");
    world.store.create({"resourcequotas", "prod", "rq"}, std::move(quota));
  });
  auto unknown = ask("create", "imagestreams", "", R"({"metadata":{"name":"a"}})");
  ASSERT_FALSE(unknown.ok());
  EXPECT_TRUE(is_limit_refusal(unknown.error())) << unknown.error().message;
  world_.update([](World& world) { resync_quota(world); });
  ASSERT_TRUE(ask("create", "imagestreams", "", R"({"metadata":{"name":"a"}})").ok());
  const auto refused_as = [&](const char* name) {
    auto answer = ask("create", "imagestreams", "", fmt::format(R"({{"metadata":{{"name":"{}"}}}})", name));
    return answer.ok() ? std::string() : answer.error().message;
  };
  const std::string full =
      "imagestreams.image.openshift.io \"b\" is forbidden: exceeded quota: rq, requested: openshift.io/imagestreams=1, "
      "used: openshift.io/imagestreams=1, limited: openshift.io/imagestreams=1";
  EXPECT_EQ(refused_as("b"), full);
  world_.update([](World& world) { world.store.remove(stream_key("prod", "a")); });
  EXPECT_EQ(refused_as("b"), full) << "still counted";
  world_.update([](World& world) { resync_quota(world); });
  EXPECT_EQ(refused_as("b"), "");
}

TEST_F(ImageKinds, AStreamLimitIsAForbiddenCauseForAPush) {
  world_.update([](World& world) {
    world.store.create({"limitranges", "prod", "lim"},
                       *parse_json(R"({"spec":{"limits":[{"type":"openshift.io/ImageStream",
                                       "max":{"openshift.io/images":"1"}}]}})"));
  });
  make_stream_in("prod", "web");
  ASSERT_TRUE(push("prod", "web", "live").ok());
  auto refused = push("prod", "web", "live", "sha256:2222222222222222222222222222222222222222222222222222222222222222");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, 422);
  EXPECT_TRUE(is_limit_refusal(refused.error())) << refused.error().message;
  EXPECT_EQ(at(refused.error().details, {"causes"}).items().front().string_at("reason"), "FieldValueForbidden");
}

TEST_F(ImageKinds, ASignatureIsKnownByNameAndByContent) {
  make_stream_in("prod", "web");
  ASSERT_TRUE(push("prod", "web", "live").ok());
  const auto sign = [&](std::string_view name, std::string_view content) {
    auto answer = ask("create", "imagesignatures", "",
                      fmt::format(R"({{"metadata":{{"name":"{}"}},"type":"atomic","content":"{}"}})", name, content));
    return answer.ok() ? answer->status : answer.error().code;
  };
  const auto first = fmt::format("{}@one", kDigest);
  const auto second = fmt::format("{}@two", kDigest);
  EXPECT_EQ(sign(first, "YQ=="), 201);
  EXPECT_EQ(sign(first, "Yg=="), 409);
  EXPECT_EQ(sign(second, "YQ=="), 409);
  EXPECT_EQ(sign("bad", "YQ=="), 422);
  EXPECT_EQ(sign("sha256:0@x", "YQ=="), 404);
  EXPECT_EQ(ask("delete", "imagesignatures", first)->status, 200);
  EXPECT_EQ(ask("delete", "imagesignatures", first).error().code, 404);
}

struct ImportRow {
  const char* name;
  std::vector<net::HttpResponse> answers;
  const char* reason;
  const char* message;
};

TEST_F(ImageKinds, AFailedImportIs201WithTheReasonInside) {
  const net::Headers basic{{"WWW-Authenticate", "Basic realm=x"}};
  const net::Headers bearer{{"WWW-Authenticate", R"(Bearer realm="http://h.test/token",service="s")"}};
  const std::vector<ImportRow> rows = {
      {"unauthorized",
       {reply(401, "", basic), reply(401, "", basic)},
       "Unauthorized",
       "you may not have access to the Docker image \"h.test/a/b:1\""},
      {"token refused",
       {reply(401, "", bearer), reply(403)},
       "Unauthorized",
       "you may not have access to the Docker image \"h.test/a/b:1\""},
      {"missing",
       {reply(200), reply(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN"}]})")},
       "NotFound",
       "dockerimage.image.openshift.io \"h.test/a/b:1\" not found"},
      {"unknown name",
       {reply(200), reply(404, R"({"errors":[{"code":"NAME_UNKNOWN"}]})")},
       "InternalError",
       "Internal error occurred: name unknown"},
      {"no envelope",
       {reply(200), reply(502, "<html>")},
       "InternalError",
       "Internal error occurred: unexpected status code 502"},
      {"no manifest", {reply(200), reply(200, "no json")}, "InternalError", nullptr},
  };
  for (const auto& row : rows) {
    for (const auto& answer : row.answers) exchanger_.then(Result<net::HttpResponse>(answer));
    auto import = ask("create", "imagestreamimports", "",
                      R"({"metadata":{"name":"web"},"spec":{"import":false,"images":[{"from":)"
                      R"({"kind":"DockerImage","name":"h.test/a/b:1"}}]}})");
    ASSERT_TRUE(import.ok()) << row.name;
    EXPECT_EQ(import->status, 201) << row.name;
    const auto& status = at(at(import->body, {"status", "images"}).items().front(), {"status"});
    EXPECT_EQ(text_at(status, {"reason"}), row.reason) << row.name;
    if (row.message != nullptr) {
      EXPECT_EQ(text_at(status, {"message"}), row.message) << row.name;
    }
  }
  EXPECT_TRUE(stream("prod", "web").is_null()) << "import: false stores nothing";
}

TEST_F(ImageKinds, AFailureSetsTheTagAndAConditionAndALaterSuccessClearsIt) {
  const std::string manifest = R"({"schemaVersion":2,"layers":[]})";
  const auto import = [&] {
    return ask("create", "imagestreamimports", "",
               R"({"metadata":{"name":"web"},"spec":{"import":true,"images":[{"from":{"kind":"DockerImage",)"
               R"("name":"h.test/a/b:1"},"to":{"name":"live"}}]}})");
  };
  exchanger_.then(Result<net::HttpResponse>(Error(ErrorKind::unreachable, "cannot connect to h.test: refused")));
  ASSERT_TRUE(import().ok());
  auto now = stream("prod", "web");
  ASSERT_NE(spec_tag(now, "live"), nullptr);
  EXPECT_EQ(now.find("status")->dump().find("\"items\":[{"), std::string::npos);
  EXPECT_NE(now.dump().find("ImportSuccess"), std::string::npos);
  exchanger_.then(Result<net::HttpResponse>(reply(200)))
      .then(Result<net::HttpResponse>(
          reply(200, manifest, {{"Content-Type", "application/vnd.docker.distribution.manifest.v2+json"}})));
  ASSERT_TRUE(import().ok());
  now = stream("prod", "web");
  EXPECT_EQ(now.dump().find("ImportSuccess"), std::string::npos) << now.dump();
  EXPECT_EQ(number_at(now, {"metadata", "generation"}), number_at(*spec_tag(now, "live"), {"generation"}));
}

TEST_F(ImageKinds, AnImportOfTheOwnRegistryUsesThePullSecretOfTheProject) {
  world_.update([](World& world) {
    world.store.create(
        {"secrets", "prod", "builder-dockercfg"},
        *parse_json(R"({"type":"kubernetes.io/dockercfg","data":{".dockercfg":)"
                    // {"registry.test:5000":{"username":"sa","password":"tok"}}
                    R"("eyJyZWdpc3RyeS50ZXN0OjUwMDAiOnsidXNlcm5hbWUiOiJzYSIsInBhc3N3b3JkIjoidG9rIn19"}})"));
  });
  exchanger_.then(Result<net::HttpResponse>(
      reply(401, "", {{"WWW-Authenticate", R"(Bearer realm="http://127.0.0.1:5/openshift/token")"}})));
  exchanger_.then(Result<net::HttpResponse>(reply(200, R"({"token":"tok"})")));
  exchanger_.then(Result<net::HttpResponse>(reply(404, R"({"errors":[{"code":"MANIFEST_UNKNOWN"}]})")));
  ASSERT_TRUE(ask("create", "imagestreamimports", "",
                  R"({"metadata":{"name":"web"},"spec":{"images":[{"from":{"kind":"DockerImage",)"
                  R"("name":"registry.test:5000/dev/web:1"}}]}})")
                  .ok());
  const auto seen = exchanger_.requests();
  ASSERT_EQ(seen.size(), 3U);
  EXPECT_EQ(seen[0].url.text(), "http://127.0.0.1:5/v2/");
  EXPECT_FALSE(seen[0].authorization);
  EXPECT_EQ(seen[1].authorization->reveal(), "Basic c2E6dG9r");
  EXPECT_EQ(seen[2].url.text(), "http://127.0.0.1:5/v2/dev/web/manifests/1");
  EXPECT_EQ(seen[2].authorization->reveal(), "Bearer tok");
}

class ImageKindsOf4 : public ImageKinds {
 protected:
  ImageKindsOf4() : ImageKinds(Profile::v4) {}
};

TEST_F(ImageKindsOf4, ATagWriteIsTriedAgainAfterAPhantomWriter) {
  make_stream_in("prod", "web");
  world_.update([](World& world) { world.knobs.conflicts[stream_key("prod", "web")] = 1; });
  auto written = ask("update", "imagestreamtags", "web:live",
                     tag_body("web:live", "DockerImage", "h.test/a/b:1", R"(,"reference":true)"));
  ASSERT_TRUE(written.ok()) << written.error().message;
  EXPECT_NE(annotation(stream("prod", "web"), "sandbox/phantom-writer"), "");
}

TEST_F(ImageKindsOf4, ImageTagsShowSpecAndStatusApart) {
  make_stream_in("prod", "web");
  ASSERT_TRUE(push("prod", "web", "pushed").ok());
  ASSERT_TRUE(ask("create", "imagetags", "",
                  R"({"metadata":{"name":"web:ghost"},"spec":{"from":{"kind":"ImageStreamTag","name":"none"}}})")
                  .ok());
  const auto ghost = ask("get", "imagetags", "web:ghost")->body;
  EXPECT_TRUE(at(ghost, {"spec"}).is_object());
  EXPECT_TRUE(at(ghost, {"status"}).is_null());
  EXPECT_TRUE(at(ghost, {"image"}).is_null());
  const auto pushed = ask("get", "imagetags", "web:pushed")->body;
  EXPECT_TRUE(at(pushed, {"spec"}).is_null());
  EXPECT_EQ(text_at(pushed, {"status", "tag"}), "pushed");
  EXPECT_EQ(at(ask("list", "imagetags", "")->body, {"items"}).items().size(), 2U);
  EXPECT_EQ(ask("delete", "imagetags", "web:ghost")->status, 200);
  EXPECT_EQ(ask("get", "imagetags", "web:ghost").error().code, 404);
}

}  // namespace
}  // namespace sluice::sandbox
