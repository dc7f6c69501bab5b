// A program that ctrl_c_test.cpp interrupts. What it does is its argument; it prints "ready" when it can be
// interrupted.
#include <plait/core/errors.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/next_signal.hpp>
#include <plait/loop/run.hpp>
#include <plait/loop/sleep.hpp>
#include <plait/loop/to_thread.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include <unistd.h>

namespace {

using namespace std::chrono_literals;

void say(const char* what) {
  std::printf("%s\n", what);
  std::fflush(stdout);
}

[[noreturn]] void hang() {
  while (true) ::pause();
}

// ── what main's task does ──

plait::task<int> sleeps() {
  say("ready");
  co_await plait::sleep(1h);
  co_return EXIT_FAILURE;
}

plait::task<int> cleans_up() {
  say("ready");
  try {
    co_await plait::sleep(1h);
  } catch (const plait::cancelled_error&) {
    say("told");
    throw;
  }
  co_return EXIT_FAILURE;
}

plait::task<int> goes_on_in_spite() {
  say("ready");
  try {
    co_await plait::sleep(1h);
  } catch (const plait::cancelled_error&) {
    say("told");
  }
  co_return 5;
}

plait::task<int> ignores_the_cancel() {
  say("ready");
  try {
    co_await plait::sleep(1h);
  } catch (const plait::cancelled_error&) {
    say("told");
  }
  co_await plait::sleep(1h);
  co_return EXIT_FAILURE;
}

plait::task<int> blocks_the_loop() {
  sigset_t interrupt, before;
  ::sigemptyset(&interrupt);
  ::sigaddset(&interrupt, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &interrupt, &before);  // one that comes before we wait for it stays to be waited for
  say("ready");
  ::sigsuspend(&before);  // until a handler has run
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  say("still blocked");
  hang();
  co_return EXIT_FAILURE;
}

plait::task<int> handles_it_itself() {
  auto first = plait::next_signal(SIGINT);
  plait::get_running_loop().call_soon([] { say("ready"); });
  static_cast<void>(co_await first);
  say("first");
  static_cast<void>(co_await plait::next_signal(SIGINT));
  say("second");
  co_return 7;
}

plait::task<int> leaves_a_call_behind() {
  static_cast<void>(plait::to_thread([] {
    say("ready");
    std::this_thread::sleep_for(1h);
  }));
  co_return EXIT_SUCCESS;
}

int run(plait::task<int> main) {
  try {
    return plait::run(std::move(main));
  } catch (const plait::interrupted_error& error) {
    say(error.what());
    return 130;
  }
}

int run_on_another_thread() {
  std::thread([] { plait::run(sleeps()); }).join();
  return EXIT_FAILURE;
}

int run_where_the_program_handles_it() {
  ::signal(SIGINT, [](int) {
    static_cast<void>(::write(STDOUT_FILENO, "the program's own\n", 18));
    ::_exit(3);
  });
  return run(sleeps());
}

int run_twice() {
  const int first = run(sleeps());
  return run(sleeps()) + (first == 130 ? 0 : 100);
}

/// The disposition is the default one again: a program without plait would die of SIGINT here.
int hang_after_run() {
  plait::run([]() -> plait::task<void> { co_return; }());
  say("ready");
  hang();
}

}  // namespace

int main(int, char** argv) {
  ::usleep(0);  // GCC 12's ThreadSanitizer loses a signal that comes in a thread's first blocking call
  const std::string_view what = argv[1] ? argv[1] : "";
  if (what == "sleeps") return run(sleeps());
  if (what == "cleans_up") return run(cleans_up());
  if (what == "goes_on_in_spite") return run(goes_on_in_spite());
  if (what == "ignores_the_cancel") return run(ignores_the_cancel());
  if (what == "blocks_the_loop") return run(blocks_the_loop());
  if (what == "handles_it_itself") return run(handles_it_itself());
  if (what == "leaves_a_call_behind") return run(leaves_a_call_behind());
  if (what == "on_another_thread") return run_on_another_thread();
  if (what == "where_the_program_handles_it") return run_where_the_program_handles_it();
  if (what == "twice") return run_twice();
  if (what == "after_run") return hang_after_run();
  std::fprintf(stderr, "what?\n");
  return EXIT_FAILURE;
}
