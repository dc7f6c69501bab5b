// What the system refuses: processes, descriptors, memory. The call, or the pool's next one, has an error that names
// what was missing; nothing hangs, and once the limit is lifted all is well. Each is a program of its own.
#include <plait/core/report.hpp>
#include <plait/processes/internal/server_client.hpp>

#include <system_error>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include <sys/resource.h>

namespace {

using namespace pool_test;
using plait::detail::server_pid;
using testing::AnyOf;
using testing::HasSubstr;

constexpr uid_t nobody = 65534;

/// The limits on processes do not concern root.
void become_ordinary_user() {
  if (::geteuid() != 0) return;
  program::require(::setgid(nobody) == 0 && ::setuid(nobody) == 0, 20);
  // Whose program this is stays hidden otherwise: that of another user, as it was.
  program::require(::prctl(PR_SET_DUMPABLE, 1) == 0, 21);
}

/// The soft limit of a process, as long as it lives.
class limited {
 public:
  limited(__rlimit_resource what, rlim_t most, pid_t process = 0) : what_(what), process_(process) {
    program::require(::prlimit(process, what, nullptr, &before_) == 0, 22);
    const rlimit now{most, before_.rlim_max};
    program::require(::prlimit(process, what, &now, nullptr) == 0, 23);
  }
  limited(const limited&) = delete;
  limited& operator=(const limited&) = delete;
  ~limited() { program::require(::prlimit(process_, what_, &before_, nullptr) == 0, 24); }

 private:
  __rlimit_resource what_;
  pid_t process_;
  rlimit before_{};
};

/// What submit throws or the future holds: the error's code and text.
template <class Submit> std::pair<int, std::string> error_of(Submit submit) {
  try {
    submit().result();
    return {0, "no error"};
  } catch (const std::system_error& error) {
    return {error.code().value(), error.what()};
  } catch (const std::exception& error) {
    return {-1, error.what()};
  }
}

void expect_error(const std::pair<int, std::string>& error, std::initializer_list<int> codes, int fault) {
  if (std::ranges::find(codes, error.first) != codes.end()) return;
  program::tell("error " + std::to_string(error.first) + ": " + error.second);
  ::_exit(fault);
}

// ── processes ──

PLAIT_PROGRAM(may_have_no_process_at_all) {
  become_ordinary_user();
  process_pool_executor pool({.max_workers = 2});
  {
    const limited none(RLIMIT_NPROC, 0);
    for (int i = 0; i < 5; ++i) expect_error(error_of([&] { return pool.submit(square, 3); }), {EAGAIN}, 2);
    program::require(pool.workers() == 0 && pool.pending() == 0, 3);
  }
  for (int i = 0; i < 10; ++i) program::require(pool.submit(square, i).result() == i * i, 4);
}

PLAIT_PROGRAM(may_have_no_further_worker) {
  become_ordinary_user();
  process_pool_executor pool({.max_workers = 1});
  program::require(pool.submit(square, 3).result() == 9, 2);
  death_of(pool.submit(leave_at_once, 0));
  {
    const limited none(RLIMIT_NPROC, 0, server_pid());
    for (int i = 0; i < 5; ++i) {
      const auto error = error_of([&] { return pool.submit(square, 3); });
      expect_error(error, {EAGAIN}, 3);
      program::require(error.second.find("fork") != std::string::npos, 4);
    }
    program::require(pool.workers() == 0 && pool.pending() == 0, 5);
  }
  for (int i = 0; i < 10; ++i) program::require(pool.submit(square, i).result() == i * i, 6);
}

// One worker that lives does the work of those that can't be had.
PLAIT_PROGRAM(may_have_one_worker_only) {
  become_ordinary_user();
  plait::set_report_function([](plait::severity, std::string_view) noexcept {});
  process_pool_executor pool({.max_workers = 4});
  program::require(pool.submit(square, 3).result() == 9, 2);
  {
    const limited none(RLIMIT_NPROC, 0, server_pid());
    std::vector<plait::future<int>> calls;
    for (int i = 0; i < 50; ++i) calls.push_back(pool.submit(square, i));
    for (int i = 0; i < 50; ++i) program::require(calls[static_cast<std::size_t>(i)].result() == i * i, 3);
  }
  program::require(started_pids(pool).size() == 4, 4);  // no slot is lost
}

// ── descriptors ──

PLAIT_PROGRAM(has_no_descriptor_left) {
  {
    const limited none(RLIMIT_NOFILE, open_descriptors() - 1);
    expect_error(error_of([] {
                   process_pool_executor pool({.max_workers = 2});
                   return pool.submit(square, 3);
                 }),
                 {EMFILE}, 2);
  }
  process_pool_executor pool({.max_workers = 2});
  program::require(pool.submit(square, 3).result() == 9, 2);  // the server has its limits for good
  const auto lose_a_worker = [&](rlim_t spare) {
    const limited few(RLIMIT_NOFILE, open_descriptors() - 1 + spare);
    expect_error(error_of([&] { return pool.submit(leave_at_once, 0); }), {-1, EMFILE}, 3);
    // What became of a worker is told later than its first reply may come.
    while (pool.worker_pids().size() != static_cast<std::size_t>(pool.workers())) std::this_thread::yield();
  };
  // One more each time: each thing that a worker needs is once the one that can't be had.
  for (rlim_t spare = 0; spare < 40; ++spare) lose_a_worker(spare);
  expect_error(error_of([&] { return pool.submit(square, 3); }), {0}, 4);
  program::require(started_pids(pool).size() == 2, 5);
}

PLAIT_PROGRAM(has_a_server_without_descriptors) {
  process_pool_executor pool({.max_workers = 2});
  program::require(pool.submit(square, 3).result() == 9, 2);
  death_of(pool.submit(leave_at_once, 0));
  for (rlim_t most = 3; most < 30; ++most) {
    const limited few(RLIMIT_NOFILE, most, server_pid());
    expect_error(error_of([&] { return pool.submit(leave_at_once, 0); }), {-1, EMFILE}, 3);
  }
  expect_error(error_of([&] { return pool.submit(square, 3); }), {0}, 4);
  program::require(started_pids(pool).size() == 2, 5);
}

// ── memory ──

std::size_t size_of(const std::vector<char>& bytes) { return bytes.size(); }
std::vector<char> of_size(std::size_t size) { return std::vector<char>(size, 'x'); }

PLAIT_PROGRAM(has_no_shared_memory_for_an_argument) {
  process_pool_executor pool({.max_workers = 1});
  program::require(pool.submit(square, 3).result() == 9, 2);
  const std::vector<char> much(20'000'000, 'a');
  {
    const limited little(RLIMIT_FSIZE, 1'000'000);
    const auto error = error_of([&] { return pool.submit(size_of, much); });
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
    const auto error = error_of([&] { return pool.submit(of_size, std::size_t{20'000'000}); });
    expect_error(error, {EFBIG}, 3);
    program::require(pool.submit(square, 3).result() == 9, 4);
  }
  program::require(pool.submit(of_size, std::size_t{20'000'000}).result().size() == 20'000'000, 5);
}

PLAIT_PROGRAM(has_no_shared_memory_for_a_worker) {
  process_pool_executor pool({.max_workers = 2});
  {
    const limited little(RLIMIT_FSIZE, 4'096);
    expect_error(error_of([&] { return pool.submit(square, 3); }), {EFBIG}, 2);
  }
  program::require(pool.submit(square, 3).result() == 9, 3);
  program::require(started_pids(pool).size() == 2, 4);
}

rlim_t address_space_in_use(pid_t process) {
  std::ifstream statm("/proc/" + std::to_string(process) + "/statm");
  rlim_t pages = 0;
  statm >> pages;
  return pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE));
}

// The worker may map nothing large: its argument can't be read, its result can't be written; it lives on.
PLAIT_PROGRAM(has_a_worker_without_address_space) {
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  const std::vector<char> much(50'000'000, 'a');
  {
    const limited little(RLIMIT_AS, address_space_in_use(pid) + 10'000'000, pid);
    const auto error = error_of([&] { return pool.submit(size_of, much); });
    expect_error(error, {ENOMEM}, 2);
    program::require(error.second.find("arguments could not be mapped") != std::string::npos, 3);
    expect_error(error_of([&] { return pool.submit(of_size, std::size_t{50'000'000}); }), {ENOMEM, -1}, 4);
    program::require(pool.submit(own_pid).result() == pid, 5);
  }
  program::require(pool.submit(size_of, much).result() == much.size(), 6);
  program::require(pool.submit(own_pid).result() == pid, 7);
}

class process_pool_limits : public testing::TestWithParam<const char*> {};
const auto named = [](const auto& info) { return std::string(info.param); };
INSTANTIATE_TEST_SUITE_P(where_it, process_pool_limits,
                         testing::Values("may_have_no_process_at_all", "may_have_no_further_worker",
                                         "may_have_one_worker_only", "has_no_descriptor_left",
                                         "has_a_server_without_descriptors", "has_no_shared_memory_for_an_argument",
                                         "has_no_shared_memory_for_a_result", "has_no_shared_memory_for_a_worker"),
                         named);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // those have mapped all that there is
INSTANTIATE_TEST_SUITE_P(where_without_sanitizers_it, process_pool_limits,
                         testing::Values("has_a_worker_without_address_space"), named);
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
