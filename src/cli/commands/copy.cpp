// copy: one image between two registries, or between a registry and a container engine (docker-daemon:).

#include "archive/engine_images.hpp"
#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/view/attachment.hpp"
#include "cli/view/promotion.hpp"
#include "copy/carry.hpp"
#include "copy/prove.hpp"
#include "copy/publish.hpp"
#include "oci/reference.hpp"
#include "promotion/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sluice::cli {

namespace {

using Side = app::Session::Side;

places::ManifestName name_of(const oci::Reference& reference) {
  if (reference.digest) return places::ManifestName::digest(*reference.digest);
  return places::ManifestName::tag(reference.tag.value_or("latest"));
}

// What is printed in the end, whichever way the image went.
struct Copied {
  std::string source;
  std::string destination;
  std::string digest;
  copy::Road road = copy::Road::stream;
  std::string why{};
  Json platforms{};
  bool digest_changed = false;
  std::string image_id{};  // an engine's; empty: there was none
  std::vector<Finding> findings{};
  copy::Amounts blobs{};
  copy::Amounts bytes{};
  std::uint64_t retries = 0;
  std::optional<std::vector<copy::AttachmentState>> attachments{};  // empty: nobody knows
};

// Platforms of an index; an image alone says it in its config, which a copy does not read.
Json platforms_json(const copy::SurveyedItem& item) {
  if (!item.root().is_index()) return {};
  Json out = Json::array();
  for (const auto& platform : copy::platforms_of(item)) out.push(platform);
  return out;
}

void print_copied(const Context& context, const Copied& copied, double seconds) {
  const auto requests = context.session.requests();
  if (context.json()) {
    Json findings = Json::array();
    for (const auto& finding : copied.findings) findings.push(promotion::to_json(finding));
    context.print_explained(Json::object()
                                .set("schema", "sluice.copy/1")
                                .set("source", copied.source)
                                .set("destination", copied.destination)
                                .set("digest", copied.digest)
                                .set("image_id", copied.image_id.empty() ? Json() : Json(copied.image_id))
                                .set("road", to_string(copied.road))
                                .set("platforms", copied.platforms)
                                .set("attachments", promotion::attachments_json(copied.attachments))
                                .set("digest_changed", copied.digest_changed)
                                .set("findings", std::move(findings))
                                .set("blobs", promotion::to_json(copied.blobs))
                                .set("bytes", promotion::to_json(copied.bytes))
                                .set("retries", copied.retries)
                                .set("requests", requests)
                                .set("seconds", seconds));
    return;
  }
  const auto& c = context.console;
  const auto attached = attachments_text(copied.attachments);
  context.console.out(fmt::format(
      "{} {}\n{}  road    {} ({})\n  moved   {} in {} blobs, mounted {} in {}, present {} in {}\n{}  took    {}, {} "
      "requests\n",
      c.bold(copied.destination), copied.digest, copied.image_id.empty() ? "" : "  image   " + copied.image_id + "\n",
      c.green(to_string(copied.road)), copied.why, text::human_bytes(copied.bytes.moved), copied.blobs.moved,
      text::human_bytes(copied.bytes.mounted), copied.blobs.mounted, text::human_bytes(copied.bytes.present),
      copied.blobs.present, attached.empty() ? "" : "  attached " + attached + "\n", text::human_seconds(seconds),
      requests));
}

void tell_findings(const std::vector<Finding>& findings, Context& context) {
  context.view.clear();
  for (const auto& finding : findings) context.console.err(finding_line(finding, context.console, false));
}

// Where an image is read from.
struct Source {
  std::string text;
  std::string label;
  copy::Origin origin;
  places::ManifestName name;
  std::optional<archive::EngineImage> engine{};  // it is an engine's, and this holds it
};

Result<Source> open_source(const std::string& text, Context& context) {
  if (archive::is_daemon(text)) {
    SLUICE_TRY(const auto name, archive::parse_daemon_name(text).context("SOURCE"));
    context.report.source = name.text();
    SLUICE_TRY(const auto engine, context.session.engine_access());
    SLUICE_TRY(auto image, archive::take_out(engine, name, context.events, context.stop));
    auto* place = image.place.get();
    const auto digest = place->image().manifest.digest;
    return Source{.text = name.text(),
                  .label = name.label(),
                  .origin = {place, name.label()},
                  .name = places::ManifestName::digest(digest),
                  .engine = std::move(image)};
  }
  SLUICE_TRY(const auto from, oci::Reference::parse(text).context("SOURCE"));
  context.report.source = from.text();
  SLUICE_TRY(auto* place, context.session.registry(from.repository.registry, Side::source));
  return Source{.text = from.text(),
                .label = from.repository.path,
                .origin = {place, from.repository.path},
                .name = name_of(from)};
}

std::vector<Finding> findings_of(const Source& source, const copy::SurveyedItem& item, const std::string& destination) {
  auto out = copy::findings_of(item, destination);
  if (!source.engine) return out;
  out.push_back({.code = "engine-digest",
                 .severity = Severity::info,
                 .subject = source.text,
                 .sentence = "an engine keeps no manifest of a registry, so " + item.root().digest.text() +
                             " was made by this copy; the image is " + source.engine->id + " as before",
                 .fix = {}});
  return out;
}

// The ways in which registries refuse an index of which they do not have all images.
bool wants_all_children(const Error& error) {
  const auto& code = error.registry_code();
  return code == "MANIFEST_BLOB_UNKNOWN" || code == "MANIFEST_UNKNOWN" || code == "MANIFEST_INVALID" ||
         code == "BLOB_UNKNOWN" || code == "NOT_FOUND";
}

// Writes what the survey found missing, and proves it.
Status write(const Copy& copy, copy::Survey& survey, Context& context) {
  const copy::ProofOptions proof{.retry_times = context.common.session.retry_times, .all = true};
  const bool equal =
      std::all_of(survey.items.begin(), survey.items.end(), [](const auto& item) { return item.all_equal; });
  if (equal) {
    return copy.check_blobs ? copy::prove(survey, {0}, proof, context.events, context.stop) : Status();
  }
  const copy::CarryOptions options{
      .retry_times = context.common.session.retry_times, .stage_roots = false, .journal = context.session.journal()};
  auto carried = copy::carry(survey, options, context.events, context.stop);
  context.report.images = {image_report(survey.items.front(), context.report.destination, true)};
  SLUICE_CHECK(std::move(carried));
  if (copy.check_blobs) SLUICE_CHECK(copy::prove(survey, {0}, proof, context.events, context.stop));
  const copy::PublishOptions publishing{.retry_times = options.retry_times, .prove = !copy.check_blobs};
  auto published = copy::publish(survey, {0}, {}, publishing, context.events, context.stop);
  auto& item = survey.items.front();
  if (published || !item.sparse || copy.preserve_digests || !wants_all_children(published.error())) return published;
  SLUICE_CHECK(copy::leave_out_missing(item));
  return copy::publish(survey, {0}, {}, publishing, context.events, context.stop);
}

// An image alone says its platform in its config.
Status check_platform(const Copy& copy, const copy::SurveyedItem& item, Context& context) {
  if (copy.platforms.empty() || item.root().is_index() || !item.root().config) return {};
  SLUICE_TRY(const auto bytes, item.origin.place->small_blob(item.origin.repository, *item.root().config,
                                                             oci::kMaxManifestBytes, context.stop));
  SLUICE_TRY(const auto config, oci::parse_image_config(bytes));
  const auto has = config.platform.text();
  const bool fits = std::any_of(copy.platforms.begin(), copy.platforms.end(), [&](const std::string& wanted) {
    return has == wanted || has.starts_with(wanted + "/");
  });
  if (fits) return {};
  return Error(ErrorKind::not_found, fmt::format("{} is an image for {} alone, not for {}", item.root().digest.text(),
                                                 text::printable(has), text::join(copy.platforms, " or ")));
}

Finding sparse_finding(const copy::SurveyedItem& item, const oci::Digest& source, const std::string& subject) {
  const auto platforms = text::printable(text::join(copy::platforms_of(item), ", "));
  if (item.root().digest == source) {
    return {.code = "index-sparse",
            .severity = Severity::info,
            .subject = subject,
            .sentence = "the index names more platforms than stand there: it has " + platforms,
            .fix = {}};
  }
  return {
      .code = "index-rewritten",
      .severity = Severity::warning,
      .subject = subject,
      .sentence = fmt::format("the registry takes no index with missing images, so {} is an index of {} alone; what "
                              "is attached to {} is about that one",
                              item.root().digest.text(), platforms, source.text()),
      .fix = "copy all platforms to keep the digest"};
}

Result<Copied> into_registry(const Copy& copy, Context& context) {
  SLUICE_TRY(const auto to, oci::Reference::parse(copy.destination).context("DESTINATION"));
  context.report.destination = to.text();
  SLUICE_TRY(const auto source, open_source(copy.source, context));
  SLUICE_TRY(auto* dest, context.session.registry(to.repository.registry, Side::destination));
  copy::Item item{.label = source.label,
                  .origins = {source.origin},
                  .name = source.name,
                  .dest = dest,
                  .dest_repository = to.repository.path,
                  .tags = {},
                  .platforms = copy.platforms,
                  .include_foreign = copy.include_foreign,
                  .attachments = copy.no_attachments ? copy::Attachments::leave : copy::Attachments::carry};
  if (to.tag) item.tags.push_back(*to.tag);
  SLUICE_TRY(auto survey, copy::survey({std::move(item)}, true, context.events, context.stop));
  const auto& surveyed = survey.items.front();  // behind it stands what is attached to it
  context.report.images = {image_report(surveyed, to.text(), false)};
  if (to.digest && *to.digest != surveyed.root().digest) {
    return Error(ErrorKind::integrity, fmt::format("{} is {}, not the {} that the destination names", source.text,
                                                   surveyed.root().digest.text(), to.digest->text()))
        .with_hint("nothing was written; name the source by the digest you mean");
  }
  SLUICE_CHECK(check_platform(copy, surveyed, context));
  auto findings = findings_of(source, surveyed, to.text());
  tell_findings(findings, context);
  const bool sparse = surveyed.sparse;
  const auto digest = surveyed.root().digest;
  SLUICE_CHECK(write(copy, survey, context));
  if (sparse) {
    findings.push_back(sparse_finding(surveyed, digest, to.text()));
    tell_findings({findings.back()}, context);
  }
  context.report.images = {image_report(surveyed, to.text(), true)};
  return Copied{.source = source.text,
                .destination = to.text(),
                .digest = surveyed.root().digest.text(),
                .road = surveyed.road,
                .why = surveyed.why,
                .platforms = platforms_json(surveyed),
                .digest_changed = source.engine.has_value() || surveyed.root().digest != digest,
                .image_id = source.engine ? source.engine->id : std::string(),
                .findings = std::move(findings),
                .blobs = surveyed.blobs,
                .bytes = surveyed.bytes,
                .retries = surveyed.retries,
                .attachments = survey.attachments_of(0)};
}

std::vector<Finding> findings_of(const archive::Loaded& loaded, const archive::DaemonName& to) {
  std::vector<Finding> out;
  if (!loaded.left.empty()) {
    out.push_back({.code = "one-platform",
                   .severity = Severity::info,
                   .subject = to.text(),
                   .sentence = "an engine takes one platform of an index: it has " + text::printable(loaded.platform) +
                               ", and not " + text::printable(text::join(loaded.left, ", ")),
                   .fix = {}});
  }
  if (!loaded.before.empty()) {
    out.push_back({.code = "name-moved",
                   .severity = Severity::info,
                   .subject = to.text(),
                   .sentence = to.image + " was the name of " + text::printable(loaded.before) +
                               ", which stays in the engine without it",
                   .fix = {}});
  }
  return out;
}

Result<Copied> into_engine(const Copy& copy, Context& context) {
  SLUICE_TRY(const auto to, archive::parse_daemon_name(copy.destination).context("DESTINATION"));
  if (to.tag.empty()) {
    return Error(ErrorKind::usage, "DESTINATION: " + to.text() + " is no name that an engine could give an image")
        .with_hint("write docker-daemon:shop/web:1.4");
  }
  context.report.destination = to.text();
  SLUICE_TRY(const auto source, open_source(copy.source, context));
  SLUICE_TRY(const auto engine, context.session.engine_access());
  const archive::LoadOrder order{.from = source.origin,
                                 .name = source.name,
                                 .source = source.text,
                                 .to = to,
                                 .retry_times = context.common.session.retry_times};
  SLUICE_TRY(auto loaded, archive::bring_in(engine, order, context.events, context.stop));
  auto findings = findings_of(loaded, to);
  tell_findings(findings, context);
  const auto road = loaded.was_there ? copy::Road::present : copy::Road::stream;
  const std::string why = loaded.was_there ? "the engine has this image already" : "into the engine";
  context.report.images = {{.image = to.label(),
                            .target = to.text(),
                            .road = road,
                            .considered = {{road, true, why}},
                            .travelled = true,
                            .bytes = loaded.bytes,
                            .blobs = loaded.blobs,
                            .retries = loaded.retries}};
  return Copied{.source = source.text,
                .destination = to.text(),
                .digest = loaded.manifest.digest.text(),
                .road = road,
                .why = why,
                .platforms = loaded.platform.empty() ? Json() : Json::array().push(loaded.platform),
                .digest_changed = !loaded.platform.empty(),
                .image_id = loaded.image_id,
                .findings = std::move(findings),
                .blobs = loaded.blobs,
                .bytes = loaded.bytes,
                .retries = loaded.retries};
}

// What somebody asks for is kept, or refused.
Status check_flags(const Copy& copy, bool from_engine, bool to_engine) {
  if ((from_engine || to_engine) && (!copy.platforms.empty() || copy.include_foreign)) {
    return Error(ErrorKind::usage, "--platform and --include-foreign are not supported with docker-daemon: yet")
        .with_hint("leave them out: an engine takes the platform of its own machine");
  }
  if (to_engine && from_engine) {
    return Error(ErrorKind::usage, "SOURCE and DESTINATION are both of the engine, and there is one engine")
        .with_hint("give the image another name with: docker tag");
  }
  if (copy.preserve_digests && (from_engine || to_engine)) {
    return Error(ErrorKind::usage,
                 "--preserve-digests cannot be kept with docker-daemon:, since an engine keeps no manifests")
        .with_hint("leave it out: the image keeps its config, and the digest of that is its id");
  }
  if (copy.check_blobs && to_engine) {
    return Error(ErrorKind::usage, "--check-blobs cannot be kept with an engine, which lets nobody read its blobs")
        .with_hint("leave it out: the engine proves each layer by what it unpacks to");
  }
  return {};
}

}  // namespace

Exit execute(const Copy& copy, Context& context) {
  const auto began = std::chrono::steady_clock::now();
  const bool to_engine = archive::is_daemon(copy.destination);
  SLUICE_CHECK(check_flags(copy, archive::is_daemon(copy.source), to_engine));
  SLUICE_TRY(const auto copied, to_engine ? into_engine(copy, context) : into_registry(copy, context));
  context.view.clear();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  print_copied(context, copied, took.count());
  return 0;
}

}  // namespace sluice::cli
