// Records as no worker of ours would write them: what the parent makes of them is bounded, and fit for a terminal.
#include <plait/processes/internal/crash_record.hpp>
#include <plait/processes/internal/memory_kills.hpp>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>

namespace {

using namespace plait::detail;

std::unique_ptr<crash_record> empty_record(int signal) {
  auto record = std::make_unique<crash_record>();
  std::memset(static_cast<void*>(record.get()), 0, sizeof(crash_record));
  record->signal = static_cast<std::uint32_t>(signal);
  return record;
}

bool is_fit_for_a_terminal(const std::string& text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c == '\n' || (c >= 0x20 && c != 0x7f); });
}

TEST(crash_record, reads_as_it_was_written) {
  auto record = empty_record(SIGSEGV);
  record->code = SEGV_MAPERR;
  record->address = 0x10;
  record->stack_pointer = 0x7fff'0000'0000;
  record->frames[0] = {.offset = 0x1234, .module = crash_record::the_program};
  record->frames[1] = {.offset = 0x20, .module = 1};
  record->frames[2] = {.offset = 0x7f0000000000, .module = crash_record::no_module};
  record->frame_count = 3;
  std::strcpy(record->names + 1, "/lib/libc.so.6");
  const auto report = read_crash(*record, SIGSEGV);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->fault, "address 0x10 is not mapped");
  EXPECT_EQ(report->trace, "program+0x1234\n/lib/libc.so.6+0x20\n?+0x7f0000000000\n");
  record->deeper = 1;
  EXPECT_TRUE(read_crash(*record, SIGSEGV)->trace.ends_with("+0x7f0000000000\n...\n"));
}

TEST(crash_record, says_nothing_of_another_signal) {
  const auto record = empty_record(SIGSEGV);
  EXPECT_FALSE(read_crash(*record, SIGKILL));
  EXPECT_FALSE(read_crash(*empty_record(0), SIGSEGV));
  EXPECT_FALSE(read_crash(*empty_record(0), 0));
  // No handler runs for these: whoever wrote that lies.
  EXPECT_FALSE(read_crash(*empty_record(SIGKILL), SIGKILL));
  EXPECT_FALSE(read_crash(*empty_record(SIGTERM), SIGTERM));
}

TEST(crash_record, tells_an_overflow_by_the_stack_pointer) {
  auto record = empty_record(SIGSEGV);
  record->code = SEGV_MAPERR;
  record->stack_pointer = 0x7fff'0000'0000;
  record->address = record->stack_pointer - 8;
  EXPECT_EQ(read_crash(*record, SIGSEGV)->fault,
            "address 0x7ffefffffff8 is not mapped: most likely the stack overflowed");
}

TEST(crash_record, of_a_liar_is_bounded_and_fit_for_a_terminal) {
  auto record = empty_record(SIGSEGV);
  std::memset(static_cast<void*>(record.get()), 0xff, sizeof(crash_record));
  EXPECT_FALSE(read_crash(*record, SIGSEGV));
  record->signal = SIGSEGV;
  for (std::size_t i = 0; i < sizeof record->names; ++i)
    record->names[i] = "\033[2J\n\r\xc2\x9b"[i % 8];  // no 0 at its end
  for (std::uint32_t i = 0; i < crash_record::most_frames; ++i) record->frames[i].module = i % 9;
  const auto report = read_crash(*record, SIGSEGV);
  ASSERT_TRUE(report);
  EXPECT_TRUE(is_fit_for_a_terminal(report->trace)) << report->trace;
  EXPECT_EQ(std::ranges::count(report->trace, '\n'), crash_record::most_frames + 1);
  EXPECT_LT(report->trace.size(), 64 * 1024U);
}

TEST(crash_record, of_any_bytes_is_bounded_and_fit_for_a_terminal) {
  std::mt19937 random(1);
  auto record = empty_record(0);
  constexpr int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};
  for (int round = 0; round < 2'000; ++round) {
    auto* const bytes = reinterpret_cast<unsigned char*>(record.get());
    std::generate_n(bytes, sizeof(crash_record), [&] { return static_cast<unsigned char>(random()); });
    const int signal = signals[random() % std::size(signals)];
    record->signal = static_cast<std::uint32_t>(signal);
    record->code = static_cast<int>(random() % 16) - 7;
    for (auto& frame : record->frames) frame.module %= 4'000;
    const auto report = read_crash(*record, signal);
    ASSERT_TRUE(report);
    EXPECT_TRUE(
        std::ranges::none_of(report->trace + report->fault, [](unsigned char c) { return c < 0x20 && c != '\n'; }));
    EXPECT_LT(report->trace.size() + report->fault.size(), 64 * 1024U);
  }
}

std::uint64_t oom_kills_in(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  for (std::string word; file >> word;)
    if (word == "oom_kill") file >> number;
  return number;
}

TEST(memory_kills, are_as_many_as_the_file_says_that_is_named) {
  const auto file = count_memory_kills().file;
  if (file.empty()) GTEST_SKIP() << "neither a cgroup's files nor /proc/vmstat can be read here";
  const auto before = oom_kills_in(file);
  const auto now = count_memory_kills();
  EXPECT_EQ(now.file, file);
  EXPECT_GE(now.count, before);
  EXPECT_LE(now.count, oom_kills_in(file));
}

}  // namespace
