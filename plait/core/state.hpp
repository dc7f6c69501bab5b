// The one state machine behind every future: of a call, of a promise, of a task.
//
//                       producer (a worker, a promise, a loop)
//                          │ start          │ finish
//    ┌─────────┐           ▼                ▼
//    │ pending │ ─────► running ───────► finished (a value or an exception)
//    └─────────┘           │
//         │ cancel         │ the callable gave way to a request to stop
//         ▼                ▼
//      cancelled ◄─────────┘
//
// One word (`waiters_`) says whether it is done and who waits: empty, a list of waiters, done, or orphaned (no handle
// is left, the producer is still at it). Completing is one exchange of that word; it hands the list to the completer,
// who fires each waiter once. A waiter that gives up takes itself off the list, or learns that it lost that race, and
// then its fire has come or will come.
//
// Guarantees
// - What the producer wrote before publish() is seen by whoever saw done().
// - Each waiter is fired exactly once or was removed, never both; waiters are fired in the order they were added.
// - publish() is the producer's last access: a state lives while it has handles, or until it is published.
// - A waiter belongs to somebody who holds a handle.
// - Handles are of those who may read the result: the only one may move it out. Who completes the state, or fires a
//   waiter of it, needs it alive but reads nothing; he has a keeper, and takes nothing from anybody.
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/memory.hpp>
#include <plait/core/sync.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

namespace plait::inline PLAIT_ABI {

/// Where a future's call, promise or task has got to.
enum class call_status : std::uint8_t { pending, running, finished, cancelled };

/// What cancel() did.
enum class cancel_outcome : std::uint8_t {
  dropped,    ///< it was pending: cancelled for every waiter from this moment
  asked,      ///< it runs, and its callable was asked to stop (std::stop_token), or it is a task that was told
  killed,     ///< it runs in a process, which is ended if the call does not give way when asked; it will be cancelled
  abandoned,  ///< it runs and nothing can be done: it stays as it is; who awaited it goes away without it
  too_late,   ///< it was done
};

[[nodiscard]] PLAIT_API const char* to_string(call_status) noexcept;
[[nodiscard]] PLAIT_API const char* to_string(cancel_outcome) noexcept;

namespace detail {

/// Stands in a state's list until the state is done.
struct waiter {
  using fire_function = void (*)(waiter&) noexcept;
  explicit waiter(fire_function function) noexcept : fire(function) {}

  waiter* next = nullptr;  // added before this one; whatever it likes, once it was fired
  waiter* prev = nullptr;  // added after this one
  fire_function fire;      // called once, on the completing thread; the waiter may be gone after it
};

class state;

/// Hears what a state can't be done without.
class PLAIT_API need_listener {
 public:
  virtual void needs(state& other) noexcept = 0;

 protected:
  ~need_listener() = default;
};

class PLAIT_API state : public recycled {
 public:
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  // ── handles ──
  void add_handle() noexcept { add(one_handle); }
  void drop_handle() noexcept { drop(one_handle); }
  void add_keeper() noexcept { add(one_keeper); }
  void drop_keeper() noexcept { drop(one_keeper); }
  /// Exact while true; a false may be out of date at once. Keepers do not count.
  [[nodiscard]] bool has_one_handle() const noexcept {
    return handles_.load(std::memory_order_acquire) / one_handle == 1;
  }
  /// For who has a keeper.
  [[nodiscard]] bool has_no_handle() const noexcept { return handles_.load(std::memory_order_acquire) < one_handle; }

  // ── looking ──
  [[nodiscard]] bool done() const noexcept { return waiters_.load(std::memory_order_acquire) == done_mark; }
  [[nodiscard]] call_status status() const noexcept;
  /// Null unless it is done and ended with an exception. A reference into the state. Who asks has been told of it.
  [[nodiscard]] const std::exception_ptr& error() const noexcept {
    if (error_) error_was_read_.store(true, std::memory_order_relaxed);
    return error_;
  }
  /// Throws what it ended with unless that is a value.
  void rethrow() const;
  /// The std::optional<T> that holds the value when done.
  [[nodiscard]] virtual void* slot() noexcept = 0;
  /// As the user named it; may be empty.
  [[nodiscard]] virtual std::string_view name() const noexcept { return {}; }
  virtual cancel_outcome cancel() noexcept = 0;
  /// Where it was thrown, if its producer is another process that told; else empty.
  [[nodiscard]] virtual std::string remote_trace() const { return {}; }

  /// Tells the states that it can't be done without, as far as this thread may know them.
  virtual void tell_needs(need_listener&) noexcept {}
  /// Whether it has any to tell, ever. An executor's call has not.
  [[nodiscard]] bool has_needs() const noexcept { return (marks_.load(std::memory_order_relaxed) & needy) != 0; }
  [[nodiscard]] bool has_waiters() const noexcept {
    return (waiters_.load(std::memory_order_relaxed) & ~(lock_bit | done_mark | orphan_mark)) != empty;
  }
  /// True once, for who is to tell of an error of it that nobody sees.
  [[nodiscard]] bool claim_watch() noexcept {
    return (marks_.fetch_or(watched, std::memory_order_relaxed) & watched) == 0;
  }
  void give_back_watch() noexcept {
    marks_.fetch_and(static_cast<std::uint8_t>(~watched), std::memory_order_relaxed);
  }

  // ── waiting ──
  /// False where it is done already (then `w` was not added).
  [[nodiscard]] bool add(waiter& w) noexcept;
  /// False where `w` was fired, or is about to be, by the completing thread.
  [[nodiscard]] bool remove(waiter& w) noexcept;
  /// Blocks until done. False where the deadline passed first. On a running loop's own thread it throws
  /// invalid_state_error instead of blocking.
  bool wait_until(time_point deadline);
  /// It is completed soon, perhaps on this thread: asks for the memory of who waits for it.
  void prefetch_waiter() const noexcept;
  /// A thread is about to block for it, or for something that needs it. For a producer that is far away.
  virtual void wanted_by_thread() noexcept {}

 protected:
  /// With one handle.
  state() noexcept = default;
  virtual ~state();
  /// For a new one: with one keeper instead.
  void begin_with_keeper() noexcept { handles_.store(one_keeper, std::memory_order_relaxed); }
  /// For a new one that has needs to tell.
  void begin_with_needs() noexcept { marks_.store(needy, std::memory_order_relaxed); }

  // ── producing ──
  /// Where more than one may complete (a promise and a cancel, a worker and a deadline), who wins this may.
  [[nodiscard]] bool claim() noexcept { return (right_.fetch_or(taken, std::memory_order_acq_rel) & taken) == 0; }
  /// The same for a cancel: only before start_claimable.
  [[nodiscard]] bool claim_to_cancel() noexcept { return trade_free_right(taken | to_cancel); }
  /// From here on only claim() wins. False where somebody has won already, or it was started before.
  [[nodiscard]] bool start_claimable() noexcept { return trade_free_right(started); }
  /// A cancel has won; it may not be published yet.
  [[nodiscard]] bool claimed_to_cancel() const noexcept {
    return (right_.load(std::memory_order_acquire) & to_cancel) != 0;
  }
  void set_status(call_status status) noexcept { status_.store(status, std::memory_order_relaxed); }
  /// The same where another thread may complete it at this moment: what it ended with stays.
  void set_running() noexcept {
    auto expected = call_status::pending;
    status_.compare_exchange_strong(expected, call_status::running, std::memory_order_relaxed);
  }
  void set_error(std::exception_ptr error) noexcept { error_ = std::move(error); }
  /// It ended with an exception that nobody has asked for. Exact when the last handle has gone.
  [[nodiscard]] bool has_unread_error() const noexcept {
    return error_ && !error_was_read_.load(std::memory_order_relaxed);
  }
  /// Makes what was written visible, and fires the waiters. The caller must not touch the state after it, unless it
  /// has a handle.
  void publish(call_status status) noexcept;
  /// Ends the life of the state; a call with its name behind it is freed in another way.
  virtual void destroy() noexcept { delete this; }

  // ── for a producer that is far away ──
  /// Somebody asks how far it has got, and it was pending when last heard of.
  virtual void look_again() const noexcept {}

 private:
  // Values of waiters_: no waiter, the newest of a list, or one of the marks. A list with the lock bit set is being
  // changed by somebody.
  using word = std::uintptr_t;
  static constexpr word empty = 0, lock_bit = 1, done_mark = 2, orphan_mark = 4;

  // Who may complete, where that is not one thread alone: bits of right_.
  static constexpr std::uint8_t started = 1, taken = 2, to_cancel = 4;
  [[nodiscard]] bool trade_free_right(std::uint8_t wanted) noexcept {
    std::uint8_t expected = 0;
    return right_.compare_exchange_strong(expected, wanted, std::memory_order_acq_rel);
  }
  // Bits of marks_.
  static constexpr std::uint8_t watched = 1, needy = 2;

  // Counts in handles_. Of keepers there are few (a promise or an executor, an alarm, each wait); 64 look like one
  // more handle, which only makes a result be copied.
  static constexpr std::uint32_t one_keeper = 1, one_handle = 64;
  void add(std::uint32_t count) noexcept { handles_.fetch_add(count, std::memory_order_relaxed); }
  void drop(std::uint32_t count) noexcept {
    // The last needs no atomic subtraction: nobody else can add one meanwhile.
    if (handles_.load(std::memory_order_acquire) == count ||
        handles_.fetch_sub(count, std::memory_order_acq_rel) == count)
      last_handle_gone();
  }

  [[nodiscard]] word lock_list() noexcept;
  void last_handle_gone() noexcept;

  sync::atomic<word> waiters_{empty};  // publish (release) pairs with done, add and remove (acquire)
  std::exception_ptr error_;           // written before publish
  sync::atomic<std::uint32_t> handles_{one_handle};
  sync::atomic<call_status> status_{call_status::pending};  // a hint until done; exact then
  sync::atomic<std::uint8_t> right_{0};                     // its winner alone writes the result
  sync::atomic<std::uint8_t> marks_{0};
  mutable sync::atomic<bool> error_was_read_{false};  // ordered by handles_, for who drops the last
};

/// A counted pointer to a state.
class state_handle {
 public:
  state_handle() noexcept = default;
  /// Takes over one count.
  explicit state_handle(state* owned) noexcept : state_(owned) {}
  state_handle(const state_handle& other) noexcept : state_(other.state_) {
    if (state_) state_->add_handle();
  }
  state_handle(state_handle&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  state_handle& operator=(state_handle other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~state_handle() {
    if (state_) state_->drop_handle();
  }
  [[nodiscard]] state* get() const noexcept { return state_; }
  state* operator->() const noexcept { return state_; }
  explicit operator bool() const noexcept { return state_ != nullptr; }
  friend bool operator==(const state_handle&, const state_handle&) noexcept = default;

 private:
  state* state_ = nullptr;
};

/// A counted pointer that keeps a state alive, for who does not read its result.
class state_keeper {
 public:
  state_keeper() noexcept = default;
  /// Takes over one count of keepers.
  explicit state_keeper(state* owned) noexcept : state_(owned) {}
  explicit state_keeper(const state_handle& handle) noexcept : state_keeper(handle.get()) {
    if (state_) state_->add_keeper();
  }
  state_keeper(const state_keeper& other) noexcept : state_(other.state_) {
    if (state_) state_->add_keeper();
  }
  state_keeper(state_keeper&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  state_keeper& operator=(state_keeper other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~state_keeper() {
    if (state_) state_->drop_keeper();
  }
  [[nodiscard]] state* get() const noexcept { return state_; }
  state* operator->() const noexcept { return state_; }
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  state* state_ = nullptr;
};

/// What a result is stored as: `void` as a monostate.
template <class T> using stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

/// A state, or what is derived from it, with room for its value.
template <class T, class Base> class with_result : public Base {
 public:
  using Base::Base;
  [[nodiscard]] void* slot() noexcept final { return &value_; }

 protected:
  std::optional<stored<T>> value_;  // written before publish
};

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
