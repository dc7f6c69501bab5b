// What is to run later, by time: a heap of four children a node (flatter than a binary one, and its nodes share cache
// lines). Each timer knows its place, so that it can be taken out in logarithmic time.
#pragma once

#include <plait/core/home.hpp>

#include <cstdint>
#include <vector>

namespace plait::inline PLAIT_ABI::detail {

/// Timers of the same time come out in the order they went in. Not thread-safe.
class timer_queue {
 public:
  void add(timed& t);
  /// Nothing where it is not here.
  void remove(timed& t) noexcept;
  /// The next that is due by `now`; null where none is.
  [[nodiscard]] timed* take_due(time_point now) noexcept;
  /// Any; null where there is none.
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

  std::vector<entry> heap_;
  std::uint32_t added_ = 0;
};

}  // namespace plait::inline PLAIT_ABI::detail
