#include "benchmarks/driver/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bench {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

question of_series(const std::string& series, double at) {
  return {.text = series + " " + std::to_string(at), .figure = "", .series = series, .at = at, .axis = "futures"};
}

TEST(command_line, is_quoted_as_a_shell_needs_it) {
  EXPECT_EQ(command_line({}), "./bench");
  EXPECT_EQ(command_line({"--rounds", "3", "--json=/tmp/x.json"}), "./bench --rounds 3 --json=/tmp/x.json");
  EXPECT_EQ(command_line({"--filter", "one core", "it's", ""}), R"(./bench --filter 'one core' 'it'\''s' '')");
}

TEST(rounds, are_told_in_words) {
  run_record run;
  run.rounds = 9;
  EXPECT_EQ(rounds_in_words(run), "9 rounds");
  run.rounds = 1;
  run.quick = true;
  EXPECT_EQ(rounds_in_words(run), "1 round, with an eighth of the operations");
}

TEST(sections, put_together_what_has_the_same_words_before_the_comma) {
  results r;
  for (const auto* text : {"latency, free, mean", "switches, free", "latency, one core, mean", "naps"})
    r.add({.text = text, .figure = ""}, "plait", 0, {1, "us"});
  const auto sections = sections_of(r);
  ASSERT_THAT(sections, SizeIs(3));
  EXPECT_EQ(sections[0].topic, "latency");
  ASSERT_THAT(sections[0].panels, SizeIs(2));
  EXPECT_EQ(sections[0].panels[1].title, "latency, one core, mean");
  EXPECT_EQ(within_topic(sections[0], "latency, one core, mean"), "one core, mean");
  EXPECT_EQ(sections[2].topic, "naps");
  EXPECT_EQ(within_topic(sections[2], "naps"), "naps");
}

TEST(sections, make_one_panel_of_a_series_by_growing_n) {
  results r;
  r.add(of_series("wait, free", 100), "plait", 0, {1, "us"});
  r.add(of_series("wait, one core", 10), "plait", 0, {1, "us"});
  r.add(of_series("wait, free", 10), "plait", 0, {1, "us"});
  const auto sections = sections_of(r);
  ASSERT_THAT(sections, SizeIs(1));
  ASSERT_THAT(sections[0].panels, SizeIs(2));
  const auto& free = sections[0].panels[0];
  EXPECT_TRUE(free.is_series());
  EXPECT_EQ(free.title, "wait, free");
  EXPECT_EQ(free.axis(), "futures");
  ASSERT_THAT(free.parts, SizeIs(2));
  EXPECT_EQ(free.parts[0]->asked.at, 10);
  EXPECT_EQ(free.parts[1]->asked.at, 100);
}

TEST(sections, name_each_subject_once) {
  results r;
  r.add({.text = "latency, free", .figure = ""}, "plait", 0, {1, "us"});
  r.add({.text = "latency, free", .figure = ""}, "asio", 0, {1, "us"});
  r.add({.text = "latency, one core", .figure = ""}, "plait", 0, {1, "us"});
  r.add({.text = "latency, one core", .figure = ""}, "libuv", 0, {1, "us"});
  const auto sections = sections_of(r);
  EXPECT_THAT(subjects_of(sections[0]), ElementsAre("plait", "asio", "libuv"));
  EXPECT_THAT(subjects_of(sections[0].panels[0]), ElementsAre("plait", "asio"));
}

}  // namespace
}  // namespace bench
