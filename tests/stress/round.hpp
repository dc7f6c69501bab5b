// One round: some pools, threads and a loop that use them, a thread that kills at random, and the pools' end, which
// comes while calls are outstanding.
//
//   callers (plain threads) ──┐                         ┌─ kills workers, now and then their server;
//   a caller on a loop ───────┼─► pools ◄── killer ─────┤  sometimes shuts a pool down
//                             └─► ledger: each call completes once
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "chooser.hpp"
#include "ledger.hpp"
#include "pools.hpp"
#include <sys/types.h>

namespace stress {

/// Thread-safe.
struct kill_counts {
  std::atomic<std::size_t> workers{0}, servers{0};
  /// The calls that these can have cost: the one that runs in a worker; all that run, where their server goes.
  [[nodiscard]] std::size_t calls_at_most() const noexcept { return workers + servers * most_pools * most_workers; }
};

struct round_settings {
  std::uint64_t seed = 1;
  int calls = 60;  // of each thread
};

class round {
 public:
  round(const round_settings& chosen, const machine& here, ledger& calls, kill_counts& kills);

  void run();

 private:
  void submit_from_thread(std::uint64_t seed);
  plait::task<void> submit_from_loop(std::uint64_t seed);
  void kill_at_random(std::uint64_t seed);
  [[nodiscard]] std::vector<pid_t> workers_of_one(chooser& choose);
  void kill_one(chooser& choose, pid_t victim);
  void end_pools(chooser& choose);

  const round_settings settings_;
  const machine& here_;
  ledger& calls_;
  kill_counts& kills_;
  std::mutex mutex_;  // guards pools_ against the killer; they are made and end on the round's own thread
  std::vector<std::unique_ptr<pool>> pools_;
  std::atomic<bool> over_{false};
};

}  // namespace stress
