#include <plait/core/time.hpp>

#include <cstdio>

namespace plait::inline PLAIT_ABI::detail {

void throw_bad_delay(std::string_view argument, double seconds) {
  char value[48];
  std::snprintf(value, sizeof value, "%g s", seconds);
  throw_invalid_argument(argument, value, "0 or more");
}

}  // namespace plait::inline PLAIT_ABI::detail
