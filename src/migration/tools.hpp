#pragma once
// What commands do to images: docker, podman, buildah, nerdctl, skopeo, crane, regctl, oc. Words may have unknown
// parts.

#include "migration/notebook.hpp"
#include "migration/values.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace sluice::migration {

/// The words of a command, apart.
struct Arguments {
  Value positional;
  std::multimap<std::string, std::string> options;  ///< "--tag" or "-t" to its value; "" for a flag
  std::string option(std::initializer_list<std::string_view> names) const;
  bool has(std::initializer_list<std::string_view> names) const;
};
/// `with_value` are the options whose value is the next word.
Arguments arguments_of(const Value& words, std::size_t first, const std::set<std::string, std::less<>>& with_value);

class Tools {
 public:
  explicit Tools(Notebook& notebook) : notebook_(notebook) {}

  /// The word is the name of a tool that moves images, perhaps with its folder.
  static bool is_tool(std::string_view word);
  /// The text holds a command that moves images: "docker pull x".
  static bool mentions_move(std::string_view text);

  /// False when the command is none of these tools.
  bool run(const Value& words, int line);

  /// oc tag, and the steps of Jenkins that do the same. `project` is that of names without one; "" the current one.
  void tag_streams(std::string_view from, const std::string& to, std::string_view project, int line);
  void copy(std::string_view tool, std::string_view from, std::string_view to, int line);
  const std::string& project() const { return project_; }
  void set_project(std::string project) { project_ = std::move(project); }
  void login_cluster(std::string_view server, int line);

 private:
  // An image of the engine: the place that it came from, or nothing while it was only built here.
  struct Local {
    std::optional<Picture> origin;
    bool lost = false;  // it came from somewhere that was not understood
  };
  using LocalImage = std::shared_ptr<Local>;

  void engine(const std::string& tool, const Value& words, int line);
  void engine_command(const std::string& tool, const std::string& verb, const Value& words, std::size_t first,
                      int line);
  void login_registry(const std::string& host, int line);
  void engine_login(const Arguments& arguments, int line);
  void pull(const std::string& tool, const std::string& name, int line);
  void tag(const std::string& tool, const std::string& from, const std::string& to, int line);
  void push(const std::string& tool, const std::string& name, const std::string& to, int line);
  LocalImage local(const std::string& name) const;
  void build(const Arguments& arguments, bool pushed, int line);
  void skopeo(const Value& words, int line);
  void crane(const std::string& tool, const Value& words, int line);
  void oc(const Value& words, int line);
  void oc_command(const Arguments& arguments, int line);
  void oc_tag(const Arguments& arguments, int line);
  void oc_mirror(const Arguments& arguments, int line);
  void oc_import(const Arguments& arguments, int line);
  void complain(int line, std::string_view what, const Error& error);

  Notebook& notebook_;
  std::map<std::string, LocalImage> locals_;
  std::string cluster_;  // the key of the one that `oc` is logged in to; "": whichever the machine is
  std::string project_;
};

}  // namespace sluice::migration
