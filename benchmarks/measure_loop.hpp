// What the programs that measure a loop by itself share, besides measure.hpp: no call leaves its thread. Their acts:
//
//   timers N              N timers, in no order of time, are set; then all of them are due, and fire
//   timers_cancel N       N timers that are not due for an hour are set and cancelled
//   lock N                two coroutines hand a lock over to each other, N times together
//   queue N               N items go from one coroutine to another through queues: each is awaited before the next
//   wait FROM TO          waiting for all of FROM, 10 FROM, … TO futures
//   gather FROM TO        the same, with a result that holds all of theirs
//   as_completed FROM TO  the same, one future after the other
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/measure.hpp"

namespace bench {

// Numbers below 1,000,000 in no order: the delays of timers in microseconds or nanoseconds.
class delays {
 public:
  std::uint64_t next() noexcept {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % 1'000'000;
  }

 private:
  std::uint64_t state_ = 1;
};

inline void report_each(const char* name, std::uint64_t n, std::uint64_t elapsed_ns) {
  report(name, static_cast<double>(elapsed_ns) / static_cast<double>(n), "ns");
}

// Timers that must fire in the order of their times.
class fired_timers {
 public:
  void add(std::uint64_t when_ns) noexcept {
    in_order_ = in_order_ && when_ns >= last_;
    last_ = when_ns;
    ++count_;
  }
  std::uint64_t count() const noexcept { return count_; }
  void check(std::uint64_t wanted) const {
    require(count_ == wanted, "a timer has not fired");
    require(in_order_, "timers have fired in another order than that of their times");
  }

 private:
  std::uint64_t count_ = 0;
  std::uint64_t last_ = 0;
  bool in_order_ = true;
};

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

inline constexpr std::uint64_t enough = 20'000;  // fewer things than that are measured several times

// N timers due within a millisecond of now: `set(when_ns)` sets one, `fire()` returns when all have fired. All are
// due before it is called, so that what is measured is work, not waiting.
template <class Set, class Fire> void measure_timers(std::uint64_t n, const fired_timers& fired, Set set, Fire fire) {
  std::vector<double> each_set;
  std::vector<double> each_fired;
  delays in;
  for (std::uint64_t done = 0; done < std::max(n, enough); done += n) {
    const auto before = fired.count();
    const auto started = now_ns();
    for (std::uint64_t i = 0; i < n; ++i) set(started + in.next());
    const auto all_set = now_ns();
    while (now_ns() < started + 1'000'000) {
    }
    const auto all_due = now_ns();
    fire();
    each_fired.push_back(static_cast<double>(now_ns() - all_due) / static_cast<double>(n));
    each_set.push_back(static_cast<double>(all_set - started) / static_cast<double>(n));
    fired.check(before + n);
  }
  report("timers.set", median(std::move(each_set)), "ns");
  report("timers.fire", median(std::move(each_fired)), "ns");
}

// Who had the turn last: where a hand-over does not change it, nothing was handed over.
class turns {
 public:
  void take(int who) {
    require(last_ != who, "nothing was handed over");
    last_ = who;
    ++count_;
  }
  std::uint64_t count() const noexcept { return count_; }

 private:
  int last_ = -1;
  std::uint64_t count_ = 0;
};

// `time_once(n)`: nanoseconds from the call until n futures have been waited for.
template <class TimeOnce> void measure_waiting(const std::string& name, const arguments& a, TimeOnce time_once) {
  for (auto n = a[0]; n <= a[1]; n *= 10) {
    std::vector<double> each;
    for (std::uint64_t done = 0; done < std::max(n, enough); done += n)
      each.push_back(static_cast<double>(time_once(n)) / static_cast<double>(n));
    report((name + "." + std::to_string(n)).c_str(), median(std::move(each)), "ns");
  }
}

}  // namespace bench
