// The acts of limit_processes that need no runtime.
#pragma once
#include <string_view>

#include "benchmarks/measure.hpp"

namespace bench::limit {

void payload(const arguments& a);
void payload_text(const arguments& a);
void shared_bytes(const arguments& a);
void start(const arguments& a);
void start_spawn(const arguments& a);
void start_big(const arguments& a);

// What this program is when it was started by one of these acts; then it does not return.
void become_started(int argc, char** argv);

}  // namespace bench::limit
