#pragma once
// The inside of FakeRegistry: what it holds, and the verbs of the distribution API over it. Only for
// fake_registry*.cpp. All verbs run under the lock of Content.

#include "base/guarded.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "net/server/http_server.hpp"
#include "support/fake_registry.hpp"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::support {

/// The bytes of a blob or an upload: in memory, above 8 MiB in a temporary file without a name.
/// Thread: one writer; many readers of what was written before.
class FakeBytes {
 public:
  FakeBytes();
  explicit FakeBytes(std::string_view text) : FakeBytes() { append(text); }
  ~FakeBytes();
  FakeBytes(const FakeBytes&) = delete;
  FakeBytes& operator=(const FakeBytes&) = delete;

  void append(std::string_view bytes);
  std::uint64_t size() const { return size_; }
  /// At most `count` bytes from `at` on.
  std::string read(std::uint64_t at, std::size_t count) const;
  std::string text() const { return read(0, size_); }
  /// Forgets all after `size`.
  void shorten(std::uint64_t size);
  /// "sha256:..." or "sha512:...".
  std::string digest(HashAlgorithm algorithm) const;

 private:
  void write_out(std::string_view bytes);
  std::string memory_;
  int file_ = -1;
  std::uint64_t size_ = 0;
  Hasher sha256_{HashAlgorithm::sha256};  ///< of all, as long as nothing was forgotten
  bool hashed_ = true;
};

struct FakeUpload {
  std::shared_ptr<FakeBytes> bytes = std::make_shared<FakeBytes>();
  std::uint64_t claimed = 0;  ///< what the registry says it has; more than it has when it loses chunks
  unsigned patches = 0;
  bool small_chunk = false;  ///< one came that only the last may be
};

struct FakeRepository {
  std::map<std::string, std::shared_ptr<FakeBytes>> blobs;
  std::map<std::string, FakeManifest> manifests;
  std::map<std::string, std::string> tags;
};

struct FakeToken {
  std::set<std::string> grants;  ///< "shop/web:pull"
  unsigned used = 0;
};

struct FakeContent {
  FakeKnobs knobs;
  std::vector<FakeRule> rules;
  std::vector<std::shared_ptr<FakeGate>> gates;
  std::map<std::string, FakeRepository> repositories;
  std::map<std::string, FakeUpload> uploads;
  std::map<std::string, FakeToken> tokens;
  std::vector<FakeRequest> log;
  unsigned next_upload = 1;
  unsigned next_token = 1;
  std::string host;
  std::string other_host;
};

/// A request, taken apart. `part`: "blobs", "uploads", "manifests", "tags", "referrers", or "" for others.
struct FakeCall {
  const net::ServerRequest& request;
  std::string repository;
  std::string part;
  std::string reference;
  bool other_host = false;
  std::size_t entry = 0;  ///< in the log

  static FakeCall of(const net::ServerRequest& request);
  static std::vector<std::string> all_of(std::string_view query, std::string_view name);
  /// A value of the query, decoded; empty when it is not there.
  std::string query(std::string_view name) const;
};

bool fake_glob(std::string_view pattern, std::string_view text);
std::string fake_digest(std::string_view bytes, HashAlgorithm algorithm = HashAlgorithm::sha256);
HashAlgorithm algorithm_of(std::string_view digest);

net::ServerReply empty_reply(int status);
net::ServerReply json_reply(const Json& body);
net::ServerReply refused(int status, const std::string& code, Json detail = {});
net::ServerReply missing(const FakeContent& content, const std::string& code);
/// A path as relative, absolute or foreign URL.
std::string url_of(const FakeContent& content, FakeKnobs::Where where, const std::string& path);

// fake_registry_tokens.cpp. Empty: the request may go on.
std::optional<net::ServerReply> admit(FakeContent& content, const FakeCall& call);
net::ServerReply unauthorized(const FakeContent& content, const FakeCall& call, bool expired);
/// Whether a mount may read there; where not, it comes to nothing (distribution answers 202).
bool may_pull(const FakeContent& content, const FakeCall& call, const std::string& repository);
net::ServerReply give_token(FakeContent& content, const net::ServerRequest& request, const std::string& body);

// fake_registry_manifests.cpp
net::ServerReply answer_manifest(FakeContent& content, const FakeCall& call, const std::string& body);
net::ServerReply answer_tags(FakeContent& content, const FakeCall& call);
net::ServerReply answer_referrers(FakeContent& content, const FakeCall& call);

// fake_registry_blobs.cpp
net::ServerReply answer_blob(Watched<FakeContent>& shared, FakeContent& content, const FakeCall& call,
                             const std::optional<FakeRule>& rule);

// fake_registry_uploads.cpp
/// POST, GET and DELETE, and PATCH and PUT after their body was taken.
net::ServerReply answer_upload(FakeContent& content, const FakeCall& call);
/// Why the body of a PATCH or PUT is not taken; looked at before its first byte.
std::optional<net::ServerReply> refuse_body(FakeContent& content, const FakeCall& call);
/// The request ended before its body did, or is refused in its middle; it stood at `before` when it began.
void body_broke(FakeContent& content, const FakeCall& call, std::uint64_t before);
net::ServerReply too_large(const FakeContent& content);

}  // namespace sluice::support
