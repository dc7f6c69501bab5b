// What worker_died tells of a crash: the fault, the stack with names and lines, the call and its sizes.
#include <cstddef>
#include <cstring>
#include <thread>

#include "process_pool_fixture_test.hpp"
#include "process_pool_own_link_test.hpp"
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#ifdef __clang__
#define STAYS_A_FUNCTION [[gnu::noinline]]
#else
#define STAYS_A_FUNCTION [[gnu::noipa]]  // nor a clone of one
#endif

namespace crashing {

// What they read is volatile, and used after it was read: nothing is left out, no call is a jump.

STAYS_A_FUNCTION int read_address(std::uintptr_t address) {
  volatile int read = *reinterpret_cast<volatile int*>(address);
  return read + 1;
}
STAYS_A_FUNCTION int read_behind_a_file(int) {
  const int file = ::memfd_create("plait:test", MFD_CLOEXEC);
  auto* const memory = static_cast<volatile char*>(::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, file, 0));
  volatile int read = memory[100];
  return read + 1;
}
STAYS_A_FUNCTION int divide_by(int divisor) {
  volatile int zero = divisor;
  volatile int quotient = 100 / zero;
  return quotient + 1;
}
STAYS_A_FUNCTION int trap(int) { __builtin_trap(); }
STAYS_A_FUNCTION int abort_here(int code) {
  if (code == 0) std::abort();
  return code;
}
STAYS_A_FUNCTION int raise_here(int signal) {
  volatile int raised = ::raise(signal);
  return raised + 1;
}
STAYS_A_FUNCTION int recurse(int depth) {
  volatile char memory[512];
  memory[0] = static_cast<char>(depth);
  return depth < 0 ? 0 : recurse(depth + 1) + memory[0];
}
STAYS_A_FUNCTION int call_what_is_not_there(std::uintptr_t address) {
  volatile int result = reinterpret_cast<int (*)()>(address)();
  return result + 1;
}
STAYS_A_FUNCTION int throw_here(int n) {
  if (n == 0) throw std::out_of_range("nothing there");
  return n;
}

int read_null(int) { return read_address(0x10) + 1; }
int call_null(int) { return call_what_is_not_there(0) + 1; }
int throws(int n) { return throw_here(n) + 1; }

}  // namespace crashing

namespace {

using namespace pool_test;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// A sanitizer has a handler of its own, which workers keep: then its report is what there is.
bool somebody_else_handles(int signal) {
  std::uintptr_t action[8] = {};
  ::syscall(SYS_rt_sigaction, signal, nullptr, action, sizeof(std::uint64_t));
  return action[0] != 0;
}
#define SKIP_IF_A_SANITIZER_HANDLES(signal) \
  if (somebody_else_handles(signal)) GTEST_SKIP() << "a sanitizer handles signal " << (signal)

struct way_to_crash {
  std::string name;
  int (*call)(int);
  int argument;
  int signal;
  std::string fault;
  std::string function;
  friend void PrintTo(const way_to_crash& w, std::ostream* out) { *out << w.name; }
};

class process_pool_crash : public testing::TestWithParam<way_to_crash> {};

std::vector<way_to_crash> all_ways() {
  return {
      {"segv", crashing::read_null, 0, SIGSEGV, "address 0x10 is not mapped", "crashing::read_address"},
      {"call_of_null", crashing::call_null, 0, SIGSEGV, "address 0x0 is not mapped",
       "crashing::call_what_is_not_there"},
      {"bus", crashing::read_behind_a_file, 0, SIGBUS, "has no memory behind it", "crashing::read_behind_a_file"},
#ifdef __x86_64__  // others give 0, and trap otherwise
      {"division", crashing::divide_by, 0, SIGFPE, "divided by zero", "crashing::divide_by"},
      {"illegal_instruction", crashing::trap, 0, SIGILL, "an illegal instruction", "crashing::trap"},
#endif
      {"abort", crashing::abort_here, 0, SIGABRT, "", "crashing::abort_here"},
      {"trap", crashing::raise_here, SIGTRAP, SIGTRAP, "raised by the process itself", "crashing::raise_here"},
  };
}

INSTANTIATE_TEST_SUITE_P(by, process_pool_crash, testing::ValuesIn(all_ways()),
                         [](const auto& info) { return info.param.name; });

TEST_P(process_pool_crash, tells_fault_and_stack) {
  const auto& how = GetParam();
  SKIP_IF_A_SANITIZER_HANDLES(how.signal);
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit({.name = "decode"}, how.call, how.argument));
  EXPECT_EQ(death.signal(), how.signal);
  EXPECT_THAT(death.fault(), HasSubstr(how.fault));
  EXPECT_EQ(death.fault().empty(), how.fault.empty());
  EXPECT_THAT(death.what(), AllOf(HasSubstr("the call \"decode\""), HasSubstr(death.fault())));
  EXPECT_EQ(std::string(death.what()).find('\n'), std::string::npos) << death.what();
  EXPECT_EQ(death.cause(), "");
  const auto stack = death.stack();
  EXPECT_THAT(stack, HasSubstr(how.function + "("));
  EXPECT_THAT(stack, HasSubstr("process_pool_crash_test.cpp:"));
  EXPECT_THAT(stack, HasSubstr("worker_main")) << "down to where the worker began";
  EXPECT_THAT(stack, Not(HasSubstr("on_crash"))) << "the handler's own frames";
  expect_next_hundred(pool);
}

TEST(process_pool_crashes, has_the_innermost_frame_first) {
  SKIP_IF_A_SANITIZER_HANDLES(SIGSEGV);
  process_pool_executor pool({.max_workers = 1});
  const auto stack = death_of(pool.submit(crashing::read_null, 0)).stack();
  EXPECT_TRUE(stack.starts_with("crashing::read_address(unsigned long) at ")) << stack;
  EXPECT_LT(stack.find("crashing::read_address"), stack.find("crashing::read_null")) << stack;
}

TEST(process_pool_crashes, of_a_spawned_worker_are_told_too) {
  SKIP_IF_A_SANITIZER_HANDLES(SIGSEGV);
  process_pool_executor pool({.max_workers = 1, .start = plait::start_method::spawn});
  EXPECT_THAT(death_of(pool.submit(crashing::read_null, 0)).stack(), HasSubstr("crashing::read_address"));
}

TEST(process_pool_crashes, by_a_signal_from_outside_name_the_sender) {
  SKIP_IF_A_SANITIZER_HANDLES(SIGABRT);
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit(wait_at, gate.path(), 1);
  gate.wait_for(1);
  watched_process(known_pids(pool, 1)[0]).signal(SIGABRT);
  const auto death = death_of(call);
  EXPECT_EQ(death.signal(), SIGABRT);
  EXPECT_EQ(death.fault(), "sent by process " + std::to_string(::getpid()));
  EXPECT_THAT(death.stack(), HasSubstr("pool_test::wait_at(")) << "where it was then";
}

TEST(process_pool_crashes, by_a_full_stack_are_told) {
  SKIP_IF_A_SANITIZER_HANDLES(SIGSEGV);
  rlimit limit{};
  ::getrlimit(RLIMIT_STACK, &limit);
  if (limit.rlim_cur > (rlim_t{64} << 20)) GTEST_SKIP() << "stacks have more than 64 MiB here";
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit(crashing::recurse, 0));
  EXPECT_EQ(death.signal(), SIGSEGV);
  EXPECT_THAT(death.fault(), HasSubstr("the stack overflowed"));
  const auto stack = death.stack();
  EXPECT_TRUE(stack.starts_with("crashing::recurse(int) at ")) << stack;
  EXPECT_TRUE(stack.ends_with("\n...\n")) << stack;
}

int crash_in_a_thread(int depth) {
  std::thread([&] { depth += depth < 0 ? crashing::read_null(0) : crashing::recurse(depth); }).join();
  return depth;
}

TEST(process_pool_crashes, of_a_thread_that_a_call_has_started_are_told) {
  SKIP_IF_A_SANITIZER_HANDLES(SIGSEGV);
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit(crash_in_a_thread, -1));
  EXPECT_EQ(death.fault(), "address 0x10 is not mapped");
  EXPECT_THAT(death.stack(), HasSubstr("crashing::read_address"));
}

// Such a thread has no other stack to run a handler on: a stated limit.
TEST(process_pool_crashes, by_a_full_stack_of_such_a_thread_are_deaths_without_a_stack) {
  SKIP_IF_A_SANITIZER_HANDLES(SIGSEGV);
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit(crash_in_a_thread, 0));
  EXPECT_EQ(death.signal(), SIGSEGV);
  EXPECT_EQ(death.stack(), "");
  expect_next_hundred(pool);
}

// ── whose crash it is ──

int lives_longer_than_its_child(int) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(crashing::read_null(0) != 0 ? 1 : 2);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return die_by(WIFSIGNALED(status) ? WTERMSIG(status) : SIGKILL);
}

TEST(process_pool_crashes, of_a_process_that_a_call_has_forked_are_not_the_workers) {
  SKIP_IF_A_SANITIZER_HANDLES(SIGSEGV);
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit(lives_longer_than_its_child, 0));
  EXPECT_EQ(death.signal(), SIGSEGV) << "the child's signal is still the one that it would have died of";
  EXPECT_EQ(death.stack(), "");
  EXPECT_EQ(death.fault(), "");
}

void handle_it_myself() {
  struct sigaction mine{};
  mine.sa_handler = [](int) {
    constexpr std::string_view words = "handled\n";
    ::_exit(::write(STDERR_FILENO, words.data(), words.size()) > 0 ? 42 : 43);
  };
  ::sigaction(SIGSEGV, &mine, nullptr);
}

TEST(process_pool_crashes, are_the_initializers_handlers_where_it_has_one) {
  process_pool_executor pool({.max_workers = 1, .initializer = handle_it_myself});
  const auto death = death_of(pool.submit(crashing::read_null, 0));
  EXPECT_EQ(death.exit_code(), 42);
  EXPECT_EQ(death.last_lines(), "handled\n");
  EXPECT_EQ(death.stack(), "");
}

// ── workers that lie ──

int scribbles(int how) {
  auto& record = own_link().crash;
  std::memset(static_cast<void*>(&record), how, sizeof record);
  record.signal = SIGSEGV;
  for (std::size_t i = 0; i < sizeof record.names; ++i) record.names[i] = "\033[2J\n/etc/passwd"[i % 16];
  return die_by(SIGSEGV);
}

TEST(process_pool_crashes, of_a_worker_that_scribbles_over_its_record_do_no_harm) {
  process_pool_executor pool({.max_workers = 1});
  for (int how = 0; how < 256; how += sanitized ? 85 : 17) {
    const auto death = death_of(pool.submit(scribbles, how));
    EXPECT_EQ(death.signal(), SIGSEGV);
    const auto text = death.stack() + death.what();
    EXPECT_LT(text.size(), 128 * 1024U);
    EXPECT_EQ(text.find('\033'), std::string::npos);
  }
  expect_next_hundred(pool);
}

// ── the call ──

int dies_with(const std::vector<int>& numbers, int code, const std::string&) {
  return leave_at_once(code + static_cast<int>(numbers.size() % 2));
}

TEST(process_pool_crashes, name_the_sizes_of_the_arguments) {
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit(dies_with, std::vector<int>(1'000), 7, std::string(100, 'x')));
  const auto& sizes = death.argument_sizes();
  ASSERT_EQ(sizes.size(), 3U);
  EXPECT_GE(sizes[0], 4'000U);
  EXPECT_LT(sizes[0], 4'100U);
  EXPECT_EQ(sizes[1], sizeof(int));
  EXPECT_GE(sizes[2], 100U);
  EXPECT_GE(death.call_bytes(), sizes[0] + sizes[1] + 100);
  EXPECT_THAT(death.what(), HasSubstr("(of " + std::to_string(death.call_bytes()) + " bytes, its arguments of " +
                                      std::to_string(sizes[0]) + ", 4 and " + std::to_string(sizes[2]) +
                                      "): it left by exit code 7"));
}

TEST(process_pool_crashes, tell_of_a_call_of_numbers_what_it_took) {
  process_pool_executor pool({.max_workers = 1});
  const auto without = death_of(pool.submit([] { die_by(SIGKILL); }));
  EXPECT_EQ(without.call_bytes(), 0U);
  EXPECT_THAT(without.what(), Not(HasSubstr("bytes")));
  const auto with = death_of(pool.submit([](int signal, int) { die_by(signal); }, SIGKILL, 7));
  EXPECT_EQ(with.call_bytes(), 2 * sizeof(int));
  EXPECT_EQ(with.argument_sizes(), (std::vector<std::size_t>{sizeof(int), sizeof(int)}));
}

TEST(process_pool_crashes, do_not_measure_the_parts_of_a_large_call) {
  process_pool_executor pool({.max_workers = 1});
  const auto death = death_of(pool.submit(dies_with, std::vector<int>(1'000'000), 7, std::string()));
  EXPECT_TRUE(death.argument_sizes().empty());
  EXPECT_GE(death.call_bytes(), 4'000'000U);
  EXPECT_THAT(death.what(), HasSubstr("(of " + std::to_string(death.call_bytes()) + " bytes): it left"));
}

TEST(process_pool_crashes, of_an_initializer_are_in_the_broken_executors_cause) {
  SKIP_IF_A_SANITIZER_HANDLES(SIGSEGV);
  process_pool_executor pool({.max_workers = 1, .initializer = {crashing::read_null, 0}});
  try {
    pool.submit(square, 2).result();
    FAIL();
  } catch (const plait::broken_executor& broken) {
    EXPECT_THAT(broken.what(), HasSubstr("address 0x10 is not mapped"));
  }
}

// ── exceptions ──

TEST(process_pool_exceptions, carry_the_stack_of_where_they_were_thrown) {
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit(crashing::throws, 0);
  EXPECT_TRUE(call.exception());
  const auto trace = call.remote_trace();
#if !defined(__GLIBCXX__)
  if (trace.empty()) GTEST_SKIP() << "this program's C++ runtime can't be asked";
#endif
  // What throws, an optimizer may move out of the function, to a part of it that has a name of its own.
  EXPECT_TRUE(trace.starts_with("crashing::throw_here(int)")) << trace;
  EXPECT_THAT(trace, HasSubstr("process_pool_crash_test.cpp:"));
}

}  // namespace
