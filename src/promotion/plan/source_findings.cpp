#include "promotion/plan/source_findings.hpp"

#include "base/text.hpp"
#include "findings/catalogue.hpp"

#include <fmt/format.h>

namespace sluice::promotion {

namespace {

constexpr std::size_t kMaxMessage = 400;

std::string from_text(const kube::ImageStream& stream, std::string_view tag) {
  const auto spec = stream.tag_spec(tag);
  return spec && spec->from ? text::printable(spec->from->name, 200) : std::string();
}

std::string command_to_import(const kube::ImageStream& stream, const std::string& tag) {
  return fmt::format("oc import-image {} -n {}", findings::shell_word(stream.name() + ":" + tag),
                     findings::shell_word(stream.project()));
}

}  // namespace

std::string import_trouble(const kube::ImageStream& stream, std::string_view tag) {
  const auto history = stream.tag(tag);
  if (!history) return {};
  for (const auto& condition : history->conditions) {
    if (condition.type != "ImportSuccess" || !condition.is_false()) continue;
    const auto from = from_text(stream, tag);
    const auto why = condition.message.empty() ? condition.reason : condition.message;
    return fmt::format("its import{} failed: {}", from.empty() ? "" : " from " + from,
                       text::printable(why, kMaxMessage));
  }
  return {};
}

std::vector<Finding> source_tag_findings(const std::string& where, const kube::ImageStream& stream,
                                         const std::string& tag) {
  std::vector<Finding> out;
  const auto name = fmt::format("{}/{}:{}", where, stream.name(), tag);
  if (const auto trouble = import_trouble(stream, tag); !trouble.empty()) {
    out.push_back({.code = "import-failed",
                   .severity = Severity::warning,
                   .subject = name,
                   .sentence = fmt::format("{} stands for an older image: {}", name, trouble),
                   .fix = command_to_import(stream, tag)});
  }
  const auto spec = stream.tag_spec(tag);
  if (spec && spec->reference) {
    out.push_back({.code = "tag-is-reference",
                   .severity = Severity::warning,
                   .subject = name,
                   .sentence = fmt::format("{} is only a reference to {}: its image stands outside of this cluster",
                                           name, from_text(stream, tag)),
                   .fix = {}});
  }
  return out;
}

std::vector<Finding> target_tag_findings(const std::string& where, const kube::ImageStream& stream,
                                         const std::string& tag) {
  std::vector<Finding> out;
  const auto spec = stream.tag_spec(tag);
  if (!spec) return out;
  const auto name = fmt::format("{}/{}:{}", where, stream.name(), tag);
  if (spec->reference) {
    out.push_back(
        {.code = "tag-is-reference",
         .severity = Severity::info,
         .subject = name,
         .sentence = fmt::format("{} is only a reference to {} so far; it becomes a tag of the promoted image", name,
                                 from_text(stream, tag)),
         .fix = {}});
  }
  if (spec->scheduled) {
    out.push_back(
        {.code = "schedule-ends",
         .severity = Severity::warning,
         .subject = name,
         .sentence = fmt::format("{} is imported from {} by schedule; that ends when it stands for the promoted "
                                 "image, also after an undo",
                                 name, from_text(stream, tag)),
         .fix = fmt::format("oc tag --scheduled --source=docker {} {} -n {}  # begins it anew",
                            findings::shell_word(from_text(stream, tag)),
                            findings::shell_word(stream.name() + ":" + tag), findings::shell_word(stream.project()))});
  }
  return out;
}

}  // namespace sluice::promotion
