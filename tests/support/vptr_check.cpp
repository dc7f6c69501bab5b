// UndefinedBehaviorSanitizer's check of an object's type, where a test has left the program no descriptors, or a
// sandbox forbids new ones (it lowers their limit as well).
//
// Where the sanitizer first meets a pair of types it asks, through a pipe, whether the object's memory can be read.
// No pipe counts as no memory, and a right program is aborted. So while a test holds the limit on descriptors down
// such a pair goes unchecked; it is checked when it is met again.
#include <cstdint>

#include <dlfcn.h>
#include <sys/resource.h>

namespace {

rlim_t limit_now() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

const rlim_t limit_at_start = limit_now();

}  // namespace

// In place of the runtime's own, which stands in a shared library.
// NOLINTNEXTLINE(bugprone-reserved-identifier): the name is the sanitizer's.
extern "C" void __ubsan_handle_dynamic_type_cache_miss_abort(void* check, std::uintptr_t object,
                                                             std::uintptr_t hash) {
  if (limit_now() < limit_at_start) return;
  using handler = void (*)(void*, std::uintptr_t, std::uintptr_t);
  static const auto sanitizers_own =
      reinterpret_cast<handler>(::dlsym(RTLD_NEXT, "__ubsan_handle_dynamic_type_cache_miss_abort"));
  sanitizers_own(check, object, hash);
}
