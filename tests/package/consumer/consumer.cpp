// A program outside of plait's tree: coroutines hand calls to a pool of threads and to a pool of processes.
#include <plait/plait.hpp>

#include <cstdio>
#include <ranges>
#include <stdexcept>
#include <string>

#include <unistd.h>

struct unknown_item : std::runtime_error {
  using std::runtime_error::runtime_error;
};
PLAIT_PORTABLE_EXCEPTION(unknown_item);

struct point {
  int x = 0;
  std::string name;
};

int square(int n) { return n * n; }
int pid_of_worker() { return getpid(); }
point twice(point p) { return {.x = 2 * p.x, .name = p.name + p.name}; }
void fails(const std::string& what) { throw unknown_item(what); }
void leaves() { _exit(3); }

plait::task<int> square_elsewhere(plait::executor& executor, int n) { co_return co_await executor.submit(square, n); }

int failures = 0;
void expect(bool right, const char* what) {
  if (right) return;
  ++failures;
  std::printf("not so: %s\n", what);
}

plait::task<void> use_processes() {
  expect(co_await plait::to_process(pid_of_worker) != getpid(), "a call leaves this process");
  const point given{.x = 3, .name = "ab"};
  const auto doubled = co_await plait::to_process(twice, given);
  expect(doubled.x == 6 && doubled.name == "abab", "an aggregate travels");
  try {
    co_await plait::to_process(fails, std::string("there"));
    expect(false, "an exception comes back");
  } catch (const unknown_item& e) {
    expect(std::string(e.what()) == "there", "its message comes back");
  }
  try {
    co_await plait::to_process(leaves);
    expect(false, "a death is an exception");
  } catch (const plait::worker_died& e) {
    expect(e.exit_code() == 3, "it tells the exit code");
  }
}

int main() {
  for (int workers : {1, 2}) {
    plait::thread_pool_executor threads{{.max_workers = workers}};
    plait::process_pool_executor processes{{.max_workers = workers}};
    plait::event_loop loop;
    expect(loop.run_until_complete(square_elsewhere(threads, 6)) == 36, "6 * 6 is 36 in a thread");
    expect(loop.run_until_complete(square_elsewhere(processes, 6)) == 36, "6 * 6 is 36 in a process");
    int sum = 0;
    for (const int n : processes.map(square, std::views::iota(0, 4))) sum += n;
    expect(sum == 14, "map");
  }
  plait::run(use_processes());
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}
