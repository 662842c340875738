// Host profiles as they are kept: any text, which may only make transfers slower.

#include "fuzz/require.hpp"
#include "places/host_profile.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

using namespace sluice;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t kNow = 1'700'000'000;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool takes_chunks : {true, false}) {
    places::HostProfile seed;
    seed.takes_chunks = takes_chunks;
    auto profile = places::read_profile(text, seed, kNow);
    require(profile.takes_chunks == takes_chunks, "what is known of a product is not learned");
    require(
        !profile.max_body_bytes || (*profile.max_body_bytes >= places::HostProfile::kLeastBodyBytes && takes_chunks),
        "a limit is not below the least, and means chunks");
    require(!profile.blob_slots || (*profile.blob_slots >= 2 && *profile.blob_slots <= 16), "2 to 16 bodies at once");
    require(places::read_profile(places::profile_text(profile, kNow), seed, kNow) == profile,
            "what is kept is read back");

    const auto before = profile;
    const bool worth = profile.learn_too_large(before.max_body_bytes.value_or(1'000'000'000));
    require(!worth || (takes_chunks && profile.max_body_bytes), "what is tried again is tried in chunks");
    require(!worth || !before.max_body_bytes || *profile.max_body_bytes < *before.max_body_bytes, "a limit only falls");
  }
  return 0;
}
