// Signals of this process.
#pragma once

#include <csignal>

#include <unistd.h>

namespace test_support {

inline void send(int signal) { ::kill(::getpid(), signal); }
inline void (*disposition(int signal))(int) {
  struct sigaction now = {};
  ::sigaction(signal, nullptr, &now);
  return now.sa_handler;
}

}  // namespace test_support
