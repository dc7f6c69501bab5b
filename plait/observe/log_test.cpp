// The log: what a line looks like, who follows basic_config, where plait's reports go.
#include <plait/core/report.hpp>
#include <plait/core/thread_name.hpp>
#include <plait/observe/log.hpp>
#include <plait/observe/log_settings.hpp>

#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace plait {
namespace {

// As a static pool asks, whose constructor runs before those of the library that the program is linked to.
const bool configured_before_main = detail::current_log_settings().configured;

/// What `f()` writes to stderr.
template <class F> std::string written_by(F f) {
  testing::internal::CaptureStderr();
  f();
  return testing::internal::GetCapturedStderr();
}

template <class F> void on_thread_named(const std::string& name, F f) {
  std::thread thread([&] {
    set_thread_name(name);
    f();
  });
  thread.join();
}

/// The program's own settings, put back after each test.
class log : public testing::Test {
 protected:
  ~log() override {
    basic_config();
    set_report_function(nullptr);
  }
};

TEST(log_settings, can_be_asked_for_before_main) { EXPECT_FALSE(configured_before_main); }

TEST_F(log, writes_the_pattern_that_it_was_given) {
  basic_config({.pattern = "%l %n: %v"});
  EXPECT_EQ(written_by([] {
              get_logger("first")->info("{} and {}", 1, "two");
              get_logger("second")->error("three");
            }),
            "info first: 1 and two\nerror second: three\n");
}

TEST_F(log, names_the_thread_and_the_process) {
  basic_config({.pattern = "%P %N %v"});
  const auto pid = std::to_string(getpid());
  EXPECT_EQ(written_by([] {
              get_logger("x")->info("a");
              on_thread_named("ThreadPoolExecutor-0_1", [] { get_logger("x")->info("b"); });
            }),
            pid + " MainThread a\n" + pid + " ThreadPoolExecutor-0_1 b\n");
}

TEST_F(log, pads_the_name_of_the_thread) {
  const auto line = [](std::string_view pattern, const std::string& name) {
    basic_config({.pattern = pattern});
    return written_by([&] { on_thread_named(name, [] { get_logger("x")->info("-"); }); });
  };
  EXPECT_EQ(line("[%6N]", "abc"), "[   abc]\n");
  EXPECT_EQ(line("[%-6N]", "abc"), "[abc   ]\n");
  EXPECT_EQ(line("[%=6N]", "abc"), "[ abc  ]\n");
  EXPECT_EQ(line("[%N]", "abc"), "[abc]\n");
  EXPECT_EQ(line("[%3N]", "abc"), "[abc]\n");
  EXPECT_EQ(line("[%2N]", "abc"), "[abc]\n");
}

TEST_F(log, writes_by_default_level_process_thread_logger_and_text) {
  basic_config();
  const auto written = written_by([] { get_logger("disk")->warn("full"); });
  EXPECT_NE(written.find(" warning " + std::to_string(getpid()) + " MainThread disk: full\n"), std::string::npos)
      << written;
}

TEST_F(log, writes_what_is_severe_enough) {
  const auto write_all = [] {
    get_logger("x")->debug("debug");
    get_logger("x")->info("info");
    get_logger("x")->warn("warn");
  };
  basic_config({.pattern = "%v"});
  EXPECT_EQ(written_by(write_all), "info\nwarn\n");
  basic_config({.pattern = "%v", .level = spdlog::level::debug});
  EXPECT_EQ(written_by(write_all), "debug\ninfo\nwarn\n");
  basic_config({.pattern = "%v", .level = spdlog::level::err});
  EXPECT_EQ(written_by(write_all), "");
}

TEST_F(log, loggers_that_exist_follow_a_new_configuration) {
  basic_config({.pattern = "old %v"});
  const auto logger = get_logger("x");
  basic_config({.pattern = "new %v", .level = spdlog::level::trace});
  EXPECT_EQ(written_by([&] { logger->trace("text"); }), "new text\n");
}

TEST_F(log, takes_plaits_reports_once_it_is_configured) {
  basic_config({.pattern = "%l %n: %v"});
  EXPECT_EQ(written_by([] {
              detail::report(severity::error, "a {} callback threw");
              detail::report(severity::warning, "a pool waits for itself");
            }),
            "error plait: a {} callback threw\nwarning plait: a pool waits for itself\n");
}

TEST_F(log, gives_the_logger_that_the_program_registered) {
  basic_config({.pattern = "%v"});
  std::ostringstream own;
  const auto registered =
      std::make_shared<spdlog::logger>("mine", std::make_shared<spdlog::sinks::ostream_sink_mt>(own));
  registered->set_pattern("own: %v");
  spdlog::register_logger(registered);
  EXPECT_EQ(get_logger("mine"), registered);
  EXPECT_EQ(written_by([] { get_logger("mine")->info("text"); }), "");
  EXPECT_EQ(own.str(), "own: text\n");
  spdlog::drop("mine");
  EXPECT_NE(get_logger("mine"), registered);
}

TEST_F(log, lines_of_many_threads_stay_whole) {
  basic_config({.pattern = "<%v>"});
  const auto written = written_by([] {
    std::vector<std::thread> writers;
    for (int t = 0; t < 4; ++t) {
      writers.emplace_back([] {
        for (int i = 0; i < 250; ++i) get_logger("x")->info("text");
      });
    }
    for (auto& writer : writers) writer.join();
  });
  std::string wanted;
  for (int i = 0; i < 1'000; ++i) wanted += "<text>\n";
  EXPECT_EQ(written, wanted);
}

}  // namespace
}  // namespace plait
