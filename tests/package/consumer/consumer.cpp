// A program outside of plait's tree: a coroutine hands a call to a pool of threads.
#include <plait/plait.hpp>

#include <cstdio>

int square(int n) { return n * n; }

plait::task<int> square_elsewhere(plait::executor& executor, int n) { co_return co_await executor.submit(square, n); }

int main() {
  plait::thread_pool_executor executor{{.max_workers = 2}};
  plait::event_loop loop;
  const int result = loop.run_until_complete(square_elsewhere(executor, 6));
  std::printf("%d\n", result);
  return result == 36 ? 0 : 1;
}
