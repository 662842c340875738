// Facts of this host, from files that the tests write.

#include "host/gather.hpp"

#include "base/file.hpp"
#include "support/checks.hpp"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace sluice::host {
namespace {

Environment environment_of(std::map<std::string, std::string> values) {
  return Environment([values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(std::string(name));
    return found == values.end() ? std::nullopt : std::optional(found->second);
  });
}

TEST(HostGather, ProcessorsSayWhatTheyHaveInTheirOwnWords) {
  EXPECT_EQ(sha_in("processor\t: 0\nflags\t\t: fpu sha_ni avx2\n"), true);
  EXPECT_EQ(sha_in("processor\t: 0\nflags\t\t: fpu avx2 not_sha_ni\n"), false);
  EXPECT_EQ(sha_in("processor\t: 0\nFeatures\t: fp asimd sha1 sha2\n"), true);
  EXPECT_EQ(sha_in("processor\t: 0\n"), std::nullopt);
  EXPECT_EQ(sha_in(""), std::nullopt);
}

TEST(HostGather, AProxyIsToldWithoutItsLogin) {
  EXPECT_EQ(without_login("http://ann:p@ss@proxy:3128"), "http://proxy:3128");
  EXPECT_EQ(without_login("ann:pw@proxy:3128"), "proxy:3128");
  EXPECT_EQ(without_login("proxy:3128"), "proxy:3128");
}

TEST(HostGather, TheVariableThatCountsIsTheOneThatIsTold) {
  const auto found = proxy_variables(environment_of(
      {{"HTTPS_PROXY", "http://ann:pw@one:1"}, {"https_proxy", "http://two:2"}, {"no_proxy", "x.example.com"}}));
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].name, "HTTPS_PROXY");
  EXPECT_EQ(found[0].value, "http://one:1");
  EXPECT_EQ(found[1].name, "no_proxy");
}

TEST(HostGather, ASocketThatIsNotThereOrIsAFileIsNone) {
  EXPECT_FALSE(socket_facts("/nowhere/engine.sock"));
  EXPECT_FALSE(socket_facts(__FILE__));
}

TEST(HostGather, ASocketIsToldWithItsMode) {
  const support::TempFolder folder;
  const auto path = (folder / "engine.sock").string();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(listener, 0);
  ASSERT_EQ(::bind(listener, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  const auto found = socket_facts(path);
  ::close(listener);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->mode, 0640U);
  EXPECT_TRUE(found->in_group);  // it is ours
}

TEST(HostGather, FoldersOfCertificatesAreCountedAndEmptyOnesAreNot) {
  const support::TempFolder folder;
  const auto certs = folder.path() / "containers" / "certs.d";
  for (const auto* name : {"one.example.com/ca.crt", "one.example.com/own.cert", "one.example.com/own.key",
                           "two.example.com:5000/a.crt", "two.example.com:5000/b.crt", "empty.example.com/README"}) {
    ASSERT_TRUE(replace_file(certs / name, "x", 0600));
  }
  std::vector<CertificateFolder> ours;
  for (auto& one : certificate_folders(environment_of({{"XDG_CONFIG_HOME", folder.path().string()}}))) {
    if (one.path.starts_with(folder.path().string())) ours.push_back(std::move(one));
  }
  ASSERT_EQ(ours.size(), 2U);
  EXPECT_EQ(ours[0].path, (certs / "one.example.com").string());
  EXPECT_EQ(ours[0].authorities, 1U);
  EXPECT_EQ(ours[0].clients, 1U);
  EXPECT_EQ(ours[1].authorities, 2U);
  EXPECT_EQ(ours[1].clients, 0U);
}

TEST(HostGather, ADiskHasNoMoreRoomThanItHasAtAll) {
  const auto disk = disk_facts("/");
  ASSERT_TRUE(disk);
  EXPECT_GT(disk->total_bytes, 0U);
  EXPECT_LE(disk->free_bytes, disk->total_bytes);
  EXPECT_FALSE(disk_facts("/nowhere/at/all"));
  EXPECT_FALSE(disk_facts(""));
}

}  // namespace
}  // namespace sluice::host
