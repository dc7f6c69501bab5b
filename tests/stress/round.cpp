#include "round.hpp"

#include <plait/core/errors.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/wait_for.hpp>
#include <plait/processes/internal/server_client.hpp>

#include <chrono>
#include <csignal>
#include <exception>
#include <thread>
#include <utility>

#include "caller.hpp"
#include "leftovers.hpp"

namespace stress {

using namespace std::chrono_literals;
using plait::shutdown_mode;

namespace {

// A sanitizer would report the other signals, a second each; and makes all slower that the kills are to come between.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int ways_to_kill[] = {SIGKILL, SIGTERM, SIGABRT};
constexpr int longest_rest = 40'000;
#else
constexpr int ways_to_kill[] = {SIGKILL, SIGTERM, SIGABRT, SIGSEGV, SIGBUS};
constexpr int longest_rest = 8'000;
#endif

}  // namespace

round::round(const round_settings& chosen, const machine& here, ledger& calls, kill_counts& kills)
    : settings_(chosen), here_(here), calls_(calls), kills_(kills) {}

// ── who uses the pools ──

void round::submit_from_thread(std::uint64_t seed) {
  chooser choose(seed);
  caller mine(calls_, choose);
  for (int i = 0; i < settings_.calls; ++i) {
    auto& where = *choose.among(pools_);
    const int what = choose.below(20);
    if (what == 0)
      mine.map_numbers(where);
    else if (what < 3)
      mine.call_bytes(where);
    else if (what < 6)
      mine.call_with_buffers(where);
    else
      mine.call_number(where);
    if (choose.one_in(5)) mine.cancel_one();
    if (choose.one_in(10)) mine.wait_for_one();
  }
}

plait::task<void> round::submit_from_loop(std::uint64_t seed) {
  chooser choose(seed);
  caller mine(calls_, choose);
  for (int i = 0; i < settings_.calls; ++i) {
    std::vector<plait::future<int>> awaited;
    for (int left = choose.below(6); left >= 0; --left)
      if (auto call = mine.call_number(*choose.among(pools_))) awaited.push_back(std::move(*call));
    if (choose.one_in(4)) mine.call_with_buffers(*choose.among(pools_));
    if (choose.one_in(8)) mine.call_bytes(*choose.among(pools_));
    if (choose.one_in(3)) mine.cancel_one();
    for (const auto& call : awaited) {
      try {
        if (choose.one_in(8))
          static_cast<void>(co_await plait::wait_for(call, 2ms));
        else
          static_cast<void>(co_await call);
      } catch (const plait::cancelled_error&) {
      } catch (const std::exception&) {  // the ledger has looked at it
      }
    }
  }
}

// ── what goes wrong ──

// And does to that pool what its users may do at any time.
std::vector<pid_t> round::workers_of_one(chooser& choose) {
  const std::lock_guard lock(mutex_);
  if (pools_.empty()) return {};
  auto& pool = choose.among(pools_)->executor;
  if (choose.one_in(20)) static_cast<void>(pool.worker_usages());
  if (choose.one_in(300)) {
    switch (choose.below(4)) {
      case 0:
        pool.kill_workers();
        break;
      case 1:
        pool.terminate_workers();
        break;
      default:
        pool.shutdown(choose.one_of({shutdown_mode::drain, shutdown_mode::cancel_pending}), 0s);
    }
  }
  return pool.worker_pids();
}

void round::kill_one(chooser& choose, pid_t victim) {
  if (choose.one_in(10)) kill_descendant(victim, SIGSTOP);  // one that answers nothing, first
  if (kill_descendant(victim, choose.one_of(ways_to_kill))) ++kills_.workers;
  kill_descendant(victim, SIGKILL);
}

void round::kill_at_random(std::uint64_t seed) {
  chooser choose(seed);
  while (!over_.load(std::memory_order_relaxed)) {
    auto pids = workers_of_one(choose);
    if (choose.one_in(40)) {
      const auto server = plait::detail::server_pid();
      if (server != 0 && kill_descendant(server, SIGKILL)) ++kills_.servers;
    } else if (!pids.empty()) {
      kill_one(choose, choose.among(pids));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(choose.below(longest_rest)));
  }
}

// ── the end ──

void round::end_pools(chooser& choose) {
  while (true) {
    std::unique_ptr<pool> ending;
    {
      const std::lock_guard lock(mutex_);
      if (pools_.empty()) return;
      ending = std::move(pools_.back());
      pools_.pop_back();
    }
    auto& pool = ending->executor;
    switch (choose.below(6)) {
      case 0:
        break;  // the destructor drains
      case 1:
        pool.shutdown(shutdown_mode::cancel_pending);
        break;
      case 2:
        pool.shutdown(shutdown_mode::kill);
        break;
      case 3:
        pool.kill_workers();
        break;
      case 4:
        pool.terminate_workers();
        break;
      default:
        static_cast<void>(pool.async_shutdown(shutdown_mode::drain));
        std::thread([&] { pool.shutdown(shutdown_mode::kill); }).join();
    }
  }
}

void round::run() {
  chooser choose(settings_.seed);
  for (int pools = 1 + choose.below(most_pools); pools > 0; --pools) pools_.push_back(make_pool(choose, here_));

  std::thread killer([this, seed = choose.seed()] { kill_at_random(seed); });
  std::vector<std::thread> users;
  for (int i = 0; i < 2; ++i) users.emplace_back([this, seed = choose.seed()] { submit_from_thread(seed); });
  users.emplace_back([this, seed = choose.seed()] {
    plait::event_loop loop;
    loop.run_until_complete(submit_from_loop(seed));
  });
  for (auto& user : users) user.join();

  end_pools(choose);
  calls_.wait_for_all();
  over_ = true;
  killer.join();
}

}  // namespace stress
