// What workers take: memory, by which they are replaced or killed, and what worker_usages tells.
//
//    worker: after each call, own pages ──► its reply says so; above the limit it leaves, and takes no further call
//            parent, at that reply ───────► takes back what was sent ahead to it; another takes its place
//    attendant: now and then, while calls run ──► /proc/PID/statm: far above the limit it is killed
//
// The worker leaves by itself, so that not one quick call more is begun above the limit. A worker that says less than
// is true is found by the attendant; one that says so and stays is killed.
#include <plait/core/report.hpp>
#include <plait/core/time.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_figures.hpp>
#include <plait/processes/internal/process_pool.hpp>

#include <cerrno>
#include <limits>
#include <mutex>
#include <system_error>

namespace plait::inline PLAIT_ABI::detail {
namespace {

using namespace std::chrono_literals;

/// What a worker has to flush its streams and go, when its memory is above the limit. Then it is killed.
constexpr nanoseconds time_to_leave{1s};

/// So far above its limit a worker is killed in the midst of a call.
constexpr std::size_t far_above = 2;

/// How often a running call's memory is looked at: a file of /proc is opened, read and closed for each worker; what
/// takes a gigabyte a second is seen 20 MB later.
constexpr nanoseconds between_looks{20ms};

std::string in_mib(std::size_t bytes) {
  return std::to_string(bytes >> 20) + '.' + std::to_string((bytes & ((1U << 20) - 1)) * 10 >> 20) + " MiB";
}

}  // namespace

struct process_pool::measured {
  std::shared_ptr<worker> whose;
  std::size_t bytes;
};

// Under the lock: a call begins.
void process_pool::watch_memory() noexcept {
  if (std::exchange(watching_memory_, true)) return;
  next_memory_look_ = sync::now() + between_looks;
  ring_attendant();  // it may sleep for longer
}

// Outside the lock, which is not held while the kernel is asked.
std::vector<process_pool::measured> process_pool::measure_busy() noexcept {
  std::vector<measured> busy;
  {
    const std::lock_guard lock(mutex_);
    const auto now = sync::now();
    if (!watching_memory_ || now < next_memory_look_) return busy;
    next_memory_look_ = now + between_looks;
    for (const auto& w : workers_)
      if (w->pid > 0 && !w->flights.empty() && !w->has_ended && w->pushed.at != ladder::rung::killed)
        busy.push_back({w, 0});
  }
  for (auto& [w, bytes] : busy) {
    const auto statm = open_statm(w->pid);
    const int error = errno;
    const auto pages = statm ? own_pages(statm.get()) : std::nullopt;
    if (has_ended(w->pidfd.get())) continue;  // its number may be another's
    bytes = pages.value_or(0) * page_size();
    if (statm || std::exchange(memory_is_hidden_, true)) continue;
    report(severity::warning,
           "the executor " + settings_.prefix +
               ": the memory of calls that run can't be watched (worker_memory_limit): open /proc/" +
               std::to_string(w->pid) + "/statm: " + std::system_category().message(error));
  }
  return busy;
}

void process_pool::look_at_memory() noexcept {
  const auto busy = measure_busy();
  if (busy.empty()) return;
  const auto limit = settings_.memory_limit;
  const auto most = limit > std::numeric_limits<std::size_t>::max() / far_above ? limit : limit * far_above;
  afterwards later;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [w, bytes] : busy) {
      if (bytes <= most || w->pushed.at == ladder::rung::killed || w->flights.empty()) continue;
      if (!w->dead && !w->has_ended) static_cast<void>(take_back_behind(*w, w->flights.front().sequence, later));
      w->ran_out_of_memory = true;
      kill_worker(*w, "out of memory: it had " + in_mib(bytes) + " of its own, and is killed above " + in_mib(most) +
                          " (" + std::to_string(far_above) + " times the worker_memory_limit of " + in_mib(limit) +
                          ")");
    }
  }
  settle(later);
}

// Under the lock. Its answer to `after` says that it has too much, and that it leaves.
void process_pool::replace_outgrown(worker& which, std::uint64_t after, afterwards& later) noexcept {
  static_cast<void>(take_back_behind(which, after, later));
  if (!which.takes_calls()) return;
  which.stopping = true;
  which.pushed = {ladder::rung::terminated, from_now(time_to_leave), after,  // should it not
                  "it had more memory than the worker_memory_limit after a call, said that it leaves, and did not"};
  ladders_in_use_ = true;
  ring_attendant();
}

std::vector<worker_usage> process_pool::usages() {
  std::vector<worker_usage> found;
  if (is_foreign()) return found;
  std::vector<std::shared_ptr<worker>> living;
  {
    const std::lock_guard lock(mutex_);
    living = workers_;
    for (const auto& w : living) found.push_back({.name = w->name, .pid = w->pid, .calls = w->calls_done});
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (found[i].pid == 0) continue;
    const auto figures = figures_of(found[i].pid);
    if (has_ended(living[i]->pidfd.get())) continue;  // the number may be another's
    found[i].cpu_time = figures.cpu_time;
    found[i].resident_bytes = figures.resident_bytes;
    found[i].peak_resident_bytes = figures.peak_resident_bytes;
  }
  return found;
}

}  // namespace plait::inline PLAIT_ABI::detail
