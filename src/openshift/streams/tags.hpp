#pragma once
// Moving tags of image streams: how a promotion switches on OpenShift. The API is asked to make a tag stand for a
// digest, and success is what the stream says afterwards, not what was answered. Source: openshift-apiserver,
// imagestream strategy ("tagsChanged") and imagestreamtag registry.

#include "base/result.hpp"
#include "kube/client.hpp"
#include "openshift/streams/image_part.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::openshift {

/// A tag, and the image that it is to stand for.
struct TagMove {
  std::string project;
  std::string stream;
  std::string tag;
  std::string source_project;  ///< the project and stream whose history has the image; may be the tag's own
  std::string source_stream;
  std::string digest;
  /// Whether the source's history item leads to the source's own repository in the cluster's registry (it was pushed,
  /// not imported). Empty: not known, and the source's stream is read for it.
  std::optional<bool> stored{};
};

struct MovedTag {
  std::string before;     ///< digest on top before; empty: there was none
  bool written = false;   ///< false: it stood for the digest already
  bool local = false;     ///< referencePolicy: Local when the image is not stored in the cluster's registry
  std::string pull_spec;  ///< what triggers put into templates now
};

/// Makes the tag stand for the digest, and the stream too if need be. Knows the trap of the unchanged `from`: when
/// somebody pushed over a tag, the same PUT again does nothing, so the entry of the spec is taken away first (the
/// history stays). Conflicts are retried by reading again. Reads the stream back. Errors: denied (names the right and
/// the side), not_found (the source has no such image), conflict (a storm), integrity (the tag stands for something
/// else afterwards), blocked (quota or limit, in the server's words).
Result<MovedTag> move_tag(kube::Client& client, const TagMove& move, const net::ExchangeContext& context);

/// Takes a tag and its history away, if it stands for `expected`. Good when it is not there.
/// Errors: conflict when it stands for something else; denied.
Status drop_tag(kube::Client& client, std::string_view project, std::string_view stream, std::string_view tag,
                std::string_view expected, const net::ExchangeContext& context);

/// The stream, made if it is not there. Errors: denied, blocked (quota).
Result<kube::ImageStream> ensure_stream(kube::Client& client, std::string_view project, std::string_view stream,
                                        const net::ExchangeContext& context);

/// The target cluster pulls: one image by its digest into a tag.
struct ImportWish {
  std::string project;
  std::string stream;
  std::string tag;
  std::string registry;    ///< host[:port] that the cluster pulls from
  std::string repository;  ///< "shop-dev/web"
  std::string digest;
  bool insecure = false;  ///< the registry may speak plain http
  bool is_list = false;   ///< asks for PreserveOriginal, where the server has it (OpenShift 4.12)
};
/// Pull specs lead to the cluster's own registry afterwards (referencePolicy Local), so that pods need no new secret.
/// Tried without storing first, since a failed import marks the tag. Reads the stream back. Errors: denied and
/// unauthenticated (the cluster may not pull: says which secret or right is missing), not_found, unreachable,
/// unsupported (a list that this server takes apart), integrity (another digest arrived), blocked.
Result<MovedTag> import_image(kube::Client& client, const ImportWish& wish, const net::ExchangeContext& context);

/// What the API knows of an image in a stream's history; enough for the preflight.
struct ImageFacts {
  std::string digest;
  std::string media_type;
  std::vector<ImagePart> parts;
  bool managed = false;  ///< stored in the cluster's registry
  std::string pull_spec;
  /// Digests by which a runtime may call it: of the image, its children, its configs.
  std::vector<std::string> accepted;
  std::vector<std::string> signatures;  ///< names
};
/// Errors: not_found, denied.
Result<ImageFacts> describe_image(kube::Client& client, std::string_view project, std::string_view stream,
                                  std::string_view digest, const net::ExchangeContext& context);

/// Signatures of Image objects. One cluster has one Image object, so only another cluster has to be told.
struct CarriedSignatures {
  int expected = 0;
  int carried = 0;       ///< there at the end, put by us or before
  std::string sentence;  ///< why not all; empty when all are there
};
/// How many signatures the Image object of a stream's image bears; one exchange. Empty: it cannot be seen, for whatever
/// reason. Errors: cancelled, unauthenticated.
Result<std::optional<int>> count_signatures(kube::Client& client, std::string_view project, std::string_view stream,
                                            std::string_view digest, const net::ExchangeContext& context);
/// Never an error for want of a right: the sentence says so. Errors: cancelled, unauthenticated.
Result<CarriedSignatures> carry_signatures(kube::Client& source, std::string_view project, std::string_view stream,
                                           kube::Client& target, std::string_view digest,
                                           const net::ExchangeContext& context);

}  // namespace sluice::openshift
