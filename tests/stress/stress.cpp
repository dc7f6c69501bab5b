// plait_stress: kills workers and their server at random while calls of all kinds go on (deadlines, cancels that
// kill, retries, leaks, shared buffers, attempts to leave a sandbox) in pools of all kinds; each future must complete
// exactly once, in a way that is possible for it, and nothing may be left: no process, zombie, descriptor, mapping,
// memfd.
//
//   plait_stress --rounds 10 --seed 1     what ctest runs
//   plait_stress --minutes 5              from a seed of its own, which it prints
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <thread>

#include "chooser.hpp"
#include "ledger.hpp"
#include "leftovers.hpp"
#include "pools.hpp"
#include "round.hpp"
#include <CLI/CLI.hpp>
#include <sys/resource.h>
#include <tests/support/watchdog.hpp>

namespace {

using clock = std::chrono::steady_clock;

bool nothing_left(const stress::belongings& before) {
  const auto processes = stress::leftover_processes();
  for (const auto& each : processes) std::fprintf(stderr, "stress: left over: %s\n", each.c_str());
  stress::belongings now;
  const bool same = stress::has_no_more_than(before, now);
  if (!same)
    std::fprintf(stderr, "stress: before: %s\nstress: now: %s\n", to_text(before).c_str(), to_text(now).c_str());
  return processes.empty() && same;
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
  test_support::watchdog watchdog(test_support::watchdog_limit());
  const auto here = stress::look_at_machine();
  std::printf("seed %llu%s\n", static_cast<unsigned long long>(seed), here.has_sandbox ? "" : ", without sandboxes");
  std::fflush(stdout);
  static_cast<void>(stress::leftover_processes());  // until that pool's worker is reaped
  const auto before = stress::settled_belongings();
  stress::ledger calls;
  stress::kill_counts kills;
  const auto end = clock::now() + std::chrono::duration_cast<clock::duration>(
                                      std::chrono::duration<double, std::ratio<60>>(minutes));
  stress::chooser seeds(seed);
  int done = 0;
  bool right = true;
  while (right && (rounds > 0 ? done < rounds : clock::now() < end)) {
    settings.seed = seeds.seed();
    watchdog.start("round " + std::to_string(++done));
    stress::round(settings, here, calls, kills).run();
    right = nothing_left(before);
    watchdog.stop();
  }
  // Also of the rounds before: what completes late completes twice.
  right = calls.is_right(kills.calls_at_most()) && right;
  std::printf("%d rounds, %zu kills of workers, %zu of the server; %s\n", done, kills.workers.load(),
              kills.servers.load(), calls.summary().c_str());
  std::printf("%s\n", right ? "each call completed once, nothing is left" : "FAILED");
  return right ? 0 : 1;
}
