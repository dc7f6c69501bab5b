// What is missing for a shared buffer, here or in the worker: an error of that call that names it, and all is well
// once it is there. Each is a program of its own.
#include <plait/portable/errors.hpp>

#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "process_limits_test.hpp"
#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"
#include "shared_buffer_fixture_test.hpp"
#include <sys/resource.h>

namespace {

using namespace pool_test;

void expect_error(const std::pair<int, std::string>& error, int code, const char* says, int fault) {
  if (error.first == code && error.second.find(says) != std::string::npos) return;
  program::tell("error " + std::to_string(error.first) + ": " + error.second);
  ::_exit(fault);
}

/// The number of the next new descriptor; after it they have no gaps.
rlim_t next_descriptor() {
  for (;;) {
    const int made = ::dup(STDERR_FILENO);
    program::require(made >= 0, 25);
    if (static_cast<std::size_t>(made) + 1 != open_descriptors() - 1) continue;  // there are others above it
    ::close(made);
    return static_cast<rlim_t>(made);
  }
}

shared_buffer same_again(shared_buffer buffer) { return buffer; }
std::size_t how_many(std::vector<shared_buffer> buffers) { return buffers.size(); }
std::vector<shared_buffer> make_many(std::size_t count) {
  std::vector<shared_buffer> made;
  for (std::size_t i = 0; i < count; ++i) made.emplace_back(1);
  return made;
}

PLAIT_PROGRAM(buffers_without_a_descriptor_here) {
  process_pool_executor pool({.max_workers = 1});
  const shared_buffer buffer(100);
  program::require(pool.submit(same_again, buffer).result() == buffer, 2);
  started_pids(pool);  // from now on no descriptor of its start comes or goes
  const auto next = next_descriptor();
  const auto open = open_descriptors();
  {
    const limited none(RLIMIT_NOFILE, next);
    expect_error(error_of([] { return shared_buffer(100); }), EMFILE, "memfd_create", 3);
    expect_error(error_of([&] { return pool.submit(make_many, std::size_t{1}).result(); }), EMFILE, "shared buffers",
                 4);
  }
  {
    const limited few(RLIMIT_NOFILE, next + 3);
    expect_error(error_of([&] { return pool.submit(make_many, std::size_t{10}).result(); }), EMFILE, "shared buffers",
                 5);
    program::require(pool.submit(make_many, std::size_t{2}).result().size() == 2, 6);
  }
  program::require(open_descriptors() == open, 7);
  program::require(pool.submit(make_many, std::size_t{10}).result().size() == 10, 8);
}

PLAIT_PROGRAM(buffers_without_a_descriptor_there) {
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  const auto ten = make_many(10);
  const auto next = pool.submit(next_descriptor).result();
  const auto open = pool.submit(open_descriptors).result();
  {
    const limited few(RLIMIT_NOFILE, next + 5, pid);
    expect_error(error_of([&] { return pool.submit(how_many, ten).result(); }), EMFILE, "could not be mapped", 2);
    expect_error(error_of([&] { return pool.submit(make_many, std::size_t{20}).result(); }), EMFILE, "memfd_create",
                 3);
    program::require(pool.submit(own_pid).result() == pid, 4);
  }
  program::require(pool.submit(how_many, ten).result() == 10, 5);
  program::require(pool.submit(open_descriptors).result() == open, 6);
  program::require(pool.submit(own_pid).result() == pid, 7);
}

PLAIT_PROGRAM(buffers_without_memory) {
  process_pool_executor pool({.max_workers = 1});
  program::require(pool.submit(square, 3).result() == 9, 2);
  const auto make = [](std::size_t bytes) { return shared_buffer(bytes); };
  const auto pid = pool.submit(own_pid).result();
  {
    const limited here(RLIMIT_FSIZE, 1'000'000);
    expect_error(error_of([] { return shared_buffer(20'000'000); }), EFBIG, "bytes of shared memory", 3);
    const limited there(RLIMIT_FSIZE, 1'000'000, pid);
    expect_error(error_of([&] { return pool.submit(make, std::size_t{20'000'000}).result(); }), EFBIG,
                 "bytes of shared memory", 4);
    // What is not to be had is not even tried.
    expect_error(error_of([&] { return pool.submit(make, std::size_t{1} << 46).result(); }), EFBIG,
                 "bytes of shared memory", 5);
  }
  expect_error(error_of([&] { return pool.submit(make, std::size_t{1} << 46).result(); }), ENOMEM,
               "bytes of shared memory", 6);
  program::require(pool.submit(make, std::size_t{20'000'000}).result().size() == 20'000'000, 7);
  program::require(pool.submit(own_pid).result() == pid, 8);
}

PLAIT_PROGRAM(more_buffers_than_go_along) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 4000);
  program::require(limit.rlim_cur >= 2500 && ::setrlimit(RLIMIT_NOFILE, &limit) == 0, 2);
  process_pool_executor pool({.max_workers = 1});
  auto many = make_many(1001);
  expect_error(error_of([&] { return pool.submit(how_many, many).result(); }), -1, "1001 different shared buffers",
               3);
  expect_error(error_of([&] { return pool.submit(make_many, std::size_t{1001}).result(); }), -1,
               "1001 different shared buffers", 4);
  expect_error(error_of([&] {
                 return process_pool_executor({.max_workers = 1, .initializer = {how_many, many}}).max_workers();
               }),
               -1, "1001 different shared buffers", 5);
  many.pop_back();
  program::require(pool.submit(how_many, many).result() == 1000, 6);
  program::require(pool.submit(make_many, std::size_t{1000}).result().size() == 1000, 7);
}

PLAIT_PROGRAM(buffers_without_address_space) {
  process_pool_executor pool({.max_workers = 1});
  const auto pid = pool.submit(own_pid).result();
  const shared_buffer buffer(50'000'000);
  {
    const limited little(RLIMIT_AS, address_space_in_use(pid) + 10'000'000, pid);
    expect_error(error_of([&] { return pool.submit(same_again, buffer).result(); }), ENOMEM, "mmap", 2);
    program::require(pool.submit(own_pid).result() == pid, 3);
  }
  program::require(pool.submit(same_again, buffer).result() == buffer, 4);
}

class shared_buffer_limits : public testing::TestWithParam<const char*> {};
const auto limit_named = [](const auto& info) { return std::string(info.param); };
INSTANTIATE_TEST_SUITE_P(of, shared_buffer_limits,
                         testing::Values("buffers_without_a_descriptor_here", "buffers_without_a_descriptor_there",
                                         "buffers_without_memory", "more_buffers_than_go_along"),
                         limit_named);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // those have mapped all that there is
INSTANTIATE_TEST_SUITE_P(without_sanitizers_of, shared_buffer_limits,
                         testing::Values("buffers_without_address_space"), limit_named);
#endif

TEST_P(shared_buffer_limits, there_is_an_error_and_all_is_well_after_it) {
  program poor(GetParam());
  EXPECT_EQ(poor.hear(), "");
  EXPECT_EQ(poor.errors(), "");
  const int status = poor.wait();
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "wait status " << status;
}

}  // namespace
