// What goes wrong on the way out of a process and into another.
#pragma once

#include <plait/core/config.hpp>

#include <stdexcept>

namespace plait::inline PLAIT_ABI {

/// The call can't leave this process: its callable, an argument or its result is of a type, or from a module, that
/// means nothing elsewhere. The message names which and why.
class PLAIT_API not_portable : public std::logic_error {
 public:
  using std::logic_error::logic_error;
  ~not_portable() override;
};

/// The bytes that came from another process are not what they should be.
class PLAIT_API decode_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~decode_error() override;
};

}  // namespace plait::inline PLAIT_ABI
