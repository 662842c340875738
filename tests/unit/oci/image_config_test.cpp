#include "oci/manifest.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sluice::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

TEST(ImageConfig, ReadsWhatPeopleAskFor) {
  const auto config = parse_image_config(R"({
    "os": "linux", "architecture": "arm", "variant": "v7", "created": "2026-01-02T03:04:05Z",
    "config": {
      "Labels": {"b": "2", "a": "1"},
      "Entrypoint": ["/entry", "-x"], "Cmd": ["serve"],
      "ExposedPorts": {"8080/tcp": {}, "53/udp": {}}
    },
    "rootfs": {"type": "layers", "diff_ids": ["sha256:aa", "sha256:bb"]},
    "history": [{"created_by": "x"}]})");
  ASSERT_TRUE(config.ok()) << config.error().sentence();
  EXPECT_EQ(config->platform.text(), "linux/arm/v7");
  EXPECT_EQ(config->created, "2026-01-02T03:04:05Z");
  EXPECT_THAT(config->labels, ElementsAre(Pair("b", "2"), Pair("a", "1")));
  EXPECT_THAT(config->entrypoint, ElementsAre("/entry", "-x"));
  EXPECT_THAT(config->command, ElementsAre("serve"));
  EXPECT_THAT(config->exposed_ports, ElementsAre("8080/tcp", "53/udp"));
  EXPECT_THAT(config->diff_ids, ElementsAre("sha256:aa", "sha256:bb"));
}

TEST(ImageConfig, LeavesEmptyWhatIsNotThere) {
  for (const auto* text : {"{}", R"({"config":null,"rootfs":null})", R"({"config":{"Labels":null,"Cmd":null}})"}) {
    SCOPED_TRACE(text);
    const auto config = parse_image_config(text);
    ASSERT_TRUE(config.ok()) << config.error().sentence();
    EXPECT_EQ(config->platform, Platform{});
    EXPECT_THAT(config->labels, IsEmpty());
    EXPECT_THAT(config->command, IsEmpty());
    EXPECT_THAT(config->diff_ids, IsEmpty());
  }
}

TEST(ImageConfig, OverlooksUnexpectedTypes) {
  const auto config = parse_image_config(R"({"os": 7, "created": [], "rootfs": [], "config": {
    "Labels": {"a": 1, "b": "2"}, "Entrypoint": "/bin/sh", "Cmd": [1, "x", null], "ExposedPorts": ["80"]}})");
  ASSERT_TRUE(config.ok()) << config.error().sentence();
  EXPECT_EQ(config->platform.os, "");
  EXPECT_THAT(config->labels, ElementsAre(Pair("b", "2")));
  EXPECT_THAT(config->entrypoint, ElementsAre("/bin/sh"));
  EXPECT_THAT(config->command, ElementsAre("x"));
  EXPECT_THAT(config->exposed_ports, IsEmpty());
}

TEST(ImageConfig, RefusesWhatIsNoConfig) {
  for (const auto* text : {"", "[]", "\"x\"", "{", "<html>"}) {
    const auto config = parse_image_config(text);
    ASSERT_FALSE(config.ok()) << text;
    EXPECT_EQ(config.error().kind(), ErrorKind::protocol);
    EXPECT_THAT(config.error().message(), HasSubstr("the image's config is"));
  }
}

}  // namespace
}  // namespace sluice::oci
