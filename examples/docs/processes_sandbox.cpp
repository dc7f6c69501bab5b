// Code that isn't trusted: it may compute, and nothing else.
#include <plait/plait.hpp>

#include <chrono>
#include <fstream>
#include <string>
#include <vector>

using namespace std::chrono_literals;

int width_of(const std::string& picture) {  // stands for a decoder that some input can take over
  if (picture == "hostile") static_cast<void>(std::ifstream("/etc/passwd").get());
  return static_cast<int>(picture.size());
}

plait::task<void> measure_all(plait::executor& decoders) {
  const std::vector<std::string> pictures{"beach", "hostile", "mountain"};
  for (const auto& picture : pictures) {
    try {
      const int width = co_await decoders.submit({.timeout = 10s}, width_of, picture);
      fmt::print("{}: {}\n", picture, width);
    } catch (const plait::sandbox_violation& violation) {
      fmt::print("{}: killed, since it asked for {}\n", picture, violation.system_call());
    }
  }
}

int main() {
  plait::process_pool_executor decoders({.max_workers = 2, .sandbox = plait::sandbox::compute});
  plait::run(measure_all(decoders));
}

// Output:
// beach: 5
// hostile: killed, since it asked for openat
// mountain: 8
