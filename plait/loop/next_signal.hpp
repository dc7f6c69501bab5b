// Waiting for signals in a coroutine.
#pragma once

#include <plait/core/home.hpp>

#include <concepts>
#include <coroutine>
#include <cstdint>

namespace plait::inline PLAIT_ABI {

/// Signals to wait for: `SIGTERM`, or `{SIGTERM, SIGINT}`.
class PLAIT_API signal_set {
 public:
  using bits = std::uint64_t;  // signal 1 is the lowest

  /// std::invalid_argument for a number that is no signal, and for one that can't be handled (see
  /// event_loop::add_signal_handler).
  template <std::convertible_to<int>... More>
  signal_set(int first, More... more) : bits_((bit_of(first) | ... | bit_of(more))) {}

  [[nodiscard]] bool contains(int signal) const noexcept {
    return signal >= 1 && signal <= 64 && (bits_ >> (signal - 1) & 1) != 0;
  }

 private:
  [[nodiscard]] static bits bit_of(int signal);
  bits bits_;
};

namespace detail {

class signal_table;

class PLAIT_API signal_awaiter final : public suspension {
 public:
  explicit signal_awaiter(signal_set wanted) noexcept : wanted_(wanted) {}
  signal_awaiter(signal_awaiter&& other) noexcept : suspension(), wanted_(other.wanted_) {}
  ~signal_awaiter() = default;

  [[nodiscard]] bool await_ready() const noexcept { return false; }
  template <class Promise> bool await_suspend(std::coroutine_handle<Promise> coroutine) {
    if (this->begin(coroutine, "co_await next_signal")) return false;
    return start();
  }
  int await_resume();

 private:
  friend class signal_table;
  [[nodiscard]] bool start();
  [[nodiscard]] withdrawal withdraw() noexcept override;

  signal_set wanted_;
  int got_ = 0;
  bool alone_ = false;  // nobody else got it too
  bool waits_ = false;  // stands in the list
  signal_awaiter* next_ = nullptr;
  signal_awaiter* previous_ = nullptr;
};

}  // namespace detail

/// Suspends the coroutine until one of these signals comes, and gives its number:
/// `const int which = co_await plait::next_signal({SIGTERM, SIGINT});`
///
/// From the first time that it is awaited, the signal belongs to this loop, until the loop is closed or
/// event_loop::remove_signal_handler is called: it does nothing else to the program, and one that comes while no
/// coroutine waits is kept for the next that does. Several of the same number that come meanwhile are kept as one, as
/// the kernel does. All coroutines that wait for a signal get it. Of what is kept the lowest number comes first.
///
/// What is lost: what has come and was not awaited when the loop closes or the signal is removed. Before the first
/// await the signal does what it does by default. A signal that was blocked in all threads comes when it is
/// unblocked.
/// Cancellation: at once; a signal that had arrived already is kept for the next who waits.
/// Throws as event_loop::add_signal_handler; no_running_loop_error. For what else must hold see there.
[[nodiscard]] inline auto next_signal(signal_set signals) { return detail::signal_awaiter(signals); }

}  // namespace plait::inline PLAIT_ABI
