// The pictures of the figures: gnuplot draws them all, in one process, as SVG for a page of HTML.
#pragma once
#include <string>
#include <vector>

#include "benchmarks/driver/report.hpp"

namespace bench {

// What gnuplot is told. A question gives a bar for each subject, its median, with a whisker from the least to the
// most; a series gives a line for each subject over n. Where figures span more than a factor of 20, the scale is a
// log's.
std::string gnuplot_script(const std::vector<panel>& panels);

struct drawing {
  std::vector<std::string> charts;  // SVG elements, one a panel; none where `error` says why
  std::string error;
};

// Blocks until gnuplot has ended. Its program is looked for as a shell does.
drawing draw(const std::vector<panel>& panels, const std::string& gnuplot = "gnuplot");

// The rules that a page with the charts needs: they give them its colours of text and ground (--ground), and the
// other colours their looks on a dark ground.
std::string chart_style();

}  // namespace bench
