// For programs in which plait can't take over before main.
#pragma once

#include <plait/core/config.hpp>

namespace plait::inline PLAIT_ABI {

/// To be called first in main, by programs in which plait can't take over a worker process before main: those that
/// are linked fully statically (-static), and those that load plait, or a library that plait is linked into, by
/// dlopen. Others need not call it; it does no harm.
///
///     int main(int argc, char** argv) {
///       plait::worker_entry(argc, argv);
///       ...
///
/// In a process that was started to be plait's worker, or the server of workers, it does that work and never returns;
/// in any other it returns at once, and from then on the program can start workers. Must be called while the program
/// has one thread. What main does before it is done in each worker too.
PLAIT_API void worker_entry(int argc, char** argv);

}  // namespace plait::inline PLAIT_ABI
