// On what the figures were taken: without that no figure means anything.
#pragma once
#include <cstdio>
#include <vector>

#include "benchmarks/driver/plan.hpp"

namespace bench {

// CPU, cores, kernel, compiler, load; the versions of the subjects that tell one. Those that are missing are named.
void print_machine(std::FILE* to, const std::vector<subject>& subjects);

}  // namespace bench
