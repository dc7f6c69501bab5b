#include <plait/portable/errors.hpp>

namespace plait::inline PLAIT_ABI {

// Each type has one home for its type information, also across shared libraries.
not_portable::~not_portable() = default;
decode_error::~decode_error() = default;

}  // namespace plait::inline PLAIT_ABI
