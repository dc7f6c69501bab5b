// From a state back to its owner.
//
// A state knows its owner (a pool, a loop) by a plain pointer, and the owner may go as soon as all its states are
// done. Who comes from a future (cancel) therefore goes through the gate: inside, a state that is not done has a
// living owner. An owner passes the gate when all its states are done and before it goes: then nobody is inside it
// any more. One gate for all: it is needed for cancels alone, and what is done inside is short and runs no user code.
#pragma once

#include <plait/core/internal/mutex.hpp>

namespace plait::inline PLAIT_ABI::detail {

[[nodiscard]] PLAIT_API mutex& owner_gate() noexcept;

/// Waits until whoever is inside has left. For owners.
PLAIT_API void pass_owner_gate() noexcept;

}  // namespace plait::inline PLAIT_ABI::detail
