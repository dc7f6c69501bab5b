#include <plait/core/internal/owner_gate.hpp>
#include <plait/core/internal/spin.hpp>
#include <plait/loop/internal/descriptor_table.hpp>
#include <plait/loop/internal/loop_core.hpp>
#include <plait/loop/internal/signal_table.hpp>

#include <algorithm>
#include <mutex>
#include <new>

namespace plait::inline PLAIT_ABI::detail {
namespace {

thread_local event_loop* loop_here = nullptr;
sync::atomic<std::uint64_t> task_numbers_drawn{0};

}  // namespace

loop_core::loop_core(event_loop& facade) : facade_(facade), stranger_(*this) {}
loop_core::~loop_core() = default;

event_loop* loop_core::running() noexcept { return loop_here; }
loop_core* loop_core::running_core() noexcept { return loop_here ? loop_here->core_.get() : nullptr; }

void loop_core::draw_task_numbers() noexcept {
  constexpr std::uint64_t at_once = 16;  // arbitrary: the more, the larger the gap where the next loop goes on
  task_number_ = task_numbers_drawn.fetch_add(at_once, std::memory_order_relaxed);
  task_numbers_end_ = task_number_ + at_once;
}

std::uint64_t loop_core::draw_one_task_number() noexcept {
  return task_numbers_drawn.fetch_add(1, std::memory_order_relaxed) + 1;
}

namespace {

[[noreturn]] void throw_runs_elsewhere() {
  throw_invalid_state("plait: this event loop is already running on another thread");
}

}  // namespace

void loop_core::check_can_run() const {
  if (is_closed()) throw loop_closed_error("plait: the event loop is closed");
  if (loop_here == &facade_) throw_invalid_state("plait: this event loop is already running");
  if (home::current())
    throw_invalid_state(
        "plait: another event loop is already running on this thread; co_await in its coroutines instead of running "
        "a second loop inside it");
  if (is_running()) throw_runs_elsewhere();
}

/// Makes this the thread's running loop while it lives.
class loop_core::running_here {
 public:
  explicit running_here(loop_core& loop) : loop_(loop), outer_home_(home::current()), outer_loop_(loop_here) {
    if (loop.running_.exchange(true)) throw_runs_elsewhere();
    loop.end_rest();
    if (loop.watch_.watches()) loop.watch_.begins_to_run();
    home::set_current(&loop);
    loop_here = &loop.facade_;
  }
  running_here(const running_here&) = delete;
  running_here& operator=(const running_here&) = delete;
  ~running_here() {
    loop_.leave_sources();
    loop_here = outer_loop_;
    home::set_current(outer_home_);
    if (loop_.hosted_.load(std::memory_order_relaxed)) {
      loop_.rest();
      loop_.rested_on_.store(std::this_thread::get_id(), std::memory_order_relaxed);
    }
    loop_.running_.store(false);
  }

 private:
  loop_core& loop_;
  home* const outer_home_;  // of a loop that runs here and whose coroutine closes this one; else null
  event_loop* const outer_loop_;
};

void loop_core::run_until_stopped() {
  check_can_run();
  const running_here here(*this);
  turns();
}

void loop_core::run_until(state& awaited) {
  struct stopper final : waiter, ready {
    explicit stopper(loop_core& loop) noexcept
        : waiter([](waiter& w) noexcept {
            auto& self = static_cast<stopper&>(w);
            wake(self.loop, self);
          }),
          loop(loop) {}
    void run() noexcept override {
      arrived = true;
      loop.stop();
    }
    loop_core& loop;
    bool arrived = false;
  } stop(*this);

  check_can_run();
  const running_here here(*this);
  if (!awaited.add(stop)) return;
  turns();
  // Stopped by somebody else, while the stopper is on its way here: it must arrive before it goes.
  while (!stop.arrived && !awaited.remove(stop)) turns();
}

bool loop_core::poll() {
  check_can_run();
  const running_here here(*this);
  inbox_.sleeper().look();
  collect();
  run_ready();
  return !std::exchange(stopping_, false);
}

void loop_core::turns() noexcept {
  do turn();
  while (!stopping_);
  stopping_ = false;
}

void loop_core::turn() noexcept {
  collect();
  if (!ready_ && !timers_.has_gathered() && !stopping_)
    wait_for_work();
  else if (is_watching())
    inbox_.sleeper().look();
  run_ready();
}

void loop_core::run_ready() noexcept {
  // What stands there now is cut off, so that what it adds begins a new queue.
  auto* first = std::exchange(ready_, nullptr);
  ready_end_ = &ready_;
  while (first) {
    auto* const next = first->next;
    step(*first);
    first = next;
  }
  while (auto* const due = timers_.take_gathered()) step(*due);
}

void loop_core::collect() noexcept {
  for (std::size_t i = 0; i < sources_.size(); ++i)  // done callbacks may attach one more
    if (sources_[i]->has_news()) sources_[i]->take_news();
  for (auto* r = inbox_.take(); r;) {
    auto* const next = r->next;
    push(*r);
    r = next;
  }
  if (!timers_.empty()) timers_.gather(sync::now());
}

void loop_core::wait_for_work() noexcept {
  const auto next = timers_.next();
  const bool watching = is_watching();
  const bool found = !inbox_.naps() && spin_until([&] {
    if (watching) inbox_.sleeper().look();
    return ready_ || !inbox_.empty() || has_news();
  });
  if (!found) sleep(next);
  collect();
}

void loop_core::sleep(time_point until) noexcept {
  if (sources_.empty()) return inbox_.sleep(until);
  std::erase_if(sources_, [&](const auto& source) {
    const bool over = source->is_over();
    if (over) inbox_.sleeper().forget(source->bell());
    return over;
  });
  bool news = false;
  for (const auto& source : sources_) news |= !source->before_sleep();
  if (!news) inbox_.sleep(until);
  for (const auto& source : sources_) source->after_sleep();
}

bool loop_core::is_watching() const noexcept { return descriptors_ && descriptors_->is_armed(); }

bool loop_core::has_news() const noexcept {
  return std::ranges::any_of(sources_, [](const auto& source) { return source->has_news(); });
}

bool loop_core::attach(const std::shared_ptr<news_source>& source) noexcept {
  try {
    sources_.reserve(sources_.size() + 1);
  } catch (const std::bad_alloc&) {
    return false;
  }
  if (!inbox_.sleeper().watch(source->bell())) return false;
  sources_.push_back(source);
  return true;
}

void loop_core::leave_sources() noexcept {
  for (const auto& source : sources_) {
    inbox_.sleeper().forget(source->bell());
    source->home_leaves();
  }
  sources_.clear();
}

void loop_core::adopt(task_state& task) noexcept {
  task.add_keeper();
  task.next_task_ = tasks_;
  if (tasks_) tasks_->prev_task_ = &task;
  tasks_ = &task;
  push(task);
  if (ending_tasks_) task.cancel_here();
}

void loop_core::send(task_state& task) {
  struct starter final : ready {
    starter(loop_core& to, task_state& started) noexcept
        : loop(to), task(started), alive((started.add_keeper(), &started)) {}
    void run() noexcept override {
      loop.adopt(task);
      delete this;
    }
    void drop() noexcept override {
      task.give_up();
      delete this;
    }
    loop_core& loop;
    task_state& task;
    state_keeper alive;
  };
  auto* const message = new (std::nothrow) starter(*this, task);
  if (!message) {
    task.give_up();
    throw std::bad_alloc();
  }
  if (inbox_.post(*message)) return;
  message->drop();
  throw loop_closed_error("plait: run_coroutine_threadsafe on an event loop that is closed");
}

void loop_core::disown(task_state& task) noexcept {
  (task.prev_task_ ? task.prev_task_->next_task_ : tasks_) = task.next_task_;
  if (task.next_task_) task.next_task_->prev_task_ = task.prev_task_;
}

void loop_core::deliver_cancel(task_state& task) noexcept {
  if (delivering_cancel_) {
    if (task.undelivered_++ > 0) return;
    task.next = nullptr;
    *undelivered_end_ = &task;
    undelivered_end_ = &task.next;
    return;
  }
  delivering_cancel_ = true;
  task.request_cancel();
  while (undelivered_) {
    auto* const next = static_cast<task_state*>(undelivered_);
    undelivered_ = next->next;
    if (!undelivered_) undelivered_end_ = &undelivered_;
    // What was taken back meanwhile does not arrive.
    for (auto n = std::exchange(next->undelivered_, 0); n > 0 && next->cancelling() > 0; --n) next->request_cancel();
  }
  delivering_cancel_ = false;
}

std::vector<task_state*> loop_core::tasks() const {
  std::vector<task_state*> all;
  for (auto* task = tasks_; task; task = task->next_task_) all.push_back(task);
  std::reverse(all.begin(), all.end());
  return all;
}

void loop_core::end_tasks() {
  if (!tasks_) return;
  const running_here here(*this);
  ending_tasks_ = true;
  telling_tasks_to_end_ = true;
  for (auto* task = tasks_; task; task = task->next_task_) task->cancel_here();
  telling_tasks_to_end_ = false;
  for (; tasks_; stopping_ = false) turn();
  ending_tasks_ = false;
}

void loop_core::close() {
  if (is_closed()) return;
  if (is_running()) throw_invalid_state("plait: close() of an event loop that is running; stop it first");
  if (getpid() != owner_pid_) {  // a forked child: tasks, wake-ups and threads are the parent's
    closed_ = true;
    if (descriptors_) descriptors_->clear(true);
    if (signals_) signals_->clear();
    static_cast<void>(new auto(std::exchange(default_executor, nullptr)));
    default_process_pool.reset();  // its destructor knows
    return;
  }
  end_tasks();
  watch_.leave();
  closed_ = true;
  end_rest();
  if (descriptors_) descriptors_->clear(false);
  if (signals_) signals_->clear();
  // Before anybody's threads are waited for: they may wait for what is in there.
  for (auto* left = inbox_.close(); left;) {
    auto* const next = left->next;
    left->drop();
    left = next;
  }
  former_executors.clear();
  // Inside another loop nothing may block: there the pool's destructor does what can be done.
  if (const auto pool = std::exchange(default_executor, nullptr); pool && pool.use_count() == 1 && !home::current())
    pool->shutdown(shutdown_mode::cancel_pending);
  if (const auto pool = std::exchange(default_process_pool, nullptr); pool && !home::current())
    pool->shutdown(shutdown_mode::cancel_pending);
  while (ready_) {
    auto* const first = ready_;
    ready_ = first->next;
    first->drop();
  }
  ready_end_ = &ready_;
  while (auto* const left = timers_.take_any()) left->drop();
  pass_owner_gate();  // after the last task is done: those that were sent and not started ended in the inbox
}

}  // namespace plait::inline PLAIT_ABI::detail
