// What comes from outside: signals.
#include <plait/plait.hpp>

#include <csignal>

#include <unistd.h>

plait::task<void> until_told() {
  co_await plait::next_signal(SIGTERM);
  fmt::print("told to end\n");
}

plait::task<void> async_main() {
  auto waiting = plait::get_running_loop().create_task(until_told());
  co_await plait::sleep(std::chrono::milliseconds(0));  // it waits now
  ::kill(::getpid(), SIGTERM);                          // as `kill PID` does
  co_await waiting;
}

int main() { plait::run(async_main()); }

// Output:
// told to end
