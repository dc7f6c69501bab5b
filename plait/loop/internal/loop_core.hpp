// The loop itself.
//
//    one turn:      inbox ─┐
//              due timers ─┼─► ready queue ──► run what stands there now (what that adds waits for the next turn)
//    replies of processes ─┤
//                    push ─┘
//    nothing ready: look a little longer (spin.hpp), then sleep in the poller until a post, a bell or the next timer
//
// Guarantees
// - Everything runs on the loop's own thread, in the order it became ready; one turn runs what stood there at its
// begin.
// - A post from another thread wakes the loop if it sleeps, at the cost of one write, and else costs one
//   compare-and-swap.
// - close() ends tasks before all else: while a task lives, whatever wakes it finds the loop open. Then it passes the
//   owner gate (nobody who came from a task's future is inside), closes the inbox, and outlasts the wake-ups it is
//   owed.
#pragma once

#include <plait/core/home.hpp>
#include <plait/executor/executor.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/internal/inbox.hpp>
#include <plait/loop/internal/timer_queue.hpp>
#include <plait/processes/process_pool_executor.hpp>

#include <memory>
#include <vector>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

class loop_core final : public home {
 public:
  explicit loop_core(event_loop& facade) : facade_(facade), stranger_(*this) {}

  /// Before all else; may throw (see poller). Apart from the constructor, so that what was made is destroyed as a
  /// whole.
  void open() { inbox_.open(); }

  void push(ready& r) noexcept override {
    r.next = nullptr;
    *ready_end_ = &r;
    ready_end_ = &r.next;
  }
  void post(ready& r) noexcept override { static_cast<void>(inbox_.post(r)); }
  [[nodiscard]] bool try_post(ready& r) noexcept { return inbox_.post(r); }
  void start(timed& t) override { timers_.add(t); }
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
  [[nodiscard]] bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed); }

  void adopt(task_state& task) noexcept;
  void disown(task_state& task) noexcept;
  [[nodiscard]] bool is_ending_tasks() const noexcept { return ending_tasks_; }

  [[nodiscard]] static event_loop* running() noexcept;

  std::shared_ptr<executor> default_executor;
  bool default_executor_ended = false;
  std::vector<std::shared_ptr<executor>> former_executors;  // that were the default, and finish their calls
  std::unique_ptr<process_pool_executor> default_process_pool;
  bool default_process_pool_ended = false;

 private:
  class stranger_context final : public task_context {
   public:
    using task_context::task_context;
  };
  class running_here;

  void turns() noexcept;
  void turn() noexcept;
  void wait_for_work() noexcept;
  void sleep(time_point until) noexcept;
  void collect() noexcept;
  [[nodiscard]] bool has_news() const noexcept;
  void leave_sources() noexcept;

  event_loop& facade_;
  ready* ready_ = nullptr;
  ready** ready_end_ = &ready_;
  timer_queue timers_;
  inbox inbox_;
  std::vector<std::shared_ptr<news_source>> sources_;  // while it runs
  stranger_context stranger_;
  task_state* tasks_ = nullptr;  // that are not done; the loop keeps each alive
  const int owner_pid_ = getpid();
  bool stopping_ = false;
  bool ending_tasks_ = false;
  sync::atomic<bool> running_{false};  // looked at by other threads only to tell them off
  sync::atomic<bool> closed_{false};
};

}  // namespace plait::inline PLAIT_ABI::detail
