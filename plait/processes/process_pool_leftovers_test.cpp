// After a pool's life nothing of it is left: no descriptor, no mapping, no process.
#include <plait/loop/event_loop.hpp>
#include <plait/loop/settled.hpp>

#include <filesystem>
#include <memory>
#include <string>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"

namespace {

using namespace pool_test;
using plait::shutdown_mode;

struct belongings {
  std::size_t descriptors, mappings;
  friend bool operator==(const belongings&, const belongings&) = default;
  friend void PrintTo(const belongings& b, std::ostream* out) {
    *out << b.descriptors << " descriptors, " << b.mappings << " mappings";
  }
};

belongings look() {
  std::size_t mappings = 0;
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) mappings += line.find("memfd:plait") != line.npos;
  return {open_descriptors(), mappings};
}

void use(process_pool_executor& pool) {
  started_pids(pool);
  EXPECT_EQ(pool.submit(echo, std::vector<char>(500'000, 'x')).result().size(), 500'000U);
  death_of(pool.submit(die_by, SIGKILL));
  EXPECT_EQ(pool.submit(square, 3).result(), 9);
}

/// What the program has once its first pool is gone: it keeps the server's socket and pidfd.
belongings look_after_the_first() {
  {
    process_pool_executor first({.max_workers = 1});
    first.submit(square, 1).result();
  }
  return look();
}

TEST(process_pool_leftovers, there_are_none) {
  const auto before = look_after_the_first();
  EXPECT_EQ(before.mappings, 0U);
  for (const auto mode : {shutdown_mode::drain, shutdown_mode::cancel_pending, shutdown_mode::kill}) {
    for (int round = 0; round < 3; ++round) {
      std::vector<watched_process> workers;
      {
        process_pool_executor pool({.max_workers = 3});
        use(pool);
        for (const auto pid : started_pids(pool)) workers.emplace_back(pid);
        EXPECT_GT(look().mappings, before.mappings);
        EXPECT_TRUE(pool.shutdown(mode));
      }
      for (const auto& worker : workers) worker.wait_until_gone();
      workers.clear();
      EXPECT_EQ(look(), before);
    }
  }
  // None of them was this process's child, so none is its zombie.
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

TEST(process_pool_leftovers, of_dead_workers_there_are_none_while_the_pool_lives) {
  process_pool_executor pool({.max_workers = 1});
  use(pool);
  started_pids(pool);
  const auto before = look();
  for (int i = 0; i < 20; ++i) {
    death_of(pool.submit(die_by, SIGKILL));
    EXPECT_EQ(pool.submit(square, i).result(), i * i);
  }
  started_pids(pool);
  EXPECT_EQ(look(), before);
}

/// Its worker asks for memory while it writes the first part down, and dies at the second.
struct half_written {
  struct deadly {
    template <class Archive> void serialize(Archive&) { ::_exit(3); }
  };
  std::vector<char> large;
  deadly end;
  template <class Archive> void serialize(Archive& archive) { archive(large, end); }
};
half_written write_half() { return {std::vector<char>(500'000, 'x'), {}}; }

plait::task<void> take_half(process_pool_executor* pool) {
  const auto call = pool->submit(write_half);
  static_cast<void>(co_await plait::settled(call));
  EXPECT_EQ(death_of(call).exit_code(), 3);
}

// The loop's thread gave the memory, and saw nothing of the pool afterwards.
TEST(process_pool_leftovers, of_a_worker_that_was_given_memory_there_are_none) {
  const auto before = look_after_the_first();
  {
    process_pool_executor pool({.max_workers = 1});
    plait::event_loop loop;
    loop.run_until_complete(take_half(&pool));
  }
  EXPECT_EQ(look(), before);
}

TEST(process_pool_leftovers, of_a_pool_that_ran_nothing_there_are_none) {
  const auto before = look();
  {
    const process_pool_executor pool({.max_workers = 3});
  }
  EXPECT_EQ(look(), before);
}

}  // namespace
