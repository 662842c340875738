#include "oci/reference.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace sluice::oci {
namespace {

rc::Gen<std::string> texts(const std::string& alphabet, int longest) {
  return rc::gen::resize(longest, rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::elementOf(alphabet))));
}

const std::string kAlnum = "abz019";

Reference any_reference() {
  std::string registry = *texts(kAlnum, 8) + "." + *texts("abz", 5);
  if (*rc::gen::arbitrary<bool>()) registry += ":" + std::to_string(*rc::gen::inRange(1, 65536));
  std::string path = *texts(kAlnum, 8);
  for (const auto& separator :
       *rc::gen::resize(4, rc::gen::container<std::vector<std::string>>(
                               rc::gen::element<std::string>("/", ".", "_", "__", "-", "---")))) {
    path += separator + *texts(kAlnum, 6);
  }
  Reference reference{{registry, path}, std::nullopt, std::nullopt};
  if (*rc::gen::arbitrary<bool>()) reference.digest = Digest::of(path);
  if (!reference.digest || *rc::gen::arbitrary<bool>()) {
    reference.tag = *texts("aZ0_", 3) + *texts("aZ0_.-", 20);
  }
  return reference;
}

RC_GTEST_PROP(ReferenceProperty, ReadsBackWhatItWrites, ()) {
  const auto reference = any_reference();
  const auto again = Reference::parse(reference.text());
  RC_ASSERT(again.ok());
  RC_ASSERT(*again == reference);
}

RC_GTEST_PROP(ReferenceProperty, SurvivesOneDamagedCharacter, ()) {
  auto text = any_reference().text();
  text.at(*rc::gen::inRange<std::size_t>(0, text.size())) = *rc::gen::arbitrary<char>();
  const auto reference = Reference::parse(text);
  if (reference.ok()) {
    const auto again = Reference::parse(reference->text());
    RC_ASSERT(again.ok());
    RC_ASSERT(*again == *reference);
  } else {
    RC_ASSERT(reference.error().kind() == ErrorKind::usage);
  }
}

}  // namespace
}  // namespace sluice::oci
