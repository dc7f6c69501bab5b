#include "benchmarks/driver/snapshot.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string snapshot_of(const results& r, const run_record& run = {}) {
  return markdown_snapshot(run, sections_of(r));
}

TEST(markdown_escaped, leaves_no_markup) {
  EXPECT_EQ(markdown_escaped("a|b *c* <d> [e] `f` & \\ ~"), R"(a\|b \*c\* \<d\> \[e\] \`f\` \& \\ \~)");
  EXPECT_EQ(markdown_escaped("limit_spin _x_ a\nb"), R"(limit_spin \_x\_ a b)");
}

TEST(snapshot, says_what_was_measured_on_what) {
  const run_record run{.date = "2026-11-28 20:00 UTC",
                       .command = "./bench --quick",
                       .rounds = 3,
                       .quick = true,
                       .machine = {{"CPU", "a|b"}},
                       .failures = {{"peer_x *", "exit status 3"}}};
  EXPECT_THAT(snapshot_of({}, run), AllOf(HasSubstr("| date | 2026-11-28 20:00 UTC |\n|---|---|\n| CPU | a\\|b |\n"),
                                          HasSubstr("\n```\n./bench --quick\n```\n"),
                                          HasSubstr("medians of 3 rounds, each with an eighth of the operations"),
                                          HasSubstr("## Failed\n\n- peer_x \\*: exit status 3\n")));
}

TEST(snapshot, has_a_table_a_topic_with_plait_the_limit_and_the_peers) {
  results r;
  r.add({.text = "latency, free", .figure = "", .goal = 3}, "plait", 0, {2, "us"});
  r.add({.text = "latency, free", .figure = "", .goal = 3}, "limit", 0, {1, "us"});
  r.add({.text = "latency, free", .figure = "", .goal = 3}, "asio_post", 0, {4, "us"});
  r.add({.text = "latency, one core", .figure = "", .goal = 1}, "plait", 0, {2, "us"});
  EXPECT_THAT(snapshot_of(r),
              HasSubstr("\n## latency\n"
                        "\n"
                        "| question | unit | plait (min-max) | limit | plait / limit | goal | asio_post |\n"
                        "|---|---|--:|--:|--:|---|--:|\n"
                        "| free | us | 2.00 (2.00-2.00) | 1.00 | 2.00 | \\<= 3: met | 4.00 |\n"
                        "| one core | us | 2.00 (2.00-2.00) |  |  | \\<= 1: **missed** |  |\n"));
}

TEST(snapshot, has_the_questions_of_a_series_in_one_table) {
  results r;
  for (const int n : {100, 10})
    r.add({.text = "wait on " + std::to_string(n), .figure = "", .series = "wait", .at = 1.0 * n, .axis = "futures"},
          "limit", 0, {1, "us"});
  EXPECT_THAT(snapshot_of(r),
              AllOf(HasSubstr("## wait\n"), HasSubstr("| wait on 10 | us |  | 1.00 |  |  |\n| wait on 100 |"),
                    Not(HasSubstr("## wait on"))));
}

}  // namespace
}  // namespace bench
