// Which signals a loop handles, and for whom. On the loop's own thread; see signal_slots.hpp for the way to it.
//
// Guarantees
// - A signal's handler function is called once for each time that the signal came, in the loop's turns, never in the
//   signal handler.
// - A signal that came while a coroutine could be on its way from one next_signal to the next is kept for it.
#pragma once

#include <plait/loop/internal/signal_slots.hpp>
#include <plait/loop/lasting_callback.hpp>
#include <plait/loop/next_signal.hpp>

#include <cstdint>
#include <map>
#include <memory>

namespace plait::inline PLAIT_ABI::detail {

class signal_table {
 public:
  signal_table(home& where, inbox& way_in) noexcept : home_(where), inbox_(way_in) {}

  /// Replaces the one before. Throws as take_signal and check_signal.
  void set_callback(int signal, std::unique_ptr<lasting_callback> called);
  /// Gives the signal back where no coroutine waits for it. False where it was not handled here.
  bool remove(int signal) noexcept;

  /// True where it waits; false where it has got one. Throws as take_signal.
  [[nodiscard]] bool await(signal_awaiter& who);
  /// False where it has got one.
  [[nodiscard]] bool withdraw(signal_awaiter& who) noexcept;
  /// It was cancelled after it had got one.
  void give_back(int signal) noexcept;

  void deliver(signal_watch& from, std::uint32_t count) noexcept;
  /// Gives all signals back; forgets who waits.
  void clear() noexcept;

 private:
  struct handled {
    signal_watch* watch = nullptr;
    std::shared_ptr<lasting_callback> callback;  // outlives its removal by itself
    bool awaited = false;                        // some coroutine has, and may come back
    bool kept = false;                           // came while none was there
  };
  handled& find_or_take(int signal);
  void take_all(const signal_set& wanted);
  void call(int signal) noexcept;
  [[nodiscard]] bool is_waited_for(int signal) const noexcept;
  void unlink(signal_awaiter& who) noexcept;

  home& home_;
  inbox& inbox_;
  std::map<int, handled> handled_;
  signal_awaiter* first_ = nullptr;
  signal_awaiter* last_ = nullptr;
};

}  // namespace plait::inline PLAIT_ABI::detail
