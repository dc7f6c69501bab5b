// What the stress test has its workers do.
#pragma once

#include <plait/portable/portable_exception.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace stress {

struct failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline int quick(int n) { return n * n; }
inline int slow(int n, int microseconds) {
  std::this_thread::sleep_for(std::chrono::microseconds(microseconds));
  return n * n;
}
/// Until it is asked to stop, so each has a deadline.
inline int until_asked(std::stop_token stop, int n) {
  while (!stop.stop_requested()) std::this_thread::sleep_for(std::chrono::microseconds(200));
  return n * n;
}
inline int never_ends(int n) {
  while (n >= 0) ::pause();
  return n;
}
inline int fails(int n) { throw failure(std::to_string(n)); }
inline int dies(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  return 0;
}
inline int leaves(int code) { ::_exit(code); }
/// As large a result as argument.
inline std::vector<char> reversed(std::vector<char> bytes) {
  std::ranges::reverse(bytes);
  return bytes;
}
inline std::string repeated(char what, std::size_t times) { return std::string(times, what); }

}  // namespace stress

PLAIT_PORTABLE_EXCEPTION(stress::failure);
