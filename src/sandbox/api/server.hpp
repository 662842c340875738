#pragma once
// ApiServer: takes requests of the OpenShift API apart, decides who may, and hands them to their Resource.

#include "net/server/http_server.hpp"
#include "sandbox/api/lists.hpp"
#include "sandbox/api/oauth.hpp"
#include "sandbox/api/path.hpp"
#include "sandbox/api/watch.hpp"
#include "sandbox/core/resource.hpp"
#include "sandbox/core/world.hpp"

#include <atomic>
#include <memory>
#include <string>

namespace sluice::sandbox {

/// Thread: any of the server's handlers; the World's lock is taken for each request.
class ApiServer final : public net::RequestHandler {
 public:
  ApiServer(SharedWorld& world, const Catalog& catalog, WatchHub& hub);

  net::ServerReply handle(net::ServerRequest& request, net::BodyReceiver* receiver) override;

  /// The URL that the OAuth metadata shows. Before the first request.
  void set_issuer(std::string url) { oauth_.set_issuer(std::move(url)); }
  std::uint64_t requests() const { return requests_.load(); }

 private:
  net::ServerReply answer(net::ServerRequest& request);
  net::ServerReply serve_path(World& world, const Caller& caller, const net::ServerRequest& request);
  Answer<ApiReply> serve_resource(World& world, ApiRequest& api, Resource& resource);
  net::ServerReply serve(const ApiPath& path, const Caller& caller, const net::ServerRequest& request);

  SharedWorld& world_;
  const Catalog& catalog_;
  WatchHub& hub_;
  Pages pages_;        // under the World's lock
  OAuthServer oauth_;  // under the World's lock
  std::atomic<std::uint64_t> requests_{0};
};

}  // namespace sluice::sandbox
