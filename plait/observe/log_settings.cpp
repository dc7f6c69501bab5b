#include <plait/observe/log_settings.hpp>

#include <atomic>
#include <mutex>
#include <utility>

#include <unistd.h>

namespace plait::inline PLAIT_ABI::detail {
namespace {

// What basic_config was told last. There before all constructors, and never destroyed: workers are started by static
// pools, and while the program leaves.
constinit struct {
  std::mutex lock;
  log_settings* told = nullptr;  // null: nothing yet
} in_force;

// Not a member of the log's sink: a worker is told it when it begins, and most never log.
constinit std::atomic<int> descriptor_of_log{STDERR_FILENO};

// Written before main.
constinit log_setup setup_of_log = nullptr;

}  // namespace

log_settings current_log_settings() {
  const std::lock_guard lock(in_force.lock);
  return in_force.told ? *in_force.told : log_settings();
}

void keep_log_settings(log_settings settings) {
  const std::lock_guard lock(in_force.lock);
  if (!in_force.told) in_force.told = new log_settings;
  *in_force.told = std::move(settings);
}

void set_log_setup(log_setup setup) noexcept { setup_of_log = setup; }

void apply_log_settings(const log_settings& settings) {
  if (settings.configured && setup_of_log) setup_of_log(settings);
}

void set_log_descriptor(int descriptor) noexcept { descriptor_of_log = descriptor; }

int log_descriptor() noexcept { return descriptor_of_log; }

}  // namespace plait::inline PLAIT_ABI::detail
