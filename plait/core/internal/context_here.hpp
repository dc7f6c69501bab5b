// Which slot of context variables this thread uses. Only for .cpp files, and never across a suspension: compilers may
// keep a thread-local's address there.
#pragma once

#include <plait/core/context.hpp>

namespace plait::inline PLAIT_ABI::detail {

extern constinit thread_local context_slot* current_context_slot;

}  // namespace plait::inline PLAIT_ABI::detail
