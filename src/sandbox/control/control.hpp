#pragma once
// The control endpoint: scenarios and knobs for a running sandbox. Not part of OpenShift.
// POST /v1/scenario, POST /v1/knobs, GET /v1/state; Authorization: Bearer <control token>.

#include "net/server/http_server.hpp"

#include <string>

namespace sluice::sandbox {

class Sandbox;

/// Thread: any.
class ControlServer final : public net::RequestHandler {
 public:
  ControlServer(Sandbox& sandbox, std::string token) : sandbox_(sandbox), token_(std::move(token)) {}
  net::ServerReply handle(net::ServerRequest& request, net::BodyReceiver* receiver) override;

 private:
  Sandbox& sandbox_;
  std::string token_;
};

}  // namespace sluice::sandbox
