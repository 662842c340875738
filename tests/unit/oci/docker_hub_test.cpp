#include "oci/docker_hub.hpp"

#include "oci/reference.hpp"

#include <gtest/gtest.h>

namespace sluice::oci {
namespace {

TEST(DockerHub, HasOneNameInReferences) {
  struct Row {
    const char* text;
    const char* expected;
  };
  const Row rows[] = {
      {"docker.io/web", "docker.io/library/web:latest"},
      {"Docker.io/web:1", "docker.io/library/web:1"},
      {"docker://docker.io/library/web", "docker.io/library/web:latest"},
      {"index.docker.io/team/web", "docker.io/team/web:latest"},
      {"registry-1.docker.io/web", "docker.io/library/web:latest"},
      {"registry.hub.docker.com/library/web", "docker.io/library/web:latest"},
      {"docker.io:443/web", "docker.io/library/web:latest"},
      {"registry.example.com/web", "registry.example.com/web:latest"},
      {"docker.io.example.com/web", "docker.io.example.com/web:latest"},
      {"docker.io:5000/web", "docker.io:5000/web:latest"},
      {"auth.docker.io/web", "auth.docker.io/web:latest"},
  };
  for (const auto& row : rows) {
    const auto reference = Reference::parse(row.text);
    ASSERT_TRUE(reference.ok()) << row.text << ": " << reference.error().sentence();
    EXPECT_EQ(reference->text(), row.expected) << row.text;
    EXPECT_EQ(Reference::parse(reference->text())->text(), row.expected) << "read again";
  }
}

TEST(DockerHub, HasOneNameAsARegistryAndAnotherForItsApi) {
  for (const char* name : {"docker.io", "index.docker.io", "REGISTRY-1.docker.io", "registry.hub.docker.com"}) {
    const auto registry = parse_registry(name);
    ASSERT_TRUE(registry.ok()) << name;
    EXPECT_EQ(*registry, "docker.io") << name;
  }
  EXPECT_EQ(api_host("docker.io"), "registry-1.docker.io");
  EXPECT_EQ(api_host("registry.example.com:5000"), "registry.example.com:5000");
}

}  // namespace
}  // namespace sluice::oci
