// What waiting for many futures costs each of them: wait, gather and as_completed on a loop, of n promises that the
// loop's own thread completes. Linear time shows as a figure that does not grow with n (it does where the futures
// leave the caches).
#include <plait/plait.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "benchmarks/measure.hpp"

namespace {

using namespace bench;

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

void measure(const std::string& name, way waits, std::size_t n) {
  const auto rounds = std::max<std::size_t>(3, 100'000 / n);
  std::vector<double> each;
  for (std::size_t i = 0; i < rounds; ++i)
    each.push_back(static_cast<double>(time_once(waits, n)) / static_cast<double>(n));
  std::ranges::sort(each);
  report((name + "." + std::to_string(n)).c_str(), each[each.size() / 2], "ns");
}

void line(const arguments&) {
  for (const auto& [name, waits] :
       {std::pair<const char*, way>{"wait", by_wait}, {"gather", by_gather}, {"as_completed", by_as_completed}}) {
    for (std::size_t n = 10; n <= 1'000'000; n *= 10) measure(name, waits, n);
  }
}

}  // namespace

int main(int argc, char** argv) {
  return perform_act(
      argc, argv,
      {{"wait", "N", [](const arguments& a) { measure("wait", by_wait, a[0]); }},
       {"gather", "N", [](const arguments& a) { measure("gather", by_gather, a[0]); }},
       {"as_completed", "N", [](const arguments& a) { measure("as_completed", by_as_completed, a[0]); }},
       {"line", "", line}});
}
