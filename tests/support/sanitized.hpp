// Whether a sanitizer of addresses or of threads is built in: each process then takes the longer to start, keeps more
// memory, and handles crashes in its own way.
#pragma once

namespace test_support {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace test_support
