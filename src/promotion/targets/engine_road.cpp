#include "promotion/targets/engine_road.hpp"

#include "base/text.hpp"
#include "copy/decide.hpp"
#include "engine/carry.hpp"
#include "engine/unchecked.hpp"
#include "memory/numbers.hpp"
#include "oci/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <utility>

namespace sluice::promotion {

namespace {

using copy::EventKind;
using copy::Road;

constexpr std::chrono::seconds kAsking{30};
constexpr const char* kAnotherDigest = "engine-changes-digest";
constexpr const char* kWithoutIt = "promote without the engine (leave 'via' out), which carries every image as it is";
constexpr const char* kAccept =
    "promote without the engine (leave 'via' out), which carries every image as it is; or accept another image with "
    "--allow-digest-change";

bool any_by_engine(const copy::Survey& survey) {
  return std::any_of(survey.items.begin(), survey.items.end(),
                     [](const copy::SurveyedItem& item) { return item.road == Road::docker; });
}

std::uint64_t bytes_of(const copy::SurveyedItem& item) {
  std::uint64_t bytes = 0;
  for (const auto& blob : copy::blobs_of(item)) bytes += blob.size_bytes;
  return bytes;
}

// What an engine makes another image of; empty: it may push it as it is.
std::string why_changed(const engine::Facts& facts, const oci::Manifest& root) {
  if (root.is_index()) {
    const auto platforms = oci::platforms_of(root);
    return fmt::format("the image is an index of {} platforms ({}), and an engine pulls one of them alone",
                       platforms.size(), text::join(platforms, ", "));
  }
  if (facts.containerd_store) return {};
  if (facts.product == "Docker" && root.media_type == oci::media::kOciManifest)
    return "the image has an OCI manifest, and this engine pushes Docker manifests alone";
  return {};
}

// The signature that cosign keeps beside an image belongs to its digest.
std::string signature_of(const copy::SurveyedItem& item, const std::stop_token& stop) {
  auto tag = item.root().digest.text();
  std::replace(tag.begin(), tag.end(), ':', '-');
  tag += ".sig";
  const auto found = item.origin.place->digest_of(item.origin.repository, places::ManifestName::tag(tag), stop);
  return found && *found ? "; its signature (" + tag + ") is about the digest that was tested" : std::string();
}

// What arrived, instead of what, and why.
std::string another_digest(const engine::Facts& facts, const copy::SurveyedItem& item, const engine::Arrived& arrived,
                           const std::stop_token& stop) {
  auto why = why_changed(facts, item.root());
  if (why.empty() && !arrived.notes.empty()) why = text::join(arrived.notes, "; ");
  if (why.empty()) why = "it compresses layers anew unless they were made by an engine like it";
  return fmt::format("the engine pushed another image than the one that was tested: {} instead of {} ({}){}",
                     arrived.digest, item.root().digest.text(), why, signature_of(item, stop));
}

Error refused(const std::string& sentence, const copy::SurveyedItem& item, const std::string& tag) {
  return Error(ErrorKind::integrity, fmt::format("{}; no tag was moved, and it stands as {}/{}:{}, which nothing uses",
                                                 sentence, item.item.dest->name(), item.item.dest_repository, tag))
      .with_hint(kAccept)
      .with_registry_code(kAnotherDigest);
}

// Shows what the engine says as our own progress: each layer is a blob, once while it is pulled and once while pushed.
class Teller {
 public:
  Teller(const copy::SurveyedItem& item, copy::Events& events) : item_(item), events_(events) {}

  void operator()(engine::Step step, const engine::Progress& progress) {
    if (progress.layer.empty() && progress.status.empty()) {
      emit(EventKind::note, {}, 0, fmt::format("{}: docker {}", item_.item.label, to_string(step)));
      return;
    }
    const bool moves = progress.status == "Downloading" || progress.status == "Pushing";
    if (progress.layer.empty() || !moves || progress.total_bytes == 0) return;
    const auto name = fmt::format("{} {}", to_string(step), text::printable(progress.layer, 64));
    const auto [known, fresh] = seen_.try_emplace(name, 0);
    if (fresh) {
      events_.emit({.kind = EventKind::total, .bytes = progress.total_bytes});
      emit(EventKind::blob_started, name, progress.total_bytes, {});
    }
    // Packed bytes may come to more than the engine has announced.
    if (progress.current_bytes <= known->second || (!fresh && known->second >= progress.total_bytes)) return;
    emit(EventKind::blob_progress, name, progress.current_bytes - known->second, {});
    known->second = progress.current_bytes;
    if (progress.current_bytes >= progress.total_bytes) emit(EventKind::blob_done, name, progress.total_bytes, "moved");
  }

 private:
  void emit(EventKind kind, const std::string& blob, std::uint64_t bytes, const std::string& detail) {
    events_.emit({.kind = kind,
                  .image = item_.item.label,
                  .target = item_.item.dest->name(),
                  .digest = blob,
                  .bytes = bytes,
                  .detail = detail});
  }

  const copy::SurveyedItem& item_;
  copy::Events& events_;
  std::map<std::string, std::uint64_t> seen_;
};

// An engine takes a name without a dot or a port for a part of Docker Hub.
bool is_host_to_engines(const std::string& registry) {
  return registry.find_first_of(".:") != std::string::npos || registry == "localhost";
}

// Why nothing of this image may be told to the engine; empty: it may.
std::optional<std::string> barred(const engine::Facts& facts, const copy::SurveyedItem& item,
                                  const PlannedTarget& target) {
  for (const auto* place : {item.origin.place, item.item.dest}) {
    if (!is_host_to_engines(place->name())) {
      return fmt::format(
          "an engine takes {} for a part of Docker Hub, and would send its password there: write it with its port",
          place->name());
    }
  }
  if (item.root().digest.algorithm() != HashAlgorithm::sha256)
    return "an engine knows images by SHA-256, and this one is " + item.root().digest.text();
  const auto& host = item.item.dest->name();
  if (target.target.has_api && engine::leaves_unchecked(facts.insecure_registries, host)) {
    return fmt::format(
        "the engine does not check the certificate of {}, and would send it a token of the cluster's API", host);
  }
  return std::nullopt;
}

engine::Order order_of(const copy::SurveyedItem& item) {
  engine::Order order{.from = item.origin.place->name() + "/" + item.origin.repository,
                      .digest = item.root().digest.text(),
                      .to = item.item.dest->name() + "/" + item.item.dest_repository,
                      .tags = engine_tags(item.root().digest),
                      .bytes = bytes_of(item)};
  for (const auto& manifest : item.manifests) {
    if (manifest->config) order.configs.push_back(manifest->config->digest.text());
  }
  return order;
}

// The target of a plan that an item was read from: whose credentials the engine needs.
const pipeline::Target* origin_of(Places& places, const copy::SurveyedItem& item, const PlannedImage& image) {
  for (const auto& origin : image.origins) {
    const auto place = places.place_of(origin);
    if (place && *place == item.origin.place && repository_of(origin, image.name) == item.origin.repository)
      return &origin;
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> engine_tags(const oci::Digest& digest) {
  constexpr std::size_t kBrief = 12;
  return {std::string(memory::kEngineTag), fmt::format("{}-{}", memory::kEngineTag, digest.hex().substr(0, kBrief))};
}

std::vector<Finding> foresee(const engine::Facts& facts, const copy::SurveyedItem& item, const std::string& subject,
                             bool accepted) {
  const auto why = why_changed(facts, item.root());
  if (why.empty()) return {};
  return {{.code = kAnotherDigest,
           .severity = accepted ? Severity::warning : Severity::blocker,
           .subject = subject,
           .sentence = "the engine would push another image than the one that was tested: " + why,
           .fix = accepted ? "" : kAccept}};
}

Status look_at_engine(Places& places, const copy::Survey& survey, const std::vector<CopyPlace>& copied, Plan& plan,
                      const std::stop_token& stop) {
  if (!any_by_engine(survey)) return {};
  const auto facts = [&]() -> Result<engine::Facts> {
    SLUICE_TRY(const auto side, places.engine());
    return side.client->facts({Deadline::after(kAsking), stop});
  }();
  if (!facts && facts.error().kind() == ErrorKind::cancelled) return facts.error();
  for (std::size_t k = 0; k < copied.size(); ++k) {
    const auto& item = survey.items[k];
    if (item.road != Road::docker) continue;
    auto& target = plan.targets[copied[k].target];
    const auto subject = target.target.label() + "/" + item.item.label;
    if (facts) {
      for (auto& finding : foresee(*facts, item, subject, plan.digest_may_change)) {
        finding.sentence += signature_of(item, stop);
        target.findings.push_back(std::move(finding));
      }
      if (auto why = barred(*facts, item, target)) {
        target.findings.push_back({.code = "engine-unusable",
                                   .severity = Severity::blocker,
                                   .subject = subject,
                                   .sentence = std::move(*why),
                                   .fix = kWithoutIt});
      }
    } else {
      target.findings.push_back({.code = "engine-unusable",
                                 .severity = Severity::blocker,
                                 .subject = subject,
                                 .sentence = facts.error().message(),
                                 .fix = facts.error().hint()});
    }
  }
  return {};
}

namespace {

// One promotion at an engine.
class Passage {
 public:
  Passage(Places& places, copy::Events& events, const std::stop_token& stop)
      : places_(places), events_(events), stop_(stop) {}

  /// Removes what killed runs have left.
  void begin(engine::Client& client, engine::Ledger ledger) {
    carrier_.emplace(client, std::move(ledger));
    for (const auto& sentence : carrier_->clear()) note({}, sentence);
  }

  /// Empty: it came as it is.
  Result<std::optional<Arrival>> bring(const engine::Facts& facts, const Plan& plan, const copy::SurveyedItem& item,
                                       const CopyPlace& at) {
    const auto& target = plan.targets[at.target];
    const auto& image = target.images[at.image];
    if (auto why = barred(facts, item, target)) return Error(ErrorKind::blocked, std::move(*why)).with_hint(kWithoutIt);
    auto order = order_of(item);
    if (const auto* origin = origin_of(places_, item, image)) {
      SLUICE_TRY(order.source, places_.engine_login(*origin, image.name));
    }
    SLUICE_TRY(order.target, places_.engine_login(target.target, image.name));
    Teller teller(item, events_);
    SLUICE_TRY(const auto arrived, carrier_->carry(order, std::ref(teller), stop_));
    for (const auto& sentence : arrived.notes) note(image.name, sentence);
    if (arrived.digest == order.digest) return std::optional<Arrival>();
    auto sentence = another_digest(facts, item, arrived, stop_);
    if (!plan.digest_may_change) return refused(sentence, item, arrived.tag);
    SLUICE_TRY(auto digest, oci::Digest::parse(arrived.digest));
    return std::optional(Arrival{.item = 0,
                                 .digest = std::move(digest),
                                 .finding = {.code = kAnotherDigest,
                                             .severity = Severity::warning,
                                             .subject = target.target.label() + "/" + image.name,
                                             .sentence = std::move(sentence),
                                             .fix = ""}});
  }

 private:
  void note(const std::string& image, const std::string& sentence) {
    events_.emit({.kind = EventKind::note, .image = image, .detail = sentence});
  }

  Places& places_;
  copy::Events& events_;
  const std::stop_token& stop_;
  std::optional<engine::Carrier> carrier_;
};

// What killed runs have left goes with the next run, whatever road that takes; nobody waits or fails for it.
void clear_left(Places& places, copy::Events& events, const std::stop_token& stop) {
  const auto side = places.engine();
  if (!side || !engine::Ledger::may_hold(side->ledgers, side->client->address().key())) return;
  auto ledger = engine::Ledger::try_open(side->ledgers, side->client->address().key());
  if (!ledger) return;
  Passage passage(places, events, stop);
  passage.begin(*side->client, std::move(*ledger));
}

}  // namespace

Result<std::vector<Arrival>> carry_through_engine(Places& places, const copy::Survey& survey,
                                                  const std::vector<CopyPlace>& copied, const Plan& plan,
                                                  copy::Events& events, const std::stop_token& stop) {
  std::vector<Arrival> out;
  if (!any_by_engine(survey)) {
    clear_left(places, events, stop);
    return out;
  }
  SLUICE_TRY(const auto side, places.engine());
  SLUICE_TRY(const auto facts, side.client->facts({Deadline::after(kAsking), stop}));
  const auto waits = [&] {
    events.emit(
        {.kind = EventKind::wait, .target = side.client->address().shown, .detail = "another run is using the engine"});
  };
  SLUICE_TRY(auto ledger, engine::Ledger::open(side.ledgers, side.client->address().key(), stop, waits));
  Passage passage(places, events, stop);
  passage.begin(*side.client, std::move(ledger));
  for (std::size_t k = 0; k < copied.size(); ++k) {
    if (survey.items[k].road != Road::docker) continue;
    SLUICE_TRY(auto changed, passage.bring(facts, plan, survey.items[k], copied[k]));
    if (!changed) continue;
    changed->item = k;
    out.push_back(std::move(*changed));
  }
  return out;
}

}  // namespace sluice::promotion
