// Ordinary computing works in a sandboxed worker, and what can't be sandboxed is refused.
#include <plait/portable/errors.hpp>
#include <plait/threads/thread_pool_executor.hpp>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>
#include <stop_token>
#include <system_error>
#include <thread>

#include "sandbox_fixture_test.hpp"
#include "shared_buffer_fixture_test.hpp"
#include <sys/resource.h>
#include <tests/support/recorded_reports.hpp>

namespace crashing_inside {

[[gnu::noinline]] int read_address(std::uintptr_t address) {
  volatile int read = *reinterpret_cast<volatile int*>(address);
  return read + 1;
}
[[gnu::noinline]] int abort_here(int n) {
  if (n == 0) std::abort();
  return n;
}

}  // namespace crashing_inside

namespace {

using namespace pool_test;
using plait::cancel_outcome;
using plait::process_pool_options;
using testing::AllOf;
using testing::HasSubstr;

class sandbox_compute : public sandbox_test, public testing::WithParamInterface<plait::start_method> {
 protected:
  [[nodiscard]] static process_pool_options options() {
    return {.max_workers = 2, .start = GetParam(), .sandbox = plait::sandbox::compute};
  }
};
INSTANTIATE_TEST_SUITE_P(started_by, sandbox_compute,
                         testing::Values(plait::start_method::fork_server, plait::start_method::spawn),
                         [](const auto& info) {
                           return info.param == plait::start_method::spawn ? std::string("spawn") : "fork_server";
                         });

std::map<std::string, int> count_words(const std::vector<std::string>& words) {
  std::map<std::string, int> counts;
  for (const auto& word : words) ++counts[word];
  return counts;
}

TEST_P(sandbox_compute, runs_calls) {
  process_pool_executor pool(options());
  expect_next_hundred(pool);
  EXPECT_EQ(pool.submit(count_words, std::vector<std::string>{"a", "b", "a"}).result(),
            (std::map<std::string, int>{{"a", 2}, {"b", 1}}));
}

std::vector<int> sorted(std::vector<int> numbers) {
  std::ranges::sort(numbers);
  return numbers;
}

TEST_P(sandbox_compute, takes_and_gives_much) {
  process_pool_executor pool(options());
  for (const std::size_t size : {std::size_t{10}, std::size_t{50'000}, std::size_t{3'000'000}}) {
    std::vector<int> numbers(size);
    std::iota(numbers.rbegin(), numbers.rend(), 0);
    auto expected = numbers;
    std::ranges::sort(expected);
    EXPECT_EQ(pool.submit(sorted, numbers).result(), expected);
  }
}

int throws(const std::string& text) { throw std::out_of_range(text); }

TEST_P(sandbox_compute, throws) {
  process_pool_executor pool(options());
  const auto call = pool.submit(throws, std::string("far out"));
  EXPECT_THROW(call.result(), std::out_of_range);
  EXPECT_THAT(call.remote_trace(), HasSubstr("throws"));  // the names are put to it here
  expect_next_hundred(pool);
}

// What it calls one after the other needs the kernel, and gets it.
TEST_P(sandbox_compute, asks_for_what_computing_needs) {
  process_pool_executor pool(options());
  const auto needs = [] {
    std::vector<std::thread> threads;
    std::atomic<long> sum{0};
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&sum] {
        std::vector<std::string> many;  // grows and is given back, in this thread's part of the heap
        for (int k = 0; k < 5'000; ++k) many.emplace_back(100, 'x');
        many.clear();
        many.shrink_to_fit();
        ++sum;
      });
    for (auto& thread : threads) thread.join();
    std::vector<char> large(std::size_t{64} << 20, 'l');
    sum += large[large.size() / 2];
    std::this_thread::sleep_for(std::chrono::microseconds(1));
    const std::time_t now = std::time(nullptr);
    sum += std::localtime(&now) != nullptr;
    sum += std::mktime(std::localtime(&now)) == now;
    sum += static_cast<long>(std::random_device()() != 0);
    sum += std::chrono::steady_clock::now().time_since_epoch().count() > 0;
    sum += ::getpid() > 1;
    std::string text(100, '\0');
    text.resize(static_cast<std::size_t>(std::snprintf(text.data(), text.size(), "%.3f %s", 1.5, "text")));
    sum += static_cast<long>(std::stod(text));
    return sum > 0;
  };
  EXPECT_TRUE(pool.submit(needs).result());
  expect_next_hundred(pool);
}

int until_asked(std::stop_token stop) {
  while (!stop.stop_requested()) std::this_thread::yield();
  return 7;
}

// Told how many, a pool need not open the files that say it.
TEST_P(sandbox_compute, has_a_pool_of_threads_of_its_own) {
  process_pool_executor pool(options());
  const auto squares = [] {
    plait::thread_pool_executor threads({.max_workers = 2});
    return threads.submit(square, 3).result() + threads.submit(square, 4).result();
  };
  EXPECT_EQ(pool.submit(squares).result(), 25);
}

TEST_P(sandbox_compute, is_asked_to_stop) {
  process_pool_executor pool(options());
  auto call = pool.submit(until_asked);
  while (!call.running()) std::this_thread::yield();
  auto asked = call.cancel();
  while (asked == cancel_outcome::dropped) {  // it was not there yet
    call = pool.submit(until_asked);
    while (!call.running()) std::this_thread::yield();
    asked = call.cancel();
  }
  EXPECT_EQ(asked, cancel_outcome::asked);
  EXPECT_EQ(call.result(), 7);
}

// It dies as any other does.
TEST_P(sandbox_compute, crashes) {
  process_pool_executor pool(options());
  EXPECT_EQ(death_of(pool.submit(die_by, SIGSEGV)).signal(), SIGSEGV);
  EXPECT_EQ(death_of(pool.submit(die_by, SIGABRT)).signal(), SIGABRT);
  EXPECT_EQ(death_of(pool.submit(leave_at_once, 3)).exit_code(), 3);
  expect_next_hundred(pool);
}

// ── crashes ──

int throw_in_a_thread(int n) {
  std::thread([n] { throw std::out_of_range(std::to_string(n)); }).join();
  return n;
}

// All that the handler asks the kernel for is allowed.
TEST_P(sandbox_compute, crashes_with_a_stack) {
  if (sanitized) GTEST_SKIP() << "a sanitizer handles crashes";
  process_pool_executor pool(options());
  const auto fault = death_of(pool.submit(crashing_inside::read_address, std::uintptr_t{0x10}));
  EXPECT_EQ(fault.signal(), SIGSEGV);
  EXPECT_EQ(fault.fault(), "address 0x10 is not mapped");
  EXPECT_EQ(fault.cause(), "");
  EXPECT_THAT(fault.stack(), HasSubstr("crashing_inside::read_address("));
  const auto aborted = death_of(pool.submit(crashing_inside::abort_here, 0));
  EXPECT_EQ(aborted.signal(), SIGABRT);
  EXPECT_THAT(aborted.stack(), HasSubstr("crashing_inside::abort_here("));
  const auto uncaught = death_of(pool.submit(throw_in_a_thread, 77));
  EXPECT_EQ(uncaught.signal(), SIGABRT);
  EXPECT_THAT(uncaught.last_lines(), HasSubstr("77"));
  expect_next_hundred(pool);
}

using sandbox_workers = sandbox_test;

// ── memory limits ──

std::pair<pid_t, std::size_t> leak_in_worker(std::size_t bytes) {
  static auto& leaked = *new std::vector<std::vector<char>>;
  leaked.emplace_back(bytes, 'x');
  return {::getpid(), leaked.size()};
}

// It measures itself after each call, inside.
TEST_F(sandbox_workers, are_replaced_at_their_memory_limit) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's own memory is above any such limit";
  process_pool_executor pool(
      {.max_workers = 1, .worker_memory_limit = std::size_t{64} << 20, .sandbox = plait::sandbox::compute});
  std::set<pid_t> pids;
  std::size_t most = 0;
  for (int i = 0; i < 100; ++i) {
    const auto [pid, leaks] = pool.submit(leak_in_worker, std::size_t{3} << 20).result();
    pids.insert(pid);
    most = std::max(most, leaks);
  }
  EXPECT_GE(pids.size(), 4U);  // 300 MB in all
  EXPECT_GE(most, 5U) << "none is replaced before";
  EXPECT_LE(most, 25U) << "and none much later";
}

// ── shared buffers ──

TEST_P(sandbox_compute, reads_and_writes_shared_buffers) {
  process_pool_executor pool(options());
  for (const std::size_t size : {std::size_t{1}, std::size_t{100'000}, std::size_t{10'000'000}}) {
    const auto buffer = filled(size, 'a');
    EXPECT_TRUE(pool.submit(is_full_of, buffer, 'a').result());
    pool.submit([](shared_buffer given) { fill(given, 'b'); }, buffer).result();
    EXPECT_TRUE(is_full_of(buffer, 'b'));
  }
}

shared_buffer& buffer_kept() {
  static shared_buffer in_this_worker;
  return in_this_worker;
}
void keep_buffer(shared_buffer buffer) { buffer_kept() = std::move(buffer); }

// They stay open; and one that comes again is the same.
TEST_F(sandbox_workers, keep_shared_buffers_of_the_initializer) {
  const auto mine = filled(100'000, 'a');
  process_pool_executor pool(
      {.max_workers = 1, .initializer = {keep_buffer, mine}, .sandbox = plait::sandbox::compute});
  const auto copies = [](shared_buffer to) { std::ranges::copy(buffer_kept().bytes(), to.data()); };
  std::vector<shared_buffer> others;
  std::vector<plait::future<void>> calls;
  for (int i = 0; i < 20; ++i) {
    others.emplace_back(mine.size());
    calls.push_back(pool.submit(copies, others.back()));
  }
  for (const auto& call : calls) call.result();
  for (const auto& other : others) EXPECT_TRUE(is_full_of(other, 'a'));
  EXPECT_TRUE(pool.submit([](shared_buffer again) { return again == buffer_kept(); }, mine).result());
}

// What comes for a call while the worker is not inside yet: the initializer's large result lets it in.
TEST_F(sandbox_workers, have_the_buffers_of_a_call_that_came_before_they_entered) {
  const auto large = [] { return std::vector<char>(1'000'000, 'x'); };
  process_pool_executor pool({.max_workers = 1, .initializer = large, .sandbox = plait::sandbox::compute});
  const auto buffer = filled(100'000, 'a');
  EXPECT_TRUE(pool.submit(is_full_of, buffer, 'a').result());
}

TEST_F(sandbox_workers, make_and_return_no_shared_buffers) {
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto pid = pool.submit(own_pid).result();
  const auto make = [](std::size_t bytes) { return shared_buffer(bytes).size(); };
  for (const auto bytes : {std::size_t{100}, std::size_t{10'000'000}}) {
    try {
      pool.submit(make, bytes).result();
      FAIL() << "it has made one";
    } catch (const std::system_error& error) {
      EXPECT_EQ(error.code().value(), EPERM);
      EXPECT_THAT(error.what(), HasSubstr("a sandboxed worker can make no shared memory"));
    }
  }
  const auto give_back = [](shared_buffer buffer) { return buffer; };
  EXPECT_THAT(message_of<plait::not_portable>([&] { return pool.submit(give_back, filled(100, 'a')).result(); }),
              HasSubstr("can't be sent back by a sandboxed worker"));
  EXPECT_EQ(pool.submit(own_pid).result(), pid);
}

// ── retries ──

// It may be blamed for what another has left behind; so it has another worker, as after other deaths.
TEST_F(sandbox_workers, that_are_killed_three_times_by_a_call_run_it_no_more) {
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto call =
      pool.submit({.retries = 9, .retry_on = plait::retry_on<worker_died>}, contents_of, std::string("/etc/passwd"));
  EXPECT_EQ(forbidden_call(call), "openat");
  EXPECT_THAT(death_of(call).what(), HasSubstr("3 workers died of this call, so it is not run again"));
  expect_next_hundred(pool);
}

// ── what they have ──

// All that is open: stdin, stdout, stderr, the control socket and two bells.
TEST_F(sandbox_workers, have_nothing_open_but_what_they_need) {
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto open = [] {
    std::vector<int> found;
    for (int number = 0; number < 2048; ++number)
      if (::fcntl(number, F_GETFD) >= 0) found.push_back(number);
    return found;
  };
  EXPECT_EQ(pool.submit(open).result(), (std::vector<int>{0, 1, 2, 256, 257, 258}));
  const auto limits = [] {
    rlimit files{}, descriptors{};
    ::getrlimit(RLIMIT_FSIZE, &files);
    ::getrlimit(RLIMIT_NOFILE, &descriptors);
    return std::pair(files.rlim_max, descriptors.rlim_max);
  };
  EXPECT_EQ(pool.submit(limits).result(), (std::pair<rlim_t, rlim_t>(0, 256)));
}

std::string& text_in_worker() {
  static std::string text;
  return text;
}
std::string text_kept() { return text_in_worker(); }

// Outside, since it loads what calls need; once it is done, its worker is inside.
TEST_F(sandbox_workers, run_the_initializer_before_they_enter) {
  const auto loads = [] { text_in_worker() = contents_of("/proc/self/comm"); };
  process_pool_executor pool(
      {.max_workers = 1, .worker_name_prefix = "inside", .initializer = loads, .sandbox = plait::sandbox::compute});
  EXPECT_EQ(pool.submit(text_kept).result(), "inside_0\n");
  EXPECT_EQ(forbidden_call(pool.submit(contents_of, std::string("/proc/self/comm"))), "openat");
  EXPECT_EQ(pool.submit(text_kept).result(), "inside_0\n");
}

// No call runs then: none is to blame, and it is told.
TEST_F(sandbox_workers, are_killed_for_what_they_do_between_calls) {
  const test_support::recorded_reports reports;
  process_pool_executor pool({.max_workers = 1, .sandbox = plait::sandbox::compute});
  const auto prepares = [] {
    ::signal(SIGUSR1, [](int) { static_cast<void>(::open("/etc/passwd", O_RDONLY)); });
    return own_pid();
  };
  const watched_process worker(pool.submit(prepares).result());
  worker.signal(SIGUSR1);
  worker.wait_until_gone();
  expect_next_hundred(pool);
  pool.shutdown();
  EXPECT_THAT(test_support::recorded_reports::text(), HasSubstr("its sandbox forbids the system call openat"));
}

TEST(sandbox_refused, for_paths_that_can_not_be) {
  using plait::sandbox::read_only;
  const auto message = [](std::vector<std::string> paths) {
    return message_of<std::invalid_argument>(
        [&] { const process_pool_executor pool({.sandbox = read_only{std::move(paths)}}); });
  };
  EXPECT_THAT(message({}), HasSubstr("sandbox.paths is empty; expected one path or more"));
  EXPECT_THAT(message({"/tmp", "/no/such/place"}),
              HasSubstr("sandbox.paths is \"/no/such/place\"; expected files or folders that exist"));
  EXPECT_THAT(message({""}), HasSubstr("sandbox.paths is \"\""));
}

TEST(sandbox_refused, where_this_build_or_kernel_has_none) {
  const auto why = plait::detail::why_no_filter();
  if (why.empty()) GTEST_SKIP() << "it has one";
  EXPECT_THAT(message_of<plait::broken_executor>(
                  [] { const process_pool_executor pool({.sandbox = plait::sandbox::compute}); }),
              HasSubstr(why));
}

}  // namespace
