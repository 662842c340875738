#include "sandbox/core/access.hpp"

#include "sandbox/core/projects.hpp"
#include "sandbox/core/world.hpp"

#include <gtest/gtest.h>

namespace sluice::sandbox {
namespace {

Attributes image_right(std::string verb, std::string resource, std::string ns) {
  return {std::move(verb), "image.openshift.io", std::move(resource), "", std::move(ns), "web"};
}

struct Row {
  const char* what;
  Caller caller;
  Attributes wanted;
  bool allowed;
};

TEST(Access, FollowsRolesAndBindings) {
  World world(Profile::v3_11);
  add_project(world, "dev", "ann");
  add_project(world, "prod", "bob");
  const auto ann = Caller::person("ann");
  const auto default_account = Caller::service_account("dev", "default");
  const auto builder = Caller::service_account("dev", "builder");
  Attributes with_sub = image_right("get", "imagestreams", "dev");
  with_sub.subresource = "layers";
  const Row rows[] = {
      {"an admin pushes in her project", ann, image_right("update", "imagestreams/layers", "dev"), true},
      {"and nowhere else", ann, image_right("update", "imagestreams/layers", "prod"), false},
      {"a missing project is nobody's", ann, image_right("get", "imagestreams", "gone"), false},
      {"the subresource may be named apart", ann, with_sub, true},
      {"service accounts pull in their project", default_account, image_right("get", "imagestreams/layers", "dev"),
       true},
      {"but do not read the stream", default_account, image_right("get", "imagestreams", "dev"), false},
      {"nor pull elsewhere", default_account, image_right("get", "imagestreams/layers", "prod"), false},
      {"the builder pushes", builder, image_right("update", "imagestreams/layers", "dev"), true},
      {"status is nobody's", ann, image_right("update", "imagestreams/status", "dev"), false},
      {"anonymous has nothing", Caller{}, image_right("get", "imagestreams", "dev"), false},
      {"masters have everything", world.caller_of("system:admin"), image_right("delete", "images", ""), true},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(decide(world.store, row.caller, row.wanted).allowed, row.allowed) << row.what;
  }
}

TEST(Access, NamesTheBindingThatAllows) {
  World world(Profile::v3_11);
  add_project(world, "dev", "ann");
  EXPECT_EQ(decide(world.store, Caller::person("ann"), image_right("get", "imagestreams", "dev")).reason,
            "RBAC: allowed by RoleBinding \"admin/dev\" of ClusterRole \"admin\" to User \"ann\"");
  EXPECT_EQ(decide(world.store, Caller::person("bob"), image_right("get", "imagestreams", "dev")).reason,
            "no RBAC policy matched");
}

TEST(Access, AResourceNameLimitsARule) {
  World world(Profile::v3_11);
  const Attributes me{"get", "user.openshift.io", "users", "", "", "~"};
  const Attributes other{"get", "user.openshift.io", "users", "", "", "bob"};
  EXPECT_TRUE(decide(world.store, Caller::person("ann"), me).allowed);
  EXPECT_FALSE(decide(world.store, Caller::person("ann"), other).allowed);
}

TEST(Access, PathsHaveRulesOfTheirOwn) {
  World world(Profile::v3_11);
  EXPECT_TRUE(decide_path(world.store, Caller{}, "get", "/apis/apps").allowed);
  EXPECT_FALSE(decide_path(world.store, Caller::person("ann"), "get", "/metrics").allowed);
  EXPECT_TRUE(decide_path(world.store, world.caller_of("system:admin"), "get", "/metrics").allowed);
}

TEST(Tokens, DieWhenTheirTimeOrTheirRequestsAreUsedUp) {
  World world(Profile::v4);
  const auto token = world.new_token("ann", std::chrono::seconds(60));
  EXPECT_TRUE(token.starts_with("sha256~")) << token;
  ASSERT_TRUE(world.authenticate(token));
  world.clock_offset = std::chrono::seconds(61);
  EXPECT_FALSE(world.authenticate(token)) << "expired";

  const auto counted = world.new_token("ann");
  world.tokens.find(counted)->second.requests_left = 2;
  EXPECT_TRUE(world.authenticate(counted));
  EXPECT_TRUE(world.authenticate(counted));
  EXPECT_FALSE(world.authenticate(counted)) << "the third request";

  const auto revoked = world.new_token("ann");
  world.revoke(revoked);
  EXPECT_FALSE(world.authenticate(revoked));
  EXPECT_FALSE(world.authenticate("nonsense"));
}

}  // namespace
}  // namespace sluice::sandbox
