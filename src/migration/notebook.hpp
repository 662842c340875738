#pragma once
// What is found while a script is read: images that go from a place to another, logins that are needed, and lines that
// were not understood. Nothing of a script is repeated in a sentence but names that were checked to be names.

#include "oci/reference.hpp"

#include <compare>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::migration {

/// Where images are: a project of a registry, or of a cluster.
struct Spot {
  bool on_cluster = false;
  std::string host{};     ///< of the registry; of a cluster a key of Notebook::clusters; "" is the current one
  std::string project{};  ///< of a registry a path
  friend auto operator<=>(const Spot&, const Spot&) = default;
};

/// An image somewhere. The tag may have unknown parts (values.hpp).
struct Picture {
  Spot spot;
  std::string image;
  std::string tag;
  friend auto operator<=>(const Picture&, const Picture&) = default;
};

struct Move {
  Picture from;
  Picture to;
  int line = 1;
};

struct Remark {
  int line = 1;
  std::string sentence;
  std::string fix{};  ///< a command; may be empty
  friend auto operator<=>(const Remark&, const Remark&) = default;
};

/// What a cluster is called.
struct SeenCluster {
  std::string server{};    ///< host:port of its API
  std::string registry{};  ///< host of its registry, seen from outside
  std::string context{};   ///< of the kubeconfig
};

class Notebook {
 public:
  std::map<std::string, SeenCluster>
      clusters;  ///< by what their servers and registries have in common: "a.example.com"

  void move(Move move);
  void not_understood(int line, std::string sentence);
  /// Something that a pipeline does not need, or does by itself.
  void left_out(int line, std::string sentence);
  /// Somebody logs in: who reads the script has to do so for Sluice. Told once for each place.
  void login(int line, std::string sentence, std::string fix);
  /// A tool that moves images was seen, even if nothing came of it.
  void seen() { seen_ = true; }

  const std::vector<Move>& moves() const { return moves_; }
  const std::vector<Remark>& remarks() const { return remarks_; }
  const std::vector<Remark>& left_out_remarks() const { return left_out_; }
  const std::vector<Remark>& logins() const { return logins_; }
  bool any_seen() const { return seen_; }
  bool is_cut() const { return cut_; }

 private:
  void add(std::vector<Remark>& to, Remark remark);

  std::vector<Move> moves_;
  std::set<std::pair<Picture, Picture>> known_;
  std::vector<Remark> remarks_;
  std::vector<Remark> left_out_;
  std::vector<Remark> logins_;
  bool seen_ = false;
  bool cut_ = false;
};

}  // namespace sluice::migration
