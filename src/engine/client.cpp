#include "engine/client.hpp"

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/sent_secrets.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <grp.h>
#include <pwd.h>
#include <span>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sluice::engine {

namespace {

constexpr int kOldestMinor = 24;  // of API 1; Docker 1.12
constexpr int kNewestMinor = 47;  // what this code was written against; newer engines serve it
constexpr std::size_t kMaxDrivers = 100;
constexpr std::string_view kPodman = "Podman";
constexpr std::chrono::hours kMostPatience{24};

// "1.41" -> 41; empty: no version of API 1.
std::optional<int> minor_of(std::string_view version) {
  if (!version.starts_with("1.")) return std::nullopt;
  int minor = 0;
  const auto* end = version.data() + version.size();
  const auto read = std::from_chars(version.data() + 2, end, minor);
  return read.ec == std::errc() && read.ptr == end ? std::optional(minor) : std::nullopt;
}

std::string sentence_of(const net::HttpResponse& reply) {
  const auto body = parse_json(reply.body);
  const auto message = body ? body->string_at("message") : std::nullopt;
  return message ? *message : fmt::format("HTTP {} {}", reply.status, text::printable(reply.body, 200));
}

Error refused(const net::HttpResponse& reply) {
  auto error = engine_error(sentence_of(reply));
  // What the words do not tell, the status may.
  if (error.kind() != ErrorKind::protocol) return error;
  const auto as = [&](ErrorKind kind) { return Error(kind, error.message()); };
  switch (reply.status) {
    case 401:
      return as(ErrorKind::unauthenticated);
    case 403:
      return as(ErrorKind::denied);
    case 404:
      return as(ErrorKind::not_found);
    case 409:
      return as(ErrorKind::conflict);
    case 429:
    case 503:
      return as(ErrorKind::busy);
    default:
      return error;
  }
}

// As base64url with padding, which is what engines decode (moby api/types/registry, EncodeAuthConfig).
Secret auth_header(const RegistryLogin& login) {
  Json config = Json::object();
  if (!login.identity_token.empty()) {
    config.set("identitytoken", login.identity_token.reveal());
  } else if (!login.registry_token.empty()) {
    config.set("registrytoken", login.registry_token.reveal());
  } else if (!login.username.empty() || !login.password.empty()) {
    config.set("username", login.username).set("password", login.password.reveal());
  }
  if (!login.registry.empty()) config.set("serveraddress", login.registry);
  auto encoded = encoding::base64(config.dump());
  std::replace(encoded.begin(), encoded.end(), '+', '-');
  std::replace(encoded.begin(), encoded.end(), '/', '_');
  return Secret(std::move(encoded));
}

void note_secrets(const RegistryLogin& login, const Secret& header) {
  auto& sent = SentSecrets::process();
  for (const auto* secret : {&login.password, &login.identity_token, &login.registry_token}) {
    if (!secret->empty()) sent.add(*secret, login.username);
  }
  sent.add(header);
}

void read_registry_settings(const Json& info, Facts& out) {
  const auto* config = info.find("RegistryConfig");
  if (config == nullptr || !config->is_object()) return;
  if (const auto* networks = config->find("InsecureRegistryCIDRs"); networks != nullptr && networks->is_array()) {
    for (const auto& one : networks->items()) {
      if (const auto text = one.as_string()) out.insecure_registries.push_back(*text);
    }
  }
  const auto* hosts = config->find("IndexConfigs");
  if (hosts == nullptr || !hosts->is_object()) return;
  for (const auto& [name, one] : hosts->members()) {
    if (one.is_object() && !one.bool_at("Secure").value_or(true)) out.insecure_registries.push_back(name);
  }
}

// Lists of pairs of texts: [["driver-type", "io.containerd.snapshotter.v1"], ...].
bool keeps_images_as_they_came(const Json& info) {
  const auto* status = info.find("DriverStatus");
  if (status == nullptr || !status->is_array()) return false;
  std::size_t looked_at = 0;
  for (const auto& pair : status->items()) {
    if (++looked_at > kMaxDrivers || !pair.is_array()) break;
    if (pair.items().size() == 2 && pair.items()[1].as_string() == "io.containerd.snapshotter.v1") return true;
  }
  return false;
}

std::vector<std::string> texts_of(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  const auto* list = object.find(key);
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& one : list->items()) {
    if (const auto text = one.as_string()) out.push_back(*text);
  }
  return out;
}

std::string our_name() {
  std::array<char, 4096> room{};
  passwd entry{};
  passwd* found = nullptr;
  const bool known = getpwuid_r(::geteuid(), &entry, room.data(), room.size(), &found) == 0 && found != nullptr;
  return known ? std::string(found->pw_name) : std::string("USER");
}

// A body that tells how much of it was taken. Thread: as the body that it hands on.
class Counted final : public net::BodySource {
 public:
  explicit Counted(net::BodySource& source) : source_(source) {}

  net::Given give(std::span<std::byte> room) override {
    const auto given = source_.give(room);
    if (given.flow == net::Flow::moved) taken_ += given.count;
    return given;
  }
  void fail(const Error& error) override { source_.fail(error); }
  void on_bytes(std::function<void()> wake) override { source_.on_bytes(std::move(wake)); }

  std::uint64_t taken() const { return taken_; }

 private:
  net::BodySource& source_;
  std::atomic<std::uint64_t> taken_{0};
};

std::string minutes(std::chrono::milliseconds span) {
  return text::human_seconds(std::chrono::duration<double>(span).count());
}

// A socket that a group may open is opened by joining that group.
std::string how_to_open(const struct stat& socket) {
  constexpr unsigned kGroupMayUse = S_IRGRP | S_IWGRP;
  std::array<char, 4096> room{};
  group entry{};
  group* found = nullptr;
  const bool named = (socket.st_mode & kGroupMayUse) == kGroupMayUse &&
                     getgrgid_r(socket.st_gid, &entry, room.data(), room.size(), &found) == 0 && found != nullptr;
  if (!named || socket.st_gid == 0) return "run as root, or set DOCKER_HOST to an engine of your own";
  const auto user = our_name();
  // Groups count from the login on: the database may know of a membership that this process does not have.
  for (char** member = found->gr_mem; member != nullptr && *member != nullptr; ++member) {
    if (user == *member) {
      return fmt::format("a new login (or: newgrp {0}): {1} is in the group {0}, and this login began before that",
                         found->gr_name, user);
    }
  }
  return fmt::format(
      "usermod -aG {} {} as root, and a new login; whoever may use an engine can become root on its host",
      found->gr_name, user);
}

}  // namespace

std::chrono::milliseconds Patience::of(std::uint64_t size_bytes) const {
  const auto seconds = size_bytes / std::max<std::uint64_t>(1, bytes_per_second);
  constexpr auto kMost = std::chrono::duration_cast<std::chrono::seconds>(kMostPatience).count();
  const auto more = std::chrono::seconds(std::min<std::uint64_t>(seconds, std::uint64_t{kMost}));
  return std::min<std::chrono::milliseconds>(least + more, kMostPatience);
}

net::HttpRequest Client::request(net::Method method, std::string target) const {
  net::HttpRequest out;
  out.method = method;
  out.url = address_.base;
  out.url.target = (version_.empty() ? "/" : "/v" + version_ + "/") + std::move(target);
  out.endpoint = address_.endpoint;
  return out;
}

Result<net::HttpResponse> Client::ask(const net::HttpRequest& request, const net::ExchangeContext& context) {
  auto reply = exchanger_.exchange(request, context);
  if (!reply) return explained(std::move(reply).error());
  return reply;
}

// A socket is opened or not for reasons that its file shows, and curl does not say.
Error Client::explained(Error error) const {
  if (error.kind() == ErrorKind::cancelled) return error;
  const auto at = address_.shown + " (" + address_.origin + ")";
  if (!address_.is_local()) return std::move(error).context("asking the engine at " + at);
  struct stat found{};
  if (::stat(address_.socket.c_str(), &found) != 0) {
    return Error(ErrorKind::unreachable, "there is no engine at " + at + ": the socket does not exist")
        .with_hint("start it (systemctl start docker), or set DOCKER_HOST");
  }
  if (!S_ISSOCK(found.st_mode)) return Error(ErrorKind::config, at + " is no socket").with_hint("set DOCKER_HOST");
  if (::access(address_.socket.c_str(), R_OK | W_OK) != 0) {
    return Error(ErrorKind::denied, "the engine's socket " + at + " is not ours to open").with_hint(how_to_open(found));
  }
  if (error.kind() == ErrorKind::unreachable) {
    return Error(ErrorKind::unreachable,
                 "nobody answers at " + at + ": the socket is left over, or the engine is starting")
        .with_hint("look at it: systemctl status docker");
  }
  return std::move(error).context("asking the engine at " + at);
}

Status Client::agree(const net::ExchangeContext& context) {
  if (!version_.empty()) return {};
  SLUICE_TRY(const auto reply, ask(request(net::Method::get, "version"), context));
  if (reply.status != 200) return refused(reply);
  const auto told = parse_json(reply.body);
  if (!told || !told->is_object()) {
    return Error(ErrorKind::protocol, "what answers at " + address_.shown + " is no engine")
        .with_hint("set DOCKER_HOST");
  }
  const auto newest = minor_of(told->string_at("ApiVersion").value_or(""));
  const auto oldest = minor_of(told->string_at("MinAPIVersion").value_or("1.12"));
  if (!newest || *newest < kOldestMinor || (oldest && *oldest > kNewestMinor)) {
    return Error(ErrorKind::unsupported,
                 fmt::format("the engine at {} speaks API {} at most; 1.{} to 1.{} are spoken here", address_.shown,
                             text::printable(told->string_at("ApiVersion").value_or("of no version"), 20), kOldestMinor,
                             kNewestMinor));
  }
  version_ = fmt::format("1.{}", std::min(*newest, kNewestMinor));
  const auto* parts = told->find("Components");
  if (parts == nullptr || !parts->is_array()) return {};
  for (const auto& part : parts->items()) {
    if (part.is_object() && part.string_at("Name").value_or("").starts_with(kPodman)) product_ = kPodman;
  }
  return {};
}

Result<Facts> Client::facts(const net::ExchangeContext& context) {
  SLUICE_CHECK(agree(context));
  SLUICE_TRY(const auto reply, ask(request(net::Method::get, "info"), context));
  if (reply.status != 200) return refused(reply);
  const auto info = parse_json(reply.body);
  if (!info || !info->is_object()) return Error(ErrorKind::protocol, "the engine's /info is no JSON object");
  const auto text_at = [&](std::string_view key) { return text::printable(info->string_at(key).value_or(""), 200); };
  Facts out{.version = text_at("ServerVersion"),
            .api_version = version_,
            .product = product_,
            .driver = text_at("Driver"),
            .containerd_store = keeps_images_as_they_came(*info),
            .data_root = text_at("DockerRootDir"),
            .insecure_registries = {},
            .host = text_at("Name")};
  read_registry_settings(*info, out);
  return out;
}

Result<std::optional<LocalImage>> Client::find(const std::string& name, const net::ExchangeContext& context) {
  SLUICE_CHECK(agree(context));
  SLUICE_TRY(const auto reply,
             ask(request(net::Method::get, "images/" + encoding::percent(name, "/:@") + "/json"), context));
  if (reply.status == 404) return std::optional<LocalImage>();
  if (reply.status != 200) return refused(reply);
  const auto image = parse_json(reply.body);
  if (!image || !image->string_at("Id"))
    return Error(ErrorKind::protocol, "the engine describes " + name + " without an id");
  return std::optional(LocalImage{
      .id = *image->string_at("Id"),
      .tags = texts_of(*image, "RepoTags"),
      .digests = texts_of(*image, "RepoDigests"),
      .size_bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(0, image->integer_at("Size").value_or(0)))});
}

Result<StreamEnd> Client::stream(net::HttpRequest request, const Told& told, const net::ExchangeContext& context) {
  request.max_silence = kMaxSilence;
  auto reply = streams_.open(request, context);
  if (!reply) return explained(std::move(reply).error());
  if (!reply->body) return refused(reply->head);
  MessageReader reader(told);
  for (;;) {
    auto piece = reply->body->read({Deadline::never(), context.stop});
    if (!piece) return explained(std::move(piece).error());
    if (!*piece) continue;
    if ((*piece)->empty()) return reader.finish();
    SLUICE_CHECK(reader.feed(**piece));
  }
}

Result<StreamEnd> Client::pull(const std::string& repository, const std::string& digest, const RegistryLogin& login,
                               const Told& told, const net::ExchangeContext& context) {
  SLUICE_CHECK(agree(context));
  auto order = request(net::Method::post, "images/create");
  order.url.add_query("fromImage", repository);
  order.url.add_query("tag", digest);
  const auto header = auth_header(login);
  note_secrets(login, header);
  order.headers.add("X-Registry-Auth", header.reveal());
  return stream(std::move(order), told, context);
}

Status Client::tag(const std::string& image, const std::string& repository, const std::string& tag,
                   const net::ExchangeContext& context) {
  SLUICE_CHECK(agree(context));
  auto order = request(net::Method::post, "images/" + encoding::percent(image, "/:@") + "/tag");
  order.url.add_query("repo", repository);
  order.url.add_query("tag", tag);
  SLUICE_TRY(const auto reply, ask(order, context));
  if (reply.status != 201 && reply.status != 200) return refused(reply);
  return {};
}

Result<StreamEnd> Client::push(const std::string& repository, const std::string& tag, const RegistryLogin& login,
                               const Told& told, const net::ExchangeContext& context) {
  SLUICE_CHECK(agree(context));
  auto order = request(net::Method::post, "images/" + encoding::percent(repository, "/:") + "/push");
  order.url.add_query("tag", tag);
  const auto header = auth_header(login);
  note_secrets(login, header);
  order.headers.add("X-Registry-Auth", header.reveal());
  SLUICE_TRY(auto end, stream(std::move(order), told, context));
  // Podman 4 has no other word for it; an engine of Docker that says no more has not come to its end.
  if (end.digest.empty() && product_ == kPodman) end.digest = end.in_words;
  if (end.digest.empty())
    return Error(ErrorKind::protocol, "the engine ended the push of " + repository + ":" + tag + " without a digest");
  return end;
}

Result<EnginePlatform> Client::platform(const net::ExchangeContext& context) {
  SLUICE_CHECK(agree(context));
  SLUICE_TRY(const auto reply, ask(request(net::Method::get, "version"), context));
  if (reply.status != 200) return refused(reply);
  const auto told = parse_json(reply.body);
  const auto text_at = [&](std::string_view key) { return told ? told->string_at(key).value_or("") : std::string(); };
  EnginePlatform out{.os = text_at("Os"), .architecture = text_at("Arch")};
  if (out.os.empty() || out.architecture.empty())
    return Error(ErrorKind::protocol, "the engine does not say for which platform it is");
  if (out.architecture != "arm") return out;
  // Only /info has it, in the kernel's words: "armv7l", or "aarch64" under an engine of 32 bits.
  SLUICE_TRY(const auto more, ask(request(net::Method::get, "info"), context));
  const auto info = parse_json(more.body);
  const auto machine = info ? info->string_at("Architecture").value_or("") : std::string();
  if (machine == "aarch64") out.variant = "v8";
  if (machine.starts_with("armv") && machine.size() > 4) out.variant = "v" + machine.substr(4, 1);
  return out;
}

Result<std::unique_ptr<net::IncomingBody>> Client::save(const std::string& image, std::uint64_t size_bytes,
                                                        const std::stop_token& stop) {
  SLUICE_CHECK(agree({Deadline::after(kMaxSilence), stop}));
  const auto patience = patience_.of(size_bytes);
  auto order = request(net::Method::get, "images/" + encoding::percent(image, "/:@") + "/get");
  order.max_silence = patience;
  auto reply = streams_.open(order, {Deadline::after(patience), stop});
  if (!reply && reply.error().kind() == ErrorKind::timeout) {
    return Error(ErrorKind::timeout, fmt::format("the engine at {} was asked for {}, and has sent nothing for {}",
                                                 address_.shown, image, minutes(patience)))
        .with_hint("look at its disk: it writes an archive of the image there before it sends any of it");
  }
  if (!reply) return explained(std::move(reply).error());
  if (!reply->body) return refused(reply->head);
  return std::move(reply->body);
}

Status Client::load(net::TransferLoop& loop, net::BodySource& source, std::uint64_t size_bytes,
                    const std::stop_token& stop) {
  SLUICE_CHECK(agree({Deadline::after(kMaxSilence), stop}));
  const auto patience = patience_.of(size_bytes);
  auto order = request(net::Method::post, "images/load");
  // Its progress would be as long as the image is large.
  order.url.add_query("quiet", "1");
  order.headers.add("Content-Type", "application/x-tar");
  order.max_silence = patience;
  Counted counted(source);
  auto reply = loop.upload(order, counted, size_bytes, stop);
  if (!reply && reply.error().kind() == ErrorKind::timeout && counted.taken() >= size_bytes) {
    return Error(ErrorKind::timeout, fmt::format("the engine at {} has all {} of the image and has not answered for "
                                                 "{}; it may still finish",
                                                 address_.shown, text::human_bytes(size_bytes), minutes(patience)))
        .with_hint("see whether it has the image now (docker images), else run this again");
  }
  if (!reply) return explained(std::move(reply).error());
  if (reply->status != 200) return refused(*reply);
  MessageReader reader({});
  SLUICE_CHECK(reader.feed(reply->body));
  SLUICE_TRY(const auto end, reader.finish());
  static_cast<void>(end);
  return {};
}

Result<bool> Client::remove(const std::string& name, const net::ExchangeContext& context) {
  SLUICE_CHECK(agree(context));
  SLUICE_TRY(const auto reply, ask(request(net::Method::del, "images/" + encoding::percent(name, "/:@")), context));
  if (reply.status == 404) return false;
  // It lists a digest under each of an image's names, also where nobody gave it that one.
  if (reply.status == 500 && product_ == kPodman && sentence_of(reply).ends_with("tag not known")) return false;
  if (reply.status != 200) return refused(reply);
  return true;
}

}  // namespace sluice::engine
