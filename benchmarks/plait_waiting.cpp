// What waiting for many futures costs each of them: wait, gather and as_completed on a loop, of n promises that the
// loop's own thread completes. Linear time shows as a figure that does not grow with n (it does where the futures
// leave the caches).
#include <plait/plait.hpp>

#include <vector>

#include "benchmarks/measure_loop.hpp"
#include "benchmarks/plait_loop.hpp"

namespace bench {
namespace {

using promises = std::vector<plait::promise<int>>;
using futures = std::vector<plait::future<int>>;

plait::task<std::size_t> by_wait(const futures* fs) {
  const auto result = co_await plait::wait(*fs);
  co_return result.done.size();
}
plait::task<std::size_t> by_gather(const futures* fs) {
  const auto results = co_await plait::gather(*fs);
  co_return results.size();
}
plait::task<std::size_t> by_as_completed(const futures* fs) {
  auto it = plait::as_completed(*fs);
  std::size_t taken = 0;
  while (auto f = co_await it.next()) ++taken;
  co_return taken;
}

using way = plait::task<std::size_t> (*)(const futures*);

// Nanoseconds of the thread's own time from the call until the waiting coroutine has seen them all.
std::uint64_t time_once(way waits, std::size_t n) {
  promises given(n);
  futures fs;
  fs.reserve(n);
  for (const auto& p : given) fs.push_back(p.get_future());
  plait::event_loop loop;
  const auto waiter = loop.create_task(waits(&fs));
  loop.call_soon([&] {
    for (auto& p : given) p.set_value(1);
  });
  const auto started = read_clock(CLOCK_THREAD_CPUTIME_ID);
  const auto seen = loop.run_until_complete(waiter);
  const auto elapsed = read_clock(CLOCK_THREAD_CPUTIME_ID) - started;
  require(seen == n, "some were not seen");
  return elapsed;
}

void measure(const char* name, const arguments& a, way waits) {
  measure_waiting(name, a, [waits](std::size_t n) { return time_once(waits, n); });
}

}  // namespace

void wait_for_futures(const arguments& a) { measure("wait", a, by_wait); }

void gather_futures(const arguments& a) { measure("gather", a, by_gather); }

void futures_as_completed(const arguments& a) { measure("as_completed", a, by_as_completed); }

}  // namespace bench
