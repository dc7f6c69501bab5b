// What it costs to take data to a process and back, by value and by a handle of shared memory.
#include <utility>

#include "benchmarks/driver/plan.hpp"
#include <fmt/format.h>

namespace bench {
namespace {

constexpr unsigned workers = 3;
constexpr unsigned kibibyte = 1u << 10;
constexpr unsigned mebibyte = 1u << 20;
constexpr unsigned gibibyte = 1u << 30;

struct counts {
  unsigned native;
  unsigned asio;
  unsigned python;
};

frequency how_often_of(unsigned bytes) { return bytes > 64 * mebibyte ? frequency::full_only : frequency::few; }

experiment to_process(const char* act, unsigned bytes, surroundings where, counts n) {
  return {.act = act,
          .workers = worker_kind::processes,
          .before = {workers},
          .native_count = n.native,
          .asio_count = n.asio,
          .python_count = n.python,
          .after = {bytes},
          .where = where,
          .how_often = how_often_of(bytes)};
}

// How many trips of `bytes` bytes take half a second.
counts trips_of(unsigned bytes) {
  if (bytes <= kibibyte) return {20'000, 5'000, 1'500};
  if (bytes <= 64 * kibibyte) return {5'000, 2'000, 1'000};
  if (bytes <= mebibyte) return {300, 200, 100};
  if (bytes <= 64 * mebibyte) return {5, 5, 2};
  return {1, 1, 1};
}

experiment by_value(unsigned bytes) {
  constexpr auto where = surroundings::free;
  auto e = to_process("payload", bytes, where, trips_of(bytes));
  const auto at = place(where, workers);
  question asked{fmt::format("vector of {} by value to a process and back, {}, later", bytes_text(bytes), at),
                 "payload.later"};
  asked.series = fmt::format("vector by value to a process and back, {}", at);
  asked.at = bytes;
  asked.axis = "bytes";
  e.questions.push_back(std::move(asked));
  return e;
}

// Here the program's first is another question: it pays for the shared memory.
experiment by_value_of_64_mebibytes() {
  constexpr double times_limit = 1.25;
  auto e = by_value(64 * mebibyte);
  e.questions.front().times_limit = times_limit;
  e.questions.insert(e.questions.begin(), {"vector of 64 MiB by value to a process and back, " +
                                               place(surroundings::free, workers) + ", first",
                                           "payload.first"});
  return e;
}

experiment others_of_64_mebibytes(const char* act, const char* type, surroundings where,
                                  std::optional<double> times_limit = std::nullopt) {
  constexpr unsigned bytes = 64 * mebibyte;
  auto e = to_process(act, bytes, where, trips_of(bytes));
  e.how_often = frequency::full_only;
  const auto what = fmt::format("{} of 64 MiB by value to a process and back, {}", type, place(where, workers));
  e.questions = {{what + ", first", "payload.first"},
                 {.text = what + ", later", .figure = "payload.later", .times_limit = times_limit}};
  return e;
}

// How many trips of `bytes` shared bytes, and as many that write to each page, take half a second.
counts shared_trips_of(unsigned bytes) {
  if (bytes <= 64 * kibibyte) return {3'000, 3'000, 500};
  if (bytes <= mebibyte) return {500, 500, 300};
  if (bytes <= 64 * mebibyte) return {15, 15, 5};
  return {1, 1, 1};
}

experiment by_shared_buffer(unsigned bytes, std::optional<double> goal = std::nullopt) {
  constexpr auto where = surroundings::free;
  auto e = to_process("shared", bytes, where, shared_trips_of(bytes));
  const auto at = place(where, workers);
  const auto ask = [&](const char* what, const char* figure) {
    question asked{fmt::format("shared buffer of {} to a process and back{}, {}", bytes_text(bytes), what, at),
                   figure};
    asked.series = fmt::format("shared buffer to a process and back{}, {}", what, at);
    asked.at = bytes;
    asked.axis = "bytes";
    return asked;
  };
  e.questions = {ask("", "shared.handed"), ask(", each page written", "shared.touched")};
  e.questions.front().goal = goal;
  return e;
}

}  // namespace

std::vector<experiment> payload_experiments() {
  using enum surroundings;
  return {
      by_value(8),
      by_value(kibibyte),
      by_value(64 * kibibyte),
      by_value(mebibyte),
      by_value_of_64_mebibytes(),
      by_value(gibibyte),
      others_of_64_mebibytes("payload", "vector", one_core),
      others_of_64_mebibytes("payload_text", "string", free, 1.25),
      by_shared_buffer(8),
      by_shared_buffer(kibibyte),
      by_shared_buffer(64 * kibibyte),
      by_shared_buffer(mebibyte),
      by_shared_buffer(64 * mebibyte, 50),
      by_shared_buffer(gibibyte),
  };
}

}  // namespace bench
