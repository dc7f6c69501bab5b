// What one offload may cost, in what can be counted: context switches and allocations. Both counts are the smallest
// of a few batches: the kernel and the C library have work of their own now and then, which only ever adds.
#include <plait/plait.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <semaphore>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "benchmarks/counted_allocations.hpp"
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <tests/support/portable_gate.hpp>

namespace {

constexpr int batches = 5;

int square(int n) { return n * n; }

// Confines this thread, and those that it starts, to the first core it may use.
class one_core {
 public:
  one_core() {
    CPU_ZERO(&before_);
    if (sched_getaffinity(0, sizeof before_, &before_) != 0) throw std::runtime_error("sched_getaffinity");
    int first = 0;
    while (!CPU_ISSET(first, &before_)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    if (sched_setaffinity(0, sizeof one, &one) != 0) throw std::runtime_error("sched_setaffinity");
  }
  ~one_core() { sched_setaffinity(0, sizeof before_, &before_); }
  one_core(const one_core&) = delete;
  one_core& operator=(const one_core&) = delete;

 private:
  cpu_set_t before_;
};

long context_switches() {
  rusage r{};
  getrusage(RUSAGE_SELF, &r);
  return r.ru_nvcsw + r.ru_nivcsw;
}

plait::task<void> offload(plait::executor& pool, int n) {
  auto& loop = plait::get_running_loop();
  for (int i = 0; i < n; ++i) {
    const int result = co_await loop.run_in_executor(pool, square, 3);
    if (result != 9) throw std::logic_error("wrong result");
  }
}

plait::task<void> measure_switches(plait::executor& pool, int n, double& fewest) {
  co_await offload(pool, 1000);  // the workers have started
  for (int batch = 0; batch < batches; ++batch) {
    const auto before = context_switches();
    co_await offload(pool, n);
    fewest = std::min(fewest, static_cast<double>(context_switches() - before) / n);
  }
}

class offload_cost : public testing::TestWithParam<int> {};

TEST_P(offload_cost, is_two_context_switches_on_one_core) {
  constexpr int n = 5000;
  const one_core confined;
  plait::thread_pool_executor pool{{.max_workers = GetParam()}};
  plait::event_loop loop;
  double fewest = std::numeric_limits<double>::infinity();
  loop.run_until_complete(measure_switches(pool, n, fewest));
  EXPECT_LE(fewest, 2.1);
}

INSTANTIATE_TEST_SUITE_P(workers, offload_cost, testing::Values(1, 3));

class submit_cost : public testing::TestWithParam<std::string_view> {};

// The only worker is held up, so that every call is pending when the last is submitted: none can reuse the memory of
// one that has ended, and nothing but submit allocates in the meantime.
TEST_P(submit_cost, is_one_allocation_whatever_the_name) {
  constexpr int n = 10'000;
  std::binary_semaphore held(0);
  std::binary_semaphore gate(0);
  plait::thread_pool_executor pool{{.max_workers = 1}};
  auto blocker = pool.submit([&] {
    held.release();
    gate.acquire();
  });
  held.acquire();
  std::vector<std::vector<plait::future<int>>> pending(batches);
  for (auto& futures : pending) futures.reserve(n);

  auto fewest = std::numeric_limits<std::uint64_t>::max();
  for (auto& futures : pending) {
    const auto before = bench::allocations();
    for (int i = 0; i < n; ++i) futures.push_back(pool.submit({.name = GetParam()}, square, 3));
    fewest = std::min(fewest, bench::allocations() - before);
  }
  EXPECT_LE(fewest, static_cast<std::uint64_t>(n));
  EXPECT_GT(bench::allocations(), 0u) << "nothing is counted in this program";
  gate.release();
  for (auto& futures : pending) {
    for (auto& f : futures) ASSERT_EQ(f.result(), 9);
  }
}

INSTANTIATE_TEST_SUITE_P(names, submit_cost,
                         testing::Values("", "decode", "a name that no small buffer of a string holds"));

plait::task<void> count_allocations(plait::executor& pool, int n, std::uint64_t& fewest) {
  co_await offload(pool, 1000);  // the worker has started
  for (int batch = 0; batch < batches; ++batch) {
    const auto before = bench::allocations();
    co_await offload(pool, n);
    fewest = std::min(fewest, bench::allocations() - before);
  }
}

// It lies where the call before it lay. (The coroutine that makes the calls may be larger than what is kept.)
TEST(thread_offload_cost, is_no_allocation_where_the_call_before_has_ended) {
  constexpr int n = 2000;
  plait::thread_pool_executor pool{{.max_workers = 1}};
  plait::event_loop loop;
  auto fewest = std::numeric_limits<std::uint64_t>::max();
  loop.run_until_complete(count_allocations(pool, n, fewest));
  EXPECT_LE(fewest, 1U);
}

// The note that its worker has to be woken, where that one sleeps; and a block of the list of what is under way now
// and then. What a worker allocates is its own process's.
TEST(process_offload_cost, is_one_allocation_where_a_worker_is_free) {
  constexpr int n = 2000;
  plait::process_pool_executor pool{{.max_workers = 1}};
  plait::event_loop loop;
  auto fewest = std::numeric_limits<std::uint64_t>::max();
  loop.run_until_complete(count_allocations(pool, n, fewest));
  EXPECT_LE(static_cast<double>(fewest) / n, 1.1);
}

TEST(process_submit_cost, is_two_allocations_where_the_call_has_to_wait) {
  constexpr int n = 10'000;
  const test_support::portable_gate gate;
  plait::process_pool_executor pool{{.max_workers = 1}};
  auto blocker = pool.submit(test_support::pass_gate, gate.path());
  gate.wait_for(1);
  std::vector<std::vector<plait::future<int>>> pending(batches);
  for (auto& futures : pending) futures.reserve(n);

  auto fewest = std::numeric_limits<std::uint64_t>::max();
  for (auto& futures : pending) {
    const auto before = bench::allocations();
    for (int i = 0; i < n; ++i) futures.push_back(pool.submit(square, 3));
    fewest = std::min(fewest, bench::allocations() - before);
  }
  EXPECT_LE(fewest, 2u * static_cast<std::uint64_t>(n));  // the call, and its bytes
  gate.let_through(1);
  for (auto& futures : pending) {
    for (auto& f : futures) ASSERT_EQ(f.result(), 9);
  }
}

}  // namespace
