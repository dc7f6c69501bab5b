// The acts of plait_loop, by subject.
#pragma once
#include "benchmarks/measure.hpp"

namespace bench {

void timers(const arguments& a);
void timers_cancel(const arguments& a);

void lock_hand_over(const arguments& a);
void queue_hand_over(const arguments& a);

void wait_for_futures(const arguments& a);
void gather_futures(const arguments& a);
void futures_as_completed(const arguments& a);

}  // namespace bench
