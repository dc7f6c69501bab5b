// The stacks of all threads of this process, for a program that hangs and is about to be ended.
#pragma once

#include <cstdio>

namespace test_support {

/// Loads what the handler needs, so that it need not be loaded inside of it. Call it once, early, but after the first
/// thread was started: with that ThreadSanitizer starts one of its own.
void prepare_thread_stacks();

/// Prints the name and the stack of each thread but the caller's, innermost frame first, with functions and source
/// lines where the program has them. The process is not fit for going on afterwards: it has lost a signal of the C
/// library.
void print_thread_stacks(std::FILE* out);

}  // namespace test_support
