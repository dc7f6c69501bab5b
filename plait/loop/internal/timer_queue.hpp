// What is to run later, by time: a heap of four children a node (flatter than a binary one, and its nodes share cache
// lines). Each timer knows its place, so that it can be taken out in logarithmic time.
//
// A turn of the loop gathers what is due at its begin, and runs that. Until it is run, a timer can still be stopped:
// who was woken by something else in the same turn may be gone, with its timer, when the timer's turn would come.
#pragma once

#include <plait/core/home.hpp>

#include <cstdint>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// Timers of the same time come out in the order they went in. Not thread-safe.
class timer_queue {
 public:
  void add(timed& t, time_point when);
  /// Nothing where it is not here.
  void remove(timed& t) noexcept;
  /// Sets aside what is due by `now`. Those set aside before must have been taken.
  void gather(time_point now) noexcept;
  [[nodiscard]] bool has_gathered() const noexcept { return next_due_ < due_.size(); }
  /// The next of those; null where none is left.
  [[nodiscard]] timed* take_gathered() noexcept;
  /// Any that is not gathered; null where there is none.
  [[nodiscard]] timed* take_any() noexcept { return heap_.empty() ? nullptr : take(0); }
  [[nodiscard]] bool empty() const noexcept { return heap_.empty(); }
  [[nodiscard]] time_point next() const noexcept { return heap_.empty() ? sync::forever : heap_.front().when; }

 private:
  struct entry {
    time_point when;
    timed* timer;
  };
  [[nodiscard]] static bool before(const entry& a, const entry& b) noexcept;
  void put(std::size_t place, entry e) noexcept;
  void sift_up(std::size_t place, entry e) noexcept;
  void sift_down(std::size_t place, entry e) noexcept;
  timed* take(std::size_t place) noexcept;

  static constexpr std::uint32_t gathered = 0x80000000;  // in a timer's place: it is an index of due_

  std::vector<entry> heap_;
  std::vector<timed*> due_;  // null where one was removed; has room for all of the heap
  std::size_t next_due_ = 0;
  std::uint64_t added_ = 0;
};

}  // namespace plait::inline PLAIT_ABI::detail
