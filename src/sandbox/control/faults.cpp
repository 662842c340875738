#include "sandbox/control/faults.hpp"

#include "base/json.hpp"
#include "base/pause.hpp"
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace sluice::sandbox {

namespace {

// The reply of somebody else, as a stream that can be spoilt.
class SpoiltStream final : public net::ReplyStream {
 public:
  SpoiltStream(net::ServerReply& reply, Fault fault)
      : fault_(std::move(fault)), inner_(std::move(reply.stream)), text_(std::move(reply.body)) {}

  Piece next(std::size_t room) override {
    if (fault_.cut_after_bytes && sent_ >= *fault_.cut_after_bytes) return {Step::cut, "", {}};
    // The server may ask sooner than it was told to, so the clock decides.
    if (const auto now = Clock::now(); now < next_) {
      return {Step::later, "", std::chrono::ceil<std::chrono::milliseconds>(next_ - now)};
    }
    if (fault_.bytes_per_second)
      room = std::min<std::size_t>(room, std::max<std::uint64_t>(*fault_.bytes_per_second / 10, 1));
    if (fault_.cut_after_bytes) room = std::min<std::size_t>(room, *fault_.cut_after_bytes - sent_);
    auto piece = inner_ ? inner_->next(room) : from_text(room);
    if (piece.step != Step::bytes) return piece;
    if (fault_.cut_after_bytes && sent_ + piece.bytes.size() > *fault_.cut_after_bytes) {
      piece.bytes.resize(*fault_.cut_after_bytes - sent_);
    }
    if (fault_.corrupt && sent_ == 0 && !piece.bytes.empty()) {
      auto& byte = piece.bytes[piece.bytes.size() / 2];
      byte = static_cast<char>(byte ^ 0x20);
    }
    sent_ += piece.bytes.size();
    if (fault_.bytes_per_second) next_ = Clock::now() + std::chrono::milliseconds(100);
    return piece;
  }
  void on_more(std::function<void()> wake) override {
    if (inner_) inner_->on_more(std::move(wake));
  }

 private:
  using Clock = std::chrono::steady_clock;

  Piece from_text(std::size_t room) {
    if (given_ == text_.size()) return {Step::end, "", {}};
    auto bytes = text_.substr(given_, room);
    given_ += bytes.size();
    return {Step::bytes, std::move(bytes), {}};
  }

  Fault fault_;
  std::unique_ptr<net::ReplyStream> inner_;
  std::string text_;
  std::size_t given_ = 0;
  std::uint64_t sent_ = 0;
  Clock::time_point next_;
};

// Lets so many bytes of an upload through, and then nothing.
class CutReceiver final : public net::BodyReceiver {
 public:
  CutReceiver(std::shared_ptr<net::BodyReceiver> inner, std::uint64_t bytes) : inner_(std::move(inner)), left_(bytes) {}
  bool take(std::span<const std::byte> bytes) override {
    const auto part = bytes.first(std::min<std::size_t>(bytes.size(), left_));
    left_ -= part.size();
    const bool goes_on = !inner_ || inner_->take(part);
    return goes_on && part.size() == bytes.size();
  }
  net::BodyReceiver* inner() const { return inner_.get(); }

 private:
  std::shared_ptr<net::BodyReceiver> inner_;
  std::uint64_t left_;
};

net::ServerReply cut_off() {
  net::ServerReply reply;
  reply.reset = true;
  return reply;
}

// Recorded from a 3.11 master some seconds after its start.
net::ServerReply knows_no_roles(const net::ServerRequest& request) {
  auto body = Json::object();
  body.set("kind", "Status").set("apiVersion", "v1").set("metadata", Json::object()).set("status", "Failure");
  body.set("message", fmt::format("forbidden: User cannot {} path \"{}\": no RBAC policy matched",
                                  text::lower(request.method), request.path()));
  body.set("reason", "Forbidden").set("details", Json::object()).set("code", 403);
  net::ServerReply reply;
  reply.status = 403;
  reply.headers.add("Content-Type", "application/json");
  reply.body = body.dump();
  return reply;
}

}  // namespace

bool glob_matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  const auto rest = pattern.substr(star + 1);
  for (auto from = star; from <= text.size(); ++from) {
    if (glob_matches(rest, text.substr(from))) return true;
    if (rest.empty()) return true;
  }
  return false;
}

void FaultTable::add(Fault fault) {
  faults_.with([&](auto& faults) { faults.push_back(std::move(fault)); });
}

void FaultTable::add(Restart restart) {
  restarts_.with([&](auto& restarts) { restarts.push_back({std::move(restart), {}}); });
}

void FaultTable::clear() {
  faults_.with([](auto& faults) { faults.clear(); });
  restarts_.with([](auto& restarts) { restarts.clear(); });
}

FaultTable::Phase FaultTable::phase(std::string_view server, const net::ServerRequest& request) {
  const auto now = std::chrono::steady_clock::now();
  bool begins = false;
  const auto phase = restarts_.with([&](auto& restarts) {
    std::erase_if(restarts, [&](const Running& one) {
      return one.since && now >= *one.since + one.restart.refused + one.restart.denied;
    });
    for (auto& [restart, since] : restarts) {
      if (restart.server != server) continue;
      if (!since) {
        const bool matches =
            (restart.method.empty() || restart.method == request.method) && glob_matches(restart.path, request.path());
        if (!matches) continue;
        if (restart.after > 0) {
          --restart.after;
          continue;
        }
        since = now;
        begins = true;
        return restart.done ? Phase::cut_when_done : Phase::cut;
      }
      return now < *since + restart.refused ? Phase::cut : Phase::denied;
    }
    return Phase::open;
  });
  if (phase == Phase::denied) ++denied_;
  if (phase == Phase::cut || phase == Phase::cut_when_done) ++cut_;
  if (begins && on_restart_) on_restart_();
  return phase;
}

std::optional<Fault> FaultTable::hit(std::string_view server, const net::ServerRequest& request, bool uploads) {
  return faults_.with([&](auto& faults) -> std::optional<Fault> {
    for (auto fault = faults.begin(); fault != faults.end(); ++fault) {
      if (fault->cut_request_after_bytes.has_value() != uploads) continue;
      if (fault->server != server || (!fault->method.empty() && fault->method != request.method)) continue;
      if (!glob_matches(fault->path, request.path())) continue;
      if (fault->after > 0) {
        --fault->after;
        continue;
      }
      auto found = *fault;
      if (fault->times && --*fault->times == 0) faults.erase(fault);
      return found;
    }
    return std::nullopt;
  });
}

FaultyHandler::FaultyHandler(net::RequestHandler& inner, FaultTable& table, std::string server, std::stop_token stop)
    : inner_(inner), table_(table), server_(std::move(server)), stop_(std::move(stop)) {}

std::shared_ptr<net::BodyReceiver> FaultyHandler::receive(const net::ServerRequest& head) {
  auto receiver = inner_.receive(head);
  const auto fault = table_.hit(server_, head, true);
  if (!fault) return receiver;
  return std::make_shared<CutReceiver>(std::move(receiver), *fault->cut_request_after_bytes);
}

net::ServerReply FaultyHandler::handle(net::ServerRequest& request, net::BodyReceiver* receiver) {
  if (auto* cut = dynamic_cast<CutReceiver*>(receiver)) {
    // What came through is kept as the inner handler would keep it; the connection is gone.
    if (cut->inner() != nullptr) inner_.handle(request, cut->inner());
    net::ServerReply gone;
    gone.reset = true;
    return gone;
  }
  switch (table_.phase(server_, request)) {
    case FaultTable::Phase::open:
      break;
    case FaultTable::Phase::cut_when_done:
      inner_.handle(request, receiver);
      return cut_off();
    case FaultTable::Phase::cut:
      return cut_off();
    case FaultTable::Phase::denied:
      return knows_no_roles(request);
  }
  const auto fault = table_.hit(server_, request, false);
  if (!fault) return inner_.handle(request, receiver);
  net::ServerReply reply;
  if (fault->status) {
    reply.status = *fault->status;
    reply.headers = fault->headers;
    reply.body = fault->body;
    return reply;
  }
  if (fault->reset) {
    reply.reset = true;
    return reply;
  }
  if (fault->delay.count() > 0) pause_for(fault->delay, stop_);
  reply = inner_.handle(request, receiver);
  if (!fault->bytes_per_second && !fault->cut_after_bytes && !fault->corrupt) return reply;
  if (!reply.stream) reply.stream_bytes = reply.body.size();
  reply.stream = std::make_unique<SpoiltStream>(reply, *fault);
  reply.body.clear();
  return reply;
}

}  // namespace sluice::sandbox
