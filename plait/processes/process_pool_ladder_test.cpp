// The ladder by which a call that runs is stopped: asked, SIGTERM, SIGKILL; for its deadline, or for a cancel that
// kills. Other calls are not touched by it.
#include <plait/loop/event_loop.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <stop_token>
#include <thread>

#include "process_pool_fixture_test.hpp"

namespace {

using namespace std::chrono_literals;
using namespace pool_test;
using plait::cancel_mode;
using plait::cancel_outcome;
using testing::HasSubstr;

constexpr plait::call_options killable{.cancel = cancel_mode::kill};

int never_heeds(std::stop_token, const std::string& gate) { return ignores_all(gate); }

// ── cancel ──

TEST(process_pool_kill, a_cancelled_calls_process_is_gone_and_another_takes_its_place) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit(killable, wait_at, gate.path(), 1);
  gate.wait_for(1);
  const auto pid = known_pids(pool, 1).at(0);
  const watched_process worker(pid);
  EXPECT_EQ(call.cancel(), cancel_outcome::killed);
  EXPECT_THROW(call.result(), plait::cancelled_error);
  EXPECT_TRUE(call.cancelled());
  worker.wait_until_gone();
  EXPECT_NE(pool.submit(own_pid).result(), pid);
  expect_next_hundred(pool);
  EXPECT_EQ(call.cancel(), cancel_outcome::too_late);
}

TEST(process_pool_kill, may_be_the_pools_choice_and_a_call_may_choose_otherwise) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .cancel = cancel_mode::kill});
  const auto killed = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  EXPECT_EQ(killed.cancel(), cancel_outcome::killed);
  EXPECT_THROW(killed.result(), plait::cancelled_error);
  const auto spared = pool.submit({.cancel = cancel_mode::ask}, wait_at, gate.path(), 2);
  gate.wait_for(1);
  EXPECT_EQ(spared.cancel(), cancel_outcome::abandoned);
  gate.let_through(1);
  EXPECT_EQ(spared.result(), 2);
}

TEST(process_pool_kill, a_call_that_gives_way_keeps_its_worker) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .stop_grace = 1h});
  const auto pid = pool.submit(own_pid).result();
  for (int round = 0; round < 3; ++round) {
    const auto call = pool.submit(killable, until_asked, gate.path());
    gate.let_through(1);
    gate.wait_for(1);
    EXPECT_EQ(call.cancel(), cancel_outcome::killed);
    EXPECT_THROW(call.result(), plait::cancelled_error);  // whatever it answered
    EXPECT_EQ(pool.submit(own_pid).result(), pid);
  }
}

TEST(process_pool_kill, sends_sigterm_first) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .term_grace = 1h});
  const auto call = pool.submit(killable, says_when_terminated, gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  EXPECT_EQ(call.cancel(), cancel_outcome::killed);
  gate.wait_for(1);
  EXPECT_THROW(call.result(), plait::cancelled_error);
}

class process_pool_kill : public testing::TestWithParam<plait::start_method> {};
INSTANTIATE_TEST_SUITE_P(by, process_pool_kill, both_starts, name_of_start);

TEST_P(process_pool_kill, of_a_call_that_heeds_nothing_climbs_to_sigkill) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .start = GetParam(), .stop_grace = 1ms, .term_grace = 1ms});
  const auto call = pool.submit(killable, never_heeds, gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  const watched_process worker(known_pids(pool, 1).at(0));
  EXPECT_EQ(call.cancel(), cancel_outcome::killed);
  EXPECT_EQ(call.cancel(), cancel_outcome::killed);
  EXPECT_THROW(call.result(), plait::cancelled_error);
  worker.wait_until_gone();
  expect_next_hundred(pool);
}

// While the old one still has its grace.
TEST(process_pool_kill, another_takes_the_place_of_one_that_is_being_terminated) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .term_grace = 1h});
  const auto call = pool.submit(killable, ignores_all, gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  const auto waits = pool.submit(square, 3);
  EXPECT_EQ(call.cancel(), cancel_outcome::killed);
  EXPECT_EQ(waits.result(), 9);
  EXPECT_FALSE(call.done());
  EXPECT_TRUE(pool.shutdown(plait::shutdown_mode::kill));
  EXPECT_TRUE(call.cancelled());
}

TEST(process_pool_kill, runs_nothing_again) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit({.retries = 3, .retry_on = plait::retry_on<worker_died>, .cancel = cancel_mode::kill},
                                wait_at, gate.path(), 1);
  gate.wait_for(1);
  EXPECT_EQ(call.cancel(), cancel_outcome::killed);
  EXPECT_THROW(call.result(), plait::cancelled_error);
  EXPECT_EQ(pool.submit(square, 3).result(), 9);
}

TEST(process_pool_kill, of_what_waits_drops_it) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .cancel = cancel_mode::kill});
  const auto runs = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  EXPECT_EQ(pool.submit(square, 2).cancel(), cancel_outcome::dropped);
  gate.let_through(1);
  EXPECT_EQ(runs.result(), 1);
}

TEST(process_pool_kill, loses_nothing_that_was_sent_ahead) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  for (int i = 0; i < 2'000; ++i) pool.submit(square, i).result();  // quick: so calls are sent ahead
  const auto runs = pool.submit(killable, wait_at, gate.path(), 5);
  std::vector<plait::future<int>> ahead;
  for (int i = 0; i < 50; ++i) ahead.push_back(pool.submit(square, i));
  gate.wait_for(1);
  EXPECT_EQ(runs.cancel(), cancel_outcome::killed);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(ahead[static_cast<std::size_t>(i)].result(), i * i);
  EXPECT_THROW(runs.result(), plait::cancelled_error);
}

// Whether a call is cancelled before it begins, while it runs, or when it has answered and nobody has heard of it
// yet: no other is ever lost.
TEST(process_pool_kill, of_quick_calls_never_costs_another) {
  process_pool_executor pool({.max_workers = 2, .cancel = cancel_mode::kill});
  for (int round = 0; round < (sanitized ? 5 : 50); ++round) {
    std::vector<plait::future<int>> calls;
    std::vector<cancel_outcome> outcomes;
    for (int i = 0; i < 60; ++i) {
      calls.push_back(pool.submit(square, i));
      if (i % 3 == 2) outcomes.push_back(calls[static_cast<std::size_t>(i - round % 3)].cancel());
    }
    for (int i = 0; i < 60; ++i) {
      const auto& call = calls[static_cast<std::size_t>(i)];
      const bool was_cancelled = i % 3 == 2 - round % 3;
      const auto outcome = was_cancelled ? outcomes[static_cast<std::size_t>(i / 3)] : cancel_outcome::too_late;
      if (outcome == cancel_outcome::too_late)
        EXPECT_EQ(call.result(), i * i);
      else
        EXPECT_THROW(call.result(), plait::cancelled_error) << to_string(outcome);
    }
  }
}

TEST(process_pool_kill, comes_from_cancelling_the_task_that_awaits_it) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  plait::event_loop loop;
  const auto call = pool.submit(killable, ignores_all, gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  const watched_process worker(known_pids(pool, 1).at(0));
  const auto waiting = loop.create_task(awaits(call));
  loop.call_soon([&] { loop.call_soon([&] { waiting.cancel(); }); });
  EXPECT_THROW(loop.run_until_complete(waiting), plait::cancelled_error);
  worker.wait_until_gone();
  EXPECT_THROW(call.result(), plait::cancelled_error);
}

TEST(process_pool_kill, is_not_for_threads) {
  const portable_gate gate;
  plait::thread_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit(killable, wait_at, gate.path(), 3);
  gate.wait_for(1);
  EXPECT_EQ(call.cancel(), cancel_outcome::abandoned);
  gate.let_through(1);
  EXPECT_EQ(call.result(), 3);
}

// ── deadlines ──

/// Submits with longer and longer timeouts, until the call has begun before its deadline: else it was only dropped.
template <class Submit> void until_it_has_begun(const portable_gate& gate, Submit submit) {
  const auto begun = gate.path() + "/begun";
  for (plait::nanoseconds time = 100ms; !std::filesystem::exists(begun); time *= 2) submit(time);
}
void note_begin(const std::string& gate) { std::ofstream(gate + "/begun") << 1; }

int begins_and_ends_when_asked(std::stop_token stop, const std::string& gate) {
  note_begin(gate);
  while (!stop.stop_requested()) std::this_thread::yield();
  return 1;
}

TEST(process_pool_deadline_ladder, a_call_that_gives_way_keeps_its_worker) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .stop_grace = 1h});
  const auto pid = pool.submit(own_pid).result();
  until_it_has_begun(gate, [&](plait::nanoseconds time) {
    EXPECT_THROW(pool.submit({.timeout = time}, begins_and_ends_when_asked, gate.path()).result(),
                 plait::timeout_error);
    EXPECT_EQ(pool.submit(own_pid).result(), pid);
  });
}

int says_when_terminated_and_begins(const std::string& gate) {
  told_of_sigterm = gate + "/arrived";
  ::signal(SIGTERM, tell_and_leave);
  note_begin(gate);
  while (true) ::pause();
}

TEST(process_pool_deadline_ladder, sends_sigterm_first) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .term_grace = 1h});
  until_it_has_begun(gate, [&](plait::nanoseconds time) {
    const auto late = pool.submit({.timeout = time}, says_when_terminated_and_begins, gate.path());
    EXPECT_THROW(late.result(), plait::timeout_error);
  });
  gate.wait_for(1);
}

int begins_and_ignores_all(const std::string& gate) {
  ::signal(SIGTERM, SIG_IGN);
  note_begin(gate);
  while (true) ::pause();
}

TEST(process_pool_deadline_ladder, kills_harder_what_ignores_sigterm) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .term_grace = 1ms});
  const auto pid = pool.submit(own_pid).result();
  const watched_process worker(pid);
  until_it_has_begun(gate, [&](plait::nanoseconds time) {
    EXPECT_THROW(pool.submit({.timeout = time}, begins_and_ignores_all, gate.path()).result(), plait::timeout_error);
    pool.submit(square, 1).result();
  });
  worker.wait_until_gone();
  expect_next_hundred(pool);
}

/// Holds the thread on which a pool's deadlines ring, by a done callback.
class held_alarms {
 public:
  explicit held_alarms(process_pool_executor& pool) {
    const portable_gate busy;
    const auto runs = pool.submit(wait_at, busy.path(), 1);
    busy.wait_for(1);
    for (plait::nanoseconds time = 1ms; !held_; time *= 2) {  // until it does not ring before there is a callback
      const auto rings = pool.submit({.timeout = time}, square, 1);
      rings.add_done_callback([this, here = std::this_thread::get_id()](const plait::future<int>&) {
        held_ = std::this_thread::get_id() != here;
        rang_.release();
        if (held_) go_on_.acquire();
      });
      rang_.acquire();
    }
    busy.let_through(1);
    runs.result();
  }
  ~held_alarms() { let_go(); }
  void let_go() {
    if (held_.exchange(false)) go_on_.release();
  }

 private:
  std::binary_semaphore rang_{0}, go_on_{0};
  std::atomic<bool> held_{false};
};

// Nobody is told of a call that it will be cancelled which then has a timeout_error.
TEST(process_pool_deadline_ladder, a_cancel_that_comes_after_it_is_too_late) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .cancel = cancel_mode::kill, .term_grace = 1ms});
  held_alarms alarms(pool);
  const auto late = pool.submit({.timeout = 1ns}, ignores_all, gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  EXPECT_EQ(late.cancel(), cancel_outcome::too_late);
  alarms.let_go();
  EXPECT_THROW(late.result(), plait::timeout_error);
}

// Deadlines that come when a call waits, runs, has just answered: calls without one are never touched.
TEST(process_pool_deadline_ladder, of_quick_calls_never_costs_another) {
  process_pool_executor pool({.max_workers = 2});
  for (int round = 0; round < (sanitized ? 5 : 40); ++round) {
    std::vector<plait::future<int>> hurried, calm;
    for (int i = 0; i < 50; ++i) {
      hurried.push_back(pool.submit({.timeout = 20us * i}, square, i));
      calm.push_back(pool.submit(square, i));
    }
    for (int i = 0; i < 50; ++i) {
      EXPECT_EQ(calm[static_cast<std::size_t>(i)].result(), i * i);
      try {
        EXPECT_EQ(hurried[static_cast<std::size_t>(i)].result(), i * i);
      } catch (const plait::timeout_error&) {  // likewise
      }
    }
  }
}

TEST(process_pool_ladder, graces_below_nothing_are_refused) {
  EXPECT_THAT(message_of<std::invalid_argument>([] { process_pool_executor pool({.stop_grace = -1s}); }),
              HasSubstr("stop_grace"));
  EXPECT_THAT(message_of<std::invalid_argument>([] { process_pool_executor pool({.term_grace = -1s}); }),
              HasSubstr("term_grace"));
}

// ── blame ──

TEST(process_pool_blame, a_call_that_has_killed_three_workers_is_not_run_again) {
  const portable_gate folder;
  process_pool_executor pool({.max_workers = 1});
  const auto call =
      pool.submit({.retries = 9, .retry_on = plait::retry_on<worker_died>}, dies_at_first, folder.path(), 5);
  const auto death = death_of(call);
  EXPECT_EQ(death.deaths(), 3);
  EXPECT_THAT(death.what(), HasSubstr("3 workers died of this call, so it is not run again"));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2 + 3);
  expect_next_hundred(pool);
}

TEST(process_pool_blame, fewer_deaths_are_not_blamed) {
  const portable_gate folder;
  process_pool_executor pool({.max_workers = 1});
  const auto call =
      pool.submit({.retries = 1, .retry_on = plait::retry_on<worker_died>}, dies_at_first, folder.path(), 5);
  EXPECT_EQ(death_of(call).deaths(), 0);
}

}  // namespace
