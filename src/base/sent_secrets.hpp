#pragma once
// SentSecrets: every secret that this run has sent, so that nothing that comes back with one in it is shown.
// Servers and gateways echo requests in their errors. Who sends a secret notes it here; text::printable, text::shown
// and Json::dump_shown take it out.

#include "base/guarded.hpp"
#include "base/secret.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// Thread: any.
class SentSecrets {
 public:
  /// Shorter ones would blank ordinary text and give away that they did. Their base64 form in a Basic header is
  /// longer, and is noted.
  static constexpr std::size_t kShortest = 6;
  /// So much of the beginning of a longer secret is taken for the secret: servers cut what they echo.
  static constexpr std::size_t kEnough = 24;
  /// What is kept of all of them together; the oldest go first. A bound for runs that get a token per repository.
  static constexpr std::size_t kMostBytes = std::size_t{1} * 1024 * 1024;
  static constexpr std::size_t kMostSecrets = 256;

  /// The one of this process.
  static SentSecrets& process();

  /// A password or token that is about to be sent. One that is equal to the user name is not noted: the name is shown.
  void add(const Secret& secret, std::string_view username = {});
  /// An Authorization header that is about to be sent: the token of "Bearer", the password and the base64 text of
  /// "Basic". Cheap for a header that was noted before.
  void add_authorization(const Secret& header);

  /// `text` with "***" for every secret, as it is, in base64, percent-encoded, or escaped as in JSON.
  std::string hide(std::string_view text) const;

 private:
  struct Known {
    std::string origin;  ///< what add() was given
    std::vector<std::string> forms;
    std::size_t bytes = 0;
  };
  using Forms = std::vector<std::string>;
  struct State {
    std::deque<Known> known;
    std::size_t bytes = 0;
    std::shared_ptr<const Forms> forms;  ///< of all of them, the longest first; null: none
  };
  static bool is_known(const State& state, std::string_view origin);
  static void keep(State& state, Known known);
  Guarded<State> state_;
};

}  // namespace sluice
