#include <plait/core/errors.hpp>
#include <plait/core/internal/mutex.hpp>
#include <plait/loop/internal/inbox.hpp>
#include <plait/loop/internal/signal_slots.hpp>
#include <plait/loop/internal/signal_table.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <system_error>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

constexpr int signals = 64;

// A handler says that it is inside, then looks for the watch; who takes the watch away looks for handlers inside
// after it. Both sequentially consistent, so that one of them sees the other.
struct signal_slot {
  sync::atomic<signal_watch*> watch{nullptr};
  sync::atomic<int> inside{0};
  sync::atomic<int> owner{0};      // the process whose watch it is
  struct sigaction previous = {};  // written while no handler of ours is in place
};
signal_slot slots[signals];

/// Guards who has which slot; handlers do without.
mutex registry;

[[nodiscard]] signal_slot& slot_of(int signal) noexcept { return slots[signal - 1]; }

extern "C" void plait_on_signal(int signal) {
  const int error = errno;
  auto& here = slot_of(signal);
  here.inside.fetch_add(1);
  if (here.owner.load() != ::getpid()) {  // forked: the watch is the parent's
    ::sigaction(signal, &here.previous, nullptr);
    ::raise(signal);
  } else if (auto* const watch = here.watch.load()) {
    watch->arrive();
  } else {  // given back meanwhile: what was before has been put in place
    ::raise(signal);
  }
  here.inside.fetch_sub(1);
  errno = error;
}

[[nodiscard]] bool is_ours(const struct sigaction& action) noexcept {
  return (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == &plait_on_signal;
}

[[nodiscard]] bool is_fault(int signal) noexcept {
  return signal == SIGSEGV || signal == SIGBUS || signal == SIGFPE || signal == SIGILL;
}

}  // namespace

std::string signal_text(int signal) {
  const char* const name = ::sigabbrev_np(signal);
  return std::to_string(signal) + (name ? " (SIG" + std::string(name) + ")" : "");
}

void check_signal(int signal) {
  if (signal < 1 || signal > signals) throw_invalid_argument("signal", std::to_string(signal), "1 to 64");
  struct sigaction now = {};
  // The C library keeps some for itself; these it does not know.
  if (signal == SIGKILL || signal == SIGSTOP || ::sigaction(signal, nullptr, &now) != 0)
    throw_invalid_argument("signal", signal_text(signal), "one that can be handled");
  if (is_fault(signal))
    throw_invalid_argument(
        "signal", signal_text(signal),
        "one that comes from outside: after a fault the program can't go on to a loop's next turn");
}

void take_signal(int signal, signal_watch& watch) {
  auto& here = slot_of(signal);
  const std::lock_guard lock(registry);
  if (here.watch.load() && here.owner.load() == ::getpid())
    throw invalid_state_error("plait: signal " + signal_text(signal) +
                              " is handled by another event loop; remove it there first");

  struct sigaction now = {};
  ::sigaction(signal, nullptr, &now);
  if (!is_ours(now)) here.previous = now;  // it is where this process was forked from one that handles it
  if (here.owner.load() != ::getpid()) here.inside.store(0);  // those inside were the parent's threads
  here.watch.store(&watch);
  here.owner.store(::getpid());
  struct sigaction ours = {};
  ours.sa_handler = &plait_on_signal;
  ours.sa_flags = SA_RESTART;  // other threads' calls go on
  sigfillset(&ours.sa_mask);   // one handler at a time on a thread
  if (::sigaction(signal, &ours, nullptr) == 0) return;
  const int error = errno;
  here.watch.store(nullptr);
  throw std::system_error(error, std::system_category(), "plait: sigaction of signal " + signal_text(signal));
}

void release_signal(int signal, signal_watch& watch) noexcept {
  auto& here = slot_of(signal);
  if (here.owner.load() != ::getpid()) return;  // a forked child; the lock may be a parent's thread's
  const std::lock_guard lock(registry);
  if (here.watch.load() != &watch) return;
  struct sigaction now = {};
  if (::sigaction(signal, nullptr, &now) == 0 && is_ours(now)) ::sigaction(signal, &here.previous, nullptr);
  here.watch.store(nullptr);
  while (here.inside.load() != 0) sync::yield();  // handlers on other threads: a few instructions
}

void signal_watch::arrive() noexcept {
  arrived_.fetch_add(1);
  if (!posted_.exchange(true)) static_cast<void>(inbox_->post(*this));
}

void signal_watch::run() noexcept {
  posted_.store(false);  // what arrives from here on comes here again
  running_ = true;
  const auto count = arrived_.exchange(0);
  if (count > 0 && !removed_) table_->deliver(*this, count);
  running_ = false;
  if (removed_) remove();
}

void signal_watch::drop() noexcept {
  posted_.store(false);
  if (removed_) delete this;
}

void signal_watch::remove() noexcept {
  removed_ = true;
  if (!running_ && !posted_.load()) delete this;
}

}  // namespace plait::inline PLAIT_ABI::detail
