// What is known of a worker's death, for worker_died: on the attendant's thread, without the lock.
#include <plait/processes/internal/memory_kills.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>

#include <algorithm>
#include <csignal>

#include <sys/resource.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// Of a call that is encoded once more: more would take long, and memory where that is perhaps what ran out.
constexpr std::size_t most_measured = 1024 * 1024;

/// At the hard limit the kernel kills, at the soft one it sends SIGXCPU first. Workers have the program's limits.
std::string perhaps_cpu_time() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CPU, &limit) != 0 || limit.rlim_max == RLIM_INFINITY || limit.rlim_cur < limit.rlim_max)
    return {};
  return "perhaps since it reached its limit of CPU time (RLIMIT_CPU: " + std::to_string(limit.rlim_max) + " s)";
}

}  // namespace

// `how` is null where the server was lost.
worker_died::details process_pool::what_happened(const worker& gone, const process_end_status* how) {
  worker_died::details details{.pid = gone.pid, .last_lines = gone.errors.last_lines()};
  if (!how) {
    details.cause = "the server of the worker processes died, and its workers with it";
    return details;
  }
  details.cause = gone.killed_because;
  if (!how->signaled) {
    details.exit_code = how->code;
    return details;
  }
  details.signal = how->code;
  if (auto crash = read_crash(gone.line.crash(), how->code)) {
    details.fault = std::move(crash->fault);
    details.trace = std::move(crash->trace);
  }
  if (!details.cause.empty()) return details;
  if (how->code == SIGKILL) details.cause = why_killed(gone);
  if (how->code == SIGXCPU) details.cause = "probably since it reached its limit of CPU time (RLIMIT_CPU)";
  if (how->code == SIGXFSZ) details.cause = "probably since a file reached its limit of size (RLIMIT_FSIZE)";
  return details;
}

// Not by this pool. Each kill that the kernel counts explains one death.
std::string process_pool::why_killed(const worker& gone) {
  const auto now = count_memory_kills();
  const auto before = std::max(gone.memory_kills_before, memory_kills_told_);
  if (now.count <= before) return perhaps_cpu_time();
  memory_kills_told_ = before + 1;
  return "probably out of memory: since it was started the kernel has killed a process for want of memory (oom_kill "
         "in " +
         now.file + ")";
}

std::vector<std::size_t> process_pool::argument_sizes(const work_item& item, std::size_t bytes) noexcept {
  if (bytes > most_measured) return {};
  try {
    std::vector<std::size_t> marks, sizes;
    heap_storage memory;
    byte_writer to({}, memory);
    to.note_marks(marks);
    item.encode(to);
    for (std::size_t i = 1; i < marks.size(); ++i) sizes.push_back(marks[i] - marks[i - 1]);
    return sizes;
  } catch (...) {  // it can't be told, then
    return {};
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
