// The parts of an import under the lock: what is wanted, and what it means to the stream.
#include "sandbox/images/import/import.hpp"

#include "sandbox/core/resource.hpp"
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/fields.hpp"
#include "sandbox/images/history.hpp"
#include "sandbox/images/limits.hpp"
#include "sandbox/images/stream_store.hpp"
#include "sandbox/images/tag_view.hpp"
#include "sandbox/images/tagging.hpp"

#include <fmt/format.h>

namespace sluice::sandbox {

namespace {

constexpr std::string_view kImports = "imagestreamimports";
constexpr std::string_view kChecked = "openshift.io/image.dockerRepositoryCheck";
constexpr std::string_view kPreferOs = "importer.image.openshift.io/prefer-os";
constexpr std::string_view kPreferArchitecture = "importer.image.openshift.io/prefer-arch";

Cause invalid_value(std::string field, std::string_view value, std::string_view why) {
  return {"FieldValueInvalid", fmt::format("Invalid value: \"{}\": {}", value, why), std::move(field)};
}

void check_from(const Json& entry, const std::string& path, bool repository, std::vector<Cause>& causes) {
  const auto kind = text_at(entry, {"from", "kind"});
  const auto name = text_at(entry, {"from", "name"});
  if (kind != "DockerImage") {
    causes.push_back(invalid_value(path + ".from.kind", kind, "only DockerImage is supported"));
    return;
  }
  if (name.empty()) {
    causes.push_back({"FieldValueRequired", "Required value: name is required", path + ".from.name"});
    return;
  }
  const auto spec = PullSpec::parse(name);
  if (!spec) {
    causes.push_back(invalid_value(path + ".from.name", name, "invalid reference format"));
  } else if (repository && (!spec->tag.empty() || !spec->digest.empty())) {
    causes.push_back(
        invalid_value(path + ".from.name", name, "you must specify an image repository without a tag or ID"));
  } else if (!spec->digest.empty() && flag_at(entry, {"importPolicy", "scheduled"})) {
    causes.push_back(invalid_value(path + ".from.name", name, "only tags can be scheduled for import"));
  }
}

// The defaults of one entry, as the answer shows them.
void default_entry(Json& entry, bool repository, bool import_mode) {
  default_at(entry, {"importPolicy"}, Json::object());
  default_at(entry, {"referencePolicy", "type"}, "Source");
  if (import_mode) {
    default_at(entry, {"importPolicy", "importMode"}, "Legacy");
  } else {
    // A server that does not know a field drops it when it reads the body.
    remove_at(entry, {"importPolicy", "importMode"});
  }
  if (repository || !at(entry, {"to"}).is_null()) return;
  const auto spec = PullSpec::parse(text_at(entry, {"from", "name"}));
  if (!spec || !spec->digest.empty()) return;
  set_at(entry, {"to", "name"}, spec->tag.empty() ? "latest" : spec->tag);
}

Json default_spec(const World& world, const Json& body) {
  const bool import_mode = world.profile == Profile::v4;
  auto spec = Json::object();
  spec.set("import", flag_at(body, {"spec", "import"}));
  if (at(body, {"spec", "repository"}).is_object()) {
    auto entry = at(body, {"spec", "repository"});
    default_entry(entry, true, import_mode);
    spec.set("repository", std::move(entry));
  }
  if (!at(body, {"spec", "images"}).items().empty()) {
    auto images = at(body, {"spec", "images"});
    for (auto& entry : *images.elements()) default_entry(entry, false, import_mode);
    spec.set("images", std::move(images));
  }
  return spec;
}

Verdict check_spec(const std::string& name, const Json& spec) {
  std::vector<Cause> causes;
  const auto& images = at(spec, {"images"}).items();
  if (images.empty() && !at(spec, {"repository"}).is_object()) {
    causes.push_back(
        invalid_value("spec.images", "null", "you must specify at least one image or a repository import"));
  }
  for (std::size_t i = 0; i < images.size(); ++i)
    check_from(images[i], fmt::format("spec.images[{}]", i), false, causes);
  if (at(spec, {"repository"}).is_object()) check_from(at(spec, {"repository"}), "spec.repository", true, causes);
  auto named = Json::object();
  set_at(named, {"metadata", "name"}, name);
  check_stream(named, causes);
  if (!causes.empty()) return invalid(kImageGroup, "ImageStreamImport", name, std::move(causes));
  return {};
}

WantedImage wanted_of(const Json& entry, const ObjectRef& stream) {
  WantedImage wanted;
  wanted.from = text_at(entry, {"from", "name"});
  wanted.insecure = flag_at(entry, {"importPolicy", "insecure"});
  wanted.preserve = text_at(entry, {"importPolicy", "importMode"}) == "PreserveOriginal";
  const auto* tag = stream ? spec_tag(*stream, text_at(entry, {"to", "name"})) : nullptr;
  if (tag != nullptr) {
    wanted.prefer_os = text_at(*tag, {"annotations", kPreferOs});
    wanted.prefer_architecture = text_at(*tag, {"annotations", kPreferArchitecture});
  }
  return wanted;
}

// A Status inside of another object: without kind and apiVersion.
Json inner_status(const std::optional<Refusal>& failure) {
  if (failure) {
    auto status = failure->to_json();
    status.remove("kind");
    status.remove("apiVersion");
    return status;
  }
  auto status = Json::object();
  status.set("metadata", Json::object());
  status.set("status", "Success");
  return status;
}

// Works one import into a stream at hand.
class StreamImport {
 public:
  StreamImport(World& world, Json& stream) : world_(world), stream_(stream), now_(world.now_text()) {
    generation_ = number_at(stream, {"metadata", "generation"}) + 1;
  }

  void apply(ImportResult& result, bool set_tag_on_failure) {
    if (result.to.empty()) return;
    if (result.failure) {
      note_failure(result);
      if (set_tag_on_failure && spec_tag(stream_, result.to) == nullptr) reset_tag(result);
      return;
    }
    const TagEvent event{now_, text_at(result.fetched.image, {"dockerImageReference"}), name_of(result.fetched.image),
                         generation_};
    if (is_news(result.to, event)) {
      reset_tag(result);
      add_event(stream_, result.to, event);
    }
    auto reference = *spec_tag(stream_, result.to);
    reference.set("importPolicy", result.import_policy);
    set_spec_tag(stream_, result.to, std::move(reference));
    clear_conditions(stream_, result.to);
    for (auto& child : result.fetched.children) store(child);
    store(result.fetched.image);
  }

 private:
  bool is_news(const std::string& tag, const TagEvent& event) const {
    const auto top = newest_event(stream_, tag);
    if (!top || top->reference != event.reference || top->image != event.image) return true;
    const auto* reference = spec_tag(stream_, tag);
    return reference == nullptr || number_at(*reference, {"generation"}) != top->generation;
  }

  void reset_tag(const ImportResult& result) {
    const auto* old = spec_tag(stream_, result.to);
    auto reference = old == nullptr ? Json::object() : *old;
    auto from = Json::object();
    from.set("kind", "DockerImage");
    from.set("name", result.from);
    reference.set("from", std::move(from));
    reference.set("generation", 0);
    reference.set("importPolicy", result.import_policy);
    reference.set("referencePolicy", result.reference_policy);
    set_spec_tag(stream_, result.to, std::move(reference));
  }

  // A failure that is known already is only brought up to date with the tag, so that it is not tried for ever.
  void note_failure(const ImportResult& result) {
    auto condition = Json::object();
    condition.set("type", "ImportSuccess");
    condition.set("status", "False");
    condition.set("lastTransitionTime", now_);
    condition.set("reason", result.failure->reason);
    condition.set("message", result.failure->message);
    const auto* reference = spec_tag(stream_, result.to);
    const auto tagged = reference == nullptr ? generation_ : number_at(*reference, {"generation"});
    const auto* history = history_of(stream_, result.to);
    const auto& known = history == nullptr ? Json::object() : at(*history, {"conditions"});
    for (const auto& other : known.items()) {
      if (at(other, {"reason"}) == at(condition, {"reason"}) && number_at(other, {"generation"}) >= tagged) return;
    }
    condition.set("generation", generation_);
    set_condition(stream_, result.to, std::move(condition));
    if (reference == nullptr) return;
    auto asked = *reference;
    asked.set("generation", 0);
    set_spec_tag(stream_, result.to, std::move(asked));
  }

  // Stores the Image unless it is there, and shows in `image` what the server would.
  void store(Json& image) {
    const auto digest = name_of(image);
    const auto key = Key{std::string(kImages), "", digest};
    if (!world_.store.get(key)) {
      image = *world_.store.create(key, image);
      return;
    }
    set_at(image, {"metadata", "uid"}, new_uid());
    set_at(image, {"metadata", "creationTimestamp"}, now_);
  }

  World& world_;
  Json& stream_;
  std::string now_;
  std::int64_t generation_ = 0;
};

Json result_status(const ImportResult& result) {
  auto status = Json::object();
  status.set("status", inner_status(result.failure));
  if (!result.failure) {
    auto image = result.with_manifest ? result.fetched.image : embedded_image(result.fetched.image);
    default_at(image, {"metadata", "creationTimestamp"}, Json());
    status.set("image", std::move(image));
    if (!result.fetched.children.empty()) {
      auto children = Json::array();
      for (const auto& child : result.fetched.children) children.push(embedded_image(child));
      status.set("manifests", std::move(children));
    }
  }
  if (!result.tag.empty()) status.set("tag", result.tag);
  return status;
}

Answer<ObjectRef> write_stream(World& world, const Caller& caller, const ImportPlan& plan, ImportOutcome& outcome) {
  const auto before = find_stream(world, plan.ns, plan.name);
  if (!plan.expected_version.empty()) {
    if (!before) return not_found(kImageGroup, "imagestreams", plan.name);
    const auto version = text_at(*before, {"metadata", "resourceVersion"});
    if (version != plan.expected_version) {
      return conflict(
          kImageGroup, "imagestream", plan.name,
          fmt::format("the image stream was updated from \"{}\" to \"{}\"", plan.expected_version, version));
    }
  }
  auto stream = before ? *before : Json::object();
  set_at(stream, {"metadata", "name"}, plan.name);
  set_at(stream, {"metadata", "namespace"}, plan.ns);
  StreamImport import(world, stream);
  for (auto& result : outcome.repository_images) import.apply(result, false);
  for (auto& result : outcome.images) import.apply(result, true);
  const bool checked = !annotation(stream, kChecked).empty();
  if (before && checked && same_tree(stream, *before)) return before;
  annotate(stream, kChecked, world.now_text());
  if (before) return change_stream(world, caller, *before, std::move(stream));
  return make_stream(world, caller, plan.ns, std::move(stream));
}

}  // namespace

ImportGround import_ground(const World& world, std::string_view ns) {
  ImportGround ground;
  if (world.registry.present) {
    ground.internal = world.registry.internal;
    ground.external = world.registry.external.value_or("");
    ground.listener = world.registry.listener;
    ground.scheme = world.registry.scheme;
  }
  ground.ca_pem = world.ca_pem;
  ground.is_3_11 = world.profile == Profile::v3_11;
  for (const auto& secret : world.store.list("secrets", ns)) {
    const auto type = text_at(*secret, {"type"});
    if (type == "kubernetes.io/dockercfg" || type == "kubernetes.io/dockerconfigjson") ground.secrets.push_back(secret);
  }
  return ground;
}

Answer<ImportPlan> plan_import(const World& world, std::string_view ns, const Json& body) {
  if (!world.project_exists(ns)) return not_found("", "namespaces", ns);
  ImportPlan plan;
  plan.ns = ns;
  plan.name = name_of(body);
  plan.spec = default_spec(world, body);
  plan.store = flag_at(plan.spec, {"import"});
  plan.expected_version = text_at(body, {"metadata", "resourceVersion"});
  const auto stream = find_stream(world, ns, plan.name);
  if (plan.store && !stream) SLUICE_CHECK(check_stream_quota(world, ns, kImports, plan.name));
  SLUICE_CHECK(check_spec(plan.name, plan.spec));
  for (const auto& entry : at(plan.spec, {"images"}).items()) plan.images.push_back(wanted_of(entry, stream));
  if (at(plan.spec, {"repository"}).is_object()) plan.repository = wanted_of(at(plan.spec, {"repository"}), nullptr);
  plan.ground = import_ground(world, ns);
  return plan;
}

Answer<Json> store_import(World& world, const Caller& caller, const ImportPlan& plan, ImportOutcome outcome) {
  auto status = Json::object();
  if (plan.store) {
    SLUICE_TRY(auto stored, write_stream(world, caller, plan, outcome));
    auto stream = *stored;
    show_repositories(world, stream, false);
    status.set("import", std::move(stream));
  }
  if (plan.repository) {
    auto repository = Json::object();
    repository.set("status", inner_status(outcome.repository_failure));
    if (!outcome.repository_images.empty()) {
      auto images = Json::array();
      for (const auto& result : outcome.repository_images) images.push(result_status(result));
      repository.set("images", std::move(images));
    }
    if (!outcome.additional_tags.empty()) {
      auto more = Json::array();
      for (const auto& tag : outcome.additional_tags) more.push(tag);
      repository.set("additionalTags", std::move(more));
    }
    status.set("repository", std::move(repository));
  }
  if (!outcome.images.empty()) {
    auto images = Json::array();
    for (const auto& result : outcome.images) images.push(result_status(result));
    status.set("images", std::move(images));
  }
  auto metadata = Json::object();
  metadata.set("name", plan.name);
  metadata.set("namespace", plan.ns);
  metadata.set("uid", new_uid());
  metadata.set("creationTimestamp", world.now_text());
  auto import = Json::object();
  import.set("metadata", std::move(metadata));
  import.set("spec", plan.spec);
  import.set("status", std::move(status));
  return import;
}

}  // namespace sluice::sandbox
