// What the programs that measure pools of processes share, besides measure.hpp. Their acts:
//
//   lat WORKERS N              a coroutine offloads a call to a process and awaits it, N times, one after the other
//   thr WORKERS N IN_FLIGHT    IN_FLIGHT coroutines do that at once, N calls together, all workers being there
//   map WORKERS N CHUNK        N calls, CHUNK of them a message, all workers being there
//   payload WORKERS N BYTES    a std::vector of BYTES bytes goes to a worker by value and comes back by value as a
//                              new one: once, then N times more
//   payload_text WORKERS N BYTES
//                              the same with a std::string
//   shared WORKERS N BYTES     BYTES bytes that a worker sees in shared memory are handed to it and back: N times so
//                              that it writes to the first of them, then N times so that it writes to each page
//   start WORKERS N            a pool is made until each of its workers has answered: the program's first pool, then
//                              N later ones
//   start_spawn WORKERS N      the same where each worker is made by exec
//   start_big WORKERS N MIB    the same in a program that holds MIB MiB of touched memory
//   naps WORKERS N MS          a pool, N calls that sleep MS ms each, and its end
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/measure.hpp"

namespace bench {

using block = std::vector<char>;

template <class Bytes> Bytes echo(Bytes bytes) { return bytes; }

inline constexpr std::uint64_t chunks_in_flight = 16;

// What was measured one after the other: the first pays for what the later ones find ready.
class durations {
 public:
  // Measures `act`, and takes what it returns with it.
  template <class Act> auto add(Act act) {
    const auto started = now_ns();
    auto result = act();
    us_.push_back(static_cast<double>(now_ns() - started) / 1e3);
    return result;
  }

  double first_us() const { return us_.at(0); }
  double median_of_later_us() const {
    auto later = std::vector<double>(us_.begin() + 1, us_.end());
    require(!later.empty(), "nothing was measured after the first");
    const auto middle = later.begin() + static_cast<std::ptrdiff_t>(later.size() / 2);
    std::ranges::nth_element(later, middle);
    return *middle;
  }

 private:
  std::vector<double> us_;
};

inline constexpr std::size_t page = 4096;
inline constexpr std::size_t mebibyte = std::size_t{1} << 20;

// Bytes of which no page is like another.
template <class Bytes> Bytes make_bytes(std::uint64_t size) {
  Bytes bytes(size, '\0');
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < bytes.size(); i += 64) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes[i] = static_cast<char>(state >> 56);
  }
  return bytes;
}

// `round_trip`: from Bytes to those that came back. They go out again, as some that nobody else needs.
template <class Bytes = block, class RoundTrip>
void measure_payload(std::uint64_t n, std::uint64_t size, RoundTrip round_trip) {
  const auto original = make_bytes<Bytes>(size);
  Bytes bytes = original;
  durations taken;
  for (std::uint64_t i = 0; i <= n; ++i) {
    bytes = taken.add([&] { return round_trip(std::move(bytes)); });
    require(bytes == original, "other bytes came back");
  }
  report("payload.first", taken.first_us(), "us");
  report("payload.later", taken.median_of_later_us(), "us");
}

// What a worker does with shared bytes.
inline void write_to_first(std::span<unsigned char> bytes) { ++bytes.front(); }
inline void write_to_each_page(std::span<unsigned char> bytes) {
  for (std::size_t i = 0; i < bytes.size(); i += page) ++bytes[i];
}

// `bytes`, all zero here, are handed over by `to_first` and `to_each_page`, so that a worker does that with them.
template <class ToFirst, class ToEachPage>
void measure_shared(std::uint64_t n, std::span<const unsigned char> bytes, ToFirst to_first,
                    ToEachPage to_each_page) {
  durations handed;
  durations touched;
  const auto measure = [n](durations& taken, auto hand_over) {
    for (std::uint64_t i = 0; i <= n; ++i) {
      taken.add([&] {
        hand_over();
        return true;
      });
    }
  };
  measure(handed, to_first);
  require(bytes.front() == static_cast<unsigned char>(n + 1), "the worker did not write to the same bytes");
  measure(touched, to_each_page);
  require(bytes.front() == static_cast<unsigned char>(2 * (n + 1)), "the worker did not write to the same bytes");
  for (std::size_t i = page; i < bytes.size(); i += page)
    require(bytes[i] == static_cast<unsigned char>(n + 1), "a page was not written to");
  report("shared.handed", handed.median_of_later_us(), "us");
  report("shared.touched", touched.median_of_later_us(), "us");
}

// `start` gives a pool all of whose workers have answered; its end is not measured.
template <class Start> void measure_start(std::uint64_t n, Start start) {
  durations taken;
  for (std::uint64_t i = 0; i <= n; ++i) {
    [[maybe_unused]] const auto pool = taken.add(start);
  }
  report("start.first", taken.first_us() / 1e3, "ms");
  report("start.later", taken.median_of_later_us() / 1e3, "ms");
}

// Memory that this program really has: each page was written to.
class touched_memory {
 public:
  explicit touched_memory(std::uint64_t mib) : bytes_(std::make_unique_for_overwrite<char[]>(mib * mebibyte)) {
    for (std::size_t i = 0; i < mib * mebibyte; i += page) static_cast<volatile char*>(bytes_.get())[i] = 1;
  }

 private:
  std::unique_ptr<char[]> bytes_;
};

}  // namespace bench
