// Hangs in two threads, in the two ways that are hardest to look into: asleep in the kernel, and spinning with every
// signal blocked. The watchdog must name both functions.
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

namespace {

[[gnu::noinline]] void waits_for_a_reply_that_never_comes() {
  std::mutex mutex;
  std::condition_variable reply;
  std::unique_lock lock(mutex);
  reply.wait(lock, [] { return false; });
}

volatile bool forever = true;  // the compiler may not know it

[[gnu::noinline]] void spins_with_every_signal_blocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  while (forever) {
  }
}

TEST(hanging_program, hangs_in_two_threads) {
  std::jthread spinning(spins_with_every_signal_blocked);
  waits_for_a_reply_that_never_comes();
}

}  // namespace
