// What the failure of a walk says (plait/core/internal/explore.hpp).
#pragma once

#include <plait/core/internal/explore.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace test_support {

/// The text and the schedule; both empty where `run` does not fail.
template <class Run> std::pair<std::string, std::string> failure_of(Run run) {
  try {
    run();
  } catch (const plait::simulated::explore_failure& failure) {
    return {failure.what(), failure.schedule};
  }
  return {};
}

inline bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

}  // namespace test_support
