#pragma once

namespace sluice::support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

/// How often a test repeats one thing: a twentieth under sanitizers, where everything takes many times as long and the
/// question is whether memory is used rightly; the release build asks for all of it.
template <typename Number>
constexpr Number repeats(Number count) {
  return kSanitized ? count / 20 : count;
}

}  // namespace sluice::support
