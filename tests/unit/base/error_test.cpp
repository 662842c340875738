#include "base/error.hpp"

#include <gtest/gtest.h>

#include <set>

namespace sluice {
namespace {

struct Row {
  ErrorKind kind;
  const char* name;
  int exit_code;
};

// The table of README.md, "Exit codes".
constexpr Row kRows[] = {
    {ErrorKind::usage, "usage", 2},
    {ErrorKind::config, "config", 2},
    {ErrorKind::not_found, "not_found", 1},
    {ErrorKind::denied, "denied", 6},
    {ErrorKind::unauthenticated, "unauthenticated", 6},
    {ErrorKind::conflict, "conflict", 1},
    {ErrorKind::unreachable, "unreachable", 7},
    {ErrorKind::busy, "busy", 7},
    {ErrorKind::timeout, "timeout", 7},
    {ErrorKind::integrity, "integrity", 1},
    {ErrorKind::untrusted, "untrusted", 1},
    {ErrorKind::protocol, "protocol", 1},
    {ErrorKind::cancelled, "cancelled", 130},
    {ErrorKind::blocked, "blocked", 3},
    {ErrorKind::unsupported, "unsupported", 1},
    {ErrorKind::storage, "storage", 1},
    {ErrorKind::internal, "internal", 1},
};

TEST(ErrorKinds, HaveNamesAndExitCodes) {
  for (const auto& row : kRows) {
    EXPECT_EQ(to_string(row.kind), row.name);
    EXPECT_EQ(exit_code(row.kind), row.exit_code) << row.name;
  }
}

TEST(ErrorKinds, AreAllInTheTable) {
  std::set<ErrorKind> kinds;
  for (const auto& row : kRows) kinds.insert(row.kind);
  EXPECT_EQ(kinds.size(), static_cast<std::size_t>(ErrorKind::internal) + 1);
}

TEST(Error, CarriesItsFacts) {
  const auto error = Error(ErrorKind::busy, "too many requests")
                         .with_status(429)
                         .with_registry_code("TOOMANYREQUESTS")
                         .with_retry_after(std::chrono::seconds(3));
  EXPECT_EQ(error.kind(), ErrorKind::busy);
  EXPECT_EQ(error.http_status(), 429);
  EXPECT_EQ(error.registry_code(), "TOOMANYREQUESTS");
  EXPECT_EQ(error.retry_after(), std::chrono::milliseconds(3000));
  EXPECT_FALSE(error.position());
}

TEST(Error, IsOneSentenceWithTheOutermostContextFirst) {
  const auto error = Error(ErrorKind::denied, "the registry said DENIED")
                         .with_hint("log in with: sluice login r.io")
                         .context("writing the manifest")
                         .context("copying r.io/a to r.io/b");
  EXPECT_EQ(error.sentence(),
            "copying r.io/a to r.io/b: writing the manifest: the registry said DENIED; log in with: sluice login r.io");
}

TEST(Error, PutsThePositionFirst) {
  struct PositionRow {
    const char* name;
    FilePosition position;
    const char* expected;
  };
  const PositionRow rows[] = {
      {"line and column", {"sluice.yaml", 3, 7}, "sluice.yaml:3:7: bad"},
      {"file alone", {"sluice.yaml", 0, 0}, "sluice.yaml: bad"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(Error(ErrorKind::config, "bad").at(row.position).sentence(), row.expected);
  }
}

}  // namespace
}  // namespace sluice
