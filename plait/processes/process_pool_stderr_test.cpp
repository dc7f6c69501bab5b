// What workers write to stderr and to the log, as it reaches the program's stderr: programs of their own, whose
// stderr is read here.
#include <plait/core/report.hpp>
#include <plait/observe/log.hpp>

#include <cstdio>
#include <map>
#include <sstream>

#include "process_pool_fixture_test.hpp"
#include "process_pool_programs_test.hpp"

namespace {

using namespace pool_test;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// A line of a worker's, "decoders_0[4711]: its words", taken apart.
struct labelled {
  std::string name;
  pid_t pid = 0;
  std::string text;
};
labelled taken_apart(const std::string& line) {
  labelled found;
  int label = 0;
  char name[32] = {};
  if (std::sscanf(line.c_str(), "%31[^[][%d]: %n", name, &found.pid, &label) != 2 || label == 0)
    ADD_FAILURE() << "no label: " << line.substr(0, 100);
  found.name = name;
  found.text = line.substr(static_cast<std::size_t>(label));
  return found;
}
std::vector<std::string> texts_of(const std::string& text) {
  std::vector<std::string> texts;
  for (const auto& line : lines_of(text)) texts.push_back(taken_apart(line).text);
  return texts;
}

void write_text(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const auto written = ::write(STDERR_FILENO, text.data() + at, text.size() - at);
    if (written < 0) std::abort();
    at += static_cast<std::size_t>(written);
  }
}

/// Writes half of a line, lets the other one do the same, and then the rest.
int write_halves(const std::string& gate, const std::string& first, const std::string& second) {
  write_text(first);
  pass_gate(gate);
  write_text(second);
  return 0;
}

PLAIT_PROGRAM(two_workers_write_halves_of_lines) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 2, .worker_name_prefix = "halves"});
  const auto a = pool.submit(write_halves, gate.path(), std::string("a begins, "), std::string("a ends\n"));
  const auto b = pool.submit(write_halves, gate.path(), std::string("b begins, "), std::string("b ends\n"));
  gate.wait_for(2);
  known_pids(pool, 2);
  for (const auto& worker : pool.worker_usages()) program::tell(worker.name + ' ' + std::to_string(worker.pid));
  gate.let_through(2);
  a.result();
  b.result();
}

TEST(process_pool_stderr, comes_in_whole_lines_that_say_whose_they_are) {
  program writes("two_workers_write_halves_of_lines");
  std::vector<std::string> workers{writes.hear(), writes.hear()}, told, texts;
  for (const auto& line : lines_of(writes.errors())) {
    const auto [name, pid, text] = taken_apart(line);
    told.push_back(name + ' ' + std::to_string(pid));
    texts.push_back(text);
  }
  EXPECT_THAT(texts, testing::UnorderedElementsAre("a begins, a ends", "b begins, b ends"));
  EXPECT_THAT(told, testing::UnorderedElementsAreArray(workers));
  EXPECT_EQ(writes.wait(), 0);
}

PLAIT_PROGRAM(a_worker_ends_within_a_line) {
  process_pool_executor pool({.max_workers = 1});
  pool.submit(write_text, std::string("first\nno end")).result();
  pool.shutdown();
}

TEST(process_pool_stderr, a_last_line_without_end_gets_one) {
  program writes("a_worker_ends_within_a_line");
  EXPECT_THAT(texts_of(writes.errors()), ElementsAre("first", "no end"));
  EXPECT_EQ(writes.wait(), 0);
}

/// Much more than the pipe holds, in one write: the worker waits for the relay, not the relay for the worker.
PLAIT_PROGRAM(a_worker_writes_a_megabyte) {
  process_pool_executor pool({.max_workers = 1});
  std::string text;
  for (int i = 0; text.size() < 1'000'000; ++i) text += "line " + std::to_string(i) + "\n";
  text += std::string(200'000, 'x') + "\n";  // longer than any line is kept together
  pool.submit(write_text, text).result();
}

TEST(process_pool_stderr, much_of_it_is_passed_on_whole) {
  program writes("a_worker_writes_a_megabyte");
  const auto lines = texts_of(writes.errors());
  ASSERT_GT(lines.size(), 1'000U);
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) ASSERT_EQ(lines[i], "line " + std::to_string(i));
  EXPECT_EQ(lines.back(), std::string(200'000, 'x'));
  EXPECT_EQ(writes.wait(), 0);
}

int speaks_and_dies(int lines) {
  for (int i = 0; i < lines; ++i) write_text("before death " + std::to_string(i) + "\n");
  write_text("last words");
  return die_by(SIGABRT);
}

PLAIT_PROGRAM(a_worker_speaks_and_dies) {
  process_pool_executor pool({.max_workers = 1});
  const auto few = death_of(pool.submit(speaks_and_dies, 2));
  program::require(few.last_lines() == "before death 0\nbefore death 1\nlast words\n", 2);
  program::require(std::string(few.what()).ends_with("its last lines on stderr:\n" + few.last_lines()), 3);
  const auto many = death_of(pool.submit(speaks_and_dies, 1'000));
  program::require(many.last_lines().starts_with("before death 9"), 4);
  program::require(many.last_lines().ends_with("before death 999\nlast words\n"), 5);
  program::require(std::ranges::count(many.last_lines(), '\n') == 20, 6);
  // The next one's words are its own.
  const auto silent = death_of(pool.submit(leave_at_once, 1));
  program::require(silent.last_lines().empty(), 7);
}

TEST(process_pool_stderr, its_last_lines_are_in_worker_died) {
  program writes("a_worker_speaks_and_dies");
  EXPECT_EQ(texts_of(writes.errors()).size(), 3U + 1'001U);
  EXPECT_EQ(writes.wait(), 0);
}

PLAIT_PROGRAM(a_worker_closes_its_stderr) {
  process_pool_executor pool({.max_workers = 1});
  pool.submit([] { return ::close(STDERR_FILENO); }).result();
  for (int i = 0; i < 100; ++i) program::require(pool.submit(square, i).result() == i * i);
  program::require(death_of(pool.submit(leave_at_once, 1)).last_lines().empty(), 2);
}

TEST(process_pool_stderr, a_worker_may_close_it) {
  program closes("a_worker_closes_its_stderr");
  EXPECT_EQ(closes.errors(), "");
  EXPECT_EQ(closes.wait(), 0);
}

// A grandchild holds the worker's stderr open, and outlives it: nobody waits for that.
PLAIT_PROGRAM(a_worker_leaves_a_child_behind) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 1});
  const auto call = pool.submit(
      [](const std::string& path) {
        if (::fork() == 0) {
          pass_gate(path);
          ::_exit(0);
        }
        write_text("from the worker");
        return die_by(SIGKILL);
      },
      gate.path());
  program::require(death_of(call).last_lines() == "from the worker\n");
  gate.wait_for(1);
  program::require(pool.submit(square, 3).result() == 9, 2);
  program::require(pool.shutdown(), 3);
  gate.let_through(1);
}

TEST(process_pool_stderr, is_not_waited_for_where_a_grandchild_holds_it) {
  program leaves("a_worker_leaves_a_child_behind");
  EXPECT_THAT(texts_of(leaves.errors()), ElementsAre("from the worker"));
  EXPECT_EQ(leaves.wait(), 0);
}

// It may have written before the pool has heard that it was started: its lines have its pid all the same.
void writes_and_dies() {
  write_text("from the initializer of " + std::to_string(::getpid()) + "\n");
  die_by(SIGKILL);
}

PLAIT_PROGRAM(workers_write_at_once_and_die) {
  plait::set_report_function([](plait::severity, std::string_view) noexcept {});  // that the pools are broken
  for (const auto how : {plait::start_method::fork_server, plait::start_method::spawn}) {
    process_pool_executor pool(
        {.max_workers = 1, .worker_name_prefix = "brief", .initializer = writes_and_dies, .start = how});
    program::require(pool.submit(square, 1).exception() != nullptr);
  }
}

TEST(process_pool_stderr, has_the_pid_from_the_first_line_on) {
  program writes("workers_write_at_once_and_die");
  int lines = 0;
  for (const auto& line : lines_of(writes.errors())) {
    const auto [name, pid, text] = taken_apart(line);
    EXPECT_EQ(name, "brief_0");
    EXPECT_EQ(text, "from the initializer of " + std::to_string(pid));
    ++lines;
  }
  EXPECT_EQ(lines, 6);
  EXPECT_EQ(writes.wait(), 0);
}

// Many workers, short lines: each line is whole, and has one label.
int write_lines(const std::string& gate, int number) {
  pass_gate(gate);
  for (int i = 0; i < 1'000; ++i) write_text(std::to_string(::getpid()) + " " + std::to_string(number) + "\n");
  return 0;
}

PLAIT_PROGRAM(four_workers_write_many_lines) {
  const portable_gate gate;
  process_pool_executor pool({.max_workers = 4, .worker_name_prefix = "many"});
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 4; ++i) calls.push_back(pool.submit(write_lines, gate.path(), i));
  gate.wait_for(4);
  gate.let_through(4);
  for (const auto& call : calls) call.result();
}

TEST(process_pool_stderr, of_many_workers_does_not_mix) {
  program writes("four_workers_write_many_lines");
  std::map<std::string, int> lines;
  for (const auto& line : lines_of(writes.errors())) {
    const auto [name, pid, text] = taken_apart(line);
    EXPECT_THAT(text, testing::StartsWith(std::to_string(pid) + " "));
    ++lines[name + ' ' + text];
  }
  EXPECT_EQ(lines.size(), 4U);
  for (const auto& [which, times] : lines) EXPECT_EQ(times, 1'000) << which;
  EXPECT_EQ(writes.wait(), 0);
}

// ── the log ──

int log_lines(int from, int to) {
  const auto log = plait::get_logger("call");
  for (int i = from; i < to; ++i) log->info("{} {}", i, std::string(500, 'x'));
  return static_cast<int>(::getpid());
}

PLAIT_PROGRAM(workers_log_at_once) {
  plait::basic_config({.pattern = "PID %P %N %n: %v"});
  process_pool_executor pool({.max_workers = 3, .worker_name_prefix = "logging"});
  std::vector<plait::future<int>> calls;
  for (int i = 0; i < 6; ++i) calls.push_back(pool.submit(log_lines, 100 * i, 100 * (i + 1)));
  std::string pids;
  for (const auto& call : calls) pids += std::to_string(call.result()) + ' ';
  program::tell(pids);
}

TEST(process_pool_log, of_workers_comes_whole_in_the_programs_pattern_with_their_pids) {
  program logs("workers_log_at_once");
  const auto lines = lines_of(logs.errors());
  const auto pids = logs.hear();
  ASSERT_EQ(lines.size(), 600U);
  std::vector<bool> seen(600);
  for (const auto& line : lines) {
    int pid = 0, worker = 0, number = 0, end = 0;
    ASSERT_EQ(std::sscanf(line.c_str(), "PID %d logging_%d call: %d %n", &pid, &worker, &number, &end), 3) << line;
    EXPECT_EQ(line.substr(static_cast<std::size_t>(end)), std::string(500, 'x'));
    EXPECT_THAT(pids, HasSubstr(std::to_string(pid)));
    EXPECT_LT(worker, 3);
    seen.at(static_cast<std::size_t>(number)) = true;
  }
  EXPECT_THAT(seen, testing::Each(true));
  EXPECT_EQ(logs.wait(), 0);
}

PLAIT_PROGRAM(workers_log_less) {
  plait::basic_config({.pattern = "%v", .level = spdlog::level::warn});
  process_pool_executor pool({.max_workers = 1});
  const auto log = [] {
    plait::get_logger("call")->info("not severe enough");
    plait::get_logger("call")->warn("severe enough");
  };
  pool.submit(log).result();
}

TEST(process_pool_log, of_workers_has_the_programs_level) {
  program logs("workers_log_less");
  EXPECT_EQ(logs.errors(), "severe enough\n");
  EXPECT_EQ(logs.wait(), 0);
}

// The program's and the workers' lines in the order in which they were written.
PLAIT_PROGRAM(both_log_in_turns) {
  plait::basic_config({.pattern = "%v"});
  process_pool_executor pool({.max_workers = 1});
  const auto log = [](int n) { plait::get_logger("call")->info("worker {}", n); };
  for (int i = 0; i < 50; ++i) {
    plait::get_logger("main")->info("program {}", i);
    pool.submit(log, i).result();
  }
}

TEST(process_pool_log, has_the_order_in_which_all_processes_wrote) {
  program logs("both_log_in_turns");
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += fmt::format("program {}\nworker {}\n", i, i);
  EXPECT_EQ(logs.errors(), expected);
  EXPECT_EQ(logs.wait(), 0);
}

PLAIT_PROGRAM(a_worker_logs_and_dies) {
  plait::basic_config({.pattern = "%v"});
  process_pool_executor pool({.max_workers = 1});
  const auto logs_and_dies = [] {
    plait::get_logger("call")->info("logged");
    return die_by(SIGKILL);
  };
  program::require(death_of(pool.submit(logs_and_dies)).last_lines().empty());
}

TEST(process_pool_log, of_a_worker_that_dies_is_there_and_is_no_last_line) {
  program logs("a_worker_logs_and_dies");
  EXPECT_EQ(logs.errors(), "logged\n");
  EXPECT_EQ(logs.wait(), 0);
}

}  // namespace
