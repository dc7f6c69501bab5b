// The least machinery that still means "a coroutine on an event loop hands a call to a pool of processes and awaits
// the result": what plait could cost at best on this machine. It has no cancellation, no exceptions, no types; room
// for a fixed number of calls in flight; and a worker that dies takes all with it.
//
//   loop's process                                                worker processes, forked from it
//   coroutine: operation in its frame --ring (1 producer)-->      take one call at a time, run it
//   resume, in the order of completion <--ring (1 consumer)--     say which operation, and its result
//   asleep: epoll_wait on an eventfd                              asleep: futex
//
// Guarantees: as limit_runtime.hpp.
#pragma once
#include <atomic>
#include <csignal>
#include <cstdint>
#include <system_error>
#include <utility>
#include <vector>

#include "benchmarks/limit_coroutines.hpp"
#include "benchmarks/limit_parts.hpp"
#include "benchmarks/limit_process_rings.hpp"
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench::limit {

struct process_options {
  int workers = 1;
  std::uint64_t spin_ns = 0;  // how long a side that finds nothing looks again before it sleeps; 0: not at all
  std::uint64_t (*work)(std::uint64_t) = call;
};

class process_runtime {
 public:
  explicit process_runtime(const process_options& options) : options_(options), loop_patience_(options.spin_ns) {
    for (int i = 0; i < options.workers; ++i) workers_.push_back(start_worker());
  }
  ~process_runtime() {
    common_->idle_workers.stop();
    for (const auto pid : workers_) waitpid(pid, nullptr, 0);
  }
  process_runtime(const process_runtime&) = delete;
  process_runtime& operator=(const process_runtime&) = delete;

  void submit(operation& op) noexcept { common_->requests.push({&op, op.value}); }
  void enter() noexcept { ++live_; }
  void leave() noexcept { --live_; }

  // Turns the loop until every coroutine has ended.
  void run() {
    while (live_ > 0) {
      if (!turn()) wait_for_completion();
    }
  }

 private:
  static constexpr int calls_at_once = 128;  // by trying: with less the rings' lines are fetched more often

  struct shared_state {
    request_ring requests;
    reply_ring replies;
    worker_bell idle_workers{futex_scope::shared};
    loop_bell bell;  // its descriptors are the same in all forked processes
    alignas(cache_line) std::atomic<bool> looking{false};
  };

  // Workers are woken once a turn; those that are awake get the calls of a long turn before its end.
  bool turn() {
    if (common_->requests.publish() || new_calls_) wake_worker();
    new_calls_ = false;
    int resumed = 0;
    return common_->replies.take_all([&](const operation& op) {
      op.waiter.resume();
      if (++resumed % calls_at_once == 0 && common_->requests.publish()) new_calls_ = true;
    });
  }

  void wait_for_completion() {
    const auto ready = [this] { return !common_->replies.empty(); };
    if (!loop_patience_.until(ready)) common_->bell.sleep_unless(ready, nullptr);
  }

  // A worker that is looking finds the calls by itself. Whether it does: see take().
  void wake_worker() {
    if (!common_->looking.load(std::memory_order_seq_cst)) common_->idle_workers.wake_one();
  }

  // The workers' side.

  pid_t start_worker() {
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() == parent) work();
      _exit(EXIT_SUCCESS);
    }
    return pid;
  }

  void work() {
    patience patience(options_.spin_ns);
    bool looking = false;
    while (auto m = take(looking, patience)) {
      m->value = options_.work(m->value);
      common_->replies.push(*m);
      // The loop may answer the ring with the next call before this worker has gone on: it need not wake another
      // then.
      const bool ring = common_->bell.must_ring();
      looking = ring && start_to_look();
      if (ring) common_->bell.ring();
    }
  }

  // At most one worker is the one that looks; the loop relies on it to find what is published in the meantime.
  bool start_to_look() {
    return !common_->looking.load(std::memory_order_relaxed) &&
           !common_->looking.exchange(true, std::memory_order_relaxed);
  }

  // The next call, or nothing when the runtime is ending. `looking`: whether this worker has started to look.
  std::optional<message> take(bool looking, patience& patience) {
    auto m = common_->requests.pop();
    if (m && !looking) return m;
    if (!m && patience.enabled() && (looking || start_to_look())) {
      looking = true;
      patience.until([&] { return (m = common_->requests.pop()).has_value(); });
    }
    // Pairs with wake_worker(): a loop that still saw true published before, so the pop in sleep_unless sees that.
    if (looking) common_->looking.store(false, std::memory_order_seq_cst);
    if (!m) m = common_->idle_workers.sleep_unless([this] { return common_->requests.pop(); });
    if (m && !common_->requests.empty()) wake_worker();
    return m;
  }

  const process_options options_;
  const shared<shared_state> common_;
  patience loop_patience_;
  std::size_t live_ = 0;
  bool new_calls_ = false;  // published since a worker was woken
  std::vector<pid_t> workers_;
};

using detached_process_call = detached_on<process_runtime>;
using offload_to_process = offload_to<process_runtime>;

}  // namespace bench::limit
