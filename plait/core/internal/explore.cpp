#if defined(PLAIT_SIMULATED)

#include <plait/core/internal/machine.hpp>

#include <charconv>
#include <limits>
#include <random>

#include <sched.h>

namespace plait::inline PLAIT_ABI::simulated {
namespace {

constexpr int any_preemptions = std::numeric_limits<int>::max();

// Depth first: the choices of the last run are kept, the last of them that has another way left takes it.
class every_schedule final : public decider {
 public:
  std::size_t decide(std::size_t count, bool) override {
    if (at_ == path_.size()) path_.push_back({0, count});
    const choice& here = path_[at_++];
    return here.count == count ? here.taken : misfit;
  }

  /// False where no schedule is left.
  bool advance() {
    while (!path_.empty() && path_.back().taken + 1 == path_.back().count) path_.pop_back();
    if (path_.empty()) return false;
    ++path_.back().taken;
    at_ = 0;
    return true;
  }

 private:
  struct choice {
    std::size_t taken;
    std::size_t count;
  };
  std::vector<choice> path_;
  std::size_t at_ = 0;
};

class random_schedule final : public decider {
 public:
  explicit random_schedule(std::uint64_t seed) : random_(seed) {}

  std::size_t decide(std::size_t count, bool may_stay) override {
    if (!may_stay) return random_() % count;
    return (random_() & rarely_) != 0 ? 0 : 1 + random_() % (count - 1);
  }
  void advance() { rarely_ = (std::uint64_t{2} << random_() % 6) - 1; }

 private:
  std::mt19937_64 random_;
  std::uint64_t rarely_ = 1;
};

class given_schedule final : public decider {
 public:
  explicit given_schedule(std::vector<std::size_t> choices) : choices_(std::move(choices)) {}
  std::size_t decide(std::size_t count, bool) override {
    if (at_ == choices_.size()) return 0;
    const std::size_t choice = choices_[at_++];
    return choice < count ? choice : misfit;
  }

 private:
  std::vector<std::size_t> choices_;
  std::size_t at_ = 0;
};

// As a text: how many preemptions are allowed ("any" where that is not limited), an "e" for early timeouts, a colon,
// the choices; "12*" stands for twelve zeros in a row. What is not told is zero.
std::string to_text(const explore_options& options, std::vector<std::size_t> choices) {
  while (!choices.empty() && choices.back() == 0) choices.pop_back();
  std::string text = options.max_preemptions == any_preemptions ? "any" : std::to_string(options.max_preemptions);
  if (options.early_timeouts) text += 'e';
  text += ':';
  std::size_t zeros = 0;
  for (const std::size_t each : choices) {
    if (each == 0) {
      ++zeros;
      continue;
    }
    if (zeros != 0) text += std::to_string(zeros) + "*";
    text += std::to_string(each) + ",";
    zeros = 0;
  }
  if (text.back() == ',') text.pop_back();
  return text;
}

std::vector<std::size_t> from_text(std::string_view text, explore_options& options) {
  const auto bad = [text] {
    return std::invalid_argument("replay: \"" + std::string(text) + "\" is no schedule as a failure prints it");
  };
  const char* at = text.data();
  const char* const last = text.data() + text.size();
  const auto read = [&](auto& number) {
    const auto [stop, problem] = std::from_chars(at, last, number);
    if (problem != std::errc{}) throw bad();
    at = stop;
  };
  if (text.starts_with("any")) {
    options.max_preemptions = any_preemptions;
    at += 3;
  } else {
    read(options.max_preemptions);
  }
  options.early_timeouts = at != last && *at == 'e';
  if (options.early_timeouts) ++at;
  if (at == last || *at++ != ':') throw bad();
  std::vector<std::size_t> choices;
  while (at != last) {
    std::size_t number = 0;
    read(number);
    if (at != last && *at == '*') {
      if (number > 1'000'000) throw bad();
      choices.insert(choices.end(), number, 0);
      ++at;
      continue;
    }
    choices.push_back(number);
    if (at != last && *at++ != ',') throw bad();
  }
  return choices;
}

// Between two cores a hand-over takes many times longer than on one.
class on_one_core {
 public:
  on_one_core() noexcept {
    const int here = sched_getcpu();
    if (here < 0 || sched_getaffinity(0, sizeof before_, &before_) != 0) return;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<std::size_t>(here), &one);
    pinned_ = sched_setaffinity(0, sizeof one, &one) == 0;
  }
  ~on_one_core() {
    if (pinned_) sched_setaffinity(0, sizeof before_, &before_);
  }
  on_one_core(const on_one_core&) = delete;
  on_one_core& operator=(const on_one_core&) = delete;

 private:
  cpu_set_t before_{};
  bool pinned_ = false;
};

// A machine that is stuck stays for good, with what its threads may look at: they sleep in it.
struct exploration {
  explore_options options;
  std::function<void()> body;
  machine runs{options};
};

void abandon(std::unique_ptr<exploration> stuck) {
  static auto& abandoned = *new std::vector<std::unique_ptr<exploration>>;  // reachable, so no leak
  abandoned.push_back(std::move(stuck));
}

// `advance` makes the decider ready for the next run, and is false after the last.
template <class Advance>
explore_result run_all(const explore_options& options, std::function<void()> body, decider& decides,
                       std::size_t max_schedules, Advance advance) {
  if (current_fiber() != nullptr) throw std::logic_error("explore: called from inside of a simulation");
  const on_one_core pinned;
  std::unique_ptr<exploration> all(new exploration{options, std::move(body)});
  for (std::size_t count = 1;; ++count) {
    if (!all->runs.run(all->body, decides)) {
      unobserved hidden;
      const std::string schedule = to_text(options, all->runs.choices());
      const std::string text = all->runs.reason() + "\nschedule " + std::to_string(count) + ", to be replayed as \"" +
                               schedule + "\"\n" + all->runs.report();
      if (all->runs.stuck()) abandon(std::move(all));
      throw explore_failure(text, schedule, count);
    }
    if (!advance()) return {count, true};
    if (count == max_schedules) return {count, false};
  }
}

}  // namespace

explore_result explore(const explore_options& options, std::function<void()> body) {
  every_schedule decides;
  return run_all(options, std::move(body), decides, options.max_schedules, [&] { return decides.advance(); });
}

explore_result sample(std::uint64_t seed, std::size_t schedules, std::function<void()> body,
                      const explore_options& options) {
  random_schedule decides(seed);
  explore_options unlimited = options;
  unlimited.max_preemptions = any_preemptions;
  decides.advance();
  return run_all(unlimited, std::move(body), decides, schedules, [&] {
    decides.advance();
    return true;
  });
}

explore_result replay(std::string_view schedule, std::function<void()> body, const explore_options& options) {
  explore_options same = options;
  given_schedule decides(from_text(schedule, same));
  return run_all(same, std::move(body), decides, 1, [] { return true; });
}

std::size_t choose(std::size_t count) {
  fiber* const me = current_fiber();
  if (me == nullptr || count < 2) return 0;
  unobserved hidden;
  return me->owner->choose(*me, count);
}

void name_thread(std::string_view name) {
  fiber* const me = current_fiber();
  if (me == nullptr) return;
  unobserved hidden;
  me->name = name;
}

void name_location(const void* where, std::string_view name) {
  fiber* const me = current_fiber();
  if (me == nullptr) return;
  unobserved hidden;
  me->owner->name_location(where, name);
}

}  // namespace plait::inline PLAIT_ABI::simulated

#endif
