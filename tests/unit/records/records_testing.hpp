#pragma once
// Helpers of the tests of this room: a folder of their own, small values, and child processes.

#include "records/store.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
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

inline JournalEntry step(std::string name, std::string target = {}, std::string image_name = {}) {
  JournalEntry out;
  out.step = std::move(name);
  out.target = std::move(target);
  out.image = std::move(image_name);
  out.detail = Json::object();
  return out;
}

/// A promotion of release 1 of app shop to prod, in a store that may be empty.
inline Promotion planned(Store& store, std::string environment = "prod") {
  auto release = store.find_or_create_release(release_of("shop", {image("web", "first")}));
  Promotion wanted;
  wanted.app = "shop";
  wanted.environment = std::move(environment);
  wanted.release = release.ok() ? release->number : 0;
  wanted.plan_hash = "plan-hash";
  wanted.plan = Json::object();
  wanted.plan.set("app", "shop");
  auto added = store.add_promotion(std::move(wanted));
  EXPECT_TRUE(added.ok()) << why(added);
  return added.ok() ? *added : Promotion{};
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
