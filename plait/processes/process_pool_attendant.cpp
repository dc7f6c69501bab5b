// The attendant, a pool's own thread: takes the replies that no loop takes, hears of workers that start and end,
// passes on what they write to their stderr.
#include <plait/core/internal/spin.hpp>
#include <plait/core/report.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/processes/internal/attendant_epoll.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>

#include <algorithm>
#include <iterator>
#include <mutex>

#include <sys/epoll.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {

void process_pool::start_attendant() {
  watch(epoll_.get(), attendant_bell_.get(), EPOLLIN | EPOLLET, bell_rang);
  try {
    attendant_ = sync::thread([self = shared_from_this()] { self->attend(); });
  } catch (...) {  // the next call may fare better
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, attendant_bell_.get(), nullptr);
    throw;
  }
  attendant_runs_ = true;
}

void process_pool::ring_attendant() noexcept {
  const std::uint64_t one = 1;
  static_cast<void>(!::write(attendant_bell_.get(), &one, sizeof one));
}

void process_pool::attend() noexcept {
  attendant_id_ = std::this_thread::get_id();
  set_thread_name(settings_.prefix + " attendant");
  while (!attendant_may_go()) {
    epoll_event events[16];
    int timeout = -1;
    if (attendant_takes_replies() && spin_until([this] { return has_reply(); })) take_replies();
    {
      const std::lock_guard lock(mutex_);
      timeout = until_next_look();
      attendant_asleep_ = true;
      set_bells();
    }
    const int count = ::epoll_wait(epoll_.get(), events, std::size(events), timeout);
    {
      const std::lock_guard lock(mutex_);
      attendant_asleep_ = false;
      set_bells();
    }
    for (int i = 0; i < count; ++i) {
      const auto what = events[i].data.u64;
      if (what == server_says) {
        take_events();
      } else if (what == bell_rang) {
        empty_bell(attendant_bell_);
      } else if ((what & sandbox_says) != 0) {
        look_at_sandbox(what & ~sandbox_says);
      } else {
        std::shared_ptr<worker> wrote;
        {
          const std::lock_guard lock(mutex_);
          wrote = find(what);
        }
        if (wrote && !wrote->errors.pass_on()) wrote->errors.close();
      }
    }
    look_around();
  }
}

// Those that ended while somebody read a reply of theirs.
void process_pool::bury_the_ended() noexcept {
  for (;;) {
    std::shared_ptr<worker> ended;
    {
      const std::lock_guard lock(mutex_);
      const auto found = std::ranges::find_if(workers_, [](const auto& w) { return w->has_ended && !w->held; });
      if (found == workers_.end()) return;
      ended = *found;
    }
    worker_ended(ended->id, ended->how_ended ? &*ended->how_ended : nullptr);
  }
}

void process_pool::look_around() noexcept {
  bury_the_ended();
  {
    const std::lock_guard lock(mutex_);
    see_whether_loop_looks();
  }
  if (outstanding_.load(std::memory_order_relaxed) == 0 || attendant_takes_replies()) take_replies();
  if (settings_.memory_limit != 0) look_at_memory();
  afterwards later;
  {
    const std::lock_guard lock(mutex_);
    if (ladders_in_use_) climb_ladders(later);
    if (stuck_look_is_due() && !loop_looks_out()) free_the_stuck(later);
    look_for_room_ = false;
    if (queue_.size() > 0) pump(later);
    if (phase_ != phase::open) stop_idle();
  }
  settle(later);
}

void process_pool::take_events() noexcept {
  for (;;) {
    std::optional<server_event> event;
    try {
      const std::lock_guard lock(mutex_);
      event = session_.next();
    } catch (const std::exception& error) {
      report(severity::error, "the executor " + settings_.prefix + ": the worker server: " + error.what());
    }
    if (!event) return;
    switch (event->what) {
      case server_event::kind::started:
        worker_started(*event);
        break;
      case server_event::kind::start_failed:
        worker_not_started(*event);
        break;
      case server_event::kind::ended:
        worker_ended(event->id, &event->status);
        break;
      case server_event::kind::server_lost:
        return server_lost();
    }
  }
}

}  // namespace plait::inline PLAIT_ABI::detail
