// event_loop: runs coroutines and callbacks on one thread.
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/executor/executor.hpp>
#include <plait/loop/callback_handle.hpp>
#include <plait/loop/task_handle.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <string_view>
#include <type_traits>
#include <utility>

namespace plait::inline PLAIT_ABI {

class event_loop;
class process_pool_executor;

namespace detail {
class loop_core;
PLAIT_API void leave_loop(event_loop& loop) noexcept;
}  // namespace detail

/// Runs coroutines and callbacks, one after the other, on the thread that calls run_until_complete or run_forever,
/// and sleeps while there is nothing to do.
///
/// Thread safety: one thread at a time. Only call_soon_threadsafe, stop by way of it, and the futures and handles
/// that it gives may be used from other threads while it runs. Nothing that runs on it may block: hand blocking calls
/// to an executor. Not movable: coroutines refer to it.
class PLAIT_API event_loop {
 public:
  /// Throws std::system_error, naming the call, where no descriptor is left.
  event_loop();
  /// Closes it.
  ~event_loop();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  // ── running ──

  /// Runs the task and all else until the task is done; gives what it returned or throws what it threw.
  /// Throws invalid_state_error where a loop runs on this thread already or this one runs elsewhere, and "event loop
  /// stopped before the task completed" after stop(); loop_closed_error.
  template <class T> T run_until_complete(task<T> main) {
    check_can_run();  // else the task would be started all the same, later
    auto awaited =
        create_task(std::move(main)).future();  // the only handle: a result that can only be moved comes out
    return run_until_complete(std::move(awaited));
  }
  /// The same for a future, a task_handle's too.
  template <class T> T run_until_complete(future<T> awaited) {
    run_until_done(awaited.handle());
    return std::move(awaited).result();
  }
  template <class T> T run_until_complete(task_handle<T> awaited) {
    return run_until_complete(awaited.future_of_last());
  }
  /// Runs until stop().
  void run_forever();
  /// What runs now returns after this turn: callbacks that wait are run, those that they add are not. On the loop's
  /// thread; from another one call_soon_threadsafe([&] { loop.stop(); }).
  void stop() noexcept;
  [[nodiscard]] bool is_running() const noexcept;

  /// Cancels all tasks and runs until they have ended (a task that will not be cancelled is waited for), drops
  /// callbacks that wait, cancels what waits in the default executor and the default process pool, and waits for
  /// their workers. May be called again. Throws invalid_state_error while it runs. In a coroutine of another loop it
  /// holds that one up while tasks end, and does not wait for workers (see ~thread_pool_executor,
  /// ~process_pool_executor).
  void close();
  [[nodiscard]] bool is_closed() const noexcept;

  /// The loop's clock: monotonic.
  [[nodiscard]] time_point time() const noexcept { return sync::now(); }

  // ── callbacks ──

  /// Calls `f(args...)` in the next turn: in the order of the calls, each once. What it throws is reported.
  template <class F, class... Args>
    requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
  callback_handle call_soon(F&& f, Args&&... args) {
    return add_soon(make_callback(std::forward<F>(f), std::forward<Args>(args)...));
  }
  /// The same from any thread, and from inside the loop. Throws loop_closed_error. The loop must live.
  template <class F, class... Args>
    requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
  callback_handle call_soon_threadsafe(F&& f, Args&&... args) {
    return add_threadsafe(make_callback(std::forward<F>(f), std::forward<Args>(args)...));
  }
  /// Calls it after `delay`. std::invalid_argument where that is negative or NaN.
  template <class Rep, class Period, class F, class... Args>
    requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
  callback_handle call_later(std::chrono::duration<Rep, Period> delay, F&& f, Args&&... args) {
    const auto when = detail::from_now(detail::to_nanoseconds(delay, "delay"));
    return add_at(when, make_callback(std::forward<F>(f), std::forward<Args>(args)...));
  }
  /// Calls it at `when` on the loop's clock; in the next turn where that has passed.
  template <class F, class... Args>
    requires std::invocable<std::decay_t<F>, std::decay_t<Args>...>
  callback_handle call_at(time_point when, F&& f, Args&&... args) {
    return add_at(when, make_callback(std::forward<F>(f), std::forward<Args>(args)...));
  }

  // ── tasks and executors ──

  /// Starts the task in the next turn. The loop keeps it alive; the handle may be dropped. The name is copied.
  /// Throws invalid_state_error for a task that was moved from or awaited before; loop_closed_error.
  template <class T> task_handle<T> create_task(task<T> started, std::string_view name = {}) {
    check_new_task(started.valid());
    auto state = std::make_unique<detail::typed_task<T>>(*core_, started, name);
    detail::state_handle handle(state.get());
    adopt(*state.release());
    return task_handle<T>(std::move(handle));
  }

  /// Hands `f(args...)` to `where`, as where.submit does.
  template <std::derived_from<executor> Executor, class F, class... Args>
    requires callable_with<F, Args...>
  future<call_result<F, Args...>> run_in_executor(Executor& where, F&& f, Args&&... args) {
    detail::warn_about_temporaries<F, Args...>();
    check_open();
    return where.submit(std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// Hands it to the loop's default executor: what set_default_executor gave, else a thread_pool_executor that is
  /// made when first needed, with threads named plait_<n>.
  template <class F, class... Args>
    requires callable_with<F, Args...>
  future<call_result<F, Args...>> run_in_executor(F&& f, Args&&... args) {
    detail::warn_about_temporaries<F, Args...>();
    return default_executor().submit(std::forward<F>(f), std::forward<Args>(args)...);
  }
  /// The default from now on, of whatever kind. The one before, where nobody else owns it, takes no more calls,
  /// finishes those it has, and is waited for by close(). std::invalid_argument for null.
  void set_default_executor(std::shared_ptr<executor> chosen);
  [[nodiscard]] executor& default_executor();
  /// Lets the default executor finish its calls, at most `timeout` long; the future says whether it did. Afterwards
  /// the loop has none: run_in_executor without an executor throws shut_down_error.
  template <class Rep, class Period>
  [[nodiscard]] future<bool> shutdown_default_executor(std::chrono::duration<Rep, Period> timeout) {
    return end_default_executor(detail::to_nanoseconds(timeout, "timeout"));
  }
  [[nodiscard]] future<bool> shutdown_default_executor() { return end_default_executor(nanoseconds::max()); }

  /// The loop's pool for to_process, made when first needed: as many processes as there are cpus, named plait_<n>.
  /// Throws what making a process_pool_executor throws; shut_down_error after shutdown_default_process_pool.
  [[nodiscard]] process_pool_executor& default_process_pool();
  /// Lets it finish its calls, at most `timeout` long; the future says whether it did. Afterwards the loop has none.
  template <class Rep, class Period>
  [[nodiscard]] future<bool> shutdown_default_process_pool(std::chrono::duration<Rep, Period> timeout) {
    return end_default_process_pool(detail::to_nanoseconds(timeout, "timeout"));
  }
  [[nodiscard]] future<bool> shutdown_default_process_pool() { return end_default_process_pool(nanoseconds::max()); }

 private:
  template <class F, class... Args> [[nodiscard]] static detail::callback* make_callback(F&& f, Args&&... args) {
    return new detail::typed_callback<std::decay_t<F>, std::decay_t<Args>...>(std::forward<F>(f),
                                                                              std::forward<Args>(args)...);
  }
  callback_handle add_soon(detail::callback* owned);
  callback_handle add_threadsafe(detail::callback* owned);
  callback_handle add_at(time_point when, detail::callback* owned);
  void check_can_run() const;
  void check_open() const;
  void check_new_task(bool valid) const;
  void adopt(detail::task_state& task) noexcept;
  void run_until_done(const detail::state_handle& awaited);
  future<bool> end_default_executor(nanoseconds timeout);
  future<bool> end_default_process_pool(nanoseconds timeout);
  friend void detail::leave_loop(event_loop& loop) noexcept;
  /// Cancels all tasks and runs until they have ended.
  void end_tasks();
  /// It does not end: asks its calls to stop, and leaves them to themselves.
  void give_up_default_executor();
  /// It does not end: its processes are killed.
  void kill_default_process_pool();

  std::unique_ptr<detail::loop_core> core_;
};

/// The loop that runs on this thread. Throws no_running_loop_error where none does.
[[nodiscard]] PLAIT_API event_loop& get_running_loop();

}  // namespace plait::inline PLAIT_ABI
