// A run as one page of HTML that needs nothing else: no script, no network, no other file.
#pragma once
#include <string>
#include <string_view>

#include "benchmarks/driver/charts.hpp"
#include "benchmarks/driver/report.hpp"

namespace bench {

// `charts` has one for each panel of the sections, in their order; where it tells of an error, the page has its
// tables alone, and says so.
std::string html_page(const run_record& run, const std::vector<section>& sections, const drawing& charts);

std::string html_escaped(
    std::string_view text);  // for an element's text, and for an attribute in quotes of either kind

}  // namespace bench
