// The experiments of a loop by itself. They take one core: nothing in them leaves the loop's thread.
#include "benchmarks/driver/plan.hpp"
#include <fmt/format.h>

namespace bench {
namespace {

constexpr auto where = surroundings::one_core;
constexpr unsigned most_of_python = 100'000;  // more of them take it many seconds

experiment on_loop(const char* act) {
  return {.act = act, .workers = worker_kind::none, .before = {}, .after = {}, .where = where};
}

// "firing one of 1000 timers, one core", of the series "firing one of many timers, one core".
question in_series(const std::string& what, unsigned n, const char* axis, const std::string& figure) {
  question asked{fmt::format("{} one of {} {}, {}", what, n, axis, name_of(where)), figure};
  asked.series = fmt::format("{} one of many {}, {}", what, axis, name_of(where));
  asked.at = n;
  asked.axis = axis;
  return asked;
}

experiment timers(unsigned n, frequency how_often) {
  auto e = on_loop("timers");
  e.native_count = n;
  e.asio_count = n;
  e.python_count = n <= most_of_python ? n : 0;
  e.scales = false;
  e.how_often = how_often;
  e.questions = {in_series("setting", n, "timers", "timers.set"), in_series("firing", n, "timers", "timers.fire")};
  return e;
}

experiment timers_cancel(unsigned n, frequency how_often) {
  auto e = timers(n, how_often);
  e.act = "timers_cancel";
  e.questions = {in_series("setting and cancelling", n, "timers", "timers.cancel")};
  return e;
}

experiment hand_over(const char* act, unsigned native, unsigned asio, unsigned python) {
  auto e = on_loop(act);
  e.native_count = native;
  e.asio_count = asio;
  e.python_count = python;
  e.questions = {{fmt::format("{} handed over between two tasks, {}", act, name_of(where)), act}};
  return e;
}

// One run for all n from `first` to `last`, each ten times the one before.
experiment waiting(const char* act, unsigned first, unsigned last, frequency how_often) {
  auto e = on_loop(act);
  e.before = {first};
  e.native_count = last;
  e.asio_count = 0;
  e.python_count = last <= most_of_python ? last : 0;
  e.scales = false;
  e.how_often = how_often;
  for (auto n = first; n <= last; n *= 10)
    e.questions.push_back(in_series(act, n, "futures", fmt::format("{}.{}", act, n)));
  return e;
}

}  // namespace

std::vector<experiment> loop_experiments() {
  using enum frequency;
  std::vector<experiment> all{hand_over("lock", 4'000'000, 0, 100'000),
                              hand_over("queue", 2'000'000, 1'000'000, 100'000)};
  for (const unsigned n : {1'000u, 10'000u, 100'000u, 1'000'000u}) {
    const auto how_often = n > 100'000 ? full_only : few;
    all.push_back(timers(n, how_often));
    all.push_back(timers_cancel(n, how_often));
  }
  for (const auto* act : {"wait", "gather", "as_completed"}) {
    all.push_back(waiting(act, 10, 10'000, few));
    all.push_back(waiting(act, 100'000, 100'000, full_only));
    all.push_back(waiting(act, 1'000'000, 1'000'000, full_only));
  }
  return all;
}

}  // namespace bench
