// Sandboxed workers, as their pool sees them. sandbox_worker.hpp and sandbox_watch.hpp have the pictures.
#include <plait/processes/internal/attendant_epoll.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>
#include <plait/processes/internal/sandbox_policy.hpp>

#include <mutex>

#include <sys/epoll.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

bool process_pool::sandboxed() const noexcept { return is_sandboxed(settings_.sandbox); }

// Under the lock. The end that the worker is to be given.
private_fd process_pool::watch_sandbox_of(worker& fresh) {
  auto [ours, theirs] = make_socket_pair();
  watch(epoll_.get(), ours.get(), EPOLLIN, fresh.id | sandbox_says);
  fresh.sandbox = sandbox_watch(std::move(ours));
  return std::move(theirs);
}

void process_pool::look_at_sandbox(std::uint64_t id) noexcept {
  using kind = sandbox_watch::news::kind;
  const std::lock_guard lock(mutex_);
  const auto w = find(id);
  if (!w) return;
  try {
    auto news = w->sandbox.look();  // what it has closed, the epoll has forgotten
    if (news.what == kind::watching) watch(epoll_.get(), w->sandbox.descriptor(), EPOLLIN, id | sandbox_says);
    if (!w->killed_because.empty()) return;  // it is ended anyway, and stays in that call until then
    if (news.what == kind::lost) kill_worker(*w, "its sandbox could not be watched: too many descriptors are open");
    if (news.what != kind::violation) return;
    w->forbidden_call = std::move(news.system_call);
    kill_worker(*w, "its sandbox forbids the system call " + w->forbidden_call);
  } catch (const std::exception& error) {
    kill_worker(*w, std::string("its sandbox could not be watched: ") + error.what());
  }
}

// A worker in a sandbox may write to the bells whatever it likes. A count that is full takes no more rings, of other
// workers either: so it is emptied each time. (The bells ring by edges and need not be read where all are
// well-behaved.)
void process_pool::empty_bell(const unique_fd& bell) const noexcept {
  std::uint64_t rings = 0;
  if (sandboxed()) static_cast<void>(!::read(bell.get(), &rings, sizeof rings));
}

outcome<void> process_pool::death_in_sandbox(worker_died::details details, std::string system_call) {
  return std::make_exception_ptr(sandbox_violation(std::move(details), std::move(system_call)));
}

}  // namespace plait::inline PLAIT_ABI::detail
