#include "pools.hpp"

#include <plait/processes/internal/sandbox_filter.hpp>

#include <chrono>
#include <fstream>
#include <variant>

#include "calls.hpp"
#include <unistd.h>

namespace stress {

using namespace std::chrono_literals;

namespace {

std::size_t own_memory() {
  std::ifstream statm("/proc/self/statm");
  std::size_t size = 0, resident = 0, shared = 0;
  statm >> size >> resident >> shared;
  return (resident - shared) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

machine look_at_machine() {
  plait::process_pool_executor pool({.max_workers = 1});
  pool.submit(quick, 2).result();
  return {.has_sandbox = plait::detail::why_no_filter().empty(),
          .memory_of_a_worker = pool.submit(own_memory).result()};
}

pool::pool(const plait::process_pool_options& options)
    : sandboxed(!std::holds_alternative<plait::sandbox::none>(options.sandbox)),
      memory_limit(options.worker_memory_limit.value_or(0)),
      executor(options) {}

std::unique_ptr<pool> make_pool(chooser& choose, const machine& here) {
  plait::process_pool_options options{.max_workers = 1 + choose.below(most_workers)};
  options.start = choose.one_of({plait::start_method::fork_server, plait::start_method::spawn});
  if (choose.one_in(4)) options.initializer = {quick, 3};
  if (choose.one_in(2)) options.idle_timeout = choose.one_of({1ms, 5ms, 20ms});  // they shrink, and grow again
  if (choose.one_in(4)) options.max_pending = 1 + choose.below(20);
  if (choose.one_in(3)) options.max_tasks_per_child = 1 + choose.below(20);
  if (choose.one_in(3)) options.worker_memory_limit = here.memory_of_a_worker + 16 * mib;
  if (choose.one_in(3)) options.cancel = plait::cancel_mode::kill;
  if (here.has_sandbox && choose.one_in(3)) options.sandbox = plait::sandbox::compute;
  options.stop_grace = choose.one_of({1ms, 20ms});
  options.term_grace = choose.one_of({1ms, 20ms});
  return std::make_unique<pool>(options);
}

}  // namespace stress
