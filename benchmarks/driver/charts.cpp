#include "benchmarks/driver/charts.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <iterator>
#include <regex>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace bench {
namespace {

constexpr int width = 460;  // in the SVG's units: on a phone 0.8 pixels each, so that letters stay readable
constexpr int row_height = 26;
constexpr int height_around_rows = 66;  // the goal above, the axis below
constexpr int series_height = 380;
constexpr double widest_linear_span = 20;

// A colour on a light ground, which is what gnuplot draws, and what the page makes of it on a dark one.
struct colour {
  unsigned light;
  unsigned dark;
};
constexpr colour ours{0x0b5fd0, 0x6aa9ff};
constexpr colour of_limit{0x6b7280, 0xa3abb8};
constexpr colour of_peer{0xc3cad4, 0x566070};
constexpr colour of_goal{0xc2410c, 0xff9f5a};
constexpr colour of_grid{0xe1e4e8, 0x343a42};
// Peers in a chart of lines have to be told apart: there are eight beside the thread pool.
constexpr std::array of_lines{colour{0xd97706, 0xf5b04c}, colour{0x15803d, 0x5fd08a}, colour{0x9333ea, 0xc79bff},
                              colour{0xbe185d, 0xff86b7}, colour{0x0e7490, 0x4fc6e0}, colour{0x854d0e, 0xcfa56a},
                              colour{0x65a30d, 0xb2e35f}, colour{0x7f1d1d, 0xe89090}};

std::string hex(const colour& c) { return fmt::format("rgb '#{:06x}'", c.light); }

bool is_limit(std::string_view subject) { return subject.starts_with(limit_name); }

// Within single quotes nothing has a meaning to gnuplot but the quote itself. It does the escaping for SVG.
std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'') result += '\'';
    result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result + "'";
}

// The range of a scale. Figures that are not above 0 have no place on a log's: they stand at its lower end.
class scale {
 public:
  // `above`: what is left free beyond the greatest value, as a share of the scale.
  scale(const std::vector<double>& values, double above) {
    double least_positive = INFINITY;
    for (const double v : values) {
      if (!std::isfinite(v)) continue;
      low_ = std::min(low_, v);
      high_ = std::max(high_, v);
      if (v > 0) least_positive = std::min(least_positive, v);
    }
    logarithmic_ = low_ == 0 && high_ / least_positive > widest_linear_span;
    if (logarithmic_) {
      const double span = high_ / least_positive;
      low_ = least_positive / std::pow(span, 0.1);
      high_ *= std::pow(span, above);
    } else {
      high_ = high_ <= low_ ? low_ + 1 : high_ + above * (high_ - low_);
    }
  }
  bool logarithmic() const noexcept { return logarithmic_; }
  double within(double v) const { return std::clamp(std::isfinite(v) ? v : low_, low_, high_); }
  double low() const noexcept { return low_; }
  double high() const noexcept { return high_; }
  // How far along the scale a value lies, from 0 to 1.
  double share(double v) const {
    return logarithmic_ ? std::log(within(v) / low_) / std::log(high_ / low_) : (within(v) - low_) / (high_ - low_);
  }

 private:
  double low_ = 0;
  double high_ = 0;
  bool logarithmic_ = false;
};

std::vector<double> values_of(const panel& p) {
  std::vector<double> values;
  for (const auto* c : p.parts) {
    for (const auto& [subject, given] : c->answers) values.insert(values.end(), {given.min(), given.max()});
    if (const auto v = judge(*c)) values.push_back(v->mark);
  }
  return values;
}

class script {
 public:
  void add(const panel& p) {
    if (p.is_series()) {
      add_lines(p);
    } else {
      add_bars(p);
    }
  }
  std::string text() && { return fmt::to_string(text_); }

 private:
  template <typename... T> void line(fmt::format_string<T...> format, T&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<T>(values)...);
    text_.push_back('\n');
  }

  void begin(int height, const std::string& x_label) {
    line("reset");
    line("set encoding utf8");
    line("set terminal svg size {},{} dynamic noenhanced font 'sans-serif,13'", width, height);
    line("set output");  // ends the chart before, and begins one on stdout
    line("set border 1");
    line("set tics nomirror out scale 0.6,0.3");
    line("set format '%.12g'");
    line("set xlabel {} offset 0,0.5", quoted(x_label));
    line("set rmargin 3");
  }

  void add_bars(const panel& p) {
    const auto& c = *p.parts.front();
    const auto rows = static_cast<int>(c.answers.size());
    const scale x(values_of(p), 0.15);
    begin(rows * row_height + height_around_rows, c.unit);
    line("set lmargin 13");  // the same in all charts: names stand below each other
    line("set tmargin 1.7");
    line("unset key");
    line("unset ytics");
    line("set yrange [{}:0.5]", rows + 0.5);
    line("set xrange [{}:{}]", x.low(), x.high());
    line("set grid xtics lt 1 lc {}", hex(of_grid));
    if (x.logarithmic()) line("set logscale x");
    line("$rows << EOD");
    int row = 0;
    for (const auto& [subject, given] : c.answers) {
      ++row;
      const auto& fill = subject == plait_name ? ours : is_limit(subject) ? of_limit : of_peer;
      line("{} {} {} {} {} {} {} {}", row, x.low(), x.within(given.median()), x.within(given.min()),
           x.within(given.max()), row - 0.36, row + 0.36, fill.light);
    }
    line("EOD");
    row = 0;
    for (const auto& [subject, given] : c.answers) {
      ++row;
      const auto font = subject == plait_name ? " font ':Bold'" : "";
      line("set label {} at graph 0, first {} right offset -0.8,0 front{}", quoted(subject), row, font);
      line("set label {} at {},{} left offset 0.8,0 front{}", quoted(shown(given.median())), x.within(given.max()),
           row, font);
    }
    if (const auto v = judge(c)) {
      const double share = x.share(v->mark);
      const auto* side = share < 0.2 ? "left" : share > 0.8 ? "right" : "center";
      line("set arrow from {0}, graph 0 to {0}, graph 1 nohead dt (6,4) lw 1.5 lc {1} front", x.within(v->mark),
           hex(of_goal));
      line("set label {} at {}, graph 1 {} offset 0,0.6 tc {}", quoted("goal " + v->goal), x.within(v->mark), side,
           hex(of_goal));
    }
    line("plot $rows using 3:1:2:3:6:7:8 with boxxyerror fill solid noborder lc rgb variable notitle, \\");
    line("  '' using 3:1:4:5 with xerrorbars lt -1 pt 7 ps 0.25 notitle");
  }

  void add_lines(const panel& p) {
    const scale y(values_of(p), 0.08);
    begin(series_height, p.axis());
    line("set border 3");
    line("set ylabel {} offset 1,0", quoted(p.unit()));
    line("set key below");
    line("set logscale x");
    line("set yrange [{}:{}]", y.low(), y.high());
    line("set grid xtics ytics lt 1 lc {}", hex(of_grid));
    if (y.logarithmic()) line("set logscale y");
    std::vector<std::string> plots;
    for (const auto& subject : subjects_of(p)) {
      const auto data = fmt::format("$line{}", plots.size());
      line("{} << EOD", data);
      for (const auto* c : p.parts) {
        if (const auto* given = c->of(subject))
          line("{} {} {} {}", c->asked.at, y.within(given->median()), y.within(given->min()), y.within(given->max()));
      }
      line("EOD");
      plots.push_back(fmt::format("{} with yerrorlines {} title {}", data, style_of(subject), quoted(subject)));
    }
    add_goals(p, y, plots);
    line("plot {}", fmt::join(plots, ", \\\n  "));
  }

  void add_goals(const panel& p, const scale& y, std::vector<std::string>& plots) {
    std::string points;
    for (const auto* c : p.parts) {
      if (const auto v = judge(*c)) points += fmt::format("{} {}\n", c->asked.at, y.within(v->mark));
    }
    if (points.empty()) return;
    line("$goals << EOD\n{}EOD", points);
    plots.push_back(
        fmt::format("$goals with linespoints dt (6,4) lw 1.5 pt 2 ps 0.6 lc {} title 'goal'", hex(of_goal)));
  }

  // The same colour for a subject in every chart.
  std::string style_of(const std::string& subject) {
    if (subject == plait_name) return fmt::format("pt 7 ps 0.6 lw 3 lc {}", hex(ours));
    if (is_limit(subject))
      return fmt::format("pt 5 ps 0.4 lw 1.5 dt {} lc {}", subject == limit_name ? 1 : 3, hex(of_limit));
    auto it = std::ranges::find(peers_, subject);
    if (it == peers_.end()) it = peers_.insert(it, subject);
    const auto nth = static_cast<std::size_t>(it - peers_.begin());
    return fmt::format("pt {} ps 0.5 lw 1.5 lc {}", 4 + nth, hex(of_lines[nth % of_lines.size()]));
  }

  fmt::memory_buffer text_;
  std::vector<std::string> peers_;  // seen so far
};

// gnuplot gives each chart as a document. Its names have to differ from those of the others on the page; what it
// calls the titles of plots would be shown where a pointer rests; and it writes one colour in two ways.
std::string element_of(const std::string& document, std::size_t nth) {
  static const std::regex titles("<title>[^<]*</title>|<desc>[^<]*</desc>");
  static const std::regex names(R"(\bid=['"]|xlink:href='#)");
  static const std::regex colours(R"(rgb\( *(\d+), *(\d+), *(\d+)\))");
  auto element = std::regex_replace(document.substr(document.find("<svg")), titles, "");
  element = std::regex_replace(element, names, fmt::format("$&chart{}_", nth));
  return std::regex_replace(element, colours, "rgb($1,$2,$3)");
}

}  // namespace

std::string gnuplot_script(const std::vector<panel>& panels) {
  script all;
  for (const auto& p : panels) all.add(p);
  return std::move(all).text();
}

drawing draw(const std::vector<panel>& panels, const std::string& gnuplot) {
  if (panels.empty()) return {};
  constexpr std::chrono::seconds timeout{60};
  // -d: without what the user's own file of settings says.
  const auto drawn =
      run_program({"/usr/bin/env", gnuplot, "-d"}, surroundings::free, timeout, gnuplot_script(panels));
  if (!drawn.error.empty()) return {.charts = {}, .error = drawn.error};
  constexpr std::string_view prolog = "<?xml";
  drawing result;
  for (auto at = drawn.output.find(prolog); at != std::string::npos;) {
    const auto next = drawn.output.find(prolog, at + prolog.size());
    result.charts.push_back(element_of(drawn.output.substr(at, next - at), result.charts.size()));
    at = next;
  }
  if (result.charts.size() != panels.size())
    return {.charts = {}, .error = fmt::format("{} of {} charts came", result.charts.size(), panels.size())};
  return result;
}

std::string chart_style() {
  std::string style =
      ".chart svg { display: block; width: 100%; height: auto; }\n"
      ".chart [stroke=\"black\"] { stroke: currentColor; }\n"
      ".chart [fill=\"black\"] { fill: currentColor; }\n"
      ".chart [color=\"black\"] { color: inherit; }\n"
      ".chart text { paint-order: stroke; stroke: var(--ground); stroke-width: 3px; }\n"
      "@media (prefers-color-scheme: dark) {\n";
  std::vector<colour> all{ours, of_limit, of_peer, of_goal, of_grid};
  all.insert(all.end(), of_lines.begin(), of_lines.end());
  for (const auto& [light, dark] : all) {
    const auto name = fmt::format("rgb({},{},{})", light >> 16, light >> 8 & 0xff, light & 0xff);
    for (const auto* what : {"stroke", "fill", "color"})
      style += fmt::format("  .chart [{0}=\"{1}\"] {{ {0}: #{2:06x}; }}\n", what, name, dark);
  }
  return style + "}\n";
}

}  // namespace bench
