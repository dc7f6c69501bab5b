// What a worker process runs.
#pragma once

#include <plait/core/config.hpp>

#include <span>

namespace plait::inline PLAIT_ABI::detail {

/// The pool's worker: runs in a new process that has no more than the program's statics as constructed, the
/// descriptors of its worker_request in their order (numbers of its own choice, all closed on exec; they belong to
/// it), /dev/null as stdin, the program's stdout and stderr. Its result is the process's exit code: stdio is flushed,
/// no static destructor and no atexit function runs.
int worker_main(std::span<const int> descriptors) noexcept;

/// In the server, before it forks: what each of its workers would do anew and inherits instead.
void prepare_workers() noexcept;

using worker_main_function = int (*)(std::span<const int> descriptors) noexcept;

/// Lets workers run `function` in place of worker_main. For tests: to be called by a static constructor, since
/// workers begin where main would. Returns the one before.
PLAIT_API worker_main_function set_worker_main(worker_main_function function) noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
