#include "places/certs_d.hpp"

#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace sluice::places {
namespace {

using support::failed_with;
using support::TempFolder;
using support::why;

void write_text(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

Environment with_config_home(const std::filesystem::path& folder) {
  return Environment([folder](std::string_view name) -> std::optional<std::string> {
    if (name == "XDG_CONFIG_HOME") return folder.string();
    return std::nullopt;
  });
}

std::vector<std::string> names(const std::vector<std::string>& files) {
  std::vector<std::string> out;
  for (const auto& file : files) out.push_back(std::filesystem::path(file).filename().string());
  return out;
}

TEST(CertsD, LooksWhereDockerAndPodmanLook) {
  const auto folders = certs_folders(with_config_home("/home/robot/.config"));
  EXPECT_EQ(folders, (std::vector<std::filesystem::path>{"/home/robot/.config/containers/certs.d",
                                                         "/etc/containers/certs.d", "/etc/docker/certs.d"}));
}

TEST(CertsD, TakesEveryCrtAsACaInTheOrderOfTheirNames) {
  const TempFolder folder;
  for (const auto* name : {"b.crt", "a.crt", "readme.txt", "c.pem", "d.key", "crt"}) write_text(folder / name, "x");
  net::Endpoint endpoint;
  const auto added = add_certificates(endpoint, folder.path());
  ASSERT_TRUE(added.ok()) << why(added);
  EXPECT_EQ(names(endpoint.ca_files), (std::vector<std::string>{"a.crt", "b.crt"}));
  EXPECT_EQ(endpoint.client_cert_file, "");
  EXPECT_EQ(endpoint.client_key_file, "");
}

TEST(CertsD, TakesTheFirstClientCertificateWithItsKey) {
  const TempFolder folder;
  for (const auto* name : {"ca.crt", "z.cert", "z.key", "client.cert", "client.key"}) write_text(folder / name, "x");
  net::Endpoint endpoint;
  const auto added = add_certificates(endpoint, folder.path());
  ASSERT_TRUE(added.ok()) << why(added);
  EXPECT_EQ(endpoint.client_cert_file, (folder / "client.cert").string());
  EXPECT_EQ(endpoint.client_key_file, (folder / "client.key").string());
  EXPECT_EQ(names(endpoint.ca_files), std::vector<std::string>{"ca.crt"});
}

TEST(CertsD, MissesTheKeyOfACertificate) {
  const TempFolder folder;
  write_text(folder / "client.cert", "x");
  net::Endpoint endpoint;
  const auto added = add_certificates(endpoint, folder.path());
  EXPECT_TRUE(failed_with(added, ErrorKind::config, (folder / "client.key").string()));
}

TEST(CertsD, SaysWhichFolderCannotBeRead) {
  net::Endpoint endpoint;
  const TempFolder folder;
  const auto added = add_certificates(endpoint, folder / "none");
  EXPECT_TRUE(failed_with(added, ErrorKind::config, "none"));
}

TEST(CertsD, KeepsHostsAndPortsApart) {
  const TempFolder home;
  const auto certs = home / "containers/certs.d";
  write_text(certs / "registry.example.com:5000/ca.crt", "x");
  write_text(certs / "registry.example.com/other.crt", "x");
  struct Row {
    const char* host;
    std::vector<std::string> expected;
  };
  const Row rows[] = {
      {"registry.example.com:5000", {"ca.crt"}},
      {"registry.example.com", {"other.crt"}},
      {"registry.example.com:5001", {}},
      {"unknown.example.com", {}},
  };
  for (const auto& row : rows) {
    net::Endpoint endpoint;
    const auto added = add_host_certificates(endpoint, row.host, with_config_home(home.path()));
    ASSERT_TRUE(added.ok()) << row.host << ": " << why(added);
    EXPECT_EQ(names(endpoint.ca_files), row.expected) << row.host;
  }
}

TEST(CertsD, AddsToWhatTheEndpointHas) {
  const TempFolder home;
  const auto folder = home / "containers/certs.d/h";
  for (const auto* name : {"ca.crt", "client.cert", "client.key"}) write_text(folder / name, "x");
  net::Endpoint endpoint;
  endpoint.ca_files = {"/given.crt"};
  endpoint.client_cert_file = "/given.cert";
  endpoint.client_key_file = "/given.key";
  ASSERT_TRUE(add_host_certificates(endpoint, "h", with_config_home(home.path())).ok());
  EXPECT_EQ(names(endpoint.ca_files), (std::vector<std::string>{"given.crt", "ca.crt"}));
  EXPECT_EQ(endpoint.client_cert_file, "/given.cert") << "what was given by hand wins";
  EXPECT_EQ(endpoint.client_key_file, "/given.key");
}

}  // namespace
}  // namespace sluice::places
