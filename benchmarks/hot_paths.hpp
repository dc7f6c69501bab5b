// The hot paths, each alone, for scripts/check_counts to count their instructions under callgrind.
//
//   hot_paths           names the paths
//   hot_paths PATH N    goes along one of them N times
//
// Only what runs inside of counted() counts, and of that only what its own thread does. So preparing and tidying up
// may cost what they like; what a path costs once (the first block of a container, the start of a loop) goes away
// where the counts for two N are subtracted.
//
// Counts must repeat to the instruction, here and on another machine. So nothing inside of counted() waits for time
// to pass or for another thread, timers are set to fixed distances, and what is copied is small: the C library copies
// large blocks in ways that depend on the processor.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

namespace bench {

/// scripts/check_counts knows it by its name.
void counted(const std::function<void()>& act);

struct path {
  std::string_view name;
  void (*go)(std::uint64_t n);
};

[[nodiscard]] std::span<const path> paths_of_calls();
[[nodiscard]] std::span<const path> paths_of_tasks();

}  // namespace bench
