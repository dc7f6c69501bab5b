// On what the figures were taken: without that no figure means anything.
#pragma once
#include <cstdio>
#include <string>
#include <vector>

#include "benchmarks/driver/plan.hpp"

namespace bench {

struct fact {
  std::string name;
  std::string value;
};

// CPU, cores, kernel, compiler, load; the versions of the subjects that tell one. Those that are missing are named.
std::vector<fact> facts_of_machine(const std::vector<subject>& subjects);

void print(std::FILE* to, const std::vector<fact>& facts);

}  // namespace bench
