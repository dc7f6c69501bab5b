#include <plait/processes/internal/takeover.hpp>

#include <cstdlib>

#include <dlfcn.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
[[gnu::weak]] PLAIT_API main_function choose_main(main_function program_main) noexcept;
}  // namespace plait::inline PLAIT_ABI::detail

using plait::detail::choose_main;
using plait::detail::main_function;

extern "C" {

using start_function = int(main_function, int, char**, void (*)(), void (*)(), void (*)(), void*);

// Called by the program's start-up code on its only thread, before its static constructors.
[[gnu::weak]] PLAIT_API int __libc_start_main(main_function program_main, int argc, char** argv, void (*init)(),
                                              void (*fini)(), void (*loader_fini)(), void* stack_end) {
  auto* const of_libc = reinterpret_cast<start_function*>(::dlsym(RTLD_NEXT, "__libc_start_main"));
  if (!of_libc) {
    constexpr char message[] = "plait: there is no __libc_start_main of libc's behind plait's own\n";
    static_cast<void>(!::write(STDERR_FILENO, message, sizeof message - 1));
    std::abort();
  }
  if (choose_main) program_main = choose_main(program_main);
  return of_libc(program_main, argc, argv, init, fini, loader_fini, stack_end);
}
}
