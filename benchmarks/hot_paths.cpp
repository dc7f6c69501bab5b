#include "benchmarks/hot_paths.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "benchmarks/measure.hpp"

namespace bench {

// The empty statement keeps the call from becoming a jump: callgrind counts until this function returns.
[[gnu::noinline]] void counted(const std::function<void()>& act) {
  act();
  asm volatile("");
}

}  // namespace bench

int main(int argc, char** argv) {
  const std::string_view wanted = argc > 1 ? argv[1] : "";
  for (const auto& paths : {bench::paths_of_calls(), bench::paths_of_tasks()}) {
    for (const auto& path : paths) {
      if (argc == 1) std::printf("%.*s\n", static_cast<int>(path.name.size()), path.name.data());
      if (argc != 3 || path.name != wanted) continue;
      try {
        path.go(bench::parse_number(argv[2]));
        return EXIT_SUCCESS;
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s: %s: %s\n", argv[0], argv[1], e.what());
        return EXIT_FAILURE;
      }
    }
  }
  if (argc == 1) return EXIT_SUCCESS;
  std::fprintf(stderr, "usage: %s [PATH N]; without arguments it names the paths\n", argv[0]);
  return 2;
}
