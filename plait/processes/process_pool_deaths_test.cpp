// Workers die in every way: the one call that such a worker ran has worker_died, and all others go on.
#include <plait/executor/map.hpp>

#include <cstdio>
#include <thread>
#include <tuple>

#include "process_pool_fixture_test.hpp"

namespace {

using namespace pool_test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

struct way_to_die {
  std::string name;
  int (*call)(int);
  int argument;
  int signal;
  int exit_code;
  std::string says;
  friend void PrintTo(const way_to_die& w, std::ostream* out) { *out << w.name; }
};

class process_pool_death : public testing::TestWithParam<std::tuple<way_to_die, plait::start_method>> {
 protected:
  static const way_to_die& how() { return std::get<way_to_die>(GetParam()); }
  static plait::start_method start() { return std::get<plait::start_method>(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(
    by, process_pool_death,
    testing::Combine(testing::Values(way_to_die{"segv", die_by, SIGSEGV, SIGSEGV, 0, "killed by signal 11 (SIGSEGV)"},
                                     way_to_die{"abort", die_by, SIGABRT, SIGABRT, 0, "killed by signal 6 (SIGABRT)"},
                                     way_to_die{"kill", die_by, SIGKILL, SIGKILL, 0, "killed by signal 9 (SIGKILL)"},
                                     way_to_die{"quiet_exit_0", leave_at_once, 0, 0, 0, "it left by exit code 0"},
                                     way_to_die{"exit_3", leave_by_exit, 3, 0, 3, "it left by exit code 3"}),
                     both_starts),
    [](const auto& info) {
      return std::get<way_to_die>(info.param).name + "_of_" +
             name_of_start({std::get<plait::start_method>(info.param), 0});
    });

TEST_P(process_pool_death, is_that_calls_alone) {
  process_pool_executor pool({.max_workers = 1, .start = start()});
  const auto pid = pool.submit(own_pid).result();
  const auto death = death_of(pool.submit({.name = "decode"}, how().call, how().argument));
  EXPECT_EQ(death.pid(), pid);
  EXPECT_EQ(death.signal(), how().signal);
  EXPECT_EQ(death.exit_code(), how().exit_code);
  EXPECT_EQ(death.call(), "decode");
  EXPECT_THAT(death.what(), AllOf(HasSubstr("worker process " + std::to_string(pid) + " died"),
                                  HasSubstr("the call \"decode\""), HasSubstr(how().says)));
  expect_next_hundred(pool);
  EXPECT_NE(pool.submit(own_pid).result(), pid);
}

// Calls that were so quick that the next ones are sent ahead of their turn: those lie in the dead worker's memory.
TEST_P(process_pool_death, of_a_worker_with_calls_sent_ahead_fails_one_of_them) {
  for (const int workers : {1, 3}) {
    process_pool_executor pool({.max_workers = workers, .start = start()});
    for (int i = 0; i < 2'000; ++i) pool.submit(square, i).result();
    std::vector<plait::future<int>> before, after;
    for (int i = 0; i < 200; ++i) before.push_back(pool.submit(square, i));
    const auto crash = pool.submit(how().call, how().argument);
    for (int i = 0; i < 200; ++i) after.push_back(pool.submit(square, i));
    for (int i = 0; i < 200; ++i) {
      EXPECT_EQ(before[static_cast<std::size_t>(i)].result(), i * i);
      EXPECT_EQ(after[static_cast<std::size_t>(i)].result(), i * i);
    }
    EXPECT_EQ(death_of(crash).signal(), how().signal);
    expect_next_hundred(pool);
  }
}

TEST(process_pool_deaths, killed_from_outside) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit(wait_at, gate.path(), 1);
  const auto waits = pool.submit(square, 7);
  gate.wait_for(1);
  const auto pids = known_pids(pool, 1);
  watched_process(pids[0]).signal(SIGKILL);
  const auto death = death_of(call);
  EXPECT_EQ(death.signal(), SIGKILL);
  EXPECT_EQ(death.pid(), pids[0]);
  EXPECT_EQ(death.call(), "");
  EXPECT_THAT(death.what(), HasSubstr("while it ran this call"));
  EXPECT_EQ(waits.result(), 49);
  expect_next_hundred(pool);
}

TEST(process_pool_deaths, of_an_idle_worker_is_nobodys) {
  process_pool_executor pool({.max_workers = 2});
  for (const auto pid : started_pids(pool)) {
    const watched_process worker(pid);
    worker.signal(SIGKILL);
    worker.wait_until_gone();
  }
  expect_next_hundred(pool);
}

// The worst moment: the pool may have sent calls to a worker that is dying, and it must see that they did not run.
TEST(process_pool_deaths, of_idle_workers_while_calls_are_submitted) {
  process_pool_executor pool({.max_workers = 2});
  for (int round = 0; round < 30; ++round) {
    auto pids = started_pids(pool);
    for (const auto pid : pids) ::kill(pid, SIGKILL);  // ours until the pool has seen it, and it reads no pid anew
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 20; ++i) calls.push_back(pool.submit(square, i));
    int dead = 0;
    for (int i = 0; i < 20; ++i) {
      const auto& call = calls[static_cast<std::size_t>(i)];
      if (call.exception())
        ++dead;
      else
        EXPECT_EQ(call.result(), i * i);
    }
    EXPECT_LE(dead, 2);  // one that each had begun with
  }
  expect_next_hundred(pool);
}

TEST(process_pool_deaths, a_hundred_that_crash_and_a_hundred_that_do_not) {
  process_pool_executor pool({.max_workers = 3});
  std::vector<plait::future<int>> bad, good;
  for (int i = 0; i < (sanitized ? 20 : 100); ++i) {
    bad.push_back(pool.submit(leave_at_once, i));
    good.push_back(pool.submit(square, i));
  }
  for (int i = 0; i < static_cast<int>(bad.size()); ++i) {
    EXPECT_EQ(death_of(bad[static_cast<std::size_t>(i)]).exit_code(), i);
    EXPECT_EQ(good[static_cast<std::size_t>(i)].result(), i * i);
  }
}

TEST(process_pool_deaths, in_a_map_fail_their_items_alone) {
  process_pool_executor pool({.max_workers = 2});
  const auto crash_at_five = [](int n) { return n == 5 ? die_by(SIGKILL) : n; };
  auto results = pool.map(crash_at_five, std::vector{1, 2, 3, 4, 5, 6, 7, 8});
  std::vector<int> seen;
  int deaths = 0;
  for (auto at = results.begin(); at != results.end(); ++at) {
    try {
      seen.push_back(*at);
    } catch (const worker_died&) {
      ++deaths;
    }
  }
  EXPECT_EQ(deaths, 1);
  EXPECT_THAT(seen, testing::ElementsAre(1, 2, 3, 4, 6, 7, 8));
}

// ── while much is on its way ──

constexpr std::size_t more_than_a_ring = std::size_t{8} << 20;

/// Dies while its argument is read: in the worker only.
struct dies_when_read {
  std::vector<char> much;
  template <class Archive> void serialize(Archive& archive) {
    archive(much);
    if (!Archive::is_saving::value && std::ranges::count(much, 'x') == static_cast<std::ptrdiff_t>(much.size()))
      die_by(SIGKILL);
  }
};
std::size_t size_when_read(const dies_when_read& value) { return value.much.size(); }

TEST(process_pool_deaths, while_a_large_argument_is_read) {
  process_pool_executor pool({.max_workers = 1});
  for (const auto size : {std::size_t{100}, std::size_t{100'000}, more_than_a_ring}) {
    const dies_when_read bad{std::vector<char>(size, 'x')}, good{std::vector<char>(size, 'y')};
    EXPECT_EQ(death_of(pool.submit(size_when_read, bad)).signal(), SIGKILL);
    EXPECT_EQ(pool.submit(size_when_read, good).result(), size);
  }
}

/// Dies in the middle of being written, where the process is a worker: after so much that it lies in a block.
struct dies_when_written {
  std::vector<char> much;
  bool dies = false;
  template <class Archive> void serialize(Archive& archive) {
    archive(much);
    if (Archive::is_saving::value && dies) die_by(SIGKILL);
    archive(dies);
  }
};
dies_when_written result_of(std::size_t size, bool dies) { return {std::vector<char>(size, 'r'), dies}; }

TEST(process_pool_deaths, while_a_large_result_is_written) {
  process_pool_executor pool({.max_workers = 1});
  for (const auto size : {std::size_t{100}, std::size_t{100'000}, more_than_a_ring}) {
    EXPECT_EQ(death_of(pool.submit(result_of, size, true)).signal(), SIGKILL);
    EXPECT_EQ(pool.submit(result_of, size, false).result().much.size(), size);
  }
}

// More results than the ring holds, small and large ones: what the worker has sent counts, what it has not is run
// anew.
TEST(process_pool_deaths, while_results_are_on_their_way) {
  process_pool_executor pool({.max_workers = 1});
  std::vector<plait::future<std::vector<char>>> calls;
  for (int round = 0; round < 5; ++round) {
    const auto pids = started_pids(pool);
    for (int i = 0; i < 300; ++i)
      calls.push_back(pool.submit(echo, std::vector<char>(1'000 + (i % 3) * 40'000, 'e')));
    ::kill(pids.at(0), SIGKILL);
  }
  int dead = 0;
  for (const auto& call : calls) {
    if (call.exception())
      ++dead;
    else
      EXPECT_GE(call.result().size(), 1'000U);
  }
  EXPECT_LE(dead, 5);
  expect_next_hundred(pool);
}

// A worker that was killed held blocks, mapped or granted: they are not lost to the pool, and not given out twice.
TEST(process_pool_deaths, many_with_blocks_in_their_hands) {
  process_pool_executor pool({.max_workers = 3});
  std::vector<plait::future<std::vector<char>>> good;
  std::vector<plait::future<dies_when_written>> bad;
  for (int i = 0; i < 12; ++i) {
    good.push_back(pool.submit(echo, std::vector<char>(300'000 + static_cast<std::size_t>(i), static_cast<char>(i))));
    bad.push_back(pool.submit(result_of, std::size_t{300'000}, true));
  }
  for (const auto& call : bad) death_of(call);
  for (int i = 0; i < 12; ++i) {
    const auto& bytes = good[static_cast<std::size_t>(i)].result();
    EXPECT_EQ(bytes, std::vector<char>(300'000 + static_cast<std::size_t>(i), static_cast<char>(i)));
  }
}

// ── workers kill their neighbours ──

int kill_neighbours(const std::string& gate, const std::vector<pid_t>& victims) {
  pass_gate(gate);
  for (const auto pid : victims) ::kill(pid, SIGKILL);
  return static_cast<int>(victims.size());
}

class process_pool_neighbours : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(as_many_as, process_pool_neighbours, testing::Values(1, 2, 5, 13),
                         testing::PrintToStringParamName());

TEST_P(process_pool_neighbours, die_at_once) {
  const portable_gate victims_gate, killers_gate;
  process_pool_executor pool({.max_workers = GetParam() + 1});
  std::vector<plait::future<int>> victims;
  for (int i = 0; i < GetParam(); ++i) victims.push_back(pool.submit(wait_at, victims_gate.path(), i));
  victims_gate.wait_for(GetParam());
  const auto pids = known_pids(pool, static_cast<std::size_t>(GetParam()));
  const auto killer = pool.submit(kill_neighbours, killers_gate.path(), pids);
  killers_gate.let_through(1);
  EXPECT_EQ(killer.result(), GetParam());
  std::vector<pid_t> dead;
  for (const auto& call : victims) dead.push_back(death_of(call).pid());
  EXPECT_THAT(dead, testing::UnorderedElementsAreArray(pids));
  expect_next_hundred(pool);
}

// In a ring: who is killed before it could kill spares the next one, whose call then ends well.
TEST_P(process_pool_neighbours, kill_each_other) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = GetParam()});
  const auto pids = started_pids(pool);
  std::vector<plait::future<int>> calls;
  for (std::size_t i = 0; i < pids.size(); ++i)
    calls.push_back(pool.submit(kill_neighbours, gate.path(), std::vector{pids[(i + 1) % pids.size()]}));
  gate.wait_for(GetParam());
  gate.let_through(GetParam());
  int deaths = 0;
  for (const auto& call : calls)
    if (call.exception()) deaths += death_of(call).signal() == SIGKILL;
  EXPECT_GE(deaths, 1);
  expect_next_hundred(pool);
  EXPECT_EQ(started_pids(pool).size(), pids.size());
}

}  // namespace
