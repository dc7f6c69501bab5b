// What the system refuses: processes, descriptors, memory. The call, or the pool's next one, has an error that names
// what was missing; nothing hangs, and once the limit is lifted all is well. Each is a program of its own.
#include <plait/processes/internal/server_client.hpp>
#include <plait/processes/shared_buffer.hpp>

#include <new>
#include <system_error>

#include "process_limits_test.hpp"
#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include <sys/resource.h>
#include <tests/support/recorded_reports.hpp>
#include <tests/support/refuse.hpp>

namespace {

using namespace pool_test;
using plait::detail::server_pid;
using testing::AnyOf;
using testing::HasSubstr;

void expect_error(const std::pair<int, std::string>& error, std::initializer_list<int> codes, int fault) {
  if (std::ranges::find(codes, error.first) != codes.end()) return;
  program::tell("error " + std::to_string(error.first) + ": " + error.second);
  ::_exit(fault);
}

// ── processes ──

PLAIT_PROGRAM(may_have_no_process_at_all) {
  program::require(test_support::become_ordinary_user(), 20);
  process_pool_executor pool({.max_workers = 2});
  {
    const limited none(RLIMIT_NPROC, 0);
    for (int i = 0; i < 5; ++i) expect_error(error_of([&] { return pool.submit(square, 3).result(); }), {EAGAIN}, 2);
    program::require(pool.workers() == 0 && pool.pending() == 0, 3);
  }
  for (int i = 0; i < 10; ++i) program::require(pool.submit(square, i).result() == i * i, 4);
}

// The server is there; the pool's own thread is not to be had.
PLAIT_PROGRAM(may_have_no_further_thread) {
  program::require(test_support::become_ordinary_user(), 20);
  process_pool_executor first({.max_workers = 1});
  program::require(first.submit(square, 3).result() == 9, 2);
  process_pool_executor pool({.max_workers = 2});
  {
    const limited none(RLIMIT_NPROC, 0);
    for (int i = 0; i < 5; ++i) expect_error(error_of([&] { return pool.submit(square, 3).result(); }), {EAGAIN}, 3);
    program::require(pool.workers() == 0 && pool.pending() == 0, 4);
    program::require(first.submit(square, 4).result() == 16, 5);
  }
  for (int i = 0; i < 10; ++i) program::require(pool.submit(square, i).result() == i * i, 6);
}

PLAIT_PROGRAM(may_have_no_further_worker) {
  program::require(test_support::become_ordinary_user(), 20);
  process_pool_executor pool({.max_workers = 1});
  program::require(pool.submit(square, 3).result() == 9, 2);
  death_of(pool.submit(leave_at_once, 0));
  {
    const limited none(RLIMIT_NPROC, 0, server_pid());
    for (int i = 0; i < 5; ++i) {
      const auto error = error_of([&] { return pool.submit(square, 3).result(); });
      expect_error(error, {EAGAIN}, 3);
      program::require(error.second.find("fork") != std::string::npos, 4);
    }
    program::require(pool.workers() == 0 && pool.pending() == 0, 5);
  }
  for (int i = 0; i < 10; ++i) program::require(pool.submit(square, i).result() == i * i, 6);
}

// One worker that lives does the work of those that can't be had.
PLAIT_PROGRAM(may_have_one_worker_only) {
  program::require(test_support::become_ordinary_user(), 20);
  const test_support::recorded_reports reports;
  constexpr const char* trouble = "could start no further worker";
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 4});
  program::require(pool.submit(square, 3).result() == 9, 2);
  {
    const limited none(RLIMIT_NPROC, 0, server_pid());
    const auto busy = pool.submit(wait_at, gate.path(), 1);
    gate.wait_for(1);
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(pool.submit(square, i));
    while (reports.text().find(trouble) == std::string::npos) std::this_thread::yield();
    gate.let_through(1);
    for (int i = 0; i < 50; ++i) program::require(calls[static_cast<std::size_t>(i)].result() == i * i, 3);
  }
  // Whatever comes while no worker is tried for gets one, though the only one there is does not come back.
  const auto holds = pool.submit(wait_at, gate.path(), 2);
  gate.wait_for(1);
  program::require(pool.submit(square, 5).result() == 25, 6);
  gate.let_through(1);
  program::require(holds.result() == 2, 7);
  program::require(started_pids(pool).size() == 4, 4);  // no slot is lost
  program::require(reports.text().find(trouble) == reports.text().rfind(trouble), 5);
}

// ── descriptors ──

PLAIT_PROGRAM(has_no_descriptor_left) {
  {
    const limited none(RLIMIT_NOFILE, open_descriptors() - 1);
    expect_error(error_of([] {
                   process_pool_executor pool({.max_workers = 2});
                   return pool.submit(square, 3).result();
                 }),
                 {EMFILE}, 2);
  }
  process_pool_executor pool({.max_workers = 2});
  program::require(pool.submit(square, 3).result() == 9, 2);  // the server has its limits for good
  const auto lose_a_worker = [&](rlim_t spare) {
    const limited few(RLIMIT_NOFILE, open_descriptors() - 1 + spare);
    expect_error(error_of([&] { return pool.submit(leave_at_once, 0).result(); }), {-1, EMFILE}, 3);
    // What became of a worker is told later than its first reply may come.
    while (pool.worker_pids().size() != static_cast<std::size_t>(pool.workers())) std::this_thread::yield();
  };
  // One more each time: each thing that a worker needs is once the one that can't be had.
  for (rlim_t spare = 0; spare < 40; ++spare) lose_a_worker(spare);
  expect_error(error_of([&] { return pool.submit(square, 3).result(); }), {0}, 4);
  program::require(started_pids(pool).size() == 2, 5);
}

PLAIT_PROGRAM(has_a_server_without_descriptors) {
  process_pool_executor pool({.max_workers = 2});
  program::require(pool.submit(square, 3).result() == 9, 2);
  death_of(pool.submit(leave_at_once, 0));
  for (rlim_t most = 3; most < 30; ++most) {
    const limited few(RLIMIT_NOFILE, most, server_pid());
    expect_error(error_of([&] { return pool.submit(leave_at_once, 0).result(); }), {-1, EMFILE}, 3);
  }
  expect_error(error_of([&] { return pool.submit(square, 3).result(); }), {0}, 4);
  program::require(started_pids(pool).size() == 2, 5);
}

// ── memory ──

std::size_t size_of(const std::vector<char>& bytes) { return bytes.size(); }
std::size_t size_of_buffer(const plait::shared_buffer& buffer) { return buffer.size(); }
std::vector<char> of_size(std::size_t size) { return std::vector<char>(size, 'x'); }

PLAIT_PROGRAM(has_no_shared_memory_for_an_argument) {
  process_pool_executor pool({.max_workers = 1});
  program::require(pool.submit(square, 3).result() == 9, 2);
  const std::vector<char> much(20'000'000, 'a');
  {
    const limited little(RLIMIT_FSIZE, 1'000'000);
    const auto error = error_of([&] { return pool.submit(size_of, much).result(); });
    expect_error(error, {EFBIG}, 3);
    program::require(error.second.find("bytes of shared memory") != std::string::npos, 4);
    program::require(pool.submit(square, 3).result() == 9, 5);
  }
  program::require(pool.submit(size_of, much).result() == much.size(), 6);
}

PLAIT_PROGRAM(has_no_shared_memory_for_a_result) {
  process_pool_executor pool({.max_workers = 1});
  program::require(pool.submit(square, 3).result() == 9, 2);
  {
    const limited little(RLIMIT_FSIZE, 1'000'000);
    const auto error = error_of([&] { return pool.submit(of_size, std::size_t{20'000'000}).result(); });
    expect_error(error, {EFBIG}, 3);
    program::require(pool.submit(square, 3).result() == 9, 4);
  }
  program::require(pool.submit(of_size, std::size_t{20'000'000}).result().size() == 20'000'000, 5);
}

PLAIT_PROGRAM(has_no_shared_memory_for_a_worker) {
  process_pool_executor pool({.max_workers = 2});
  {
    const limited little(RLIMIT_FSIZE, 4'096);
    expect_error(error_of([&] { return pool.submit(square, 3).result(); }), {EFBIG}, 2);
  }
  program::require(pool.submit(square, 3).result() == 9, 3);
  program::require(started_pids(pool).size() == 2, 4);
}

// There is a limit on files of memory, or on the cgroup, and it can't be foretold: only the attempt finds out.
PLAIT_PROGRAM(has_no_pages_for_shared_memory) {
  process_pool_executor pool({.max_workers = 1});
  program::require(pool.submit(square, 3).result() == 9, 2);  // its server and worker are not concerned
  program::require(test_support::refuse_in_all_threads(SYS_fallocate, ENOSPC), 21);
  const std::vector<char> much(1'000'000, 'a');
  const auto expect_no_pages = [&](const std::pair<int, std::string>& error, int fault) {
    expect_error(error, {ENOSPC}, fault);
    program::require(error.second.find("bytes of shared memory") != std::string::npos, fault);
  };
  for (int round = 0; round < 3; ++round) {
    expect_no_pages(error_of([&] { return pool.submit(size_of, much).result(); }), 3);
    expect_error(error_of([&] { return pool.submit(of_size, std::size_t{1'000'000}).result(); }), {ENOSPC}, 4);
    program::require(pool.submit(square, 3).result() == 9, 5);
  }
  expect_no_pages(error_of([&] { return pool.submit(size_of_buffer, plait::shared_buffer(100)).result(); }), 6);
  death_of(pool.submit(leave_at_once, 0));
  expect_no_pages(error_of([&] { return pool.submit(square, 3).result(); }), 7);  // a worker needs some as well
}

// The worker may map nothing large: its argument can't be read, its result can't be written; it lives on.
PLAIT_PROGRAM(has_a_worker_without_address_space) {
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  const std::vector<char> much(50'000'000, 'a');
  {
    const limited little(RLIMIT_AS, address_space_in_use(pid) + 10'000'000, pid);
    const auto error = error_of([&] { return pool.submit(size_of, much).result(); });
    expect_error(error, {ENOMEM}, 2);
    program::require(error.second.find("arguments could not be mapped") != std::string::npos, 3);
    expect_error(error_of([&] { return pool.submit(of_size, std::size_t{50'000'000}).result(); }), {ENOMEM, -1}, 4);
    program::require(pool.submit(own_pid).result() == pid, 5);
  }
  program::require(pool.submit(size_of, much).result() == much.size(), 6);
  program::require(pool.submit(own_pid).result() == pid, 7);
}

// The program itself may map nothing large: what it can't take or lend is that call's error.
PLAIT_PROGRAM(has_no_address_space) {
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  constexpr std::size_t much = 20'000'000;
  constexpr std::size_t more = 70'000'000;  // than malloc keeps for a thread
  std::vector<char> bytes(much, 'a');
  {
    const limited little(RLIMIT_AS, address_space_in_use(::getpid()) + 10'000'000);
    expect_error(error_of([&] { return pool.submit(of_size, much).result(); }), {ENOMEM}, 2);
    const auto error = error_of([&] { return pool.submit(size_of, std::move(bytes)).result(); });
    expect_error(error, {ENOMEM}, 3);
    program::require(error.second.find("mmap of") != std::string::npos, 4);
    program::require(pool.submit(own_pid).result() == pid, 5);
  }
  {
    const limited enough_for_one(RLIMIT_AS, address_space_in_use(::getpid()) + 100'000'000);  // shared, not copied
    const auto error = error_of([&] { return pool.submit(of_size, more).result(); });
    program::require(error.second == std::bad_alloc().what(), 6);
    program::require(pool.submit(own_pid).result() == pid, 7);
  }
  program::require(pool.submit(size_of, std::vector<char>(much, 'a')).result() == much, 8);
  program::require(pool.submit(of_size, much).result().size() == much, 9);
  program::require(pool.submit(own_pid).result() == pid, 10);
}

class process_pool_limits : public testing::TestWithParam<const char*> {};
const auto case_named = [](const auto& info) { return std::string(info.param); };
INSTANTIATE_TEST_SUITE_P(where_it, process_pool_limits,
                         testing::Values("may_have_no_process_at_all", "may_have_no_further_thread",
                                         "may_have_no_further_worker", "may_have_one_worker_only",
                                         "has_no_descriptor_left", "has_a_server_without_descriptors",
                                         "has_no_shared_memory_for_an_argument", "has_no_shared_memory_for_a_result",
                                         "has_no_shared_memory_for_a_worker", "has_no_pages_for_shared_memory"),
                         case_named);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // those have mapped all that there is
INSTANTIATE_TEST_SUITE_P(where_without_sanitizers_it, process_pool_limits,
                         testing::Values("has_a_worker_without_address_space", "has_no_address_space"), case_named);
#endif

TEST_P(process_pool_limits, has_an_error_and_recovers) {
  program poor(GetParam());
  const auto told = poor.hear();
  EXPECT_EQ(told, "");
  EXPECT_EQ(poor.errors(), "");
  const int status = poor.wait();
  EXPECT_TRUE(WIFEXITED(status)) << status;
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
