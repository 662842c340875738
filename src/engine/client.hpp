#pragma once
// Client: the Docker Engine API, as far as carrying images needs it. Source: docs.docker.com, Engine API v1.24 to
// v1.47.

#include "base/result.hpp"
#include "base/secret.hpp"
#include "engine/address.hpp"
#include "engine/messages.hpp"
#include "net/body.hpp"
#include "net/http.hpp"
#include "net/reply_stream.hpp"
#include "net/transfer_loop.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace sluice::engine {

/// As X-Registry-Auth tells them. All empty: anonymous.
struct RegistryLogin {
  std::string username{};
  Secret password{};
  Secret identity_token{};
  Secret registry_token{};
  std::string registry{};  ///< host[:port]
};

/// What the engine says of itself.
struct Facts {
  std::string version;                           ///< "20.10.24"
  std::string api_version;                       ///< that we speak: "1.41"
  std::string product;                           ///< "Docker", "Podman"
  std::string driver;                            ///< "overlay2"
  bool containerd_store = false;                 ///< manifests and layers are kept as they came
  std::string data_root;                         ///< on the engine's host; may be empty
  std::vector<std::string> insecure_registries;  ///< hosts and networks whose certificates it does not check
  std::string host{};                            ///< the name of its machine
};

/// For which images an engine was made, as image configs name it.
struct EnginePlatform {
  std::string os;            ///< "linux"
  std::string architecture;  ///< "arm"
  std::string variant{};     ///< "v7"; empty: nothing to choose between
};

/// One image of the engine.
struct LocalImage {
  std::string id;
  std::vector<std::string> tags;     ///< "host/repo:tag"
  std::vector<std::string> digests;  ///< "host/repo@sha256:..."
  std::uint64_t size_bytes = 0;      ///< unpacked, as the engine counts; 0: it does not say
};

/// How long an engine may say nothing while it packs or unpacks an image: it tells nobody how far it is.
struct Patience {
  std::chrono::milliseconds least = std::chrono::minutes(10);
  std::uint64_t bytes_per_second = std::uint64_t{1} * 1024 * 1024;  ///< a slow disk's, with all that hashes beside it

  /// For an image of so many bytes: a day at most.
  std::chrono::milliseconds of(std::uint64_t size_bytes) const;
};

/// Thread: one at a time; blocks. Borrows the exchanger and the streams for its life.
class Client {
 public:
  using Told = std::function<void(const Progress&)>;

  Client(net::Exchanger& exchanger, net::ReplyStreams& streams, Address address, Patience patience = {})
      : exchanger_(exchanger), streams_(streams), address_(std::move(address)), patience_(patience) {}

  /// Who answers. The first call agrees on a version: the newest that both sides know. Errors: unreachable (nobody
  /// listens), denied (the socket is not ours to open, with what to do about it), unsupported (older than API 1.24).
  Result<Facts> facts(const net::ExchangeContext& context);

  /// Empty: the engine does not have it. `name`: an id, "host/repo:tag" or "host/repo@sha256:...".
  Result<std::optional<LocalImage>> find(const std::string& name, const net::ExchangeContext& context);

  /// Pulls `repository`@`digest`. `context.deadline` bounds the beginning; then the engine may be silent for
  /// kMaxSilence. Errors: those in the stream, with the engine's words.
  Result<StreamEnd> pull(const std::string& repository, const std::string& digest, const RegistryLogin& login,
                         const Told& told, const net::ExchangeContext& context);
  Status tag(const std::string& image, const std::string& repository, const std::string& tag,
             const net::ExchangeContext& context);
  /// Errors: as pull(); protocol when the engine names no digest.
  Result<StreamEnd> push(const std::string& repository, const std::string& tag, const RegistryLogin& login,
                         const Told& told, const net::ExchangeContext& context);
  /// Takes a reference away, and the image with its last one. False: it was not there. Errors: conflict (a container
  /// uses it).
  Result<bool> remove(const std::string& name, const net::ExchangeContext& context);

  /// Errors: as facts(); protocol when the engine does not say it.
  Result<EnginePlatform> platform(const net::ExchangeContext& context);
  /// Opens the archive of one image of `size_bytes` unpacked, which `docker save` would write. The engine writes all of
  /// it to its disk first: it may be silent as long as Patience says before its first byte and between two.
  /// Errors: not_found, timeout (it said nothing for so long), those of streams.
  Result<std::unique_ptr<net::IncomingBody>> save(const std::string& image, std::uint64_t size_bytes,
                                                  const std::stop_token& stop);
  /// Sends an archive of `size_bytes`, as `docker load` would, and waits until the engine has unpacked it, as long as
  /// Patience says. Errors: those in the reply, with the engine's words; timeout (it has all bytes and did not answer:
  /// it may still finish; or it took none for so long); cancelled also when `source` broke.
  Status load(net::TransferLoop& loop, net::BodySource& source, std::uint64_t size_bytes, const std::stop_token& stop);

  const Address& address() const { return address_; }

  static constexpr std::chrono::minutes kMaxSilence{10};  ///< of an engine that tells of its progress

 private:
  Status agree(const net::ExchangeContext& context);
  net::HttpRequest request(net::Method method, std::string target) const;
  Result<net::HttpResponse> ask(const net::HttpRequest& request, const net::ExchangeContext& context);
  Result<StreamEnd> stream(net::HttpRequest request, const Told& told, const net::ExchangeContext& context);
  Error explained(Error error) const;

  net::Exchanger& exchanger_;
  net::ReplyStreams& streams_;
  Address address_;
  Patience patience_;
  std::string version_;  ///< "1.41"; empty: not agreed on yet
  std::string product_ = "Docker";
};

}  // namespace sluice::engine
