#pragma once
// Helpers of the tests of this room: a folder of their own, small values, and child processes.

#include "records/store.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace sluice::records::testing {

/// A new folder that is removed with all that is in it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sluice-records-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The sentence of an error, for the message of a failed expectation.
template <class T>
std::string why(const Result<T>& result) {
  return result.ok() ? "ok" : std::string(to_string(result.error().kind())) + ": " + result.error().sentence();
}

template <class T>
::testing::AssertionResult failed_with(const Result<T>& result, ErrorKind kind, std::string_view part) {
  if (result.ok()) return ::testing::AssertionFailure() << "expected an error with '" << part << "', and it succeeded";
  if (result.error().kind() != kind || result.error().sentence().find(part) == std::string::npos) {
    return ::testing::AssertionFailure() << "expected " << to_string(kind) << " with '" << part << "', saw "
                                         << why(result);
  }
  return ::testing::AssertionSuccess();
}

inline std::unique_ptr<Store> open(const std::filesystem::path& file, AfterCommit hook = {}) {
  auto store = open_sqlite(file, std::move(hook));
  if (!store.ok()) {
    ADD_FAILURE() << why(store);
    std::abort();
  }
  return std::move(store).value();
}

inline ReleaseImage image(std::string name, std::string_view content, std::string tag = "latest") {
  return ReleaseImage{std::move(name), oci::Digest::of(content), std::move(tag)};
}

inline Release release_of(std::string app, std::vector<ReleaseImage> images, bool pattern_tag = false) {
  Release out;
  out.app = std::move(app);
  out.images = std::move(images);
  out.pattern_tag = pattern_tag;
  out.origin = "dev";
  return out;
}

/// `name`: as the journal spells it.
inline JournalEntry step(std::string_view name, std::string target = {}, std::string image_name = {}) {
  JournalEntry out;
  out.step = parse_step(name).value();
  out.target = std::move(target);
  out.image = std::move(image_name);
  out.detail = Json::object();
  return out;
}

inline Hold hold_of(std::string place, std::string reason = {}, std::int64_t since = 1) {
  return Hold{std::move(place), std::move(reason), since, Json()};
}

/// A kept release with one image of this content.
inline Release kept(Store& store, std::string_view content, std::int64_t number = 0, std::string app = "shop") {
  auto wanted = release_of(std::move(app), {image("web", content)});
  wanted.number = number;
  auto release = store.keep_release(std::move(wanted));
  EXPECT_TRUE(release.ok()) << why(release);
  return release.ok() ? *release : Release{};
}

/// A promotion of one release of app shop, in a store that may be empty.
inline Promotion planned(Store& store, std::vector<std::string> places = {"r/shop/web:prod"}) {
  Promotion wanted;
  wanted.app = "shop";
  wanted.environment = "prod";
  wanted.release = kept(store, "first").id;
  wanted.plan_hash = "plan-hash";
  wanted.plan = Json::object();
  wanted.plan.set("app", "shop");
  wanted.places = std::move(places);
  auto added = store.add_promotion(std::move(wanted));
  EXPECT_TRUE(added.ok()) << why(added);
  return added.ok() ? *added : Promotion{};
}

inline std::vector<std::string> ids_of(const Result<std::vector<Promotion>>& promotions) {
  EXPECT_TRUE(promotions.ok()) << why(promotions);
  std::vector<std::string> out;
  if (!promotions.ok()) return out;
  for (const auto& each : *promotions) out.push_back(each.id);
  return out;
}

inline sluice::Environment environment_with(std::map<std::string, std::string, std::less<>> values) {
  return sluice::Environment([values = std::move(values)](std::string_view name) -> std::optional<std::string> {
    const auto found = values.find(name);
    if (found == values.end()) return std::nullopt;
    return found->second;
  });
}

inline unsigned mode_of(const std::filesystem::path& path) {
  struct stat about{};
  return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 07777U : 0U;
}

/// A pipe; both ends close by themselves.
class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) std::abort();
  }
  ~Pipe() {
    close_read();
    close_write();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  void close_read() { close_end(0); }
  void close_write() { close_end(1); }
  void write(std::string_view text) const {
    if (::write(ends_[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) std::abort();
  }
  /// Everything until all writers have closed their end.
  std::string read_all() const {
    std::string out;
    std::array<char, 4096> buffer{};
    for (;;) {
      const auto got = ::read(ends_[0], buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return out;
      out.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  /// One byte; blocks until it is there.
  void read_one() const {
    char byte = 0;
    while (::read(ends_[0], &byte, 1) < 0 && errno == EINTR) {
    }
  }

 private:
  void close_end(std::size_t which) {
    if (ends_[which] >= 0) ::close(std::exchange(ends_[which], -1));
  }
  std::array<int, 2> ends_{-1, -1};
};

/// Runs `body` in a child process that ends with its result, without unwinding. No store may be open in the parent:
/// SQLite connections do not survive a fork.
inline pid_t start_child(const std::function<int()>& body) {
  const pid_t pid = ::fork();
  if (pid < 0) std::abort();
  if (pid == 0) ::_exit(body());
  return pid;
}

/// The exit code of a child, or 128 + the signal that ended it.
inline int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace sluice::records::testing
