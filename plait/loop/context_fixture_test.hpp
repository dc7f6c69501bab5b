// A context variable for tests, and what somebody sees of it.
#pragma once

#include <plait/core/context_var.hpp>

#include <vector>

namespace context_test {

inline const plait::context_var<int> variable("number");

using numbers = std::vector<int>;
inline void note(numbers* log) { log->push_back(variable.get_or(0)); }

}  // namespace context_test
