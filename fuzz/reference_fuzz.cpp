// References from a command line or a pipeline file.

#include "fuzz/require.hpp"
#include "oci/reference.hpp"

#include <cstddef>
#include <cstdint>

using namespace sluice;

namespace {

void require_usage(const Error& error) {
  require(error.kind() == ErrorKind::usage, "a wrong reference is a usage error");
  require(error.sentence().size() < 2000, "a message does not echo endless text");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);

  const auto reference = oci::Reference::parse(text);
  if (reference.ok()) {
    require(reference->tag || reference->digest, "a reference has a tag or a digest");
    require(oci::parse_registry(reference->repository.registry).ok(), "its registry is one");
    require(oci::check_repository_path(reference->repository.path).ok(), "its path is one");
    require(!reference->tag || oci::check_tag(*reference->tag).ok(), "its tag is one");
    const auto again = oci::Reference::parse(reference->text());
    require(again.ok() && *again == *reference, "a reference reads back what it writes");
  } else {
    require_usage(reference.error());
  }

  const auto registry = oci::parse_registry(text);
  if (registry.ok()) {
    const auto again = oci::parse_registry(*registry);
    require(again.ok() && *again == *registry, "a registry reads back what it writes");
  } else {
    require_usage(registry.error());
  }
  if (const auto digest = oci::Digest::parse(text); digest.ok()) {
    require(digest->text() == text, "a digest has one spelling");
  }
  return 0;
}
