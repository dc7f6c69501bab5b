// Idle pools and an idle loop cost nothing: for ten seconds no thread of the program, of its worker server and of its
// workers runs at all.
#include <plait/core/promise.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/processes/internal/server_client.hpp>
#include <plait/processes/process_pool_fixture_test.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <latch>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace pool_test;
using namespace std::chrono_literals;

/// How often each thread of these processes has been switched away from.
std::map<std::string, std::uint64_t> switches(const std::vector<pid_t>& processes) {
  std::map<std::string, std::uint64_t> of_threads;
  for (const pid_t process : processes) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(process) + "/task")) {
      if (task.path().filename() == std::to_string(::gettid())) continue;  // the one that looks
      std::ifstream status(task.path() / "status");
      std::string name;
      for (std::string line; std::getline(status, line);) {
        if (line.starts_with("Name:")) name = line.substr(6) + " " + task.path().filename().string();
        const auto colon = line.find("voluntary_ctxt_switches:");
        if (colon != std::string::npos) of_threads[name] += std::stoull(line.substr(line.find(':') + 1));
      }
    }
  }
  return of_threads;
}

TEST(idle, nobody_runs) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's own threads run now and then";
  plait::thread_pool_executor threads({.max_workers = 3});
  process_pool_executor processes({.max_workers = 2});
  plait::event_loop loop;
  std::thread runs_loop([&] { loop.run_forever(); });
  started_pids(processes);
  std::vector<plait::future<int>> calls;
  std::latch all_threads(3);  // which no fewer workers get past
  for (int i = 0; i < 3; ++i)
    calls.push_back(threads.submit([&all_threads, i] { return all_threads.arrive_and_wait(), i; }));
  for (int i = 0; i < 100; ++i) {
    calls.push_back(threads.submit(square, i));
    calls.push_back(processes.submit(square, i));
  }
  plait::promise<void> called;
  loop.call_soon_threadsafe([&] { loop.call_later(1ms, [&] { called.set_value(); }); });
  called.get_future().result();
  loop.call_soon_threadsafe([&] { loop.call_later(1h, [] {}); });
  for (const auto& call : calls) call.result();

  auto all = processes.worker_pids();
  all.push_back(::getpid());
  all.push_back(plait::detail::server_pid());
  auto before = switches(all);
  for (auto last = decltype(before){}; last != before;) {  // until each has come to its sleep
    std::this_thread::sleep_for(100ms);
    last = std::exchange(before, switches(all));
  }
  EXPECT_GE(before.size(), 3U + 1U + 2U + 2U);  // threads, loop, workers, server and attendant
  std::this_thread::sleep_for(10s);
  EXPECT_EQ(switches(all), before);

  loop.call_soon_threadsafe([&] { loop.stop(); });
  runs_loop.join();
}

/// Two quick calls are sent ahead to one worker beside another, which the pool is to look at a millisecond later; by
/// then there is nothing to look at.
plait::task<void> sleeps_beside_a_call_that_lasts(process_pool_executor& pool, const portable_gate& gate) {
  for (int i = 0; i < 200; ++i) co_await pool.submit(square, i);
  auto first = pool.submit(square, 1), second = pool.submit(square, 2);
  co_await first;
  co_await second;
  auto lasts = pool.submit(wait_at, gate.path(), 1);
  const auto before = std::clock();
  co_await plait::sleep(1s);
  EXPECT_LT(std::clock() - before, CLOCKS_PER_SEC / 3);
  gate.let_through(1);
  co_await lasts;
}

TEST(idle, nobody_runs_in_the_program_while_a_worker_does) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2});
  started_pids(pool);
  plait::event_loop loop;
  for (int round = 0; round < 2; ++round) loop.run_until_complete(sleeps_beside_a_call_that_lasts(pool, gate));
}

}  // namespace
