#include "support/exchange_log.hpp"

#include "base/json.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <unistd.h>
#include <utility>

namespace sluice::support {

std::string Exchange::json_line() const {
  Json line = Json::object();
  line.set("id", id);
  line.set("connection", connection);
  line.set("upstream", std::uint64_t{upstream});
  line.set("method", method);
  line.set("target", target);
  line.set("status", status ? Json(*status) : Json());
  line.set("request_seq", request_seq);
  line.set("response_seq", response_seq);
  line.set("request_bytes", request_bytes);
  line.set("response_bytes", response_bytes);
  line.set("fault", fault.empty() ? Json() : Json(fault));
  return line.dump() + "\n";
}

std::size_t critical_path(std::vector<Exchange> exchanges) {
  // Events in their order; a start takes the longest chain that has ended so far.
  std::map<std::uint64_t, std::pair<std::size_t, bool>> events;
  for (std::size_t i = 0; i < exchanges.size(); ++i) {
    events[exchanges[i].request_seq] = {i, true};
    events[exchanges[i].response_seq] = {i, false};
  }
  std::vector<std::size_t> depth(exchanges.size());
  std::size_t longest_ended = 0;
  for (const auto& [seq, event] : events) {
    const auto& [index, begins] = event;
    if (begins) {
      depth[index] = longest_ended + 1;
    } else {
      longest_ended = std::max(longest_ended, depth[index]);
    }
  }
  return longest_ended;
}

Result<ExchangeLog> ExchangeLog::open(const std::string& file) {
  if (file.empty()) return ExchangeLog(-1);
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return Error(ErrorKind::storage, "cannot write the exchange log " + file + ": " + std::strerror(errno));
  return ExchangeLog(fd);
}

ExchangeLog::ExchangeLog(ExchangeLog&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), exchanges_(other.exchanges_.with([](auto& all) { return std::move(all); })) {}

ExchangeLog::~ExchangeLog() {
  if (fd_ >= 0) ::close(fd_);
}

void ExchangeLog::add(Exchange exchange) {
  if (fd_ >= 0) {
    // One write for one line: O_APPEND keeps lines whole even when several processes share the file.
    const auto line = exchange.json_line();
    [[maybe_unused]] const auto written = ::write(fd_, line.data(), line.size());
  }
  exchanges_.with([&](auto& all) { all.push_back(std::move(exchange)); });
}

std::vector<Exchange> ExchangeLog::all() const {
  return exchanges_.with([](const auto& all) { return all; });
}

void ExchangeLog::clear() {
  exchanges_.with([](auto& all) { all.clear(); });
}

}  // namespace sluice::support
