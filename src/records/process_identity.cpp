#include "records/process_identity.hpp"

#include "base/file.hpp"
#include "base/text.hpp"
#include "records/store.hpp"

#include <climits>

#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <optional>
#include <unistd.h>

namespace sluice::records {

namespace {

constexpr std::size_t kMaxProcBytes = 16384;  // /proc/PID/stat is a few hundred bytes

struct Holder {
  std::string_view host;
  std::int64_t pid = 0;
  std::string_view start;
};

// "host:pid:start", split from the end: what comes first may be anything.
std::optional<Holder> parse_holder(std::string_view text) {
  const auto last = text.rfind(':');
  if (last == std::string_view::npos || last == 0) return std::nullopt;
  const auto middle = text.rfind(':', last - 1);
  if (middle == std::string_view::npos) return std::nullopt;
  Holder out{text.substr(0, middle), 0, text.substr(last + 1)};
  const auto pid = text.substr(middle + 1, last - middle - 1);
  const auto [end, code] = std::from_chars(pid.data(), pid.data() + pid.size(), out.pid);
  const bool whole = code == std::errc() && end == pid.data() + pid.size();
  if (!whole || out.pid <= 0 || out.pid > INT_MAX || out.host.empty() || out.start.empty()) return std::nullopt;
  return out;
}

std::string host_name() {
  std::array<char, HOST_NAME_MAX + 1> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  return name.data();
}

// Host name, boot and PID namespace. The boot id alone is shared by all containers of a machine and host names are
// not unique, but a PID says something only within its namespace.
std::string this_host() {
  auto boot = read_file("/proc/sys/kernel/random/boot_id", kMaxProcBytes);
  std::array<char, 64> space{};
  const auto length = ::readlink("/proc/self/ns/pid", space.data(), space.size());
  std::string out = host_name() + "/" + (boot.ok() ? std::string(text::trim(*boot)) : "unknown") + "/";
  out += length > 0 ? std::string_view(space.data(), static_cast<std::size_t>(length)) : "unknown";
  for (char& c : out) {
    if (c == ':') c = '-';  // the separator of a holder; "pid:[4026531836]" has one
  }
  return out;
}

struct ProcessStat {
  char state = '?';
  std::string start;
};

// Source: proc(5), /proc/PID/stat: field 3 is the state, field 22 the start in clock ticks since boot. The name in
// field 2 is in parentheses and may hold spaces and parentheses itself.
std::optional<ProcessStat> stat_of(std::int64_t pid) {
  auto line = read_file("/proc/" + std::to_string(pid) + "/stat", kMaxProcBytes);
  if (!line.ok()) return std::nullopt;
  const auto name_end = line->rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= line->size()) return std::nullopt;
  const auto fields = text::split(std::string_view(*line).substr(name_end + 2), ' ');
  if (fields.size() < 20 || fields[0].empty()) return std::nullopt;
  return ProcessStat{fields[0][0], fields[19]};
}

}  // namespace

std::string this_process() {
  const std::int64_t pid = ::getpid();
  const auto stat = stat_of(pid);
  return this_host() + ":" + std::to_string(pid) + ":" + (stat ? stat->start : "unknown");
}

bool is_dead(std::string_view holder) {
  const auto parsed = parse_holder(holder);
  if (!parsed || parsed->host != this_host()) return false;
  // Not by /proc alone: it may be mounted so that processes of others are hidden.
  if (::kill(static_cast<pid_t>(parsed->pid), 0) != 0 && errno == ESRCH) return true;
  const auto stat = stat_of(parsed->pid);
  if (!stat || parsed->start == "unknown") return false;
  return stat->start != parsed->start || stat->state == 'Z' || stat->state == 'X';  // ended, not yet collected
}

std::string describe_holder(std::string_view holder) {
  const auto parsed = parse_holder(holder);
  if (!parsed) return text::printable(holder);
  const auto host = text::cut(parsed->host, '/').first;
  return "process " + std::to_string(parsed->pid) + " on " + text::printable(host);
}

}  // namespace sluice::records
