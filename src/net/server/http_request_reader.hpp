#pragma once
// RequestReader: one request, read from the bytes of a connection as they come. No sockets here.
// Beast's parser is behind it. Only for the server kit. Source: RFC 9112 sections 2 to 7.

#include "net/server/http_server.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::net {

/// Thread: one at a time.
class RequestReader {
 public:
  enum class State : std::uint8_t {
    head,     ///< the request line and the fields are not complete
    body,     ///< the head can be read, the body is not complete
    done,     ///< the request is complete
    stopped,  ///< the receiver wants no more: the rest of the connection is of no use
    refused,  ///< answer with refusal_status() and close
  };

  explicit RequestReader(const ServerOptions& options);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  /// Takes a first part of `bytes`, which begin where the last call stopped taking; 0: more are needed.
  /// It returns once when the head is complete, so that start_body() can be called before any of the body is read.
  std::size_t feed(std::string_view bytes);
  State state() const;

  // When the head is complete:
  ServerRequest& request();
  bool keep_alive() const;
  bool is_http_10() const;
  /// The client waits for 100 before it sends the body. Source: RFC 9110 section 10.1.1.
  bool expects_continue() const;

  /// Says where the body goes; null: into request().body, within the limit. May refuse.
  void start_body(std::shared_ptr<BodyReceiver> receiver);
  const std::shared_ptr<BodyReceiver>& receiver() const;

  int refusal_status() const;
  /// A sentence for the client.
  const std::string& refusal() const;

 private:
  class Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace sluice::net
