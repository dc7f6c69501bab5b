// One round: some pools, threads and a loop that use them, a thread that kills at random, and the pools' end, which
// comes while calls are outstanding.
//
//   submitters (plain threads) ─┐                         ┌─ kills workers, now and then their server;
//   a loop's coroutine ─────────┼─► pools ◄── killer ─────┤  sometimes shuts a pool down
//                               └─► ledger: each call completes once
#pragma once

#include <plait/processes/process_pool_executor.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ledger.hpp"

namespace stress {

/// The same seed makes the same choices; what comes of them is the scheduler's.
using random_source = std::mt19937_64;

/// Thread-safe.
struct kill_counts {
  std::atomic<std::size_t> workers{0}, servers{0};
};

struct round_settings {
  std::uint64_t seed = 1;
  int calls = 60;  // of each thread
};

class round {
 public:
  round(const round_settings& chosen, ledger& calls, kill_counts& kills);

  void run();

 private:
  class chooser;
  using pool_pointer = std::unique_ptr<plait::process_pool_executor>;

  [[nodiscard]] static pool_pointer make_pool(chooser& choose);
  [[nodiscard]] std::optional<plait::future<int>> submit_number(plait::executor& pool, chooser& choose);
  void submit_bytes(plait::executor& pool, chooser& choose);
  void map_numbers(plait::executor& pool, chooser& choose);
  void submit_from_thread(std::uint64_t seed);
  plait::task<void> submit_from_loop(std::uint64_t seed);
  void kill_at_random(std::uint64_t seed);
  void end_pools(chooser& choose);

  const round_settings settings_;
  ledger& calls_;
  kill_counts& kills_;
  std::mutex mutex_;  // guards pools_ against the killer; they are made and end on the round's own thread
  std::vector<pool_pointer> pools_;
  std::atomic<bool> over_{false};
};

}  // namespace stress
