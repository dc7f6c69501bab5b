// What the programs that measure pools of processes share, besides measure.hpp. Their acts:
//
//   lat WORKERS N              a coroutine offloads a call to a process and awaits it, N times, one after the other
//   thr WORKERS N IN_FLIGHT    IN_FLIGHT coroutines do that at once, N calls together, all workers being there
//   map WORKERS N CHUNK        N calls, CHUNK of them a message, all workers being there
//   payload WORKERS N MIB      a std::vector of MIB MiB goes to a worker by value and comes back by value as a new
//   one:
//                              once, then N times more
//   start WORKERS N            a pool is made until each of its workers has answered: the program's first pool, then
//                              N later ones
//   start_spawn WORKERS N      the same where each worker is made by exec
//   start_big WORKERS N MIB    the same in a program that holds MIB MiB of touched memory
//   naps WORKERS N MS          a pool, N calls that sleep MS ms each, and its end
#pragma once
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/measure.hpp"

namespace bench {

using block = std::vector<char>;

inline block echo(block bytes) { return bytes; }

inline std::uint64_t nap(std::uint64_t ms) {
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
  return ms;
}

inline constexpr std::uint64_t chunks_in_flight = 16;

// Milliseconds that were measured one after the other: the first pays for what the later ones find ready.
class durations {
 public:
  // Measures `act`, and takes what it returns with it.
  template <class Act> auto add(Act act) {
    const auto started = now_ns();
    auto result = act();
    ms_.push_back(static_cast<double>(now_ns() - started) / 1e6);
    return result;
  }

  double first() const { return ms_.at(0); }
  double median_of_later() const {
    auto later = std::vector<double>(ms_.begin() + 1, ms_.end());
    require(!later.empty(), "nothing was measured after the first");
    const auto middle = later.begin() + static_cast<std::ptrdiff_t>(later.size() / 2);
    std::ranges::nth_element(later, middle);
    return *middle;
  }

 private:
  std::vector<double> ms_;
};

inline constexpr std::size_t mebibyte = std::size_t{1} << 20;

// Bytes of which no page is like another.
inline block make_block(std::uint64_t mib) {
  block bytes(mib * mebibyte);
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < bytes.size(); i += 64) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = static_cast<char>(state >> 56);
  }
  return bytes;
}

// `round_trip`: from a block to the one that came back. Each goes out again, as a block that nobody else needs.
template <class RoundTrip> void measure_payload(std::uint64_t n, std::uint64_t mib, RoundTrip round_trip) {
  const block original = make_block(mib);
  block bytes = original;
  durations taken;
  for (std::uint64_t i = 0; i <= n; ++i) {
    bytes = taken.add([&] { return round_trip(std::move(bytes)); });
    require(bytes == original, "another block came back");
  }
  report("payload.first", taken.first(), "ms");
  report("payload.later", taken.median_of_later(), "ms");
}

// `start` gives a pool all of whose workers have answered; its end is not measured.
template <class Start> void measure_start(std::uint64_t n, Start start) {
  durations taken;
  for (std::uint64_t i = 0; i <= n; ++i) {
    [[maybe_unused]] const auto pool = taken.add(start);
  }
  report("start.first", taken.first(), "ms");
  report("start.later", taken.median_of_later(), "ms");
}

// Memory that this program really has: each page was written to.
class touched_memory {
 public:
  explicit touched_memory(std::uint64_t mib) : bytes_(std::make_unique_for_overwrite<char[]>(mib * mebibyte)) {
    for (std::size_t i = 0; i < mib * mebibyte; i += 4096) static_cast<volatile char*>(bytes_.get())[i] = 1;
  }

 private:
  std::unique_ptr<char[]> bytes_;
};

inline void report_naps(std::uint64_t elapsed_ns) { report("naps", static_cast<double>(elapsed_ns) / 1e6, "ms"); }

}  // namespace bench
