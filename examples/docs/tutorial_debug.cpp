// Who waits for whom.
#include <plait/plait.hpp>

#include <chrono>
#include <string>

using namespace std::chrono_literals;

plait::task<void> asks() { co_await plait::sleep(1h); }

plait::task<void> async_main() {
  auto asking = plait::get_running_loop().create_task(asks(), "asks");
  co_await plait::sleep(0s);
  const std::string tree = plait::task_tree();  // what print_tasks prints
  fmt::print("{}\n", tree.find("asks") != std::string::npos ? "asks is in the tree" : tree);
  asking.cancel();
}

int main() { plait::run(async_main()); }

// Output:
// asks is in the tree
