#include "sandbox/api/lists.hpp"

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace sluice::sandbox {

namespace {

constexpr std::size_t kSnapshots = 64;

std::size_t limit_of(const ApiRequest& request) {
  const auto found = request.query.find("limit");
  std::size_t limit = 0;
  if (found != request.query.end()) {
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), limit);
  }
  return limit;
}

std::string query_of(const ApiRequest& request, std::string_view name) {
  const auto found = request.query.find(name);
  return found == request.query.end() ? "" : found->second;
}

Refusal expired() {
  return {410, "Expired",
          "The provided from parameter is too old to display a consistent list result. You must start a new list "
          "without the from.",
          Json()};
}

// The words of Go's JSON reader about the first byte of what it was given.
Refusal bad_token(const std::string& token) {
  const auto bytes = encoding::decode_base64(token);
  const auto first = bytes.ok() && !bytes->empty() ? static_cast<unsigned char>(bytes->front()) : 0U;
  return bad_request(fmt::format(
      "invalid continue token: continue key is not valid: invalid character '\\u{:04x}' looking for beginning of value",
      first));
}

// Splits at commas outside parentheses: "a=b,c in (x,y)".
std::vector<std::string> terms_of(std::string_view text) {
  std::vector<std::string> terms(1);
  int depth = 0;
  for (const char letter : text) {
    depth += letter == '(' ? 1 : letter == ')' ? -1 : 0;
    if (letter == ',' && depth == 0) {
      terms.emplace_back();
    } else {
      terms.back() += letter;
    }
  }
  return terms;
}

std::vector<std::string> set_of(std::string_view text) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  std::vector<std::string> values;
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return values;
  for (const auto& part : text::split(text.substr(open + 1, close - open - 1), ',')) {
    values.emplace_back(text::trim(part));
  }
  return values;
}

}  // namespace

bool Selection::Term::holds(const std::optional<std::string>& value) const {
  const auto among = [&] { return value && std::find(values.begin(), values.end(), *value) != values.end(); };
  switch (op) {
    case Op::equal:
    case Op::in:
      return among();
    case Op::different:
    case Op::not_in:
      return !among();
    case Op::exists:
      return value.has_value();
    case Op::missing:
      return !value.has_value();
  }
  return false;
}

Answer<std::vector<Selection::Term>> Selection::parse_labels(std::string_view text) {
  std::vector<Term> terms;
  for (const auto& part : terms_of(text)) {
    const auto term = text::trim(part);
    if (term.empty()) continue;
    const auto word = [&](std::string_view separator) {
      return std::string(text::trim(term.substr(0, term.find(separator))));
    };
    if (term.find(" notin ") != std::string_view::npos) {
      terms.push_back({word(" notin "), Term::Op::not_in, set_of(term)});
    } else if (term.find(" in ") != std::string_view::npos) {
      terms.push_back({word(" in "), Term::Op::in, set_of(term)});
    } else if (const auto different = term.find("!="); different != std::string_view::npos) {
      terms.push_back({word("!="), Term::Op::different, {std::string(text::trim(term.substr(different + 2)))}});
    } else if (const auto equal = term.find('='); equal != std::string_view::npos) {
      const auto from = term.find_first_not_of('=', equal);
      const auto value = from == std::string_view::npos ? std::string_view{} : text::trim(term.substr(from));
      terms.push_back({word("="), Term::Op::equal, {std::string(value)}});
    } else if (term.front() == '!') {
      terms.push_back({std::string(text::trim(term.substr(1))), Term::Op::missing, {}});
    } else if (term.find(' ') == std::string_view::npos) {
      terms.push_back({std::string(term), Term::Op::exists, {}});
    } else {
      return bad_request(fmt::format("unable to parse requirement: found '{}', expected: '=', '!=', '==', 'in', notin'",
                                     text::printable(term)));
    }
  }
  return terms;
}

std::vector<Selection::Term> Selection::parse_fields(std::string_view text) {
  std::vector<Term> terms;
  for (const auto& part : text::split(text, ',')) {
    const auto term = text::trim(part);
    if (term.empty()) continue;
    const auto equal = term.find('=');
    const bool different = equal != std::string_view::npos && equal > 0 && term[equal - 1] == '!';
    const auto key = term.substr(0, different ? equal - 1 : equal);
    const auto from = equal == std::string_view::npos ? equal : term.find_first_not_of('=', equal);
    const auto value = from == std::string_view::npos ? std::string_view{} : term.substr(from);
    terms.push_back({std::string(key), different ? Term::Op::different : Term::Op::equal, {std::string(value)}});
  }
  return terms;
}

Answer<Selection> Selection::parse(const Resource& resource, const ApiRequest& request) {
  Selection selection;
  SLUICE_TRY(selection.labels_, parse_labels(query_of(request, "labelSelector")));
  selection.fields_ = parse_fields(query_of(request, "fieldSelector"));
  if (!request.name.empty()) selection.fields_.push_back({"metadata.name", Term::Op::equal, {request.name}});
  for (const auto& term : selection.fields_) {
    if (term.key == "metadata.name" || term.key == "metadata.namespace") continue;
    if (!resource.field(Json::object(), term.key)) {
      return bad_request(fmt::format(
          "\"{}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"", term.key));
    }
  }
  return selection;
}

bool Selection::matches(const Resource& resource, const Json& object) const {
  const auto label_holds = [&](const Term& term) {
    return term.holds(at(object, {"metadata", "labels", term.key}).as_string());
  };
  const auto field_holds = [&](const Term& term) {
    if (term.key == "metadata.name") return term.holds(name_of(object));
    if (term.key == "metadata.namespace") return term.holds(namespace_of(object));
    return term.holds(resource.field(object, term.key));
  };
  return std::all_of(labels_.begin(), labels_.end(), label_holds) &&
         std::all_of(fields_.begin(), fields_.end(), field_holds);
}

std::string api_version(const Traits& traits, bool legacy) {
  return traits.group.empty() || legacy ? "v1" : traits.group + "/" + traits.version;
}

Json shown_item(const World& world, const Resource& resource, const Json& object, bool legacy) {
  auto item = object;
  if (world.profile == Profile::v3_11) {
    set_at(item, {"metadata", "selfLink"}, self_link(resource.traits(), namespace_of(object), name_of(object), legacy));
  }
  resource.show(world, item);
  return item;
}

Answer<Pages::Snapshot> Pages::start(World& world, Resource& resource, const ApiRequest& request) {
  SLUICE_TRY(const auto selection, Selection::parse(resource, request));
  Snapshot snapshot;
  snapshot.version = world.store.version();
  snapshot.epoch = world.knobs.continue_epoch;
  snapshot.objects = world.store.list(resource.traits().stored(), request.ns);
  if (!selection.everything()) {
    std::erase_if(snapshot.objects, [&](const ObjectRef& object) { return !selection.matches(resource, *object); });
  }
  return snapshot;
}

Answer<Pages::Snapshot> Pages::resume(World& world, const std::string& token) {
  const auto found = std::find_if(snapshots_.begin(), snapshots_.end(),
                                  [&](const Snapshot& snapshot) { return snapshot.token == token; });
  // Ours start like base64 of a JSON object; anything else never came from us.
  if (found == snapshots_.end()) {
    if (!token.starts_with("eyJ")) return bad_token(token);
    return expired();
  }
  if (found->epoch != world.knobs.continue_epoch || found->version < world.store.oldest()) return expired();
  return *found;
}

Answer<ApiReply> Pages::list(World& world, Resource& resource, const ApiRequest& request) {
  const auto& traits = resource.traits();
  const auto token = query_of(request, "continue");
  SLUICE_TRY(auto snapshot, token.empty() ? start(world, resource, request) : resume(world, token));
  const auto limit = limit_of(request);
  const auto end = limit == 0 ? snapshot.objects.size() : std::min(snapshot.objects.size(), snapshot.next + limit);

  auto metadata = Json::object();
  if (world.profile == Profile::v3_11) metadata.set("selfLink", self_link(traits, request.ns, "", request.legacy));
  metadata.set("resourceVersion", std::to_string(snapshot.version));
  auto items = Json::array();
  for (auto i = snapshot.next; i < end; ++i) {
    items.push(shown_item(world, resource, *snapshot.objects[i], request.legacy));
  }
  if (end < snapshot.objects.size()) {
    const auto left = snapshot.objects.size() - end;
    snapshot.next = end;
    snapshot.token = encoding::base64(
        fmt::format("{{\"v\":\"meta.k8s.io/v1\",\"rv\":{},\"start\":\"{}\"}}", snapshot.version, random_suffix(12)));
    metadata.set("continue", snapshot.token);
    if (world.profile == Profile::v4) metadata.set("remainingItemCount", static_cast<std::int64_t>(left));
    snapshots_.push_back(std::move(snapshot));
    if (snapshots_.size() > kSnapshots) snapshots_.pop_front();
  }
  auto list = Json::object();
  list.set("kind", traits.kind + "List");
  list.set("apiVersion", api_version(traits, request.legacy));
  list.set("metadata", std::move(metadata));
  list.set("items", std::move(items));
  return ApiReply{200, std::move(list), ""};
}

}  // namespace sluice::sandbox
