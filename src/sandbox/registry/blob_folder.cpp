// The medium that keeps blobs as files: FOLDER/blobs/<algorithm>/<hex>, and FOLDER/uploads/<number> while they come.
#include "base/encoding.hpp"
#include "base/text.hpp"
#include "oci/digest.hpp"
#include "sandbox/registry/blob_medium.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace sluice::sandbox {

namespace {

namespace fs = std::filesystem;

Error broken(std::string_view what, const fs::path& path) {
  return {ErrorKind::storage, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno))};
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

class FileBlob final : public Blob {
 public:
  FileBlob(int descriptor, std::uint64_t size, fs::path path)
      : file_(descriptor), size_(size), path_(std::move(path)) {}
  std::uint64_t size() const override { return size_; }
  Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> room) const override {
    std::size_t done = 0;
    while (done < room.size()) {
      const auto count =
          ::pread(file_.get(), room.data() + done, room.size() - done, static_cast<off_t>(offset + done));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return broken("read", path_);
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    return done;
  }

 private:
  File file_;
  std::uint64_t size_;
  fs::path path_;
};

BlobPtr open_file(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0) return nullptr;
  struct stat facts{};
  if (::fstat(descriptor, &facts) != 0 || !S_ISREG(facts.st_mode)) {
    ::close(descriptor);
    return nullptr;
  }
  return std::make_shared<FileBlob>(descriptor, static_cast<std::uint64_t>(facts.st_size), path);
}

class FileDraft final : public BlobDraft {
 public:
  FileDraft(int descriptor, fs::path path) : file_(descriptor), path_(std::move(path)) {}
  ~FileDraft() override {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  FileDraft(const FileDraft&) = delete;
  FileDraft& operator=(const FileDraft&) = delete;

  Status append(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const auto count = ::write(file_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return broken("write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }
  Result<BlobPtr> close() override {
    auto blob = open_file(path_);
    if (!blob) return broken("read", path_);
    return blob;
  }
  Status move_to(const fs::path& target) {
    if (::rename(path_.c_str(), target.c_str()) != 0) return broken("write", target);
    path_.clear();
    return {};
  }

 private:
  File file_;
  fs::path path_;
};

class FolderMedium final : public BlobMedium {
 public:
  explicit FolderMedium(fs::path folder) : folder_(std::move(folder)) {}

  Result<std::unique_ptr<BlobDraft>> draft() override {
    auto path = folder_ / "uploads" / std::to_string(next_.fetch_add(1));
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (descriptor < 0) return broken("create", path);
    return std::unique_ptr<BlobDraft>(std::make_unique<FileDraft>(descriptor, std::move(path)));
  }
  Status keep(std::unique_ptr<BlobDraft> draft, const std::string& digest) override {
    return static_cast<FileDraft&>(*draft).move_to(path_of(digest));
  }
  BlobPtr open(const std::string& digest) override { return open_file(path_of(digest)); }
  void remove(const std::string& digest) override { ::unlink(path_of(digest).c_str()); }
  std::vector<KeptBlob> list() override;

 private:
  // The digest is a valid one, so it names no other folder.
  fs::path path_of(const std::string& digest) const {
    const auto [algorithm, hex] = text::cut(digest, ':');
    return folder_ / "blobs" / algorithm / hex;
  }

  fs::path folder_;
  std::atomic<std::uint64_t> next_{1};
};

std::vector<KeptBlob> FolderMedium::list() {
  std::vector<KeptBlob> out;
  for (const auto* algorithm : {"sha256", "sha512"}) {
    std::error_code code;
    for (fs::directory_iterator at(folder_ / "blobs" / algorithm, code), end; !code && at != end; at.increment(code)) {
      const auto digest = oci::Digest::parse(fmt::format("{}:{}", algorithm, at->path().filename().string()));
      std::error_code gone;
      const auto size = at->file_size(gone);
      if (digest.ok() && !gone) out.push_back({digest->text(), size});
    }
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<BlobMedium>> folder_medium(const fs::path& folder) {
  std::error_code code;
  fs::remove_all(folder / "uploads", code);
  for (const auto* part : {"uploads", "blobs/sha256", "blobs/sha512"}) {
    fs::create_directories(folder / part, code);
    if (code) {
      return Error(ErrorKind::storage,
                   fmt::format("cannot create the folder {}: {}", (folder / part).string(), code.message()))
          .with_hint("choose a folder for blobs that this user may write to");
    }
  }
  return std::unique_ptr<BlobMedium>(std::make_unique<FolderMedium>(folder));
}

}  // namespace sluice::sandbox
