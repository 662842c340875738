#include "support/fake_registry_body.hpp"

#include <algorithm>

namespace sluice::support {

namespace {

FakeRequest seen_as(const net::ServerRequest& head, bool other_host) {
  FakeRequest seen;
  seen.method = head.method;
  seen.target = head.target;
  seen.path = head.path();
  seen.range = head.headers.get("Range").value_or("");
  seen.content_range = head.headers.get("Content-Range").value_or("");
  const auto authorization = head.headers.get("Authorization");
  seen.authorization = authorization.has_value();
  seen.other_host = other_host;
  if (authorization && authorization->starts_with("Bearer ")) seen.token = authorization->substr(7);
  return seen;
}

// The first that matches, counted as used.
std::optional<FakeRule> rule_for(FakeContent& c, const FakeRequest& seen) {
  for (auto rule = c.rules.begin(); rule != c.rules.end(); ++rule) {
    if (!fake_glob(rule->method, seen.method) || !fake_glob(rule->path, seen.path)) continue;
    if (rule->skip > 0) {
      --rule->skip;
      continue;
    }
    auto used = *rule;
    if (rule->times == 1) {
      c.rules.erase(rule);
    } else if (rule->times > 1) {
      --rule->times;
    }
    return used;
  }
  return std::nullopt;
}

bool has_upload_body(const FakeCall& call) {
  return call.part == "uploads" && (call.request.method == "PATCH" || call.request.method == "PUT");
}

}  // namespace

net::ServerReply rule_reply(FakeContent& c, const FakeRule& rule, const FakeCall& call) {
  if (rule.expire) {
    const auto header = call.request.headers.get("Authorization").value_or("");
    if (header.starts_with("Bearer ")) c.tokens.erase(header.substr(7));
    return unauthorized(c, call, true);
  }
  auto reply = refused(rule.status, rule.code);
  if (!rule.body.empty()) reply.body = rule.body;
  return reply;
}

FakeBody::FakeBody(Watched<FakeContent>& shared, const net::ServerRequest& head, bool other_host)
    : shared_(shared), call_(FakeCall::of(head)) {
  call_.other_host = other_host;
  shared_.update([&](FakeContent& c) {
    c.log.push_back(seen_as(head, other_host));
    entry_ = c.log.size() - 1;
    call_.entry = entry_;
    use_rule(c);
    if (!verdict_ && has_upload_body(call_)) judge(c);
  });
}

FakeBody::~FakeBody() {
  if (!settled_) shared_.update([&](FakeContent& c) { broke(c); });
}

void FakeBody::broke(FakeContent& c) {
  if (upload_ && !settled_) body_broke(c, call_, before_);
  settled_ = true;
}

void FakeBody::use_rule(FakeContent& c) {
  rule_ = rule_for(c, c.log.at(entry_));
  if (rule_ && !rule_->at_byte && (rule_->status != 0 || rule_->expire)) verdict_ = rule_reply(c, *rule_, call_);
}

void FakeBody::judge(FakeContent& c) {
  verdict_ = admit(c, call_);
  if (!verdict_) verdict_ = refuse_body(c, call_);
  if (verdict_) return;
  upload_ = true;
  before_ = c.uploads.at(call_.reference).claimed;
  if (rule_ && rule_->at_byte == 0U) reach(c);
}

// The byte at which the rule strikes.
void FakeBody::reach(FakeContent& c) {
  if (rule_->status != 0 || rule_->expire) {
    verdict_ = rule_reply(c, *rule_, call_);
    verdict_->close = true;
  } else {
    verdict_ = empty_reply(500);
    verdict_->reset = true;
  }
}

void FakeBody::append(FakeContent& c, std::string_view bytes) {
  const auto found = c.uploads.find(call_.reference);
  if (found == c.uploads.end()) return;
  auto& upload = found->second;
  const bool lost = c.knobs.loses_chunks && call_.request.method == "PATCH" && upload.patches > 1;
  if (!lost) upload.bytes->append(bytes);
  upload.claimed += bytes.size();
}

bool FakeBody::take(std::span<const std::byte> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return shared_.update([&](FakeContent& c) {
    c.log.at(entry_).received_bytes += text.size();
    if (verdict_) return !upload_;  // refused before it began: the rest is read, and thrown away
    if (!upload_) {
      text_ += text;
      return true;
    }
    const bool strikes = rule_ && rule_->at_byte && seen_ + text.size() >= *rule_->at_byte;
    if (strikes) text = text.substr(0, *rule_->at_byte - seen_);
    append(c, text);
    seen_ += text.size();
    if (c.knobs.max_body > 0 && seen_ > c.knobs.max_body) {
      verdict_ = too_large(c);
    } else if (strikes) {
      reach(c);
    }
    return !verdict_;
  });
}

}  // namespace sluice::support
