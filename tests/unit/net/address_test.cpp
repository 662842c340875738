#include "net/address.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>

namespace sluice::net {
namespace {

// An address as the resolver gives it.
sockaddr_storage address_of(const std::string& text) {
  sockaddr_storage out{};
  in_addr v4{};
  in6_addr v6{};
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr = v4;
    std::memcpy(&out, &address, sizeof address);
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = v6;
    std::memcpy(&out, &address, sizeof address);
  } else {
    ADD_FAILURE() << "the row " << text << " is no address";
  }
  return out;
}

TEST(Addresses, AreSortedByWhereTheyLead) {
  struct Row {
    const char* address;
    bool loopback;
    bool link_local;
    bool unspecified;
  };
  const Row rows[] = {
      {"127.0.0.1", true, false, false},
      {"127.255.255.254", true, false, false},
      {"126.255.255.255", false, false, false},
      {"128.0.0.1", false, false, false},
      {"1.0.0.127", false, false, false},
      {"169.254.169.254", false, true, false},
      {"169.253.0.1", false, false, false},
      {"10.0.0.1", false, false, false},
      {"0.0.0.0", false, false, true},
      {"0.1.2.3", false, false, true},
      {"::1", true, false, false},
      {"::2", false, false, false},
      {"::", false, false, true},
      {"fe80::1", false, true, false},
      {"febf::1", false, true, false},
      {"fec0::1", false, false, false},
      {"2001:db8::1", false, false, false},
      {"::ffff:127.0.0.1", true, false, false},
      {"::ffff:127.9.9.9", true, false, false},
      {"::ffff:169.254.169.254", false, true, false},
      {"::ffff:0.0.0.0", false, false, true},
      {"::ffff:10.0.0.1", false, false, false},
  };
  for (const auto& row : rows) {
    const auto storage = address_of(row.address);
    const auto& address = reinterpret_cast<const sockaddr&>(storage);
    EXPECT_EQ(is_loopback(address), row.loopback) << row.address;
    EXPECT_EQ(is_link_local(address), row.link_local) << row.address;
    EXPECT_EQ(is_unspecified(address), row.unspecified) << row.address;
  }
}

TEST(Addresses, OfOtherFamiliesAreNeither) {
  sockaddr address{};
  address.sa_family = AF_UNIX;
  EXPECT_FALSE(is_loopback(address));
  EXPECT_FALSE(is_link_local(address));
  EXPECT_FALSE(is_unspecified(address));
}

// What curl connects to without asking a resolver: inet_aton(3).
TEST(LiteralAddresses, AreReadAsCurlReadsThem) {
  struct Row {
    const char* host;
    const char* address;  ///< empty: a name
  };
  const Row rows[] = {
      {"127.0.0.1", "127.0.0.1"},
      {"2130706433", "127.0.0.1"},
      {"0x7f000001", "127.0.0.1"},
      {"0X7F.1", "127.0.0.1"},
      {"127.1", "127.0.0.1"},
      {"127.0.1", "127.0.0.1"},
      {"0177.0.0.1", "127.0.0.1"},
      {"017700000001", "127.0.0.1"},
      {"0xa9fea9fe", "169.254.169.254"},
      {"2852039166", "169.254.169.254"},
      {"0", "0.0.0.0"},
      {"10.1", "10.0.0.1"},
      {"4294967296", ""},
      {"127.0.0.256", ""},
      {"08.0.0.1", ""},
      {"1.2.3.4.5", ""},
      {"127.0.0.1 ", ""},
      {"127.0.0.1.example.com", ""},
      {"0x", ""},
      {"", ""},
  };
  for (const auto& row : rows) {
    const auto found = literal_address(row.host);
    ASSERT_EQ(found.has_value(), *row.address != '\0') << "'" << row.host << "'";
    if (!found) continue;
    const auto expected = address_of(row.address);
    EXPECT_EQ(std::memcmp(&*found, &expected, sizeof(sockaddr_in)), 0) << row.host;
  }
}

TEST(LocalHosts, AreThisMachineAndItsLinkHoweverTheyAreWritten) {
  for (const char* host : {"127.0.0.1",  "2130706433",       "0x7f.1",           "0177.0.0.1",       "127.1",
                           "127.0.0.1.", "localhost",        "localhost.",       "a.localhost",      "::1",
                           "::",         "::ffff:127.0.0.1", "::ffff:7f00:1",    "::ffff:a9fe:a9fe", "fe80::1",
                           "0xa9fea9fe", "169.254.169.254",  "169.254.169.254.", "169.254.43518",    "0",
                           "0.0.0.0"}) {
    EXPECT_TRUE(is_local_host(host)) << host;
  }
  for (const char* host : {"10.0.0.1", "10.1", "example.com", "example.com.", "localhost.example.com", "2001:db8::1",
                           "::ffff:10.0.0.1", "169.253.1.1", ".", ""}) {
    EXPECT_FALSE(is_local_host(host)) << host;
  }
}

TEST(LoopbackNames, AreLiteralsAndThoseOfTheStandard) {
  struct Row {
    const char* host;
    bool loopback;
  };
  const Row rows[] = {
      {"localhost", true},
      {"registry.localhost", true},
      {"127.0.0.1", true},
      {"127.1.2.3", true},
      {"::1", true},
      {"::ffff:127.0.0.1", true},
      {"localhost.example.com", false},
      {"notlocalhost", false},
      {"127.0.0.1.example.com", false},
      {"128.0.0.1", false},
      {"0.0.0.0", false},
      {"::ffff:10.0.0.1", false},
      {"", false},
  };
  for (const auto& row : rows) EXPECT_EQ(is_loopback_name(row.host), row.loopback) << row.host;
}

// Literals only: nothing is asked of a resolver here.
TEST(LoopbackNames, ResolveByTheirAddress) {
  EXPECT_TRUE(resolves_to_loopback("localhost"));
  EXPECT_TRUE(resolves_to_loopback("::1"));
  EXPECT_TRUE(resolves_to_loopback("127.1")) << "the short form of 127.0.0.1";
  EXPECT_FALSE(resolves_to_loopback("192.0.2.1"));
  EXPECT_FALSE(resolves_to_loopback("0.0.0.0"));
}

}  // namespace
}  // namespace sluice::net
