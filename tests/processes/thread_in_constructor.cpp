// As a library with a pool of threads of its own does it (a BLAS, a telemetry client).
#include <condition_variable>
#include <mutex>
#include <thread>

namespace {

struct background {
  std::mutex mutex;
  std::condition_variable changed;
  std::thread thread{[this] {
    std::unique_lock lock(mutex);
    changed.wait(lock, [] { return false; });
  }};
};

// Never destroyed: its thread ends with the process.
[[maybe_unused]] const auto& started = *new background;

}  // namespace
