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
#pragma once

#include <plait/core/errors.hpp>
#include <plait/core/sync.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
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
  killed,     ///< it ran in a process that was killed
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

  waiter* next = nullptr;  // added before this one
  waiter* prev = nullptr;  // added after this one
  fire_function fire;      // called once, on the completing thread; the waiter may be gone after it
};

class PLAIT_API state {
 public:
  state(const state&) = delete;
  state& operator=(const state&) = delete;

  // ── handles ──
  void add_handle() noexcept { handles_.fetch_add(1, std::memory_order_relaxed); }
  void drop_handle() noexcept {
    // A sole handle needs no atomic subtraction: nobody else can add one meanwhile.
    if (handles_.load(std::memory_order_acquire) == 1 || handles_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      last_handle_gone();
  }
  /// Exact while true; a false may be out of date at once.
  [[nodiscard]] bool has_one_handle() const noexcept { return handles_.load(std::memory_order_acquire) == 1; }

  // ── looking ──
  [[nodiscard]] bool done() const noexcept { return waiters_.load(std::memory_order_acquire) == done_mark; }
  [[nodiscard]] call_status status() const noexcept;
  /// Null unless it is done and ended with an exception. A reference into the state.
  [[nodiscard]] const std::exception_ptr& error() const noexcept { return error_; }
  /// Throws what it ended with unless that is a value.
  void rethrow() const;
  /// The std::optional<T> that holds the value when done.
  [[nodiscard]] virtual void* slot() noexcept = 0;
  /// As the user named it; may be empty.
  [[nodiscard]] virtual std::string_view name() const noexcept { return {}; }
  virtual cancel_outcome cancel() noexcept = 0;

  // ── waiting ──
  /// False where it is done already (then `w` was not added).
  [[nodiscard]] bool add(waiter& w) noexcept;
  /// False where `w` was fired, or is about to be, by the completing thread.
  [[nodiscard]] bool remove(waiter& w) noexcept;
  /// Blocks until done. False where the deadline passed first. On a running loop's own thread it throws
  /// invalid_state_error instead of blocking.
  bool wait_until(time_point deadline);

 protected:
  state() noexcept = default;
  virtual ~state();

  // ── producing ──
  /// Where more than one may complete (a promise and a cancel, a worker and a deadline), who wins this may.
  [[nodiscard]] bool claim() noexcept {
    return right_.exchange(right::taken, std::memory_order_acq_rel) != right::taken;
  }
  /// The same, but only before start_claimable.
  [[nodiscard]] bool claim_unless_started() noexcept { return trade_right(right::taken); }
  /// From here on only claim() wins. False where somebody has won already, or it was started before.
  [[nodiscard]] bool start_claimable() noexcept { return trade_right(right::of_who_started); }
  void set_status(call_status status) noexcept { status_.store(status, std::memory_order_relaxed); }
  void set_error(std::exception_ptr error) noexcept { error_ = std::move(error); }
  /// Makes what was written visible, and fires the waiters. The caller must not touch the state after it, unless it
  /// has a handle.
  void publish(call_status status) noexcept;
  /// Ends the life of the state; a call with its name behind it is freed in another way.
  virtual void destroy() noexcept { delete this; }

 private:
  // Values of waiters_: no waiter, the newest of a list, or one of the marks. A list with the lock bit set is being
  // changed by somebody.
  using word = std::uintptr_t;
  static constexpr word empty = 0, lock_bit = 1, done_mark = 2, orphan_mark = 4;

  // Who may complete, where that is not one thread alone.
  enum class right : std::uint8_t { free, of_who_started, taken };
  [[nodiscard]] bool trade_right(right wanted) noexcept {
    auto expected = right::free;
    return right_.compare_exchange_strong(expected, wanted, std::memory_order_acq_rel);
  }

  [[nodiscard]] word lock_list() noexcept;
  void last_handle_gone() noexcept;

  sync::atomic<word> waiters_{empty};  // publish (release) pairs with done, add and remove (acquire)
  std::exception_ptr error_;           // written before publish
  sync::atomic<std::uint32_t> handles_{1};
  sync::atomic<call_status> status_{call_status::pending};  // a hint until done; exact then
  sync::atomic<right> right_{right::free};                  // its winner alone writes the result
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
