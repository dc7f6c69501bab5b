#include "caller.hpp"

#include <plait/core/errors.hpp>
#include <plait/processes/shared_buffer.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ranges>
#include <string>
#include <utility>

#include "calls.hpp"

namespace stress {
namespace {}  // namespace

// ── how ──

void caller::set_deadline(plait::call_options& options, expectation& what) {
  options.timeout = std::chrono::milliseconds(1 + choose_.below(40));
  what.may_time_out = true;
}

plait::call_options caller::options_for(expectation& what) {
  plait::call_options options;
  if (choose_.one_in(4)) set_deadline(options, what);
  if (choose_.one_in(3)) {
    options.retries = 1 + choose_.below(3);
    options.retry_on = plait::retry_on<plait::worker_died>;
  }
  if (choose_.one_in(10)) options.priority = choose_.below(3);
  if (choose_.one_in(3)) options.cancel = choose_.one_of({plait::cancel_mode::ask, plait::cancel_mode::kill});
  return options;
}

template <class Executor, class Right, class F, class... Args>
auto caller::hand_over(Executor& to, const plait::call_options& options, const expectation& what, Right right, F call,
                       Args... arguments) {
  using made_type = decltype(to.submit(options, call, std::move(arguments)...));
  try {
    auto made = to.submit(options, call, std::move(arguments)...);
    auto& account = calls_.watch(made, what, right);
    const auto wait = [made] {
      try {
        static_cast<void>(made.exception());
      } catch (const plait::cancelled_error&) {
      }
    };
    promised_.push_back({[made] { return made.cancel(); }, wait, &account});
    return std::optional(std::move(made));
  } catch (const plait::shut_down_error&) {
  } catch (const plait::broken_executor&) {
  } catch (const plait::queue_full&) {
  } catch (const std::exception& error) {
    calls_.complain(std::string("submit threw ") + error.what());
  }
  calls_.refused();
  return std::optional<made_type>();
}

void caller::cancel_one() {
  if (promised_.empty()) return;
  const auto& one = choose_.among(promised_);
  calls_.cancelled(*one.account, one.cancel());
}

void caller::wait_for_one() {
  if (!promised_.empty()) choose_.among(promised_).wait();
}

// ── what ──

std::optional<plait::future<int>> caller::call_number(pool& where) {
  const int n = choose_.below(1000);
  expectation what;
  auto options = options_for(what);
  const auto call = [&](auto function, auto... arguments) {
    const auto is_square = [n](int value) { return value == n * n; };
    plait::executor& pool = where.executor;
    return hand_over(pool, options, what, is_square, function, arguments...);
  };
  const auto forbidden = [&](auto function, const char* system_call) {
    if (where.sandboxed) what.has_value = false, what.forbidden = system_call;
    return call(function, n);
  };
  switch (choose_.below(18)) {
    case 0:
      what.has_value = false;
      what.may_fail = true;
      return call(fails, n);
    case 1:
      set_deadline(options, what);
      return call(until_asked, n);
    case 2:
    case 3:
      set_deadline(options, what);
      what.has_value = false;
      return choose_.one_in(2) ? call(never_ends, n) : call(never_gives_way, n);
    case 4:
      what.has_value = false;
      what.dies = true;
      return call(dies, choose_.one_of({SIGKILL, SIGTERM, SIGABRT}));
    case 5:
      what.has_value = false;
      what.dies = true;
      return call(leaves, choose_.below(2));
    case 6:
      return forbidden(opens_a_file, "openat");
    case 7:
      return choose_.one_in(2) ? forbidden(makes_a_socket, "socket") : forbidden(signals_its_parent, "kill");
    case 8:
    case 9:
      if (where.memory_limit == 0) return call(quick, n);
      return call(leaks, n, static_cast<std::size_t>(choose_.below(8)) * mib + mib);
    case 10:
      if (where.memory_limit == 0 || !choose_.one_in(3)) return call(quick, n);
      what.may_run_out = true;
      return call(hoards, n, 2 * where.memory_limit + 8 * mib);
    case 11:
    case 12:
      return call(slow, n, choose_.below(5000));
    default:
      return call(quick, n);
  }
}

void caller::call_bytes(pool& where) {
  const auto size = static_cast<std::size_t>(choose_.one_of({0, 1000, 16'000, 17'000, 200'000, 3'000'000}));
  expectation what;
  const auto options = options_for(what);
  if (choose_.one_in(2)) {
    const auto is_right = [size](const std::string& text) { return text == std::string(size, 'x'); };
    hand_over(where.executor, options, what, is_right, repeated, 'x', size);
    return;
  }
  std::vector<char> bytes(size, 'a');
  if (size > 0) bytes.front() = 'b';
  const auto is_right = [size](const std::vector<char>& back) {
    return back.size() == size && (size < 2 || (back.back() == 'b' && back.front() == 'a'));
  };
  hand_over(where.executor, options, what, is_right, reversed, std::move(bytes));
}

void caller::call_with_buffers(pool& where) {
  const int n = choose_.below(1000);
  const auto with = static_cast<char>('a' + choose_.below(26));
  const auto size = static_cast<std::size_t>(choose_.one_of({1, 5'000, 100'000, 2'000'000}));
  const plait::shared_buffer buffer(size);
  expectation what;
  const auto options = options_for(what);
  const auto is_filled = [n, buffer, with](int value) { return value == n * n && is_full_of(buffer, with); };
  const auto gives = [&] {
    if (where.sandboxed) what.has_value = false, what.not_allowed = true;
  };
  switch (choose_.below(6)) {
    case 0:
      hand_over(where.executor, options, what, is_filled, fills, n, buffer, with);
      return;
    case 1:
      hand_over(where.executor, options, what, is_filled, keeps, n, buffer, with);
      return;
    case 2:
      what.has_value = false;
      what.may_fail = true;
      hand_over(where.executor, options, what, is_filled, fails_with, n, buffer, with);
      return;
    case 3:
      gives();
      hand_over(
          where.executor, options, what,
          [buffer, with](const plait::shared_buffer& back) { return back == buffer && is_full_of(buffer, with); },
          gives_back, buffer, with);
      return;
    case 4:
      gives();
      hand_over(
          where.executor, options, what,
          [size, with](const plait::shared_buffer& made) { return made.size() == size && is_full_of(made, with); },
          makes_one, size, with);
      return;
    default:
      break;
  }
  gives();
  const plait::shared_buffer other(4096);
  const std::vector several{buffer, other, other};
  const auto is_turned = [several, with](const auto& came) {
    const auto& [buffers, text] = came;
    return buffers.size() == 4 && std::equal(several.begin(), several.end(), std::next(buffers.rbegin())) &&
           std::ranges::all_of(buffers, [with](const auto& each) { return is_full_of(each, with); }) &&
           text == repeated(with, 50'000);
  };
  hand_over(where.executor, options, what, is_turned, turns_round, several, with);
}

// Its items' futures are map's own: what is counted is that each item ends once, in its place.
void caller::map_numbers(pool& where) {
  const int items = 1 + choose_.below(40);
  const int taken_at_most = choose_.one_in(3) ? items / 2 : items;  // leaving early cancels the rest
  const plait::map_options options{.chunk_size = static_cast<std::size_t>(1 + choose_.below(8)), .buffer_size = 16};
  int taken = 0;
  bool refused = false;
  try {
    auto results = where.executor.map(options, quick, std::views::iota(0, items));
    for (auto at = results.begin(); taken < taken_at_most && at != results.end(); ++at, ++taken) {
      try {
        if (*at != taken * taken) calls_.complain("map gave a wrong value");
      } catch (const plait::worker_died&) {
      } catch (const plait::cancelled_error&) {
      }
    }
  } catch (const plait::shut_down_error&) {
    refused = true;
  } catch (const plait::broken_executor&) {
    refused = true;
  }
  if (refused)
    calls_.refused();
  else if (taken != taken_at_most)
    calls_.complain("map gave " + std::to_string(taken) + " results of " + std::to_string(taken_at_most));
}

}  // namespace stress
