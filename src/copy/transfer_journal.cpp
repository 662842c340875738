#include "copy/transfer_journal.hpp"

#include "base/encoding.hpp"
#include "base/file.hpp"
#include "base/json.hpp"
#include "net/url.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace sluice::copy {

namespace fs = std::filesystem;

namespace {

constexpr int kVersion = 1;
constexpr std::size_t kMaxFileBytes = std::size_t{64} * 1024;
constexpr std::size_t kMaxLocationBytes = std::size_t{16} * 1024;
constexpr const char* kPageEnding = ".json";
constexpr const char* kLockEnding = ".lock";

Error not_ours(const std::string& why) {
  return {ErrorKind::config, "a page of the transfer journal cannot be used: " + why};
}

// The location is sent with credentials, so it must lead to the host that the session was opened at.
bool leads_to(const std::string& location, const std::string& host) {
  if (location.size() > kMaxLocationBytes) return false;
  const auto url = net::Url::parse(location);
  const auto wanted = net::Url::parse((url ? url->scheme : "https") + "://" + host + "/");
  return url && wanted && url->same_origin(*wanted);
}

std::string file_name(const JournalPage::Key& key) {
  return hash_hex(HashAlgorithm::sha256, key.host + "\n" + key.repository + "\n" + key.blob.digest.text());
}

std::string to_text(const JournalPage::Key& key, const JournalEntry& entry) {
  auto checkpoints = Json::array();
  for (const auto& checkpoint : entry.checkpoints) {
    auto one = Json::object();
    one.set("offset", checkpoint.offset);
    one.set("hash", encoding::base64(checkpoint.hasher.save()));
    checkpoints.push(std::move(one));
  }
  auto all = Json::object();
  all.set("version", kVersion);
  all.set("host", key.host);
  all.set("repository", key.repository);
  all.set("digest", key.blob.digest.text());
  all.set("size", key.blob.size_bytes);
  all.set("location", entry.session.location);
  all.set("checkpoints", std::move(checkpoints));
  return all.dump();
}

Result<places::PipeCheckpoint> to_checkpoint(const Json& json, const oci::Descriptor& blob, std::uint64_t after) {
  const auto offset = json.integer_at("offset").value_or(0);
  if (offset <= 0 || static_cast<std::uint64_t>(offset) <= after ||
      static_cast<std::uint64_t>(offset) >= blob.size_bytes) {
    return not_ours("its checkpoints are in no order");
  }
  SLUICE_TRY(const auto state, encoding::decode_base64(json.string_at("hash").value_or("")));
  SLUICE_TRY(auto hasher, Hasher::restore(blob.digest.algorithm(), state));
  return places::PipeCheckpoint{static_cast<std::uint64_t>(offset), std::move(hasher)};
}

Result<JournalEntry> to_entry(std::string_view text, const JournalPage::Key& key) {
  SLUICE_TRY(const auto json, parse_json(text));
  if (json.integer_at("version") != kVersion) return not_ours("it is of another version");
  if (json.string_at("host") != key.host || json.string_at("repository") != key.repository ||
      json.string_at("digest") != key.blob.digest.text() ||
      json.integer_at("size") != static_cast<std::int64_t>(key.blob.size_bytes)) {
    return not_ours("it is about another blob");
  }
  JournalEntry entry;
  entry.session = {key.repository, json.string_at("location").value_or(""), 0};
  if (!leads_to(entry.session.location, key.host)) return not_ours("its upload is at another host");
  const auto* list = json.find("checkpoints");
  if (list == nullptr || !list->is_array() || list->items().size() > places::kCheckpointsKept) {
    return not_ours("its checkpoints are missing or too many");
  }
  std::uint64_t after = 0;
  for (const auto& one : list->items()) {
    SLUICE_TRY(auto checkpoint, to_checkpoint(one, key.blob, after));
    after = checkpoint.offset;
    entry.checkpoints.push_back(std::move(checkpoint));
  }
  return entry;
}

Error storage(const std::string& what, const fs::path& path) {
  return {ErrorKind::storage, "cannot " + what + " " + path.string() + ": " + std::strerror(errno)};
}

// Old pages, then the oldest of too many. A page that is in use was written a moment ago.
void sweep(const fs::path& folder) {
  std::error_code ignored;
  std::vector<std::pair<fs::file_time_type, fs::path>> pages;
  const auto oldest = fs::file_time_type::clock::now() - TransferJournal::kOldest;
  for (const auto& file : fs::directory_iterator(folder, ignored)) {
    const auto ending = file.path().extension();
    if (ending != kPageEnding && ending != kLockEnding) continue;
    const auto written = file.last_write_time(ignored);
    if (written < oldest) {
      fs::remove(file.path(), ignored);
    } else if (ending == kPageEnding) {
      pages.emplace_back(written, file.path());
    }
  }
  if (pages.size() <= TransferJournal::kMostEntries) return;
  std::sort(pages.begin(), pages.end());
  pages.resize(pages.size() - TransferJournal::kMostEntries);
  for (const auto& [written, page] : pages) fs::remove(page, ignored);
}

}  // namespace

JournalPage::JournalPage(fs::path file, int lock, Key key, std::optional<JournalEntry> found)
    : file_(std::move(file)), lock_(lock), key_(std::move(key)), found_(std::move(found)) {
  writer_ = std::jthread([this] { write_changes(); });
}

JournalPage::~JournalPage() {
  state_.update([](State& s) { s.closing = true; });
  writer_.join();
  // The lock's file is left alone while a later process may look for the page: who removes a file that another one has
  // just locked lets a third one lock it anew.
  auto lock_file = file_;
  lock_file.replace_extension(kLockEnding);
  if (!holds()) ::unlink(lock_file.c_str());
  ::close(lock_);
}

void JournalPage::keep(const places::UploadSession& session) {
  state_.update([&](State& s) {
    s.has_session = leads_to(session.location, key_.host);
    s.entry.session = session;
    s.dirty = true;
  });
}

void JournalPage::replace(std::vector<places::PipeCheckpoint> checkpoints) {
  state_.update([&](State& s) {
    s.entry.checkpoints = std::move(checkpoints);
    s.dirty = true;
  });
}

void JournalPage::add(const places::PipeCheckpoint& checkpoint) {
  state_.update([&](State& s) {
    auto& kept = s.entry.checkpoints;
    if (kept.size() >= places::kCheckpointsKept) kept.erase(kept.begin());
    kept.push_back(checkpoint);
    s.dirty = true;
  });
}

void JournalPage::forget() {
  state_.update([](State& s) {
    s.entry = {};
    s.has_session = false;
    s.dirty = true;
  });
}

bool JournalPage::holds() const {
  return state_.with([](const State& s) { return s.has_session && !s.trouble; });
}

std::optional<Error> JournalPage::trouble() const {
  return state_.with([](const State& s) { return s.trouble; });
}

Status JournalPage::write(const State& state) const {
  if (state.has_session) return replace_scratch_file(file_, to_text(key_, state.entry), 0600);
  if (::unlink(file_.c_str()) != 0 && errno != ENOENT) return storage("remove", file_);
  return {};
}

void JournalPage::write_changes() {
  for (;;) {
    const auto now = state_.when([](const State& s) { return s.dirty || s.closing; }, {},
                                 [](State& s) {
                                   auto copy = s;
                                   s.dirty = false;
                                   return copy;
                                 });
    if (!now.dirty) return;
    if (auto written = write(now); !written) {
      state_.update([&](State& s) {
        if (!s.trouble) s.trouble = std::move(written).error();
      });
    }
  }
}

TransferJournal::TransferJournal(fs::path folder) : folder_(std::move(folder)) {}

Status TransferJournal::prepare() {
  const bool first = prepared_.with([](bool& prepared) { return !std::exchange(prepared, true); });
  std::error_code failed;
  if (!fs::exists(folder_, failed)) {
    fs::create_directories(folder_.parent_path(), failed);
    if (::mkdir(folder_.c_str(), 0700) != 0 && errno != EEXIST) return storage("make the folder", folder_);
  }
  if (first) sweep(folder_);
  return {};
}

Result<std::unique_ptr<JournalPage>> TransferJournal::open(const std::string& host, const std::string& repository,
                                                           const oci::Descriptor& blob) {
  JournalPage::Key key{host, repository, blob};
  SLUICE_CHECK(prepare());
  const auto file = folder_ / (file_name(key) + kPageEnding);
  auto lock_file = file;
  lock_file.replace_extension(kLockEnding);
  const int lock = ::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock < 0) return storage("open", lock_file);
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return std::unique_ptr<JournalPage>();
  }
  std::optional<JournalEntry> found;
  if (const auto text = read_file(file, kMaxFileBytes)) {
    if (auto entry = to_entry(*text, key)) found = std::move(*entry);
  }
  return std::make_unique<JournalPage>(file, lock, std::move(key), std::move(found));
}

}  // namespace sluice::copy
