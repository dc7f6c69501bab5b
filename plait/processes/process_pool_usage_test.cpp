// All workers are ended at once, by either signal; and what is told of them while they live.
#include <plait/loop/event_loop.hpp>

#include <chrono>
#include <ctime>
#include <tuple>

#include "process_pool_fixture_test.hpp"
#include <semaphore.h>
#include <sys/mman.h>

namespace {

using namespace std::chrono_literals;
using namespace pool_test;
using testing::ElementsAre;
using testing::Field;

// ── kill_workers, terminate_workers ──

enum class way { terminate, kill };
void end(process_pool_executor& pool, way by) { by == way::kill ? pool.kill_workers() : pool.terminate_workers(); }

class process_pool_ended : public testing::TestWithParam<std::tuple<way, plait::start_method>> {
 protected:
  static way by() { return std::get<way>(GetParam()); }
  static plait::start_method start() { return std::get<plait::start_method>(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(by, process_pool_ended,
                         testing::Combine(testing::Values(way::terminate, way::kill), both_starts),
                         [](const auto& info) {
                           const auto how = std::get<way>(info.param) == way::kill ? "kill_of_" : "terminate_of_";
                           return how + name_of_start({std::get<plait::start_method>(info.param), 0});
                         });

TEST_P(process_pool_ended, cancels_all_and_ends_the_executor) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2, .start = start(), .term_grace = 1ms});
  std::vector<plait::future<int>> calls;
  calls.push_back(pool.submit(wait_at, gate.path(), 1));
  calls.push_back(pool.submit({.retries = 3, .retry_on = plait::retry_on<worker_died>}, ignores_all, gate.path()));
  gate.wait_for(2);
  for (int i = 0; i < 20; ++i) calls.push_back(pool.submit(square, i));
  std::vector<watched_process> workers;
  for (const auto pid : known_pids(pool, 2)) workers.emplace_back(pid);
  end(pool, by());
  for (const auto& call : calls) EXPECT_THROW(call.result(), plait::cancelled_error);
  for (const auto& worker : workers) worker.wait_until_gone();
  EXPECT_THROW(static_cast<void>(pool.submit(square, 1)), plait::shut_down_error);
  end(pool, by());
  EXPECT_TRUE(pool.shutdown());
  EXPECT_EQ(pool.workers(), 0);
}

TEST_P(process_pool_ended, may_be_asked_on_a_loop) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1, .start = start(), .term_grace = 1ms});
  const auto call = pool.submit(ignores_all, gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  plait::event_loop loop;
  loop.call_soon([&] {
    end(pool, by());
    loop.stop();
  });
  loop.run_forever();
  EXPECT_THROW(call.result(), plait::cancelled_error);
}

TEST_P(process_pool_ended, while_its_workers_only_just_start) {
  for (int round = 0; round < 10; ++round) {
    process_pool_executor pool({.max_workers = 4, .start = start(), .term_grace = 1ms});
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 8; ++i) calls.push_back(pool.submit(square, i));
    end(pool, by());
    EXPECT_TRUE(pool.shutdown());
    for (const auto& call : calls) EXPECT_TRUE(call.done());
  }
}

TEST_P(process_pool_ended, before_it_has_begun) {
  process_pool_executor pool({.max_workers = 4, .start = start()});
  end(pool, by());
  EXPECT_TRUE(pool.shutdown());
}

class process_pool_terminated : public testing::TestWithParam<plait::start_method> {
 protected:
  const portable_gate gate;
  process_pool_executor pool{{.max_workers = 1, .start = GetParam(), .term_grace = 1h}};
};
INSTANTIATE_TEST_SUITE_P(by, process_pool_terminated, both_starts, name_of_start);

TEST_P(process_pool_terminated, gets_sigterm) {
  const auto call = pool.submit(says_when_terminated, gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  pool.terminate_workers();
  gate.wait_for(1);
  EXPECT_THROW(call.result(), plait::cancelled_error);
}

TEST_P(process_pool_terminated, waits_no_longer_once_it_is_killed) {
  const auto call = pool.submit(ignores_all, gate.path());
  gate.wait_for(1);
  gate.let_through(1);
  pool.terminate_workers();
  pool.kill_workers();
  EXPECT_THROW(call.result(), plait::cancelled_error);
}

sem_t was_terminated;
int answers_when_terminated(const std::string& gate) {
  ::sem_init(&was_terminated, 0, 0);
  ::signal(SIGTERM, [](int) { ::sem_post(&was_terminated); });
  pass_gate(gate);
  while (::sem_wait(&was_terminated) != 0) {  // interrupted
  }
  return 7;
}

TEST_P(process_pool_terminated, what_still_answers_has_its_result) {
  const auto call = pool.submit(answers_when_terminated, gate.path());
  const auto waits = pool.submit(square, 3);
  gate.wait_for(1);
  gate.let_through(1);
  pool.terminate_workers();
  EXPECT_EQ(call.result(), 7);
  EXPECT_THROW(waits.result(), plait::cancelled_error);
  EXPECT_TRUE(pool.shutdown());  // which does not wait for the end of term_grace
}

// ── worker_usages ──

TEST(process_pool_usage, tells_names_pids_and_calls) {
  process_pool_executor pool({.max_workers = 1, .worker_name_prefix = "used"});
  EXPECT_TRUE(pool.worker_usages().empty());
  const auto pid = pool.submit(own_pid).result();
  known_pids(pool, 1);
  for (int i = 0; i < 9; ++i) pool.submit(square, i).result();
  const auto usages = pool.worker_usages();
  EXPECT_THAT(usages, ElementsAre(testing::AllOf(Field(&plait::worker_usage::name, "used_0"),
                                                 Field(&plait::worker_usage::pid, pid),
                                                 Field(&plait::worker_usage::calls, 10U))));
  EXPECT_TRUE(pool.shutdown());
  EXPECT_TRUE(pool.worker_usages().empty());
}

/// Computes for a while; what it has taken by then, in ns.
std::int64_t computes() {
  timespec time{};
  do ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  while (time.tv_sec == 0 && time.tv_nsec < 20'000'000);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}
/// Memory that is given back.
int uses(std::size_t bytes) {
  void* const memory =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  return memory == MAP_FAILED ? -1 : ::munmap(memory, bytes);
}

TEST(process_pool_usage, tells_time_and_memory) {
  constexpr std::size_t much = 200'000'000;
  process_pool_executor pool({.max_workers = 1});
  const auto took = pool.submit(computes).result();
  EXPECT_EQ(pool.submit(uses, much).result(), 0);
  known_pids(pool, 1);
  const auto usages = pool.worker_usages();
  ASSERT_EQ(usages.size(), 1U);
  const auto& usage = usages[0];
  ASSERT_TRUE(usage.cpu_time && usage.resident_bytes && usage.peak_resident_bytes);
  EXPECT_GE(usage.cpu_time->count(), took);
  EXPECT_GE(*usage.peak_resident_bytes, much);
  EXPECT_LE(*usage.resident_bytes, *usage.peak_resident_bytes - much / 2);
}

TEST(process_pool_usage, of_workers_that_come_and_go) {
  process_pool_executor pool({.max_workers = 2, .max_tasks_per_child = 1});
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 50; ++i) calls.push_back(pool.submit(square, i));
  for (const auto& call : calls) {
    for (const auto& usage : pool.worker_usages()) EXPECT_LE(usage.calls, 1U);
    call.result();
  }
}

}  // namespace
