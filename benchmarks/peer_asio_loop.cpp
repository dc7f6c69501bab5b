// Asio's io_context by itself: the acts of measure_loop.hpp that it has the like of. A timer is a steady_timer, a
// queue an experimental::channel; it has no lock for coroutines and no futures of one loop.
#include <chrono>
#include <vector>

#include "benchmarks/measure_loop.hpp"
#include <asio.hpp>
#include <asio/experimental/channel.hpp>

namespace {

using namespace bench;
using asio::awaitable;
using clock = asio::steady_timer::clock_type;

// An exception in a coroutine comes out of io_context::run.
void rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

void timers(const arguments& a) {
  asio::io_context loop(1);
  fired_timers fired;
  const auto clock_of_loop = clock::now() - std::chrono::nanoseconds(now_ns());
  std::vector<asio::steady_timer> pending;
  pending.reserve(a[0]);
  const auto set = [&](std::uint64_t when) {
    pending.emplace_back(loop, clock_of_loop + std::chrono::nanoseconds(when));
    pending.back().async_wait([&fired, when](const asio::error_code& failure) {
      if (!failure) fired.add(when);
    });
  };
  measure_timers(a[0], fired, set, [&] {
    loop.run();
    loop.restart();
    pending.clear();
  });
}

// A timer that is cancelled tells its handler so: in the loop's turn.
void timers_cancel(const arguments& a) {
  asio::io_context loop(1);
  std::vector<asio::steady_timer> set;
  set.reserve(a[0]);
  delays more;
  std::uint64_t cancelled = 0;
  const auto started = now_ns();
  for (std::uint64_t i = 0; i < a[0]; ++i) {
    set.emplace_back(loop, std::chrono::hours(1) + std::chrono::microseconds(more.next()));
    set.back().async_wait([&](const asio::error_code& failure) {
      if (failure == asio::error::operation_aborted) ++cancelled;
    });
  }
  for (auto& timer : set) timer.cancel();
  loop.run();
  report_each("timers.cancel", a[0], now_ns() - started);
  require(cancelled == a[0], "a timer was not cancelled");
}

// One place: an item that nobody waits for has room, and a sender does not wait.
using items = asio::experimental::channel<void(asio::error_code, std::uint64_t)>;

awaitable<void> send_back(items& from, items& to, std::uint64_t n) {
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto item = co_await from.async_receive(asio::use_awaitable);
    co_await to.async_send({}, item + 1, asio::use_awaitable);
  }
}

awaitable<void> send_and_get_back(items& there, items& back, std::uint64_t n, std::uint64_t& item) {
  for (std::uint64_t i = 0; i < n; ++i) {
    co_await there.async_send({}, item + 1, asio::use_awaitable);
    item = co_await back.async_receive(asio::use_awaitable);
  }
}

void queue_hand_over(const arguments& a) {
  asio::io_context loop(1);
  items there(loop, 1);
  items back(loop, 1);
  const auto each = a[0] / 2;
  std::uint64_t item = 0;
  const auto started = now_ns();
  asio::co_spawn(loop, send_back(there, back, each), rethrow);
  asio::co_spawn(loop, send_and_get_back(there, back, each, item), rethrow);
  loop.run();
  report_each("queue", 2 * each, now_ns() - started);
  require(item == 2 * each, "wrong item");
}

}  // namespace

int main(int argc, char** argv) {
  return perform_act(
      argc, argv, {{"timers", "N", timers}, {"timers_cancel", "N", timers_cancel}, {"queue", "N", queue_hand_over}});
}
