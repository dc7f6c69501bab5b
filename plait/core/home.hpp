// Who resumes whom, and where.
//
// A coroutine has a home: the loop of the thread on which it awaits. Whoever completes what it awaits, on whatever
// thread, hands its suspension to that home; the home resumes it, on its own thread.
//
//    completing thread                    home's thread
//    state.publish ── fire ── wake() ──►  inbox / ready queue ──► suspension.run() ──► drive(coroutine)
//
// Coroutines hand over to each other through the driver (`task_context::next`), never by resuming one another: no
// stack grows with the number or the depth of awaits, in any build, whether or not the compiler makes tail calls.
//
// Cancelling. A task_context says where its task is suspended. To cancel it, its home asks that suspension to
// withdraw: to leave whatever list it stands in. If it could, the task resumes with cancelled_error; if its wake-up
// was already under way, the task sees cancelled_error when that arrives. So a coroutine is resumed once for each
// suspension, and its frame is never destroyed while somebody is about to wake it.
#pragma once

#include <plait/core/context.hpp>
#include <plait/core/memory.hpp>
#include <plait/core/sync.hpp>

#include <coroutine>
#include <cstdint>
#include <exception>
#include <memory>
#include <string_view>

namespace plait::inline PLAIT_ABI::detail {

class need_listener;
class state;
class task_context;
class task_state;

/// Something that a home runs once on its own thread.
struct PLAIT_API ready {
  union {
    ready* next = nullptr;       // in a queue
    std::uint64_t timer_number;  // among those of the same time, while it waits for that
  };
  virtual void run() noexcept = 0;
  /// The home is closed and will not run it.
  virtual void drop() noexcept {}
  /// It comes from another thread and is run soon: asks for the memory that this will need.
  virtual void prefetch() const noexcept {}
  /// Whose step it is, for who watches; null where it is no task's.
  [[nodiscard]] virtual const task_context* works_for() const noexcept { return nullptr; }

 protected:
  ready() noexcept = default;
  ready(const ready&) noexcept {}
  ready& operator=(const ready&) noexcept { return *this; }
  ~ready() = default;
};

/// Something that a home runs when its time has come, unless it is stopped before.
struct PLAIT_API timed : ready {
  static constexpr std::uint32_t nowhere = 0xffffffff;

  std::uint32_t timer_place = nowhere;  // in the home's timer queue

 protected:
  ~timed() = default;
};

/// Something outside of this process that has news for a home now and then: worker processes that reply. A home that
/// it is attached to looks at it in every turn, and lets itself be woken by its bell while it sleeps.
class PLAIT_API news_source {
 public:
  /// A cheap look that waits for nobody.
  [[nodiscard]] virtual bool has_news() const noexcept = 0;
  virtual void take_news() noexcept = 0;
  /// The home is about to sleep: from now on news ring the bell. False where there are some already.
  [[nodiscard]] virtual bool before_sleep() noexcept = 0;
  virtual void after_sleep() noexcept = 0;
  /// The home will not look any more, until it is attached again.
  virtual void home_leaves() noexcept = 0;
  /// There will be no news any more: it may be forgotten.
  [[nodiscard]] virtual bool is_over() const noexcept = 0;
  /// Readable, anew with each ring (it is watched edge-triggered and never read).
  [[nodiscard]] virtual int bell() const noexcept = 0;

 protected:
  ~news_source() = default;
};

/// One thread's turn-taker; the event loop is one.
class PLAIT_API home {
 public:
  /// The one that runs on this thread; null where none does. Out of line: compilers may keep a thread-local's address
  /// across a suspension.
  [[nodiscard]] static home* current() noexcept;

  /// Runs `r` in the next turn. Only on the home's own thread.
  virtual void push(ready& r) noexcept = 0;
  /// The same from any thread. The home must be open: whoever is waited for here keeps it so.
  virtual void post(ready& r) noexcept = 0;
  /// Runs `t` at that time, once. Only on the home's own thread; stop() takes it back, and does nothing where it is
  /// not waiting. May throw std::bad_alloc.
  virtual void start(timed& t, time_point when) = 0;
  virtual void stop(timed& t) noexcept = 0;
  /// Looks at `source` from now on, as long as it runs. False where it can't. Only on the home's own thread.
  [[nodiscard]] virtual bool attach(const std::shared_ptr<news_source>& source) noexcept = 0;
  /// The context of coroutines that belong to no task of this home.
  [[nodiscard]] virtual task_context& stranger() noexcept = 0;
  /// Something that runs here threw, and nobody can be given the exception: `message` says what. By default a report.
  /// Only on the home's own thread.
  virtual void unhandled(std::string_view message, const std::exception_ptr& error) noexcept;

 protected:
  home() noexcept = default;
  ~home() = default;
  static home* set_current(home* h) noexcept;
};

/// push or post, whichever is right on this thread.
PLAIT_API void wake(home& where, ready& what) noexcept;

/// What a suspension could do when it was asked to withdraw.
enum class withdrawal : std::uint8_t {
  withdrawn,  ///< nobody will wake it any more
  under_way,  ///< its wake-up is on its way
  delegated,  ///< what it waits for was cancelled in its turn, and will wake it
};

/// Hears what a coroutine waits for.
class PLAIT_API wait_listener {
 public:
  /// In words: "sleep".
  virtual void waits_in(std::string_view what) = 0;
  /// One of the states that it waits for.
  virtual void waits_for(state& awaited) = 0;

 protected:
  ~wait_listener() = default;
};

/// A coroutine that waits, perhaps for a time. Lives in its frame: a program may have a million coroutines that
/// sleep.
class PLAIT_API suspension : public timed {
 public:
  void run() noexcept final;
  [[nodiscard]] const task_context* works_for() const noexcept final { return context_; }
  /// Tells what it waits for, while it is suspended; on the home's thread. By default its type's name.
  virtual void describe_wait(wait_listener& to) const;

 protected:
  suspension() noexcept = default;
  ~suspension() = default;

  /// Notes who waits. True where the task was cancelled meanwhile: then it must not suspend (return false from
  /// await_suspend), and resumed() throws. Throws no_running_loop_error where no loop runs.
  template <class Promise> [[nodiscard]] bool begin(std::coroutine_handle<Promise> coroutine, const char* what);
  /// The same for who waits on in spite of a cancel, for what its awaited makes of it: true where that is to be
  /// cancelled.
  template <class Promise>
  [[nodiscard]] bool begin_delegating(std::coroutine_handle<Promise> coroutine, const char* what);
  /// What await_resume does first: throws cancelled_error where the wait was cancelled.
  void resumed() const;
  /// The same without a throw.
  [[nodiscard]] bool was_cancelled() const noexcept { return cancelled_; }
  /// Takes back begin where it does not suspend after all.
  void not_suspended() noexcept;
  /// Gives back a cancel that begin_delegating took, where nothing was left that could be cancelled: the next await
  /// gets it.
  void leave_cancel_to_next_await() noexcept;
  [[nodiscard]] home& where() const noexcept;
  [[nodiscard]] virtual withdrawal withdraw() noexcept = 0;
  /// Tells the states without each of which it does not go on; none where a timeout ends it as well.
  virtual void tell_needs(need_listener&) const noexcept {}
  /// Between begin and suspending for `awaited`: throws cyclic_await_error where that needs this coroutine's task
  /// (cyclic_await.cpp).
  void check_no_cycle(state& awaited);
  /// The same for who can't but wait: null where there is no circle.
  [[nodiscard]] std::exception_ptr find_cycle(state& awaited) const;

 private:
  friend class task_context;
  bool begin_in(std::coroutine_handle<> coroutine, task_context* context);
  bool begin_delegating_in(std::coroutine_handle<> coroutine, task_context* context);

  bool cancelled_ = false;  // first, where the base leaves room
  std::coroutine_handle<> coroutine_;
  task_context* context_ = nullptr;
};

/// What all coroutines of one task share: its home, where it is suspended, whether it was told to stop. It stands in
/// its home's queue for the first step; for the others, suspensions do.
class PLAIT_API task_context : public ready {
 public:
  explicit task_context(home& where) noexcept : home_(&where), variables_{copy_context()} {}
  task_context(const task_context&) = delete;
  task_context& operator=(const task_context&) = delete;

  [[nodiscard]] home& where() const noexcept { return *home_; }
  [[nodiscard]] const task_context* works_for() const noexcept final { return this; }
  /// The context whose coroutine runs on this thread now; null where none does.
  [[nodiscard]] static task_context* current() noexcept;

  /// Resumes `coroutine` and then whichever each one hands over to, until all are suspended.
  void drive(std::coroutine_handle<> coroutine) noexcept;
  /// For the driver: to be resumed when the one that runs is suspended. Where nobody drives (a foreign coroutine
  /// resumed by its own hands who runs now), or somebody was handed over before, it is driven from here.
  void hand_over(std::coroutine_handle<> coroutine) noexcept {
    if (driven_ && !next_)
      next_ = coroutine;
    else
      drive(coroutine);
  }
  /// For the driver: the outermost coroutine has come to its end. The caller must not touch the context after it.
  void hand_back() noexcept {
    if (driven_)
      ended_ = true;
    else
      ended();
  }

  /// On the home's thread: cancelled_error at the await where it is suspended, or at the next one.
  void request_cancel() noexcept;
  /// Of the task; null for strangers.
  [[nodiscard]] virtual state* own_state() noexcept { return nullptr; }
  /// What its coroutine is suspended for, and needs. On the home's thread.
  void tell_what_it_awaits(need_listener& to) const noexcept {
    if (suspended_) suspended_->tell_needs(to);
  }
  /// A request has reached the task and was not taken back.
  [[nodiscard]] virtual bool cancel_arrived() const noexcept { return false; }
  /// The task whose context this is; null for a stranger's.
  [[nodiscard]] virtual task_state* as_task() noexcept { return nullptr; }
  /// A request has been made that no await has seen.
  [[nodiscard]] bool has_unseen_cancel() const noexcept { return cancel_at_next_await_; }
  /// Where it is suspended, on the home's thread; null where it runs or is about to.
  [[nodiscard]] const suspension* suspended_at() const noexcept { return suspended_; }
  /// Forgets a request that has not arrived yet.
  void forget_cancel() noexcept { cancel_at_next_await_ = false; }

 protected:
  ~task_context() = default;
  /// No coroutine of it will run any more: what it had set may go.
  void forget_variables() noexcept { variables_ = {}; }
  /// The outermost coroutine has ended; called by the driver, on the home's thread. May end the context's life.
  virtual void ended() noexcept {}

 private:
  friend class suspension;

  home* home_;
  context_slot variables_;  // what its maker had set, and what it has set since
  suspension* suspended_ = nullptr;
  std::coroutine_handle<> next_;
  bool cancel_at_next_await_ = false;
  bool driven_ = false;  // a drive() is on the stack
  bool ended_ = false;
};

/// A thread that works for somebody who wants to know when it blocks for a result (a pool looks for calls that wait
/// for one another).
class PLAIT_API blocking_observer {
 public:
  virtual void blocks_on(state& awaited) noexcept = 0;
  virtual void goes_on() noexcept = 0;
  /// Installs it for this thread; returns the one before.
  static blocking_observer* install(blocking_observer* observer) noexcept;

 protected:
  ~blocking_observer() = default;
};

/// While it lives, this thread's observer knows that it blocks.
class PLAIT_API blocked_mark {
 public:
  explicit blocked_mark(state& awaited) noexcept;
  blocked_mark(const blocked_mark&) = delete;
  blocked_mark& operator=(const blocked_mark&) = delete;
  ~blocked_mark();

 private:
  blocking_observer* observer_;
};

/// The base of every plait coroutine's promise: for whom it works.
class promise_base : public recycled {
 public:
  [[nodiscard]] task_context* context() const noexcept { return context_; }
  void set_context(task_context& context) noexcept { context_ = &context; }

 private:
  task_context* context_ = nullptr;
};

/// The context that a coroutine works for; a stranger's where it is not plait's. Throws no_running_loop_error.
PLAIT_API task_context& stranger_context(const char* what);

template <class Promise>
[[nodiscard]] task_context& context_of(std::coroutine_handle<Promise> coroutine, const char* what) {
  if constexpr (std::is_base_of_v<promise_base, Promise>) {
    if (auto* const context = coroutine.promise().context()) return *context;
  }
  return stranger_context(what);
}

template <class Promise> bool suspension::begin(std::coroutine_handle<Promise> coroutine, const char* what) {
  return begin_in(coroutine, &context_of(coroutine, what));
}
template <class Promise>
bool suspension::begin_delegating(std::coroutine_handle<Promise> coroutine, const char* what) {
  return begin_delegating_in(coroutine, &context_of(coroutine, what));
}

}  // namespace plait::inline PLAIT_ABI::detail
