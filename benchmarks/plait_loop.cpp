// plait's event loop by itself: the acts of measure_loop.hpp.
#include "benchmarks/plait_loop.hpp"

int main(int argc, char** argv) {
  using namespace bench;
  return perform_act(argc, argv,
                     {{"timers", "N", timers},
                      {"timers_cancel", "N", timers_cancel},
                      {"lock", "N", lock_hand_over},
                      {"queue", "N", queue_hand_over},
                      {"wait", "FROM TO", wait_for_futures},
                      {"gather", "FROM TO", gather_futures},
                      {"as_completed", "FROM TO", futures_as_completed}});
}
