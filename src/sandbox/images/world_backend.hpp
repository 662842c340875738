#pragma once
// WorldBackend: what the registry asks, answered from the world.

#include "sandbox/core/resource.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/registry_backend.hpp"

namespace sluice::sandbox {

/// Thread: any; takes the World's lock for each question.
class WorldBackend final : public RegistryBackend {
 public:
  WorldBackend(SharedWorld& world, const Catalog& catalog) : world_(world), catalog_(catalog) {}

  std::optional<Caller> authenticate(std::string_view token) override;
  bool may(const Caller& caller, const Attributes& wanted) override;
  std::string internal_host() override;
  bool stream_exists(std::string_view ns, std::string_view stream) override;
  std::vector<std::string> tags(std::string_view ns, std::string_view stream) override;
  std::optional<std::string> digest_of_tag(std::string_view ns, std::string_view stream, std::string_view tag) override;
  bool history_has(std::string_view ns, std::string_view stream, std::string_view digest) override;
  bool history_references_blob(std::string_view ns, std::string_view stream, std::string_view digest) override;
  std::vector<std::string> streams() override;
  std::optional<RemoteImage> remote(std::string_view ns, std::string_view stream, std::string_view digest) override;
  std::optional<Json> image(std::string_view digest) override;
  Verdict add_mapping(std::string_view ns, std::string_view stream, std::string_view tag, Json image) override;
  Verdict add_image(std::string_view ns, std::string_view stream, Json image) override;
  Verdict create_stream(const Caller& caller, std::string_view ns, std::string_view stream) override;
  Answer<Json> add_signature(const Caller& caller, Json signature) override;

 private:
  SharedWorld& world_;
  const Catalog& catalog_;
};

}  // namespace sluice::sandbox
