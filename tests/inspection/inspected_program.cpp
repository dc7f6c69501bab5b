// A program that inspection_test.cpp looks into. What it does is its argument; it says "ready" when there is
// something to see, and goes on when its stdin ends.
#include <plait/plait.hpp>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

namespace {

using namespace std::chrono_literals;

void say(const char* word) {
  std::puts(word);
  std::fflush(stdout);
}

/// Until stdin ends.
void block() {
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

void ready_and_block() {
  say("ready");
  block();
}

void sleeps_for_long() { std::this_thread::sleep_for(1h); }

plait::task<void> reads(plait::future<void> call) { co_await call; }
plait::task<void> sleeps() { co_await plait::sleep(1h); }

/// Tasks, a call on a thread, one in a process; then the end.
plait::task<void> serves() {
  auto& loop = plait::get_running_loop();
  plait::thread_pool_executor threads({.max_workers = 1, .thread_name_prefix = "decoders"});
  plait::process_pool_executor processes({.max_workers = 1, .worker_name_prefix = "crunchers"});
  const auto far = processes.submit({.name = "crunch"}, sleeps_for_long);
  while (processes.worker_pids().empty()) co_await plait::sleep(1ms);
  const auto near = threads.submit({.name = "decode"}, ready_and_block);
  const auto cruncher = loop.create_task(reads(far), "cruncher");
  const auto sleeper = loop.create_task(sleeps(), "sleeper\n\x1b[31m");
  co_await near;
  processes.shutdown(plait::shutdown_mode::kill, 0s);
  static_cast<void>(co_await plait::settled(cruncher));
  sleeper.cancel();
}

/// A step that does not end until stdin does.
plait::task<void> hangs() {
  co_await plait::sleep(0s);
  ready_and_block();
}

plait::task<void> waits_for_call(plait::thread_pool_executor& pool) {
  const auto call = pool.submit(ready_and_block);
  co_await call;
}

/// Until the thread that answers sleeps. While it starts it may hold a lock of AddressSanitizer's allocator, which a
/// child forked meanwhile would wait for, for ever.
void wait_until_inspector_sleeps() {
  while (true) {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream stat(task.path() / "stat");
      std::string line;
      std::getline(stat, line);
      if (line.find(" (plait_inspect) S ") != std::string::npos) return;
    }
    std::this_thread::yield();
  }
}

int fork_and_run(bool child_allows) {
  plait::event_loop loop;  // it inspects from here on, where the environment says so
  wait_until_inspector_sleeps();
  const pid_t child = ::fork();
  if (child == 0) {
    if (child_allows) plait::allow_inspection();
    std::printf("%d\n", static_cast<int>(::getpid()));
    ready_and_block();
    ::_exit(0);
  }
  ::close(STDIN_FILENO);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "serve") {
    plait::event_loop loop;
    loop.run_until_complete(loop.create_task(serves(), "main"));
    return 0;
  }
  if (what == "hang") {
    plait::event_loop loop;
    loop.run_until_complete(loop.create_task(hangs(), "hanging"));
    return 0;
  }
  if (what == "allow" || what == "forbid" || what == "exit") {
    plait::allow_inspection();
    plait::allow_inspection();
    if (what == "forbid") plait::forbid_inspection();
    plait::thread_pool_executor pool({.max_workers = 1, .thread_name_prefix = "callers"});
    plait::event_loop loop;
    loop.run_until_complete(loop.create_task(waits_for_call(pool), "caller"));
    if (what == "exit") std::exit(7);  // with the loop alive
    return 0;
  }
  if (what == "fork") return fork_and_run(false);
  if (what == "fork and allow") return fork_and_run(true);
  if (what == "debug") {  // says what debug mode reports
    plait::event_loop loop;
    loop.set_slow_callback_duration(0s);
    loop.run_until_complete(loop.create_task(hangs(), "slow"));
    {
      const auto dropped = sleeps();
    }
    return 0;
  }
  return 99;
}
