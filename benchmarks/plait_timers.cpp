// plait's timers: callbacks that a loop calls at a time.
#include <plait/plait.hpp>

#include <chrono>
#include <vector>

#include "benchmarks/measure_loop.hpp"
#include "benchmarks/plait_loop.hpp"

namespace bench {

void timers(const arguments& a) {
  plait::event_loop loop;
  fired_timers fired;
  const auto clock_of_loop = loop.time() - std::chrono::nanoseconds(now_ns());
  std::uint64_t left = 0;
  const auto set = [&](std::uint64_t when) {
    ++left;
    loop.call_at(clock_of_loop + std::chrono::nanoseconds(when), [&, when] {
      fired.add(when);
      if (--left == 0) loop.stop();
    });
  };
  measure_timers(a[0], fired, set, [&] { loop.run_forever(); });
}

// The loop may put off what a cancelled timer costs: it is given a turn.
void timers_cancel(const arguments& a) {
  const auto n = a[0];
  plait::event_loop loop;
  std::vector<plait::callback_handle> set(n);
  delays more;
  bool fired = false;
  const auto started = now_ns();
  for (auto& timer : set) {
    const auto delay = std::chrono::hours(1) + std::chrono::microseconds(more.next());
    timer = loop.call_later(delay, [&fired] { fired = true; });
  }
  for (auto& timer : set) timer.cancel();
  loop.call_soon([&loop] { loop.stop(); });
  loop.run_forever();
  report_each("timers.cancel", n, now_ns() - started);
  require(!fired, "a cancelled timer has fired");
}

}  // namespace bench
