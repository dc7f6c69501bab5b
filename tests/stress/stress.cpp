// plait_stress: kills workers and their server at random while calls, cancels, deadlines, retries, shrinking and
// growing go on; each future must complete exactly once, and nothing may be left: no process, zombie, descriptor,
// mapping.
//
//   plait_stress --rounds 10 --seed 1     what ctest runs
//   plait_stress --minutes 5              from a seed of its own, which it prints
#include <plait/processes/process_pool_executor.hpp>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <string>

#include "calls.hpp"
#include "ledger.hpp"
#include "leftovers.hpp"
#include "round.hpp"
#include <CLI/CLI.hpp>
#include <sys/resource.h>
#include <tests/support/watchdog.hpp>

namespace {

using clock = std::chrono::steady_clock;

// What the program keeps once it has had a pool: the worker server, and what joins it to that.
void use_a_pool_once() {
  plait::process_pool_executor pool({.max_workers = 1});
  pool.submit(stress::quick, 2).result();
}

bool nothing_left(const stress::belongings& before) {
  const auto processes = stress::leftover_processes();
  for (const auto& each : processes) std::fprintf(stderr, "stress: left over: %s\n", each.c_str());
  const auto now = stress::look_at_belongings();
  if (now != before)
    std::fprintf(stderr, "stress: before there were %s; now %s\n", to_text(before).c_str(), to_text(now).c_str());
  return processes.empty() && now == before;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Kills plait's workers at random while they work, and counts what comes of it.");
  std::uint64_t seed = 0;
  int rounds = 0;
  double minutes = 0;
  stress::round_settings settings;
  const auto* const seeded = app.add_option("--seed", seed, "where all choices begin; else a random one");
  auto* const counted = app.add_option("--rounds", rounds, "how many rounds, each with pools of its own")
                            ->check(CLI::Range(1, std::numeric_limits<int>::max()));
  app.add_option("--minutes", minutes, "rounds for so long; without either: 1 minute")
      ->check(CLI::Range(0.0, 1e6))
      ->excludes(counted);
  app.add_option("--calls", settings.calls, "calls of each thread in a round")->check(CLI::Range(1, 1'000'000));
  CLI11_PARSE(app, argc, argv);
  if (seeded->empty()) seed = std::random_device()();
  if (rounds == 0 && minutes == 0) minutes = 1;

  const rlimit no_cores{0, 0};
  ::setrlimit(RLIMIT_CORE, &no_cores);
  stress::mark_descendants();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);

  test_support::watchdog watchdog(test_support::watchdog_limit());
  use_a_pool_once();
  const auto before = stress::look_at_belongings();
  stress::ledger calls;
  stress::kill_counts kills;
  const auto end = clock::now() + std::chrono::duration_cast<clock::duration>(
                                      std::chrono::duration<double, std::ratio<60>>(minutes));
  std::seed_seq seeds{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  stress::random_source random(seeds);
  int done = 0;
  bool right = true;
  while (right && (rounds > 0 ? done < rounds : clock::now() < end)) {
    settings.seed = random();
    watchdog.start("round " + std::to_string(++done));
    stress::round(settings, calls, kills).run();
    right = nothing_left(before);
    watchdog.stop();
  }
  // Also of the rounds before: what completes late completes twice.
  right = calls.is_right() && right;
  std::printf("%d rounds, %zu kills of workers, %zu of the server; %s\n", done, kills.workers.load(),
              kills.servers.load(), calls.summary().c_str());
  std::printf("%s\n", right ? "each call completed once, nothing is left" : "FAILED");
  return right ? 0 : 1;
}
