// process_pool_executor: runs calls in worker processes.
#pragma once

#include <plait/executor/executor.hpp>
#include <plait/executor/portable_call.hpp>
#include <plait/processes/start_method.hpp>
#include <plait/processes/worker_died.hpp>

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
  /// sees the last 15 characters.
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
/// program decides), all others as exec leaves them. It writes to the program's stdout itself; what it writes to
/// stderr is passed on line by line, and log lines (get_logger) go there whole, in the format of the program's
/// basic_config.
///
/// A worker that dies fails the one call that it runs (worker_died). Calls start in the order of submission, higher
/// priorities first; quick ones are sent ahead to workers that are busy still, and taken back where another is free.
/// Cancelling a call that runs asks it to stop where its callable takes a std::stop_token (it sees so a moment
/// later); else it is abandoned. At its deadline a call that runs is killed, with its worker. shutdown(kill) kills
/// what runs: those futures are cancelled.
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
  /// can't start workers, saying why. Starts no process.
  explicit process_pool_executor(const process_pool_options& options);
  ~process_pool_executor() override;

  [[nodiscard]] int max_workers() const noexcept override;
  /// Processes that live now, or are about to.
  [[nodiscard]] int workers() const;
  /// The ids of those that have said that they are there.
  [[nodiscard]] std::vector<pid_t> worker_pids() const;
  /// Calls that wait for a process now.
  [[nodiscard]] std::size_t pending() const;

 private:
  explicit process_pool_executor(std::shared_ptr<detail::process_pool> pool);
  void accept(detail::work_item& item) override;
  future<bool> begin_shutdown(shutdown_mode mode, nanoseconds deadline) override;
  [[nodiscard]] bool ended() const noexcept override;
  [[nodiscard]] bool on_own_worker() const noexcept override;

  std::shared_ptr<detail::process_pool> pool_;
};

}  // namespace plait::inline PLAIT_ABI
