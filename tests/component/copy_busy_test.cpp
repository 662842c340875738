// 429 on every method, with Retry-After in seconds, as a date, or without it: obeyed, then done.

#include "component/copy_testing.hpp"

#include <gtest/gtest.h>

#include <cctype>

namespace sluice {

namespace {

using support::why;
using testing::holds;
using testing::image_of;

struct Busy {
  std::string name;
  bool source;  ///< which registry is busy
  std::string method;
  std::string path;
};

class CopyBusyTest : public testing::CopyTest,
                     public ::testing::WithParamInterface<std::tuple<Busy, std::optional<std::string>>> {
 protected:
  const support::FakeImage image_ = image_of("web", {1000, 100'000});
};

TEST_P(CopyBusyTest, IsObeyedAndThenItIsDone) {
  testing::store(source_, kFrom, image_, "1");
  const auto& [busy, retry_after] = GetParam();
  auto& registry = busy.source ? source_ : dest_;
  support::FakeRule rule{.method = busy.method, .path = busy.path, .status = 429, .code = "TOOMANYREQUESTS"};
  if (retry_after) rule.headers.set("Retry-After", *retry_after);
  rule.body = "Too many requests, please try again later.\n";  // OpenShift's limiter: plain text
  rule.headers.set("Content-Type", "text/plain");
  registry.add(rule);
  const auto copied = copy();
  ASSERT_TRUE(copied.ok()) << why(copied.status);
  EXPECT_TRUE(holds(dest_, kTo, "1", image_));
  std::size_t refused = 0;
  for (const auto& request : registry.log()) refused += request.status == 429 ? 1U : 0U;
  EXPECT_EQ(refused, 1U) << "the rule was to be met exactly once";
  EXPECT_EQ(copied.item().bytes.total(), image_.blob_bytes());
  EXPECT_EQ(dest_.open_uploads(), 0U);
}

const std::vector<Busy>& all() {
  static const std::vector<Busy> kAll = {{"GetManifest", true, "GET", "*/manifests/*"},
                                         {"GetBlob", true, "GET", "*/blobs/*"},
                                         {"LookAtTag", false, "GET", "*/manifests/*"},
                                         {"LookAtBlob", false, "GET", "*/blobs/*"},
                                         {"Post", false, "POST", "*"},
                                         {"PutBlob", false, "PUT", "*/uploads/*"},
                                         {"PutManifest", false, "PUT", "*/manifests/*"}};
  return kAll;
}

INSTANTIATE_TEST_SUITE_P(All, CopyBusyTest,
                         ::testing::Combine(::testing::ValuesIn(all()),
                                            ::testing::Values(std::nullopt, "0", "1", "Fri, 31 Dec 1999 23:59:59 GMT")),
                         [](const auto& one) {
                           const auto& value = std::get<1>(one.param);
                           const std::string how = !value               ? "Nothing"
                                                   : value->size() == 1 ? "Seconds" + *value
                                                                        : "Date";
                           return std::get<0>(one.param).name + "With" + how;
                         });

}  // namespace

}  // namespace sluice
