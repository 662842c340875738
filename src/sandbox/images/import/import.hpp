#pragma once
// Importing images: an ImageStreamImport in three parts, since registries are not waited for under the lock: what is
// to be fetched and how (plan), fetching it (fetch), and what it means to the stream (store). The kind
// imagestreamimports and the background imports both go this way.
// Source: OpenShift image/v1 ImageStreamImport.

#include "base/json.hpp"
#include "net/http.hpp"
#include "sandbox/core/access.hpp"
#include "sandbox/core/refusal.hpp"
#include "sandbox/core/store.hpp"
#include "sandbox/images/import/source.hpp"
#include "sandbox/images/pull_spec.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::sandbox {

struct World;

/// What an importer has to know of the world; a copy, so that it is used without the lock.
struct ImportGround {
  std::string internal;  ///< names of the integrated registry; "" for none
  std::string external;
  std::string listener;  ///< where it really listens
  std::string scheme;
  std::string ca_pem;
  std::vector<ObjectRef> secrets;  ///< of the project
  bool is_3_11 = false;
};
ImportGround import_ground(const World& world, std::string_view ns);

/// How the registry of a pull spec is reached, and the path of the repository there.
RegistryRoute import_route(const PullSpec& spec, bool insecure, const ImportGround& ground);
std::string import_path(const PullSpec& spec);

/// One image to import.
struct WantedImage {
  std::string from;  ///< pull spec
  bool insecure = false;
  bool preserve = false;  ///< importMode PreserveOriginal
  std::string prefer_os;  ///< from annotations of the tag
  std::string prefer_architecture;
};

/// What came back: Images with all their members, not stored yet.
struct FetchedImage {
  Json image;
  std::vector<Json> children;  ///< of a list that is kept
};
Answer<FetchedImage> fetch_image(const WantedImage& wanted, const ImportGround& ground, net::Exchanger& exchanger,
                                 const net::ExchangeContext& context);
/// The tags of a repository in the order in which they are imported: latest, versions from the newest, the rest.
Answer<std::vector<std::string>> fetch_tags(const WantedImage& repository, const ImportGround& ground,
                                            net::Exchanger& exchanger, const net::ExchangeContext& context);
/// That order.
void prioritize_tags(std::vector<std::string>& tags);

/// One fetched entry of an import: of spec.images, or of a repository.
struct ImportResult {
  std::string from;  ///< pull spec with its tag
  std::string tag;   ///< the tag of `from`; "" for a digest
  std::string to;    ///< the tag of the stream; "": none
  Json import_policy;
  Json reference_policy;
  bool with_manifest = false;
  std::optional<Refusal> failure;
  FetchedImage fetched;
};

/// The whole of an import, defaulted and checked.
struct ImportPlan {
  std::string ns;
  std::string name;
  Json spec;
  bool store = false;  ///< spec.import
  std::string expected_version;
  ImportGround ground;
  std::vector<WantedImage> images;  ///< one for each of spec.images
  std::optional<WantedImage> repository;
};
/// Refusals: 422, 409, 404.
Answer<ImportPlan> plan_import(const World& world, std::string_view ns, const Json& body);

struct ImportOutcome {
  std::vector<ImportResult> images;
  std::vector<ImportResult> repository_images;
  std::vector<std::string> additional_tags;
  std::optional<Refusal> repository_failure;
};
/// Thread: any; blocks; without the lock.
ImportOutcome fetch_import(const ImportPlan& plan, net::Exchanger& exchanger, const net::ExchangeContext& context);

/// Puts what was fetched into the stream, and returns the ImageStreamImport with its status.
Answer<Json> store_import(World& world, const Caller& caller, const ImportPlan& plan, ImportOutcome outcome);

}  // namespace sluice::sandbox
