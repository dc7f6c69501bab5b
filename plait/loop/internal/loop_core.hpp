// The loop itself.
//
//    one turn:      inbox ─┐
//              due timers ─┼─► ready queue ──► run what stands there now (what that adds waits for the next turn)
//    replies of processes ─┤
//                    push ─┘
//    nothing ready: look a little longer (spin.hpp), then sleep in the poller until a post, a bell or the next timer;
//                   or nap (inbox.hpp)
//
// Guarantees
// - Everything runs on the loop's own thread, in the order it became ready; one turn runs what stood there at its
// begin.
// - A post from another thread wakes the loop if it sleeps, at the cost of one write, and else costs one
//   compare-and-swap. (In a nap, results of busy pools do not.)
// - close() ends tasks before all else: while a task lives, whatever wakes it finds the loop open. Then it closes the
//   inbox, outlasts the wake-ups it is owed, and passes the owner gate (nobody who came from a task's future is
//   inside).
#pragma once

#include <plait/core/home.hpp>
#include <plait/executor/executor.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/internal/inbox.hpp>
#include <plait/loop/internal/loop_watch.hpp>
#include <plait/loop/internal/timer_queue.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

class descriptor_table;
class signal_table;

class loop_core final : public home {
 public:
  explicit loop_core(event_loop& facade);
  ~loop_core();

  /// Before all else; may throw (see poller). Apart from the constructor, so that what was made is destroyed as a
  /// whole.
  void open() {
    inbox_.open();
    watch_.enter();
  }

  void push(ready& r) noexcept override {
    r.next = nullptr;
    *ready_end_ = &r;
    ready_end_ = &r.next;
  }
  void post(ready& r) noexcept override { static_cast<void>(inbox_.post_result(r)); }
  [[nodiscard]] bool try_post(ready& r) noexcept { return inbox_.post(r); }
  void start(timed& t, time_point when) override { timers_.add(t, when); }
  void stop(timed& t) noexcept override { timers_.remove(t); }
  [[nodiscard]] bool attach(const std::shared_ptr<news_source>& source) noexcept override;
  [[nodiscard]] task_context& stranger() noexcept override { return stranger_; }

  /// Throws where it can't be run on this thread now.
  void check_can_run() const;
  void run_until_stopped();
  /// The same, and stops when `awaited` is done. The caller has a handle to it.
  void run_until(state& awaited);
  void stop() noexcept { stopping_ = true; }
  /// Cancels all tasks and runs until they have ended; what they throw by then is reported.
  void end_tasks();
  void close();
  [[nodiscard]] bool is_running() const noexcept { return running_.load(std::memory_order_relaxed); }
  /// From any thread: what is posted is run soon, where all is well. Inside another loop a post has the host poll.
  [[nodiscard]] bool can_answer() const noexcept { return is_running() || hosted_.load(std::memory_order_relaxed); }
  /// It is inside another loop, which rests between two polls, and this is the host's thread: nobody else is at it.
  [[nodiscard]] bool rests_here() const noexcept {
    return !running_.load(std::memory_order_acquire) &&
           rested_on_.load(std::memory_order_relaxed) == std::this_thread::get_id();
  }
  [[nodiscard]] bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  void adopt(task_state& task) noexcept;
  /// From any thread: adopts it in a turn. Throws loop_closed_error.
  void send(task_state& task);
  void disown(task_state& task) noexcept;
  [[nodiscard]] bool is_ending_tasks() const noexcept { return ending_tasks_; }
  [[nodiscard]] bool is_telling_tasks_to_end() const noexcept { return telling_tasks_to_end_; }
  /// Lets a request to cancel reach the task. One that arises while another is delivered (the task awaits a task,
  /// that one a third …) is delivered after it and before this returns: the stack does not grow with the chain.
  void deliver_cancel(task_state& task) noexcept;
  /// The tasks that are not done, oldest first.
  [[nodiscard]] std::vector<task_state*> tasks() const;
  /// Numbers count in the process, without an atomic access a task: a loop draws some at a time.
  [[nodiscard]] std::uint64_t next_task_number() noexcept {
    if (home::current() != this) return draw_one_task_number();  // perhaps another thread: run_coroutine_threadsafe
    if (task_number_ == task_numbers_end_) draw_task_numbers();
    return ++task_number_;
  }

  /// That of the running event loop; null where none runs.
  [[nodiscard]] static loop_core* running_core() noexcept;

  [[nodiscard]] static event_loop* running() noexcept;

  // ── the outside; made when first needed ──
  [[nodiscard]] descriptor_table& descriptors();
  [[nodiscard]] signal_table& signals();
  /// Throws invalid_state_error where it runs, and on another thread than this.
  void check_thread(const char* what) const;

  // ── inside another loop ──
  [[nodiscard]] int descriptor();
  bool poll();
  /// Something was added that is to be run. Where nobody runs it now, but another loop will when told.
  void added() noexcept {
    if (resting_) tell_host();
  }

  // ── for who watches ──
  void unhandled(std::string_view message, const std::exception_ptr& error) noexcept override {
    watch_.tell({.message = message, .exception = error});
  }
  [[nodiscard]] loop_watch& watch() noexcept { return watch_; }
  [[nodiscard]] event_loop& facade() noexcept { return facade_; }
  [[nodiscard]] int owner_pid() const noexcept { return owner_pid_; }
  /// On the loop's thread: `f(const task_state&)` for each that is not done, the newest first.
  template <class F> void for_each_task(F f) const {
    for (const auto* task = tasks_; task; task = task->next_task_) f(*task);
  }

  std::shared_ptr<executor> default_executor;
  bool default_executor_ended = false;
  std::vector<std::shared_ptr<executor>> former_executors;  // that were the default, and finish their calls
  std::unique_ptr<process_pool_executor> default_process_pool;
  bool default_process_pool_ended = false;

 private:
  class stranger_context final : public task_context {
   public:
    using task_context::task_context;
    void run() noexcept override {}  // it has no first step
  };
  class running_here;

  void turns() noexcept;
  void turn() noexcept;
  void run_ready() noexcept;
  [[nodiscard]] bool is_watching() const noexcept;
  void wait_for_work() noexcept;
  void sleep(time_point until) noexcept;
  void collect() noexcept;
  void step(ready& next) noexcept {
    if (watch_.watches()) [[unlikely]]
      watch_.run(next);
    else
      next.run();
  }
  [[nodiscard]] bool has_news() const noexcept;
  void leave_sources() noexcept;
  void rest() noexcept;
  void end_rest() noexcept;
  void tell_host() noexcept;

  event_loop& facade_;
  loop_watch watch_{*this};
  ready* ready_ = nullptr;
  ready** ready_end_ = &ready_;
  timer_queue timers_;
  inbox inbox_;
  std::vector<std::shared_ptr<news_source>> sources_;  // while it runs
  stranger_context stranger_;
  void draw_task_numbers() noexcept;
  [[nodiscard]] static std::uint64_t draw_one_task_number() noexcept;

  task_state* tasks_ = nullptr;   // that are not done, newest first; the loop keeps each alive
  ready* undelivered_ = nullptr;  // tasks with requests to be delivered when the one under way is
  ready** undelivered_end_ = &undelivered_;
  std::uint64_t task_number_ = 0;       // the last that was given away
  std::uint64_t task_numbers_end_ = 0;  // the last that was drawn
  const int owner_pid_ = getpid();
  bool stopping_ = false;
  bool ending_tasks_ = false;
  bool telling_tasks_to_end_ = false;
  bool delivering_cancel_ = false;
  // Inside another loop, which waits for the poller's descriptor while this one rests.
  std::atomic<bool> hosted_{false};           // a hint for other threads, as the next: not through sync
  std::atomic<std::thread::id> rested_on_{};  // who ran it last, since it is hosted
  bool resting_ = false;
  bool told_host_ = false;     // in this rest
  bool inbox_asleep_ = false;  // in this rest
  std::unique_ptr<descriptor_table> descriptors_;
  std::unique_ptr<signal_table> signals_;
  // Looked at by other threads only to tell them off, and to look in: false (release) pairs with rests_here.
  sync::atomic<bool> running_{false};
  sync::atomic<bool> closed_{false};
};

}  // namespace plait::inline PLAIT_ABI::detail
