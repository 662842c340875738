#include "sandbox/control/control.hpp"

#include "sandbox/control/sandbox.hpp"
#include "sandbox/core/http_text.hpp"

namespace sluice::sandbox {

namespace {

net::ServerReply json_reply(int status, const Json& body) {
  net::ServerReply reply;
  reply.status = status;
  reply.headers.add("Content-Type", "application/json");
  reply.body = body.dump() + "\n";
  return reply;
}

net::ServerReply error_reply(int status, const std::string& message) {
  auto body = Json::object();
  body.set("error", message);
  return json_reply(status, body);
}

net::ServerReply add_scenario(Sandbox& sandbox, const std::string& text) {
  const auto scenario = parse_scenario(text, "scenario");
  if (!scenario.ok()) return error_reply(400, scenario.error().sentence());
  const auto tokens = sandbox.apply(*scenario);
  if (!tokens.ok()) return error_reply(400, tokens.error().sentence());
  auto list = Json::object();
  for (const auto& [identity, token] : *tokens) list.set(identity, token);
  auto body = Json::object();
  body.set("tokens", std::move(list));
  return json_reply(200, body);
}

net::ServerReply turn_knob(Sandbox& sandbox, const std::string& text) {
  const auto settings = parse_json(text);
  if (!settings.ok()) return error_reply(400, settings.error().sentence());
  const auto turned = sandbox.turn(*settings);
  if (!turned.ok()) return error_reply(400, turned.error().sentence());
  return json_reply(200, Json::object());
}

}  // namespace

net::ServerReply ControlServer::handle(net::ServerRequest& request, net::BodyReceiver* /*receiver*/) {
  if (bearer_of(request.headers.get("Authorization").value_or("")) != token_) {
    return error_reply(401, "the control endpoint wants the sandbox's control token");
  }
  const auto path = request.path();
  if (path == "/v1/state" && request.method == "GET") return json_reply(200, sandbox_.state());
  if (path == "/v1/scenario" && request.method == "POST") return add_scenario(sandbox_, request.body);
  if (path == "/v1/knobs" && request.method == "POST") return turn_knob(sandbox_, request.body);
  return error_reply(404, "there are POST /v1/scenario, POST /v1/knobs and GET /v1/state");
}

}  // namespace sluice::sandbox
