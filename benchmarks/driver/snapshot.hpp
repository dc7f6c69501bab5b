// A run as a document of Markdown, compact enough to be kept with the code.
#pragma once
#include <string>
#include <vector>

#include "benchmarks/driver/report.hpp"

namespace bench {

std::string markdown_snapshot(const run_record& run, const std::vector<section>& sections);

// As text in a table: what would be markup, or end the cell, is shown as it is.
std::string markdown_escaped(std::string_view text);

}  // namespace bench
