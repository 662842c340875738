#include "support/fake_registry_control.hpp"

#include <functional>
#include <utility>
#include <vector>

namespace sluice::support {

namespace {

Error misused(const std::string& what) { return {ErrorKind::usage, what}; }

// How a member of a JSON object becomes a member of T; false: of the wrong type.
template <class T>
using Setters = std::map<std::string, std::function<bool(T&, const Json&)>>;

bool read(const Json& json, bool& out) {
  const auto value = json.as_bool();
  if (value) out = *value;
  return value.has_value();
}
bool read(const Json& json, std::string& out) {
  const auto value = json.as_string();
  if (value) out = *value;
  return value.has_value();
}
template <class Number>
  requires std::is_integral_v<Number>
bool read(const Json& json, Number& out) {
  const auto value = json.as_integer();
  if (!value || *value < 0) return false;
  out = static_cast<Number>(*value);
  return true;
}
bool read(const Json& json, std::map<std::string, int>& out) {
  out.clear();
  for (const auto& [digest, status] : json.members()) {
    if (!read(status, out[digest])) return false;
  }
  return json.is_object();
}

template <class T, class Member>
auto field(Member T::* member) {
  return [member](T& to, const Json& json) { return read(json, to.*member); };
}
template <class Member>
auto auth(Member FakeAuth::* member) {
  return [member](FakeKnobs& to, const Json& json) { return read(json, to.auth.*member); };
}
template <class T, class Enum>
auto one_of(Enum T::* member, std::map<std::string, Enum> names) {
  return [member, names = std::move(names)](T& to, const Json& json) {
    const auto found = names.find(json.as_string().value_or(""));
    if (found != names.end()) to.*member = found->second;
    return found != names.end();
  };
}

const Setters<FakeKnobs>& knob_setters() {
  using K = FakeKnobs;
  const std::map<std::string, K::Where> where = {
      {"relative", K::Where::relative}, {"absolute", K::Where::absolute}, {"other_host", K::Where::other_host}};
  static const Setters<K> kSetters = {
      {"auth",
       [](K& to, const Json& json) {
         using Scheme = FakeAuth::Scheme;
         const std::map<std::string, Scheme> names = {
             {"none", Scheme::none}, {"basic", Scheme::basic}, {"bearer", Scheme::bearer}};
         const auto found = names.find(json.as_string().value_or(""));
         if (found != names.end()) to.auth.scheme = found->second;
         return found != names.end();
       }},
      {"username", auth(&FakeAuth::username)},
      {"password", auth(&FakeAuth::password)},
      {"token_uses", auth(&FakeAuth::uses)},
      {"max_scopes", auth(&FakeAuth::max_scopes)},
      {"too_many_scopes_status", auth(&FakeAuth::too_many_scopes_status)},
      {"mount", field(&K::mount)},
      {"mounts", field(&K::mounts)},
      {"ranges", field(&K::ranges)},
      {"wrong_content_range", field(&K::wrong_content_range)},
      {"head_blob", field(&K::head_blob)},
      {"redirect_blobs", field(&K::redirect_blobs)},
      {"stale_heads", field(&K::stale_heads)},
      {"upload_location", one_of(&K::upload_location, where)},
      {"partial",
       one_of(&K::partial, {{"kept", K::Partial::kept}, {"undone", K::Partial::undone}, {"lost", K::Partial::lost}})},
      {"lost_status", field(&K::lost_status)},
      {"max_body", field(&K::max_body)},
      {"max_body_page", field(&K::max_body_page)},
      {"loses_chunks", field(&K::loses_chunks)},
      {"chunk_min", field(&K::chunk_min)},
      {"sha512", field(&K::sha512)},
      {"manifest_digest_header", field(&K::manifest_digest_header)},
      {"head_manifest", field(&K::head_manifest)},
      {"check_references", field(&K::check_references)},
      {"sparse_indexes", field(&K::sparse_indexes)},
      {"artifacts", field(&K::artifacts)},
      {"immutable",
       one_of(&K::immutable,
              {{"no", K::Immutable::no}, {"different", K::Immutable::different}, {"always", K::Immutable::always}})},
      {"immutable_status", field(&K::immutable_status)},
      {"immutable_code", field(&K::immutable_code)},
      {"referrers", field(&K::referrers)},
      {"subject_header", field(&K::subject_header)},
      {"artifact_filter", field(&K::artifact_filter)},
      {"null_tags", field(&K::null_tags)},
      {"page", field(&K::page)},
      {"link", one_of(&K::link, where)},
      {"missing", field(&K::missing)}};
  return kSetters;
}

const Setters<FakeRule>& rule_setters() {
  using R = FakeRule;
  static const Setters<R> kSetters = {
      {"method", field(&R::method)},
      {"path", field(&R::path)},
      {"times", field(&R::times)},
      {"skip", field(&R::skip)},
      {"at_byte", [](R& to, const Json& json) { return read(json, to.at_byte.emplace()); }},
      {"expire", field(&R::expire)},
      {"status", field(&R::status)},
      {"headers",
       [](R& to, const Json& json) {
         for (const auto& [name, value] : json.members()) to.headers.set(name, value.as_string().value_or(""));
         return json.is_object();
       }},
      {"body", field(&R::body)},
      {"code", field(&R::code)}};
  return kSetters;
}

template <class T>
Status set(const Setters<T>& setters, T& to, const std::string& name, const Json& value) {
  const auto found = setters.find(name);
  if (found == setters.end()) return misused("there is no \"" + name + "\"");
  if (!found->second(to, value)) return misused("\"" + name + "\" cannot be " + value.dump());
  return {};
}

Json list(const std::vector<std::string>& names) {
  auto out = Json::array();
  for (const auto& name : names) out.push(name);
  return out;
}

Json log_of(const FakeRegistry& registry) {
  auto out = Json::array();
  for (const auto& one : registry.log()) {
    out.push(Json::object()
                 .set("method", one.method)
                 .set("target", one.target)
                 .set("path", one.path)
                 .set("range", one.range)
                 .set("content_range", one.content_range)
                 .set("token", one.token)
                 .set("authorization", one.authorization)
                 .set("other_host", one.other_host)
                 .set("status", one.status)
                 .set("received_bytes", one.received_bytes)
                 .set("sent_bytes", one.sent_bytes));
  }
  return out;
}

}  // namespace

Status FakeRegistryControl::set_knobs(const Json& knobs) {
  Status done;
  registry_.turn([&](FakeKnobs& all) {
    auto changed = all;
    for (const auto& [name, value] : knobs.members()) {
      if (done.ok()) done = set(knob_setters(), changed, name, value);
    }
    if (done.ok()) all = std::move(changed);
  });
  return done;
}

Status FakeRegistryControl::add_rule(const Json& wanted) {
  FakeRule rule;
  for (const auto& [name, value] : wanted.members()) {
    if (name == "hold") {
      auto& gate = gates_[value.as_string().value_or("")];
      if (!gate) gate = std::make_shared<FakeGate>();
      rule.hold = gate;
    } else {
      SLUICE_CHECK(set(rule_setters(), rule, name, value));
    }
  }
  registry_.add(std::move(rule));
  return {};
}

Result<Json> FakeRegistryControl::put_blob(const Json& order) {
  const auto repository = order.string_at("repository").value_or("");
  if (const auto text = order.string_at("text")) return Json(registry_.put_blob(repository, *text));
  const auto size = order.integer_at("size");
  if (!size || *size < 0) return misused("put_blob wants \"text\", or \"size\" and \"seed\"");
  const auto seed = static_cast<std::uint64_t>(order.integer_at("seed").value_or(0));
  return Json(registry_.make_blob(repository, seed, static_cast<std::uint64_t>(*size)));
}

Result<Json> FakeRegistryControl::change(const std::string& verb, const Json& order) {
  const auto text = [&](std::string_view name) { return order.string_at(name).value_or(""); };
  if (verb == "put_blob") return put_blob(order);
  if (verb == "put_manifest")
    return Json(registry_.put_manifest(text("repository"), text("text"), text("media_type"), text("tag")));
  if (verb == "knobs") {
    const auto* knobs = order.find("knobs");
    SLUICE_CHECK(set_knobs(knobs == nullptr ? Json() : *knobs));
  } else if (verb == "rule") {
    const auto* rule = order.find("rule");
    SLUICE_CHECK(add_rule(rule == nullptr ? Json() : *rule));
  } else if (verb == "clear_rules") {
    registry_.clear_rules();
  } else if (verb == "expire_tokens") {
    registry_.expire_tokens();
  } else if (verb == "tag") {
    registry_.tag(text("repository"), text("tag"), text("digest"));
  } else if (verb == "remove_blob") {
    registry_.remove_blob(text("repository"), text("digest"));
  } else if (verb == "open_gate") {
    const auto gate = gates_.find(text("gate"));
    if (gate == gates_.end()) return misused("there is no gate \"" + text("gate") + "\"");
    gate->second->open();
  } else {
    return look(verb, order);
  }
  return Json();
}

Result<Json> FakeRegistryControl::look(const std::string& verb, const Json& order) {
  const auto repository = order.string_at("repository").value_or("");
  if (verb == "other_host") return Json(registry_.other_host());
  if (verb == "log") return log_of(registry_);
  if (verb == "leaks") return Json(std::uint64_t{registry_.leaks()});
  if (verb == "open_uploads") return Json(std::uint64_t{registry_.open_uploads()});
  if (verb == "blobs") return list(registry_.blobs(repository));
  if (verb == "manifests") return list(registry_.manifests(repository));
  if (verb == "tags") return list(registry_.tags(repository));
  if (verb == "manifest_of") {
    const auto found = registry_.manifest_of(repository, order.string_at("name").value_or(""));
    if (!found) return Json();
    return Json::object().set("digest", found->digest).set("media_type", found->media_type).set("text", found->bytes);
  }
  return misused("there is no verb \"" + verb + "\"");
}

Result<Json> FakeRegistryControl::obey(const std::string& line) {
  SLUICE_TRY(const auto order, parse_json(line));
  return change(order.string_at("do").value_or(""), order);
}

}  // namespace sluice::support
