#include "watchdog.hpp"

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "thread_stacks.hpp"

namespace test_support {

std::chrono::seconds watchdog_limit() {
  if (const char* seconds = std::getenv("PLAIT_TEST_TIMEOUT")) return std::chrono::seconds(std::atol(seconds));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return std::chrono::seconds(180);
#elif !defined(__OPTIMIZE__)
  return std::chrono::seconds(180);
#else
  return std::chrono::seconds(60);
#endif
}

watchdog::watchdog(std::chrono::seconds limit) : limit_(limit) {
  // A signal sent to the program is for the test's threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { watch(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  prepare_thread_stacks();
}

watchdog::~watchdog() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void watchdog::start(std::string test) {
  {
    const std::lock_guard lock(mutex_);
    test_ = std::move(test);
    deadline_ = clock::now() + limit_;
  }
  changed_.notify_one();
}

void watchdog::stop() {
  const std::lock_guard lock(mutex_);
  deadline_ = clock::time_point::max();
}

void watchdog::watch() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    if (deadline_ == clock::time_point::max()) {
      changed_.wait(lock);
    } else if (clock::now() < deadline_) {
      changed_.wait_until(lock, deadline_);
    } else {
      std::fprintf(stderr, "\nwatchdog: %s still runs after %ld s. Where each thread is:\n", test_.c_str(),
                   static_cast<long>(limit_.count()));
      print_thread_stacks(stderr);
      std::abort();
    }
  }
}

}  // namespace test_support
