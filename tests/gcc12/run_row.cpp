// run_row NAME runs one row, on one worker.
#include <cstdlib>

#include "row.hpp"

int main(int argc, char** argv) {
  const auto found = argc == 2 ? rows().find(argv[1]) : rows().end();
  if (found == rows().end()) {
    std::fputs("run_row NAME\n", stderr);
    return EXIT_FAILURE;
  }
  plait::thread_pool_executor pool{{.max_workers = 1}};
  plait::event_loop loop;
  loop.run_until_complete(found->second(pool));
  std::puts("finished");
}
