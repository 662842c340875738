#pragma once
// What a FakeRegistry can be told to do: knobs for how the registry is, rules for what happens to single requests,
// gates that hold something until the test says so, and the log of what was asked.
// The quirks are those of real registries; each knob names who does it where that is known.

#include "base/guarded.hpp"
#include "net/http.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace sluice::support {

/// Shut until open() is called. Thread: any.
class FakeGate {
 public:
  /// Lets everything pass, now and later.
  void open();
  /// Blocks until the gate is open.
  void pass();
  /// Blocks until this many have come to the gate.
  void wait_for(unsigned count);
  /// False: `wake` is kept and called once when the gate opens. True: it is open, `wake` is not kept.
  bool pass_or_call(std::function<void()> wake);

 private:
  struct State {
    bool open = false;
    unsigned came = 0;
    std::vector<std::function<void()>> wakes;
  };
  Watched<State> state_;
};

/// One request as the registry saw it.
struct FakeRequest {
  std::string method;
  std::string target;  ///< path and query as sent
  std::string path;    ///< without the query
  std::string range;
  std::string content_range;
  std::string token;  ///< what followed "Bearer "; empty for none
  bool authorization = false;
  bool other_host = false;  ///< it came to FakeRegistry::other_host()
  int status = 0;           ///< 0: not answered (yet), or the connection was broken
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;  ///< of a blob's body, handed to the server
};

/// What happens to single requests. The first rule that matches is used; it is gone after `times` uses.
struct FakeRule {
  std::string method = "*";  ///< "GET"; glob
  std::string path = "*";    ///< glob over the path; '*' crosses '/'
  unsigned times = 1;        ///< 0: for ever
  unsigned skip = 0;         ///< let so many matching ones pass first

  std::function<void(const FakeRequest&)> before{};  ///< called before the request is answered; may block
  std::shared_ptr<FakeGate> hold{};                  ///< the answer waits for this; with at_byte: see there

  /// Bytes of the request's body, or of a blob that is sent. There a blob waits for `hold`, when that is set; a body
  /// is answered with `status`; and with neither of them the connection is broken.
  std::optional<std::uint64_t> at_byte{};
  bool expire = false;  ///< the token that came along is void from now on, and this is answered with 401

  int status = 0;                ///< not 0: answer this and do nothing else
  net::Headers headers{};        ///< on this answer, also when the status is left alone; they replace what is there
  std::string body{};            ///< as it is; empty: a JSON error with `code`
  std::string code = "UNKNOWN";  ///< of the JSON error
};

/// Who may do what. Basic or Bearer with tokens of the registry's own /token.
struct FakeAuth {
  enum class Scheme : std::uint8_t { none, basic, bearer };
  Scheme scheme = Scheme::none;
  std::string username{};  ///< empty: everybody gets tokens (bearer)
  std::string password{};
  unsigned uses = 0;                 ///< a token serves so many requests; 0: no limit
  std::size_t max_scopes = 0;        ///< more in one token request are refused (GitLab: 1); 0: no limit
  int too_many_scopes_status = 401;  ///< or 400
  std::set<std::string> denied{};    ///< "shop/web:push" or ":pull": granted to nobody
};

/// How the registry is. As it stands: no referrers list, no credentials, whole lists, everything allowed and checked.
struct FakeKnobs {
  FakeAuth auth{};

  // Blobs.
  int mount = 201;                      ///< 202: a session instead; 401, 403, 404, 405: refused
  std::map<std::string, int> mounts{};  ///< the same for single digests
  bool ranges = true;                   ///< false: a Range is answered with 200 and everything
  bool wrong_content_range = false;     ///< 206 says (and brings) other bytes than were asked for: from 0 on
  bool head_blob = true;                ///< false: 405
  /// GET answers 307 to other_host(), which refuses with 400 when Authorization follows (S3 does).
  bool redirect_blobs = false;
  /// Blobs that HEAD says are there, and nothing else does: GET answers with the status, and a manifest that refers to
  /// them is refused with MANIFEST_BLOB_UNKNOWN. An upload cures them; a mount answers 201 and cures nothing.
  std::map<std::string, int> stale_heads{};

  // Uploads.
  enum class Where : std::uint8_t { relative, absolute, other_host };
  Where upload_location = Where::relative;
  enum class Partial : std::uint8_t {
    kept,    ///< what came before a break counts; GET of the session says so
    undone,  ///< the session lives, and stands where it was before the request
    lost,    ///< the session is void
  };
  Partial partial = Partial::kept;
  int lost_status = 404;        ///< of void sessions: 404 with BLOB_UPLOAD_UNKNOWN, or 400 with BLOB_UPLOAD_INVALID
  std::uint64_t max_body = 0;   ///< 413 for bigger PATCH and PUT bodies; 0: no limit
  bool max_body_page = false;   ///< the 413 is a page of nginx
  bool loses_chunks = false;    ///< PATCH answers 201; each but the first of a session is lost (ECR)
  std::uint64_t chunk_min = 0;  ///< OCI-Chunk-Min-Length; only the last chunk may be smaller
  bool sha512 = true;           ///< false: such uploads are refused with DIGEST_INVALID

  // Manifests.
  bool manifest_digest_header = true;  ///< Docker-Content-Digest on HEAD
  bool head_manifest = true;           ///< false: 405
  bool check_references = true;        ///< blobs, and children unless sparse_indexes
  bool sparse_indexes = false;         ///< false: MANIFEST_UNKNOWN for an index whose children are not all there
  bool artifacts = true;               ///< false: MANIFEST_INVALID for what is no image (OpenShift, old registries)
  enum class Immutable : std::uint8_t { no, different, always };
  Immutable immutable = Immutable::no;  ///< which PUT to an existing tag is refused: another digest, or any
  int immutable_status = 400;
  std::string immutable_code = "TAG_INVALID";

  // Referrers.
  bool referrers = false;       ///< false: 404, as before spec 1.1
  bool subject_header = true;   ///< OCI-Subject on PUT, where there are referrers
  bool artifact_filter = true;  ///< artifactType is obeyed, and OCI-Filters-Applied says so

  // Lists.
  bool null_tags = false;  ///< {"tags": null} when there is none
  std::size_t page = 0;    ///< most tags and referrers in one answer, with a Link to the rest; 0: no limit
  Where link = Where::relative;

  int missing = 404;  ///< 403: denied instead of not found
};

}  // namespace sluice::support
