#include "support/fake_registry.hpp"

#include "support/fake_registry_body.hpp"
#include "support/fake_registry_state.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <utility>

namespace sluice::support {

namespace {

// Handlers may stand at gates while others have to go on.
constexpr unsigned kHandlers = 32;

net::ServerReply route(Watched<FakeContent>& shared, FakeContent& c, const FakeCall& call, FakeBody& body) {
  const auto path = call.request.path();
  if (path == "/token") return give_token(c, call.request, body.text());
  const bool in_session = call.part == "uploads" && (call.request.method == "PATCH" || call.request.method == "PUT");
  if (!in_session) {  // these were asked before their body came
    if (auto no = admit(c, call)) return std::move(*no);
  }
  if (path == "/v2/") return empty_reply(200);
  if (call.part == "tags") return answer_tags(c, call);
  if (call.part == "referrers") return answer_referrers(c, call);
  if (call.part == "manifests") return answer_manifest(c, call, body.text());
  if (call.part == "blobs") return answer_blob(shared, c, call, body.rule());
  if (call.part == "uploads") return answer_upload(c, call);
  return refused(404, "NAME_UNKNOWN");
}

}  // namespace

struct FakeRegistry::State {
  // One address of the registry.
  struct Door final : net::RequestHandler {
    Door(Watched<FakeContent>& all, bool is_other) : content(all), other(is_other) {}
    std::shared_ptr<net::BodyReceiver> receive(const net::ServerRequest& head) override {
      return std::make_shared<FakeBody>(content, head, other);
    }
    net::ServerReply handle(net::ServerRequest& request, net::BodyReceiver* receiver) override;

    Watched<FakeContent>& content;
    bool other;
  };

  Watched<FakeContent> content;
  Door door{content, false};
  Door other_door{content, true};
  std::string host;
  std::string other_host;
  net::HttpServer server{net::ServerOptions{.handlers = kHandlers}};  // last: it uses all the others
};

net::ServerReply FakeRegistry::State::Door::handle(net::ServerRequest& request, net::BodyReceiver* receiver) {
  auto& body = dynamic_cast<FakeBody&>(*receiver);
  const auto& rule = body.rule();
  if (rule && rule->before) rule->before(content.with([&](const FakeContent& c) { return c.log.at(body.entry()); }));
  if (rule && rule->hold && !rule->at_byte) rule->hold->pass();
  auto call = FakeCall::of(request);
  call.other_host = other;
  call.entry = body.entry();
  return content.update([&](FakeContent& c) {
    auto reply = body.verdict() ? std::move(*body.verdict()) : route(content, c, call, body);
    if (body.verdict()) {
      body.broke(c);
    } else {
      body.keep();
    }
    if (rule && !reply.reset) {
      for (const auto& field : rule->headers.fields()) reply.headers.set(field.name, field.value);
    }
    c.log.at(body.entry()).status = reply.reset ? 0 : reply.status;
    return reply;
  });
}

FakeRegistry::FakeRegistry(Knobs knobs, std::uint16_t port) : state_(std::make_unique<State>()) {
  state_->content.update([&](FakeContent& c) { c.knobs = std::move(knobs); });
  const auto bound = state_->server.listen("127.0.0.1", port, state_->door);
  const auto other = state_->server.listen("127.0.0.1", 0, state_->other_door);
  if (!bound || !other) std::abort();
  state_->host = fmt::format("127.0.0.1:{}", *bound);
  state_->other_host = fmt::format("127.0.0.1:{}", *other);
  state_->content.update([&](FakeContent& c) {
    c.host = state_->host;
    c.other_host = state_->other_host;
  });
}
FakeRegistry::~FakeRegistry() {
  const auto gates = state_->content.with([](const FakeContent& c) { return c.gates; });
  for (const auto& gate : gates) gate->open();
}
const std::string& FakeRegistry::host() const { return state_->host; }
const std::string& FakeRegistry::other_host() const { return state_->other_host; }

void FakeRegistry::turn(const std::function<void(Knobs&)>& change) {
  state_->content.update([&](FakeContent& c) { change(c.knobs); });
}
void FakeRegistry::add(Rule rule) {
  state_->content.update([&](FakeContent& c) {
    if (rule.hold) c.gates.push_back(rule.hold);
    c.rules.push_back(std::move(rule));
  });
}
void FakeRegistry::clear_rules() {
  state_->content.update([](FakeContent& c) { c.rules.clear(); });
}

std::string FakeRegistry::put_blob(const std::string& repository, std::string_view bytes) {
  auto digest = fake_digest(bytes);
  put_blob_as(repository, digest, bytes);
  return digest;
}
std::string FakeRegistry::make_blob(const std::string& repository, std::uint64_t seed, std::uint64_t size_bytes) {
  constexpr std::uint64_t kPiece = std::uint64_t{1} * 1024 * 1024;
  auto bytes = std::make_shared<FakeBytes>();
  std::mt19937_64 random(seed);
  std::string piece;
  while (bytes->size() < size_bytes) {
    piece.resize(std::min(kPiece, size_bytes - bytes->size()));
    for (std::size_t at = 0; at < piece.size(); at += sizeof(std::uint64_t)) {
      const auto number = random();
      std::memcpy(piece.data() + at, &number, std::min(sizeof number, piece.size() - at));
    }
    bytes->append(piece);
  }
  auto digest = bytes->digest(HashAlgorithm::sha256);
  state_->content.update([&](FakeContent& c) { c.repositories[repository].blobs[digest] = std::move(bytes); });
  return digest;
}
void FakeRegistry::put_blob_as(const std::string& repository, const std::string& digest, std::string_view bytes) {
  state_->content.update(
      [&](FakeContent& c) { c.repositories[repository].blobs[digest] = std::make_shared<FakeBytes>(bytes); });
}
std::string FakeRegistry::put_manifest(const std::string& repository, const std::string& bytes,
                                       const std::string& media_type, const std::string& tag) {
  auto digest = fake_digest(bytes);
  state_->content.update([&](FakeContent& c) {
    c.repositories[repository].manifests[digest] = {digest, media_type, bytes};
    if (!tag.empty()) c.repositories[repository].tags[tag] = digest;
  });
  return digest;
}
void FakeRegistry::tag(const std::string& repository, const std::string& tag, const std::string& digest) {
  state_->content.update([&](FakeContent& c) { c.repositories[repository].tags[tag] = digest; });
}
void FakeRegistry::remove_blob(const std::string& repository, const std::string& digest) {
  state_->content.update([&](FakeContent& c) { c.repositories[repository].blobs.erase(digest); });
}

bool FakeRegistry::has_blob(const std::string& repository, const std::string& digest) const {
  return state_->content.with([&](FakeContent& c) { return c.repositories[repository].blobs.contains(digest); });
}
std::optional<std::string> FakeRegistry::blob_of(const std::string& repository, const std::string& digest) const {
  return state_->content.with([&](FakeContent& c) -> std::optional<std::string> {
    const auto& blobs = c.repositories[repository].blobs;
    const auto found = blobs.find(digest);
    return found == blobs.end() ? std::nullopt : std::optional(found->second->text());
  });
}
std::optional<FakeManifest> FakeRegistry::manifest_of(const std::string& repository, const std::string& name) const {
  return state_->content.with([&](FakeContent& c) -> std::optional<FakeManifest> {
    const auto& in = c.repositories[repository];
    const auto tag = in.tags.find(name);
    const auto found = in.manifests.find(tag == in.tags.end() ? name : tag->second);
    return found == in.manifests.end() ? std::nullopt : std::optional(found->second);
  });
}
namespace {
template <class Map>
std::vector<std::string> keys(const Map& map) {
  std::vector<std::string> out;
  for (const auto& [key, value] : map) out.push_back(key);
  return out;
}
}  // namespace
std::vector<std::string> FakeRegistry::blobs(const std::string& repository) const {
  return state_->content.with([&](FakeContent& c) { return keys(c.repositories[repository].blobs); });
}
std::vector<std::string> FakeRegistry::manifests(const std::string& repository) const {
  return state_->content.with([&](FakeContent& c) { return keys(c.repositories[repository].manifests); });
}
std::vector<std::string> FakeRegistry::tags(const std::string& repository) const {
  return state_->content.with([&](FakeContent& c) { return keys(c.repositories[repository].tags); });
}
std::size_t FakeRegistry::open_uploads() const {
  return state_->content.with([](FakeContent& c) { return c.uploads.size(); });
}
void FakeRegistry::expire_tokens() {
  state_->content.update([](FakeContent& c) { c.tokens.clear(); });
}
std::size_t FakeRegistry::leaks() const {
  std::size_t out = 0;
  for (const auto& one : log()) out += one.other_host && one.authorization ? 1U : 0U;
  return out;
}
std::vector<FakeRequest> FakeRegistry::log() const {
  return state_->content.with([](FakeContent& c) { return c.log; });
}
std::size_t FakeRegistry::count(std::string_view method, std::string_view path) const {
  std::size_t out = 0;
  for (const auto& one : log()) out += fake_glob(method, one.method) && fake_glob(path, one.path) ? 1U : 0U;
  return out;
}
std::uint64_t FakeRegistry::bytes_received(std::string_view path) const {
  std::uint64_t out = 0;
  for (const auto& one : log()) out += fake_glob(path, one.path) ? one.received_bytes : 0;
  return out;
}
std::uint64_t FakeRegistry::bytes_sent(std::string_view path) const {
  std::uint64_t out = 0;
  for (const auto& one : log()) out += fake_glob(path, one.path) ? one.sent_bytes : 0;
  return out;
}
std::vector<std::string> FakeRegistry::order() const {
  std::vector<std::string> out;
  for (const auto& one : log()) out.push_back(one.method + " " + one.target);
  return out;
}
void FakeRegistry::wait_for(std::size_t count, const std::string& method, const std::string& path) {
  const auto enough = [&](const FakeContent& c) {
    std::size_t seen = 0;
    for (const auto& one : c.log) seen += fake_glob(method, one.method) && fake_glob(path, one.path) ? 1U : 0U;
    return seen >= count;
  };
  state_->content.when(enough, {}, [](const FakeContent&) {});
}

}  // namespace sluice::support
