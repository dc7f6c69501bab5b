// Asio (https://think-async.com/Asio): a coroutine on an io_context offloads a call to an asio::thread_pool.
// Option: --form=co_spawn, the idiom of its documentation (the default), or --form=post, the leanest there is.
#include <chrono>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

#include "benchmarks/measure.hpp"
#include <asio.hpp>

namespace {

using namespace bench;
using asio::awaitable;

std::uint64_t (*work)(std::uint64_t) = call;  // what the pool does; set before there is one

// Runs a coroutine on the pool and awaits that.
struct co_spawn_form {
  asio::thread_pool& pool;

  awaitable<std::uint64_t> operator()(std::uint64_t n) const {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): co_spawn keeps the lambda.
    return asio::co_spawn(pool, [n]() -> awaitable<std::uint64_t> { co_return work(n); }, asio::use_awaitable);
  }
};

// Posts a function, which posts the completion back. The guard tells the loop that something is still to come.
struct post_form {
  asio::thread_pool& pool;

  awaitable<std::uint64_t> operator()(std::uint64_t n) const {
    return asio::async_initiate<const asio::use_awaitable_t<>, void(std::uint64_t)>(
        [](auto handler, asio::thread_pool* pool, std::uint64_t n) {
          auto loop = asio::get_associated_executor(handler);
          auto guard = asio::make_work_guard(loop);
          asio::post(*pool, [handler = std::move(handler), guard = std::move(guard), loop, n]() mutable {
            const auto result = work(n);
            asio::post(loop, [handler = std::move(handler), result]() mutable { std::move(handler)(result); });
          });
        },
        asio::use_awaitable, &pool, n);
  }
};

// An exception in a coroutine comes out of io_context::run.
void rethrow(const std::exception_ptr& failure) {
  if (failure) std::rethrow_exception(failure);
}

template <class Form> awaitable<void> sequence(Form offload, latency_record& record) {
  for (std::uint64_t i = 0; i < latency_record::warm_up; ++i) co_await offload(i);
  record.start();
  for (std::uint64_t i = 0; i < record.rounds(); ++i) {
    const auto started = now_ns();
    const auto result = co_await offload(i);
    record.add(now_ns() - started);
    require(result == i * i, "wrong result");
  }
  record.finish();
}

template <class Form> void latency(const arguments& a) {
  asio::io_context loop(1);
  asio::thread_pool pool(a[0]);
  latency_record record(a[1]);
  asio::co_spawn(loop, sequence(Form{pool}, record), rethrow);
  loop.run();
  record.print();
}

template <class Form> awaitable<void> stream(Form offload, std::uint64_t n, std::uint64_t& sum) {
  for (std::uint64_t i = 0; i < n; ++i) sum += co_await offload(i);
}

// IN_FLIGHT streams make N calls; gives the calls made and the time they took.
template <class Form> std::pair<std::uint64_t, std::uint64_t> run_streams(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  asio::io_context loop(1);
  asio::thread_pool pool(a[0]);
  std::uint64_t sum = 0;
  const auto started = now_ns();
  for (std::uint64_t i = 0; i < streams; ++i) asio::co_spawn(loop, stream(Form{pool}, each, sum), rethrow);
  loop.run();
  const auto elapsed = now_ns() - started;
  require(sum == streams * sum_of_calls(each), "wrong sum");
  return {streams * each, elapsed};
}

template <class Form> void throughput(const arguments& a) {
  const auto [calls, elapsed] = run_streams<Form>(a);
  report_throughput(calls, elapsed);
}

template <class Form> void efficiency(const arguments& a) {
  const auto [calls, elapsed] = run_streams<Form>(a);
  report_efficiency(calls, a[0], elapsed);
}

template <class Form>
awaitable<void> counted_stream(Form offload, std::uint64_t n, std::uint64_t& sum, std::uint64_t& running) {
  for (std::uint64_t i = 0; i < n; ++i) sum += co_await offload(i);
  --running;
}

awaitable<void> sleeps(const std::uint64_t& running, lateness_record& late) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  while (running > 0) {
    late.start();
    timer.expires_after(lateness_record::sleep);
    co_await timer.async_wait(asio::use_awaitable);
    late.add();
  }
}

template <class Form> void lateness(const arguments& a) {
  const auto streams = a[2];
  const auto each = a[1] / streams;
  asio::io_context loop(1);
  asio::thread_pool pool(a[0]);
  std::uint64_t sum = 0;
  auto running = streams;
  lateness_record late;
  asio::co_spawn(loop, sleeps(running, late), rethrow);
  for (std::uint64_t i = 0; i < streams; ++i)
    asio::co_spawn(loop, counted_stream(Form{pool}, each, sum, running), rethrow);
  loop.run();
  require(sum == streams * sum_of_calls(each), "wrong sum");
  late.print();
}

// The pool is shared; each loop has its streams.
template <class Form> void loops(const arguments& a) {
  const auto streams = a[2] / a[3];
  const auto each = a[1] / a[3] / streams;
  asio::thread_pool pool(a[0]);
  std::vector<std::uint64_t> sums(a[3]);
  std::vector<std::thread> threads;
  const auto started = now_ns();
  for (auto& sum : sums) {
    threads.emplace_back([&pool, &sum, streams, each] {
      asio::io_context loop(1);
      for (std::uint64_t i = 0; i < streams; ++i) asio::co_spawn(loop, stream(Form{pool}, each, sum), rethrow);
      loop.run();
    });
  }
  for (auto& t : threads) t.join();
  report_throughput(a[3] * streams * each, now_ns() - started);
  for (const auto sum : sums) require(sum == streams * sum_of_calls(each), "wrong sum");
}

template <class Form> awaitable<void> one_call(Form offload, std::uint64_t n, std::uint64_t& sum) {
  sum += co_await offload(n);
}

template <class Form> void at_once(const arguments& a) {
  asio::io_context loop(1);
  asio::thread_pool pool(a[0]);
  std::uint64_t sum = 0;
  const auto started = now_ns();
  for (std::uint64_t i = 0; i < a[1]; ++i) asio::co_spawn(loop, one_call(Form{pool}, i, sum), rethrow);
  loop.run();
  report_at_once(a[1], now_ns() - started);
  require(sum == sum_of_calls(a[1]), "wrong sum");
}

template <class Form> void naps(const arguments& a) {
  work = nap;
  std::uint64_t slept_ms = 0;
  const auto started = now_ns();
  {
    asio::io_context loop(1);
    asio::thread_pool pool(a[0]);
    for (std::uint64_t i = 0; i < a[1]; ++i) asio::co_spawn(loop, one_call(Form{pool}, a[2], slept_ms), rethrow);
    loop.run();
  }
  report_naps(now_ns() - started);
  require(slept_ms == a[1] * a[2], "wrong result");
}

template <class Form> void memory_of_call(const arguments& a) {
  const auto n = a[0];
  asio::io_context loop(1);
  asio::thread_pool pool(1);
  std::binary_semaphore held(0);
  std::binary_semaphore gate(0);
  asio::post(pool, [&] {
    held.release();
    gate.acquire();
  });
  held.acquire();
  std::uint64_t sum = 0;
  const memory_record record;
  for (std::uint64_t i = 0; i < n; ++i) asio::co_spawn(loop, stream(Form{pool}, 1, sum), rethrow);
  loop.poll();
  record.print("memory.call", n);
  gate.release();
  loop.run();
}

awaitable<void> sleeper() {
  asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::hours(1));
  co_await timer.async_wait(asio::use_awaitable);
}

void memory_of_sleep(const arguments& a) {
  const auto n = a[0];
  asio::io_context loop(1);
  const memory_record record;
  for (std::uint64_t i = 0; i < n; ++i) asio::co_spawn(loop, sleeper(), asio::detached);
  loop.poll();
  record.print("memory.sleep", n);
  std::_Exit(EXIT_SUCCESS);  // the sleepers end with the process
}

awaitable<void> hand_over(std::uint64_t n) {
  const auto loop = co_await asio::this_coro::executor;
  for (std::uint64_t i = 0; i < n; ++i) co_await asio::post(loop, asio::use_awaitable);
}

void task_switch(const arguments& a) {
  asio::io_context loop(1);
  const auto each = a[0] / 2;
  const auto started = now_ns();
  for (int i = 0; i < 2; ++i) asio::co_spawn(loop, hand_over(each), rethrow);
  loop.run();
  report_switch(2 * each, now_ns() - started);
}

void version(const arguments&) {
  std::printf("version\t%d.%d.%d\t\n", ASIO_VERSION / 100'000, ASIO_VERSION / 100 % 1000, ASIO_VERSION % 100);
}

template <class Form> int run(int argc, char** argv) {
  return perform_act(argc, argv,
                     {{"lat", "WORKERS N", latency<Form>},
                      {"thr", "WORKERS N IN_FLIGHT", throughput<Form>},
                      {"eff", "WORKERS N IN_FLIGHT WORK_US", efficiency<Form>},
                      {"late", "WORKERS N IN_FLIGHT WORK_US", lateness<Form>},
                      {"loops", "WORKERS N IN_FLIGHT LOOPS", loops<Form>},
                      {"at_once", "WORKERS N", at_once<Form>},
                      {"naps", "WORKERS N MS", naps<Form>},
                      {"mem_call", "N", memory_of_call<Form>},
                      {"mem_sleep", "N", memory_of_sleep},
                      {"switch", "N", task_switch},
                      {"version", "", version}});
}

}  // namespace

int main(int argc, char** argv) {
  const bool lean = argc > 2 && std::string_view(argv[argc - 1]) == "--form=post";
  return lean ? run<post_form>(argc, argv) : run<co_spawn_form>(argc, argv);
}
