// Workers: started, told to stop, buried.
#include <plait/core/report.hpp>
#include <plait/portable/code_address.hpp>
#include <plait/processes/internal/attendant_epoll.hpp>
#include <plait/processes/internal/first_words.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_pool.hpp>
#include <plait/processes/worker_died.hpp>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <system_error>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// Workers that die before they were ready, one after the other: then the next would die as well.
constexpr int most_failed_starts = 3;

struct pipe_ends {
  unique_fd read, write;
};
pipe_ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw std::system_error(errno, std::system_category(), "plait: pipe2");
  unique_fd read(ends[0]), write(ends[1]);
  pipe_ends made{above_stdio(read.release(), "pipe2"), above_stdio(write.release(), "pipe2")};
  ::fcntl(made.read.get(), F_SETFL, O_NONBLOCK);
  return made;
}

}  // namespace

// ── starting ──

// Under the lock. Throws std::system_error where a worker can't be had.
process_pool::worker& process_pool::start_worker() {
  if (!attendant_runs_) start_attendant();
  if (session_.descriptor() < 0) {
    auto session = open_session();
    watch(epoll_.get(), session.descriptor(), EPOLLIN, server_says);
    session_ = std::move(session);
    session_has_worked_ = false;
  }
  int number = 0;  // the lowest that is free
  while (std::ranges::any_of(workers_, [&](const auto& w) { return w->number == number; })) ++number;
  workers_.reserve(workers_.size() + 1);
  auto fresh = std::make_shared<worker>(*this, next_worker_++, number);
  send_first_words(*fresh);
  auto errors = make_pipe();
  // Log lines go to the program's own stderr, in the order in which all processes write them.
  const unique_fd log(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  auto descriptors = fresh->line.descriptors_for_worker();
  descriptors.push_back(errors.write.get());
  descriptors.push_back(log ? log.get() : errors.write.get());
  watch(epoll_.get(), errors.read.get(), EPOLLIN, fresh->id);
  fresh->errors = stderr_relay(std::move(errors.read));
  session_.start({fresh->id, fresh->name, settings_.start, std::move(descriptors)});
  fresh->line.forget_worker_ends();
  workers_.push_back(std::move(fresh));
  return *workers_.back();
}

void process_pool::send_first_words(worker& to) {
  heap_storage memory;
  byte_writer words({}, memory);
  write(words, {to.name, current_log_settings()});
  call_target target;
  if (settings_.initializer) {
    const auto thunk = address_of_code(settings_.initializer.thunk());
    target = {.module = thunk.module, .thunk = thunk.offset, .flags = has_initializer};
    words.write(settings_.initializer.bytes().data(), settings_.initializer.bytes().size());
  }
  tell_modules(to);
  const auto sequence = to.line.send(request_kind::initialize, target, words.bytes());
  to.flights.push_back({sequence, next_order_++, nullptr});
}

// Whatever code the program's calls refer to, the worker knows where it lies.
void process_pool::tell_modules(worker& to) {
  for (; to.known_modules < module_count(); ++to.known_modules) {
    const auto described = describe_module(to.known_modules);
    heap_storage memory;
    byte_writer words({}, memory);
    write_text(words, described.path);
    write_text(words, described.build_id);
    to.line.send(request_kind::notice, {.module = to.known_modules}, words.bytes());
  }
}

void process_pool::worker_started(server_event& event) noexcept {
  const std::lock_guard lock(mutex_);
  session_has_worked_ = true;
  const auto w = find(event.id);
  if (!w) return;
  w->pid = event.pid;
  w->pidfd = std::move(event.pidfd);
  if (!w->killed_because.empty()) kill_worker(*w, std::move(w->killed_because));
}

void process_pool::worker_not_started(const server_event& event) noexcept {
  take_replies();         // it may have run, and only not be watched
  const auto why = [&] {  // each call's own
    return std::make_exception_ptr(std::system_error(
        event.error, std::system_category(),
        "plait: no worker process could be started for the executor " + settings_.prefix + " (" + event.call + ")"));
  };
  afterwards later;
  {
    const std::lock_guard lock(mutex_);
    const auto gone = take_out(event.id);
    if (!gone) return;
    gone->dead = true;  // for who reads a reply of it at this moment
    const bool others = std::ranges::any_of(workers_, [](const auto& w) { return w->takes_calls(); });
    for (const auto& each : gone->flights) {
      if (!each.item) continue;
      if (others) {
        later.again.push_back(each);
      } else {
        leaves(*each.item);
        later.failed.emplace_back(each.item, why());
      }
    }
    if (others)
      later.report = "the executor " + settings_.prefix + " could start no further worker: " + describe(why());
    else
      later.no_worker = why();
  }
  settle(later);
}

// What waits would wait for ever.
void process_pool::no_worker_can_be_had(const std::exception_ptr& why) noexcept {
  std::vector<work_item*> lost;
  {
    const std::lock_guard lock(mutex_);
    if (std::ranges::any_of(workers_, [](const auto& w) { return w->takes_calls(); })) return;
    empty_queue(lost);
  }
  for (auto* const item : lost) fail(*item, why);
}

// ── ending ──

// Under the lock; it has nothing to do.
void process_pool::stop_worker(worker& which) noexcept {
  if (!which.takes_calls()) return;
  which.stopping = true;
  std::erase(idle_, &which);
  try {
    which.line.send(request_kind::stop, {}, {});
    if (which.line.must_wake()) which.line.wake();
  } catch (const std::exception& error) {
    kill_worker(which, std::string("it could not be told to stop: ") + error.what());
  }
}

// Under the lock. It is buried when the server says that it has ended.
void process_pool::kill_worker(worker& which, std::string why) noexcept {
  which.killed_because = std::move(why);
  std::erase(idle_, &which);
  if (which.pidfd)
    ::syscall(SYS_pidfd_send_signal, which.pidfd.get(), SIGKILL, nullptr, 0);  // else once it has been started
}

std::shared_ptr<process_pool::worker> process_pool::find(std::uint64_t id) noexcept {
  const auto found = std::ranges::find(workers_, id, [](const auto& w) { return w->id; });
  return found == workers_.end() ? nullptr : *found;
}

std::shared_ptr<process_pool::worker> process_pool::take_out(std::uint64_t id) noexcept {
  const auto found = std::ranges::find(workers_, id, [](const auto& w) { return w->id; });
  if (found == workers_.end()) return nullptr;
  auto gone = std::move(*found);
  workers_.erase(found);
  std::erase(idle_, gone.get());
  return gone;
}

// Of one that has ended: what it had answered counts. False where another thread holds a reply of it: there may be
// more behind that one, so it is buried when that thread lets go.
bool process_pool::last_replies_taken(std::uint64_t id, const process_end_status* how) noexcept {
  for (;;) {
    take_replies();
    const std::lock_guard lock(mutex_);
    const auto w = find(id);
    if (!w) return false;
    if (w->held) {
      w->has_ended = true;
      if (how) w->how_ended = *how;
      return false;
    }
    if (w->dead || !w->line.has_reply()) return true;
  }
}

// On the attendant's thread. `how` is null where the server was lost.
void process_pool::worker_ended(std::uint64_t id, const process_end_status* how) noexcept {
  afterwards later;
  work_item* lost = nullptr;
  std::shared_ptr<worker> gone;
  bool hopeless = false;
  if (!last_replies_taken(id, how)) return;
  {
    const std::lock_guard lock(mutex_);
    gone = take_out(id);
    if (!gone) return;
    for (const auto& each : gone->flights) {
      if (!each.item) continue;
      const bool runs = &each == &gone->flights.front() && (gone->dead || gone->line.is_taken(each.sequence));
      if (runs || gone->killed_on_shutdown) {
        leaves(*each.item);
        if (runs)
          lost = each.item;
        else
          later.failed.emplace_back(each.item, outcome<void>());
      } else {
        later.again.push_back(each);
      }
    }
    gone->dead = true;
    // Those that were lost with their server count as one (server_lost).
    if (how && !gone->ready && gone->killed_because.empty() && !gone->stopping) ++failed_starts_;
    hopeless = failed_starts_ >= most_failed_starts && phase_ != phase::broken;
    if (phase_ == phase::open) look_for_stuck_ = true;
  }
  gone->errors.pass_on_rest();
  worker_died::details details{.pid = gone->pid, .last_lines = gone->errors.last_lines()};
  if (how && how->signaled)
    details.signal = how->code;
  else if (how)
    details.exit_code = how->code;
  details.cause = how ? gone->killed_because : "the server of the worker processes died, and its workers with it";
  if (hopeless) {
    details.call = "";
    break_with(std::make_exception_ptr(worker_died(details)),
               std::to_string(most_failed_starts) +
                   " workers in a row died before they were ready; the last one: " + worker_died(details).what());
  }
  if (lost && gone->killed_on_shutdown) {
    fail(*lost, outcome<void>());
  } else if (lost) {
    details.call = lost->name();
    outcome<void> death = std::make_exception_ptr(worker_died(std::move(details)));
    deliver_to(*lost, std::move(death));
  }
  settle(later);
  look_around();
}

void process_pool::server_lost() noexcept {
  std::vector<std::uint64_t> ids;
  bool useless = false;
  {
    const std::lock_guard lock(mutex_);
    session_.close();
    useless = !session_has_worked_;
    bool some_only_began = false;
    for (const auto& w : workers_) {
      ids.push_back(w->id);
      some_only_began |= !w->ready && w->killed_because.empty() && !w->stopping;
    }
    failed_starts_ = useless ? most_failed_starts : failed_starts_ + some_only_began;
  }
  for (const auto id : ids) worker_ended(id, nullptr);
}

void process_pool::set_idle_alarm(time_point when) noexcept {
  if (std::exchange(idle_alarm_set_, true)) return;
  try {
    alarms_.set(this, when, [this] { idle_alarm(); });
  } catch (const std::exception& error) {  // then the worker stays
    idle_alarm_set_ = false;
  }
}

void process_pool::idle_alarm() noexcept {
  const std::lock_guard lock(mutex_);
  idle_alarm_set_ = false;
  const auto now = sync::now();
  auto next = sync::forever;
  for (const auto& w : std::vector(idle_)) {
    const auto until = w->idle_since + *settings_.idle_timeout;
    if (until <= now)
      stop_worker(*w);
    else
      next = std::min(next, until);
  }
  if (next != sync::forever) set_idle_alarm(next);
}

}  // namespace plait::inline PLAIT_ABI::detail
