// The limit beside which plait's loop is measured: timers of the least runtime there can be, each the sleep of a
// coroutine; they can't be cancelled. For what tasks share and for waiting, a switch from one task to another (see
// limit_offload.cpp) is the least.
#include "benchmarks/limit_runtime.hpp"
#include "benchmarks/measure_loop.hpp"

namespace {

using namespace bench;
using namespace bench::limit;

detached timer(runtime& rt, fired_timers& fired, std::uint64_t when) {
  co_await sleep_until(rt, when);
  fired.add(when);
}

void timers(const arguments& a) {
  runtime rt({.workers = 0});
  fired_timers fired;
  const auto set = [&](std::uint64_t when) { timer(rt, fired, when); };
  measure_timers(a[0], fired, set, [&] { rt.run(); });
}

}  // namespace

int main(int argc, char** argv) { return perform_act(argc, argv, {{"timers", "N", timers}}); }
