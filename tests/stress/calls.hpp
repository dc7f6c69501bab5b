// What the stress test has its workers do.
#pragma once

#include <plait/portable/portable_exception.hpp>
#include <plait/processes/shared_buffer.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace stress {

inline constexpr std::size_t mib = std::size_t{1} << 20;

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
/// Nor by SIGTERM.
inline int never_gives_way(int n) {
  ::signal(SIGTERM, SIG_IGN);
  return never_ends(n);
}
inline int fails(int n) { throw failure(std::to_string(n)); }
inline int dies(int signal) {
  ::signal(signal, SIG_DFL);
  ::raise(signal);
  return 0;
}
inline int leaves(int code) { ::_exit(code); }

// ── memory ──

/// Memory in use for good, without a byte of it being touched by code that a sanitizer sees.
inline int leaks(int n, std::size_t bytes) {
  if (::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0) == MAP_FAILED)
    throw std::runtime_error("mmap");
  return n * n;
}
/// And stays for a while with what it took: long enough to be seen, mostly.
inline int hoards(int n, std::size_t bytes) {
  leaks(n, bytes);
  return slow(n, 200'000);
}

// ── what a sandbox forbids; elsewhere it does no harm ──

inline int opens_a_file(int n) {
  ::close(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  return n * n;
}
inline int makes_a_socket(int n) {
  ::close(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return n * n;
}
inline int signals_its_parent(int n) {
  ::kill(::getppid(), 0);
  return n * n;
}

// ── bytes ──

/// As large a result as argument.
inline std::vector<char> reversed(std::vector<char> bytes) {
  std::ranges::reverse(bytes);
  return bytes;
}
inline std::string repeated(char what, std::size_t times) { return std::string(times, what); }

// ── shared buffers ──

inline void fill(const plait::shared_buffer& buffer, char with) {
  std::ranges::fill(buffer.bytes(), static_cast<std::byte>(with));
}
inline bool is_full_of(const plait::shared_buffer& buffer, char with) {
  return std::ranges::all_of(buffer.bytes(), [&](auto byte) { return byte == static_cast<std::byte>(with); });
}

inline int fills(int n, const plait::shared_buffer& buffer, char with) {
  fill(buffer, with);
  return n * n;
}
/// Holds it until its process ends, or is given another.
inline int keeps(int n, plait::shared_buffer buffer, char with) {
  static plait::shared_buffer kept;
  kept = std::move(buffer);
  return fills(n, kept, with);
}
inline int fails_with(int n, const plait::shared_buffer& buffer, char with) { return fails(fills(n, buffer, with)); }
inline plait::shared_buffer gives_back(plait::shared_buffer buffer, char with) {
  fill(buffer, with);
  return buffer;
}
inline plait::shared_buffer makes_one(std::size_t bytes, char with) {
  plait::shared_buffer made(bytes);
  fill(made, with);
  return made;
}
/// The same ones in another order, a new one behind them, and as many bytes as are too many for a ring.
inline std::pair<std::vector<plait::shared_buffer>, std::string> turns_round(
    std::vector<plait::shared_buffer> buffers, char with) {
  std::ranges::reverse(buffers);
  for (const auto& each : buffers) fill(each, with);
  buffers.push_back(makes_one(5'000, with));
  return {std::move(buffers), repeated(with, 50'000)};
}

}  // namespace stress

PLAIT_PORTABLE_EXCEPTION(stress::failure);
