#pragma once
// MessageTracker: finds the borders of HTTP/1.1 messages in a byte stream, without copying and without buffering.
// It decides nothing and changes nothing; see support/proxy_connection.hpp for what is done with the pieces.
// Source: RFC 9112, sections 2 (message), 6 (body length) and 7.1 (chunked).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::support {

/// The start line and the fields of one message.
struct MessageHead {
  std::string method;  ///< requests
  std::string target;  ///< requests
  int status = 0;      ///< responses
  std::vector<std::pair<std::string, std::string>> fields;

  /// The first value of a field, trimmed; names compare without case.
  std::optional<std::string> field(std::string_view name) const;
  /// A response that another one follows (RFC 9110, section 15.2).
  bool is_interim() const { return status >= 100 && status < 200; }
};

enum class PieceKind : std::uint8_t {
  more,     ///< nothing can be said before more bytes arrive; keep what is there
  head,     ///< a start line and its fields, with the blank line
  payload,  ///< bytes of the body as the application sees them
  framing,  ///< chunk sizes, line ends, trailers
  end,      ///< no bytes: the message is complete
  broken,   ///< this is no HTTP; everything from here on is opaque
};

struct Piece {
  PieceKind kind = PieceKind::more;
  std::size_t size = 0;  ///< how many bytes of the input belong to it
};

/// One direction of one connection. Thread: one at a time.
class MessageTracker {
 public:
  enum class Side : std::uint8_t { request, response };
  static constexpr std::size_t kMaxHeadBytes = std::size_t{256} * 1024;

  explicit MessageTracker(Side side) : side_(side) {}

  /// Says which method the next response answers: a reply to HEAD has no body whatever its fields say.
  void answers(std::string_view request_method) { answered_method_ = request_method; }

  /// The first piece of `input`. Call again with the rest until it says `more` (or `broken`, for good).
  Piece next(std::string_view input);

  /// The stream ended. True when that completes a message whose length is "until the end".
  bool finish();

  /// The head seen last. Valid from its piece on until the next head.
  const MessageHead& head() const { return head_; }
  /// Payload bytes of the current message so far.
  std::uint64_t payload_bytes() const { return payload_bytes_; }

 private:
  enum class State : std::uint8_t { head, fixed, until_end, chunk_size, chunk_data, chunk_end, trailers, done, broken };

  Piece read_head(std::string_view input);
  Piece read_line(std::string_view input);
  Piece take_payload(std::size_t size);
  void choose_body();
  Piece give_up();

  Side side_;
  State state_ = State::head;
  MessageHead head_;
  std::string answered_method_;
  std::uint64_t left_ = 0;
  std::uint64_t payload_bytes_ = 0;
};

}  // namespace sluice::support
