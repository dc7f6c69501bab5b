// Notes the stack at each throw. The compiler calls __cxa_throw for a throw expression; here is one that stands
// before the C++ runtime's, looks at the stack where this thread wants that, and goes on to the runtime's.
//
// Ours is weak: with a static C++ runtime that one is the definition, and there is simply no trace. Nothing of plait
// depends on it.
#include <plait/portable/exceptions.hpp>
#include <plait/portable/internal/throw_trace.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include <cxxabi.h>
#include <dlfcn.h>
#include <execinfo.h>

// AddressSanitizer must know of each throw that frames are left. Its own __cxa_throw may stand behind ours or not.
extern "C" __attribute__((weak)) void __asan_handle_no_return();

namespace plait::inline PLAIT_ABI::detail {

namespace {

constexpr int most_frames = 48;

struct noted_throw {
  const void* object;  // null: none yet
  const std::type_info* type;
  std::span<void* const> trace;  // in frames, from where the exception was thrown
  std::array<void*, most_frames> frames;
};

// The last ones: an exception that is nested in another was thrown some throws before it. Plain data, so that a throw
// in a thread's last moments finds it too.
struct noted_throws {
  bool on;
  unsigned next;
  std::array<noted_throw, 8> last;
};
thread_local noted_throws noted;

void note(const void* object, const std::type_info* type, void* thrown_at) noexcept {
  auto& here = noted.last[noted.next++ % noted.last.size()];
  here.object = object;
  here.type = type;
  const int count = std::max(backtrace(here.frames.data(), most_frames), 0);
  // The frames above are ours, and a sanitizer's.
  const std::span<void* const> frames(here.frames.data(), static_cast<std::size_t>(count));
  const auto first = std::ranges::find(frames, thrown_at);
  here.trace = first == frames.end() ? frames : std::span<void* const>(first, frames.end());
}

using throw_function = void (*)(void*, std::type_info*, void (*)(void*));

throw_function throw_of_the_runtime() noexcept {
  static const auto found = reinterpret_cast<throw_function>(dlsym(RTLD_NEXT, "__cxa_throw"));
  return found;
}

}  // namespace

void capture_throws(bool on) noexcept {
  // The first backtrace loads a library, and finding the runtime's function takes the linker's lock: not in a throw.
  static const bool ready = [] {
    void* frame = nullptr;
    return backtrace(&frame, 1) >= 0 && throw_of_the_runtime() != nullptr;
  }();
  noted.on = on && ready;
}

std::span<void* const> throw_trace_of(const std::exception_ptr& error, const std::type_info& type) noexcept {
  // The one member of libstdc++'s and libc++'s exception_ptr points to the exception object.
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));
  const void* object = nullptr;
  std::memcpy(&object, static_cast<const void*>(&error), sizeof(object));
  for (unsigned back = 1; back <= noted.last.size(); ++back) {
    const auto& one = noted.last[(noted.next - back) % noted.last.size()];
    if (one.object != object || one.object == nullptr || *one.type != type) continue;
    return one.trace;
  }
  return {};
}

}  // namespace plait::inline PLAIT_ABI::detail

// Under names of our own, as the compilers have declarations of theirs.
extern "C" {
// In a static runtime this lies in one object with its __cxa_throw, which is so always there.
void plait_runtimes_throw_is_there() __asm__("__cxa_init_primary_exception");
[[gnu::used]] void (*const plait_keep_runtimes_throw)() = &plait_runtimes_throw_is_there;

[[noreturn]] PLAIT_API void plait_throw(void* object, std::type_info* type,
                                        void (*destroy)(void*)) __asm__("__cxa_throw")
    __attribute__((weak, noinline));

void plait_throw(void* object, std::type_info* type, void (*destroy)(void*)) {
  namespace here = plait::detail;
  if (here::noted.on) here::note(object, type, __builtin_return_address(0));
  if (__asan_handle_no_return != nullptr) __asan_handle_no_return();
  if (const auto go_on = here::throw_of_the_runtime()) go_on(object, type, destroy);
  std::abort();  // there is no runtime that could throw
}
}
