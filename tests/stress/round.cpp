#include "round.hpp"

#include <plait/core/errors.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/wait_for.hpp>
#include <plait/processes/internal/server_client.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ranges>
#include <thread>
#include <utility>

#include "calls.hpp"
#include "leftovers.hpp"

namespace stress {

using namespace std::chrono_literals;

namespace {

// A sanitizer would report the others, a second each.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int ways_to_kill[] = {SIGKILL, SIGTERM, SIGABRT};
#else
constexpr int ways_to_kill[] = {SIGKILL, SIGTERM, SIGABRT, SIGSEGV, SIGBUS};
#endif

}  // namespace

class round::chooser {
 public:
  explicit chooser(std::uint64_t seed) : random_(seed) {}
  /// From 0 to below.
  [[nodiscard]] int below(int limit) { return static_cast<int>(random_() % static_cast<std::uint64_t>(limit)); }
  [[nodiscard]] bool one_in(int many) { return below(many) == 0; }
  template <class T, std::size_t N> [[nodiscard]] T one_of(const T (&all)[N]) { return all[random_() % N]; }
  [[nodiscard]] std::uint64_t seed() { return random_(); }
  template <class T> [[nodiscard]] T& among(std::vector<T>& all) { return all[random_() % all.size()]; }

 private:
  random_source random_;
};

round::round(const round_settings& chosen, ledger& calls, kill_counts& kills)
    : settings_(chosen), calls_(calls), kills_(kills) {}

round::pool_pointer round::make_pool(chooser& choose) {
  plait::process_pool_options options{.max_workers = 1 + choose.below(4)};
  if (choose.one_in(2)) options.idle_timeout = choose.one_of({1ms, 5ms, 20ms});  // they shrink, and grow again
  if (choose.one_in(4)) options.max_pending = 1 + choose.below(20);
  if (choose.one_in(4)) options.start = plait::start_method::spawn;
  return std::make_unique<plait::process_pool_executor>(options);
}

// ── calls ──

std::optional<plait::future<int>> round::submit_number(plait::executor& pool, chooser& choose) {
  const int n = choose.below(1000);
  plait::call_options options;
  expectation what;
  if (choose.one_in(4)) {
    options.timeout = std::chrono::milliseconds(1 + choose.below(40));
    what.may_time_out = true;
  }
  if (choose.one_in(3)) {
    options.retries = 1 + choose.below(3);
    options.retry_on = plait::retry_on<plait::worker_died>;
  }
  if (choose.one_in(10)) options.priority = choose.below(3);
  const auto deadline_at_any_rate = [&] {
    options.timeout = std::chrono::milliseconds(1 + choose.below(40));
    what.may_time_out = true;
  };
  const auto has_no_value = [&] { what.has_value = false; };

  const auto hand_over = [&](const auto& call, auto... arguments) -> std::optional<plait::future<int>> {
    try {
      auto made = pool.submit(options, call, arguments...);
      calls_.watch(made, what, [n](int value) { return value == n * n; });
      return made;
    } catch (const plait::shut_down_error&) {
    } catch (const plait::broken_executor&) {
    } catch (const plait::queue_full&) {
    } catch (const std::exception& error) {
      calls_.complain(std::string("submit threw ") + error.what());
    }
    calls_.refused();
    return std::nullopt;
  };
  switch (choose.below(12)) {
    case 0:
      what.may_fail = true;
      has_no_value();
      return hand_over(fails, n);
    case 1:
      deadline_at_any_rate();
      return hand_over(until_asked, n);
    case 2:
      deadline_at_any_rate();
      has_no_value();
      return hand_over(never_ends, n);
    case 3:
      has_no_value();
      return hand_over(dies, choose.one_of({SIGKILL, SIGTERM, SIGABRT}));
    case 4:
      has_no_value();
      return hand_over(leaves, choose.below(2));
    case 5:
    case 6:
      return hand_over(slow, n, choose.below(5000));
    default:
      return hand_over(quick, n);
  }
}

void round::submit_bytes(plait::executor& pool, chooser& choose) {
  const auto size = static_cast<std::size_t>(choose.one_of({0, 1000, 16'000, 17'000, 200'000, 3'000'000}));
  try {
    if (choose.one_in(2)) {
      calls_.watch(pool.submit(repeated, 'x', size), {},
                   [size](const std::string& text) { return text == std::string(size, 'x'); });
      return;
    }
    std::vector<char> bytes(size, 'a');
    if (size > 0) bytes.front() = 'b';
    const auto call = pool.submit(reversed, std::move(bytes));
    calls_.watch(call, {}, [size](const std::vector<char>& back) {
      return back.size() == size && (size < 2 || (back.back() == 'b' && back.front() == 'a'));
    });
  } catch (const plait::shut_down_error&) {
    calls_.refused();
  } catch (const plait::broken_executor&) {
    calls_.refused();
  }
}

// Its items' futures are map's own: what is counted is that each item ends once, in its place.
void round::map_numbers(plait::executor& pool, chooser& choose) {
  const int items = 1 + choose.below(40);
  const int taken_at_most = choose.one_in(3) ? items / 2 : items;  // leaving early cancels the rest
  const plait::map_options options{.chunk_size = static_cast<std::size_t>(1 + choose.below(8)), .buffer_size = 16};
  int taken = 0;
  bool refused = false;
  try {
    auto results = pool.map(options, quick, std::views::iota(0, items));
    for (auto at = results.begin(); taken < taken_at_most && at != results.end(); ++at, ++taken) {
      try {
        if (*at != taken * taken) calls_.complain("map gave a wrong value");
      } catch (const plait::worker_died&) {
      } catch (const plait::cancelled_error&) {
      }
    }
  } catch (const plait::shut_down_error&) {
    refused = true;
  } catch (const plait::broken_executor&) {
    refused = true;
  }
  if (refused)
    calls_.refused();
  else if (taken != taken_at_most)
    calls_.complain("map gave " + std::to_string(taken) + " results of " + std::to_string(taken_at_most));
}

void round::submit_from_thread(std::uint64_t seed) {
  chooser choose(seed);
  std::vector<plait::future<int>> mine;
  for (int i = 0; i < settings_.calls; ++i) {
    auto& pool = *choose.among(pools_);
    const int what = choose.below(20);
    if (what == 0)
      map_numbers(pool, choose);
    else if (what < 3)
      submit_bytes(pool, choose);
    else if (auto call = submit_number(pool, choose))
      mine.push_back(std::move(*call));
    if (!mine.empty() && choose.one_in(5)) choose.among(mine).cancel();
    if (!mine.empty() && choose.one_in(10)) {
      try {
        static_cast<void>(choose.among(mine).exception());
      } catch (const plait::cancelled_error&) {
      }
    }
  }
}

plait::task<void> round::submit_from_loop(std::uint64_t seed) {
  chooser choose(seed);
  for (int i = 0; i < settings_.calls; ++i) {
    std::vector<plait::future<int>> mine;
    for (int left = choose.below(6); left >= 0; --left)
      if (auto call = submit_number(*choose.among(pools_), choose)) mine.push_back(std::move(*call));
    for (const auto& call : mine) {
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

void round::kill_at_random(std::uint64_t seed) {
  chooser choose(seed);
  while (!over_.load(std::memory_order_relaxed)) {
    std::vector<pid_t> pids;
    {
      const std::lock_guard lock(mutex_);
      if (pools_.empty()) return;
      auto& pool = *choose.among(pools_);
      if (choose.one_in(300))
        static_cast<void>(
            pool.shutdown(choose.one_of({plait::shutdown_mode::drain, plait::shutdown_mode::cancel_pending}), 0s));
      pids = pool.worker_pids();
    }
    if (choose.one_in(40)) {
      const auto server = plait::detail::server_pid();
      if (server != 0 && kill_descendant(server, SIGKILL)) ++kills_.servers;
    } else if (!pids.empty()) {
      const auto victim = choose.among(pids);
      if (choose.one_in(10)) kill_descendant(victim, SIGSTOP);  // one that answers nothing, first
      if (kill_descendant(victim, choose.one_of(ways_to_kill))) ++kills_.workers;
      kill_descendant(victim, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(choose.below(8000)));
  }
}

// ── the end ──

void round::end_pools(chooser& choose) {
  while (true) {
    pool_pointer ending;
    {
      const std::lock_guard lock(mutex_);
      if (pools_.empty()) return;
      ending = std::move(pools_.back());
      pools_.pop_back();
    }
    switch (choose.below(4)) {
      case 0:
        break;  // the destructor drains
      case 1:
        ending->shutdown(plait::shutdown_mode::cancel_pending);
        break;
      case 2:
        ending->shutdown(plait::shutdown_mode::kill);
        break;
      default:
        static_cast<void>(ending->async_shutdown(plait::shutdown_mode::drain));
        std::thread([&] { ending->shutdown(plait::shutdown_mode::kill); }).join();
    }
  }
}

void round::run() {
  chooser choose(settings_.seed);
  for (int pools = 1 + choose.below(3); pools > 0; --pools) pools_.push_back(make_pool(choose));

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
