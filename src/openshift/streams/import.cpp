// The target cluster pulls an image by its digest. Source: openshift-apiserver, imagestreamimport registry and
// importer.

#include "base/text.hpp"
#include "findings/catalogue.hpp"
#include "openshift/streams/refusals.hpp"
#include "openshift/streams/rules.hpp"
#include "openshift/streams/tags.hpp"

#include <fmt/format.h>

#include <memory>
#include <utility>

namespace sluice::openshift {

namespace {

constexpr std::string_view kPreserve = "PreserveOriginal";

/// Imports one image. Thread: job.
class Importer {
 public:
  Importer(kube::Client& client, const ImportWish& wish, const net::ExchangeContext& context)
      : client_(client),
        wish_(wish),
        context_(context),
        pull_spec_(fmt::format("{}/{}@{}", wish.registry, wish.repository, wish.digest)),
        shown_(fmt::format("{}/{}:{}", wish.project, wish.stream, wish.tag)),
        what_(fmt::format("importing {} into {}", pull_spec_, shown_)) {}

  Result<MovedTag> run() {
    SLUICE_TRY(before_, ensure_stream(client_, wish_.project, wish_.stream, context_));
    if (is_right()) return told(before_, false);
    // A failed import marks the tag, and one that takes a list apart moves it. So it is tried without storing first.
    SLUICE_CHECK(import(true));
    SLUICE_CHECK(import(false));
    return read_back();
  }

 private:
  bool is_right() const {
    const auto repository = before_.repository();
    return top_image(before_, wish_.tag) == wish_.digest && !would_wander(before_, wish_.tag, wish_.digest) &&
           (repository.empty() || resolved_pull_spec(before_, wish_.tag).starts_with(repository + "@"));
  }

  MovedTag told(const kube::ImageStream& stream, bool written) const {
    const auto spec = stream.tag_spec(wish_.tag);
    return {top_image(before_, wish_.tag), written, spec && spec->local, resolved_pull_spec(stream, wish_.tag)};
  }

  kube::ImageStreamImport request(bool dry_run) const {
    auto out = kube::ImageStreamImport::of(wish_.project, wish_.stream,
                                           {pull_spec_, wish_.tag, wish_.insecure, /*scheduled=*/false, /*local=*/true},
                                           dry_run);
    auto* spec = out.json().find("spec");
    auto* images = spec != nullptr ? spec->find("images") : nullptr;
    if (!wish_.is_list || images == nullptr || images->elements() == nullptr) return out;
    // Servers that do not know it drop it, and take the list apart.
    for (auto& image : *images->elements()) kube::set_at(image, {"importPolicy", "importMode"}, kPreserve);
    return out;
  }

  Status import(bool dry_run) {
    auto answer =
        past_conflicts(client_, context_, [&](int /*attempt*/) { return client_.import(request(dry_run), context_); });
    if (!answer) {
      return explain_refusal(client_, std::move(answer).error(),
                             {what_, "create", "imagestreamimports", wish_.project, "edit", "promote.yaml"}, context_);
    }
    const auto outcomes = answer->outcomes();
    if (outcomes.empty()) {
      return Error(ErrorKind::protocol,
                   fmt::format("{} answered {} without saying what came of it", client_.connection().host(), what_));
    }
    const auto& outcome = outcomes.front();
    if (outcome.failure) return refusal(*outcome.failure);
    const auto arrived = outcome.image.digest();
    if (arrived == wish_.digest) return {};
    // Stored only if the answer differs from that of the dry run.
    if (!dry_run) return put_back(another(arrived, keeps_lists(*answer)), arrived);
    return another(arrived, keeps_lists(*answer));
  }

  static bool keeps_lists(const kube::ImageStreamImport& answer) {
    const auto& images = kube::list_at(answer.json(), {"spec", "images"});
    return !images.empty() && kube::text_at(images.front(), {"importPolicy", "importMode"}) == kPreserve;
  }

  Error another(const std::string& arrived, bool keeps) const {
    const auto host = client_.connection().host();
    if (wish_.is_list && !keeps) {
      return Error(ErrorKind::unsupported,
                   fmt::format("{} would take the list {} apart and import {} of it; lists are kept whole since "
                               "OpenShift 4.12",
                               host, wish_.digest, arrived.empty() ? "one platform" : arrived))
          .with_hint("promote an image for one platform, or go through us with: --via stream");
    }
    return Error(ErrorKind::integrity, fmt::format("{} was asked to import {}, and got {}", host, pull_spec_,
                                                   arrived.empty() ? "nothing" : arrived))
        .with_hint("see what serves " + wish_.registry + ", or go through us with: --via stream");
  }

  // Failures of one image, inside of a 201.
  Error refusal(const kube::ApiFailure& failure) {
    if (failure.is_limit()) return made(ErrorKind::blocked, failure, "ask whoever sets the limits of the project");
    switch (failure.code) {
      case 401:
        return not_let_in(failure);
      case 403:
        return made(ErrorKind::denied, failure,
                    "allow " + wish_.registry +
                        " in the cluster's settings: images.config.openshift.io/cluster on 4.x, "
                        "imagePolicyConfig of master-config.yaml on 3.x");
      case 404:
        return made(ErrorKind::not_found, failure, "see whether the image is still there");
      case 429:
      case 503:
        return made(ErrorKind::busy, failure, "");
      default:
        return made(ErrorKind::unreachable, failure,
                    "see whether the cluster reaches " + wish_.registry + " and trusts its certificate");
    }
  }

  Error made(ErrorKind kind, const kube::ApiFailure& failure, std::string hint) const {
    const bool says_more = !failure.message.empty() && failure.message != failure.reason;
    return Error(kind, fmt::format("{} failed in {} ({} {}{}{})", what_, client_.connection().host(), failure.code,
                                   failure.reason, says_more ? ": " : "", says_more ? failure.message : ""))
        .with_status(failure.code)
        .with_registry_code(failure.reason)
        .with_hint(std::move(hint))
        .with_detail(std::make_shared<const kube::ApiFailure>(failure));
  }

  // The cluster pulls as service accounts of the project where it knows the registry as its own, else with the secrets
  // of the project; who asks for the import does not count.
  Error not_let_in(const kube::ApiFailure& failure) const {
    const bool own = wish_.registry == registry_host(before_.repository()) ||
                     wish_.registry == registry_host(before_.public_repository());
    if (own) {
      const auto source = std::string(text::cut(wish_.repository, '/').first);
      return made(
          ErrorKind::denied, failure,
          fmt::format("service accounts of {0} need get imagestreams/layers in {1}: oc policy "
                      "add-role-to-group system:image-puller system:serviceaccounts:{2} -n {3}",
                      wish_.project, source, findings::shell_word(wish_.project), findings::shell_word(source)));
    }
    return made(ErrorKind::unauthenticated, failure,
                fmt::format("give the project a secret that may pull: oc create secret docker-registry sluice-pull "
                            "--docker-server={} --docker-username=USER --docker-password=PASSWORD -n {}",
                            findings::shell_word(wish_.registry), findings::shell_word(wish_.project)));
  }

  Result<MovedTag> read_back() {
    auto stream = client_.get<kube::ImageStream>(wish_.project, wish_.stream, context_);
    if (!stream) {
      return explain_refusal(client_, std::move(stream).error(),
                             {what_, "get", "imagestreams", wish_.project, "view", "watch.yaml"}, context_);
    }
    const auto top = top_image(*stream, wish_.tag);
    if (top == wish_.digest) return told(*stream, true);
    return Error(ErrorKind::integrity, fmt::format("{} was imported into {}, which stands for {} afterwards",
                                                   pull_spec_, shown_, top.empty() ? "nothing" : top))
        .with_hint("see who else writes to this tag, then run it again");
  }

  // The tag as it was before; when that fails too, the error says so.
  Error put_back(Error error, const std::string& arrived) {
    const auto before = top_image(before_, wish_.tag);
    Status done;
    if (before.empty()) {
      done = drop_tag(client_, wish_.project, wish_.stream, wish_.tag, arrived, context_);
    } else {
      const TagMove back{wish_.project, wish_.stream, wish_.tag, wish_.project, wish_.stream, before};
      auto moved = move_tag(client_, back, context_);
      if (!moved) done = std::move(moved).error();
    }
    if (done) return error;
    return std::move(error).context(fmt::format("{} was left as it is now ({})", shown_, done.error().message()));
  }

  kube::Client& client_;
  const ImportWish& wish_;
  const net::ExchangeContext& context_;
  std::string pull_spec_;
  std::string shown_;
  std::string what_;
  kube::ImageStream before_;
};

}  // namespace

Result<MovedTag> import_image(kube::Client& client, const ImportWish& wish, const net::ExchangeContext& context) {
  return Importer(client, wish, context).run();
}

}  // namespace sluice::openshift
