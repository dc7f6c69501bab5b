// A result that takes much of the machine's memory (scenario 24), and ten million calls that take none. Either takes
// the machine's time: fresh pages cost seconds a gibibyte where the machine is a virtual one. So they run with no
// other test beside them. For every executor.
#include <plait/executor/executor_contract_test.hpp>
#include <plait/loop/event_loop.hpp>
#include <plait/loop/gather.hpp>

#include <cstddef>
#include <fstream>
#include <utility>
#include <vector>

#include <tests/support/sanitized.hpp>
#include <unistd.h>

namespace {

using namespace executor_contract;

using test_support::sanitized;

class executor_memory : public contract {};
PLAIT_FOR_EACH_EXECUTOR(executor_memory);

TEST_P(executor_memory, a_result_of_a_gibibyte) {
  constexpr std::size_t size = std::size_t{1} << (sanitized ? 26 : 30);  // there are three of it, and shadows of them
  const auto pool = make();
  auto f = pool->submit([] {
    std::vector<char> large(size);
    large.back() = 'z';
    return large;
  });
  const auto& looked_at = f.result();
  const char* const where = looked_at.data();
  const auto taken = std::move(f).result();
  EXPECT_EQ(taken.size(), size);
  EXPECT_EQ(taken.back(), 'z');
  EXPECT_EQ(taken.data(), where) << "it was copied";
}

plait::task<void> stream(plait::executor* pool, int calls) {
  for (int i = 0; i < calls; ++i) {
    const int squared = co_await pool->submit(square, 3);
    if (squared != 9) throw std::logic_error("another result");
  }
}
plait::task<void> streams(plait::executor* pool, int calls) {
  constexpr int many = 1'000;
  std::vector<plait::task<void>> all;
  for (int i = 0; i < many; ++i) all.push_back(stream(pool, calls / many));
  co_await plait::gather(std::move(all));
}

/// Bytes that a process has in memory.
std::size_t memory_of(pid_t process) {
  std::ifstream statm("/proc/" + std::to_string(process) + "/statm");
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}
std::size_t memory_of_all(const plait::executor& pool) {
  auto sum = memory_of(::getpid());
  if (const auto* const processes = dynamic_cast<const plait::process_pool_executor*>(&pool))
    for (const pid_t worker : processes->worker_pids()) sum += memory_of(worker);
  return sum;
}

TEST_P(executor_memory, does_not_grow_with_the_number_of_calls) {
  if (sanitized) GTEST_SKIP() << "a sanitizer keeps what was freed";
  const auto pool = make();
  plait::event_loop loop;
  loop.run_until_complete(streams(pool.get(), 500'000));
  const auto before = memory_of_all(*pool);
#if defined(NDEBUG)
  constexpr int calls = 10'000'000;
#else
  constexpr int calls = 1'000'000;  // it takes its time where nothing is optimised
#endif
  loop.run_until_complete(streams(pool.get(), calls));
  EXPECT_LE(memory_of_all(*pool), before + (std::size_t{1} << 20));
}

}  // namespace
