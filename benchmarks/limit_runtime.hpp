// The least machinery that still means "a coroutine on an event loop hands a call to a pool of threads and awaits the
// result": what plait could cost at best on this machine. It has no cancellation, no exceptions, no types, and room
// for a fixed number of calls in flight.
//
//   loop's thread                                                 worker threads
//   coroutine: operation in its frame --ring (1 producer)-->      take one call at a time, run it
//   resume, in the order of completion <--completion stack--      push the same operation
//   asleep: epoll_wait on an eventfd                              asleep: futex
//
// Guarantees: nothing is allocated for a call; a side is woken only when it sleeps, and at most one worker for a turn
// of the loop (a woken worker wakes the next while calls wait); at most one worker looks for work without sleeping.
#pragma once
#include <algorithm>
#include <atomic>
#include <coroutine>
#include <functional>
#include <queue>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/limit_coroutines.hpp"
#include "benchmarks/limit_parts.hpp"
#include "benchmarks/measure.hpp"

namespace bench::limit {

struct runtime_options {
  int workers = 1;
  std::uint64_t spin_ns = 0;         // how long a side that finds nothing looks again before it sleeps; 0: not at all
  std::size_t max_in_flight = 1024;  // a power of two
  std::uint64_t (*work)(std::uint64_t) = call;
};

class runtime {
 public:
  explicit runtime(const runtime_options& options)
      : options_(options), submitted_(options.max_in_flight), loop_patience_(options.spin_ns) {
    for (int i = 0; i < options.workers; ++i) workers_.emplace_back([this] { work(); });
  }
  ~runtime() {
    idle_workers_.stop();
    for (auto& w : workers_) w.join();
  }
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  // The loop's side. All of these are called on the loop's thread alone.

  void submit(operation& op) noexcept { submitted_.push(op); }
  void make_ready(operation& op) noexcept { ready_.push_back(op); }
  void sleep_until(std::uint64_t deadline_ns, operation& op) { sleepers_.push({deadline_ns, &op}); }
  void enter() noexcept { ++live_; }
  void leave() noexcept { --live_; }

  // Turns the loop until every coroutine has ended.
  void run() {
    while (live_ > 0) {
      if (!turn()) wait_for_completion();
    }
  }

  // One turn: submits what the coroutines asked for, resumes what can go on. Returns whether there was anything.
  bool turn() {
    hand_over();
    if (!sleepers_.empty()) wake_sleepers();
    operation_list batch = std::exchange(ready_, {});
    completed_.take_all_into(batch);
    if (batch.empty()) return false;
    while (operation* op = batch.pop_front()) op->waiter.resume();
    return true;
  }

 private:
  struct sleeper {
    std::uint64_t deadline_ns;
    operation* op;
    bool operator>(const sleeper& other) const noexcept { return deadline_ns > other.deadline_ns; }
  };

  void hand_over() {
    if (submitted_.publish()) wake_worker();
  }

  // A worker that is looking finds the calls by itself. Whether it does: see take().
  void wake_worker() {
    if (!looking_.load(std::memory_order_seq_cst)) idle_workers_.wake_one();
  }

  void wake_sleepers() {
    const auto now = now_ns();
    while (!sleepers_.empty() && sleepers_.top().deadline_ns <= now) {
      ready_.push_back(*sleepers_.top().op);
      sleepers_.pop();
    }
  }

  void wait_for_completion() {
    if (loop_patience_.until([this] { return !completed_.empty(); })) return;
    timespec left{};
    if (!sleepers_.empty()) {
      const auto now = now_ns();
      const auto left_ns = sleepers_.top().deadline_ns - std::min(now, sleepers_.top().deadline_ns);
      left = {static_cast<time_t>(left_ns / 1'000'000'000), static_cast<long>(left_ns % 1'000'000'000)};
    }
    loop_bell_.sleep_unless([this] { return !completed_.empty(); }, sleepers_.empty() ? nullptr : &left);
  }

  // The workers' side.

  void work() {
    patience patience(options_.spin_ns);
    bool looking = false;
    while (operation* op = take(looking, patience)) {
      op->value = options_.work(op->value);
      completed_.push(*op);
      // The loop may answer the ring with the next call before this thread has gone on: it need not wake another
      // then.
      const bool ring = loop_bell_.must_ring();
      looking = ring && start_to_look();
      if (ring) loop_bell_.ring();
    }
  }

  // At most one worker is the one that looks; the loop relies on it to find what is published in the meantime.
  bool start_to_look() {
    return !looking_.load(std::memory_order_relaxed) && !looking_.exchange(true, std::memory_order_relaxed);
  }

  // The next call, or null when the runtime is ending. `looking`: whether this worker has started to look.
  operation* take(bool looking, patience& patience) {
    operation* op = submitted_.pop();
    if (op != nullptr && !looking) return op;
    if (op == nullptr && patience.enabled() && (looking || start_to_look())) {
      looking = true;
      patience.until([&] { return (op = submitted_.pop()) != nullptr; });
    }
    // Pairs with wake_worker(): a loop that still saw true published before, so the pop in sleep_unless sees that.
    if (looking) looking_.store(false, std::memory_order_seq_cst);
    if (op == nullptr) op = idle_workers_.sleep_unless([this] { return submitted_.pop(); });
    if (op != nullptr && !submitted_.empty()) wake_worker();
    return op;
  }

  const runtime_options options_;
  submission_ring submitted_;
  completion_stack completed_;
  worker_bell idle_workers_;
  loop_bell loop_bell_;
  alignas(cache_line) std::atomic<bool> looking_{false};
  alignas(cache_line) patience loop_patience_;
  operation_list ready_;
  std::priority_queue<sleeper, std::vector<sleeper>, std::greater<>> sleepers_;
  std::size_t live_ = 0;
  std::vector<std::thread> workers_;
};

using detached = detached_on<runtime>;
using offload = offload_to<runtime>;

// co_await next_turn(rt): every other coroutine that can run does so first.
class next_turn : operation {
 public:
  explicit next_turn(runtime& rt) noexcept : rt_(rt) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) noexcept {
    waiter = h;
    rt_.make_ready(*this);
  }
  void await_resume() const noexcept {}

 private:
  runtime& rt_;
};

// co_await sleep_until(rt, deadline_ns).
class sleep_until : operation {
 public:
  sleep_until(runtime& rt, std::uint64_t deadline_ns) noexcept : rt_(rt) { value = deadline_ns; }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> h) {
    waiter = h;
    rt_.sleep_until(value, *this);
  }
  void await_resume() const noexcept {}

 private:
  runtime& rt_;
};

}  // namespace bench::limit
