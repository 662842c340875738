// ImageStreamImports: created, never stored. Registries are asked outside of the lock.
#include "sandbox/core/tree.hpp"
#include "sandbox/core/world.hpp"
#include "sandbox/images/import/import.hpp"
#include "sandbox/images/kinds.hpp"
#include "sandbox/images/stream_store.hpp"

namespace sluice::sandbox {

namespace {

constexpr std::chrono::seconds kPatience{60};

class ImageStreamImports final : public Resource {
 public:
  explicit ImageStreamImports(net::Exchanger& exchanger)
      : Resource(image_traits("imagestreamimports", "ImageStreamImport", {"create"})), exchanger_(exchanger) {}

  bool leaves_lock(const ApiRequest& request) const override { return request.verb == "create"; }

  Answer<ApiReply> handle_unlocked(Watched<World>& world, const ApiRequest& request) override {
    SLUICE_TRY(const auto plan, world.with([&](World& now) { return plan_import(now, request.ns, request.body); }));
    const net::ExchangeContext context{Deadline::after(kPatience), {}};
    auto outcome = fetch_import(plan, exchanger_, context);
    SLUICE_TRY(auto import,
               world.update([&](World& now) { return store_import(now, request.caller, plan, std::move(outcome)); }));
    const bool linked = world.with([](const World& now) { return now.profile == Profile::v3_11; });
    if (linked) {
      set_at(import, {"metadata", "selfLink"}, self_link(traits(), request.ns, plan.name, request.legacy));
    }
    return ApiReply{201, with_kind("ImageStreamImport", request.legacy, import), ""};
  }

 private:
  net::Exchanger& exchanger_;
};

}  // namespace

std::unique_ptr<Resource> image_stream_imports_kind(net::Exchanger& exchanger) {
  return std::make_unique<ImageStreamImports>(exchanger);
}

}  // namespace sluice::sandbox
