#include <plait/loop/event_loop.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/interrupts.hpp>
#include <plait/loop/task_handle.hpp>

#include <cerrno>
#include <csignal>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// As in signal_slots.cpp: a handler says that it is inside before it looks, who takes `active` away looks after it.
std::atomic<interrupts*> active{nullptr};
std::atomic<int> inside{0};
std::atomic<int> owner{0};  // the process

}  // namespace

struct interrupt_handler {
  static void take(int signal) noexcept {
    const int error = errno;
    inside.fetch_add(1);
    auto* const run = owner.load() == ::getpid() ? active.load() : nullptr;
    if (run && !run->arrived_.exchange(true))
      static_cast<void>(run->loop_->try_post(run->request_));
    else
      die(signal);
    inside.fetch_sub(1);
    errno = error;
  }
  /// As soon as the handler returns.
  static void die(int signal) noexcept {
    struct sigaction by_default = {};
    by_default.sa_handler = SIG_DFL;
    ::sigaction(signal, &by_default, nullptr);
    ::raise(signal);
  }
};

extern "C" {
static void plait_on_interrupt(int signal) { interrupt_handler::take(signal); }
}

namespace {

[[nodiscard]] bool has_handler(void (*handler)(int)) noexcept {
  struct sigaction now = {};
  return ::sigaction(SIGINT, nullptr, &now) == 0 && (now.sa_flags & SA_SIGINFO) == 0 && now.sa_handler == handler;
}

}  // namespace

void interrupts::begin(event_loop& loop, const state_handle& main) {
  // Our own may be left where another loop had SIGINT when a run before this one ended: it does what SIG_DFL does.
  const bool by_default = has_handler(SIG_DFL) || has_handler(&plait_on_interrupt);
  if (::gettid() != ::getpid() || active.load() || !by_default) return;
  loop_ = &loop_access::core(loop);
  main_ = state_keeper(main);
  if (owner.exchange(::getpid()) != ::getpid())
    inside = 0;  // in a forked child those inside were the parent's threads
  active = this;
  struct sigaction ours = {};
  ours.sa_handler = &plait_on_interrupt;
  ours.sa_flags = SA_RESTART;  // other threads' calls go on
  sigfillset(&ours.sa_mask);
  ::sigaction(SIGINT, &ours, nullptr);
  installed_ = true;
}

void interrupts::request::run() noexcept {
  auto& main = *owner->main_.get();
  if (main.done()) return;
  owner->cancelled_main_ = true;
  main.cancel();
}

void interrupts::main_is_done() noexcept {
  if (!installed_) return;
  active = nullptr;
  while (inside.load() != 0) sync::yield();  // handlers on other threads: a few instructions
}

bool interrupts::ended_main() noexcept {
  return cancelled_main_ && static_cast<task_state&>(*main_.get()).uncancel() == 0;
}

interrupts::~interrupts() {
  if (!installed_ || owner.load() != ::getpid()) return;
  if (has_handler(&plait_on_interrupt)) ::signal(SIGINT, SIG_DFL);
  if (arrived_ && !cancelled_main_) ::raise(SIGINT);
}

}  // namespace plait::inline PLAIT_ABI::detail
