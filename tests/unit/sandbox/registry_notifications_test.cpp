// What the registry tells others. Contract item 58.

#include "unit/sandbox/registry_testing.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

namespace sluice::sandbox {
namespace {

using sluice::testing::reply;
using testing::RegistryTest;
using testing::SmallImage;

/// The event of each envelope that arrived, in order.
std::vector<Json> events_of(const std::vector<net::HttpRequest>& requests) {
  std::vector<Json> events;
  for (const auto& request : requests) {
    EXPECT_EQ(request.headers.get("Content-Type"), "application/vnd.docker.distribution.events.v1+json");
    const auto body = parse_json(request.body);
    EXPECT_TRUE(body.ok()) << request.body;
    if (!body.ok()) continue;
    for (const auto& event : at(*body, {"events"}).items()) events.push_back(event);
  }
  return events;
}

class RegistryNotifications : public RegistryTest {
 protected:
  void SetUp() override {
    exchanger_.otherwise([this](const auto&, const auto&) {
      arrived_.update([](std::size_t& n) { ++n; });
      return reply(200);
    });
    listen();
  }
  // Ends the deliveries before what they count with.
  void TearDown() override { notifications_.set_endpoints(std::vector<NotificationEndpoint>{}); }
  void listen() {
    const auto set = notifications_.set_endpoints(*parse_json(R"([{"name":"sink","url":"http://sink:1/events"}])"));
    ASSERT_TRUE(set.ok()) << support::why(set);
  }
  std::vector<Json> wait_for(std::size_t count) {
    arrived_.when([&](std::size_t n) { return n >= count; }, {}, [](std::size_t) {});
    return events_of(exchanger_.requests());
  }
  static std::string brief(const Json& event) {
    return fmt::format("{} {} {} {}", text_at(event, {"action"}), text_at(event, {"request", "method"}),
                       text_at(event, {"target", "repository"}), text_at(event, {"target", "digest"}));
  }

  Watched<std::size_t> arrived_{0};
};

TEST_F(RegistryNotifications, Item58TellOfAPushInItsOrder) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  const auto events = wait_for(4);
  ASSERT_EQ(events.size(), 4U);
  const auto layer = SmallImage::digest(image.layer);
  const auto config = SmallImage::digest(image.config);
  EXPECT_EQ(brief(events[0]), "push PUT dev/web " + layer);
  EXPECT_EQ(brief(events[1]), "push PUT dev/web " + config);
  EXPECT_EQ(brief(events[2]), "push PUT dev/web " + image.name());
  EXPECT_EQ(brief(events[3]), "pull PUT dev/web " + config);
  EXPECT_EQ(text_at(events[2], {"target", "tag"}), "1.0");
  EXPECT_EQ(text_at(events[2], {"target", "mediaType"}), image.type);
  EXPECT_EQ(text_at(events[2], {"target", "url"}), "http://reg:5000/v2/dev/web/manifests/" + image.name());
  EXPECT_EQ(number_at(events[2], {"target", "size"}), static_cast<std::int64_t>(image.manifest.size()));
  EXPECT_EQ(text_at(events[0], {"target", "mediaType"}), "application/octet-stream");
  EXPECT_EQ(at(events[0], {"actor"}), Json::object());
  EXPECT_EQ(text_at(events[0], {"request", "host"}), "reg:5000");
  EXPECT_FALSE(text_at(events[0], {"id"}).empty());
  EXPECT_TRUE(text_at(events[0], {"timestamp"}).ends_with("Z"));
}

TEST_F(RegistryNotifications, Item58NameTheUserOfABasicHeaderOnly) {
  const auto digest = push_blob("dev/web", "x");
  (void)send({"GET", "/v2/dev/web/blobs/" + digest, "", {{"Authorization", "Basic YW55OnQtYW5u"}}});  // any:t-ann
  const auto events = wait_for(2);
  EXPECT_EQ(at(events.at(0), {"actor"}), Json::object());
  EXPECT_EQ(text_at(events.at(1), {"actor", "name"}), "any");
}

TEST_F(RegistryNotifications, Item58TellOfMountsAndOfPushesThatAreThenRefused) {
  const auto image = SmallImage::make("a");
  push("dev/web", "1.0", image);
  (void)send({"POST", "/v2/prod/site/blobs/uploads/?from=dev/web&mount=" + SmallImage::digest(image.layer), "peter"});
  backend_.mapping_refusal = Refusal{403, "Forbidden", "exceeded quota: rq", {}};
  EXPECT_EQ(put_manifest("dev/web", "2.0", image).status, 403);
  const auto events = wait_for(7);
  ASSERT_EQ(events.size(), 7U);
  EXPECT_EQ(brief(events[4]), "mount POST prod/site " + SmallImage::digest(image.layer));
  EXPECT_EQ(text_at(events[4], {"target", "fromRepository"}), "dev/web");
  EXPECT_EQ(brief(events[5]), "push PUT dev/web " + image.name());
}

TEST_F(RegistryNotifications, Item58AreTriedAgainInOrderWhileTheSinkIsDown) {
  notifications_.set_endpoints(std::vector<NotificationEndpoint>{});
  exchanger_.then(Error(ErrorKind::unreachable, "down")).then(reply(503)).then(Error(ErrorKind::timeout, "slow"));
  listen();
  for (const auto* word : {"1", "2", "3"}) push_blob("dev/web", word);
  (void)wait_for(3);
  std::vector<std::string> taken;
  for (const auto& event : events_of(exchanger_.requests())) taken.push_back(text_at(event, {"target", "digest"}));
  ASSERT_EQ(taken.size(), 6U) << "three tries that failed, and three that did not";
  EXPECT_EQ(taken[0], SmallImage::digest("1"));
  EXPECT_EQ(taken[2], SmallImage::digest("1"));
  EXPECT_EQ(taken[3], SmallImage::digest("1"));
  EXPECT_EQ(taken[4], SmallImage::digest("2"));
  EXPECT_EQ(taken[5], SmallImage::digest("3"));
}

TEST(NotificationQueues, HaveABoundAndCountWhatTheyRefuse) {
  Watched<bool> open(false);
  Watched<bool> asked(false);
  sluice::testing::FakeExchanger exchanger;
  exchanger.otherwise([&](const net::HttpRequest&, const net::ExchangeContext& context) -> Result<net::HttpResponse> {
    asked.update([](bool& a) { a = true; });
    open.when([](bool o) { return o; }, context.stop, [](bool) {});
    return reply(200);
  });
  Notifications notifications(exchanger, {2, std::chrono::milliseconds(1), std::chrono::milliseconds(1000)});
  ASSERT_TRUE(notifications.set_endpoints(*parse_json(R"([{"url":"http://a:1/"}])")).ok());
  for (int i = 0; i < 5; ++i) notifications.add(Json(i));
  asked.when([](bool a) { return a; }, {}, [](bool) {});
  EXPECT_EQ(notifications.counts().refused, 3U);
  EXPECT_EQ(notifications.counts().queued, 2U);
  // Ends although the sink hangs.
}

TEST(NotificationEndpoints, AreReadStrictly) {
  sluice::testing::FakeExchanger exchanger;
  Notifications notifications(exchanger);
  for (const std::string text : {"{}", R"([{"name":"x"}])", R"([{"url":"nonsense"}])",
                                 R"([{"url":"http://a","uri":"x"}])", R"([{"url":"http://a/","headers":{"X":1}}])"}) {
    EXPECT_FALSE(notifications.set_endpoints(*parse_json(text)).ok()) << text;
  }
  EXPECT_FALSE(notifications.wanted());
  EXPECT_TRUE(notifications.set_endpoints(*parse_json(R"([{"url":"http://a/","headers":{"X":"1"}}])")).ok());
  EXPECT_TRUE(notifications.wanted());
  EXPECT_TRUE(notifications.set_endpoints(*parse_json("[]")).ok());
  EXPECT_FALSE(notifications.wanted());
}

}  // namespace
}  // namespace sluice::sandbox
