#include "archive/tar.hpp"

#include "base/text.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <utility>
#include <vector>

namespace sluice::archive {

namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kMaxPath = 1024;

Error leads_out(std::string_view path) {
  return {ErrorKind::protocol, "the archive names \"" + text::printable(path, 200) + "\", which leads out of it"};
}

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

}  // namespace

Result<std::string> path_inside(std::string_view from, std::string_view path) {
  if (path.empty() || path.front() == '/' || from.size() + path.size() > kMaxPath || path.find('\0') != path.npos)
    return leads_out(path);
  auto parts = from.empty() ? std::vector<std::string>() : text::split(from, '/');
  for (auto& part : text::split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(std::move(part));
    } else if (parts.empty()) {
      return leads_out(path);
    } else {
      parts.pop_back();
    }
  }
  return text::join(parts, "/");
}

struct TarReader::State {
  NextBytes next;
  std::string held;               // what libarchive reads just now
  std::optional<Error> failed;    // why there are no more bytes
  struct archive* tar = nullptr;  // of this room alone
  std::uint64_t position = 0;     // within the entry: holes of sparse files are refused

  static la_ssize_t give(struct archive* tar, void* self, const void** bytes) {
    auto& state = *static_cast<State*>(self);
    auto piece = state.next();
    if (!piece) {
      state.failed = std::move(piece).error();
      archive_set_error(tar, -1, "the bytes broke off");
      return -1;
    }
    state.held = std::move(*piece);
    *bytes = state.held.data();
    return static_cast<la_ssize_t>(state.held.size());
  }
};

TarReader::TarReader(NextBytes next) : state_(std::make_unique<State>()) {
  state_->next = std::move(next);
  state_->tar = archive_read_new();
  archive_read_support_format_tar(state_->tar);
  archive_read_open(state_->tar, state_.get(), nullptr, &State::give, nullptr);
}

TarReader::~TarReader() { archive_read_free(state_->tar); }

Error TarReader::failure(const char* what) {
  if (state_->failed) return *state_->failed;
  const char* why = archive_error_string(state_->tar);
  return {ErrorKind::protocol,
          std::string(what) + ": " + text::printable(why == nullptr ? "it is no tar archive" : why, 200)};
}

Result<std::optional<TarEntry>> TarReader::next() {
  struct archive_entry* entry = nullptr;
  const int code = archive_read_next_header(state_->tar, &entry);
  if (state_->failed) return *state_->failed;
  if (code == ARCHIVE_EOF) return std::optional<TarEntry>();
  if (code != ARCHIVE_OK) return failure("the archive cannot be read");
  const char* path = archive_entry_pathname(entry);
  TarEntry out;
  state_->position = 0;
  SLUICE_TRY(out.path, path_inside("", path == nullptr ? "" : path));
  if (const char* hard = archive_entry_hardlink(entry); hard != nullptr) {
    out.kind = EntryKind::link;
    SLUICE_TRY(out.link, path_inside("", hard));
  } else if (const char* soft = archive_entry_symlink(entry); soft != nullptr) {
    out.kind = EntryKind::link;
    SLUICE_TRY(out.link, path_inside(folder_of(out.path), soft));
  } else if (archive_entry_filetype(entry) == AE_IFDIR) {
    out.kind = EntryKind::folder;
  } else if (archive_entry_filetype(entry) != AE_IFREG) {
    out.kind = EntryKind::other;
  }
  return std::optional(std::move(out));
}

Result<std::span<const std::byte>> TarReader::read() {
  const void* bytes = nullptr;
  std::size_t size = 0;
  la_int64_t offset = 0;
  do {
    const int code = archive_read_data_block(state_->tar, &bytes, &size, &offset);
    if (code == ARCHIVE_EOF) return std::span<const std::byte>();
    if (state_->failed || code != ARCHIVE_OK) return failure("the archive is cut off or damaged");
  } while (size == 0);
  if (offset < 0 || static_cast<std::uint64_t>(offset) != state_->position)
    return Error(ErrorKind::protocol, "the archive has a file with holes, which no image has");
  state_->position += size;
  return std::span(static_cast<const std::byte*>(bytes), size);
}

namespace {

struct Header {
  std::string bytes;
  bool whole = false;
};

// After the header, an error ends the close that would fill the missing content with zeros. (archive_write_fail() would
// end it, too, but libarchive 3.6 then loses the buffer of its output.)
la_ssize_t keep(struct archive* /*tar*/, void* header, const void* bytes, std::size_t size) {
  auto& kept = *static_cast<Header*>(header);
  if (kept.whole) return -1;
  kept.bytes.append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

}  // namespace

// A writer for each header: it is thrown away before it misses the content, which goes another way.
Result<std::string> tar_header(const std::string& path, std::uint64_t size_bytes) {
  Header header;
  struct archive* tar = archive_write_new();
  archive_write_set_format_gnutar(tar);
  archive_write_set_bytes_per_block(tar, 0);
  struct archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, path.c_str());
  archive_entry_set_size(entry, static_cast<la_int64_t>(size_bytes));
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_perm(entry, 0644);
  archive_entry_set_mtime(entry, 0, 0);
  const bool written = archive_write_open(tar, &header, nullptr, &keep, nullptr) == ARCHIVE_OK &&
                       archive_write_header(tar, entry) == ARCHIVE_OK;
  header.whole = true;
  archive_entry_free(entry);
  archive_write_free(tar);
  if (!written || header.bytes.empty() || header.bytes.size() % kBlock != 0)
    return Error(ErrorKind::internal, "no tar header could be written for " + text::printable(path));
  return std::move(header.bytes);
}

std::string tar_padding(std::uint64_t size_bytes) { return std::string((kBlock - size_bytes % kBlock) % kBlock, '\0'); }

std::string tar_end() { return std::string(2 * kBlock, '\0'); }

}  // namespace sluice::archive
