#include "net/server/http_request_reader.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>
#include <exception>
#include <span>

namespace sluice::net {

namespace {

namespace http = boost::beast::http;
using boost::beast::error_code;
using BeastView = boost::beast::string_view;

// Collected bodies grow by themselves: a Content-Length alone must not make us allocate megabytes.
constexpr std::size_t kTrustedReserveBytes = std::size_t{64} * 1024;

std::string_view view(BeastView text) { return {text.data(), text.size()}; }

// The origin form of a target, as handlers know it. Source: RFC 9112 section 3.2.2 asks servers to read the absolute
// form too. Empty: no target of ours.
std::string origin_form(std::string_view target) {
  if (target.starts_with('/')) return std::string(target);
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!text::iequals(target.substr(0, scheme.size()), scheme)) continue;
    const auto at = target.find_first_of("/?", scheme.size());
    if (at == std::string_view::npos) return "/";
    return (target[at] == '?' ? "/" : "") + std::string(target.substr(at));
  }
  return {};
}

}  // namespace

class RequestReader::Parser final : public http::basic_parser<true> {
 public:
  explicit Parser(const ServerOptions& options) : max_body_bytes_(options.max_body_bytes) {
    header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(options.max_header_bytes, UINT32_MAX)));
    body_limit(boost::none);  // ours, in start_body() and collect(): a receiver has none
    eager(false);             // until the head is complete
  }

  std::size_t feed(std::string_view bytes) {
    if (state_ != State::head && state_ != State::body) return 0;
    if (fresh_) {
      // Source: RFC 9112 section 2.2: empty lines before the request line are to be ignored.
      const auto start = std::min(bytes.find_first_not_of("\r\n"), bytes.size());
      fresh_ = start == bytes.size();
      if (start > 0) return start;
    }
    error_code code;
    const auto used = put(boost::asio::buffer(bytes.data(), bytes.size()), code);
    if (state_ == State::stopped || state_ == State::refused) return used;
    if (code && code != http::error::need_more) {
      refuse(code);
    } else if (state_ == State::head && is_header_done()) {
      complete_head();
    } else if (state_ == State::body && is_done()) {
      state_ = State::done;
    }
    return used;
  }

  void start_body(std::shared_ptr<BodyReceiver> receiver) {
    receiver_ = std::move(receiver);
    const auto length = content_length();
    if (!receiver_ && length) {
      if (*length > max_body_bytes_) return refuse_body();
      request_.body.reserve(std::min(static_cast<std::size_t>(*length), kTrustedReserveBytes));
    }
    eager(true);
    if (is_done()) state_ = State::done;
  }

  bool wants_continue() const { return expects_continue_ && version_ >= 11 && !is_done(); }

  ServerRequest request_;
  std::shared_ptr<BodyReceiver> receiver_;
  State state_ = State::head;
  int version_ = 10;
  int refusal_status_ = 0;
  std::string refusal_;

 private:
  void on_request_impl(http::verb, BeastView method, BeastView target, int version, error_code&) override {
    version_ = version;
    request_.method = std::string(view(method));
    request_.target = origin_form(view(target));
  }
  void on_response_impl(int, BeastView, int, error_code&) override {}
  void on_field_impl(http::field, BeastView name, BeastView value, error_code&) override {
    if (state_ != State::head) return;  // trailers, which nobody reads
    request_.headers.add(std::string(view(name)), std::string(view(value)));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(BeastView body, error_code& code) override { return collect(view(body), code); }
  void on_chunk_header_impl(std::uint64_t, BeastView, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, BeastView body, error_code& code) override {
    return collect(view(body), code);
  }
  void on_finish_impl(error_code&) override {}

  std::size_t collect(std::string_view bytes, error_code& code) {
    if (!receiver_) {
      if (bytes.size() > max_body_bytes_ - request_.body.size()) {
        refuse_body();
        code = http::error::body_limit;
      } else {
        request_.body.append(bytes);
      }
    } else if (!offer(bytes)) {
      state_ = State::stopped;
      code = http::error::body_limit;
    }
    return bytes.size();
  }

  bool offer(std::string_view bytes) {
    try {
      return receiver_->take(std::as_bytes(std::span(bytes)));
    } catch (const std::exception&) {
      return false;
    }
  }

  void complete_head() {
    if (request_.target.empty()) return refuse(400, "the target of the request is neither a path nor a URL");
    const auto hosts = request_.headers.all("host").size();
    if (hosts > 1 || (hosts == 0 && version_ >= 11)) return refuse(400, "the request has not exactly one Host field");
    const auto coding = request_.headers.get("transfer-encoding");
    if (coding && !text::iequals(*coding, "chunked")) return refuse(501, "only the transfer coding chunked is known");
    expects_continue_ = text::iequals(request_.headers.get("expect").value_or(""), "100-continue");
    state_ = State::body;
  }

  void refuse(error_code code) {
    if (code == http::error::header_limit) return refuse(431, "the fields of the request are too long");
    if (code == http::error::bad_version) return refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    refuse(400, "the request cannot be read: " + code.message());
  }
  void refuse_body() { refuse(413, "the body is larger than " + text::human_bytes(max_body_bytes_)); }
  void refuse(int status, std::string why) {
    state_ = State::refused;
    refusal_status_ = status;
    refusal_ = std::move(why);
  }

  std::size_t max_body_bytes_;
  bool fresh_ = true;  ///< nothing of the request has come
  bool expects_continue_ = false;
};

RequestReader::RequestReader(const ServerOptions& options) : parser_(std::make_unique<Parser>(options)) {}
RequestReader::~RequestReader() = default;
std::size_t RequestReader::feed(std::string_view bytes) { return parser_->feed(bytes); }
RequestReader::State RequestReader::state() const { return parser_->state_; }
ServerRequest& RequestReader::request() { return parser_->request_; }
bool RequestReader::keep_alive() const { return parser_->keep_alive(); }
bool RequestReader::is_http_10() const { return parser_->version_ < 11; }
bool RequestReader::expects_continue() const { return parser_->wants_continue(); }
void RequestReader::start_body(std::shared_ptr<BodyReceiver> receiver) { parser_->start_body(std::move(receiver)); }
const std::shared_ptr<BodyReceiver>& RequestReader::receiver() const { return parser_->receiver_; }
int RequestReader::refusal_status() const { return parser_->refusal_status_; }
const std::string& RequestReader::refusal() const { return parser_->refusal_; }

}  // namespace sluice::net
