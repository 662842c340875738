#include "records/process_identity.hpp"

#include "base/text.hpp"
#include "records/store.hpp"
#include "unit/records/records_testing.hpp"

#include <gtest/gtest.h>

namespace sluice::records {
namespace {

using testing::start_child;
using testing::wait_for;

// This process with other parts in its name.
std::string holder_with(std::size_t part, const std::string& value) {
  auto parts = text::split(this_process(), ':');
  EXPECT_EQ(parts.size(), 3U) << this_process();
  parts.at(part) = value;
  return text::join(parts, ":");
}

TEST(ProcessIdentity, NamesHostPidAndStart) {
  const auto parts = text::split(this_process(), ':');
  ASSERT_EQ(parts.size(), 3U) << this_process();
  EXPECT_EQ(parts[1], std::to_string(::getpid()));
  EXPECT_EQ(parts[2].find_first_not_of("0123456789"), std::string::npos) << parts[2];
  EXPECT_EQ(this_process(), this_process());
}

TEST(ProcessIdentity, KnowsWhoIsDead) {
  const pid_t gone = start_child([] { return 0; });
  ASSERT_EQ(wait_for(gone), 0);
  const struct {
    const char* name;
    std::string holder;
    bool dead;
  } rows[] = {
      {"this process", this_process(), false},
      {"a pid that is gone", holder_with(1, std::to_string(gone)), true},
      {"a pid that was given to another process", holder_with(2, "1"), true},
      {"another host", holder_with(0, "elsewhere/boot/pid"), false},
      {"a gone pid on another host", "elsewhere/boot/pid:" + std::to_string(gone) + ":1", false},
      {"an unknown start", holder_with(2, "unknown"), false},
      {"no parts", "jenkins", false},
      {"one part", "jenkins:12", false},
      {"a pid that is no number", holder_with(1, "12x"), false},
      {"a pid below zero", holder_with(1, "-1"), false},
      {"a pid of zero", holder_with(1, "0"), false},
      {"a pid beyond all pids", holder_with(1, "99999999999999999999"), false},
      {"empty", "", false},
  };
  for (const auto& row : rows) EXPECT_EQ(is_dead(row.holder), row.dead) << row.name << ": " << row.holder;
}

TEST(ProcessIdentity, CountsAProcessThatEndedButWasNotCollectedAsDead) {
  testing::Pipe name;
  const pid_t child = start_child([&] {
    name.write(this_process());
    return 0;
  });
  name.close_write();
  const auto holder = name.read_all();
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(is_dead(holder)) << holder;
  EXPECT_EQ(wait_for(child), 0);
  EXPECT_TRUE(is_dead(holder)) << holder;
}

TEST(ProcessIdentity, IsDescribedForPeople) {
  EXPECT_EQ(describe_holder("ci-7/5d1c/pid-[1]:812:99"), "process 812 on ci-7");
  EXPECT_EQ(describe_holder("something else"), "something else");
  EXPECT_EQ(describe_holder("bell\x07"), "bell?");
}

}  // namespace
}  // namespace sluice::records
