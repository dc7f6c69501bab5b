// Workers: started, told to stop, buried.
#include <plait/core/report.hpp>
#include <plait/portable/code_address.hpp>
#include <plait/processes/internal/attendant_epoll.hpp>
#include <plait/processes/internal/first_words.hpp>
#include <plait/processes/internal/memory_kills.hpp>
#include <plait/processes/internal/pool_worker.hpp>
#include <plait/processes/internal/process_figures.hpp>
#include <plait/processes/internal/process_pool.hpp>
#include <plait/processes/internal/shared_pages.hpp>
#include <plait/processes/worker_died.hpp>

#include <algorithm>
#include <csignal>
#include <mutex>
#include <system_error>

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

/// Workers that die before they were ready, one after the other: then the next would die as well.
constexpr int most_failed_starts = 3;
/// Where no further worker could be had: rarely enough to cost nothing.
constexpr nanoseconds between_tries = std::chrono::seconds(1);

struct pipe_ends {
  unique_fd read, write;
};
pipe_ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0) throw_system_error(errno, "pipe2");
  unique_fd read(ends[0]), write(ends[1]);
  pipe_ends made{above_stdio(read.release(), "pipe2"), above_stdio(write.release(), "pipe2")};
  ::fcntl(made.read.get(), F_SETFL, O_NONBLOCK);
  return made;
}

}  // namespace

// ── starting ──

// Under the lock. Throws std::system_error where a worker can't be had.
process_pool::worker& process_pool::start_worker() {
  if (session_.descriptor() < 0) {
    auto session = open_session();
    watch(epoll_.get(), session.descriptor(), EPOLLIN, server_says);
    session_ = std::move(session);
    session_has_worked_ = false;
  }
  if (!attendant_runs_) start_attendant();  // while the server comes, perhaps
  int number = 0;                           // the lowest that is free
  while (std::ranges::any_of(workers_, [&](const auto& w) { return w->number == number; })) ++number;
  workers_.reserve(workers_.size() + 1);
  auto fresh = std::make_shared<worker>(*this, next_worker_++, number);
  send_first_words(*fresh);
  auto errors = make_pipe();
  // Log lines go to the program's own stderr, in the order in which all processes write them.
  const unique_fd log(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
  auto descriptors = fresh->line.descriptors_for_worker();
  descriptors.push_back(errors.write.get());
  // It might be a terminal or a file: not for a worker that may do to it whatever it likes.
  descriptors.push_back(log && !sandboxed() ? log.get() : errors.write.get());
  private_fd handover;
  if (sandboxed()) descriptors.push_back((handover = watch_sandbox_of(*fresh)).get());
  watch(epoll_.get(), errors.read.get(), not_yet, fresh->id);
  fresh->errors = stderr_relay(std::move(errors.read), fresh->name);
  session_.start({fresh->id, fresh->name, settings_.start, std::move(descriptors)});
  fresh->line.forget_worker_ends();
  workers_.push_back(std::move(fresh));
  return *workers_.back();
}

// Under the lock. The others do the work; another is tried for after a while, if there is still too much of it.
void process_pool::no_further_worker(const std::string& why, afterwards& later) {
  next_start_ = from_now(between_tries);
  if (attendant_asleep_) ring_attendant();  // until_next_look
  if (std::exchange(start_trouble_told_, true)) return;
  later.report = "the executor " + settings_.prefix + " could start no further worker: " + why;
}

void process_pool::send_first_words(worker& to) {
  const auto most_pages =
      settings_.memory_limit == 0 ? 0 : std::max(settings_.memory_limit / page_size(), std::size_t{1});
  heap_storage memory;
  byte_writer words({}, memory);
  write(words, {to.name, current_log_settings(), most_pages, settings_.sandbox});
  call_target target;
  if (settings_.initializer) {
    const auto thunk = address_of_code(settings_.initializer.thunk());
    target = {.module = thunk.module, .flags = has_initializer, .thunk = thunk.offset};
    words.write(settings_.initializer.bytes().data(), settings_.initializer.bytes().size());
  }
  tell_modules(to);
  const auto sequence =
      to.line.send(request_kind::initialize, target, words.bytes(), descriptors_of(settings_.initializer.beside()));
  to.flights.add(sequence, next_order_++, nullptr);
  static_cast<void>(to.line.publish());  // it is not there yet
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
  const auto kills = count_memory_kills();
  std::shared_ptr<worker> w;
  {
    const std::lock_guard lock(mutex_);
    session_has_worked_ = true;
    next_start_ = {};
    start_trouble_told_ = false;
    w = find(event.id);
    if (!w) return;
    w->pid = event.pid;
    w->pidfd = std::move(event.pidfd);
    w->memory_kills_before = kills.count;
    if (!w->killed_because.empty()) signal_worker(*w, w->pushed.at == ladder::rung::terminated ? SIGTERM : SIGKILL);
  }
  w->errors.set_pid(event.pid);
  hear(epoll_.get(), w->errors.descriptor(), event.id);
}

void process_pool::worker_not_started(const server_event& event) noexcept {
  take_replies();         // it may have run, and only not be watched
  const auto why = [&] {  // each call's own
    return std::make_exception_ptr(std::system_error(
        event.error, std::system_category(),
        "plait: no worker process could be started for the executor " + settings_.prefix + " (" + event.call + ")"));
  };
  afterwards later;
  std::shared_ptr<worker> gone;
  {
    const std::lock_guard lock(mutex_);
    gone = take_out(event.id);
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
      no_further_worker(describe(why()), later);
    else
      later.no_worker = why();
  }
  gone->errors.close();
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
  if (which.stopping || which.dead || which.has_ended || which.pushed.at == ladder::rung::killed) return;
  which.stopping = true;
  std::erase(idle_, &which);
  try {
    which.line.send(request_kind::stop, {}, {});
    if (which.line.publish()) which.line.wake();
  } catch (const std::exception& error) {
    kill_worker(which, std::string("it could not be told to stop: ") + error.what());
  }
}

// Under the lock. It is buried when the server says that it has ended.
void process_pool::kill_worker(worker& which, std::string why) noexcept {
  which.killed_because = std::move(why);
  std::erase(idle_, &which);
  which.pushed.at = ladder::rung::killed;
  which.pushed.next = sync::forever;
  signal_worker(which, SIGKILL);
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
    // Whatever it was killed for, but for the pool's end: the next one would be as well. Those that were lost with
    // their server count as one (server_lost).
    if (how && !gone->ready && !gone->killed_on_shutdown && !gone->stopping) ++failed_starts_;
    hopeless = failed_starts_ >= most_failed_starts && phase_ != phase::broken;
    if (phase_ == phase::open) look_for_stuck();
  }
  if (!how && gone->pidfd) bury_orphan(gone->pidfd.get());
  gone->errors.close();
  auto details = what_happened(*gone, how);
  if (hopeless) {
    details.call = "";
    break_with(std::make_exception_ptr(worker_died(details)),
               std::to_string(most_failed_starts) +
                   " workers in a row died before they were ready; the last one: " + worker_died(details).what());
  }
  if (lost && (gone->killed_on_shutdown || lost->to_be_cancelled)) {
    fail(*lost, outcome<void>());
  } else if (lost) {
    details.call = lost->name();
    if (how) details.deaths = lost->count_death();
    details.call_bytes = gone->flights.front().bytes;
    details.argument_sizes = argument_sizes(*lost, details.call_bytes);
    outcome<void> death = gone->forbidden_call.empty()
                              ? outcome<void>(std::make_exception_ptr(worker_died(std::move(details))))
                              : death_in_sandbox(std::move(details), gone->forbidden_call);
    deliver_to(*lost, std::move(death));
  }
  if (!lost && !gone->forbidden_call.empty())  // a thread that an earlier call has left behind
    report(severity::warning, "the worker " + gone->name + " was killed between its calls: " + gone->killed_because);
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
      some_only_began |= !w->ready && !w->killed_on_shutdown;
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
