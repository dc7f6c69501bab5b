// thread_pool_executor: runs calls on threads of this process.
#pragma once

#include <plait/executor/executor.hpp>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

namespace plait::inline PLAIT_ABI {

namespace detail {
class thread_pool;
}

/// How a pool of threads is made.
struct thread_pool_options {
  /// At most so many threads; they start when needed. Nothing: min(32, cpus + 4), where cpus is what affinity and the
  /// cgroup's quota allow.
  std::optional<int> max_workers = std::nullopt;
  /// Threads are named `<prefix>_<n>`. Empty: `ThreadPoolExecutor-<k>`, k counting the program's pools. The kernel
  /// sees the last 15 characters.
  std::string_view thread_name_prefix = {};
  /// Runs once in each thread before its first call. If it throws, the pool is broken.
  std::function<void()> initializer = nullptr;
  /// A thread without work for so long ends; a new one starts when needed. Nothing: threads stay until shutdown.
  std::optional<nanoseconds> idle_timeout = std::nullopt;
  /// At most so many calls wait for a thread; then submit waits, or refuses (see executor). Nothing: no bound.
  std::optional<std::size_t> max_pending = std::nullopt;
  /// The same bound by the memory of the calls and what their arguments hold in contiguous containers.
  std::optional<std::size_t> max_pending_bytes = std::nullopt;
};

/// An executor whose workers are threads.
///
/// Calls start in the order of submission, higher priorities first. An idle worker is used before a new one is
/// started. A call that throws cancelled_error is cancelled. Cancelling a call that runs asks it to stop where its
/// callable takes a std::stop_token; nothing else can be done to a thread.
///
/// The destructor drains: it blocks until all calls have run. On the thread of a running loop it must not block: what
/// has not started is cancelled, what runs is asked to stop, a warning names it, and its thread ends by itself. On
/// one of the pool's own threads likewise. At the end of the program a pool that still lives takes no more calls; its
/// waiting calls are cancelled, running ones asked, and given a second to end. In a forked child every pool is
/// broken_executor, and its destructor does nothing.
class PLAIT_API thread_pool_executor final
    : public executor,
      public detail::submitting<thread_pool_executor, detail::items_for_threads> {
  using here = detail::submitting<thread_pool_executor, detail::items_for_threads>;  // whose calls may be anything

 public:
  using here::map;
  using here::map_unordered;
  using here::submit;
  using here::try_submit;

  /// min(32, cpus + 4) threads.
  thread_pool_executor();
  /// Throws std::invalid_argument for 0 or negative workers, bounds or timeouts. Starts no thread.
  explicit thread_pool_executor(const thread_pool_options& options);
  ~thread_pool_executor() override;

  [[nodiscard]] int max_workers() const noexcept override;
  /// Threads that live now.
  [[nodiscard]] int workers() const;
  /// Calls that wait for a thread now.
  [[nodiscard]] std::size_t pending() const;

 private:
  explicit thread_pool_executor(std::shared_ptr<detail::thread_pool> pool);
  void accept(detail::work_item& item) override;
  future<bool> begin_shutdown(shutdown_mode mode, nanoseconds deadline) override;
  [[nodiscard]] bool ended() const noexcept override;
  [[nodiscard]] bool on_own_worker() const noexcept override;

  std::shared_ptr<detail::thread_pool> pool_;
};

}  // namespace plait::inline PLAIT_ABI
