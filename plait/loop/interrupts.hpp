// Ctrl-C while plait::run runs.
//
//    first SIGINT   ─► handler ─► the loop's inbox ─► the main task is cancelled, in a turn
//    second SIGINT  ─► handler ─► the default action: the program dies of it, whatever the loop is doing
//    main is done   ─► from then on the first is a second
//
// Guarantees
// - Only where run runs on the program's first thread and SIGINT has its default action; that is put back at the end.
// - A SIGINT that came too late to cancel anything is raised again when the loop is closed: none is lost.
// - Whoever handles SIGINT on the loop meanwhile (add_signal_handler, next_signal) gets it instead.
#pragma once

#include <plait/core/home.hpp>
#include <plait/core/state.hpp>

#include <atomic>

namespace plait::inline PLAIT_ABI {

class event_loop;

namespace detail {

class loop_core;

/// Made before the loop of run, and destroyed after it.
class PLAIT_API interrupts {
 public:
  interrupts() noexcept = default;
  interrupts(const interrupts&) = delete;
  interrupts& operator=(const interrupts&) = delete;
  ~interrupts();

  /// From now on SIGINT cancels `main`, a task of that loop.
  void begin(event_loop& loop, const state_handle& main);
  /// The main task is done.
  void main_is_done() noexcept;
  /// It was cancelled by a SIGINT, and by nobody else.
  [[nodiscard]] bool ended_main() noexcept;

 private:
  struct request final : ready {
    explicit request(interrupts& whose) noexcept : owner(&whose) {}
    void run() noexcept override;
    interrupts* owner;
  };
  friend struct interrupt_handler;

  request request_{*this};
  loop_core* loop_ = nullptr;
  state_keeper main_;
  std::atomic<bool> arrived_{false};
  bool cancelled_main_ = false;
  bool installed_ = false;
};

}  // namespace detail
}  // namespace plait::inline PLAIT_ABI
