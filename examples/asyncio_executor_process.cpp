// A coroutine hands six blocking calls to three workers and waits for all of them. The log shows how the same workers
// are used again.
#include <plait/plait.hpp>

#include <chrono>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

int blocks(int n) {  // an ordinary blocking function
  auto log = plait::get_logger(fmt::format("blocks({})", n));
  log->info("running");
  std::this_thread::sleep_for(100ms);
  log->info("done");
  return n * n;
}

plait::task<void> run_blocking_tasks(plait::executor& executor) {
  auto log = plait::get_logger("run_blocking_tasks");
  log->info("starting");

  log->info("creating executor tasks");
  auto& loop = plait::get_running_loop();
  std::vector<plait::future<int>> blocking_tasks;
  for (int i = 0; i < 6; ++i) blocking_tasks.push_back(loop.run_in_executor(executor, blocks, i));

  log->info("waiting for executor tasks");
  auto [completed, pending] = co_await plait::wait(blocking_tasks);
  std::vector<int> results;
  for (auto& t : completed) results.push_back(t.result());
  log->info("results: {}", fmt::join(results, ", "));
  log->info("exiting");
}

int main() {
  plait::basic_config({.pattern = "PID %5P %18n: %v"});  // process id, logger name, message; to stderr
  plait::process_pool_executor executor{{.max_workers = 3}};
  plait::event_loop loop;
  loop.run_until_complete(run_blocking_tasks(executor));
}
