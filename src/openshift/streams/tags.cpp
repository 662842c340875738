#include "openshift/streams/tags.hpp"

#include "openshift/streams/refusals.hpp"
#include "openshift/streams/rules.hpp"

#include <fmt/format.h>

#include <utility>

namespace sluice::openshift {

namespace {

NeededRight right_to_read(std::string_view what, std::string_view project) {
  return {std::string(what), "get", "imagestreams", std::string(project), "view", "watch.yaml"};
}

NeededRight right_to_write(std::string_view what, std::string_view verb, std::string_view resource,
                           std::string_view project) {
  return {std::string(what), std::string(verb), std::string(resource), std::string(project), "edit", "promote.yaml"};
}

Result<std::optional<kube::ImageStream>> find_stream(kube::Client& client, std::string_view what,
                                                     std::string_view project, std::string_view stream,
                                                     const net::ExchangeContext& context) {
  auto found = client.find<kube::ImageStream>(project, stream, context);
  if (found) return found;
  return explain_refusal(client, std::move(found).error(), right_to_read(what, project), context);
}

/// Moves one tag. Thread: job.
class Mover {
 public:
  Mover(kube::Client& client, const TagMove& move, const net::ExchangeContext& context)
      : client_(client),
        move_(move),
        context_(context),
        shown_(fmt::format("{}/{}:{}", move.project, move.stream, move.tag)),
        what_("tagging " + shown_),
        from_{"ImageStreamImage", move.source_project, move.source_stream + "@" + move.digest} {}

  Result<MovedTag> run() {
    return past_conflicts(client_, context_, [this](int attempt) { return attempt_once(attempt == 1); });
  }

 private:
  Result<MovedTag> attempt_once(bool first) {
    SLUICE_TRY(auto stream, ensure_stream(client_, move_.project, move_.stream, context_));
    const auto top = top_image(stream, move_.tag);
    // A write whose answer was lost is met here again, as done: what was before is what was seen before it.
    if (first || top != move_.digest) before_ = top;
    if (top == move_.digest && !would_wander(stream, move_.tag, move_.digest)) {
      return told(stream, before_ != move_.digest);
    }
    SLUICE_TRY(const bool stored, is_stored(stream));
    for (const auto& spec : kube::list_at(stream.json(), {"spec", "tags"})) {
      if (spec.string_at("name") == move_.tag) keep(spec);
    }
    if (write_does_nothing(stream, move_.tag, from_)) {
      SLUICE_TRY(stream, without_spec(std::move(stream)));
    }
    SLUICE_TRY(const auto answer, write(stream, stored));
    // The answer is a view of the stream after the write. It is enough where another stream had to be read before; with
    // Local, releases of 3.x leave the repository out of it that the pull spec begins with.
    if (asked_source_ && stored && !local_ && answer.image().digest() == move_.digest &&
        !answer.image().pull_spec().empty()) {
      return MovedTag{before_, true, false, answer.image().pull_spec()};
    }
    return read_back();
  }

  // A write replaces the whole entry of the spec, so what somebody set there goes along. `scheduled` cannot: the server
  // takes it for images of outside registries alone.
  void keep(const Json& spec) {
    annotations_ = kube::texts_at(spec, {"annotations"});
    local_ = kube::text_at(spec, {"referencePolicy", "type"}) == "Local";
    const auto* policy = kube::at(spec, {"importPolicy"});
    import_policy_ = policy != nullptr ? *policy : Json();
    if (import_policy_.is_object()) import_policy_.remove("scheduled");
  }

  MovedTag told(const kube::ImageStream& stream, bool written) const {
    const auto spec = stream.tag_spec(move_.tag);
    return {before_, written, spec && spec->local, resolved_pull_spec(stream, move_.tag)};
  }

  // 200 may mean that nothing happened, and somebody may have pushed since.
  Result<MovedTag> read_back() {
    auto stream = client_.get<kube::ImageStream>(move_.project, move_.stream, context_);
    if (!stream) {
      return explain_refusal(client_, std::move(stream).error(), right_to_read(what_, move_.project), context_);
    }
    const auto top = top_image(*stream, move_.tag);
    if (top == move_.digest) return told(*stream, true);
    return Error(ErrorKind::integrity, fmt::format("{} was set to {}, and stands for {} afterwards", shown_,
                                                   move_.digest, top.empty() ? "nothing" : top))
        .with_hint("see who else pushes to this tag, then run it again");
  }

  // Whether the server will lead the tag to the target's own repository. Without the right to read the source, Local
  // leads there in any case.
  Result<bool> is_stored(const kube::ImageStream& target) {
    if (move_.stored) return *move_.stored;
    if (move_.source_project == move_.project && move_.source_stream == move_.stream) {
      return is_stored_here(target, move_.digest);
    }
    if (!source_stored_) {
      auto source = client_.find<kube::ImageStream>(move_.source_project, move_.source_stream, context_);
      if (!source && source.error().kind() != ErrorKind::denied) return std::move(source).error();
      asked_source_ = true;
      source_stored_ = source && *source && is_stored_here(**source, move_.digest);
    }
    return *source_stored_;
  }

  // Only the entry of the spec: deleting the tag would take its history, and with it the way back.
  Result<kube::ImageStream> without_spec(kube::ImageStream stream) {
    stream.remove_tag_spec(move_.tag);
    auto updated = client_.update(stream, context_);
    if (updated) return updated;
    return explain_refusal(client_, std::move(updated).error(),
                           right_to_write(what_, "update", "imagestreams", move_.project), context_);
  }

  Result<kube::ImageStreamTag> write(const kube::ImageStream& stream, bool stored) {
    auto body = kube::ImageStreamTag::pointing(move_.project, move_.stream, move_.tag, from_);
    if (!stored || local_) kube::set_at(body.json(), {"tag", "referencePolicy", "type"}, "Local");
    if (import_policy_.is_object()) kube::set_at(body.json(), {"tag", "importPolicy"}, import_policy_);
    for (const auto& [key, value] : annotations_) body.annotate(key, value);
    // Bound to what was read, so that `before` is what stood there until this write.
    kube::set_at(body.json(), {"metadata", "resourceVersion"}, stream.resource_version());
    auto answer = client_.tag(body, context_);
    if (answer) return answer;
    return explain(std::move(answer).error());
  }

  Error explain(Error error) {
    const auto* failure = kube::failure_of(error);
    const bool of_source = failure != nullptr && failure->code == 422 && !failure->is_limit();
    if (of_source && error.kind() == ErrorKind::not_found) {
      return with_facts_of(error, Error(ErrorKind::not_found,
                                        fmt::format("{}/{} has no image {} that {} could stand for",
                                                    move_.source_project, move_.source_stream, move_.digest, shown_))
                                      .with_hint("it was pruned or its tag was deleted: build or bring it anew"));
    }
    if (of_source && error.kind() == ErrorKind::denied) {
      return explain_refusal(client_, std::move(error),
                             {what_, "get", "imagestreams/layers", move_.source_project, "system:image-puller"},
                             context_);
    }
    return explain_refusal(client_, std::move(error), right_to_write(what_, "update", "imagestreamtags", move_.project),
                           context_);
  }

  kube::Client& client_;
  const TagMove& move_;
  const net::ExchangeContext& context_;
  std::string shown_;
  std::string what_;
  kube::ImageSource from_;
  std::string before_;
  kube::Labels annotations_;
  bool local_ = false;  ///< referencePolicy Local stood there
  Json import_policy_;  ///< that stood there; null: none did
  std::optional<bool> source_stored_;
  bool asked_source_ = false;
};

}  // namespace

Result<MovedTag> move_tag(kube::Client& client, const TagMove& move, const net::ExchangeContext& context) {
  return Mover(client, move, context).run();
}

Status drop_tag(kube::Client& client, std::string_view project, std::string_view stream, std::string_view tag,
                std::string_view expected, const net::ExchangeContext& context) {
  const auto shown = fmt::format("{}/{}:{}", project, stream, tag);
  const auto what = "deleting " + shown;
  return past_conflicts(client, context, [&](int /*attempt*/) -> Status {
    SLUICE_TRY(const auto found, find_stream(client, what, project, stream, context));
    if (!found || (!found->tag(tag) && !found->tag_spec(tag))) return {};
    const auto top = top_image(*found, tag);
    if (top != expected) {
      return Error(ErrorKind::conflict,
                   fmt::format("{} is not deleted: it stands for {}, not for {}", shown, top.empty() ? "nothing" : top,
                               expected.empty() ? "nothing" : expected));
    }
    // The API compares the stream's uid alone: a push between the look and this goes with the tag.
    auto removed =
        client.remove<kube::ImageStreamTag>(project, fmt::format("{}:{}", stream, tag), context, {found->uid()});
    if (removed || removed.error().kind() == ErrorKind::not_found) return {};
    return explain_refusal(client, std::move(removed).error(),
                           right_to_write(what, "delete", "imagestreamtags", project), context);
  });
}

Result<kube::ImageStream> ensure_stream(kube::Client& client, std::string_view project, std::string_view stream,
                                        const net::ExchangeContext& context) {
  const auto what = fmt::format("using the image stream {}/{}", project, stream);
  SLUICE_TRY(auto found, find_stream(client, what, project, stream, context));
  if (found) return std::move(*found);
  // By a request of its own: under a quota of streams, 3.x refuses the write of a tag that has to make one.
  auto made = client.create(project, kube::ImageStream::named(project, stream), context);
  if (made) return made;
  const auto* failure = kube::failure_of(made.error());
  if (failure != nullptr && failure->already_exists()) return client.get<kube::ImageStream>(project, stream, context);
  return explain_refusal(client, std::move(made).error(), right_to_write(what, "create", "imagestreams", project),
                         context);
}

}  // namespace sluice::openshift
