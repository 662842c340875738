// ImagePolicy and ClusterImagePolicy of OpenShift 4.20 and later: which images a node runs only with a signature.
// Stored and checked, never applied: nothing runs here. Source: github.com/openshift/api,
// config/v1/types_image_policy.go; the texts are those that its own tests expect
// (config/v1/tests/imagepolicies.config.openshift.io). Members that nobody knows are kept here, and dropped there.
// Who may read them: no role of a project (view, edit, admin) names the group config.openshift.io, and the list of
// system:openshift:cluster-config-operator:cluster-reader has no policies in it. So it is cluster-admin, whom
// builtin_roles.cpp gives everything, the cluster-reader there, whose rule here is all kinds, and whom a role of its
// own names.
#include "base/text.hpp"
#include "sandbox/core/resource.hpp"
#include "sandbox/core/tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

namespace sluice::sandbox {

namespace {

using Causes = std::vector<Cause>;

constexpr std::size_t kMaxScopes = 256;
constexpr std::size_t kMaxScopeBytes = 512;
constexpr std::size_t kMaxKeyBytes = 8192;

bool alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }
bool lower(char c) { return alnum(c) && std::isupper(static_cast<unsigned char>(c)) == 0; }
bool digit(char c) { return c >= '0' && c <= '9'; }

// "a-b" of a host name.
bool is_label(std::string_view text) {
  return !text.empty() && alnum(text.front()) && alnum(text.back()) &&
         std::all_of(text.begin(), text.end(), [](char c) { return alnum(c) || c == '-'; });
}

bool is_host(std::string_view text) {
  if (text == "localhost") return true;
  const auto labels = text::split(text, '.');
  return labels.size() > 1 && std::all_of(labels.begin(), labels.end(), [](const auto& one) { return is_label(one); });
}

bool is_port(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), digit); }

// One part of a repository's path: lower case, parted by one of "." "_" "__" or any number of "-".
bool is_part(std::string_view text) {
  if (text.empty() || !lower(text.front()) || !lower(text.back())) return false;
  for (std::size_t i = 0; i < text.size();) {
    if (lower(text[i])) {
      ++i;
      continue;
    }
    const auto end = std::find_if(text.begin() + static_cast<std::ptrdiff_t>(i), text.end(), lower);
    const auto between = text.substr(i, static_cast<std::size_t>(end - text.begin()) - i);
    const bool dashes = between.find_first_not_of('-') == std::string_view::npos;
    if (!dashes && between != "." && between != "_" && between != "__") return false;
    i += between.size();
  }
  return true;
}

bool is_tag(std::string_view text) {
  return !text.empty() && text.size() <= 128 && (alnum(text.front()) || text.front() == '_') &&
         std::all_of(text.begin(), text.end(), [](char c) { return alnum(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_digest(std::string_view text) {
  const auto [algorithm, hex] = text::cut(text, ':');
  return !algorithm.empty() && hex.size() >= 32 &&
         std::all_of(hex.begin(), hex.end(), [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; });
}

// "host[:port][/path...]", with a ":tag" at its end where that may be.
bool is_repository(std::string_view text, bool may_have_tag) {
  const auto parts = text::split(text, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const bool last = i + 1 == parts.size();
    auto words = text::split(parts[i], ':');
    if (last && may_have_tag && words.size() > 1 && !(i == 0 && words.size() == 2 && is_port(words[1]))) {
      if (!is_tag(words.back())) return false;
      words.pop_back();
    }
    if (i == 0) {
      if (!is_host(words[0]) || words.size() > 2 || (words.size() == 2 && !is_port(words[1]))) return false;
    } else if (words.size() != 1 || !is_part(words[0])) {
      return false;
    }
  }
  return true;
}

// The standard alphabet with its padding, and nothing else: a PEM text as it is would not do.
bool is_base64(std::string_view text) {
  const auto padding = std::min<std::size_t>(text.size() - std::min(text.find('='), text.size()), 3);
  const auto data = text.substr(0, text.size() - padding);
  return text.size() % 4 == 0 && padding < 3 && (padding < 2 || text.ends_with("==")) &&
         std::all_of(data.begin(), data.end(), [](char c) { return alnum(c) || c == '+' || c == '/'; });
}

// Each rule is checked, so that one scope may have two causes.
void check_scope(Causes& causes, const std::string& scope, const std::string& path) {
  const auto bad = [&](std::string_view why) {
    causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: \"string\": {}", why), path});
  };
  const auto host = scope.substr(0, scope.find('/'));
  if (host.find('.') == std::string::npos && host.substr(0, host.find(':')) != "localhost") {
    bad("invalid image scope format, scope must contain a fully qualified domain name or 'localhost'");
  }
  if (scope.find('*') != std::string::npos) {
    const auto labels = text::split(scope, '.');
    const bool good = labels.size() > 1 && labels[0] == "*" &&
                      std::all_of(labels.begin() + 1, labels.end(), [](const auto& one) { return is_label(one); });
    if (!good) {
      bad("invalid image scope with wildcard, a wildcard can only be at the start of the domain and is only supported "
          "for subdomain matching, not path matching");
    }
    return;
  }
  const auto at_sign = scope.find('@');
  const bool digest_good = at_sign == std::string::npos || is_digest(std::string_view(scope).substr(at_sign + 1));
  if (!digest_good || !is_repository(std::string_view(scope).substr(0, at_sign), true)) {
    bad("invalid repository namespace or image specification in the image scope");
  }
}

void required(Causes& causes, const std::string& path) {
  causes.push_back({"FieldValueRequired", "Required value", path});
}

// What the schema says of types, lengths and members: the server checks it first, and the rules only when it is kept.
class Schema {
 public:
  explicit Schema(Causes& causes) : causes_(causes) {}

  void check(const Json& object) {
    const auto& spec = at(object, {"spec"});
    if (!spec.is_object()) return required(causes_, "spec");
    check_scopes(at(spec, {"scopes"}));
    const auto& policy = at(spec, {"policy"});
    if (!policy.is_object()) return required(causes_, "spec.policy");
    const auto& root = at(policy, {"rootOfTrust"});
    if (!root.is_object()) {
      required(causes_, "spec.policy.rootOfTrust");
    } else {
      check_root(root);
    }
    if (at(policy, {"signedIdentity"}).is_object()) check_identity(at(policy, {"signedIdentity"}));
  }

 private:
  void check_scopes(const Json& scopes) {
    if (!scopes.is_array()) return required(causes_, "spec.scopes");
    const auto& items = scopes.items();
    if (items.size() > kMaxScopes) {
      causes_.push_back({"FieldValueTooMany",
                         fmt::format("Too many: {}: must have at most {} items", items.size(), kMaxScopes),
                         "spec.scopes"});
      return;
    }
    std::set<std::string> seen;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const auto path = fmt::format("spec.scopes[{}]", i);
      const auto scope = items[i].as_string().value_or("");
      if (scope.size() > kMaxScopeBytes) too_long(path, kMaxScopeBytes);
      if (!seen.insert(scope).second) {
        causes_.push_back({"FieldValueDuplicate", fmt::format("Duplicate value: \"{}\"", scope), path});
      }
    }
  }

  void check_root(const Json& root) {
    const std::string path = "spec.policy.rootOfTrust";
    one_of(root, path, "policyType", {"PublicKey", "FulcioCAWithRekor", "PKI"});
    if (const auto& key = at(root, {"publicKey"}); key.is_object()) {
      bytes(key, path + ".publicKey", "keyData", true);
      bytes(key, path + ".publicKey", "rekorKeyData", false);
    }
    if (const auto& fulcio = at(root, {"fulcioCAWithRekor"}); fulcio.is_object()) {
      const auto here = path + ".fulcioCAWithRekor";
      bytes(fulcio, here, "fulcioCAData", true);
      bytes(fulcio, here, "rekorKeyData", true);
      if (!at(fulcio, {"fulcioSubject"}).is_object()) required(causes_, here + ".fulcioSubject");
    }
    if (const auto& pki = at(root, {"pki"}); pki.is_object()) bytes(pki, path + ".pki", "caRootsData", true);
  }

  void check_identity(const Json& identity) {
    const std::string path = "spec.policy.signedIdentity";
    one_of(identity, path, "matchPolicy",
           {"MatchRepoDigestOrExact", "MatchRepository", "ExactRepository", "RemapIdentity"});
  }

  void one_of(const Json& object, const std::string& path, std::string_view name,
              const std::vector<std::string_view>& supported) {
    const auto value = text_at(object, {name});
    if (value.empty()) return required(causes_, fmt::format("{}.{}", path, name));
    if (std::find(supported.begin(), supported.end(), value) != supported.end()) return;
    std::string all;
    for (const auto& one : supported) all += fmt::format("{}\"{}\"", all.empty() ? "" : ", ", one);
    causes_.push_back({"FieldValueNotSupported",
                       fmt::format("Unsupported value: \"{}\": supported values: {}", value, all),
                       fmt::format("{}.{}", path, name)});
  }

  void bytes(const Json& object, const std::string& path, std::string_view name, bool needed) {
    const auto field = fmt::format("{}.{}", path, name);
    const auto* value = object.find(name);
    if (value == nullptr) {
      if (needed) required(causes_, field);
      return;
    }
    const auto text = value->as_string().value_or("");
    if (text.size() > kMaxKeyBytes) return too_long(field, kMaxKeyBytes);
    if (is_base64(text)) return;
    causes_.push_back({"FieldValueInvalid",
                       fmt::format("Invalid value: \"{0}\": {1} in body must be of type byte: \"{0}\"", text, field),
                       field});
  }

  void too_long(const std::string& path, std::size_t limit) {
    causes_.push_back({"FieldValueTooLong", fmt::format("Too long: may not be more than {} bytes", limit), path});
  }

  Causes& causes_;
};

void bad_object(Causes& causes, const std::string& path, const std::string& why) {
  causes.push_back({"FieldValueInvalid", "Invalid value: \"object\": " + why, path});
}

// A member that is there when the choice says so, and only then.
void check_choice(Causes& causes, const Json& object, const std::string& path, std::string_view choice,
                  const std::vector<std::pair<std::string_view, std::string_view>>& members) {
  const auto chosen = text_at(object, {choice});
  for (const auto& [value, member] : members) {
    if ((chosen == value) == (object.find(member) != nullptr)) continue;
    bad_object(causes, path,
               fmt::format("{} is required when {} is {}, and forbidden otherwise", member, choice, value));
  }
}

void check_prefix(Causes& causes, const Json& object, std::string_view name, const std::string& path) {
  const auto value = text_at(object, {name});
  const auto field = fmt::format("{}.{}", path, name);
  if (value.empty()) return required(causes, field);
  const auto bad = [&](std::string_view why) {
    causes.push_back({"FieldValueInvalid", fmt::format("Invalid value: \"string\": {}", why), field});
  };
  const auto colon = value.rfind(':');
  const bool ends_as_tag = colon != std::string::npos && is_tag(std::string_view(value).substr(colon + 1));
  if (ends_as_tag && !(value.starts_with("localhost:") && is_port(std::string_view(value).substr(10)))) {
    bad("invalid repository or prefix in the signedIdentity, should not include the tag or digest");
  }
  if (!is_repository(value, false)) bad("invalid repository or prefix in the signedIdentity");
}

// The rules that stand beside the schema.
void check_rules(Causes& causes, const Json& spec) {
  const auto& scopes = at(spec, {"scopes"}).items();
  for (std::size_t i = 0; i < scopes.size(); ++i) {
    check_scope(causes, scopes[i].as_string().value_or(""), fmt::format("spec.scopes[{}]", i));
  }
  check_choice(causes, at(spec, {"policy", "rootOfTrust"}), "spec.policy.rootOfTrust", "policyType",
               {{"PublicKey", "publicKey"}, {"FulcioCAWithRekor", "fulcioCAWithRekor"}, {"PKI", "pki"}});
  const auto& identity = at(spec, {"policy", "signedIdentity"});
  if (!identity.is_object()) return;
  const std::string path = "spec.policy.signedIdentity";
  check_choice(causes, identity, path, "matchPolicy",
               {{"ExactRepository", "exactRepository"}, {"RemapIdentity", "remapIdentity"}});
  if (const auto& exact = at(identity, {"exactRepository"}); exact.is_object()) {
    check_prefix(causes, exact, "repository", path + ".exactRepository");
  }
  if (const auto& remap = at(identity, {"remapIdentity"}); remap.is_object()) {
    check_prefix(causes, remap, "prefix", path + ".remapIdentity");
    check_prefix(causes, remap, "signedPrefix", path + ".remapIdentity");
  }
}

class ImagePolicies final : public Resource {
 public:
  using Resource::Resource;
  Verdict prepare_create(World& /*world*/, const ApiRequest& /*request*/, Json& object) override {
    return check(object);
  }
  Verdict prepare_update(World& /*world*/, const ApiRequest& request, const Json& /*before*/, Json& object) override {
    return request.subresource == "status" ? Verdict() : check(object);
  }

 private:
  Verdict check(const Json& object) const {
    Causes causes;
    Schema(causes).check(object);
    if (causes.empty()) check_rules(causes, at(object, {"spec"}));
    if (causes.empty()) return {};
    return invalid(traits().group, traits().kind, name_of(object), std::move(causes));
  }
};

Traits policy_traits(std::string plural, std::string kind, bool namespaced) {
  Traits traits;
  traits.group = "config.openshift.io";
  traits.plural = std::move(plural);
  traits.kind = std::move(kind);
  traits.namespaced = namespaced;
  traits.verbs = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"};
  traits.counts_generation = true;
  traits.has_status = true;
  traits.needs_version = true;
  traits.subresources.push_back({"status", traits.kind, {"get", "patch", "update"}, "", ""});
  return traits;
}

}  // namespace

void add_image_policies(Catalog& catalog) {
  catalog.add(std::make_unique<ImagePolicies>(policy_traits("imagepolicies", "ImagePolicy", true)));
  catalog.add(std::make_unique<ImagePolicies>(policy_traits("clusterimagepolicies", "ClusterImagePolicy", false)));
}

}  // namespace sluice::sandbox
