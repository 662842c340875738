#include "engine/ledger.hpp"

#include "base/file.hpp"
#include "base/hash.hpp"
#include "base/json.hpp"
#include "base/pause.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

namespace sluice::engine {

namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} * 1024 * 1024;
constexpr std::chrono::milliseconds kLookAgain{200};  // whether the other run has ended

Error storage(const std::filesystem::path& file, const char* what) {
  return Error(errno == EACCES ? ErrorKind::denied : ErrorKind::storage,
               std::string(what) + " " + file.string() + ": " + std::strerror(errno));
}

Result<int> open_lock(const std::filesystem::path& folder, const std::string& name) {
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code) return Error(ErrorKind::storage, "cannot make the folder " + folder.string() + ": " + code.message());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, code);
  const auto file = folder / (name + ".lock");
  const int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0) return storage(file, "cannot open");
  return lock;
}

// The kernel lets the lock go when its holder ends, however it ends.
Status take_lock(int lock) {
  if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return {};
  if (errno == EWOULDBLOCK || errno == EINTR) return Error(ErrorKind::busy, "another run is using the engine");
  return Error(ErrorKind::storage, std::string("cannot lock the ledger of the engine: ") + std::strerror(errno));
}

std::string name_of(const std::string& engine) { return hash_hex(HashAlgorithm::sha256, engine).substr(0, 16); }

}  // namespace

bool Ledger::may_hold(const std::filesystem::path& folder, const std::string& engine) {
  Ledger ledger(folder / (name_of(engine) + ".json"), -1);
  return !ledger.read() || !ledger.held_.empty();
}

Result<Ledger> Ledger::try_open(const std::filesystem::path& folder, const std::string& engine) {
  const auto name = name_of(engine);
  SLUICE_TRY(const int lock, open_lock(folder, name));
  Ledger out(folder / (name + ".json"), lock);
  SLUICE_CHECK(take_lock(lock));
  SLUICE_CHECK(out.read());
  return out;
}

Result<Ledger> Ledger::open(const std::filesystem::path& folder, const std::string& engine, const std::stop_token& stop,
                            const std::function<void()>& waits) {
  for (bool told = false;; told = true) {
    auto ledger = try_open(folder, engine);
    if (ledger || ledger.error().kind() != ErrorKind::busy) return ledger;
    if (!told && waits) waits();
    if (!pause_for(kLookAgain, stop))
      return Error(ErrorKind::cancelled, "stopped while another run was using the engine");
  }
}

Ledger::Ledger(Ledger&& other) noexcept
    : file_(std::move(other.file_)), lock_(std::exchange(other.lock_, -1)), held_(std::move(other.held_)) {}

Ledger::~Ledger() {
  if (lock_ >= 0) ::close(lock_);
}

Status Ledger::read() {
  const auto bytes = read_file(file_, kMaxBytes);
  if (!bytes && bytes.error().kind() == ErrorKind::not_found) return {};
  if (!bytes) return bytes.error();
  const auto content = parse_json(*bytes);
  const auto* list = content ? content->find("brought") : nullptr;
  if (list == nullptr || !list->is_array()) {
    return Error(ErrorKind::storage, file_.string() + " is damaged: what a killed run left in the engine is not known")
        .with_hint("look at the engine's images, and remove the file");
  }
  for (const auto& one : list->items()) {
    if (const auto text = one.as_string()) held_.push_back(*text);
  }
  return {};
}

Status Ledger::write() const {
  Json list = Json::array();
  for (const auto& one : held_) list.push(one);
  return replace_file(file_, Json::object().set("brought", std::move(list)).dump() + "\n", 0600);
}

Status Ledger::bring(const std::string& reference) {
  if (std::find(held_.begin(), held_.end(), reference) != held_.end()) return {};
  held_.push_back(reference);
  return write();
}

Status Ledger::gone(const std::string& reference) {
  if (std::erase(held_, reference) == 0) return {};
  return write();
}

}  // namespace sluice::engine
