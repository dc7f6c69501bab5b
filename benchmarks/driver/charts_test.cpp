#include "benchmarks/driver/charts.hpp"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

std::vector<panel> panels_of(const results& r) {
  std::vector<panel> panels;
  for (const auto& s : sections_of(r)) panels.insert(panels.end(), s.panels.begin(), s.panels.end());
  return panels;
}

std::string script_of(const results& r) { return gnuplot_script(panels_of(r)); }

results latencies(double of_plait, double of_python) {
  const question asked{.text = "latency", .figure = "", .goal = 1.4};
  results r;
  r.add(asked, "plait", 0, {of_plait, "us"});
  r.add(asked, "python", 0, {of_python, "us"});
  return r;
}

results waits() {
  results r;
  for (const double n : {10.0, 100.0}) {
    const question asked{.text = "wait on " + std::to_string(n),
                         .figure = "",
                         .goal = n,
                         .series = "wait",
                         .at = n,
                         .axis = "futures"};
    r.add(asked, "plait", 0, {n / 10, "us"});
    r.add(asked, "asio", 0, {n / 5, "us"});
  }
  return r;
}

// Draws what gnuplot would, but fails where it is not installed: the tests' packages have it.
void expect_drawn(const results& r) {
  const auto panels = panels_of(r);
  const auto drawn = draw(panels);
  EXPECT_EQ(drawn.error, "");
  EXPECT_THAT(drawn.charts, SizeIs(panels.size()));
}

TEST(script, has_a_row_for_each_subject_and_the_goal) {
  EXPECT_THAT(script_of(latencies(1, 2)),
              AllOf(HasSubstr("set label 'plait' at"), HasSubstr("set label 'python' at"), HasSubstr("'goal <= 1.4'"),
                    HasSubstr("set arrow from 1.4, graph 0"), HasSubstr("boxxyerror")));
}

TEST(script, has_the_scale_of_a_log_where_figures_span_more_than_a_factor_of_20) {
  EXPECT_THAT(script_of(latencies(1, 20)), Not(HasSubstr("set logscale x")));
  EXPECT_THAT(script_of(latencies(1, 21)), HasSubstr("set logscale x"));
}

TEST(script, has_a_line_for_each_subject_of_a_series) {
  EXPECT_THAT(script_of(waits()),
              AllOf(HasSubstr("$line0 << EOD\n10 1 1 1\n100 10 10 10\nEOD"), HasSubstr("$line1 << EOD\n10 2 2 2\n"),
                    HasSubstr("$goals << EOD\n10 10\n100 100\nEOD"), HasSubstr("set logscale x"),
                    HasSubstr("set xlabel 'futures'"), Not(HasSubstr("boxxyerror"))));
}

TEST(script, quotes_text_so_that_it_means_nothing_to_gnuplot) {
  results r;
  r.add({.text = "x", .figure = ""}, "it's `ls` @m\nplot", 0, {1, "a'b"});
  EXPECT_THAT(script_of(r), AllOf(HasSubstr("'it''s `ls` @m plot'"), HasSubstr("'a''b'")));
}

TEST(charts, are_one_for_each_panel_with_names_of_their_own) {
  const auto r = latencies(1, 30);
  auto panels = panels_of(r);
  panels.push_back(panels.front());
  const auto drawn = draw(panels);
  ASSERT_EQ(drawn.error, "");
  ASSERT_THAT(drawn.charts, SizeIs(2));
  EXPECT_THAT(drawn.charts[0], AllOf(testing::StartsWith("<svg"), HasSubstr("chart0_gpDot"),
                                     HasSubstr(">plait</text>"), Not(HasSubstr("<title>"))));
  EXPECT_THAT(drawn.charts[1], AllOf(HasSubstr("chart1_gpDot"), Not(HasSubstr("chart0_"))));
}

TEST(charts, show_text_as_it_is) {
  results r;
  r.add({.text = "x", .figure = ""}, "<b>_it's_%d&", 0, {1, "us"});
  const auto drawn = draw(panels_of(r));
  ASSERT_THAT(drawn.charts, SizeIs(1)) << drawn.error;
  EXPECT_THAT(drawn.charts[0], AllOf(HasSubstr("&lt;b>_it's_%d&amp;</text>"), Not(HasSubstr("<b>"))));
}

TEST(charts, can_be_drawn_of_figures_that_a_scale_has_no_place_for) {
  results zero;
  zero.add({.text = "switches", .figure = ""}, "plait", 0, {0, ""});
  expect_drawn(zero);
  expect_drawn(latencies(0, 1000));
  expect_drawn(latencies(-1, 1000));
  expect_drawn(latencies(NAN, INFINITY));
  expect_drawn(waits());
}

TEST(charts, tell_why_there_are_none) {
  const auto drawn = draw(panels_of(latencies(1, 2)), "/nowhere/gnuplot");
  EXPECT_THAT(drawn.charts, SizeIs(0));
  EXPECT_THAT(drawn.error, HasSubstr("/nowhere/gnuplot"));
}

TEST(charts, need_no_gnuplot_where_there_is_nothing_to_draw) { EXPECT_EQ(draw({}, "/nowhere/gnuplot").error, ""); }

}  // namespace
}  // namespace bench
