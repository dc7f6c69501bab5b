// The process's side of signals: which loop has which.
//
//    a signal, on any thread ─► handler ─► slot ─► signal_watch::arrive ─► its loop's inbox ─► run(), in a turn
//
// The handler does what a handler may: atomics, getpid, one write to wake the loop if it sleeps.
//
// Guarantees
// - One loop has a signal at a time. When it gives it back, what the program did with the signal before is in place
//   again, and a handler that is still on its way has ended: it touches the watch no more, and passes its signal on.
// - In a forked child, which has a copy of all this, the handler touches nothing of the parent's: it puts back what
//   was there before plait, and raises the signal again.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/sync.hpp>

#include <cstdint>
#include <string>

namespace plait::inline PLAIT_ABI::detail {

class inbox;
class signal_table;

/// A loop's interest in one signal. Given out by its signal_table; while it is on its way to run() it outlives its
/// removal.
class signal_watch final : public ready {
 public:
  signal_watch(signal_table& table, inbox& where, int signal) noexcept
      : table_(&table), inbox_(&where), signal_(signal) {}

  /// In a signal handler, on any thread.
  void arrive() noexcept;

  // ── on the loop's thread ──
  void run() noexcept override;
  void drop() noexcept override;
  /// After release_signal: ends its life, now or when it leaves the loop's queues.
  void remove() noexcept;
  [[nodiscard]] int signal() const noexcept { return signal_; }

 private:
  ~signal_watch() = default;

  signal_table* const table_;
  inbox* const inbox_;
  const int signal_;
  sync::atomic<std::uint32_t> arrived_{0};  // not told yet
  sync::atomic<bool> posted_{false};  // in the inbox or the ready queue; run (store) pairs with arrive (exchange)
  bool running_ = false;
  bool removed_ = false;
};

/// "15 (SIGTERM)"
[[nodiscard]] std::string signal_text(int signal);
/// Throws std::invalid_argument for a number that is no signal, or none that a loop can handle.
void check_signal(int signal);

/// From now on `signal` arrives at `watch`. Throws invalid_state_error where another watch has it, std::system_error.
void take_signal(int signal, signal_watch& watch);
/// Puts back what the program did with it before, unless somebody has changed that since.
void release_signal(int signal, signal_watch& watch) noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
