// Every response that was recorded on a running cluster goes through the readers of this room, and what they say is
// compared with what stands there.

#include "kube/client.hpp"
#include "kube/identity/oauth.hpp"
#include "kube/watch_frames.hpp"
#include "openshift/workloads/triggers.hpp"
#include "unit/openshift/openshift_testing.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>

namespace sluice::openshift {
namespace {

using testing::reply;
using testing::why;

/// What has been read, by kind.
using Counts = std::map<std::string, std::size_t>;

class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  void object(const Json& json) {
    const auto kind = kube::text_at(json, {"kind"});
    const kube::Object view(json);
    EXPECT_EQ(view.name(), kube::text_at(json, {"metadata", "name"})) << where_;
    static const std::map<std::string, std::function<void(Reader&, const Json&)>> kReaders{
        {"ImageStream", &Reader::stream},
        {"ImageStreamTag", &Reader::tag},
        {"ImageStreamImage", &Reader::stream_image},
        {"Image", &Reader::image},
        {"ImageStreamImport", &Reader::import},
        {"ImageStreamLayers", &Reader::layers},
        {"DeploymentConfig", &Reader::deployment_config},
        {"ReplicationController", &Reader::controller},
        {"Deployment", &Reader::workload},
        {"StatefulSet", &Reader::workload},
        {"DaemonSet", &Reader::workload},
        {"CronJob", &Reader::cron_job},
        {"Pod", &Reader::pod},
        {"Route", &Reader::route},
        {"User", &Reader::user},
        {"ServiceAccount", &Reader::account},
        {"ResourceQuota", &Reader::quota},
        {"SelfSubjectAccessReview", &Reader::review},
        {"LocalSubjectAccessReview", &Reader::review},
        {"SubjectAccessReviewResponse", &Reader::review},
    };
    if (const auto reader = kReaders.find(kind); reader != kReaders.end()) reader->second(*this, json);
  }

 private:
  void stream(const Json& json) {
    const kube::ImageStream view(json);
    EXPECT_EQ(view.tags().size(), kube::list_at(json, {"status", "tags"}).size()) << where_;
    for (const auto& tag : kube::list_at(json, {"status", "tags"})) {
      const auto name = tag.string_at("tag").value_or("");
      const auto& items = kube::list_at(tag, {"items"});
      const auto top = view.top(name);
      ASSERT_EQ(top.has_value(), !items.empty()) << where_ << " " << name;
      if (!top) continue;
      EXPECT_EQ(top->image, kube::text_at(items.front(), {"image"})) << where_;
      EXPECT_EQ(top->pull_spec, kube::text_at(items.front(), {"dockerImageReference"})) << where_;
      EXPECT_TRUE(view.has_image(top->image)) << where_;
    }
    for (const auto& tag : kube::list_at(json, {"spec", "tags"})) {
      const auto spec = view.tag_spec(kube::text_at(tag, {"name"}));
      ASSERT_TRUE(spec) << where_;
      EXPECT_EQ(spec->from.has_value(), tag.find("from") != nullptr && tag.find("from")->is_object()) << where_;
      EXPECT_EQ(spec->from.value_or(kube::ImageSource{}).name, kube::text_at(tag, {"from", "name"})) << where_;
      EXPECT_EQ(spec->reference, kube::flag_at(tag, {"reference"})) << where_;
    }
    EXPECT_EQ(view.repository(), kube::text_at(json, {"status", "dockerImageRepository"})) << where_;
  }
  void tag(const Json& json) {
    const kube::ImageStreamTag view(json);
    EXPECT_TRUE(view.name().empty() || view.stream() + ":" + view.tag_name() == view.name()) << where_;
    EXPECT_EQ(view.image().digest(), kube::text_at(json, {"image", "metadata", "name"})) << where_;
    const auto* spec = json.find("tag");
    EXPECT_EQ(view.spec().has_value(), spec != nullptr && spec->is_object()) << where_;
  }
  void stream_image(const Json& json) {
    const auto digest = kube::ImageStreamImage(json).image().digest();
    EXPECT_EQ(digest, kube::text_at(json, {"image", "metadata", "name"})) << where_;
  }
  void image(const Json& json) {
    const kube::Image view(json);
    EXPECT_EQ(view.layers().size(), kube::list_at(json, {"dockerImageLayers"}).size()) << where_;
    EXPECT_EQ(view.pull_spec(), kube::text_at(json, {"dockerImageReference"})) << where_;
  }
  void import(const Json& json) {
    const auto outcomes = kube::ImageStreamImport(json).outcomes();
    const auto& images = kube::list_at(json, {"status", "images"});
    EXPECT_EQ(outcomes.size(), images.size() + kube::list_at(json, {"status", "repository", "images"}).size())
        << where_;
    for (std::size_t i = 0; i < images.size(); ++i) {
      const bool failed = kube::text_at(images[i], {"status", "status"}) == "Failure";
      ASSERT_EQ(outcomes[i].failure.has_value(), failed) << where_;
      const auto reason = failed ? outcomes[i].failure->reason : std::string("Success");
      EXPECT_EQ(reason, kube::text_at(images[i], {"status", failed ? "reason" : "status"})) << where_;
      EXPECT_EQ(outcomes[i].image.digest(), kube::text_at(images[i], {"image", "metadata", "name"})) << where_;
    }
  }
  void layers(const Json& json) {
    const kube::ImageStreamLayers view(json);
    EXPECT_EQ(view.blobs().size(), json.find("blobs")->members().size()) << where_;
    ASSERT_EQ(view.images().size(), json.find("images")->members().size()) << where_;
    for (const auto& image : view.images()) {
      const auto* raw = json.find("images")->find(image.digest);
      EXPECT_EQ(image.missing, kube::flag_at(*raw, {"imageMissing"})) << where_;
      EXPECT_EQ(image.layers.size(), kube::list_at(*raw, {"layers"}).size()) << where_;
    }
  }
  void deployment_config(const Json& json) {
    const kube::DeploymentConfig view(json);
    EXPECT_EQ(view.latest_version(), kube::number_at(json, {"status", "latestVersion"})) << where_;
    EXPECT_EQ(view.containers().size(), kube::list_at(json, {"spec", "template", "spec", "containers"}).size())
        << where_;
    EXPECT_EQ(view.causes().size(), kube::list_at(json, {"status", "details", "causes"}).size()) << where_;
    std::size_t triggers = 0;
    for (const auto& trigger : kube::list_at(json, {"spec", "triggers"}))
      triggers += kube::text_at(trigger, {"type"}) == "ImageChange";
    EXPECT_EQ(view.image_triggers().size(), triggers) << where_;
    EXPECT_EQ(view.conditions().size(), kube::list_at(json, {"status", "conditions"}).size()) << where_;
  }
  void controller(const Json& json) {
    const kube::ReplicationController view(json);
    const auto phase = view.annotation("openshift.io/deployment.phase");
    EXPECT_EQ(to_string(view.phase()), phase.empty() ? "none" : phase) << where_;
    if (!view.deployment_config().empty() && view.version() > 0) {
      EXPECT_EQ(view.deployment_config() + "-" + std::to_string(view.version()), view.name()) << where_;
    }
  }
  void workload(const Json& json) {
    const kube::Workload view(json);
    EXPECT_EQ(view.containers().size(), kube::list_at(json, {"spec", "template", "spec", "containers"}).size())
        << where_;
    if (view.trigger_annotation().empty() || view.containers().empty() || view.containers()[0].name.empty()) return;
    // Those of the recordings that were ignored by the cluster are said to be malformed, and only those.
    static const std::set<std::string> kIgnored{"str", "nocont", "quote"};
    const auto reading = read_triggers(view.trigger_annotation(), view.kind(), view.containers(), view.project());
    EXPECT_EQ(reading.triggers.empty(), kIgnored.contains(view.name())) << where_ << " " << view.name();
  }
  void cron_job(const Json& json) {
    EXPECT_EQ(kube::CronJob(json).containers().size(),
              kube::list_at(json, {"spec", "jobTemplate", "spec", "template", "spec", "containers"}).size())
        << where_;
  }
  void pod(const Json& json) {
    EXPECT_EQ(kube::Pod(json).phase(), kube::text_at(json, {"status", "phase"})) << where_;
    EXPECT_EQ(kube::Pod(json).statuses().size(), kube::list_at(json, {"status", "containerStatuses"}).size()) << where_;
  }
  void route(const Json& json) { EXPECT_EQ(kube::Route(json).host(), kube::text_at(json, {"spec", "host"})) << where_; }
  void user(const Json& json) {
    EXPECT_EQ(kube::User(json).groups().size(), kube::list_at(json, {"groups"}).size()) << where_;
  }
  void account(const Json& json) {
    EXPECT_EQ(kube::ServiceAccount(json).secrets().size(), kube::list_at(json, {"secrets"}).size()) << where_;
  }
  void quota(const Json& json) {
    EXPECT_EQ(kube::ResourceQuota(json).hard(), kube::texts_at(json, {"status", "hard"})) << where_;
  }
  void review(const Json& json) {
    const bool top = json.find("allowed") != nullptr;
    EXPECT_EQ(kube::read_access_answer(json).allowed,
              top ? kube::flag_at(json, {"allowed"}) : kube::flag_at(json, {"status", "allowed"}))
        << where_;
  }

  std::string where_;
};

class RecordingsTest : public testing::ClusterTest {
 protected:
  // Through the same door as in life: Connection::call.
  void read_response(const Json& step, const std::string& where) {
    const auto status = static_cast<int>(kube::number_at(step, {"response", "status"}));
    const auto* body = kube::at(step, {"response", "body"});
    net::Headers headers;
    if (const auto* recorded = kube::at(step, {"response", "headers"})) {
      for (const auto& [name, value] : recorded->members()) headers.add(name, value.as_string().value_or(""));
    }
    exchanger.then(reply(status, testing::body_text(body), headers));
    kube::ApiCall call;
    call.target = kube::text_at(step, {"request", "path"});
    call.what = "reading a recording";
    const auto answer = connection().call(call, context());
    if (status / 100 != 2) {
      read_refusal(step, answer, where);
      return;
    }
    const bool is_json = body == nullptr || body->find("$text") == nullptr;
    ASSERT_EQ(answer.ok(), is_json) << where << ": " << why(answer);
    if (!is_json || body == nullptr || !answer->is_object()) return;
    ++counts[kube::text_at(*answer, {"kind"})];
    if (const auto kind = kube::text_at(*answer, {"kind"});
        kind.ends_with("List") && answer->find("items") != nullptr) {
      for (auto item : answer->find("items")->items()) {
        if (!item.is_object()) continue;
        if (item.find("kind") == nullptr) item.set("kind", kind.substr(0, kind.size() - 4));
        Reader(where).object(item);
      }
    } else {
      Reader(where).object(*answer);
    }
  }

  void read_refusal(const Json& step, const Result<Json>& answer, const std::string& where) {
    ++counts["refusal"];
    ASSERT_FALSE(answer.ok()) << where;
    const auto* failure = kube::failure_of(answer.error());
    ASSERT_NE(failure, nullptr) << where << why(answer);
    const auto* body = kube::at(step, {"response", "body"});
    const auto status = kube::number_at(step, {"response", "status"});
    EXPECT_EQ(failure->code, status) << where;
    const bool is_status = body != nullptr && body->string_at("kind") == "Status";
    EXPECT_EQ(failure->is_status, is_status) << where;
    if (is_status) {
      EXPECT_EQ(failure->reason, kube::text_at(*body, {"reason"})) << where;
      EXPECT_EQ(failure->causes.size(), kube::list_at(*body, {"details", "causes"}).size()) << where;
      EXPECT_EQ(failure->name, kube::text_at(*body, {"details", "name"})) << where;
    }
    static const std::map<std::int64_t, ErrorKind> kKinds{
        {401, ErrorKind::unauthenticated}, {403, ErrorKind::denied},   {404, ErrorKind::not_found},
        {409, ErrorKind::conflict},        {410, ErrorKind::conflict}, {415, ErrorKind::unsupported},
        {405, ErrorKind::unsupported}};
    if (const auto kind = kKinds.find(status); kind != kKinds.end()) {
      EXPECT_EQ(to_string(answer.error().kind()), to_string(kind->second)) << where;
    }
    EXPECT_LT(answer.error().sentence().size(), 2000U) << where;
  }

  void read_frames(const Json::Array& frames, const std::string& where) {
    static const std::map<std::string, kube::WatchFrame::Type> kTypes{{"ADDED", kube::WatchFrame::Type::added},
                                                                      {"MODIFIED", kube::WatchFrame::Type::modified},
                                                                      {"DELETED", kube::WatchFrame::Type::deleted},
                                                                      {"ERROR", kube::WatchFrame::Type::error}};
    kube::LineSplitter lines(std::size_t{1} << 20);
    std::size_t read = 0;
    for (const auto& recorded : frames) {
      if (recorded.find("type") == nullptr) continue;  // nothing of it is shown
      ASSERT_TRUE(lines.feed(recorded.dump() + "\n")) << where;
      const auto line = lines.next();
      ASSERT_TRUE(line) << where;
      const auto frame = kube::parse_frame(*line);
      ASSERT_TRUE(frame.ok()) << where << ": " << why(frame);
      EXPECT_EQ(frame->type, kTypes.at(kube::text_at(recorded, {"type"}))) << where;
      if (frame->type == kube::WatchFrame::Type::error) {
        EXPECT_EQ(frame->failure.code, kube::number_at(recorded, {"object", "code"})) << where;
      } else {
        EXPECT_EQ(frame->version, kube::text_at(recorded, {"object", "metadata", "resourceVersion"})) << where;
        Reader(where).object(frame->object);
      }
      ++read;
    }
    counts["frame"] += read;
  }

  Counts counts;
};

TEST_F(RecordingsTest, EveryResponseIsReadAndUnderstood) {
  retry_times = 0;
  const auto transcripts = testing::all_transcripts();
  ASSERT_GE(transcripts.size(), 80U) << "the recordings are in " << testing::wire_folder();
  std::size_t responses = 0;
  for (const auto& transcript : transcripts) {
    for (const auto* step : transcript.requests()) {
      if (step->string_at("server") != "api" || step->find("response") == nullptr) continue;
      const auto path = kube::text_at(*step, {"request", "path"});
      if (path.starts_with("/oauth/")) continue;  // below
      const auto where = transcript.name + ": " + kube::text_at(*step, {"request", "method"}) + " " + path;
      // Some setups show no more than the status.
      const auto* body = kube::at(*step, {"response", "body"});
      if (body == nullptr && kube::number_at(*step, {"response", "status"}) / 100 != 2) continue;
      ++responses;
      if (const auto* frames = body != nullptr ? body->find("$frames") : nullptr) {
        read_frames(frames->items(), where);
      } else {
        read_response(*step, where);
      }
    }
    for (const auto& watch : kube::list_at(transcript.json, {"watch"})) {
      read_frames(kube::list_at(watch, {"events"}), transcript.name + ": watch");
    }
  }
  std::string summary;
  for (const auto& [kind, count] : counts) summary += " " + kind + "=" + std::to_string(count);
  std::cout << "read " << responses << " recorded responses:" << summary << "\n";
  EXPECT_GE(responses, 600U);
  for (const auto* kind : {"ImageStream", "ImageStreamTag", "DeploymentConfig", "ReplicationController", "Pod", "frame",
                           "refusal", "ImageStreamImport", "Deployment", "User"}) {
    EXPECT_GT(counts[kind], 0U) << kind;
  }
}

TEST_F(RecordingsTest, EveryOAuthAnswerIsUnderstood) {
  std::size_t read = 0;
  for (const auto* name : {"04a-token-flow", "04b-code-flow"}) {
    const auto transcript = testing::transcript(name);
    const auto server = testing::url("https://api.example.com:6443");
    kube::OAuthServer oauth{"https://api.example.com:6443", server, server, true, true};
    for (const auto* step : transcript.requests()) {
      const auto path = kube::text_at(*step, {"request", "path"});
      const auto status = static_cast<int>(kube::number_at(*step, {"response", "status"}));
      if (!path.starts_with("/oauth/")) continue;
      ++read;
      net::Headers headers;
      if (const auto* recorded = kube::at(*step, {"response", "headers"})) {
        for (const auto& [key, value] : recorded->members()) headers.add(key, value.as_string().value_or(""));
      }
      auto text = testing::body_text(kube::at(*step, {"response", "body"}));
      if (path == "/oauth/token" && status == 200) text = R"({"access_token":"t0k3n","expires_in":86400})";
      const auto answer = reply(status, text, headers);
      const auto where = transcript.name + " " + path + " " + std::to_string(status);
      if (path == "/oauth/token") {
        const auto token = kube::read_token_reply(answer, "api");
        EXPECT_EQ(token.ok(), status == 200) << where;
        continue;
      }
      const auto checked = kube::check_authorized(answer, oauth, "ann");
      EXPECT_EQ(checked.ok(), status == 302) << where;
      if (!checked) continue;
      const auto location = headers.get("location").value_or("");
      if (location.find("code=") != std::string::npos) {
        const auto state = location.substr(location.find("state=") + 6);
        EXPECT_TRUE(kube::read_code_redirect(answer, state).ok()) << where;
      } else {
        EXPECT_EQ(kube::read_token_redirect(answer, oauth.issuer).ok(),
                  location.find("access_token=") != std::string::npos)
            << where;
      }
    }
  }
  EXPECT_GE(read, 10U);
}

}  // namespace
}  // namespace sluice::openshift
