// Who watches a loop: its exception handler, debug mode, whoever looks in from outside.
//
//    loop's thread                         loop_watch                     another thread
//    ─────────────                         ──────────                     ──────────────
//    turn ── step ─(watched?)────────► run(step): which task, how long    step_now(): what it is at
//    what is thrown at nobody ───────► tell(): handler or report
//    question.run() ◄── inbox ◄───────────────────────────────────────── ask: a picture of the tasks
//    answer ─────────────────────────► registry ───────────────────────► reads it
//
// Guarantees
// - Not watched, a loop pays one look at a flag a step.
// - The registry knows every open loop; under its lock a loop that it knows is open: a post arrives, or is dropped
//   when the loop is closed. It is taken when a loop is made or closed, and by who watches.
// - In a forked child the parent's loops are not looked at; locks are free there.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/internal/mutex.hpp>
#include <plait/core/state.hpp>
#include <plait/loop/exception_handler.hpp>
#include <plait/loop/internal/task_snapshot.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

class loop_core;
class loop_watch;

/// Of the program. Never destroyed.
struct loop_registry {
  std::mutex mutex;  // guards all below but `answers`, and what loop_watch says
  loop_watch* first = nullptr;
  unsigned last_number = 0;
  bool inspected = false;                  // every loop is watched
  sync::atomic<std::uint32_t> answers{0};  // goes up with each answer to a question: a futex

  [[nodiscard]] static loop_registry& get();
};

class loop_watch {
 public:
  explicit loop_watch(loop_core& loop) noexcept : loop_(loop), question_(*this) {}
  loop_watch(const loop_watch&) = delete;
  loop_watch& operator=(const loop_watch&) = delete;
  ~loop_watch() { leave(); }

  /// Into the registry; when the loop can take posts.
  void enter();
  /// Out of it; before the loop takes none any more. May be called again.
  void leave() noexcept;

  // ── exceptions: exception_handler.cpp ──
  void set_handler(exception_handler handler);
  void tell(const exception_context& context) noexcept;

  // ── steps: debug.cpp ──
  void begin_as_environment_says();
  [[nodiscard]] bool watches() const noexcept { return watches_.load(std::memory_order_relaxed); }
  void run(ready& step) noexcept;
  /// The loop begins to run, on this thread.
  void begins_to_run() noexcept {
    const std::lock_guard lock(step_mutex_);
    thread_.clear();
  }
  void set_debug(bool on);
  [[nodiscard]] bool debug() const noexcept { return debug_.load(std::memory_order_relaxed); }
  [[nodiscard]] nanoseconds slow() const noexcept { return slow_; }
  void set_slow(nanoseconds duration) noexcept { slow_ = duration; }
  /// What step it is in, from any thread: `a step of the task "x"`; empty where it is in none.
  [[nodiscard]] std::string step_now(std::string& thread);

  // ── looking in, under the registry's lock: loop_watch.cpp ──
  [[nodiscard]] loop_core& loop() noexcept { return loop_; }
  /// Somebody has begun or ceased to look in.
  void set_inspected(bool on) noexcept;
  /// Has the loop's thread answer, unless it was asked before and has not.
  void ask() noexcept;
  [[nodiscard]] bool was_asked() const noexcept { return asked_; }
  /// A copy: several may have waited for it.
  [[nodiscard]] loop_snapshot answer_of() const { return answer_; }
  unsigned number = 0;
  loop_watch* next = nullptr;
  loop_watch* prev = nullptr;

 private:
  struct question final : ready {
    explicit question(loop_watch& whose) noexcept : whose(whose) {}
    void run() noexcept override { whose.answer(); }
    loop_watch& whose;
  };
  void answer() noexcept;

  loop_core& loop_;
  bool entered_ = false;

  // The loop thread's own.
  std::shared_ptr<const exception_handler> handler_;
  nanoseconds slow_{100'000'000};

  // Looked at by other threads as hints; not through sync: nothing hangs on their order.
  std::atomic<bool> watches_{false};
  std::atomic<bool> debug_{false};
  bool inspected_ = false;  // under the registry's lock

  mutex step_mutex_;        // guards what follows
  state_keeper step_task_;  // of the step that it is in
  bool in_step_ = false;
  std::string thread_;

  question question_;
  bool asked_ = false;  // question_ is in the inbox
  loop_snapshot answer_;
};

/// The task that a context is of; null where it is a stranger's.
[[nodiscard]] const class task_state* task_of(const task_context* context) noexcept;
/// `the task "x"`, or what it is without a name.
[[nodiscard]] std::string shown_task(std::string_view name);
/// "fetch.cpp:12"; empty where it is not known.
[[nodiscard]] std::string shown_place(const std::source_location& where);

}  // namespace plait::inline PLAIT_ABI::detail
