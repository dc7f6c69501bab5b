// process_pool_executor: runs calls in worker processes.
#pragma once

#include <plait/executor/executor.hpp>
#include <plait/executor/portable_call.hpp>
#include <plait/processes/sandbox.hpp>
#include <plait/processes/start_method.hpp>
#include <plait/processes/worker_died.hpp>
#include <plait/processes/worker_usage.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace plait::inline PLAIT_ABI {

namespace detail {
class process_pool;
}

/// How a pool of processes is made.
struct process_pool_options {
  /// At most so many processes; they start when needed. Nothing: as many as affinity and the cgroup's quota allow
  /// cpus.
  std::optional<int> max_workers = std::nullopt;
  /// Processes are named `<prefix>_<n>`. Empty: `ProcessPoolExecutor-<k>`, k counting the program's pools. The kernel
  /// sees the last 15 characters; what they write to stderr is labelled with the whole name.
  std::string_view worker_name_prefix = {};
  /// Runs once in each process before its first call. If it throws, the pool is broken.
  portable_call initializer = {};
  /// A process without work for so long ends; a new one starts when needed. Nothing: they stay until shutdown.
  std::optional<nanoseconds> idle_timeout = std::nullopt;
  /// At most so many calls wait for a process; then submit waits, or refuses (see executor). Nothing: no bound.
  std::optional<std::size_t> max_pending = std::nullopt;
  /// The same bound by the memory of the calls and what their arguments hold in contiguous containers.
  std::optional<std::size_t> max_pending_bytes = std::nullopt;
  start_method start = start_method::fork_server;
  /// So many calls (1 or more) a process runs, then it ends and another takes its place. Nothing: any number.
  std::optional<int> max_tasks_per_child = std::nullopt;
  /// Bytes of memory that a process may have: resident and its own (heap, stacks; not what it shares with files or
  /// other processes, as the program's code and blocks of large arguments). With more after a call it ends, and
  /// another takes its place: each process runs one call at least. With more than twice as much in the midst of a
  /// call it is killed, as soon as that is seen (it is looked at every 20 ms): that call gets worker_died, which says
  /// "out of memory". Nothing: no limit.
  std::optional<std::size_t> worker_memory_limit = std::nullopt;
  /// What cancelling a call does that runs, unless the call itself says so.
  cancel_mode cancel = cancel_mode::ask;
  /// A call that is to be stopped, by its deadline or by a cancel that kills, is asked by its std::stop_token. So
  /// long after that, or at once where its callable takes none, its process gets SIGTERM …
  nanoseconds stop_grace = std::chrono::seconds(1);
  /// … and so long after that SIGKILL.
  nanoseconds term_grace = std::chrono::seconds(1);
  /// What the workers may do once the initializer has run: all, or no more than sandbox.hpp says of
  /// `sandbox::compute` and `sandbox::read_only{paths}`.
  plait::sandbox::policy sandbox = {};
};

/// An executor whose workers are processes: what a call crashes, leaks or corrupts is its worker's alone.
///
/// Callable, arguments and result travel by value. What can't travel is refused when it compiles; through `executor&`
/// the future fails with not_portable. A callable is a function, a captureless lambda or object, or `plait::fn<f>`.
/// Failure to write or read an argument or a result fails that call only. An exception comes back as the type that
/// was thrown, where that is one of the standard's, plait's, or registered (PLAIT_PORTABLE_EXCEPTION); else as one
/// derived from remote_error and from the nearest standard type; future::remote_trace() says where it was thrown.
///
/// A worker is this program as it was before main: static constructors have run, main has not. What main set up comes
/// by arguments or by the initializer. It has the directory, environment and limits that the program had when its
/// first pool started a worker; stdin is /dev/null; no signal is blocked; SIGINT, SIGQUIT, SIGHUP are ignored (the
/// program decides), crashes are reported (see worker_died); all others as exec leaves them. It writes to the
/// program's stdout itself. What it writes to stderr is passed on line by line, each line with a label, its name and
/// pid: "ProcessPoolExecutor-0_1[4711]: out of range". Log lines (get_logger) go there whole and without one, in the
/// format of the program's basic_config (in a sandbox like all else that it writes).
///
/// Libraries that start threads of their own find OMP_NUM_THREADS=1 in a worker's environment, where the program's
/// does not set it: with OpenMP, OpenBLAS, MKL or BLIS a pool takes as many cores as it has workers, not that many
/// times all of them. Who wants it otherwise sets OMP_NUM_THREADS, or the library's own variable, in the program's
/// environment before its first pool starts a worker, or calls omp_set_num_threads in the initializer.
///
/// A worker that dies fails the one call that it runs (worker_died, which says what the death was; for that the
/// worker has handlers for the signals of crashes, which the program's, an initializer's or a sanitizer's replace).
/// Calls start in the order of submission, higher
/// priorities first; quick ones are sent ahead to workers that are busy still, and taken back where another is free.
/// Cancelling a call that runs asks it to stop where its callable takes a std::stop_token (it sees so a moment
/// later); else it is abandoned. Where it was submitted with `.cancel = cancel_mode::kill`, or the pool was made so,
/// it is `killed` instead: asked, then its process gets SIGTERM, then SIGKILL; its future is cancelled once it has
/// answered or its process has ended, whatever it answered. At its deadline a call that runs is stopped in the same
/// way; its future has timeout_error at once. A call that gives way while it is only asked keeps its worker; no other
/// call is lost by all this. shutdown(kill) kills what runs at once: those futures are cancelled.
///
/// Of `retries` after a worker_died at most two are used: a call whose worker has died three times is not run again.
///
/// Replies are taken by the loop that submitted first, while it runs, or by the pool's own thread, by whoever comes
/// first. Done callbacks run on the thread that takes the reply.
///
/// The destructor drains: it blocks until all calls have run. On the thread of a running loop it must not block: what
/// has not started is cancelled, what runs is killed, a warning names it. In done callbacks on the pool's own thread
/// likewise. At the end of the program a pool that still lives is killed. However the program dies, its workers die
/// with it. In a forked child every pool is broken_executor, and its destructor does nothing.
class PLAIT_API process_pool_executor final
    : public executor,
      public detail::submitting<process_pool_executor, detail::items_for_processes> {
  using there = detail::submitting<process_pool_executor, detail::items_for_processes>;  // refuses what can't travel

 public:
  using there::map;
  using there::map_unordered;
  using there::submit;
  using there::try_submit;

  /// As many processes as there are cpus.
  process_pool_executor();
  /// Throws std::invalid_argument for 0 or negative workers, bounds or timeouts; broken_executor where this program
  /// can't start workers, or sandbox them where that is asked for, saying why. Starts no process.
  explicit process_pool_executor(const process_pool_options& options);
  ~process_pool_executor() override;

  [[nodiscard]] int max_workers() const noexcept override;
  /// Processes that live now, or are about to.
  [[nodiscard]] int workers() const;
  /// The ids of those that have said that they are there.
  [[nodiscard]] std::vector<pid_t> worker_pids() const;
  /// What each of them has used so far. Reads a file of /proc for each.
  [[nodiscard]] std::vector<worker_usage> worker_usages() const;
  /// Calls that wait for a process now.
  [[nodiscard]] std::size_t pending() const;

  /// Ends the executor and all its processes at once: as shutdown(shutdown_mode::kill, 0s), what waits and what runs
  /// is cancelled, by SIGKILL. Does not wait (a later shutdown() does), so it may be called anywhere, also on a
  /// loop's thread.
  void kill_workers();
  /// The same by SIGTERM, which a call may have a handler for; who is still there after `term_grace` gets SIGKILL. A
  /// call that answers before that has its result. (In Python what runs has BrokenProcessPool, and nothing follows
  /// SIGTERM.)
  void terminate_workers();

 private:
  explicit process_pool_executor(std::shared_ptr<detail::process_pool> pool);
  void accept(detail::work_item& item) override;
  future<bool> begin_shutdown(shutdown_mode mode, nanoseconds deadline) override;
  [[nodiscard]] bool ended() const noexcept override;
  [[nodiscard]] bool on_own_worker() const noexcept override;

  std::shared_ptr<detail::process_pool> pool_;
};

}  // namespace plait::inline PLAIT_ABI
