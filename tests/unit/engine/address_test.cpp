#include "engine/address.hpp"

#include "base/hash.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace sluice::engine {
namespace {

class EngineAddress : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice-engine-XXXXXX";
    home = ::mkdtemp(name);
    set("HOME", home.string());
  }
  void TearDown() override { std::filesystem::remove_all(home); }

  void set(const std::string& name, const std::string& value) { variables[name] = value; }
  void write(const std::filesystem::path& file, const std::string& text) const {
    std::filesystem::create_directories((home / file).parent_path());
    std::ofstream(home / file) << text;
  }
  Result<Address> found() const {
    return find_address(Environment([known = variables](std::string_view name) -> std::optional<std::string> {
      const auto one = known.find(std::string(name));
      return one == known.end() ? std::nullopt : std::optional(one->second);
    }));
  }

  std::filesystem::path home;
  std::map<std::string, std::string> variables;
};

TEST_F(EngineAddress, IsTheDefaultSocketWhereNobodySaysOtherwise) {
  const auto address = found();
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->socket, "/var/run/docker.sock");
  EXPECT_EQ(address->endpoint->unix_socket, "/var/run/docker.sock");
  EXPECT_TRUE(address->is_local());
}

TEST_F(EngineAddress, TheVariableWinsOverContexts) {
  set("DOCKER_CONTEXT", "ci");
  set("DOCKER_HOST", "unix:///run/user/1000/podman/podman.sock");
  ASSERT_TRUE(found().ok());
  EXPECT_EQ(found()->socket, "/run/user/1000/podman/podman.sock");
  EXPECT_EQ(found()->origin, "DOCKER_HOST");
}

TEST_F(EngineAddress, TlsComesWithItsFiles) {
  set("DOCKER_HOST", "tcp://build-1");
  set("DOCKER_TLS_VERIFY", "1");
  for (const auto* file : {"ca.pem", "cert.pem", "key.pem"}) write(std::string("certs/") + file, "x");
  set("DOCKER_CERT_PATH", (home / "certs").string());
  const auto address = found();
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->base.text(), "https://build-1:2376/");
  EXPECT_TRUE(address->endpoint->verify_tls);
  EXPECT_EQ(address->endpoint->client_cert_file, (home / "certs/cert.pem").string());
  EXPECT_FALSE(address->is_local());
}

TEST_F(EngineAddress, PlainTcpIsForThisMachineAlone) {
  set("DOCKER_HOST", "tcp://127.0.0.1:2375");
  ASSERT_TRUE(found().ok());
  EXPECT_EQ(found()->endpoint->addresses, net::AddressRule::loopback_only);
  set("DOCKER_HOST", "tcp://build-1:2375");
  ASSERT_FALSE(found().ok());
  EXPECT_EQ(found().error().kind(), ErrorKind::unsupported);
}

TEST_F(EngineAddress, AContextIsReadAsTheDockerProgramKeepsIt) {
  const auto id = hash_hex(HashAlgorithm::sha256, "ci");
  write(".docker/config.json", R"({"currentContext": "ci"})");
  write(".docker/contexts/meta/" + id + "/meta.json",
        R"({"Name":"ci","Metadata":{},"Endpoints":{"docker":{"Host":"tcp://ci:2376","SkipTLSVerify":false}}})");
  write(".docker/contexts/tls/" + id + "/docker/ca.pem", "x");
  const auto address = found();
  ASSERT_TRUE(address.ok());
  EXPECT_EQ(address->base.text(), "https://ci:2376/");
  EXPECT_EQ(address->endpoint->ca_files.size(), 1U);
  EXPECT_EQ(address->origin, "the docker context ci");
}

TEST_F(EngineAddress, AContextThatIsNotThereIsNamed) {
  set("DOCKER_CONTEXT", "gone");
  ASSERT_FALSE(found().ok());
  EXPECT_EQ(found().error().kind(), ErrorKind::config);
  EXPECT_NE(found().error().message().find("gone"), std::string::npos);
  set("DOCKER_CONTEXT", "default");
  EXPECT_TRUE(found().ok());
}

TEST_F(EngineAddress, WhatCannotBeReachedIsSaid) {
  for (const auto* host : {"ssh://me@build-1", "fd://", "npipe:////./pipe/docker_engine", "docker.sock", "unix://x"}) {
    set("DOCKER_HOST", host);
    EXPECT_FALSE(found().ok()) << host;
  }
}

}  // namespace
}  // namespace sluice::engine
