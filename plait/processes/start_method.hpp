// How worker processes are made.
#pragma once

#include <plait/core/config.hpp>

#include <cstdint>

namespace plait::inline PLAIT_ABI {

enum class start_method : std::uint32_t {
  fork_server,  ///< forked, in a fraction of a millisecond, from a server that is the program as it was before main
  spawn,        ///< each by exec of the program: its static constructors run anew
};

}  // namespace plait::inline PLAIT_ABI
