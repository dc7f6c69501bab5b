#include "benchmarks/driver/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string page_of(const results& r, const drawing& charts = {}, const run_record& run = {}) {
  return html_page(run, sections_of(r), charts);
}

results two_latencies() {
  const question asked{.text = "latency, free", .figure = "", .goal = 1.4};
  results r;
  for (int round = 0; round < 3; ++round) {
    r.add(asked, "plait", round, {1.0 + round, "us"});
    r.add(asked, "asio", round, {4.0 + 4 * round, "us"});
  }
  return r;
}

TEST(html_escaped, leaves_no_markup) {
  EXPECT_EQ(html_escaped(R"(<a href="x" id='y'>&amp;)"), "&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;");
}

TEST(page, says_what_was_measured_on_what) {
  const run_record run{.date = "2026-11-28 20:00 UTC",
                       .command = "./bench --filter '<b>'",
                       .rounds = 3,
                       .machine = {{"CPU", "a & b"}},
                       .failures = {{"peer_x <1>", "exit status 3; \"why\""}}};
  EXPECT_THAT(
      page_of(two_latencies(), {}, run),
      AllOf(HasSubstr("<dd>2026-11-28 20:00 UTC</dd>"), HasSubstr("<dd>./bench --filter &#39;&lt;b&gt;&#39;</dd>"),
            HasSubstr("<dd>3 rounds</dd>"), HasSubstr("<dt>CPU</dt><dd>a &amp; b</dd>"),
            HasSubstr("<code>peer_x &lt;1&gt;</code>: exit status 3; &quot;why&quot;"), Not(HasSubstr("<b>"))));
}

TEST(page, needs_nothing_from_elsewhere) {
  EXPECT_THAT(page_of(two_latencies()),
              AllOf(Not(HasSubstr("<script")), Not(HasSubstr("<link")), Not(HasSubstr("src=")),
                    Not(HasSubstr("@import")), Not(HasSubstr("url("))));
}

TEST(page, has_the_figures_the_goal_and_a_way_to_them) {
  EXPECT_THAT(
      page_of(two_latencies()),
      AllOf(HasSubstr("<a href=\"#panel0\">free</a>"), HasSubstr("id=\"panel0\""),
            HasSubstr("<tr class=\"plait\"><th>plait</th><td>2.00</td><td>1.00-3.00</td><td></td><td>3</td></tr>"),
            HasSubstr("<tr><th>asio</th><td>8.00</td><td>4.00-12.0</td><td>0.25</td><td>3</td></tr>"),
            HasSubstr("goal &lt;= 1.4: missed"), HasSubstr("plait's goals: 0 met, 1 missed.")));
}

TEST(page, escapes_what_the_figures_are_called) {
  results r;
  r.add({.text = "<q>, \"x\"", .figure = ""}, "<s>", 0, {1, "<u>"});
  EXPECT_THAT(page_of(r, {.charts = {"<svg></svg>"}, .error = {}}),
              AllOf(Not(HasSubstr("<q>")), Not(HasSubstr("<s>")), Not(HasSubstr("<u>")),
                    HasSubstr("aria-label=\"chart: &lt;q&gt;, &quot;x&quot;\"")));
}

TEST(page, has_one_table_and_one_chart_for_a_series) {
  results r;
  for (const double n : {10.0, 100.0})
    r.add({.text = "wait on " + std::to_string(n), .figure = "", .series = "wait", .at = n, .axis = "futures"},
          "plait", 0, {n / 10, "us"});
  EXPECT_THAT(page_of(r, {.charts = {"<svg id='a'></svg>"}, .error = {}}),
              AllOf(HasSubstr("<svg id='a'></svg>"), HasSubstr("<th>futures</th><th class=\"plait\">plait</th>"),
                    HasSubstr("<tr><th>10</th><td class=\"plait\">1.00<br>"), HasSubstr("<tr><th>100</th>"),
                    HasSubstr("id=\"panel0\""), Not(HasSubstr("id=\"panel1\""))));
}

TEST(page, has_its_tables_and_says_why_there_are_no_charts) {
  EXPECT_THAT(page_of(two_latencies(), {.charts = {}, .error = "no <gnuplot>"}),
              AllOf(HasSubstr("gnuplot-nox"), HasSubstr("no &lt;gnuplot&gt;"), HasSubstr("<th>asio</th>"),
                    Not(HasSubstr("<figure"))));
}

}  // namespace
}  // namespace bench
