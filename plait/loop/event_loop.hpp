// event_loop: runs coroutines and callbacks on one thread.
#pragma once

#include <plait/core/future.hpp>
#include <plait/core/task.hpp>
#include <plait/executor/executor.hpp>
#include <plait/loop/callback_handle.hpp>
#include <plait/loop/exception_handler.hpp>
#include <plait/loop/lasting_callback.hpp>
#include <plait/loop/task_handle.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <memory>
#include <source_location>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace plait::inline PLAIT_ABI {

class event_loop;
class process_pool_executor;

namespace detail {
class loop_core;
PLAIT_API void leave_loop(event_loop& loop, nanoseconds time_to_finish) noexcept;

/// For the parts of plait that are made of a loop.
struct PLAIT_API loop_access {
  [[nodiscard]] static loop_core& core(event_loop& loop) noexcept;
  static void check_can_run(const event_loop& loop);
  static void check_new_task(const event_loop& loop, bool valid);
  static void send(event_loop& loop, task_state& task);
};
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
  template <class T>
  T run_until_complete(task<T> main, const std::source_location& from = std::source_location::current()) {
    check_can_run();  // else the task would be started all the same, later
    auto awaited = create_task(std::move(main), {}, from)
                       .future();  // the only handle: a result that can only be moved comes out
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
  void stop();
  [[nodiscard]] bool is_running() const noexcept;

  /// Cancels all tasks and runs until they have ended (a task that will not be cancelled is waited for; so is
  /// one that awaits a task_handle of another loop, which must run: await its future() instead), drops
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

  // ── descriptors and signals ──

  /// Calls `f(args...)` in a turn whenever `descriptor` can be read, again and again until remove_reader: it should
  /// read, or it is called in every turn. Replaces the one before. What it throws is reported. Coroutines may wait
  /// for the same descriptor (see readable). Regular files are always ready: their reader is called in every turn.
  /// Remove it before closing the descriptor; the loop's close() forgets all.
  /// Throws std::invalid_argument for a negative descriptor; std::system_error, naming it, where it is not open or
  /// can't be watched; invalid_state_error on another thread than the running loop's; loop_closed_error.
  template <class F, class... Args>
    requires lasting_callable_with<F, Args...>
  void add_reader(int descriptor, F&& f, Args&&... args) {
    watch_to_read(descriptor, detail::make_lasting(std::forward<F>(f), std::forward<Args>(args)...));
  }
  /// The same whenever `descriptor` can be written.
  template <class F, class... Args>
    requires lasting_callable_with<F, Args...>
  void add_writer(int descriptor, F&& f, Args&&... args) {
    watch_to_write(descriptor, detail::make_lasting(std::forward<F>(f), std::forward<Args>(args)...));
  }
  /// It is not called any more. False where there was none. On the loop's thread.
  bool remove_reader(int descriptor);
  bool remove_writer(int descriptor);

  /// Calls `f(args...)` in a turn, on the loop's thread, for each time that `signal` comes, whichever thread it comes
  /// to. Replaces the one before. What it throws is reported. While the loop has the signal, it does nothing else to
  /// the program; remove_signal_handler and close() put back what it did before (unless somebody has changed that
  /// meanwhile). One that has come and was not told by then is lost.
  /// It must not be blocked in all threads. In a forked child the signal does what it did before. Worker processes
  /// have their own dispositions. Other code must leave the signal's disposition alone meanwhile.
  /// Throws std::invalid_argument for a number that is no signal, and for SIGKILL, SIGSTOP, the two that the C
  /// library keeps, and the faults (SIGSEGV, SIGBUS, SIGFPE, SIGILL); invalid_state_error where another loop has it,
  /// and on another thread than the running loop's; loop_closed_error.
  template <class F, class... Args>
    requires lasting_callable_with<F, Args...>
  void add_signal_handler(int signal, F&& f, Args&&... args) {
    handle_signal(signal, detail::make_lasting(std::forward<F>(f), std::forward<Args>(args)...));
  }
  /// Takes the handler away, and gives the signal back unless a coroutine waits for it (see next_signal); what was
  /// kept of it is forgotten. False where the loop did not have it.
  bool remove_signal_handler(int signal);

  // ── inside another loop ──

  /// For a program whose thread already runs a loop of another library (GLib, libuv, a game's): wait there until this
  /// descriptor is readable, then call poll(), and so on. That is all: posts of other threads, timers, descriptors,
  /// signals and what the host's own code adds (call_soon, create_task, a promise's value) all make it readable, and
  /// it stays so until poll() is called. Call it once, before the waiting begins, and stop waiting before the loop is
  /// destroyed. It belongs to the loop: neither read nor close it. May be watched by level or by edge.
  ///
  ///     g_unix_fd_add(loop.descriptor(), G_IO_IN, [](int, GIOCondition, void* l) -> gboolean {
  ///       return static_cast<plait::event_loop*>(l)->poll(); }, &loop);
  ///
  /// Between polls no loop runs on the thread: get_running_loop() throws, and blocking for a future is allowed (which
  /// waits for ever where only poll() could complete it).
  /// Throws std::system_error where no descriptor is left for its timer; loop_closed_error.
  [[nodiscard]] int descriptor();
  /// One turn that does not wait: runs what is ready now. False where stop() was called since the last time; whoever
  /// hosts the loop decides what that means. All polls on one thread. Throws as run_forever.
  bool poll();

  // ── tasks and executors ──

  /// Starts the task in the next turn. The loop keeps it alive; the handle may be dropped. The name is copied.
  /// Throws invalid_state_error for a task that was moved from or awaited before; loop_closed_error. An exception
  /// that the task ends with and that nobody asks any of its handles for is told to the exception handler when the
  /// last handle goes. `from` is for reports and task_table.
  template <class T>
  task_handle<T> create_task(task<T> started, std::string_view name = {},
                             const std::source_location& from = std::source_location::current()) {
    check_new_task(started.valid());
    auto state = std::make_unique<detail::typed_task<T>>(*core_, started, name);
    state->set_origin(from);
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
  /// The default from now on, of whatever kind. The one before takes no more calls, finishes those it has, and is
  /// waited for by close() (by run, as the default is). One that somebody else owns too, before or then, is not the
  /// loop's to end: close() and run leave it alone. std::invalid_argument for null.
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

  // ── what goes wrong ──

  /// Calls `handler` from now on, instead of default_exception_handler, with what nobody else can be given: what a
  /// callback throws, also a done callback on this loop's thread; what a task throws that is cancelled at the loop's
  /// end; the exception of a task or a gather that nobody asked for. Not that of a call of an executor or of a
  /// promise: their futures drop it without a word. On the loop's thread, at once or in a later turn; that of a task
  /// whose last handle goes after close() is reported by default. A handler that throws is replaced by the default
  /// for that call, and what it threw is reported too. Null: the default.
  void set_exception_handler(exception_handler handler);
  /// Tells the handler. On the loop's thread.
  void call_exception_handler(const exception_context& context) noexcept;
  /// Reports it (see set_report_function), as an error. For handlers that pass on what is not theirs.
  static void default_exception_handler(const exception_context& context) noexcept;

  /// In debug mode a step of the loop that takes slow_callback_duration or longer is reported with where its task was
  /// created; so are tasks that are dropped before they ran (on any thread, while any loop is in debug mode);
  /// call_soon, call_later, call_at, create_task and stop throw invalid_state_error on another thread while the loop
  /// runs. From the start where the environment has PLAIT_DEBUG=1. It costs two looks at the clock a step.
  void set_debug(bool on);
  [[nodiscard]] bool get_debug() const noexcept;
  /// 100 ms unless set otherwise. 0: every step is reported. std::invalid_argument where it is negative or NaN.
  template <class Rep, class Period> void set_slow_callback_duration(std::chrono::duration<Rep, Period> duration) {
    set_slow(detail::to_nanoseconds(duration, "slow_callback_duration"));
  }
  [[nodiscard]] nanoseconds slow_callback_duration() const noexcept;

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
  void check_thread(const char* call) const;
  void set_slow(nanoseconds duration) noexcept;
  void check_new_task(bool valid) const;
  void adopt(detail::task_state& task) noexcept;
  void run_until_done(const detail::state_handle& awaited);
  future<bool> end_default_executor(nanoseconds timeout);
  future<bool> end_default_process_pool(nanoseconds timeout);
  void watch_to_read(int descriptor, std::unique_ptr<detail::lasting_callback> called);
  void watch_to_write(int descriptor, std::unique_ptr<detail::lasting_callback> called);
  void handle_signal(int signal, std::unique_ptr<detail::lasting_callback> called);
  friend struct detail::loop_access;
  friend void detail::leave_loop(event_loop& loop, nanoseconds time_to_finish) noexcept;
  friend class detail::loop_core;
  /// Cancels all tasks and runs until they have ended.
  void end_tasks();
  /// The default one and those before it, where nobody else owns them: for the caller to end. The loop keeps none.
  [[nodiscard]] std::vector<std::shared_ptr<executor>> release_executors();
  /// It does not end: its processes are killed.
  void kill_default_process_pool();

  std::unique_ptr<detail::loop_core> core_;
};

/// The loop that runs on this thread. Throws no_running_loop_error where none does.
[[nodiscard]] PLAIT_API event_loop& get_running_loop();

}  // namespace plait::inline PLAIT_ABI
